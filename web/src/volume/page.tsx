/* #/volume?files=1,2,3: a study's images one over the other, with tractograms; the first image lies below. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText, get } from '../api';
import { link, route, setQuery } from '../router';
import { findProject, projects } from '../state';
import { finiteNumber } from '../words';
import '../pages/viewer.css';
import { firstLook, idsOf, kindOf, MAPS, placeText, type FileFacts, type Layer } from './layers';
import { hasWebGL, Scene, type Place, type Range, type View } from './scene';
import './volume.css';

const VIEW_NAMES: [View, string][] = [['all', 'All three'], ['axial', 'Axial'], ['coronal', 'Coronal'], ['sagittal', 'Sagittal'], ['solid', '3-D']];
const STEPS: Record<string, [number, number, number]> = {
    ArrowLeft: [-1, 0, 0], ArrowRight: [1, 0, 0], ArrowUp: [0, 1, 0], ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1],
};

interface Shown {
    layer: Layer;
    range: Range | null;
    state: 'loading' | 'shown' | 'failed';
    why: string;
}

type Put = (id: number, change: Partial<Shown>) => void;

/** Facts first, then bytes, one file after the other: images in the address' order, then tractograms. */
async function load(scene: Scene, ids: number[], before: readonly Layer[], stop: AbortSignal, put: Put): Promise<void> {
    const facts = await Promise.allSettled(ids.map((id) => get<FileFacts>(`file/${id}/facts`, undefined, stop)));
    const layers: Layer[] = [];
    facts.forEach((one, i) => {
        const failed = one.status === 'rejected' ? errorText(one.reason) : kindOf(one.value.name) ? '' : 'is neither NIfTI nor a tractogram';
        const file = one.status === 'fulfilled' ? one.value : { id: ids[i]!, project: 0, study: 0, psid: '', path: '', name: `file ${ids[i]}`, size: 0, tags: '/' };
        const layer = firstLook(file, [...before, ...layers]);
        put(file.id, { layer, state: failed ? 'failed' : 'loading', why: failed });
        if (!failed) {
            layers.push(layer);
        }
    });
    for (const layer of [...layers.filter((l) => l.kind === 'image'), ...layers.filter((l) => l.kind === 'tracts')]) {
        if (stop.aborted) {
            return;
        }
        try {
            const range = await scene.add(layer, stop);
            if (!stop.aborted) {
                put(layer.file.id, { range, state: 'shown' });
            }
        } catch (error) {
            put(layer.file.id, { state: 'failed', why: errorText(error) });
        }
    }
}

function NumberBox({ label, value, set }: { label: string; value: number; set: (value: number) => void }) {
    return (
        <label class="field">
            {label}{' '}
            <input
                type="text"
                inputMode="decimal"
                value={String(Number(value.toPrecision(5)))}
                onChange={(event) => {
                    const given = finiteNumber(event.currentTarget.value);
                    if (given !== null) {
                        set(given);
                    } else {
                        event.currentTarget.value = String(value);
                    }
                }}
            />
        </label>
    );
}

function LayerCard({ shown, change, remove }: { shown: Shown; change: (layer: Layer) => void; remove: () => void }) {
    const { layer, range } = shown;
    const name = layer.file.name;
    const set = (part: Partial<Layer>): void => change({ ...layer, ...part });
    return (
        <section class="volume-layer" aria-label={name}>
            <input type="checkbox" checked={layer.visible} aria-label={`Show ${name}`} onChange={(event) => set({ visible: event.currentTarget.checked })} />
            <strong title={`${layer.file.psid}  ${layer.file.path}`}>{name}</strong>
            <button type="button" onClick={remove} aria-label={`Close ${name}`}>
                ×
            </button>
            {shown.state === 'failed' && <span class="failed">{shown.why}</span>}
            {shown.state === 'loading' && <span class="volume-row">loading…</span>}
            {shown.state === 'shown' && (
                <label class="volume-row">
                    Opacity
                    <input type="range" min="0" max="1" step="0.05" value={layer.opacity} onInput={(event) => set({ opacity: Number(event.currentTarget.value) })} />
                </label>
            )}
            {shown.state === 'shown' && range && (
                <>
                    <span class="volume-row">
                        <NumberBox label="From" value={layer.low ?? range.low} set={(low) => set({ low })} />
                        <NumberBox label="to" value={layer.high ?? range.high} set={(high) => set({ high })} />
                    </span>
                    <span class="volume-row">
                        <select aria-label={`Colours of ${name}`} value={layer.map} onChange={(event) => set({ map: event.currentTarget.value })}>
                            {MAPS.map(([map, word]) => (
                                <option key={map} value={map}>
                                    {word}
                                </option>
                            ))}
                        </select>
                        {range.frames > 1 && (
                            <label class="field">
                                Volume{' '}
                                <input type="number" min="0" max={range.frames - 1} value={layer.frame} onInput={(event) => set({ frame: Number(event.currentTarget.value) || 0 })} />
                            </label>
                        )}
                    </span>
                </>
            )}
        </section>
    );
}

function PlaceCard({ place, move }: { place: Place | null; move: (mm: [number, number, number]) => void }) {
    const [text, setText] = useState<string | null>(null);
    const now = place ? placeText(place.mm) : '';
    return (
        <div class="viewer-card">
            <label class="volume-at">
                Place, mm (right, front, up)
                <input
                    type="text"
                    value={text ?? now}
                    onInput={(event) => setText(event.currentTarget.value)}
                    onBlur={() => setText(null)}
                    onKeyDown={(event) => {
                        const mm = event.currentTarget.value.split(/[\s,;]+/).map(Number);
                        if (event.key === 'Enter' && mm.length === 3 && mm.every(Number.isFinite)) {
                            move([mm[0]!, mm[1]!, mm[2]!]);
                            setText(null);
                        }
                    }}
                />
            </label>
            <dl class="volume-place">
                {(place?.values ?? []).map((one, i) => (
                    <>
                        <dt key={`t${i}`}>{one.name}</dt>
                        <dd key={`d${i}`}>{Number(one.value.toPrecision(6))}</dd>
                    </>
                ))}
            </dl>
        </div>
    );
}

