// Sync Acquisition (REQUIREMENTS B2, H) in a browser while a real writer appends projections to an HDF5 file.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launch } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

// A detector: frames of argv[1] are appended to argv[2], one every argv[3] seconds.
const DETECTOR = `
import sys, time, h5py
source = h5py.File(sys.argv[1], "r")["/exchange"]
with h5py.File(sys.argv[2], "w", libver="latest") as file:
    for name in ("theta", "data_white", "data_dark"):
        file["/exchange/" + name] = source[name][...]
    shape = source["data"].shape
    data = file.create_dataset("/exchange/data", (0, *shape[1:]), source["data"].dtype, maxshape=(None, *shape[1:]), chunks=(1, *shape[1:]))
    for frame in range(shape[0]):
        data.resize(frame + 1, axis=0)
        data[frame] = source["data"][frame]
        file.flush()
        time.sleep(float(sys.argv[3]))
`;

let project, server, browser, page, writer;

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 1, scans: 2, columns: 96, rows: 8, angles: 90 });
    await project.gantry('init', '--name', 'lab');
    await project.gantry('scan');
    await project.gantry('config', 'set', 'watch_poll=0.5');
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/p/lab/tomography');
    page.setDefaultTimeout(30_000);
});
after(async () => {
    writer?.kill();
    await browser?.close();
    await project?.remove();
});

test('H: following is switched on with a batch for each complete scan', async () => {
    await page.getByRole('button', { name: 'Sync Acquisition…' }).click();
    await page.getByLabel('When a scan is complete').selectOption('tomo-ai-reco');
    await shoot(page, 'sync-question');
    await page.getByRole('button', { name: 'Follow', exact: true }).click();
    await page.getByText('Following the acquisition').waitFor();
});

test('H3: what is being written is shown with its number of projections', async () => {
    const source = path.join(project.data, 'alloy_001.h5');
    writer = spawn('/usr/bin/python3', ['-c', DETECTOR, source, path.join(project.data, 'live_001.h5'), '0.06'], { stdio: 'ignore' });
    await page.getByText(/live_001\.h5: \d+\/90 projections written/).waitFor();
    await shoot(page, 'sync');
});

test('H1, H2, H4: the scan comes into the table, is worked on once it is complete, the old ones are not', async () => {
    const row = page.locator('.vg-row', { hasText: 'live_001.h5' });
    await until(async () => (await row.count()) === 1 && /Full \d/.test(await row.innerText()), 'the new scan is reconstructed', 120);
    const items = await project.json('ls');
    assert.deepEqual(items.map((one) => one.status.split(' ')[0]).sort(), ['Full', 'Ready', 'Ready']);
});

test('following is switched off', async () => {
    await page.getByRole('button', { name: 'Stop Sync' }).click();
    await page.getByRole('button', { name: 'Sync Acquisition…' }).waitFor();
    assert.equal(await page.getByText('Following the acquisition').count(), 0);
});

test('no error was thrown on the page', () => assert.deepEqual(page.problems, []));
