export function LoginPage() {
    return <p class="empty">login</p>;
}
