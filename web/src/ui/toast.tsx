/* Short lines in the corner. An error stays until it is closed: it says the value, the limit and the next step. */
import { effect, signal } from '@preact/signals';
import { errorText, UNREACHABLE } from '../api';
import { connection, on } from '../live';

interface Toast {
    id: number;
    level: 'info' | 'warning' | 'error';
    text: string;
    action?: { label: string; run: () => void };
}

const STAYS_MS = 6000;
const MOST = 5; // more would cover the page; the oldest goes
const toasts = signal<Toast[]>([]);
let last = 0;

function drop(id: number): void {
    toasts.value = toasts.value.filter((one) => one.id !== id);
}

export function toast(text: string, level: Toast['level'] = 'info', action?: Toast['action']): void {
    if (toasts.value.some((one) => one.text === text && one.level === level)) {
        return; // the same line twice tells nothing new
    }
    const id = ++last;
    toasts.value = [...toasts.value.slice(1 - MOST), { id, level, text, action }];
    if (level === 'info') {
        setTimeout(() => drop(id), action ? 2 * STAYS_MS : STAYS_MS);
    }
}

/** For catch: toastError(error) or promise.catch(toastError). */
export function toastError(error: unknown): void {
    toast(errorText(error), 'error');
}

effect(() => {
    if (connection.value === 'live') {
        toasts.value = toasts.peek().filter((one) => one.text !== UNREACHABLE);
    }
});

on('note', (note) => toast(note.text, note.level));

export function Toasts() {
    return (
        <div class="toasts" role="status" aria-live="polite" aria-label="Messages">
            {toasts.value.map((one) => (
                <div key={one.id} class={'toast ' + one.level}>
                    <span>{one.text}</span>
                    {one.action && (
                        <button
                            type="button"
                            onClick={() => {
                                drop(one.id);
                                one.action?.run();
                            }}
                        >
                            {one.action.label}
                        </button>
                    )}
                    <button type="button" class="bare" aria-label="Close message" onClick={() => drop(one.id)}>
                        ✕
                    </button>
                </div>
            ))}
        </div>
    );
}
