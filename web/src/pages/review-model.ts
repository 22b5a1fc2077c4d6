/* What the centre review knows and does: the rows, where one stands, what was picked but not yet
 * accepted, what was saved and can be undone. The page (review.tsx) draws it.
 *
 * Accepting is written at once and not waited for: a person who checks a scan a second must never
 * wait for the network. What could not be saved comes back unchecked, with the reason.
 */
import { computed, signal } from '@preact/signals';
import { get, patch } from '../api';
import { on } from '../live';
import { toast, toastError } from '../ui/toast';
import { getPictures, type TryPictures } from '../image/pictures';
import { isChecked, keepOrder, nearestCentre, nextUnchecked, reviewOrder, type ReviewRow } from './review-order';

interface Before {
    id: number;
    cor: number | null;
    cor_source: string | null;
    confidence?: number | null;
}
interface Done {
    text: string;
    rows: Before[];
    at: number;
}
type Columns = Record<string, unknown[]>;

const PAGE = 20_000;
const RELOAD_MS = 2000;
const CHECK_ALL = 2000; // more scans than this are looked at as they come into sight

function rowsOf(columns: Columns): ReviewRow[] {
    const col = <T>(name: string): T[] => (columns[name] ?? []) as T[];
    const [id, name, series] = [col<number>('id'), col<string>('name'), col<string | null>('series')];
    const [index, cor, source] = [col<number>('index'), col<number | null>('cor'), col<string | null>('cor_source')];
    const [confidence, status] = [col<number | null>('confidence'), col<string>('status')];
    const [skipped, enabled] = [col<boolean>('skipped'), col<boolean | null>('enabled')];
    const rows: ReviewRow[] = [];
    id.forEach((one, i) => {
        // Never tried, or not to be worked on: nothing to look at. The word of B6 says so.
        if (status[i] === 'Ready' || skipped[i] || enabled[i] === false) {
            return;
        }
        rows.push({
            id: one,
            name: name[i] ?? String(one),
            series: series[i] ?? '',
            index: index[i] ?? 0,
            cor: cor[i] ?? null,
            source: source[i] || null,
            confidence: confidence[i] ?? null,
        });
    });
    return rows;
}

export class Review {
    readonly rows = signal<ReadonlyMap<number, ReviewRow>>(new Map());
    readonly order = signal<readonly number[]>([]);
    readonly at = signal(0);
    /** Index of the centre shown for a scan, where somebody moved away from the proposed one. */
    readonly picks = signal<ReadonlyMap<number, number>>(new Map());
    readonly pictures = signal<ReadonlyMap<number, TryPictures>>(new Map());
    readonly loaded = signal(false);
    readonly failed = signal('');
    /** Scans without try slices: not shown, only counted. */
    readonly without = signal(0);
    readonly message = signal('');
    readonly saving = signal(0);
    readonly done = signal<readonly Done[]>([]);

    readonly checked = computed(() => this.order.value.filter((id) => isChecked(this.rows.value.get(id)!)).length);
    readonly current = computed(() => this.rows.value.get(this.order.value[this.at.value] ?? -1) ?? null);

    private readonly ends: (() => void)[] = [];
    private asked = new Set<number>();
    private empty = new Set<number>();
    private ended = false;
    private timer = 0;

    constructor(readonly project: number) {
        this.ends.push(
            on('items', (event) => {
                if (event.project === project) {
                    this.live(event.rows);
                }
            }),
            on('gone', (event) => event.project === project && this.leave(event.ids)),
            on('more', (event) => event.project === project && void this.load()),
            on('reset', () => void this.load()),
        );
        void this.load();
    }

    end(): void {
        this.ended = true;
        clearTimeout(this.timer);
        this.ends.forEach((end) => end());
    }

    // --- reading

    async load(): Promise<void> {
        try {
            const rows: ReviewRow[] = [];
            for (let offset = 0, total = 1; offset < total; offset += PAGE) {
                const query = { project: this.project, shape: 'columns', sort: 'series', offset, limit: PAGE };
                const page = await get<{ total: number; columns: Columns }>('items', query);
                total = page.total;
                rows.push(...rowsOf(page.columns));
            }
            this.take(rows);
        } catch (error) {
            this.failed.value = error instanceof Error ? error.message : String(error);
        }
        this.loaded.value = true;
    }

