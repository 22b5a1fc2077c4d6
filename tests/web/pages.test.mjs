// Every page of the frame, dark and light: screenshots to look at, and axe-core without a violation. Settings are
// used on the way.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { violations } from './axe.mjs';
import { launch } from './browser.mjs';
import { openPage, shoot, until } from './looking.mjs';
import { makeProject } from './server.mjs';

let project, server, browser, page;

before(async () => {
    project = await makeProject();
    await project.makeScans({ series: 2, scans: 3, columns: 96, rows: 8, angles: 90 });
    await project.gantry('init', '--name', 'lab');
    await project.gantry('run', 'tomo-ai-reco', 'series:alloy');
    await project.gantry('cor', 'set', 'bone_001.h5', '47.5');
    server = await project.serve();
    browser = await launch();
    page = await openPage(browser, server.url, '#/');
    page.setDefaultTimeout(20_000);
});
after(async () => {
    await browser?.close();
    await project?.remove();
});

async function look(name, hash, ready) {
    await page.goto(new URL('/' + hash, server.url).href);
    await ready();
    await shoot(page, name);
    for (const theme of ['dark', 'light']) {
        await page.emulateMedia({ colorScheme: theme });
        await page.waitForTimeout(100);
        assert.deepEqual(await violations(page), [], `${name}, ${theme}`);
    }
}

test('tomography', () => look('tomography', '#/p/lab/tomography', async () => {
    await page.waitForSelector('.vg-row');
    await page.locator('.vg').focus();
    for (const key of ['Home', ' ', 'j', ' ']) {
        await page.keyboard.press(key);
    }
    await page.waitForSelector('.picture img');
    await page.waitForTimeout(400);
}));

test('the question before a run', () => look('ai-reco', '#/p/lab/tomography', async () => {
    await page.getByRole('button', { name: /^Batch AI Reco/ }).click();
    await page.getByText('Runs on').waitFor();
}).then(() => page.keyboard.press('Escape')));

test('jobs, finished ones too', () => look('jobs-finished', '#/jobs', async () => {
    await page.getByLabel('Show finished').check();
    await page.waitForSelector('.vg-row .state.done');
    await page.locator('.vg-row').first().getByText('log', { exact: true }).click();
    await page.waitForSelector('pre.log span');
}));

test('errors', () => look('errors-none', '#/errors', () => page.getByText('Nothing has failed').waitFor()));
test('projects', () => look('projects', '#/projects', () => page.getByLabel('Folders').locator('li').first().waitFor()));
test('settings', () => look('settings', '#/settings', () => page.getByLabel('slots', { exact: true }).waitFor()));

test('G7: an option is changed on the page; `gantry config` shows the same; a wrong value says what is right', async () => {
    const slots = page.getByLabel('slots', { exact: true });
    await slots.fill('9999999');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.settings [role=alert]').waitFor();
    await shoot(page, 'settings-refused');
    await slots.fill('3');
    await page.getByRole('button', { name: 'Save' }).click();
    await until(async () => (await project.gantry('config', 'show')).match(/slots\W+3\b/), 'the option is saved');
});

test('a page that is not there, and a project that is not there', async () => {
    await page.goto(new URL('/#/nowhere', server.url).href);
    await page.getByText("There is no page 'nowhere'").waitFor();
    await page.goto(new URL('/#/p/nobody/tomography', server.url).href);
    await page.getByText("There is no project 'nobody'").waitFor();
});

test('the theme is switched by hand and stays after a reload', async () => {
    await page.emulateMedia({ colorScheme: 'light' });
    await page.getByRole('button', { name: 'Dark theme' }).click();
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.reload();
    await page.waitForSelector('header.top');
    assert.equal(await ground(), dark);
    await page.getByRole('button', { name: 'Light theme' }).click();
    assert.notEqual(await ground(), dark);
    await page.evaluate(() => localStorage.clear());
});

test('without the token nothing of the page is served', async () => {
    const context = await browser.newContext();
    const stranger = await context.newPage();
    const answer = await stranger.goto(new URL('/', server.url).href);
    assert.equal(answer.status(), 401);
    assert.match(await stranger.innerText('body'), /open the address that gantry serve printed/);
    await stranger.goto(new URL('/?token=' + '0'.repeat(64), server.url).href);
    assert.match(await stranger.innerText('body'), /token in your link is not/);
    assert.doesNotMatch(stranger.url(), /token/);
    await context.close();
});

test('no error was thrown on the page', () => assert.deepEqual(page.problems, []));
