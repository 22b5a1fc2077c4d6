/* The columns of the jobs table (Gridstats, N8), each with a filter field above it. */
import { drawBar, makeBar, setText, type Column } from '../grid/column';
import { drawState } from '../groups';
import { secondsText, timeText } from '../words';
import type { Tasks } from './tasks';

/** What columns of texts and numbers have in common: order, filter, and how a text is drawn. */
export const texts = (list: () => string[]) => ({
    compare: (a: number, b: number) => ((list()[a] ?? '') < (list()[b] ?? '') ? -1 : (list()[a] ?? '') > (list()[b] ?? '') ? 1 : 0),
    match: (row: number, words: string) => (list()[row] ?? '').toLowerCase().includes(words),
    draw: (cell: HTMLElement, row: number) => setText(cell, list()[row] ?? ''),
});
/** Without a number last. */
export const numbers = (list: () => ArrayLike<number>) => ({
    compare: (a: number, b: number) => {
        const left = list()[a] ?? NaN;
        const right = list()[b] ?? NaN;
        return Number(Number.isNaN(left)) - Number(Number.isNaN(right)) || left - right || 0;
    },
    match: (row: number, words: string) => String(list()[row]).includes(words),
});

interface JobActions {
    /** N6: the job as JSON. */
    showJson(id: number): void;
    /** N7: select that scan in the table. */
    selectItem(item: number): void;
    openLog(id: number): void;
}

export function taskColumns(tasks: Tasks, actions: JobActions): Column[] {
    return [
        {
            key: 'id', title: 'Job', width: '72px', number: true, ...numbers(() => tasks.id),
            draw: (cell, row) => setText(cell, String(tasks.id[row])),
        },
        {
            key: 'function', title: 'Function', width: 'minmax(110px, 1fr)', className: 'link', hint: 'Click: the job as JSON',
            ...texts(() => tasks.tool),
            draw: (cell, row) => setText(cell, tasks.job[row] ?? ''),
            more: (row) => tasks.tool[row] ?? '',
            match: (row, words) => `${tasks.job[row]} ${tasks.tool[row]}`.toLowerCase().includes(words),
            click: (row) => actions.showJson(tasks.id[row] ?? 0),
        },
        {
            key: 'item', title: 'Scan', width: 'minmax(150px, 1.6fr)', className: 'link', hint: 'Click: select it in the table',
            ...texts(() => tasks.name),
            click: (row) => actions.selectItem(tasks.item[row] ?? 0),
        },
        {
            key: 'state', title: 'State', width: '108px', ...texts(() => tasks.state),
            compare: (a, b) => (tasks.group[a] ?? 0) - (tasks.group[b] ?? 0),
            draw: (cell, row) => {
                drawState(cell, tasks.groupOf(row), tasks.state[row] ?? '', tasks.cleared[row] === 1 ? ' cleared' : '');
            },
            more: (row) => (tasks.cleared[row] ? 'Cleared: somebody has dealt with it' : ''),
        },
        {
            key: 'progress', title: 'Progress', width: '112px', className: 'bar', make: makeBar,
            compare: numbers(() => tasks.progress).compare,
            draw: (cell, row) => {
                const part = tasks.progress[row] ?? NaN;
                drawBar(cell, tasks.state[row] === 'running' && !Number.isNaN(part) ? part : null);
            },
        },
        { key: 'run', title: 'Run', width: '62px', number: true, ...numbers(() => tasks.run), draw: (cell, row) => setText(cell, String(tasks.run[row])) },
        { key: 'place', title: 'Where', width: '84px', ...texts(() => tasks.place) },
        {
            key: 'started', title: 'Start', width: '96px', number: true, compare: numbers(() => tasks.started).compare,
            draw: (cell, row) => setText(cell, timeText(tasks.started[row])),
        },
        {
            key: 'seconds', title: 'Took', width: '78px', number: true, compare: numbers(() => tasks.seconds).compare,
            draw: (cell, row) => {
                const seconds = tasks.seconds[row] ?? NaN;
                setText(cell, Number.isNaN(seconds) ? '' : secondsText(seconds));
            },
        },
        {
            key: 'attempt', title: 'Try', width: '46px', number: true, hint: 'Number of the newest attempt', compare: numbers(() => tasks.attempt).compare,
            draw: (cell, row) => setText(cell, tasks.attempt[row] ? String(tasks.attempt[row]) : ''),
        },
        { key: 'message', title: 'Message', width: 'minmax(160px, 2.4fr)', ...texts(() => tasks.message) },
        { key: 'owner', title: 'Owner', width: '90px', ...texts(() => tasks.owner) },
        {
            key: 'log', title: 'Log', width: '52px', className: 'link', draw: (cell) => setText(cell, 'log'),
            click: (row) => actions.openLog(tasks.id[row] ?? 0),
        },
    ];
}

export const LEAST_WIDTH = 1250;
