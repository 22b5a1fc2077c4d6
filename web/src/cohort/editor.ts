/* The batch that is being edited, and the list of saved ones. One for the whole page: a half-written batch is still there
 * after a look at another page. */
import { computed, signal } from '@preact/signals';
import { del, get, patch, put } from '../api';
import { toast } from '../ui/toast';
import { cardOf, copyJob, docOf, emptyBatch, moved, newJob, troubleOf, type BatchDoc, type Card, type Job, type Level, type Tool } from './model';

export interface BatchRow {
    name: string;
    level: string;
    jobs?: number | unknown[];
    from: string;
    description?: string;
    starred?: boolean;
    group?: string;
}

export const batches = signal<BatchRow[]>([]);
export const tools = signal<Tool[]>([]);
/** What is edited, without its jobs. */
export const head = signal<BatchDoc>(emptyBatch('study'));
export const cards = signal<Card[]>([]);
/** The text of the document when it was opened or saved. */
const saved = signal(JSON.stringify(docOf(emptyBatch('study'), [])));
/** The name it has in the list, '' when it was never saved. */
export const opened = signal('');

export const doc = computed(() => docOf(head.value, cards.value));
export const changed = computed(() => JSON.stringify(doc.value) !== saved.value);

/** What the page itself sees that keeps the batch from running; the server says the rest. */
export const troubles = computed(() =>
    cards.value.flatMap(({ job }) =>
        job.off ? [] : Object.entries(job.args ?? {}).flatMap(([name, arg]) => {
            const trouble = troubleOf(name, arg);
            return trouble ? [{ job: job.id, text: trouble }] : [];
        })));

export async function loadBatches(): Promise<void> {
    const all = await get<BatchRow[]>('batches');
    batches.value = all.filter((one) => one.level === 'study' || one.level === 'subject');
}

let toolsAsked = false;

export async function loadTools(): Promise<void> {
    if (!toolsAsked) {
        toolsAsked = true;
        try {
            tools.value = await get<Tool[]>('tools');
        } catch (error) {
            toolsAsked = false;
            throw error;
        }
    }
}

function take(next: BatchDoc, name: string): void {
    const { jobs, ...rest } = next;
    head.value = { ...rest, jobs: [] };
    cards.value = jobs.map((job) => cardOf(job, jobs.length > 3));
    opened.value = name;
    saved.value = JSON.stringify(docOf(head.value, cards.value));
}

export async function openBatch(name: string): Promise<BatchDoc> {
    const found = await get<BatchDoc>('batches/' + encodeURIComponent(name));
    take(found, name);
    return found;
}

export function newBatch(level: Level): void {
    take(emptyBatch(level), '');
}

/** A copy is not saved until it has its own name. */
export async function copyBatch(name: string): Promise<void> {
    const found = await get<BatchDoc>('batches/' + encodeURIComponent(name));
    take({ ...found, name: freeName(name) }, '');
    saved.value = '';
}

function freeName(name: string): string {
    const taken = new Set(batches.value.map((one) => one.name));
    let next = name + '-copy';
    for (let n = 2; taken.has(next); n++) {
        next = `${name}-copy${n}`;
    }
    return next;
}

export async function saveBatch(): Promise<void> {
    const now = doc.value;
    await put('batches/' + encodeURIComponent(now.name), now);
    saved.value = JSON.stringify(now);
    opened.value = now.name;
    await loadBatches();
    toast(`Batch ${now.name} is saved.`);
}

export async function deleteBatch(name: string): Promise<void> {
    await del('batches/' + encodeURIComponent(name));
    if (opened.value === name) {
        opened.value = '';
        saved.value = '';
    }
    await loadBatches();
}

export async function markBatch(name: string, what: { starred?: boolean; group?: string }): Promise<void> {
    await patch('batches/' + encodeURIComponent(name), what);
    await loadBatches();
}

export function setHead(part: Partial<BatchDoc>): void {
    head.value = { ...head.value, ...part };
}

export function setOption(key: string, value: string | number | undefined): void {
    const options: Record<string, unknown> = { ...head.value.options };
    if (value === undefined || value === '') {
        delete options[key];
    } else {
        options[key] = value;
    }
    setHead({ options });
}

export function setCard(uid: number, change: (card: Card) => Card): void {
    cards.value = cards.value.map((card) => (card.uid === uid ? change(card) : card));
}

export function setJob(uid: number, part: Partial<Job>): void {
    setCard(uid, (card) => ({ ...card, job: { ...card.job, ...part } }));
}

function jobsNow(): Job[] {
    return cards.value.map((card) => card.job);
}

export function addJob(tool: Tool): void {
    cards.value = [...cards.value, cardOf(newJob(tool, jobsNow()))];
}

export function duplicate(uid: number): void {
    const at = cards.value.findIndex((card) => card.uid === uid);
    const card = cards.value[at];
    if (card) {
        const next = [...cards.value];
        next.splice(at + 1, 0, cardOf(copyJob(card.job, jobsNow())));
        cards.value = next;
    }
}

export function removeCard(uid: number): void {
    const before = cards.value;
    const card = before.find((one) => one.uid === uid);
    cards.value = before.filter((one) => one.uid !== uid);
    toast(`Job ${card?.job.name || card?.job.id} is deleted.`, 'info', { label: 'Undo', run: () => (cards.value = before) });
}

export function moveCard(uid: number, by: number): void {
    const at = cards.value.findIndex((card) => card.uid === uid);
    cards.value = moved(cards.value, at, at + by);
}
