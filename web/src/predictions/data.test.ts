/* The words of predictions (REQUIREMENTS W5-W8, W13, X24). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupOf, hasResults, isLive, seriesState, sizeText, spacingText, valuesText, type Prediction } from './data';
import { groupTint, patientTints } from './patients';
import { Rows } from './rows';
import { order } from './order';

const ROW: Prediction = {
    id: 7, model: 'lungs', dataset: 'chest', dataset_id: 1, task: 'segmentation', user: 'ann', state: 'Failed (2 of 1000)',
    group: 'failed', total: 1000, finished: 1000, failed: 2, progress: 100, started: 1, ended: 2,
};

test('W8: results can be viewed once some are there and nothing is to come', () => {
    assert.equal(hasResults(ROW), true);
    assert.equal(hasResults({ ...ROW, failed: 1000 }), false);
    assert.equal(hasResults({ ...ROW, group: 'cancelled', failed: 0, cancelled: 1000 }), false);
    assert.equal(hasResults({ ...ROW, group: 'running' }), false);
    assert.equal(isLive({ ...ROW, group: 'waiting' }), true);
    assert.equal(groupOf('cancelled'), 'idle');
});

test('W6: a series of a task that an event tells of has the words of the list', () => {
    assert.deepEqual(seriesState('ready'), { state: 'Queued', group: 'waiting' });
    assert.deepEqual(seriesState('running'), { state: 'In Progress', group: 'running' });
    assert.deepEqual(seriesState('cached'), { state: 'Completed', group: 'done' });
    assert.deepEqual(seriesState('blocked'), { state: 'Failed', group: 'failed' });
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

test('W7: a reading that another one replaced says so, and nothing is concluded from it', async () => {
    const waits: ((answer: Response) => void)[] = [];
    const answer = (): Response => new Response(JSON.stringify({ total: 1, rows: [{ id: 7 }] }), { headers: { 'Content-Type': 'application/json' } });
    const ask = (_url: unknown, how?: RequestInit): Promise<Response> =>
        new Promise((resolve, reject) => {
            waits.push(resolve);
            how?.signal?.addEventListener('abort', () => reject(new Error('aborted')));
        });
    Object.assign(globalThis, { fetch: ask, requestAnimationFrame: () => 0, location: { href: 'http://localhost/' } });
    const rows = new Rows<{ id: number }>('predictions');
    const first = rows.load();
    const second = rows.load();
    waits[1]!(answer());
    assert.deepEqual([await first, await second, rows.rowOf(7)], [false, true, 0]);
});
