// The results viewer on a real server after real inference (REQUIREMENTS W8, W13; issue 6 point 5): overlay pixels, labels,
// windows, previous and next, comparing, drawing, versions, verdicts, leaving unsaved changes.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { violations } from './axe.mjs';
import { launch, ROOT } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

const CANVAS = '.volume-stage canvas';
const PYTHON = '/usr/bin/python3';
const run = promisify(execFile);
let project, server, browser, page, rows;

before(async () => {
    project = await makeProject();
    const script = `import sys, pathlib; sys.path.insert(0, sys.argv[1])
import predictions, viewing
for seed, name in enumerate(viewing.NAMES, 1):
    predictions.nifti(pathlib.Path(sys.argv[2]) / name, "CT", seed, axes="LPS" if seed == 2 else "RAS")
viewing.model(sys.argv[3]); viewing.classifier(sys.argv[3]); viewing.detector(sys.argv[3])`;
    await run(PYTHON, ['-c', script, path.join(ROOT, 'tests/e2e'), project.data, project.home + '-models']);
    await project.gantry('model', 'add', project.home + '-models/ball');
    await project.gantry('dataset', 'add', 'scans', project.data, '--modality', 'CT');
    await project.gantry('predict', '--dataset', 'scans', '--model', 'ball');
    await project.gantry('predict', '--dataset', 'scans', '--model', 'ball', '--set', 'overlap=0');
    for (const name of ['bag', 'lumps']) {
        await project.gantry('model', 'add', `${project.home}-models/${name}`);
        await project.gantry('predict', '--dataset', 'scans', '--model', name);
    }
    server = await project.serve();
    browser = await launch({ webgl: true });
    page = await openPage(browser, server.url, '#/projects');
    page.setDefaultTimeout(30_000);
    rows = (await api('predictions/1/series')).rows;
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

const api = async (what) => (await page.request.get(new URL('/api/v1/' + what, server.url).href)).json();
const itemOf = (day) => rows.find((row) => row.name.includes(day)).id;

/** Pixels of a canvas: how many are lit, how many red, where the red ones are (parts of the canvas), a hash. */
async function look(nth = 0) {
    const png = (await page.locator(CANVAS).nth(nth).screenshot()).toString('base64');
    return page.evaluate(async (data) => {
        const picture = new Image();
        picture.src = 'data:image/png;base64,' + data;
        await picture.decode();
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [picture.width, picture.height];
        const context = canvas.getContext('2d');
        context.drawImage(picture, 0, 0);
        const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
        const now = { lit: 0, red: 0, x: 0, y: 0, sum: 0 };
        for (let i = 0, n = 0; i < bytes.length; i += 4, n++) {
            const [r, g, b] = [bytes[i], bytes[i + 1], bytes[i + 2]];
            const red = r > g + 40 && r > b + 40;
            now.lit += r + g + b > 90 ? 1 : 0;
            now.red += red ? 1 : 0;
            now.x += red ? n % canvas.width : 0;
            now.y += red ? Math.floor(n / canvas.width) : 0;
            now.sum = (Math.imul(now.sum, 31) + r * 65536 + g * 256 + b) >>> 0;
        }
        const all = bytes.length / 4;
        return { lit: now.lit / all, red: now.red / all, x: now.x / now.red / canvas.width, y: now.y / now.red / canvas.height, sum: now.sum };
    }, png);
}

const open = async (day, more = '') => {
    await page.goto(new URL(`/#/predictions/1/${itemOf(day)}${more}`, server.url).href);
    await page.waitForSelector(`${CANVAS}[data-shown="whole"][data-mask="1"]`);
    return until(async () => {
        const now = await look();
        return now.red > 0.001 ? now : null;
    }, 'the overlay');
};
const differs = (before, what, nth = 0) => until(async () => {
    const now = await look(nth);
    return now.sum !== before.sum ? now : null;
}, what);
const button = (name) => page.getByRole('button', { name, exact: true });

test('W8: a series with what was predicted over it, in the label\'s colour; label, opacity, window', async () => {
    const first = await open('2023-01-10');
    assert.ok(first.lit > 0.05, JSON.stringify(first));
    assert.match(await page.textContent('.results-labels li'), /ball\s*[\d.]+ ml/);
    await shoot(page, 'results');
    assert.deepEqual(await violations(page), []);
    await page.getByRole('checkbox', { name: 'Show ball' }).uncheck();
    const hidden = await until(async () => ((await look()).red === 0 ? look() : null), 'the label is hidden');
    await page.getByRole('checkbox', { name: 'Show ball' }).check();
    await differs(hidden, 'the label is back');
    await page.keyboard.press('o');
    await until(async () => (await look()).red === 0, 'the overlay is off');
    await page.keyboard.press('o');
    const lung = await until(async () => ((await look()).red > 0 ? look() : null), 'the overlay is on');
    await page.keyboard.press('3');
    await differs(lung, 'the bone window');
    assert.equal(await button('Bone').getAttribute('aria-pressed'), 'true');
    await page.keyboard.press('1');
});

test('W8: the overlay lies on the ball, turned with the picture; radiological for CT, neurological to choose', async () => {
    assert.equal((await api(`predictions/1/view/${itemOf('2024-02-11')}`)).orientation, 'LPS');
    const usual = await open('2024-02-11', '?view=axial');
    assert.equal(await button('Radiological').getAttribute('aria-pressed'), 'true');
    await button('Radiological').click();
    const turned = await differs(usual, 'the picture is turned');
    assert.ok(Math.abs(usual.x + turned.x - 1) < 0.03, `${usual.x} and ${turned.x} mirror each other`);
    const values = await page.textContent('.results-spot');
    assert.match(values, /Slice \d+ of 12/);
    await button('Radiological').click();
});

test('W13: previous and next go through the patient\'s days, by button and key', async () => {
    await open('2023-01-10');
    assert.deepEqual(await page.locator('.results-days li').allTextContents(), ['2023-01-10', '2024-02-11']);
    await page.keyboard.press('n');
    await until(async () => page.url().endsWith(`/1/${itemOf('2024-02-11')}`), 'the next day');
    await page.getByText('2 of 3').waitFor();
    await button('Next →').click();
    await page.getByText('3 of 3').waitFor();
    assert.ok(await button('Next →').isDisabled());
    await page.keyboard.press('p');
    await page.getByText('2 of 3').waitFor();
});

test('W8: two predictions of one series, in turns and side by side with one cursor', async () => {
    await open('2023-01-10', '?with=2');
    await page.keyboard.press('c');
    await page.getByText('Labels of prediction 2').waitFor();
    await page.keyboard.press('c');
    await button('Side by side').click();
    await page.waitForSelector('[data-side="2"] canvas[data-mask="1"]');
    await until(async () => (await look(1)).red > 0.001, 'the second picture');
    const before = await look(1);
    await page.locator(CANVAS).first().focus();
    await page.keyboard.press('PageUp');
    await differs(before, 'the cursor goes along', 1);
    await shoot(page, 'results-beside');
    await button('Side by side').click();
});

test('W8: scores and the slices that counted lead to the slice; boxes are drawn', async () => {
    await page.goto(new URL(`/#/predictions/3/${itemOf('2023-01-10')}`, server.url).href);
    await page.waitForSelector(`${CANVAS}[data-shown="whole"]`);
    assert.match(await page.textContent('.results-scores'), /normal.*finding/);
    const plot = page.getByRole('slider', { name: 'Attention by slice' });
    const slice = () => page.getAttribute('.results-spot', 'data-slice');
    const box = await plot.boundingBox();
    await plot.click({ position: { x: box.width * 0.99, y: box.height / 2 } });
    await until(async () => (await slice()) === '11', 'the last slice');
    const top = page.getByRole('button', { name: /^Slice that weighed most/ });
    const weighed = Number((await top.textContent()).match(/\d+$/)[0]);
    await top.press('Enter');
    await until(async () => Number(await slice()) === weighed - 1, 'the slice that weighed most');
    await shoot(page, 'results-values');
    assert.deepEqual(await violations(page), []);
    await page.goto(new URL(`/#/predictions/4/${itemOf('2023-01-10')}`, server.url).href);
    await page.waitForSelector(`${CANVAS}[data-mask="1"]`);
    const first = page.getByRole('region', { name: 'Boxes' }).getByRole('button').first();
    assert.match(await first.textContent(), /lump \d\.\d\d, slices \d+–\d+/);
    const plain = await look();
    await first.click();
    await differs(plain, 'the slice of the box');
});

test('W8: a stroke is drawn, undone, drawn again, saved as a version, and is in the file; verdicts', async () => {
    await open('2023-01-10', '?view=axial');
    await page.keyboard.press('a');
    await page.getByRole('region', { name: 'Annotate' }).waitFor();
    const slider = page.getByLabel('Size 6');
    await slider.focus();
    await page.keyboard.press('Home');
    const before = await look();
    const ml = () => page.textContent('.results-ml');
    const whole = await ml();
    const box = await page.locator(CANVAS).boundingBox();
    const stroke = async (y) => {
        await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * y);
        await page.mouse.down();
        await page.mouse.move(box.x + box.width * 0.56, box.y + box.height * y, { steps: 5 });
        await page.mouse.up();
    };
    await stroke(0.2);
    const drawn = await differs(before, 'the stroke');
    assert.notEqual(await ml(), whole);
    assert.ok(drawn.red > before.red, `${drawn.red} > ${before.red}`);
    await page.keyboard.press('Control+z');
    await until(async () => (await ml()) === whole, 'undone');
    await stroke(0.2);
    await until(async () => (await ml()) !== whole, 'the stroke again');
    await button('Next →').click(); // not without being asked
    await page.getByText('What you drew is not saved').waitFor();
    await button('Stay').click();
    await page.getByLabel('Comment').fill('top corner');
    await button('Save as a new version').click();
    await page.getByText('Saved as version 1.').waitFor();
    const check = `import sys, glob, json, nibabel, numpy as np
new, = glob.glob(sys.argv[1] + "/annotations/**/v001.nii.gz", recursive=True)
old, = [f for f in glob.glob(sys.argv[1] + "/predictions/*/**/mask.nii.gz", recursive=True) if "2023-01-10" in f and sys.argv[2] in f]
a, b = nibabel.load(old), nibabel.load(new)
facts = json.load(open(new.replace(".nii.gz", ".json")))
print(json.dumps({"same": bool(np.allclose(a.affine, b.affine)) and a.shape == b.shape, "more": int((np.asarray(b.dataobj) > 0).sum() - (np.asarray(a.dataobj) > 0).sum()),
    "kept": bool((np.asarray(b.dataobj)[np.asarray(a.dataobj) > 0] == 1).all()), "facts": [facts["comment"], facts["state"]]}))`;
    const folder = readdirSync(path.join(project.rec, 'predictions')).find((name) => name.startsWith('ball'));
    const said = JSON.parse((await run(PYTHON, ['-c', check, project.rec, folder])).stdout);
    assert.deepEqual([said.same, said.kept, said.facts], [true, true, ['top corner', 'draft']]);
    assert.ok(said.more >= 1, JSON.stringify(said));
    await page.reload();
    await page.waitForSelector(`${CANVAS}[data-mask="1"]`);
    await until(async () => (await ml()) === whole, 'the prediction as it was');
    const plain = await until(async () => ((await look()).red > 0 ? look() : null), 'its picture');
    await page.getByRole('button', { name: /^Version 1/ }).click();
    await until(async () => (await ml()) !== whole, 'the version with the stroke');
    await differs(plain, 'its picture');
    await button('✓ Accept').click();
    await page.locator('.viewer-head .results-state.accepted').waitFor();
    await page.getByRole('button', { name: /^Prediction/ }).first().click();
    await button('✗ Reject').click();
    await page.locator('.viewer-head .results-state.rejected').waitFor();
    const listed = (await api(`annotations?item=${itemOf('2023-01-10')}&run=1`)).rows;
    assert.deepEqual(listed.map((row) => [row.version, row.state]), [[0, 'rejected'], [1, 'accepted']]);
    await shoot(page, 'results-versions');
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(page.problems, []);
});
