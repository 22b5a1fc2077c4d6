/* Which items a pattern is tried on: the table's ticked rows, or a fixed few (those that failed). */
import { signal, type ReadonlySignal } from '@preact/signals';
import type { Level } from './model';

export interface Aim {
    readonly project: number;
    readonly level: ReadonlySignal<Level>;
    /** How many are ticked, and how many are shown: a change asks anew. */
    readonly selected: ReadonlySignal<number>;
    readonly shown: ReadonlySignal<number>;
    aimed(): number[];
    look(id: number): void;
}

export function aimAt(project: number, level: Level, items: number[]): Aim {
    return {
        project, level: signal(level), selected: signal(items.length), shown: signal(items.length), aimed: () => items, look: () => undefined,
    };
}
