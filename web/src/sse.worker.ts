/* One EventSource for all tabs of the browser: HTTP/1.1 allows six connections to a host, so a connection a tab would
 * hang the seventh. Every tab connects to this SharedWorker by a port and sends the address once.
 *
 * To a tab: { kind: 'state', state } when the connection changes, { kind: 'event', type, data, id } otherwise.
 * From a tab: { open: url }, 'retry' (it has logged in again), 'bye'.
 */
const TYPES = ['hello', 'items', 'gone', 'more', 'tasks', 'runs', 'projects', 'watch', 'note', 'reset'];
const AGAIN_MS = 2000; // after a refusal EventSource does not try again by itself

type State = 'connecting' | 'live' | 'stale' | 'refused';

const ports = new Set<MessagePort>();
let source: EventSource | null = null;
let address = '';
let state: State = 'connecting';
let timer = 0;
let hello: unknown = null;

function tell(message: unknown): void {
    for (const port of ports) {
        port.postMessage(message);
    }
}

function turn(to: State): void {
    if (to !== state) {
        state = to;
        tell({ kind: 'state', state });
    }
}

function open(): void {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(address);
    source.onopen = () => turn('live');
    source.onerror = () => {
        if (source?.readyState === EventSource.CLOSED) {
            turn('refused');
            timer = self.setTimeout(open, AGAIN_MS);
        } else {
            turn('stale');
        }
    };
    for (const type of TYPES) {
        source.addEventListener(type, (event) => {
            const message = { kind: 'event', type, data: event.data, id: event.lastEventId };
            if (type === 'hello') {
                hello = message;
            }
            tell(message);
        });
    }
}

function connect(port: MessagePort): void {
    ports.add(port);
    port.onmessage = ({ data }: MessageEvent<{ open: string } | 'retry' | 'bye'>) => {
        if (data === 'bye') {
            ports.delete(port);
            return;
        }
        if (data === 'retry') {
            open();
            return;
        }
        if (!source || data.open !== address) {
            address = data.open;
            open();
        }
        port.postMessage({ kind: 'state', state });
        if (hello) {
            port.postMessage(hello);
        }
    };
    port.start();
}

interface SharedScope {
    onconnect: ((event: MessageEvent) => void) | null;
}
(self as unknown as SharedScope).onconnect = (event) => {
    const port = event.ports[0];
    if (port) {
        connect(port);
    }
};
