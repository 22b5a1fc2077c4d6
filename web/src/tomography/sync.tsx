/* Sync Acquisition (H): follow a scan that is being written, and start a batch on each that is complete. */
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { del, get, post } from '../api';
import { on } from '../live';
import { Dialog } from '../ui/dialog';
import { toastError } from '../ui/toast';

interface WatchLine {
    name: string;
    n: number;
    total: number;
    state?: string;
}

interface Watch {
    on: boolean;
    since?: number | null;
    batch?: string | null;
    lines?: WatchLine[];
}

const watch = signal<Watch>({ on: false });
const asking = signal(false);

function follow(project: number): () => void {
    const load = () => get<Watch>('watch', { project }).then((now) => (watch.value = now), () => undefined);
    void load();
    const ends = [on('watch', (event) => (!event.project || event.project === project) && void load()), on('reset', () => void load())];
    return () => ends.forEach((end) => end());
}

interface SyncProps {
    project: number;
    disabled: boolean;
    /** The top bar's centre for the runs: null none, undefined no number. */
    cor: () => number | null | undefined;
}

export function SyncButton({ project, disabled, cor }: SyncProps) {
    useEffect(() => follow(project), [project]);
    const stop = () => del('watch', { project }).then(() => (watch.value = { on: false }), toastError);
    if (watch.value.on) {
        return (
            <button type="button" disabled={disabled} onClick={() => void stop()}>
                Stop Sync
            </button>
        );
    }
    return (
        <>
            <button type="button" disabled={disabled} onClick={() => (asking.value = true)}>
                Sync Acquisition…
            </button>
            {asking.value && <SyncDialog project={project} cor={cor} />}
        </>
    );
}

function SyncDialog({ project, cor }: Omit<SyncProps, 'disabled'>) {
    const batch = useSignal('');
    const close = () => (asking.value = false);
    const start = () => {
        const top = cor();
        if (top === undefined) {
            return;
        }
        const run = batch.value ? { batch: batch.value, ...(top === null ? {} : { cor: top }) } : {};
        post<Watch>('watch', { project, ...run }).then((now) => {
            watch.value = { ...now, on: true };
            close();
        }, toastError);
    };
    return (
        <Dialog
            title="Follow a live acquisition"
            onClose={close}
            buttons={
                <>
                    <button type="button" onClick={close}>
                        Cancel
                    </button>
                    <button type="button" class="main" data-focus onClick={start}>
                        Follow
                    </button>
                </>
            }
        >
            <p>New scans appear as they are written. A scan is complete when it has as many projections as angles.</p>
            <label class="field">
                When a scan is complete
                <select value={batch.value} onChange={(event) => (batch.value = event.currentTarget.value)}>
                    <option value="">only list it</option>
                    <option value="tomo-try">Batch Try</option>
                    <option value="tomo-full">Batch Full</option>
                    <option value="tomo-ai-reco">Batch AI Reco</option>
                </select>
            </label>
        </Dialog>
    );
}

/** What is being written now; nothing when nobody follows. */
export function SyncStrip() {
    const { on: running, lines, batch } = watch.value;
    if (!running) {
        return null;
    }
    return (
        <div class="strip" role="status">
            <span class="state running">
                Following the acquisition{batch ? `, ${batch} on each` : ''}
            </span>
            {(lines ?? []).slice(-4).map((line) => (
                <span key={line.name} class="nowrap">
                    {line.name}: {line.n}/{line.total} projections written{' '}
                    <progress max={line.total || 1} value={line.n} aria-label={line.name} />
                </span>
            ))}
            {(lines ?? []).length === 0 && <span class="muted">Waiting for the first projections.</span>}
        </div>
    );
}
