/* The one connection for live changes: an EventSource that is opened anew when the server refused it (EventSource
 * itself gives up then), and goes on behind the last event that came.
 * A server that stands still, or a laptop that slept, breaks no connection: without a beat for a while it is opened anew.
 */
const TYPES = ['hello', 'items', 'gone', 'more', 'tasks', 'runs', 'projects', 'watch', 'note', 'reset', 'beat'];
const AGAIN_MS = 2000;
const SILENT_MS = 40_000; // the server's beat comes every 15 s
const LOOK_MS = 5000; // by the clock on the wall: a timer stands still while a laptop sleeps

export type Connection = 'connecting' | 'live' | 'stale' | 'refused';

export interface Listener {
    state(state: Connection): void;
    event(type: string, data: string): void;
}

export class Stream {
    state: Connection = 'connecting';
    /** `<boot>-<number>` of the last event. */
    last = '';
    private source: EventSource | null = null;
    private timer: ReturnType<typeof setTimeout> | undefined;
    private watch: ReturnType<typeof setInterval> | undefined;
    private heardMs = 0;

    constructor(
        readonly address: string,
        private readonly listener: Listener,
    ) {
        this.open();
    }

    /** Connect now; also while it stands (somebody else has signed in). */
    open(): void {
        this.close();
        const url = new URL(this.address);
        if (this.last) {
            url.searchParams.set('last', this.last);
        }
        const source = new EventSource(url.href);
        this.source = source;
        this.heardMs = Date.now();
        this.watch = setInterval(() => this.look(), LOOK_MS);
        source.onopen = () => {
            this.heardMs = Date.now();
            this.turn('live');
        };
        source.onerror = () => {
            if (source.readyState === source.CLOSED) {
                clearInterval(this.watch);
                this.turn('refused');
                this.timer = setTimeout(() => this.open(), AGAIN_MS);
            } else {
                this.turn('stale');
            }
        };
        for (const type of TYPES) {
            source.addEventListener(type, (event) => {
                this.heardMs = Date.now();
                this.last = event.lastEventId || this.last;
                if (type !== 'beat') {
                    this.listener.event(type, event.data as string);
                }
            });
        }
    }

    close(): void {
        clearTimeout(this.timer);
        clearInterval(this.watch);
        this.source?.close();
    }

    private look(): void {
        if (Date.now() - this.heardMs > SILENT_MS) {
            this.turn('stale');
            this.open();
        }
    }

    private turn(to: Connection): void {
        if (to !== this.state) {
            this.state = to;
            this.listener.state(to);
        }
    }
}
