/* The Batchtool (K2): saved batches, the one that is edited, its jobs, and launching it on what is ticked. */
import { signal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { post } from '../api';
import { mayRun } from '../state';
import { openMenu } from '../ui/menu';
import { toast, toastError } from '../ui/toast';
import { countText, plural } from '../words';
import { Ask, ask } from './ask';
import { JobCard } from './card';
import type { Cohort } from './cohort';
import {
    addJob, batches, cards, changed, copyBatch, deleteBatch, doc, duplicate, head, loadBatches, loadTools, markBatch, moveCard, newBatch,
    openBatch, opened, removeCard, saveBatch, setCard, setHead, setJob, setOption, tools, troubles, type BatchRow,
} from './editor';
import { openInJupyter } from './jupyter';
import { languageOf, type Level, type Tool } from './model';
import { RunDialog } from './run-dialog';
import { Validation, type Answer } from './validation';

const running = signal<number[] | null>(null);
const checked = signal<Answer | null>(null);

function groupsOf(rows: BatchRow[]): [string, BatchRow[]][] {
    const groups = new Map<string, BatchRow[]>();
    const order = [...rows].sort((a, b) => Number(b.starred ?? false) - Number(a.starred ?? false) || (a.name < b.name ? -1 : 1));
    for (const row of order) {
        const group = row.group ?? '';
        groups.set(group, [...(groups.get(group) ?? []), row]);
    }
    return [...groups].sort(([a], [b]) => Number(a !== '') - Number(b !== '') || (a < b ? -1 : 1));
}

async function open(cohort: Cohort, name: string): Promise<void> {
    const found = await openBatch(name);
    checked.value = null;
    if (found.level === 'study' || found.level === 'subject') {
        cohort.setLevel(found.level);
    }
}

/** What is not saved is not thrown away by a slip. */
function leave(then: () => void): void {
    if (!changed.value) {
        then();
        return;
    }
    const before = { head: head.value, cards: cards.value, opened: opened.value };
    then();
    toast(`Changes of ${before.head.name || 'the new batch'} were not saved.`, 'warning', {
        label: 'Take them back',
        run: () => {
            head.value = before.head;
            cards.value = before.cards;
            opened.value = before.opened;
        },
    });
}

function BatchLine({ row, cohort }: { row: BatchRow; cohort: Cohort }) {
    const saved = row.from === 'saved';
    const jobs = Array.isArray(row.jobs) ? row.jobs.length : (row.jobs ?? 0);
    const menu = (event: { currentTarget: Element }) => {
        const box = event.currentTarget.getBoundingClientRect();
        openMenu(box.left, box.bottom, row.name, [
            { label: 'Copy', run: () => leave(() => void copyBatch(row.name).catch(toastError)) },
            {
                label: 'Group…',
                disabled: !mayRun.value,
                run: () =>
                    ask(`Group of ${row.name}`, 'Group (empty: none)', row.group ?? '', (group) => void markBatch(row.name, { group }).catch(toastError)),
            },
            { label: 'Delete', apart: true, disabled: !saved || !mayRun.value, run: () => void remove(row.name).catch(toastError) },
        ]);
    };
    return (
        <li class={opened.value === row.name ? 'on' : ''}>
            <button
                type="button"
                class="bare star"
                aria-pressed={row.starred ?? false}
                aria-label={`Star ${row.name}`}
                disabled={!mayRun.value}
                onClick={() => void markBatch(row.name, { starred: !row.starred }).catch(toastError)}
            >
                {row.starred ? '★' : '☆'}
            </button>
            <button
                type="button"
                class="bare name"
                title={row.description}
                aria-current={opened.value === row.name ? 'true' : undefined}
                onClick={() => leave(() => void open(cohort, row.name).catch(toastError))}
            >
                {row.name}
            </button>
            <span class="muted nowrap">
                {row.level === 'subject' ? 'subjects · ' : ''}
                {plural(jobs, 'job')}
            </span>
            <button type="button" class="bare" aria-label={`More of ${row.name}`} aria-haspopup="menu" onClick={menu}>
                ⋯
            </button>
        </li>
    );
}

async function remove(name: string): Promise<void> {
    await deleteBatch(name);
    toast(`Batch ${name} is deleted.`, 'info', {
        label: 'Undo',
        run: () => {
            if (head.value.name === name) {
                void saveBatch().catch(toastError);
            }
        },
    });
}

function BatchList({ cohort }: { cohort: Cohort }) {
    const [words, setWords] = useState('');
    const rows = batches.value.filter((row) => row.name.toLowerCase().includes(words.trim().toLowerCase()));
    return (
        <section class="batch-list" aria-label="Batches">
            <header>
                <h2>Batches</h2>
                {batches.value.length > 8 && (
                    <input type="search" class="short" placeholder="find" aria-label="Find a batch" value={words} onInput={(event) => setWords(event.currentTarget.value)} />
                )}
                <span class="grow" />
                <button
                    type="button"
                    onClick={() =>
                        leave(() => {
                            newBatch(cohort.level.value);
                            checked.value = null;
                        })
                    }
                >
                    New batch
                </button>
            </header>
            {batches.value.length === 0 && <p class="muted">None is saved yet. Add a job below, give the batch a name and save it.</p>}
            {groupsOf(rows).map(([group, list]) => (
                <div key={group}>
                    {group && <h3>{group}</h3>}
                    <ul>
                        {list.map((row) => (
                            <BatchLine key={row.name} row={row} cohort={cohort} />
                        ))}
                    </ul>
                </div>
            ))}
        </section>
    );
}

const GENERIC = ['script.bash', 'script.python', 'script.matlab'];
const WORDS: Record<string, string> = { 'script.bash': 'Bash script', 'script.python': 'Python script', 'script.matlab': 'MATLAB script' };

/** Tools that work on subjects or studies: not those of scans. */
function usable(tool: Tool): boolean {
    return languageOf(tool.name) !== null || ((tool.level ?? 'study') !== 'scan' && tool.kind !== 'noop');
}

function AddJob() {
    const all = tools.value.filter(usable);
    const generic = GENERIC.flatMap((name) => all.filter((tool) => tool.name === name));
    const rest = all.filter((tool) => !GENERIC.includes(tool.name));
    return (
        <select
            aria-label="Add a job"
            value=""
            onChange={(event) => {
                const tool = all.find((one) => one.name === event.currentTarget.value);
                if (tool) {
                    addJob(tool);
                }
                event.currentTarget.value = '';
            }}
        >
            <option value="">+ Add a job…</option>
            <optgroup label="Scripts of your own">
                {generic.map((tool) => (
                    <option key={tool.name} value={tool.name}>
                        {WORDS[tool.name]}
                    </option>
                ))}
            </optgroup>
            <optgroup label="Tools">
                {rest.map((tool) => (
                    <option key={tool.name} value={tool.name} title={tool.description}>
                        {tool.name}
                    </option>
                ))}
            </optgroup>
        </select>
    );
}

const MODES: [string, string][] = [
    ['', 'split into single jobs'],
    ['split-ignore-dependencies', 'split into single jobs, ignore dependencies'],
    ['per-subject', 'one job for each study: all its jobs in one'],
    ['n-tasks:1', 'everything in one job'],
    ['n-tasks:4', 'everything in four jobs'],
    ['immediate', 'immediate: before all others'],
    ['jupyter', 'open in Jupyter for debugging'],
];

function Options() {
    const options = head.value.options ?? {};
    const text = (key: string) => String(options[key] ?? '');
    const mode = text('mode') === 'split' ? '' : text('mode');
    return (
        <details class="more">
            <summary>Running options</summary>
            <div class="pair">
                <label class="field">
                    Mode
                    <select value={mode} onChange={(event) => setOption('mode', event.currentTarget.value)}>
                        {MODES.map(([value, word]) => (
                            <option key={value} value={value}>
                                {word}
                            </option>
                        ))}
                        {!MODES.some(([value]) => value === mode) && <option value={mode}>{mode}</option>}
                    </select>
                </label>
                <label class="field">
                    On error
                    <select value={text('on_error')} onChange={(event) => setOption('on_error', event.currentTarget.value)}>
                        <option value="">break: later jobs of the study do not run</option>
                        <option value="continue">report it and continue</option>
                        <option value="ignore">ignore it</option>
                    </select>
                </label>
                <label class="field">
                    Queue
                    <input class="short" placeholder="default" value={text('queue')} onInput={(event) => setOption('queue', event.currentTarget.value.trim())} />
                </label>
                <label class="field">
                    Time limit
                    <input class="short" placeholder="none" value={text('timeout')} onInput={(event) => setOption('timeout', event.currentTarget.value.trim())} />
                </label>
            </div>
            <Variables />
        </details>
    );
}

/** Named references (L8): MNI = ANALYSIS#MNI. */
function Variables() {
    const lines = Object.entries(head.value.variables ?? {});
    const set = (next: [string, string][]) => setHead({ variables: Object.fromEntries(next.filter(([name]) => name)) });
    return (
        <div class="variables">
            {lines.map(([name, value], at) => (
                <div class="pair" key={at}>
                    <code>{name} =</code>
                    <input
                        class="grow mono"
                        aria-label={`Reference ${name}`}
                        value={value}
                        onInput={(event) => set(lines.map((line, other): [string, string] => (other === at ? [name, event.currentTarget.value] : line)))}
                    />
                    <button type="button" class="bare" aria-label={`Take ${name} away`} onClick={() => set(lines.filter((_line, other) => other !== at))}>
                        ✕
                    </button>
                </div>
            ))}
            <button
                type="button"
                class="bare"
                onClick={() =>
                    ask('A named reference', 'Name, such as MNI', '', (name) => {
                        if (name) {
                            set([...lines, [name, 'ANALYSIS#' + name]]);
                        }
                    })
                }
            >
                + named reference
            </button>
        </div>
    );
}

/** The server looks for a moment at a time; what it says is put together here. */
async function validate(cohort: Cohort, job?: string): Promise<void> {
    const body = { project: cohort.project, batch: { ...doc.value, name: doc.value.name || 'unnamed' }, items: cohort.aimed(), ...(job ? { job } : {}) };
    let all: Answer | null = null;
    for (let from: number | undefined = 0; from !== undefined;) {
        const part: Answer = await post<Answer>('batches/validate', { ...body, from });
        all = all ? { ...part, items: [...all.items, ...part.items], checked: all.checked + part.checked, ok: all.ok && part.ok } : part;
        checked.value = all;
        from = part.complete ? undefined : part.next;
    }
}

/** O1: on the first item that is aimed at. */
function debug(cohort: Cohort, job: string): void {
    const item = cohort.aimed()[0];
    if (item === undefined) {
        toast('Tick the study to open the job with.', 'warning');
        return;
    }
    openInJupyter(cohort.project, { ...doc.value, name: doc.value.name || 'unnamed' }, job, item).catch(toastError);
}

function cardMenu(uid: number, job: string, off: boolean, folded: boolean, cohort: Cohort, event: { currentTarget: Element }): void {
    const box = event.currentTarget.getBoundingClientRect();
    openMenu(box.left, box.bottom, job, [
        { label: 'Copy', run: () => duplicate(uid) },
        { label: 'Move up', run: () => moveCard(uid, -1) },
        { label: 'Move down', run: () => moveCard(uid, 1) },
        { label: off ? 'Activate' : 'Deactivate', run: () => setJob(uid, { off: !off }) },
        { label: 'Validate this job', run: () => void validate(cohort, job).catch(toastError) },
        { label: 'Open in Jupyter', disabled: !mayRun.value, run: () => debug(cohort, job) },
        { label: folded ? 'Unfold all' : 'Fold all', apart: true, run: () => (cards.value = cards.value.map((card) => ({ ...card, folded: !folded }))) },
        { label: 'Delete', apart: true, run: () => removeCard(uid) },
    ]);
}

function Jobs({ cohort }: { cohort: Cohort }) {
    const variables = Object.keys(head.value.variables ?? {});
    const said = checked.value?.problems ?? [];
    return (
        <div class="jobs-list">
            {cards.value.map((card, at) => (
                <JobCard
                    key={card.uid}
                    card={card}
                    number={at + 1}
                    tool={tools.value.find((tool) => tool.name === card.job.tool)}
                    cohort={cohort}
                    variables={variables}
                    problems={said.filter((one) => one.job === card.job.id).map((one) => one.text)}
                    onChange={(change) => setCard(card.uid, change)}
                    buttons={
                        <>
                            <button type="button" class="bare" aria-label={`Move ${card.job.id} up`} disabled={at === 0} onClick={() => moveCard(card.uid, -1)}>
                                ↑
                            </button>
                            <button
                                type="button"
                                class="bare"
                                aria-label={`Move ${card.job.id} down`}
                                disabled={at === cards.value.length - 1}
                                onClick={() => moveCard(card.uid, 1)}
                            >
                                ↓
                            </button>
                            <button
                                type="button"
                                class="bare"
                                aria-label={`More of job ${card.job.id}`}
                                aria-haspopup="menu"
                                onClick={(event) => cardMenu(card.uid, card.job.id, card.job.off ?? false, card.folded, cohort, event)}
                            >
                                ⋯
                            </button>
                        </>
                    }
                />
            ))}
        </div>
    );
}

function Head({ cohort }: { cohort: Cohort }) {
    const viewer = !mayRun.value;
    const count = cohort.selected.value;
    const name = head.value.name;
    const bad = name !== '' && !/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name);
    const what = cohort.level.value === 'study' ? 'study' : 'subject';
    const run = () => {
        const ids = cohort.pickedOrWarn();
        if (ids.length === 0) {
            return;
        }
        if (head.value.level !== cohort.level.value) {
            toast(`This batch works on ${head.value.level === 'study' ? 'studies' : 'subjects'}: show and tick those.`, 'warning');
            return;
        }
        running.value = ids;
    };
    return (
        <div class="batch-head">
            <div class="pair">
                <input
                    class="grow batch-name"
                    placeholder="name of the batch"
                    aria-label="Name of the batch"
                    aria-invalid={bad}
                    spellcheck={false}
                    value={name}
                    onInput={(event) => setHead({ name: event.currentTarget.value.trim() })}
                />
                <label class="field" title="What one task works on">
                    for each
                    <select
                        aria-label="Level of the batch"
                        value={head.value.level}
                        onChange={(event) => {
                            const level = event.currentTarget.value as Level;
                            setHead({ level });
                            cohort.setLevel(level);
                        }}
                    >
                        <option value="study">study</option>
                        <option value="subject">subject</option>
                    </select>
                </label>
            </div>
            {bad && <p class="failed-text">A name has letters, digits, dots, dashes and underscores only.</p>}
            <div class="pair">
                <button type="button" disabled={viewer || bad || name === '' || cards.value.length === 0 || !changed.value} onClick={() => void saveBatch().catch(toastError)}>
                    {changed.value ? 'Save' : 'Saved'}
                </button>
                <button type="button" disabled={cards.value.length === 0} onClick={() => void validate(cohort).catch(toastError)}>
                    Validate
                </button>
                <span class="grow" />
                <button type="button" class="main" disabled={viewer || cards.value.length === 0} onClick={run}>
                    Run for {count > 0 ? `${countText(count)} selected ${count === 1 ? what : what === 'study' ? 'studies' : 'subjects'}` : 'selected'}…
                </button>
            </div>
        </div>
    );
}

export function Batchtool({ cohort }: { cohort: Cohort }) {
    useEffect(() => {
        loadBatches().catch(toastError);
        loadTools().catch(toastError);
    }, []);
    const trouble = troubles.value;
    return (
        <div class="batchtool">
            <BatchList cohort={cohort} />
            <section class="batch-edit" aria-label="Batch">
                <Head cohort={cohort} />
                <Options />
                {checked.value && <Validation answer={checked.value} cohort={cohort} onClose={() => (checked.value = null)} />}
                {cards.value.length === 0 && (
                    <p class="muted">
                        A batch is a list of jobs, done in order for each {head.value.level}. Begin with a script of your own, or with a tool.
                    </p>
                )}
                <Jobs cohort={cohort} />
                <AddJob />
            </section>
            <Ask />
            {running.value && (
                <RunDialog
                    cohort={cohort}
                    ids={running.value}
                    troubles={trouble}
                    onClose={() => (running.value = null)}
                />
            )}
        </div>
    );
}
