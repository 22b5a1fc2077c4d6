/* A curve with axes, small enough for a side panel: the score of the centres, a line profile. Own
 * SVG: a handful of points needs no library, and it follows the theme by itself. */
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { digits } from './stats';

interface Props {
    label: string;
    /** Written above the frame. */
    title: string;
    x: ArrayLike<number>;
    y: ArrayLike<number>;
    unit: string;
    /** A vertical mark: what is shown now. */
    at?: number;
    /** A ring on the curve: the best. */
    best?: number;
    /** Several curves share one frame; the second is drawn dashed. */
    second?: ArrayLike<number>;
    height?: number;
    onPick?: (x: number) => void;
}

const LEFT = 46;
const BOTTOM = 20;
const TOP = 8;
const RIGHT = 14;

/** Round numbers between low and high, about `most` of them. */
export function ticks(low: number, high: number, most: number): number[] {
    const span = high - low;
    if (!(span > 0) || !Number.isFinite(span)) {
        return [low];
    }
    const raw = span / most;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw) ?? raw;
    const found: number[] = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + span * 1e-9; k++) {
        found.push(k * step);
    }
    return found;
}

function range(...lists: (ArrayLike<number> | undefined)[]): [number, number] {
    let low = Infinity;
    let high = -Infinity;
    for (const list of lists) {
        for (let i = 0; list && i < list.length; i++) {
            const v = list[i]!;
            if (Number.isFinite(v)) {
                low = Math.min(low, v);
                high = Math.max(high, v);
            }
        }
    }
    if (low > high) {
        return [0, 1];
    }
    return low === high ? [low - 0.5, high + 0.5] : [low, high];
}

/** "M1,2L3,4": gaps where a value is missing. */
function path(x: ArrayLike<number>, y: ArrayLike<number>, px: (v: number) => number, py: (v: number) => number): string {
    let text = '';
    let pen = false;
    for (let i = 0; i < x.length; i++) {
        const good = Number.isFinite(y[i]!);
        if (good) {
            text += `${pen ? 'L' : 'M'}${px(x[i]!).toFixed(1)},${py(y[i]!).toFixed(1)}`;
        }
        pen = good;
    }
    return text;
}

function nearest(x: ArrayLike<number>, value: number): number {
    let best = 0;
    for (let i = 1; i < x.length; i++) {
        if (Math.abs(x[i]! - value) < Math.abs(x[best]! - value)) {
            best = i;
        }
    }
    return best;
}

export function Plot({ label, title, x, y, unit, at, best, second, height = 130, onPick }: Props) {
    const svg = useRef<SVGSVGElement>(null);
    const width = useSignal(300);
    const WIDTH = width.value;
    useEffect(() => {
        const watch = new ResizeObserver(([entry]) => (width.value = Math.max(160, Math.round(entry!.contentRect.width))));
        watch.observe(svg.current!);
        return () => watch.disconnect();
    }, []);
    const [x0, x1] = range(x);
    const [y0, y1] = range(y, second);
    const px = (v: number): number => LEFT + ((v - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
    const py = (v: number): number => height - BOTTOM - ((v - y0) / (y1 - y0)) * (height - BOTTOM - TOP);
    const pick = (event: PointerEvent): void => {
        const box = svg.current?.getBoundingClientRect();
        if (!box || !onPick || x.length === 0 || (event.type === 'pointermove' && event.buttons !== 1)) {
            return;
        }
        const place = ((event.clientX - box.left) / box.width) * WIDTH;
        const value = x0 + ((place - LEFT) / (WIDTH - LEFT - RIGHT)) * (x1 - x0);
        onPick(x[nearest(x, value)]!);
    };
    const ring = best === undefined || x.length === 0 ? -1 : nearest(x, best);
    return (
        <figure class="plot-frame">
            <figcaption>
                <span>{title}</span>
                <span class="muted">{unit}</span>
            </figcaption>
            <svg
                ref={svg}
                class={onPick ? 'plot pick' : 'plot'}
                height={height}
                role="img"
                aria-label={label}
                onPointerDown={pick}
                onPointerMove={pick}
            >
                {ticks(y0, y1, 3).map((v) => (
                    <g key={'y' + v}>
                        <line class="grid" x1={LEFT} x2={WIDTH - RIGHT} y1={py(v)} y2={py(v)} />
                        <text x={LEFT - 5} y={py(v) + 4} text-anchor="end">
                            {digits(v, y1 - y0)}
                        </text>
                    </g>
                ))}
                {ticks(x0, x1, Math.max(2, Math.floor(WIDTH / 80))).map((v) => (
                    <text key={'x' + v} x={px(v)} y={height - 5} text-anchor="middle">
                        {Number(v.toPrecision(8))}
                    </text>
                ))}
                {second && <path class="curve second" d={path(x, second, px, py)} />}
                <path class="curve" d={path(x, y, px, py)} />
                {ring >= 0 && Number.isFinite(y[ring]!) && <circle class="best" cx={px(x[ring]!)} cy={py(y[ring]!)} r={4} />}
                {at !== undefined && at >= x0 && at <= x1 && (
                    <line class="at" x1={px(at)} x2={px(at)} y1={TOP} y2={height - BOTTOM} />
                )}
            </svg>
        </figure>
    );
}
