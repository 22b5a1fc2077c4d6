/* A plane drawn under a view and a window into pixels of the screen, in two steps: samples (what
 * value lies under each screen pixel), then shades (its colour under the window). Only what is on
 * the pane is touched, and a change of the window repeats the second step alone, which makes it
 * fluid at any picture size.
 * Smaller than life: the mean of all pixels below a screen pixel, so that thin structures and noise
 * are shown as they are. Larger: pixels as squares. Outside, and where a value is missing: NaN,
 * drawn black. */
import { indexOf, type Plane, type Window } from './plane';
import type { Size, View } from './view';

const GROUND = 0xff000000; // black, opaque

/** Picture pixel at each screen pixel's edge along one axis (larger than life: at its middle);
 *  -1 before the picture, `length` behind it. */
export function edges(count: number, start: number, scale: number, length: number): Int32Array {
    const at = new Int32Array(count + 1);
    const middle = scale >= 1 ? 0.5 : 0;
    for (let i = 0; i <= count; i++) {
        const place = Math.floor((i + middle - start) / scale);
        at[i] = Math.max(-1, Math.min(length, place));
    }
    return at;
}

/** Fill samples[height][width] with what is stored (values, or bytes) under each screen pixel. */
export function samplePlane(plane: Plane, view: View, pane: Size, samples: Float32Array): void {
    const xs = edges(pane.width, view.left, view.scale, plane.width);
    const ys = edges(pane.height, view.top, view.scale, plane.height);
    if (view.scale >= 1) {
        nearest(plane, xs, ys, samples);
    } else {
        means(plane, xs, ys, samples);
    }
}

function nearest(plane: Plane, xs: Int32Array, ys: Int32Array, samples: Float32Array): void {
    const width = xs.length - 1;
    for (let y = 0; y < ys.length - 1; y++) {
        const row = y * width;
        const sy = ys[y]!;
        if (sy < 0 || sy >= plane.height) {
            samples.fill(NaN, row, row + width);
        } else if (y > 0 && sy === ys[y - 1]) {
            samples.copyWithin(row, row - width, row);
        } else {
            const from = sy * plane.width;
            for (let x = 0; x < width; x++) {
                const sx = xs[x]!;
                samples[row + x] = sx < 0 || sx >= plane.width ? NaN : plane.data[from + sx]!;
            }
        }
    }
}

function means(plane: Plane, xs: Int32Array, ys: Int32Array, samples: Float32Array): void {
    const { data, width: stride } = plane;
    const width = xs.length - 1;
    const sums = new Float64Array(width);
    const first = Math.max(0, xs[0]!);
    for (let y = 0; y < ys.length - 1; y++) {
        const row = y * width;
        const top = Math.max(0, ys[y]!);
        const rows = ys[y + 1]! - top;
        if (rows <= 0) {
            samples.fill(NaN, row, row + width);
            continue;
        }
        sums.fill(0);
        for (let sy = top; sy < top + rows; sy++) {
            const from = sy * stride;
            for (let x = 0, sx = first; x < width; x++) {
                const right = xs[x + 1]!;
                let sum = 0;
                for (; sx < right; sx++) {
                    sum += data[from + sx]!;
                }
                sums[x]! += sum;
            }
        }
        for (let x = 0; x < width; x++) {
            const columns = xs[x + 1]! - Math.max(0, xs[x]!);
            samples[row + x] = columns > 0 ? sums[x]! / (rows * columns) : NaN;
        }
    }
}

/** Colour the samples of a plane: pixels, ABGR as ImageData keeps them. */
export function shadeSamples(
    plane: Plane,
    samples: Float32Array,
    win: Window,
    table: Uint32Array,
    pixels: Uint32Array,
): void {
    const { gain, offset } = indexOf(plane, win);
    for (let i = 0; i < pixels.length; i++) {
        const index = samples[i]! * gain + offset;
        // Not a number fails every comparison.
        if (index >= 255) {
            pixels[i] = table[255]!;
        } else if (index > 0) {
            pixels[i] = table[(index + 0.5) | 0]!;
        } else {
            pixels[i] = index <= 0 ? table[0]! : GROUND;
        }
    }
}

/** Both steps at once, for small pictures. */
export function drawPlane(
    plane: Plane,
    view: View,
    pane: Size,
    win: Window,
    table: Uint32Array,
): Uint32Array {
    const samples = new Float32Array(pane.width * pane.height);
    const pixels = new Uint32Array(samples.length);
    samplePlane(plane, view, pane, samples);
    shadeSamples(plane, samples, win, table, pixels);
    return pixels;
}
