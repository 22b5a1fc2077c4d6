/* What the server tells of models, data sets and predictions, and the words for it. */
import { get } from '../api';
import { timeText } from '../words';
import type { Group } from '../groups';
import type { Settings } from './settings';

/** Microseconds since 1970, or the same as text. */
export type Time = number | string | null | undefined;

export interface ModelCard {
    name: string;
    version?: string;
    task: string;
    description?: string;
    architecture?: string;
    demonstration?: boolean;
    engine?: string;
    input?: { modality?: string; spacing?: (number | null)[] | null; patch?: number[]; slices?: number; slices_min?: number };
    output?: { labels?: string[]; colours?: string[] };
    settings?: Settings | null;
    scores?: Record<string, number> | null;
    licence?: string;
    source?: string;
    checksum?: string;
}

export interface Model {
    name: string;
    version?: string;
    task: string;
    modality?: string;
    description?: string;
    demonstration?: boolean;
    archived?: boolean;
    /** Why it cannot be used; '': it can. */
    problem?: string;
    from?: string;
    folder?: string;
    size?: number | null;
}

export interface ModelDetails extends Model {
    card: ModelCard;
    /** What may be set: the card's own settings and what the tools can do with any model of its task. */
    form?: Settings | null;
    used_by?: number[];
}

export interface DataSet {
    id: number;
    name: string;
    description?: string;
    project?: string;
    project_id?: number;
    modality?: string;
    places?: string[];
    series: number;
    patients: number;
    problems: number;
    /** What they are of: CT,MR. */
    modalities: string;
    user?: string;
    created?: Time;
    scanned?: Time;
}

export interface Series {
    id: number;
    name: string;
    kind?: string;
    modality?: string;
    description?: string;
    patient?: string;
    date?: string;
    columns?: number;
    rows?: number;
    slices?: number;
    times?: number;
    spacing?: (number | null)[] | null;
    orientation?: string;
    problem?: string;
}

export interface Prediction {
    id: number;
    model: string;
    version?: string;
    dataset: string;
    dataset_id: number;
    task: string;
    user: string;
    state: string;
    group: string;
    total: number;
    finished: number;
    failed: number;
    cancelled?: number;
    progress: number;
    started: Time;
    ended: Time;
    trial?: boolean;
    project?: number;
}

export interface PredictionDetails extends Prediction {
    settings: Record<string, unknown>;
    checksum?: string;
    folder?: string;
    again_of?: number | null;
    host?: string;
    seconds_mean?: number | null;
    seconds_longest?: number | null;
}

export interface Predicted {
    id: number;
    task: number;
    name: string;
    patient?: string;
    date?: string;
    modality?: string;
    slices?: number;
    state: string;
    group: string;
    seconds?: number | null;
    message?: string | null;
    values?: Record<string, unknown> | null;
    /** While it runs, from the events: 0 to 1. */
    part?: number | null;
}

export interface Misfit {
    reason: string;
    n: number;
    items: number[];
}

export interface Check {
    total: number;
    fit: number;
    misfits: Misfit[];
    /** null: not known, nothing like it ran before. */
    seconds: number | null;
    slots: number;
    /** All of it as one line. */
    text: string;
}

export interface Validation {
    run: number;
    kind?: string;
    truth?: string;
    state?: string;
    user?: string;
    started?: Time;
}

/** Colour classes of the table: a cancelled one is neither waiting nor wrong. */
export function groupOf(word: string): Group {
    return word === 'cancelled' ? 'idle' : (word as Group);
}

const SERIES_WORDS: Record<string, string> = {
    waiting: 'Queued', ready: 'Queued', held: 'Held', done: 'Completed', cached: 'Completed', failed: 'Failed', blocked: 'Failed',
    cancelled: 'Cancelled', suspended: 'Suspended',
};

/** State and colour of one series by its task's state, in the server's words (report/prediction-words.c). */
export function seriesState(state: string): { state: string; group: string } {
    const word = SERIES_WORDS[state] ?? 'In Progress';
    const group = word === 'Completed' ? 'done' : word === 'Failed' ? 'failed' : word === 'Cancelled' ? 'cancelled' : word === 'Queued' || word === 'Held' ? 'waiting' : 'running';
    return { state: word, group };
}

/** Some results are there to be looked at. */
export function hasResults(one: Prediction): boolean {
    return !isLive(one) && one.finished > one.failed + (one.cancelled ?? 0);
}

export function isLive(one: Prediction): boolean {
    return one.group === 'waiting' || one.group === 'running';
}

export function micros(time: Time): number {
    if (typeof time === 'string') {
        return time === '' ? NaN : Date.parse(time) * 1000;
    }
    return time ?? NaN;
}

/** 512 x 512 x 300, with times where there are several. */
export function sizeText(one: Series): string {
    const sizes = [one.columns, one.rows, one.slices].map((n) => n ?? 0);
    if (sizes.every((n) => n === 0)) {
        return '';
    }
    return sizes.join(' × ') + ((one.times ?? 1) > 1 ? ` × ${one.times}` : '');
}

/** 0.7 × 0.7 × 5 mm */
export function spacingText(spacing: Series['spacing']): string {
    const known = (spacing ?? []).filter((one): one is number => typeof one === 'number');
    return known.length === 3 ? known.map((one) => String(Number(one.toFixed(3)))).join(' × ') : '';
}

/** Values of a result as one line: "lung 812 ml, opacity 3.2 ml". */
export function valuesText(values: Record<string, unknown> | null | undefined): string {
    const words: string[] = [];
    for (const [key, value] of Object.entries(values ?? {})) {
        if (key === 'device' || key === 'seconds_model' || value === null) {
            continue;
        }
        const number = typeof value === 'number' ? String(Number(value.toPrecision(4))) : String(value);
        words.push(key.startsWith('ml.') ? `${key.slice(3)} ${number} ml` : key.startsWith('score.') ? `${key.slice(6)} ${number}` : key === 'label' ? number : `${key} ${number}`);
    }
    return words.join(', ');
}

/** Models that a batch can be made with. */
export const PREDICTS = ['segmentation', 'classification', 'detection'];

/** Lists come bare or under a name. */
export async function listOf<T>(path: string, name: string, query?: Record<string, string | number>): Promise<T[]> {
    const answer = await get<T[] | Record<string, T[]>>(path, query);
    return Array.isArray(answer) ? answer : (answer.rows ?? answer[name] ?? []);
}

export function aboutTime(time: Time): string {
    return timeText(micros(time) || 0);
}
