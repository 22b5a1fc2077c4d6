/* NiiVue behind a few words of our own: layers in, a place out. Everything that knows the library is here. */
import { DRAG_MODE, MULTIPLANAR_TYPE, Niivue, NVImage, NVMesh, SHOW_RENDER, SLICE_TYPE } from '@niivue/niivue';
import { Problem } from '../api';
import { MOST_BYTES, type Layer } from './layers';

export type View = 'all' | 'axial' | 'coronal' | 'sagittal' | 'solid';
const VIEWS: Record<View, SLICE_TYPE> = {
    all: SLICE_TYPE.MULTIPLANAR, axial: SLICE_TYPE.AXIAL, coronal: SLICE_TYPE.CORONAL, sagittal: SLICE_TYPE.SAGITTAL, solid: SLICE_TYPE.RENDER,
};

const CROSSHAIR = 0.25; // of the canvas, per cent

/** The crosshair: where, and what each image has there. */
export interface Place {
    mm: number[];
    values: { name: string; value: number }[];
}

export interface Range {
    low: number;
    high: number;
    frames: number;
}

export function hasWebGL(): boolean {
    return document.createElement('canvas').getContext('webgl2') !== null;
}

async function bytesOf(id: number, signal: AbortSignal): Promise<ArrayBuffer> {
    const answer = await fetch(`api/v1/file/${id}`, { signal });
    if (!answer.ok) {
        const said = (await answer.json().catch(() => ({}))) as { detail?: string; code?: string };
        throw new Problem(answer.status, said.code ?? '', said.detail ?? `the server answers ${answer.status}`);
    }
    if (Number(answer.headers.get('Content-Length')) > MOST_BYTES) {
        throw new Problem(413, 'too-large', 'files over 2 GB are not shown here');
    }
    return answer.arrayBuffer();
}

export class Scene {
    private readonly shown = new Map<number, NVImage | NVMesh>();
    private constructor(private readonly nv: Niivue) {}

    static async open(canvas: HTMLCanvasElement, tell: (place: Place) => void): Promise<Scene> {
        const nv = new Niivue({
            backColor: [0, 0, 0, 1], crosshairColor: [0.35, 0.65, 1, 0.8], crosshairWidth: CROSSHAIR, crosshairWidthUnit: 'percent', showAllOrientationMarkers: true, fontColor: [0.9, 0.9, 0.9, 1], loadingText: '',
            isResizeCanvas: true, dragAndDropEnabled: false, show3Dcrosshair: true, isOrientationTextVisible: true, isRadiologicalConvention: false,
            multiplanarLayout: MULTIPLANAR_TYPE.GRID, multiplanarShowRender: SHOW_RENDER.NEVER, dragMode: DRAG_MODE.contrast, logLevel: 'error',
            meshThicknessOn2D: 3, meshXRay: 0.35, limitFrames4D: 200,
        });
        nv.onLocationChange = (said) => {
            const at = said as { mm?: Iterable<number>; values?: { name: string; value: number }[] };
            tell({ mm: [...(at.mm ?? [])], values: (at.values ?? []).map(({ name, value }) => ({ name, value })) });
        };
        await nv.attachToCanvas(canvas, true);
        return new Scene(nv);
    }

    /** Fetches a layer's file and shows it; images before tractograms, in the order they are added. */
    async add(layer: Layer, signal: AbortSignal): Promise<Range | null> {
        const buffer = await bytesOf(layer.file.id, signal);
        if (signal.aborted) {
            return null;
        }
        if (layer.kind === 'tracts') {
            const mesh = await NVMesh.readMesh(buffer, layer.file.name, this.nv.gl, layer.opacity);
            if (signal.aborted) {
                return null;
            }
            this.nv.addMesh(mesh);
            this.shown.set(layer.file.id, mesh);
            return null;
        }
        const image = await NVImage.loadFromUrl({ url: buffer, name: layer.file.name, colormap: layer.map, opacity: layer.opacity });
        if (signal.aborted) {
            return null;
        }
        this.nv.addVolume(image);
        this.shown.set(layer.file.id, image);
        this.nv.createOnLocationChange();
        return { low: image.cal_min ?? 0, high: image.cal_max ?? 1, frames: image.nFrame4D ?? 1 };
    }

    change(layer: Layer): void {
        const shown = this.shown.get(layer.file.id);
        if (shown instanceof NVImage) {
            shown.colormap = layer.map;
            shown.opacity = layer.visible ? layer.opacity : 0;
            shown.cal_min = layer.low ?? shown.robust_min ?? shown.cal_min;
            shown.cal_max = layer.high ?? shown.robust_max ?? shown.cal_max;
            shown.frame4D = Math.min(layer.frame, (shown.nFrame4D ?? 1) - 1);
            this.nv.updateGLVolume();
        } else if (shown) {
            shown.opacity = layer.opacity;
            shown.visible = layer.visible;
            shown.updateMesh(this.nv.gl);
            this.nv.drawScene();
        }
    }

    remove(id: number): void {
        const shown = this.shown.get(id);
        this.shown.delete(id);
        if (shown instanceof NVImage) {
            this.nv.removeVolume(shown);
        } else if (shown) {
            this.nv.removeMesh(shown);
        }
    }

    view(view: View): void {
        this.nv.setSliceType(VIEWS[view]);
    }

    options(look: { patientLeft: boolean; crosshair: boolean; smooth: boolean }): void {
        this.nv.setRadiologicalConvention(look.patientLeft);
        this.nv.opts.crosshairWidth = look.crosshair ? CROSSHAIR : 0;
        this.nv.setInterpolation(!look.smooth);
        this.nv.drawScene();
    }

    /** By whole voxels of the lowest image: right, front, up. */
    step(x: number, y: number, z: number): void {
        this.nv.moveCrosshairInVox(x, y, z);
    }

    moveTo(mm: readonly [number, number, number]): void {
        if (this.nv.volumes.length > 0) {
            this.nv.scene.crosshairPos = this.nv.mm2frac([...mm]);
            this.nv.updateGLVolume();
            this.nv.createOnLocationChange();
        }
    }

    close(): void {
        this.shown.clear();
        this.nv.cleanup();
        this.nv.gl.getExtension('WEBGL_lose_context')?.loseContext();
    }
}
