/* The scans of one project in columns: typed arrays for numbers, one array of strings for names, words kept once.
 * 100,000 scans cost about 20 MB so; as objects they would cost several times that.
 *
 * fetch() and fill() replace everything; apply() takes the rows of a live event; both tell which rows changed.
 */
import { get } from './api';
import { groupNumber, GROUPS, type Group } from './groups';
import type { ItemRow } from './live';

const PAGE = 20_000; // the most rows that the server gives at once

type Cell = string | number | boolean | null | number[] | string[];
export type Columns = Record<string, Cell[] | undefined>;

type Numbers = Int32Array | Uint8Array | Float32Array | Float64Array;

interface ColumnsPage {
    total: number;
    seq: number | string;
    columns: Columns;
}

/** Words that repeat (series, status, place): each text once, rows hold its number. */
class Words {
    readonly text: string[] = [''];
    private readonly numbers = new Map<string, number>([['', 0]]);

    number(text: string | null | undefined): number {
        const word = text ?? '';
        let at = this.numbers.get(word);
        if (at === undefined) {
            at = this.text.length;
            this.text.push(word);
            this.numbers.set(word, at);
        }
        return at;
    }
}

const SKIPPED = 1;
const AUTO = 2;
const ENABLED = 4;
const DISABLED = 8;
const OWN = 16;
const GONE = 32;

function flagsOf(skipped: unknown, auto: unknown, enabled: unknown, own: unknown): number {
    return (
        (skipped ? SKIPPED : 0) |
        (auto ? AUTO : 0) |
        (enabled === true ? ENABLED : enabled === false ? DISABLED : 0) |
        (own ? OWN : 0)
    );
}

/** into[row...] = a column's numbers, `otherwise` where there is none. */
function numbers(into: Numbers, row: number, column: Cell[] | undefined, count: number, otherwise: number): void {
    for (let at = 0; at < count; at++) {
        const value = column?.[at];
        into[row + at] = typeof value === 'number' ? value : otherwise;
    }
}

/** into[row...] = the numbers of a column's words; neighbours mostly have the same, which is then not looked up. */
function words(
    into: Numbers, row: number, column: Cell[] | undefined, count: number, number: (text: string | null | undefined) => number,
): void {
    let last: string | null | undefined;
    let known = number(last);
    for (let at = 0; at < count; at++) {
        const text = column?.[at] as string | null | undefined;
        if (text !== last) {
            last = text;
            known = number(text);
        }
        into[row + at] = known;
    }
}

export class ItemTable {
    rows = 0;
    id = new Int32Array(0);
    name: string[] = [];
    index = new Int32Array(0);
    size = new Float64Array(0);
    shape = new Int32Array(0); // three a row
    cor = new Float64Array(0);
    confidence = new Float32Array(0);
    progress = new Float32Array(0);
    group = new Uint8Array(0);
    task = new Int32Array(0);
    /** Rows of each group that are on the list. */
    counts = new Int32Array(GROUPS.length);
    /** How many are on the list. */
    listed = 0;

    private series = new Int32Array(0);
    private status = new Int32Array(0);
    private state = new Int32Array(0);
    private source = new Int32Array(0);
    private place = new Int32Array(0);
    private reason = new Int32Array(0);
    private tint = new Uint8Array(0);
    private flags = new Uint8Array(0);
    private readonly words = new Words();
    private byId = new Map<number, number>();

    constructor(readonly project: number) {}

    seriesOf(row: number): string {
        return this.words.text[this.series[row] ?? 0] ?? '';
    }

    statusOf(row: number): string {
        return this.words.text[this.status[row] ?? 0] ?? '';
    }

    stateOf(row: number): string {
        return this.words.text[this.state[row] ?? 0] ?? '';
    }

    sourceOf(row: number): string {
        return this.words.text[this.source[row] ?? 0] ?? '';
    }

