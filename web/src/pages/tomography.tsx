/* The batch table and everything that is done from it (REQUIREMENTS B-I). */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { patch, post, type Project } from '../api';
import { GROUP_WORDS, GROUPS } from '../groups';
import { go, link } from '../router';
import { loadProjects, mayRun } from '../state';
import { batchOf, type Batch } from '../tomography/batch';
import { batchColumns, LEAST_WIDTH } from '../tomography/columns';
import { DeleteDialog } from '../tomography/delete-dialog';
import { FixDialog } from '../tomography/fix-dialog';
import { ParamsDialog } from '../tomography/params-dialog';
import { KINDS, RunDialog, type RunKind } from '../tomography/run-dialog';
import { Side } from '../tomography/side';
import { SyncButton, SyncStrip } from '../tomography/sync';
import '../tomography/tomography.css';
import { GridView } from '../ui/grid-view';
import { openMenu } from '../ui/menu';
import { RunStrips } from '../ui/runs';
import { toast, toastError } from '../ui/toast';
import { countText, finiteNumber, plural } from '../words';

type Asked =
    | { dialog: 'run'; kind: RunKind; ids: number[]; cor: number | null }
    | { dialog: 'fix' | 'delete' | 'params'; ids: number[] };

const asked = signal<Asked | null>(null);
const refreshing = signal(false);

function askRun(batch: Batch, kind: RunKind): void {
    const ids = batch.pickedOrWarn();
    const cor = batch.topBarCor();
    if (ids.length > 0 && cor !== undefined) {
        asked.value = { dialog: 'run', kind, ids, cor };
    }
}

function ask(batch: Batch, dialog: 'fix' | 'delete'): void {
    const ids = batch.pickedOrWarn();
    if (ids.length > 0) {
        asked.value = { dialog, ids };
    }
}

const SAID_AT_MOST = 3; // troubles of a refresh

interface ScanReport {
    found?: number;
    added?: number;
    changed?: number;
    gone?: number;
    scans?: number;
    new?: number;
    warnings?: string[];
    unreadable_files?: string[];
}

async function refresh(batch: Batch, all: boolean): Promise<void> {
    refreshing.value = true;
    try {
        const report = await post<ScanReport>(`projects/${batch.project}/refresh`, all ? { all: true } : {});
        const said = [...(report.warnings ?? []), ...(report.unreadable_files ?? [])];
        said.slice(0, SAID_AT_MOST).forEach((line) => toast(line, 'warning'));
        if (said.length > SAID_AT_MOST) {
            toast(`And ${plural(said.length - SAID_AT_MOST, 'file')} more with such a trouble; gantry scan names them.`, 'warning');
        }
        await batch.load();
        toast(`The list is up to date: ${plural(batch.table.listed, 'scan')}.`);
        await loadProjects();
    } catch (error) {
        toastError(error);
    }
    refreshing.value = false;
}

async function copyParams(batch: Batch, from: number): Promise<void> {
    const items = batch.table.ids(batch.picked()).filter((id) => id !== from);
    if (items.length === 0) {
        toast('Tick the rows that shall get these parameters first.', 'warning');
        return;
    }
    await post('cor/copy', { project: batch.project, from, items });
    toast(`Parameters applied to ${plural(items.length, 'scan')}.`);
}

/** The menu of a row (B10). */
function rowMenu(batch: Batch, row: number, x: number, y: number): void {
    const { table } = batch;
    const id = table.id[row] ?? 0;
    const name = table.name[row] ?? '';
    const viewer = !mayRun.value;
    const picked = batch.grid?.selection.has(row) ? table.ids(batch.picked()) : [id];
    const off = table.skipped(row);
    openMenu(x, y, name, [
        { label: 'Edit parameters…', disabled: viewer, run: () => (asked.value = { dialog: 'params', ids: [id] }) },
        {
            label: `Apply parameters to selected (${batch.selected.value})`,
            disabled: viewer || batch.selected.value === 0,
            run: () => void copyParams(batch, id).catch(toastError),
        },
        { label: 'Edit COR', disabled: viewer, run: () => void batch.grid?.edit(batch.grid.view.position(row)) },
        { label: 'View Try', apart: true, run: () => go(link('item', id, 'try')) },
        { label: 'View Full', run: () => go(link('item', id, 'full')) },
        { label: 'View Data', run: () => go(link('item', id, 'raw')) },
        { label: 'Jobs of this scan', run: () => go(link('jobs') + '?item=' + id) },
        {
            label: off ? 'Enable (run it all the same)' : 'Skip (leave it out)',
            apart: true,
            disabled: viewer,
            run: () => void batch.enable(picked, off).catch(toastError),
        },
        {
            label: picked.length > 1 ? `Delete ${picked.length} from list…` : 'Delete from list…',
            disabled: viewer,
            run: () => (asked.value = { dialog: 'delete', ids: picked }),
        },
    ]);
}

