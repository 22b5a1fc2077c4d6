/* Order and progress of the centre review (issue 3 part 4). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isChecked, keepOrder, nearestCentre, nextUnchecked, reviewOrder, type ReviewRow } from './review-order';

function row(id: number, series: string, confidence: number | null, more: Partial<ReviewRow> = {}): ReviewRow {
    return { id, name: `${series}_${id}`, series, index: id, cor: 10, source: 'auto', confidence, ...more };
}

test('lowest confidence first, series together', () => {
    const rows = [row(1, 'a', 0.9), row(2, 'b', 0.8), row(3, 'a', 0.2), row(4, 'b', 0.5), row(5, 'c', 0.95)];
    assert.deepEqual(reviewOrder(rows), [3, 1, 4, 2, 5]);
});

test('an unknown confidence comes before a low one, a checked scan last', () => {
    const rows = [row(1, 'a', 0.9), row(2, 'a', null), row(3, 'a', null, { source: 'manual' }), row(4, 'a', 0.1)];
    assert.deepEqual(reviewOrder(rows), [2, 4, 1, 3]);
});

test('a series whose scans are all checked goes behind the others', () => {
    const rows = [row(1, 'a', 0.1, { source: 'manual' }), row(2, 'b', 0.99)];
    assert.deepEqual(reviewOrder(rows), [2, 1]);
});

test('the order of an earlier visit stays; new ones come last, lost ones leave', () => {
    const rows = [row(1, 'a', 0.9), row(2, 'a', 0.1), row(4, 'b', 0.5), row(5, 'b', 0.4)];
    assert.deepEqual(keepOrder([1, 3, 2], rows), [1, 2, 5, 4]);
});

test('checked is a manual centre, nothing else', () => {
    assert.ok(isChecked(row(1, 'a', 1, { source: 'manual' })));
    assert.ok(!isChecked(row(1, 'a', 1, { source: 'manual', cor: null })));
    assert.ok(!isChecked(row(1, 'a', 1, { source: 'outlier-fixed' })));
});

test('nearest centre; the middle when there is no value', () => {
    assert.equal(nearestCentre([10, 10.5, 11], 10.6), 1);
    assert.equal(nearestCentre([10, 10.5, 11], 99), 2);
    assert.equal(nearestCentre([10, 10.5, 11], null), 1);
});

test('next unchecked goes round and stays when all are checked', () => {
    const checked = new Set([2, 3]);
    assert.equal(nextUnchecked([1, 2, 3, 4], 0, (id) => checked.has(id)), 3);
    assert.equal(nextUnchecked([1, 2, 3, 4], 3, (id) => checked.has(id)), 0);
    assert.equal(nextUnchecked([1, 2], 1, () => true), 1);
});
