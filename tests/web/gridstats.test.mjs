// Gridstats on a real server (REQUIREMENTS N): a slot that is busy, jobs that wait, jobs that have failed, one of another person.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

let project, server, browser, page;

async function saveScript(name, script) {
    const file = path.join(project.home, name + '.json');
    const job = { id: 'work', tool: 'script.bash', args: { script, f1: { FILE: '.' } } };
    await writeFile(file, JSON.stringify({ gantry: 1, name, level: 'scan', jobs: [job] }));
    await project.gantry('batch', 'save', file);
}

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 1, scans: 3, columns: 64, rows: 4, angles: 60 });
    await project.gantry('init', '--name', 'lab');
    await project.gantry('scan');
    await project.gantry('config', 'set', 'slots=1');
    await saveScript('wait', 'echo began; sleep 600');
    await saveScript('fails', 'echo to the log; echo "no lesion in $f1" >&2; exit 3');
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/gridstats/lab');
    page.setDefaultTimeout(20_000);
});
after(async () => {
    await browser?.close();
    await project?.gantry('kill', 'last').catch(() => undefined);
    await project?.remove();
});

const COLUMNS = ['Actions', 'Function', 'Subject', 'State', 'Jobname', 'Start', 'Queue', 'Module', 'Error', 'Owner', 'Runas', 'Jobid', 'Last update'];
const rows = () => page.locator('.vg-row:not([hidden])');
const cell = (row, column) => row.locator('> span').nth(COLUMNS.indexOf(column) + 1);
const states = async () => (await rows().locator(`> span:nth-child(${COLUMNS.indexOf('State') + 2})`).allInnerTexts()).sort();
const counter = () => page.locator('.counter').innerText();
const button = (name) => page.getByRole('button', { name, exact: true });
const tick = async (state) => {
    await page.locator('.vg').focus();
    await page.keyboard.press('Escape');
    await rows().filter({ hasText: state }).first().locator('> span').first().click();
};

test('N8: the columns, with a filter field above each; N9: the counter in the corner', async () => {
    await page.getByText('Nothing runs, nothing waits, nothing has failed.').waitFor();
    const titles = await page.locator('.vg-head .vg-sort, .vg-head .vg-title').allInnerTexts();
    assert.deepEqual(titles, COLUMNS);
    for (const title of COLUMNS.slice(1)) {
        await page.getByLabel('Filter ' + title, { exact: true }).waitFor();
    }
    assert.equal(await counter(), 'run: 0 + 0 que: 0 + 0 err: 0 + 0');
});

test('N8, N9: erroneous red, running green, waiting grey; counted', async () => {
    await project.gantry('run', 'fails').catch(() => undefined);
    await project.gantry('run', 'wait', '--detach');
    await until(async () => (await states()).join() === 'failed,failed,failed,ready,ready,running', 'three failed, one runs, two wait');
    await until(async () => /run: 1 \+ 0 que: 2 \+ 0 err: 3 \+ 0/.test(await counter()), 'the counter');
    const colours = await page.evaluate(() => ['failed', 'running', 'waiting'].map((name) => getComputedStyle(document.querySelector('.vg-row .state.' + name)).color.match(/\d+/g).map(Number)));
    const [[red, , ], [r, g, b], [wr, wg, wb]] = colours;
    assert.ok(red > 150, 'failed is red');
    assert.ok(g > r + 30 && g > b, 'running is green');
    assert.ok(Math.max(wr, wg, wb) - Math.min(wr, wg, wb) < 30, 'waiting is grey');
    const row = rows().filter({ hasText: 'running' }).first();
    const said = Object.fromEntries(await Promise.all(COLUMNS.map(async (title) => [title, await cell(row, title).innerText()])));
    assert.equal(said.Function, 'script.bash');
    assert.match(said.Subject, /\.h5$/);
    assert.equal(said.Jobname, 'wait/work');
    assert.equal(said.Queue, 'local');
    assert.equal(said.Module, 'script');
    assert.ok(said.Owner && said.Runas && said.Jobid && said.Start && said['Last update']);
    await shoot(page, 'gridstats');
    assert.deepEqual(await violations(page), []);
});

