/* The options, from the one table that `gantry config` shows too. Values are read when they are used: a change holds
 * for the next task. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, get, put } from '../api';
import { mayAdmin } from '../state';

interface Option {
    key: string;
    type: string;
    value: string | number | boolean | null;
    default?: string | number | boolean | null;
    fallback?: string;
    min?: number | null;
    max?: number | null;
    help: string;
    set?: boolean;
    given?: boolean;
}

function textOf(value: Option['value'] | undefined): string {
    return value === true ? 'yes' : value === false ? 'no' : value === null || value === undefined ? '' : String(value);
}

function Line({ option, onSaved }: { option: Option; onSaved: () => void }) {
    const [text, setText] = useState(textOf(option.value));
    const [refused, setRefused] = useState('');
    const fallback = textOf(option.default ?? option.fallback);
    const changed = text !== textOf(option.value);
    useEffect(() => setText(textOf(option.value)), [option.value]);
    const save = (value: string | null) =>
        put('config', { [option.key]: value }).then(
            () => {
                setRefused('');
                onSaved();
            },
            (error: unknown) => setRefused(errorText(error)),
        );
    return (
        <tr>
            <th scope="row">
                <label for={'option-' + option.key} class="mono">
                    {option.key}
                </label>
            </th>
            <td class="nowrap">
                <form
                    class="row"
                    onSubmit={(event) => {
                        event.preventDefault();
                        void save(text);
                    }}
                >
                    {option.type === 'bool' ? (
                        <select id={'option-' + option.key} value={text} disabled={!mayAdmin.value} onChange={(event) => setText(event.currentTarget.value)}>
                            <option>yes</option>
                            <option>no</option>
                        </select>
                    ) : (
                        <input
                            id={'option-' + option.key}
                            value={text}
                            placeholder={fallback}
                            disabled={!mayAdmin.value}
                            aria-invalid={refused !== ''}
                            onInput={(event) => {
                                setText(event.currentTarget.value);
                                setRefused('');
                            }}
                        />
                    )}
                    {changed && (
                        <button type="submit" class="main">
                            Save
                        </button>
                    )}
                    {!changed && mayAdmin.value && text !== fallback && (
                        <button type="button" onClick={() => void save(null)} aria-label={`Default of ${option.key}`}>
                            Default
                        </button>
                    )}
                </form>
                {refused && (
                    <p class="failed-text wrap" role="alert">
                        {refused}
                    </p>
                )}
            </td>
            <td>
                {option.help} <span class="muted">Default: {fallback || 'none'}.</span>
            </td>
        </tr>
    );
}

export function SettingsPage() {
    const [options, setOptions] = useState<Option[] | null>(null);
    const [failed, setFailed] = useState('');
    const load = () =>
        get<Option[] | { options: Option[] }>('config').then(
            (answer) => {
                setOptions(Array.isArray(answer) ? answer : answer.options);
                setFailed('');
            },
            (error: unknown) => setFailed(errorText(error)),
        );
    useEffect(() => void load(), []);
    return (
        <div class="sheet">
            <h1>Settings</h1>
            {!mayAdmin.value && <p class="muted">Only an administrator can change these.</p>}
            {failed && <p class="failed-text">{failed}</p>}
            {options && (
                <div class="card">
                    <table class="plain settings">
                        <thead>
                            <tr>
                                <th scope="col">Option</th>
                                <th scope="col">Value</th>
                                <th scope="col">What it does</th>
                            </tr>
                        </thead>
                        <tbody>
                            {options.map((option) => (
                                <Line key={option.key} option={option} onSaved={() => void load()} />
                            ))}
                        </tbody>
                    </table>
                    <p class="muted">The same as `gantry config show`; the file is config.ini in the home.</p>
                </div>
            )}
        </div>
    );
}
