// Helpers of the tests that look at pictures: what is really on a canvas, waiting for it, screenshots.
import { mkdir } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

const SHOTS = process.env.GANTRY_SHOTS ?? path.join(os.tmpdir(), 'gantry-shots');
export const PANE = '.pane canvas';

/** { mean, spread, colourful, hash } of a canvas' pixels. */
export function pixels(page, selector = PANE, nth = 0) {
    return page.locator(selector).nth(nth).evaluate((canvas) => {
        const { width, height } = canvas;
        const { data } = canvas.getContext('2d').getImageData(0, 0, width, height);
        let [sum, squares, colourful, hash] = [0, 0, 0, 2166136261];
        for (let i = 0; i < data.length; i += 4) {
            const grey = (data[i] + data[i + 1] + data[i + 2]) / 3;
            sum += grey;
            squares += grey * grey;
            colourful += Math.abs(data[i] - data[i + 2]) > 24 ? 1 : 0;
            hash = Math.imul(hash ^ ((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]), 16777619) >>> 0;
        }
        const n = data.length / 4;
        return { mean: sum / n, spread: Math.sqrt(Math.max(0, squares / n - (sum / n) ** 2)), colourful: colourful / n, hash };
    });
}

/** The condition, asked again and again; the limit only ends a hang. */
export async function until(condition, what, seconds = 60) {
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) {
        const value = await condition();
        if (value) {
            return value;
        }
        await new Promise((done) => setTimeout(done, 30));
    }
    throw new Error('never happened: ' + what);
}

/** A picture is there: not one grey. */
export function drawn(page, selector = PANE, nth = 0) {
    return until(async () => {
        if ((await page.locator(selector).count()) <= nth) {
            return null;
        }
        const now = await pixels(page, selector, nth);
        return now.spread > 2 ? now : null;
    }, 'a picture on ' + selector);
}

/** Pixels that differ from those before. */
export function changed(page, before, selector = PANE, nth = 0) {
    return until(async () => {
        const now = await pixels(page, selector, nth);
        return now.hash !== before.hash ? now : null;
    }, 'another picture on ' + selector);
}

/** Pixels that stay the same for a while: the whole picture has replaced the smaller copy. */
export async function settled(page, selector = PANE, nth = 0) {
    let before = await drawn(page, selector, nth);
    for (;;) {
        await page.waitForTimeout(400);
        const now = await pixels(page, selector, nth);
        if (now.hash === before.hash) {
            return now;
        }
        before = now;
    }
}

/** Screenshots in both themes: GANTRY_SHOTS/NAME-dark.png and -light.png. They are made to be looked at. */
export async function shoot(page, name) {
    await mkdir(SHOTS, { recursive: true });
    for (const theme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForTimeout(150);
        await page.screenshot({ path: path.join(SHOTS, `${name}-${theme}.png`) });
    }
}

/** The scans of the first project as the page's server tells them; asking changes nothing. */
export async function scans(page, url) {
    const reply = await page.request.get(new URL('/api/v1/items?project=1&limit=1000', url).href);
    return (await reply.json()).items;
}

/** A page that fails the test when its script does. */
export async function openPage(browser, url, hash) {
    const context = await browser.newContext({ viewport: { width: 1400, height: 860 }, acceptDownloads: true });
    const page = await context.newPage();
    page.problems = [];
    page.on('pageerror', (error) => page.problems.push(error.message));
    await page.goto(url); // the token becomes a cookie
    await page.waitForSelector('header.top');
    await page.goto(new URL('/' + hash, url).href);
    return page;
}
