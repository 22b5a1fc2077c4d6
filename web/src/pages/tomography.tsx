export function TomographyPage(_: { project: { id: number } }) {
    return <p class="empty">tomography</p>;
}
