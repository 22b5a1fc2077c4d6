/* All tasks, live (NORA's Gridstats, REQUIREMENTS N): sort, search, act on a selection, read logs. */
import { useEffect, useMemo } from 'preact/hooks';
import { apiUrl, get } from '../api';
import { act, attach, Dialogs, finished, jobMenu, killAll, Pane, retryWith, ShowFinished, tab, VERBS } from '../jobs/acts';
import { LEAST_WIDTH, taskColumns } from '../jobs/columns';
import '../jobs/jobs.css';
import { Tasks } from '../jobs/tasks';
import { go, link, route } from '../router';
import { mayRunSome, project, projects } from '../state';
import { batchOf } from '../tomography/batch';
import '../tomography/tomography.css';
import { GridView } from '../ui/grid-view';
import { RunStrips } from '../ui/runs';
import { toastError } from '../ui/toast';
import { countText, plural } from '../words';

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
            <ShowFinished />
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
                            onMenu: (row, x, y) => jobMenu(tasks, row, x, y, 'Select its scan in the table', selectItem),
                        })}
                        onMade={(grid) => attach(tasks, grid)}
                    />
                    <Nothing tasks={tasks} />
                </div>
            </div>
            <Pane tasks={tasks} />
            <Dialogs tasks={tasks} />
        </div>
    );
}
