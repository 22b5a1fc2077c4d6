/* NIfTI-1 masks as bytes: read from the server, written for it. Images are NiiVue's business; a mask's labels are ours,
 * because they are drawn on and counted. Pure. */

export interface Mask {
    /** Columns, rows, slices. */
    dims: [number, number, number];
    /** One label a voxel, columns fastest, as in the file. */
    labels: Uint8Array;
}

const HEADER = 352;
const U8 = 2;
const I16 = 4;
const U16 = 512;

/** Unpacks what is packed. */
export async function unpacked(bytes: ArrayBuffer): Promise<ArrayBuffer> {
    const front = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
    if (front[0] !== 0x1f || front[1] !== 0x8b) {
        return bytes;
    }
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer();
}

/** The labels of an unpacked NIfTI-1 file of whole numbers; throws a line that says why not. */
export function readMask(bytes: ArrayBuffer): Mask {
    const view = new DataView(bytes);
    if (bytes.byteLength < HEADER || view.getInt32(0, true) !== 348) {
        throw new Error('the mask is no NIfTI-1 file');
    }
    const dims: [number, number, number] = [view.getInt16(42, true), view.getInt16(44, true), view.getInt16(46, true)];
    const kind = view.getInt16(70, true);
    const from = view.getFloat32(108, true);
    const n = dims[0] * dims[1] * dims[2];
    const wide = kind === I16 || kind === U16;
    if ((kind !== U8 && !wide) || !(n > 0) || bytes.byteLength < from + n * (wide ? 2 : 1)) {
        throw new Error('the mask is cut short, or holds no labels');
    }
    if (!wide) {
        return { dims, labels: new Uint8Array(bytes, from, n).slice() };
    }
    const labels = new Uint8Array(n);
    for (let i = 0; i < n; i++) {
        const label = view.getUint16(from + 2 * i, true);
        if (label > 255) {
            throw new Error(`the mask has label ${label}: labels over 255 are not shown here`);
        }
        labels[i] = label;
    }
    return { dims, labels };
}

/** A NIfTI-1 file of a mask; `affine`: three rows of the voxels' place in millimetres, `mm` their size. */
export function writeMask(mask: Mask, affine: readonly (readonly number[])[]): ArrayBuffer {
    const bytes = new ArrayBuffer(HEADER + mask.labels.length);
    const view = new DataView(bytes);
    view.setInt32(0, 348, true);
    [3, ...mask.dims, 1, 1, 1, 1].forEach((n, i) => view.setInt16(40 + 2 * i, n, true));
    view.setInt16(70, U8, true);
    view.setInt16(72, 8, true);
    view.setFloat32(76, 1, true);
    for (let k = 0; k < 3; k++) {
        view.setFloat32(80 + 4 * k, Math.hypot(affine[0]![k]!, affine[1]![k]!, affine[2]![k]!), true);
    }
    view.setFloat32(108, HEADER, true);
    view.setFloat32(112, 1, true); // slope
    view.setUint8(123, 2); // millimetres
    view.setInt16(254, 1, true); // sform: the scanner's place
    affine.slice(0, 3).forEach((row, i) => row.slice(0, 4).forEach((x, k) => view.setFloat32(280 + 16 * i + 4 * k, x, true)));
    [0x6e, 0x2b, 0x31].forEach((byte, i) => view.setUint8(344 + i, byte)); // "n+1"
    new Uint8Array(bytes, HEADER).set(mask.labels);
    return bytes;
}

export async function packed(bytes: ArrayBuffer): Promise<Blob> {
    return new Response(new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'))).blob();
}

/** Voxels of each label. */
export function countLabels(labels: Uint8Array): number[] {
    const counts = new Array<number>(256).fill(0);
    for (let i = 0; i < labels.length; i++) {
        counts[labels[i]!]!++;
    }
    return counts;
}
