/* Failures grouped by cause (J3, J4): one row for a thousand failures of one kind, with what to do about it. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { errorText, get, post } from '../api';
import { cohortOf } from '../cohort/cohort';
import { RerunDialog } from '../cohort/rerun-dialog';
import '../cohort/cohort.css';
import { RetryDialog } from '../jobs/retry-dialog';
import { on } from '../live';
import { go, link } from '../router';
import { mayRun, project } from '../state';
import { batchOf } from '../tomography/batch';
import { toast, toastError } from '../ui/toast';
import { plural, someOf, timeText } from '../words';

interface Cause {
    cause: number;
    code?: string | null;
    signature?: string | null;
    example?: string | null;
    advice?: string | null;
    tasks: number | number[];
    count?: number;
    items: (number | string)[];
    members?: string[];
    names?: string[];
    runs?: number[];
    /** A job of the failed ones, and what its items are. */
    job?: string;
    level?: string;
    first_us?: number;
    last_us?: number;
}

const AGAIN_MS = 1000;
const asked = signal<Cause | null>(null);
const fixing = signal<Cause | null>(null);

function ofCohort(cause: Cause): boolean {
    return cause.level === 'study' || cause.level === 'subject';
}

function itemsOf(cause: Cause): number[] {
    return [...new Set(cause.items.filter((item): item is number => typeof item === 'number'))];
}

/** N7: tick them in the table they are rows of. */
function select(cause: Cause, here: { id: number; name: string }): void {
    if (cause.level === 'study' || cause.level === 'subject') {
        const cohort = cohortOf(here.id);
        cohort.setLevel(cause.level);
        cohort.select(itemsOf(cause));
        go(link('p', here.name, 'cohorts'));
        return;
    }
    batchOf(here.id).selectLater(itemsOf(cause));
    go(link('p', here.name, 'tomography'));
}

function tasksOf(cause: Cause): number {
    return cause.count ?? (Array.isArray(cause.tasks) ? cause.tasks.length : cause.tasks);
}

async function retry(cause: Cause, set: Record<string, unknown>, here: number | undefined): Promise<void> {
    await post(`errors/${cause.cause}/retry`, { ...(here ? { project: here } : {}), ...(Object.keys(set).length > 0 ? { set } : {}) });
    toast(`${plural(tasksOf(cause), 'job')} will run again.`, 'info', { label: 'Show jobs', run: () => go(link('jobs')) });
}

/** N10: dealt with; the failures leave this page and stay in results. */
async function clear(cause: Cause): Promise<void> {
    const ids = Array.isArray(cause.tasks) ? cause.tasks : [];
    await post('tasks/clear', { tasks: ids });
    toast(`${plural(ids.length, 'failure')} cleared. “Show finished” on the Jobs page still shows ${ids.length === 1 ? 'it' : 'them'}.`);
}

function Card({ cause, here }: { cause: Cause; here: { id: number; name: string } | undefined }) {
    const count = tasksOf(cause);
    const items = itemsOf(cause);
    const word = cause.level === 'study' ? ['study', 'studies'] : cause.level === 'subject' ? ['subject', 'subjects'] : ['scan', 'scans'];
    return (
        <article class="card cause">
            <div class="row">
                <span class="state failed count">
                    {plural(count, 'failure')}
                </span>
                {cause.code && <code>{cause.code}</code>}
                <span class="muted">
                    {cause.runs && cause.runs.length > 0 && `in run ${someOf(cause.runs.map(String), 5)}`}
                    {cause.last_us ? ` · last ${timeText(cause.last_us)}` : ''}
                </span>
            </div>
            <p class="mono">{cause.example ?? cause.signature}</p>
            {cause.advice && <p>{cause.advice}</p>}
            {(cause.names ?? cause.members ?? []).length > 0 && <p class="muted">{someOf(cause.names ?? cause.members ?? [], 8)}</p>}
            <div class="row">
                <button
                    type="button"
                    disabled={!here || items.length === 0}
                    onClick={() => here && select(cause, here)}
                >
                    Select {items.length === 1 ? `this ${word[0]}` : `these ${items.length} ${word[1]}`}
                </button>
                {ofCohort(cause) && (
                    <button type="button" class="main" disabled={!mayRun.value || !here} onClick={() => (fixing.value = cause)}>
                        Fix and rerun…
                    </button>
                )}
                <button type="button" disabled={!mayRun.value} onClick={() => void retry(cause, {}, here?.id).catch(toastError)}>
                    Retry {count}
                </button>
                <button type="button" disabled={!mayRun.value} onClick={() => (asked.value = cause)}>
                    Retry with…
                </button>
                <button
                    type="button"
                    title="These are dealt with: take them off this page; results keep them"
                    disabled={!mayRun.value}
                    onClick={() => void clear(cause).catch(toastError)}
                >
                    Clear
                </button>
            </div>
        </article>
    );
}

export function ErrorsPage() {
    const here = project.value;
    const [causes, setCauses] = useState<Cause[] | null>(null);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        let timer = 0;
        const load = () => {
            timer = 0;
            get<Cause[] | { causes: Cause[] }>('errors', { project: here?.id }).then(
                (answer) => {
                    setCauses(Array.isArray(answer) ? answer : answer.causes);
                    setFailed('');
                },
                (error: unknown) => setFailed(errorText(error)),
            );
        };
        const soon = () => {
            timer ||= window.setTimeout(load, AGAIN_MS);
        };
        load();
        const ends = [on('tasks', soon), on('runs', soon), on('reset', soon), on('more', soon)];
        return () => {
            clearTimeout(timer);
            ends.forEach((end) => end());
        };
    }, [here?.id]);
    const now = asked.value;
    return (
        <div class="sheet">
            <h1>Errors{here ? ` of ${here.name}` : ''}</h1>
            {failed && <p class="failed-text">{failed}</p>}
            {causes?.length === 0 && (
                <p class="empty">Nothing has failed. A failure stays here, with its cause, until it was retried with success or cleared.</p>
            )}
            {causes?.map((cause) => <Card key={`${cause.cause} ${cause.signature}`} cause={cause} here={here} />)}
            {fixing.value && here && (
                <RerunDialog
                    cohort={cohortOf(here.id)}
                    run={Math.max(...(fixing.value.runs ?? [0]))}
                    job={fixing.value.job}
                    items={itemsOf(fixing.value)}
                    tasks={Array.isArray(fixing.value.tasks) ? fixing.value.tasks : undefined}
                    onClose={() => (fixing.value = null)}
                    onDone={(run) =>
                        toast(`The job runs again as it is now.`, 'info', { label: 'Show jobs', run: () => go(link('run', run)) })
                    }
                />
            )}
            {now && (
                <RetryDialog
                    title={`Retry ${plural(tasksOf(now), 'job')} with…`}
                    send={(set) => retry(now, set, here?.id)}
                    onClose={() => (asked.value = null)}
                />
            )}
        </div>
    );
}
