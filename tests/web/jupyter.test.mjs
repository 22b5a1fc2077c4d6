// A job in a notebook (REQUIREMENTS O1-O3, K6), on a real server with Debian's Jupyter: opened from the Batchtool in a new tab,
// its cells run there, the script edited and saved back to the batch, killed in Gridstats.
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { launch, ROOT } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

const installed = (() => {
    try {
        return Boolean(execFileSync('sh', ['-c', 'command -v jupyter-notebook']));
    } catch {
        return false;
    }
})();
const options = { skip: installed ? false : 'jupyter-notebook is not installed' };
let project, server, browser, page, notebook;

before(async () => {
    if (!installed) {
        return;
    }
    project = await makeProject();
    const script = 'import sys; sys.path.insert(0, sys.argv[1]); import cohort; cohort.mixed(sys.argv[2], subjects=2, odd=False)';
    await promisify(execFile)('/usr/bin/python3', ['-c', script, path.join(ROOT, 'tests/e2e'), project.data]);
    await project.gantry('init', '--name', 'lab');
    await project.gantry('scan');
    const file = path.join(project.home, 'strip.json');
    const args = { script: 'echo "$f1 is bronken"; exit 3', f1: { FILE: 't1*/s0__.nii.gz T1w.nii.gz anat/mprage*.nii' } };
    await writeFile(file, JSON.stringify({ gantry: 1, name: 'strip', level: 'study', jobs: [{ id: 'bet', tool: 'script.bash', args }] }));
    await project.gantry('batch', 'save', file);
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/p/lab/cohorts');
    page.setDefaultTimeout(30_000);
});
after(async () => {
    await browser?.close();
    await project?.gantry('kill', '--all').catch(() => undefined);
    await project?.remove();
});

const button = (name, more) => page.getByRole('button', { name, ...more });
const grid = () => page.getByRole('region', { name: 'Gridstats' });
const rows = () => grid().locator('.vg-row:not([hidden])');
const batch = async () => JSON.parse(await project.gantry('batch', 'show', 'strip'));

test('O1: a job of the Batchtool opens in a new tab, for the study that is ticked', options, async () => {
    await page.locator('.columns .table .vg-row:not([hidden])').filter({ hasText: 'P001' }).filter({ hasText: 'S1' }).locator('> span').first().click();
    await page.getByText('strip', { exact: true }).first().click();
    await button('More of job bet').click();
    const opened = page.waitForEvent('popup');
    await page.getByRole('menuitem', { name: 'Open in Jupyter' }).click();
    notebook = await opened;
    notebook.setDefaultTimeout(60_000);
    await page.getByText('It holds a slot until you kill it: in Gridstats').waitFor(); // O2
    await notebook.waitForURL(/\/jupyter\/\d+\/notebooks\/notebook\.ipynb/);
    await notebook.locator('.code_cell').nth(1).waitFor();
    assert.equal(new URL(notebook.url()).origin, new URL(server.url).origin);
});

test('O1: the cells hold the variables and the script, and run', options, async () => {
    await notebook.waitForFunction(() => window.Jupyter?.notebook?.kernel?.is_connected());
    const cells = await notebook.evaluate(() => Jupyter.notebook.get_cells().map((cell) => cell.get_text()));
    assert.match(cells[1], /f1='.*\/P001\/S1\/t1_mpr\/s003\.nii\.gz'/);
    assert.equal(cells[2], '%%bash\necho "$f1 is bronken"; exit 3');
    await notebook.locator('.code_cell').nth(1).click();
    await notebook.keyboard.press('Control+Enter');
    await notebook.locator('.code_cell').nth(1).locator('.output_text', { hasText: 's003.nii.gz is bronken' }).waitFor();
    await notebook.locator('.code_cell').nth(1).locator('.output_stderr', { hasText: 'exit 3' }).waitFor();
    await shoot(notebook, 'jupyter');
});

test('O2, O3: it is listed at the bottom of the Batchtool until killed', options, async () => {
    if ((await grid().count()) === 0) {
        await button('Gridstats ▴').click();
    }
    await until(async () => (await rows().count()) === 1, 'one job');
    const said = await rows().first().innerText();
    assert.match(said, /jupyter\.notebook/);
    assert.match(said, /P001#S1/);
    assert.match(said, /running/);
});

test('O1: the script is mended in the notebook and saved back to the batch', options, async () => {
    await notebook.evaluate(() => Jupyter.notebook.get_cells()[2].set_text('%%bash\necho "$f1 is whole"'));
    await notebook.locator('.code_cell').nth(1).click();
    await notebook.keyboard.press('Control+Enter');
    await notebook.locator('.code_cell').nth(1).locator('.output_text', { hasText: 'is whole' }).waitFor();
    await notebook.keyboard.press('Control+s');
    await notebook.waitForFunction(() => !Jupyter.notebook.dirty);
    await rows().first().getByText('save', { exact: true }).click();
    await page.getByText('The script of bet in batch strip is the notebook').waitFor();
    assert.equal((await batch()).jobs[0].args.script, 'echo "$f1 is whole"');
    await until(async () => (await page.getByLabel(/script/i).first().inputValue()) === 'echo "$f1 is whole"', 'the Batchtool has it too');
    await shoot(page, 'jupyter-gridstats');
});

test('what somebody else has changed meanwhile is replaced only when told so', options, async () => {
    const file = path.join(project.home, 'strip.json');
    const other = await batch();
    other.jobs[0].args.script = 'echo another';
    await writeFile(file, JSON.stringify(other));
    await project.gantry('batch', 'save', file);
    await rows().first().getByText('save', { exact: true }).click();
    await page.locator('dialog').getByText('was changed since this notebook was opened').waitFor();
    await page.keyboard.press('Enter');
    assert.equal((await batch()).jobs[0].args.script, 'echo another');
    await rows().first().getByText('save', { exact: true }).click();
    await page.locator('dialog').getByRole('button', { name: 'Replace it' }).click();
    await until(async () => (await batch()).jobs[0].args.script === 'echo "$f1 is whole"', 'it is replaced');
});

test('O2: killed from Gridstats; the tab says that it has ended', options, async () => {
    await rows().first().getByText('delete', { exact: true }).click();
    await until(async () => (await rows().count()) === 0, 'it has left the list');
    await notebook.close({ runBeforeUnload: false });
    const again = await page.context().newPage();
    await again.goto(new URL('/jupyter/1/', server.url).href);
    await again.getByText('This notebook has ended').waitFor();
});

test('no error was thrown on the page', options, () => assert.deepEqual(page.problems, []));
