/* Prediction Settings: from a model's card to a form, from what was typed to values (REQUIREMENTS W3, W14). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsOf, limitsText, readForm, typedOf, type Settings } from './settings';

const CARD: Settings = {
    overlap: { type: 'number', default: 0.5, minimum: 0, maximum: 0.9, help: 'of patches' },
    labels: { type: 'labels', default: ['lung', 'heart'] },
    slice_first: { type: 'integer', default: 0, minimum: 0 },
    slice_last: { type: 'integer', default: -1, minimum: -1 },
    batch_size: { type: 'integer', default: 1, minimum: 1, maximum: 8, label: 'patches at once' },
    mirror: { type: 'boolean', default: false },
    largest_only: { type: 'labels', default: [], minimum: 0 },
    blend: { type: 'choice', default: 'gauss', choices: ['gauss', 'none'] },
    note: { type: 'text', default: '' },
};
const FIELDS = fieldsOf(CARD, ['lung', 'opacity', 'heart']);
const read = (changed: Record<string, string | boolean | string[]>) => readForm(FIELDS, { ...typedOf(CARD), ...changed });

test('W3: a field for each setting, in the order of the card; first and last slice are one', () => {
    assert.deepEqual(FIELDS.map((field) => field.kind), ['number', 'labels', 'range', 'integer', 'boolean', 'labels', 'choice', 'text']);
    assert.deepEqual(FIELDS.map((field) => field.label), ['Overlap', 'Labels', 'Slices', 'Patches at once', 'Mirror', 'Largest only', 'Blend', 'Note']);
    const labels = FIELDS[1];
    assert.deepEqual(labels?.kind === 'labels' && labels.choices, ['lung', 'opacity', 'heart']);
    assert.deepEqual(fieldsOf(null), []);
});

test('W3: the defaults, untouched, are the values', () => {
    assert.deepEqual(read({}), {
        values: {
            overlap: 0.5, labels: ['lung', 'heart'], slice_first: 0, slice_last: -1, batch_size: 1, mirror: false, largest_only: [], blend: 'gauss', note: '',
        },
        problems: {},
    });
});

test('W3: the settings of a prediction that is duplicated stand over the defaults', () => {
    const typed = typedOf(CARD, { overlap: 0.25, mirror: true, labels: ['opacity'], gone: 1 });
    assert.equal(typed.overlap, '0.25');
    assert.equal(typed.mirror, true);
    assert.deepEqual(typed.labels, ['opacity']);
    assert.equal('gone' in typed, false);
});

test('W14: what is out of range, no number or no whole number is said at its field', () => {
    assert.equal(read({ overlap: '0.95' }).problems.overlap, 'A number from 0 to 0.9 is needed.');
    assert.equal(read({ overlap: 'nan' }).problems.overlap, 'A number from 0 to 0.9 is needed.');
    assert.equal(read({ overlap: ' ' }).problems.overlap, 'A number from 0 to 0.9 is needed.');
    assert.equal(read({ batch_size: '1.5' }).problems.batch_size, 'A whole number from 1 to 8 is needed.');
    assert.equal(read({ labels: [] }).problems.labels, 'Tick at least one.');
    assert.equal(read({ blend: 'other' }).problems.blend, 'Choose one.');
    assert.deepEqual(Object.keys(read({ overlap: '2', batch_size: '0' }).problems), ['overlap', 'batch_size']);
});

test('W14: slices: the last not before the first; below 0 it is the last there is', () => {
    assert.equal(read({ slice_first: '10', slice_last: '4' }).problems.slice_last, 'The last slice comes before the first.');
    assert.deepEqual(read({ slice_first: '10', slice_last: '-1' }).problems, {});
    assert.deepEqual(read({ slice_first: '10', slice_last: '10' }).values.slice_last, 10);
});

test('a setting without a default may stay empty: the model does as its card says', () => {
    const fields = fieldsOf({ top: { type: 'integer', default: null, maximum: 4 } });
    assert.deepEqual(readForm(fields, { top: '' }), { values: {}, problems: {} });
    assert.equal(readForm(fields, { top: '9' }).problems.top, 'A whole number of at most 4 is needed.');
    assert.equal(limitsText(undefined, undefined), '');
});
