/* Try on one: one series now, before all of them; what it looks like and how long it took. */
import { useEffect, useState } from 'preact/hooks';
import { apiUrl, errorText, get, post } from '../api';
import { on } from '../live';
import { link } from '../router';
import { secondsText } from '../words';
import type { Request } from './check';
import { valuesText, type Predicted } from './data';

interface Trial {
    run: number;
    row: Predicted | null;
}

const over = (row: Predicted | null): boolean => row !== null && row.group !== 'waiting' && row.group !== 'running';

/** Its only series, read anew as events come. */
function useTrial(run: number | null): Trial | null {
    const [row, setRow] = useState<Predicted | null>(null);
    useEffect(() => {
        setRow(null);
        if (run === null) {
            return;
        }
        let ended = false;
        const load = () =>
            get<{ rows: Predicted[] }>(`predictions/${run}/series`, { limit: 1 }).then(
                ({ rows }) => !ended && setRow(rows[0] ?? null),
                () => undefined, // the banner says that the server is away
            );
        void load();
        const end = [on('tasks', (event) => event.rows.some((one) => one[1] === run) && void load()), on('reset', () => void load())];
        return () => {
            ended = true;
            end.forEach((stop) => stop());
        };
    }, [run]);
    return run === null ? null : { run, row };
}

function Outcome({ trial: { run, row } }: { trial: Trial }) {
    if (!row || !over(row)) {
        return (
            <p role="status" class="state running">
                Trying {row?.name ?? ''}…
            </p>
        );
    }
    if (row.group !== 'done') {
        return (
            <p role="alert" class="failed-text">
                {row.name}: {row.message || row.state}
            </p>
        );
    }
    return (
        <>
            <p role="status">
                {row.name}: {row.seconds !== null && row.seconds !== undefined ? secondsText(row.seconds) : 'done'}
                {valuesText(row.values) && `, ${valuesText(row.values)}`}
            </p>
            <img class="preview" src={apiUrl(`predictions/${run}/files/${row.id}/preview`)} alt={`What the model said of ${row.name}`} />
            <a href={link('predictions', run, row.id)}>Open in the viewer</a>
        </>
    );
}

interface TryProps {
    request: Request | null;
    /** The series that is tried, null: none fits. */
    series: { id: number; name: string } | null;
    disabled: boolean;
}

export function TryOne({ request, series, disabled }: TryProps) {
    const [run, setRun] = useState<number | null>(null);
    const [busy, setBusy] = useState(false);
    const [refused, setRefused] = useState('');
    const trial = useTrial(run);
    const start = async () => {
        if (!request || !series) {
            return;
        }
        setBusy(true);
        setRefused('');
        try {
            setRun((await post<{ run: number }>('predictions', { ...request, items: [series.id], trial: true })).run);
        } catch (error) {
            setRefused(errorText(error));
        }
        setBusy(false);
    };
    return (
        <fieldset>
            <legend>Try on one</legend>
            <div class="pair">
                <button type="button" disabled={disabled || busy || !request || !series} onClick={() => void start()}>
                    Try on one
                </button>
                <span class="muted">{series ? `One series now: ${series.name}` : 'One series now, before all of them.'}</span>
            </div>
            {refused && (
                <p role="alert" class="failed-text">
                    {refused}
                </p>
            )}
            {trial && <Outcome trial={trial} />}
        </fieldset>
    );
}
