/* The table's moving parts: a window of recycled row elements over any number of rows.
 *
 * Data stay with the caller, in columns; the grid knows row numbers only and asks a column to draw a cell. A row on
 * the screen keeps its element while it scrolls (element = position modulo the pool), so a step of the wheel draws
 * only the rows that come in. Order of calls: new Grid(host, options), then setRows() whenever the data were replaced,
 * touch() when rows have changed, show() when the filter changes, destroy().
 */
import './grid.css';
import { element, type Column } from './column';
import { Editor } from './editor';
import { Head } from './head';
import { command } from './keys';
import { Selection } from './selection';
import { View, type Accept } from './view';

export interface GridOptions {
    label: string;
    columns: Column[];
    /** The least width in pixels; below it the table scrolls sideways. */
    leastWidth: number;
    /** What a screen reader calls a row. */
    name(row: number): string;
    /** Left out by ranges and by "all". */
    locked?(row: number): boolean;
    /** 0-5, or -1 for none. */
    tint?(row: number): number;
    onSelect?(count: number): void;
    onOpen?(row: number): void;
    onFocus?(row: number): void;
    onMenu?(row: number, x: number, y: number): void;
    /** So many locked rows were left out of a range or of "all". */
    onLeftOut?(count: number): void;
    /** Ctrl-Z in the table. */
    onUndo?(): void;
    /** The Delete key. */
    onDelete?(): void;
}

const ROW_PX = 26;
const AHEAD = 4; // rows drawn above and below the window, so that a small step shows no gap
/* Browsers clip tall elements (Firefox at about 17.9 million pixels): beyond this the scrollbar is a scale. */
const MOST_PX = 8_000_000;

let serial = 0;

export class Grid {
    readonly view = new View();
    /** Which rows are shown, or their order, has changed. */
    onView: (() => void) | null = null;
    readonly selection = new Selection(0);
    /** Position of the row that the keys act on. */
    focus = 0;

    private readonly scroller = element('div', 'vg-scroll');
    private readonly space = element('div', 'vg-space', 'rowgroup');
    private readonly head: Head;
    private readonly editor: Editor;
    private readonly watch: ResizeObserver;
    private readonly id = `vg${++serial}`;
    private pool: HTMLElement[] = [];
    /** Per element of the pool: the position it shows, -1 when it must be drawn again. */
    private drawn = new Int32Array(0);
    private rows = 0;
    private sorted: { key: string; up: boolean } | null = null;
    private accept: Accept | null = null;
    private readonly words = new Map<string, string>();
    /** Rows that changed while a cell was edited: they move when it is closed, not under the typing hand. */
    private late: number[] = [];
    private readonly waiting: (() => void)[] = [];
    private pending = false;

    constructor(private readonly host: HTMLElement, readonly options: GridOptions) {
        host.classList.add('vg');
        host.tabIndex = 0;
        host.setAttribute('role', 'grid');
        host.setAttribute('aria-label', options.label);
        host.setAttribute('aria-multiselectable', 'true');
        host.setAttribute('aria-colcount', String(options.columns.length + 1));
        host.style.setProperty('--columns', '38px ' + options.columns.map((column) => column.width).join(' '));
        host.style.setProperty('--least', options.leastWidth + 'px');
        host.style.setProperty('--row', ROW_PX + 'px');
        this.head = new Head(options.columns, {
            selectAll: (on) => this.selectAll(on),
            sort: (key) => this.sortBy(key, this.sorted?.key === key ? !this.sorted.up : true),
            filter: (key, words) => {
                this.words.set(key, words);
                this.rebuild();
            },
        });
        this.editor = new Editor({
            name: options.name,
            closed: (row) => {
                this.touch([row, ...this.late.splice(0)]);
                this.waiting.splice(0).forEach((done) => done());
            },
            leave: (step, editNext) => this.leaveEditor(step, editNext),
        });
        const top = element('div', 'vg-top', 'rowgroup');
        top.append(this.head.line);
        this.scroller.append(top, this.space);
        host.append(this.scroller);
        this.listen();
        this.watch = new ResizeObserver(() => this.fit());
        this.watch.observe(this.scroller);
    }

    destroy(): void {
        this.watch.disconnect();
        this.host.replaceChildren();
    }

    /** The data were replaced. `was` gives a new row's old number (-1: new), so that ticks stay with their rows. */
    setRows(rows: number, was?: (row: number) => number): void {
        this.editor.close(false);
        const focused = this.focusedRow;
        this.rows = rows;
        this.selection.remap(rows, was ?? (() => -1));
        this.rebuild();
        for (let row = 0; was && focused >= 0 && row < rows; row++) {
            if (was(row) === focused) {
                this.focus = Math.max(0, this.view.position(row));
                break;
            }
        }
        this.counted();
    }

