export function UsersPage() {
    return <p class="empty">users</p>;
}
