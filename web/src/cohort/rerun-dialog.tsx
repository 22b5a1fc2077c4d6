/* Fix and rerun (J4): the jobs of a run as they were, edited here, and run again for exactly these items. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { errorText, get, post } from '../api';
import { Dialog } from '../ui/dialog';
import { plural } from '../words';
import { aimAt, type Aim } from './aim';
import { JobCard } from './card';
import { loadTools, tools } from './editor';
import { cardOf, differences, docOf, troubleOf, type BatchDoc, type Card, type Level } from './model';

interface RerunProps {
    cohort: Aim;
    run: number;
    items: number[];
    /** The job that failed: the others are folded. */
    job?: string | undefined;
    onClose: () => void;
    onDone: (run: number) => void;
}

export function valueText(value: unknown): string {
    return value === undefined ? 'nothing' : typeof value === 'string' ? value : JSON.stringify(value);
}

export function Differences({ before, after }: { before: BatchDoc; after: BatchDoc }) {
    const found = before.jobs.flatMap((job) => {
        const now = after.jobs.find((one) => one.id === job.id);
        return differences(job, now).map(([path, old, next]): [string, unknown, unknown] => [`${job.name || job.id}: ${path}`, old, next]);
    });
    if (found.length === 0) {
        return <p class="muted">Nothing is changed yet: the jobs would run as they were.</p>;
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

function useBatch(run: number, job: string | undefined) {
    const [before, setBefore] = useState<BatchDoc | null>(null);
    const [cards, setCards] = useState<Card[]>([]);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        loadTools().catch(() => undefined);
        get<{ batch: BatchDoc }>(`runs/${run}`).then(
            ({ batch }) => {
                setBefore(batch);
                setCards(batch.jobs.map((one) => cardOf(one, job !== undefined && one.id !== job)));
            },
            (error: unknown) => setFailed(errorText(error)),
        );
    }, [run]);
    return { before, cards, setCards, failed, setFailed };
}

export function RerunDialog({ cohort, run, items, job, onClose, onDone }: RerunProps) {
    const { before, cards, setCards, failed, setFailed } = useBatch(run, job);
    const [busy, setBusy] = useState(false);
    const level: Level = before?.level === 'subject' ? 'subject' : 'study';
    const aim = useMemo(() => aimAt(cohort.project, level, items), [level, items]);
    const after = before ? docOf({ ...before, jobs: [] }, cards) : null;
    const troubles = cards.flatMap((card) => (card.job.off ? [] : Object.entries(card.job.args ?? {}).map(([name, arg]) => troubleOf(name, arg)).filter(Boolean)));
    const what = (count: number) => plural(count, level, level === 'study' ? 'studies' : 'subjects');
    const start = async () => {
        setBusy(true);
        try {
            const made = await post<{ run: number }>('runs', { project: cohort.project, batch: after, items });
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
            title={`Fix and rerun: ${what(items.length)} of run ${run}`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button type="button" class="main" data-focus disabled={busy || !before || troubles.length > 0} onClick={() => void start()}>
                        {busy ? 'Starting…' : `Rerun for ${items.length === 1 ? 'this' : 'these'} ${what(items.length)}`}
                    </button>
                </>
            }
        >
            {failed && (
                <p class="failed-text" role="alert">
                    {failed}
                </p>
            )}
            <div class="jobs-list">
                {cards.map((card, at) => (
                    <JobCard
                        key={card.uid}
                        card={card}
                        number={at + 1}
                        tool={tools.value.find((tool) => tool.name === card.job.tool)}
                        cohort={aim}
                        variables={Object.keys(before?.variables ?? {})}
                        problems={[]}
                        onChange={(change) => setCards((old) => old.map((one) => (one.uid === card.uid ? change(one) : one)))}
                    />
                ))}
            </div>
            {before && after && <Differences before={before} after={after} />}
        </Dialog>
    );
}
