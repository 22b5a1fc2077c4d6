/* Edit parameters (B10): what this scan is reconstructed with, beside the centre. A blank value takes the scan's own
 * value away, so that the tool's default holds again. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, get, patch } from '../api';
import { Dialog } from '../ui/dialog';
import type { Batch } from './batch';

interface ToolInput {
    id: string;
    name?: string;
    type?: string;
    description?: string;
    'default-value'?: unknown;
}

interface Tool {
    name: string;
    inputs?: ToolInput[];
    params?: ToolInput[];
}

type Values = Record<string, unknown>;

function valueText(value: unknown): string {
    return value === null || value === undefined ? '' : typeof value === 'string' ? value : JSON.stringify(value);
}

/** A number or a truth is sent as such, so that the server checks the value and not its spelling. */
function typed(text: string): unknown {
    const word = text.trim();
    if (word === '') {
        return null;
    }
    if (/^[-+]?\d+(\.\d+)?$/.test(word)) {
        return Number(word);
    }
    return word === 'true' ? true : word === 'false' ? false : word;
}

export function ParamsDialog({ batch, ids, onClose }: { batch: Batch; ids: number[]; onClose: () => void }) {
    const first = ids[0] ?? 0;
    const [before, setBefore] = useState<Values | null>(null);
    const [lines, setLines] = useState<[string, string][]>([]);
    const [known, setKnown] = useState<ToolInput[]>([]);
    const [refused, setRefused] = useState('');

    useEffect(() => {
        get<{ params?: Values }>(`items/${first}`).then(
            (item) => {
                const params = item.params ?? {};
                setBefore(params);
                setLines([...Object.entries(params).map(([key, value]): [string, string] => [key, valueText(value)]), ['', '']]);
            },
            (error: unknown) => setRefused(errorText(error)),
        );
        get<Tool[] | { tools: Tool[] }>('tools').then(
            (answer) => {
                const tools = Array.isArray(answer) ? answer : answer.tools;
                const recon = tools.filter((tool) => tool.name.startsWith('recon.'));
                setKnown(recon.flatMap((tool) => tool.params ?? tool.inputs ?? []));
            },
            () => undefined, // without the list of names the dialog still works
        );
    }, []);

    const save = async () => {
        const set: Values = {};
        const kept = new Set<string>();
        for (const [key, text] of lines) {
            if (key.trim() !== '') {
                kept.add(key.trim());
                set[key.trim()] = typed(text);
            }
        }
        Object.keys(before ?? {}).filter((key) => !kept.has(key)).forEach((key) => (set[key] = null));
        try {
            await patch('items', { project: batch.project, items: ids, set });
            onClose();
        } catch (error) {
            setRefused(errorText(error));
        }
    };
    const change = (at: number, part: 0 | 1, text: string) => {
        const next = lines.map((line): [string, string] => [...line]);
        const line = next[at];
        if (line) {
            line[part] = text;
        }
        if (next.at(-1)?.[0]) {
            next.push(['', '']);
        }
        setLines(next);
    };

    const name = batch.table.name[batch.table.rowOf(first)];
    return (
        <Dialog
            title={`Parameters of ${ids.length === 1 ? name : ids.length + ' scans'}`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button type="button" class="main" disabled={!before} onClick={() => void save()}>
                        Save
                    </button>
                </>
            }
        >
            {refused && (
                <p class="failed-text" role="alert">
                    {refused}
                </p>
            )}
            <datalist id="known-parameters">
                {[...new Set(known.map((input) => input.id))].map((id) => (
                    <option key={id} value={id} />
                ))}
            </datalist>
            {lines.map(([key, text], at) => {
                const input = known.find((one) => one.id === key);
                return (
                    <div key={at} class="pair">
                        <input
                            list="known-parameters"
                            placeholder="parameter"
                            aria-label="Parameter"
                            value={key}
                            onInput={(event) => change(at, 0, event.currentTarget.value)}
                        />
                        <input
                            placeholder={valueText(input?.['default-value']) || 'value'}
                            aria-label={`Value of ${key || 'the new parameter'}`}
                            value={text}
                            onInput={(event) => change(at, 1, event.currentTarget.value)}
                        />
                        <span class="muted">{input?.description}</span>
                    </div>
                );
            })}
            <p class="muted">The names are those of `gantry recon`, without the dashes. A blank value means the default.</p>
        </Dialog>
    );
}
