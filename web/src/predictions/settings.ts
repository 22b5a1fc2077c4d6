/* The form that a model's card asks for: fields of it, and what was typed into them as values. The server checks the same
 * things again (W14); here it is said at the field, before anything is sent.
 */
import { finiteNumber } from '../words';

export interface Setting {
    type: 'number' | 'integer' | 'boolean' | 'choice' | 'string' | 'text' | 'labels';
    default?: unknown;
    minimum?: number;
    maximum?: number;
    choices?: string[];
    help?: string;
    label?: string;
}

export type Settings = Record<string, Setting>;
/** As it stands in the form: texts as typed, ticks, the names that are ticked. */
export type Typed = Record<string, string | boolean | string[]>;

interface Common {
    name: string;
    label: string;
    help: string;
}
export type NumberField = Common & { kind: 'number' | 'integer'; minimum: number | undefined; maximum: number | undefined; needed: boolean };
/** Of labels so many at least are ticked. */
export type ChoicesField = Common & { kind: 'choice' | 'labels'; choices: string[]; least: number };
export type Field =
    | NumberField
    | (Common & { kind: 'boolean' | 'text' })
    | ChoicesField
    /** Two numbers side by side: the first and the last slice. */
    | (Common & { kind: 'range'; first: NumberField; last: NumberField });

export interface Read {
    values: Record<string, unknown>;
    /** What is wrong with a field, by the setting's name. */
    problems: Record<string, string>;
}

const FIRST = 'slice_first';
const LAST = 'slice_last';

/** min_voxels -> Min voxels. */
function labelOf(name: string, setting: Setting): string {
    const words = setting.label || name.replace(/_/g, ' ');
    return words.charAt(0).toUpperCase() + words.slice(1);
}

function fieldOf(name: string, setting: Setting, labels: readonly string[]): Field {
    const common = { name, label: labelOf(name, setting), help: setting.help ?? '' };
    if (Array.isArray(setting.default) || setting.type === 'labels') {
        return { ...common, kind: 'labels', choices: setting.choices ?? [...labels], least: setting.minimum ?? 1 };
    }
    switch (setting.type) {
        case 'boolean':
            return { ...common, kind: 'boolean' };
        case 'choice':
            return { ...common, kind: 'choice', choices: setting.choices ?? [], least: 1 };
        case 'number':
        case 'integer':
            return {
                ...common, kind: setting.type, minimum: setting.minimum, maximum: setting.maximum,
                needed: setting.default !== null && setting.default !== undefined,
            };
        default:
            return { ...common, kind: 'text' };
    }
}

/** The fields, in the order of the card; first and last slice are one. `labels`: what the model tells apart. */
export function fieldsOf(settings: Settings | null | undefined, labels: readonly string[] = []): Field[] {
    const all = Object.entries(settings ?? {}).map(([name, setting]) => fieldOf(name, setting, labels));
    const first = all.find((field) => field.name === FIRST);
    const last = all.find((field) => field.name === LAST);
    if (first?.kind !== 'integer' || last?.kind !== 'integer') {
        return all;
    }
    const range: Field = { kind: 'range', name: FIRST, label: 'Slices', help: [first.help, last.help && `last: ${last.help}`].filter(Boolean).join('; '), first, last };
    return all.flatMap((field) => (field === first ? [range] : field === last ? [] : [field]));
}

function typedValue(value: unknown): Typed[string] {
    if (Array.isArray(value)) {
        return value.map(String);
    }
    return typeof value === 'boolean' ? value : value === null || value === undefined ? '' : String(value);
}

/** What stands in the form at first: the defaults, and over them the settings of a prediction that is duplicated. */
export function typedOf(settings: Settings | null | undefined, given: Record<string, unknown> = {}): Typed {
    const names = Object.keys(settings ?? {});
    return Object.fromEntries(names.map((name) => [name, typedValue(name in given ? given[name] : settings?.[name]?.default)]));
}

/** "from 0 to 0.9", "at least 0", "". */
export function limitsText(minimum: number | undefined, maximum: number | undefined): string {
    if (minimum !== undefined && maximum !== undefined) {
        return `from ${minimum} to ${maximum}`;
    }
    return minimum !== undefined ? `at least ${minimum}` : maximum !== undefined ? `at most ${maximum}` : '';
}

function readNumber(field: NumberField, typed: Typed, out: Read): void {
    const text = String(typed[field.name] ?? '').trim();
    if (text === '' && !field.needed) {
        return; // left out: the model does as its card says
    }
    const value = finiteNumber(text);
    const kind = field.kind === 'integer' ? 'A whole number' : 'A number';
    const limits = limitsText(field.minimum, field.maximum);
    const bad =
        value === null || (field.kind === 'integer' && !Number.isInteger(value)) ||
        (field.minimum !== undefined && value < field.minimum) || (field.maximum !== undefined && value > field.maximum);
    if (bad) {
        out.problems[field.name] = `${kind}${limits.startsWith('at') ? ' of' : ''}${limits ? ' ' + limits : ''} is needed.`;
    } else {
        out.values[field.name] = value;
    }
}

/** What was typed, as values. */
export function readForm(fields: readonly Field[], typed: Typed): Read {
    const out: Read = { values: {}, problems: {} };
    for (const field of fields) {
        const now = typed[field.name];
        switch (field.kind) {
            case 'number':
            case 'integer':
                readNumber(field, typed, out);
                break;
            case 'range': {
                readNumber(field.first, typed, out);
                readNumber(field.last, typed, out);
                const [first, last] = [out.values[field.first.name], out.values[field.last.name]];
                if (typeof first === 'number' && typeof last === 'number' && last >= 0 && last < first) {
                    out.problems[field.last.name] = 'The last slice comes before the first.';
                }
                break;
            }
            case 'boolean':
                out.values[field.name] = now === true;
                break;
            case 'labels': {
                const ticked = Array.isArray(now) ? field.choices.filter((one) => now.includes(one)) : [];
                out.values[field.name] = ticked;
                if (ticked.length < field.least) {
                    out.problems[field.name] = field.least === 1 ? 'Tick at least one.' : `Tick at least ${field.least}.`;
                }
                break;
            }
            case 'choice':
                if (field.choices.includes(String(now))) {
                    out.values[field.name] = now;
                } else {
                    out.problems[field.name] = 'Choose one.';
                }
                break;
            case 'text':
                out.values[field.name] = String(now ?? '');
        }
    }
    return out;
}
