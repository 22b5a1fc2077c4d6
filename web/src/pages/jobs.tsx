export function JobsPage(_: { run?: number }) {
    return <p class="empty">jobs</p>;
}
