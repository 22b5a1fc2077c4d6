// Try, full and raw viewers on a real server and real reconstructions (issue 3 part 5).
import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch } from './browser.mjs';
import { changed, drawn, openPage, PANE, scans, settled, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

let project, server, browser, page, items;

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 2, scans: 3, columns: 160, rows: 12, angles: 90 });
    await project.gantry('run', 'tomo-ai-reco');
    items = await project.json('ls');
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/item/1/try');
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

async function go(hash) {
    await page.goto(new URL('/' + hash, server.url).href);
    await page.reload();
}
const list = () => scans(page, server.url);
const row = async (id) => (await list()).find((one) => one.id === id);
const text = (selector) => page.textContent(selector);

// --- try

test('try viewer: the picture follows the centre, by slider and by keys', async () => {
    await go(`#/item/${items[0].id}/try`);
    const first = await settled(page);
    const shown = await text('.viewer-slider output');
    await page.keyboard.press('ArrowRight');
    await changed(page, first);
    assert.notEqual(await text('.viewer-slider output'), shown);
    await page.keyboard.press('Home');
    const low = parseFloat(await text('.viewer-slider output'));
    await page.locator('.viewer-slider input[type=range]').focus();
    await page.keyboard.press('End');
    await until(async () => parseFloat(await text('.viewer-slider output')) > low, 'the last centre');
    assert.ok(await page.locator('svg.plot path.curve').first().getAttribute('d'));
    await shoot(page, 'try');
    assert.deepEqual(await violations(page), []);
});

test('try viewer: G shows all centres, Enter takes the one marked', async () => {
    await page.locator('.viewer h1').click();
    await page.keyboard.press('g');
    await page.waitForSelector('.viewer-centres img');
    const many = await page.locator('.viewer-centres button').count();
    assert.ok(many > 5, `${many} centres`);
    await page.waitForTimeout(300);
    await shoot(page, 'try-centres');
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('Enter');
    await drawn(page);
});

test('try viewer: "Use" writes the centre shown, "Use for series" that of every scan, Undo takes it back', async () => {
    const id = items[0].id;
    const series = items.filter((one) => one.series === items[0].series);
    const before = await list();
    await page.waitForTimeout(500); // the address and the button follow the slider
    const value = parseFloat(await text('.viewer-slider output'));
    await page.click('button.main:has-text("Use ")');
    await until(async () => {
        const now = await row(id);
        return now.cor_source === 'manual' && Math.abs(now.cor - value) < 0.005;
    }, 'the centre is written');
    await page.click(`button:has-text("Use for series (${series.length})")`);
    await until(async () => (await list()).filter((one) => one.series === items[0].series && one.cor_source === 'manual').length === series.length, 'the series is written');
    await page.locator(`.toast:has-text("${series.length} scans of") button:has-text("Undo")`).click();
    await until(async () => {
        const now = await list();
        return series.slice(1).every((one) => {
            const [was, is] = [before, now].map((all) => all.find((entry) => entry.id === one.id));
            return is.cor === was.cor && is.cor_source === was.cor_source;
        });
    }, 'undone');
});

// --- full

test('full viewer: slices by slider, keys and number; the address keeps the slice', async () => {
    await go(`#/item/${items[1].id}/full`);
    const first = await settled(page);
    await page.keyboard.press('Home');
    const top = await changed(page, first);
    assert.equal(await page.inputValue('.viewer-slider input[type=number]'), '0');
    await page.keyboard.press('PageUp');
    await changed(page, top);
    await page.fill('.viewer-slider input[type=number]', '7');
    await page.keyboard.press('Enter');
    await until(() => page.url().includes('slice=7'), 'the address follows');
    await page.reload();
    await drawn(page);
    assert.equal(await page.inputValue('.viewer-slider input[type=number]'), '7');
});

