/* The rows of a job's arguments: one editor a type (L1). */
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Aim } from './aim';
import { kindOf, patternsOf, turned, turns, withPatterns, type Arg, type FileArg, type Kind, type ToolInput } from './model';
import { Preview } from './preview';

/* What `of` may be, in words; variables of the batch come besides. */
const REFERENCES = ['STUDY', 'SUBJECT', 'LATEST', 'OLDEST'];

interface ArgProps {
    name: string;
    arg: Arg;
    input: ToolInput | undefined;
    job: string;
    cohort: Aim;
    variables: string[];
    onChange: (arg: Arg) => void;
    /** Absent: the row comes and goes with the script. */
    onRemove?: (() => void) | undefined;
}

function FileRow({ name, arg, job, cohort, variables, onChange }: Omit<ArgProps, 'arg'> & { arg: FileArg }) {
    const patterns = patternsOf(arg);
    const list = useRef<HTMLDivElement>(null);
    const added = useRef(false);
    const set = (at: number, text: string) => onChange(withPatterns(arg, patterns.map((old, other) => (other === at ? text : old))));
    useLayoutEffect(() => {
        if (added.current) {
            added.current = false;
            [...(list.current?.querySelectorAll<HTMLInputElement>('.pattern input') ?? [])].pop()?.focus();
        }
    }, [patterns.length]);
    const setOf = (of: string) => {
        const { of: _before, ...rest } = arg;
        onChange(of ? { ...rest, of } : rest);
    };
    return (
        <div class="arg-fields" ref={list}>
            {patterns.map((text, at) => (
                <div class="pattern" key={at}>
                    <input
                        class="mono"
                        spellcheck={false}
                        placeholder={at === 0 ? 't1*/s0__.nii  or  tag:mask' : 'another naming convention'}
                        aria-label={`Pattern ${patterns.length > 1 ? `${at + 1} ` : ''}of ${name} in ${job}`}
                        value={text}
                        onInput={(event) => set(at, event.currentTarget.value)}
                    />
                    {patterns.length > 1 && (
                        <button
                            type="button"
                            class="bare"
                            aria-label={`Take pattern ${at + 1} of ${name} away`}
                            onClick={() => onChange(withPatterns(arg, patterns.filter((_text, other) => other !== at)))}
                        >
                            −
                        </button>
                    )}
                    {at === patterns.length - 1 && (
                        <button
                            type="button"
                            class="bare"
                            title="One more pattern: what any of them finds"
                            aria-label={`Add a pattern to ${name} in ${job}`}
                            onClick={() => {
                                added.current = true;
                                onChange(withPatterns(arg, [...patterns, '']));
                            }}
                        >
                            +
                        </button>
                    )}
                </div>
            ))}
            <div class="pair small">
                <label class="field" title="Whose files: this study, another one of the subject, or of a subject named here">
                    of
                    <input
                        class="reference"
                        list="references"
                        placeholder={cohort.level.value === 'study' ? 'this study' : 'this subject'}
                        aria-label={`Reference of ${name} in ${job}`}
                        value={arg.of ?? ''}
                        onInput={(event) => setOf(event.currentTarget.value.trim())}
                    />
                </label>
                <label class="check" title="A study without such a file runs all the same">
                    <input
                        type="checkbox"
                        checked={arg.optional ?? false}
                        onChange={(event) => {
                            const { optional: _before, ...rest } = arg;
                            onChange(event.currentTarget.checked ? { ...rest, optional: true } : rest);
                        }}
                    />
                    Ignore missing files
                </label>
            </div>
            <datalist id="references">
                {[...REFERENCES, ...variables].map((word) => (
                    <option key={word} value={word} />
                ))}
            </datalist>
            <Preview cohort={cohort} pattern={patterns.filter((text) => text.trim()).join(' ')} of={arg.of ?? ''} optional={arg.optional ?? false} />
        </div>
    );
}

const TAGGED = /^(.*?)(?:\s+TAG\(([^)]*)\))?\s*$/s;

