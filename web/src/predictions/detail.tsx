/* One prediction (REQUIREMENTS W8, W11-W13): who, when, with what; its series with their states, values and logs; what was
 * validated on it. */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { errorText, get } from '../api';
import { Json, Log } from '../jobs/log';
import '../jobs/jobs.css';
import { on } from '../live';
import { go, link } from '../router';
import { mayRunIn } from '../state';
import '../tomography/tomography.css';
import { GridView } from '../ui/grid-view';
import { openMenu } from '../ui/menu';
import { toastError } from '../ui/toast';
import { countText, plural, secondsText, timeText } from '../words';
import { duplicate, exportUrl, FORMATS, retryFailed, viewResults } from './acts';
import { predictedColumns, PREDICTED_WIDTH } from './columns';
import { groupOf, hasResults, isLive, listOf, micros, seriesState, type ModelDetails, type Predicted, type PredictionDetails, type Validation } from './data';
import './predictions.css';
import { Rows } from './rows';
import { groupTint, patientTints } from './patients';
import { CancelDialog } from './table';
import { ValidateDialog } from './validate-dialog';

type Tab = 'log' | 'err' | 'json';

const AGAIN_MS = 400;
const byPatient = signal(false);
const asked = signal<'cancel' | 'validate' | null>(null);

/** A prediction's facts, read anew while events of its run come. */
function useFacts(run: number) {
    const [facts, setFacts] = useState<PredictionDetails | null>(null);
    const [validations, setValidations] = useState<Validation[]>([]);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        let timer = 0;
        let ended = false;
        const load = () => {
            timer = 0;
            get<PredictionDetails>(`predictions/${run}`).then(
                (answer) => {
                    if (!ended) {
                        setFacts(answer);
                        setFailed('');
                    }
                },
                (error: unknown) => !ended && setFailed(errorText(error)),
            );
            listOf<Validation>('validations', 'validations', { run }).then((list) => !ended && setValidations(list), () => undefined);
        };
        const soon = () => {
            timer ||= window.setTimeout(load, AGAIN_MS);
        };
        load();
        const ends = [
            on('runs', soon), // its own, and those of its validations
            on('reset', soon),
            on('tasks', (event) => event.rows.some((row) => row[1] === run) && soon()),
        ];
        return () => {
            ended = true;
            clearTimeout(timer);
            ends.forEach((end) => end());
        };
    }, [run]);
    return { facts, validations, failed };
}

/** Its series: states come with the events, values when the list is read anew. */
class PredictedRows extends Rows<Predicted> {
    readonly open = signal(0);
    private readonly ends: (() => void)[];

    constructor(run: number) {
        super(`predictions/${run}/series`, 'task');
        this.ends = [
            on('tasks', (event) => {
                const rows: number[] = [];
                for (const [task, of, item, , state, progress, , message] of event.rows) {
                    const row = of === run ? this.rowOf(item) : -1;
                    const one = this.list[row];
                    if (one) {
                        Object.assign(one, seriesState(state), { task, part: progress, message });
                        rows.push(row);
                    } else if (of === run) {
                        this.loadSoon();
                    }
                }
                this.touch(rows);
                if (rows.some((row) => this.list[row]?.group !== 'running')) {
                    this.loadSoon(); // its values and how long it took
                }
            }),
            on('reset', () => void this.load()),
        ];
        void this.load();
    }

    override close(): void {
        super.close();
        this.ends.forEach((end) => end());
    }
}

function LogPane({ rows }: { rows: PredictedRows }) {
    void rows.turn.value;
    const [tab, setTab] = useState<Tab>('log');
    const one = rows.list[rows.rowOf(rows.open.value)];
    if (!one) {
        return null;
    }
    return (
        <section class="log-pane" aria-label="Log">
            <div class="row">
                <h2>
                    Task {one.task} <span class="muted">{one.name}</span>
                </h2>
                <div class="tabs" role="tablist">
                    {(['log', 'err', 'json'] as const).map((word) => (
                        <button key={word} type="button" role="tab" aria-selected={tab === word} onClick={() => setTab(word)}>
                            {{ log: 'Log', err: 'Errors', json: 'JSON' }[word]}
                        </button>
                    ))}
                </div>
                <span class="grow" />
                <button type="button" class="bare" aria-label="Close the log" onClick={() => (rows.open.value = 0)}>
                    ✕
                </button>
            </div>
            {tab === 'json' ? <Json task={one.task} /> : <Log key={one.task} task={one.task} errors={tab === 'err'} />}
        </section>
    );
}

