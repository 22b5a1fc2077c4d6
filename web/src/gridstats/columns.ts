/* The columns of Gridstats (REQUIREMENTS N8), each with a filter field above it. */
import { setText, type Column } from '../grid/column';
import { drawState } from '../groups';
import { numbers, texts } from '../jobs/columns';
import type { Tasks } from '../jobs/tasks';
import { timeText } from '../words';

export type Action = 'err' | 'log' | 'delete' | 'rerun' | 'open' | 'save';

export interface GridstatsActions {
    act(action: Action, task: number): void;
    /** N6: the job as JSON. */
    showJson(task: number): void;
    /** N7: select that subject or study in the table. */
    selectItem(item: number): void;
}

const ACTIONS: { action: Action; hint: string }[] = [
    { action: 'err', hint: 'What it wrote to standard error' },
    { action: 'log', hint: 'All that it printed' },
    { action: 'delete', hint: 'End it, or take it off the list when it has failed' },
    { action: 'rerun', hint: 'Run it again' },
    { action: 'open', hint: 'Open its notebook in a new tab' },
    { action: 'save', hint: "Save the notebook's script back to the batch" },
];

/** The words that grid engines use of a state; what is typed into the filter may be one of them. */
export function queueWord(state: string): string {
    switch (state) {
        case 'running':
        case 'unknown':
            return 'r';
        case 'suspended':
            return 's';
        case 'failed':
            return 'error';
        case 'waiting':
        case 'ready':
            return 'qw';
        case 'held':
            return 'hqw';
        default:
            return '';
    }
}

/** What is meant by a word in the filter field: `r` is not every state that has an r in it. */
const QUEUE_WORDS: Record<string, string[]> = {
    q: ['qw', 'hqw'], qw: ['qw'], hqw: ['hqw'], r: ['r'], s: ['s'], e: ['error'], error: ['error'],
};

/** What a tool belongs to: script.bash is of `script`. */
function moduleOf(tool: string): string {
    return tool.split('.', 1)[0] ?? '';
}

function makeActions(cell: HTMLElement): void {
    for (const { action, hint } of ACTIONS) {
        const button = document.createElement('button');
        button.type = 'button';
        button.className = 'bare';
        button.tabIndex = -1; // the menu of the row has them for the keyboard
        button.dataset.act = action;
        button.textContent = action;
        button.title = hint;
        cell.append(button);
    }
}

function states(tasks: Tasks): Partial<Column> {
    return {
        compare: (a, b) => (tasks.group[a] ?? 0) - (tasks.group[b] ?? 0) || texts(() => tasks.state).compare(a, b),
        match: (row, words) => {
            const state = tasks.state[row] ?? '';
            return QUEUE_WORDS[words]?.includes(queueWord(state)) ?? state.includes(words);
        },
        more: (row) => (tasks.cleared[row] ? 'Cleared: somebody has dealt with it' : queueWord(tasks.state[row] ?? '')),
    };
}

export function gridstatsColumns(tasks: Tasks, actions: GridstatsActions): Column[] {
    const of = (tool: (row: number) => string) => ({
        compare: (a: number, b: number) => (tool(a) < tool(b) ? -1 : tool(a) > tool(b) ? 1 : 0),
        match: (row: number, words: string) => tool(row).toLowerCase().includes(words),
        draw: (cell: HTMLElement, row: number) => setText(cell, tool(row)),
    });
    const time = (list: () => Float64Array) => ({
        compare: numbers(list).compare,
        match: (row: number, words: string) => timeText(list()[row]).toLowerCase().includes(words),
        draw: (cell: HTMLElement, row: number) => setText(cell, timeText(list()[row])),
    });
    return [
        {
            key: 'actions', title: 'Actions', width: '156px', className: 'actions', make: makeActions,
            draw: (cell, row) => cell.classList.toggle('notebook', tasks.notebook[row] === 1 && tasks.state[row] === 'running'),
            click: (row, target) => {
                const action = target.closest<HTMLElement>('[data-act]')?.dataset.act as Action | undefined;
                if (action) {
                    actions.act(action, tasks.id[row] ?? 0);
                }
            },
        },
        {
            key: 'function', title: 'Function', width: 'minmax(104px, 1fr)', className: 'link', hint: 'Click: the job as JSON',
            ...texts(() => tasks.tool), click: (row) => actions.showJson(tasks.id[row] ?? 0),
        },
        {
            key: 'subject', title: 'Subject', width: 'minmax(112px, 1.2fr)', className: 'link', hint: 'Click: select it in the table',
            ...texts(() => tasks.subject), click: (row) => actions.selectItem(tasks.item[row] ?? 0),
        },
        {
            key: 'state', title: 'State', width: '96px', ...states(tasks),
            draw: (cell, row) => drawState(cell, tasks.groupOf(row), tasks.state[row] ?? '', tasks.cleared[row] === 1 ? ' cleared' : ''),
        },
        { key: 'jobname', title: 'Jobname', width: 'minmax(104px, 1.2fr)', ...of((row) => `${tasks.batch[row]}/${tasks.job[row]}`) },
        { key: 'start', title: 'Start', width: '92px', number: true, ...time(() => tasks.started) },
        { key: 'queue', title: 'Queue', width: '68px', ...texts(() => tasks.queue), more: (row) => tasks.place[row] ?? '' },
        { key: 'module', title: 'Module', width: '76px', ...of((row) => moduleOf(tasks.tool[row] ?? '')) },
        { key: 'error', title: 'Error', width: 'minmax(120px, 2fr)', ...texts(() => tasks.message) },
        { key: 'owner', title: 'Owner', width: '68px', ...texts(() => tasks.owner) },
        { key: 'runas', title: 'Runas', width: '68px', ...of(() => tasks.runas) },
        { key: 'jobid', title: 'Jobid', width: '62px', number: true, ...numbers(() => tasks.id), draw: (cell, row) => setText(cell, String(tasks.id[row])) },
        { key: 'lastupdate', title: 'Last update', width: '104px', number: true, ...time(() => tasks.updated) },
    ];
}

export const LEAST_WIDTH = 1320;
