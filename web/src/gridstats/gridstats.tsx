/* NORA's Gridstats (REQUIREMENTS N): the jobs of a project below its subjects and studies, over the data of the Jobs table. */
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { Project } from '../api';
import { notebookUrl, openInJupyter, saveNotebook } from '../cohort/jupyter';
import { act, attach, Dialogs, finished, jobMenu, killAll, Pane, ShowFinished, tab } from '../jobs/acts';
import '../jobs/jobs.css';
import { Tasks } from '../jobs/tasks';
import { mayRunIn } from '../state';
import { Dialog } from '../ui/dialog';
import { GridView } from '../ui/grid-view';
import type { MenuEntry } from '../ui/menu';
import { toast, toastError } from '../ui/toast';
import { countText, plural } from '../words';
import { gridstatsColumns, LEAST_WIDTH, type Action } from './columns';
import './gridstats.css';

/** Notebook whose batch was changed since it was opened, 0: none. */
const replaced = signal(0);

type Signal = 'kill' | 'hold' | 'release' | 'suspend' | 'resume';

/* N10, in the words that its users know. */
const SIGNALS: { verb: Signal; label: string; hint: string }[] = [
    { verb: 'kill', label: 'Kill', hint: 'End them now' },
    { verb: 'hold', label: 'Hold', hint: 'Do not start them' },
    { verb: 'release', label: 'Unhold', hint: 'Let held ones start' },
    { verb: 'suspend', label: 'Suspend', hint: 'Stop their processes for a while' },
    { verb: 'resume', label: 'Unsuspend', hint: 'Let suspended ones go on' },
];

export interface GridstatsProps {
    project: Project;
    /** N7: that subject or study is to be selected in the table. */
    onSubject: (item: number) => void | Promise<void>;
}

/** Erroneous ones among these rows that nobody has dealt with yet. */
function erroneous(tasks: Tasks, rows: readonly number[]): number[] {
    return tasks.ids(rows.filter((row) => tasks.groupOf(row) === 'failed' && !tasks.cleared[row]));
}

function everyRow(tasks: Tasks): number[] {
    return Array.from({ length: tasks.rows }, (_none, row) => row);
}

function Toolbar({ tasks, may }: { tasks: Tasks; may: boolean }) {
    void tasks.turn.value;
    const count = tasks.selected.value;
    const failed = erroneous(tasks, count > 0 ? (tasks.grid?.selection.rows() ?? []) : everyRow(tasks));
    return (
        <div class="tools" role="toolbar" aria-label="Gridstats">
            <h2>Gridstats</h2>
            <ShowFinished />
            <span class="muted nowrap" role="status">
                {count > 0 ? `${countText(count)} selected of ` : ''}
                {tasks.loading.value ? 'reading…' : plural(tasks.grid?.view.length ?? 0, 'job')}
            </span>
            {SIGNALS.map(({ verb, label, hint }) => (
                <button
                    key={verb}
                    type="button"
                    title={hint}
                    class={verb === 'kill' ? 'danger' : ''}
                    disabled={!may || count === 0}
                    onClick={() => void act(verb, tasks.picked()).catch(toastError)}
                >
                    {label}
                </button>
            ))}
            <button
                type="button"
                title={count > 0 ? 'Take the erroneous ones among the selected off the list' : 'Take all erroneous ones off the list'}
                disabled={!may || failed.length === 0}
                onClick={() => void act('clear', failed).catch(toastError)}
            >
                Clear erroneous
            </button>
            <button type="button" class="danger" disabled={!may} onClick={() => (killAll.value = true)}>
                Kill all…
            </button>
            <span class="grow" />
            <span class="counter number" title="Running, queued and erroneous jobs: yours + those of others">
                {tasks.counter()}
            </span>
        </div>
    );
}

function Nothing({ tasks }: { tasks: Tasks }) {
    void tasks.turn.value;
    if (tasks.failed.value) {
        return <div class="over failed-text">The jobs could not be read: {tasks.failed.value}</div>;
    }
    if (tasks.loading.value || (tasks.grid?.view.length ?? 0) > 0) {
        return null;
    }
    return <div class="over muted">{tasks.anyShown ? 'No job fits the filters.' : 'Nothing runs, nothing waits, nothing has failed.'}</div>;
}

