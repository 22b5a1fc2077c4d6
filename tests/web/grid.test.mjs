// The batch table in a real browser, with 2,000 made-up scans: what fingers do to it (REQUIREMENTS B3, B5, B7-B10, B13,
// C4, C5, C9, D4, X1, X7). The server is a stand-in; pages.test.mjs uses the real one.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { launch } from './browser.mjs';
import { serveFake } from './fake-server.mjs';

let server;
let browser;
let page;
let errors;

before(async () => {
    server = await serveFake({ rows: 2000 });
    browser = await launch();
});

after(async () => {
    await browser?.close();
    server?.close();
});

beforeEach(async () => {
    await page?.close();
    page = await browser.newPage({ viewport: { width: 1400, height: 860 } });
    errors = [];
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(server.url);
    await page.waitForSelector('.vg-row');
    await page.waitForFunction(() => document.body.innerText.includes('2,000 scans'));
});

const cell = (at, column = 1) => page.locator(`.vg-row[data-at="${at}"] > span`).nth(column);
const frame = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
/** After the next frame: the table draws once a frame. */
const ticked = () => page.evaluate(async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return [...document.querySelectorAll('.vg-row.on')].map((row) => Number(row.dataset.at)).sort((a, b) => a - b);
});
const skipped = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at)
    .filter((at) => server.columns.auto_skip[at]);
const shown = (from, to) => Array.from({ length: to - from + 1 }, (_, at) => from + at)
    .filter((at) => !server.columns.auto_skip[at]);
const count = async (text) => page.waitForFunction((words) => document.body.innerText.includes(words), text);

test('B3: tick box, File, COR, Status come first', async () => {
    const heads = await page.locator('.vg-head > [role=columnheader]').allInnerTexts();
    assert.deepEqual(heads.slice(1, 4), ['File', 'COR px', 'Status']);
    assert.equal(await page.locator('.vg-head input[type=checkbox]').count(), 1);
});

test('B7: a click turns one row, Ctrl-click another, both stay', async () => {
    await cell(2).click();
    await cell(6).click({ modifiers: ['Control'] });
    assert.deepEqual(await ticked(), [2, 6]);
    await cell(2).click();
    assert.deepEqual(await ticked(), [6]);
});

test('X7, B8: Shift-click sets the range to the state of the clicked row; skipped rows stay unticked', async () => {
    await cell(1).click();
    await cell(20).click({ modifiers: ['Shift'] });
    assert.deepEqual(await ticked(), shown(1, 20));
    await count('left out');
    const [on] = shown(10, 20); // ticked: a Shift-click on it unticks the whole range
    await cell(on).click({ modifiers: ['Shift'] });
    assert.deepEqual(await ticked(), shown(1, on - 1));
});

test('B9: the box in the head ticks all but skipped rows, says how many those are, and clears', async () => {
    const all = page.locator('.vg-head input[type=checkbox]');
    await all.click();
    const left = skipped(0, 1999).length;
    await count(`${2000 - left} selected of`.replace(/(\d)(\d{3}) /, '$1,$2 '));
    await count(`${left} skipped scans left out`);
    await page.keyboard.press('Escape');
    assert.deepEqual(await ticked(), []);
});

test('X6: a skipped row ticked by itself is ticked', async () => {
    const [first] = skipped(0, 20);
    await cell(first).click();
    assert.deepEqual(await ticked(), [first]);
});

