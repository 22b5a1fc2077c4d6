// A server with accounts: signing in, what a viewer may not do, accounts made and changed on the page, signing out.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch, ROOT } from './browser.mjs';
import { shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

const PROGRAM = process.env.GANTRY ?? path.join(ROOT, 'build/gantry');
const SECRET = 'correct horse battery';

let project, server, browser, page;
const problems = [];

function addUser(name, role, ...more) {
    const env = { PATH: process.env.PATH, HOME: path.dirname(project.home), GANTRY_HOME: project.home, LANG: 'C.UTF-8' };
    const done = spawnSync(PROGRAM, ['user', 'add', name, '--role', role, ...more], { env, cwd: project.data, input: SECRET + '\n', encoding: 'utf8' });
    assert.equal(done.status, 0, done.stderr);
}

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 1, scans: 3, columns: 64, rows: 4, angles: 60 });
    await project.gantry('init', '--name', 'lab');
    await project.gantry('scan');
    addUser('ada', 'admin');
    addUser('vi', 'viewer');
    // a second project on another folder: may look at the one, run in the other
    const other = path.join(path.dirname(project.data), 'other');
    await cp(project.data, other, { recursive: true, filter: (from) => !from.includes('.gantry') });
    await project.gantry('init', other, '--name', 'annex');
    await project.gantry('scan', '-p', 'annex');
    addUser('both', 'viewer', '--project', 'lab:viewer', '--project', 'annex:operator');
    server = await project.serve();
    browser = await launch();
    page = await (await browser.newContext({ viewport: { width: 1400, height: 860 } })).newPage();
    page.setDefaultTimeout(20_000);
    page.on('pageerror', (error) => problems.push(error.message));
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

const button = (name) => page.getByRole('button', { name, exact: true });

async function login(name, secret) {
    await page.getByLabel('User').fill(name);
    await page.getByLabel('Password').fill(secret);
    await button('Log in').click();
}

test('the login page refuses a wrong password in one line', async () => {
    await page.goto(new URL('/', server.url).href);
    await button('Log in').waitFor();
    await shoot(page, 'login');
    assert.deepEqual(await violations(page), []);
    await login('ada', 'wrong horse battery');
    await page.locator('[role=alert]').waitFor();
    await shoot(page, 'login-refused');
});

test('a viewer sees the table and may change nothing', async () => {
    await login('vi', SECRET);
    await page.waitForSelector('.vg-row');
    for (const name of ['Refresh File List', 'Batch Try', 'Delete Selected…', 'Fix COR Outliers…']) {
        assert.ok(await button(name).isDisabled(), name);
    }
    assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0);
    await page.locator('.vg-row[data-at="0"] > span').nth(2).click();
    await page.locator('.vg').focus();
    await page.keyboard.press('F2');
    assert.equal(await page.locator('.editing').count(), 0, 'a viewer has no field to type into');
    await shoot(page, 'viewer');
    await button('Log out').click();
    await button('Log in').waitFor();
});

test('actions go by the role in the project that is shown, not by the most that the account has somewhere', async () => {
    const changing = ['Refresh File List', 'Batch Try', 'Fix COR Outliers…'];
    await login('both', SECRET);
    await page.goto(new URL('/#/p/lab/tomography', server.url).href);
    await page.waitForSelector('.vg-row');
    for (const name of changing) {
        assert.ok(await button(name).isDisabled(), `${name} in lab`);
    }
    await page.getByLabel('Project').selectOption({ label: 'annex' });
    await until(() => button('Refresh File List').isEnabled(), 'an operator here');
    await page.waitForSelector('.vg-row');
    await until(() => button('Fix COR Outliers…').isEnabled(), 'so here too');
    await page.getByLabel('Project').selectOption({ label: 'lab' });
    await until(() => button('Refresh File List').isDisabled(), 'a viewer again');
    await button('Log out').click();
    await button('Log in').waitFor();
});

test('an administrator makes an account; it is there for the command line too', async () => {
    await login('ada', SECRET);
    await page.getByRole('link', { name: 'Users' }).click();
    await page.getByLabel('Accounts').getByRole('cell', { name: 'vi', exact: true }).waitFor();
    await button('New account…').click();
    await page.getByLabel('Name', { exact: true }).fill('otto');
    await page.getByLabel('Role').selectOption('operator');
    await page.getByLabel('Password', { exact: false }).fill('short');
    await page.getByLabel('Password', { exact: false }).fill(SECRET);
    await shoot(page, 'new-account');
    await button('Make the account').click();
    await page.getByLabel('Accounts').getByRole('cell', { name: 'otto', exact: true }).waitFor();
    await until(async () => (await project.gantry('user', 'ls')).includes('otto'), 'the account is in the list of the command line');
    await shoot(page, 'users');
    for (const theme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme: theme });
        assert.deepEqual(await violations(page), []);
    }
});

test('what was done is in the log, with who did it', async () => {
    await page.reload();
    await page.getByRole('region', { name: 'Audit log' }).getByText('ada').first().waitFor();
});

test('no error was thrown on the page', () => assert.deepEqual(problems, []));
