// The page of a validation, by clicking, on a real server with real inference (REQUIREMENTS W8): begun from a prediction,
// its figures, plots and series with the worst first; classes from a table that is sent.
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch } from './browser.mjs';
import { python } from './images.mjs';
import { shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

const LEVELS = [0, 10, 20, 40, 60, 70, 90, 100];
let project, server, browser, page;
const problems = [];

/** Three balls with their masks (the last one of a neighbour), eight series of one grey, and a model for each. */
function makeAll(folder) {
    return python(folder, `
import nibabel, numpy
for seed, name in enumerate("abcd", 1):
    predictions.nifti(folder / f"balls/{name}.nii.gz", "CT", seed)
for name, seed in (("a", 1), ("b", 2), ("c", 1)):
    predictions.truth(folder / f"truth/{name}_seg.nii.gz", seed)
(folder / "grey").mkdir()
for level in ${JSON.stringify(LEVELS)}:
    image = nibabel.Nifti1Image(numpy.full((8, 8, 6), level, numpy.int16), predictions.affine((8, 8, 6)))
    nibabel.save(image, folder / f"grey/g{level:03}.nii.gz")
onnx = tiny_models.two_classes(None, None, None)
tiny_models.write(folder / "m/ball", onnx, tiny_models.card(onnx, name="ball",
    input={"modality": "CT", "patch": [16, 16, 8], "channels": 1, "normalisation": "window", "window": [150, 400]}))
onnx = tiny_models.bag_mean(4, 8, 8)
tiny_models.write(folder / "m/grey", onnx, tiny_models.card(onnx, name="grey", task="classification", settings={},
    input={"modality": "CT", "slices": 4, "channels": 1, "patch": [8, 8], "normalisation": "window", "window": [0, 100]},
    output={"labels": ["dark", "bright"], "activation": "sigmoid", "threshold": 0.62}))
`);
}

before(async () => {
    project = await makeProject();
    await makeAll(project.data);
    await project.gantry('init', '--name', 'lab');
    for (const [word, folder] of [['ball', 'balls'], ['grey', 'grey']]) {
        await project.gantry('model', 'add', path.join(project.data, 'm', word));
        await project.gantry('dataset', 'add', word, path.join(project.data, folder), '--modality', 'CT');
        await project.gantry('predict', '--dataset', word, '--model', word);
    }
    server = await project.serve();
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1300, height: 900 }, acceptDownloads: true })).newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => problems.push(error.message));
    await page.goto(server.url);
    await page.waitForSelector('header.top');
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

const button = (name) => page.getByRole('button', { name, exact: true });
const open = (hash) => page.evaluate((to) => (location.hash = to), hash);
const names = () => page.locator('.judged tbody tr td:first-child a').allInnerTexts();

test('W8: masks: begun from the prediction; figures, plots, the worst series first, the report', async () => {
    await open('#/predictions/1');
    await button('Validate…').click();
    await page.getByLabel(/The truth/).fill('/nowhere/at/all');
    await button('Validate').click();
    await page.getByRole('alert').waitFor();
    await page.getByLabel(/The truth/).fill(path.join(project.data, 'truth'));
    await button('Validate').click();
    await page.getByRole('heading', { name: 'Validation 3' }).waitFor();
    await page.getByRole('heading', { name: 'Series, the worst first' }).waitFor();
    const tiles = await page.getByLabel('Summary').innerText();
    assert.match(tiles, /3\s+of 4 series compared\s+1\s+without a truth/);
    assert.deepEqual(await names(), ['balls/c.nii.gz', 'balls/a.nii.gz', 'balls/b.nii.gz', 'balls/d.nii.gz']);
    await page.getByText('no mask for it').waitFor();
    await page.getByRole('img', { name: 'Dice by label' }).waitFor();
    assert.equal(await page.locator('.plot .dot').count(), 3);
    await shoot(page, 'validation-masks');
    assert.deepEqual(await violations(page), []);
    await page.getByLabel('Plot').selectOption('hd95');
    await page.getByRole('img', { name: 'HD95, mm by label' }).waitFor();
    const dice = page.locator('.judged').getByRole('columnheader', { name: /^Dice/ }).getByRole('button');
    await dice.click();
    await dice.click(); // the best first
    assert.equal((await names())[2], 'balls/c.nii.gz');
    assert.equal((await names())[3], 'balls/d.nii.gz'); // what has no figure stays behind
    await page.getByLabel('Filter the series').fill('truth');
    assert.deepEqual(await names(), ['balls/d.nii.gz']);
    await page.getByLabel('Filter the series').fill('');
    for (const [link, ending] of [['Report (PDF)', '.pdf'], ['CSV', '.csv']]) {
        const coming = page.waitForEvent('download');
        await page.getByRole('link', { name: link, exact: true }).click();
        assert.ok((await coming).suggestedFilename().endsWith(ending));
    }
    await page.locator('.judged tbody tr', { hasText: 'balls/c.nii.gz' }).click({ position: { x: 300, y: 8 } });
    await until(() => page.evaluate(() => /^#\/predictions\/1\/\d+$/.test(location.hash)), 'the viewer of the series');
});

test('W8: classes: a table is sent; ROC, calibration, confusion matrix, what is wrong comes first', async () => {
    await open('#/predictions/2');
    await page.getByText('grey/g000').first().waitFor();
    await button('Validate…').click();
    const table = path.join(project.data, 'labels.csv');
    await writeFile(table, 'series,label\n' + LEVELS.map((v) => `g${String(v).padStart(3, '0')},${[40, 70, 90, 100].includes(v) ? 1 : 0}\n`).join(''));
    await page.locator('dialog input[type=file]').setInputFiles(table);
    await button('Validate').click();
    await page.getByRole('heading', { name: 'Validation 4' }).waitFor();
    await page.getByRole('img', { name: /ROC of bright, AUC 0\.938/ }).waitFor();
    await page.getByRole('img', { name: /Calibration, Brier/ }).waitFor();
    const counts = await page.locator('.confusion tbody td').allInnerTexts();
    assert.equal(counts.map(Number).reduce((a, b) => a + b), 8);
    assert.ok((await page.locator('.judged tbody tr').first().innerText()).includes('wrong'));
    assert.ok((await page.locator('.plot .bin').count()) > 0);
    await shoot(page, 'validation-classes');
    assert.deepEqual(await violations(page), []);
    // the prediction's page knows of it
    await open('#/predictions/2');
    await page.getByRole('link', { name: 'Validation 4' }).click();
    await page.getByRole('heading', { name: 'Validation 4' }).waitFor();
    assert.deepEqual(problems, []);
});
