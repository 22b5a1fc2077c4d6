/* The head of the table: a tick box for all rows, a button for each column that can be sorted, and a filter field
 * below the titles of columns that have one. */
import { element, type Column } from './column';

export interface HeadHost {
    selectAll(on: boolean): void;
    sort(key: string): void;
    filter(key: string, words: string): void;
}

export class Head {
    readonly line = element('div', 'vg-head', 'row');
    private readonly all = document.createElement('input');

    constructor(columns: Column[], private readonly host: HeadHost) {
        const first = element('span', 'vg-tick', 'columnheader');
        this.all.type = 'checkbox';
        this.all.setAttribute('aria-label', 'Select all shown');
        this.all.addEventListener('change', () => host.selectAll(this.all.checked));
        first.append(this.all);
        this.line.append(first, ...columns.map((column) => this.cell(column)));
    }

    private cell(column: Column): HTMLElement {
        const cell = element('span', (column.number ? 'number ' : '') + (column.className ?? ''), 'columnheader');
        cell.dataset.key = column.key;
        const title = column.compare ? document.createElement('button') : document.createElement('span');
        title.className = column.compare ? 'vg-sort' : 'vg-title';
        title.textContent = column.title;
        if (column.hint) {
            title.title = column.hint;
        }
        if (column.compare) {
            title.addEventListener('click', () => this.host.sort(column.key));
        }
        cell.append(title);
        if (column.match) {
            const field = document.createElement('input');
            field.type = 'search';
            field.className = 'vg-filter';
            field.setAttribute('aria-label', 'Filter ' + (column.title || column.key));
            field.addEventListener('input', () => this.host.filter(column.key, field.value.trim().toLowerCase()));
            cell.append(field);
        }
        return cell;
    }

    ticked(count: number, shown: number): void {
        this.all.checked = count > 0 && count >= shown;
        this.all.indeterminate = count > 0 && !this.all.checked;
    }

    sorted(key: string | undefined, up: boolean): void {
        for (const cell of this.line.querySelectorAll<HTMLElement>('[data-key]')) {
            cell.setAttribute('aria-sort', cell.dataset.key === key ? (up ? 'ascending' : 'descending') : 'none');
        }
    }
}
