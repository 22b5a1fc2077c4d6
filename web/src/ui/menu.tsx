/* A menu at a point: arrows move, Enter chooses, Escape closes, as does a click elsewhere. */
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export interface MenuEntry {
    label: string;
    run: () => void;
    disabled?: boolean;
    /** A line above this entry. */
    apart?: boolean;
}

const shown = signal<{ x: number; y: number; label: string; entries: MenuEntry[]; back: Element | null } | null>(null);

export function openMenu(x: number, y: number, label: string, entries: MenuEntry[]): void {
    shown.value = { x, y, label, entries, back: document.activeElement };
}

function close(): void {
    const back = shown.value?.back;
    shown.value = null;
    if (back instanceof HTMLElement && back.isConnected) {
        back.focus({ preventScroll: true });
    }
}

function move(list: HTMLElement, step: number): void {
    const buttons = [...list.querySelectorAll<HTMLButtonElement>('button:enabled')];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    buttons[(at + step + buttons.length) % buttons.length]?.focus();
}

export function Menu() {
    const ref = useRef<HTMLDivElement>(null);
    const menu = shown.value;
    useEffect(() => {
        const list = ref.current;
        if (!menu || !list) {
            return;
        }
        const box = list.getBoundingClientRect();
        list.style.left = Math.max(4, Math.min(menu.x, innerWidth - box.width - 4)) + 'px';
        list.style.top = Math.max(4, Math.min(menu.y, innerHeight - box.height - 4)) + 'px';
        list.querySelector<HTMLButtonElement>('button:enabled')?.focus();
        const away = (event: Event) => {
            if (!list.contains(event.target as Node)) {
                close();
            }
        };
        addEventListener('pointerdown', away, true);
        addEventListener('wheel', away, true);
        return () => {
            removeEventListener('pointerdown', away, true);
            removeEventListener('wheel', away, true);
        };
    }, [menu]);
    if (!menu) {
        return null;
    }
    return (
        <div
            ref={ref}
            class="menu"
            role="menu"
            aria-label={menu.label}
            onKeyDown={(event) => {
                event.stopPropagation();
                if (event.key === 'Escape' || event.key === 'Tab') {
                    event.preventDefault();
                    close();
                } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
                    event.preventDefault();
                    move(event.currentTarget, event.key === 'ArrowDown' ? 1 : -1);
                }
            }}
        >
            {menu.entries.map((entry) => (
                <button
                    key={entry.label}
                    type="button"
                    role="menuitem"
                    class={entry.apart ? 'apart' : ''}
                    disabled={entry.disabled}
                    onClick={() => {
                        close();
                        entry.run();
                    }}
                >
                    {entry.label}
                </button>
            ))}
        </div>
    );
}