    placeOf(row: number): string {
        return this.words.text[this.place[row] ?? 0] ?? '';
    }

    reasonOf(row: number): string {
        return this.words.text[this.reason[row] ?? 0] ?? '';
    }

    groupOf(row: number): Group {
        return GROUPS[this.group[row] ?? 0] ?? 'idle';
    }

    /** Six colours in turn, another one at each change of series down the list (D4). */
    tintOf(row: number): number {
        return this.tint[row] ?? 0;
    }

    skipped(row: number): boolean {
        return (this.flag(row) & SKIPPED) !== 0;
    }

    /** Left out by itself (undersized, unreadable), and nobody has said otherwise. */
    autoSkipped(row: number): boolean {
        return (this.flag(row) & (AUTO | ENABLED)) === AUTO;
    }

    enabled(row: number): boolean | null {
        const flag = this.flag(row);
        return flag & ENABLED ? true : flag & DISABLED ? false : null;
    }

    /** Has parameters of its own beside the centre. */
    own(row: number): boolean {
        return (this.flag(row) & OWN) !== 0;
    }

    gone(row: number): boolean {
        return (this.flag(row) & GONE) !== 0;
    }

    private flag(row: number): number {
        return this.flags[row] ?? 0;
    }

    rowOf(id: number): number {
        return this.byId.get(id) ?? -1;
    }

    /** Fetch the whole list, for fill(). */
    async fetch(signal: AbortSignal, progress?: (rows: number, total: number) => void): Promise<Columns[]> {
        const pages: Columns[] = [];
        let rows = 0;
        for (let total = 1; rows < total;) {
            const page = await get<ColumnsPage>(
                'items',
                { project: this.project, shape: 'columns', sort: 'series', offset: rows, limit: PAGE },
                signal,
            );
            const got = page.columns.id?.length ?? 0;
            total = got === 0 ? 0 : page.total;
            rows += got;
            pages.push(page.columns);
            progress?.(rows, page.total);
        }
        return pages;
    }

    /** Replace everything by pages of columns. Returns a function from a new row to its old one (-1: new). */
    fill(pages: Columns[]): (row: number) => number {
        const rows = pages.reduce((sum, page) => sum + (page.id?.length ?? 0), 0);
        const before = this.byId;
        this.allot(rows);
        let row = 0;
        for (const page of pages) {
            this.take(row, page);
            row += page.id?.length ?? 0;
        }
        this.colour();
        this.count();
        return (now) => before.get(this.id[now] ?? -1) ?? -1;
    }

    private allot(rows: number): void {
        this.rows = rows;
        this.name = new Array<string>(rows);
        this.id = new Int32Array(rows);
        this.index = new Int32Array(rows);
        this.size = new Float64Array(rows);
        this.shape = new Int32Array(rows * 3);
        this.cor = new Float64Array(rows);
        this.confidence = new Float32Array(rows);
        this.progress = new Float32Array(rows);
        this.group = new Uint8Array(rows);
        this.task = new Int32Array(rows);
        this.series = new Int32Array(rows);
        this.status = new Int32Array(rows);
        this.state = new Int32Array(rows);
        this.source = new Int32Array(rows);
        this.place = new Int32Array(rows);
        this.reason = new Int32Array(rows);
        this.tint = new Uint8Array(rows);
        this.flags = new Uint8Array(rows);
        this.byId = new Map();
    }

