/* A batch as it is edited: the JSON of DESIGN 4, read and written exactly, and beside it what only the editor knows
 * (which cards are folded, values of rows that were taken away by typing). Everything here gives a new value back.
 */

export type Level = 'study' | 'subject';
export type Kind = 'FILE' | 'OUT' | 'PATHOUT' | 'NUMERIC' | 'STRING' | 'LOGICAL' | 'OPTION' | 'SID' | 'ITERATOR' | 'ENVIRONMENT' | 'VARARGIN';
export const KINDS: Kind[] = ['FILE', 'OUT', 'PATHOUT', 'NUMERIC', 'STRING', 'LOGICAL', 'OPTION', 'SID', 'ITERATOR', 'ENVIRONMENT', 'VARARGIN'];

/** Kinds that a row may be turned into: they are all texts, or all values. */
export function turns(kind: Kind | 'plain'): Kind[] {
    const texts: Kind[] = ['STRING', 'OPTION', 'SID', 'ITERATOR', 'ENVIRONMENT', 'VARARGIN'];
    const values: Kind[] = ['NUMERIC', 'LOGICAL'];
    return [texts, values].find((list) => list.includes(kind as Kind)) ?? [];
}

/** The same row as another kind, with its value where that fits. */
export function turned(arg: Arg, to: Kind): Arg {
    const value: unknown = typeof arg === 'object' ? Object.values(arg)[0] : arg;
    const text = Array.isArray(value) ? value.join(' ') : typeof value === 'string' ? value : '';
    const starts: Partial<Record<Kind, string>> = { SID: 'STUDY', ITERATOR: 'STUDY', ENVIRONMENT: 'DPXsid' };
    switch (to) {
        case 'VARARGIN':
            return { VARARGIN: text ? text.split(/\s+/) : [] };
        case 'NUMERIC':
            return { NUMERIC: Number(value) || 0 };
        case 'LOGICAL':
            return { LOGICAL: Boolean(value) };
        case 'SID':
        case 'ITERATOR':
        case 'ENVIRONMENT':
            return { [to]: starts[to] ?? '' } as unknown as Arg;
        default:
            return { [to]: text } as unknown as Arg;
    }
}

export interface FileArg {
    FILE: string | string[];
    of?: string;
    optional?: boolean;
}
export type Arg =
    | string | number | boolean | FileArg
    | { OUT: string; publish?: string } | { PATHOUT: string; publish?: string }
    | { NUMERIC: number } | { STRING: string } | { LOGICAL: boolean } | { OPTION: string }
    | { SID: string } | { ITERATOR: string } | { ENVIRONMENT: string } | { VARARGIN: (string | number)[] };

export interface Job {
    id: string;
    tool: string;
    name?: string;
    args?: Record<string, Arg>;
    resources?: Record<string, unknown>;
    setup?: string;
    container?: string;
    on_error?: string;
    timeout?: number | string;
    queue?: string;
    off?: boolean;
    collect?: boolean;
    on_success?: { studytag?: string; notify?: boolean };
    [more: string]: unknown;
}

export interface BatchDoc {
    gantry: 1;
    name: string;
    description?: string;
    level: string;
    variables?: Record<string, string>;
    jobs: Job[];
    options?: Record<string, unknown>;
    [more: string]: unknown;
}

/** What GET /tools tells of one. */
export interface Tool {
    name: string;
    kind: string;
    description?: string;
    level?: string;
    inputs?: ToolInput[];
}
export interface ToolInput {
    id: string;
    name?: string;
    type?: string;
    description?: string;
    optional?: boolean;
    list?: boolean;
    /** It says where an output goes. */
    place?: 'file' | 'folder';
    'value-choices'?: (string | number)[];
    'default-value'?: unknown;
}

export interface Card {
    uid: number;
    job: Job;
    folded: boolean;
    /** Values of variables that are no longer in the script: they come back when the variable does. */
    parked: Record<string, Arg>;
}

let lastUid = 0;

export function cardOf(job: Job, folded = false): Card {
    return { uid: ++lastUid, job, folded, parked: {} };
}