    private take(found: ReviewRow[]): void {
        // Without try slices when they were asked for; a live event asks again.
        const rows = found.filter((row) => !this.empty.has(row.id));
        const here = this.current.peek()?.id ?? this.recall().at;
        const before = this.order.peek().length ? this.order.peek() : this.recall().order;
        this.rows.value = new Map(rows.map((row) => [row.id, row]));
        const order = before.length ? keepOrder(before, rows) : reviewOrder(rows);
        this.order.value = order;
        this.at.value = Math.max(0, order.indexOf(here ?? -1));
        this.failed.value = '';
        this.save();
        void this.lookAhead(rows.length <= CHECK_ALL ? order : []);
    }

    private live(changed: readonly unknown[][]): void {
        const rows = new Map(this.rows.peek());
        let fresh = false;
        for (const [id, status, , , , cor, source, confidence] of changed) {
            const row = rows.get(id as number);
            if (row) {
                const now = { cor: cor as number | null, source: (source as string) || null, confidence: confidence as number | null };
                rows.set(row.id, { ...row, ...now });
            } else if (/try|Inferred|Full/i.test(String(status))) {
                this.asked.delete(id as number);
                this.empty.delete(id as number);
                fresh = true; // a scan that has just got its try slices
            }
        }
        this.rows.value = rows;
        if (fresh && !this.timer) {
            // While a run makes one scan after the other the list is not read for each.
            this.timer = window.setTimeout(() => {
                this.timer = 0;
                void this.load();
            }, RELOAD_MS);
        }
    }

    private leave(ids: readonly number[]): void {
        const gone = new Set(ids);
        const here = this.current.peek()?.id;
        const order = this.order.peek().filter((id) => !gone.has(id));
        const at = order.indexOf(here ?? -1);
        this.order.value = order;
        this.at.value = at >= 0 ? at : Math.max(0, Math.min(this.at.peek(), order.length - 1));
    }

    /** Ask which centres a scan has; once. Without try slices it leaves the sheet. */
    async look(id: number): Promise<void> {
        if (this.asked.has(id) || this.ended) {
            return;
        }
        this.asked.add(id);
        try {
            const found = (await getPictures(id)).try;
            if (found?.centres.length) {
                this.pictures.value = new Map(this.pictures.peek()).set(id, found);
            } else {
                this.empty.add(id);
                this.without.value = this.empty.size;
                this.leave([id]);
            }
        } catch {
            this.asked.delete(id); // asked again when it comes into sight
        }
    }

    private async lookAhead(ids: readonly number[]): Promise<void> {
        const near = this.order.peek().slice(this.at.peek(), this.at.peek() + 4);
        for (const id of [...near, ...ids]) {
            if (this.ended) {
                return;
            }
            await this.look(id);
        }
    }

    // --- the centre shown

    /** Where the scan's own centre is among its try slices. */
    proposed(id: number): number {
        const tries = this.pictures.value.get(id);
        return tries ? nearestCentre(tries.centres, this.rows.value.get(id)?.cor ?? tries.best) : 0;
    }
    shownIndex(id: number): number {
        return this.picks.value.get(id) ?? this.proposed(id);
    }
    shownCentre(id: number): number | null {
        return this.pictures.value.get(id)?.centres[this.shownIndex(id)] ?? null;
    }

    /** What accepting would write: the scan's own centre to its last digit unless another was picked. */
    value(id: number): number | null {
        const tries = this.pictures.value.get(id);
        if (this.picks.value.has(id)) {
            return this.shownCentre(id);
        }
        return this.rows.value.get(id)?.cor ?? tries?.best ?? this.shownCentre(id);
    }

    // --- moving

    move(by: number): void {
        this.go(this.at.peek() + by);
    }
    go(at: number): void {
        this.at.value = Math.max(0, Math.min(this.order.peek().length - 1, at));
        this.save();
        void this.lookAhead([]);
    }
    nextUnchecked(): void {
        const rows = this.rows.peek();
        this.go(nextUnchecked(this.order.peek(), this.at.peek(), (id) => isChecked(rows.get(id)!)));
    }
    pick(index: number | null): void {
        const row = this.current.peek();
        const tries = row && this.pictures.peek().get(row.id);
        if (!row || !tries) {
            return;
        }
        const picks = new Map(this.picks.peek());
        const at = index === null ? null : Math.max(0, Math.min(tries.centres.length - 1, index));
        if (at === null || at === this.proposed(row.id)) {
            picks.delete(row.id);
        } else {
            picks.set(row.id, at);
        }
        this.picks.value = picks;
        this.save();
    }

