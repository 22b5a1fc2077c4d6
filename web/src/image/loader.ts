/* Pictures on their way: what is wanted now goes first, what was wanted before is given up, then the
 * neighbours are fetched ahead, one after the other. Kept decoded, bounded in bytes.
 * Order of calls: want() at every move of a slider, ahead() after it; have() while drawing. */
import { decodePlane, planeBytes, type Plane } from './plane';
import { Lru } from './lru';

/** Fetches a picture; fetchPlane, or a test's own. */
export type Fetcher = (url: string, signal: AbortSignal) => Promise<Plane>;

export async function fetchPlane(url: string, signal: AbortSignal): Promise<Plane> {
    // Kept here, decoded: writing 24 MB into the browser's cache takes longer than asking again.
    const reply = await fetch(url, { signal, credentials: 'same-origin', cache: 'no-store' });
    if (!reply.ok) {
        throw new Error(await problemText(reply));
    }
    return decodePlane(await reply.arrayBuffer(), (name) => reply.headers.get(name));
}

async function problemText(reply: Response): Promise<string> {
    try {
        const problem = (await reply.json()) as { detail?: string; title?: string };
        return problem.detail ?? problem.title ?? `the server answered ${reply.status}`;
    } catch {
        return `the server answered ${reply.status}`;
    }
}

export class Loader {
    private readonly kept: Lru<Plane>;
    private readonly flying = new Map<string, { stop: AbortController; plane: Promise<Plane> }>();
    private queue: string[] = [];
    private wanted: string | null = null;
    /** Called when a picture has come, wanted or ahead. */
    arrived: (url: string) => void = () => undefined;

    constructor(
        private readonly most: number,
        private readonly fetcher: Fetcher = fetchPlane,
    ) {
        this.kept = new Lru<Plane>(most, planeBytes);
    }

    /** The picture if it is here already. */
    have(url: string): Plane | undefined {
        return this.kept.get(url);
    }

    /** Make sure of one picture. Others under way are given up, but for the one wanted, unless they
     *  are asked for ahead again. Rejects with an AbortError when something else was wanted since. */
    want(url: string): Promise<Plane> {
        this.wanted = url;
        this.queue = [];
        const kept = this.kept.get(url);
        if (kept) {
            return Promise.resolve(kept); // what is under way may well be asked for ahead again
        }
        for (const [other, { stop }] of this.flying) {
            if (other !== url) {
                stop.abort();
            }
        }
        return this.start(url);
    }

    /** Fetch these, in this order, when nothing else is to do. Replaces what was asked for ahead
     *  before. Those that would push out each other are left away. */
    ahead(urls: readonly string[]): void {
        const size = this.kept.count ? this.kept.bytes / this.kept.count : 0;
        const room = size > 0 ? Math.max(1, Math.floor(this.most / size) - 2) : urls.length;
        this.queue = urls.slice(0, room).filter((url) => !this.kept.has(url));
        for (const [url, { stop }] of this.flying) {
            if (url !== this.wanted && !this.queue.includes(url)) {
                stop.abort();
            }
        }
        this.next();
    }

    /** What is kept may be out of date: ask again when it is wanted. */
    forget(): void {
        this.stop();
        this.kept.clear();
    }

    /** Give everything up. */
    stop(): void {
        this.queue = [];
        for (const { stop } of this.flying.values()) {
            stop.abort();
        }
    }

    get bytes(): number {
        return this.kept.bytes;
    }

    private start(url: string): Promise<Plane> {
        const under = this.flying.get(url);
        if (under && !under.stop.signal.aborted) {
            return under.plane;
        }
        const stop = new AbortController();
        const plane = this.fetcher(url, stop.signal).then(
            (got) => {
                this.kept.put(url, got);
                this.landed(url, stop);
                this.arrived(url);
                return got;
            },
            (why: unknown) => {
                this.landed(url, stop);
                throw why;
            },
        );
        this.flying.set(url, { stop, plane });
        return plane;
    }

    private landed(url: string, stop: AbortController): void {
        if (this.flying.get(url)?.stop === stop) {
            this.flying.delete(url);
        }
        this.next();
    }

    /** One at a time, and none while the wanted one is on its way: it shall have the whole line. */
    private next(): void {
        if (this.wanted !== null && this.flying.has(this.wanted)) {
            return;
        }
        if (this.flying.size > 0) {
            return;
        }
        const url = this.queue.shift();
        if (url === undefined) {
            return;
        }
        // What fails ahead is asked for again, and then reported, when it is wanted.
        this.start(url).catch(() => undefined);
    }
}