function Tools({ batch, project }: { batch: Batch; project: Project }) {
    const viewer = !mayRun.value;
    const setMinSize = (field: HTMLInputElement) => {
        const pct = field.value.trim() === '' ? null : finiteNumber(field.value);
        if (field.value.trim() !== '' && (pct === null || pct < 0 || pct > 100)) {
            toast(`Min size is '${field.value}': a number from 0 to 100 % is needed, 0 turns the rule off.`, 'error');
            field.value = String(project.min_size_pct ?? '');
            return;
        }
        patch(`projects/${project.id}`, { min_size_pct: pct }).then(async () => {
            await loadProjects();
            await batch.load();
        }, toastError);
    };
    return (
        <div class="tools" role="toolbar" aria-label="Batch">
            <button
                type="button"
                title="Read the data folder again"
                disabled={viewer || refreshing.value}
                onClick={() => void refresh(batch, false)}
            >
                {refreshing.value ? 'Refreshing…' : 'Refresh File List'}
            </button>
            <button
                type="button"
                class="bare"
                aria-label="More ways to refresh"
                disabled={viewer}
                onClick={(event) => {
                    const box = event.currentTarget.getBoundingClientRect();
                    openMenu(box.left, box.bottom, 'Refresh', [
                        { label: 'Refresh, with deleted rows', run: () => void refresh(batch, true) },
                    ]);
                }}
            >
                ▾
            </button>
            <SyncButton project={project.id} disabled={viewer} cor={() => batch.topBarCor()} />
            <span class="divider" />
            <label class="field" title="For rows without a COR of their own">
                COR
                <input
                    class="short"
                    inputMode="decimal"
                    placeholder="per row"
                    aria-label="COR for rows without one"
                    value={batch.topCor.value}
                    aria-invalid={batch.topCor.value.trim() !== '' && finiteNumber(batch.topCor.value) === null}
                    onInput={(event) => (batch.topCor.value = event.currentTarget.value)}
                />
                px
            </label>
            <button type="button" disabled={viewer} onClick={() => ask(batch, 'fix')}>
                Fix COR Outliers…
            </button>
            <span class="divider" />
            <label class="field" title="Scans smaller than this part of their series' median are skipped; 0 turns it off">
                Min size
                <input
                    class="short"
                    type="number"
                    min={0}
                    max={100}
                    step={5}
                    disabled={viewer}
                    value={project.min_size_pct ?? ''}
                    placeholder="50"
                    onChange={(event) => setMinSize(event.currentTarget)}
                />
                %
            </label>
            <button type="button" class="danger" disabled={viewer} onClick={() => ask(batch, 'delete')}>
                Delete Selected…
            </button>
            <span class="grow" />
            <Actions batch={batch} />
        </div>
    );
}

function Filters({ batch }: { batch: Batch }) {
    void batch.turn.value; // counts are read from the columns
    const { table } = batch;
    const choose = (group: (typeof GROUPS)[number]) => {
        batch.group.value = batch.group.value === group ? null : group;
        batch.applyFilter();
    };
    const count = batch.selected.value;
    const total = table.listed;
    const shown = batch.shown.value;
    return (
        <div class="tools">
            <input
                type="search"
                class="filter"
                placeholder="Filter files  ( / )"
                aria-label="Filter files"
                value={batch.text.value}
                onInput={(event) => {
                    batch.text.value = event.currentTarget.value;
                    batch.applyFilter();
                }}
                onKeyDown={(event) => {
                    if (event.key === 'Escape') {
                        batch.text.value = '';
                        batch.applyFilter();
                    }
                    if (event.key === 'Escape' || event.key === 'Enter' || event.key === 'ArrowDown') {
                        event.preventDefault();
                        batch.grid?.takeFocus();
                    }
                }}
            />
            <div class="chips" role="group" aria-label="Filter by state">
                {GROUPS.map((group, at) => {
                    const count = table.counts[at] ?? 0;
                    if (count === 0 && batch.group.value !== group) {
                        return null;
                    }
                    return (
                        <button
                            key={group}
                            type="button"
                            class={'chip state ' + group}
                            aria-pressed={batch.group.value === group}
                            onClick={() => choose(group)}
                        >
                            {GROUP_WORDS[group]} <b>{countText(count)}</b>
                        </button>
                    );
                })}
            </div>
            <span class="grow" />
            <span class="muted nowrap" role="status">
                {count > 0 ? `${countText(count)} selected of ` : ''}
                {shown < total ? `${countText(shown)} shown of ` : ''}
                {plural(total, 'scan')}
            </span>
        </div>
    );
}

