/* What a caller tells the grid about a column, and small helpers for drawing cells. */
import type { Compare } from './view';

export interface Column {
    key: string;
    title: string;
    /** A track of CSS grid: '90px', 'minmax(200px, 2fr)'. */
    width: string;
    number?: boolean;
    className?: string;
    hint?: string;
    /** Prepare a new cell; draw() then only changes texts. */
    make?(cell: HTMLElement): void;
    draw(cell: HTMLElement, row: number): void;
    compare?: Compare;
    edit?: {
        /** May it be changed now? */
        may?(): boolean;
        text(row: number): string;
        /** Take the text; a returned line says why not. */
        save(row: number, text: string): string | null;
    };
    /** Said under the pointer. */
    more?(row: number): string;
    /** A click on this cell does this instead of ticking the row. */
    click?(row: number, target: HTMLElement): void;
    /** Does the row match what was typed into the column's filter field (lower case)? Gives the column such a field. */
    match?(row: number, words: string): boolean;
}

export function element(tag: string, className: string, role?: string): HTMLElement {
    const made = document.createElement(tag);
    made.className = className;
    if (role) {
        made.setAttribute('role', role);
    }
    return made;
}

/** Set a cell's text without replacing its text node. */
export function setText(cell: HTMLElement, text: string): void {
    const node = cell.firstChild;
    if (node instanceof Text) {
        if (node.data !== text) {
            node.data = text;
        }
    } else {
        cell.textContent = text;
    }
}

/** A bar of progress with its per cent, never rounded up; `part` null hides it. */
export function makeBar(cell: HTMLElement): void {
    cell.append(document.createElement('i'), document.createElement('b'));
    cell.classList.add('off');
}

export function drawBar(cell: HTMLElement, part: number | null): void {
    const off = cell.classList.contains('off');
    if (part === null) {
        if (!off) {
            cell.classList.add('off');
        }
        return;
    }
    if (off) {
        cell.classList.remove('off');
    }
    cell.style.setProperty('--part', String(part));
    setText(cell.lastElementChild as HTMLElement, Math.floor(part * 100 + 0.001) + '%');
}
