/* Fix and rerun (J4): the jobs of a run as they were, edited here, and run again for exactly these items. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { errorText, get, post } from '../api';
import { Dialog } from '../ui/dialog';
import { plural } from '../words';
import { aimAt, type Aim } from './aim';
import { JobCard } from './card';
import { loadTools, tools } from './editor';
import { cardOf, differences, tidy, troubleOf, type BatchDoc, type Card, type Job, type Level } from './model';

interface RerunProps {
    cohort: Aim;
    run: number;
    items: number[];
    /** Its tasks, when they are known (those of a cause): then the job is theirs. */
    tasks?: number[] | undefined;
    job?: string | undefined;
    onClose: () => void;
    onDone: (run: number) => void;
}

export function valueText(value: unknown): string {
    return value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value);
}

export function Differences({ before, after }: { before: Job; after: Job }) {
    const found = differences(before, after);
    if (found.length === 0) {
        return <p class="muted">Nothing is changed yet.</p>;
    }
    return (
        <section aria-label="What is changed">
            <h3>What is changed</h3>
            <dl class="differences mono">
                {found.map(([path, old, next]) => (
                    <div key={path}>
                        <dt>{path}</dt>
                        <dd>
                            <del>{valueText(old)}</del> <ins>{valueText(next)}</ins>
                        </dd>
                    </div>
                ))}
            </dl>
        </section>
    );
}

/** The run's batch as it was launched. */
function useBatch(run: number): [BatchDoc | null, string] {
    const [batch, setBatch] = useState<BatchDoc | null>(null);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        loadTools().catch(() => undefined);
        get<{ batch: BatchDoc }>(`runs/${run}`).then((found) => setBatch(found.batch), (error: unknown) => setFailed(errorText(error)));
    }, [run]);
    return [batch, failed];
}

/** Tasks of that job on these items of the run. */
async function tasksOf(run: number, job: string, items: number[]): Promise<number[]> {
    const wanted = new Set(items);
    const found: number[] = [];
    for (let offset = 0, total = 1; offset < total;) {
        const page = await get<{ total: number; tasks: { id: number; item: number; job: string }[] }>('tasks', { run, open: false, offset, limit: 5000 });
        found.push(...page.tasks.filter((task) => task.job === job && wanted.has(task.item)).map((task) => task.id));
        offset += page.tasks.length;
        total = page.tasks.length === 0 ? 0 : page.total;
    }
    return found;
}

function Editing({ batch, first, fixed, aim, onCard }: { batch: BatchDoc; first: string; fixed: boolean; aim: Aim; onCard: (card: Card) => void }) {
    const [card, setCard] = useState(() => cardOf(batch.jobs.find((job) => job.id === first) ?? batch.jobs[0] ?? { id: '', tool: '' }));
    const before = batch.jobs.find((job) => job.id === card.job.id) ?? card.job;
    const later = batch.jobs.slice(batch.jobs.indexOf(before) + 1).filter((job) => !job.off);
    useEffect(() => onCard(card), [card]);
    return (
        <>
            {!fixed && batch.jobs.length > 1 && (
                <label class="field">
                    Begin with
                    <select
                        aria-label="Job to begin with"
                        value={card.job.id}
                        onChange={(event) => {
                            const job = batch.jobs.find((one) => one.id === event.currentTarget.value);
                            if (job) {
                                setCard(cardOf(job));
                            }
                        }}
                    >
                        {batch.jobs.map((job) => (
                            <option key={job.id} value={job.id}>
                                {job.name || job.id}
                            </option>
                        ))}
                    </select>
                </label>
            )}
            <JobCard
                key={card.uid}
                card={card}
                tool={tools.value.find((tool) => tool.name === card.job.tool)}
                cohort={aim}
                variables={Object.keys(batch.variables ?? {})}
                problems={[]}
                onChange={setCard}
            />
            {later.length > 0 && <p>Then {later.map((job) => job.name || job.id).join(', ')}, as {later.length === 1 ? 'it is' : 'they are'}.</p>}
            <Differences before={before} after={card.job} />
        </>
    );
}

export function RerunDialog({ cohort, run, items, tasks, job, onClose, onDone }: RerunProps) {
    const [batch, unread] = useBatch(run);
    const [card, setCard] = useState<Card | null>(null);
    const [failed, setFailed] = useState('');
    const [busy, setBusy] = useState(false);
    const level: Level = batch?.level === 'subject' ? 'subject' : 'study';
    const aim = useMemo(() => aimAt(cohort.project, level, items), [level, items]);
    const troubles = Object.entries(card?.job.args ?? {}).map(([name, arg]) => troubleOf(name, arg)).filter(Boolean);
    const what = plural(items.length, level, level === 'study' ? 'studies' : 'subjects');
    const start = async () => {
        if (!card) {
            return;
        }
        setBusy(true);
        try {
            const ids = tasks ?? (await tasksOf(run, card.job.id, items));
            const made = await post<{ run: number }>('tasks/rerun', { tasks: ids, job: tidy(card.job) });
            onClose();
            onDone(made.run);
        } catch (error) {
            setBusy(false);
            setFailed(errorText(error));
        }
    };
    return (
        <Dialog
            wide
            title={`Fix and rerun: ${what} of run ${run}`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button type="button" class="main" disabled={busy || !card || troubles.length > 0} onClick={() => void start()}>
                        {busy ? 'Starting…' : `Rerun for ${items.length === 1 ? 'this' : 'these'} ${what}`}
                    </button>
                </>
            }
        >
            {(failed || unread) && (
                <p class="failed-text" role="alert">
                    {failed || unread}
                </p>
            )}
            {batch && <Editing batch={batch} first={job ?? ''} fixed={tasks !== undefined} aim={aim} onCard={setCard} />}
        </Dialog>
    );
}
