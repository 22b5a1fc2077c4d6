/* The one connection for live changes: an EventSource that is opened anew when the server refused it (EventSource
 * itself gives up then), and goes on behind the last event that came.
 */
const TYPES = ['hello', 'items', 'gone', 'more', 'tasks', 'runs', 'projects', 'watch', 'note', 'reset'];
const AGAIN_MS = 2000;

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
        source.onopen = () => this.turn('live');
        source.onerror = () => {
            if (source.readyState === source.CLOSED) {
                this.turn('refused');
                this.timer = setTimeout(() => this.open(), AGAIN_MS);
            } else {
                this.turn('stale');
            }
        };
        for (const type of TYPES) {
            source.addEventListener(type, (event) => {
                this.last = event.lastEventId || this.last;
                this.listener.event(type, event.data as string);
            });
        }
    }

    close(): void {
        clearTimeout(this.timer);
        this.source?.close();
    }

    private turn(to: Connection): void {
        if (to !== this.state) {
            this.state = to;
            this.listener.state(to);
        }
    }
}
