/* One job of the batch: what it runs, its arguments, what happens when it fails. */
import { useState } from 'preact/hooks';
import type { Aim } from './aim';
import { ArgRow } from './args';
import { argFor, languageOf, rowsOf, withScript, type Arg, type Card, type Job, type Tool } from './model';

const HINTS = {
    bash: 'fslmaths "$f1" -thr $n1 -bin "$o1"',
    python: "img = nibabel.load($f1)\n...\nimg.to_filename($o1)",
    matlab: "v = niftiread(input1{1});\n...\nniftiwrite(v, output1);",
};

interface CardProps {
    card: Card;
    tool: Tool | undefined;
    cohort: Aim;
    variables: string[];
    onChange: (change: (card: Card) => Card) => void;
    /** What validation and the page found: one line each. */
    problems: string[];
    /** Buttons in the head: fold, copy, move, ...; absent where a job is edited alone. */
    buttons?: preact.ComponentChildren;
    number?: number;
}

function Script({ card, onChange }: Pick<CardProps, 'card' | 'onChange'>) {
    const language = languageOf(card.job.tool) ?? 'bash';
    const script = String(card.job.args?.script ?? '');
    return (
        <textarea
            class="script mono"
            spellcheck={false}
            rows={Math.min(16, Math.max(3, script.split('\n').length + 1))}
            placeholder={HINTS[language]}
            aria-label={`Script of ${card.job.name || card.job.id}`}
            value={script}
            onInput={(event) => {
                const text = event.currentTarget.value;
                onChange((old) => withScript(old, text));
            }}
            onKeyDown={(event) => {
                // Tab indents; Shift+Tab and Escape, Tab leave the field (a keyboard must not be caught here).
                if (event.key === 'Tab' && !event.shiftKey && !event.ctrlKey && event.currentTarget.dataset.leave !== 'yes') {
                    event.preventDefault();
                    document.execCommand('insertText', false, '    ');
                }
                event.currentTarget.dataset.leave = event.key === 'Escape' ? 'yes' : '';
            }}
        />
    );
}

function More({ card, onChange }: Pick<CardProps, 'card' | 'onChange'>) {
    const { job } = card;
    const set = (part: Partial<Job>) => onChange((old) => ({ ...old, job: { ...old.job, ...part } }));
    const resource = (key: string, text: string) => {
        const resources: Record<string, unknown> = { ...job.resources };
        const value = text.trim();
        if (value === '') {
            delete resources[key];
        } else {
            resources[key] = (key === 'cpus' || key === 'gpus') && /^\d+$/.test(value) ? Number(value) : value;
        }
        set({ resources });
    };
    const of = (key: string) => String(job.resources?.[key] ?? '');
    const field = (label: string, value: string, save: (text: string) => void, hint = '') => (
        <label class="field">
            {label}
            <input class="short" value={value} placeholder={hint} onInput={(event) => save(event.currentTarget.value)} />
        </label>
    );
    return (
        <details class="more">
            <summary>Job options</summary>
            <div class="pair">
                <label class="field">
                    On error
                    <select value={job.on_error ?? ''} onChange={(event) => set({ on_error: event.currentTarget.value })}>
                        <option value="">as the batch says</option>
                        <option value="break">break: later jobs of the study do not run</option>
                        <option value="continue">report it and continue</option>
                        <option value="ignore">ignore it</option>
                    </select>
                </label>
                {field('On success, tag the study', job.on_success?.studytag ?? '', (studytag) => {
                    const { studytag: _old, ...rest } = job.on_success ?? {};
                    set({ on_success: studytag.trim() ? { ...rest, studytag: studytag.trim() } : rest });
                })}
                {field('Queue', job.queue ?? '', (queue) => set({ queue: queue.trim() }), "batch's")}
                {field('Time limit', String(job.timeout ?? ''), (timeout) => set({ timeout: timeout.trim() }), '1:00:00')}
                {field('CPUs', of('cpus'), (text) => resource('cpus', text), '1')}
                {field('Memory', of('mem'), (text) => resource('mem', text), '2G')}
                {field('GPUs', of('gpus'), (text) => resource('gpus', text), '0')}
                {field('Container image', String(job.container ?? ''), (container) => set({ container: container.trim() }), 'site/tool:1')}
                {field('Licences', of('licenses'), (text) => resource('licenses', text), 'matlab:1')}
            </div>
            <label class="check" title="Behind all others, with the files of all studies that went well: tables over all, training">
                <input type="checkbox" checked={job.collect ?? false} onChange={(event) => set({ collect: event.currentTarget.checked })} />
                Once over all of them, at the end
            </label>
            <label class="stacked">
                Lines before the tool
                <textarea
                    class="mono"
                    rows={2}
                    spellcheck={false}
                    placeholder="module load fsl"
                    value={job.setup ?? ''}
                    onInput={(event) => set({ setup: event.currentTarget.value })}
                />
            </label>
        </details>
    );
}