/** Glyph, word and colour, outside a table. */
function State({ one }: { one: PredictionDetails }) {
    return (
        <span class={'state ' + groupOf(one.group)} role="status">
            {one.state}
        </span>
    );
}

function Heading({ one, may }: { one: PredictionDetails; may: boolean }) {
    return (
        <>
            <div class="heading">
                <h1>
                    Prediction {one.id}: {one.model} {one.version} on {one.dataset}
                </h1>
                <State one={one} />
                <progress max={100} value={one.progress} aria-label="Progress" />
                <span class="number">
                    {one.progress}% · {countText(one.finished)} of {plural(one.total, 'series', 'series')}
                </span>
            </div>
            <div class="tools" role="toolbar" aria-label="Prediction">
                <button type="button" class="main" disabled={!hasResults(one)} onClick={() => void viewResults(one.id).catch(toastError)}>
                    View Results
                </button>
                <button type="button" disabled={!may || one.failed === 0} onClick={() => void retryFailed([one]).catch(toastError)}>
                    Retry failed
                </button>
                <button type="button" disabled={!may} onClick={() => duplicate(one)}>
                    Duplicate…
                </button>
                <button type="button" disabled={!may || !hasResults(one)} onClick={() => (asked.value = 'validate')}>
                    Validate…
                </button>
                <button type="button" class="danger" disabled={!may || !isLive(one)} onClick={() => (asked.value = 'cancel')}>
                    Cancel…
                </button>
                <span class="divider" />
                Export
                {FORMATS.map((format) => (
                    <a key={format} href={exportUrl(one.id, format)} download={`prediction-${one.id}.${format}`}>
                        {format.toUpperCase()}
                    </a>
                ))}
                <span class="grow" />
                <label class="check">
                    <input type="checkbox" checked={byPatient.value} onChange={(event) => (byPatient.value = event.currentTarget.checked)} />
                    Group by patient
                </label>
            </div>
        </>
    );
}

function valueText(value: unknown): string {
    return Array.isArray(value) ? value.join(', ') : typeof value === 'string' ? value : JSON.stringify(value);
}

/** The model's card as it is now; null: it is gone. */
function useModel(name: string): ModelDetails['card'] | null {
    const [card, setCard] = useState<ModelDetails['card'] | null>(null);
    useEffect(() => {
        get<ModelDetails>('models/' + encodeURIComponent(name)).then((answer) => setCard(answer.card), () => setCard(null));
    }, [name]);
    return card;
}

