/* #/predictions/RUN/SERIES: what a model made of a series, over the series: looked at, compared, corrected. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { apiUrl, errorText, get, patch, post, sendFile } from '../api';
import { go, link, route, setQuery } from '../router';
import { mayRunIn } from '../state';
import { Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import '../pages/viewer.css';
import '../volume/volume.css';
import { AnnotateCard, type Pen } from './annotate';
import { BoxesCard, LabelsCard, PredictionCard, SeriesCard, ValuesCard, VersionsCard } from './cards';
import { useLeaving } from './leave';
import { fetchAhead, isLarge, loadImage, loadResult, loadVersion, loadVersions, type Annotations, type Overlay } from './load';
import { presetsFor, settingsText, type Label, type SeriesView, type Verdict } from './looks';
import { countLabels, packed, writeMask } from './nifti';
import { Picture, type Image } from './picture';
import './results.css';
import type { Spot, Stage, View } from './stage';

const VIEW_NAMES: [View, string][] = [['all', 'All three'], ['axial', 'Axial'], ['coronal', 'Coronal'], ['sagittal', 'Sagittal']];
const KEYS: [string, string][] = [
    ['N, P', 'next and previous series'], ['1 – 5', 'windows'], ['Arrows, Page up and down', 'move the cursor, go through the slices'], ['O', 'overlay on and off'],
    ['C', 'compare: the other prediction and back'], ['A', 'annotate'], ['B, E', 'brush, erase'], ['+, −', 'size of the brush'], ['D', 'one dab at the cursor'], ['Ctrl Z', 'undo'],
];
const NOTHING: ReadonlySet<number> = new Set();
/** Counting after each stroke must not be felt. */
const COUNT_MOST = 2e7;

/** Facts, image, result and versions of one series. */
function useSeries(run: number, item: number) {
    const [view, setView] = useState<SeriesView | null>(null);
    const [image, setImage] = useState<Image | null>(null);
    const [result, setResult] = useState<Overlay | null>(null);
    const [notes, setNotes] = useState<Annotations>({ rows: [], history: [] });
    const [failed, setFailed] = useState('');
    const stop = useRef(new AbortController());
    useEffect(() => {
        const control = new AbortController();
        stop.current = control;
        const fail = (error: unknown): void => {
            if (!control.signal.aborted) {
                setFailed(errorText(error));
            }
        };
        const keep = <T,>(set: (value: T) => void) => (value: T): void => {
            if (!control.signal.aborted) {
                set(value);
            }
        };
        [setView, setImage, setResult].forEach((set) => set(null));
        setFailed('');
        get<SeriesView>(`predictions/${run}/view/${item}`, undefined, control.signal)
            .then((facts) => {
                performance.mark('results: facts there');
                keep(setView)(facts);
                loadImage(facts, isLarge(facts), control.signal).then(keep(setImage), fail);
                if (facts.done) {
                    loadResult(facts, run, facts.task, isLarge(facts), control.signal).then(keep(setResult), fail);
                }
                loadVersions(item, run).then(keep(setNotes), fail);
            })
            .catch(fail);
        return () => control.abort();
    }, [run, item]);
    const whole = async (): Promise<void> => {
        if (view) {
            const signal = stop.current.signal;
            const [image, overlay] = await Promise.all([loadImage(view, false, signal), view.done ? loadResult(view, run, view.task, false, signal) : null]);
            if (!signal.aborted) {
                setImage(image);
                setResult(overlay);
            }
        }
    };
    const reload = async (): Promise<Annotations> => {
        const now = await loadVersions(item, run);
        setNotes(now);
        return now;
    };
    return { view, image, result, notes, failed, setFailed, whole, reload };
}

/** The other prediction of the same series. */
function useOther(view: SeriesView | null, run: number): Overlay | null {
    const [other, setOther] = useState<Overlay | null>(null);
    useEffect(() => {
        const control = new AbortController();
        setOther(null);
        const found = view?.others.find((one) => one.run === run);
        if (view && found) {
            loadResult(view, run, found.task, false, control.signal).then(
                (overlay) => control.signal.aborted || setOther(overlay),
                (error: unknown) => control.signal.aborted || toast(errorText(error), 'error'),
            );
        }
        return () => control.abort();
    }, [view, run]);
    return other;
}

function Keys({ close }: { close: () => void }) {
    return (
        <Dialog title="Keys" onClose={close}>
            <dl class="keys">
                {KEYS.map(([key, what]) => (
                    <div key={key}>
                        <dt>{key}</dt>
                        <dd>{what}</dd>
                    </div>
                ))}
            </dl>
        </Dialog>
    );
}

