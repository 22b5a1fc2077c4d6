/* Full viewer: the slices of a reconstruction, also while they are still being made; beside those of
 * another scan, at the same slice, window and place. */
import { useComputed, useSignal, type ReadonlySignal, type Signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { get } from '../api';
import { WindowPanel } from '../image/histogram';
import { lookKeys, moved, useKeys } from '../image/keys';
import { createLook, type Look } from '../image/look';
import { ImagePane } from '../image/pane';
import { fullBytesUrl, fullUrl, type FullPictures, type Item } from '../image/pictures';
import { link } from '../router';
import { projects } from '../state';
import { toastError } from '../ui/toast';
import { Frame, KeysCard, LOOK_KEYS, neighbours, ProfileCard, Slider, Subject, Tools, useAddressNumber, useShown, useSubject, type Wish } from './viewer';

const AHEAD = 10;
const COPY = 1280; // longest side of the copies shown while the slider moves

/** What to show of a scan at a slice; null when it has none. While the slider moves, large slices come
 *  as bytes, and no larger than a screen unless one looks closer: a tenth of a second instead of a half.
 *  At rest the values replace them. */
function wishOf(subject: Subject, look: Look, index: number, forward: boolean): Wish | null {
    const full = subject.pictures.value?.full;
    if (full?.first === undefined) {
        return null;
    }
    const at = Math.max(full.first, Math.min(full.last, index));
    const side = Math.max(full.width, full.height);
    const large = side > COPY;
    const view = look.view.peek();
    const max = view && view.scale > COPY / side ? undefined : COPY;
    const url = (i: number): string =>
        large ? fullBytesUrl(subject.id, i, look.chosen.peek(), max) : fullUrl(subject.id, i);
    return {
        url: url(at),
        sharp: large ? fullUrl(subject.id, at) : null,
        ahead: neighbours(at, full.first, full.last, forward, AHEAD).map(url),
    };
}

/** Type a part of a name, pick a scan. */
function Compare({ item, other }: { item: Item | null; other: Signal<number | null> }) {
    const text = useSignal('');
    const found = useSignal<Item[]>([]);
    const name = useSignal('');
    useEffect(() => {
        if (!item) {
            return;
        }
        const stop = new AbortController();
        const timer = setTimeout(() => {
            const query = { project: item.project, text: text.value, sort: 'name', limit: 40 };
            get<{ items: Item[] }>('items', query, stop.signal).then(
                (page) => (found.value = page.items.filter((one) => one.id !== item.id && /full/i.test(one.status))),
                (error: unknown) => stop.signal.aborted || toastError(error),
            );
        }, 150);
        return () => {
            clearTimeout(timer);
            stop.abort();
        };
    }, [item?.id, text.value]);
    if (other.value !== null) {
        return (
            <button type="button" onClick={() => (other.value = null)}>
                Close the second scan
            </button>
        );
    }
    return (
        <label class="field">
            Compare with
            <input
                type="text"
                list="scans-to-compare"
                placeholder="name of a scan"
                value={name.value}
                onInput={(event) => {
                    text.value = name.value = event.currentTarget.value;
                    const one = found.value.find((entry) => entry.name === name.value);
                    if (one) {
                        other.value = one.id;
                        name.value = text.value = '';
                    }
                }}
            />
            <datalist id="scans-to-compare">
                {found.value.map((one) => (
                    <option key={one.id} value={one.name} />
                ))}
            </datalist>
        </label>
    );
}

interface PaneProps {
    subject: Subject;
    look: Look;
    index: number;
    shown: ReturnType<typeof useShown>;
    titled: boolean;
}

function SlicePane({ subject, look, index, shown, titled }: PaneProps) {
    const full = subject.pictures.value?.full;
    const name = subject.item.value?.name ?? '';
    const outside = full && (index < full.first || index > full.last);
    const missing = subject.pictures.value && !full ? 'This scan has no full slices.' : '';
    const note = shown.note.value || missing || (outside ? `Slices ${full.first} to ${full.last} are there.` : '') || (!shown.plane.value && 'Loading …');
    return (
        <div class="pane-box">
            <ImagePane look={look} plane={shown.plane} label={`Slice ${index} of ${name}`} note={note} shown={shown.drawn} />
            {titled && <span class="pane-title">{name}</span>}
        </div>
    );
}

/** The second scan: a pane of its own, the same slice and look. */
function Other({ id, look, index, forward, give }: {
    id: number;
    look: PaneProps['look'];
    index: ReadonlySignal<number>;
    forward: ReadonlySignal<boolean>;
    give: (plane: PaneProps['shown']['plane'] | null) => void;
}) {
    const subject = useSubject(id);
    const wish = useComputed(() => wishOf(subject, look, index.value, forward.value));
    const shown = useShown(subject, wish);
    useEffect(() => {
        give(shown.plane);
        return () => give(null);
    }, []);
    return <SlicePane subject={subject} look={look} index={index.value} shown={shown} titled />;
}

function Growing({ full }: { full: FullPictures }) {
    return (
        <section class="viewer-card" role="status">
            <p>
                Slices {full.first}–{full.last} are made; more are on their way.
            </p>
        </section>
    );
}

function Looking({ subject, full }: { subject: Subject; full: FullPictures }) {
    const look = useMemo(createLook, []);
    const chosen = useAddressNumber('slice');
    const other = useAddressNumber('with');
    const forward = useSignal(true);
    const middle = useSignal(Math.round((full.first + full.last) / 2)); // stays where it was while slices are added
    const index = useComputed(() => chosen.value ?? middle.value);
    const second = useSignal<PaneProps['shown']['plane'] | null>(null);
    const wish = useComputed(() => wishOf(subject, look, index.value, forward.value));
    const shown = useShown(subject, wish);
    const go = (to: number): void => {
        forward.value = to >= index.peek();
        chosen.value = to;
    };
    useKeys((key) => {
        const to = moved(key, index.peek(), full.first, full.last);
        if (to !== null) {
            go(to);
            return true;
        }
        return lookKeys(look, key);
    });
    return (
        <Frame
            subject={subject}
            view="full"
            bar={<Compare item={subject.item.value} other={other} />}
            side={
                <>
                    {full.growing && <Growing full={full} />}
                    <WindowPanel look={look} plane={shown.plane} />
                    <ProfileCard look={look} plane={shown.plane} second={second.value ?? undefined} unit="attenuation per pixel" />
                    <KeysCard
                        keys={[
                            ['← →', 'slice (Shift: ten at once)'],
                            ['PgUp PgDn', 'a tenth of all'],
                            ['Home End', 'first, last'],
                            ...LOOK_KEYS,
                        ]}
                    />
                </>
            }
        >
            <div class="viewer-panes">
                <SlicePane subject={subject} look={look} index={index.value} shown={shown} titled={other.value !== null} />
                {other.value !== null && (
                    <Other key={other.value} id={other.value} look={look} index={index} forward={forward} give={(plane) => (second.value = plane)} />
                )}
            </div>
            <Slider label="Slice" at={index.value} first={full.first} last={full.last} set={go} />
            <Tools look={look} />
        </Frame>
    );
}

function Nothing({ subject }: { subject: Subject }) {
    const problem = subject.pictures.value?.full?.problem;
    if (problem) {
        return <p class="empty failed-text">{problem}</p>;
    }
    const project = projects.value?.find((one) => one.id === subject.item.value?.project);
    return (
        <p class="empty">
            There are no full slices of this scan yet. Run <b>Batch Full</b> or <b>AI Reco</b> on the{' '}
            {project ? <a href={link('p', project.name, 'tomography')}>Tomography page</a> : 'Tomography page'}; the first
            slices appear here while the rest is still being made.
        </p>
    );
}

export function FullPage({ item }: { item: number }) {
    const subject = useSubject(item);
    const full = subject.pictures.value?.full;
    if (full?.first !== undefined) {
        return <Looking subject={subject} full={full} />;
    }
    return (
        <Frame subject={subject} view="full" side={null}>
            {subject.pictures.value ? <Nothing subject={subject} /> : <p class="empty" aria-busy="true" />}
        </Frame>
    );
}
