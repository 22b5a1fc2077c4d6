/* The columns of the table of subjects or studies (K1, N5). */
import { setText, type Column } from '../grid/column';
import { drawState } from '../groups';
import { countText } from '../words';
import type { Cohort } from './cohort';

function texts(a: string, b: string): number {
    return a < b ? -1 : a > b ? 1 : 0;
}

/** Numbers in order, else texts; what has none comes last. */
function values(a: unknown, b: unknown): number {
    if (a === null || b === null) {
        return Number(a === null) - Number(b === null);
    }
    return typeof a === 'number' && typeof b === 'number' ? a - b : texts(String(a), String(b));
}

/** Chips of tags: those of the study, then those of the subject in another shape. */
function drawTags(cell: HTMLElement, tags: string[], subject: string[]): void {
    const text = tags.join('/') + '|' + subject.join('/');
    if (cell.dataset.tags === text) {
        return;
    }
    cell.dataset.tags = text;
    const chip = (word: string, name: string) => {
        const made = document.createElement('span');
        made.className = name;
        made.textContent = word;
        return made;
    };
    cell.replaceChildren(
        ...tags.map((word) => chip(word, 'tag-chip' + (word === 'good' || word === 'bad' ? ' ' + word : ''))),
        ...subject.map((word) => chip(word, 'tag-chip of-subject')),
    );
}

const JOBS: [string, string, string][] = [
    ['waiting', '◌', 'queued'], ['running', '▶', 'running'], ['failed', '✕', 'with errors'], ['done', '✓', 'done'],
];

function makeJobs(cell: HTMLElement): void {
    for (const [group] of JOBS) {
        const mark = document.createElement('i');
        mark.className = 'job-mark ' + group;
        cell.append(mark);
    }
}

function drawJobs(cell: HTMLElement, counts: readonly number[]): void {
    JOBS.forEach(([group, glyph, word], at) => {
        const mark = cell.children[at] as HTMLElement;
        const count = counts[at] ?? 0;
        setText(mark, count > 0 ? `${glyph}${count}` : '');
        if (mark.hidden !== (count === 0)) {
            mark.hidden = count === 0;
        }
        if (count > 0) {
            mark.setAttribute('aria-label', `${count} ${word}`);
            mark.setAttribute('role', 'img');
            mark.dataset.group = group;
        }
    });
}

function valueText(value: unknown): string {
    return value === null || value === undefined ? '' : typeof value === 'number' ? String(Number(value.toPrecision(8))) : String(value);
}

export function cohortColumns(cohort: Cohort): Column[] {
    const table = cohort.table;
    const study = cohort.level.value === 'study';
    const byName = (a: number, b: number) =>
        texts(table.pid(a), table.pid(b)) || texts(table.date(a), table.date(b)) || texts(table.sid(a), table.sid(b));
    const columns: (Column | null)[] = [
        { key: 'pid', title: 'Subject', width: 'minmax(96px, 1fr)', compare: byName, draw: (cell, row) => setText(cell, table.pid(row)) },
        study
            ? {
                key: 'sid', title: 'Study', width: 'minmax(84px, 1fr)', compare: (a, b) => texts(table.sid(a), table.sid(b)),
                draw: (cell, row) => setText(cell, table.sid(row)),
            }
            : {
                key: 'studies', title: 'Studies', width: '66px', number: true, compare: (a, b) => table.studies(a) - table.studies(b),
                draw: (cell, row) => setText(cell, countText(table.studies(row))),
            },
        {
            key: 'date', title: study ? 'Date' : 'Last date', width: '100px', compare: (a, b) => texts(table.date(a), table.date(b)),
            draw: (cell, row) => setText(cell, table.date(row).slice(0, 10)), more: table.date,
        },
        study && table.described
            ? {
                key: 'sdesc', title: 'Description', width: 'minmax(98px, .9fr)', compare: (a, b) => texts(table.sdesc(a), table.sdesc(b)),
                draw: (cell, row) => setText(cell, table.sdesc(row)),
            }
            : null,
        {
            key: 'tags', title: 'Tags', width: 'minmax(96px, 1.4fr)', className: 'tag-cell',
            hint: study ? 'Of the study; those of its subject are outlined' : 'Of the subject',
            compare: (a, b) => texts(table.tagText(a), table.tagText(b)),
            draw: (cell, row) => drawTags(cell, table.tags(row), table.subjectTags(row)),
            more: (row) => [...table.tags(row), ...table.subjectTags(row)].join(', '),
        },
        {
            key: 'files', title: 'Files', width: '68px', number: true, compare: (a, b) => table.files(a) - table.files(b),
            draw: (cell, row) => setText(cell, countText(table.files(row))),
        },
        {
            key: 'jobs', title: 'Jobs', width: '104px', className: 'jobs-cell', make: makeJobs,
            hint: 'Newest of each job: ◌ queued  ▶ running  ✕ with errors  ✓ done',
            compare: (a, b) => {
                const [qa, ra, ea, da] = table.jobs(a);
                const [qb, rb, eb, db] = table.jobs(b);
                return ea - eb || ra - rb || qa - qb || da - db;
            },
            draw: (cell, row) => drawJobs(cell, table.jobs(row)),
            more: (row) => {
                const counts = table.jobs(row);
                return JOBS.flatMap(([, , word], at) => (counts[at] ? [`${counts[at]} ${word}`] : [])).join(', ');
            },
        },
        {
            key: 'status', title: 'Status', width: 'minmax(92px, .9fr)',
            compare: (a, b) => table.groupAt(a) - table.groupAt(b) || texts(table.status(a), table.status(b)),
            draw: (cell, row) => drawState(cell, table.group(row), table.status(row)),
        },
        ...cohort.attributes.value.map((key): Column => ({
            key: 'attr:' + key,
            title: key,
            width: 'minmax(60px, .6fr)',
            number: typeof table.attr(0, key) === 'number',
            compare: (a, b) => values(table.attr(a, key), table.attr(b, key)),
            draw: (cell, row) => setText(cell, valueText(table.attr(row, key))),
        })),
    ];
    return columns.filter((column): column is Column => column !== null);
}

export function leastWidth(cohort: Cohort): number {
    return (cohort.level.value === 'study' ? 740 : 640) + 60 * cohort.attributes.value.length;
}