function OutRow({ name, arg, job, onChange }: ArgProps) {
    const key = kindOf(arg) === 'OUT' ? 'OUT' : 'PATHOUT';
    const text = (arg as unknown as Record<string, string>)[key] ?? '';
    const [, file = '', tag = ''] = TAGGED.exec(text) ?? [];
    const set = (nextFile: string, nextTag: string) => {
        const value = nextTag.trim() ? `${nextFile} TAG(${nextTag.trim()})` : nextFile;
        onChange({ ...(arg as object), [key]: value } as Arg);
    };
    const wild = file.includes('*');
    return (
        <div class="arg-fields">
            <div class="pair">
                <input
                    class="mono grow"
                    spellcheck={false}
                    placeholder={key === 'OUT' ? 'masks/brain.nii.gz' : 'statistics'}
                    aria-label={`Output ${name} of ${job}`}
                    aria-invalid={wild}
                    value={file}
                    onInput={(event) => set(event.currentTarget.value, tag)}
                />
                <label class="field" title="The file gets this tag; several with commas">
                    tag
                    <input class="short" aria-label={`Tag of ${name} in ${job}`} value={tag} onInput={(event) => set(file, event.currentTarget.value.replace(/[()/\s]/g, ''))} />
                </label>
            </div>
            {wild && <p class="failed-text">An output's name holds no wildcards.</p>}
        </div>
    );
}

function ValueRow({ name, arg, input, job, onChange }: ArgProps) {
    const kind = kindOf(arg);
    const value = kind === 'plain' ? arg : Object.values(arg as unknown as Record<string, unknown>)[0];
    const set = (next: string | number | boolean) => onChange(kind === 'plain' ? next : ({ [kind]: next } as unknown as Arg));
    const label = `${name} of ${job}`;
    const choices = input?.['value-choices'];
    if (Array.isArray(value)) {
        return (
            <textarea
                class="mono"
                rows={Math.max(2, value.length)}
                placeholder="one text a line"
                aria-label={label}
                value={value.join('\n')}
                onInput={(event) => onChange({ VARARGIN: event.currentTarget.value.split('\n') })}
            />
        );
    }
    if (typeof value === 'boolean') {
        return (
            <label class="check">
                <input type="checkbox" aria-label={label} checked={value} onChange={(event) => set(event.currentTarget.checked)} />
                {value ? 'yes' : 'no'}
            </label>
        );
    }
    if (choices) {
        return (
            <select aria-label={label} value={String(value)} onChange={(event) => set(event.currentTarget.value)}>
                {choices.map((choice) => (
                    <option key={choice}>{String(choice)}</option>
                ))}
            </select>
        );
    }
    if (typeof value === 'number') {
        return (
            <input
                class="short"
                type="number"
                step="any"
                aria-label={label}
                value={value}
                onInput={(event) => set(event.currentTarget.valueAsNumber)}
            />
        );
    }
    const refers = kind === 'SID' || kind === 'ITERATOR';
    return <input class="grow" list={refers ? 'references' : undefined} aria-label={label} value={String(value)} onInput={(event) => set(event.currentTarget.value)} />;
}

export function ArgRow(props: ArgProps) {
    const { name, arg, input, onRemove } = props;
    const kind = kindOf(arg);
    return (
        <div class="arg" role="group" aria-label={`Argument ${name}`}>
            <span class="arg-name mono" title={input?.description}>
                {!input && /^[fopsn][1-9]$/.test(name) ? '$' + name : name}
            </span>
            {turns(kind).length > 0 && !input ? (
                <select
                    class="arg-kind"
                    aria-label={`Type of ${name} in ${props.job}`}
                    value={kind}
                    onChange={(event) => props.onChange(turned(arg, event.currentTarget.value as Kind))}
                >
                    {turns(kind).map((word) => (
                        <option key={word}>{word}</option>
                    ))}
                </select>
            ) : (
                <span class={'arg-kind ' + kind}>{kind === 'plain' ? typeof arg : kind}</span>
            )}
            <div class="arg-value">
                {kind === 'FILE' ? <FileRow {...props} arg={arg as FileArg} /> : kind === 'OUT' || kind === 'PATHOUT' ? <OutRow {...props} /> : <ValueRow {...props} />}
            </div>
            {onRemove && (
                <button type="button" class="bare" aria-label={`Take argument ${name} away`} onClick={onRemove}>
                    ✕
                </button>
            )}
        </div>
    );
}
