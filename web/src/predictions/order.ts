/* Values of cells in order. */
export type Text = string | number | null | undefined;

export function words(value: Text): string {
    return value === null || value === undefined ? '' : String(value);
}

/** Without a value last; numbers by size, texts by their letters. */
export function order(a: Text, b: Text): number {
    const none = Number(words(a) === '') - Number(words(b) === '');
    return none || (typeof a === 'number' && typeof b === 'number' ? a - b : words(a) < words(b) ? -1 : words(a) > words(b) ? 1 : 0);
}
