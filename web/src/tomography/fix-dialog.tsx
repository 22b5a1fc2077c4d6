/* Fix COR Outliers (F): every change is shown, old and new value and the reason, before anything is written (F12). */
import { useEffect, useState } from 'preact/hooks';
import { errorText, post } from '../api';
import { Dialog } from '../ui/dialog';
import { toast } from '../ui/toast';
import { corText, finiteNumber, plural } from '../words';
import type { Batch } from './batch';

interface FixRow {
    id: number;
    name: string;
    series: string;
    old: number | null;
    new: number | null;
    reason: string;
}

interface FixReport {
    series: number;
    replaced: FixRow[];
    filled: FixRow[];
    unchanged: FixRow[];
    undo?: { id: number; cor: number | null; cor_source: string | null }[];
}

const LEAST = 1; // F4: the spin box of the guide goes from 1 to 1000
const MOST = 1000;

function valueText(value: number | null): string {
    return value === null ? 'none' : corText(value);
}

function Rows({ title, rows }: { title: string; rows: FixRow[] }) {
    if (rows.length === 0) {
        return null;
    }
    return (
        <tbody>
            <tr>
                <th colSpan={5} scope="rowgroup">
                    {title}: {rows.length}
                </th>
            </tr>
            {rows.map((row) => (
                <tr key={row.id}>
                    <td>{row.name}</td>
                    <td>{row.series}</td>
                    <td class="number">{valueText(row.old)}</td>
                    <td class="number">{row.new === row.old ? '' : '→ ' + valueText(row.new)}</td>
                    <td>{row.reason}</td>
                </tr>
            ))}
        </tbody>
    );
}

export function FixDialog({ batch, ids, onClose }: { batch: Batch; ids: number[]; onClose: () => void }) {
    const [report, setReport] = useState<FixReport | null>(null);
    const [refused, setRefused] = useState('');
    const [busy, setBusy] = useState(false);
    const text = batch.maxDelta.value;
    const delta = finiteNumber(text);
    const valid = delta !== null && delta >= LEAST && delta <= MOST;

    useEffect(() => {
        setReport(null);
        setRefused(valid ? '' : `Max COR delta is '${text}': a number from ${LEAST} to ${MOST} px is needed.`);
        if (!valid) {
            return;
        }
        const asking = new AbortController();
        const body = { project: batch.project, items: ids, max_delta: delta, dry_run: true };
        post<FixReport>('cor/fix', body, undefined, asking.signal).then(setReport, (error: unknown) => {
            if (!asking.signal.aborted) {
                setRefused(errorText(error));
            }
        });
        return () => asking.abort();
    }, [text]);

    const apply = async () => {
        setBusy(true);
        try {
            const done = await post<FixReport>('cor/fix', {
                project: batch.project,
                items: ids,
                max_delta: delta,
                dry_run: false,
            });
            const changed = [...done.replaced, ...done.filled];
            batch.remember(done.undo ?? changed.map((row) => ({ id: row.id, cor: row.old, cor_source: null })));
            onClose();
            toast(
                `${plural(done.replaced.length, 'outlier')} replaced, ${done.filled.length} missing filled, ` +
                    `${done.unchanged.length} left unchanged, in ${plural(done.series, 'series', 'series')}.`,
                'info',
                { label: 'Undo', run: () => void batch.undoCor().catch((error: unknown) => toast(errorText(error), 'error')) },
            );
        } catch (error) {
            setBusy(false);
            setRefused(errorText(error));
        }
    };

    const changes = report ? report.replaced.length + report.filled.length : 0;
    return (
        <Dialog
            wide
            title="Fix COR Outliers"
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        {changes > 0 ? 'No, change nothing' : 'Close'}
                    </button>
                    {changes > 0 && (
                        <button type="button" class="main" disabled={busy} onClick={() => void apply()}>
                            Change {changes} {changes === 1 ? 'centre' : 'centres'}
                        </button>
                    )}
                </>
            }
        >
            <label class="field">
                Max COR delta
                <input
                    type="number"
                    min={LEAST}
                    max={MOST}
                    step={5}
                    value={text}
                    aria-invalid={!valid}
                    onInput={(event) => (batch.maxDelta.value = event.currentTarget.value)}
                />
                px from the median of the series
            </label>
            {refused && (
                <p class="failed-text" role="alert">
                    {refused}
                </p>
            )}
            {!report && !refused && <p class="muted">Looking…</p>}
            {report && (
                <>
                    <p>
                        {plural(report.replaced.length, 'outlier')} to replace, {report.filled.length} missing to fill,{' '}
                        {report.unchanged.length} left unchanged, in {plural(report.series, 'series', 'series')}.
                        {changes === 0 && ' There is nothing to change.'}
                    </p>
                    <div class="scroll" tabIndex={0} role="region" aria-label="Changes">
                        <table class="plain">
                            <thead>
                                <tr>
                                    <th scope="col">File</th>
                                    <th scope="col">Series</th>
                                    <th scope="col" class="number">
                                        Old
                                    </th>
                                    <th scope="col" class="number">
                                        New
                                    </th>
                                    <th scope="col">Reason</th>
                                </tr>
                            </thead>
                            <Rows title="Outliers replaced" rows={report.replaced} />
                            <Rows title="Missing filled" rows={report.filled} />
                            <Rows title="Left unchanged" rows={report.unchanged} />
                        </table>
                    </div>
                </>
            )}
        </Dialog>
    );
}
