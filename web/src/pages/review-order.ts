/* Which scans a centre review shows, in which order, and what is checked. Plain functions over plain
 * rows; the page is review.tsx.
 *
 * A scan is checked when a person has said its centre: the source of its centre is "manual". So what
 * is checked is kept where the centres are, and survives everything.
 */

export interface ReviewRow {
    id: number;
    name: string;
    series: string;
    index: number;
    cor: number | null;
    source: string | null;
    confidence: number | null;
}

export function isChecked(row: ReviewRow): boolean {
    return row.source === 'manual' && row.cor !== null;
}

/** How urgently a row wants to be seen: nobody knows how good its centre is, then low confidence. */
function doubt(row: ReviewRow): number {
    if (isChecked(row)) {
        return 2;
    }
    return row.confidence ?? -1;
}

/** Series stay together; the series with the least certain scan comes first, and so within it. */
export function reviewOrder(rows: readonly ReviewRow[]): number[] {
    const least = new Map<string, number>();
    for (const row of rows) {
        least.set(row.series, Math.min(least.get(row.series) ?? Infinity, doubt(row)));
    }
    const compare = (a: ReviewRow, b: ReviewRow): number =>
        (a.series === b.series ? 0 : least.get(a.series)! - least.get(b.series)! || (a.series < b.series ? -1 : 1)) ||
        doubt(a) - doubt(b) ||
        a.index - b.index ||
        a.id - b.id;
    return [...rows].sort(compare).map((row) => row.id);
}

/** The order of an earlier visit: accepting must not move a scan under one's hands, nor a reload.
 *  New rows come last in their own order; rows that are gone leave. */
export function keepOrder(before: readonly number[], rows: readonly ReviewRow[]): number[] {
    const there = new Set(rows.map((row) => row.id));
    const kept = before.filter((id) => there.has(id));
    const known = new Set(kept);
    return [...kept, ...reviewOrder(rows.filter((row) => !known.has(row.id)))];
}

/** The index of the centre nearest to the value; 0 when there is none. */
export function nearestCentre(centres: readonly number[], value: number | null | undefined): number {
    let best = 0;
    if (value === null || value === undefined || !Number.isFinite(value)) {
        return Math.floor((centres.length - 1) / 2);
    }
    centres.forEach((centre, i) => {
        if (Math.abs(centre - value) < Math.abs(centres[best]! - value)) {
            best = i;
        }
    });
    return best;
}

/** Next row after `at` that is not checked, going round; `at` itself when all are. */
export function nextUnchecked(order: readonly number[], at: number, checked: (id: number) => boolean): number {
    for (let step = 1; step < order.length; step++) {
        const i = (at + step) % order.length;
        if (!checked(order[i]!)) {
            return i;
        }
    }
    return at;
}
