import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytesText, corText, finiteNumber, plural, secondsText, someOf } from './words';

test('sizes have three figures and a unit', () => {
    assert.equal(bytesText(0), '0 B');
    assert.equal(bytesText(621_400_000), '621 MB');
    assert.equal(bytesText(2_170_000_000), '2.17 GB');
    assert.equal(bytesText(999_999), '1.00 MB');
});

test('C5: nan and inf are no centres', () => {
    assert.equal(finiteNumber('1031.5'), 1031.5);
    assert.equal(finiteNumber(' -.5 '), -0.5);
    for (const text of ['', 'nan', 'inf', 'Infinity', '1e999', '12px', '0x10', '1,5']) {
        assert.equal(finiteNumber(text), null, text);
    }
});

test('C9: centres with two decimals', () => {
    assert.equal(corText(781.456), '781.46');
    assert.equal(corText(NaN), '');
});

test('C8: the first ten of a list, and how many more', () => {
    assert.equal(someOf(['a', 'b']), 'a, b');
    assert.match(someOf(Array.from({ length: 14 }, (_, at) => `s${at}`)), /s9 \(\+4 more\)$/);
    assert.equal(plural(1, 'scan'), '1 scan');
    assert.equal(plural(2000, 'scan'), '2,000 scans');
});

test('durations', () => {
    assert.equal(secondsText(4.21), '4.2 s');
    assert.equal(secondsText(185), '3 m 05 s');
    assert.equal(secondsText(7800), '2 h 10 m');
});
