/* What every page knows: who we are, which projects there are, which one is open, what to tell the person. */
import { computed, effect, signal } from '@preact/signals';
import { get, Problem, setCsrf, whenDenied, type Project, type Session } from './api';
import { connect, connection, on } from './live';
import { route } from './router';

/** undefined: not asked yet; null: nobody is logged in. */
export const session = signal<Session | null | undefined>(undefined);
export const projects = signal<Project[] | undefined>(undefined);
export const version = signal('');

const remembered = signal(recall('gantry.project'));

export function recall(key: string): string {
    try {
        return localStorage.getItem(key) ?? '';
    } catch {
        return '';
    }
}

export function remember(key: string, value: string): void {
    try {
        localStorage.setItem(key, value);
    } catch {
        // Storage is forbidden: nothing is remembered.
    }
}

export function findProject(word: string | undefined): Project | undefined {
    const all = projects.value ?? [];
    return all.find((one) => one.name === word) ?? all.find((one) => String(one.id) === word);
}

/** The project of the address, else the one that was open last, else the first. */
export const project = computed<Project | undefined>(() => {
    const { page, parts } = route.value;
    if (page === 'p' || page === 'review' || page === 'gridstats') {
        return findProject(parts[0]);
    }
    return findProject(remembered.value) ?? projects.value?.[0];
});

export function rememberProject(name: string): void {
    remembered.value = name;
    remember('gantry.project', name);
}

/** May the account change something in that project (undefined: in any)? */
export function mayRunIn(id: number | undefined): boolean {
    const who = session.value;
    const some = who?.role === 'operator' || who?.role === 'admin';
    return some && (!who.rights || id === undefined || who.rights[id] === 'operator');
}

/** In the project that is shown. */
export const mayRun = computed(() => mayRunIn(project.value?.id));
/** In one at least: for lists over all projects. The server refuses the rows of the others. */
export const mayRunSome = computed(() => mayRunIn(undefined));
/** Open a folder as a new project. */
export const mayOpen = computed(() => mayRunSome.value && !session.value?.rights);
export const mayAdmin = computed(() => session.value?.role === 'admin');

export async function loadProjects(): Promise<void> {
    projects.value = await get<Project[]>('projects');
}

/** Ask who we are; with a session, load the projects and follow the events. */
export async function start(): Promise<void> {
    whenDenied(() => (session.value = null));
    try {
        const who = await get<Session>('session');
        setCsrf(who.csrf);
        connect(); // first, so that few lists are older than it
        await loadProjects();
        session.value = who;
    } catch (error) {
        if (!(error instanceof Problem) || (error.status !== 401 && error.status !== 403)) {
            throw error;
        }
        session.value = null;
    }
}

// Refused events may mean that the session is over, with nobody asking for anything: 401 shows the login.
effect(() => {
    if (connection.value === 'refused' && session.peek()) {
        get('session').catch(() => undefined);
    }
});
on('projects', () => void loadProjects().catch(() => undefined));
on('reset', () => void loadProjects().catch(() => undefined));
on('hello', (hello) => (version.value = hello.version));
