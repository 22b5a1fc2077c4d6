// The Cohorts page on a real server (REQUIREMENTS J4, J6, K, L, M4, N5, N7, Q1, Q2, Q6): 12 subjects with 24 studies in three
// naming conventions; a batch is composed by clicking, tried, validated and run; 7 studies fail, the pattern is mended in
// Errors, those 7 run again; the next job takes the outputs by their tag; the results are looked at and judged.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { violations } from './axe.mjs';
import { launch, ROOT } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

let project, server, browser, page, studies;

before(async () => {
    project = await makeProject();
    const script = `import sys, json; sys.path.insert(0, sys.argv[1]); import cohort
made = cohort.mixed(sys.argv[2], subjects=12, odd=False)
print(json.dumps([{"psid": one["psid"], "convention": one["convention"] % 3, "t1": str(one["t1"])} for one in made]))`;
    studies = JSON.parse((await promisify(execFile)('/usr/bin/python3', ['-c', script, path.join(ROOT, 'tests/e2e'), project.data])).stdout);
    await project.gantry('init', '--name', 'lab');
    await project.gantry('scan');
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/p/lab/cohorts');
    page.setDefaultTimeout(20_000);
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

const table = () => page.locator('.columns .table');
const rows = () => table().locator('.vg-row:not([hidden])');
const row = (psid) => rows().filter({ hasText: psid.split('#')[0] }).filter({ hasText: psid.split('#')[1] });
const button = (name, options) => page.getByRole('button', { name, ...options });
const status = (text) => page.getByRole('toolbar', { name: 'Cohort' }).getByRole('status').filter({ hasText: text }).waitFor();
const dialog = () => page.locator('dialog');
const api = async (what) => (await page.request.get(new URL('/api/v1/' + what, server.url).href)).json();
const settled = () => until(async () => (await api('runs?project=1')).runs.every((run) => run.state !== 'active'), 'the run ends');
/** Studies whose T1 the first two patterns do not find: the third naming convention. */
const odd = () => studies.filter((one) => one.convention === 2);

test('K1, K7: studies or subjects, each a row with its files', async () => {
    await status('24 studies');
    assert.match(await row('P001#S1').innerText(), /P001\s+S1/);
    const level = page.getByRole('group', { name: 'Level' });
    await level.getByRole('button', { name: 'Subjects' }).click();
    await status('12 subjects');
    await level.getByRole('button', { name: 'Studies' }).click();
    await status('24 studies');
    await shoot(page, 'cohorts');
});

test('Q1, Q2, J6: two filter bars create the subgroup', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('P00');
    await status('18 shown of 24 studies');
    await page.getByLabel('And filter').fill('P001 P003&S1');
    await status('3 shown of 24 studies');
    await page.getByLabel('And filter').fill('');
    await page.getByLabel('Filter', { exact: true }).fill('');
    await until(async () => (await page.getByRole('toolbar', { name: 'Cohort' }).getByRole('status').innerText()) === '24 studies', 'all again');
});

test('Q6: tags of studies and of their subjects are put on and found again', async () => {
    await row('P002#').first().locator('> span').nth(2).click();
    await button('Tags…').click();
    await dialog().getByLabel('New tag').fill('control');
    await page.keyboard.press('Enter');
    await dialog().getByText('on all').waitFor();
    await dialog().getByRole('button', { name: 'Of their subjects' }).click();
    await dialog().getByLabel('New tag').fill('left-handed');
    await dialog().getByRole('button', { name: 'Add', exact: true }).click();
    await dialog().getByText('on all').waitFor();
    await dialog().getByLabel('New tag').fill('two words');
    await dialog().getByText('A tag has no blanks').waitFor();
    await shoot(page, 'cohorts-tags');
    await dialog().getByRole('button', { name: 'Close', exact: true }).last().click();
    await page.getByLabel('Filter', { exact: true }).fill('stag:control');
    await status('1 shown of 24 studies');
    await page.getByLabel('Filter', { exact: true }).fill('ptag:left');
    await status('2 shown of 24 studies');
    await page.getByLabel('Filter', { exact: true }).fill('');
});

test('M3, M4, L1: a job is composed by typing its script: rows come and go with its variables', async () => {
    await button('New batch').click();
    await page.getByLabel('Add a job').selectOption('script.bash');
    await page.getByLabel('Script of bash').fill('gzip -cdf "$f1" | wc -c > "$o1"; echo $n1 $s1');
    await page.getByRole('group', { name: 'Argument s1' }).waitFor();
    await page.getByLabel('n1 of bash').fill('3');
    await page.getByLabel('Script of bash').fill('gzip -cdf "$f1" | wc -c > "$o1"; echo $n1');
    assert.equal(await page.getByRole('group', { name: 'Argument s1' }).count(), 0);
    assert.equal(await page.getByLabel('n1 of bash').inputValue(), '3');
});

test('L2, L10: patterns are tried on the selected studies as they are typed', async () => {
    await page.getByLabel('Select all shown').first().check();
    await status('24 selected of 24 studies');
    await page.getByLabel('Pattern of f1 in bash').fill('t1*/s0__.nii.gz');
    await page.getByText('matches in 8 of 24 selected studies').waitFor();
    await page.getByLabel('Add a pattern to f1 in bash').click();
    await page.locator('[aria-label="Pattern 2 of f1 in bash"]:focus').waitFor();
    await page.keyboard.type('T1w.nii.gz');
    await page.getByText('matches in 16 of 24 selected studies').click();
    await page.locator('.preview').getByText('P001/S1/t1_mpr/s003.nii.gz').waitFor();
    await page.locator('.preview').getByText(odd()[0].psid).waitFor();
    await page.getByLabel('Output o1 of bash').fill('size*.txt');
    await page.getByText("An output's name holds no wildcards.").waitFor();
    await page.getByLabel('Output o1 of bash').fill('measures/size.txt');
    await page.getByLabel('Tag of o1 in bash').fill('size');
    await shoot(page, 'cohorts-batch');
});

test('K8: a second job: its name, copied, moved, deactivated, deleted and taken back', async () => {
    await page.getByLabel('Add a job').selectOption('script.python');
    await page.getByLabel('Script of python').fill('open($o1, "w").write(open($f1).read().strip() + " bytes")');
    await page.getByLabel('Pattern of f1 in python').fill('tag:size');
    await page.getByLabel('Output o1 of python').fill('measures/size-text.txt');
    await button('python', { exact: true }).click();
    await page.getByLabel('Name of job python').fill('say it');
    await page.keyboard.press('Enter');
    await button('More of job python').click();
    await page.getByRole('menuitem', { name: 'Copy' }).click();
    await page.getByRole('article', { name: 'Job say it (copy)' }).waitFor();
    await button('Move python-2 up').click();
    await button('More of job python-2').click();
    await page.getByRole('menuitem', { name: 'Deactivate' }).click();
    await page.getByRole('article', { name: 'Job say it (copy)' }).getByText('off').waitFor();
    await button('More of job python-2').click();
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    assert.equal(await page.getByRole('article').count(), 2);
});

test('K3: the batch is saved as the JSON of the contract, starred, and opened again', async () => {
    await page.getByLabel('Name of the batch').fill('sizes');
    await button('Save', { exact: true }).click();
    await page.getByText('Batch sizes is saved.').waitFor();
    assert.deepEqual(await project.json('batch', 'show', 'sizes'), {
        gantry: 1, name: 'sizes', level: 'study',
        jobs: [
            {
                id: 'bash', tool: 'script.bash',
                args: {
                    script: 'gzip -cdf "$f1" | wc -c > "$o1"; echo $n1', f1: { FILE: ['t1*/s0__.nii.gz', 'T1w.nii.gz'] }, n1: { NUMERIC: 3 },
                    o1: { OUT: 'measures/size.txt TAG(size)' },
                },
            },
            {
                id: 'python', tool: 'script.python', name: 'say it',
                args: {
                    script: 'open($o1, "w").write(open($f1).read().strip() + " bytes")', f1: { FILE: 'tag:size' },
                    o1: { OUT: 'measures/size-text.txt' },
                },
            },
        ],
    });
    await button('Star sizes').click();
    await until(async () => (await api('batches')).find((one) => one.name === 'sizes')?.starred, 'starred');
    assert.equal(await page.locator('.batch-list li').first().locator('.name').innerText(), 'sizes');
});

test('K8: validation names the studies that lack an input, before anything runs', async () => {
    await button('Validate', { exact: true }).click();
    const said = page.getByRole('status', { name: 'Validation' });
    await said.getByText('8 studies lack an input, 16 have all').waitFor();
    await said.getByRole('link', { name: odd()[0].psid }).waitFor();
    await shoot(page, 'cohorts-validated');
    await button('Close the validation').click();
});

test('K2, K4, K5, N5: run for the selected; the rows show their jobs, the errors say what was looked for', async () => {
    await button(/^Run for 24 selected studies/).click();
    await dialog().getByText('48 tasks').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'No, go back');
    await shoot(page, 'cohorts-run');
    await dialog().getByRole('button', { name: 'Run 24' }).click();
    await settled();
    await until(async () => (await row('P001#S1').locator('.jobs-cell').innerText()).includes('✓2'), 'done jobs at the row');
    await until(async () => (await rows().filter({ hasText: 'Failed' }).count()) >= 5, 'failed rows');
    assert.equal((await readFile(path.join(path.dirname(path.dirname(studies[0].t1)), 'measures/size-text.txt'), 'utf8')).trim().endsWith('bytes'), true);
    await page.getByLabel('Filter', { exact: true }).fill('job:e');
    await status('8 shown of 24 studies; 24 selected');
    await shoot(page, 'cohorts-ran');
    await page.getByLabel('Filter', { exact: true }).fill('');
});

