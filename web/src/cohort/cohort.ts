/* What the Cohorts page shows of one project: the table of one level, its filter bars, which rows are ticked. It lives on
 * while other pages are looked at and follows the events meanwhile. */
import { signal } from '@preact/signals';
import { errorText, get, post } from '../api';
import type { Grid } from '../grid/vgrid';
import { on, type ItemRow } from '../live';
import { recall, remember } from '../state';
import { toast } from '../ui/toast';
import type { Level } from './model';
import { StudyTable } from './studies';

const RELOAD_MS = 400; // new rows come in bursts while a folder is read
const TYPING_MS = 180;
const AGAIN_MS = 1000; // a filter that asks for jobs is asked again when jobs have changed

interface Fit {
    ids: number[];
}

export class Cohort {
    table: StudyTable;
    grid: Grid | null = null;

    readonly level = signal<Level>('study');
    readonly loading = signal(true);
    readonly failed = signal('');
    readonly turn = signal(0);
    readonly selected = signal(0);
    readonly shown = signal(0);
    readonly filters = [signal(''), signal('')] as const;
    /** Why a filter cannot be read; '' when it can. */
    readonly refused = [signal(''), signal('')] as const;
    /** Attributes that have a column. */
    readonly attributes = signal<string[]>([]);
    /** Turns over when the columns must be made anew. */
    readonly made = signal(0);
    /** Item whose row the keys act on, 0: none. */
    readonly focused = signal(0);

    private fitting: Set<number> | null = null;
    private fetching: AbortController | null = null;
    private asking: AbortController | null = null;
    private late: ItemRow[] | null = null;
    private timer = 0;
    private typing = 0;
    private again = 0;
    private drawing = false;
    private readonly ends: (() => void)[] = [];
    private kept: number[] = [];

    constructor(readonly project: number) {
        const level = recall(`gantry.cohort.${project}.level`);
        this.level.value = level === 'subject' ? 'subject' : 'study';
        this.attributes.value = recall(`gantry.cohort.${project}.attributes`).split('\n').filter(Boolean);
        this.table = new StudyTable(project, this.level.value);
        this.ends.push(
            on('items', (event) => event.project === project && this.changed(event.rows)),
            on('gone', (event) => event.project === project && this.removed(event.ids)),
            on('more', (event) => event.project === project && this.reloadSoon()),
            on('reset', () => this.reloadSoon()),
        );
        void this.load();
    }

    close(): void {
        this.fetching?.abort();
        this.asking?.abort();
        clearTimeout(this.timer);
        clearTimeout(this.typing);
        clearTimeout(this.again);
        this.ends.forEach((end) => end());
    }

    attach(grid: Grid): () => void {
        this.grid = grid;
        grid.setRows(this.table.rows);
        this.show();
        this.restore();
        const at = grid.view.position(this.table.rowOf(this.focused.value));
        if (at >= 0) {
            grid.focusOn(at);
        }
        this.turned();
        return () => {
            this.kept = this.kept.length > 0 ? this.kept : this.table.ids(this.picked());
            this.grid = null;
        };
    }

    setLevel(level: Level): void {
        if (level === this.level.value) {
            return;
        }
        this.level.value = level;
        remember(`gantry.cohort.${this.project}.level`, level);
        this.table = new StudyTable(this.project, level);
        this.kept = [];
        this.focused.value = 0;
        this.selected.value = 0;
        this.loading.value = true;
        this.made.value++;
        this.grid?.setRows(0);
        void this.load();
        this.ask(0);
    }

    setAttributes(keys: string[]): void {
        this.attributes.value = keys;
        remember(`gantry.cohort.${this.project}.attributes`, keys.join('\n'));
        this.made.value++;
    }

    async load(): Promise<void> {
        this.fetching?.abort();
        const fetching = new AbortController();
        this.fetching = fetching;
        this.late = [];
        const table = this.table;
        try {
            const columns = await table.fetch(fetching.signal);
            if (fetching.signal.aborted) {
                return;
            }
            const described = table.described;
            const first = table.rows === 0 && this.attributes.value.length > 0; // are they numbers? Now it can be seen
            const was = table.fill(columns);
            this.grid?.setRows(table.rows, was);
            if (table.described !== described || first) {
                this.made.value++; // another set of columns
            }
            const late = this.late;
            this.late = null;
            this.changed(late);
            this.failed.value = '';
            this.ask(0);
            this.restore();
            this.turned();
        } catch (error) {
            if (fetching.signal.aborted) {
                return;
            }
            this.late = null;
            this.failed.value = errorText(error);
        }
        this.loading.value = false;
    }

    reloadSoon(wait = RELOAD_MS): void {
        if (this.timer && wait >= RELOAD_MS) {
            return; // not later for every further event: they may never cease
        }
        clearTimeout(this.timer);
        this.timer = window.setTimeout(() => {
            this.timer = 0;
            void this.load();
        }, wait);
    }

    private changed(rows: readonly ItemRow[]): void {
        if (this.late) {
            this.late.push(...rows);
            return;
        }
        const unknown: number[] = [];
        const changed = this.table.apply(rows, unknown);
        if (changed.length > 0) {
            this.grid?.touch(changed);
            this.turned();
            if (this.filters.some((text) => /job:/i.test(text.value))) {
                this.again ||= window.setTimeout(() => {
                    this.again = 0;
                    this.ask(0);
                }, AGAIN_MS);
            }
        }
        if (unknown.length > 0) {
            this.reloadSoon();
        }
    }

