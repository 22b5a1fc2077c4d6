/* The tasks of the jobs table in columns, kept up to date by events. */
import { signal } from '@preact/signals';
import { errorText, get } from '../api';
import type { Grid } from '../grid/vgrid';
import { groupNumber, groupOfState, GROUPS, type Group } from '../groups';
import { on, type TaskRow } from '../live';
import { session } from '../state';

const PAGE = 5000;
const RELOAD_MS = 500;
const TICK_MS = 1000;

export interface Task {
    id: number;
    run: number;
    item: number;
    name: string;
    job: string;
    tool: string;
    state: string;
    progress?: number | null;
    place?: string | null;
    started?: number | string | null;
    ended?: number | string | null;
    seconds?: number | null;
    attempt?: number;
    message?: string | null;
    code?: string | null;
    owner?: string | null;
    /** Failed or cancelled, and dealt with (N10). */
    cleared?: boolean;
    /** Of a study: PID#SID. */
    psid?: string | null;
    batch?: string;
    queue?: string;
    /** When something last became of it. */
    updated?: number | null;
    /** It holds a Jupyter notebook open. */
    notebook?: boolean;
}

interface TaskPage {
    total: number;
    tasks: Task[];
    /** Whom the operating system takes the tools for. */
    runas?: string;
}

export interface TaskFilter {
    project?: number | undefined;
    run?: number | undefined;
    item?: number | undefined;
    /** Finished ones too (N3: hidden by default; errors are always kept, N4). */
    finished: boolean;
}

/** Microseconds since 1970 of a time, which may come as text; NaN: none. */
function timeOf(value: number | string | null | undefined): number {
    if (typeof value === 'string') {
        return value === '' ? NaN : Date.parse(value) * 1000;
    }
    return value ?? NaN;
}

export class Tasks {
    rows = 0;
    id = new Int32Array(0);
    run = new Int32Array(0);
    item = new Int32Array(0);
    progress = new Float32Array(0);
    started = new Float64Array(0);
    ended = new Float64Array(0);
    seconds = new Float32Array(0);
    attempt = new Int32Array(0);
    group = new Uint8Array(0);
    cleared = new Uint8Array(0);
    notebook = new Uint8Array(0);
    updated = new Float64Array(0);
    name: string[] = [];
    job: string[] = [];
    tool: string[] = [];
    state: string[] = [];
    place: string[] = [];
    message: string[] = [];
    owner: string[] = [];
    /** PID#SID of a study, the item's name of anything else. */
    subject: string[] = [];
    batch: string[] = [];
    queue: string[] = [];
    runas = '';

    grid: Grid | null = null;
    readonly loading = signal(true);
    readonly failed = signal('');
    readonly selected = signal(0);
    /** Task whose log is shown, 0: none. */
    readonly open = signal(0);
    /** Turns over when rows have changed. */
    readonly turn = signal(0);

    private byId = new Map<number, number>();
    private fetching: AbortController | null = null;
    private timer = 0;
    private drawing = false;
    private readonly ends: (() => void)[];

    constructor(private filter: TaskFilter) {
        this.ends = [
            on('tasks', (event) => this.changed(event.rows, event.project)),
            on('more', () => this.reloadSoon()),
            on('reset', () => this.reloadSoon()),
        ];
        const clock = setInterval(() => this.tick(), TICK_MS);
        this.ends.push(() => clearInterval(clock));
        void this.load();
    }

    /** How long the running ones have taken so far. */
    private tick(): void {
        const running: number[] = [];
        for (let row = 0; row < this.rows; row++) {
            if (this.state[row] === 'running') {
                this.seconds[row] = Math.max(0, Date.now() / 1000 - (this.started[row] ?? NaN) / 1e6);
                running.push(row);
            }
        }
        this.grid?.touch(running);
    }

    close(): void {
        this.fetching?.abort();
        clearTimeout(this.timer);
        this.ends.forEach((end) => end());
    }

    narrow(filter: TaskFilter): void {
        this.filter = filter;
        this.loading.value = true;
        void this.load();
    }

    rowOf(id: number): number {
        return this.byId.get(id) ?? -1;
    }

    groupOf(row: number): Group {
        return GROUPS[this.group[row] ?? 0] ?? 'idle';
    }

    ids(rows: readonly number[]): number[] {
        return rows.map((row) => this.id[row] ?? 0);
    }

    picked(): number[] {
        return this.ids(this.grid?.selection.rows() ?? []);
    }

    async load(): Promise<void> {
        this.fetching?.abort();
        const fetching = new AbortController();
        this.fetching = fetching;
        try {
            const tasks: Task[] = [];
            for (let total = 1; tasks.length < total;) {
                const page = await get<TaskPage>(
                    'tasks',
                    {
                        project: this.filter.project,
                        run: this.filter.run,
                        item: this.filter.item,
                        open: !this.filter.finished,
                        offset: tasks.length,
                        limit: PAGE,
                    },
                    fetching.signal,
                );
                total = page.tasks.length === 0 ? 0 : page.total;
                this.runas = page.runas ?? '';
                for (const task of page.tasks) {
                    tasks.push(task);
                }
            }
            this.fill(tasks);
            this.failed.value = '';
        } catch (error) {
            if (fetching.signal.aborted) {
                return;
            }
            this.failed.value = errorText(error);
        }
        this.fetching = null;
        this.loading.value = false;
    }

