/* Cohorts: subjects and studies with the Batchtool beside them (REQUIREMENTS K) and their jobs below (N). */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { post, type Project } from '../api';
import { Batchtool } from '../cohort/batchtool';
import { cohortOf, type Cohort } from '../cohort/cohort';
import { cohortColumns, leastWidth } from '../cohort/columns';
import '../cohort/cohort.css';
import { Files } from '../cohort/files';
import { panel, Review } from '../cohort/review';
import { TagsDialog } from '../cohort/tags-dialog';
import { Gridstats } from '../gridstats/gridstats';
import { go, link, route } from '../router';
import { mayRun, recall, remember } from '../state';
import { Dialog } from '../ui/dialog';
import { GridView } from '../ui/grid-view';
import { openMenu } from '../ui/menu';
import { RunStrips, runs, isOver } from '../ui/runs';
import { toast, toastError } from '../ui/toast';
import { countText, plural } from '../words';

const tagging = signal<number[] | null>(null);
const choosing = signal(false);
const killing = signal(false);
const refreshing = signal(false);
const below = signal(recall('gantry.gridstats') !== 'no');

async function refresh(cohort: Cohort): Promise<void> {
    refreshing.value = true;
    try {
        const report = await post<{ warnings?: string[] }>(`projects/${cohort.project}/refresh`, {});
        report.warnings?.slice(0, 3).forEach((line) => toast(line, 'warning'));
        await cohort.load();
        toast(`The list is up to date: ${plural(cohort.table.listed, cohort.level.value, cohort.level.value === 'study' ? 'studies' : 'subjects')}.`);
    } catch (error) {
        toastError(error);
    }
    refreshing.value = false;
}

function Bar({ cohort, which }: { cohort: Cohort; which: 0 | 1 }) {
    const refused = cohort.refused[which].value;
    const label = which === 0 ? 'Filter' : 'And filter';
    return (
        <span class="bar-filter">
            <input
                type="search"
                class="filter-bar"
                spellcheck={false}
                placeholder={which === 0 ? 'P01 stag:control job:e   ( / )' : 'and …'}
                title="Space = or, & = and, a wildcard at each end. stag: ptag: ftag: sdesc: job:q|r|e|d"
                aria-label={label}
                aria-invalid={refused !== ''}
                value={cohort.filters[which].value}
                onInput={(event) => cohort.setFilter(which, event.currentTarget.value)}
                onKeyDown={(event) => {
                    if (event.key === 'Escape') {
                        cohort.setFilter(which, '');
                    }
                    if (event.key === 'Escape' || event.key === 'Enter' || event.key === 'ArrowDown') {
                        event.preventDefault();
                        cohort.grid?.takeFocus();
                    }
                }}
            />
            {refused && (
                <span class="failed-text" role="alert">
                    {refused}
                </span>
            )}
        </span>
    );
}

function Toolbar({ cohort }: { cohort: Cohort }) {
    void cohort.turn.value;
    const level = cohort.level.value;
    const words = level === 'study' ? 'studies' : 'subjects';
    const count = cohort.selected.value;
    const total = cohort.table.listed;
    const shown = cohort.shown.value;
    return (
        <div class="tools" role="toolbar" aria-label="Cohort">
            <div class="switch" role="group" aria-label="Level">
                {(['subject', 'study'] as const).map((word) => (
                    <button key={word} type="button" aria-pressed={level === word} onClick={() => cohort.setLevel(word)}>
                        {word === 'subject' ? 'Subjects' : 'Studies'}
                    </button>
                ))}
            </div>
            <Bar cohort={cohort} which={0} />
            <Bar cohort={cohort} which={1} />
            <span class="muted nowrap" role="status">
                {shown < total ? `${countText(shown)} shown of ` : count > 0 ? `${countText(count)} selected of ` : ''}
                {plural(total, level, words)}
                {/* rows that a filter hides stay selected: they are not "of those shown" */}
                {count > 0 && shown < total ? `; ${countText(count)} selected` : ''}
            </span>
            <span class="grow" />
            <button
                type="button"
                disabled={!mayRun.value}
                onClick={() => {
                    const rows = cohort.picked();
                    if (rows.length === 0) {
                        toast(`No ${words} selected.`, 'warning');
                    } else {
                        tagging.value = rows;
                    }
                }}
            >
                Tags…
            </button>
            <button type="button" onClick={() => (choosing.value = true)}>
                Columns…
            </button>
            <button type="button" title="Read the data folder again" disabled={!mayRun.value || refreshing.value} onClick={() => void refresh(cohort)}>
                {refreshing.value ? 'Refreshing…' : 'Refresh'}
            </button>
            <button type="button" class="danger" disabled={!mayRun.value} onClick={() => (killing.value = true)}>
                Kill all…
            </button>
        </div>
    );
}

