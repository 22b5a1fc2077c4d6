/* The Batch Prediction Table (REQUIREMENTS W2, W5-W7, W9, X24): every prediction, live; sorted, searched, acted on. */
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { go, link } from '../router';
import { mayRunSome, recall, remember } from '../state';
import '../jobs/jobs.css';
import '../tomography/tomography.css';
import { Dialog } from '../ui/dialog';
import { GridView } from '../ui/grid-view';
import { openMenu } from '../ui/menu';
import { toastError } from '../ui/toast';
import { countText, plural } from '../words';
import { cancel, duplicate, FORMATS, retryFailed, save, viewResults } from './acts';
import { predictionColumns, PREDICTIONS_WIDTH } from './columns';
import { hasResults, isLive, type Prediction } from './data';
import { Predictions } from './live';
import './predictions.css';

const tries = signal(recall('gantry.tries') === 'yes');
const cancelling = signal<Prediction[] | null>(null);

const shown = (rows: Predictions) => (row: number) => tries.value || !rows.list[row]?.trial;

function details(one: Prediction): void {
    go(link('predictions', one.id));
}

function view(one: Prediction): void {
    void viewResults(one.id).catch(toastError);
}

function askCancel(list: Prediction[]): void {
    cancelling.value = list;
}

function menu(rows: Predictions, row: number, x: number, y: number): void {
    const one = rows.list[row];
    if (!one) {
        return;
    }
    const list = rows.grid?.selection.has(row) ? rows.picked() : [one];
    const many = list.length > 1 ? ` (${list.length})` : '';
    const viewer = !mayRunSome.value;
    openMenu(x, y, `Prediction ${one.id}`, [
        { label: 'View Results', disabled: !hasResults(one), run: () => view(one) },
        { label: 'Details', run: () => details(one) },
        { label: 'Jobs of it', run: () => go(link('run', one.id)) },
        {
            label: 'Retry failed' + many, apart: true, disabled: viewer || !list.some((it) => it.failed > 0),
            run: () => void retryFailed(list).catch(toastError),
        },
        { label: `Cancel${many}…`, disabled: viewer || !list.some(isLive), run: () => askCancel(list) },
        { label: 'Duplicate with changed settings…', disabled: viewer, run: () => duplicate(one) },
        ...FORMATS.map((format, at) => ({ label: `Export ${format.toUpperCase()}`, apart: at === 0, run: () => save(one.id, format) })),
    ]);
}

function Toolbar({ rows }: { rows: Predictions }) {
    void rows.turn.value;
    const count = rows.selected.value;
    const picked = count > 0 ? rows.picked() : [];
    const [only] = picked;
    const viewer = !mayRunSome.value;
    return (
        <div class="tools" role="toolbar" aria-label="Predictions">
            {!viewer && (
                <a class="button main" href={link('predictions', 'new')}>
                    + New Batch Prediction
                </a>
            )}
            <label class="check">
                <input
                    type="checkbox"
                    checked={tries.value}
                    onChange={(event) => {
                        tries.value = event.currentTarget.checked;
                        remember('gantry.tries', tries.value ? 'yes' : 'no');
                    }}
                />
                Show tries
            </label>
            <span class="grow" />
            <span class="muted nowrap" role="status">
                {count > 0 ? `${countText(count)} selected of ` : ''}
                {rows.loading.value ? 'reading…' : plural(rows.grid?.view.length ?? rows.list.length, 'prediction')}
            </span>
            <button type="button" disabled={viewer || !picked.some((one) => one.failed > 0)} onClick={() => void retryFailed(picked).catch(toastError)}>
                Retry failed
            </button>
            <button type="button" disabled={viewer || picked.length !== 1} onClick={() => only && duplicate(only)}>
                Duplicate…
            </button>
            <button
                type="button"
                disabled={picked.length !== 1}
                onClick={(event) => {
                    const box = event.currentTarget.getBoundingClientRect();
                    openMenu(box.left, box.bottom, 'Export', FORMATS.map((format) => ({ label: format.toUpperCase(), run: () => only && save(only.id, format) })));
                }}
            >
                Export ▾
            </button>
            <button type="button" class="danger" disabled={viewer || !picked.some(isLive)} onClick={() => askCancel(picked)}>
                Cancel…
            </button>
        </div>
    );
}

/** A bare Enter answers No. */
export function CancelDialog({ list, onClose }: { list: Prediction[]; onClose: () => void }) {
    const live = list.filter(isLive);
    const left = live.reduce((sum, one) => sum + one.total - one.finished, 0);
    return (
        <Dialog
            title={`Cancel ${live.length === 1 ? `prediction ${live[0]?.id}` : plural(live.length, 'prediction')}?`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        No, go on
                    </button>
                    <button
                        type="button"
                        class="danger"
                        onClick={() => {
                            onClose();
                            void cancel(live).catch(toastError);
                        }}
                    >
                        Cancel {plural(left, 'series', 'series')}
                    </button>
                </>
            }
        >
            <p>What is finished stays and can be viewed; the rest can be taken up again with a retry.</p>
        </Dialog>
    );
}

function Nothing({ rows }: { rows: Predictions }) {
    void rows.turn.value;
    if (rows.failed.value) {
        return <div class="over failed-text">The predictions could not be read: {rows.failed.value}</div>;
    }
    if ((rows.grid?.view.length ?? 0) > 0) {
        return null;
    }
    if (rows.loading.value) {
        return <div class="over muted">Reading the predictions…</div>;
    }
    return (
        <div class="over">
            <p>{rows.list.some((_one, row) => shown(rows)(row)) ? 'No prediction fits the filters.' : 'No batch predictions yet.'}</p>
            <p class="muted">
                A <a href={link('models')}>model</a> and a <a href={link('datasets')}>data set</a> make one: “+ New Batch Prediction”.
            </p>
        </div>
    );
}

export function PredictionsTable() {
    const rows = useMemo(() => new Predictions(), []);
    useEffect(() => () => rows.close(), []);
    useEffect(() => rows.grid?.show(shown(rows)), [tries.value]);
    return (
        <div class="page">
            <h1 class="hidden-label">Batch Prediction</h1>
            <Toolbar rows={rows} />
            <div class="columns">
                <div class="table">
                    <GridView
                        options={() => ({
                            label: 'Batch Prediction Table',
                            leastWidth: PREDICTIONS_WIDTH,
                            columns: predictionColumns(rows, details, view),
                            name: (row) => `Prediction ${rows.list[row]?.id}: ${rows.list[row]?.state}`,
                            onSelect: (count) => (rows.selected.value = count),
                            onOpen: (row) => {
                                const one = rows.list[row];
                                if (one) {
                                    details(one);
                                }
                            },
                            onMenu: (row, x, y) => menu(rows, row, x, y),
                        })}
                        onMade={(grid) => {
                            const end = rows.attach(grid);
                            grid.show(shown(rows));
                            grid.sortBy('id', false);
                            return end;
                        }}
                    />
                    <Nothing rows={rows} />
                </div>
            </div>
            {cancelling.value && <CancelDialog list={cancelling.value} onClose={() => (cancelling.value = null)} />}
        </div>
    );
}