export type Language = 'bash' | 'python' | 'matlab';

export function languageOf(tool: string): Language | null {
    const word = /^script\.(bash|python|matlab)$/.exec(tool)?.[1];
    return (word as Language | undefined) ?? null;
}

/** The variables of a script (M3, M4), each once, in the order of NORA's rows: f1.. o1.. p1.. s1.. n1.. ; `$1` is the
 * first FILE argument (M8). Of MATLAB input1.., output1.. */
export function variablesOf(script: string, language: Language): string[] {
    const found = new Set<string>();
    if (language === 'matlab') {
        for (const match of script.matchAll(/\b(input|output)([1-9])\b/g)) {
            found.add((match[1] === 'input' ? 'f' : 'o') + match[2]);
        }
    }
    for (const match of script.matchAll(/(^|[^\\$\w])\$\{?[#!]?([fopsn])([1-9])(?!\w)/g)) {
        found.add(`${match[2]}${match[3]}`);
    }
    if (language === 'bash') {
        for (const match of script.matchAll(/(^|[^\\$\w])\$\{?#?([1-9])(?!\w)/g)) {
            found.add('f' + match[2]);
        }
    }
    return [...found].sort(inOrder);
}

function rank(name: string): number {
    const match = /^([fopsn])([1-9])$/.exec(name);
    return match ? 'fopsn'.indexOf(match[1] ?? '') * 10 + Number(match[2]) : 1000;
}

function inOrder(a: string, b: string): number {
    return rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);
}

/** A row as it begins: of `$f1` a FILE, of `$o1` an OUT, ... */
export function blankFor(name: string): Arg {
    switch (name[0]) {
        case 'o':
            return { OUT: '' };
        case 'p':
            return { PATHOUT: '' };
        case 's':
            return { STRING: '' };
        case 'n':
            return { NUMERIC: 0 };
        default:
            return { FILE: '' };
    }
}

export function kindOf(arg: Arg): Kind | 'plain' {
    return typeof arg === 'object' ? (KINDS.find((kind) => kind in arg) ?? 'plain') : 'plain';
}

export function patternsOf(arg: FileArg): string[] {
    return Array.isArray(arg.FILE) ? arg.FILE : [arg.FILE];
}

/** One pattern is written as a text, several as a list. */
export function withPatterns(arg: FileArg, patterns: string[]): FileArg {
    return { ...arg, FILE: patterns.length === 1 ? (patterns[0] ?? '') : patterns };
}

const AUTO = /^[fopsn][1-9]$/;

/** The script was typed: rows of its variables come and go (M4). */
export function withScript(card: Card, script: string): Card {
    const language = languageOf(card.job.tool);
    const args = card.job.args ?? {};
    if (!language) {
        return card;
    }
    const wanted = variablesOf(script, language);
    const parked = { ...card.parked };
    const next: Record<string, Arg> = { script };
    for (const [name, arg] of Object.entries(args)) {
        if (name !== 'script' && !AUTO.test(name)) {
            next[name] = arg;
        } else if (AUTO.test(name) && !wanted.includes(name)) {
            parked[name] = arg;
        }
    }
    for (const name of wanted) {
        next[name] = args[name] ?? parked[name] ?? blankFor(name);
        delete parked[name];
    }
    return { ...card, parked, job: { ...card.job, args: next } };
}

/** Rows of a card, without the script; scripts' in the order of their names. */
export function rowsOf(job: Job): [string, Arg][] {
    const rows = Object.entries(job.args ?? {}).filter(([name]) => name !== 'script' || !languageOf(job.tool));
    return languageOf(job.tool) ? rows.sort(([a], [b]) => inOrder(a, b)) : rows;
}

/** The argument that an input of a tool begins with. */
export function argFor(input: ToolInput): Arg {
    const value = input['default-value'];
    if (input.place) {
        return input.place === 'folder' ? { PATHOUT: '' } : { OUT: '' };
    }
    if (input['value-choices']) {
        return { OPTION: String(value ?? input['value-choices'][0] ?? '') };
    }
    switch (input.type) {
        case 'File':
            return { FILE: '' };
        case 'Number':
            return { NUMERIC: Number(value ?? 0) };
        case 'Flag':
            return { LOGICAL: Boolean(value ?? true) };
        default:
            return { STRING: String(value ?? '') };
    }
}

function unusedId(word: string, jobs: readonly Job[]): string {
    const stem = word.replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '') || 'job';
    const taken = new Set(jobs.map((job) => job.id));
    const base = stem.replace(/-\d+$/, '');
    let id = stem;
    for (let n = 2; taken.has(id); n++) {
        id = `${base}-${n}`;
    }
    return id;
}

export function newJob(tool: Tool, jobs: readonly Job[]): Job {
    const language = languageOf(tool.name);
    const id = unusedId(language ?? tool.name.split('.').pop() ?? 'job', jobs);
    const args: Record<string, Arg> = language ? { script: '' } : {};
    for (const input of language ? [] : (tool.inputs ?? [])) {
        if (!input.optional) {
            args[input.id] = argFor(input);
        }
    }
    return { id, tool: tool.name, args };
}

export function copyJob(job: Job, jobs: readonly Job[]): Job {
    const copy = structuredClone(job);
    copy.id = unusedId(job.id, jobs);
    if (job.name) {
        copy.name = job.name + ' (copy)';
    }
    return copy;
}

export function moved<T>(list: readonly T[], from: number, to: number): T[] {
    const next = [...list];
    const [one] = next.splice(from, 1);
    if (one !== undefined && to >= 0 && to < list.length) {
        next.splice(to, 0, one);
        return next;
    }
    return [...list];
}

/** What keeps a job from being saved, in words; '' when nothing does. The server checks the rest. */
export function troubleOf(name: string, arg: Arg): string {
    switch (kindOf(arg)) {
        case 'FILE': {
            const patterns = patternsOf(arg as FileArg);
            return patterns.some((text) => text.trim() === '') ? `${name}: no pattern` : '';
        }
        case 'OUT':
        case 'PATHOUT': {
            const text = (Object.values(arg as Record<string, string>)[0] ?? '').trim();
            const bare = text.replace(/\s+TAG\([^)]*\)\s*$/, '');
            return bare === '' ? `${name}: no name for the output` : bare.includes('*') ? `${name}: an output's name holds no wildcards` : '';
        }
        case 'NUMERIC':
            return Number.isFinite((arg as { NUMERIC: number }).NUMERIC) ? '' : `${name}: a number is needed`;
        default:
            return '';
    }
}

export function emptyBatch(level: Level): BatchDoc {
    return { gantry: 1, name: '', level, jobs: [] };
}

/** The document as it is saved: what is empty is left out. */
export function docOf(head: BatchDoc, cards: readonly Card[]): BatchDoc {
    const doc: BatchDoc = { ...head, jobs: cards.map(({ job }) => tidy(job)) };
    for (const key of ['options', 'variables'] as const) {
        if (Object.keys(doc[key] ?? {}).length === 0) {
            delete doc[key];
        }
    }
    if (!doc.description) {
        delete doc.description;
    }
    return doc;
}

/** A job without what is empty. */
export function tidy(job: Job): Job {
    const next: Job = { ...job };
    for (const key of ['name', 'setup', 'container', 'on_error', 'timeout', 'queue', 'off', 'collect', 'resources', 'on_success'] as const) {
        const value = next[key];
        const empty = value === '' || value === false || value === undefined ||
            (typeof value === 'object' && value !== null && Object.keys(value).length === 0);
        if (empty) {
            delete next[key];
        }
    }
    return next;
}

/** Where two versions of a job differ: [path, before, after], for people. */
export function differences(before: unknown, after: unknown, path = ''): [string, unknown, unknown][] {
    if (JSON.stringify(before) === JSON.stringify(after)) {
        return [];
    }
    if (isPlain(before) && isPlain(after)) {
        const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
        return keys.flatMap((key) => differences(before[key], after[key], path ? `${path}.${key}` : key));
    }
    return [[path, before, after]];
}

function isPlain(value: unknown): value is Record<string, unknown> {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
