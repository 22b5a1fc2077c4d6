/* What the batch table shows of one project and what can be done with it. It lives on while other pages are looked at,
 * so that ticks and filters are there when one comes back, and follows the events meanwhile.
 */
import { signal } from '@preact/signals';
import { del, errorText, patch, post } from '../api';
import type { Grid } from '../grid/vgrid';
import { GROUPS, type Group } from '../groups';
import { ItemTable } from '../items';
import { on, type ItemRow } from '../live';
import { finiteNumber } from '../words';
import { toast, toastError } from '../ui/toast';

const RELOAD_MS = 400; // new rows come in bursts while a folder is read
const GROWN_MS = 2000; // a scan is read once it has been written

interface CorUndo {
    id: number;
    cor: number | null;
    cor_source: string | null;
}

interface PatchAnswer {
    items: number;
    warnings?: string[];
    undo?: CorUndo[];
}

export class Batch {
    readonly table: ItemTable;
    grid: Grid | null = null;

    readonly loading = signal<string | null>('Reading the list…');
    readonly failed = signal('');
    /** Turns over whenever counts have changed. */
    readonly turn = signal(0);
    readonly selected = signal(0);
    readonly shown = signal(0);
    readonly text = signal('');
    readonly group = signal<Group | null>(null);
    readonly topCor = signal('');
    readonly maxDelta = signal('50');
    /** Item whose row the keys act on, 0: none. */
    readonly focused = signal(0);

    private readonly undo: CorUndo[][] = [];
    private fetching: AbortController | null = null;
    private late: ItemRow[] | null = null;
    private timer = 0;
    private drawing = false;
    private readonly ends: (() => void)[] = [];
    /** Ids that were ticked when the table was left. */
    private kept: number[] = [];

    constructor(readonly project: number) {
        this.table = new ItemTable(project);
        this.ends.push(
            on('items', (event) => event.project === project && this.changed(event.rows)),
            on('gone', (event) => event.project === project && this.removed(event.ids)),
            on('more', (event) => event.project === project && this.reloadSoon()),
            on('reset', () => this.reloadSoon()),
        );
        void this.load();
    }

    /** The table stands: show what there is, ticked as it was when the table was last seen. */
    attach(grid: Grid): () => void {
        this.grid = grid;
        grid.setRows(this.table.rows);
        this.applyFilter();
        this.restore();
        const focused = grid.view.position(this.table.rowOf(this.focused.value));
        if (focused >= 0) {
            grid.focusOn(focused);
        }
        this.turned();
        return () => {
            this.kept = this.kept.length > 0 ? this.kept : this.table.ids(this.picked());
            this.grid = null;
        };
    }

    close(): void {
        this.fetching?.abort();
        clearTimeout(this.timer);
        this.ends.forEach((end) => end());
    }

    async load(): Promise<void> {
        this.fetching?.abort();
        const fetching = new AbortController();
        this.fetching = fetching;
        this.late = [];
        try {
            const pages = await this.table.fetch(fetching.signal, (rows, total) => {
                if (this.loading.value !== null) {
                    this.loading.value = `Reading the list… ${rows} of ${total}`;
                }
            });
            performance.mark('gantry:list-read');
            await this.grid?.settled(); // rows get new numbers: not while a COR is typed
            if (fetching.signal.aborted) {
                return;
            }
            this.filled(this.table.fill(pages));
            const late = this.late;
            this.late = null;
            this.changed(late);
            this.failed.value = '';
        } catch (error) {
            if (fetching.signal.aborted) {
                return;
            }
            this.late = null;
            this.failed.value = errorText(error);
        }
        this.fetching = null;
        this.loading.value = null;
    }

    /** The columns were replaced. */
    filled(was: (row: number) => number): void {
        this.grid?.setRows(this.table.rows, was);
        this.applyFilter();
        this.restore();
        this.turned();
    }

    private reloadSoon(wait = RELOAD_MS): void {
        if (this.timer && wait >= RELOAD_MS) {
            return; // not later for every further event: they may never cease
        }
        clearTimeout(this.timer);
        this.timer = window.setTimeout(() => {
            this.timer = 0;
            void this.load();
        }, wait);
    }

    /** Rows of a live event. */
    changed(rows: readonly ItemRow[]): void {
        if (this.late) {
            this.late.push(...rows);
            return;
        }
        const unknown: number[] = [];
        const changed = this.table.apply(rows, unknown);
        if (changed.length > 0) {
            this.grid?.touch(changed);
            this.turned();
            // A scan that was being written when it was listed: size and shape are not in the events.
            if (changed.some((row) => this.table.shape[3 * row] === 0 && this.table.groupOf(row) !== 'skipped')) {
                this.reloadSoon(GROWN_MS);
            }
        }
        if (unknown.length > 0) {
            this.reloadSoon();
        }
    }

    private removed(ids: readonly number[]): void {
        const rows = this.table.remove(ids);
        for (const row of rows) {
            this.grid?.selection.set(row, false);
        }
        this.grid?.touch(rows);
        this.selected.value = this.grid?.selection.count ?? 0;
        this.turned();
    }

    /** Numbers above the table follow once a frame. */
    private turned(): void {
        if (!this.drawing) {
            this.drawing = true;
            requestAnimationFrame(() => {
                this.drawing = false;
                this.turn.value++;
                this.shown.value = this.grid?.view.length ?? 0;
            });
        }
    }

