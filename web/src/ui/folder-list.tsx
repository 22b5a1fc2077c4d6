/* Folders of the server to choose from. Only those below the allowed roots are offered. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, get } from '../api';

interface Folder {
    name: string;
    path: string;
    scans?: number | null;
}

export interface Folders {
    /** null: the list of places where one may begin. */
    path: string | null;
    parent: string | null;
    folders: Folder[];
    scans?: number | null;
}

export interface Browsing {
    here: Folders | null;
    typed: string;
    type: (text: string) => void;
    refused: string;
    refuse: (line: string) => void;
    visit: (path: string) => void;
}

export function useFolders(): Browsing {
    const [here, setHere] = useState<Folders | null>(null);
    const [typed, type] = useState('');
    const [refused, refuse] = useState('');
    const visit = (path: string) => {
        get<Folders>('folders', { path }).then(
            (folders) => {
                setHere(folders);
                type(folders.path ?? '');
                refuse('');
            },
            (error: unknown) => {
                setHere(null); // its list and its button are of another folder
                refuse(errorText(error));
            },
        );
    };
    useEffect(() => visit(''), []);
    return { here, typed, type, refused, refuse, visit };
}

export function FolderList({ here, typed, type, refused, visit }: Browsing) {
    return (
        <>
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
                    onInput={(event) => type(event.currentTarget.value)}
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
        </>
    );
}
