// Batch Prediction by clicking, on a real server with real inference (REQUIREMENTS W, X24): a model and a data set are
// registered, a prediction is tried, submitted, watched, fails for one series and is mended, is duplicated and cancelled;
// two people predict at once; a viewer looks on.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFile, rename, truncate, copyFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch, ROOT } from './browser.mjs';
import { makeEndless, makeImages, makeModel, makeTruth } from './images.mjs';
import { shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

const PROGRAM = process.env.GANTRY ?? path.join(ROOT, 'build/gantry');
const SECRET = 'correct horse battery';
const BAD = 'p02/2023-05-01/ct.nii.gz';

let project, server, browser, page, images, model;
const problems = [];

function addUser(name, role) {
    const env = { PATH: process.env.PATH, HOME: path.dirname(project.home), GANTRY_HOME: project.home, LANG: 'C.UTF-8' };
    const done = spawnSync(PROGRAM, ['user', 'add', name, '--role', role], { env, cwd: project.data, input: SECRET + '\n', encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
}

async function signIn(name) {
    const made = await (await browser.newContext({ viewport: { width: 1400, height: 860 }, acceptDownloads: true })).newPage();
    made.setDefaultTimeout(20_000);
    made.on('pageerror', (error) => problems.push(error.message));
    await made.goto(new URL('/', server.url).href);
    await made.getByLabel('User').fill(name);
    await made.getByLabel('Password').fill(SECRET);
    await made.getByRole('button', { name: 'Log in', exact: true }).click();
    await made.waitForSelector('header.top');
    return made;
}

before(async () => {
    project = await makeProject();
    images = path.join(project.data, 'chest');
    model = path.join(path.dirname(project.home), 'bright');
    await makeImages(images);
    await makeModel(model);
    await makeTruth(path.join(project.data, 'truth/chest'));
    await project.gantry('init', '--name', 'lab');
    await project.gantry('config', 'set', 'slots=2');
    await makeEndless(project.home, path.join(project.data, 'models/endless'));
    addUser('ada', 'admin');
    addUser('otto', 'operator');
    addUser('vi', 'viewer');
    server = await project.serve();
    browser = await launch();
    page = await signIn('ada');
});
after(async () => {
    await browser?.close();
    await project?.gantry('kill', 'last').catch(() => undefined);
    await project?.remove();
});

const button = (name, from = page) => from.getByRole('button', { name, exact: true });
const tab = (name, from = page) => from.getByRole('link', { name, exact: true }).click();
const rows = (from = page) => from.locator('.vg-row:not([hidden])');
/** Cells of the Batch Prediction Table: tick, ID, Model / Dataset, Started by, Progress, Start / End Time, Status, Results. */
const CELLS = ['tick', 'ID', 'Model / Dataset', 'Started by', 'Progress', 'Start / End Time', 'Status', 'Results'];
const cell = (row, name) => row.locator('> span').nth(CELLS.indexOf(name));
const newest = (from = page) => rows(from).first();
const status = (from = page) => cell(newest(from), 'Status').innerText();

async function openForm(from = page) {
    await tab('Predictions', from);
    await from.getByRole('link', { name: '+ New Batch Prediction' }).click();
    await from.getByLabel('Select Model').waitFor();
}

test('W3: a model is added by its files: card, settings, licence and checksum are shown', async () => {
    await tab('Models');
    await page.locator('input[type=file]').setInputFiles([path.join(model, 'model.onnx'), path.join(model, 'model.json')]);
    await button('Add').click();
    await page.getByRole('heading', { name: 'bright 1.0' }).waitFor();
    const card = page.getByLabel('Model', { exact: true });
    for (const words of ['segmentation', 'MIT', 'a test', 'mirror', 'overlap', 'No prediction yet.']) {
        await card.getByText(words, { exact: true }).first().waitFor();
    }
    await page.getByLabel('Models', { exact: true }).getByRole('row', { name: /bright.*Deployed/ }).waitFor();
    await shoot(page, 'models');
    assert.deepEqual(await violations(page), []);
});

test('a model of a site: a tool computes it; what is no model is refused with its reason', async () => {
    await page.getByLabel('Or a folder or ZIP on the server').fill(images);
    await button('Add').click();
    await page.getByRole('alert').filter({ hasText: 'model' }).first().waitFor();
    await page.getByLabel('Or a folder or ZIP on the server').fill(path.join(project.data, 'models/endless'));
    await button('Add').click();
    await page.getByRole('heading', { name: 'endless 1.0' }).waitFor();
    await page.getByText('tool:site.endless').waitFor();
});

test('W3: a data set is registered: what is missing is said at its field', async () => {
    await tab('Data sets');
    await button('Register').click();
    await page.getByText('Give it a name.').waitFor();
    await page.getByText('Choose a folder, or type one.').waitFor();
    await page.getByLabel('Folders and files').fill(images);
    await page.getByLabel('Name', { exact: true }).fill('chest');
    await page.getByLabel('Description').fill('Thorax of 2023');
    await page.getByLabel('Modality of images').selectOption('CT');
    await shoot(page, 'datasets');
    assert.deepEqual(await violations(page), []);
    await button('Register').click();
    await page.getByText('5 series', { exact: true }).waitFor();
});

test('W13: series with modality, slices, spacing; the studies of a patient together, by date', async () => {
    await page.getByLabel('Group by patient').check();
    const told = await until(async () => {
        const all = await rows().allInnerTexts();
        return all.length === 5 && all[0].includes('p01/2023-01-10') ? all : null;
    }, 'five series in order');
    assert.deepEqual(told.map((text) => /p0\d\/[\d-]+/.exec(text)[0]), ['p01/2023-01-10', 'p01/2024-02-11', 'p02/2023-05-01', 'p02/2023-05-01', 'p03/2023-07-01']);
    assert.match(told[0], /CT[^]*12[^]*2 × 2 × 3[^]*p01[^]*2023-01-10/);
    assert.match(told[4], /MR/);
    await shoot(page, 'dataset');
    assert.deepEqual(await violations(page), []);
    await button('Read again').click();
    await page.getByText('5 series: 0 new, 0 changed, 0 gone.').waitFor();
    await button('Export…').click();
    await page.getByLabel('Into a new folder').fill('somewhere');
    await button('Export').click();
    await page.getByRole('alert').filter({ hasText: "'somewhere' is not an absolute path" }).waitFor();
    await button('Cancel').click();
});

test('W3: a missing required field is said at the field, and nothing is submitted', async () => {
    await tab('Predictions');
    await page.getByText('No batch predictions yet.').waitFor();
    await openForm();
    await button('Submit').click();
    await page.getByText('Select a model.').waitFor();
    await page.getByText('Select a data set.').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.id), 'select-model');
    assert.deepEqual(await project.json('ps', '--all'), []);
});

test('W3, W14: settings come with the model and are checked before anything is queued', async () => {
    await page.getByLabel('Select Model').selectOption('bright');
    await page.getByLabel('Select Dataset').selectOption({ label: 'chest (5 series)' });
    await page.getByLabel('Overlap').fill('0.95');
    await page.getByText('A number from 0 to 0.9 is needed.').waitFor();
    await page.getByLabel('bright', { exact: true }).first().uncheck();
    await page.getByText('Tick at least one.').waitFor();
    await shoot(page, 'prediction-settings');
    await button('Submit').click();
    assert.deepEqual(await project.json('ps', '--all'), []);
    await page.getByLabel('bright', { exact: true }).first().check();
    await page.getByLabel('Overlap').fill('0.5');
    await page.getByText('5 series, 2 do not fit (1 with 3 slices, 1 MR)').waitFor();
    assert.ok(await button('Submit').isDisabled());
    assert.deepEqual(await violations(page), []);
});

test('W3: try on one: one series now, its picture and its time', async () => {
    await button('Try on one').click();
    const picture = page.locator('img.preview');
    await picture.waitFor();
    await until(() => picture.evaluate((image) => image.naturalWidth > 0), 'the picture has come');
    await page.getByRole('status').filter({ hasText: /ct\.nii\.gz: [\d.]+ s, bright/ }).waitFor();
    await page.getByRole('link', { name: 'Open in the viewer' }).waitFor();
    await shoot(page, 'prediction-try');
});

test('W4, W5, W7: submitted, in the table at once; the bar moves by itself, 100 only at the end; W6: Completed', async () => {
    await button('Submit the rest (3)').click();
    await newest().waitFor();
    const titles = await page.locator('.vg-head .vg-sort, .vg-head .vg-title').allInnerTexts();
    assert.deepEqual(titles, CELLS.slice(1));
    await page.evaluate(() => {
        globalThis.seen = new Set();
        const look = () => {
            const row = document.querySelector('.vg-row:not([hidden])');
            if (row) {
                globalThis.seen.add(`${row.children[4].textContent} ${row.children[6].textContent}`);
            }
        };
        look();
        new MutationObserver(look).observe(document.querySelector('.vg-space'), { subtree: true, childList: true, characterData: true });
    });
    await until(async () => (await status()) === 'Completed', 'completed');
    const seen = await page.evaluate(() => [...globalThis.seen]);
    assert.ok(seen.length >= 2 || seen[0] === '100% Completed', seen.join('; '));
    assert.ok(seen.every((words) => words.startsWith('100%') === words.endsWith('Completed')), seen.join('; '));
    assert.equal(await cell(newest(), 'Progress').innerText(), '100%');
    assert.match(await cell(newest(), 'Model / Dataset').innerText(), /bright 1\.0 \/ chest/);
    assert.equal(await cell(newest(), 'Started by').innerText(), 'ada');
    assert.match(await cell(newest(), 'Start / End Time').innerText(), /\d\d:\d\d:\d\d – .*\d\d:\d\d:\d\d/);
    assert.equal(await rows().count(), 1, 'the try is not among them');
    await page.getByLabel('Show tries').check();
    await until(async () => (await rows().count()) === 2, 'the try is shown when it is asked for');
    await page.getByLabel('Show tries').uncheck();
});

test('W8: the eye opens the results', async () => {
    await newest().getByRole('button', { name: /^View Results/ }).click();
    await until(() => /#\/predictions\/\d+\/\d+/.test(page.url()), 'the viewer of the first series');
    await page.goBack();
});

test('W6, W11, X24: one series of three fails: red, with the count and the reason', async () => {
    const file = path.join(images, BAD);
    await copyFile(file, file + '.whole');
    await truncate(file, 400);
    await openForm();
    await page.getByLabel('Select Model').selectOption('bright');
    await page.getByLabel('Select Dataset').selectOption({ label: 'chest (5 series)' });
    await page.getByLabel('Overlap').fill('0.25');
    await button('Submit the rest (3)').click();
    await until(async () => (await status()) === 'Failed (1 of 3)', 'one has failed');
    const colour = await newest().locator('.state').evaluate((one) => getComputedStyle(one).color.match(/\d+/g).map(Number));
    assert.ok(colour[0] > colour[1] + 60 && colour[0] > colour[2] + 60, 'red');
    await shoot(page, 'predictions');
    assert.deepEqual(await violations(page), []);
});

test('W12: the page of one: who, what, settings, checksum; each series with its message and its log', async () => {
    await cell(newest(), 'Model / Dataset').click();
    const side = page.getByLabel('Details');
    await side.getByText('0.25', { exact: true }).waitFor();
    assert.match(await side.innerText(), /Checksum\s+[0-9a-f]{64}/);
    assert.match(await side.innerText(), /Started by\s+ada/);
    const bad = rows().filter({ hasText: BAD });
    await until(async () => /Failed/.test(await bad.innerText()), 'its series is red');
    await bad.getByText('log', { exact: true }).click();
    await page.locator('pre.log').waitFor();
    await page.getByRole('tab', { name: 'JSON' }).click();
    await page.locator('pre.log', { hasText: '"predict.segment"' }).waitFor();
    await shoot(page, 'prediction');
    assert.deepEqual(await violations(page), []);
    await button('Close the log').click();
});

test('W11: mended and retried: only the failed one runs again, then all is completed', async () => {
    await rename(path.join(images, BAD + '.whole'), path.join(images, BAD));
    await button('Retry failed').click();
    await page.locator('.heading .state.done').getByText('Completed').waitFor();
    assert.match(await page.locator('.heading').innerText(), /100% · 3 of 3 series/);
    await until(async () => (await rows().filter({ hasText: 'Completed' }).count()) === 3, 'three completed rows');
});

test('W12: results as CSV, XLSX and JSON', async () => {
    for (const format of ['CSV', 'XLSX', 'JSON']) {
        const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: format, exact: true }).click()]);
        const bytes = await readFile(await file.path());
        assert.ok(format === 'XLSX' ? bytes.subarray(0, 2).toString() === 'PK' : bytes.toString().includes('p02/2023-05-01'), format);
    }
});