    private fill(tasks: Task[]): void {
        const before = this.byId;
        const numbers = (pick: (task: Task) => number | null | undefined) => tasks.map((task) => pick(task) ?? NaN);
        this.rows = tasks.length;
        this.id = Int32Array.from(numbers((task) => task.id));
        this.run = Int32Array.from(numbers((task) => task.run));
        this.item = Int32Array.from(numbers((task) => task.item));
        this.attempt = Int32Array.from(numbers((task) => task.attempt));
        this.progress = Float32Array.from(numbers((task) => task.progress));
        this.seconds = Float32Array.from(numbers((task) => task.seconds));
        this.started = Float64Array.from(numbers((task) => timeOf(task.started)));
        this.ended = Float64Array.from(numbers((task) => timeOf(task.ended)));
        this.group = Uint8Array.from(tasks, (task) => groupNumber(groupOfState(task.state)));
        this.cleared = Uint8Array.from(tasks, (task) => Number(task.cleared ?? false));
        this.notebook = Uint8Array.from(tasks, (task) => Number(task.notebook ?? false));
        this.updated = Float64Array.from(numbers((task) => task.updated));
        this.subject = tasks.map((task) => task.psid ?? task.name ?? '');
        this.batch = tasks.map((task) => task.batch ?? '');
        this.queue = tasks.map((task) => task.queue ?? '');
        this.name = tasks.map((task) => task.name ?? '');
        this.job = tasks.map((task) => task.job ?? '');
        this.tool = tasks.map((task) => task.tool ?? '');
        this.state = tasks.map((task) => task.state ?? '');
        this.place = tasks.map((task) => task.place ?? '');
        this.message = tasks.map((task) => task.message ?? '');
        this.owner = tasks.map((task) => task.owner ?? '');
        this.byId = new Map(tasks.map((task, row) => [task.id, row]));
        this.grid?.setRows(this.rows, (row) => before.get(this.id[row] ?? -1) ?? -1);
        this.turned();
    }

    /** Not later for every further event: while a run goes on these never cease. What is being fetched is waited for. */
    private reloadSoon(): void {
        this.timer ||= window.setTimeout(() => {
            this.timer = 0;
            if (this.fetching) {
                this.reloadSoon();
            } else {
                void this.load();
            }
        }, RELOAD_MS);
    }

    private changed(events: readonly TaskRow[], project: number): void {
        const rows: number[] = [];
        let strange = false;
        for (const [id, run, item, , state, progress, place, message, cleared] of events) {
            const row = this.rowOf(id);
            if (row < 0) {
                strange ||= this.wanted(project, run, item, state, cleared);
                continue;
            }
            const now = Date.now() * 1000;
            if (state === 'running' && this.state[row] !== 'running') {
                this.started[row] = now;
                this.ended[row] = NaN;
            }
            if (state !== 'running' && this.state[row] === 'running') {
                this.ended[row] = now;
                this.seconds[row] = (now - (this.started[row] ?? now)) / 1e6;
            }
            this.updated[row] = now;
            this.state[row] = state;
            this.cleared[row] = Number(cleared);
            this.group[row] = groupNumber(groupOfState(state));
            this.progress[row] = progress ?? NaN;
            this.place[row] = place ?? '';
            this.message[row] = message ?? '';
            rows.push(row);
        }
        if (rows.length > 0) {
            this.grid?.touch(rows);
            this.turned();
        }
        if (strange) {
            this.reloadSoon();
        }
    }

    private wanted(project: number, run: number, item: number, state: string, cleared: boolean): boolean {
        const { filter } = this;
        return (
            (filter.project === undefined || filter.project === project) &&
            (filter.run === undefined || filter.run === run) &&
            (filter.item === undefined || filter.item === item) &&
            (filter.finished || !(isFinished(state) || cleared))
        );
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

    /** Is the row shown? Finished ones leave the table as they finish, errors stay until they are cleared. */
    shown(row: number): boolean {
        return this.filter.finished || !(isFinished(this.state[row] ?? '') || this.cleared[row]);
    }

    get anyShown(): boolean {
        for (let row = 0; row < this.rows; row++) {
            if (this.shown(row)) {
                return true;
            }
        }
        return false;
    }

    /** `run: a + b que: c + d err: e + f`: mine + the others' (N9). */
    counter(): string {
        const who = session.peek();
        const me = who?.accounts ? who.user : ''; // without accounts everybody is one
        const counts = { run: [0, 0], que: [0, 0], err: [0, 0] };
        for (let row = 0; row < this.rows; row++) {
            const group = this.groupOf(row);
            const kind = this.cleared[row] ? null : group === 'failed' ? 'err' : group === 'waiting' ? 'que' : group === 'running' || group === 'partial' ? 'run' : null;
            if (kind) {
                const whose = !this.owner[row] || !me || this.owner[row] === me ? 0 : 1;
                counts[kind][whose] = (counts[kind][whose] ?? 0) + 1;
            }
        }
        return Object.entries(counts).map(([word, [mine, theirs]]) => `${word}: ${mine} + ${theirs}`).join(' ');
    }
}

export function isFinished(state: string): boolean {
    return state === 'done' || state === 'cached' || state === 'cancelled';
}