    /** Which rows are shown: null for all. */
    show(accept: Accept | null): void {
        this.accept = accept;
        this.rebuild();
    }

    sortBy(key: string, up: boolean): void {
        this.sorted = { key, up };
        this.rebuild();
        this.scroller.scrollTop = 0;
    }

    /** Rows have changed. */
    touch(rows: readonly number[]): void {
        if (this.editor.row >= 0) {
            this.late.push(...rows);
        } else if (this.view.update(rows)) {
            this.resized();
            return;
        }
        for (const row of rows) {
            this.stale(this.view.position(row));
        }
        this.invalidate();
    }

    /** Draw everything again. */
    redraw(): void {
        this.drawn.fill(-1);
        this.invalidate();
    }

    selectAll(on: boolean): void {
        let left = 0;
        if (on) {
            left = this.selection.range(this.view.order, 0, this.view.length - 1, true, this.locked);
        } else {
            this.selection.clear();
        }
        this.counted();
        if (left > 0) {
            this.options.onLeftOut?.(left);
        }
    }

    /** Tick exactly these rows, and show the first of them. */
    select(rows: readonly number[]): void {
        this.selection.clear();
        for (const row of rows) {
            this.selection.set(row, true);
        }
        const at = this.view.position(rows[0] ?? -1);
        if (at >= 0) {
            this.focusOn(at);
        }
        this.counted();
    }

    /** Turn one row's tick, as a click does. */
    toggle(row: number): void {
        if (row >= 0) {
            this.selection.toggle(row);
            this.counted();
        }
    }

    get focusedRow(): number {
        return this.view.row(this.focus);
    }

    /** Rows that a page key moves by. */
    get page(): number {
        return Math.max(1, Math.floor((this.scroller.clientHeight - this.head.line.offsetHeight) / ROW_PX) - 1);
    }

    /** Put the keyboard into the table. */
    takeFocus(): void {
        this.host.focus({ preventScroll: true });
    }

    focusOn(at: number): void {
        this.stale(this.focus);
        this.focus = Math.max(0, Math.min(at, this.view.length - 1));
        this.stale(this.focus);
        this.reveal(this.focus);
        this.mark();
        this.options.onFocus?.(this.focusedRow);
    }

    /** Move the focus; `extend` ticks the rows between the anchor and it, and going back unticks what it leaves. */
    move(to: number, extend: boolean): void {
        const before = this.focus;
        const next = Math.max(0, Math.min(to, this.view.length - 1));
        if (extend && this.view.length > 0) {
            if (this.view.position(this.selection.anchor) < 0) {
                this.selection.anchor = this.view.row(before);
            }
            const anchor = this.view.position(this.selection.anchor);
            if (Math.abs(next - anchor) < Math.abs(before - anchor)) {
                const last = next > before ? next - 1 : next + 1;
                this.selection.range(this.view.order, before, last, false, this.locked);
            }
            this.selection.range(this.view.order, anchor, next, true, this.locked);
            this.counted();
        }
        this.focusOn(next);
    }

    /** Open the row's editable cell; false: it has none. */
    edit(at: number, typed?: string): boolean {
        const row = this.view.row(at);
        const index = this.options.columns.findIndex((column) => column.edit);
        const column = this.options.columns[index];
        if (row < 0 || !column || column.edit?.may?.() === false) {
            return false;
        }
        this.reveal(at);
        this.drawNow();
        const cell = this.lineAt(at)?.children[index + 1];
        if (cell instanceof HTMLElement) {
            this.editor.open(cell, column, row, typed);
        }
        return true;
    }

    /** When no cell is being edited. */
    async settled(): Promise<void> {
        if (this.editor.row >= 0) {
            await new Promise<void>((done) => this.waiting.push(done));
        }
    }

    /** The menu of the focused row, below it. */
    openMenu(): boolean {
        const line = this.lineAt(this.focus);
        if (this.focusedRow < 0 || !line || !this.options.onMenu) {
            return false;
        }
        const box = line.getBoundingClientRect();
        this.options.onMenu(this.focusedRow, box.left + 60, box.bottom);
        return true;
    }

    private readonly locked = (row: number): boolean => this.options.locked?.(row) ?? false;

    private listen(): void {
        this.scroller.addEventListener('scroll', () => this.invalidate(), { passive: true });
        this.space.addEventListener('click', (event) => this.clicked(event));
        this.space.addEventListener('dblclick', (event) => this.opened(event));
        this.space.addEventListener('contextmenu', (event) => this.menu(event));
        this.space.addEventListener('mouseover', (event) => this.hover(event));
        this.host.addEventListener('focus', () => this.mark());
        this.host.addEventListener('keydown', (event) => {
            const target = event.target as HTMLElement;
            const elsewhere = target !== this.host && target.matches('input:not([type=checkbox]), button, select');
            if (!elsewhere && command(this, event)) {
                event.preventDefault();
            }
        });
    }

