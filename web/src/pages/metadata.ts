/* The tree of a scan's HDF5 file as rows of a table: flat, searchable, exportable. Pure. */

/** One group, data set or link as the server tells it. */
export interface MetaNode {
    path: string;
    kind: string;
    shape?: number[] | null;
    dtype?: string | null;
    value?: unknown;
    attributes?: Record<string, unknown> | null;
    /** Where a link leads. */
    target?: string;
}

export interface MetaRow {
    path: string;
    value: string;
    type: string;
    units: string;
}

function text(value: unknown): string {
    if (value === null || value === undefined) {
        return '';
    }
    if (Array.isArray(value)) {
        return value.map(text).join(', ');
    }
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function typeOf(node: MetaNode): string {
    const shape = node.shape?.length ? node.shape.join(' × ') : '';
    return [shape, node.dtype ?? (node.kind === 'dataset' ? '' : node.kind)].filter(Boolean).join('  ');
}

/** Data sets, links and attributes in the order of the file; a group is seen by what is in it. */
export function metaRows(nodes: readonly MetaNode[]): MetaRow[] {
    const rows: MetaRow[] = [];
    for (const node of nodes) {
        const { units, ...attributes } = node.attributes ?? {};
        if (node.kind !== 'group') {
            const value = node.target === undefined ? text(node.value) : '→ ' + node.target;
            rows.push({ path: node.path, value, type: typeOf(node), units: text(units) });
        } else if (units !== undefined) {
            attributes.units = units;
        }
        for (const [name, value] of Object.entries(attributes)) {
            rows.push({ path: `${node.path}@${name}`, value: text(value), type: 'attribute', units: '' });
        }
    }
    return rows;
}

/** Rows that have every word in their path, value or units, whatever the letter case. */
export function metaFind(rows: readonly MetaRow[], search: string): MetaRow[] {
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    return rows.filter((row) => {
        const all = `${row.path} ${row.value} ${row.units}`.toLowerCase();
        return words.every((word) => all.includes(word));
    });
}

function cell(value: string): string {
    return /[",\r\n]/.test(value) ? '"' + value.replaceAll('"', '""') + '"' : value;
}

/** RFC 4180, with a head line. */
export function metaCsv(rows: readonly MetaRow[]): string {
    const lines = rows.map((row) => [row.path, row.value, row.units, row.type].map(cell).join(','));
    return ['path,value,units,type', ...lines, ''].join('\r\n');
}
