// Jobs and Errors on a real server (REQUIREMENTS N, J3, J4): live table, filters, kill, hold, retry, logs, JSON, causes,
// retry with a changed parameter; a reload in mid-run; a server that is killed and comes back under an open page.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

let project, server, browser, page;

/** A batch of one script on the scan's own file. */
async function saveScript(name, script, args = {}) {
    const file = path.join(project.home, name + '.json');
    const job = { id: 'work', tool: 'script.bash', args: { script, f1: { FILE: '.' }, ...args } };
    await writeFile(file, JSON.stringify({ gantry: 1, name, level: 'scan', jobs: [job] }));
    await project.gantry('batch', 'save', file);
}

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 1, scans: 4, columns: 64, rows: 4, angles: 60 });
    await project.gantry('init', '--name', 'lab');
    await project.gantry('scan');
    await project.gantry('config', 'set', 'slots=2');
    await saveScript('wait', 'echo began; echo "@gantry {\\"progress\\":0.5}"; sleep 600');
    await saveScript('fails', 'if [ "$n1" -lt 5 ]; then echo "the level $n1 is too low" >&2; exit 3; fi; echo fine', { n1: { NUMERIC: 1 } });
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/jobs');
    page.setDefaultTimeout(20_000);
});
after(async () => {
    await browser?.close();
    await project?.gantry('kill', 'last').catch(() => undefined);
    await project?.remove();
});

const rows = () => page.locator('.vg-row:not([hidden])');
const states = async () => (await rows().locator('> span:nth-child(5)').allInnerTexts()).sort();
const counter = () => page.locator('.counter').innerText();
const button = (name, options) => page.getByRole('button', { name, ...options });
const tick = async (state) => {
    await page.locator('.vg').focus();
    await page.keyboard.press('Escape');
    await rows().filter({ hasText: state }).first().locator('> span').nth(7).click();
};

test('an empty table says that nothing runs', async () => {
    await page.getByText('Nothing runs, nothing waits, nothing has failed.').waitFor();
    assert.match(await counter(), /run: 0 \+ 0 que: 0 \+ 0 err: 0 \+ 0/);
});

test('N2, N8, N9: jobs come as they are launched, with state, place and the counter', async () => {
    await project.gantry('run', 'wait', '--detach');
    await until(async () => (await states()).filter((state) => state === 'running').length === 2, 'two are running');
    assert.deepEqual(await states(), ['ready', 'ready', 'running', 'running']);
    await until(async () => /run: 2 \+ 0 que: 2 \+ 0 err: 0 \+ 0/.test(await counter()), 'the counter');
    await until(async () => (await rows().filter({ hasText: 'running' }).first().innerText()).includes('50%'), 'progress of a script');
    const colours = await page.evaluate(() => ['running', 'waiting'].map((name) => getComputedStyle(document.querySelector('.vg-row .state.' + name)).color));
    assert.notEqual(colours[0], colours[1]);
    await shoot(page, 'jobs');
});

test('N2: a filter field above a column narrows it', async () => {
    await page.getByLabel('Filter State').fill('running');
    await until(async () => (await rows().count()) === 2, 'two are left');
    await page.getByLabel('Filter State').fill('');
    await until(async () => (await rows().count()) === 4, 'all four');
});

test('N10: hold, release, suspend and resume on a selection', async () => {
    await tick('ready');
    await button('Hold', { exact: true }).first().click();
    await until(async () => (await states()).includes('held'), 'held');
    await tick('held');
    await button('Release', { exact: true }).first().click();
    await until(async () => !(await states()).includes('held'), 'released');
    await tick('running');
    await button('Suspend', { exact: true }).click();
    await until(async () => (await states()).includes('suspended'), 'suspended');
    await tick('suspended');
    await button('Resume', { exact: true }).click();
    await until(async () => !(await states()).includes('suspended'), 'going on');
});

test('N1, N11, N6: the log follows, the job is shown as JSON', async () => {
    await rows().filter({ hasText: 'running' }).first().getByText('log', { exact: true }).click();
    await page.locator('pre.log', { hasText: 'began' }).waitFor();
    await shoot(page, 'jobs-log');
    await page.getByRole('tab', { name: 'JSON' }).click();
    await page.locator('pre.log', { hasText: '"script.bash"' }).waitFor();
    await button('Close the log').click();
});

test('a reload in mid-run shows the same', async () => {
    const before = await states();
    await page.reload();
    await until(async () => JSON.stringify(await states()) === JSON.stringify(before), 'the same jobs');
});

test('the server is killed under an open page: stale is said; it comes back: live again, nothing lost', async () => {
    await server.stop('SIGKILL');
    await page.getByText('The server does not answer').waitFor({ timeout: 30_000 });
    await shoot(page, 'stale');
    server = await project.serve('--listen', `127.0.0.1:${server.port}`);
    await page.locator('.connection.live').waitFor({ timeout: 60_000 });
    await until(async () => (await page.locator('.banner').count()) === 0, 'the banner goes');
    await until(async () => (await states()).filter((state) => state === 'running').length === 2, 'the jobs were found again');
});

test('a killed job is retried and runs again', async () => {
    await page.getByLabel('Show finished').check();
    await tick('running');
    await button('Kill', { exact: true }).click();
    await until(async () => (await states()).includes('cancelled'), 'one is killed');
    await tick('cancelled');
    await button('Retry', { exact: true }).click();
    await until(async () => !(await states()).includes('cancelled'), 'it is taken up again');
    await page.getByLabel('Show finished').uncheck();
});

