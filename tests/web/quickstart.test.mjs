// The quick start of the batch guide (S0), in a browser, on a real server with real reconstructions: open the folder,
// tick with Shift and Ctrl, type a COR, Batch Try, AI Reco, Full; Fix COR with its preview; Delete; two browsers.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { rename, unlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

let project, server, browser, page, names;

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 2, scans: 4, columns: 96, rows: 8, angles: 90 });
    await project.gantry('config', 'set', `roots=${project.data}`);
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/');
    page.setDefaultTimeout(15_000);
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

const row = (at) => page.locator(`.vg-row[data-at="${at}"]`);
const cell = (at, column = 1) => row(at).locator('> span').nth(column);
const status = (at) => cell(at, 3).innerText();
const ticked = () => page.locator('.vg-row.on').count();
const button = (name) => page.getByRole('button', { name });
const list = () => project.json('ls');
const clear = async () => {
    await page.locator('.vg').focus();
    await page.keyboard.press('Escape');
};

test('a first visit says what to do; a folder is opened as a project (B1)', async () => {
    await page.getByText('No project yet').waitFor();
    await shoot(page, 'projects-empty');
    await page.getByLabel('Folder', { exact: true }).fill(project.data);
    await button('Go').click();
    await page.getByText('8 HDF5 files in this folder.').waitFor();
    await page.getByLabel('Folder', { exact: true }).fill(project.data + '/none');
    await button('Go').click();
    await page.getByRole('alert').filter({ hasText: 'is not there' }).waitFor();
    assert.equal(await button('Open this folder as a project').count(), 0, 'nothing of the folder before is left');
    await page.getByLabel('Folder', { exact: true }).fill(project.data);
    await button('Go').click();
    await button('Open this folder as a project').click();
    await page.waitForSelector('.vg-row');
    await page.getByText('8 scans', { exact: true }).waitFor();
    names = await page.locator('.vg-row:not([hidden]) > span:nth-child(2)').allInnerTexts();
    assert.equal(names.length, 8);
    assert.match(page.url(), /#\/p\/data\/tomography/);
});

test('B1: Refresh File List finds what has come', async () => {
    await project.makeScans({ series: 1, scans: 1, columns: 96, rows: 8, angles: 90, name: 'late' });
    await button('Refresh File List').click();
    await page.getByText('9 scans', { exact: true }).first().waitFor();
});

test('B1: Refresh says which files it leaves out', async () => {
    const odd = Buffer.concat([Buffer.from(project.data + '/odd'), Buffer.from([0xff]), Buffer.from('_001.h5')]);
    await writeFile(odd, '');
    await button('Refresh File List').click();
    await page.getByText(/name is not UTF-8 and left out/).waitFor();
    await unlink(odd);
});

test('B7-B9: ticks with a click, with Shift and with Ctrl', async () => {
    await cell(0).click();
    await cell(3).click({ modifiers: ['Shift'] });
    await cell(2).click({ modifiers: ['Control'] });
    await until(async () => (await ticked()) === 3, 'three are ticked');
    await clear();
});

test('B12, C9: a COR is typed into the row and is in the catalog; Ctrl-Z takes it back', async () => {
    await cell(0, 2).click();
    await page.locator('.editing input').fill('47.456');
    await page.keyboard.press('Enter');
    await until(async () => (await list()).some((one) => one.cor === 47.456 && one.cor_source === 'manual'), 'the centre is kept');
    await until(async () => (await cell(0, 2).innerText()) === '47.46', 'the table shows it with two decimals');
    await page.locator('h1').first().evaluate(() => document.activeElement.blur());
    await page.keyboard.press('Control+z'); // wherever the focus is, but for a field
    await until(async () => (await list()).every((one) => one.cor === null), 'the centre is taken back');
    await until(async () => (await cell(0, 2).innerText()) === 'missing', 'the table shows it');
});

test('C3: the top bar is checked against the detector as a row is', async () => {
    await cell(0, 1).click();
    await page.getByLabel('COR for rows without one').fill('99999');
    await button(/^Batch Full/).click();
    await page.getByText('COR 99999 in the top bar is far outside the detector').waitFor();
    assert.equal(await page.locator('dialog').count(), 0);
    await page.getByLabel('COR for rows without one').fill('');
    await clear();
});

test('C4, X4: rows without a COR block the run, each is named, and the second button leaves them out', async () => {
    await cell(0, 2).click();
    await page.locator('.editing input').fill('47.5');
    await page.keyboard.press('Enter');
    await clear();
    await cell(0).click();
    await cell(2).click({ modifiers: ['Shift'] });
    await button(/^Batch Full/).click();
    const dialog = page.locator('dialog');
    await dialog.getByText('2 rows have no valid COR').waitFor();
    const text = await dialog.innerText();
    for (const at of [1, 2]) {
        assert.ok(text.includes(await cell(at).innerText()));
    }
    assert.ok(await dialog.getByRole('button', { name: 'Leave 2 out, run 1' }).isVisible());
    await shoot(page, 'blocked');
    await dialog.getByRole('button', { name: 'No, go back' }).click();
    assert.equal(await page.locator('.strip.run').count(), 0, 'no run was made');
});

test('C1-C3: Batch Try with the top bar\'s COR; B14 asks first', async () => {
    await page.getByLabel('COR for rows without one').fill('47.5');
    await button(/^Batch Try/).click();
    const dialog = page.locator('dialog');
    await dialog.getByText('Runs on').waitFor();
    const text = await dialog.innerText();
    assert.match(text, /Scans\s*3/);
    assert.match(text, /47.5 px \(top bar\)/);
    await shoot(page, 'confirm');
    await dialog.getByRole('button', { name: 'Run 3' }).click();
    await until(async () => (await Promise.all([0, 1, 2].map(status))).every((word) => word === 'Done try'), 'three tries are done');
});

test('A3, G9, N5: Batch AI Reco finds the centres and reconstructs, everything shown live (A6)', async () => {
    await page.getByLabel('COR for rows without one').fill('');
    await page.locator('.vg').focus();
    await page.keyboard.press('Control+a');
    await button(/^Batch AI Reco/).click();
    const dialog = page.locator('dialog');
    await dialog.getByRole('button', { name: 'Run 9' }).click();
    await page.locator('.strip.run').first().waitFor();
    await shoot(page, 'running');
    await until(async () => (await Promise.all([...Array(9).keys()].map(status))).every((word) => /^Full \d+-\d+$/.test(word)), 'nine are reconstructed', 170);
    assert.ok((await list()).every((one) => one.cor !== null));
    assert.match(await cell(0, 2).innerText(), /^\d+\.\d\d$/);
    await page.locator('.chip.done b', { hasText: '9' }).waitFor();
});

test('F: Fix COR shows old, new and reason before it writes, writes, and a second look changes nothing', async () => {
    const rows = (await list()).filter((one) => one.series === names[0].replace(/[._-]*\d+\.h5$/, ''));
    const series = rows.map((one) => one.name);
    const victim = series[1];
    await project.gantry('cor', 'set', path.join(project.data, victim), 3);
    await project.gantry('config', 'set', 'max_delta=50');
    await until(async () => (await page.locator('.vg-row', { hasText: victim }).innerText()).includes('3.00'), 'the other hand\'s change is seen');
    await button(/^Fix COR/).click();
    const dialog = page.locator('dialog');
    await dialog.getByText(/1 outlier to replace/).waitFor();
    const line = await dialog.locator('tr', { hasText: victim }).innerText();
    assert.match(line, /3\.00/);
    assert.match(line, /→ \d+\.\d\d/);
    assert.equal((await list()).find((one) => one.name === victim).cor, 3, 'nothing is written by looking');
    await shoot(page, 'fix');
    await dialog.getByRole('button', { name: 'Change 1 centre' }).click();
    await until(async () => (await list()).find((one) => one.name === victim).cor_source === 'outlier-fixed', 'the centre is repaired');
    await button(/^Fix COR/).click();
    await dialog.getByText('There is nothing to change.').waitFor(); // F13
    await dialog.getByRole('button', { name: 'Close', exact: true }).last().click();
});

test('I: Delete lists the files, takes rows off, keeps the disk; Undo brings them back', async () => {
    await clear();
    await cell(0).click();
    await cell(1).click();
    const gone = [await cell(0).innerText(), await cell(1).innerText()];
    await button(/^Delete Selected/).click();
    const dialog = page.locator('dialog');
    for (const name of gone) {
        await dialog.getByText(name).waitFor();
    }
    await shoot(page, 'delete');
    await dialog.getByRole('button', { name: 'Take 2 off the list' }).click();
    await page.getByText('7 scans', { exact: true }).first().waitFor();
    for (const name of gone) {
        assert.ok(existsSync(path.join(project.data, name)), name + ' is on the disk');
    }
    await page.locator('.toast', { hasText: 'off the list' }).getByRole('button', { name: 'Undo' }).click();
    await page.getByText('9 scans', { exact: true }).first().waitFor();
});

test('B10, B11: parameters are edited and applied to the selected rows', async () => {
    await clear();
    await cell(2).click();
    await cell(3).click();
    await cell(1).click({ button: 'right' });
    await page.getByRole('menuitem', { name: 'Edit parameters…' }).click();
    const dialog = page.locator('dialog');
    await dialog.getByLabel('Parameter', { exact: true }).first().fill('fbp_filter');
    await dialog.getByLabel('Value of fbp_filter').fill('shepp');
    await shoot(page, 'parameters');
    await dialog.getByRole('button', { name: 'Save' }).click();
    await dialog.waitFor({ state: 'detached' });
    await cell(1).click({ button: 'right' });
    await page.getByRole('menuitem', { name: /Apply parameters to selected/ }).click();
    await page.getByText('Parameters applied to 2 scans.').waitFor();
});

test('two browsers see each other\'s changes', async () => {
    const other = await openPage(browser, server.url, '#/p/data/tomography');
    await other.waitForSelector('.vg-row');
    await cell(4, 2).click();
    await page.locator('.editing input').fill('51.25');
    await page.keyboard.press('Enter');
    await until(async () => (await other.locator('.vg-row[data-at="4"] > span').nth(2).innerText()) === '51.25', 'the other browser shows it');
    await other.locator('.vg-row[data-at="5"] > span').nth(2).click();
    await other.locator('.editing input').fill('52.75');
    await other.keyboard.press('Enter');
    await until(async () => (await cell(5, 2).innerText()) === '52.75', 'and the first the other\'s');
    await other.context().close();
});

test('E, X2, X6: a small file is skipped by itself, unticked by ranges, and runs when ticked by hand', async () => {
    await project.makeScans({ series: 1, scans: 1, columns: 96, rows: 2, angles: 90, name: 'tiny' });
    await rename(path.join(project.data, 'tiny_001.h5'), path.join(project.data, names[0].replace('001', '009')));
    await button('Refresh File List').click();
    await page.locator('.chip.skipped b', { hasText: '1' }).waitFor();
    const small = page.locator('.vg-row', { hasText: 'Skipped (small)' });
    await page.locator('.vg').focus();
    await page.keyboard.press('Control+a');
    await page.getByText('1 skipped scan left out').first().waitFor();
    await clear();
    await small.locator('> span').nth(1).click();
    await page.getByLabel('COR for rows without one').fill('47.5');
    await button(/^Batch Try/).click();
    await page.locator('dialog').getByText('will run because you ticked it').waitFor();
    await page.locator('dialog').getByRole('button', { name: 'Run 1' }).click();
    await until(async () => (await list()).filter((one) => one.status === 'Done try').length === 1, 'the small one has run');
});

test('no error was thrown on the page', () => assert.deepEqual(page.problems, []));