function Facts({ one, validations }: { one: PredictionDetails; validations: Validation[] }) {
    const model = useModel(one.model);
    const [start, end] = [micros(one.started), micros(one.ended)];
    return (
        <aside class="side" aria-label="Details">
            {model?.demonstration && <p class="warned">A demonstration model: not for patients.</p>}
            <dl class="facts">
                <dt>Model</dt>
                <dd>
                    <a href={link('models', one.model)}>{one.model}</a> {one.version}
                </dd>
                <dt>Checksum</dt>
                <dd class="mono">{one.checksum || 'none'}</dd>
                <dt>Data set</dt>
                <dd>
                    <a href={link('datasets', one.dataset_id)}>{one.dataset}</a>
                </dd>
                <dt>Task</dt>
                <dd>{one.task}</dd>
                <dt>Started by</dt>
                <dd>{one.user}</dd>
                <dt>Start</dt>
                <dd>{timeText(start || 0)}</dd>
                <dt>End</dt>
                <dd>{end ? `${timeText(end)} (${secondsText((end - start) / 1e6)})` : 'not yet'}</dd>
                {one.seconds_mean ? (
                    <>
                        <dt>A series took</dt>
                        <dd>
                            {secondsText(one.seconds_mean)} on average, {secondsText(one.seconds_longest ?? one.seconds_mean)} at most
                        </dd>
                    </>
                ) : null}
                <dt>Folder</dt>
                <dd class="mono">{one.folder}</dd>
                {one.again_of ? (
                    <>
                        <dt>Duplicate of</dt>
                        <dd>
                            <a href={link('predictions', one.again_of)}>Prediction {one.again_of}</a>
                        </dd>
                    </>
                ) : null}
                <dt>Jobs</dt>
                <dd>
                    <a href={link('run', one.id)}>Run {one.id}</a>
                </dd>
            </dl>
            <h2>Settings</h2>
            <table class="plain">
                <tbody>
                    {Object.entries(one.settings ?? {}).map(([name, value]) => (
                        <tr key={name}>
                            <th scope="row">{name}</th>
                            <td>{valueText(value)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
            <h2>Validations</h2>
            {validations.length === 0 && <p class="muted">None yet.</p>}
            <ul class="names">
                {validations.map((check) => (
                    <li key={check.run}>
                        <a href={link('validations', check.run)}>Validation {check.run}</a> {check.state} <span class="muted">{check.truth}</span>
                    </li>
                ))}
            </ul>
        </aside>
    );
}

function SeriesTable({ rows, run }: { rows: PredictedRows; run: number }) {
    const view = (one: Predicted) => go(link('predictions', run, one.id));
    const log = (one: Predicted) => {
        rows.open.value = one.id;
    };
    const tints = useMemo(() => patientTints(rows), []);
    useEffect(() => {
        rows.grid?.sortBy(byPatient.value ? 'patient' : 'name', true);
    }, [byPatient.value]);
    return (
        <GridView
            options={() => ({
                label: 'Series',
                leastWidth: PREDICTED_WIDTH,
                columns: predictedColumns(rows, { log, view }),
                name: (row) => `${rows.list[row]?.name}: ${rows.list[row]?.state}`,
                tint: (row) => (byPatient.value ? groupTint(tints, row) : -1),
                onSelect: (count) => (rows.selected.value = count),
                onOpen: (row) => {
                    const one = rows.list[row];
                    if (one) {
                        (one.group === 'done' ? view : log)(one);
                    }
                },
                onMenu: (row, x, y) => {
                    const one = rows.list[row];
                    if (one) {
                        openMenu(x, y, one.name, [
                            { label: 'View its result', disabled: one.group !== 'done', run: () => view(one) },
                            { label: 'Log', run: () => log(one) },
                        ]);
                    }
                },
            })}
            onMade={(grid) => {
                const end = rows.attach(grid);
                grid.sortBy(byPatient.value ? 'patient' : 'name', true);
                return end;
            }}
        />
    );
}

export function PredictionDetail({ run }: { run: number }) {
    const { facts, validations, failed } = useFacts(run);
    const rows = useMemo(() => new PredictedRows(run), []);
    useEffect(() => () => rows.close(), []);
    if (!facts) {
        return (
            <p class="empty" aria-busy={!failed}>
                {failed}
            </p>
        );
    }
    const close = () => (asked.value = null);
    return (
        <div class="page">
            <Heading one={facts} may={mayRunIn(facts.project)} />
            <div class="columns">
                <div class="table">
                    <SeriesTable rows={rows} run={run} />
                    {rows.failed.value && <div class="over failed-text">The series could not be read: {rows.failed.value}</div>}
                </div>
                <Facts one={facts} validations={validations} />
            </div>
            <LogPane rows={rows} />
            {asked.value === 'cancel' && <CancelDialog list={[facts]} onClose={close} />}
            {asked.value === 'validate' && <ValidateDialog run={run} task={facts.task} onClose={close} />}
        </div>
    );
}
