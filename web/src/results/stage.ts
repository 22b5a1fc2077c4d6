/* NiiVue as the results viewer uses it: one image, and one mask that lies in NiiVue's drawing layer, so that what a model
 * made is shown and edited in one way, and a label is hidden or coloured without making textures anew. */
import { DRAG_MODE, MULTIPLANAR_TYPE, Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { turned, turnedBack, type Sizes } from './grid';
import type { Label, Preset } from './looks';
import type { Mask } from './nifti';

export type View = 'all' | 'axial' | 'coronal' | 'sagittal';
const VIEWS: Record<View, SLICE_TYPE> = { all: SLICE_TYPE.MULTIPLANAR, axial: SLICE_TYPE.AXIAL, coronal: SLICE_TYPE.CORONAL, sagittal: SLICE_TYPE.SAGITTAL };
const CROSSHAIR = 0.25; // of the canvas, per cent
const UNDO_STEPS = 8; // NiiVue keeps so many

export interface Spot {
    mm: number[];
    /** Of the series, from 0. */
    slice: number;
    value: number;
    label: number;
}

export interface Hooks {
    moved: (spot: Spot) => void;
    /** Somebody drew, or took a stroke back. */
    drew: () => void;
}

/** Is WebGL drawn by the processor? Then large textures take seconds. */
export function drawsInSoftware(gl: WebGL2RenderingContext): boolean {
    const info = gl.getExtension('WEBGL_debug_renderer_info');
    const name = info ? String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)) : '';
    return /swiftshader|llvmpipe|software|softpipe/i.test(name);
}

function coloursOf(labels: readonly Label[], hidden: ReadonlySet<number>): Uint8ClampedArray {
    const lut = new Uint8ClampedArray(256 * 4);
    for (let i = 1; i < 256; i++) {
        lut.set([255, 255, 255, 255], 4 * i); // of no known name: white
    }
    for (const label of labels) {
        const rgb = [1, 3, 5].map((at) => parseInt(label.colour.slice(at, at + 2), 16) || 0);
        lut.set([...rgb, 255], 4 * label.value);
    }
    for (const value of hidden) {
        lut[4 * value + 3] = 0;
    }
    return lut;
}

/** With every image NiiVue works out a texture of gradients, for its 3-D rendering: two passes over all voxels, which is most
 * of the time in software, and twice the image's memory. Nothing is rendered in 3-D here, so they become one voxel a slice. */
function withoutGradients(nv: Niivue): void {
    const make = nv.rgbaTex.bind(nv);
    const units: number[] = [nv.gl.TEXTURE6, nv.gl.TEXTURE8];
    nv.rgbaTex = (texture, unit, dims, ...more) => make(texture, unit, units.includes(unit) ? [dims[0]!, 1, 1, dims[3]!] : dims, ...more);
}

export class Stage {
    readonly software: boolean;
    private image: NVImage | null = null;
    private full: Sizes = [1, 1, 1];
    private strokes = 0;
    private constructor(readonly nv: Niivue, private readonly hooks: Hooks) {
        this.software = drawsInSoftware(nv.gl);
    }

    static async open(canvas: HTMLCanvasElement, hooks: Hooks): Promise<Stage> {
        const nv = new Niivue({
            backColor: [0, 0, 0, 1], crosshairColor: [0.35, 0.65, 1, 0.8], crosshairWidth: CROSSHAIR, crosshairWidthUnit: 'percent', showAllOrientationMarkers: true,
            fontColor: [0.9, 0.9, 0.9, 1], loadingText: '', isResizeCanvas: true, dragAndDropEnabled: false, isOrientationTextVisible: true, multiplanarLayout: MULTIPLANAR_TYPE.GRID,
            multiplanarShowRender: SHOW_RENDER.NEVER, dragMode: DRAG_MODE.contrast, logLevel: 'error', maxDrawUndoBitmaps: UNDO_STEPS,
        });
        await nv.attachToCanvas(canvas, true);
        withoutGradients(nv);
        performance.mark('results: WebGL there');
        const stage = new Stage(nv, hooks);
        nv.onLocationChange = () => stage.tell();
        nv.onDrawingChanged = (action: string) => {
            if (action === 'draw') {
                stage.strokes = Math.min(stage.strokes + 1, UNDO_STEPS - 1);
                hooks.drew();
            }
        };
        return stage;
    }

    /** The series, whole or smaller; `full` are the sizes of the series itself. The place stays where it was. */
    async show(bytes: ArrayBuffer, full: Sizes, preset: Preset): Promise<void> {
        const image = await NVImage.loadFromUrl({ url: bytes, name: 'series.nii', colormap: 'gray' });
        performance.mark('results: image read');
        const at = this.image ? [...this.nv.frac2mm(this.nv.scene.crosshairPos)] : null;
        this.nv.closeDrawing();
        for (const old of [...this.nv.volumes]) {
            this.nv.removeVolume(old);
        }
        this.image = image;
        this.full = full;
        this.setRange(image, preset);
        this.nv.addVolume(image);
        performance.mark('results: image drawn');
        if (at) {
            this.moveTo([at[0]!, at[1]!, at[2]!]);
        }
        this.tell();
    }

    private get dims(): [number, number, number] {
        const dims = this.image?.hdr?.dims ?? [3, 1, 1, 1];
        return [dims[1]!, dims[2]!, dims[3]!];
    }

    private get perm(): number[] {
        return this.image?.permRAS ?? [1, 2, 3];
    }

    /** Are its voxels those of the series? Only then a mask can be drawn. */
    get whole(): boolean {
        return this.image !== null && this.dims.every((n, k) => n === this.full[k]);
    }

