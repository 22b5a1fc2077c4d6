// A real `gantry serve` in a home and a data folder of its own, on synthetic scans. GANTRY names the built program;
// gantry-imaging lies beside it. GANTRY_WEBROOT: a built page to serve instead of the embedded one.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './browser.mjs';

const run = promisify(execFile);
const PROGRAM = process.env.GANTRY ?? path.join(ROOT, 'build/gantry');
const IMAGING = process.env.GANTRY_IMAGING ?? path.join(path.dirname(PROGRAM), 'gantry-imaging');
const WEBROOT = process.env.GANTRY_WEBROOT ? ['--webroot', process.env.GANTRY_WEBROOT] : [];
const HANG_MS = 180_000; // nothing here takes this long; what does, hangs

/** A folder with an empty project: { home, data, rec, gantry(), makeScans(), serve(), remove() }. */
export async function makeProject() {
    const base = await mkdtemp(path.join(os.tmpdir(), 'gantry-web-'));
    const home = path.join(base, 'home');
    const data = path.join(base, 'data');
    await mkdir(data);
    const env = { PATH: process.env.PATH, HOME: base, GANTRY_HOME: home, LANG: 'C.UTF-8', TMPDIR: os.tmpdir() };
    const options = { cwd: data, env, timeout: HANG_MS, maxBuffer: 64 << 20 };
    const servers = [];

    const project = {
        home,
        data,
        rec: data + '_rec',
        /** What the command printed; rejects with its message when it fails. */
        async gantry(...args) {
            return (await run(PROGRAM, args.map(String), options)).stdout;
        },
        async json(...args) {
            return JSON.parse(await project.gantry(...args, '--json'));
        },
        /** Scans by gantry-imaging make-scans: { series: 2, scans: 3, columns: 64, rows: 4, angles: 60 }. */
        async makeScans(settings) {
            const words = Object.entries(settings).flatMap(([key, value]) => ['--' + key, ...(value === true ? [] : [String(value)])]);
            return JSON.parse((await run(IMAGING, ['make-scans', data, ...words], options)).stdout);
        },
        /** { url, port, pid, stop() }. The url carries the token. */
        async serve(...args) {
            const server = await startServe(data, env, args);
            servers.push(server);
            return server;
        },
        async remove() {
            await Promise.all(servers.map((server) => server.stop()));
            await rm(base, { recursive: true, force: true, maxRetries: 5 });
        },
    };
    return project;
}

/** Standard error goes to a buffer, so that a server that does not start says why. */
function startServe(cwd, env, args) {
    const child = spawn(PROGRAM, ['serve', '--listen', '127.0.0.1:0', '--json', ...WEBROOT, ...args], { cwd, env });
    let said = '';
    let out = '';
    child.stderr.on('data', (chunk) => (said += chunk));
    const ended = new Promise((done) => child.on('exit', done));
    const stop = async (signal = 'SIGTERM') => {
        if (child.exitCode === null && child.signalCode === null) {
            child.kill(signal);
        }
        await ended;
    };
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error('gantry serve does not start: ' + said)), HANG_MS);
        ended.then((status) => reject(new Error(`gantry serve ended with ${status}: ${said}`)));
        child.stdout.on('data', (chunk) => {
            out += chunk;
            let ready;
            try {
                ready = JSON.parse(out);
            } catch {
                return; // not all of it has come
            }
            clearTimeout(timer);
            resolve({ ...ready, stop, child });
        });
    });
}
