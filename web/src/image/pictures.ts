/* What the server has to look at, and the addresses of its pictures. */
import { apiUrl, get } from '../api';
import type { Window } from './plane';

export interface TryPictures {
    row: number;
    /** Detector rows that were tried. */
    rows?: number[];
    centres: number[];
    /** As the finder left them, each in its own measure; null where a centre has none. */
    scores?: (number | null)[];
    best?: number | null;
    width?: number;
    height?: number;
}
export interface FullPictures {
    first: number;
    last: number;
    width: number;
    height: number;
    source?: string;
    /** More slices are being made. */
    growing?: boolean;
    /** Why it cannot be read; then the numbers are missing. */
    problem?: string;
}
export interface RawPictures {
    frames: number;
    rows: number;
    columns: number;
    flats: number;
    darks: number;
    problem?: string;
}
export interface Pictures {
    try?: TryPictures | null;
    full?: FullPictures | null;
    raw?: RawPictures | null;
}

export function getPictures(item: number, signal?: AbortSignal): Promise<Pictures> {
    return get<Pictures>(`pictures/${item}`, undefined, signal);
}

/** A try slice. `max`: the longest side of a smaller copy. */
export function tryUrl(item: number, centre: number, max?: number): string {
    return apiUrl(`slices/${item}`, { kind: 'try', centre, format: 'raw', max });
}

export function tryThumb(item: number, centre: number | null, max: number): string {
    return apiUrl(`slices/${item}`, { kind: 'try', centre, format: 'png', auto: true, max });
}

export function fullUrl(item: number, index: number): string {
    return apiUrl(`slices/${item}`, { kind: 'full', index, format: 'raw' });
}

/** The same in bytes between the window's ends (null: 5-95 %), a quarter as many; `max`: smaller. */
export function fullBytesUrl(item: number, index: number, win: Window | null, max?: number): string {
    return apiUrl(`slices/${item}`, { kind: 'full', index, format: 'raw8', lo: win?.lo, hi: win?.hi, max });
}

export interface RawShown {
    kind: 'raw' | 'sinogram';
    flat: boolean;
    /** Columns by which the white field is moved to the right. */
    shift: number;
}

/** A projection, or the sinogram of a detector row. */
export function rawUrl(item: number, index: number, shown: RawShown, max?: number): string {
    const flat = shown.flat ? { flat: true, shift: shown.shift || undefined } : {};
    return apiUrl(`slices/${item}`, { kind: shown.kind, index, format: 'raw', max, ...flat });
}

export interface Item {
    id: number;
    name: string;
    project: number;
    series: string;
    status: string;
    cor: number | null;
    cor_source: string | null;
    confidence: number | null;
    path?: string;
}

export function getItem(item: number, signal?: AbortSignal): Promise<Item> {
    return get<Item>(`items/${item}`, undefined, signal);
}

/** Two decimals, as everywhere (C9); a dash for none. */
export function centreText(centre: number | null | undefined): string {
    return centre === null || centre === undefined || !Number.isFinite(centre) ? '–' : centre.toFixed(2);
}
