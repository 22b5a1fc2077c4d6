/* New Batch Prediction (REQUIREMENTS W3, W14): model, data set, series, settings; what it would do; submit, or try on one. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { errorText, get, post, Problem } from '../api';
import { go, link, route } from '../router';
import { mayRunIn, mayRunSome } from '../state';
import '../tomography/tomography.css';
import { toast } from '../ui/toast';
import { countText, plural } from '../words';
import { useCheck, type Request } from './check';
import { listOf, PREDICTS, type Check, type DataSet, type Model, type ModelDetails, type Predicted, type PredictionDetails, type Series } from './data';
import { SettingFields } from './fields';
import './predictions.css';
import { allOf, Rows } from './rows';
import { SeriesGrid } from './series-grid';
import { fieldsOf, readForm, typedOf, type Typed } from './settings';
import { TryOne } from './try';

interface Lists {
    models: Model[];
    datasets: DataSet[];
    /** What is duplicated, and its series when they were not all of the data set. */
    from: PredictionDetails | null;
    items: number[] | null;
}

async function readLists(from: number): Promise<Lists> {
    const [models, datasets, old] = await Promise.all([
        listOf<Model>('models', 'models'),
        listOf<DataSet>('datasets', 'datasets'),
        from ? get<PredictionDetails>(`predictions/${from}`) : null,
    ]);
    const whole = datasets.find((one) => one.id === old?.dataset_id);
    const part = old !== null && whole !== undefined && old.total < whole.series;
    const items = part ? await allOf<Predicted>(`predictions/${from}/series`, 'task') : null;
    return {
        models: models.filter((one) => !one.archived && !one.problem && PREDICTS.includes(one.task)),
        datasets,
        from: old,
        items: items?.map((one) => one.id) ?? null,
    };
}

/** The card of the chosen model. */
function useCard(model: string): { card: ModelDetails | null; failed: string } {
    const [card, setCard] = useState<ModelDetails | null>(null);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        setCard(null);
        setFailed('');
        if (!model) {
            return;
        }
        let ended = false;
        get<ModelDetails>('models/' + encodeURIComponent(model)).then(
            (answer) => !ended && setCard(answer),
            (error: unknown) => !ended && setFailed(errorText(error)),
        );
        return () => {
            ended = true;
        };
    }, [model]);
    return { card, failed };
}

function Choice({ label, value, problem, children, onChange, hint }: {
    label: string;
    value: string;
    problem: string;
    hint: string;
    children: preact.ComponentChildren;
    onChange: (value: string) => void;
}) {
    const id = label.toLowerCase().replace(/ /g, '-');
    return (
        <fieldset>
            <legend>{label}</legend>
            <select
                id={id}
                aria-label={label}
                required
                value={value}
                aria-invalid={problem !== ''}
                aria-describedby={id + '-said'}
                onChange={(event) => onChange(event.currentTarget.value)}
            >
                {children}
            </select>
            <p id={id + '-said'} class={problem ? 'said failed-text' : 'said muted'} role={problem ? 'alert' : undefined}>
                {problem || hint}
            </p>
        </fieldset>
    );
}

function modelHint(card: ModelDetails | null): string {
    const said = card?.card.description ?? card?.description ?? '';
    return card ? said : 'What shall be run.';
}

interface SelectProps {
    dataset: DataSet | undefined;
    rows: Rows<Series> | null;
    some: boolean;
    setSome: (some: boolean) => void;
    ticked: number[] | null;
    problem: string;
    onTick: () => void;
    onFocus: (row: number) => void;
}

function SelectSeries({ dataset, rows, some, setSome, ticked, problem, onTick, onFocus }: SelectProps) {
    const [byPatient, setByPatient] = useState(false);
    void rows?.turn.value;
    return (
        <fieldset>
            <legend>Select Series</legend>
            <label class="check">
                <input type="radio" name="series" checked={!some} onChange={() => setSome(false)} />
                {dataset ? `All ${plural(dataset.series, 'series', 'series')} of the data set` : 'All series of the data set'}
            </label>
            <label class="check">
                <input type="radio" name="series" checked={some} disabled={!dataset} onChange={() => setSome(true)} />
                Only those that are ticked{some && rows ? ` (${countText(rows.selected.value)})` : ''}
            </label>
            {problem && (
                <p class="said failed-text" role="alert">
                    {problem}
                </p>
            )}
            {some && rows && (
                <>
                    <label class="check">
                        <input type="checkbox" checked={byPatient} onChange={(event) => setByPatient(event.currentTarget.checked)} />
                        Group by patient
                    </label>
                    <div class="table">
                        {rows.loading.value ? (
                            <div class="over muted">Reading the series…</div>
                        ) : (
                            <SeriesGrid
                                rows={rows}
                                byPatient={byPatient}
                                ticked={ticked ?? []}
                                options={{
                                    onSelect: (count) => {
                                        rows.selected.value = count;
                                        onTick();
                                    },
                                    onFocus,
                                }}
                            />
                        )}
                    </div>
                </>
            )}
        </fieldset>
    );
}

