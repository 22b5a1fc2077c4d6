/* Which rows are shown, and in what order: an array of row numbers, filtered and sorted. When rows change while they
 * are shown, only those are taken out and merged back in: sorting 100,000 rows at every change would be felt.
 */
export type Compare = (a: number, b: number) => number;
export type Accept = (row: number) => boolean;

export class View {
    /** Row numbers in the order shown. */
    order = new Int32Array(0);
    /** Where a row is shown, -1: nowhere. */
    private place = new Int32Array(0);
    private rows = 0;
    private accept: Accept | null = null;
    private compare: Compare | null = null;

    get length(): number {
        return this.order.length;
    }

    row(at: number): number {
        return this.order[at] ?? -1;
    }

    position(row: number): number {
        return this.place[row] ?? -1;
    }

    /** Begin anew with so many rows; null: all of them, in the order of the data. */
    build(rows: number, accept: Accept | null, compare: Compare | null): void {
        this.rows = rows;
        this.accept = accept;
        this.compare = compare;
        const order = new Int32Array(rows);
        let count = 0;
        for (let row = 0; row < rows; row++) {
            if (!accept || accept(row)) {
                order[count++] = row;
            }
        }
        this.order = order.slice(0, count);
        if (compare) {
            this.order.sort((a, b) => compare(a, b) || a - b);
        }
        this.index();
    }

    /** Rows have changed: put each where it belongs now. False: nothing moved. */
    update(changed: readonly number[]): boolean {
        if (changed.every((row) => row >= this.rows || this.fits(row))) {
            return false;
        }
        // All of them, not only those that do not fit: a row may fit beside another that is about to go.
        const out = new Set(changed.filter((row) => row < this.rows));
        const stay = this.order.filter((row) => !out.has(row));
        const come = [...out].filter((row) => !this.accept || this.accept(row)).sort((a, b) => this.before(a, b));
        this.order = this.merge(stay, come);
        this.index();
        return true;
    }

    private before(a: number, b: number): number {
        return (this.compare ? this.compare(a, b) : 0) || a - b;
    }

    private fits(row: number): boolean {
        const at = this.position(row);
        const shown = !this.accept || this.accept(row);
        if (!shown || at < 0) {
            return !shown && at < 0;
        }
        const previous = this.order[at - 1];
        const next = this.order[at + 1];
        return (previous === undefined || this.before(previous, row) < 0) && (next === undefined || this.before(row, next) < 0);
    }

    private merge(stay: Int32Array, come: number[]): Int32Array<ArrayBuffer> {
        const out = new Int32Array(stay.length + come.length);
        let at = 0;
        let next = 0;
        for (const row of stay) {
            for (let first = come[next]; first !== undefined && this.before(first, row) < 0; first = come[next]) {
                out[at++] = first;
                next++;
            }
            out[at++] = row;
        }
        while (next < come.length) {
            out[at++] = come[next++] ?? -1;
        }
        return out;
    }

    private index(): void {
        if (this.place.length < this.rows) {
            this.place = new Int32Array(this.rows);
        }
        this.place.fill(-1);
        for (let at = 0; at < this.order.length; at++) {
            this.place[this.order[at] ?? 0] = at;
        }
    }
}
