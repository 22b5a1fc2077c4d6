/* A modal dialog on the browser's own <dialog>: focus stays inside, Escape closes. The first button with `autofocus`
 * takes the focus; where a question is asked that is No (REQUIREMENTS B14).
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

interface DialogProps {
    title: string;
    onClose: () => void;
    children: ComponentChildren;
    /** The row of buttons at the bottom. */
    buttons?: ComponentChildren;
    wide?: boolean;
}

export function Dialog({ title, onClose, children, buttons, wide }: DialogProps) {
    const ref = useRef<HTMLDialogElement>(null);
    useEffect(() => {
        const dialog = ref.current;
        if (!dialog) {
            return;
        }
        const before = document.activeElement;
        dialog.showModal();
        dialog.querySelector<HTMLElement>('[data-focus]')?.focus();
        return () => {
            dialog.close();
            if (before instanceof HTMLElement && before.isConnected) {
                before.focus();
            }
        };
    }, []);
    return (
        <dialog
            ref={ref}
            class={wide ? 'wide' : ''}
            aria-label={title}
            onCancel={(event) => {
                event.preventDefault();
                onClose();
            }}
            onKeyDown={(event) => event.stopPropagation()}
        >
            <header>
                <h2>{title}</h2>
                <button type="button" class="bare" aria-label="Close" onClick={onClose}>
                    ✕
                </button>
            </header>
            <div class="body">{children}</div>
            {buttons && <footer>{buttons}</footer>}
        </dialog>
    );
}
