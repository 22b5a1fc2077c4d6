/* Look and judge: the studies of a run one by one, output over input; 1 good, 2 bad. */
import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText, get, post } from '../api';
import { groupOfState } from '../groups';
import { on } from '../live';
import { mayRun } from '../state';
import { later } from '../ui/later';
import { toast, toastError } from '../ui/toast';
import { countText, plural } from '../words';
import type { Cohort } from './cohort';
import { openViewer, viewable } from './files';
import { RerunDialog } from './rerun-dialog';

interface Row {
    item: number;
    psid: string;
    state: string;
    good: boolean | null;
    comment: string;
    user: string;
}

interface Used {
    job: string;
    arg: string;
    path: string;
    file: number | null;
}

interface UsedFiles {
    inputs: Used[];
    outputs: Used[];
}

interface RunRow {
    id: number;
    name: string;
}

const Look = later(async () => (await import('./look')).Look); // the viewer is large: fetched when there is an image

/** The run that is looked at, 0: the newest. */
const looked = signal(0);
/** Which panel stands beside the table. */
export const panel = signal<'batch' | 'files' | 'review'>('batch');

export function review(run: number): void {
    looked.value = run;
    panel.value = 'review';
}

function useRows(run: number): [Row[], (change: (rows: Row[]) => Row[]) => void, string] {
    const [rows, setRows] = useState<Row[]>([]);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        let timer = 0;
        setRows([]);
        if (run <= 0) {
            return;
        }
        const load = () => {
            timer = 0;
            get<Row[]>(`runs/${run}/verdicts`).then(
                (list) => {
                    setRows(list);
                    setFailed('');
                },
                (error: unknown) => setFailed(errorText(error)),
            );
        };
        const soon = () => {
            timer ||= window.setTimeout(load, 1000);
        };
        load();
        const ends = [on('tasks', (event) => event.rows.some((task) => task[1] === run) && soon()), on('reset', soon)];
        return () => {
            clearTimeout(timer);
            ends.forEach((end) => end());
        };
    }, [run]);
    return [rows, setRows, failed];
}

function useUsed(run: number, item: number, state: string): UsedFiles | null {
    const [used, setUsed] = useState<{ key: string; files: UsedFiles } | null>(null);
    const key = `${run} ${item} ${state}`;
    useEffect(() => {
        if (run <= 0 || item <= 0) {
            return;
        }
        const asking = new AbortController();
        const timer = setTimeout(
            () => get<UsedFiles>(`runs/${run}/verdicts`, { item }, asking.signal).then((files) => setUsed({ key, files }), () => undefined),
            80,
        );
        return () => {
            clearTimeout(timer);
            asking.abort();
        };
    }, [key]);
    return used?.key === key ? used.files : null;
}

function Names({ title, files }: { title: string; files: Used[] }) {
    return (
        <>
            <h3>{title}</h3>
            <ul class="names mono">
                {files.map((one) => (
                    <li key={one.job + one.arg + one.path}>
                        {one.file && viewable(one.path) ? (
                            <a
                                href="#"
                                onClick={(event) => {
                                    event.preventDefault();
                                    openViewer([one.file ?? 0]);
                                }}
                            >
                                {one.path}
                            </a>
                        ) : (
                            one.path
                        )}
                    </li>
                ))}
                {files.length === 0 && <li class="muted">none</li>}
            </ul>
        </>
    );
}

/** Input below, outputs over it. */
export function shownFiles(used: UsedFiles): number[] {
    const images = (list: Used[]) => list.filter((one) => one.file !== null && viewable(one.path)).map((one) => one.file ?? 0);
    const outputs = images(used.outputs);
    const inputs = images(used.inputs).filter((id) => !outputs.includes(id));
    return [...inputs.slice(0, 1), ...outputs].slice(0, 4);
}

function Current({ row, run }: { row: Row; run: number }) {
    const used = useUsed(run, row.item, row.state);
    const [last, setLast] = useState<UsedFiles | null>(null);
    useEffect(() => {
        if (used) {
            setLast(used);
        }
    }, [used]);
    const files = used ?? last; // the pane stays while the next study's files are asked for
    if (!files) {
        return <p class="muted" aria-busy="true" />;
    }
    const shown = shownFiles(files);
    return (
        <div class="current" aria-busy={used === null}>
            {shown.length > 0 && <Look ids={shown} />}
            {shown.length > 0 && (
                <button type="button" onClick={() => openViewer(shown)}>
                    Open in the viewer
                </button>
            )}
            <Names title="Outputs" files={files.outputs} />
            <Names title="Inputs" files={files.inputs} />
        </div>
    );
}

function Verdicts({ rows, run, judge, at }: { rows: Row[]; run: number; judge: (good: boolean, comment?: string) => void; at: number }) {
    const row = rows[at];
    const [comment, setComment] = useState('');
    useEffect(() => setComment(row?.comment ?? ''), [row?.item, row?.comment]);
    if (!row) {
        return null;
    }
    return (
        <div class="verdict" role="group" aria-label={`Verdict on ${row.psid}`}>
            <button type="button" class={row.good === true ? 'main' : ''} aria-pressed={row.good === true} disabled={!mayRun.value} onClick={() => judge(true, comment)}>
                <kbd>1</kbd> Good
            </button>
            <button type="button" class={row.good === false ? 'danger on' : 'danger'} aria-pressed={row.good === false} disabled={!mayRun.value} onClick={() => judge(false, comment)}>
                <kbd>2</kbd> Bad
            </button>
            <input
                class="grow"
                placeholder="comment"
                aria-label={`Comment on ${row.psid}`}
                value={comment}
                onInput={(event) => setComment(event.currentTarget.value)}
                onKeyDown={(event) => {
                    event.stopPropagation();
                    if (event.key === 'Enter' && row.good !== null) {
                        judge(row.good, comment);
                    }
                }}
            />
            <span class="muted nowrap">run {run}</span>
        </div>
    );
}

