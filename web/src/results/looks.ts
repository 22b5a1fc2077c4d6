/* What the results viewer shows and how: facts from the server, windows, labels. Pure. */
import type { Box } from './grid';

export interface SeriesView {
    run: number;
    model: string;
    version: string;
    /** classification, segmentation, detection */
    task: string;
    dataset: string;
    dataset_id: number;
    project: number;
    settings: Record<string, unknown>;
    user: string;
    item: number;
    task_id: number;
    name: string;
    kind: 'nifti' | 'dicom';
    modality: string;
    description: string;
    patient: string;
    date: string;
    columns: number;
    rows: number;
    slices: number;
    times: number;
    state: string;
    done: boolean;
    message: string;
    values: Record<string, unknown>;
    position: number;
    total: number;
    previous: number;
    next: number;
    same_patient: { item: number; date: string; name: string }[];
    others: { run: number; model: string; version: string; task: string; settings: Record<string, unknown>; user: string }[];
}

export interface Label {
    value: number;
    name: string;
    colour: string;
    voxels: number;
    ml: number;
}

export interface Values {
    labels: string[];
    scores: number[];
    label: string;
    attention?: { slice: number; weight: number }[];
}

export interface Boxes {
    boxes: Box[];
}

export type Verdict = 'draft' | 'accepted' | 'rejected';

export interface Version {
    id: number;
    run: number | null;
    version: number;
    state: Verdict;
    comment: string;
    user: string;
    t_us: number;
    mask: boolean;
}

export interface History {
    t_us: number;
    text: string;
    data: { version: number; state: Verdict; user: string; comment: string };
}

export interface Preset {
    name: string;
    /** Darkest and brightest value; null: what the image itself suggests; 'full': all it has. */
    range: [number, number] | null | 'full';
}

/** Centre and width as radiologists use them, in HU. */
const CT: Preset[] = [
    { name: 'Lung', range: [-1350, 150] },
    { name: 'Soft tissue', range: [-160, 240] },
    { name: 'Bone', range: [-450, 1050] },
    { name: 'Brain', range: [0, 80] },
    { name: 'Full', range: 'full' },
];

export function presetsFor(modality: string): Preset[] {
    return modality === 'CT' ? CT : [{ name: 'Auto', range: null }, { name: 'Full', range: 'full' }];
}

/** More voxels than this are first shown smaller. */
export const MANY_VOXELS = 8e6;
/** The side of that smaller picture, at most. */
export const SMALL_SIDE = 160;

/** Colours of labels that a person adds; those of the model come with its results. */
export const MORE_COLOURS = ['#4c9be8', '#e8654c', '#5cc46c', '#d8b23c', '#a070e0', '#40c0c0', '#e070b0', '#90b040'];

/** "overlap 0.5, threshold 0.3" */
export function settingsText(settings: Record<string, unknown>): string {
    return Object.entries(settings).map(([key, value]) => `${key} ${typeof value === 'string' ? value : JSON.stringify(value)}`).join(', ');
}