    applyFilter(): void {
        const { table } = this;
        const words = this.text.value.trim().toLowerCase();
        const group = this.group.value === null ? -1 : GROUPS.indexOf(this.group.value);
        this.grid?.show((row) =>
            !table.gone(row) &&
            (group < 0 || table.group[row] === group) &&
            (words === '' || this.matches(row, words)));
        this.shown.value = this.grid?.view.length ?? 0;
    }

    private matches(row: number, words: string): boolean {
        const { table } = this;
        return (table.name[row] ?? '').toLowerCase().includes(words) || table.statusOf(row).toLowerCase() === words;
    }

    /** Rows ticked and still on the list, in the order of the list. */
    picked(): number[] {
        return (this.grid?.selection.rows() ?? []).filter((row) => !this.table.gone(row));
    }

    /** The ids of ticked rows; [] and a warning when there are none (B13). */
    pickedOrWarn(): number[] {
        const ids = this.table.ids(this.picked());
        if (ids.length === 0) {
            toast('No files selected.', 'warning');
        }
        return ids;
    }

    /** Width of the detector that `cor` is far outside of; 0: it may be right, or the width is not known. */
    private farOutside(row: number, cor: number): number {
        const width = this.table.shape[3 * row + 2] ?? 0;
        return cor < -width || cor > 2 * width ? width : 0;
    }

    /** The top bar's centre for the ticked rows without one (C3), null when blank; undefined (and said) when it is no
     * number, or far outside of such a row's detector. */
    topBarCor(): number | null | undefined {
        const text = this.topCor.value.trim();
        if (text === '') {
            return null;
        }
        const cor = finiteNumber(text);
        if (cor === null) {
            toast(`Invalid COR '${text}' in the top bar: a number of pixels is needed, for example 1024.5`, 'error');
            return undefined;
        }
        for (const row of this.picked()) {
            const width = Number.isNaN(this.table.cor[row] ?? NaN) ? this.farOutside(row, cor) : 0;
            if (width > 0) {
                toast(`COR ${cor} in the top bar is far outside the detector of ${this.table.name[row]} (0 to ${width - 1} px)`, 'error');
                return undefined;
            }
        }
        return cor;
    }

    /** Take a typed centre; returns why not. */
    typeCor(row: number, text: string): string | null {
        const { table } = this;
        const cor = text === '' ? null : finiteNumber(text);
        if (text !== '' && cor === null) {
            return `Invalid COR '${text}': a number of pixels, or nothing`;
        }
        const width = cor === null ? 0 : this.farOutside(row, cor);
        if (width > 0) {
            return `${cor} is far outside the detector (0 to ${width - 1} px)`;
        }
        const before = table.cor[row] ?? NaN;
        if (cor === before || (cor === null && Number.isNaN(before))) {
            return null;
        }
        table.setCor(row, cor);
        const id = table.id[row] ?? 0;
        this.setCor([id], cor).catch((error: unknown) => {
            table.setCor(row, Number.isNaN(before) ? null : before);
            this.grid?.touch([row]);
            toastError(error);
        });
        return null;
    }

    async setCor(ids: number[], cor: number | null): Promise<void> {
        const answer = await patch<PatchAnswer>('items', { project: this.project, items: ids, set: { cor } });
        answer.warnings?.forEach((line) => toast(line, 'warning'));
        this.remember(answer.undo);
    }

    /** Changes of centres that Ctrl-Z takes back. */
    remember(undo: CorUndo[] | undefined): void {
        if (undo && undo.length > 0) {
            this.undo.push(undo);
        }
    }

    async undoCor(): Promise<void> {
        const last = this.undo.pop();
        if (!last) {
            toast('Nothing to take back: no COR was changed here.');
            return;
        }
        await patch('items', { project: this.project, rows: last });
        const one = last.length === 1 && last[0] ? this.table.name[this.table.rowOf(last[0].id)] : null;
        toast(`COR of ${one ?? last.length + ' scans'} is as it was before.`);
    }

    async enable(ids: number[], enabled: boolean | null): Promise<void> {
        await patch('items', { project: this.project, items: ids, set: { enabled } });
    }

    /** Take rows off the list; nothing on disk is touched (X1). */
    async forget(ids: number[]): Promise<void> {
        await del('items', { project: this.project, items: ids });
        this.removed(ids);
        toast(`${ids.length === 1 ? '1 scan is' : ids.length + ' scans are'} off the list. The disk was not touched.`, 'info', {
            label: 'Undo',
            run: () => {
                post('items/restore', { project: this.project, items: ids }).then(() => this.load(), toastError);
            },
        });
    }

    /** Tick the rows of these items when the table is shown next. */
    selectLater(ids: readonly number[]): void {
        this.text.value = '';
        this.group.value = null;
        this.kept = [...ids];
        this.focused.value = ids[0] ?? 0;
    }

    /** Tick what was to be ticked, as soon as both the list and the table are there. */
    private restore(): void {
        if (!this.grid || this.kept.length === 0 || this.table.rows === 0) {
            return;
        }
        this.grid.select(this.kept.map((id) => this.table.rowOf(id)).filter((row) => row >= 0));
        this.kept = [];
    }
}

let open: Batch | null = null;

/** The table of a project; another project's is closed. */
export function batchOf(project: number): Batch {
    if (open?.project !== project) {
        open?.close();
        open = new Batch(project);
    }
    return open;
}
