/* What is done to predictions from the table and from the page of one. */
import { apiUrl, get, post } from '../api';
import { go, link } from '../router';
import { toast } from '../ui/toast';
import { plural } from '../words';
import { isLive, type Predicted, type Prediction } from './data';

interface Answer {
    tasks?: number;
    warnings?: string[];
}

async function each(list: Prediction[], verb: string, body: unknown, done: (n: number) => string): Promise<void> {
    for (const one of list) {
        const answer = await post<Answer>(`runs/${one.id}/${verb}`, body);
        answer.warnings?.forEach((line) => toast(line, 'warning'));
    }
    toast(done(list.length));
}

export async function retryFailed(list: Prediction[]): Promise<void> {
    const failed = list.filter((one) => one.failed > 0);
    if (failed.length === 0) {
        toast('No failed series among these.', 'warning');
        return;
    }
    await each(failed, 'retry', { failed: true }, (n) => `The failed series of ${plural(n, 'prediction')} run again.`);
}

export async function cancel(list: Prediction[]): Promise<void> {
    const live = list.filter(isLive);
    if (live.length === 0) {
        toast('None of these is queued or in progress.', 'warning');
        return;
    }
    await each(live, 'kill', {}, (n) => `${plural(n, 'prediction')} cancelled. What is finished stays.`);
}

export function duplicate(one: Prediction): void {
    go(link('predictions', 'new') + '?from=' + one.id);
}

/** View Results: the first series that has a result, in the viewer. */
export async function viewResults(run: number): Promise<void> {
    const { rows } = await get<{ rows: Predicted[] }>(`predictions/${run}/series`, { limit: 1000 });
    const first = rows.find((row) => row.group === 'done') ?? rows[0];
    go(first ? link('predictions', run, first.id) : link('predictions', run));
}

export const FORMATS = ['xlsx', 'csv', 'json'] as const;

export function exportUrl(run: number, format: string): string {
    return apiUrl(`results/${run}`, { format });
}

/** Save the results of a run; the browser asks where to. */
export function save(run: number, format: string): void {
    const anchor = document.createElement('a');
    anchor.href = exportUrl(run, format);
    anchor.download = `prediction-${run}.${format}`;
    anchor.click();
}
