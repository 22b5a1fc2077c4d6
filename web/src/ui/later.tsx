/* A page that is fetched when it is opened for the first time, so that the table is there sooner. */
import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { errorText } from '../api';

export function later<P extends object>(load: () => Promise<ComponentType<P>>): ComponentType<P> {
    let ready: ComponentType<P> | null = null;
    return function Later(props: P) {
        const [failed, setFailed] = useState('');
        const [, redraw] = useState(0);
        useEffect(() => {
            if (!ready) {
                load().then(
                    (page) => {
                        ready = page;
                        redraw(1);
                    },
                    (error: unknown) => setFailed(errorText(error)),
                );
            }
        }, []);
        if (failed) {
            return <p class="empty">This page could not be fetched ({failed}). Reload the browser's page.</p>;
        }
        const Page = ready;
        return Page ? <Page {...props} /> : <p class="empty" aria-busy="true" />;
    };
}
