/* A list of the server's, read in pages, shown by a grid that sorts and filters it here; its rows are changed by events. */
import { signal } from '@preact/signals';
import { errorText, get, type Query } from '../api';
import type { Column } from '../grid/column';
import { setText } from '../grid/column';
import type { Grid } from '../grid/vgrid';
import { order, words, type Text } from './order';

const PAGE = 1000; // the most that the server gives at once
const LEAST_WAIT_MS = 400;
const SHARE = 10; // reading anew may take a tenth of the time

interface Page<T> {
    total?: number;
    rows: T[];
}

/** All rows of a list, page by page. Behind a row's number (`mark`) the server need not order the whole list for each page.
 * `began` gets what has come of it so far. */
export async function allOf<T extends { id: number; task?: unknown }>(
    path: string,
    mark: 'id' | 'task' | null,
    signal?: AbortSignal,
    began?: (list: T[]) => void,
): Promise<T[]> {
    const list: T[] = [];
    for (let total = 1; list.length < total;) {
        const from: Query = mark ? { after: Number(list.at(-1)?.[mark] ?? 0) } : { offset: list.length };
        const page = await get<Page<T>>(path, { ...from, limit: PAGE }, signal);
        total = page.rows.length === 0 ? 0 : (page.total ?? total);
        for (const row of page.rows) {
            list.push(row);
        }
        if (list.length < total) {
            began?.(list);
        }
    }
    return list;
}

export class Rows<T extends { id: number }> {
    list: T[] = [];
    grid: Grid | null = null;
    readonly loading = signal(true);
    readonly failed = signal('');
    readonly selected = signal(0);
    /** Turns over when rows have changed. */
    readonly turn = signal(0);

    private byId = new Map<number, number>();
    private fetching: AbortController | null = null;
    private timer = 0;
    private tookMs = 0;
    private drawing = false;

    constructor(
        private readonly path: string,
        private readonly mark: 'id' | 'task' | null = null,
    ) {}

    rowOf = (id: number): number => this.byId.get(id) ?? -1;

    picked(): T[] {
        return (this.grid?.selection.rows() ?? []).flatMap((row) => this.list[row] ?? []);
    }

    /** False: another reading took its place, or it failed. */
    async load(): Promise<boolean> {
        this.fetching?.abort();
        const fetching = new AbortController();
        this.fetching = fetching;
        const began = Date.now();
        try {
            const first = (list: T[]) => this.list.length === 0 && this.fill([...list]); // something to look at while the rest comes
            const list = await allOf<T>(this.path, this.mark, fetching.signal, first);
            this.tookMs = Date.now() - began;
            this.fill(list);
            this.failed.value = '';
        } catch (error) {
            if (fetching.signal.aborted) {
                return false;
            }
            this.failed.value = errorText(error);
        }
        this.loading.value = false;
        return this.failed.value === '';
    }

    /** Read anew in a while: events come with every task. */
    loadSoon(): void {
        if (!this.timer) {
            this.timer = window.setTimeout(() => {
                this.timer = 0;
                void this.load();
            }, Math.max(LEAST_WAIT_MS, SHARE * this.tookMs));
        }
    }

    close(): void {
        this.fetching?.abort();
        clearTimeout(this.timer);
    }

    /** These rows have changed. */
    touch(rows: readonly number[]): void {
        if (rows.length > 0) {
            this.grid?.touch(rows);
            this.turned();
        }
    }

    /** Put a row in the place of the one with its id; false: there is none. */
    put(row: T): boolean {
        const at = this.rowOf(row.id);
        if (at >= 0) {
            this.list[at] = row;
            this.touch([at]);
        }
        return at >= 0;
    }

    /** The table is there: it shows these rows until the function that comes back is called. */
    attach(grid: Grid): () => void {
        this.grid = grid;
        grid.onView = () => this.turned();
        grid.setRows(this.list.length);
        return () => {
            this.grid = null;
        };
    }

    private fill(list: T[]): void {
        const before = this.byId;
        this.list = list;
        this.byId = new Map(list.map((one, row) => [one.id, row]));
        this.grid?.setRows(list.length, (row) => before.get(list[row]?.id ?? -1) ?? -1);
        this.turned();
    }

    private turned(): void {
        if (!this.drawing) {
            this.drawing = true;
            requestAnimationFrame(() => {
                this.drawing = false;
                this.turn.value++;
            });
        }
    }
}

/** A column of one value of each row, sorted and filtered by it. `then` decides between equal ones. */
export function valueColumn<T extends { id: number }>(
    rows: Rows<T>,
    pick: (one: T) => Text,
    more: Pick<Column, 'key' | 'title' | 'width'> & Partial<Column>,
    then: (one: T) => Text = () => 0,
): Column {
    const at = (row: number): Text => {
        const one = rows.list[row];
        return one && pick(one);
    };
    const second = (row: number): Text => {
        const one = rows.list[row];
        return one && then(one);
    };
    return {
        compare: (a, b) => order(at(a), at(b)) || order(second(a), second(b)),
        match: (row, typed) => words(at(row)).toLowerCase().includes(typed),
        draw: (cell, row) => setText(cell, words(at(row))),
        ...more,
    };
}
