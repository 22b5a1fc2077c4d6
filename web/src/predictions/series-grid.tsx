/* The series of a data set: to look at, or to tick some of them. */
import { useEffect, useMemo } from 'preact/hooks';
import { setText } from '../grid/column';
import type { GridOptions } from '../grid/vgrid';
import { GridView } from '../ui/grid-view';
import { sizeText, spacingText, type Series } from './data';
import { groupTint, patientTints } from './patients';
import { valueColumn, type Rows } from './rows';

function columns(rows: Rows<Series>) {
    const at = (row: number) => rows.list[row];
    return [
        valueColumn(rows, (one) => one.name, { key: 'name', title: 'Series', width: 'minmax(170px, 2fr)' }),
        valueColumn(rows, (one) => one.modality, { key: 'modality', title: 'Modality', width: '84px' }),
        valueColumn(rows, (one) => one.description, { key: 'description', title: 'Description', width: 'minmax(110px, 1.2fr)' }),
        valueColumn(rows, (one) => one.slices, {
            key: 'slices', title: 'Slices', width: '66px', number: true, more: (row) => (at(row) ? sizeText(at(row) as Series) : ''),
        }),
        valueColumn(rows, (one) => spacingText(one.spacing), { key: 'spacing', title: 'Spacing mm', width: '156px' }),
        valueColumn(rows, (one) => one.patient, { key: 'patient', title: 'Patient', width: 'minmax(96px, 0.8fr)' }, (one) => `${one.date ?? ''} ${one.name}`),
        valueColumn(rows, (one) => one.date, { key: 'date', title: 'Date', width: '96px' }, (one) => one.name),
        valueColumn(rows, (one) => one.problem, {
            key: 'problem', title: 'Problem', width: 'minmax(90px, 1fr)',
            draw: (cell, row) => {
                cell.classList.toggle('failed-text', Boolean(at(row)?.problem));
                setText(cell, at(row)?.problem ?? '');
            },
        }),
    ];
}

interface SeriesGridProps {
    rows: Rows<Series>;
    byPatient: boolean;
    options?: Partial<GridOptions>;
    /** Ids that are ticked at first. */
    ticked?: number[];
}

export function SeriesGrid({ rows, byPatient, options, ticked }: SeriesGridProps) {
    const now = useMemo(() => ({ byPatient }), []);
    const tints = useMemo(() => patientTints(rows), []);
    const sort = () => rows.grid?.sortBy(now.byPatient ? 'patient' : 'name', true);
    useEffect(() => {
        now.byPatient = byPatient;
        sort();
    }, [byPatient]);
    return (
        <GridView
            options={() => ({
                label: 'Series',
                leastWidth: 920,
                columns: columns(rows),
                name: (row) => rows.list[row]?.name ?? '',
                tint: (row) => (now.byPatient ? groupTint(tints, row) : -1),
                onSelect: (count) => (rows.selected.value = count),
                ...options,
            })}
            onMade={(grid) => {
                const end = rows.attach(grid);
                sort();
                if (ticked && ticked.length > 0) {
                    grid.select(ticked.map(rows.rowOf).filter((row) => row >= 0));
                }
                return end;
            }}
        />
    );
}
