// The volume viewer on a real server (REQUIREMENTS P6; issue 5 point 5): a NIfTI by its number in the catalog, overlays, a
// tractogram, windows, the crosshair; pixels are looked at. Files are sent by their rights and from nowhere else.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { violations } from './axe.mjs';
import { launch, ROOT } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

const CANVAS = '.volume-stage canvas';
let project, server, browser, page, files;

before(async () => {
    project = await makeProject();
    const script = `import sys, pathlib; sys.path.insert(0, sys.argv[1])
import numpy as np, nibabel
from nibabel.streamlines import Tractogram, TckFile
study = pathlib.Path(sys.argv[2]) / "P01" / "S1"; study.mkdir(parents=True)
grid = np.stack(np.meshgrid(*[np.arange(n) for n in (40, 48, 36)], indexing="ij"), -1)
ball = 1000.0 * (np.linalg.norm(grid - [20, 24, 18], axis=-1) < 15)
ball[:12] *= 0.4  # the left side of the patient is darker
affine = np.diag([2, 2, 2, 1.0]); affine[:3, 3] = [-40, -48, -36]
save = lambda name, data: nibabel.save(nibabel.Nifti1Image(data, affine), study / name)
save("t1.nii.gz", ball.astype(np.int16)); save("mask.nii.gz", (grid[..., 2] > 18).astype(np.uint8))
save("bold.nii", np.stack([ball, ball / 2], -1).astype(np.float32))
lines = [np.array([[x, y, 0.0] for x in range(-30, 30, 2)], np.float32) for y in range(-20, 20, 4)]
TckFile(Tractogram(lines, affine_to_rasmm=np.eye(4))).save(str(study / "all.tck")); (study / "notes.txt").write_text("x")
(study / "link.nii").symlink_to("/etc/passwd")`;
    await promisify(execFile)('/usr/bin/python3', ['-c', script, path.join(ROOT, 'tests/e2e'), project.data]);
    await project.gantry('init', '--name', 'lab');
    await project.gantry('scan');
    server = await project.serve();
    browser = await launch({ webgl: true });
    page = await openPage(browser, server.url, '#/projects');
    page.setDefaultTimeout(30_000);
    const study = (await api('studies?project=1')).items[0];
    files = Object.fromEntries((await api(`studies/${study.id}`)).files.map((file) => [file.name, file.id]));
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

const api = async (what) => (await page.request.get(new URL('/api/v1/' + what, server.url).href)).json();

/** What is really on the screen: share of pixels that are not black, red ones, and how grey the left and right halves are. */
async function look() {
    const png = (await page.locator(CANVAS).screenshot()).toString('base64');
    return page.evaluate(async (data) => {
        const picture = new Image();
        picture.src = 'data:image/png;base64,' + data;
        await picture.decode();
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [picture.width, picture.height];
        const context = canvas.getContext('2d');
        context.drawImage(picture, 0, 0);
        const bytes = context.getImageData(0, 0, canvas.width, canvas.height).data;
        const now = { lit: 0, red: 0, left: 0, right: 0, sum: 0 };
        for (let i = 0, n = 0; i < bytes.length; i += 4, n++) {
            const [r, g, b] = [bytes[i], bytes[i + 1], bytes[i + 2]];
            now.lit += r + g + b > 90 ? 1 : 0;
            now.red += r > g + 40 && r > b + 40 ? 1 : 0;
            now[n % canvas.width < canvas.width / 2 ? 'left' : 'right'] += r + g + b;
            now.sum = (Math.imul(now.sum, 31) + r * 65536 + g * 256 + b) >>> 0;
        }
        const all = bytes.length / 4;
        return { ...now, lit: now.lit / all, red: now.red / all };
    }, png);
}

const shown = (n) => page.waitForSelector(`${CANVAS}[data-shown="${n}"]`);
const open = async (names, more = '') => {
    await page.goto(new URL(`/#/volume?files=${names.map((name) => files[name]).join(',')}${more}`, server.url).href);
    await shown(names.length);
    return until(async () => {
        const now = await look();
        return now.lit > 0.02 ? now : null;
    }, 'a picture');
};
const differs = (before, what) => until(async () => {
    const now = await look();
    return now.sum !== before.sum ? now : null;
}, what);

test('a NIfTI is drawn in three planes, an overlay changes the picture, its opacity too', async () => {
    const plain = await open(['t1.nii.gz']);
    assert.ok(plain.lit > 0.05 && plain.red < 0.001, JSON.stringify(plain));
    assert.equal(await page.textContent('h1'), 'P01#S1');
    const over = await open(['t1.nii.gz', 'mask.nii.gz']);
    assert.ok(over.red > 0.02, JSON.stringify(over));
    await shoot(page, 'volume');
    assert.deepEqual(await violations(page), []);
    await page.getByRole('checkbox', { name: 'Show mask.nii.gz' }).uncheck();
    const hidden = await differs(over, 'the overlay goes');
    assert.ok(hidden.red < 0.001, JSON.stringify(hidden));
});

test('patient\'s left is left in the file and told by letters; the convention can be turned', async () => {
    const usual = await open(['t1.nii.gz'], '&view=axial');
    assert.ok(usual.left < usual.right, JSON.stringify(usual)); // L on the left, as NiiVue and most neuroimaging tools have it
    await page.getByRole('button', { name: "Patient's left on the right" }).click();
    const turned = await differs(usual, 'the picture is turned');
    assert.ok(turned.left > turned.right, JSON.stringify(turned));
});

test('crosshair, values, window and the volumes of a series', async () => {
    await open(['bold.nii'], '&view=axial');
    const place = page.getByLabel('Place, mm (right, front, up)');
    await place.fill('0 0 0');
    await place.press('Enter');
    await until(async () => (await page.locator('.volume-place dd').textContent()) === '1000', 'the value there');
    await page.locator(CANVAS).focus();
    await page.keyboard.press('ArrowRight');
    await until(async () => (await place.inputValue()) === '2.0, 0.0, 0.0', 'a voxel to the right');
    const before = await look();
    await page.getByLabel('Volume', { exact: true }).fill('1');
    await until(async () => (await page.locator('.volume-place dd').textContent()) !== '1000' || (await look()).sum !== before.sum, 'the second volume');
    const second = await look();
    await page.getByLabel('to', { exact: true }).fill('250');
    await page.keyboard.press('Tab');
    await differs(second, 'a brighter window');
});

test('P6: a tractogram over an image', async () => {
    const plain = await open(['t1.nii.gz']);
    const tracts = await open(['t1.nii.gz', 'all.tck']);
    assert.notEqual(tracts.sum, plain.sum);
    await page.getByRole('button', { name: '3-D' }).click();
    await differs(tracts, 'the streamlines in space');
    await shoot(page, 'volume-tracts');
});

test('files come with an ETag, only those of studies, never through a link that leads out', async () => {
    const url = (id) => new URL(`/api/v1/file/${id}`, server.url).href;
    const first = await page.request.get(url(files['t1.nii.gz']));
    assert.equal(first.status(), 200);
    assert.equal((await first.body()).readUInt16BE(0), 0x1f8b);
    const again = await page.request.get(url(files['t1.nii.gz']), { headers: { 'If-None-Match': first.headers().etag } });
    assert.equal(again.status(), 304);
    assert.equal((await page.request.get(url(99999))).status(), 404);
    assert.ok(!files['link.nii'] || (await page.request.get(url(files['link.nii']))).status() === 403);
    assert.equal((await api(`file/${files['t1.nii.gz']}/facts`)).psid, 'P01#S1');
    const bet = (await api('tools')).find((tool) => tool.name === 'fsl.bet'); // a job card knows which of its rows is an OUT
    assert.deepEqual(bet.inputs.filter((input) => input.place).map((input) => [input.id, input.place]), [['outfile', 'file']]);
    await page.goto(new URL(`/#/volume?files=${files['notes.txt']},77777`, server.url).href);
    await page.getByText('is neither NIfTI nor a tractogram').waitFor();
    await page.getByText('there is no file 77777').waitFor();
});
