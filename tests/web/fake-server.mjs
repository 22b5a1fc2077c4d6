// A stand-in for `gantry serve` with any number of made-up scans, for what a real one cannot give on demand: 100,000
// rows, and changes at a set rate. Serves web/dist and just enough of the API for the batch table.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { ROOT } from './browser.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const GROUPS = ['idle', 'waiting', 'running', 'done', 'partial', 'failed', 'skipped'];
const WORDS = ['Ready', 'Queued', 'Running on GPU 1', 'Full 0-2047', 'Done try', 'Full failed', 'Skipped (small)'];

/** The same numbers every time. */
function random(seed) {
    let state = seed;
    return (below) => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state % below;
    };
}

export function makeColumns(rows) {
    const next = random(12345);
    const columns = { id: [], name: [], series: [], index: [], status: [], group: [], state: [], cor: [], cor_source: [],
        confidence: [], enabled: [], skipped: [], auto_skip: [], skip_reason: [], size: [], shape: [], tags: [], own: [],
        changed_us: [], task: [], place: [], progress: [] };
    let series = 0;
    let left = 0;
    for (let row = 0; row < rows; row++) {
        if (left-- <= 0) {
            series++;
            left = 3 + next(12);
        }
        const kind = next(7);
        const prefix = `2026-04_${['XANES2D', 'bone', 'shale', 'battery'][series % 4]}_s${String(series).padStart(5, '0')}`;
        const values = {
            id: row + 1, name: `${prefix}_${String(20 - left).padStart(3, '0')}.h5`, series: prefix, index: 20 - left,
            status: WORDS[kind], group: GROUPS[kind], state: '', cor: next(10) === 0 ? null : 1000 + next(6000) / 100,
            cor_source: 'auto', confidence: next(100) / 100, enabled: null, skipped: kind === 6, auto_skip: kind === 6,
            skip_reason: kind === 6 ? 'small' : '', size: next(4_000_000_000), shape: [1500, 2048, 2448], tags: '',
            own: false, changed_us: 0, task: 0, place: kind === 2 ? 'GPU 1' : '', progress: kind === 2 ? 0.3 : null,
        };
        for (const [key, list] of Object.entries(columns)) {
            list.push(values[key]);
        }
    }
    return columns;
}

function sliceOf(columns, offset, limit) {
    return Object.fromEntries(Object.entries(columns).map(([key, list]) => [key, list.slice(offset, offset + limit)]));
}

/** Rows [id, status, group, ...] as a live event has them: half of them among the first 40, where they are seen. */
function makeChanges(columns, count, next) {
    const rows = columns.id.length;
    return Array.from({ length: count }, (_, at) => {
        const row = at % 2 ? next(rows) : next(Math.min(40, rows));
        return [row + 1, 'Running on GPU 1', 'running', 'running', next(100) / 100, columns.cor[row], 'auto',
            columns.confidence[row], null, false, 'GPU 1', 7];
    });
}

export async function serveFake({ rows = 1000 } = {}) {
    const columns = makeColumns(rows);
    const streams = new Set();
    const next = random(7);
    let serial = 0;

    const json = (response, body) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify(body));
    };
    const api = (url, request, response) => {
        const project = { id: 1, name: 'many', root: '/data/many', min_size_pct: 50, items: rows };
        switch (url.pathname.replace('/api/v1/', '')) {
            case 'session':
                return json(response, { user: 'me', role: 'admin', csrf: 'x', accounts: false });
            case 'projects':
                return json(response, [project]);
            case 'items': {
                const offset = Number(url.searchParams.get('offset') ?? 0);
                const limit = Number(url.searchParams.get('limit') ?? 100);
                return json(response, { total: rows, seq: 0, columns: sliceOf(columns, offset, limit) });
            }
            case 'runs':
                return json(response, []);
            case 'watch':
                return json(response, { on: false, lines: [] });
            case 'events':
                response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
                response.write(`event: hello\ndata: {"seq":0,"version":"fake","boot":"1"}\n\n`);
                streams.add(response);
                request.on('close', () => streams.delete(response));
                return undefined;
            default:
                return json(response, {});
        }
    };
    const server = createServer(async (request, response) => {
        const url = new URL(request.url, 'http://localhost');
        if (url.pathname.startsWith('/api/')) {
            api(url, request, response);
            return;
        }
        const file = path.join(ROOT, 'web/dist', path.normalize(url.pathname === '/' ? '/index.html' : url.pathname));
        try {
            const body = await readFile(file);
            response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' });
            response.end(body);
        } catch {
            response.writeHead(404).end();
        }
    });
    await new Promise((done) => server.listen(0, '127.0.0.1', done));

    const send = (type, data) => {
        for (const stream of streams) {
            stream.write(`id: ${++serial}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
        }
    };
    return {
        url: `http://127.0.0.1:${server.address().port}/`,
        columns,
        send,
        /** Change so many rows a second, in a batch every 50 ms as the engine does, until the returned stop(). */
        feed(perSecond) {
            let sent = 0;
            const began = performance.now();
            const timer = setInterval(() => {
                const due = Math.floor(((performance.now() - began) / 1000) * perSecond) - sent;
                if (due > 0) {
                    sent += due;
                    send('items', { project: 1, rows: makeChanges(columns, due, next) });
                }
            }, 50);
            return () => {
                clearInterval(timer);
                return sent;
            };
        },
        close() {
            for (const stream of streams) {
                stream.end();
            }
            server.close();
            server.closeAllConnections();
        },
    };
}
