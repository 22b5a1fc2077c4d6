export function FullPage({ item }: { item: number }) {
    return <p class="empty">full of item {item}</p>;
}
