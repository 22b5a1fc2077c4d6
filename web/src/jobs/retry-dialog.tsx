/* Retry with...: a new attempt with changed parameters (J4). */
import { useState } from 'preact/hooks';
import { errorText } from '../api';
import { Dialog } from '../ui/dialog';

interface RetryProps {
    title: string;
    /** Send it; a refusal is shown in the dialog. */
    send: (set: Record<string, unknown>) => Promise<void>;
    onClose: () => void;
}

function valueOf(text: string): unknown {
    const word = text.trim();
    return /^[-+]?\d+(\.\d+)?$/.test(word) ? Number(word) : word === 'true' ? true : word === 'false' ? false : word;
}

export function RetryDialog({ title, send, onClose }: RetryProps) {
    const [lines, setLines] = useState<[string, string][]>([['', '']]);
    const [refused, setRefused] = useState('');
    const [busy, setBusy] = useState(false);
    const change = (at: number, part: 0 | 1, text: string) => {
        const next = lines.map((line, other): [string, string] => (other === at ? (part === 0 ? [text, line[1]] : [line[0], text]) : line));
        setLines(next.at(-1)?.[0] ? [...next, ['', '']] : next);
    };
    const go = async () => {
        setBusy(true);
        const set = Object.fromEntries(lines.filter(([key]) => key.trim()).map(([key, text]) => [key.trim(), valueOf(text)]));
        try {
            await send(set);
            onClose();
        } catch (error) {
            setBusy(false);
            setRefused(errorText(error));
        }
    };
    return (
        <Dialog
            title={title}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button type="button" class="main" disabled={busy} onClick={() => void go()}>
                        {lines.some(([key]) => key.trim()) ? 'Retry with these' : 'Retry as it was'}
                    </button>
                </>
            }
        >
            {refused && (
                <p class="failed-text" role="alert">
                    {refused}
                </p>
            )}
            {lines.map(([key, text], at) => (
                <div key={at} class="pair">
                    <input
                        data-focus={at === 0 ? '' : undefined}
                        placeholder="parameter"
                        aria-label="Parameter"
                        value={key}
                        onInput={(event) => change(at, 0, event.currentTarget.value)}
                    />
                    <input
                        placeholder="value"
                        aria-label={`Value of ${key || 'the new parameter'}`}
                        value={text}
                        onInput={(event) => change(at, 1, event.currentTarget.value)}
                    />
                </div>
            ))}
            <p class="muted">Names as in `gantry recon`, such as binning or cor. The later jobs of the scan get them too.</p>
        </Dialog>
    );
}
