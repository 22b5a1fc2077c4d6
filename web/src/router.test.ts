/* Addresses of pages: they are links that people send to each other. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';

let router: typeof import('./router');
let changed: () => void;
before(async () => {
    const location = { hash: '' };
    const history = { replaceState: (_state: unknown, _title: string, to: string) => (location.hash = to) };
    Object.assign(globalThis, { location, history, addEventListener: (_name: string, done: () => void) => (changed = done) });
    router = await import('./router');
});

test('a link is read back as it was written, whatever the name has in it', () => {
    const name = 'beam/line 2 100% ü?#&';
    const { page, parts } = router.parseHash(router.link('p', name, 'tomography'));
    assert.equal(page, 'p');
    assert.deepEqual(parts, [name, 'tomography']);
});

test('what follows the question mark is the query', () => {
    const { parts, query } = router.parseHash('#/item/17/full?slice=3&auto=1');
    assert.deepEqual(parts, ['17', 'full']);
    assert.equal(query.get('slice'), '3');
});

test('a broken link does not throw', () => {
    assert.deepEqual(router.parseHash('#/p/100%/x').parts, ['100%', 'x']);
    assert.equal(router.parseHash('').page, '');
});

test('the address follows a slider, but never takes a page back that was just left', () => {
    router.go('#/item/17/full');
    changed();
    router.setQuery({ slice: 3 });
    assert.equal(location.hash, '#/item/17/full?slice=3');
    assert.equal(router.route.value.query.get('slice'), '3');
    router.go('#/jobs'); // the event is yet to come
    router.setQuery({ slice: 4 });
    assert.equal(location.hash, '#/jobs');
    changed();
    assert.equal(router.route.value.page, 'jobs');
});
