/* Order and filter of the rows shown. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { View } from './view';

test('without filter and order all rows are shown as they come', () => {
    const view = new View();
    view.build(4, null, null);
    assert.deepEqual([...view.order], [0, 1, 2, 3]);
    assert.equal(view.position(2), 2);
    assert.equal(view.row(9), -1);
});

test('filter and order; equal rows keep the order of the data', () => {
    const value = [3, 1, 2, 1, 9];
    const view = new View();
    view.build(5, (row) => value[row] !== 9, (a, b) => (value[a] ?? 0) - (value[b] ?? 0));
    assert.deepEqual([...view.order], [1, 3, 2, 0]);
    assert.equal(view.position(4), -1);
});

test('changed rows move to where they belong: same result as building anew (1,000 random changes)', () => {
    let seed = 7;
    const random = (below: number) => (seed = (seed * 48271) % 2147483647) % below;
    const value = Array.from({ length: 300 }, () => random(50));
    const accept = (row: number) => value[row] !== 13;
    const compare = (a: number, b: number) => (value[a] ?? 0) - (value[b] ?? 0);
    const view = new View();
    view.build(300, accept, compare);
    for (let change = 0; change < 1000; change++) {
        const rows = Array.from({ length: 1 + random(4) }, () => random(300));
        for (const row of rows) {
            value[row] = random(50);
        }
        view.update(rows);
        const fresh = new View();
        fresh.build(300, accept, compare);
        assert.deepEqual(view.order, fresh.order);
        rows.forEach((row) => assert.equal(view.position(row), fresh.position(row)));
    }
});

test('a change that moves nothing says so', () => {
    const view = new View();
    view.build(10, null, null);
    assert.equal(view.update([3, 4]), false);
});
