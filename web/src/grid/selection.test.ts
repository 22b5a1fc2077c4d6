/* Ticking rows: REQUIREMENTS B7, B8, B9, X6, X7. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Selection } from './selection';

const none = () => false;
const order = (count: number) => Int32Array.from({ length: count }, (_, at) => at);

test('B7: a click turns one row and leaves the others', () => {
    const picked = new Selection(5);
    picked.toggle(1);
    picked.toggle(3);
    assert.deepEqual(picked.rows(), [1, 3]);
    picked.toggle(1);
    assert.deepEqual(picked.rows(), [3]);
    assert.equal(picked.count, 1);
});

test('X7: a range gets the state that the clicked row gets, whatever the rows were', () => {
    const picked = new Selection(10);
    picked.toggle(4);
    picked.toggle(2);
    picked.range(order(10), 2, 6, true, none);
    assert.deepEqual(picked.rows(), [2, 3, 4, 5, 6]);
    picked.range(order(10), 5, 3, false, none);
    assert.deepEqual(picked.rows(), [2, 6]);
});

test('B8, B9: skipped rows stay unticked in a range, and are counted', () => {
    const picked = new Selection(10);
    const left = picked.range(order(10), 0, 9, true, (row) => row % 4 === 0);
    assert.equal(left, 3);
    assert.deepEqual(picked.rows(), [1, 2, 3, 5, 6, 7, 9]);
});

test('X6: a skipped row ticked by itself stays ticked when a range goes over it', () => {
    const picked = new Selection(4);
    picked.toggle(2);
    assert.equal(picked.range(order(4), 0, 3, true, (row) => row === 2), 0);
    assert.deepEqual(picked.rows(), [0, 1, 2, 3]);
});

test('a range follows the order shown, not the order of the data', () => {
    const picked = new Selection(6);
    picked.range(Int32Array.from([5, 0, 3, 1]), 0, 2, true, none);
    assert.deepEqual(picked.rows(), [0, 3, 5]);
});

test('ticks and anchor stay with their rows when the list is loaded anew', () => {
    const picked = new Selection(3);
    picked.toggle(0);
    picked.toggle(2);
    const was = [2, -1, 1, 0]; // new row -> old row
    picked.remap(4, (row) => was[row] ?? -1);
    assert.deepEqual(picked.rows(), [0, 3]);
    assert.equal(picked.anchor, 0);
    assert.equal(picked.count, 2);
});
