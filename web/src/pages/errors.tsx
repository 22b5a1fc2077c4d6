export function ErrorsPage() {
    return <p class="empty">errors</p>;
}
