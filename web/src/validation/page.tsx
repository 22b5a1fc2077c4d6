/* One validation (REQUIREMENTS W8): how far it is, then what came out: figures, plots, a row a series with the worst first. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { apiUrl, errorText, get } from '../api';
import { on } from '../live';
import '../predictions/predictions.css';
import { go, link } from '../router';
import { countText, plural, timeText } from '../words';
import {
    figureText, METRIC_NAMES, METRICS, shareText, sorted, type Column, type Figure, type Judged, type Metric, type Outcome, type ValidationState,
} from './data';
import { BoxPlot, Calibration, Confusion, Roc } from './plots';
import './validation.css';

const AGAIN_MS = 300;
const ROWS = 200; // at once; more when asked for

/** How far it is, read anew while its tasks move; and its outcome once there is one. */
function useValidation(run: number) {
    const [state, setState] = useState<ValidationState | null>(null);
    const [outcome, setOutcome] = useState<Outcome | null>(null);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        let timer = 0;
        let ended = false;
        const fail = (error: unknown) => !ended && setFailed(errorText(error));
        const load = () => {
            timer = 0;
            get<ValidationState>(`validations/${run}`).then((now) => {
                if (!ended) {
                    setState(now);
                    setFailed('');
                    if (now.ended) {
                        get<Outcome>(`validations/${run}/result`).then((made) => !ended && setOutcome(made), fail);
                    }
                }
            }, fail);
        };
        const soon = () => {
            timer ||= window.setTimeout(load, AGAIN_MS);
        };
        load();
        const ends = [on('runs', soon), on('reset', soon), on('tasks', (event) => event.rows.some((row) => row[1] === run) && soon())];
        return () => {
            ended = true;
            clearTimeout(timer);
            ends.forEach((end) => end());
        };
    }, [run]);
    return { state, outcome, failed };
}

function Heading({ state, outcome }: { state: ValidationState; outcome: Outcome | null }) {
    return (
        <div class="heading">
            <h1>Validation {state.run}</h1>
            <span>
                of <a href={link('predictions', state.of)}>prediction {state.of}</a>, {state.model} {state.version} on {state.dataset}
            </span>
            <span class={`state ${state.group}`}>{state.state}</span>
            {!outcome && (
                <span class="bar">
                    <progress max={100} value={state.progress} aria-label="Progress" />
                    {state.progress}%
                </span>
            )}
            <span class="grow" />
            {outcome && (
                <>
                    <a class="button main" href={apiUrl(`validations/${state.run}/report.pdf`)} download={`validation-${state.run}.pdf`}>
                        Report (PDF)
                    </a>
                    <a class="button" href={apiUrl(`validations/${state.run}/table.csv`)} download={`validation-${state.run}.csv`}>
                        CSV
                    </a>
                </>
            )}
            <a class="button" href={link('run', state.run)}>
                Jobs
            </a>
        </div>
    );
}

function Tile({ word, value }: { word: string; value: string }) {
    return (
        <div>
            <b>{value}</b>
            <span class="muted">{word}</span>
        </div>
    );
}

function Tiles({ outcome }: { outcome: Outcome }) {
    const { counts } = outcome;
    const one = outcome.per_class?.length === 1 ? outcome.per_class[0] : undefined;
    const first = outcome.summary?.length === 1 ? outcome.summary[0] : undefined;
    return (
        <div class="tiles" role="group" aria-label="Summary">
            <Tile word={`of ${plural(counts.series, 'series', 'series')} compared`} value={countText(counts.compared)} />
            {counts.no_truth > 0 && <Tile word="without a truth" value={countText(counts.no_truth)} />}
            {counts.no_prediction > 0 && <Tile word="without a prediction" value={countText(counts.no_prediction)} />}
            {counts.failed > 0 && <Tile word="not comparable" value={countText(counts.failed)} />}
            {first && <Tile word={`Dice, mean of ${first.name}`} value={figureText(first.dice.mean)} />}
            {first && <Tile word="HD95, median mm" value={figureText(first.hd95.median, 2)} />}
            {one && <Tile word={`AUC of ${one.name}`} value={shareText(one.auc)} />}
            {outcome.accuracy && <Tile word="accuracy" value={shareText(outcome.accuracy)} />}
            {!!outcome.undecided && <Tile word="below every threshold" value={countText(outcome.undecided)} />}
        </div>
    );
}

