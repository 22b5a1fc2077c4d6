/* The question before a run (B14): how many rows, which phases, on what; rows without a centre are named (C4) and may be
 * left out by a button of their own (X4). The answer that a bare Enter gives is No.
 */
import { useEffect, useState } from 'preact/hooks';
import { errorText, post, Problem } from '../api';
import { go, link } from '../router';
import { Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import { bytesText, plural, someOf } from '../words';
import type { Batch } from './batch';

export interface RunKind {
    batch: 'tomo-try' | 'tomo-full' | 'tomo-ai-reco';
    title: string;
    /** Phases that may be chosen; the others have one fixed phase. */
    choose: boolean;
}

export const KINDS: Record<'try' | 'full' | 'ai', RunKind> = {
    try: { batch: 'tomo-try', title: 'Batch Try', choose: false },
    full: { batch: 'tomo-full', title: 'Batch Full', choose: false },
    ai: { batch: 'tomo-ai-reco', title: 'Batch AI Reco', choose: true },
};

/** A-D of the guide (G9), with what is on at first. */
const PHASES = [
    { id: 'try', label: 'Try', hint: 'reconstruct one slice at many centres' },
    { id: 'infer', label: 'Infer', hint: 'find the best of them' },
    { id: 'full', label: 'Full', hint: 'reconstruct all slices' },
    { id: 'upload', label: 'TomoLog', hint: 'upload slices to the log' },
] as const;

interface Row {
    id?: number;
    name: string;
    reason?: string;
}

interface Plan {
    items?: number;
    tasks?: number;
    phases?: string[];
    slots?: number;
    gpus?: number | number[] | string;
    missing_cor?: Row[];
    skipped?: Row[];
    cached?: number;
    bytes?: number | null;
    memory?: number | null;
    warnings?: string[];
}

interface RunDialogProps {
    batch: Batch;
    kind: RunKind;
    ids: number[];
    cor: number | null;
    onClose: () => void;
}

function rowsOf(value: unknown): Row[] {
    return Array.isArray(value) ? (value as Row[]) : [];
}

/** What the server would do; a refusal for missing centres is a plan with these rows named. */
async function askPlan(body: Record<string, unknown>, signal: AbortSignal): Promise<Plan> {
    try {
        return await post<Plan>('runs', { ...body, dry_run: true }, undefined, signal);
    } catch (error) {
        if (error instanceof Problem && rowsOf(error.body.items).length > 0) {
            return { missing_cor: rowsOf(error.body.items) };
        }
        throw error;
    }
}

/** The plan of a request, asked anew when `key` changes; nothing is asked without a request. */
function usePlan(body: Record<string, unknown> | null, key: string) {
    const [plan, setPlan] = useState<Plan | null>(null);
    const [refused, setRefused] = useState('');
    useEffect(() => {
        setPlan(null);
        setRefused('');
        if (!body) {
            return;
        }
        const asking = new AbortController();
        askPlan(body, asking.signal).then(setPlan, (error: unknown) => {
            if (!asking.signal.aborted) {
                setRefused(errorText(error));
            }
        });
        return () => asking.abort();
    }, [key]);
    return { plan, refused, setPlan, setRefused };
}

function placesText(plan: Plan): string {
    const slots = plan.slots ? plural(plan.slots, 'slot') : '';
    const gpus = Array.isArray(plan.gpus) ? plan.gpus.length : Number(plan.gpus ?? 0);
    return [slots, gpus > 0 ? plural(gpus, 'GPU') : ''].filter(Boolean).join(', ') || 'this machine';
}

export function RunDialog({ batch, kind, ids, cor, onClose }: RunDialogProps) {
    const [phases, setPhases] = useState<string[]>(['try', 'infer', 'full']);
    const [busy, setBusy] = useState(false);
    const { table } = batch;
    // Skipped by itself, yet ticked by hand: that row is meant to run, and stays enabled (X6). The launch enables it, so
    // that a refused run changes no row.
    const enable = ids.filter((id) => table.autoSkipped(table.rowOf(id)));
    const none = kind.choose && phases.length === 0;

    const body: Record<string, unknown> = { project: batch.project, batch: kind.batch, items: ids };
    if (kind.choose) {
        body.phases = PHASES.map((phase) => phase.id).filter((id) => phases.includes(id));
    }
    if (cor !== null) {
        body.cor = cor;
    }
    if (enable.length > 0) {
        body.enable = enable;
    }
    const { plan, refused, setPlan, setRefused } = usePlan(none ? null : body, phases.join());

    const start = async (skipMissing: boolean) => {
        setBusy(true);
        try {
            const made = await post<{ run: number; tasks: number; items?: number; warnings?: string[] }>('runs', {
                ...body,
                ...(skipMissing ? { skip_missing_cor: true } : {}),
            });
            made.warnings?.forEach((line) => toast(line, 'warning'));
            onClose();
            toast(`${kind.title}: run ${made.run} has ${plural(made.tasks, 'task')}.`, 'info', {
                label: 'Show jobs',
                run: () => go(link('run', made.run)),
            });
        } catch (error) {
            setBusy(false);
            if (error instanceof Problem && rowsOf(error.body.items).length > 0) {
                const missing = rowsOf(error.body.items);
                const items = ids.length - missing.length - (plan?.skipped?.length ?? 0);
                setPlan({ ...plan, items: Math.max(0, items), missing_cor: missing });
            } else {
                setRefused(errorText(error));
            }
        }
    };

    const blocked = plan?.missing_cor ?? [];
    const going = plan?.items ?? ids.length - blocked.length;
    const ready = !busy && !none && plan !== null && going > 0 && refused === '';
    const left = plan?.skipped ?? [];
    return (
        <Dialog
            title={`${kind.title}: ${plural(ids.length, 'scan')}?`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        No, go back
                    </button>
                    {blocked.length > 0 && going > 0 && (
                        <button type="button" disabled={!ready} onClick={() => void start(true)}>
                            Leave {blocked.length} out, run {going}
                        </button>
                    )}
                    {blocked.length === 0 && (
                        <button type="button" class="main" disabled={!ready} onClick={() => void start(false)}>
                            {busy ? 'Starting…' : plan ? `Run ${going}` : 'Run'}
                        </button>
                    )}
                </>
            }
        >
            {kind.choose && <PhaseBoxes phases={phases} onChange={setPhases} />}
            {none && <p class="failed-text">Choose at least one phase.</p>}
            {refused && (
                <p class="failed-text" role="alert">
                    {refused}
                </p>
            )}
            {!none && !plan && !refused && <p class="muted">Asking what this would do…</p>}
            {plan && blocked.length > 0 && <Blocked rows={blocked} hasTop={cor !== null} />}
            {plan && blocked.length === 0 && <Summary plan={plan} going={going} left={left} cor={cor} />}
            {enable.length > 0 && (
                <p>
                    {plural(enable.length, 'scan was', 'scans were')} skipped automatically and will run because you
                    ticked {enable.length === 1 ? 'it' : 'them'}:{' '}
                    {someOf(table.names(enable.map((id) => table.rowOf(id))), 5)}
                </p>
            )}
        </Dialog>
    );
}

function PhaseBoxes({ phases, onChange }: { phases: string[]; onChange: (phases: string[]) => void }) {
    return (
        <fieldset class="phases">
            <legend>Phases</legend>
            {PHASES.map((phase) => (
                <label key={phase.id} class="check">
                    <input
                        type="checkbox"
                        checked={phases.includes(phase.id)}
                        onChange={(event) =>
                            onChange(event.currentTarget.checked ? [...phases, phase.id] : phases.filter((id) => id !== phase.id))
                        }
                    />
                    <span>
                        {phase.label} <span class="muted">{phase.hint}</span>
                    </span>
                </label>
            ))}
        </fieldset>
    );
}

function Blocked({ rows, hasTop }: { rows: Row[]; hasTop: boolean }) {
    return (
        <div role="alert" class="stack">
            <p class="failed-text">
                {plural(rows.length, 'row has', 'rows have')} no valid COR, so nothing was started:
            </p>
            <ul class="names">
                {rows.map((row) => (
                    <li key={row.name}>{row.name}</li>
                ))}
            </ul>
            <p>
                Type a COR into {rows.length === 1 ? 'this row' : 'these rows'}
                {hasTop ? '' : ', or one for all into COR above the table'}, or let Batch AI Reco or Fix COR Outliers
                find {rows.length === 1 ? 'it' : 'them'}.
            </p>
        </div>
    );
}

function Summary({ plan, going, left, cor }: { plan: Plan; going: number; left: Row[]; cor: number | null }) {
    const phases = plan.phases ?? [];
    return (
        <>
            <dl class="facts">
                <dt>Scans</dt>
                <dd>{going}</dd>
                <dt>Tasks</dt>
                <dd>{plan.tasks ?? '?'}</dd>
                <dt>Phases</dt>
                <dd>{phases.join(' → ') || '–'}</dd>
                <dt>Runs on</dt>
                <dd>{placesText(plan)}</dd>
                {cor !== null && (
                    <>
                        <dt>COR of rows without one</dt>
                        <dd>{cor} px (top bar)</dd>
                    </>
                )}
                {plan.bytes ? (
                    <>
                        <dt>Will write about</dt>
                        <dd>{bytesText(plan.bytes)}</dd>
                    </>
                ) : null}
                {plan.memory ? (
                    <>
                        <dt>Memory a task</dt>
                        <dd>{bytesText(plan.memory)}</dd>
                    </>
                ) : null}
            </dl>
            {left.length > 0 && (
                <p>
                    Left out: {someOf(left.map((row) => (row.reason ? `${row.name} (${row.reason})` : row.name)), 5)}
                </p>
            )}
            {plan.warnings?.map((line) => <p key={line}>{line}</p>)}
        </>
    );
}