/** Canvas, scene and layers of the files that the address names. What stays in the address stays on the screen. */
function useScene(ids: string) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const [scene, setScene] = useState<Scene | null>(null);
    const [rows, setRows] = useState<Shown[]>([]);
    const [place, setPlace] = useState<Place | null>(null);
    const [failed, setFailed] = useState('');
    const now = useRef<Shown[]>([]);
    const keep = (rows: Shown[]): void => {
        now.current = rows;
        setRows(rows);
    };
    useEffect(() => {
        let gone = false;
        let made: Scene | null = null;
        if (!hasWebGL()) {
            setFailed('This browser has no WebGL 2, which the volume viewer draws with.');
        } else if (canvas.current) {
            Scene.open(canvas.current, setPlace).then(
                (opened) => {
                    made = opened;
                    gone ? opened.close() : setScene(opened);
                },
                (error: unknown) => setFailed(errorText(error)),
            );
        }
        return () => {
            gone = true;
            made?.close();
        };
    }, []);
    useEffect(() => {
        if (!scene) {
            return;
        }
        const stop = new AbortController();
        const wanted = idsOf(ids);
        for (const row of now.current.filter((one) => one.state === 'shown' && !wanted.includes(one.layer.file.id))) {
            scene.remove(row.layer.file.id);
        }
        keep(now.current.filter((one) => one.state === 'shown' && wanted.includes(one.layer.file.id)));
        const missing = wanted.filter((id) => !now.current.some((one) => one.layer.file.id === id));
        const put: Put = (id, change) => {
            const there = now.current.some((one) => one.layer.file.id === id);
            if (!stop.signal.aborted && there) {
                keep(now.current.map((one) => (one.layer.file.id === id ? { ...one, ...change } : one)));
            } else if (!stop.signal.aborted && change.layer) {
                keep([...now.current, { layer: change.layer, range: null, state: 'loading', why: '', ...change }]);
            }
        };
        load(scene, missing, now.current.map((one) => one.layer), stop.signal, put).catch((error: unknown) => setFailed(errorText(error)));
        return () => stop.abort();
    }, [scene, ids]);
    const change = (layer: Layer): void => {
        keep(now.current.map((row) => (row.layer.file.id === layer.file.id ? { ...row, layer } : row)));
        scene?.change(layer);
    };
    return { canvas, scene, rows, place, failed, change };
}

function Bar({ first }: { first: FileFacts | undefined }) {
    const here = first ? projects.value?.find((one) => one.id === first.project) : undefined;
    return (
        <div class="viewer-bar">
            {here && findProject(here.name) && <a href={link('p', here.name, 'cohorts')}>← Cohorts</a>}
            <h1>{first ? first.psid : 'Volume viewer'}</h1>
        </div>
    );
}

export function VolumePage() {
    const ids = route.value.query.get('files') ?? '';
    const { canvas, scene, rows, place, failed, change } = useScene(ids);
    const view = (route.value.query.get('view') ?? 'all') as View;
    const [look, setLook] = useState({ patientLeft: false, crosshair: true, smooth: true });
    const ready = rows.some((row) => row.state === 'shown');
    useEffect(() => scene?.view(view), [view, ready]);
    useEffect(() => scene?.options(look), [look, ready]);
    if (!idsOf(ids).length) {
        return <p class="empty">Nothing to show: open a NIfTI file or a tractogram from the files of a study.</p>;
    }
    const toggle = (key: keyof typeof look, word: string) => (
        <button type="button" aria-pressed={look[key]} onClick={() => setLook({ ...look, [key]: !look[key] })}>
            {word}
        </button>
    );
    return (
        <div class="viewer volume">
            <Bar first={rows.find((row) => row.layer.file.psid)?.layer.file} />
            <div class="viewer-stage">
                <div class="viewer-tools">
                    <span class="viewer-segments" role="group" aria-label="View">
                        {VIEW_NAMES.map(([key, word]) => (
                            <button type="button" key={key} aria-pressed={view === key} onClick={() => setQuery({ view: key === 'all' ? null : key })}>
                                {word}
                            </button>
                        ))}
                    </span>
                    {toggle('patientLeft', "Patient's left on the right")}
                    {toggle('crosshair', 'Crosshair')}
                    {toggle('smooth', 'Smooth')}
                </div>
                <div class="volume-stage">
                    <canvas
                        ref={canvas}
                        tabIndex={0}
                        aria-label="Slices; arrow keys move the crosshair, Page up and Page down go through the slices"
                        data-shown={rows.filter((row) => row.state === 'shown').length}
                        onKeyDown={(event) => {
                            const step = STEPS[event.key];
                            if (step) {
                                event.preventDefault();
                                scene?.step(...step);
                            }
                        }}
                    />
                    {failed && <p class="volume-note" role="alert">{failed}</p>}
                </div>
            </div>
            <div class="viewer-side">
                <div class="viewer-card">
                    {rows.map((row) => (
                        <LayerCard
                            key={row.layer.file.id}
                            shown={row}
                            change={change}
                            remove={() => setQuery({ files: idsOf(ids).filter((id) => id !== row.layer.file.id).join(',') })}
                        />
                    ))}
                </div>
                <PlaceCard place={place} move={(mm) => scene?.moveTo(mm)} />
                <p class="muted">Research use: not a medical device.</p>
            </div>
        </div>
    );
}
