/* What is done to jobs, and the panes and dialogs of it: shared by the Jobs page and Gridstats. */
import { signal } from '@preact/signals';
import { post } from '../api';
import type { Grid } from '../grid/vgrid';
import { mayRunSome, recall, remember } from '../state';
import { Dialog } from '../ui/dialog';
import { openMenu, type MenuEntry } from '../ui/menu';
import { toast, toastError } from '../ui/toast';
import { plural } from '../words';
import { Json, Log } from './log';
import { RetryDialog } from './retry-dialog';
import type { Tasks } from './tasks';

/** N3: finished ones too. */
export const finished = signal(recall('gantry.finished') === 'yes');
/** What the pane below the table shows: all that a job printed, its errors only, or the job itself. */
export const tab = signal<'log' | 'err' | 'json'>('log');
export const retryWith = signal<number[] | null>(null);
export const killAll = signal(false);

export type Verb = 'kill' | 'suspend' | 'resume' | 'hold' | 'release' | 'retry' | 'clear';

export const VERBS: { verb: Verb; label: string; hint: string }[] = [
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

export async function act(verb: Verb, ids: number[], set?: Record<string, unknown>): Promise<void> {
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

/** The table is there: it shows the rows of `tasks` until the function that comes back is called. */
export function attach(tasks: Tasks, grid: Grid): () => void {
    tasks.grid = grid;
    grid.setRows(tasks.rows);
    grid.show((row) => tasks.shown(row));
    return () => {
        tasks.grid = null;
    };
}

export function ShowFinished() {
    return (
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
    );
}

export function Pane({ tasks }: { tasks: Tasks }) {
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
                    {(['log', 'err', 'json'] as const).map((word) => (
                        <button key={word} type="button" role="tab" aria-selected={tab.value === word} onClick={() => (tab.value = word)}>
                            {{ log: 'Log', err: 'Errors', json: 'JSON' }[word]}
                        </button>
                    ))}
                </div>
                <span class="grow" />
                <button type="button" class="bare" aria-label="Close the log" onClick={() => (tasks.open.value = 0)}>
                    ✕
                </button>
            </div>
            {tab.value === 'json' ? <Json task={task} /> : <Log key={task} task={task} errors={tab.value === 'err'} />}
        </section>
    );
}

/** What may be done to a row, or to the selection it is in. `select` finds its item in a table, under the name `where`. */
export function jobMenu(tasks: Tasks, row: number, x: number, y: number, where: string, select: (item: number) => Promise<void>, more: MenuEntry[] = []): void {
    const id = tasks.id[row] ?? 0;
    const ids = tasks.grid?.selection.has(row) ? tasks.picked() : [id];
    const item = tasks.item[row] ?? 0;
    const viewer = !mayRunSome.value;
    const show = (which: 'log' | 'err' | 'json') => {
        tab.value = which;
        tasks.open.value = id;
    };
    openMenu(x, y, `Task ${id}`, [
        { label: 'Log', run: () => show('log') },
        { label: 'Its errors', run: () => show('err') },
        { label: 'As JSON', run: () => show('json') },
        { label: where, run: () => void select(item).catch(toastError) },
        ...VERBS.map(({ verb, label }, at) => ({
            label: ids.length > 1 ? `${label} ${ids.length}` : label,
            apart: at === 0,
            disabled: viewer,
            run: () => void act(verb, ids).catch(toastError),
        })),
        { label: 'Retry with…', disabled: viewer, run: () => (retryWith.value = ids) },
        ...more,
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

export function Dialogs({ tasks }: { tasks: Tasks }) {
    return (
        <>
            {retryWith.value && (
                <RetryDialog
                    title={`Retry ${plural(retryWith.value.length, 'job')} with…`}
                    send={(set) => act('retry', retryWith.value ?? [], set)}
                    onClose={() => (retryWith.value = null)}
                />
            )}
            {killAll.value && <KillAll tasks={tasks} />}
        </>
    );
}
