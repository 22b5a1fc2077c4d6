// Debian's Chromium through playwright-core, which is a dependency of web/ (dev/build-web installs it).
import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import path from 'node:path';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const require = createRequire(path.join(ROOT, 'web/package.json'));
const { chromium } = require('playwright-core');
export const AXE = require.resolve('axe-core/axe.min.js');

function executable() {
    const found = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
        .find((file) => file && existsSync(file));
    if (!found) {
        throw new Error('no Chromium: run ./setup, or name one in CHROMIUM');
    }
    return found;
}

// Root may not use the sandbox; a container's /dev/shm is small.
const ARGS = ['--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--enable-precise-memory-info',
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])];

// Where there is no GPU, WebGL is drawn by the processor.
const WEBGL = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

export function launch({ webgl = false } = {}) {
    return chromium.launch({ executablePath: executable(), headless: true, args: webgl ? [...ARGS, ...WEBGL] : ARGS });
}
