/* All tasks, live (NORA's Gridstats, REQUIREMENTS N): sort, search, act on a selection, read logs. */
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { apiUrl, get, post } from '../api';
import { Json, Log } from '../jobs/log';
import { LEAST_WIDTH, taskColumns } from '../jobs/columns';
import '../jobs/jobs.css';
import { RetryDialog } from '../jobs/retry-dialog';
import { Tasks } from '../jobs/tasks';
import { go, link, route } from '../router';
import { mayRunSome, project, projects, recall, remember } from '../state';
import { batchOf } from '../tomography/batch';
import '../tomography/tomography.css';
import { Dialog } from '../ui/dialog';
import { GridView } from '../ui/grid-view';
import { openMenu } from '../ui/menu';
import { RunStrips } from '../ui/runs';
import { toast, toastError } from '../ui/toast';
import { countText, plural } from '../words';

const finished = signal(recall('gantry.finished') === 'yes');
const tab = signal<'log' | 'json'>('log');
const retryWith = signal<number[] | null>(null);
const killAll = signal(false);

type Verb = 'kill' | 'suspend' | 'resume' | 'hold' | 'release' | 'retry' | 'clear';

const VERBS: { verb: Verb; label: string; hint: string }[] = [
    { verb: 'kill', label: 'Kill', hint: 'End them now' },
    { verb: 'suspend', label: 'Suspend', hint: 'Stop their processes for a while' },
    { verb: 'resume', label: 'Resume', hint: 'Let suspended ones go on' },
    { verb: 'hold', label: 'Hold', hint: 'Do not start them' },
    { verb: 'release', label: 'Release', hint: 'Let held ones start' },
    { verb: 'retry', label: 'Retry', hint: 'Run them again' },
    { verb: 'clear', label: 'Clear', hint: 'Failed and cancelled ones are dealt with: take them off this list; results keep them' },
];

interface ActAnswer {
    tasks?: number;
    cleared?: number;
    refused?: { id?: number; error?: string }[];
    warnings?: string[];
}

async function act(verb: Verb, ids: number[], set?: Record<string, unknown>): Promise<void> {
    if (ids.length === 0) {
        toast('No jobs selected.', 'warning');
        return;
    }
    const answer = await post<ActAnswer>(`tasks/${verb}`, { tasks: ids, ...(set && Object.keys(set).length > 0 ? { set } : {}) });
    if (answer.cleared) {
        toast(`${plural(answer.cleared, 'job')} cleared. “Show finished” still shows ${answer.cleared === 1 ? 'it' : 'them'}.`);
    }
    answer.warnings?.forEach((line) => toast(line, 'warning'));
}

/** N7: the scan is ticked in the table of its project. */
async function selectItem(item: number): Promise<void> {
    const found = await get<{ id: number; project?: number }>(`items/${item}`);
    const where = projects.value?.find((one) => one.id === found.project) ?? project.value;
    if (!where) {
        return;
    }
    const batch = batchOf(where.id);
    batch.selectLater([item]);
    go(link('p', where.name, 'tomography'));
}

function Toolbar({ tasks, run, item }: { tasks: Tasks; run?: number | undefined; item?: number | undefined }) {
    void tasks.turn.value;
    const count = tasks.selected.value;
    return (
        <div class="tools" role="toolbar" aria-label="Jobs">
            <span class="counter number" title="Running, queued and erroneous jobs: yours + those of others">
                {tasks.counter()}
            </span>
            <label class="check">
                <input
                    type="checkbox"
                    checked={finished.value}
                    onChange={(event) => {
                        finished.value = event.currentTarget.checked;
                        remember('gantry.finished', finished.value ? 'yes' : 'no');
                    }}
                />
                Show finished
            </label>
            {(run !== undefined || item !== undefined) && (
                <a href={link('jobs')}>{run !== undefined ? `Run ${run} only: show all` : 'One scan only: show all'}</a>
            )}
            {run !== undefined && (
                <>
                    <a href={apiUrl(`results/${run}`, { format: 'xlsx' })}>Results as XLSX</a>
                    <a href={apiUrl(`results/${run}`, { format: 'csv' })}>CSV</a>
                </>
            )}
            <span class="grow" />
            <span class="muted nowrap" role="status">
                {count > 0 ? `${countText(count)} selected of ` : ''}
                {tasks.loading.value ? 'reading…' : plural(tasks.grid?.view.length ?? 0, 'job')}
            </span>
            {VERBS.map(({ verb, label, hint }) => (
                <button
                    key={verb}
                    type="button"
                    title={hint}
                    class={verb === 'kill' ? 'danger' : ''}
                    disabled={!mayRunSome.value || count === 0}
                    onClick={() => void act(verb, tasks.picked()).catch(toastError)}
                >
                    {label}
                </button>
            ))}
            <button
                type="button"
                disabled={!mayRunSome.value || count === 0}
                onClick={() => (retryWith.value = tasks.picked())}
            >
                Retry with…
            </button>
            <button type="button" class="danger" disabled={!mayRunSome.value} onClick={() => (killAll.value = true)}>
                Kill all…
            </button>
        </div>
    );
}

function Pane({ tasks }: { tasks: Tasks }) {
    const task = tasks.open.value;
    if (task === 0) {
        return null;
    }
    const row = tasks.rowOf(task);
    const name = row >= 0 ? `${tasks.name[row]} / ${tasks.job[row]}` : '';
    return (
        <section class="log-pane" aria-label="Log">
            <div class="row">
                <h2>
                    Task {task} <span class="muted">{name}</span>
                </h2>
                <div class="tabs" role="tablist">
                    {(['log', 'json'] as const).map((word) => (
                        <button key={word} type="button" role="tab" aria-selected={tab.value === word} onClick={() => (tab.value = word)}>
                            {word === 'log' ? 'Log' : 'JSON'}
                        </button>
                    ))}
                </div>
                <span class="grow" />
                <button type="button" class="bare" aria-label="Close the log" onClick={() => (tasks.open.value = 0)}>
                    ✕
                </button>
            </div>
            {tab.value === 'log' ? <Log key={task} task={task} /> : <Json task={task} />}
        </section>
    );
}

