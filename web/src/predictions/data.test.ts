/* The words of predictions (REQUIREMENTS W3, W5-W7, W13, X24). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aboutText, checkText, groupOf, hasResults, isLive, sizeText, spacingText, valuesText, type Check, type Prediction } from './data';
import { groupTint, patientTints } from './patients';
import type { Rows } from './rows';
import { order } from './order';

const CHECK: Check = {
    total: 1000, fit: 997, seconds: 7800, slots: 2,
    misfits: [{ reason: 'MR', n: 2, items: [5, 9] }, { reason: 'with 12 slices', n: 1, items: [11] }],
};

test('W3: what a submission would do, in one line', () => {
    assert.equal(checkText(CHECK), '1,000 series, 3 do not fit (2 MR, 1 with 12 slices), about 2 h 10 min on 2 slots');
    assert.equal(checkText({ ...CHECK, total: 1, fit: 1, misfits: [], seconds: 40, slots: 1 }), '1 series, it fits, about 40 s on 1 slot');
    assert.equal(checkText({ ...CHECK, total: 4, fit: 4, misfits: [], seconds: null }), '4 series, all fit, time not known yet, on 2 slots');
    assert.equal(aboutText(0.2), '1 s');
    assert.equal(aboutText(720), '12 min');
});

const ROW: Prediction = {
    id: 7, model: 'lungs', dataset: 'chest', dataset_id: 1, task: 'segmentation', user: 'ann', state: 'Failed (2 of 1000)',
    group: 'failed', total: 1000, finished: 1000, failed: 2, progress: 100, started: 1, ended: 2,
};

test('W8: results can be viewed once some are there and nothing is to come', () => {
    assert.equal(hasResults(ROW), true);
    assert.equal(hasResults({ ...ROW, failed: 1000 }), false);
    assert.equal(hasResults({ ...ROW, group: 'running' }), false);
    assert.equal(isLive({ ...ROW, group: 'waiting' }), true);
    assert.equal(groupOf('cancelled'), 'idle');
});

test('W12: sizes, spacings and values as they are read', () => {
    assert.equal(sizeText({ id: 1, name: 'a', columns: 512, rows: 512, slices: 300 }), '512 × 512 × 300');
    assert.equal(sizeText({ id: 1, name: 'a', columns: 4, rows: 4, slices: 3, times: 20 }), '4 × 4 × 3 × 20');
    assert.equal(spacingText([0.703125, 0.703125, 5]), '0.703 × 0.703 × 5');
    assert.equal(spacingText(null), '');
    assert.equal(valuesText({ 'ml.lung': 4123.456, device: 'CPU', seconds_model: 2 }), 'lung 4123 ml');
    assert.equal(valuesText({ label: 'effusion', 'score.effusion': 0.91234 }), 'effusion, effusion 0.9123');
});

test('W13: neighbouring patients have different tints, rows of one patient the same', () => {
    const rows = { list: ['b', 'a', 'b', ''].map((patient, id) => ({ id, patient })) } as unknown as Rows<{ id: number; patient?: string }>;
    const tints = patientTints(rows);
    const seen = [0, 1, 2, 3].map((row) => groupTint(tints, row));
    assert.equal(seen[0], seen[2]);
    assert.notEqual(seen[0], seen[1]);
    assert.equal(seen[3], -1);
});

test('columns: numbers by size, texts by letters, without a value last', () => {
    assert.deepEqual([10, null, 9].sort(order), [9, 10, null]);
    assert.deepEqual(['b', '', 'a'].sort(order), ['a', 'b', '']);
});