function Viewer({ run, item }: { run: number; item: number }) {
    const { view, image, result, notes, failed, setFailed, whole, reload } = useSeries(run, item);
    const query = route.value.query;
    const otherRun = Number(query.get('with')) || 0;
    const other = useOther(view, otherRun);
    const presets = presetsFor(view?.modality ?? 'CT');
    const [window, setWindow] = useState(0);
    const preset = presets[Math.min(window, presets.length - 1)]!;
    const planes = (query.get('view') ?? 'all') as View;
    const [flip, setFlip] = useState<boolean | null>(null);
    const patientLeftOnRight = flip ?? view?.modality === 'CT';
    const [hidden, hide] = useState<ReadonlySet<number>>(NOTHING);
    const [opacity, setOpacity] = useState(0.5);
    const [off, setOff] = useState(false);
    const [beside, setBeside] = useState(false);
    const [swapped, setSwapped] = useState(false);
    const [spot, setSpot] = useState<Spot | null>(null);
    const [keys, setKeys] = useState(false);
    const [chosen, setChosen] = useState(0);
    const [version, setVersion] = useState<Overlay | null>(null);
    const [pen, setPen] = useState<Pen | null>(null);
    const [own, setOwn] = useState<Label[]>([]);
    const [counts, setCounts] = useState<number[] | null>(null);
    const [dirty, setDirty] = useState(false);
    const [saving, setSaving] = useState(false);
    const [, redraw] = useState(0);
    const first = useRef<Stage | null>(null);
    const second = useRef<Stage | null>(null);
    const leaving = useLeaving(dirty);
    const may = view !== null && mayRunIn(view.project);
    const mine = chosen ? version : result;
    const shown = swapped && !beside && other ? other : mine;
    const labels = useMemo(() => {
        const list = [...(shown?.labels ?? []), ...(shown === mine ? own : [])];
        const voxel = list.find((label) => label.voxels > 0);
        const ml = voxel ? voxel.ml / voxel.voxels : 0;
        return counts && shown === mine ? list.map((label) => ({ ...label, voxels: counts[label.value] ?? 0, ml: (counts[label.value] ?? 0) * ml })) : list;
    }, [shown, own, counts, mine]);
    const mask = shown ? shown.mask : undefined;
    const drawable = view?.task === 'segmentation' && may && view.done;

    const clean = (): void => {
        setDirty(false);
        setCounts(null);
        setOwn([]);
    };
    const open = (to: number): void => leaving.ask(() => {
        clean();
        setPen(null);
        go(link('predictions', run, to) + (query.size ? '?' + query.toString() : ''));
    });
    const choose = (id: number): void => leaving.ask(() => {
        clean();
        setSwapped(false);
        setChosen(id);
        setVersion(null);
        if (id) {
            loadVersion(id, new AbortController().signal).then(setVersion, (error: unknown) => setFailed(errorText(error)));
        }
    });
    const judge = async (state: Verdict): Promise<void> => {
        try {
            await (chosen ? patch(`annotations/${chosen}`, { state }) : post('annotations', { item, run, state }));
            await reload();
        } catch (error) {
            toast(errorText(error), 'error');
        }
    };
    const save = async (comment: string): Promise<void> => {
        const stage = first.current;
        const drawn = stage?.drawn();
        if (!stage || !drawn) {
            return;
        }
        setSaving(true);
        try {
            const { upload } = await sendFile<{ upload: string }>('uploads/mask.nii.gz', await packed(writeMask(drawn, stage.affine())));
            const named = labels.map(({ value, name, colour }) => ({ value, name, colour }));
            const saved = await post<{ id: number; version: number }>('annotations', { item, run, comment, upload, labels: named });
            const overlay = await loadVersion(saved.id, new AbortController().signal);
            clean();
            setVersion(overlay);
            setChosen(saved.id);
            await reload();
            toast(`Saved as version ${saved.version}.`);
        } catch (error) {
            toast(errorText(error), 'error');
        } finally {
            setSaving(false);
        }
    };
    const annotate = async (): Promise<void> => {
        if (!drawable || !shown) {
            return;
        }
        if (pen) {
            setPen(null);
            return;
        }
        setSwapped(false);
        if (!first.current?.whole) {
            await whole().catch((error: unknown) => setFailed(errorText(error)));
        }
        const label = labels[0]?.value ?? 1;
        if (labels.length === 0) {
            setOwn([{ value: 1, name: 'label 1', colour: '#4c9be8', voxels: 0, ml: 0 }]);
        }
        setPen({ label, last: label, size: 6 });
    };
    const drew = (): void => {
        const stage = first.current;
        setDirty(stage?.mayUndo ?? false);
        if (stage?.nv.drawBitmap && stage.nv.drawBitmap.length <= COUNT_MOST) {
            setCounts(countLabels(stage.nv.drawBitmap));
        }
        redraw((n) => n + 1);
    };

    useEffect(() => {
        setChosen(0);
        setVersion(null);
        setSwapped(false);
        setSpot(null);
    }, [run, item]);
    // What is drawn while a version is saved would not be in it.
    useEffect(() => first.current?.pen(pen && !saving ? pen.label : null, pen?.size ?? 1), [pen, saving, image, mask]);
    // A large image is shown small at first; what a graphics card draws follows whole by itself.
    useEffect(() => {
        if (view && image && isLarge(view) && first.current && !first.current.software && !first.current.whole) {
            const timer = setTimeout(() => whole().catch((error: unknown) => setFailed(errorText(error))), 300);
            return () => clearTimeout(timer);
        }
        return undefined;
    }, [image]);
    useEffect(() => {
        if (view && image && view.next && isLarge(view)) {
            const timer = setTimeout(() => fetchAhead(view.next), 1000);
            return () => clearTimeout(timer);
        }
        return undefined;
    }, [view, image]);
    useEffect(() => {
        first.current?.lead(beside ? second.current : null);
        second.current?.lead(beside ? first.current : null);
    });

    const onKey = (event: KeyboardEvent): void => {
        const typing = event.target instanceof HTMLElement && event.target.closest('input:not([type=checkbox]):not([type=range]), select, textarea, dialog');
        if (typing || event.altKey || event.metaKey) {
            return;
        }
        if (event.ctrlKey) {
            if (event.key === 'z' && pen) {
                event.preventDefault();
                first.current?.undo();
            }
            return;
        }
        const acts: Record<string, (() => void) | false | undefined> = {
            n: () => view?.next && open(view.next),
            p: () => view?.previous && open(view.previous),
            o: () => setOff(!off),
            c: () => other && setSwapped(!swapped),
            a: () => void annotate(),
            b: pen !== null && (() => setPen({ ...pen, label: pen.last })),
            e: pen !== null && (() => setPen({ ...pen, label: 0 })),
            d: () => !saving && first.current?.dab(),
            '+': pen !== null && (() => setPen({ ...pen, size: Math.min(40, pen.size + 1) })),
            '-': pen !== null && (() => setPen({ ...pen, size: Math.max(1, pen.size - 1) })),
            '?': () => setKeys(true),
        };
        const act = acts[event.key.toLowerCase()];
        const number = Number(event.key);
        if (act) {
            event.preventDefault();
            act();
        } else if (number >= 1 && number <= presets.length) {
            event.preventDefault();
            setWindow(number - 1);
        }
    };
    useEffect(() => {
        addEventListener('keydown', onKey);
        return () => removeEventListener('keydown', onKey);
    });

    const common = { onKey, hidden, opacity: off ? 0 : opacity, preset, view: planes, patientLeftOnRight, onFailed: setFailed };
    const small = view !== null && image !== null && isLarge(view) && !first.current?.whole;
    return (
        <div class="viewer results">
            <div class="viewer-bar">
                <a href={link('predictions', run)}>← Prediction {run}</a>
                <h1>{view ? view.name : 'Results'}</h1>
                <span class="muted">{view?.dataset}</span>
            </div>
            <div class="viewer-stage">
                <div class="viewer-tools">
                    <span class="viewer-segments" role="group" aria-label="View">
                        {VIEW_NAMES.map(([key, word]) => (
                            <button type="button" key={key} aria-pressed={planes === key} onClick={() => setQuery({ view: key === 'all' ? null : key })}>
                                {word}
                            </button>
                        ))}
                    </span>
                    <span class="viewer-segments" role="group" aria-label="Window">
                        {presets.map((one, i) => (
                            <button type="button" key={one.name} aria-pressed={one === preset} title={`${i + 1}`} onClick={() => setWindow(i)}>
                                {one.name}
                            </button>
                        ))}
                    </span>
                    <button type="button" aria-pressed={patientLeftOnRight} onClick={() => setFlip(!patientLeftOnRight)} title="Radiological: the patient's left is on the right">
                        Radiological
                    </button>
                    <button type="button" aria-pressed={!off} title="O" onClick={() => setOff(!off)}>
                        Overlay
                    </button>
                    {view && view.others.length > 0 && (
                        <label class="field">
                            Compare{' '}
                            <select
                                value={String(otherRun)}
                                onChange={(event) => {
                                    setSwapped(false);
                                    setQuery({ with: event.currentTarget.value === '0' ? null : event.currentTarget.value });
                                }}
                            >
                                <option value="0">with nothing</option>
                                {view.others.map((one) => (
                                    <option key={one.run} value={String(one.run)}>
                                        {one.run}: {one.model} {settingsText(one.settings)}
                                    </option>
                                ))}
                            </select>
                        </label>
                    )}
                    {other && (
                        <>
                            <button type="button" aria-pressed={beside} disabled={pen !== null} onClick={() => setBeside(!beside)}>
                                Side by side
                            </button>
                            {!beside && (
                                <button type="button" aria-pressed={swapped} title="C" disabled={pen !== null} onClick={() => setSwapped(!swapped)}>
                                    Show prediction {swapped ? run : otherRun}
                                </button>
                            )}
                        </>
                    )}
                    {small && (
                        <button type="button" title="The image is shown at less than its own resolution" onClick={() => void whole().catch((error: unknown) => setFailed(errorText(error)))}>
                            Full resolution
                        </button>
                    )}
                    {drawable && (
                        <button type="button" class="main" aria-pressed={pen !== null} title="A" onClick={() => void annotate()}>
                            Annotate
                        </button>
                    )}
                    <button type="button" aria-label="Keys" title="?" onClick={() => setKeys(true)}>
                        ?
                    </button>
                </div>
                <div class="results-pictures">
                    <div class="volume-stage">
                        <Picture
                            {...common}
                            title={swapped && !beside ? `Prediction ${otherRun}` : `Prediction ${run}`}
                            image={image}
                            mask={mask}
                            labels={labels}
                            onStage={(stage) => (first.current = stage)}
                            onMove={setSpot}
                            onDraw={drew}
                        />
                        {!image && !failed && (
                            <>
                                {view?.done && <img class="results-preview" src={apiUrl(`predictions/${run}/files/${item}/preview`)} alt="" onLoad={() => performance.mark('results: own picture of the prediction there')} />}
                                <p class="volume-note">Loading…</p>
                            </>
                        )}
                        {failed && (
                            <p class="volume-note" role="alert">
                                {failed}
                            </p>
                        )}
                    </div>
                    {beside && other && (
                        <div class="volume-stage" data-side="2">
                            <Picture {...common} title={`Prediction ${otherRun}`} image={image} mask={other.mask} labels={other.labels} onStage={(stage) => { second.current = stage; redraw((n) => n + 1); }} />
                            <p class="results-caption">Prediction {otherRun}</p>
                        </div>
                    )}
                </div>
            </div>
            <div class="viewer-side">
                {view && <SeriesCard view={view} spot={spot} go={open} />}
                {pen && (
                    <AnnotateCard
                        pen={pen}
                        setPen={setPen}
                        labels={labels}
                        addLabel={(label) => setOwn([...own, label])}
                        mayUndo={first.current?.mayUndo ?? false}
                        undo={() => first.current?.undo()}
                        dirty={dirty}
                        saving={saving}
                        save={(comment) => void save(comment)}
                        stop={() => setPen(null)}
                    />
                )}
                {shown && view?.task !== 'classification' && (
                    <LabelsCard labels={labels} hidden={hidden} hide={hide} opacity={opacity} setOpacity={setOpacity} what={shown === other ? `Labels of prediction ${otherRun}` : chosen ? 'Labels of this version' : 'Labels'} />
                )}
                {view && shown?.values && <ValuesCard values={shown.values} slices={view.slices} at={spot?.slice ?? 0} toSlice={(slice) => first.current?.toSlice(slice)} />}
                {shown?.boxes && <BoxesCard boxes={shown.boxes} toBox={(slice) => first.current?.toSlice(slice)} />}
                {view?.done && (
                    <VersionsCard
                        versions={notes.rows}
                        history={notes.history}
                        model={`${view.model} ${view.version}`}
                        chosen={chosen}
                        choose={choose}
                        judge={(state) => void judge(state)}
                        may={may}
                        hasMask={view.task === 'segmentation'}
                    />
                )}
                {view && <PredictionCard view={view} />}
                <p class="muted">Research use: not a medical device.</p>
            </div>
            {keys && <Keys close={() => setKeys(false)} />}
            {leaving.dialog}
        </div>
    );
}

export function ResultsPage() {
    const [run, item] = route.value.parts.map(Number);
    return <Viewer key={run} run={run!} item={item!} />;
}
