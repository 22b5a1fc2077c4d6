/* The cards at the right of the results viewer. */
import { timeText } from '../words';
import { link } from '../router';
import { settingsText, type Boxes, type History, type Label, type SeriesView, type Values, type Verdict, type Version } from './looks';
import type { Spot } from './stage';

const STATES: Record<Verdict, string> = { draft: 'Draft', accepted: 'Accepted', rejected: 'Rejected' };

export function SeriesCard({ view, spot, go }: { view: SeriesView; spot: Spot | null; go: (item: number) => void }) {
    return (
        <section class="viewer-card" aria-label="Series">
            <div class="viewer-head">
                <strong>{view.patient || 'No patient'}</strong>
                <span>{view.date}</span>
            </div>
            <div class="results-steps">
                <button type="button" disabled={!view.previous} title="Previous series (P)" onClick={() => go(view.previous)}>
                    ← Previous
                </button>
                <span class="muted">
                    {view.position} of {view.total}
                </span>
                <button type="button" disabled={!view.next} title="Next series (N)" onClick={() => go(view.next)}>
                    Next →
                </button>
            </div>
            {view.same_patient.length > 1 && (
                <ol class="results-days" aria-label={`Studies of ${view.patient}`}>
                    {view.same_patient.map((day) => (
                        <li key={day.item}>
                            <button type="button" aria-pressed={day.item === view.item} title={day.name} onClick={() => go(day.item)}>
                                {day.date || day.name}
                            </button>
                        </li>
                    ))}
                </ol>
            )}
            <p class="muted results-facts">
                {[view.modality, view.description, `${view.columns} × ${view.rows} × ${view.slices}`].filter(Boolean).join(' · ')}
            </p>
            <p class="results-spot" data-slice={spot?.slice ?? ''}>
                {spot ? `Slice ${spot.slice + 1} of ${view.slices} · value ${Number(spot.value.toPrecision(5))} · ${spot.mm.map((x) => x.toFixed(1)).join(', ')} mm` : '…'}
            </p>
        </section>
    );
}

export function PredictionCard({ view }: { view: SeriesView }) {
    return (
        <section class="viewer-card" aria-label="Prediction">
            <div class="viewer-head">
                <strong>
                    {view.model} {view.version}
                </strong>
                <a href={link('predictions', view.run)}>Run {view.run}</a>
            </div>
            {!view.done && (
                <p class="failed" role="status">
                    {view.state === 'failed' ? `This series failed: ${view.message}` : `This series has no result yet (${view.state}).`}
                </p>
            )}
            <p class="muted results-facts">{settingsText(view.settings)}</p>
        </section>
    );
}

interface LabelsProps {
    labels: readonly Label[];
    hidden: ReadonlySet<number>;
    hide: (hidden: ReadonlySet<number>) => void;
    opacity: number;
    setOpacity: (opacity: number) => void;
    what: string;
}

export function LabelsCard({ labels, hidden, hide, opacity, setOpacity, what }: LabelsProps) {
    const flip = (value: number): void => {
        const next = new Set(hidden);
        next.has(value) ? next.delete(value) : next.add(value);
        hide(next);
    };
    return (
        <section class="viewer-card" aria-label="Labels">
            <div class="viewer-head">
                <strong>{what}</strong>
            </div>
            <ul class="results-labels">
                {labels.map((label) => (
                    <li key={label.value}>
                        <label>
                            <input type="checkbox" checked={!hidden.has(label.value)} onChange={() => flip(label.value)} aria-label={`Show ${label.name}`} />
                            <span class="results-colour" style={{ background: label.colour }} />
                            <span class="results-name">{label.name}</span>
                        </label>
                        <span class="results-ml">{label.voxels ? `${label.ml.toLocaleString('en', { maximumFractionDigits: label.ml < 10 ? 2 : 1 })} ml` : ''}</span>
                    </li>
                ))}
            </ul>
            {labels.length === 0 && <p class="muted">Nothing was found.</p>}
            <label class="results-opacity">
                Opacity
                <input type="range" min="0" max="1" step="0.05" value={opacity} onInput={(event) => setOpacity(Number(event.currentTarget.value))} />
            </label>
        </section>
    );
}