    // --- writing

    accept(): void {
        const row = this.current.peek();
        const value = row && this.value(row.id);
        if (!row || value === null) {
            return;
        }
        this.write([row.id], value!, `${row.name}: ${value!.toFixed(2)}`);
        const last = this.at.peek() === this.order.peek().length - 1;
        const open = this.checked.peek() < this.order.peek().length;
        if (!last) {
            this.move(1);
        } else if (open) {
            this.nextUnchecked();
        }
    }

    /** The centre shown, for every scan of the series. */
    acceptSeries(): void {
        const row = this.current.peek();
        const value = row && this.value(row.id);
        if (!row || value === null) {
            return;
        }
        const ids = this.order.peek().filter((id) => this.rows.peek().get(id)?.series === row.series);
        this.write(ids, value!, `${ids.length} scans of ${row.series}: ${value!.toFixed(2)}`);
        this.nextUnchecked();
    }

    undo(): void {
        const last = this.done.peek().at(-1);
        if (!last) {
            this.message.value = 'Nothing to undo.';
            return;
        }
        this.done.value = this.done.peek().slice(0, -1);
        this.apply(last.rows);
        this.at.value = last.at;
        this.message.value = 'Undone: ' + last.text;
        this.save();
        const { rows } = last;
        this.send(() => patch('items', { project: this.project, rows }));
    }

    private apply(changes: readonly Before[]): void {
        const rows = new Map(this.rows.peek());
        for (const { id, cor, cor_source, confidence } of changes) {
            const row = rows.get(id);
            if (row) {
                rows.set(id, { ...row, cor, source: cor_source, confidence: confidence ?? row.confidence });
            }
        }
        this.rows.value = rows;
    }

    private write(ids: readonly number[], cor: number, text: string): void {
        const rows = this.rows.peek();
        const before = ids.map((id) => {
            const row = rows.get(id)!;
            return { id, cor: row.cor, cor_source: row.source, confidence: row.confidence };
        });
        const entry = { text, rows: before, at: this.at.peek() };
        this.done.value = [...this.done.peek(), entry];
        this.apply(ids.map((id) => ({ id, cor, cor_source: 'manual' })));
        const picks = new Map(this.picks.peek());
        ids.forEach((id) => picks.delete(id));
        this.picks.value = picks;
        this.message.value = 'Set ' + text;
        this.send(
            () => patch('items', { project: this.project, items: ids, set: { cor } }),
            () => {
                this.apply(before);
                this.done.value = this.done.peek().filter((one) => one !== entry);
                toast(`Not saved: ${text}`, 'error');
            },
        );
    }

    /** One after the other: an undo must not overtake what it undoes. */
    private line: Promise<unknown> = Promise.resolve();
    private send(work: () => Promise<unknown>, failed?: () => void): void {
        this.saving.value++;
        this.line = this.line
            .then(work)
            .catch((error: unknown) => {
                toastError(error);
                failed?.();
            })
            .finally(() => this.saving.value--);
    }

    // --- what survives a reload

    private get key(): string {
        return 'gantry.review.' + this.project;
    }
    private save(): void {
        const state = {
            order: this.order.peek(),
            at: this.current.peek()?.id,
            picks: [...this.picks.peek()],
        };
        try {
            sessionStorage.setItem(this.key, JSON.stringify(state));
        } catch {
            // Storage is forbidden or full: a reload starts at the first scan that is not checked.
        }
    }
    private recalled: { order: number[]; at?: number } | null = null;
    private recall(): { order: number[]; at?: number } {
        if (!this.recalled) {
            this.recalled = { order: [] };
            try {
                const state = JSON.parse(sessionStorage.getItem(this.key) ?? '{}') as {
                    order?: number[];
                    at?: number;
                    picks?: [number, number][];
                };
                this.recalled = { order: state.order ?? [], at: state.at };
                this.picks.value = new Map(state.picks ?? []);
            } catch {
                // Not ours, or of another version: begin anew.
            }
        }
        return this.recalled;
    }
}
