/* Runs that are not over: how far, how fast, how long still. The table and the jobs page show them. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { get, post } from '../api';
import { on } from '../live';
import { link } from '../router';
import { mayRunIn } from '../state';
import { countText, plural, secondsText } from '../words';
import { Dialog } from './dialog';
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
export function doneOf(run: Run): Record<'done' | 'total' | 'failed' | 'running' | 'queued' | 'held', number> {
    const of = (...states: string[]) => states.reduce((sum, state) => sum + (run.counts?.[state] ?? 0), 0);
    const total = Object.values(run.counts ?? {}).reduce((sum, count) => sum + count, 0);
    return {
        done: of('done', 'cached', 'failed', 'cancelled', 'blocked'),
        total,
        failed: of('failed'),
        running: of('running'),
        queued: of('waiting', 'ready'),
        held: of('held'),
    };
}

/** Like killing all jobs, a run is not stopped by a slip: a bare Enter says No (N10). */
function StopDialog({ run, onStop, onClose }: { run: Run; onStop: () => void; onClose: () => void }) {
    const { running, queued, held } = doneOf(run);
    return (
        <Dialog
            title={`Stop run ${run.id}?`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        No, let it run
                    </button>
                    <button
                        type="button"
                        class="danger"
                        onClick={() => {
                            onClose();
                            onStop();
                        }}
                    >
                        Stop run {run.id}
                    </button>
                </>
            }
        >
            <p>
                {plural(running, 'running job ends', 'running jobs end')}, {countText(queued + held)} queued{' '}
                {queued + held === 1 ? 'one is' : 'ones are'} cancelled. What is finished stays, and a retry takes them up again.
            </p>
        </Dialog>
    );
}

function RunLine({ run }: { run: Run }) {
    const { done, total, failed, running, queued, held } = doneOf(run);
    const [stopping, setStopping] = useState(false);
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
                {held === 0 && run.eta_s ? ` · about ${secondsText(run.eta_s)} left` : ''}
            </span>
            {held > 0 && (
                <span class="state waiting">
                    {countText(held)} held
                </span>
            )}
            {failed > 0 && (
                <span class="state failed">
                    {failed} failed
                </span>
            )}
            <span class="grow" />
            {mayRunIn(run.project) && (
                <>
                    <button type="button" onClick={() => void act(held > 0 ? 'release' : 'hold')}>
                        {held > 0 ? 'Release' : 'Hold'}
                    </button>
                    <button type="button" class="danger" onClick={() => setStopping(true)}>
                        Stop…
                    </button>
                </>
            )}
            {stopping && <StopDialog run={run} onStop={() => void act('kill')} onClose={() => setStopping(false)} />}
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
