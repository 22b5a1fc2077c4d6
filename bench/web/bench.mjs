// usage: bench/run web [ROWS]   What the batch table costs in Chromium, on the real page fed by a made-up server.
//
// first render   list in memory -> painted (mean of 5 loads)
// open           address entered -> painted, with the list over HTTP
// scroll         frames a second while the table is scrolled for 4 s, slowly and fast, without and with changes
// range          a real Shift click over 50,000 rows -> painted (mean of 5)
// live           250 changed rows a second for 5 s: longest task of the page
// to pixel       a change sent -> seen in the cell, median of 20
// heap           after a collection, with everything loaded
import { launch } from '../../tests/web/browser.mjs';
import { serveFake } from '../../tests/web/fake-server.mjs';
import { scrolled } from './scroll.mjs';

const rows = Number(process.argv[2] ?? 100_000);
const server = await serveFake({ rows });
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });

// What the page itself must not know about: it is watched from outside.
await page.addInitScript(() => {
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => done(performance.now())))));
    window.longTasks = [];
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => window.longTasks.push(entry.duration)))
        .observe({ type: 'longtask', buffered: true });
    // Observers tell of a mark in a task of their own, often after the frame: the call itself is watched.
    const mark = performance.mark.bind(performance);
    performance.mark = (name, ...rest) => {
        const entry = mark(name, ...rest);
        if (name === 'gantry:list-read') {
            painted().then((end) => (window.firstRender = end - entry.startTime, window.openTime = end));
        }
        return entry;
    };
    addEventListener('click', (event) => {
        if (event.shiftKey) {
            painted().then((end) => (window.rangeTime = end - event.timeStamp));
        }
    }, true);
});

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
const line = (what, value, target) => console.log(`${what.padEnd(44)} ${value.padStart(16)}   ${target}`);
const firsts = [];
const opens = [];
for (let load = 0; load < 5; load++) {
    await page.goto(server.url);
    await page.waitForFunction(() => window.firstRender !== undefined, null, { timeout: 60_000 });
    firsts.push(await page.evaluate(() => window.firstRender));
    opens.push(await page.evaluate(() => window.openTime));
}
await page.waitForTimeout(500);
console.log(`${rows.toLocaleString('en')} rows, ${browser.version()}\n`);
line('first render, list in memory', `${mean(firsts).toFixed(0)} ms`, '<= 150 ms');
line('open, list over HTTP', `${mean(opens).toFixed(0)} ms`, '');

const scroll = async (what, step) => {
    const { fps, p95 } = await page.evaluate(scrolled, [4000, step]);
    line(what, `${fps.toFixed(1)} fps`, `>= 50 fps (p95 ${p95.toFixed(1)} ms)`);
};
await scroll('scroll, 60 px a frame', 60);
await scroll('scroll, 2,000 px a frame', 2000);

const row = (at) => page.locator(`.vg-row[data-at="${at}"] > span`).nth(1);
const to = async (at) => {
    await page.evaluate((y) => (document.querySelector('.vg-scroll').scrollTop = y), at * 26);
    await page.waitForTimeout(200);
};
const ranges = [];
for (let turn = 0; turn < 5; turn++) {
    await page.evaluate(() => (window.rangeTime = undefined));
    await to(90);
    await row(100).click();
    await to(50_090);
    await row(Math.min(rows - 1, 50_100)).click({ modifiers: ['Shift'] });
    await page.waitForFunction(() => window.rangeTime !== undefined);
    ranges.push(await page.evaluate(() => window.rangeTime));
    await page.keyboard.press('Escape');
}
line('Shift range of 50,000 rows', `${mean(ranges).toFixed(0)} ms`, `<= 50 ms (first ${ranges[0].toFixed(0)} ms)`);
await to(0);

await page.evaluate(() => (window.longTasks.length = 0));
let stop = server.feed(250);
await page.waitForTimeout(5000);
let sent = stop();
const longest = await page.evaluate(() => Math.max(0, ...window.longTasks));
line(`live, ${(sent / 5).toFixed(0)} rows a second for 5 s`, longest ? `${longest.toFixed(0)} ms` : 'none', 'no task over 50 ms');
await page.evaluate(() => (window.longTasks.length = 0));
stop = server.feed(250);
await scroll('scroll with 250 changes a second', 200);
stop();

await to(0);
const times = [];
for (let round = 0; round < 20; round++) {
    const word = `Running on GPU ${round + 20}`;
    const seen = page.evaluate((text) => new Promise((done) => {
        const look = () => (document.querySelector('.vg-row[data-at="5"] .state')?.textContent === text
            ? requestAnimationFrame(() => done(Date.now())) : setTimeout(look, 2));
        look();
    }), word);
    await page.waitForTimeout(30);
    const began = Date.now();
    server.send('items', { project: 1, rows: [[6, word, 'running', 'running', 0.5, 1000, 'auto', 0.5, null, false, 'GPU 1', 7]] });
    times.push((await seen) - began);
}
times.sort((a, b) => a - b);
line('a change to the pixel', `${times[10]} ms`, '<= 200 ms');

const cdp = await page.context().newCDPSession(page);
await cdp.send('HeapProfiler.collectGarbage');
await cdp.send('Performance.enable');
const { metrics } = await cdp.send('Performance.getMetrics');
const value = (name) => metrics.find((metric) => metric.name === name).value;
line('heap', `${(value('JSHeapUsedSize') / 1e6).toFixed(1)} MB`, '<= 40 MB');
line('nodes of the document', String(value('Nodes')), '');
await browser.close();
server.close();
process.exit(0);
