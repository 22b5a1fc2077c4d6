/* The pure half of the viewers, judged on pictures whose answer is known (issue 3 part 5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { colours, cssColour, MAPS } from './colour';
import { drawPlane, edges } from './draw';
import { Loader } from './loader';
import { Lru } from './lru';
import { decodePlane, indexOf, planeBytes, valueAt, type Plane } from './plane';
import { digits, histogram, percentiles, profile, sample } from './stats';
import { fit, pan, rescaled, resized, same, toPane, toPicture, zoom } from './view';

function plane(width: number, height: number, at: (x: number, y: number) => number): Plane {
    const data = new Float32Array(width * height);
    for (let i = 0; i < data.length; i++) {
        data[i] = at(i % width, Math.floor(i / width));
    }
    return { width, height, data, lo: 0, hi: 1, fullWidth: width, fullHeight: height };
}

const light = (c: number): number =>
    0.2126 * (c & 255) + 0.7152 * ((c >> 8) & 255) + 0.0722 * ((c >> 16) & 255);

test('colour maps: ends as published, lightness rises, inverted is the mirror', () => {
    assert.equal(cssColour(colours('viridis'), 0), '#440154');
    assert.equal(cssColour(colours('viridis'), 255), '#fde725');
    assert.equal(cssColour(colours('inferno'), 255), '#fcffa4');
    assert.equal(cssColour(colours('grey'), 128), '#808080');
    for (const name of MAPS) {
        const table = colours(name);
        for (let i = 8; i < 256; i++) {
            assert.ok(light(table[i]!) >= light(table[i - 8]!), `${name} falls at ${i}`);
        }
        assert.equal(colours(name, true)[0], table[255]);
        assert.ok(table.every((c) => c >>> 24 === 255));
    }
});

test('colour maps: middle of viridis and inferno within 3 of the published table', () => {
    const near = (got: string, want: number): void => {
        const value = parseInt(got.slice(1), 16);
        for (const shift of [16, 8, 0]) {
            assert.ok(Math.abs(((value >> shift) & 255) - ((want >> shift) & 255)) <= 3, got);
        }
    };
    near(cssColour(colours('viridis'), 128), 0x21918c);
    near(cssColour(colours('inferno'), 128), 0xbc3754);
});

test('window: below is black, above is white, a ramp between; no width is a threshold', () => {
    const grey = colours('grey');
    const ramp = plane(5, 1, (x) => x);
    const draw = (lo: number, hi: number): number[] => {
        const pixels = drawPlane(ramp, { scale: 1, left: 0, top: 0 }, ramp, { lo, hi }, grey);
        return [...pixels].map((c) => c & 255);
    };
    assert.deepEqual(draw(1, 3), [0, 0, 128, 255, 255]);
    assert.deepEqual(draw(0, 4), [0, 64, 128, 191, 255]);
    assert.deepEqual(draw(2, 2), [0, 0, 0, 255, 255]);
});

test('bytes stand for values: the same window draws the same picture', () => {
    const grey = colours('grey');
    const bytes: Plane = {
        ...plane(1, 1, () => 0),
        width: 3,
        data: new Uint8Array([0, 128, 255]),
        lo: -10,
        hi: 245,
        fullWidth: 3,
    };
    assert.equal(valueAt(bytes, 1, 0), 118);
    assert.ok(Number.isNaN(valueAt(bytes, 3, 0)));
    const { gain, offset } = indexOf(bytes, { lo: -10, hi: 245 });
    assert.ok(Math.abs(gain - 1) < 1e-12 && Math.abs(offset) < 1e-9);
    const view = { scale: 1, left: 0, top: 0 };
    const pixels = drawPlane(bytes, view, { width: 3, height: 1 }, { lo: 118, hi: 245 }, grey);
    assert.deepEqual([...pixels].map((c) => c & 255), [0, 0, 255]);
});

test('drawing: smaller is the mean, larger is squares, outside is black', () => {
    const grey = colours('grey');
    const checks = plane(8, 8, (x, y) => ((x + y) % 2) * 255);
    const half = drawPlane(
        checks,
        { scale: 0.5, left: 0, top: 0 },
        { width: 4, height: 4 },
        { lo: 0, hi: 255 },
        grey,
    );
    assert.deepEqual([...new Set(half)].map((c) => c & 255), [128]);
    const large = drawPlane(
        plane(2, 1, (x) => x),
        { scale: 2, left: 1, top: 0 },
        { width: 6, height: 3 },
        { lo: 0, hi: 1 },
        grey,
    );
    const row = [...large.subarray(0, 6)].map((c) => c >>> 0);
    assert.deepEqual(row, [0xff000000, grey[0], grey[0], grey[255], grey[255], 0xff000000]);
    assert.equal(large[12], 0xff000000);
});

test('drawing: every picture pixel counts once at any scale', () => {
    for (const scale of [0.37, 0.11, 0.93]) {
        const n = Math.ceil(100 * scale) + 1;
        const at = edges(n, 0.4, scale, 100);
        assert.equal(at[n], 100);
        for (let i = 0; i < n; i++) {
            assert.ok(at[i + 1]! >= at[i]!);
        }
    }
});

test('drawing: a missing value is black, not the lowest colour', () => {
    const viridis = colours('viridis');
    const holes = plane(2, 1, (x) => (x ? NaN : -1));
    const view = { scale: 1, left: 0, top: 0 };
    const pixels = drawPlane(holes, view, holes, { lo: 0, hi: 1 }, viridis);
    assert.deepEqual([...pixels], [viridis[0], 0xff000000]);
});

test('percentiles: 5 and 95 % of a ramp; NaN does not count; a flat picture has a window', () => {
    const ramp = plane(1000, 100, (x) => x);
    const { lo, hi } = percentiles(ramp);
    assert.ok(Math.abs(lo - 50) < 6 && Math.abs(hi - 949) < 6, `${lo} ${hi}`);
    const holes = plane(100, 1, (x) => (x < 50 ? NaN : 7));
    assert.deepEqual(percentiles(holes), { lo: 7, hi: 8 });
    const dot = plane(100, 1, (x) => (x === 3 ? 1 : 0));
    assert.deepEqual(percentiles(dot), { lo: 0, hi: 1 });
    assert.deepEqual(percentiles(plane(1, 1, () => NaN)), { lo: 0, hi: 1 });
});

test('sampling a large picture sees every column', () => {
    const seen = new Set(sample(plane(512, 512, (x) => x)));
    assert.equal(seen.size, 512);
});

test('histogram: counts add up, ends are the lowest and highest value', () => {
    const h = histogram(plane(256, 4, (x) => x), 16);
    assert.equal(h.lo, 0);
    assert.equal(h.hi, 255);
    assert.equal(h.counts.reduce((a, b) => a + b), 1024);
    assert.ok(h.counts.every((n) => n === 64));
    assert.equal(histogram(plane(2, 2, () => 5), 4).counts[0], 4);
    assert.equal(histogram(plane(1, 1, () => NaN), 4).counts[0], 0);
});

test('profile: exact on a slope at any angle, NaN outside', () => {
    const slope = plane(50, 50, (x, y) => 2 * x + y);
    const p = profile(slope, 10.5, 10.5, 30.5, 20.5);
    assert.equal(p.distance.length, Math.round(Math.hypot(20, 10)) + 1);
    p.value.forEach((v, i) => {
        const t = i / (p.value.length - 1);
        assert.ok(Math.abs(v - (2 * (10 + 20 * t) + 10 + 10 * t)) < 1e-3);
    });
    assert.ok(Number.isNaN(profile(slope, -5, 5, 5, 5).value[0]!));
});

test('numbers carry the digits their range needs', () => {
    assert.equal(digits(0.0123456, 0.05), '0.0123');
    assert.equal(digits(1031.5, 20000), '1032');
    assert.equal(digits(12.345, 10), '12.3');
    assert.equal(digits(12.345, 9), '12.35');
    assert.equal(digits(NaN, 1), '–');
});

test('view: fit is the middle, zoom keeps the point, pan keeps a strip, resize keeps a fit', () => {
    const picture = { width: 200, height: 100 };
    const pane = { width: 400, height: 400 };
    const all = fit(picture, pane);
    assert.deepEqual(all, { scale: 2, left: 0, top: 100 });
    const near = zoom(all, picture, 100, 150, 3);
    assert.deepEqual(toPicture(near, 100, 150), toPicture(all, 100, 150));
    assert.deepEqual(toPane(near, 50, 25), { x: 100, y: 150 });
    assert.equal(zoom(near, picture, 0, 0, 1e9).scale, 64);
    assert.ok(zoom(near, picture, 0, 0, 1e-9).scale * 200 >= 15.9);
    const far = pan(all, picture, pane, 1e6, -1e6);
    assert.deepEqual([far.left, far.top], [360, -160]);
    const wide = { width: 800, height: 300 };
    assert.ok(same(resized(all, picture, pane, wide), fit(picture, wide)));
    assert.equal(resized(near, picture, pane, wide).scale, near.scale);
    const copy = rescaled(all, picture, { width: 50, height: 25 });
    assert.equal(copy.scale, 8);
});

test('a reply is a plane, or an error that says what is wrong', () => {
    const headers: Record<string, string> = { 'X-Width': '3', 'X-Height': '2', 'X-Lo': '-1', 'X-Hi': '4' };
    const header = (name: string): string | null => headers[name] ?? null;
    assert.ok(decodePlane(new ArrayBuffer(24), header).data instanceof Float32Array);
    assert.ok(decodePlane(new ArrayBuffer(6), header).data instanceof Uint8Array);
    assert.equal(decodePlane(new ArrayBuffer(6), header).lo, -1);
    assert.throws(() => decodePlane(new ArrayBuffer(5), header), /3 x 2 came with 5 bytes/);
    assert.throws(() => decodePlane(new ArrayBuffer(5), () => null), /X-Width/);
});

test('lru: bounded in bytes, the least recently used goes first', () => {
    const lru = new Lru<number>(10, (n) => n);
    lru.put('a', 4);
    lru.put('b', 4);
    assert.equal(lru.get('a'), 4);
    lru.put('c', 4);
    assert.equal(lru.has('b'), false);
    assert.equal(lru.has('a'), true);
    lru.put('huge', 11);
    assert.equal(lru.bytes, 8);
    lru.put('a', 1);
    assert.equal(lru.bytes, 5);
    lru.clear();
    assert.equal(lru.bytes, 0);
});

/** A fetcher whose pictures arrive when the test says so. */
function slow() {
    const open = new Map<string, { done: () => void; aborted: boolean }>();
    const asked: string[] = [];
    const fetcher = (url: string, signal: AbortSignal): Promise<Plane> =>
        new Promise((resolve, reject) => {
            asked.push(url);
            const entry = { done: () => resolve(plane(4, 1, () => 1)), aborted: false };
            open.set(url, entry);
            signal.addEventListener('abort', () => {
                entry.aborted = true;
                reject(new DOMException('given up', 'AbortError'));
            });
        });
    return { fetcher, open, asked };
}
const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 0));

