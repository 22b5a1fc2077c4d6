/* The columns of the Batch Prediction Table (W5) and of the series of one prediction. */
import { drawBar, makeBar, setText, type Column } from '../grid/column';
import { drawState } from '../groups';
import { secondsText, timeText } from '../words';
import { groupOf, hasResults, micros, valuesText, type Predicted, type Prediction } from './data';
import { order } from './order';
import { valueColumn, type Rows } from './rows';

const EYE = 'M1 8s2.6-4.6 7-4.6S15 8 15 8s-2.6 4.6-7 4.6S1 8 1 8Zm7 2.1a2.1 2.1 0 1 0 0-4.2 2.1 2.1 0 0 0 0 4.2Z';

/** A button with an eye; the keyboard has the same in the menu of the row. */
function makeEye(cell: HTMLElement): void {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'bare eye';
    button.tabIndex = -1;
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 16 16');
    svg.setAttribute('aria-hidden', 'true');
    const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    path.setAttribute('d', EYE);
    svg.append(path);
    button.append(svg);
    cell.append(button);
}

function drawEye(cell: HTMLElement, there: boolean, label: string): void {
    const button = cell.firstElementChild as HTMLButtonElement;
    button.hidden = !there;
    button.title = 'View Results';
    button.setAttribute('aria-label', label);
}

export function timesText(one: Prediction): string {
    const [start, end] = [timeText(micros(one.started) || 0), timeText(micros(one.ended) || 0)];
    return end ? `${start} – ${end}` : start;
}

export function predictionColumns(rows: Rows<Prediction>, open: (one: Prediction) => void, view: (one: Prediction) => void): Column[] {
    const at = (row: number) => rows.list[row];
    return [
        valueColumn(rows, (one) => one.id, {
            key: 'id', title: 'ID', width: '84px', number: true,
            draw: (cell, row) => setText(cell, `${at(row)?.trial ? 'try ' : ''}${at(row)?.id ?? ''}`),
        }),
        valueColumn(rows, (one) => `${one.model} ${one.version ?? ''} / ${one.dataset}`, {
            key: 'what', title: 'Model / Dataset', width: 'minmax(200px, 2fr)', className: 'link', hint: 'Click: its details',
            click: (row) => {
                const one = at(row);
                if (one) {
                    open(one);
                }
            },
        }, (one) => one.id),
        valueColumn(rows, (one) => one.user, { key: 'user', title: 'Started by', width: '110px' }, (one) => one.id),
        valueColumn(rows, (one) => one.progress, {
            key: 'progress', title: 'Progress', width: '150px', className: 'bar', make: makeBar,
            match: (row, typed) => `${at(row)?.progress}%`.includes(typed),
            draw: (cell, row) => drawBar(cell, (at(row)?.progress ?? 0) / 100),
            more: (row) => `${at(row)?.finished ?? 0} of ${at(row)?.total ?? 0} series`,
        }),
        valueColumn(rows, timesText, {
            key: 'times', title: 'Start / End Time', width: 'minmax(150px, 1fr)',
            compare: (a, b) => order(micros(at(a)?.started), micros(at(b)?.started)),
        }),
        valueColumn(rows, (one) => one.state, {
            key: 'state', title: 'Status', width: 'minmax(150px, 1fr)',
            draw: (cell, row) => drawState(cell, groupOf(at(row)?.group ?? ''), at(row)?.state ?? ''),
        }, (one) => one.id),
        {
            key: 'view', title: 'Results', width: '72px', make: makeEye,
            draw: (cell, row) => {
                const one = at(row);
                drawEye(cell, one !== undefined && hasResults(one), `View Results of ${one?.id}`);
            },
            click: (row) => {
                const one = at(row);
                if (one && hasResults(one)) {
                    view(one);
                }
            },
        },
    ];
}

export const PREDICTIONS_WIDTH = 930;

export interface SeriesActions {
    log(one: Predicted): void;
    view(one: Predicted): void;
}

export function predictedColumns(rows: Rows<Predicted>, actions: SeriesActions): Column[] {
    const at = (row: number) => rows.list[row];
    const byPatient = (one: Predicted) => `${one.date ?? ''} ${one.name}`;
    return [
        valueColumn(rows, (one) => one.name, { key: 'name', title: 'Series', width: 'minmax(150px, 2.6fr)' }),
        valueColumn(rows, (one) => one.patient, { key: 'patient', title: 'Patient', width: 'minmax(90px, 0.8fr)' }, byPatient),
        valueColumn(rows, (one) => one.date, { key: 'date', title: 'Date', width: '92px' }, (one) => one.name),
        valueColumn(rows, (one) => one.modality, { key: 'modality', title: 'Modality', width: '80px' }),
        valueColumn(rows, (one) => one.state, {
            key: 'state', title: 'State', width: '114px',
            draw: (cell, row) => drawState(cell, groupOf(at(row)?.group ?? ''), at(row)?.state ?? ''),
        }),
        valueColumn(rows, (one) => one.part, {
            key: 'part', title: 'Progress', width: '88px', className: 'bar', make: makeBar,
            draw: (cell, row) => drawBar(cell, at(row)?.group === 'running' ? (at(row)?.part ?? null) : null),
        }),
        valueColumn(rows, (one) => one.seconds, {
            key: 'seconds', title: 'Took', width: '78px', number: true,
            draw: (cell, row) => {
                const seconds = at(row)?.seconds;
                setText(cell, seconds === null || seconds === undefined ? '' : secondsText(seconds));
            },
        }),
        valueColumn(rows, (one) => valuesText(one.values), { key: 'values', title: 'Values', width: 'minmax(110px, 1.6fr)' }),
        valueColumn(rows, (one) => one.message, { key: 'message', title: 'Message', width: 'minmax(110px, 1.8fr)' }),
        {
            key: 'log', title: 'Log', width: '48px', className: 'link', draw: (cell) => setText(cell, 'log'),
            click: (row) => {
                const one = at(row);
                if (one) {
                    actions.log(one);
                }
            },
        },
        {
            key: 'view', title: 'Result', width: '64px', make: makeEye,
            draw: (cell, row) => drawEye(cell, at(row)?.group === 'done', `View the result of ${at(row)?.name}`),
            click: (row) => {
                const one = at(row);
                if (one?.group === 'done') {
                    actions.view(one);
                }
            },
        },
    ];
}

export const PREDICTED_WIDTH = 1050;
