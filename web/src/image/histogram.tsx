/* The histogram of a picture under its window: the two edges can be dragged or moved by arrow keys,
 * and typed as numbers. */
import { useComputed, type ReadonlySignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import { colours, cssColour, MAPS, type MapName } from './colour';
import { autoWindow, setMap, type Look } from './look';
import { windowOfPlane } from './pane';
import type { Plane, Window } from './plane';
import { digits, histogram } from './stats';

const WIDTH = 300;
const HEIGHT = 72;

interface Props {
    look: Look;
    plane: ReadonlySignal<Plane | null>;
}

/** Bars by the logarithm of the count: a few bright pixels are to be seen beside millions of dark. */
function bars(counts: Float64Array): string {
    const top = Math.log1p(Math.max(...counts));
    let text = `M0,${HEIGHT}`;
    counts.forEach((n, i) => {
        const y = (HEIGHT - 2 - (top > 0 ? Math.log1p(n) / top : 0) * (HEIGHT - 4)).toFixed(1);
        text += `L${((i / counts.length) * WIDTH).toFixed(1)},${y}L${(((i + 1) / counts.length) * WIDTH).toFixed(1)},${y}`;
    });
    return text + `L${WIDTH},${HEIGHT}Z`;
}

export function Histogram({ look, plane }: Props) {
    const svg = useRef<SVGSVGElement>(null);
    const win = windowOfPlane(look, plane);
    // Bytes end at the window they were made with: the histogram waits for the values.
    const last = useRef<ReturnType<typeof histogram> | null>(null);
    const counted = useComputed(() => {
        const now = plane.value;
        if (now && (now.data instanceof Float32Array || !last.current)) {
            last.current = histogram(now);
        }
        return last.current;
    });
    const shape = useComputed(() => (counted.value ? bars(counted.value.counts) : ''));
    const held = useRef<'lo' | 'hi' | null>(null);
    const h = counted.value;
    if (!h) {
        return <div class="histogram" />;
    }
    const now = win.value;
    const at = (v: number): number => ((v - h.lo) / (h.hi - h.lo)) * WIDTH;
    const set = (edge: 'lo' | 'hi', value: number): void => {
        const next: Window = { ...win.peek(), [edge]: value };
        look.chosen.value = next.lo <= next.hi ? next : { lo: value, hi: value };
    };
    const place = (event: PointerEvent): number => {
        const box = svg.current!.getBoundingClientRect();
        return h.lo + ((event.clientX - box.left) / box.width) * (h.hi - h.lo);
    };
    const down = (event: PointerEvent): void => {
        const value = place(event);
        held.current = Math.abs(value - now.lo) <= Math.abs(value - now.hi) ? 'lo' : 'hi';
        svg.current?.setPointerCapture(event.pointerId);
        set(held.current, value);
    };
    const clamp = (x: number): number => Math.max(0, Math.min(WIDTH, x));
    return (
        <div class="histogram">
            <svg
                ref={svg}
                viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
                preserveAspectRatio="none"
                role="img"
                aria-label={`Histogram from ${digits(h.lo, h.hi - h.lo)} to ${digits(h.hi, h.hi - h.lo)}`}
                onPointerDown={down}
                onPointerMove={(event) => held.current && set(held.current, place(event))}
                onPointerUp={() => (held.current = null)}
            >
                <rect class="inside" x={clamp(at(now.lo))} width={clamp(at(now.hi)) - clamp(at(now.lo))} y={0} height={HEIGHT} />
                <path d={shape.value} />
                <line x1={clamp(at(now.lo))} x2={clamp(at(now.lo))} y1={0} y2={HEIGHT} />
                <line x1={clamp(at(now.hi))} x2={clamp(at(now.hi))} y1={0} y2={HEIGHT} />
            </svg>
            <div class="ends">
                <span>{digits(h.lo, h.hi - h.lo)}</span>
                <span>{digits(h.hi, h.hi - h.lo)}</span>
            </div>
        </div>
    );
}

function Edge({ label, value, range, set }: { label: string; value: number; range: number; set: (v: number) => void }) {
    return (
        <label class="field">
            {label}
            <input
                type="text"
                inputMode="decimal"
                value={digits(value, range)}
                onChange={(event) => {
                    const typed = Number(event.currentTarget.value);
                    const good = event.currentTarget.value.trim() !== '' && Number.isFinite(typed);
                    event.currentTarget.setAttribute('aria-invalid', String(!good));
                    if (good) {
                        set(typed);
                    }
                }}
            />
        </label>
    );
}

/** Histogram, the window's numbers, 5-95 %, colours. */
export function WindowPanel({ look, plane }: Props) {
    const win = windowOfPlane(look, plane);
    const { lo, hi } = win.value;
    const range = hi - lo;
    const auto = look.chosen.value === null;
    const table = colours(look.map.value, look.invert.value);
    const stops = [0, 32, 64, 96, 128, 160, 192, 224, 255].map((i) => cssColour(table, i)).join(',');
    return (
        <section class="viewer-card" aria-label="Window and colours">
            <h2>Window</h2>
            <Histogram look={look} plane={plane} />
            <div class="viewer-legend" style={{ background: `linear-gradient(90deg,${stops})` }} />
            <div class="viewer-fields">
                <Edge label="Low" value={lo} range={range} set={(v) => (look.chosen.value = { lo: v, hi: Math.max(v, hi) })} />
                <Edge label="High" value={hi} range={range} set={(v) => (look.chosen.value = { lo: Math.min(v, lo), hi: v })} />
            </div>
            <div class="viewer-fields">
                <button type="button" aria-pressed={auto} title="5-95 % of each picture (A)" onClick={() => (look.chosen.value = null)}>
                    5–95 %
                </button>
                <button
                    type="button"
                    disabled={!plane.value || !auto}
                    title="Keep this window for all pictures"
                    onClick={() => plane.value && (look.chosen.value = { ...autoWindow(plane.value) })}
                >
                    Keep
                </button>
                <label class="field">
                    <span class="hidden-label">Colours</span>
                    <select
                        aria-label="Colours"
                        value={look.map.value}
                        onChange={(event) => setMap(look, event.currentTarget.value as MapName)}
                    >
                        {MAPS.map((name) => (
                            <option key={name} value={name}>
                                {name}
                            </option>
                        ))}
                    </select>
                </label>
                <label class="check" title="I">
                    <input
                        type="checkbox"
                        checked={look.invert.value}
                        onChange={(event) => (look.invert.value = event.currentTarget.checked)}
                    />
                    Invert
                </label>
            </div>
        </section>
    );
}
