/* Choose a project, or open a data folder as a new one. Only folders below the allowed roots are offered. */
import { useState } from 'preact/hooks';
import { errorText, post, type Project } from '../api';
import { go, link } from '../router';
import { loadProjects, mayOpen, projects } from '../state';
import { FolderList, useFolders } from '../ui/folder-list';
import { countText, plural } from '../words';

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
    const browsing = useFolders();
    const { here, typed, refuse } = browsing;
    const [busy, setBusy] = useState(false);

    const open = async (path: string) => {
        setBusy(true);
        refuse('');
        try {
            const made = await post<Project>('projects', { path });
            await post(`projects/${made.id}/refresh`, {});
            await loadProjects();
            go(link('p', made.name, 'tomography'));
        } catch (error) {
            refuse(errorText(error));
        }
        setBusy(false);
    };

    return (
        <section class="card" aria-label="Open folder">
            <h2>Open folder…</h2>
            <FolderList {...browsing} />
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
