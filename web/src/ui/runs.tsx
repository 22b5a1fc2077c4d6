/* Runs that are not over: how far, how fast, how long still. The table and the jobs page show them. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { get, post } from '../api';
import { on } from '../live';
import { link } from '../router';
import { mayRunIn } from '../state';
import { countText, secondsText } from '../words';
import { toastError } from './toast';

export interface Run {
    id: number;
    name?: string;
    batch?: string;
    project?: number;
    state: string;
    counts?: Record<string, number>;
    progress?: number | null;
    rate?: number | null;
    eta_s?: number | null;
    started?: number | null;
    ended?: number | null;
    user?: string | null;
}

export const runs = signal<Run[]>([]);
const AGAIN_MS = 1000; // events of a run come with every task; its numbers are read at most so often

let timer = 0;
let users = 0;

async function load(): Promise<void> {
    const answer = await get<Run[] | { runs: Run[] }>('runs');
    runs.value = Array.isArray(answer) ? answer : answer.runs;
}

function soon(): void {
    if (!timer && users > 0) {
        timer = window.setTimeout(() => {
            timer = 0;
            load().catch(() => undefined); // the banner says that the server is away
        }, AGAIN_MS);
    }
}

on('runs', soon);
on('tasks', soon);
on('reset', soon);

/** While mounted, `runs` follows the server. */
export function useRuns(): void {
    useEffect(() => {
        users++;
        load().catch(toastError);
        return () => {
            users--;
        };
    }, []);
}

export function isOver(run: Run): boolean {
    return run.state !== 'active';
}

/** Tasks that are settled, and all of them. */
export function doneOf(run: Run): { done: number; total: number; failed: number; running: number; queued: number } {
    const of = (...states: string[]) => states.reduce((sum, state) => sum + (run.counts?.[state] ?? 0), 0);
    const total = Object.values(run.counts ?? {}).reduce((sum, count) => sum + count, 0);
    return {
        done: of('done', 'cached', 'failed', 'cancelled', 'blocked'),
        total,
        failed: of('failed'),
        running: of('running'),
        queued: of('waiting', 'ready', 'held'),
    };
}

function RunLine({ run }: { run: Run }) {
    const { done, total, failed, running, queued } = doneOf(run);
    const act = (verb: string) => post(`runs/${run.id}/${verb}`).then(soon, toastError);
    const part = run.progress ?? (total > 0 ? done / total : 0);
    return (
        <div class="strip run">
            <a href={link('run', run.id)}>
                Run {run.id}
            </a>
            <span>{run.name ?? run.batch}</span>
            <progress max={1} value={part} aria-label={`Run ${run.id}`} />
            <span class="number">
                {Math.floor(part * 100)}% · {countText(done)} of {countText(total)} tasks
            </span>
            <span class="muted">
                {running} running · {countText(queued)} queued
                {run.eta_s ? ` · about ${secondsText(run.eta_s)} left` : ''}
            </span>
            {failed > 0 && (
                <span class="state failed" data-glyph="✕">
                    {failed} failed
                </span>
            )}
            <span class="grow" />
            {mayRunIn(run.project) && (
                <>
                    <button type="button" onClick={() => void act('hold')}>
                        Hold
                    </button>
                    <button type="button" onClick={() => void act('release')}>
                        Release
                    </button>
                    <button type="button" class="danger" onClick={() => void act('kill')}>
                        Stop
                    </button>
                </>
            )}
        </div>
    );
}

export function RunStrips({ project }: { project?: number }) {
    useRuns();
    const live = runs.value.filter((run) => !isOver(run) && (project === undefined || !run.project || run.project === project));
    return (
        <>
            {live.slice(0, 3).map((run) => (
                <RunLine key={run.id} run={run} />
            ))}
            {live.length > 3 && <div class="strip muted">and {live.length - 3} more runs, see Jobs</div>}
        </>
    );
}
