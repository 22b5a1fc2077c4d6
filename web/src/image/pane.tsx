/* One picture on a black ground: wheel zooms, drag moves, Shift or the right button sets the window,
 * double click fits, and with the line tool a drag draws the line of the profile. Keys are the
 * page's (keys.ts). Drawing is outside of the component: a change of a signal draws at most once a
 * frame and renders nothing else. */
import { effect, useComputed, type ReadonlySignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { colours } from './colour';
import { samplePlane, shadeSamples } from './draw';
import { autoWindow, dragged, windowOf, type Line, type Look } from './look';
import { valueAt, type Plane, type Window } from './plane';
import { fit, pan, rescaled, resized, same, toPane, toPicture, zoom, type Size, type View } from './view';

interface Props {
    look: Look;
    plane: ReadonlySignal<Plane | null>;
    label: string;
    /** Shown over the picture: what is missing, what went wrong. */
    note?: ComponentChildren;
    /** Tells tests and measurements which picture is on the screen. */
    shown?: (plane: Plane) => void;
}

function whole(plane: Plane): Size {
    return { width: plane.fullWidth, height: plane.fullHeight };
}

/** The picture as it stands on the canvas; everything in canvas pixels. */
class Painter {
    private readonly context: CanvasRenderingContext2D;
    private image = new ImageData(1, 1);
    private samples = new Float32Array(1);
    private sampled: { plane: Plane; view: View } | null = null;
    private frame = 0;
    private readonly ends: (() => void)[] = [];
    size: Size = { width: 1, height: 1 };

    constructor(
        private readonly canvas: HTMLCanvasElement,
        private readonly look: Look,
        private readonly plane: ReadonlySignal<Plane | null>,
        private readonly win: ReadonlySignal<Window>,
        private readonly shown: (plane: Plane) => void,
    ) {
        this.context = canvas.getContext('2d', { alpha: false })!;
        const watch = new ResizeObserver(() => this.resize());
        watch.observe(canvas);
        this.ends.push(() => watch.disconnect());
        this.ends.push(effect(() => this.changed()));
        look.panes.add(this);
        this.ends.push(() => look.panes.delete(this));
    }

    zoom(factor: number): void {
        const plane = this.plane.peek();
        if (plane) {
            const { width, height } = this.size;
            this.look.view.value = zoom(this.view(plane), whole(plane), width / 2, height / 2, factor);
        }
    }

    end(): void {
        cancelAnimationFrame(this.frame);
        for (const end of this.ends) {
            end();
        }
    }

    /** Canvas pixels a CSS pixel. */
    get ratio(): number {
        return this.canvas.width / Math.max(1, this.canvas.clientWidth);
    }

    /** The view of the whole picture. */
    view(plane: Plane): View {
        return this.look.view.peek() ?? fit(whole(plane), this.size);
    }

    private resize(): void {
        const before = this.size;
        const ratio = devicePixelRatio || 1;
        const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
        const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
        if (width === before.width && height === before.height) {
            return;
        }
        this.size = { width, height };
        const [plane, view] = [this.plane.peek(), this.look.view.peek()];
        const leads = this.look.panes.values().next().value === this;
        if (plane && view && leads && before.width > 1) {
            this.look.view.value = resized(view, whole(plane), before, this.size);
        }
        cancelAnimationFrame(this.frame);
        this.paint(); // at once: an empty canvas would flicker
    }

    private changed(): void {
        // Read all, so that the effect knows them all.
        void [this.plane.value, this.win.value, this.look.view.value, this.look.map.value];
        void [this.look.invert.value, this.look.line.value];
        cancelAnimationFrame(this.frame);
        this.frame = requestAnimationFrame(() => this.paint());
    }

    private fitted(): void {
        const { width, height } = this.size;
        if (this.canvas.width !== width || this.canvas.height !== height) {
            this.canvas.width = width;
            this.canvas.height = height;
        }
        if (this.image.width !== width || this.image.height !== height) {
            this.image = new ImageData(width, height);
            this.samples = new Float32Array(width * height);
            this.sampled = null;
        }
    }

    private paint(): void {
        this.fitted();
        const plane = this.plane.peek();
        if (!plane) {
            this.context.fillStyle = '#000';
            this.context.fillRect(0, 0, this.size.width, this.size.height);
            return;
        }
        const view = rescaled(this.view(plane), whole(plane), plane);
        if (this.sampled?.plane !== plane || !same(this.sampled.view, view)) {
            samplePlane(plane, view, this.size, this.samples);
            this.sampled = { plane, view };
        }
        const table = colours(this.look.map.peek(), this.look.invert.peek());
        const pixels = new Uint32Array(this.image.data.buffer);
        shadeSamples(plane, this.samples, this.win.peek(), table, pixels);
        this.context.putImageData(this.image, 0, 0);
        this.drawLine(plane);
        this.shown(plane);
    }

    private drawLine(plane: Plane): void {
        const line = this.look.line.peek();
        if (!line) {
            return;
        }
        const view = this.view(plane);
        const a = toPane(view, line.x0, line.y0);
        const b = toPane(view, line.x1, line.y1);
        const c = this.context;
        const ratio = this.ratio;
        // Dark below bright: seen on any picture and any colours.
        for (const [colour, width] of [['#000', 4], ['#ffd24a', 2]] as const) {
            c.strokeStyle = colour;
            c.lineWidth = width * ratio;
            c.beginPath();
            c.moveTo(a.x, a.y);
            c.lineTo(b.x, b.y);
            for (const end of [a, b]) {
                c.moveTo(end.x + 4 * ratio, end.y);
                c.arc(end.x, end.y, 4 * ratio, 0, 2 * Math.PI);
            }
            c.stroke();
        }
    }
}

/** What the pointer does on a pane. */
class Hand {
    private drag: { what: 'pan' | 'window' | 'line'; x: number; y: number } | null = null;
    private start = { x: 0, y: 0 };

    constructor(
        private readonly canvas: HTMLCanvasElement,
        private readonly painter: Painter,
        private readonly look: Look,
        private readonly plane: ReadonlySignal<Plane | null>,
        private readonly win: ReadonlySignal<Window>,
    ) {
        canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
        canvas.addEventListener('pointerdown', (event) => this.down(event));
        canvas.addEventListener('pointermove', (event) => this.move(event));
        canvas.addEventListener('pointerup', () => (this.drag = null));
        canvas.addEventListener('pointercancel', () => (this.drag = null));
        canvas.addEventListener('pointerleave', () => (this.look.spot.value = null));
        canvas.addEventListener('dblclick', () => (this.look.view.value = null));
        canvas.addEventListener('contextmenu', (event) => event.preventDefault());
    }

    /** Canvas pixels. */
    private at(event: MouseEvent): { x: number; y: number } {
        const box = this.canvas.getBoundingClientRect();
        const ratio = this.painter.ratio;
        return { x: (event.clientX - box.left) * ratio, y: (event.clientY - box.top) * ratio };
    }

    private wheel(event: WheelEvent): void {
        event.preventDefault();
        const plane = this.plane.peek();
        if (!plane) {
            return;
        }
        const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
        const factor = Math.exp(Math.max(-300, Math.min(300, -event.deltaY * lines)) * 0.0015);
        const { x, y } = this.at(event);
        this.look.view.value = zoom(this.painter.view(plane), whole(plane), x, y, factor);
    }

    private down(event: PointerEvent): void {
        const plane = this.plane.peek();
        if (!plane) {
            return;
        }
        const other = event.shiftKey || event.button === 2 || event.button === 1;
        const what = other ? 'window' : this.look.tool.peek();
        this.canvas.setPointerCapture(event.pointerId);
        const at = this.at(event);
        this.drag = { what, ...at };
        this.start = toPicture(this.painter.view(plane), at.x, at.y);
        if (event.button === 1) {
            event.preventDefault(); // no scrolling by the middle button
        }
    }

    private move(event: PointerEvent): void {
        const plane = this.plane.peek();
        if (!plane) {
            return;
        }
        const at = this.at(event);
        this.hover(plane, at);
        if (!this.drag) {
            return;
        }
        const [dx, dy] = [at.x - this.drag.x, at.y - this.drag.y];
        const { size } = this.painter;
        if (this.drag.what === 'pan') {
            const view = this.painter.view(plane);
            this.look.view.value = pan(view, whole(plane), size, dx, dy);
        } else if (this.drag.what === 'window') {
            const win = this.win.peek();
            const range = autoWindow(plane);
            this.look.chosen.value = dragged(win, range, dx / size.width, dy / size.height);
        } else {
            this.look.line.value = this.lineTo(plane, at, event.ctrlKey);
            return; // the line goes from where the drag began
        }
        this.drag = { ...this.drag, ...at };
    }

    private lineTo(plane: Plane, at: { x: number; y: number }, straight: boolean): Line {
        const end = toPicture(this.painter.view(plane), at.x, at.y);
        const { x: x0, y: y0 } = this.start;
        if (!straight) {
            return { x0, y0, x1: end.x, y1: end.y };
        }
        const across = Math.abs(end.x - x0) >= Math.abs(end.y - y0);
        return { x0, y0, x1: across ? end.x : x0, y1: across ? y0 : end.y };
    }

    private hover(plane: Plane, at: { x: number; y: number }): void {
        const place = toPicture(this.painter.view(plane), at.x, at.y);
        const [x, y] = [Math.floor(place.x), Math.floor(place.y)];
        const inside = x >= 0 && y >= 0 && x < plane.fullWidth && y < plane.fullHeight;
        const small = plane.width / plane.fullWidth;
        const value = valueAt(plane, Math.floor(place.x * small), Math.floor(place.y * small));
        this.look.spot.value = inside ? { x, y, value } : null;
    }
}

export function ImagePane({ look, plane, label, note, shown }: Props) {
    const canvas = useRef<HTMLCanvasElement>(null);
    const win = windowOfPlane(look, plane);
    const cursor = useComputed(() => (look.tool.value === 'pan' ? 'grab' : 'crosshair'));
    const told = useRef(shown);
    told.current = shown;
    useEffect(() => {
        if (!canvas.current) {
            return;
        }
        const painter = new Painter(canvas.current, look, plane, win, (drawn) => told.current?.(drawn));
        new Hand(canvas.current, painter, look, plane, win);
        return () => painter.end();
    }, [look, plane]);
    return (
        <div class="pane">
            <canvas ref={canvas} role="img" aria-label={label} style={{ cursor: cursor.value }} />
            {note && <div class="pane-note">{note}</div>}
        </div>
    );
}

const windows = new WeakMap<ReadonlySignal<Plane | null>, ReadonlySignal<Window>>();

/** The same computed window for whoever asks about this picture. */
export function windowOfPlane(look: Look, plane: ReadonlySignal<Plane | null>): ReadonlySignal<Window> {
    let win = windows.get(plane);
    if (!win) {
        win = windowOf(look, plane);
        windows.set(plane, win);
    }
    return win;
}