/** Arguments of a tool that are not there yet. */
function AddArgument({ card, tool, onChange }: Pick<CardProps, 'card' | 'tool' | 'onChange'>) {
    const args = card.job.args ?? {};
    const left = (tool?.inputs ?? []).filter((input) => !(input.id in args));
    if (!tool || left.length === 0) {
        return null;
    }
    return (
        <select
            class="add-arg"
            aria-label={`Add an argument to ${card.job.id}`}
            value=""
            onChange={(event) => {
                const id = event.currentTarget.value;
                const input = left.find((one) => one.id === id);
                if (input) {
                    onChange((old) => ({ ...old, job: { ...old.job, args: { ...old.job.args, [id]: argFor(input) } } }));
                }
                event.currentTarget.value = '';
            }}
        >
            <option value="">+ argument…</option>
            {left.map((input) => (
                <option key={input.id} value={input.id} title={input.description}>
                    {input.id}
                </option>
            ))}
        </select>
    );
}

/* MATLAB's arguments may also be added by hand (M5). */
function AddVariable({ card, onChange }: Pick<CardProps, 'card' | 'onChange'>) {
    const add = (letter: 'f' | 'o' | 's' | 'n') => {
        const args = card.job.args ?? {};
        let n = 1;
        while (`${letter}${n}` in args) {
            n++;
        }
        const blank: Record<string, Arg> = { f: { FILE: '' }, o: { OUT: '' }, s: { STRING: '' }, n: { NUMERIC: 0 } };
        onChange((old) => ({ ...old, job: { ...old.job, args: { ...old.job.args, [`${letter}${n}`]: blank[letter] ?? '' } } }));
    };
    return (
        <div class="pair small">
            <button type="button" onClick={() => add('f')}>
                + input
            </button>
            <button type="button" onClick={() => add('o')}>
                + output
            </button>
        </div>
    );
}

export function JobBody({ card, tool, cohort, variables, onChange }: Omit<CardProps, 'problems' | 'buttons' | 'number'>) {
    const language = languageOf(card.job.tool);
    const setArg = (name: string, arg: Arg | undefined) =>
        onChange((old) => {
            const args = { ...old.job.args };
            if (arg === undefined) {
                delete args[name];
            } else {
                args[name] = arg;
            }
            return { ...old, job: { ...old.job, args } };
        });
    return (
        <div class={'job-body' + (language ? '' : ' of-tool')}>
            {language && <Script card={card} onChange={onChange} />}
            {!language && tool?.description && <p class="muted small">{tool.description}</p>}
            {rowsOf(card.job).map(([name, arg]) => (
                <ArgRow
                    key={name}
                    name={name}
                    arg={arg}
                    input={tool?.inputs?.find((one) => one.id === name)}
                    job={card.job.name || card.job.id}
                    cohort={cohort}
                    variables={variables}
                    onChange={(next) => setArg(name, next)}
                    onRemove={language && language !== 'matlab' ? undefined : () => setArg(name, undefined)}
                />
            ))}
            {language === 'matlab' && <AddVariable card={card} onChange={onChange} />}
            {!language && <AddArgument card={card} tool={tool} onChange={onChange} />}
            <More card={card} onChange={onChange} />
        </div>
    );
}

export function JobCard(props: CardProps) {
    const { card, onChange, problems, buttons, number } = props;
    const { job } = card;
    const [naming, setNaming] = useState(false);
    const title = job.name || job.id;
    return (
        <article class={'job' + (job.off ? ' off' : '')} aria-label={`Job ${title}`}>
            <header>
                <button
                    type="button"
                    class="bare fold"
                    aria-expanded={!card.folded}
                    aria-label={`${card.folded ? 'Unfold' : 'Fold'} ${title}`}
                    onClick={() => onChange((old) => ({ ...old, folded: !old.folded }))}
                >
                    {card.folded ? '▸' : '▾'}
                </button>
                {number !== undefined && <span class="muted number">{number}</span>}
                {naming ? (
                    <input
                        class="grow"
                        aria-label={`Name of job ${job.id}`}
                        value={job.name ?? ''}
                        placeholder={job.id}
                        ref={(field) => field?.focus()}
                        onInput={(event) => {
                            const name = event.currentTarget.value;
                            onChange((old) => ({ ...old, job: { ...old.job, name } }));
                        }}
                        onKeyDown={(event) => (event.key === 'Enter' || event.key === 'Escape') && setNaming(false)}
                        onBlur={() => setNaming(false)}
                    />
                ) : (
                    <button type="button" class="bare title" title="Rename" onClick={() => setNaming(true)}>
                        {title}
                    </button>
                )}
                <code class="muted tool">{job.tool}</code>
                {job.off && <span class="state skipped">off</span>}
                <span class="grow" />
                {buttons}
            </header>
            {!card.folded && <JobBody {...props} />}
            {problems.map((line) => (
                <p key={line} class="failed-text problem">
                    {line}
                </p>
            ))}
        </article>
    );
}
