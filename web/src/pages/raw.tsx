/* Raw viewer: projections and sinograms as they were measured or divided by the white field, which
 * may be shifted; all of the file's metadata beside them. */
import { useComputed, useSignal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { errorText, get } from '../api';
import { WindowPanel } from '../image/histogram';
import { lookKeys, moved, useKeys } from '../image/keys';
import { createLook } from '../image/look';
import { ImagePane } from '../image/pane';
import { rawUrl, type RawPictures } from '../image/pictures';
import { metaCsv, metaFind, metaRows, type MetaNode, type MetaRow } from './metadata';
import { Frame, KeysCard, LOOK_KEYS, neighbours, ProfileCard, Slider, Tools, useAddressNumber, useShown, useSubject, type Subject } from './viewer';

const AHEAD = 4;
const COPY = 1280; // longest side while the slider moves or the scan plays
const PLAY_MS = 100;

type Kind = 'raw' | 'sinogram';

function useMetadata(id: number) {
    const rows = useSignal<MetaRow[] | null>(null);
    const failed = useSignal('');
    useEffect(() => {
        const stop = new AbortController();
        get<{ nodes: MetaNode[] }>(`metadata/${id}`, undefined, stop.signal).then(
            (found) => (rows.value = metaRows(found.nodes)),
            (error: unknown) => {
                if (!stop.signal.aborted) {
                    failed.value = errorText(error);
                }
            },
        );
        return () => stop.abort();
    }, [id]);
    return { rows, failed };
}

function saveCsv(name: string, rows: readonly MetaRow[]): void {
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([metaCsv(rows)], { type: 'text/csv;charset=utf-8' }));
    link.download = name.replace(/^.*\//, '').replace(/\.\w+$/, '') + '_metadata.csv';
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function Metadata({ subject }: { subject: Subject }) {
    const { rows, failed } = useMetadata(subject.id);
    const search = useSignal('');
    const found = useComputed(() => metaFind(rows.value ?? [], search.value));
    if (failed.value) {
        return <p class="empty failed-text">{failed.value}</p>;
    }
    const total = rows.value?.length ?? 0;
    return (
        <section class="viewer-metadata" aria-label="Metadata">
            <div class="viewer-fields">
                <input
                    type="search"
                    placeholder="Search, e.g. energy"
                    aria-label="Search the metadata"
                    value={search.value}
                    onInput={(event) => (search.value = event.currentTarget.value)}
                />
                <span class="muted nowrap" role="status">
                    {found.value.length === total ? `${total} entries` : `${found.value.length} of ${total}`}
                </span>
                <button type="button" disabled={found.value.length === 0} onClick={() => saveCsv(subject.item.value?.name ?? 'scan', found.value)}>
                    Save as CSV
                </button>
            </div>
            <div class="viewer-rows" tabIndex={0} role="region" aria-label="Entries">
                <table>
                    <thead>
                        <tr>
                            <th>Path</th>
                            <th>Value</th>
                            <th>Units</th>
                            <th>Type</th>
                        </tr>
                    </thead>
                    <tbody>
                        {found.value.slice(0, 2000).map((row) => (
                            <tr key={row.path}>
                                <td>{row.path}</td>
                                <td class="value">{row.value}</td>
                                <td>{row.units}</td>
                                <td>{row.type}</td>
                            </tr>
                        ))}
                    </tbody>
                </table>
                {rows.value && found.value.length === 0 && <p class="empty">Nothing has '{search.value}' in it.</p>}
            </div>
        </section>
    );
}

interface Settings {
    kind: Signal<Kind>;
    flat: Signal<boolean>;
    shift: Signal<number>;
    playing: Signal<boolean>;
}

function FlatCard({ raw, settings }: { raw: RawPictures; settings: Settings }) {
    const { kind, flat, shift, playing } = settings;
    const can = raw.flats > 0;
    return (
        <section class="viewer-card" aria-label="Projections">
            <h2>Projections</h2>
            <p class="muted">
                {raw.frames} of {raw.rows} × {raw.columns}, {raw.flats} white, {raw.darks} dark
            </p>
            <div class="viewer-fields">
                <div role="group" aria-label="What is shown" class="viewer-segments">
                    {(['raw', 'sinogram'] as const).map((one) => (
                        <button key={one} type="button" aria-pressed={kind.value === one} onClick={() => (kind.value = one)}>
                            {one === 'raw' ? 'Projection' : 'Sinogram'}
                        </button>
                    ))}
                </div>
                <button type="button" aria-pressed={playing.value} onClick={() => (playing.value = !playing.value)}>
                    {playing.value ? 'Stop' : 'Play'} <kbd>Space</kbd>
                </button>
            </div>
            <label class="check">
                <input type="checkbox" checked={flat.value && can} disabled={!can} onChange={(event) => (flat.value = event.currentTarget.checked)} />
                Divide by the white field <kbd>C</kbd>
            </label>
            {!can && <p class="muted">The file has no white fields.</p>}
            <label class="field">
                Shift of the white field
                <input
                    type="number"
                    class="number"
                    style={{ width: '5em' }}
                    disabled={!flat.value || !can}
                    value={shift.value}
                    onChange={(event) => (shift.value = Math.round(Number(event.currentTarget.value)) || 0)}
                />
                px
            </label>
            {flat.value && can && <p class="muted">← → shift it by a pixel, with Shift by ten; ↑ ↓ change the picture.</p>}
        </section>
    );
}

/** Forward in time while playing, from the start again at the end. */
function usePlay(playing: Signal<boolean>, step: () => void): void {
    useEffect(() => {
        if (!playing.value) {
            return;
        }
        const timer = setInterval(step, PLAY_MS);
        return () => clearInterval(timer);
    }, [playing.value]);
}

const RAW_KEYS: [string, string][] = [
    ['↑ ↓', 'projection or row (Shift: ten)'],
    ['← →', 'the same; with white field: shift it'],
    ['PgUp PgDn', 'a tenth of all'],
    ['Home End', 'first, last'],
    ['C', 'white-field correction'],
    ['S', 'sinogram, projection'],
    ['Space', 'play'],
    ['M', 'metadata'],
    ...LOOK_KEYS,
];

function Looking({ subject, raw }: { subject: Subject; raw: RawPictures }) {
    const id = subject.id;
    const look = useMemo(createLook, []);
    const projection = useAddressNumber('slice');
    const row = useAddressNumber('row');
    const settings: Settings = { kind: useSignal<Kind>('raw'), flat: useSignal(raw.flats > 0), shift: useSignal(0), playing: useSignal(false) };
    const { kind, flat, shift, playing } = settings;
    const metadata = useSignal(false);
    const forward = useSignal(true);
    const last = useComputed(() => (kind.value === 'raw' ? raw.frames : raw.rows) - 1);
    const index = useComputed(() => {
        const chosen = kind.value === 'raw' ? (projection.value ?? 0) : (row.value ?? Math.floor(raw.rows / 2));
        return Math.max(0, Math.min(last.value, chosen));
    });
    const wish = useComputed(() => {
        const shown = { kind: kind.value, flat: flat.value && raw.flats > 0, shift: shift.value };
        const large = Math.max(raw.rows, raw.columns) > COPY;
        const url = (i: number): string => rawUrl(id, i, shown, large ? COPY : undefined);
        return {
            url: url(index.value),
            sharp: large && !playing.value ? rawUrl(id, index.value, shown) : null,
            ahead: neighbours(index.value, 0, last.value, forward.value, AHEAD).map(url),
        };
    });
    const picture = useShown(subject, wish);
    const go = (to: number): void => {
        forward.value = to >= index.peek();
        (kind.peek() === 'raw' ? projection : row).value = to;
    };
    usePlay(playing, () => go(index.peek() >= last.peek() ? 0 : index.peek() + 1));
    useKeys((key) => {
        const across = /^(Shift\+)?Arrow(Left|Right)$/.exec(key);
        if (across && flat.peek() && raw.flats > 0) {
            shift.value += (across[1] ? 10 : 1) * (across[2] === 'Right' ? 1 : -1);
            return true;
        }
        const to = moved(key, index.peek(), 0, last.peek());
        const acts: Record<string, () => void> = {
            c: () => (flat.value = !flat.peek()),
            s: () => (kind.value = kind.peek() === 'raw' ? 'sinogram' : 'raw'),
            ' ': () => (playing.value = !playing.peek()),
            m: () => (metadata.value = !metadata.peek()),
        };
        if (to !== null) {
            go(to);
        } else if (acts[key]) {
            acts[key]();
        } else {
            return lookKeys(look, key);
        }
        return true;
    });
    const what = kind.value === 'raw' ? 'Projection' : 'Row';
    const label = `${kind.value === 'raw' ? 'Projection' : 'Sinogram of row'} ${index.value}${flat.value ? ', white-field corrected' : ''}`;
    const unit = flat.value && raw.flats > 0 ? 'transmission' : 'counts';
    return (
        <Frame
            subject={subject}
            view="raw"
            bar={
                <button type="button" aria-pressed={metadata.value} onClick={() => (metadata.value = !metadata.value)}>
                    Metadata <kbd>M</kbd>
                </button>
            }
            side={
                <>
                    <FlatCard raw={raw} settings={settings} />
                    <WindowPanel look={look} plane={picture.plane} />
                    <ProfileCard look={look} plane={picture.plane} unit={unit} />
                    <KeysCard keys={RAW_KEYS} />
                </>
            }
        >
            {metadata.value ? (
                <Metadata subject={subject} />
            ) : (
                <>
                    <div class="viewer-panes">
                        <ImagePane
                            look={look}
                            plane={picture.plane}
                            label={label}
                            note={picture.note.value || (!picture.plane.value && 'Loading …')}
                            shown={picture.drawn}
                        />
                    </div>
                    <Slider label={what} at={index.value} first={0} last={last.value} set={go} />
                    <Tools look={look} />
                </>
            )}
        </Frame>
    );
}

export function RawPage({ item }: { item: number }) {
    const subject = useSubject(item);
    const raw = subject.pictures.value?.raw;
    if (raw && raw.frames > 0) {
        return <Looking subject={subject} raw={raw} />;
    }
    return (
        <Frame subject={subject} view="raw" side={null}>
            {subject.pictures.value ? (
                <>
                    <p class="failed-text">{raw?.problem ?? 'This file has no projections.'}</p>
                    <Metadata subject={subject} />
                </>
            ) : (
                <p class="empty" aria-busy="true" />
            )}
        </Frame>
    );
}
