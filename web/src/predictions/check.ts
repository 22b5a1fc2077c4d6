/* What the server would make of the form as it stands: asked anew a moment after it has changed. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, post } from '../api';
import type { Check } from './data';

const MOMENT_MS = 300;

export interface Request {
    dataset: number;
    model: string;
    settings: Record<string, unknown>;
    items?: number[];
}

interface Checked {
    check: Check | null;
    refused: string;
}

/** null: the form is not complete yet. */
export function useCheck(request: Request | null): Checked {
    const [now, setNow] = useState<Checked>({ check: null, refused: '' });
    const key = request ? JSON.stringify(request) : '';
    useEffect(() => {
        setNow({ check: null, refused: '' });
        if (!request) {
            return;
        }
        const asking = new AbortController();
        const timer = setTimeout(() => {
            post<Check>('predictions/check', request, undefined, asking.signal).then(
                (check) => setNow({ check, refused: '' }),
                (error: unknown) => !asking.signal.aborted && setNow({ check: null, refused: errorText(error) }),
            );
        }, MOMENT_MS);
        return () => {
            clearTimeout(timer);
            asking.abort();
        };
    }, [key]);
    return now;
}