interface SubmitProps {
    check: Check | null;
    refused: string;
    busy: boolean;
    complete: boolean;
    onSubmit: (rest: boolean) => void;
}

function Submit({ check, refused, busy, complete, onSubmit }: SubmitProps) {
    const out = check ? check.total - check.fit : 0;
    return (
        <fieldset>
            <legend>Submit</legend>
            <p role="status" class="check-line">
                {check ? check.text : complete && !refused ? 'Looking which series fit…' : ''}
            </p>
            {refused && (
                <p role="alert" class="failed-text">
                    {refused}
                </p>
            )}
            <div class="row">
                <button type="button" class={out > 0 ? '' : 'main'} disabled={busy || out > 0} onClick={() => onSubmit(false)}>
                    {busy ? 'Submitting…' : 'Submit'}
                </button>
                {check && out > 0 && check.fit > 0 && (
                    <button type="button" class="main" disabled={busy} onClick={() => onSubmit(true)}>
                        Submit the rest ({countText(check.fit)})
                    </button>
                )}
            </div>
            {check && check.total > 0 && check.fit === 0 && <p class="failed-text">No series fits this model.</p>}
        </fieldset>
    );
}

/** The series of the chosen data set, read once they are needed. */
function useSeries(dataset: number, needed: boolean): Rows<Series> | null {
    const rows = useMemo(() => (dataset && needed ? new Rows<Series>(`datasets/${dataset}/series`, 'id') : null), [dataset, needed]);
    useEffect(() => {
        void rows?.load();
        return () => rows?.close();
    }, [rows]);
    return rows;
}

/** What a trial takes: the row under the cursor, the first ticked one, else the first of the data set that fits. */
function useTrialSeries(dataset: number, check: Check | null, rows: Rows<Series> | null, focused: number) {
    const [first, setFirst] = useState<Series[]>([]);
    useEffect(() => {
        setFirst([]);
        if (!dataset) {
            return;
        }
        let ended = false;
        get<{ rows: Series[] }>(`datasets/${dataset}/series`, { limit: 1000 }).then((page) => !ended && setFirst(page.rows), () => undefined);
        return () => {
            ended = true;
        };
    }, [dataset]);
    const misfits = new Set(check?.misfits.flatMap((one) => one.items));
    const under = rows?.list[focused];
    return [under, ...(rows?.picked() ?? []), ...first].find((one) => one && !one.problem && !misfits.has(one.id)) ?? null;
}

function useForm(lists: Lists) {
    const query = route.peek().query;
    const { from } = lists;
    const known = <T,>(list: T[], test: (one: T) => boolean, value: string) => (list.some(test) ? value : '');
    const wantedModel = from?.model ?? query.get('model') ?? '';
    const wantedData = String(from?.dataset_id ?? query.get('dataset') ?? '');
    const [model, setModel] = useState(known(lists.models, (one) => one.name === wantedModel, wantedModel));
    const [dataset, setDataset] = useState(known(lists.datasets, (one) => String(one.id) === wantedData, wantedData));
    const [some, setSome] = useState(lists.items !== null);
    const [typed, setTyped] = useState<Typed>({});
    const [tried, setTried] = useState(false);
    const { card, failed } = useCard(model);
    const labels = (card?.card.output?.labels ?? []).filter((label) => label !== 'background');
    const settings = card?.form ?? card?.card.settings;
    const fields = useMemo(() => fieldsOf(settings, labels), [card]);
    useEffect(() => setTyped(typedOf(settings, from && from.model === model ? from.settings : {})), [card]);
    const settled = card !== null && Object.keys(settings ?? {}).every((name) => name in typed);
    return { model, setModel, dataset, setDataset, some, setSome, typed, setTyped, tried, setTried, card, failed, fields, settled };
}

