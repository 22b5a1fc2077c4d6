/* The subjects or studies of a project in columns, as items.ts holds scans. fetch() and fill() replace everything,
 * apply() takes the rows of a live event. */
import { get } from '../api';
import { groupNumber, GROUPS, type Group } from '../groups';
import type { ItemRow } from '../live';
import type { Level } from './model';

const PAGE = 20_000; // the most rows that the server gives at once

export type Attrs = Record<string, string | number | boolean | null>;

interface Columns {
    id: number[];
    pid: string[];
    sid: string[];
    psid: string[];
    name: string[];
    date: string[];
    sdesc: string[];
    tags: string[];
    subject_tags: string[];
    status: string[];
    group: string[];
    state: string[];
    place: string[];
    progress: (number | null)[];
    files: number[];
    subject: number[];
    studies: number[];
    attrs: Attrs[];
    task: number[];
    q: number[];
    r: number[];
    e: number[];
    d: number[];
}

function none(): Columns {
    return {
        id: [], pid: [], sid: [], psid: [], name: [], date: [], sdesc: [], tags: [], subject_tags: [], status: [], group: [],
        state: [], place: [], progress: [], files: [], subject: [], studies: [], attrs: [], task: [], q: [], r: [], e: [], d: [],
    };
}

/** "/a/b/" -> ["a", "b"]. */
export function tagsOf(text: string | undefined): string[] {
    return (text ?? '').split('/').filter(Boolean);
}

export class StudyTable {
    private columns = none();
    private groups = new Uint8Array(0);
    private byId = new Map<number, number>();
    private away = new Set<number>();
    /** Has any row a description? */
    described = false;
    /** Keys of attributes that any row has, in the order of their first coming. */
    attributes: string[] = [];

    constructor(readonly project: number, readonly level: Level) {}

    get rows(): number {
        return this.columns.id.length;
    }

    get listed(): number {
        return this.rows - this.away.size;
    }

    id = (row: number): number => this.columns.id[row] ?? 0;
    pid = (row: number): string => this.columns.pid[row] ?? '';
    sid = (row: number): string => this.columns.sid[row] ?? '';
    /** PID#SID; of a subject, or of an only study without a name, the PID. */
    name = (row: number): string => (this.sid(row) ? this.columns.psid[row] ?? '' : this.pid(row));
    date = (row: number): string => this.columns.date[row] ?? '';
    sdesc = (row: number): string => this.columns.sdesc[row] ?? '';
    files = (row: number): number => this.columns.files[row] ?? 0;
    studies = (row: number): number => this.columns.studies[row] ?? 0;
    subject = (row: number): number => this.columns.subject[row] ?? 0;
    status = (row: number): string => this.columns.status[row] ?? '';
    progress = (row: number): number | null => this.columns.progress[row] ?? null;
    tags = (row: number): string[] => tagsOf(this.columns.tags[row]);
    subjectTags = (row: number): string[] => tagsOf(this.columns.subject_tags[row]);
    tagText = (row: number): string => (this.columns.tags[row] ?? '') + (this.columns.subject_tags[row] ?? '');
    attr = (row: number, key: string): Attrs[string] => this.columns.attrs[row]?.[key] ?? null;
    group = (row: number): Group => GROUPS[this.groups[row] ?? 0] ?? 'idle';
    groupAt = (row: number): number => this.groups[row] ?? 0;
    /** Queued, running, erroneous, done jobs (N5). */
    jobs = (row: number): [number, number, number, number] => {
        const { q, r, e, d } = this.columns;
        return [q[row] ?? 0, r[row] ?? 0, e[row] ?? 0, d[row] ?? 0];
    };
    gone = (row: number): boolean => this.away.has(row);
    rowOf = (id: number): number => this.byId.get(id) ?? -1;

    ids(rows: readonly number[]): number[] {
        return rows.map(this.id);
    }

    async fetch(signal: AbortSignal): Promise<Columns> {
        let all = none();
        for (let total = 1; all.id.length < total;) {
            const page = await get<{ total: number; columns: Columns }>(
                'studies',
                { project: this.project, level: this.level, shape: 'columns', offset: all.id.length, limit: PAGE },
                signal,
            );
            total = page.columns.id.length === 0 ? 0 : page.total;
            all = all.id.length === 0 ? page.columns : joined(all, page.columns);
        }
        return all;
    }

    /** Returns a function from a new row to its old one (-1: new). */
    fill(columns: Columns): (row: number) => number {
        const before = this.byId;
        this.columns = columns;
        this.away.clear();
        this.groups = Uint8Array.from(columns.group, groupNumber);
        this.byId = new Map(columns.id.map((id, row) => [id, row]));
        const keys = new Set<string>();
        for (const attrs of columns.attrs) {
            for (const key in attrs) {
                keys.add(key);
            }
        }
        this.attributes = [...keys];
        this.described = columns.sdesc.some((text) => text !== '');
        return (row) => before.get(this.id(row)) ?? -1;
    }

    /** Rows of a live event; ids of this level that are not on the list go to `unknown`. */
    apply(events: readonly ItemRow[], unknown: number[]): number[] {
        const changed: number[] = [];
        const to = this.columns;
        for (const [id, status, group, state, progress, , , , , , place, task, level, q, r, e, d, files, tags] of events) {
            if (level === 'subject' && this.level === 'study') {
                changed.push(...this.retagged(id, tags ?? '/'));
            }
            if (level !== this.level) {
                continue;
            }
            const row = this.rowOf(id);
            if (row < 0) {
                unknown.push(id);
                continue;
            }
            to.status[row] = status;
            this.groups[row] = groupNumber(group);
            to.state[row] = state;
            to.progress[row] = progress;
            to.place[row] = place ?? '';
            to.task[row] = task ?? 0;
            [to.q[row], to.r[row], to.e[row], to.d[row]] = [q ?? 0, r ?? 0, e ?? 0, d ?? 0];
            to.files[row] = files ?? 0;
            (level === 'subject' ? to.subject_tags : to.tags)[row] = tags ?? '/';
            changed.push(row);
        }
        return changed;
    }

    /** The tags of a subject have changed: its studies show them. */
    private retagged(subject: number, tags: string): number[] {
        const rows: number[] = [];
        for (let row = 0; row < this.rows; row++) {
            if (this.columns.subject[row] === subject && this.columns.subject_tags[row] !== tags) {
                this.columns.subject_tags[row] = tags;
                rows.push(row);
            }
        }
        return rows;
    }

    remove(ids: readonly number[]): number[] {
        const rows = ids.map(this.rowOf).filter((row) => row >= 0 && !this.away.has(row));
        rows.forEach((row) => this.away.add(row));
        return rows;
    }

    /** Tags were changed here, before the next list tells so. */
    setTags(row: number, domain: 'study' | 'subject', tags: string[]): void {
        const text = tags.length > 0 ? `/${tags.join('/')}/` : '/';
        (domain === 'study' ? this.columns.tags : this.columns.subject_tags)[row] = text;
    }
}

function joined(a: Columns, b: Columns): Columns {
    const all = none() as unknown as Record<string, unknown[]>;
    for (const key of Object.keys(all)) {
        all[key] = (a as unknown as Record<string, unknown[]>)[key]?.concat((b as unknown as Record<string, unknown[]>)[key] ?? []) ?? [];
    }
    return all as unknown as Columns;
}
