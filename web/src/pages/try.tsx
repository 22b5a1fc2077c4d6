/* Try viewer: one slice at many centres. The image changes as the slider moves: small copies of the
 * neighbours are fetched ahead, the whole picture replaces the copy at rest. */
import { useComputed, useSignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { get, patch } from '../api';
import { WindowPanel } from '../image/histogram';
import { lookKeys, moved, useKeys } from '../image/keys';
import { autoWindow, createLook, type Look } from '../image/look';
import { ImagePane } from '../image/pane';
import { centreText, tryThumb, tryUrl, type Item, type TryPictures } from '../image/pictures';
import { Plot } from '../image/plot';
import { link } from '../router';
import { mayRunIn, projects } from '../state';
import { toast, toastError } from '../ui/toast';
import { nearestCentre } from './review-order';
import { Frame, KeysCard, LOOK_KEYS, neighbours, ProfileCard, Slider, Tools, useAddressNumber, useShown, useSubject, type Subject } from './viewer';

const COPY = 1024; // longest side of the copies shown while the slider moves
const THUMB = 256;

interface Undo {
    id: number;
    cor: number | null;
    cor_source: string | null;
}

/** Write one centre to some items; a message offers to undo it. */
async function useCentre(subject: Subject, ids: number[], cor: number, what: string): Promise<void> {
    const project = subject.item.peek()!.project;
    try {
        const done = await patch<{ undo?: Undo[] }>('items', { project, items: ids, set: { cor } });
        await subject.load();
        const undo = async (): Promise<void> => {
            await patch('items', { project, rows: done.undo });
            await subject.load();
        };
        const action = done.undo?.length ? { label: 'Undo', run: () => void undo().catch(toastError) } : undefined;
        toast(`${what}: centre ${centreText(cor)}`, 'info', action);
    } catch (error) {
        toastError(error);
    }
}

/** Scans of the same series, this one included. */
async function seriesOf(item: Item): Promise<number[]> {
    const query = { project: item.project, series: item.series, shape: 'columns', limit: 20000 };
    const page = await get<{ columns: { id: number[]; series: string[] } }>('items', query);
    return page.columns.id.filter((_, i) => page.columns.series[i] === item.series);
}

function UsePanel({ subject, centre }: { subject: Subject; centre: number }) {
    const item = subject.item.value;
    const series = useSignal<number[]>([]);
    useEffect(() => {
        if (item) {
            seriesOf(item).then((ids) => (series.value = ids), toastError);
        }
    }, [item?.series, item?.project]);
    if (!item) {
        return null;
    }
    const may = mayRunIn(item.project);
    const said = item.cor === null ? 'The scan has no centre yet.' : `The scan has ${centreText(item.cor)} (${item.cor_source ?? '?'}).`;
    return (
        <section class="viewer-card" aria-label="Rotation centre">
            <div class="viewer-head">
                <h2>Rotation centre</h2>
                <span class="big-number">{centreText(centre)}</span>
            </div>
            <p class="muted">
                {said}
                {item.confidence !== null && item.confidence !== undefined && ` Confidence ${Math.round(item.confidence * 100)} %.`}
            </p>
            <div class="viewer-fields">
                <button type="button" class="main" disabled={!may} onClick={() => void useCentre(subject, [item.id], centre, item.name)}>
                    Use {centreText(centre)}
                </button>
                <button
                    type="button"
                    disabled={!may || series.value.length === 0}
                    title={`Every scan of series ${item.series}`}
                    onClick={() => void useCentre(subject, series.value, centre, `${series.value.length} scans of ${item.series}`)}
                >
                    Use for series ({series.value.length || 1})
                </button>
            </div>
            {!may && <p class="muted">You may look, not change.</p>}
        </section>
    );
}

function Grid({ id, tries, at, pick }: { id: number; tries: TryPictures; at: number; pick: (i: number, close: boolean) => void }) {
    const box = useRef<HTMLDivElement>(null);
    useEffect(() => box.current?.querySelector('[aria-pressed=true]')?.scrollIntoView({ block: 'nearest' }), [at]);
    return (
        <div ref={box} class="viewer-centres" role="group" aria-label="All centres">
            {tries.centres.map((centre, i) => (
                <button key={centre} type="button" tabIndex={-1} aria-pressed={i === at} onClick={() => pick(i, false)} onDblClick={() => pick(i, true)}>
                    <img src={tryThumb(id, centre, THUMB)} alt={'Slice at centre ' + centreText(centre)} loading="lazy" />
                    <span>{centreText(centre)}</span>
                </button>
            ))}
        </div>
    );
}

function Nothing({ subject }: { subject: Subject }) {
    const project = projects.value?.find((one) => one.id === subject.item.value?.project);
    return (
        <p class="empty">
            There are no try slices of this scan yet. Run <b>Batch Try</b> or <b>AI Reco</b> on the{' '}
            {project ? <a href={link('p', project.name, 'tomography')}>Tomography page</a> : 'Tomography page'}; they appear
            here when they are made.
        </p>
    );
}

/** The window of the first picture stays for all centres: else they could not be compared. */
function holdWindow(look: Look, held: { current: boolean }, plane: Parameters<typeof autoWindow>[0]): void {
    if (!held.current) {
        held.current = true;
        look.chosen.value ??= { ...autoWindow(plane) };
    }
}

function Looking({ subject, tries }: { subject: Subject; tries: TryPictures }) {
    const id = subject.id;
    const look = useMemo(createLook, []);
    const grid = useSignal(false);
    const held = useRef(false);
    const forward = useSignal(true);
    const chosen = useAddressNumber('centre');
    const list = useSignal(tries);
    list.value = tries;
    const at = useComputed(() =>
        nearestCentre(list.value.centres, chosen.value ?? subject.item.value?.cor ?? list.value.best),
    );
    const go = (to: number): void => {
        const next = Math.max(0, Math.min(tries.centres.length - 1, to));
        forward.value = next >= at.peek();
        chosen.value = tries.centres[next]!;
    };
    const wish = useComputed(() => {
        const { centres, width } = list.value;
        const small = !width || width > COPY;
        const url = (i: number): string => tryUrl(id, centres[i]!, small ? COPY : undefined);
        return {
            url: url(at.value),
            sharp: small ? tryUrl(id, centres[at.value]!) : null,
            ahead: neighbours(at.value, 0, centres.length - 1, forward.value, centres.length).map(url),
        };
    });
    const shown = useShown(subject, wish);
    useKeys((key) => {
        const to = moved(key, at.peek(), 0, tries.centres.length - 1);
        if (to !== null) {
            go(to);
        } else if (key === 'g') {
            grid.value = !grid.value;
        } else if (grid.peek() && (key === 'Enter' || key === 'Escape')) {
            grid.value = false;
        } else if (key === 'a') {
            held.current = false;
            look.chosen.value = shown.plane.peek() ? { ...autoWindow(shown.plane.peek()!) } : null;
        } else {
            return lookKeys(look, key);
        }
        return true;
    });
    const centre = tries.centres[at.value]!;
    const scores = tries.scores ?? [];
    return (
        <Frame
            subject={subject}
            view="try"
            bar={
                <button type="button" aria-pressed={grid.value} onClick={() => (grid.value = !grid.value)}>
                    All centres <kbd>G</kbd>
                </button>
            }
            side={
                <>
                    <UsePanel subject={subject} centre={centre} />
                    {scores.some((score) => score !== null) && (
                        <section class="viewer-card" aria-label="Score curve">
                            <Plot
                                label="Score of each centre; the ring is the best one"
                                title="Score (ring: best)"
                                x={tries.centres}
                                y={scores.map((score) => score ?? NaN)}
                                unit="centre [px]"
                                at={centre}
                                best={tries.best ?? undefined}
                                onPick={(x) => go(tries.centres.indexOf(x))}
                            />
                        </section>
                    )}
                    <WindowPanel look={look} plane={shown.plane} />
                    <ProfileCard look={look} plane={shown.plane} unit="attenuation per pixel" />
                    <KeysCard
                        keys={[
                            ['← →', 'centre (Shift: ten at once)'],
                            ['Home End', 'first, last'],
                            ['G', 'all centres'],
                            ...LOOK_KEYS,
                        ]}
                    />
                </>
            }
        >
            {grid.value ? (
                <Grid id={id} tries={tries} at={at.value} pick={(i, close) => { go(i); grid.value = !close && grid.value; }} />
            ) : (
                <div class="viewer-panes">
                    <ImagePane
                        look={look}
                        plane={shown.plane}
                        label={`Slice ${tries.row} at centre ${centreText(centre)}`}
                        note={shown.note.value || (!shown.plane.value && 'Loading …')}
                        shown={(plane) => {
                            holdWindow(look, held, plane);
                            shown.drawn(plane);
                        }}
                    />
                </div>
            )}
            <Slider label="Centre" at={at.value} first={0} last={tries.centres.length - 1} text={centreText(centre) + ' px'} set={go} />
            <Tools look={look} />
        </Frame>
    );
}

export function TryPage({ item }: { item: number }) {
    const subject = useSubject(item);
    const tries = subject.pictures.value?.try;
    if (tries?.centres.length) {
        return <Looking subject={subject} tries={tries} />;
    }
    return (
        <Frame subject={subject} view="try" side={null}>
            {subject.pictures.value ? <Nothing subject={subject} /> : <p class="empty" aria-busy="true" />}
        </Frame>
    );
}
