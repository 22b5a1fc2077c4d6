/* The question before a run (G): on how many, which jobs, where; what keeps it from running is said before. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, post } from '../api';
import { Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import { bytesText, plural, someOf } from '../words';
import type { Cohort } from './cohort';
import { doc } from './editor';
import { review } from './review';

interface Plan {
    items?: number;
    tasks?: number;
    slots?: number;
    gpus?: number | number[];
    skipped?: { name: string; reason?: string }[];
    bytes?: number | null;
    memory?: number | null;
    warnings?: string[];
}

interface RunDialogProps {
    cohort: Cohort;
    ids: number[];
    troubles: { job: string; text: string }[];
    onClose: () => void;
}

export function RunDialog({ cohort, ids, troubles, onClose }: RunDialogProps) {
    const [plan, setPlan] = useState<Plan | null>(null);
    const [refused, setRefused] = useState('');
    const [busy, setBusy] = useState(false);
    const [slots, setSlots] = useState('');
    const [overwrite, setOverwrite] = useState(false);
    const batch = { ...doc.value, name: doc.value.name || 'unnamed' };
    const what = cohort.level.value;
    const many = (count: number) => plural(count, what, what === 'study' ? 'studies' : 'subjects');
    const body = {
        project: cohort.project, batch, items: ids,
        ...(Number(slots) > 0 ? { slots: Number(slots) } : {}),
        ...(overwrite ? { overwrite: true } : {}),
    };
    useEffect(() => {
        if (troubles.length > 0) {
            return;
        }
        const asking = new AbortController();
        setPlan(null);
        setRefused('');
        post<Plan>('runs', { ...body, dry_run: true }, undefined, asking.signal).then(setPlan, (error: unknown) => {
            if (!asking.signal.aborted) {
                setRefused(errorText(error));
            }
        });
        return () => asking.abort();
    }, []);
    const start = async () => {
        setBusy(true);
        try {
            const made = await post<{ run: number; tasks: number; warnings?: string[] }>('runs', body);
            made.warnings?.forEach((line) => toast(line, 'warning'));
            onClose();
            toast(`Run ${made.run} of ${batch.name} has ${plural(made.tasks, 'job')}.`, 'info', {
                label: 'Look and judge',
                run: () => review(made.run),
            });
        } catch (error) {
            setBusy(false);
            setRefused(errorText(error));
        }
    };
    const jobs = batch.jobs.filter((job) => !job.off);
    const left = plan?.skipped ?? [];
    const hidden = cohort.hidden();
    return (
        <Dialog
            title={`Run ${batch.name} for ${many(ids.length)}?`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        No, go back
                    </button>
                    <button type="button" class="main" disabled={busy || !plan || refused !== ''} onClick={() => void start()}>
                        {busy ? 'Starting…' : `Run ${plan?.items ?? ids.length}`}
                    </button>
                </>
            }
        >
            {troubles.map((one) => (
                <p key={one.job + one.text} class="failed-text" role="alert">
                    Job {one.job}: {one.text}
                </p>
            ))}
            {refused && (
                <p class="failed-text" role="alert">
                    {refused}
                </p>
            )}
            {troubles.length === 0 && !plan && !refused && <p class="muted">Asking what this would do…</p>}
            {plan && (
                <dl class="facts">
                    <dt>{what === 'study' ? 'Studies' : 'Subjects'}</dt>
                    <dd>{plan.items ?? ids.length}</dd>
                    <dt>Jobs</dt>
                    <dd>
                        {jobs.map((job) => job.name || job.id).join(' → ')} ({plural(plan.tasks ?? 0, 'task')})
                    </dd>
                    <dt>Runs on</dt>
                    <dd>{plan.slots ? plural(plan.slots, 'slot') : 'this machine'}</dd>
                    {plan.bytes ? (
                        <>
                            <dt>Will write about</dt>
                            <dd>{bytesText(plan.bytes)}</dd>
                        </>
                    ) : null}
                </dl>
            )}
            {hidden > 0 && <p>{many(hidden)} of these {hidden === 1 ? 'is' : 'are'} ticked, though the filter hides {hidden === 1 ? 'it' : 'them'} now.</p>}
            {left.length > 0 && <p>Left out: {someOf(left.map((row) => (row.reason ? `${row.name} (${row.reason})` : row.name)), 5)}</p>}
            {plan?.warnings?.map((line) => <p key={line}>{line}</p>)}
            <div class="pair">
                <label class="field">
                    At most
                    <input class="short" inputMode="numeric" placeholder="all" aria-label="Slots at most" value={slots} onInput={(event) => setSlots(event.currentTarget.value)} />
                    slots
                </label>
                <label class="check" title="Files in the places of the outputs that Gantry did not make are replaced">
                    <input type="checkbox" checked={overwrite} onChange={(event) => setOverwrite(event.currentTarget.checked)} />
                    Replace outputs made by others
                </label>
            </div>
        </Dialog>
    );
}