test('N2: sorted and searched, also by the words of a grid engine', async () => {
    for (const [words, left] of [['qw', 2], ['q', 2], ['r', 1], ['error', 3], ['running', 1]]) {
        await page.getByLabel('Filter State').fill(words);
        await until(async () => (await rows().count()) === left, `${left} are ${words}`);
    }
    await page.getByLabel('Filter State').fill('');
    await page.getByLabel('Filter Error').fill('no lesion');
    await until(async () => (await rows().count()) === 3, 'three errors speak of it');
    await page.getByLabel('Filter Error').fill('');
    const sort = page.locator('.vg-head .vg-sort', { hasText: 'Jobid' });
    await sort.click();
    await sort.click();
    await until(async () => Number(await cell(rows().first(), 'Jobid').innerText()) === 6, 'the newest first');
});

test('N1, N11: err shows what went to standard error, log all of it; it can be read again', async () => {
    const row = rows().filter({ hasText: 'failed' }).first();
    await row.getByText('err', { exact: true }).click();
    await page.locator('pre.log', { hasText: 'no lesion in' }).waitFor();
    assert.equal(await page.locator('pre.log', { hasText: 'to the log' }).count(), 0);
    await row.getByText('log', { exact: true }).click();
    await page.locator('pre.log', { hasText: 'to the log' }).waitFor();
    await button('Read again').click();
    await page.locator('pre.log', { hasText: 'no lesion in' }).waitFor();
});

test('N6: a click on the function shows the job as JSON', async () => {
    await cell(rows().filter({ hasText: 'failed' }).first(), 'Function').click();
    await page.locator('pre.log', { hasText: '"tool": "script.bash"' }).waitFor();
    await button('Close the log').click();
});

test('N10: hold, unhold, suspend, unsuspend', async () => {
    await tick('ready');
    await button('Hold').click();
    await until(async () => (await states()).includes('held'), 'held');
    await tick('held');
    await button('Unhold').click();
    await until(async () => !(await states()).includes('held'), 'waits again');
    await tick('running');
    await button('Suspend').click();
    await until(async () => (await states()).includes('suspended'), 'suspended');
    await tick('suspended');
    await button('Unsuspend').click();
    await until(async () => (await states()).includes('running'), 'runs again');
});

test('N1, N8: rerun and delete in the row; N3, N4: what has ended disappears, errors are kept', async () => {
    await rows().filter({ hasText: 'failed' }).first().getByText('delete', { exact: true }).click();
    await until(async () => (await states()).filter((state) => state === 'failed').length === 2, 'one error was taken off');
    await rows().filter({ hasText: 'failed' }).first().getByText('rerun', { exact: true }).click();
    await until(async () => (await states()).join() === 'failed,ready,ready,ready,running', 'it waits anew');
    await tick('running');
    await button('Kill').click();
    await until(async () => (await rows().count()) === 4, 'the killed one has left');
    await page.getByLabel('Show finished').check();
    await until(async () => (await states()).includes('cancelled'), 'the setting keeps it');
    await page.getByLabel('Show finished').uncheck();
});

test('N10: clear erroneous jobs, kill all jobs', async () => {
    await page.locator('.vg').focus();
    await page.keyboard.press('Escape');
    await button('Kill all…').click();
    await page.locator('dialog').getByRole('button', { name: /^Kill \d/ }).click();
    await until(async () => (await states()).every((state) => state === 'failed'), 'only errors are left');
    await button('Clear erroneous').click();
    await page.getByText('Nothing runs, nothing waits, nothing has failed.').waitFor();
});

test('N1: a run that has something to say all the time is listed while it runs', async () => {
    await saveScript('busy', 'for i in $(seq 10 90); do echo "@gantry {\\"progress\\":0.$i}"; sleep 0.1; done');
    await project.gantry('run', 'busy', '--detach');
    await until(async () => (await states()).join() === 'ready,ready,running', 'all three, while the first runs');
    await button('Kill all…').click();
    await page.locator('dialog').getByRole('button', { name: /^Kill \d/ }).click();
    await until(async () => (await rows().count()) === 0, 'none is left');
});

test('N7: a click on the subject selects it in the table', async () => {
    await page.getByLabel('Show finished').check();
    await cell(rows().first(), 'Subject').click();
    await page.getByText('1 selected of 3 scans').waitFor();
});

test('no error was thrown on the page', () => assert.deepEqual(page.problems, []));