test('keys: arrows and j/k move, Space ticks, Shift extends and takes back, Ctrl-A and Escape', async () => {
    await page.locator('.vg').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('j');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('k');
    await page.keyboard.press(' ');
    assert.deepEqual(await ticked(), [1]);
    for (let step = 0; step < 4; step++) {
        await page.keyboard.press('Shift+ArrowDown');
    }
    assert.deepEqual(await ticked(), [1, ...shown(2, 5)]);
    await page.keyboard.press('Shift+ArrowUp');
    assert.deepEqual(await ticked(), [1, ...shown(2, 4)]);
    await page.keyboard.press('End');
    await frame();
    assert.equal(await page.locator('.vg-row.at').getAttribute('data-at'), '1999');
    await page.keyboard.press('PageUp');
    await frame();
    const at = Number(await page.locator('.vg-row.at').getAttribute('data-at'));
    assert.ok(at < 1990 && at > 1900);
    await page.keyboard.press('Control+a');
    await count(`selected of`);
    await page.keyboard.press('Escape');
    assert.deepEqual(await ticked(), []);
});

test('C5, C9: a COR is typed in place; what is no number is refused and says why', async () => {
    const sent = [];
    page.on('request', (request) => request.method() === 'PATCH' && sent.push(request.postDataJSON()));
    await page.locator('.vg').focus();
    await page.keyboard.press('Home');
    await page.keyboard.press('F2');
    const field = page.locator('.editing input');
    await field.fill('nan');
    await field.press('Enter');
    assert.match(await field.evaluate((input) => input.validationMessage), /Invalid COR 'nan'/);
    await field.fill('781.456');
    await field.press('Enter');
    await frame();
    assert.equal(await cell(0, 2).innerText(), '781.46');
    assert.equal(await page.locator('.vg-row.at').getAttribute('data-at'), '1', 'Enter goes down');
    assert.deepEqual(sent, [{ project: 1, items: [1], set: { cor: 781.456 } }]);
    await page.keyboard.press('5');
    assert.equal(await page.locator('.editing input').inputValue(), '5', 'a digit begins a new value');
    await page.keyboard.press('Escape');
    assert.equal(sent.length, 1);
});

test('a click on a COR opens it; clicking elsewhere saves', async () => {
    await cell(4, 2).click();
    await page.locator('.editing input').fill('1003.25');
    await cell(8).click();
    await frame();
    assert.equal(await cell(4, 2).innerText(), '1003.25');
});

test('D4: rows of a series share a tint, the next series has another', async () => {
    const tints = await page.evaluate(() => [...document.querySelectorAll('.vg-row')]
        .map((row) => [Number(row.dataset.at), row.className.match(/tint(\d)/)?.[1]]).sort((a, b) => a[0] - b[0]));
    const { series } = server.columns;
    for (let at = 1; at < 20; at++) {
        assert.equal(tints[at][1] === tints[at - 1][1], series[at] === series[at - 1]);
    }
});

test('X22: glyph, word and colour of a state', async () => {
    const looks = await page.evaluate(() => [...document.querySelectorAll('.vg-row .state')].map((state) => ({
        text: state.textContent, glyph: getComputedStyle(state, '::before').content, colour: getComputedStyle(state).color })));
    const failed = looks.find((look) => look.text === 'Full failed');
    const done = looks.find((look) => look.text.startsWith('Full 0'));
    assert.equal(failed.glyph, '"✕"');
    assert.equal(done.glyph, '"✓"');
    assert.notEqual(failed.colour, done.colour);
});

test('filter by text with /, by state with a chip; both say how many are left', async () => {
    await page.locator('.vg').focus();
    await page.keyboard.press('/');
    await page.keyboard.type('shale');
    const expected = server.columns.name.filter((name) => name.includes('shale')).length;
    await count(`${expected} shown of 2,000 scans`);
    await page.keyboard.press('Escape');
    await count('2,000 scans');
    await page.locator('.chip.failed').click();
    const failed = server.columns.group.filter((group) => group === 'failed').length;
    await count(`${failed} shown of 2,000 scans`);
    assert.equal(await page.locator('.chip.failed').getAttribute('aria-pressed'), 'true');
});

test('sort by COR puts missing ones last, both the head and a screen reader say so', async () => {
    await page.locator('.vg-sort', { hasText: 'COR px' }).click();
    await frame();
    const first = Number(await cell(0, 2).innerText());
    const least = Math.min(...server.columns.cor.filter((cor) => cor !== null));
    assert.equal(first, Number(least.toFixed(2)));
    assert.equal(await page.locator('[data-key=cor]').getAttribute('aria-sort'), 'ascending');
});