    private lineAt(at: number): HTMLElement | undefined {
        return this.pool[at % this.pool.length];
    }

    private get scale(): number {
        const total = this.view.length * ROW_PX;
        const height = this.scroller.clientHeight;
        return total <= MOST_PX ? 1 : (total - height) / (MOST_PX - height);
    }

    private rebuild(): void {
        this.editor.close(false);
        const up = this.sorted?.up !== false;
        const compare = this.options.columns.find((column) => column.key === this.sorted?.key)?.compare;
        this.view.build(this.rows, this.acceptAll(), compare ? (up ? compare : (a, b) => compare(b, a)) : null);
        this.head.sorted(this.sorted?.key, up);
        this.focus = Math.max(0, Math.min(this.focus, this.view.length - 1));
        this.resized();
        this.onView?.();
    }

    /** The page's filter and those of the columns. */
    private acceptAll(): Accept | null {
        const accept = this.accept;
        const asked = this.options.columns.filter((column) => column.match && this.words.get(column.key));
        if (asked.length === 0) {
            return accept;
        }
        return (row) =>
            (!accept || accept(row)) &&
            asked.every((column) => column.match?.(row, this.words.get(column.key) ?? ''));
    }

    /** The number of rows shown, or their order, has changed. */
    private resized(): void {
        this.host.setAttribute('aria-rowcount', String(this.view.length + 1));
        this.space.style.height = Math.min(this.view.length * ROW_PX, MOST_PX) + 'px';
        this.head.ticked(this.selection.count, this.view.length);
        this.redraw();
    }

    private fit(): void {
        const need = Math.ceil(this.scroller.clientHeight / ROW_PX) + 2 * AHEAD;
        if (need !== this.pool.length) {
            this.editor.close(false);
            while (this.pool.length < need) {
                this.pool.push(this.makeRow());
            }
            for (const extra of this.pool.splice(need)) {
                extra.remove();
            }
            this.drawn = new Int32Array(need);
        }
        this.measure();
        this.drawn.fill(-1);
        this.drawNow();
    }

    /** Cells get the widths that the head has found, in pixels: a hundred flexible rows would each find them anew. */
    private measure(): void {
        const widths = [...this.head.line.children].map((cell) => cell.getBoundingClientRect().width + 'px');
        for (const line of this.pool) {
            widths.forEach((width, at) => ((line.children[at] as HTMLElement).style.width = width));
        }
    }

    private makeRow(): HTMLElement {
        const line = element('div', 'vg-row', 'row');
        const first = element('span', 'vg-tick', 'gridcell');
        const box = document.createElement('input');
        box.type = 'checkbox';
        box.tabIndex = -1;
        first.append(box);
        line.append(first);
        for (const column of this.options.columns) {
            const cell = element('span', (column.number ? 'number ' : '') + (column.className ?? ''), 'gridcell');
            cell.classList.toggle('editable', column.edit !== undefined);
            column.make?.(cell);
            line.append(cell);
        }
        line.hidden = true;
        this.space.append(line);
        return line;
    }

    private invalidate(): void {
        if (!this.pending) {
            this.pending = true;
            requestAnimationFrame(() => {
                this.pending = false;
                this.drawNow();
            });
        }
    }

    private stale(at: number): void {
        if (at >= 0 && this.pool.length > 0 && this.drawn[at % this.pool.length] === at) {
            this.drawn[at % this.pool.length] = -1;
        }
    }

    private drawNow(): void {
        const size = this.pool.length;
        const scrolled = this.scroller.scrollTop;
        const top = scrolled * this.scale;
        const first = Math.max(0, Math.min(Math.floor(top / ROW_PX) - AHEAD, this.view.length - size));
        const shift = scrolled - top;
        if (this.editor.row >= 0) {
            const edited = this.view.position(this.editor.row);
            if ((edited < first || edited >= first + size) && !this.editor.close(true)) {
                this.editor.close(false);
            }
        }
        for (let at = first; at < first + size; at++) {
            const line = this.lineAt(at);
            if (!line) {
                continue;
            }
            const fresh = this.drawn[at % size] !== at;
            if (at >= this.view.length) {
                line.hidden = true;
                this.drawn[at % size] = -1;
                continue;
            }
            if (fresh || shift !== 0) {
                line.style.transform = `translateY(${at * ROW_PX + shift}px)`;
            }
            if (fresh) {
                this.drawRow(line, at);
                this.drawn[at % size] = at;
            }
        }
    }

