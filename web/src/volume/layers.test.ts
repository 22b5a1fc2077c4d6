import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstLook, idsOf, kindOf, placeText, type FileFacts, type Layer } from './layers';

const file = (name: string): FileFacts => ({ id: 1, project: 1, study: 1, psid: 'P#S', path: name, name, size: 1, tags: '/' });

test('files are told by their endings', () => {
    assert.equal(kindOf('a.nii.gz'), 'image');
    assert.equal(kindOf('A.TRK'), 'tracts');
    assert.equal(kindOf('a.nii.txt'), null);
});

test('the first image lies below in grey, others over it in colours', () => {
    const layers: Layer[] = [];
    for (const name of ['t1.nii.gz', 'mask.nii', 'fa.nii', 'aseg.nii', 'all.tck']) {
        layers.push(firstLook(file(name), layers));
    }
    assert.deepEqual(layers.map((l) => [l.map, l.opacity]), [['gray', 1], ['red', 0.6], ['winter', 0.6], ['roi_i256', 0.6], ['warm', 1]]);
});

test('ids of the address', () => {
    assert.deepEqual(idsOf('3,14,x,3,-1,'), [3, 14]);
    assert.deepEqual(idsOf(null), []);
    assert.equal(placeText([1, -2.34, 0.05]), '1.0, -2.3, 0.1');
});
