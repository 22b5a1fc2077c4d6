/* The frame around every page: who, where, is what we see live. Picks the page from the address. */
import { useEffect } from 'preact/hooks';
import { errorText } from './api';
import { connection } from './live';
import { link, route } from './router';
import { findProject, project, projects, rememberProject, session, start } from './state';
import { Header } from './ui/header';
import { later } from './ui/later';
import { Menu } from './ui/menu';
import { toast, Toasts } from './ui/toast';
import { LoginPage } from './pages/login';
import { ProjectsPage } from './pages/projects';
import { TomographyPage } from './pages/tomography';

const ReviewPage = later(async () => (await import('./pages/review')).ReviewPage);
const TryPage = later(async () => (await import('./pages/try')).TryPage);
const FullPage = later(async () => (await import('./pages/full')).FullPage);
const RawPage = later(async () => (await import('./pages/raw')).RawPage);
const CohortsPage = later(async () => (await import('./pages/cohorts')).CohortsPage);
const JobsPage = later(async () => (await import('./pages/jobs')).JobsPage);
const VolumePage = later(async () => (await import('./volume/page')).VolumePage);
const GridstatsPage = later(async () => (await import('./pages/gridstats')).GridstatsPage);
const ErrorsPage = later(async () => (await import('./pages/errors')).ErrorsPage);
const SettingsPage = later(async () => (await import('./pages/settings')).SettingsPage);
const ResultsPage = later(async () => (await import('./results/page')).ResultsPage);
const PredictionsPage = later(async () => (await import('./pages/predictions')).PredictionsPage);
const DataSetsPage = later(async () => (await import('./pages/datasets')).DataSetsPage);
const ValidationPage = later(async () => (await import('./validation/page')).ValidationPage);
const ModelsPage = later(async () => (await import('./pages/models')).ModelsPage);
const UsersPage = later(async () => (await import('./pages/users')).UsersPage);

const TITLES: Record<string, string> = {
    '': 'Tomography', p: 'Tomography', review: 'Centre review', item: 'Scan', run: 'Run', jobs: 'Jobs', errors: 'Errors',
    gridstats: 'Gridstats', volume: 'Images', settings: 'Settings', users: 'Users', projects: 'Projects',
    predictions: 'Batch Prediction', datasets: 'Data sets', models: 'Models', validations: 'Validation',
};

/** What the browser's tab and history say. */
function titleNow(): string {
    const { page, parts } = route.value;
    const word = page === 'p' && parts[1] === 'cohorts' ? 'Cohorts' : page === 'run' ? `Run ${parts[0]}` : TITLES[page];
    return [session.value ? word : 'Log in', session.value ? project.value?.name : '', 'Gantry'].filter(Boolean).join(' · ');
}

function NoProject({ word }: { word: string | undefined }) {
    return (
        <div class="empty">
            <p>{word ? `There is no project '${word}', or you have no right to it.` : 'No project is open yet.'}</p>
            <p>
                <a href={link('projects')}>Choose a project</a> or open a data folder.
            </p>
        </div>
    );
}

function ItemPage({ id, view }: { id: number; view: string | undefined }) {
    switch (view) {
        case 'full':
            return <FullPage key={id} item={id} />;
        case 'raw':
            return <RawPage key={id} item={id} />;
        default:
            return <TryPage key={id} item={id} />;
    }
}

function Page() {
    const { page, parts } = route.value;
    const here = project.value;
    switch (page) {
        case '':
            return here ? <TomographyPage key={here.id} project={here} /> : <ProjectsPage />;
        case 'p': {
            const named = findProject(parts[0]);
            if (named && parts[1] === 'cohorts') {
                return <CohortsPage key={named.id} project={named} />;
            }
            return named ? <TomographyPage key={named.id} project={named} /> : <NoProject word={parts[0]} />;
        }
        case 'review': {
            const named = findProject(parts[0]);
            return named ? <ReviewPage key={named.id} project={named.id} /> : <NoProject word={parts[0]} />;
        }
        case 'item':
            return <ItemPage id={Number(parts[0])} view={parts[1]} />;
        case 'run':
            return <JobsPage key={parts[0]} run={Number(parts[0])} />;
        case 'jobs':
            return <JobsPage key="all" />;
        case 'gridstats': {
            const named = findProject(parts[0]);
            return named ? <GridstatsPage key={named.id} project={named} /> : <NoProject word={parts[0]} />;
        }
        case 'errors':
            return <ErrorsPage />;
        case 'volume':
            return <VolumePage />;
        case 'predictions':
            return parts.length > 1 ? <ResultsPage /> : <PredictionsPage />;
        case 'datasets':
            return <DataSetsPage />;
        case 'validations':
            return <ValidationPage key={parts[0]} run={Number(parts[0])} />;
        case 'models':
            return <ModelsPage />;
        case 'settings':
            return <SettingsPage />;
        case 'users':
            return <UsersPage />;
        case 'projects':
            return <ProjectsPage />;
        default:
            return <p class="empty">There is no page '{page}'. Pick one above.</p>;
    }
}

function Stale() {
    if (connection.value !== 'stale' && connection.value !== 'refused') {
        return null;
    }
    return (
        <div class="banner" role="alert">
            The server does not answer: what you see may be old. This page connects again by itself.
        </div>
    );
}

export function App() {
    useEffect(() => {
        start().catch((error: unknown) => {
            session.value = null;
            toast(errorText(error), 'error');
        });
    }, []);
    const title = session.value === undefined ? 'Gantry' : titleNow();
    useEffect(() => {
        document.title = title;
    }, [title]);
    useEffect(() => {
        if (project.value && route.value.page !== 'projects') {
            rememberProject(project.value.name);
        }
    }, [project.value, route.value]);
    if (session.value === undefined || (session.value && !projects.value)) {
        return <p class="empty" aria-busy="true" />;
    }
    if (session.value === null) {
        return (
            <>
                <LoginPage />
                <Toasts />
            </>
        );
    }
    return (
        <>
            <a class="skip" href="#main" onClick={skip}>
                Skip to the content
            </a>
            <Header />
            <Stale />
            <main id="main" tabIndex={-1}>
                <Page />
            </main>
            <Menu />
            <Toasts />
        </>
    );
}

/* The hash is the page's address, so the link must not change it. */
function skip(event: Event): void {
    event.preventDefault();
    document.getElementById('main')?.focus();
}