test('a change comes to the cell while the table is sorted and a cell is edited', async () => {
    await cell(3, 2).click();
    server.send('items', { project: 1, rows: [[2, 'Running on GPU 3', 'running', 'running', 0.42, 1000, 'auto', 0.5, null, false, 'GPU 3', 9]] });
    await page.waitForFunction(() => document.querySelector('.vg-row[data-at="1"] .state').textContent === 'Running on GPU 3');
    assert.equal(await cell(1, 4).innerText(), '42%');
    assert.equal(await page.locator('.editing input').count(), 1, 'the field stays open');
    await page.keyboard.press('Escape');
});

test('B10: the menu of a row has the acts of the guide, by mouse and by key', async () => {
    await cell(5).click({ button: 'right' });
    const labels = await page.locator('.menu [role=menuitem]').allInnerTexts();
    for (const word of ['Edit parameters…', 'Apply parameters to selected', 'View Try', 'View Full', 'Delete from list…']) {
        assert.ok(labels.some((label) => label.startsWith(word)), word);
    }
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('.menu').count(), 0);
    await page.locator('.vg').focus();
    await page.keyboard.press('Shift+F10');
    assert.equal(await page.locator('.menu').count(), 1);
});

test('B13: nothing ticked: "No files selected." and no question', async () => {
    for (const name of [/^Batch Try/, /^Batch Full/, /^Batch AI Reco/, /^Fix COR/, /^Delete Selected/]) {
        await page.getByRole('button', { name }).click();
        await page.getByText('No files selected.').waitFor();
        assert.equal(await page.locator('dialog').count(), 0);
    }
});

test('C5: a top-bar COR that is no number is named before anything is asked', async () => {
    await cell(1).click();
    await page.getByLabel('COR for rows without one').fill('12px');
    await page.getByRole('button', { name: /^Batch Full/ }).click();
    await page.getByText("Invalid COR '12px'").waitFor();
});

test('B14: the question of Batch AI Reco has the four phases (TomoLog off), the answer No has the focus', async () => {
    await cell(1).click();
    await page.getByRole('button', { name: /^Batch AI Reco/ }).click();
    const phases = await page.locator('.phases input').evaluateAll((boxes) => boxes.map((box) => box.checked));
    assert.deepEqual(phases, [true, true, true, false]);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'No, go back');
    for (let at = 0; at < 3; at++) {
        await page.locator('.phases input').nth(at).uncheck();
    }
    await page.getByText('Choose at least one phase.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Run', exact: true }).isDisabled(), 'G9: none is refused');
    await page.keyboard.press('Escape');
    assert.equal(await page.locator('dialog').count(), 0);
});

test('I1, X1: Delete lists the files first and says that the disk is not touched', async () => {
    await cell(1).click();
    await cell(2).click();
    await page.keyboard.press('Delete');
    const text = await page.locator('dialog').innerText();
    assert.ok(text.includes(server.columns.name[1]) && text.includes(server.columns.name[2]));
    assert.match(text, /Nothing on the disk is deleted/);
});

test('the element that a screen reader is pointed to exists and is the focused row', async () => {
    await page.locator('.vg').focus();
    await page.keyboard.press('End');
    const row = await page.evaluate(() => document.getElementById(document.querySelector('.vg').getAttribute('aria-activedescendant'))?.dataset.at);
    assert.equal(row, '1999');
    assert.equal(await page.locator('.vg').getAttribute('aria-rowcount'), '2001');
});

test('no error was thrown on the page', async () => {
    await page.mouse.wheel(0, 20000);
    await page.setViewportSize({ width: 900, height: 500 });
    await page.waitForTimeout(200);
    assert.deepEqual(errors, []);
});
