export function TryPage({ item }: { item: number }) {
    return <p class="empty">try of item {item}</p>;
}
