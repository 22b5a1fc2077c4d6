/* The field that stands in a cell while its value is typed. Enter saves and goes down, Tab saves and edits the next
 * row, Escape leaves the value as it was; clicking elsewhere saves. */
import type { Column } from './column';

export interface EditorHost {
    name(row: number): string;
    /** The field is gone: draw the cell again. */
    closed(row: number): void;
    /** Move the focus by so many rows (0: stay), and edit there when asked. */
    leave(step: number, editNext: boolean): void;
}

export class Editor {
    /** The row being edited, -1: none. */
    row = -1;
    private cell: HTMLElement | null = null;
    private field: HTMLInputElement | null = null;
    private column: Column | null = null;

    constructor(private readonly host: EditorHost) {}

    /** `typed` replaces the text: the key that opened the field. */
    open(cell: HTMLElement, column: Column, row: number, typed?: string): void {
        this.close(false);
        const field = document.createElement('input');
        field.inputMode = 'decimal';
        field.value = typed ?? column.edit?.text(row) ?? '';
        field.setAttribute('aria-label', `${column.title} of ${this.host.name(row)}`);
        this.row = row;
        this.cell = cell;
        this.field = field;
        this.column = column;
        cell.classList.add('editing');
        cell.replaceChildren(field);
        field.focus({ preventScroll: true });
        if (typed === undefined) {
            field.select();
        }
        field.addEventListener('input', () => {
            field.removeAttribute('aria-invalid');
            field.setCustomValidity('');
        });
        field.addEventListener('keydown', (event) => this.keyed(event));
        field.addEventListener('blur', () => {
            if (this.field === field && !this.close(true)) {
                this.close(false);
            }
        });
    }

    /** False: the value was refused, the field stays open and says why. */
    close(save: boolean): boolean {
        const { cell, field, column, row } = this;
        if (!cell || !field || !column) {
            return true;
        }
        const refused = save ? column.edit?.save(row, field.value.trim()) : null;
        if (refused) {
            field.setAttribute('aria-invalid', 'true');
            field.setCustomValidity(refused);
            field.reportValidity();
            return false;
        }
        this.cell = this.field = this.column = null;
        this.row = -1;
        cell.classList.remove('editing');
        cell.replaceChildren();
        column.make?.(cell);
        this.host.closed(row);
        return true;
    }

    private keyed(event: KeyboardEvent): void {
        event.stopPropagation();
        if (event.key === 'Escape') {
            event.preventDefault();
            this.close(false);
            this.host.leave(0, false);
        } else if (event.key === 'Enter' || event.key === 'Tab') {
            event.preventDefault();
            if (this.close(true)) {
                this.host.leave(event.shiftKey ? -1 : 1, event.key === 'Tab');
            }
        }
    }
}