/** The actions of a row: err, log, delete, rerun; of a notebook also open and save. */
async function rowAction(tasks: Tasks, action: Action, task: number): Promise<void> {
    const row = tasks.rowOf(task);
    switch (action) {
        case 'err':
        case 'log':
            tab.value = action;
            tasks.open.value = task;
            return;
        case 'rerun':
            return act('retry', [task]);
        case 'delete': {
            const group = tasks.groupOf(row);
            if (group === 'done') {
                toast('It is finished: its outputs stay, and “Show finished” hides it.', 'warning');
                return;
            }
            return act(group === 'failed' || tasks.state[row] === 'cancelled' ? 'clear' : 'kill', [task]);
        }
        case 'open':
            open(notebookUrl(task), '_blank', 'noopener');
            return;
        case 'save':
            if (!(await saveNotebook(task))) {
                replaced.value = task;
            }
    }
}

/** O1: the job of that row, as its batch is saved now, in a notebook; of a notebook what its row offers. */
function notebooks(tasks: Tasks, row: number, project: number, may: boolean): MenuEntry[] {
    const [task, batch, job, item] = [tasks.id[row] ?? 0, tasks.batch[row] ?? '', tasks.job[row] ?? '', tasks.item[row] ?? 0];
    if (tasks.notebook[row]) {
        return (['open', 'save'] as const).map((action, at) => ({
            label: action === 'open' ? 'Open its notebook' : 'Save its script back',
            apart: at === 0,
            disabled: !may || tasks.state[row] !== 'running',
            run: () => void rowAction(tasks, action, task).catch(toastError),
        }));
    }
    return [{ label: 'Open in Jupyter', apart: true, disabled: !may, run: () => void openInJupyter(project, batch, job, item).catch(toastError) }];
}

/** Two people, or two notebooks, and one script. */
function Replace() {
    const task = replaced.value;
    const close = () => (replaced.value = 0);
    return (
        <Dialog
            title="Replace the batch's script?"
            onClose={close}
            buttons={
                <>
                    <button type="button" data-focus onClick={close}>
                        No, keep it
                    </button>
                    <button
                        type="button"
                        class="danger"
                        onClick={() => {
                            close();
                            void saveNotebook(task, true).catch(toastError);
                        }}
                    >
                        Replace it
                    </button>
                </>
            }
        >
            <p>The script in the batch was changed since this notebook was opened. Saving puts the notebook's in its place.</p>
        </Dialog>
    );
}

function show(tasks: Tasks, which: typeof tab.value, task: number): void {
    tab.value = which;
    tasks.open.value = task;
}

export function Gridstats({ project, onSubject }: GridstatsProps) {
    const may = mayRunIn(project.id);
    const all = finished.value;
    const tasks = useMemo(() => new Tasks({ project: project.id, finished: all }), []);
    const select = async (item: number) => onSubject(item);
    useEffect(() => () => tasks.close(), []);
    useEffect(() => tasks.narrow({ project: project.id, finished: all }), [project.id, all]);
    useEffect(() => tasks.grid?.show((row) => tasks.shown(row)), [all]);
    return (
        <section class="gridstats" aria-label="Gridstats">
            <Toolbar tasks={tasks} may={may} />
            <div class="table">
                <GridView
                    options={() => ({
                        label: 'Gridstats',
                        leastWidth: LEAST_WIDTH,
                        columns: gridstatsColumns(tasks, {
                            act: (action, task) => void rowAction(tasks, action, task).catch(toastError),
                            showJson: (task) => show(tasks, 'json', task),
                            selectItem: (item) => void select(item).catch(toastError),
                        }),
                        name: (row) => `${tasks.subject[row]} ${tasks.job[row]}`,
                        onSelect: (count) => (tasks.selected.value = count),
                        onOpen: (row) => show(tasks, 'log', tasks.id[row] ?? 0),
                        onFocus: (row) => {
                            if (tasks.open.value !== 0) {
                                tasks.open.value = tasks.id[row] ?? 0;
                            }
                        },
                        onMenu: (row, x, y) => jobMenu(tasks, row, x, y, 'Select its subject in the table', select, notebooks(tasks, row, project.id, may)),
                    })}
                    onMade={(grid) => attach(tasks, grid)}
                />
                <Nothing tasks={tasks} />
            </div>
            <Pane tasks={tasks} />
            <Dialogs tasks={tasks} />
            {replaced.value > 0 && <Replace />}
        </section>
    );
}