test('W8: a validation is launched on the results, and listed with them', async () => {
    const here = page.url();
    await button('Validate…').click();
    const dialog = page.locator('dialog');
    await dialog.getByRole('button', { name: 'Validate', exact: true }).click();
    await dialog.getByText('Name the folder of reference masks.').waitFor();
    await dialog.getByLabel('The truth').fill(path.join(project.data, 'truth'));
    assert.deepEqual(await violations(page), []);
    await dialog.getByRole('button', { name: 'Validate', exact: true }).click();
    await until(() => /#\/validations\/\d+/.test(page.url()), 'the page of the validation');
    await page.goto(here);
    await page.getByLabel('Details').getByRole('link', { name: /^Validation \d+/ }).waitFor();
});

test('W3, W13: duplicated with changed settings, one series only', async () => {
    await button('Duplicate…').click();
    await page.getByText(/New Batch Prediction, from prediction/).waitFor();
    await until(async () => (await page.getByLabel('Overlap').inputValue()) === '0.25', 'the settings of the first');
    assert.ok(await page.getByLabel(/^Only those that are ticked \(3\)/).isChecked());
    await page.getByLabel('Overlap').fill('0.1');
    await rows().filter({ hasText: 'p02' }).filter({ hasText: 'ct.nii' }).locator('> span').first().click();
    await page.getByText('2 series').first().waitFor();
    await button('Submit').click();
    await until(async () => (await status()) === 'Completed', 'completed');
    assert.equal(await rows().count(), 3);
});

test('W9, W10: two predictions of two people at once; both are live in both tables', async () => {
    for (const from of [page, await signIn('otto')]) {
        await openForm(from);
        await from.getByLabel('Select Model').selectOption('endless');
        await from.getByLabel('Select Dataset').selectOption({ index: 1 });
        await button('Submit the rest (4)', from).click();
        await newest(from).waitFor();
    }
    await until(async () => (await cell(newest(), 'Started by').innerText()) === 'otto', 'the newest is of the other one');
    const states = async () => (await rows().allInnerTexts()).slice(0, 2).join(' ');
    await until(async () => /In Progress/.test(await states()) && /In Progress|Queued/.test(await status()), 'both wait or run');
    await shoot(page, 'predictions-two');
});

test('X24: cancelled: asked first, No is the answer of a bare Enter', async () => {
    await rows().nth(0).locator('> span').first().click();
    await rows().nth(1).locator('> span').first().click();
    await button('Cancel…').click();
    await page.locator('dialog').getByText('Cancel 2 predictions?').waitFor();
    await page.keyboard.press('Enter');
    await until(async () => (await page.locator('dialog').count()) === 0, 'the dialog is gone');
    assert.ok(['In Progress', 'Queued'].includes(await status()));
    await button('Cancel…').click();
    await page.locator('dialog').getByRole('button', { name: /^Cancel 8/ }).click();
    await until(async () => (await rows().filter({ hasText: 'Cancelled' }).count()) === 2, 'both are cancelled');
});

test('the table is sorted and searched, and used by keys', async () => {
    await page.getByLabel('Filter Status').fill('cancelled');
    await until(async () => (await rows().count()) === 2, 'two of them');
    await page.getByLabel('Filter Status').fill('nothing of that kind');
    await page.getByText('No prediction fits the filters.').waitFor();
    await page.getByLabel('Filter Status').fill('');
    await page.getByText('No prediction fits the filters.').waitFor({ state: 'detached' });
    await page.locator('.vg-head .vg-sort', { hasText: 'ID' }).click();
    await until(async () => (await cell(newest(), 'Status').innerText()) === 'Completed', 'the oldest first');
    await page.locator('.vg').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('Shift+F10');
    await page.getByRole('menuitem', { name: 'Details' }).press('Enter');
    await page.getByRole('heading', { name: /^Prediction \d+: bright/ }).waitFor();
});

test('an archived model is not offered; deployed again it is', async () => {
    await tab('Models');
    await tab('endless');
    await button('Archive').click();
    await button('Deploy').waitFor();
    await openForm();
    assert.deepEqual(await page.getByLabel('Select Model').locator('option[value=endless]').count(), 0);
    await tab('Models');
    await tab('endless');
    await button('Deploy').click();
    await button('Archive').waitFor();
});

test('a data set is renamed, and removed: its images and predictions stay', async () => {
    await tab('Data sets');
    await tab('chest');
    await button('Rename…').click();
    await page.locator('dialog').getByLabel('Name').fill('thorax');
    await button('Save').click();
    await page.getByRole('heading', { name: 'thorax' }).waitFor();
    await button('Remove…').click();
    await page.locator('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('No data set yet.').waitFor();
    await tab('Predictions');
    await until(async () => (await rows().count()) === 5, 'the predictions stay');
});

test('W2: a viewer sees the table and the details, and starts nothing', async () => {
    const viewer = await signIn('vi');
    await tab('Predictions', viewer);
    await newest(viewer).waitFor();
    assert.equal(await viewer.getByRole('link', { name: '+ New Batch Prediction' }).count(), 0);
    await rows(viewer).first().locator('> span').first().click();
    for (const name of ['Retry failed', 'Duplicate…', 'Cancel…']) {
        assert.ok(await button(name, viewer).isDisabled(), name);
    }
    await viewer.goto(new URL('/#/predictions/new', server.url).href);
    await viewer.getByText('Viewers look at predictions').waitFor();
    const csrf = await viewer.evaluate(async () => (await (await fetch('api/v1/session')).json()).csrf);
    const refused = await viewer.request.post(new URL('/api/v1/predictions', server.url).href, { data: { model: 'bright', dataset: 1 }, headers: { 'X-CSRF-Token': csrf } });
    assert.equal(refused.status(), 403);
});

test('no error was thrown on the page', () => assert.deepEqual(problems, []));