test('J4: fix and rerun: the pattern is mended where the errors are, exactly those studies run again', async () => {
    await page.getByRole('link', { name: 'Errors' }).click();
    await page.getByText('8 failures').waitFor();
    await page.getByText(/nothing matches/).waitFor();
    await button('Fix and rerun…').click();
    await dialog().getByLabel('Add a pattern to f1 in bash').click();
    await dialog().locator('[aria-label="Pattern 3 of f1 in bash"]:focus').waitFor();
    await page.keyboard.type('anat/mprage*.nii');
    await dialog().getByText('matches in 8 of 8 selected studies').waitFor();
    await dialog().getByRole('region', { name: 'What is changed' }).getByText('anat/mprage*.nii').waitFor();
    await shoot(page, 'cohorts-fix');
    await dialog().getByRole('button', { name: 'Rerun for these 8 studies' }).click();
    await page.getByText('Nothing has failed.', { exact: false }).waitFor();
    await settled();
    await page.getByRole('link', { name: 'Cohorts' }).click();
    await until(async () => (await rows().filter({ hasText: 'Failed' }).count()) === 0, 'no row has failed');
    const outputs = (await api(`files?project=1&pattern=${encodeURIComponent('tag:size')}`)).studies;
    assert.equal(outputs, 24);
});