    private removed(ids: readonly number[]): void {
        const rows = this.table.remove(ids);
        rows.forEach((row) => this.grid?.selection.set(row, false));
        this.grid?.touch(rows);
        this.selected.value = this.grid?.selection.count ?? 0;
        this.turned();
    }

    turned(): void {
        if (!this.drawing) {
            this.drawing = true;
            requestAnimationFrame(() => {
                this.drawing = false;
                this.turn.value++;
                this.shown.value = this.grid?.view.length ?? 0;
            });
        }
    }

    setFilter(which: 0 | 1, text: string): void {
        this.filters[which].value = text;
        this.ask(TYPING_MS);
    }

    /** Which rows fit is the server's word: one grammar for the page, the command line and the API (Q1, Q2). */
    private ask(wait: number): void {
        clearTimeout(this.typing);
        this.typing = window.setTimeout(() => void this.askNow(), wait);
    }

    private async askNow(): Promise<void> {
        this.asking?.abort();
        const asking = new AbortController();
        this.asking = asking;
        const lists: Fit[] = [];
        for (const which of [0, 1] as const) {
            const filter = this.filters[which].value.trim();
            this.refused[which].value = '';
            if (filter === '') {
                continue;
            }
            try {
                const query = { project: this.project, level: this.level.value, filter, shape: 'ids' };
                lists.push(await get<Fit>('studies', query, asking.signal));
            } catch (error) {
                if (asking.signal.aborted) {
                    return;
                }
                this.refused[which].value = errorText(error);
            }
            if (asking.signal.aborted) {
                return;
            }
        }
        const [first, second] = lists.map((list) => new Set(list.ids));
        this.fitting = first && second ? new Set([...first].filter((id) => second.has(id))) : (first ?? null);
        this.show();
    }

    private show(): void {
        const { table, fitting } = this;
        this.grid?.show((row) => !table.gone(row) && (!fitting || fitting.has(table.id(row))));
        this.shown.value = this.grid?.view.length ?? 0;
    }

    picked(): number[] {
        return (this.grid?.selection.rows() ?? []).filter((row) => !this.table.gone(row));
    }

    pickedIds(): number[] {
        return this.table.ids(this.picked());
    }

    /** Ticked rows that the filter hides. */
    hidden(): number {
        return this.picked().filter((row) => (this.grid?.view.position(row) ?? 0) < 0).length;
    }

    /** What a preview looks at: the ticked rows, else those shown. */
    aimed(): number[] {
        const picked = this.pickedIds();
        return picked.length > 0 || !this.grid ? picked : this.table.ids([...this.grid.view.order]);
    }

    pickedOrWarn(): number[] {
        const ids = this.pickedIds();
        if (ids.length === 0) {
            toast(`No ${this.level.value === 'study' ? 'studies' : 'subjects'} selected.`, 'warning');
        }
        return ids;
    }

    /** Put the keys on a row without ticking it: its files are shown. */
    look(id: number): void {
        const at = this.grid?.view.position(this.table.rowOf(id)) ?? -1;
        if (at >= 0) {
            this.grid?.focusOn(at);
        }
        this.focused.value = id;
    }

    /** N7: tick these and show the first. */
    select(ids: readonly number[]): void {
        this.kept = [...ids];
        if (ids.some((id) => this.table.rowOf(id) < 0 || (this.fitting && !this.fitting.has(id)))) {
            this.filters.forEach((text) => (text.value = ''));
            this.fitting = null;
            this.show();
        }
        this.focused.value = ids[0] ?? 0;
        this.restore();
    }

    unselect(ids: readonly number[]): void {
        for (const id of ids) {
            this.grid?.selection.set(this.table.rowOf(id), false);
        }
        this.grid?.select(this.picked());
    }

    private restore(): void {
        if (!this.grid || this.kept.length === 0 || this.table.rows === 0) {
            return;
        }
        const rows = this.kept.map(this.table.rowOf).filter((row) => row >= 0);
        if (rows.length > 0) {
            this.grid.select(rows);
            this.kept = [];
        }
    }

    async tag(domain: 'study' | 'subject', rows: readonly number[], tag: string, add: boolean): Promise<void> {
        const { table } = this;
        const ids = domain === 'subject' ? [...new Set(rows.map(table.subject))] : table.ids(rows);
        await post('tags/change', { project: this.project, domain, ids, tags: [tag], add });
        const touched = domain === 'subject' ? this.rowsOfSubjects(new Set(ids)) : [...rows];
        for (const row of touched) {
            const before = domain === 'subject' ? table.subjectTags(row) : table.tags(row);
            const rest = before.filter((one) => one !== tag);
            table.setTags(row, domain, add ? [...rest, tag].sort() : rest);
        }
        this.grid?.touch(touched);
        this.turned();
        this.ask(0);
    }

    private rowsOfSubjects(ids: ReadonlySet<number>): number[] {
        const rows: number[] = [];
        for (let row = 0; row < this.table.rows; row++) {
            if (ids.has(this.table.subject(row))) {
                rows.push(row);
            }
        }
        return rows;
    }
}

let open: Cohort | null = null;

export function cohortOf(project: number): Cohort {
    if (open?.project !== project) {
        open?.close();
        open = new Cohort(project);
    }
    return open;
}
