/* Metadata as a table (issue 3 part 5). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metaCsv, metaFind, metaRows } from './metadata';

const nodes = [
    { path: '/', kind: 'group', attributes: { creator: 'areaDetector' } },
    { path: '/exchange', kind: 'group' },
    { path: '/exchange/data', kind: 'dataset', shape: [180, 2, 64], dtype: 'uint16', attributes: { units: 'counts', axes: 'theta:y:x' } },
    { path: '/exchange/more', kind: 'link', target: 'other.h5:/data' },
    { path: '/title', kind: 'dataset', dtype: 'string', value: 'bone, "wet"\nsecond line' },
];

test('data sets, links and attributes as rows, groups only by their attributes', () => {
    assert.deepEqual(
        metaRows(nodes).map((row) => row.path),
        ['/@creator', '/exchange/data', '/exchange/data@axes', '/exchange/more', '/title'],
    );
    const [, data, , more] = metaRows(nodes);
    assert.deepEqual([data!.type, data!.units], ['180 × 2 × 64  uint16', 'counts']);
    assert.deepEqual([more!.value, more!.type], ['→ other.h5:/data', 'link']);
});

test('search: every word, anywhere, any letter case', () => {
    assert.equal(metaFind(metaRows(nodes), 'EXCHANGE counts').length, 1);
    assert.equal(metaFind(metaRows(nodes), 'wet').length, 1);
    assert.equal(metaFind(metaRows(nodes), 'wet exchange').length, 0);
    assert.equal(metaFind(metaRows(nodes), ' ').length, 5);
});

test('CSV: quotes where they are needed, one head line', () => {
    const csv = metaCsv(metaFind(metaRows(nodes), 'title'));
    assert.equal(csv, 'path,value,units,type\r\n/title,"bone, ""wet""\nsecond line",,string\r\n');
});
