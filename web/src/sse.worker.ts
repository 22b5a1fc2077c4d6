/* One connection for all tabs of the browser: HTTP/1.1 allows six connections to a host, so a connection a tab would
 * hang the seventh. Every tab connects to this SharedWorker by a port and sends the address once.
 *
 * To a tab: { kind: 'state', state } when the connection changes, { kind: 'event', type, data } otherwise; a tab that
 * comes later gets a `hello` of its own, with the number of the last event that came before it.
 * From a tab: { open: url }, 'retry' (it has logged in again), 'bye'.
 */
import { Stream } from './stream';

const ports = new Set<MessagePort>();
let stream: Stream | null = null;
let hello = '';

function tell(message: unknown): void {
    for (const port of ports) {
        port.postMessage(message);
    }
}

function open(address: string): void {
    stream?.close();
    hello = '';
    stream = new Stream(address, {
        state: (state) => tell({ kind: 'state', state }),
        event: (type, data) => {
            if (type === 'hello') {
                hello = data;
            }
            tell({ kind: 'event', type, data });
        },
    });
}

/** The server's words, as it would say them now. */
function lateHello(last: string): string {
    return JSON.stringify({ ...(JSON.parse(hello) as object), seq: Number(last.slice(last.lastIndexOf('-') + 1)) });
}

function connect(port: MessagePort): void {
    ports.add(port);
    port.onmessage = ({ data }: MessageEvent<{ open: string } | 'retry' | 'bye'>) => {
        if (data === 'bye') {
            ports.delete(port);
            return;
        }
        if (data === 'retry') {
            stream?.open();
            return;
        }
        ports.add(port);
        if (data.open !== stream?.address) {
            open(data.open);
        }
        port.postMessage({ kind: 'state', state: stream?.state });
        if (hello && stream) {
            port.postMessage({ kind: 'event', type: 'hello', data: lateHello(stream.last) });
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
