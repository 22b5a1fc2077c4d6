/* DESIGN 8: a client that reconnects misses nothing; nor does one that has just come. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

class FakeSource {
    static all: FakeSource[] = [];
    readonly CLOSED = 2;
    readyState = 1;
    onopen: () => void = () => undefined;
    onerror: () => void = () => undefined;
    private readonly handlers = new Map<string, (event: unknown) => void>();

    constructor(readonly url: string) {
        FakeSource.all.push(this);
    }

    addEventListener(type: string, handler: (event: unknown) => void): void {
        this.handlers.set(type, handler);
    }

    say(type: string, lastEventId: string, data: unknown): void {
        this.handlers.get(type)?.({ lastEventId, data: JSON.stringify(data) });
    }

    close(): void {
        this.readyState = this.CLOSED;
    }

    refuse(): void {
        this.close();
        this.onerror();
    }
}

function newest(): FakeSource {
    return FakeSource.all[FakeSource.all.length - 1] as FakeSource;
}

let answer: unknown = {};
const scope = globalThis as Record<string, unknown>;
const every = setInterval;
scope.EventSource = FakeSource;
scope.setInterval = (look: () => void, ms: number) => every(look, ms).unref(); // connections that nobody closes
scope.self = globalThis;
scope.location = { href: 'http://127.0.0.1:8420/' };
scope.fetch = () => Promise.resolve(new Response(JSON.stringify(answer)));

test('a connection that was refused goes on behind the last event', async () => {
    const { Stream } = await import('./stream');
    const said: string[] = [];
    const stream = new Stream('http://h/api/v1/events', {
        state: (state) => said.push(state),
        event: (type, data) => said.push(type + data),
    });
    assert.equal(newest().url, 'http://h/api/v1/events');
    newest().onopen();
    newest().say('hello', 'ab-6', { seq: 6 });
    newest().say('items', 'ab-7', {});
    newest().refuse();
    stream.open();
    assert.equal(newest().url, 'http://h/api/v1/events?last=ab-7');
    newest().onopen();
    assert.deepEqual(said, ['live', 'hello{"seq":6}', 'items{}', 'refused', 'live']);
    stream.close();
});

/** Date.now() and setInterval() by hand, for node 18 too, whose own mock knows no Date. Returns what lets time pass. */
function handClock(t: { after(done: () => void): void }): (ms: number) => void {
    const { now } = Date;
    const { setInterval, clearInterval } = globalThis;
    const timers = new Map<number, { every: number; due: number; run: () => void }>();
    let time = 1_000_000;
    Date.now = () => time;
    globalThis.setInterval = ((run: () => void, every: number) => {
        timers.set(timers.size + 1, { every, due: time + every, run });
        return timers.size;
    }) as never;
    globalThis.clearInterval = ((id: number) => timers.delete(id)) as never;
    t.after(() => {
        Date.now = now;
        Object.assign(globalThis, { setInterval, clearInterval });
    });
    return (ms) => {
        for (const end = time + ms; time < end; time += 1000) {
            for (const timer of [...timers.values()].filter(({ due }) => due <= time)) {
                timer.due += timer.every;
                timer.run();
            }
        }
    };
}

test('a server that says nothing for a while is stale, and is asked anew behind the last event', async (t) => {
    const pass = handClock(t);
    const { Stream } = await import('./stream');
    const said: string[] = [];
    const stream = new Stream('http://h/silent', {
        state: (state) => said.push(state),
        event: (type) => said.push(type),
    });
    newest().onopen();
    newest().say('items', 'ab-7', {});
    for (let beat = 0; beat < 5; beat++) {
        pass(15_000);
        newest().say('beat', '', {});
    }
    assert.deepEqual(said, ['live', 'items'], 'a beat tells that it lives, and nothing else');
    const silent = newest();
    pass(50_000);
    assert.deepEqual(said.slice(2), ['stale']);
    assert.equal(silent.readyState, silent.CLOSED);
    assert.equal(newest().url, 'http://h/silent?last=ab-7');
    newest().onopen();
    assert.deepEqual(said.slice(2), ['stale', 'live']);
    stream.close();
});

test('a tab that comes later is greeted with the number of the last event', async () => {
    await import('./sse.worker');
    const got: { kind: string; type?: string; data?: string }[] = [];
    const port = () => ({ postMessage: (message: never) => got.push(message), start: () => undefined, onmessage: (_: unknown) => undefined });
    const connect = scope.onconnect as (event: unknown) => void;
    const [one, two] = [port(), port()];
    connect({ ports: [one] });
    one.onmessage({ data: { open: 'http://h/events' } });
    newest().say('hello', 'ab-3', { seq: 3, boot: 'ab' });
    newest().say('items', 'ab-9', {});
    got.length = 0;
    connect({ ports: [two] });
    two.onmessage({ data: { open: 'http://h/events' } });
    assert.deepEqual(got[1], { kind: 'event', type: 'hello', data: '{"seq":9,"boot":"ab"}' });
    two.onmessage({ data: 'bye' });
    two.onmessage({ data: { open: 'http://h/events' } }); // a page out of the browser's cache
    got.length = 0;
    newest().say('items', 'ab-10', {});
    assert.equal(got.length, 2);
});

test('a list that is older than the stream is read anew', async () => {
    const { connect, on } = await import('./live');
    const { get } = await import('./api');
    let resets = 0;
    on('reset', () => resets++);
    answer = { seq: 4 };
    await get('items');
    connect();
    newest().say('hello', 'ab-5', { seq: 5, boot: 'ab', version: '' });
    assert.equal(resets, 1, 'something was told before we listened');
    answer = { seq: 5 };
    await get('items');
    assert.equal(resets, 1);
    answer = { seq: 4 };
    await get('runs'); // on its way while the stream was opened
    await get('runs');
    assert.equal(resets, 2);
    newest().say('hello', 'ab-8', { seq: 8, boot: 'ab', version: '' });
    assert.equal(resets, 2, 'the same server: it goes on where it was');
    newest().say('hello', 'cd-0', { seq: 0, boot: 'cd', version: '' });
    assert.equal(resets, 3, 'a new server');
});
