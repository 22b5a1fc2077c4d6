/* What the volume viewer shows: one image below, others and tractograms over it. Pure facts, no WebGL. */

export interface FileFacts {
    id: number;
    project: number;
    study: number;
    psid: string;
    path: string;
    name: string;
    size: number;
    tags: string;
}

export type Kind = 'image' | 'tracts';

export interface Layer {
    file: FileFacts;
    kind: Kind;
    visible: boolean;
    opacity: number;
    /** Values shown darkest and brightest; null: what the picture itself suggests. */
    low: number | null;
    high: number | null;
    map: string;
    /** Which of several volumes. */
    frame: number;
}

/** Colours to choose from, by NiiVue's names and in plain words. */
export const MAPS: readonly [string, string][] = [
    ['gray', 'grey'], ['red', 'red'], ['green', 'green'], ['blue', 'blue'], ['warm', 'warm'], ['winter', 'cool'],
    ['hot', 'hot'], ['viridis', 'viridis'], ['inferno', 'inferno'], ['jet', 'rainbow'], ['roi_i256', 'labels'], ['freesurfer', 'FreeSurfer labels'],
];
const OVER = ['red', 'winter', 'green', 'warm', 'blue', 'viridis'];

/** NiiVue's bound: a side of a 3-D texture. */
export const MOST_BYTES = 2 ** 31;

export function kindOf(name: string): Kind | null {
    return /\.(tck|trk)$/i.test(name) ? 'tracts' : /\.(nii|nii\.gz|mgz|mgh)$/i.test(name) ? 'image' : null;
}

function labelled(name: string): boolean {
    return /(aseg|aparc|dseg|atlas|labels?|parc)/i.test(name);
}

/** How a file is shown at first: the first image grey below, every further one in a colour of its own. */
export function firstLook(file: FileFacts, before: readonly Layer[]): Layer {
    const kind = kindOf(file.name) ?? 'image';
    const images = before.filter((layer) => layer.kind === 'image').length;
    const below = kind === 'image' && images === 0;
    return {
        file,
        kind,
        visible: true,
        opacity: kind === 'tracts' ? 1 : below ? 1 : 0.6,
        low: null,
        high: null,
        map: below ? 'gray' : labelled(file.name) ? 'roi_i256' : OVER[(images + OVER.length - 1) % OVER.length]!,
        frame: 0,
    };
}

/** "3,14" of the address; what is no number is left out. */
export function idsOf(text: string | null): number[] {
    return [...new Set((text ?? '').split(',').map(Number).filter((id) => Number.isInteger(id) && id > 0))];
}

/** Three numbers of millimetres, as people read them. */
export function placeText(mm: readonly number[]): string {
    return mm.slice(0, 3).map((x) => x.toFixed(1)).join(', ');
}
