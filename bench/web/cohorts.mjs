// usage: bench/run cohort-page [SUBJECTS]   The Cohorts page in Chromium on a real server: a study a subject, eight attributes.
//
// open           address entered -> the last row known, painted (mean of 3)
// filter         a filter bar typed -> its rows shown (median of 5)
// sort           a head clicked -> painted (median of 5)
// all            Ctrl+A -> painted
// scroll         frames a second while the table is scrolled for 4 s
// level          subjects instead of studies -> painted
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { launch } from '../../tests/web/browser.mjs';
import { makeProject } from '../../tests/web/server.mjs';
import { scrolled } from './scroll.mjs';

const subjects = Number(process.argv[2] ?? 10_000);
const project = await makeProject();
const browser = await launch();
try {
    await writeFile(path.join(project.data, 'dataset_description.json'), '{"Name": "bench", "BIDSVersion": "1.8.0"}');
    const attributes = ['age', 'sex', 'group', 'site', 'scanner', 'height', 'weight', 'score'];
    let table = ['participant_id', ...attributes].join('\t') + '\n';
    for (let i = 0; i < subjects; i++) {
        const pid = `sub-${String(i).padStart(5, '0')}`;
        await mkdir(path.join(project.data, pid, 'ses-1', 'anat'), { recursive: true });
        await writeFile(path.join(project.data, pid, 'ses-1', 'anat', `${pid}_ses-1_T1w.nii.gz`), 'x');
        table += [pid, 20 + (i % 60), i % 2 ? 'F' : 'M', `g${i % 5}`, `site${i % 9}`, `s${i % 3}`, 150 + (i % 50), 50 + (i % 60), i % 100].join('\t') + '\n';
    }
    await writeFile(path.join(project.data, 'participants.tsv'), table);
    await project.gantry('init', '--name', 'bench');
    await project.gantry('scan');
    const server = await project.serve();
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
    const address = new URL(server.url);
    await page.goto(address.href); // the token is taken once
    const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
    const line = (what, value, target) => console.log(`${what.padEnd(44)} ${value.padStart(12)}   ${target}`);
    const words = (n) => `${n.toLocaleString('en')} `;
    const status = (start) => page.waitForFunction((text) => [...document.querySelectorAll('[role=status]')].some((one) =>
        one.textContent.replace(/[\u202f\u00a0]/g, ' ').includes(text)), start, { polling: 'raf', timeout: 60_000 });
    const painted = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(done)))));
    const timed = async (act, until) => {
        const began = performance.now();
        await act();
        await until();
        await painted();
        return performance.now() - began;
    };
    console.log(`${subjects.toLocaleString('en')} subjects with a study each, ${browser.version()}\n`);
    const opens = [];
    for (let turn = 0; turn < 3; turn++) {
        await page.goto('about:blank');
        opens.push(await timed(() => page.goto(new URL('#/p/bench/cohorts', address.origin).href), () => status(`${words(subjects)}studies`)));
    }
    line('open', `${median(opens).toFixed(0)} ms`, '');
    const filter = page.getByRole('searchbox').first();
    const filters = [];
    for (let turn = 0; turn < 5; turn++) {
        filters.push(await timed(() => filter.fill(`sub-0${turn}`), () => status(' shown of ')));
        await timed(() => filter.fill(''), () => status(`${words(subjects)}studies`));
    }
    line('filter bar', `${median(filters).toFixed(0)} ms`, '(with the wait for typing to end)');
    const head = page.locator('.vg-head [role=columnheader]', { hasText: 'Subject' }).first();
    const sorts = [];
    for (let turn = 0; turn < 5; turn++) {
        sorts.push(await timed(() => head.click(), painted));
    }
    line('sort', `${median(sorts).toFixed(0)} ms`, '');
    await page.locator('.vg-row:not([hidden])').first().click();
    line('all ticked', `${(await timed(() => page.keyboard.press('Control+a'), painted)).toFixed(0)} ms`, '');
    for (const step of [60, 2000]) {
        const { fps, p95 } = await page.evaluate(scrolled, [4000, step]);
        line(`scroll, ${step.toLocaleString('en')} px a frame`, `${fps.toFixed(1)} fps`, `>= 50 fps (p95 ${p95.toFixed(1)} ms)`);
    }
    const level = page.getByRole('group', { name: 'Level' });
    line('subjects', `${(await timed(() => level.getByRole('button', { name: 'Subjects' }).click(), () => status(`${words(subjects)}subjects`))).toFixed(0)} ms`, '');
} finally {
    await browser.close();
    await project.remove();
}
process.exit(0);