/** Scores as bars; how much each slice weighed as a plot that leads to the slice. */
export function ValuesCard({ values, slices, at, toSlice }: { values: Values; slices: number; at: number; toSlice: (slice: number) => void }) {
    const list = values.attention ?? [];
    const most = Math.max(1e-12, ...list.map((one) => one.weight));
    const top = list.reduce((best, one) => (one.weight > best.weight ? one : best), { slice: 0, weight: -1 });
    const move = (by: number): void => {
        const sorted = list.map((one) => one.slice).sort((a, b) => a - b);
        const next = by > 0 ? sorted.find((slice) => slice > at) : sorted.reverse().find((slice) => slice < at);
        toSlice(next ?? at);
    };
    return (
        <section class="viewer-card" aria-label="Values">
            <div class="viewer-head">
                <strong>{values.label || 'No class over its threshold'}</strong>
            </div>
            <dl class="results-scores">
                {values.labels.map((label, i) => (
                    <div key={label}>
                        <dt>{label}</dt>
                        <dd>
                            <span class="results-bar" style={{ width: `${Math.max(0, Math.min(1, values.scores[i] ?? 0)) * 100}%` }} />
                            <b>{(values.scores[i] ?? 0).toFixed(3)}</b>
                        </dd>
                    </div>
                ))}
            </dl>
            {list.length > 0 && (
                <>
                    <svg
                        class="results-attention"
                        viewBox={`0 0 ${slices} 100`}
                        preserveAspectRatio="none"
                        role="slider"
                        tabIndex={0}
                        aria-label="Attention by slice"
                        aria-valuemin={1}
                        aria-valuemax={slices}
                        aria-valuenow={at + 1}
                        onClick={(event) => {
                            const box = event.currentTarget.getBoundingClientRect();
                            toSlice(Math.max(0, Math.min(slices - 1, Math.floor(((event.clientX - box.left) / box.width) * slices))));
                        }}
                        onKeyDown={(event) => {
                            const by = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
                            if (by) {
                                event.preventDefault();
                                event.stopPropagation();
                                move(by);
                            }
                        }}
                    >
                        {list.map((one) => (
                            <rect key={one.slice} x={one.slice} y={100 - (95 * one.weight) / most} width={Math.max(1, slices / list.length)} height={(95 * one.weight) / most} />
                        ))}
                        <line x1={at + 0.5} x2={at + 0.5} y1="0" y2="100" />
                    </svg>
                    <button type="button" onClick={() => toSlice(top.slice)}>
                        Slice that weighed most: {top.slice + 1}
                    </button>
                </>
            )}
        </section>
    );
}

export function BoxesCard({ boxes, toBox }: { boxes: Boxes; toBox: (slice: number) => void }) {
    return (
        <section class="viewer-card" aria-label="Boxes">
            <ul class="results-labels">
                {boxes.boxes.map((box, i) => (
                    <li key={i}>
                        <button type="button" onClick={() => toBox(Math.floor((box.min[2] + box.max[2] - 1) / 2))}>
                            {box.label || 'box'} {box.score.toFixed(2)}, slices {box.min[2] + 1}–{box.max[2]}
                        </button>
                    </li>
                ))}
            </ul>
        </section>
    );
}

interface VersionsProps {
    versions: readonly Version[];
    history: readonly History[];
    model: string;
    /** id of what is shown; 0 = the prediction. */
    chosen: number;
    choose: (id: number) => void;
    judge: (state: Verdict) => void;
    may: boolean;
    hasMask: boolean;
}

export function VersionsCard({ versions, history, model, chosen, choose, judge, may, hasMask }: VersionsProps) {
    const first = versions.find((one) => one.version === 0);
    const rows = versions.filter((one) => one.version > 0);
    const state = chosen ? (rows.find((one) => one.id === chosen)?.state ?? 'draft') : (first?.state ?? 'draft');
    return (
        <section class="viewer-card" aria-label="Versions">
            <div class="viewer-head">
                <strong>Versions</strong>
                <span class={`results-state ${state}`}>{STATES[state]}</span>
            </div>
            <ul class="results-versions">
                <li>
                    <button type="button" aria-pressed={chosen === 0} onClick={() => choose(0)}>
                        <span>Prediction</span>
                        <span class="muted">{model}</span>
                        <span class={`results-state ${first?.state ?? 'draft'}`}>{STATES[first?.state ?? 'draft']}</span>
                    </button>
                </li>
                {hasMask &&
                    rows.map((one) => (
                        <li key={one.id}>
                            <button type="button" aria-pressed={chosen === one.id} onClick={() => choose(one.id)} title={one.comment}>
                                <span>Version {one.version}</span>
                                <span class="muted">
                                    {one.user || 'unnamed'}, {timeText(one.t_us)}
                                    {one.comment && `: ${one.comment}`}
                                </span>
                                <span class={`results-state ${one.state}`}>{STATES[one.state]}</span>
                            </button>
                        </li>
                    ))}
            </ul>
            {may && (
                <div class="results-steps">
                    <button type="button" aria-pressed={state === 'accepted'} onClick={() => judge(state === 'accepted' ? 'draft' : 'accepted')}>
                        ✓ Accept
                    </button>
                    <button type="button" aria-pressed={state === 'rejected'} onClick={() => judge(state === 'rejected' ? 'draft' : 'rejected')}>
                        ✗ Reject
                    </button>
                </div>
            )}
            {history.length > 0 && (
                <details>
                    <summary>History</summary>
                    <ol class="results-history">
                        {history.map((one, i) => (
                            <li key={i}>
                                {timeText(one.t_us)} {one.data.user || 'unnamed'}: {one.data.version ? `version ${one.data.version}` : 'prediction'} {one.data.state}
                            </li>
                        ))}
                    </ol>
                </details>
            )}
        </section>
    );
}
