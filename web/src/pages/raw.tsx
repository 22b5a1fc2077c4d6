export function RawPage({ item }: { item: number }) {
    return <p class="empty">raw of item {item}</p>;
}
