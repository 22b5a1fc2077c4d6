import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cardOf, copyJob, differences, docOf, emptyBatch, moved, newJob, rowsOf, troubleOf, turned, turns, variablesOf, withScript, type Job, type Tool } from './model';

const bash = (script: string): Job => ({ id: 'bash', tool: 'script.bash', args: { script } });

test('M3, M4, M8: variables of a script, in whatever form they stand', () => {
    assert.deepEqual(variablesOf('fslmaths $f1 -thr ${n1} -bin "$o1"; cp "${f2[@]}" $p1/$s1', 'bash'), ['f1', 'f2', 'o1', 'p1', 's1', 'n1']);
    assert.deepEqual(variablesOf('nora -a $1 --addtag x; echo $$ \\$f3 $foo $f10', 'bash'), ['f1']);
    assert.deepEqual(variablesOf('echo "${#f1[@]}" ${!s1} ${#2}', 'bash'), ['f1', 'f2', 's1']);
    assert.deepEqual(variablesOf("open($f1); x = '$s2'", 'python'), ['f1', 's2']);
    assert.deepEqual(variablesOf('spm(input1{1}, output1, input2); $n1', 'matlab'), ['f1', 'f2', 'o1', 'n1']);
});

test('M4: rows come as variables are typed, go with them, and come back with their values', () => {
    let card = withScript(cardOf(bash('')), 'cat $f1 > $o1');
    assert.deepEqual(rowsOf(card.job), [['f1', { FILE: '' }], ['o1', { OUT: '' }]]);
    card = { ...card, job: { ...card.job, args: { ...card.job.args, f1: { FILE: 't1*/s0__.nii', of: 'OLDEST' } } } };
    card = withScript(card, 'cat $f > $o1 $n1');
    assert.deepEqual(rowsOf(card.job).map(([name]) => name), ['o1', 'n1']);
    card = withScript(card, 'cat $f1 > $o1');
    assert.deepEqual(rowsOf(card.job), [['f1', { FILE: 't1*/s0__.nii', of: 'OLDEST' }], ['o1', { OUT: '' }]]);
});

test('a job of a tool begins with the arguments it needs', () => {
    const tool = {
        name: 'image.stats', kind: 'step',
        inputs: [{ id: 'image', type: 'File' }, { id: 'mask', type: 'File', optional: true }, { id: 'how', type: 'String', 'value-choices': ['a', 'b'] }],
    };
    const job = newJob(tool, [{ id: 'stats', tool: 'x' }]);
    assert.deepEqual(job, { id: 'stats-2', tool: 'image.stats', args: { image: { FILE: '' }, how: { OPTION: 'a' } } });
    assert.equal(copyJob(job, [job]).id, 'stats-3');
    const places: Tool = { name: 'x', kind: 'command', inputs: [{ id: 'out', type: 'String', place: 'file' }, { id: 'dir', type: 'String', place: 'folder' }] };
    assert.deepEqual(newJob(places, []).args, { out: { OUT: '' }, dir: { PATHOUT: '' } });
});

test('L1: a row is turned into another kind of text or value', () => {
    assert.deepEqual(turned({ STRING: 'a b' }, 'VARARGIN'), { VARARGIN: ['a', 'b'] });
    assert.deepEqual(turned({ STRING: 'a b' }, 'SID'), { SID: 'STUDY' });
    assert.deepEqual(turned({ NUMERIC: 1 }, 'LOGICAL'), { LOGICAL: true });
    assert.deepEqual(turns('FILE'), []);
});

test('L5: outputs hold no wildcards; a tag behind the name is none', () => {
    assert.match(troubleOf('o1', { OUT: 'a*.nii' }), /wildcards/);
    assert.equal(troubleOf('o1', { OUT: 'masks/brain_x.nii TAG(brain)' }), '');
    assert.match(troubleOf('f1', { FILE: ['a.nii', ' '] }), /no pattern/);
});

test('what is saved is the JSON of the contract and no more', () => {
    const card = cardOf({ id: 'a', tool: 'script.bash', name: '', off: false, args: { script: 'x' }, resources: {}, on_success: {} });
    assert.deepEqual(docOf({ ...emptyBatch('study'), name: 'b', options: {}, description: '' }, [card]), {
        gantry: 1, name: 'b', level: 'study', jobs: [{ id: 'a', tool: 'script.bash', args: { script: 'x' } }],
    });
});

test('moving stays within the list', () => {
    assert.deepEqual(moved([1, 2, 3], 0, 2), [2, 3, 1]);
    assert.deepEqual(moved([1, 2, 3], 0, -1), [1, 2, 3]);
});

test('J4: where two versions of a job differ', () => {
    assert.deepEqual(
        differences({ args: { f1: { FILE: 'a' }, n1: 3 } }, { args: { f1: { FILE: ['a', 'b'] }, n1: 3 } }),
        [['args.f1.FILE', 'a', ['a', 'b']]],
    );
});