test('N10: a held run looks held and has one switch; Stop asks first, No is the answer of a bare Enter', async () => {
    const strip = page.locator('.strip.run');
    await strip.getByRole('button', { name: 'Hold', exact: true }).click();
    await strip.getByText('2 held').waitFor();
    assert.equal(await strip.getByText('left').count(), 0, 'no time is promised');
    assert.equal(await strip.getByRole('button', { name: 'Hold', exact: true }).count(), 0);
    await shoot(page, 'held');
    await strip.getByRole('button', { name: 'Release', exact: true }).click();
    await strip.getByRole('button', { name: 'Hold', exact: true }).waitFor();
    await strip.getByRole('button', { name: 'Stop…' }).click();
    await page.locator('dialog').getByText('2 running jobs end, 2 queued ones are cancelled').waitFor();
    await page.keyboard.press('Enter');
    await until(async () => (await page.locator('dialog').count()) === 0, 'the dialog is gone');
    assert.equal((await states()).filter((state) => state === 'running').length, 2, 'nothing was stopped');
});

test('N10: Kill all asks first, No is the answer of a bare Enter', async () => {
    await button('Kill all…').click();
    await page.locator('dialog').getByText('Kill 4 jobs?').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'No, let them run');
    await page.locator('dialog').getByRole('button', { name: 'Kill 4', exact: true }).click();
    await page.getByText('Nothing runs, nothing waits, nothing has failed.').waitFor(); // N3: finished ones go
});

test('J3, N4: failures stay, grouped by cause, with what was said', async () => {
    await project.gantry('run', 'fails').catch(() => undefined);
    await until(async () => (await states()).filter((state) => state === 'failed').length === 4, 'four failed jobs stay');
    await page.getByRole('link', { name: 'Errors' }).click();
    await page.getByText('4 failures').waitFor();
    await shoot(page, 'errors');
});

test('N4, N5: the panel beside the table says why a scan has failed', async () => {
    await page.getByRole('link', { name: 'Tomography' }).click();
    await rows().filter({ hasText: 'failed' }).first().locator('> span').nth(2).click({ position: { x: 2, y: 2 } });
    await page.keyboard.press('Escape');
    await page.getByLabel('Scan', { exact: true }).getByText('the level 1 is too low').waitFor();
    assert.equal(await page.title(), 'Tomography · lab · Gantry');
    await page.getByRole('link', { name: 'Errors' }).click();
});

test('N10: failures that were dealt with are cleared, by job and by cause; finished ones show them; a retry takes the mark away', async () => {
    await page.getByRole('link', { name: 'Jobs' }).click();
    await tick('failed');
    await button('Clear', { exact: true }).click();
    await until(async () => (await rows().count()) === 3, 'one has left the list');
    await until(async () => /err: 3 \+ 0/.test(await counter()), 'the counter');
    await page.getByRole('link', { name: 'Errors' }).click();
    await page.getByText('3 failures').waitFor();
    await button('Clear', { exact: true }).click();
    await page.getByText('Nothing has failed.', { exact: false }).waitFor();
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByText('Nothing runs, nothing waits, nothing has failed.').waitFor();
    await page.getByLabel('Show finished').check();
    await until(async () => (await rows().locator('.state.cleared').count()) === 4, 'all four, marked');
    assert.match(await counter(), /err: 0 \+ 0/);
    await shoot(page, 'jobs-cleared');
    await page.getByLabel('Show finished').uncheck();
    await project.gantry('retry', 'last').catch(() => undefined);
    await until(async () => (await states()).filter((state) => state === 'failed').length === 4, 'they fail again');
    await page.getByRole('link', { name: 'Errors' }).click();
    await page.getByText('4 failures').waitFor();
});

test('J4: "Select these" ticks the scans in the table', async () => {
    await button(/^Select these 4 scans/).click();
    await page.getByText('4 selected of 4 scans').waitFor();
    await page.goBack();
});

test('N1, W11, J4: "Retry with" repairs the failures by a changed parameter', async () => {
    await button('Retry with…').click();
    const dialog = page.locator('dialog');
    await dialog.getByLabel('Parameter', { exact: true }).first().fill('n1');
    await dialog.getByLabel('Value of n1').fill('7');
    await shoot(page, 'retry-with');
    await dialog.getByRole('button', { name: 'Retry with these' }).click();
    await page.getByText('Nothing has failed.', { exact: false }).waitFor();
    const tasks = await project.json('ps', '--all');
    assert.equal(tasks.filter((task) => task.state === 'failed').length, 0);
});

test('N6, J4: the job that was retried shows what was changed, old and new', async () => {
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByLabel('Show finished').check();
    await rows().filter({ hasText: 'done' }).first().locator('> span').nth(2).click();
    await page.getByLabel('Changed by a retry').getByText('n1 1 → 7').waitFor();
    await page.locator('pre.log', { hasText: '"changed"' }).waitFor();
    await shoot(page, 'jobs-changed');
    await button('Close the log').click();
});

test('N7: a click on the scan of a job selects it in the table', async () => {
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByLabel('Show finished').check();
    await rows().first().locator('> span').nth(3).click();
    await page.getByText('1 selected of 4 scans').waitFor();
});

test('no error was thrown on the page', () => assert.deepEqual(page.problems, []));
