/* What the viewer asks of the server for one series of one prediction. The image begins at once; what lies over it comes
 * beside it. A large image comes twice: first small enough to be drawn at once. */
import { apiUrl, get, Problem } from '../api';
import { drawBoxes, type Sizes } from './grid';
import { MANY_VOXELS, MORE_COLOURS, SMALL_SIDE, type Boxes, type History, type Label, type SeriesView, type Values, type Version } from './looks';
import { readMask, unpacked, type Mask } from './nifti';
import type { Image } from './picture';

export async function bytesOf(path: string, query: Record<string, string | number>, signal: AbortSignal): Promise<ArrayBuffer> {
    const answer = await fetch(apiUrl(path, query), { signal });
    if (!answer.ok) {
        const said = (await answer.json().catch(() => ({}))) as { detail?: string; code?: string };
        throw new Problem(answer.status, said.code ?? '', said.detail ?? `the server answers ${answer.status}`);
    }
    return unpacked(await answer.arrayBuffer());
}

export function sizesOf(view: SeriesView): Sizes {
    return [view.columns, view.rows, view.slices];
}

export function isLarge(view: SeriesView): boolean {
    return view.columns * view.rows * view.slices * Math.max(1, view.times) > MANY_VOXELS;
}

export async function loadImage(view: SeriesView, small: boolean, signal: AbortSignal): Promise<Image> {
    const query: Record<string, number> = view.kind === 'dicom' || isLarge(view) ? { plain: 1 } : {};
    if (small) {
        query.most = SMALL_SIDE;
    }
    const bytes = await bytesOf(`volumes/${view.item}`, query, signal);
    performance.mark('results: bytes there');
    return { bytes, full: sizesOf(view) };
}

export interface Overlay {
    mask: Mask | null;
    labels: Label[];
    values?: Values;
    boxes?: Boxes;
}

/** What a prediction made of the series. */
export async function loadResult(view: SeriesView, run: number, task: string, small: boolean, signal: AbortSignal): Promise<Overlay> {
    const path = `predictions/${run}/files/${view.item}/`;
    if (task === 'classification') {
        return { mask: null, labels: [], values: await get<Values>(path + 'values', undefined, signal) };
    }
    if (task === 'detection') {
        const boxes = await get<Boxes>(path + 'boxes', undefined, signal);
        const labels = boxes.boxes.slice(0, 255).map((box, i) => ({
            value: i + 1, name: `${box.label || 'box'} ${box.score.toFixed(2)}`, colour: MORE_COLOURS[i % MORE_COLOURS.length]!, voxels: 0, ml: 0,
        }));
        const dims = sizesOf(view);
        return { mask: { dims: [dims[0], dims[1], dims[2]], labels: drawBoxes(boxes.boxes, dims) }, labels, boxes };
    }
    const [bytes, facts] = await Promise.all([bytesOf(path + 'mask', small ? { most: SMALL_SIDE } : {}, signal), get<{ labels: Label[] }>(path + 'facts', undefined, signal)]);
    return { mask: readMask(bytes), labels: facts.labels };
}

export async function loadVersion(id: number, signal: AbortSignal): Promise<Overlay> {
    const [bytes, facts] = await Promise.all([bytesOf(`annotations/${id}/mask`, {}, signal), get<{ labels: Label[] }>(`annotations/${id}/facts`, undefined, signal)]);
    return { mask: readMask(bytes), labels: facts.labels };
}

export interface Annotations {
    rows: Version[];
    history: History[];
}

export async function loadVersions(item: number, run: number): Promise<Annotations> {
    return get<Annotations>('annotations', { item, run });
}

/** So that the next series is there at once: the server makes its small picture while this one is looked at. */
export function fetchAhead(item: number): void {
    fetch(apiUrl(`volumes/${item}`, { plain: 1, most: SMALL_SIDE }), { priority: 'low' }).then((answer) => answer.arrayBuffer()).catch(() => undefined);
}
