/* Where a picture lies on its pane: a pixel (x, y) of the picture is drawn at
 * (x * scale + left, y * scale + top). Plain values, every change is a new one. */

export interface View {
    readonly scale: number;
    readonly left: number;
    readonly top: number;
}
export interface Size {
    readonly width: number;
    readonly height: number;
}

const MOST = 64; // screen pixels a picture's pixel; beyond that there is nothing more to see
const LEAST_SIDE = 16; // a picture is never drawn smaller than this

/** All of the picture, as large as possible, in the middle. */
export function fit(picture: Size, pane: Size): View {
    const scale = Math.min(pane.width / picture.width, pane.height / picture.height) || 1;
    return centred(picture, pane, scale);
}

function centred(picture: Size, pane: Size, scale: number): View {
    return {
        scale,
        left: (pane.width - picture.width * scale) / 2,
        top: (pane.height - picture.height * scale) / 2,
    };
}

/** Zoom by a factor; the point (x, y) of the pane stays where it is. */
export function zoom(view: View, picture: Size, x: number, y: number, factor: number): View {
    const least = Math.min(LEAST_SIDE / Math.max(picture.width, picture.height), view.scale);
    const scale = Math.max(least, Math.min(Math.max(MOST, view.scale), view.scale * factor));
    const by = scale / view.scale;
    return { scale, left: x - (x - view.left) * by, top: y - (y - view.top) * by };
}

/** Move; at least a strip of the picture stays on the pane. */
export function pan(view: View, picture: Size, pane: Size, dx: number, dy: number): View {
    const keep = (at: number, length: number, room: number): number => {
        const strip = Math.min(40, length, room);
        return Math.max(strip - length, Math.min(room - strip, at));
    };
    return {
        scale: view.scale,
        left: keep(view.left + dx, picture.width * view.scale, pane.width),
        top: keep(view.top + dy, picture.height * view.scale, pane.height),
    };
}

/** The pane changed its size: what was in the middle stays there; a fitted picture stays fitted. */
export function resized(view: View, picture: Size, before: Size, after: Size): View {
    if (same(view, fit(picture, before))) {
        return fit(picture, after);
    }
    const dx = (after.width - before.width) / 2;
    const dy = (after.height - before.height) / 2;
    return { scale: view.scale, left: view.left + dx, top: view.top + dy };
}

/** A view of one picture for another of different size that shows the same thing (a smaller copy
 *  and its original): the same place on the pane. */
export function rescaled(view: View, from: Size, to: Size): View {
    return { scale: (view.scale * from.width) / to.width, left: view.left, top: view.top };
}

export function same(a: View, b: View): boolean {
    const near = (x: number, y: number): boolean => Math.abs(x - y) < 1e-6 * (1 + Math.abs(x));
    return near(a.scale, b.scale) && near(a.left, b.left) && near(a.top, b.top);
}

/** Picture coordinates of a point of the pane. The pixel (i, j) covers [i, i + 1) x [j, j + 1). */
export function toPicture(view: View, x: number, y: number): { x: number; y: number } {
    return { x: (x - view.left) / view.scale, y: (y - view.top) / view.scale };
}

export function toPane(view: View, x: number, y: number): { x: number; y: number } {
    return { x: x * view.scale + view.left, y: y * view.scale + view.top };
}