function rowMenu(cohort: Cohort, row: number, x: number, y: number): void {
    const { table } = cohort;
    const picked = cohort.grid?.selection.has(row) ? cohort.picked() : [row];
    openMenu(x, y, table.name(row), [
        {
            label: 'Show its files',
            run: () => {
                cohort.look(table.id(row));
                panel.value = 'files';
            },
        },
        { label: picked.length > 1 ? `Tags of these ${picked.length}…` : 'Tags…', disabled: !mayRun.value, run: () => (tagging.value = picked) },
        { label: 'Select only this', apart: true, run: () => cohort.select([table.id(row)]) },
        { label: 'Jobs', run: () => go(`${link('jobs')}?item=${table.id(row)}`) },
    ]);
}

function Table({ cohort }: { cohort: Cohort }) {
    return (
        <GridView
            key={cohort.made.value}
            options={() => ({
                label: cohort.level.value === 'study' ? 'Studies' : 'Subjects',
                columns: cohortColumns(cohort),
                leastWidth: leastWidth(cohort),
                name: (row) => cohort.table.name(row),
                onSelect: (count) => (cohort.selected.value = count),
                onFocus: (row) => (cohort.focused.value = cohort.table.id(row)),
                onOpen: (row) => {
                    cohort.look(cohort.table.id(row));
                    panel.value = 'files';
                },
                onMenu: (row, x, y) => rowMenu(cohort, row, x, y),
            })}
            onMade={(grid) => cohort.attach(grid)}
        />
    );
}

function Nothing({ cohort, project }: { cohort: Cohort; project: Project }) {
    void cohort.turn.value;
    const words = cohort.level.value === 'study' ? 'studies' : 'subjects';
    if (cohort.failed.value) {
        return (
            <div class="over">
                <p class="failed-text">The list could not be read: {cohort.failed.value}</p>
                <button type="button" onClick={() => void cohort.load()}>
                    Try again
                </button>
            </div>
        );
    }
    if (cohort.loading.value) {
        return <div class="over muted">Reading the list…</div>;
    }
    if (cohort.table.listed === 0) {
        return (
            <div class="over">
                <p>No {words} on the list of {project.root}.</p>
                <p class="muted">Put images there as SUBJECT/STUDY/…, or a BIDS tree, and press “Refresh”.</p>
            </div>
        );
    }
    return cohort.shown.value === 0 ? (
        <div class="over">
            <p>No {words} fit the filter.</p>
            <button
                type="button"
                onClick={() => {
                    cohort.setFilter(0, '');
                    cohort.setFilter(1, '');
                }}
            >
                Show all {countText(cohort.table.listed)}
            </button>
        </div>
    ) : null;
}

function ColumnsDialog({ cohort }: { cohort: Cohort }) {
    const [keys, setKeys] = useState(cohort.attributes.value);
    const all = [...new Set([...cohort.table.attributes, ...keys])];
    const close = () => (choosing.value = false);
    return (
        <Dialog
            title="Columns of attributes"
            onClose={close}
            buttons={
                <button
                    type="button"
                    class="main"
                    onClick={() => {
                        cohort.setAttributes(keys);
                        close();
                    }}
                >
                    Show these
                </button>
            }
        >
            {all.length === 0 && <p class="muted">No row has attributes. They come from participants.tsv and sessions.tsv, or from a table that is imported.</p>}
            <div class="checks">
                {all.map((key) => (
                    <label key={key} class="check">
                        <input
                            type="checkbox"
                            checked={keys.includes(key)}
                            onChange={(event) => setKeys(event.currentTarget.checked ? [...keys, key] : keys.filter((one) => one !== key))}
                        />
                        {key}
                    </label>
                ))}
            </div>
        </Dialog>
    );
}

