/* Keys of a page that shows pictures. A key that a control uses itself (typing in a field, arrows of
 * a list) is left to it; a slider's arrows are its own and move the same thing. */
import { useEffect, useRef } from 'preact/hooks';
import { zoomMiddle, type Look } from './look';

/** Called with the key as 'Shift+ArrowLeft', 'Enter', 'u', '?'. True: it was used. */
export type Keys = (key: string, event: KeyboardEvent) => boolean;

function typing(event: KeyboardEvent): boolean {
    const at = event.target;
    if (at instanceof HTMLSelectElement || at instanceof HTMLTextAreaElement) {
        return true;
    }
    if (at instanceof HTMLInputElement) {
        const own = at.type === 'range' ? /^(Arrow|Page|Home|End)/.test(event.key) : at.type !== 'checkbox' && at.type !== 'radio';
        return own || (at.type !== 'range' && /^(Arrow| )/.test(event.key));
    }
    // Enter and Space press the button or follow the link that has the focus.
    const presses = event.key === 'Enter' || event.key === ' ';
    return presses && at instanceof HTMLElement && (at.closest('button, a, summary') !== null);
}

/** Listen while the page is open. A dialog keeps its keys to itself. */
export function useKeys(keys: Keys): void {
    const now = useRef(keys);
    now.current = keys;
    useEffect(() => {
        const press = (event: KeyboardEvent): void => {
            if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event)) {
                return;
            }
            if (document.querySelector('dialog[open]')) {
                return;
            }
            const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
            const shifted = event.shiftKey && event.key.length > 1 ? 'Shift+' + key : key;
            if (now.current(shifted, event)) {
                event.preventDefault();
            }
        };
        document.addEventListener('keydown', press);
        return () => document.removeEventListener('keydown', press);
    }, []);
}

/** A key that moves along a row of pictures; null when it is none. */
export function moved(key: string, at: number, first: number, last: number): number | null {
    const far = Math.max(1, Math.round((last - first) / 10));
    const step: Record<string, number> = {
        ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
        'Shift+ArrowRight': 10, 'Shift+ArrowUp': 10, 'Shift+ArrowLeft': -10, 'Shift+ArrowDown': -10,
        PageUp: far, PageDown: -far,
    };
    if (key === 'Home' || key === 'End') {
        return key === 'Home' ? first : last;
    }
    const by = step[key];
    return by === undefined ? null : Math.max(first, Math.min(last, at + by));
}

/** Keys of the window and the view, the same on every page of pictures. */
export function lookKeys(look: Look, key: string): boolean {
    switch (key) {
        case '+':
        case '=':
            zoomMiddle(look, 1.25);
            return true;
        case '-':
            zoomMiddle(look, 0.8);
            return true;
        case '0':
            look.view.value = null;
            return true;
        case 'a':
            look.chosen.value = null;
            return true;
        case 'i':
            look.invert.value = !look.invert.value;
            return true;
        case 'l':
            look.tool.value = look.tool.value === 'line' ? 'pan' : 'line';
            return true;
        case 'w':
            look.tool.value = look.tool.value === 'window' ? 'pan' : 'window';
            return true;
        default:
            return false;
    }
}