test('full viewer: the picture fills its place also after the jobs page', async () => {
    const height = () => page.locator('.pane').first().evaluate((pane) => pane.clientHeight);
    await go(`#/item/${items[1].id}/full`);
    await drawn(page);
    const before = await height();
    await page.goto(new URL('/#/jobs', server.url).href); // no reload: styles that were read stay
    await page.getByRole('button', { name: 'Kill all' }).waitFor();
    await page.goto(new URL(`/#/item/${items[1].id}/full`, server.url).href);
    await drawn(page);
    assert.equal(await height(), before);
});

test('full viewer: window by number, by drag, by 5-95 %; inverted; the pixels follow', async () => {
    const auto = await settled(page);
    const [low, high] = [page.getByLabel('Low'), page.getByLabel('High')];
    const [lo, hi] = [Number(await low.inputValue()), Number(await high.inputValue())];
    assert.ok(hi > lo);
    await high.fill(String(lo + (hi - lo) / 3));
    await high.press('Enter');
    const bright = await changed(page, auto);
    assert.ok(bright.mean > auto.mean + 5, `${bright.mean} is not brighter than ${auto.mean}`);
    await page.locator('.viewer h1').click();
    await page.keyboard.press('a');
    const again = await changed(page, bright);
    assert.equal(again.hash, auto.hash);
    await page.keyboard.press('i');
    const inverted = await changed(page, again);
    assert.ok(inverted.mean > auto.mean);
    await page.keyboard.press('i');
    await changed(page, inverted);
    const box = await page.locator(PANE).boundingBox();
    await page.mouse.move(box.x + 200, box.y + 300);
    await page.mouse.down({ button: 'right' });
    await page.mouse.move(box.x + 420, box.y + 300, { steps: 4 });
    await page.mouse.up({ button: 'right' });
    const dragged = await changed(page, auto);
    await page.click('button:has-text("5–95 %")');
    await changed(page, dragged);
});

test('full viewer: colour maps colour', async () => {
    const grey = await settled(page);
    assert.ok(grey.colourful < 0.001);
    await page.selectOption('select[aria-label=Colours]', 'viridis');
    const viridis = await changed(page, grey);
    assert.ok(viridis.colourful > 0.1);
    await page.selectOption('select[aria-label=Colours]', 'inferno');
    await changed(page, viridis);
    await page.selectOption('select[aria-label=Colours]', 'grey');
    assert.equal((await settled(page)).hash, grey.hash);
});

test('full viewer: wheel zooms, drag moves, double click fits, keys do too', async () => {
    const all = await settled(page);
    const box = await page.locator(PANE).boundingBox();
    const middle = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(...middle);
    await page.mouse.wheel(0, -400);
    const near = await changed(page, all);
    await page.mouse.down();
    await page.mouse.move(middle[0] + 80, middle[1] + 40, { steps: 3 });
    await page.mouse.up();
    const moved = await changed(page, near);
    await page.mouse.dblclick(...middle);
    assert.equal((await changed(page, moved)).hash, all.hash);
    await page.keyboard.press('+');
    const key = await changed(page, all);
    await page.keyboard.press('0');
    assert.equal((await changed(page, key)).hash, all.hash);
});

test('full viewer: a line gives its profile', async () => {
    await page.keyboard.press('l');
    const box = await page.locator(PANE).boundingBox();
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width / 2 - 200, y);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 + 200, y + 3, { steps: 5 });
    await page.mouse.up();
    const curve = await page.getAttribute('section[aria-label="Line profile"] path.curve', 'd');
    assert.ok(curve.split('L').length > 40, curve);
    await shoot(page, 'full');
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('l');
});

test('full viewer: side by side, with linked slice and window', async () => {
    await page.fill('input[placeholder="name of a scan"]', items[2].name);
    await drawn(page, PANE, 1);
    await settled(page, PANE, 1);
    await shoot(page, 'full-two');
    assert.deepEqual(await violations(page), []);
    const before = [await settled(page, PANE, 0), await settled(page, PANE, 1)];
    await page.locator('.viewer h1').click();
    await page.keyboard.press('ArrowRight');
    await Promise.all(before.map((one, i) => changed(page, one, PANE, i)));
    await page.click('button:has-text("Close the second scan")');
    await until(async () => (await page.locator(PANE).count()) === 1, 'one pane');
});

