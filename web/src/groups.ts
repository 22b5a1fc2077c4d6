/* The seven colour classes of a row (REQUIREMENTS X22): the server's words. */
import { setText } from './grid/column';

export const GROUPS = ['waiting', 'running', 'done', 'partial', 'failed', 'skipped', 'idle'] as const;
export type Group = (typeof GROUPS)[number];

/** What a chip above the table says. */
export const GROUP_WORDS: Record<Group, string> = {
    waiting: 'queued',
    running: 'running',
    done: 'done',
    partial: 'partly done',
    failed: 'failed',
    skipped: 'skipped',
    idle: 'idle', // ready, and what was cancelled
};

const NUMBERS = new Map<string, number>(GROUPS.map((word, at) => [word, at]));

/** Position in GROUPS; an unknown word is idle. */
export function groupNumber(word: string | null | undefined): number {
    return NUMBERS.get(word ?? '') ?? GROUPS.length - 1;
}

/** The class of a task's state (model/group.c has the same table). */
export function groupOfState(state: string): Group {
    switch (state) {
        case 'running':
            return 'running';
        case 'done':
        case 'cached':
            return 'done';
        case 'failed':
            return 'failed';
        case 'suspended':
            return 'partial';
        case 'unknown':
            return 'running';
        case 'cancelled':
            return 'idle';
        case 'blocked':
            return 'skipped';
        default:
            return 'waiting';
    }
}

/** Draw glyph, word and colour into a cell (grid.css has the glyphs and colours); `also` is one more class. */
export function drawState(cell: HTMLElement, group: Group, text: string, also = ''): void {
    const name = 'state ' + group + also;
    if (cell.className !== name) {
        cell.className = name;
    }
    setText(cell, text);
}
