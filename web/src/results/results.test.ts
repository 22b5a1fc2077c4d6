import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawBoxes, turned, turnedBack, turnOf } from './grid';
import { countLabels, readMask, writeMask } from './nifti';
import { presetsFor } from './looks';

const AFFINE = [[-2, 0, 0, 10], [0, 2, 0, -5], [0, 0, 3, 1]];

test('a mask is read as it was written; what is none is refused', () => {
    const labels = Uint8Array.from({ length: 24 }, (_, i) => i % 3);
    const bytes = writeMask({ dims: [2, 3, 4], labels }, AFFINE);
    assert.deepEqual(readMask(bytes), { dims: [2, 3, 4], labels });
    assert.throws(() => readMask(bytes.slice(0, 360)), /cut short/);
    assert.throws(() => readMask(new ArrayBuffer(400)), /no NIfTI-1/);
    assert.deepEqual(countLabels(labels).slice(0, 4), [8, 8, 8, 0]);
});

test('W8: voxels lie where they were after turning and turning back, for all 48 orientations', () => {
    const dims = [2, 3, 4] as const;
    const labels = Uint8Array.from({ length: 24 }, (_, i) => i + 1);
    for (const order of [[1, 2, 3], [1, 3, 2], [2, 1, 3], [2, 3, 1], [3, 1, 2], [3, 2, 1]]) {
        for (let signs = 0; signs < 8; signs++) {
            const perm = order.map((axis, k) => ((signs >> k) & 1 ? -axis : axis));
            const out = turned(labels, dims, dims, perm);
            const turn = turnOf(perm, dims);
            assert.equal(new Set(out).size, 24);
            assert.equal(out[turn.start], labels[0]);
            assert.deepEqual(turnedBack(out, dims, perm), labels, perm.join());
        }
    }
});

test('a coarser grid takes the middle of each block', () => {
    const labels = new Uint8Array(4 * 4 * 2);
    labels[(1 * 4 + 3) * 4 + 1] = 7; // column 1, row 3, slice 1
    assert.equal(turned(labels, [4, 4, 2], [2, 2, 1], [1, 2, 3])[2], 7);
});

test('boxes are their faces', () => {
    const out = drawBoxes([{ label: 'a', score: 1, min: [1, 1, 0], max: [4, 4, 3] }], [5, 5, 3]);
    assert.equal(out.filter((x) => x === 1).length, 27 - 1);
    assert.equal(out[(1 * 5 + 2) * 5 + 2], 0);
});

test('windows of anatomy are for CT', () => {
    assert.deepEqual(presetsFor('CT').map((one) => one.name), ['Lung', 'Soft tissue', 'Bone', 'Brain', 'Full']);
    assert.deepEqual(presetsFor('MR').map((one) => one.name), ['Auto', 'Full']);
});