function Form({ lists }: { lists: Lists }) {
    const form = useForm(lists);
    const { model, dataset, some, typed, card, fields, tried } = form;
    const chosen = lists.datasets.find((one) => String(one.id) === dataset);
    const rows = useSeries(Number(dataset), some);
    const [, ticked] = useState(0);
    const [focused, setFocused] = useState(-1);
    const [busy, setBusy] = useState(false);
    const [refused, setRefused] = useState('');
    const read = readForm(fields, typed);
    const items = some ? rows?.picked().map((one) => one.id) : undefined;
    const problems = {
        model: model ? '' : 'Select a model.',
        dataset: dataset ? '' : 'Select a data set.',
        series: some && (items?.length ?? 0) === 0 ? 'Tick at least one series, or take all of them.' : '',
    };
    const complete = form.settled && Object.values(problems).every((line) => line === '') && Object.keys(read.problems).length === 0;
    const request: Request | null = complete ? { dataset: Number(dataset), model, settings: read.values, ...(items ? { items } : {}) } : null;
    const { check, refused: unfit } = useCheck(request);
    const trial = useTrialSeries(Number(dataset), check, rows, focused);
    const may = mayRunIn(chosen?.project_id);

    const submit = async (rest: boolean) => {
        form.setTried(true);
        if (!request) {
            setTimeout(() => document.querySelector<HTMLElement>('.new-prediction [aria-invalid=true]')?.focus());
            return;
        }
        setBusy(true);
        setRefused('');
        try {
            const made = await post<{ run: number; tasks: number }>('predictions', {
                ...request, skip_misfits: rest, ...(lists.from ? { again_of: lists.from.id } : {}),
            });
            toast(`Prediction ${made.run} has ${plural(made.tasks, 'series', 'series')}.`, 'info', { label: 'Details', run: () => go(link('predictions', made.run)) });
            go(link('predictions'));
        } catch (error) {
            setBusy(false);
            setRefused(error instanceof Problem && error.status === 403 ? `Not submitted: ${errorText(error)}` : errorText(error));
        }
    };
    const shown = (line: string) => (tried ? line : '');
    return (
        <div class="new-prediction">
            <div class="left">
                <h1>{lists.from ? `New Batch Prediction, from prediction ${lists.from.id}` : 'New Batch Prediction'}</h1>
                <Choice label="Select Model" value={model} problem={form.failed || shown(problems.model)} hint={modelHint(card)} onChange={form.setModel}>
                    <option value="">Choose a model…</option>
                    {lists.models.map((one) => (
                        <option key={one.name} value={one.name}>
                            {[`${one.name} ${one.version ?? ''}`, one.task, one.modality].filter(Boolean).join(', ')}
                        </option>
                    ))}
                </Choice>
                {card?.card.demonstration && <p class="warned said">A demonstration model: trained on synthetic images, not for patients.</p>}
                <Choice
                    label="Select Dataset"
                    value={dataset}
                    problem={shown(problems.dataset)}
                    hint={chosen?.description || (lists.datasets.length === 0 ? 'None is registered yet: see Data sets.' : 'On which images.')}
                    onChange={form.setDataset}
                >
                    <option value="">Choose a data set…</option>
                    {lists.datasets.map((one) => (
                        <option key={one.id} value={String(one.id)}>
                            {one.name} ({plural(one.series, 'series', 'series')})
                        </option>
                    ))}
                </Choice>
                <fieldset>
                    <legend>Prediction Settings</legend>
                    {card ? (
                        <SettingFields fields={fields} typed={typed} problems={read.problems} onChange={(name, value) => form.setTyped((was) => ({ ...was, [name]: value }))} />
                    ) : (
                        <p class="muted">They come with the model.</p>
                    )}
                </fieldset>
            </div>
            <div class="right">
                <SelectSeries
                    key={dataset}
                    dataset={chosen}
                    rows={rows}
                    some={some}
                    setSome={form.setSome}
                    ticked={dataset === String(lists.from?.dataset_id) ? lists.items : null}
                    problem={shown(problems.series)}
                    onTick={() => ticked((n) => n + 1)}
                    onFocus={setFocused}
                />
                {may ? (
                    <>
                        <Submit check={check} refused={refused || unfit} busy={busy} complete={complete} onSubmit={(rest) => void submit(rest)} />
                        <TryOne request={request} series={trial} disabled={busy} />
                    </>
                ) : (
                    <p class="warned">You may look at this project and not start anything in it.</p>
                )}
            </div>
        </div>
    );
}

export function NewPrediction() {
    const from = Number(route.value.query.get('from') ?? 0);
    const [lists, setLists] = useState<Lists | null>(null);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        readLists(from).then(setLists, (error: unknown) => setFailed(errorText(error)));
    }, [from]);
    if (!mayRunSome.value) {
        return <p class="empty">Viewers look at predictions; an operator starts them.</p>;
    }
    if (!lists) {
        return (
            <p class="empty" aria-busy={!failed}>
                {failed}
            </p>
        );
    }
    return <Form key={from} lists={lists} />;
}
