/* The scans in columns: what came from the server, and what live events make of it. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import type { ItemRow } from './live';

let items: typeof import('./items');
before(async () => {
    Object.assign(globalThis, { location: { hash: '', href: 'http://localhost/' }, addEventListener: () => undefined });
    items = await import('./items');
});

function page() {
    return {
        id: [11, 12, 13],
        name: ['a_001.h5', 'a_002.h5', 'b_001.h5'],
        series: ['a', 'a', 'b'],
        index: [1, 2, 1],
        size: [100, 200, 10],
        shape: [[180, 64, 128], null, [180, 64, 128]],
        cor: [61.5, null, null],
        cor_source: ['manual', null, null],
        confidence: [null, null, null],
        progress: [null, null, null],
        status: ['Ready', 'Ready', 'Skipped (small)'],
        group: ['idle', 'idle', 'skipped'],
        state: ['', '', ''],
        enabled: [null, null, null],
        skipped: [false, false, true],
        auto_skip: [false, false, true],
        own: [false, true, false],
        place: ['', '', ''],
        task: [0, 0, 0],
    };
}

const running: ItemRow = [12, 'Running on GPU 1', 'running', 'running', 0.5, 60, 'ai', 0.9, null, false, 'GPU 1', 7];

test('columns are read, counted and tinted by series (D4)', () => {
    const table = new items.ItemTable(1);
    table.fill([page()]);
    assert.equal(table.listed, 3);
    assert.equal(table.statusOf(2), 'Skipped (small)');
    assert.deepEqual([0, 1, 2].map((row) => table.tintOf(row)), [0, 0, 1]);
    assert.equal(table.shapeText(0), '180×64×128');
    assert.ok(Number.isNaN(table.cor[1]));
    assert.ok(table.autoSkipped(2));
    assert.ok(table.own(1));
});

test('a live row changes its columns and the counts; an unknown id is told', () => {
    const table = new items.ItemTable(1);
    table.fill([page()]);
    const unknown: number[] = [];
    const stranger: ItemRow = [99, 'Ready', 'idle', '', null, null, null, null, null, false, '', null];
    assert.deepEqual(table.apply([running, stranger], unknown), [1]);
    assert.deepEqual(unknown, [99]);
    assert.equal(table.groupOf(1), 'running');
    assert.equal(table.placeOf(1), 'GPU 1');
    assert.equal(table.cor[1], 60);
    assert.ok(table.own(1));
    assert.equal(table.counts[1], 1);
    assert.equal(table.listed, 3);
});

test('a row that is gone is no longer counted', () => {
    const table = new items.ItemTable(1);
    table.fill([page()]);
    assert.deepEqual(table.remove([12, 5]), [1]);
    assert.deepEqual(table.remove([12]), []);
    assert.equal(table.listed, 2);
    assert.ok(table.gone(1));
});

test('X6: a skipped row that was enabled by hand is no longer left out', () => {
    const table = new items.ItemTable(1);
    table.fill([page()]);
    table.apply([[13, 'Ready', 'idle', '', null, null, null, null, true, false, '', null]], []);
    assert.equal(table.autoSkipped(2), false);
    assert.equal(table.enabled(2), true);
});

test('loading anew says which row was which', () => {
    const table = new items.ItemTable(1);
    table.fill([page()]);
    const fresh = page();
    for (const column of Object.values(fresh)) {
        column.reverse();
    }
    const was = table.fill([fresh]);
    assert.deepEqual([0, 1, 2].map(was), [2, 1, 0]);
});
