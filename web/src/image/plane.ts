/* One picture as the server sends it: float32 values, or bytes that a window has been put on.
 * Values are what people read off (attenuation per pixel, counts); bytes stand for values between
 * `lo` and `hi`. */

export interface Plane {
    readonly width: number;
    readonly height: number;
    readonly data: Float32Array | Uint8Array;
    /** Bytes: the values that 0 and 255 stand for. Floats: the 5 and 95 % values. */
    readonly lo: number;
    readonly hi: number;
    /** Pixels of the whole picture; more than width where a smaller copy was asked for. */
    readonly fullWidth: number;
    readonly fullHeight: number;
}

export interface Window {
    readonly lo: number;
    readonly hi: number;
}

/** The value of one pixel, NaN outside. */
export function valueAt(plane: Plane, x: number, y: number): number {
    if (x < 0 || y < 0 || x >= plane.width || y >= plane.height) {
        return NaN;
    }
    const raw = plane.data[y * plane.width + x]!;
    return plane.data instanceof Uint8Array ? plane.lo + ((plane.hi - plane.lo) * raw) / 255 : raw;
}

/** Factor and offset that take what is stored to a table's index 0-255 under this window. A window
 *  without width is a threshold: what lies above is white. */
export function indexOf(plane: Plane, win: Window): { gain: number; offset: number } {
    const width = Math.max(win.hi - win.lo, Number.MIN_VALUE * 2 ** 60);
    const gain = Math.min(255 / width, 1e30);
    if (!(plane.data instanceof Uint8Array)) {
        return { gain, offset: -win.lo * gain };
    }
    const step = (plane.hi - plane.lo) / 255;
    return { gain: gain * step, offset: (plane.lo - win.lo) * gain };
}

export function planeBytes(plane: Plane): number {
    return plane.data.byteLength;
}

/** A reply body with its headers as a plane; throws when they do not fit together. */
export function decodePlane(body: ArrayBuffer, header: (name: string) => string | null): Plane {
    const number = (name: string, otherwise?: number): number => {
        const text = header(name);
        const value = text === null || text === '' ? otherwise : Number(text);
        if (value === undefined || !Number.isFinite(value)) {
            throw new Error(`the server's picture says ${name}: ${text ?? 'nothing'}`);
        }
        return value;
    };
    const width = number('X-Width');
    const height = number('X-Height');
    const floats = body.byteLength === width * height * 4;
    if (!floats && body.byteLength !== width * height) {
        throw new Error(`a picture of ${width} x ${height} came with ${body.byteLength} bytes`);
    }
    return {
        width,
        height,
        data: floats ? new Float32Array(body) : new Uint8Array(body),
        lo: number('X-Lo', 0),
        hi: number('X-Hi', 255),
        fullWidth: number('X-Full-Width', width),
        fullHeight: number('X-Full-Height', height),
    };
}