function MaskSummary({ outcome }: { outcome: Outcome }) {
    const [metric, setMetric] = useState<Metric>('dice');
    return (
        <>
            <table class="plain">
                <thead>
                    <tr>
                        <th scope="col">Label</th>
                        {['Series', 'Dice mean', 'Dice median', 'IoU mean', 'HD95 median, mm', `Surface Dice mean (${outcome.tolerance} mm)`, 'Volume difference mean, ml', 'One mask empty'].map((word) => (
                            <th key={word} scope="col" class="number">
                                {word}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {outcome.summary?.map((label) => (
                        <tr key={label.value}>
                            <th scope="row">{label.name}</th>
                            <td class="number">{label.dice.n}</td>
                            <td class="number">{figureText(label.dice.mean)}</td>
                            <td class="number">{figureText(label.dice.median)}</td>
                            <td class="number">{figureText(label.iou.mean)}</td>
                            <td class="number">{figureText(label.hd95.median, 2)}</td>
                            <td class="number">{figureText(label.surface_dice.mean)}</td>
                            <td class="number">{figureText(label.volume_ml.mean, 2)}</td>
                            <td class="number">{label.hd95.infinite}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
            <div>
                <label>
                    Plot
                    <select value={metric} onChange={(event) => setMetric(event.currentTarget.value as Metric)}>
                        {METRICS.map((one) => (
                            <option key={one} value={one}>
                                {METRIC_NAMES[one]}
                            </option>
                        ))}
                    </select>
                </label>
            </div>
            <div class="plots">
                <BoxPlot outcome={outcome} metric={metric} />
            </div>
        </>
    );
}

function ClassSummaryTable({ outcome }: { outcome: Outcome }) {
    const [shown, setShown] = useState(0);
    const list = outcome.per_class ?? [];
    const one = list[Math.min(shown, list.length - 1)];
    return (
        <>
            <table class="plain">
                <thead>
                    <tr>
                        {['Positive class', 'Series', 'Sensitivity', 'Specificity', 'PPV', 'NPV', 'AUC'].map((word) => (
                            <th key={word} scope="col">
                                {word}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {list.map((entry) => (
                        <tr key={entry.name}>
                            <th scope="row">{entry.name}</th>
                            <td>{entry.n}</td>
                            {(['sensitivity', 'specificity', 'ppv', 'npv'] as const).map((rate) => (
                                <td key={rate}>{shareText(entry.rates[rate])}</td>
                            ))}
                            <td>{shareText(entry.auc)}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
            <p class="muted said">95 % intervals: Wilson; AUC: DeLong.</p>
            {list.length > 1 && (
                <label>
                    Plots of
                    <select value={shown} onChange={(event) => setShown(Number(event.currentTarget.value))}>
                        {list.map((entry, i) => (
                            <option key={entry.name} value={i}>
                                {entry.name}
                            </option>
                        ))}
                    </select>
                </label>
            )}
            <div class="plots">
                {one && <Roc of={one} />}
                {one && <Calibration of={one} />}
                {outcome.classes && outcome.confusion && <Confusion classes={outcome.classes} counts={outcome.confusion} />}
            </div>
        </>
    );
}

interface Shown {
    column: Column;
    title: string;
    text: (row: Judged) => string;
    number?: boolean;
}

function columnsOf(outcome: Outcome): Shown[] {
    const number = (column: Column, title: string, pick: (row: Judged) => Figure, digits = 3): Shown => ({
        column, title, number: true, text: (row) => (row.state === 'compared' ? figureText(pick(row), digits) : ''),
    });
    if (outcome.kind === 'labels') {
        return [
            { column: 'truth', title: 'Truth', text: (row) => row.truth ?? '' },
            { column: 'predicted', title: 'Predicted', text: (row) => row.predicted ?? '' },
            number('true_score', 'Score of the truth', (row) => row.true_score),
        ];
    }
    const labels = outcome.summary ?? [];
    const each = labels.slice(0, 6).flatMap((label) => {
        const of = (row: Judged) => row.labels?.find((one) => one.value === label.value);
        const name = labels.length > 1 ? ` ${label.name}` : '';
        return [
            number(`dice:${label.value}`, `Dice${name}`, (row) => of(row)?.dice),
            number(`hd95:${label.value}`, `HD95${name}`, (row) => of(row)?.hd95, 2),
            ...(labels.length <= 2
                ? [
                      number(`surface_dice:${label.value}`, `Surface Dice${name}`, (row) => of(row)?.surface_dice),
                      number(`volume_ml:${label.value}`, `Volume, ml${name}`, (row) => of(row)?.volume_ml, 2),
                  ]
                : []),
        ];
    });
    return labels.length > 1 ? [number('dice', 'Lowest Dice', (row) => row.dice), ...each] : each;
}

function SeriesTable({ outcome }: { outcome: Outcome }) {
    const [by, setBy] = useState<{ column: Column | null; up: boolean }>({ column: null, up: true });
    const [filter, setFilter] = useState('');
    const [most, setMost] = useState(ROWS);
    const columns = useMemo(() => columnsOf(outcome), [outcome]);
    const rows = useMemo(() => {
        const word = filter.trim().toLowerCase();
        return sorted(outcome.rows, by.column, by.up).filter((row) => !word || `${row.name} ${row.state} ${row.reason}`.toLowerCase().includes(word));
    }, [outcome, by, filter]);
    const open = (row: Judged) => go(link('predictions', outcome.of, row.item));
    const head = (column: Column, title: string, number?: boolean) => (
        <th key={column} scope="col" class={number ? 'number' : ''} aria-sort={by.column === column ? (by.up ? 'ascending' : 'descending') : undefined}>
            <button type="button" class="bare" onClick={() => setBy({ column, up: by.column === column ? !by.up : true })}>
                {title}
                {by.column === column ? (by.up ? ' ▴' : ' ▾') : ''}
            </button>
        </th>
    );
    return (
        <section aria-label="Series">
            <div class="row">
                <h2>Series, the worst first</h2>
                <span class="grow" />
                <input type="search" placeholder="Filter" aria-label="Filter the series" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
            </div>
            <div class="judged">
                <table class="plain">
                    <thead>
                        <tr>
                            {head('name', 'Series')}
                            {columns.map((one) => head(one.column, one.title, one.number))}
                            {head('state', 'State')}
                        </tr>
                    </thead>
                    <tbody>
                        {rows.slice(0, most).map((row) => (
                            <tr key={row.item} class={row.right === false ? 'wrong' : ''} onClick={() => open(row)}>
                                <td>
                                    <a href={link('predictions', outcome.of, row.item)} onClick={(event) => event.stopPropagation()}>
                                        {row.name}
                                    </a>
                                </td>
                                {columns.map((one) => (
                                    <td key={one.column} class={one.number ? 'number' : ''}>
                                        {one.text(row)}
                                    </td>
                                ))}
                                <td>
                                    {row.state === 'compared' ? (row.right === false ? <span class="failed-text">wrong</span> : '') : row.state}
                                    {row.reason && <div class="muted">{row.reason}</div>}
                                    {row.notes?.map((note) => (
                                        <div key={note} class="muted">
                                            {note}
                                        </div>
                                    ))}
                                </td>
                            </tr>
                        ))}
                    </tbody>
                </table>
            </div>
            {rows.length > most && (
                <button type="button" onClick={() => setMost(most + 5 * ROWS)}>
                    {countText(rows.length - most)} more
                </button>
            )}
        </section>
    );
}

export function ValidationPage({ run }: { run: number }) {
    const { state, outcome, failed } = useValidation(run);
    if (!state) {
        return (
            <p class="empty" aria-busy={!failed}>
                {failed}
            </p>
        );
    }
    return (
        <div class="page">
            <Heading state={state} outcome={outcome} />
            <div class="validation">
                <p class="muted said">
                    Truth: <span class="mono">{state.truth}</span>. Begun by {state.user || 'nobody'}, {timeText(state.started)}. Figures of research: not a medical
                    device.
                </p>
                {failed && <p class="failed-text">{failed}</p>}
                {outcome && (
                    <>
                        <Tiles outcome={outcome} />
                        {outcome.kind === 'labels' ? <ClassSummaryTable outcome={outcome} /> : <MaskSummary outcome={outcome} />}
                        <SeriesTable outcome={outcome} />
                    </>
                )}
            </div>
        </div>
    );
}