test('loader: what is wanted now gives up what was wanted before', async () => {
    const { fetcher, open, asked } = slow();
    const loader = new Loader(1000, fetcher);
    const first = loader.want('1');
    const second = loader.want('2');
    await assert.rejects(first, { name: 'AbortError' });
    open.get('2')!.done();
    assert.equal((await second).width, 4);
    assert.ok(loader.have('2'));
    await loader.want('2');
    assert.deepEqual(asked, ['1', '2']);
});

test('loader: neighbours come one after the other behind the wanted one', async () => {
    const { fetcher, open, asked } = slow();
    const loader = new Loader(1000, fetcher);
    const now = loader.want('5');
    loader.ahead(['6', '4', '7']);
    await settle();
    assert.deepEqual(asked, ['5']);
    open.get('5')!.done();
    await now;
    await settle();
    assert.deepEqual(asked, ['5', '6']);
    open.get('6')!.done();
    await settle();
    assert.deepEqual(asked, ['5', '6', '4']);
    const next = loader.want('4');
    assert.equal(open.get('4')!.aborted, false);
    open.get('4')!.done();
    await next;
    await settle();
    assert.deepEqual(asked, ['5', '6', '4']);
});

test('loader: what is no longer asked for ahead is given up', async () => {
    const { fetcher, open } = slow();
    const loader = new Loader(1000, fetcher);
    const now = loader.want('5');
    open.get('5')!.done();
    await now;
    loader.ahead(['huge', '6']);
    void loader.want('5');
    loader.ahead(['6']);
    assert.equal(open.get('huge')!.aborted, true);
    await settle();
    assert.equal(open.get('6')!.aborted, false);
});

