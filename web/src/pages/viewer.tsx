/* What the try, full and raw viewers share: the item and what there is to look at, a picture that
 * follows a number, the frame with its side panel. */
import { computed, signal, useSignal, useSignalEffect, type ReadonlySignal, type Signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { errorText } from '../api';
import { Loader } from '../image/loader';
import type { Look } from '../image/look';
import { getItem, getPictures, type Item, type Pictures } from '../image/pictures';
import type { Plane } from '../image/plane';
import { Plot } from '../image/plot';
import { digits, profile } from '../image/stats';
import { on } from '../live';
import { link, route, setQuery } from '../router';
import { projects, rememberProject } from '../state';
import './looks.css';
import './viewer.css';

const HELD = 256 << 20; // bytes of decoded pictures kept for each pane
const GROWS_MS = 1000; // how often to look for new slices while they are made
const SOON = 3; // neighbours that come before the whole picture
const SHARP_MS = 120; // a slider at rest for so long: the whole picture instead of the smaller copy
const ADDRESS_MS = 250; // the address follows the slider

// --- the item

/** One item and what can be looked at, kept up to date. */
export class Subject {
    readonly item = signal<Item | null>(null);
    readonly pictures = signal<Pictures | null>(null);
    readonly failed = signal('');
    /** Changes when pictures may have been made anew: what was fetched before is out of date. */
    readonly version = computed(() => `${this.item.value?.status} ${this.pictures.value?.full?.growing}`);
    private readonly stop = new AbortController();
    private readonly ends: (() => void)[] = [];
    private timer = 0;
    private loaded = 0;

    constructor(readonly id: number) {
        // Progress comes several times a second; what there is to look at need not be asked as often.
        const again = (): void => {
            clearTimeout(this.timer);
            this.timer = window.setTimeout(() => void this.load(), Math.max(0, this.loaded + GROWS_MS / 2 - Date.now()));
        };
        this.ends.push(
            on('items', ({ rows }) => rows.some((row) => row[0] === id) && again()),
            on('reset', again),
        );
        void this.load();
    }

    async load(): Promise<void> {
        clearTimeout(this.timer);
        this.loaded = Date.now();
        try {
            const [item, pictures] = await Promise.all([
                getItem(this.id, this.stop.signal),
                getPictures(this.id, this.stop.signal),
            ]);
            this.item.value = item;
            this.pictures.value = pictures;
            this.failed.value = '';
            if (pictures.full?.growing) {
                this.timer = window.setTimeout(() => void this.load(), GROWS_MS);
            }
        } catch (error) {
            if (!this.stop.signal.aborted) {
                this.failed.value = errorText(error);
            }
        }
    }

    end(): void {
        clearTimeout(this.timer);
        this.stop.abort();
        this.ends.forEach((end) => end());
    }
}

export function useSubject(id: number): Subject {
    const subject = useMemo(() => new Subject(id), [id]);
    useEffect(() => () => subject.end(), [subject]);
    return subject;
}

// --- a picture that follows a number

export interface Shown {
    readonly plane: Signal<Plane | null>;
    /** What to say over the picture: on its way, not made yet, what went wrong. */
    readonly note: Signal<string>;
    readonly loader: Loader;
    /** Tell when the picture was drawn: marks how long it took. */
    readonly drawn: (plane: Plane) => void;
}

export interface Wish {
    /** The picture. */
    url: string;
    /** The same in full, asked for at rest; null when `url` is that already. */
    sharp: string | null;
    /** Neighbours, the most likely next one first. */
    ahead: string[];
}

/** Show what `wish` says; the old picture stays until the new one is here. */
export function useShown(subject: Subject, wish: ReadonlySignal<Wish | null>): Shown {
    const shown = useMemo(() => new Follower(), []);
    useSignalEffect(() => {
        shown.renew(subject.version.value); // first: it gives up what is under way
        shown.follow(wish.value);
    });
    useEffect(() => () => shown.end(), []);
    return shown;
}

class Follower implements Shown {
    readonly plane = signal<Plane | null>(null);
    readonly note = signal('');
    readonly loader = new Loader(HELD);
    private asked = 0;
    private url = '';
    private wish: Wish | null = null;
    private timer = 0;
    private measured: Plane | null = null;
    private version = '';

    constructor() {
        this.loader.arrived = (url) => this.landed(url);
    }

    /** Before follow(): a new version of the item's pictures. */
    renew(version: string): void {
        if (this.version !== version) {
            this.version = version;
            this.loader.forget();
        }
    }

    follow(wish: Wish | null): void {
        clearTimeout(this.timer);
        this.wish = wish;
        if (!wish) {
            this.plane.value = null;
            return;
        }
        if (this.url !== wish.url) {
            this.url = wish.url;
            this.asked = performance.now();
        }
        const wanted = this.loader.want(wish.url);
        const have = (wish.sharp && this.loader.have(wish.sharp)) ?? this.loader.have(wish.url);
        if (have) {
            this.show(have);
            wanted.catch(() => undefined);
        } else {
            this.await(wanted, wish);
        }
        this.loader.ahead(wish.ahead);
        if (wish.sharp && !this.loader.have(wish.sharp)) {
            this.timer = window.setTimeout(() => this.sharpen(wish), SHARP_MS);
        }
    }

    private await(wanted: Promise<Plane>, wish: Wish): void {
        wanted.then(
            (plane) => this.wish?.url === wish.url && this.show(plane),
            (error: Error) => {
                if (error.name !== 'AbortError') {
                    this.plane.value = null;
                    this.note.value = error.message;
                }
            },
        );
    }

    /** At rest: the whole picture, behind the very next neighbours. */
    private sharpen(wish: Wish): void {
        const { ahead, sharp } = wish;
        this.loader.ahead([...ahead.slice(0, SOON), sharp!, ...ahead.slice(SOON)]);
    }

    private landed(url: string): void {
        const plane = this.loader.have(url);
        if (plane && url === this.wish?.sharp) {
            this.show(plane);
        }
    }

    private show(plane: Plane): void {
        this.note.value = '';
        this.plane.value = plane;
    }

    readonly drawn = (plane: Plane): void => {
        if (this.measured !== plane) {
            this.measured = plane;
            const name = plane === this.loader.have(this.wish?.sharp ?? '') ? 'picture-whole' : 'picture';
            performance.measure(name, { start: this.asked, end: performance.now(), detail: this.url });
        }
    };

    end(): void {
        clearTimeout(this.timer);
        this.loader.stop();
    }
}

/** Neighbours of a place in a row, those in the direction of the last move first. */
export function neighbours(at: number, first: number, last: number, forward: boolean, count: number): number[] {
    const sign = forward ? 1 : -1;
    const found: number[] = [];
    for (let k = 1; found.length < count && k <= last - first; k++) {
        for (const i of [at + sign * k, k % 2 ? at - (sign * (k + 1)) / 2 : NaN]) {
            if (i >= first && i <= last && !found.includes(i)) {
                found.push(i);
            }
        }
    }
    return found.slice(0, count);
}

/** A number of the address (?slice=N) as a signal; the address follows it when it rests. */
export function useAddressNumber(name: string): Signal<number | null> {
    const start = route.peek().query.get(name);
    const value = useSignal<number | null>(start === null || !Number.isFinite(Number(start)) ? null : Number(start));
    useSignalEffect(() => {
        const now = value.value;
        const timer = setTimeout(() => setQuery({ [name]: now }), ADDRESS_MS);
        return () => clearTimeout(timer);
    });
    return value;
}

// --- frame and panels

const VIEWS = [
    ['try', 'Try'],
    ['full', 'Full'],
    ['raw', 'Raw'],
] as const;

interface FrameProps {
    subject: Subject;
    view: 'try' | 'full' | 'raw';
    /** Right of the tabs. */
    bar?: ComponentChildren;
    side: ComponentChildren;
    children: ComponentChildren;
}

export function Frame({ subject, view, bar, side, children }: FrameProps) {
    const item = subject.item.value;
    const project = projects.value?.find((one) => one.id === item?.project);
    useEffect(() => {
        if (project) {
            rememberProject(project.name); // a link may lead to another project than the one that was open
        }
    }, [project?.name]);
    return (
        <div class={side ? 'viewer' : 'viewer alone'}>
            <div class="viewer-bar">
                {project && (
                    <a href={link('p', project.name, 'tomography')} aria-label="Back to the table">
                        ←
                    </a>
                )}
                <h1 title={item?.path ?? item?.name}>{item?.name ?? ''}</h1>
                {item && <span class="look-badge">{item.status}</span>}
                <nav class="viewer-tabs" aria-label="What to look at">
                    {VIEWS.map(([word, label]) => (
                        <a key={word} href={link('item', subject.id, word)} aria-current={word === view ? 'page' : undefined}>
                            {label}
                        </a>
                    ))}
                </nav>
                <span class="grow" />
                {bar}
            </div>
            {subject.failed.value && !item ? (
                <p class="empty failed-text">{subject.failed.value}</p>
            ) : (
                <>
                    <div class="viewer-stage">{children}</div>
                    {side && (
                        <aside class="viewer-side" aria-label="Settings of the picture">
                            {side}
                        </aside>
                    )}
                </>
            )}
        </div>
    );
}

interface SliderProps {
    label: string;
    at: number;
    first: number;
    last: number;
    text?: string;
    set: (at: number) => void;
}

/** A slider with its number; the number can be typed. */
export function Slider({ label, at, first, last, text, set }: SliderProps) {
    return (
        <div class="viewer-slider">
            <label>
                <span>{label}</span>
                <input
                    type="range"
                    min={first}
                    max={last}
                    step={1}
                    value={at}
                    aria-valuetext={text}
                    onInput={(event) => set(Number(event.currentTarget.value))}
                />
            </label>
            {text !== undefined ? (
                <output>{text}</output>
            ) : (
                <input
                    type="number"
                    class="number"
                    min={first}
                    max={last}
                    value={at}
                    aria-label={label + ' number'}
                    onChange={(event) => {
                        const typed = Math.round(Number(event.currentTarget.value));
                        set(Number.isFinite(typed) ? Math.max(first, Math.min(last, typed)) : at);
                        event.currentTarget.value = String(Number.isFinite(typed) ? Math.max(first, Math.min(last, typed)) : at);
                    }}
                />
            )}
            {text === undefined && (
                <span class="muted nowrap">
                    {first}–{last}
                </span>
            )}
        </div>
    );
}

/** What is under the pointer, and the tools. */
export function Tools({ look }: { look: Look }) {
    const spot = look.spot.value;
    const tools = [
        ['pan', 'Move', 'Drag moves, wheel zooms, double click fits'],
        ['window', 'Window', 'Drag sets the window: right widens, up brightens (W; or Shift + drag)'],
        ['line', 'Line', 'Drag draws the line of the profile (L); Ctrl keeps it straight'],
    ] as const;
    return (
        <div class="viewer-tools">
            <div role="group" aria-label="What dragging does" class="viewer-segments">
                {tools.map(([tool, label, title]) => (
                    <button
                        key={tool}
                        type="button"
                        title={title}
                        aria-pressed={look.tool.value === tool}
                        onClick={() => (look.tool.value = tool)}
                    >
                        {label}
                    </button>
                ))}
            </div>
            <button type="button" title="All of the picture (0)" onClick={() => (look.view.value = null)}>
                Fit
            </button>
            <span class="viewer-spot muted">{spot ? `x ${spot.x}  y ${spot.y}  ${digits(spot.value, Math.abs(spot.value) || 1)}` : ''}</span>
        </div>
    );
}

/** The profile along the line; of the second picture too where there is one. */
export function ProfileCard({ look, plane, second, unit }: {
    look: Look; plane: ReadonlySignal<Plane | null>; second?: ReadonlySignal<Plane | null>; unit: string;
}) {
    const curves = useMemo(
        () =>
            computed(() => {
                const line = look.line.value;
                const along = (one: Plane | null | undefined): ReturnType<typeof profile> | null => {
                    if (!line || !one) {
                        return null;
                    }
                    const small = one.width / one.fullWidth;
                    const { x0, y0, x1, y1 } = line;
                    const got = profile(one, x0 * small, y0 * small, x1 * small, y1 * small);
                    return { value: got.value, distance: got.distance.map((d) => d / small) };
                };
                return [along(plane.value), along(second?.value)] as const;
            }),
        [look, plane, second],
    );
    const [first, other] = curves.value;
    if (!first) {
        return (
            <section class="viewer-card" aria-label="Line profile">
                <h2>Line profile</h2>
                <p class="muted">
                    Choose Line (<kbd>L</kbd>) and drag over the picture.
                </p>
            </section>
        );
    }
    return (
        <section class="viewer-card" aria-label="Line profile">
            <div class="viewer-head">
                <h2>Line profile</h2>
                <button type="button" class="bare" onClick={() => (look.line.value = null)}>
                    Clear
                </button>
            </div>
            <Plot
                label={`Profile along ${first.distance.at(-1)!.toFixed(0)} pixels`}
                title={unit}
                x={first.distance}
                y={first.value}
                second={other && other.value.length === first.value.length ? other.value : undefined}
                unit="pixels"
            />
        </section>
    );
}

/** Keys, written small at the foot of the panel. */
export function KeysCard({ keys }: { keys: [string, string][] }) {
    return (
        <details class="viewer-card">
            <summary>Keys</summary>
            <dl class="keys">
                {keys.map(([key, what]) => (
                    <div key={key}>
                        <dt>{key}</dt>
                        <dd>{what}</dd>
                    </div>
                ))}
            </dl>
        </details>
    );
}

export const LOOK_KEYS: [string, string][] = [
    ['+ − 0', 'zoom in, out, fit'],
    ['A', 'window 5–95 %'],
    ['I', 'invert'],
    ['W  L', 'window, line tool'],
];