/** F of the Batchtool (K2): every run of the project. A bare Enter says No. */
function KillDialog({ project }: { project: Project }) {
    const live = runs.value.filter((run) => !isOver(run) && (!run.project || run.project === project.id));
    const close = () => (killing.value = false);
    const kill = async () => {
        close();
        for (const run of live) {
            await post(`runs/${run.id}/kill`);
        }
    };
    return (
        <Dialog
            title={`Kill all jobs of ${project.name}?`}
            onClose={close}
            buttons={
                <>
                    <button type="button" data-focus onClick={close}>
                        No, let them run
                    </button>
                    <button type="button" class="danger" disabled={live.length === 0} onClick={() => void kill().catch(toastError)}>
                        Kill all
                    </button>
                </>
            }
        >
            <p>
                {live.length === 0
                    ? 'Nothing runs here.'
                    : `${plural(live.length, 'run ends', 'runs end')}: ${live.map((run) => `${run.id} (${run.name ?? ''})`).join(', ')}. What is finished stays, and a retry takes the rest up again.`}
            </p>
        </Dialog>
    );
}

const PANELS = [['batch', 'Batchtool'], ['files', 'Files'], ['review', 'Look and judge']] as const;

function Beside({ cohort }: { cohort: Cohort }) {
    const tabs = useRef<HTMLDivElement>(null);
    const step = (by: number) => {
        const at = PANELS.findIndex(([key]) => key === panel.value);
        panel.value = PANELS[(at + by + PANELS.length) % PANELS.length]?.[0] ?? 'batch';
        requestAnimationFrame(() => tabs.current?.querySelector<HTMLElement>('[aria-selected=true]')?.focus());
    };
    return (
        <aside class="beside" aria-label="Batchtool and files">
            <div
                class="tabs"
                role="tablist"
                aria-label="Beside the table"
                ref={tabs}
                onKeyDown={(event) => (event.key === 'ArrowRight' ? step(1) : event.key === 'ArrowLeft' ? step(-1) : undefined)}
            >
                {PANELS.map(([key, word]) => (
                    <button
                        key={key}
                        type="button"
                        role="tab"
                        id={'tab-' + key}
                        aria-controls="beside-panel"
                        aria-selected={panel.value === key}
                        tabIndex={panel.value === key ? 0 : -1}
                        onClick={() => (panel.value = key)}
                    >
                        {word}
                    </button>
                ))}
            </div>
            <div class="beside-panel" role="tabpanel" id="beside-panel" aria-labelledby={'tab-' + panel.value} tabIndex={0}>
                {panel.value === 'batch' ? <Batchtool cohort={cohort} /> : panel.value === 'files' ? <Files cohort={cohort} /> : <Review cohort={cohort} />}
            </div>
        </aside>
    );
}

function Below({ cohort, project }: { cohort: Cohort; project: Project }) {
    const open = below.value;
    return (
        <section class={'below' + (open ? ' open' : '')}>
            <button
                type="button"
                class="bare"
                aria-expanded={open}
                onClick={() => {
                    below.value = !open;
                    remember('gantry.gridstats', open ? 'no' : 'yes');
                }}
            >
                {open ? 'Hide ▾' : 'Gridstats ▴'}
            </button>
            {open && <Gridstats project={project} onSubject={(item) => cohort.select([item])} />}
        </section>
    );
}

export function CohortsPage({ project }: { project: Project }) {
    const cohort = cohortOf(project.id);
    const ref = useRef<HTMLDivElement>(null);
    useEffect(() => {
        const slash = (event: KeyboardEvent) => {
            const target = event.target as HTMLElement;
            const typing = target.matches('input:not([type=checkbox]), textarea, select');
            if (event.key === '/' && !event.defaultPrevented && !typing && !document.querySelector('dialog[open]')) {
                event.preventDefault();
                ref.current?.querySelector<HTMLInputElement>('.filter-bar')?.focus();
            }
        };
        addEventListener('keydown', slash);
        return () => removeEventListener('keydown', slash);
    }, []);
    const item = Number(route.value.query.get('item') ?? 0);
    useEffect(() => {
        if (item > 0) {
            cohort.select([item]);
        }
    }, [item]);
    return (
        <div class="page cohorts" ref={ref}>
            <h1 class="hidden-label">Cohorts: {project.name}</h1>
            <Toolbar cohort={cohort} />
            <RunStrips project={project.id} />
            <div class="columns">
                <div class="table">
                    <Table cohort={cohort} />
                    <Nothing cohort={cohort} project={project} />
                </div>
                <Beside cohort={cohort} />
            </div>
            <Below cohort={cohort} project={project} />
            {tagging.value && <TagsDialog cohort={cohort} rows={tagging.value} onClose={() => (tagging.value = null)} />}
            {choosing.value && <ColumnsDialog cohort={cohort} />}
            {killing.value && <KillDialog project={project} />}
        </div>
    );
}
