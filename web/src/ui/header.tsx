import { signal } from '@preact/signals';
import { del } from '../api';
import { connection } from '../live';
import { go, link, route } from '../router';
import { mayAdmin, project, projects, remember, session, version } from '../state';
import { toastError } from './toast';

const WORDS = { connecting: 'Connecting', live: 'Live', stale: 'Stale', refused: 'Stale' } as const;

/** The theme: what the person chose, else what the system says. */
const chosen = signal(document.documentElement.dataset.theme ?? '');
const system = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(system.matches);
system.addEventListener('change', () => (systemDark.value = system.matches));

function isDark(): boolean {
    return chosen.value ? chosen.value === 'dark' : systemDark.value;
}

function switchTheme(): void {
    chosen.value = isDark() ? 'light' : 'dark';
    document.documentElement.dataset.theme = chosen.value;
    remember('gantry.theme', chosen.value);
}

function Link({ to, page, part, children }: { to: string; page: string[]; part?: string; children: string }) {
    const { page: now, parts } = route.value;
    const here = page.includes(now) && (now !== 'p' || (parts[1] === 'cohorts') === (part === 'cohorts'));
    return (
        <a href={to} aria-current={here ? 'page' : undefined}>
            {children}
        </a>
    );
}

function ProjectPicker() {
    const all = projects.value ?? [];
    const here = project.value;
    return (
        <select
            aria-label="Project"
            title={here?.root}
            value={here ? String(here.id) : ''}
            onChange={(event) => {
                const word = event.currentTarget.value;
                const one = all.find((entry) => String(entry.id) === word);
                const page = route.value.page;
                const part = route.value.parts[1] === 'cohorts' ? 'cohorts' : 'tomography';
                go(one ? (page === 'review' ? link('review', one.name) : link('p', one.name, part)) : link('projects'));
                event.currentTarget.value = here ? String(here.id) : '';
            }}
        >
            {!here && <option value="">No project</option>}
            {all.map((one) => (
                <option key={one.id} value={String(one.id)}>
                    {one.name}
                </option>
            ))}
            <option value="open">Open folder…</option>
        </select>
    );
}

async function logOut(): Promise<void> {
    try {
        await del('session');
        session.value = null;
    } catch (error) {
        toastError(error);
    }
}

export function Header() {
    const here = project.value;
    return (
        <header class="top">
            <a class="brand" href="#/" title={version.value ? 'Gantry ' + version.value : 'Gantry'}>
                Gantry
            </a>
            <ProjectPicker />
            <nav aria-label="Pages">
                <Link to={here ? link('p', here.name, 'tomography') : '#/'} page={['', 'p', 'item']}>
                    Tomography
                </Link>
                {here && (
                    <Link to={link('p', here.name, 'cohorts')} page={['p']} part="cohorts">
                        Cohorts
                    </Link>
                )}
                {here && (
                    <Link to={link('review', here.name)} page={['review']}>
                        Centre review
                    </Link>
                )}
                <Link to={link('predictions')} page={['predictions', 'validations']}>
                    Predictions
                </Link>
                <Link to={link('datasets')} page={['datasets']}>
                    Data sets
                </Link>
                <Link to={link('models')} page={['models']}>
                    Models
                </Link>
                <Link to={link('jobs')} page={['jobs', 'run']}>
                    Jobs
                </Link>
                <Link to={link('errors')} page={['errors']}>
                    Errors
                </Link>
                <Link to={link('settings')} page={['settings']}>
                    Settings
                </Link>
                {mayAdmin.value && session.value?.accounts && (
                    <Link to={link('users')} page={['users']}>
                        Users
                    </Link>
                )}
            </nav>
            <span class="grow" />
            <span class={'connection ' + connection.value} role="status">
                {WORDS[connection.value]}
            </span>
            <button type="button" class="bare" onClick={switchTheme} aria-label={isDark() ? 'Light theme' : 'Dark theme'}>
                {isDark() ? '☀' : '☾'}
            </button>
            {session.value?.accounts && (
                <>
                    <span class="muted">
                        {session.value.user} ({session.value.role})
                    </span>
                    <button type="button" onClick={() => void logOut()}>
                        Log out
                    </button>
                </>
            )}
        </header>
    );
}