export function Review({ cohort }: { cohort: Cohort }) {
    const [runs, setRuns] = useState<RunRow[]>([]);
    const [at, setAt] = useState(0);
    const [rerun, setRerun] = useState<number[] | null>(null);
    const list = useRef<HTMLDivElement>(null);
    const run = looked.value || runs[0]?.id || 0;
    const [rows, setRows, failed] = useRows(run);
    useEffect(() => {
        get<{ runs: RunRow[] }>('runs', { project: cohort.project, limit: 50 }).then(
            ({ runs: all }) => setRuns([...all].sort((a, b) => b.id - a.id)),
            toastError,
        );
    }, [looked.value]);
    useEffect(() => setAt(0), [run]);
    useEffect(() => {
        list.current?.querySelector('[aria-current=true]')?.scrollIntoView({ block: 'nearest' });
    }, [at]);
    const row = rows[Math.min(at, rows.length - 1)];
    const judge = (good: boolean, comment = row?.comment ?? '') => {
        if (!row || !mayRun.value) {
            return;
        }
        setRows((old) => old.map((one) => (one.item === row.item ? { ...one, good, comment } : one)));
        post('verdicts', { run, item: row.item, good, comment }).catch((error: unknown) => {
            setRows((old) => old.map((one) => (one.item === row.item ? row : one)));
            toastError(error);
        });
        if (row.good === null && at < rows.length - 1) {
            setAt(at + 1);
        }
    };
    useEffect(() => {
        const keys = (event: KeyboardEvent) => {
            const target = event.target as HTMLElement;
            if (target.matches('input:not([type=checkbox]), textarea, select') || target.closest('.vg, dialog, .menu') || event.ctrlKey || event.altKey || event.metaKey) {
                return;
            }
            const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
            if (step !== 0) {
                setAt((old) => Math.max(0, Math.min(rows.length - 1, old + step)));
            } else if (event.key === '1' || event.key === '2') {
                judge(event.key === '1');
            } else {
                return;
            }
            event.preventDefault();
        };
        addEventListener('keydown', keys);
        return () => removeEventListener('keydown', keys);
    });
    const count = (good: boolean | null) => rows.filter((one) => one.good === good).length;
    const bad = rows.filter((one) => one.good === false);
    return (
        <div class="review-panel">
            <header>
                <h2>Look and judge</h2>
                <select aria-label="Run to look at" value={String(run)} onChange={(event) => (looked.value = Number(event.currentTarget.value))}>
                    {runs.map((one) => (
                        <option key={one.id} value={String(one.id)}>
                            {one.id} · {one.name}
                        </option>
                    ))}
                </select>
                <span class="grow" />
                <span class="muted nowrap" role="status">
                    {countText(count(true))} good, {countText(bad.length)} bad, {countText(count(null))} to look at
                </span>
            </header>
            {failed && <p class="failed-text">{failed}</p>}
            {rows.length === 0 && !failed && <p class="muted">{runs.length === 0 ? 'Nothing has run here yet.' : 'This run has no studies.'}</p>}
            {rows.length > 0 && (
                <div class="judge-list scroll" ref={list} role="list" aria-label="Studies of the run">
                    {rows.map((one, index) => (
                        <div role="listitem" key={one.item}>
                            <button
                                type="button"
                                class={'bare' + (index === at ? ' on' : '')}
                                aria-current={index === at ? 'true' : undefined}
                                onClick={() => {
                                    setAt(index);
                                    cohort.look(one.item);
                                }}
                            >
                                <span class={'state ' + groupOfState(one.state)}>{one.psid}</span>
                                <span class="grow" />
                                {one.comment && <span class="muted comment">{one.comment}</span>}
                                {one.good !== null && <span class={'tag-chip ' + (one.good ? 'good' : 'bad')}>{one.good ? 'good' : 'bad'}</span>}
                            </button>
                        </div>
                    ))}
                </div>
            )}
            {row && <Verdicts rows={rows} run={run} judge={judge} at={Math.min(at, rows.length - 1)} />}
            {row && <Current row={row} run={run} />}
            {bad.length > 0 && (
                <div class="row">
                    <button type="button" onClick={() => cohort.select(bad.map((one) => one.item))}>
                        Select the {plural(bad.length, 'bad one')}
                    </button>
                    <button type="button" class="main" disabled={!mayRun.value} onClick={() => setRerun(bad.map((one) => one.item))}>
                        Rerun the {plural(bad.length, 'bad one')}…
                    </button>
                </div>
            )}
            {rerun && (
                <RerunDialog
                    cohort={cohort}
                    run={run}
                    items={rerun}
                    onClose={() => setRerun(null)}
                    onDone={() => toast(`${plural(rerun.length, 'study runs', 'studies run')} again.`)}
                />
            )}
        </div>
    );
}
