// The centre review by keyboard alone, on a real server with real try slices (issue 3 part 4).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch } from './browser.mjs';
import { changed, drawn, openPage, pixels, scans, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

let project, server, browser, page;
const SCANS = 30;

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 3, scans: 10, columns: 96, rows: 4, angles: 60 });
    await project.gantry('run', 'tomo-ai-reco', '--phase', 'try,infer');
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/review/data');
    await page.waitForSelector('.cell');
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

const count = () => page.textContent('.review-bar .count');
const centre = async () => parseFloat(await page.textContent('.review-large .centre'));
const current = () => page.getAttribute('.cell.current', 'title');
const rows = async () => new Map((await scans(page, server.url)).map((row) => [row.name, row]));

test('one thumbnail a scan, least certain first, series together', async () => {
    assert.match(await count(), /0 of 30 checked/);
    const found = await page.evaluate(() => [...document.querySelectorAll('.cell')].map((cell) => cell.title));
    const known = await rows();
    const series = found.map((name) => known.get(name).series);
    const runs = series.filter((one, i) => one !== series[i - 1]);
    assert.equal(runs.length, new Set(runs).size, 'a series is torn apart: ' + runs);
    for (let i = 1; i < found.length; i++) {
        if (series[i] === series[i - 1]) {
            const [a, b] = [known.get(found[i - 1]), known.get(found[i])];
            assert.ok((a.confidence ?? -1) <= (b.confidence ?? -1), `${a.name} before ${b.name}`);
        }
    }
    await until(() => page.evaluate(() => [...document.querySelectorAll('.cell img')].every((img) => img.naturalWidth > 0)), 'thumbnails');
    await drawn(page);
    await shoot(page, 'review');
    assert.deepEqual(await violations(page), []);
});

test('arrows change centre and picture; Enter accepts what is shown and goes on', async () => {
    const name = await current();
    const first = await drawn(page);
    const before = await centre();
    await page.keyboard.press('ArrowRight');
    const moved = await changed(page, first);
    assert.ok((await centre()) > before);
    await page.keyboard.press('ArrowLeft');
    await changed(page, moved);
    await page.keyboard.press('ArrowRight');
    const chosen = await centre();
    await page.keyboard.press('Enter');
    await until(async () => (await current()) !== name, 'the next scan');
    assert.match(await count(), /1 of 30 checked/);
    const row = await until(async () => {
        const now = (await rows()).get(name);
        return now.cor_source === 'manual' ? now : null;
    }, 'the centre is saved');
    assert.ok(Math.abs(row.cor - chosen) < 0.005, `${row.cor} is not ${chosen}`);
});

test('Enter on a centre that was not moved keeps its last digit', async () => {
    const name = await current();
    const before = (await rows()).get(name);
    await page.keyboard.press('Enter');
    const row = await until(async () => {
        const now = (await rows()).get(name);
        return now.cor_source === 'manual' ? now : null;
    }, 'the centre is saved');
    assert.equal(row.cor, before.cor);
});

test('a reload keeps the place, the order and a centre that was picked but not accepted', async () => {
    await page.keyboard.press('ArrowRight');
    const [name, picked] = [await current(), await centre()];
    const order = await page.evaluate(() => [...document.querySelectorAll('.cell')].map((cell) => cell.title));
    await page.reload();
    await page.waitForSelector('.cell.current');
    await drawn(page);
    assert.equal(await current(), name);
    assert.equal(await until(async () => (await centre()) || null, 'a centre'), picked);
    assert.match(await count(), /2 of 30 checked/);
    assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('.cell')].map((cell) => cell.title)), order);
    await page.keyboard.press('p'); // back to the proposed one
    assert.notEqual(await centre(), picked);
});

test('S sets the whole series, U undoes it with the old values and sources', async () => {
    const first = await current();
    await page.keyboard.press('End');
    const name = await until(async () => ((await current()) !== first ? current() : null), 'the last scan');
    await drawn(page);
    const before = await rows();
    const series = before.get(name).series;
    const members = [...before.values()].filter((row) => row.series === series);
    const value = (await centre()).toFixed(2);
    await page.keyboard.press('s');
    await until(async () => [...(await rows()).values()].filter((row) => row.series === series && row.cor_source === 'manual' && row.cor.toFixed(2) === value).length === members.length, 'the series is set');
    assert.notEqual(before.get(await current()).series, series, 'it goes on to another series');
    await page.keyboard.press('u');
    await until(async () => (await current()) === name, 'back to where it was');
    await until(async () => {
        const now = await rows();
        return members.every((row) => now.get(row.name).cor === row.cor && now.get(row.name).cor_source === row.cor_source);
    }, 'undone');
});

test('F is the big view and back, ? tells the keys, Escape closes them', async () => {
    await page.keyboard.press('f');
    await page.waitForSelector('.review.big');
    await drawn(page);
    await shoot(page, 'review-big');
    await page.keyboard.press('f');
    await page.waitForSelector('.review-sheet');
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    await shoot(page, 'review-keys');
    await page.keyboard.press('Enter'); // closes the dialog, accepts nothing
    await until(async () => (await page.locator('dialog[open]').count()) === 0, 'the dialog closes');
    assert.match(await count(), /2 of 30 checked/);
});

test('all 30 scans are checked by keyboard alone', async () => {
    await page.keyboard.press('Home');
    await page.keyboard.press('n');
    for (let i = 0; i < SCANS && !(await count()).startsWith('30 of'); i++) {
        await drawn(page);
        await page.keyboard.press('Enter');
        await page.keyboard.press('n');
    }
    assert.match(await count(), /30 of 30 checked/);
    await page.getByText('now run Full').waitFor();
    await until(async () => [...(await rows()).values()].every((row) => row.cor_source === 'manual'), 'all are saved');
    await page.reload();
    await until(async () => /30 of 30/.test((await page.locator('.review-bar .count').count()) ? await count() : ''), 'still checked after a reload');
    await shoot(page, 'review-done');
    assert.ok((await project.json('ls')).every((row) => row.cor_source === 'manual'), 'the command line says so too');
    assert.deepEqual(page.problems, []);
    assert.ok(await pixels(page));
});