function Actions({ batch }: { batch: Batch }) {
    const count = batch.selected.value;
    const viewer = !mayRun.value;
    const name = (word: string) => (count > 0 ? `${word} ${countText(count)}` : word);
    return (
        <>
            <button type="button" disabled={viewer} onClick={() => askRun(batch, KINDS.try)}>
                {name('Batch Try')}
            </button>
            <button type="button" disabled={viewer} onClick={() => askRun(batch, KINDS.full)}>
                {name('Batch Full')}
            </button>
            <button type="button" class="main" disabled={viewer} onClick={() => askRun(batch, KINDS.ai)}>
                {name('Batch AI Reco')}…
            </button>
        </>
    );
}

function Table({ batch }: { batch: Batch }) {
    return (
        <GridView
            options={() => ({
                label: 'Scans',
                columns: batchColumns(batch),
                leastWidth: LEAST_WIDTH,
                name: (row) => batch.table.name[row] ?? '',
                locked: (row) => batch.table.autoSkipped(row),
                tint: (row) => batch.table.tintOf(row),
                onSelect: (count) => (batch.selected.value = count),
                onOpen: (row) => {
                    const full = batch.table.groupOf(row) === 'done';
                    go(link('item', batch.table.id[row] ?? 0, full ? 'full' : 'try'));
                },
                onFocus: (row) => (batch.focused.value = batch.table.id[row] ?? 0),
                onMenu: (row, x, y) => rowMenu(batch, row, x, y),
                onLeftOut: (count) =>
                    toast(`${plural(count, 'skipped scan')} left out. Tick ${count === 1 ? 'it' : 'one'} by itself to run it all the same.`),
                onUndo: () => void batch.undoCor().catch(toastError),
                onDelete: () => mayRun.value && ask(batch, 'delete'),
            })}
            onMade={(grid) => batch.attach(grid)}
        />
    );
}

function Dialogs({ batch }: { batch: Batch }) {
    const now = asked.value;
    const close = () => (asked.value = null);
    switch (now?.dialog) {
        case 'run':
            return <RunDialog batch={batch} kind={now.kind} ids={now.ids} cor={now.cor} onClose={close} />;
        case 'fix':
            return <FixDialog batch={batch} ids={now.ids} onClose={close} />;
        case 'delete':
            return <DeleteDialog batch={batch} ids={now.ids} onClose={close} />;
        case 'params':
            return <ParamsDialog batch={batch} ids={now.ids} onClose={close} />;
        default:
            return null;
    }
}

function Nothing({ batch, project }: { batch: Batch; project: Project }) {
    void batch.turn.value;
    const total = batch.table.listed;
    if (batch.failed.value) {
        return (
            <div class="over">
                <p class="failed-text">The list could not be read: {batch.failed.value}</p>
                <button type="button" onClick={() => void batch.load()}>
                    Try again
                </button>
            </div>
        );
    }
    if (batch.loading.value !== null) {
        return <div class="over muted">{batch.loading.value}</div>;
    }
    if (total === 0) {
        return (
            <div class="over">
                <p>No scans on the list of {project.root}.</p>
                <p class="muted">Put HDF5 scans there and press “Refresh File List”, or follow an acquisition with “Sync Acquisition”.</p>
            </div>
        );
    }
    return batch.shown.value === 0 ? (
        <div class="over">
            <p>No scan fits the filter.</p>
            <button
                type="button"
                onClick={() => {
                    batch.text.value = '';
                    batch.group.value = null;
                    batch.applyFilter();
                }}
            >
                Show all {countText(total)}
            </button>
        </div>
    ) : null;
}

export function TomographyPage({ project }: { project: Project }) {
    const batch = batchOf(project.id);
    const ref = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const anywhere = (event: KeyboardEvent) => {
            const target = event.target as HTMLElement;
            const typing = target.matches('input:not([type=checkbox]), textarea, select');
            if (event.defaultPrevented || typing || document.querySelector('dialog[open]')) {
                return;
            }
            if (event.key === '/') {
                event.preventDefault();
                ref.current?.querySelector<HTMLInputElement>('.filter')?.focus();
            }
            if (event.key === 'z' && (event.ctrlKey || event.metaKey) && mayRun.value) {
                event.preventDefault();
                void batch.undoCor().catch(toastError);
            }
        };
        addEventListener('keydown', anywhere);
        return () => removeEventListener('keydown', anywhere);
    }, []);
    return (
        <div class="page" ref={ref}>
            <h1 class="hidden-label">Tomography: {project.name}</h1>
            <Tools batch={batch} project={project} />
            <Filters batch={batch} />
            <SyncStrip />
            <RunStrips project={project.id} />
            <div class="columns">
                <div class="table">
                    <Table batch={batch} />
                    <Nothing batch={batch} project={project} />
                </div>
                <Side batch={batch} />
            </div>
            <Dialogs batch={batch} />
        </div>
    );
}
