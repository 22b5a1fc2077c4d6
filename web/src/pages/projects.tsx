/* Choose a project, or open a data folder as a new one. Only folders below the allowed roots are offered. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, get, post, type Project } from '../api';
import { go, link } from '../router';
import { loadProjects, mayOpen, projects } from '../state';
import { countText, plural } from '../words';

interface Folder {
    name: string;
    path: string;
    scans?: number | null;
}

interface Folders {
    /** null: the list of places where one may begin. */
    path: string | null;
    parent: string | null;
    folders: Folder[];
    scans?: number | null;
}

function ProjectList() {
    const all = projects.value ?? [];
    if (all.length === 0) {
        return (
            <p class="muted">
                No project yet. Open the folder that your scans are in: {mayOpen.value ? 'choose it on the right.' : 'ask an operator to do it.'}
            </p>
        );
    }
    return (
        <table class="plain">
            <thead>
                <tr>
                    <th scope="col">Project</th>
                    <th scope="col">Folder</th>
                    <th scope="col" class="number">
                        Scans
                    </th>
                </tr>
            </thead>
            <tbody>
                {all.map((one) => (
                    <tr key={one.id}>
                        <td>
                            <a href={link('p', one.name, 'tomography')}>{one.name}</a>
                        </td>
                        <td class="mono">{one.root}</td>
                        <td class="number">{one.items === undefined ? '' : countText(one.items)}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

function FolderPicker() {
    const [here, setHere] = useState<Folders | null>(null);
    const [typed, setTyped] = useState('');
    const [refused, setRefused] = useState('');
    const [busy, setBusy] = useState(false);

    const visit = (path: string) => {
        get<Folders>('folders', { path }).then(
            (folders) => {
                setHere(folders);
                setTyped(folders.path ?? '');
                setRefused('');
            },
            (error: unknown) => {
                setHere(null); // its list and its button are of another folder
                setRefused(errorText(error));
            },
        );
    };
    useEffect(() => visit(''), []);

    const open = async (path: string) => {
        setBusy(true);
        setRefused('');
        try {
            const made = await post<Project>('projects', { path });
            await post(`projects/${made.id}/refresh`, {});
            await loadProjects();
            go(link('p', made.name, 'tomography'));
        } catch (error) {
            setRefused(errorText(error));
        }
        setBusy(false);
    };

    return (
        <section class="card" aria-label="Open folder">
            <h2>Open folder…</h2>
            <form
                class="row"
                onSubmit={(event) => {
                    event.preventDefault();
                    visit(typed);
                }}
            >
                <input
                    class="path mono"
                    aria-label="Folder"
                    placeholder="/data/beamtime"
                    value={typed}
                    onInput={(event) => setTyped(event.currentTarget.value)}
                />
                <button type="submit">Go</button>
            </form>
            {refused && (
                <p class="failed-text" role="alert">
                    {refused}
                </p>
            )}
            <ul class="folders" aria-label="Folders">
                {here && here.path !== null && (
                    <li>
                        <button type="button" class="bare" onClick={() => visit(here.parent ?? '')}>
                            ↑ one up
                        </button>
                    </li>
                )}
                {here?.folders.map((folder) => (
                    <li key={folder.path}>
                        <button type="button" class="bare" onClick={() => visit(folder.path)}>
                            ▸ {folder.name}
                        </button>
                        {folder.scans ? <span class="muted">{folder.scans} HDF5</span> : null}
                    </li>
                ))}
                {here && here.folders.length === 0 && <li class="muted">No folders in here.</li>}
            </ul>
            {here && here.path !== null && (
                <p role="status">{here.scans ? plural(here.scans, 'HDF5 file') + ' in this folder.' : 'No HDF5 file directly in this folder.'}</p>
            )}
            {here && here.path !== null && (
                <button type="button" class="main" disabled={busy || typed !== here.path} onClick={() => void open(here.path ?? '')}>
                    {busy ? 'Reading the folder…' : 'Open this folder as a project'}
                </button>
            )}
        </section>
    );
}

export function ProjectsPage() {
    return (
        <div class="sheet split">
            <section class="card" aria-label="Projects">
                <h1>Projects</h1>
                <ProjectList />
            </section>
            {mayOpen.value && <FolderPicker />}
        </div>
    );
}
