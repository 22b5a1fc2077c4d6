/* Beside the table: the scan that the keys are on, with a picture when there is one, and where to look closer. */
import { useEffect, useState } from 'preact/hooks';
import { apiUrl, get } from '../api';
import { link } from '../router';
import { corText, timeText } from '../words';
import type { Batch } from './batch';

interface History {
    t_us?: number;
    t?: number;
    old?: number | null;
    new?: number | null;
    cor?: number | null;
    source?: string | null;
    user?: string | null;
    text?: string;
}

interface Item {
    path?: string;
    history?: History[];
    params?: Record<string, unknown>;
    skip_reason?: string | null;
    message?: string | null;
}

/** What the newest failed task of the scan has said. */
async function failureOf(item: number, signal: AbortSignal): Promise<string> {
    const query = { item, state: 'failed', sort: 'id', order: 'desc', limit: 1 };
    const { tasks } = await get<{ tasks: { message?: string | null }[] }>('tasks', query, signal);
    return tasks[0]?.message ?? '';
}

const SETTLE_MS = 120; // holding an arrow key must not fetch a picture for every row passed

function historyText(one: History): string {
    if (one.text) {
        return one.text.replace(/^COR of .*?: /, '').replace('->', '→');
    }
    const now = one.new ?? one.cor;
    return `COR ${now === null || now === undefined ? 'taken away' : corText(now)}${one.source ? ` (${one.source})` : ''}`;
}

function Picture({ id, kind, stamp }: { id: number; kind: string; stamp: string }) {
    const [failed, setFailed] = useState(false);
    useEffect(() => setFailed(false), [id, kind, stamp]);
    if (failed) {
        return <div class="picture empty">No picture could be read.</div>;
    }
    return (
        <a class="picture" href={link('item', id, kind)}>
            <img
                key={stamp}
                src={apiUrl(`slices/${id}`, { kind, auto: true, max: 320 })}
                alt={kind === 'full' ? 'Middle slice' : 'Slice at the centre'}
                onError={() => setFailed(true)}
            />
        </a>
    );
}

export function Side({ batch }: { batch: Batch }) {
    const id = batch.focused.value;
    const turn = batch.turn.value;
    const { table } = batch;
    const row = table.rowOf(id);
    const [item, setItem] = useState<Item>({});
    const [failure, setFailure] = useState('');
    const [settled, setSettled] = useState(0);
    const status = table.statusOf(row);
    const cor = table.cor[row] ?? NaN;

    useEffect(() => {
        const timer = setTimeout(() => setSettled(id), SETTLE_MS);
        return () => clearTimeout(timer);
    }, [id]);
    useEffect(() => {
        setItem({});
        setFailure('');
        if (settled <= 0) {
            return;
        }
        const asking = new AbortController();
        get<Item>(`items/${settled}`, undefined, asking.signal).then(setItem, () => undefined);
        if (table.groupOf(table.rowOf(settled)) === 'failed') {
            failureOf(settled, asking.signal).then(setFailure, () => undefined);
        }
        return () => asking.abort();
    }, [settled, status, cor]);

    if (row < 0 || table.gone(row)) {
        return (
            <aside class="side" aria-label="Scan">
                <p class="muted">Move to a row with the arrow keys, or click one, to see its scan here.</p>
            </aside>
        );
    }
    const group = table.groupOf(row);
    const kind = /^(Full \d|Done full|Upload)/.test(status) ? 'full' : /^(Done|Inferred|Full failed)/.test(status) ? 'try' : null;
    const reason = table.reasonOf(row) || failure;
    const sure = table.confidence[row] ?? NaN;
    return (
        <aside class="side" aria-label="Scan" data-turn={turn}>
            <h2 title={item.path}>{table.name[row]}</h2>
            {kind && settled === id && <Picture id={id} kind={kind} stamp={`${status} ${cor}`} />}
            <dl class="facts">
                <dt>Status</dt>
                <dd>
                    <span class={'state ' + group}>
                        {status}
                    </span>
                </dd>
                {reason && (
                    <>
                        <dt>Reason</dt>
                        <dd>{reason}</dd>
                    </>
                )}
                <dt>COR</dt>
                <dd>
                    {Number.isNaN(cor) ? 'missing' : corText(cor) + ' px'}
                    {!Number.isNaN(sure) && ` (${Math.round(sure * 100)}% sure)`}
                </dd>
                <dt>Series</dt>
                <dd>{table.seriesOf(row)}</dd>
                <dt>Shape</dt>
                <dd>{table.shapeText(row) || 'unknown'}</dd>
            </dl>
            <div class="row">
                <a class="button" href={link('item', id, 'try')}>
                    View Try
                </a>
                <a class="button" href={link('item', id, 'full')}>
                    View Full
                </a>
                <a class="button" href={link('item', id, 'raw')}>
                    View Data
                </a>
            </div>
            {group === 'failed' && (
                <p>
                    <a href={link('jobs') + '?item=' + id}>See its jobs and logs</a>
                </p>
            )}
            {Object.keys(item.params ?? {}).length > 0 && (
                <>
                    <h3>Own parameters</h3>
                    <ul class="names">
                        {Object.entries(item.params ?? {}).map(([key, value]) => (
                            <li key={key}>
                                {key} = {String(value)}
                            </li>
                        ))}
                    </ul>
                </>
            )}
            {(item.history ?? []).length > 0 && (
                <>
                    <h3>History of the centre</h3>
                    <ul class="names">
                        {(item.history ?? []).slice(-6).reverse().map((one, at) => (
                            <li key={at}>
                                <span class="muted">{timeText(one.t_us ?? one.t)}</span> {historyText(one)}
                                {one.user ? ` by ${one.user}` : ''}
                            </li>
                        ))}
                    </ul>
                </>
            )}
        </aside>
    );
}
