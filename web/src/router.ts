/* The page's address is its hash: a link to a run, an item or a slice can be sent to somebody else.
 *
 *   #/p/PROJECT/tomography   #/p/PROJECT/cohorts?item=ID   #/review/PROJECT   #/item/ID/try|full|raw?slice=N   #/run/ID   #/jobs   #/errors
 *   #/predictions   #/predictions/new?model=NAME&dataset=ID&from=RUN   #/predictions/RUN   #/predictions/RUN/SERIES   #/validations/RUN
 *   #/datasets   #/datasets/ID   #/models   #/models/NAME
 *   #/gridstats/PROJECT   #/settings   #/users   #/projects
 *
 * PROJECT is the project's name (its number is understood too).
 */
import { computed, signal } from '@preact/signals';

export interface Route {
    /** The first word of the path: p, review, item, run, jobs, ... */
    page: string;
    /** The words after it, decoded. */
    parts: string[];
    query: URLSearchParams;
}

export function parseHash(hash: string): Route {
    const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
    const words = path.split('/').filter(Boolean).map(decode);
    return { page: words[0] ?? '', parts: words.slice(1), query: new URLSearchParams(query) };
}

function decode(word: string): string {
    try {
        return decodeURIComponent(word);
    } catch {
        return word; // a stray % in a link typed by hand
    }
}

const hash = signal(location.hash);
addEventListener('hashchange', () => (hash.value = location.hash));

export const route = computed(() => parseHash(hash.value));

/** A link's text: link('p', 'my scans', 'tomography') is '#/p/my%20scans/tomography'. */
export function link(...words: (string | number)[]): string {
    return '#/' + words.map((word) => encodeURIComponent(String(word))).join('/');
}

/** Go to another page. `replace` leaves no entry in the history: for what follows a slider. */
export function go(to: string, replace = false): void {
    if (replace) {
        history.replaceState(null, '', to);
        hash.value = location.hash;
    } else {
        location.hash = to;
    }
}

/** Change values of the query in place; an empty value takes the key away. On the way to another page nothing is
 * changed: the address is that page's already, though the event that says so is yet to come. */
export function setQuery(values: Record<string, string | number | null>): void {
    if (location.hash !== hash.peek()) {
        return;
    }
    const now = route.peek();
    const query = new URLSearchParams(now.query);
    for (const [key, value] of Object.entries(values)) {
        if (value === null || value === '') {
            query.delete(key);
        } else {
            query.set(key, String(value));
        }
    }
    const text = query.toString();
    go(link(now.page, ...now.parts) + (text ? '?' + text : ''), true);
}
