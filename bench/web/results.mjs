// How long a result is to be opened in the viewer: 512 x 512 x 300 CT (packed NIfTI) after real inference, Chromium with
// software rendering. From the address to the first picture, to the mask on it; the first time (the server makes the small
// picture) and again; and what each part costs. Prints a table; asserts nothing.
// usage: node bench/web/results.mjs [COLUMNS] [SLICES]     GANTRY names the program
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { launch, ROOT } from '../../tests/web/browser.mjs';
import { openPage } from '../../tests/web/looking.mjs';
import { makeProject } from '../../tests/web/server.mjs';

const [columns, slices] = [Number(process.argv[2] ?? 512), Number(process.argv[3] ?? 300)];
const run = promisify(execFile);
const line = (what, ms) => console.log(`${what.padEnd(64)}${String(Math.round(ms)).padStart(8)} ms`);

const SCRIPT = `import sys, pathlib; sys.path.insert(0, sys.argv[1])
import predictions, viewing
n, s = int(sys.argv[4]), int(sys.argv[5])
predictions.nifti(pathlib.Path(sys.argv[2]) / viewing.NAMES[0], "CT", 1, shape=(n, n, s), spacing=(0.7, 0.7, 1.0), axes="LPS")
viewing.model(sys.argv[3], patch=[128, 128, 64])`;

/** Milliseconds from the start of the page's script until the canvas says so. */
const when = (page, selector) => page.evaluate((which) => new Promise((done) => {
    const look = () => (document.querySelector(which) ? requestAnimationFrame(() => done(performance.now() - window.began)) : requestAnimationFrame(look));
    look();
}), selector);

async function opening(page, url, what) {
    await page.evaluate((hash) => {
        window.began = performance.now();
        performance.clearMarks();
        location.hash = hash;
    }, url);
    const [first, masked] = await Promise.all([when(page, '.volume-stage canvas:not([data-shown=""])'), when(page, '.volume-stage canvas[data-mask="1"]')]);
    line(`${what}: first picture`, first);
    line(`${what}: mask over it`, masked);
    for (const [name, at] of await page.evaluate(() => performance.getEntriesByType('mark').map((mark) => [mark.name, mark.startTime - window.began]))) {
        line(`    ${name.replace('results: ', '')}`, at);
    }
    await page.evaluate(() => (location.hash = '#/projects'));
    await page.waitForTimeout(500);
}

const project = await makeProject();
const browser = await launch({ webgl: true });
try {
    await run('/usr/bin/python3', ['-c', SCRIPT, path.join(ROOT, 'tests/e2e'), project.data, project.home + '-models', columns, slices].map(String), { maxBuffer: 64 << 20 });
    await project.gantry('model', 'add', project.home + '-models/ball');
    await project.gantry('dataset', 'add', 'scans', project.data, '--modality', 'CT');
    await project.gantry('predict', '--dataset', 'scans', '--model', 'ball', '--set', 'overlap=0');
    const server = await project.serve();
    const page = await openPage(browser, server.url, '#/projects');
    page.setDefaultTimeout(120_000);
    const ask = async (what) => {
        const began = performance.now();
        const answer = await page.request.get(new URL('/api/v1/' + what, server.url).href);
        const bytes = (await answer.body()).length;
        return [performance.now() - began, bytes];
    };
    const item = (await (await page.request.get(new URL('/api/v1/predictions/1/series', server.url).href)).json()).rows[0].id;
    console.log(`${columns} x ${columns} x ${slices}`);
    await opening(page, `#/predictions/1/${item}`, 'never seen before');
    await opening(page, `#/predictions/1/${item}`, 'again');
    await rm(path.join(project.home, 'cache'), { recursive: true });
    for (const [what, address] of [['small picture, made by the server', `volumes/${item}?plain=1&most=160`], ['small picture, from the cache', `volumes/${item}?plain=1&most=160`],
        ['whole image unpacked, made by the server', `volumes/${item}?plain=1`], ['whole image unpacked, from the cache', `volumes/${item}?plain=1`], ['mask', `predictions/1/files/${item}/mask`]]) {
        const [ms, bytes] = await ask(address);
        line(`${what} (${(bytes / 2 ** 20).toFixed(1)} MiB)`, ms);
    }
} finally {
    await browser.close();
    await project.remove();
}
