// How long a slice takes to be on the screen: the full viewer in Chromium on a real `gantry serve`, slices of
// 2448 x 2448. From the key to the drawn canvas, by the page's own performance marks ("picture"), and until the values
// have replaced the smaller copy ("picture-whole"). Prints a table; asserts nothing.
// usage: node bench/web/slices.mjs [COLUMNS] [SLICES]     GANTRY names the program
import { launch } from '../../tests/web/browser.mjs';
import { drawn, openPage } from '../../tests/web/looking.mjs';
import { makeProject } from '../../tests/web/server.mjs';

const [columns, slices] = [Number(process.argv[2] ?? 2448), Number(process.argv[3] ?? 40)];

function line(what, times) {
    const sorted = [...times].sort((a, b) => a - b);
    const at = (part) => (sorted.length ? Math.round(sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]) : '-');
    console.log(`${what.padEnd(44)}${[sorted.length, at(0.5), at(0.95), at(1)].map((value) => String(value).padStart(8)).join('')}`);
}

async function times(page, name) {
    return page.evaluate((which) => {
        const found = performance.getEntriesByName(which).map((entry) => entry.duration);
        performance.clearMeasures(which);
        return found;
    }, name);
}

const project = await makeProject();
const browser = await launch();
try {
    await project.makeScans({ series: 1, scans: 1, columns, rows: slices, angles: 60 });
    await project.gantry('run', 'tomo-full', '--cor', (columns - 1) / 2);
    const [scan] = await project.json('ls');
    const server = await project.serve();
    const page = await openPage(browser, server.url, `#/item/${scan.id}/full?slice=0`);
    await drawn(page);
    await page.waitForTimeout(3000);
    await times(page, 'picture');

    console.log(`${columns} x ${columns}, ${slices} slices [ms]`.padEnd(44) + ['n', 'median', '95 %', 'most'].map((word) => word.padStart(8)).join(''));
    const press = async (what, keys, pause) => {
        for (const key of keys) {
            await page.keyboard.press(key);
            await page.waitForTimeout(pause);
        }
        await page.waitForTimeout(1500);
        line(what, await times(page, 'picture'));
    };
    await press('next slice, twice a second', Array(12).fill('ArrowRight'), 500);
    await press('next slice, ten a second', Array(20).fill('ArrowRight'), 100);
    await press('back over slices seen before', Array(20).fill('ArrowLeft'), 100);
    await page.reload();
    await drawn(page);
    await page.waitForTimeout(3000);
    await times(page, 'picture');
    await press('far jumps, none fetched ahead', ['End', 'Home', 'PageUp', 'End', 'PageDown', 'Home'], 1200);
    line('the values, at rest', await times(page, 'picture-whole'));
    const drags = await page.evaluate(async () => {
        const low = document.querySelector('section[aria-label="Window and colours"] input[type=text]');
        const found = [];
        for (let i = 0; i < 20; i++) {
            const began = performance.now();
            low.value = String(-i * 1e-5);
            low.dispatchEvent(new Event('change', { bubbles: true }));
            await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
            found.push(performance.now() - began);
        }
        return found;
    });
    line('another window, two frames', drags);
} finally {
    await browser.close();
    await project.remove();
}
