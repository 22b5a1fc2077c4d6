/* Which rows are ticked: one byte a row and an anchor, so that a range of 50,000 rows is one pass over an array.
 *
 * A locked row (an undersized scan, skipped automatically) is never ticked by a range or by "all", only by itself
 * (REQUIREMENTS B8, B9, X6).
 */
export type Locked = (row: number) => boolean;

export class Selection {
    private bits: Uint8Array;
    private ticked = 0;
    /** The row a range begins at: the one clicked last. -1: none yet. */
    anchor = -1;

    constructor(rows: number) {
        this.bits = new Uint8Array(rows);
    }

    get count(): number {
        return this.ticked;
    }

    has(row: number): boolean {
        return this.bits[row] === 1;
    }

    set(row: number, on: boolean): void {
        const bit = on ? 1 : 0;
        if (row >= 0 && row < this.bits.length && this.bits[row] !== bit) {
            this.bits[row] = bit;
            this.ticked += on ? 1 : -1;
        }
    }

    /** A click: the row's state turns and ranges begin here. */
    toggle(row: number): void {
        this.set(row, !this.has(row));
        this.anchor = row;
    }

    clear(): void {
        this.bits.fill(0);
        this.ticked = 0;
    }

    /** Set order[from..to], in either direction, but for locked rows; returns how many of those were left out. */
    range(order: Int32Array, from: number, to: number, on: boolean, locked: Locked): number {
        const { bits } = this;
        const last = Math.min(Math.max(from, to), order.length - 1);
        const bit = on ? 1 : 0;
        let left = 0;
        let turned = 0;
        for (let at = Math.max(0, Math.min(from, to)); at <= last; at++) {
            const row = order[at] ?? -1;
            if (bits[row] !== 1 - bit) {
                continue;
            }
            if (on && locked(row)) {
                left++;
            } else {
                bits[row] = bit;
                turned++;
            }
        }
        this.ticked += on ? turned : -turned;
        return left;
    }

    /** The ticked rows, in the order of the data. */
    rows(): number[] {
        const out: number[] = [];
        for (let row = 0; row < this.bits.length; row++) {
            if (this.bits[row] === 1) {
                out.push(row);
            }
        }
        return out;
    }

    /** The data were loaded anew: `was` gives a new row's old number, or -1. */
    remap(rows: number, was: (row: number) => number): void {
        const before = this.bits;
        const anchor = this.anchor;
        this.bits = new Uint8Array(rows);
        this.ticked = 0;
        this.anchor = -1;
        for (let row = 0; row < rows; row++) {
            const old = was(row);
            if (old >= 0 && before[old] === 1) {
                this.set(row, true);
            }
            if (old >= 0 && old === anchor) {
                this.anchor = row;
            }
        }
    }
}