    /** One page from `row` on, column by column: each loop then meets values of one kind, which is twice as fast. */
    private take(row: number, page: Columns): void {
        const ids = (page.id ?? []) as number[];
        const count = ids.length;
        this.id.set(ids, row);
        for (let at = 0; at < count; at++) {
            this.byId.set(ids[at] as number, row + at);
        }
        const name = page.name ?? [];
        const shape = page.shape ?? [];
        for (let at = 0; at < count; at++) {
            this.name[row + at] = name[at] as string;
            const sizes = shape[at] as number[] | null | undefined;
            if (sizes) {
                this.shape.set(sizes, 3 * (row + at));
            }
            this.flags[row + at] = flagsOf(page.skipped?.[at], page.auto_skip?.[at], page.enabled?.[at], page.own?.[at]);
        }
        numbers(this.index, row, page.index, count, 0);
        numbers(this.size, row, page.size, count, NaN);
        numbers(this.cor, row, page.cor, count, NaN);
        numbers(this.confidence, row, page.confidence, count, NaN);
        numbers(this.progress, row, page.progress, count, NaN);
        numbers(this.task, row, page.task, count, 0);
        words(this.group, row, page.group, count, groupNumber);
        const number = (text: string | null | undefined) => this.words.number(text);
        words(this.series, row, page.series, count, number);
        words(this.status, row, page.status, count, number);
        words(this.state, row, page.state, count, number);
        words(this.source, row, page.cor_source, count, number);
        words(this.place, row, page.place, count, number);
        words(this.reason, row, page.skip_reason, count, number);
    }

    private colour(): void {
        let tint = 0;
        for (let row = 1; row < this.rows; row++) {
            if (this.series[row] !== this.series[row - 1]) {
                tint = (tint + 1) % 6;
            }
            this.tint[row] = tint;
        }
    }

    private count(): void {
        this.counts.fill(0);
        this.listed = 0;
        for (let row = 0; row < this.rows; row++) {
            this.tally(row, 1);
        }
    }

    private tally(row: number, by: number): void {
        if (!this.gone(row)) {
            const group = this.group[row] ?? 0;
            this.counts[group] = (this.counts[group] ?? 0) + by;
            this.listed += by;
        }
    }

    /** Rows of a live event. Returns the rows that changed; ids that are not on the list go to `unknown`. */
    apply(events: readonly ItemRow[], unknown: number[]): number[] {
        const changed: number[] = [];
        for (const event of events) {
            const row = this.rowOf(event[0]);
            if (event[12]) {
                continue; // a subject or a study: it is on another page's list
            }
            if (row < 0) {
                unknown.push(event[0]);
                continue;
            }
            this.tally(row, -1);
            const [, status, group, state, progress, cor, source, confidence, enabled, skipped, place, task] = event;
            this.status[row] = this.words.number(status);
            this.group[row] = groupNumber(group);
            this.state[row] = this.words.number(state);
            this.progress[row] = progress ?? NaN;
            this.cor[row] = cor ?? NaN;
            this.source[row] = this.words.number(source);
            this.confidence[row] = confidence ?? NaN;
            this.flags[row] = flagsOf(skipped, this.flag(row) & AUTO, enabled, this.flag(row) & OWN);
            this.place[row] = this.words.number(place);
            this.task[row] = task ?? 0;
            this.tally(row, 1);
            changed.push(row);
        }
        return changed;
    }

    /** A value that was typed here, before the server has confirmed it. */
    setCor(row: number, cor: number | null): void {
        this.cor[row] = cor ?? NaN;
        this.source[row] = this.words.number(cor === null ? '' : 'manual');
    }

    remove(ids: readonly number[]): number[] {
        const changed: number[] = [];
        for (const id of ids) {
            const row = this.rowOf(id);
            if (row >= 0 && !this.gone(row)) {
                this.tally(row, -1);
                this.flags[row] = this.flag(row) | GONE;
                changed.push(row);
            }
        }
        return changed;
    }

    ids(rows: readonly number[]): number[] {
        return rows.map((row) => this.id[row] ?? 0);
    }

    names(rows: readonly number[]): string[] {
        return rows.map((row) => this.name[row] ?? '');
    }

    /** "1500×2048×2448": frames, rows, columns. */
    shapeText(row: number): string {
        const frames = this.shape[3 * row];
        return frames ? `${frames}×${this.shape[3 * row + 1]}×${this.shape[3 * row + 2]}` : '';
    }
}
