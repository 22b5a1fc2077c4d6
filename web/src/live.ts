/* What the server tells without being asked. A page says on('items', f) and gets an end() back; f is called with the
 * event's JSON. After `reset` (the server does not know what we have seen) everything shown must be fetched again:
 * whoever shows a list listens to it.
 */
import { signal } from '@preact/signals';
import { apiUrl, whenRead } from './api';
import { Stream, type Connection } from './stream';

export type { Connection };

/** [id, status, group, state, progress, cor, cor_source, confidence, enabled, skipped, place, task]; of a subject or study
 * besides its level, its queued, running, erroneous and done jobs, its files and its own tags (/a/b/). */
export type ItemRow = [
    id: number, status: string, group: string, state: string, progress: number | null, cor: number | null,
    source: string | null, confidence: number | null, enabled: boolean | null, skipped: boolean, place: string | null,
    task: number | null, level?: string, queued?: number, running?: number, failed?: number, done?: number, files?: number, tags?: string,
];
/** [id, run, item, job, state, progress, place, message, cleared] */
export type TaskRow = [number, number, number, string, string, number | null, string | null, string | null, boolean];

export interface LiveEvents {
    hello: { seq: number; version: string; boot: string };
    items: { project: number; rows: ItemRow[] };
    gone: { project: number; ids: number[] };
    more: { project: number };
    tasks: { project: number; rows: TaskRow[] };
    runs: { rows: unknown[] };
    projects: Record<string, never>;
    watch: { project?: number };
    note: { level: 'info' | 'warning' | 'error'; text: string; item?: number; run?: number; project?: number };
    reset: Record<string, never>;
}

type Handler = (data: unknown) => void;

export const connection = signal<Connection>('connecting');
/** When the connection was lost (ms since 1970), 0 while it stands. */
export const lostAt = signal(0);

const handlers = new Map<string, Set<Handler>>();
let send: (message: unknown) => unknown = () => undefined;
let boot: string | null = null;
/** Number of the newest event when this tab began to listen, and the oldest that a list read before then knew of. */
let heardFrom = Infinity;
let oldestRead = Infinity;

export function on<K extends keyof LiveEvents>(type: K, handler: (data: LiveEvents[K]) => void): () => void {
    const set = handlers.get(type) ?? new Set();
    handlers.set(type, set);
    set.add(handler as Handler);
    return () => set.delete(handler as Handler);
}

/** Give an event to this tab's handlers: what came over the wire, and what a test makes up. */
export function deliver(type: string, data: unknown): void {
    for (const handler of handlers.get(type) ?? []) {
        handler(data);
    }
}

function turned(state: Connection): void {
    connection.value = state;
    lostAt.value = state === 'live' ? 0 : lostAt.value || Date.now();
}

function received(message: { kind: string; state?: Connection; type?: string; data?: string }): void {
    if (message.kind === 'state' && message.state) {
        turned(message.state);
        return;
    }
    const data: unknown = JSON.parse(message.data || '{}');
    if (message.type === 'hello') {
        greeted(data as LiveEvents['hello']);
    }
    deliver(message.type ?? '', data);
}

/** Changes between a list and our first `hello` were told to nobody here; and a server that was started anew may have
 * settled things while nobody listened. */
function greeted({ boot: now, seq }: LiveEvents['hello']): void {
    const first = boot === null;
    const restarted = !first && boot !== now;
    boot = now;
    if (first || restarted) {
        heardFrom = seq;
    }
    if (restarted || (first && oldestRead < seq)) {
        deliver('reset', {});
    }
}

/** A list was read; `seq` is the newest event it knows of. */
function wasRead(seq: number): void {
    if (boot === null) {
        oldestRead = Math.min(oldestRead, seq);
    } else if (seq < heardFrom) {
        heardFrom = -Infinity; // once: an answer that the server keeps for a while may say it again
        deliver('reset', {});
    }
}
whenRead(wasRead);

/** Without SharedWorker (some private windows) this tab has a connection of its own. */
function connectAlone(url: string): void {
    const stream = new Stream(url, {
        state: turned,
        event: (type, data) => received({ kind: 'event', type, data }),
    });
    send = (message) => message === 'retry' && stream.open();
}

let started = false;

/** Once, after the session is known. */
export function connect(): void {
    if (started) {
        send('retry');
        return;
    }
    started = true;
    const url = apiUrl('events');
    if (typeof SharedWorker === 'undefined') {
        connectAlone(url);
        return;
    }
    const worker = new SharedWorker(new URL('./sse.worker.ts', import.meta.url), { type: 'module', name: 'gantry' });
    worker.port.onmessage = (event: MessageEvent) => received(event.data);
    worker.port.start();
    send = (message) => worker.port.postMessage(message);
    send({ open: url });
    addEventListener('pagehide', () => send('bye'));
    addEventListener('pageshow', (event) => {
        if (event.persisted) {
            send({ open: url });
            deliver('reset', {});
        }
    });
}