    private drawRow(line: HTMLElement, at: number): void {
        const row = this.view.row(at);
        const on = this.selection.has(row);
        line.hidden = false;
        const tint = this.options.tint?.(row) ?? -1;
        const look = 'vg-row' + (on ? ' on' : '') + (at === this.focus ? ' at' : '') + (tint >= 0 ? ' tint tint' + tint : '');
        if (line.className !== look) {
            line.className = look; // written only when it changes: the browser would work out the styles anew
        }
        line.setAttribute('aria-selected', String(on));
        line.setAttribute('aria-rowindex', String(at + 2));
        line.id = `${this.id}-${at}`;
        line.dataset.at = String(at);
        let cell = line.firstElementChild as HTMLElement;
        const box = cell.firstElementChild as HTMLInputElement;
        box.checked = on;
        box.setAttribute('aria-label', this.options.name(row));
        for (const column of this.options.columns) {
            cell = cell.nextElementSibling as HTMLElement;
            if (!cell.classList.contains('editing')) {
                column.draw(cell, row);
            }
        }
    }

    private reveal(at: number): void {
        const height = this.scroller.clientHeight - this.head.line.offsetHeight;
        const scale = this.scale;
        const top = this.scroller.scrollTop * scale;
        const y = at * ROW_PX;
        if (y < top) {
            this.scroller.scrollTop = y / scale;
        } else if (y + ROW_PX > top + height) {
            this.scroller.scrollTop = (y + ROW_PX - height) / scale;
        }
    }

    /** Tell a screen reader which row the keys act on; the row must be drawn by then. */
    private mark(): void {
        this.drawNow();
        if (this.view.length > 0) {
            this.host.setAttribute('aria-activedescendant', `${this.id}-${this.focus}`);
        } else {
            this.host.removeAttribute('aria-activedescendant');
        }
    }

    /** The selection has changed. */
    private counted(): void {
        this.head.ticked(this.selection.count, this.view.length);
        this.redraw();
        this.options.onSelect?.(this.selection.count);
    }

    private leaveEditor(step: number, editNext: boolean): void {
        const next = this.focus + step;
        this.takeFocus();
        if (step !== 0 && next >= 0 && next < this.view.length) {
            this.focusOn(next);
            if (editNext) {
                this.edit(next);
            }
        }
    }

    private at(event: Event): number {
        const line = (event.target as HTMLElement).closest<HTMLElement>('.vg-row');
        return line ? Number(line.dataset.at) : -1;
    }

    private columnOf(target: HTMLElement): Column | undefined {
        const cell = target.closest<HTMLElement>('[role=gridcell]');
        const index = cell ? [...(cell.parentElement?.children ?? [])].indexOf(cell) - 1 : -1;
        return this.options.columns[index];
    }

    private clicked(event: MouseEvent): void {
        const at = this.at(event);
        const target = event.target as HTMLElement;
        const row = this.view.row(at);
        if (row < 0 || target.closest('.editing')) {
            return;
        }
        const column = this.columnOf(target);
        if ((column?.edit || column?.click) && !event.shiftKey && !event.ctrlKey && !event.metaKey) {
            this.focusOn(at);
            if (column.edit) {
                this.edit(at);
            } else {
                column.click?.(row, target);
            }
            return;
        }
        const from = this.view.position(this.selection.anchor);
        if (event.shiftKey && from >= 0) {
            this.pickRange(from, at, !this.selection.has(row));
        } else {
            this.selection.toggle(row);
        }
        this.focusOn(at);
        this.counted();
        this.takeFocus();
    }

    /** Every row of a range gets the state that the clicked row gets (X7). */
    private pickRange(from: number, at: number, on: boolean): void {
        const left = this.selection.range(this.view.order, from, at, on, this.locked);
        this.selection.anchor = this.view.row(at);
        if (left > 0) {
            this.options.onLeftOut?.(left);
        }
    }

    private opened(event: MouseEvent): void {
        const row = this.view.row(this.at(event));
        const column = this.columnOf(event.target as HTMLElement);
        if (row >= 0 && column && !column.edit && !column.click) {
            this.options.onOpen?.(row);
        }
    }

    /** What is cut off, or has more to say, says it under the pointer; set for every cell drawn it would cost frames. */
    private hover(event: MouseEvent): void {
        const cell = (event.target as HTMLElement).closest<HTMLElement>('[role=gridcell]');
        const row = this.view.row(this.at(event));
        if (cell && row >= 0) {
            const more = this.columnOf(cell)?.more?.(row) ?? '';
            cell.title = more || (cell.scrollWidth > cell.clientWidth ? (cell.textContent ?? '') : '');
        }
    }

    private menu(event: MouseEvent): void {
        const at = this.at(event);
        const row = this.view.row(at);
        if (row >= 0 && this.options.onMenu) {
            event.preventDefault();
            this.focusOn(at);
            this.options.onMenu(row, event.clientX, event.clientY);
        }
    }
}