test('files of a row: folders, tags of files, the viewer', async () => {
    await row('P001#S1').locator('> span').nth(2).click();
    await page.getByRole('tab', { name: 'Files' }).click();
    const files = page.getByRole('tabpanel');
    await files.getByText('measures/').waitFor();
    await files.getByText('size-text.txt').waitFor();
    await files.getByLabel('P001/S1/t1_mpr/s003.nii.gz').check();
    await files.getByLabel('Tag for the ticked files').fill('anatomy');
    await page.keyboard.press('Enter');
    await files.getByLabel('Take tag anatomy off s003.nii.gz').waitFor();
    assert.match(await files.getByRole('link', { name: 's003.nii.gz' }).getAttribute('href'), /^#\/volume\?files=\d+$/);
    await shoot(page, 'cohorts-files');
    await page.getByLabel('Filter', { exact: true }).fill('ftag:anatomy');
    await status('1 shown of 24 studies');
    await page.getByLabel('Filter', { exact: true }).fill('');
});

test('look and judge: 1 good, 2 bad with a comment, tags of the studies, the bad ones are selected', async () => {
    await page.getByRole('tab', { name: 'Look and judge' }).click();
    await page.getByText('0 good, 0 bad, 8 to look at').waitFor();
    await page.getByRole('tabpanel').getByText('measures/size.txt').first().waitFor();
    await page.locator('.look canvas:not([data-shown=""])').waitFor(); // the input; of the output too, were it an image
    await page.getByRole('tab', { name: 'Look and judge' }).focus();
    await page.keyboard.press('1');
    await page.getByText('1 good, 0 bad, 7 to look at').waitFor();
    await page.keyboard.press('ArrowDown');
    const name = await page.locator('.judge-list [aria-current=true] .state').innerText();
    await page.getByLabel('Comment on ' + name).fill('moved');
    await page.getByRole('group', { name: 'Verdict on ' + name }).getByRole('button', { name: 'Bad' }).click();
    await page.getByText('1 good, 1 bad, 6 to look at').waitFor();
    await shoot(page, 'cohorts-review');
    await page.getByLabel('Filter', { exact: true }).fill('stag:bad');
    await status('1 shown of 24 studies');
    await page.getByLabel('Filter', { exact: true }).fill('');
    await button('Select the 1 bad one').click();
    await status('1 selected of 24 studies');
});

test('N7: a click on the subject of a job selects its study', async () => {
    await page.getByLabel('Show finished').check();
    await page.locator('.gridstats .vg-row:not([hidden])').filter({ hasText: 'P005#S1' }).first().getByRole('gridcell', { name: 'P005#S1', exact: true }).click();
    await status('1 selected of 24 studies');
    assert.equal(await table().locator('.vg-row.on').filter({ hasText: 'P005' }).count(), 1);
    await page.getByLabel('Show finished').uncheck();
});

test('J4, N6: a job that was run again shows what was edited, old and new', async () => {
    await page.getByLabel('Show finished').check();
    const grid = page.getByRole('region', { name: 'Gridstats' });
    await grid.getByLabel('Filter Subject').fill(odd()[0].psid);
    await grid.locator('.vg-row:not([hidden])').filter({ hasText: 'done' }).filter({ hasText: odd()[0].psid }).getByText('script.bash').first().click();
    await page.getByLabel('Changed by a retry').getByText(/Job bash of run 1, edited: args\.f1\.FILE .* → .*mprage/).waitFor();
    await button('Close the log').click();
    await page.getByLabel('Show finished').uncheck();
});

test('the page has no violation of WCAG A and AA in either theme', async () => {
    await button(/^Hide/).click(); // Gridstats has a test of its own
    for (const [tab, colorScheme] of [['Batchtool', 'light'], ['Look and judge', 'dark']]) {
        await page.getByRole('tab', { name: tab }).click();
        await page.emulateMedia({ colorScheme });
        assert.deepEqual(await violations(page), []);
    }
});

test('no error was thrown on the page', () => assert.deepEqual(page.problems, []));
