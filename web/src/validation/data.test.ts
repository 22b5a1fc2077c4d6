import assert from 'node:assert/strict';
import { test } from 'node:test';
import { axisOf, figureText, shareText, sorted, valuesOf, type Judged, type Outcome } from './data';

const row = (item: number, dice: Judged['dice'], labels: object[] = []) =>
    ({ item, name: `s${item}`, state: dice === undefined ? 'no truth' : 'compared', dice, labels }) as unknown as Judged;

test('W8: what is no number is not shown as one', () => {
    assert.equal(figureText('inf'), '∞');
    assert.equal(figureText(null), '–');
    assert.equal(figureText(undefined), '–');
    assert.equal(figureText(0.12345), '0.123');
    assert.equal(shareText({ value: 0.5, low: 0.25, high: 0.75 }), '0.500 (0.250–0.750)');
    assert.equal(shareText({ value: 1, low: null, high: null }), '1.000');
    assert.equal(shareText({ value: null, low: null, high: null }), '–');
});

test('W8: rows by any column, those without a value last', () => {
    const rows = [row(1, 0.2), row(2, undefined), row(3, 0.9), row(4, 0.2)];
    const items = (column: Parameters<typeof sorted>[1], up: boolean) => sorted(rows, column, up).map((one) => one.item);
    assert.deepEqual(items(null, true), [1, 2, 3, 4]);
    assert.deepEqual(items('dice', true), [1, 4, 3, 2]);
    assert.deepEqual(items('dice', false), [3, 1, 4, 2]);
    assert.deepEqual(items('name', false), [4, 3, 2, 1]);
});

test('W8: figures of one label, and axes that hold them', () => {
    const rows = [row(1, 0.2, [{ value: 1, hd95: 'inf' }, { value: 2, hd95: 3 }]), row(2, 0.5, [{ value: 1, hd95: 12 }])];
    const outcome = { rows } as Outcome;
    assert.deepEqual(valuesOf(outcome, 1, 'hd95'), [Infinity, 12]);
    assert.deepEqual(sorted(rows, 'hd95:1', true).map((one) => one.item), [2, 1]);
    assert.deepEqual(axisOf('hd95', [Infinity, 12]), [0, 20]);
    assert.deepEqual(axisOf('dice', []), [0, 1]);
    assert.deepEqual(axisOf('volume_ml', [-0.3, 1.2]), [-1, 2]);
    assert.deepEqual(axisOf('hd95', []), [0, 1]);
});
