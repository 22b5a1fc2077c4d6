/* Unsaved changes are asked about before they are left: by a link of the page, by the page's own keys, by closing it. */
import { useEffect, useState } from 'preact/hooks';
import { Dialog } from '../ui/dialog';

export interface Leaving {
    /** Now, or after the question. */
    ask: (then: () => void) => void;
    dialog: preact.JSX.Element | null;
}

export function useLeaving(dirty: boolean): Leaving {
    const [then, setThen] = useState<{ go: () => void } | null>(null);
    useEffect(() => {
        if (!dirty) {
            return;
        }
        const closing = (event: BeforeUnloadEvent): void => event.preventDefault();
        const clicked = (event: MouseEvent): void => {
            const anchor = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>('a[href*="#/"]') : null;
            if (anchor && !event.ctrlKey && !event.metaKey && event.button === 0) {
                event.preventDefault();
                event.stopPropagation();
                setThen({ go: () => (location.hash = new URL(anchor.href).hash) });
            }
        };
        addEventListener('beforeunload', closing);
        addEventListener('click', clicked, true);
        return () => {
            removeEventListener('beforeunload', closing);
            removeEventListener('click', clicked, true);
        };
    }, [dirty]);
    const dialog = then && (
        <Dialog
            title="Unsaved changes"
            onClose={() => setThen(null)}
            buttons={
                <>
                    <button type="button" data-focus onClick={() => setThen(null)}>
                        Stay
                    </button>
                    <button
                        type="button"
                        class="main"
                        onClick={() => {
                            setThen(null);
                            then.go();
                        }}
                    >
                        Leave without saving
                    </button>
                </>
            }
        >
            <p>What you drew is not saved. Leave it?</p>
        </Dialog>
    );
    return { ask: (go) => (dirty ? setThen({ go }) : go()), dialog };
}