// --- raw

test('raw viewer: with and without white field, shifted by arrow keys', async () => {
    await go(`#/item/${items[0].id}/raw`);
    const flat = await settled(page);
    await shoot(page, 'raw');
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press('ArrowRight');
    await until(async () => (await page.getByLabel('Shift of the white field').inputValue()) === '1', 'a pixel to the right');
    await page.keyboard.press('Shift+ArrowLeft');
    await until(async () => (await page.getByLabel('Shift of the white field').inputValue()) === '-9', 'ten to the left');
    await settled(page);
    const high = Number(await page.getByLabel('High').inputValue());
    assert.ok(high < 5, `transmission, not counts: ${high}`);
    await page.keyboard.press('c');
    await changed(page, flat);
    await until(async () => Number(await page.getByLabel('High').inputValue()) > 100, 'counts');
});

test('raw viewer: projections by keys and play, sinogram', async () => {
    const first = await settled(page);
    await page.keyboard.press('ArrowUp');
    await until(async () => (await page.inputValue('.viewer-slider input[type=number]')) === '1', 'the next projection');
    await page.keyboard.press('Space');
    await until(async () => Number(await page.inputValue('.viewer-slider input[type=number]')) > 5, 'it plays');
    await page.keyboard.press('Space');
    await page.keyboard.press('s');
    await changed(page, first);
    await until(async () => /Sinogram of row/.test(await page.getAttribute(PANE, 'aria-label')), 'a sinogram');
    await settled(page);
    await shoot(page, 'raw-sinogram');
});

test('raw viewer: metadata is searched and saved as CSV', async () => {
    await page.keyboard.press('m');
    await page.waitForSelector('.viewer-metadata td:has-text("/exchange/data")');
    await page.getByLabel('Search the metadata').fill('THETA');
    await until(async () => (await page.locator('.viewer-metadata tbody tr').count()) === 1, 'one entry');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('button:has-text("Save as CSV")')]);
    assert.match(download.suggestedFilename(), /_metadata\.csv$/);
    const lines = (await readFile(await download.path(), 'utf8')).split('\r\n');
    assert.equal(lines[0], 'path,value,units,type');
    assert.match(lines[1], /^\/exchange\/theta,/);
    await page.getByLabel('Search the metadata').fill('');
    await shoot(page, 'raw-metadata');
});

// --- while a run goes on

test('full viewer: slices appear while the rest is still being made', async () => {
    await project.makeScans({ name: 'large', scans: 1, columns: 700, rows: 160, angles: 240 });
    await project.gantry('scan');
    const large = (await project.json('ls')).find((one) => one.series === 'large');
    await go(`#/item/${large.id}/full`);
    await page.waitForSelector('text=There are no full slices of this scan yet');
    await shoot(page, 'full-nothing');
    await project.gantry('run', 'tomo-full', large.name, '--cor', 350, '--detach');
    // Whatever the speed of the machine: once some slices are there the task is stopped in its tracks.
    const growing = await page.waitForSelector('text=more are on their way', { timeout: 120_000 }).catch(() => null);
    if (growing) {
        await project.gantry('suspend', 'last').catch(() => undefined);
        await drawn(page);
        await shoot(page, 'full-growing');
        await project.gantry('resume', 'last').catch(() => undefined);
    }
    await until(async () => (await page.getAttribute('.viewer-slider input[type=range]', 'max')) === '159', 'all slices');
    await drawn(page);
    assert.ok(growing, 'the run was over before any slice was seen');
    assert.deepEqual(page.problems, []);
});

test('a link to a scan of another project opens that project in the header', async () => {
    const other = path.join(project.data, '..', 'other');
    await mkdir(other);
    await project.gantry('init', other);
    await go('#/p/other/tomography');
    await page.getByText('0 scans', { exact: true }).waitFor();
    await page.goto(new URL(`/#/item/${items[0].id}/try`, server.url).href);
    const chosen = page.locator('header select option:checked');
    await until(async () => (await chosen.innerText()) === 'data', 'the header shows the project of the scan');
});