test('loader: holds no more than its bound, and does not fetch ahead what would push out', async () => {
    const { fetcher, open, asked } = slow();
    const loader = new Loader(64, fetcher);
    const one = loader.want('0');
    open.get('0')!.done();
    assert.equal(planeBytes(await one), 16);
    loader.ahead(['1', '2', '3', '4', '5', '6']);
    for (const url of ['1', '2', '3', '4']) {
        await settle();
        open.get(url)?.done();
    }
    await settle();
    assert.deepEqual(asked, ['0', '1', '2']);
    assert.ok(loader.bytes <= 64);
});

test('loader: what was forgotten is asked for again', async () => {
    const { fetcher, open, asked } = slow();
    const loader = new Loader(1000, fetcher);
    const first = loader.want('1');
    open.get('1')!.done();
    await first;
    loader.forget();
    assert.equal(loader.have('1'), undefined);
    void loader.want('1');
    assert.deepEqual(asked, ['1', '1']);
});

test('loader: a failure reaches who wanted it, and can be asked for again', async () => {
    let fails = true;
    const loader = new Loader(1000, () =>
        fails ? Promise.reject(new Error('slice 7 is not made yet')) : Promise.resolve(plane(1, 1, () => 0)),
    );
    await assert.rejects(loader.want('7'), /not made yet/);
    fails = false;
    assert.ok(await loader.want('7'));
});
