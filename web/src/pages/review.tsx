/* Centre review: one thumbnail a scan at its chosen centre, least certain first; the current scan
 * large beside it. Works by keyboard alone (KEYS). What it knows and does is review-model.ts.
 */
import { useComputed, useSignal, useSignalEffect, type ReadonlySignal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { drawPlane } from '../image/draw';
import { colours } from '../image/colour';
import { lookKeys, useKeys } from '../image/keys';
import { Loader } from '../image/loader';
import { autoWindow, createLook, type Look } from '../image/look';
import { ImagePane } from '../image/pane';
import { centreText, tryThumb, tryUrl, type TryPictures } from '../image/pictures';
import type { Plane, Window } from '../image/plane';
import { Plot } from '../image/plot';
import { fit } from '../image/view';
import { link } from '../router';
import { mayRun, projects } from '../state';
import { Dialog } from '../ui/dialog';
import { Review } from './review-model';
import { isChecked, type ReviewRow } from './review-order';
import './looks.css';
import './review.css';

const LARGE = 768; // pixels of the large image: as sharp as its place on most screens
const HELD = 192 << 20; // bytes of decoded slices kept
const CELL = 132;
const CELL_HEIGHT = 158;
const NEAR = 4; // centres on each side in the strip

const KEYS: [string, string][] = [
    ['← →', 'another centre (Shift: five at once)'],
    ['Enter', 'accept the centre shown and go on'],
    ['S', 'accept it for the whole series'],
    ['U', 'undo'],
    ['↑ ↓  or  K J', 'previous, next scan'],
    ['N', 'next scan that is not checked'],
    ['P', 'back to the proposed centre'],
    ['F', 'big view and back'],
    ['+ − 0', 'zoom in, out, fit'],
    ['A  I', 'window 5–95 %, invert'],
    ['?', 'these keys'],
];

/** The pictures a person will want next: neighbours of this centre, then the next scans. */
function wish(review: Review, id: number): string[] {
    const tries = review.pictures.value.get(id);
    const urls: string[] = [];
    const at = review.shownIndex(id);
    const add = (index: number): void => {
        const centre = tries?.centres[index];
        if (centre !== undefined) {
            urls.push(tryUrl(id, centre, LARGE));
        }
    };
    [1, -1, 2].forEach((by) => add(at + by));
    for (const next of [1, 2]) {
        const other = review.order.value[review.at.value + next];
        const centre = other === undefined ? null : review.shownCentre(other);
        if (other !== undefined && centre !== null) {
            urls.push(tryUrl(other, centre, LARGE));
        }
    }
    [-2, 3, -3, 4, -4].forEach((by) => add(at + by));
    return urls;
}

function useReview(project: number): Review {
    const review = useMemo(() => new Review(project), [project]);
    useEffect(() => () => review.end(), [review]);
    return review;
}

/** The large picture, the window of the scan, and what is fetched ahead. */
function useLarge(review: Review, loader: Loader, look: Look) {
    const plane = useSignal<Plane | null>(null);
    const note = useSignal('');
    const windowed = useRef(-1);
    const turn = useSignal(0); // counts pictures that came: the strip shows them
    loader.arrived = () => void turn.value++;
    useSignalEffect(() => {
        const id = review.current.value?.id;
        const centre = id === undefined ? null : review.shownCentre(id);
        if (id === undefined || centre === null) {
            plane.value = null;
            return;
        }
        const url = tryUrl(id, centre, LARGE);
        const show = (got: Plane): void => {
            // One window for all centres of a scan, else their contrast could not be compared.
            if (windowed.current !== id) {
                windowed.current = id;
                look.chosen.value = { ...autoWindow(got) };
            }
            plane.value = got;
            note.value = '';
        };
        const wanted = loader.want(url);
        const have = loader.have(url);
        if (have) {
            show(have);
        }
        loader.ahead(wish(review, id));
        wanted.then(have ? () => undefined : show, (error: Error) => {
            if (error.name !== 'AbortError') {
                plane.value = null;
                note.value = error.message;
            }
        });
    });
    return { plane, note, turn };
}

// --- the sheet

/** The end of a name tells scans of a series apart. */
function shortName(name: string): string {
    const stem = name.replace(/^.*\//, '').replace(/\.(h5|hdf5?|nxs)$/i, '');
    return stem.length > 16 ? '…' + stem.slice(-15) : stem;
}

interface CellProps {
    review: Review;
    row: ReviewRow;
    at: number;
    left: number;
    top: number;
    width: number;
}

function Cell({ review, row, at, left, top, width }: CellProps) {
    const current = review.at.value === at;
    const centre = review.shownCentre(row.id) ?? row.cor;
    const checked = isChecked(row);
    const first = review.rows.value.get(review.order.value[at - 1] ?? -1)?.series !== row.series;
    const sure = row.confidence;
    return (
        <button
            type="button"
            role="option"
            id={'scan' + row.id}
            tabIndex={-1}
            class={'cell' + (current ? ' current' : '') + (checked ? ' checked' : '') + (first ? ' first' : '')}
            style={{ left: left + 'px', top: top + 'px', width: width + 'px', '--hue': seriesHue(row.series) }}
            aria-selected={current}
            title={row.name}
            onClick={() => review.go(at)}
            onMouseDown={(event) => event.preventDefault()}
        >
            <img
                src={tryThumb(row.id, centre, CELL)}
                alt=""
                onLoad={() => void review.look(row.id)}
                onError={() => void review.look(row.id)}
            />
            <span class="name">{shortName(row.name)}</span>
            <span class="facts">
                <b>{centreText(review.value(row.id))}</b>
                {checked ? (
                    <em class="ok">✓ checked</em>
                ) : (
                    <em class={sure === null || sure < 0.5 ? 'unsure' : ''} title="Confidence of the proposed centre">
                        {sure === null ? 'unknown' : Math.round(sure * 100) + ' %'}
                    </em>
                )}
            </span>
        </button>
    );
}

/** Neighbouring series in well-told colours, the same at each visit. */
function seriesHue(series: string): number {
    let hash = 7;
    for (let i = 0; i < series.length; i++) {
        hash = (hash * 31 + series.charCodeAt(i)) >>> 0;
    }
    return (hash * 137) % 360;
}

/** Only the cells in sight exist; thousands of scans cost nothing. */
function Sheet({ review }: { review: Review }) {
    const box = useRef<HTMLDivElement>(null);
    const size = useSignal({ width: 600, height: 600 });
    const scroll = useSignal(0);
    useEffect(() => {
        const element = box.current;
        if (!element) {
            return;
        }
        const watch = new ResizeObserver(() => {
            size.value = { width: element.clientWidth, height: element.clientHeight };
        });
        watch.observe(element);
        return () => watch.disconnect();
    }, []);
    const across = Math.max(1, Math.floor((size.value.width - 4) / CELL));
    const width = Math.floor((size.value.width - 4) / across);
    const lines = Math.ceil(review.order.value.length / across);
    // The current scan is always in sight.
    useEffect(() => {
        const element = box.current;
        if (element) {
            const top = Math.floor(review.at.value / across) * CELL_HEIGHT;
            const low = top + CELL_HEIGHT - element.clientHeight;
            element.scrollTop = Math.max(low + CELL_HEIGHT / 2, Math.min(top - CELL_HEIGHT / 2, element.scrollTop));
        }
    }, [review.at.value, across, size.value.height]);
    const from = Math.max(0, Math.floor(scroll.value / CELL_HEIGHT) - 1) * across;
    const to = Math.min(review.order.value.length, from + (Math.ceil(size.value.height / CELL_HEIGHT) + 2) * across);
    const cells = [];
    for (let i = from; i < to; i++) {
        const row = review.rows.value.get(review.order.value[i]!);
        if (row) {
            const left = (i % across) * width;
            const top = Math.floor(i / across) * CELL_HEIGHT;
            cells.push(<Cell key={row.id} review={review} row={row} at={i} left={left} top={top} width={width} />);
        }
    }
    return (
        <div
            ref={box}
            class="review-sheet"
            role="listbox"
            aria-label="Scans, least certain first"
            tabIndex={0}
            aria-activedescendant={review.current.value ? 'scan' + review.current.value.id : undefined}
            onScroll={(event) => (scroll.value = event.currentTarget.scrollTop)}
        >
            <div class="extent" style={{ height: lines * CELL_HEIGHT + 'px' }}>
                {cells}
            </div>
        </div>
    );
}

// --- beside it

const small = new WeakMap<Plane, { win: Window; image: ImageData }>();
const STRIP = 64;

/** A candidate's picture, drawn from what was fetched for the large one: no request of its own. */
function Candidate({ plane, win }: { plane: Plane | undefined; win: Window | null }) {
    const canvas = useRef<HTMLCanvasElement>(null);
    useEffect(() => {
        const context = canvas.current?.getContext('2d', { alpha: false });
        if (!context) {
            return;
        }
        if (!plane || !win) {
            context.fillRect(0, 0, STRIP, STRIP);
            return;
        }
        let made = small.get(plane);
        if (made?.win !== win) {
            const pane = { width: STRIP, height: STRIP };
            const pixels = drawPlane(plane, fit(plane, pane), pane, win, colours('grey'));
            made = { win, image: new ImageData(new Uint8ClampedArray(pixels.buffer as ArrayBuffer), STRIP, STRIP) };
            small.set(plane, made);
        }
        context.putImageData(made.image, 0, 0);
    }, [plane, win]);
    return <canvas ref={canvas} width={STRIP} height={STRIP} />;
}

function Strip({ review, id, tries, loader, look, turn }: {
    review: Review; id: number; tries: TryPictures; loader: Loader; look: Look; turn: ReadonlySignal<number>;
}) {
    const at = review.shownIndex(id);
    void turn.value; // pictures that arrived since
    const places = Array.from({ length: 2 * NEAR + 1 }, (_, k) => at - NEAR + k);
    return (
        <div class="review-strip" role="group" aria-label="Centres beside this one">
            {places.map((i) => {
                const centre = tries.centres[i];
                if (centre === undefined) {
                    return <span key={i} class="candidate none" />;
                }
                const plane = loader.have(tryUrl(id, centre, LARGE));
                return (
                    <button
                        key={i}
                        type="button"
                        tabIndex={-1}
                        class={'candidate' + (i === at ? ' current' : '')}
                        aria-pressed={i === at}
                        aria-label={'Centre ' + centreText(centre)}
                        onClick={() => review.pick(i)}
                    >
                        <Candidate plane={plane} win={look.chosen.value} />
                        <span>{centreText(centre)}</span>
                    </button>
                );
            })}
        </div>
    );
}

function Large({ review, loader, big }: { review: Review; loader: Loader; big: boolean }) {
    const look = useMemo(createLook, []);
    const { plane, note, turn } = useLarge(review, loader, look);
    useKeys((key) => lookKeys(look, key));
    const row = review.current.value;
    const tries = row ? review.pictures.value.get(row.id) : undefined;
    if (!row) {
        return <div class="review-large" />;
    }
    const centre = review.shownCentre(row.id);
    const value = review.value(row.id);
    const moved = review.picks.value.has(row.id);
    return (
        <section class="review-large" aria-label="Current scan">
            <div class="title">
                <h2 title={row.name}>{row.name}</h2>
                <span class="muted nowrap">
                    {row.series && `series ${row.series}`}
                </span>
                <span class="grow" />
                <span class="centre" aria-live="polite">
                    {centreText(moved ? centre : value)} <small>px</small>
                </span>
                <span class={'look-badge ' + (moved ? 'moved' : isChecked(row) ? 'ok' : '')}>
                    {moved ? 'moved' : isChecked(row) ? '✓ checked' : 'proposed'}
                </span>
            </div>
            <ImagePane
                look={look}
                plane={plane}
                label={`Try slice of ${row.name} at centre ${centreText(centre)}`}
                note={note.value || (!plane.value && 'Loading …')}
                shown={(drawn) => performance.mark('review-shown', { detail: `${drawn.width}` })}
            />
            {tries && <Strip review={review} id={row.id} tries={tries} loader={loader} look={look} turn={turn} />}
            {tries && !big && <Score review={review} tries={tries} centre={centre} />}
            <Buttons review={review} row={row} value={value} />
        </section>
    );
}

function Score({ review, tries, centre }: { review: Review; tries: TryPictures; centre: number | null }) {
    const scores = tries.scores ?? [];
    if (!scores.some((score) => score !== null)) {
        return null;
    }
    return (
        <Plot
            label="Score of each centre; the ring is the best one"
            title="Score (ring: best)"
            x={tries.centres}
            y={scores.map((score) => score ?? NaN)}
            unit="centre [px]"
            at={centre ?? undefined}
            best={tries.best ?? undefined}
            height={100}
            onPick={(x) => review.pick(tries.centres.indexOf(x))}
        />
    );
}

function Buttons({ review, row, value }: { review: Review; row: ReviewRow; value: number | null }) {
    const may = mayRun.value;
    const many = review.order.value.filter((id) => review.rows.value.get(id)?.series === row.series).length;
    return (
        <div class="buttons">
            <button type="button" class="main" disabled={!may || value === null} onClick={() => review.accept()}>
                Accept {centreText(value)} <kbd>Enter</kbd>
            </button>
            <button type="button" disabled={!may || value === null} onClick={() => review.acceptSeries()}>
                Series of {many} <kbd>S</kbd>
            </button>
            <button type="button" disabled={!may || review.done.value.length === 0} onClick={() => review.undo()}>
                Undo <kbd>U</kbd>
            </button>
            <a href={link('item', row.id, 'try')}>Try viewer</a>
            {!may && <span class="muted">You may look, not change.</span>}
        </div>
    );
}

function Bar({ review, help }: { review: Review; help: () => void }) {
    const total = review.order.value.length;
    const checked = review.checked.value;
    return (
        <div class="review-bar">
            <b class="count" role="status">
                {checked} of {total} checked
            </b>
            <progress max={total || 1} value={checked} aria-label="Scans checked" />
            <span class="muted said" aria-live="polite">
                {total > 0 && checked === total ? `All ${total} are checked: now run Full on the ` : review.message.value}
                {total > 0 && checked === total && <a href={link('p', String(review.project), 'tomography')}>Tomography page</a>}
            </span>
            <span class="grow" />
            {review.without.value > 0 && (
                <span class="muted nowrap">
                    {review.without.value} {review.without.value === 1 ? 'scan has' : 'scans have'} no try slices
                </span>
            )}
            {review.saving.value > 0 && <span class="muted">saving …</span>}
            <button type="button" onClick={help}>
                Keys <kbd>?</kbd>
            </button>
        </div>
    );
}

function Help({ close }: { close: () => void }) {
    return (
        <Dialog
            title="Keys of the centre review"
            onClose={close}
            buttons={
                <button type="button" data-focus onClick={close}>
                    Close
                </button>
            }
        >
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

function press(review: Review, key: string): boolean {
    const row = review.current.peek();
    const at = row ? review.shownIndex(row.id) : 0;
    const change: Record<string, () => void> = {
        ArrowLeft: () => review.pick(at - 1),
        ArrowRight: () => review.pick(at + 1),
        'Shift+ArrowLeft': () => review.pick(at - 5),
        'Shift+ArrowRight': () => review.pick(at + 5),
        ArrowUp: () => review.move(-1),
        ArrowDown: () => review.move(1),
        k: () => review.move(-1),
        j: () => review.move(1),
        PageUp: () => review.move(-10),
        PageDown: () => review.move(10),
        Home: () => review.go(0),
        End: () => review.go(Infinity),
        n: () => review.nextUnchecked(),
        p: () => review.pick(null),
    };
    const writes: Record<string, () => void> = {
        Enter: () => review.accept(),
        s: () => review.acceptSeries(),
        u: () => review.undo(),
    };
    const act = change[key] ?? (mayRun.peek() ? writes[key] : undefined);
    act?.();
    return act !== undefined;
}

export function ReviewPage({ project }: { project: number }) {
    const review = useReview(project);
    const loader = useMemo(() => new Loader(HELD), []);
    const big = useSignal(false);
    const help = useSignal(false);
    useEffect(() => () => loader.stop(), []);
    useKeys((key) => {
        if (key === 'f') {
            big.value = !big.value;
        } else if (key === 'Escape' && big.value) {
            big.value = false;
        } else if (key === '?') {
            help.value = true;
        } else {
            return press(review, key);
        }
        return true;
    });
    const empty = useComputed(() => review.loaded.value && review.order.value.length === 0);
    if (review.failed.value) {
        return <p class="empty failed-text">{review.failed.value}</p>;
    }
    if (!review.loaded.value) {
        return <p class="empty" aria-busy="true" />;
    }
    if (empty.value) {
        const name = projects.value?.find((one) => one.id === project)?.name ?? String(project);
        return (
            <p class="empty">
                No scan of this project has try slices yet. Select scans on the{' '}
                <a href={link('p', name, 'tomography')}>Tomography page</a> and run Batch Try or AI Reco; they appear
                here as they are made.
            </p>
        );
    }
    return (
        <div class={'review' + (big.value ? ' big' : '')}>
            <h1 class="hidden-label">Centre review</h1>
            <Bar review={review} help={() => (help.value = true)} />
            {!big.value && <Sheet review={review} />}
            <Large review={review} loader={loader} big={big.value} />
            {help.value && <Help close={() => (help.value = false)} />}
        </div>
    );
}
