/* Colour maps as tables of 256 colours, packed the way ImageData keeps them (little endian: ABGR).
 * Viridis and inferno are ten anchors each, joined by a curve through them: no visible difference
 * from the published tables, and lightness rises all the way (tested). */

export type MapName = 'grey' | 'viridis' | 'inferno';
export const MAPS: readonly MapName[] = ['grey', 'viridis', 'inferno'];

const ANCHORS: Record<MapName, readonly number[]> = {
    grey: [0x000000, 0xffffff],
    viridis: [
        0x440154, 0x482878, 0x3e4989, 0x31688e, 0x26828e, 0x1f9e89, 0x35b779, 0x6ece58, 0xb5de2b,
        0xfde725,
    ],
    inferno: [
        0x000004, 0x1b0c41, 0x4a0c6b, 0x781c6d, 0xa52c60, 0xcf4446, 0xed6925, 0xfb9b06, 0xf7d13d,
        0xfcffa4,
    ],
};

/** Catmull-Rom through the four neighbours of a place between b and c. */
function curve(a: number, b: number, c: number, d: number, t: number): number {
    const up = 2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t;
    return (up + (3 * b - a - 3 * c + d) * t * t * t) / 2;
}

function channel(anchors: readonly number[], shift: number, at: number): number {
    const last = anchors.length - 1;
    const i = Math.min(last - 1, Math.floor(at * last));
    const of = (k: number): number => {
        // Beyond the ends the line goes on, so that two anchors make a straight ramp.
        const inside = (anchors[Math.max(0, Math.min(last, k))]! >> shift) & 255;
        if (k < 0) {
            return 2 * inside - ((anchors[1]! >> shift) & 255);
        }
        if (k > last) {
            return 2 * inside - ((anchors[last - 1]! >> shift) & 255);
        }
        return inside;
    };
    const value = curve(of(i - 1), of(i), of(i + 1), of(i + 2), at * last - i);
    return Math.max(0, Math.min(255, Math.round(value)));
}

function make(name: MapName, invert: boolean): Uint32Array {
    const table = new Uint32Array(256);
    for (let i = 0; i < 256; i++) {
        const at = (invert ? 255 - i : i) / 255;
        const [r, g, b] = [16, 8, 0].map((shift) => channel(ANCHORS[name], shift, at));
        table[i] = ((255 << 24) | (b! << 16) | (g! << 8) | r!) >>> 0;
    }
    return table;
}

const made = new Map<string, Uint32Array>();

/** The table of a map; made once. */
export function colours(name: MapName, invert = false): Uint32Array {
    const key = name + (invert ? '-' : '+');
    let table = made.get(key);
    if (!table) {
        table = make(name, invert);
        made.set(key, table);
    }
    return table;
}

/** "#rrggbb" of a table's entry, for legends. */
export function cssColour(table: Uint32Array, i: number): string {
    const c = table[i]!;
    const rgb = ((c & 255) << 16) | (((c >> 8) & 255) << 8) | ((c >> 16) & 255);
    return '#' + rgb.toString(16).padStart(6, '0');
}
