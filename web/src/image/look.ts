/* How pictures are being looked at: window, colours, view, tool. One object for panes that are
 * linked; every pane has its own picture. */
import { computed, signal, type ReadonlySignal, type Signal } from '@preact/signals';
import { MAPS, type MapName } from './colour';
import type { Plane, Window } from './plane';
import { percentiles } from './stats';
import type { View } from './view';

export interface Line {
    readonly x0: number;
    readonly y0: number;
    readonly x1: number;
    readonly y1: number;
}
export type Tool = 'pan' | 'window' | 'line';

/** What is under the pointer, in pixels of the whole picture. */
export interface Spot {
    readonly x: number;
    readonly y: number;
    readonly value: number;
}

export interface Look {
    /** The window somebody chose; null: 5-95 % of each picture. */
    readonly chosen: Signal<Window | null>;
    readonly map: Signal<MapName>;
    readonly invert: Signal<boolean>;
    /** null: all of the picture, as large as possible. */
    readonly view: Signal<View | null>;
    readonly tool: Signal<Tool>;
    readonly line: Signal<Line | null>;
    readonly spot: Signal<Spot | null>;
    /** The panes that show this look, the first one leads. */
    readonly panes: Set<{ zoom(factor: number): void }>;
}

const KEY = 'gantry.colours';

export function createLook(): Look {
    let map: MapName = 'grey';
    try {
        map = MAPS.find((name) => name === localStorage.getItem(KEY)) ?? 'grey';
    } catch {
        // Storage is forbidden: grey.
    }
    return {
        chosen: signal<Window | null>(null),
        map: signal(map),
        invert: signal(false),
        view: signal<View | null>(null),
        tool: signal<Tool>('pan'),
        line: signal<Line | null>(null),
        spot: signal<Spot | null>(null),
        panes: new Set(),
    };
}

/** Zoom about the middle of the leading pane. */
export function zoomMiddle(look: Look, factor: number): void {
    for (const pane of look.panes) {
        pane.zoom(factor);
        return;
    }
}

export function setMap(look: Look, map: MapName): void {
    look.map.value = map;
    try {
        localStorage.setItem(KEY, map);
    } catch {
        // Not remembered, then.
    }
}

const autos = new WeakMap<Plane, Window>();

/** 5-95 % of a picture: the server's own numbers where it said them, else ours. */
export function autoWindow(plane: Plane): Window {
    let win = autos.get(plane);
    if (!win) {
        win = plane.hi > plane.lo ? { lo: plane.lo, hi: plane.hi } : percentiles(plane);
        autos.set(plane, win);
    }
    return win;
}

/** The window a picture is drawn with. */
export function windowOf(look: Look, plane: ReadonlySignal<Plane | null>): ReadonlySignal<Window> {
    return computed(() => {
        const now = plane.value;
        return look.chosen.value ?? (now ? autoWindow(now) : { lo: 0, hi: 1 });
    });
}

/** Drag by (dx, dy) of a pane's size: right widens, up brightens. `range` is the auto window. */
export function dragged(win: Window, range: Window, dx: number, dy: number): Window {
    const scale = Math.max(range.hi - range.lo, Number.MIN_VALUE);
    const width = Math.max((win.hi - win.lo) * Math.exp(2 * dx), scale / 1000);
    const centre = (win.lo + win.hi) / 2 + dy * Math.max(scale, width);
    return { lo: centre - width / 2, hi: centre + width / 2 };
}
