/* Voxels of a file and voxels as NiiVue turns them (right, front, up): where one is among the other. Pure.
 *
 * `perm` is NiiVue's permRAS: for each of the three turned axes the file's axis, from 1, negative when it runs backwards. */

export type Sizes = readonly [number, number, number];

/** Position among the turned voxels = start + column x step[0] + row x step[1] + slice x step[2]. */
export interface Turn {
    start: number;
    step: [number, number, number];
}

export function turnOf(perm: readonly number[], dims: Sizes): Turn {
    const turn: Turn = { start: 0, step: [1, 1, 1] };
    let stride = 1;
    for (const signed of perm.slice(0, 3)) {
        const axis = Math.abs(signed) - 1;
        const n = dims[axis]!;
        turn.step[axis] = signed < 0 ? -stride : stride;
        turn.start += signed < 0 ? (n - 1) * stride : 0;
        stride *= n;
    }
    return turn;
}

/** Labels of a file for a grid of `small` voxels, which may be coarser by whole steps: the middle voxel of each block. */
export function turned(labels: Uint8Array, dims: Sizes, small: Sizes, perm: readonly number[]): Uint8Array {
    const turn = turnOf(perm, small);
    const out = new Uint8Array(small[0] * small[1] * small[2]);
    const pick = [0, 1, 2].map((k) => {
        const f = Math.ceil(dims[k]! / small[k]!);
        return Array.from({ length: small[k]! }, (_, i) => Math.min(dims[k]! - 1, i * f + (f >> 1)));
    });
    for (let z = 0; z < small[2]; z++) {
        for (let y = 0; y < small[1]; y++) {
            const from = (pick[2]![z]! * dims[1] + pick[1]![y]!) * dims[0];
            let to = turn.start + z * turn.step[2] + y * turn.step[1];
            for (let x = 0; x < small[0]; x++, to += turn.step[0]) {
                out[to] = labels[from + pick[0]![x]!]!;
            }
        }
    }
    return out;
}

/** And back: the file's order from the turned one, of the same size. */
export function turnedBack(bitmap: Uint8Array, dims: Sizes, perm: readonly number[]): Uint8Array {
    const turn = turnOf(perm, dims);
    const out = new Uint8Array(dims[0] * dims[1] * dims[2]);
    let to = 0;
    for (let z = 0; z < dims[2]; z++) {
        for (let y = 0; y < dims[1]; y++) {
            let from = turn.start + z * turn.step[2] + y * turn.step[1];
            for (let x = 0; x < dims[0]; x++, from += turn.step[0]) {
                out[to++] = bitmap[from]!;
            }
        }
    }
    return out;
}

export interface Box {
    label: string;
    score: number;
    /** Column, row, slice. */
    min: [number, number, number];
    /** Behind the last. */
    max: [number, number, number];
}

/** The faces of boxes as labels 1, 2, ...: every plane cuts them in rectangles. */
export function drawBoxes(boxes: readonly Box[], dims: Sizes): Uint8Array {
    const out = new Uint8Array(dims[0] * dims[1] * dims[2]);
    boxes.slice(0, 255).forEach((box, at) => {
        const low = box.min.map((n) => Math.max(0, Math.round(n)));
        const high = box.max.map((n, k) => Math.min(dims[k]!, Math.round(n)) - 1);
        for (let z = low[2]!; z <= high[2]!; z++) {
            for (let y = low[1]!; y <= high[1]!; y++) {
                const face = z === low[2] || z === high[2] || y === low[1] || y === high[1];
                for (let x = low[0]!; x <= high[0]!; x += face ? 1 : Math.max(1, high[0]! - low[0]!)) {
                    out[(z * dims[1] + y) * dims[0] + x] = at + 1;
                }
            }
        }
    });
    return out;
}
