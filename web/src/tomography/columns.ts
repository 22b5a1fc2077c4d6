/* The columns of the batch table, in the order of REQUIREMENTS B3: tick box, File, COR, Status, then the rest. */
import { drawBar, makeBar, setText, type Column } from '../grid/column';
import { drawState, GROUPS } from '../groups';
import { mayRun } from '../state';
import { bytesText, corText } from '../words';
import type { Batch } from './batch';

/** Numbers in order, missing ones last. */
function numbers(a: number | undefined, b: number | undefined): number {
    const left = a ?? NaN;
    const right = b ?? NaN;
    if (Number.isNaN(left) || Number.isNaN(right)) {
        return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
    }
    return left - right;
}

function texts(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

const SOURCES: Record<string, string> = {
    manual: 'typed', ai: 'AI', 'outlier-fixed': 'outlier fix', 'series-mean': 'series mean',
};

/** What the file and the finder say. */
function facts({ table }: Batch): Column[] {
    return [
        {
            key: 'size',
            title: 'Size',
            width: '76px',
            number: true,
            compare: (a, b) => numbers(table.size[a], table.size[b]),
            draw: (cell, row) => {
                const size = table.size[row] ?? NaN;
                setText(cell, Number.isNaN(size) ? '' : bytesText(size));
            },
        },
        {
            key: 'shape',
            title: 'Shape',
            width: '148px',
            number: true,
            hint: 'Projections × rows × columns',
            compare: (a, b) => numbers(table.shape[3 * a], table.shape[3 * b]),
            draw: (cell, row) => setText(cell, table.shapeText(row)),
        },
        {
            key: 'source',
            title: 'COR from',
            width: '88px',
            compare: (a, b) => texts(table.sourceOf(a), table.sourceOf(b)),
            draw: (cell, row) => {
                const source = table.sourceOf(row);
                setText(cell, SOURCES[source] ?? source);
            },
        },
        {
            key: 'confidence',
            title: 'Sure',
            width: '54px',
            number: true,
            hint: 'How sure the finder is of the centre',
            compare: (a, b) => numbers(table.confidence[a], table.confidence[b]),
            draw: (cell, row) => {
                const sure = table.confidence[row] ?? NaN;
                setText(cell, Number.isNaN(sure) ? '' : Math.round(sure * 100) + '%');
            },
        },
    ];
}

export function batchColumns(batch: Batch): Column[] {
    const { table } = batch;
    // Few numbers are drawn often: natural order of names is series, then index.
    const byName = (a: number, b: number) =>
        texts(table.seriesOf(a), table.seriesOf(b)) ||
        (table.index[a] ?? 0) - (table.index[b] ?? 0) ||
        texts(table.name[a] ?? '', table.name[b] ?? '');
    return [
        {
            key: 'name',
            title: 'File',
            width: 'minmax(222px, 3fr)',
            compare: byName,
            draw: (cell, row) => setText(cell, table.name[row] ?? ''),
        },
        {
            key: 'cor',
            title: 'COR px',
            width: '84px',
            number: true,
            hint: 'Rotation centre: column of the full detector. Click or press F2 to type, Ctrl-Z takes back',
            compare: (a, b) => numbers(table.cor[a], table.cor[b]),
            draw: (cell, row) => {
                const cor = table.cor[row] ?? NaN;
                const missing = Number.isNaN(cor);
                setText(cell, missing ? 'missing' : corText(cor));
                const needed = missing && !table.skipped(row); // what is left out needs none
                if (cell.classList.contains('none') !== needed) {
                    cell.classList.toggle('none', needed);
                }
            },
            edit: {
                may: () => mayRun.value,
                text: (row) => {
                    const cor = table.cor[row] ?? NaN;
                    return Number.isNaN(cor) ? '' : String(cor);
                },
                save: (row, text) => batch.typeCor(row, text),
            },
        },
        {
            key: 'status',
            title: 'Status',
            width: 'minmax(160px, 1.2fr)',
            compare: (a, b) => (table.group[a] ?? 0) - (table.group[b] ?? 0) || texts(table.statusOf(a), table.statusOf(b)),
            draw: (cell, row) => drawState(cell, GROUPS[table.group[row] ?? 0] ?? 'idle', table.statusOf(row)),
            more: (row) => table.reasonOf(row),
        },
        {
            key: 'progress',
            title: 'Progress',
            width: '104px',
            className: 'bar',
            compare: (a, b) => numbers(table.progress[a], table.progress[b]),
            make: makeBar,
            draw: (cell, row) => {
                const running = table.groupOf(row) === 'running';
                const part = table.progress[row] ?? NaN;
                drawBar(cell, running && !Number.isNaN(part) ? part : null);
            },
        },
        {
            key: 'place',
            title: 'Where',
            width: '66px',
            compare: (a, b) => texts(table.placeOf(a), table.placeOf(b)),
            draw: (cell, row) => setText(cell, table.placeOf(row)),
        },
        ...facts(batch),
    ];
}

export const LEAST_WIDTH = 1054;