function jobMenu(tasks: Tasks, row: number, x: number, y: number): void {
    const id = tasks.id[row] ?? 0;
    const ids = tasks.grid?.selection.has(row) ? tasks.picked() : [id];
    const item = tasks.item[row] ?? 0;
    const viewer = !mayRunSome.value;
    const show = (which: 'log' | 'json') => {
        tab.value = which;
        tasks.open.value = id;
    };
    openMenu(x, y, `Task ${id}`, [
        { label: 'Log', run: () => show('log') },
        { label: 'As JSON', run: () => show('json') },
        { label: 'Select its scan in the table', run: () => void selectItem(item).catch(toastError) },
        ...VERBS.map(({ verb, label }, at) => ({
            label: ids.length > 1 ? `${label} ${ids.length}` : label,
            apart: at === 0,
            disabled: viewer,
            run: () => void act(verb, ids).catch(toastError),
        })),
        { label: 'Retry with…', disabled: viewer, run: () => (retryWith.value = ids) },
    ]);
}

function KillAll({ tasks }: { tasks: Tasks }) {
    const ids: number[] = [];
    for (let row = 0; row < tasks.rows; row++) {
        if (tasks.groupOf(row) !== 'failed' && tasks.groupOf(row) !== 'done' && tasks.state[row] !== 'cancelled') {
            ids.push(tasks.id[row] ?? 0);
        }
    }
    const close = () => (killAll.value = false);
    return (
        <Dialog
            title={`Kill ${plural(ids.length, 'job')}?`}
            onClose={close}
            buttons={
                <>
                    <button type="button" data-focus onClick={close}>
                        No, let them run
                    </button>
                    <button
                        type="button"
                        class="danger"
                        disabled={ids.length === 0}
                        onClick={() => {
                            close();
                            void act('kill', ids).catch(toastError);
                        }}
                    >
                        Kill {ids.length}
                    </button>
                </>
            }
        >
            <p>Running jobs end, queued ones are cancelled. What is finished stays, and a retry takes them up again.</p>
        </Dialog>
    );
}

function Nothing({ tasks }: { tasks: Tasks }) {
    void tasks.turn.value;
    if (tasks.failed.value) {
        return <div class="over failed-text">The jobs could not be read: {tasks.failed.value}</div>;
    }
    const reading = tasks.loading.value;
    if ((tasks.grid?.view.length ?? 0) > 0) {
        return null;
    }
    if (reading) {
        return <div class="over muted">Reading the jobs…</div>;
    }
    return (
        <div class="over">
            <p>{tasks.anyShown ? 'No job fits the filters.' : 'Nothing runs, nothing waits, nothing has failed.'}</p>
            <p class="muted">
                {finished.value ? 'Start a batch on the Tomography page.' : 'Tick “Show finished” to see the jobs that are done.'}
            </p>
        </div>
    );
}

export function JobsPage({ run }: { run?: number }) {
    const word = route.value.query.get('item');
    const item = word ? Number(word) : undefined;
    const all = finished.value || item !== undefined;
    const tasks = useMemo(() => new Tasks({ run, item, finished: all }), []);
    useEffect(() => () => tasks.close(), []);
    useEffect(() => tasks.narrow({ run, item, finished: all }), [run, item, all]);
    useEffect(() => tasks.grid?.show((row) => tasks.shown(row)), [all]);
    return (
        <div class="page">
            <h1 class="hidden-label">Jobs</h1>
            <Toolbar tasks={tasks} run={run} item={item} />
            <RunStrips />
            <div class="columns">
                <div class="table">
                    <GridView
                        options={() => ({
                            label: 'Jobs',
                            leastWidth: LEAST_WIDTH,
                            columns: taskColumns(tasks, {
                                showJson: (id) => {
                                    tab.value = 'json';
                                    tasks.open.value = id;
                                },
                                selectItem: (id) => void selectItem(id).catch(toastError),
                                openLog: (id) => {
                                    tab.value = 'log';
                                    tasks.open.value = id;
                                },
                            }),
                            name: (row) => `${tasks.name[row]} ${tasks.job[row]}`,
                            onSelect: (count) => (tasks.selected.value = count),
                            onOpen: (row) => {
                                tab.value = 'log';
                                tasks.open.value = tasks.id[row] ?? 0;
                            },
                            onFocus: (row) => {
                                if (tasks.open.value !== 0) {
                                    tasks.open.value = tasks.id[row] ?? 0;
                                }
                            },
                            onMenu: (row, x, y) => jobMenu(tasks, row, x, y),
                        })}
                        onMade={(grid) => {
                            tasks.grid = grid;
                            grid.setRows(tasks.rows);
                            grid.show((row) => tasks.shown(row));
                            return () => {
                                tasks.grid = null;
                            };
                        }}
                    />
                    <Nothing tasks={tasks} />
                </div>
            </div>
            <Pane tasks={tasks} />
            {retryWith.value && (
                <RetryDialog
                    title={`Retry ${plural(retryWith.value.length, 'job')} with…`}
                    send={(set) => act('retry', retryWith.value ?? [], set)}
                    onClose={() => (retryWith.value = null)}
                />
            )}
            {killAll.value && <KillAll tasks={tasks} />}
        </div>
    );
}
