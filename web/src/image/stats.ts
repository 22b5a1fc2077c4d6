/* Percentiles, histogram and the line profile of a plane. */
import { valueAt, type Plane, type Window } from './plane';

const SAMPLES = 1 << 16; // enough for a percentile: its error is below 0.2 %

/** Evenly spread values of the plane, at most about `most`, without NaN and infinities. */
export function sample(plane: Plane, most = SAMPLES): Float32Array {
    const { data } = plane;
    // A step that shares no factor with the width, or only a few columns would be seen.
    let step = Math.max(1, Math.ceil(data.length / most));
    while (step > 1 && divisor(step, plane.width) > 1) {
        step++;
    }
    const values = new Float32Array(Math.ceil(data.length / step));
    let n = 0;
    for (let i = 0; i < data.length; i += step) {
        const v = data[i]!;
        if (Number.isFinite(v)) {
            values[n++] = v;
        }
    }
    const found = values.subarray(0, n);
    if (data instanceof Uint8Array) {
        for (let i = 0; i < n; i++) {
            found[i] = plane.lo + ((plane.hi - plane.lo) * found[i]!) / 255;
        }
    }
    return found;
}

function divisor(a: number, b: number): number {
    while (b) {
        [a, b] = [b, a % b];
    }
    return a;
}

/** The window from the low to the high fraction (0.05 and 0.95 by default). */
export function percentiles(plane: Plane, low = 0.05, high = 0.95): Window {
    const values = sample(plane).slice().sort();
    if (values.length === 0) {
        return { lo: 0, hi: 1 };
    }
    const at = (f: number): number => values[Math.round(f * (values.length - 1))]!;
    const lo = at(low);
    const hi = at(high);
    if (hi > lo) {
        return { lo, hi };
    }
    // More than 90 % of the pixels are the same: show all there is.
    const [first, last] = [values[0]!, values[values.length - 1]!];
    return last > first ? { lo: first, hi: last } : { lo, hi: lo + 1 };
}

export interface Histogram {
    readonly lo: number;
    readonly hi: number;
    readonly counts: Float64Array;
}

/** Counts of equal steps between the lowest and the highest value (of a sample of large planes). */
export function histogram(plane: Plane, bins = 128): Histogram {
    const values = sample(plane);
    let lo = Infinity;
    let hi = -Infinity;
    for (const v of values) {
        if (v < lo) {
            lo = v;
        }
        if (v > hi) {
            hi = v;
        }
    }
    const counts = new Float64Array(bins);
    if (!(hi > lo)) {
        counts[0] = values.length;
        return { lo: values.length ? lo : 0, hi: values.length ? lo + 1 : 1, counts };
    }
    const gain = bins / (hi - lo);
    for (const v of values) {
        counts[Math.min(bins - 1, ((v - lo) * gain) | 0)]!++;
    }
    return { lo, hi, counts };
}

export interface Profile {
    /** Distance from the first point in pixels, one a pixel. */
    readonly distance: Float64Array;
    readonly value: Float64Array;
}

/** Values along the line between two points in picture coordinates (a pixel's middle is at .5),
 *  interpolated between the four neighbours; NaN outside the picture. */
export function profile(plane: Plane, x0: number, y0: number, x1: number, y1: number): Profile {
    const length = Math.hypot(x1 - x0, y1 - y0);
    const count = Math.max(2, Math.round(length) + 1);
    const distance = new Float64Array(count);
    const value = new Float64Array(count);
    for (let i = 0; i < count; i++) {
        const t = i / (count - 1);
        distance[i] = t * length;
        value[i] = between(plane, x0 + (x1 - x0) * t - 0.5, y0 + (y1 - y0) * t - 0.5);
    }
    return { distance, value };
}

function between(plane: Plane, x: number, y: number): number {
    if (x < -0.5 || y < -0.5 || x > plane.width - 0.5 || y > plane.height - 0.5) {
        return NaN;
    }
    const cx = Math.max(0, Math.min(plane.width - 1, x));
    const cy = Math.max(0, Math.min(plane.height - 1, y));
    const [ix, iy] = [Math.floor(cx), Math.floor(cy)];
    const [jx, jy] = [Math.min(plane.width - 1, ix + 1), Math.min(plane.height - 1, iy + 1)];
    const [fx, fy] = [cx - ix, cy - iy];
    const up = valueAt(plane, ix, iy) * (1 - fx) + valueAt(plane, jx, iy) * fx;
    const down = valueAt(plane, ix, jy) * (1 - fx) + valueAt(plane, jx, jy) * fx;
    return up * (1 - fy) + down * fy;
}

/** A value with as many digits as tell it from its neighbours in a range this wide. */
export function digits(value: number, range: number): string {
    if (!Number.isFinite(value)) {
        return '–';
    }
    const size = Math.max(Math.abs(range), Number.MIN_VALUE);
    const places = Math.max(0, Math.min(12, 3 - Math.floor(Math.log10(size)) - 1));
    if (places >= 8 || Math.abs(value) >= 1e7) {
        return value.toExponential(2);
    }
    return value.toFixed(places);
}
