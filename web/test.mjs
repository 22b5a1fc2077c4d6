// usage: npm test   Bundle src/**/*.test.ts and run them with node's own test runner (no browser needed).
import { build } from 'esbuild';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

const inputs = readdirSync('src', { recursive: true })
    .filter((name) => String(name).endsWith('.test.ts'))
    .map((name) => `src/${name}`);
const outdir = 'node_modules/.cache/gantry-tests';
await build({
    entryPoints: inputs,
    outdir,
    outbase: 'src',
    bundle: true,
    platform: 'node',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    loader: { '.css': 'empty' },
    logLevel: 'warning',
});
const files = inputs.map((name) => `${outdir}/${name.replace(/^src\//, '').replace(/\.ts$/, '.mjs')}`);
const run = spawnSync(process.execPath, ['--test', '--test-reporter=tap', ...files], { stdio: 'inherit' });
process.exit(run.status ?? 1);