    /** `null`: an empty one. */
    mask(mask: Mask | null): void {
        if (!this.image) {
            return;
        }
        const fits = (sizes: Sizes): boolean => mask === null || mask.dims.every((n, k) => n === sizes[k]);
        if (mask && !fits(this.full) && !fits(this.dims)) {
            throw new Error(`the mask has ${mask.dims.join(' x ')} voxels, the series ${this.full.join(' x ')}`);
        }
        this.nv.createEmptyDrawing();
        if (mask) {
            this.nv.drawBitmap = turned(mask.labels, mask.dims, this.dims, this.perm);
            this.nv.drawClearAllUndoBitmaps();
            this.nv.drawAddUndoBitmap();
            this.nv.refreshDrawing(true);
        }
        this.strokes = 0;
        this.tell();
        performance.mark('results: mask drawn');
    }

    /** What is drawn now, in the order of the series. */
    drawn(): Mask | null {
        return this.nv.drawBitmap && this.whole ? { dims: this.dims, labels: turnedBack(this.nv.drawBitmap, this.dims, this.perm) } : null;
    }

    affine(): number[][] {
        return (this.image?.hdr?.affine ?? []).slice(0, 3);
    }

    look(labels: readonly Label[], hidden: ReadonlySet<number>, opacity: number): void {
        this.nv.drawLut = { ...this.nv.drawLut, lut: coloursOf(labels, hidden) };
        this.nv.drawOpacity = opacity;
        if (this.image) {
            this.nv.refreshColormaps();
            this.nv.drawScene();
        }
    }

    private setRange(image: NVImage, preset: Preset): void {
        const [low, high] = preset.range === 'full' ? [image.global_min, image.global_max] : (preset.range ?? [image.robust_min, image.robust_max]);
        image.cal_min = low ?? image.cal_min;
        image.cal_max = high ?? image.cal_max;
    }

    window(preset: Preset): void {
        if (this.image) {
            this.setRange(this.image, preset);
            this.nv.updateGLVolume();
        }
    }

    view(view: View, patientLeftOnRight: boolean): void {
        this.nv.setSliceType(VIEWS[view]);
        this.nv.opts.isRadiologicalConvention = patientLeftOnRight; // its own setter makes all textures anew
        this.nv.drawScene();
    }

    /** Dragging draws `label` (0 erases); null: it moves the cursor. */
    pen(label: number | null, size: number): void {
        this.nv.opts.penSize = size;
        if (label !== null) {
            this.nv.setPenValue(label, false);
        }
        if (this.nv.opts.drawingEnabled !== (label !== null)) {
            this.nv.setDrawingEnabled(label !== null);
        }
    }

    /** One dab of the pen at the cursor, for hands without a mouse. */
    dab(): void {
        const { nv } = this;
        if (nv.opts.drawingEnabled && nv.drawBitmap) {
            const [x, y, z] = nv.frac2vox(nv.scene.crosshairPos);
            nv.drawPenAxCorSag = 0;
            nv.drawPt(x!, y!, z!, nv.opts.penValue);
            nv.drawPenAxCorSag = -1;
            nv.drawAddUndoBitmap();
            nv.refreshDrawing(true);
            nv.onDrawingChanged('draw');
        }
    }

    get mayUndo(): boolean {
        return this.strokes > 0;
    }

    undo(): void {
        if (this.strokes > 0) {
            this.strokes--;
            this.nv.drawUndo();
            this.hooks.drew();
        }
    }

    step(x: number, y: number, z: number): void {
        this.nv.moveCrosshairInVox(x, y, z);
    }

    moveTo(mm: readonly [number, number, number]): void {
        this.nv.scene.crosshairPos = this.nv.mm2frac([...mm]);
        this.nv.drawScene();
        this.nv.createOnLocationChange();
    }

    /** To slice `n` of the series, where the cursor is otherwise. */
    toSlice(n: number): void {
        const { perm } = this;
        const axis = perm.findIndex((signed) => Math.abs(signed) === 3);
        const part = (n + 0.5) / this.full[2];
        const frac = [...this.nv.scene.crosshairPos] as [number, number, number];
        frac[axis] = perm[axis]! < 0 ? 1 - part : part;
        this.nv.scene.crosshairPos = frac;
        this.nv.drawScene();
        this.nv.createOnLocationChange();
    }

    private tell(): void {
        const { nv, image, perm } = this;
        if (!image) {
            return;
        }
        const frac = nv.scene.crosshairPos;
        const vox = [...nv.frac2vox(frac)] as [number, number, number];
        const axis = perm.findIndex((signed) => Math.abs(signed) === 3);
        const part = perm[axis]! < 0 ? 1 - frac[axis]! : frac[axis]!;
        const size = [0, 1, 2].map((k) => this.dims[Math.abs(perm[k]!) - 1]!);
        const at = vox[0] + size[0]! * (vox[1] + size[1]! * vox[2]);
        this.hooks.moved({
            mm: [...nv.frac2mm(frac)].slice(0, 3),
            slice: Math.max(0, Math.min(this.full[2] - 1, Math.floor(part * this.full[2]))),
            value: image.getValue(vox[0], vox[1], vox[2]),
            label: nv.drawBitmap?.[at] ?? 0,
        });
    }

    /** Cursor and view of another stage go along with this one. */
    lead(other: Stage | null): void {
        this.nv.broadcastTo(other ? [other.nv] : [], { '2d': true, '3d': false });
    }

    close(): void {
        this.nv.cleanup();
        this.nv.gl.getExtension('WEBGL_lose_context')?.loseContext();
    }
}
