/* Data sets: named collections of image series (REQUIREMENTS W3, W13). The list, registering one, the series of one. */
import { signal } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { del, errorText, get, patch, post } from '../api';
import { on } from '../live';
import { aboutTime, listOf, type DataSet, type Series } from '../predictions/data';
import '../predictions/predictions.css';
import { Rows } from '../predictions/rows';
import { SeriesGrid } from '../predictions/series-grid';
import { go, link, route } from '../router';
import { mayRunIn, mayRunSome } from '../state';
import '../tomography/tomography.css';
import { Dialog } from '../ui/dialog';
import { FolderList, useFolders } from '../ui/folder-list';
import { toast, toastError } from '../ui/toast';
import { countText, plural } from '../words';

const MODALITIES = ['CT', 'MR', 'PT', 'CR', 'DX', 'MG', 'US', 'XA', 'OT'];

function useDataSets() {
    const [list, setList] = useState<DataSet[] | null>(null);
    const [failed, setFailed] = useState('');
    const load = () =>
        listOf<DataSet>('datasets', 'datasets').then(
            (answer) => {
                setList(answer);
                setFailed('');
            },
            (error: unknown) => setFailed(errorText(error)),
        );
    useEffect(() => {
        void load();
        const ends = [on('projects', () => void load()), on('reset', () => void load())];
        return () => ends.forEach((end) => end());
    }, []);
    return { list, failed };
}

function DataSetList() {
    const { list, failed } = useDataSets();
    if (failed) {
        return <p class="failed-text">The data sets could not be read: {failed}</p>;
    }
    if (!list) {
        return <p class="muted">Reading the data sets…</p>;
    }
    if (list.length === 0) {
        return <p class="muted">No data set yet. {mayRunSome.value ? 'Register a folder of images on the right.' : 'An operator registers them.'}</p>;
    }
    return (
        <div class="scroll">
            <table class="plain">
                <thead>
                    <tr>
                        <th scope="col">Data set</th>
                        <th scope="col" class="number">
                            Series
                        </th>
                        <th scope="col" class="number">
                            Patients
                        </th>
                        <th scope="col">Modality</th>
                        <th scope="col">Description</th>
                        <th scope="col">Project</th>
                        <th scope="col">Registered</th>
                    </tr>
                </thead>
                <tbody>
                    {list.map((one) => (
                        <tr key={one.id}>
                            <td>
                                <a href={link('datasets', one.id)}>{one.name}</a>
                            </td>
                            <td class="number">{countText(one.series)}</td>
                            <td class="number">{countText(one.patients)}</td>
                            <td>{one.modalities.split(',').join(', ')}</td>
                            <td>
                                {one.description}
                                {one.problems > 0 && <span class="failed-text"> {countText(one.problems)} with a problem</span>}
                            </td>
                            <td>{one.project}</td>
                            <td>{[aboutTime(one.created), one.user].filter(Boolean).join(', ')}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

/** A folder is picked, or files and folders are typed, one on each line. */
function Register() {
    const browsing = useFolders();
    const { here } = browsing;
    const [name, setName] = useState('');
    const [description, setDescription] = useState('');
    const [modality, setModality] = useState('');
    const [places, setPlaces] = useState('');
    const [tried, setTried] = useState(false);
    const [refused, setRefused] = useState('');
    const [busy, setBusy] = useState(false);
    const lines = places.split('\n').map((line) => line.trim()).filter(Boolean);
    const missing = { name: name.trim() ? '' : 'Give it a name.', places: lines.length > 0 ? '' : 'Choose a folder, or type one.' };
    const add = (path: string) => {
        setPlaces((was) => [...was.split('\n').filter((line) => line.trim()), path].join('\n'));
        if (!name) {
            setName(path.split('/').filter(Boolean).at(-1) ?? '');
        }
    };
    const register = async (event: Event) => {
        event.preventDefault();
        setTried(true);
        if (missing.name || missing.places) {
            return;
        }
        setBusy(true);
        setRefused('');
        try {
            const made = await post<{ id: number; warnings?: string[] }>('datasets', {
                name: name.trim(), places: lines, ...(description ? { description } : {}), ...(modality ? { modality } : {}),
            });
            made.warnings?.forEach((line) => toast(line, 'warning'));
            go(link('datasets', made.id));
        } catch (error) {
            setBusy(false);
            setRefused(errorText(error));
        }
    };
    const said = (line: string) => (tried ? line : '');
    return (
        <section class="card" aria-label="Register a data set">
            <h2>Register a data set</h2>
            <FolderList {...browsing} />
            {here && here.path !== null && (
                <button type="button" onClick={() => add(here.path ?? '')}>
                    Take this folder
                </button>
            )}
            <form class="form" onSubmit={(event) => void register(event)}>
                <label>
                    Folders and files, one on each line
                    <textarea
                        class="mono"
                        rows={3}
                        value={places}
                        aria-invalid={said(missing.places) !== ''}
                        aria-describedby="places-said"
                        onInput={(event) => setPlaces(event.currentTarget.value)}
                    />
                </label>
                <p id="places-said" class={said(missing.places) ? 'said failed-text' : 'said muted'}>
                    {said(missing.places) || 'NIfTI files, and DICOM as files, folders or ZIPs.'}
                </p>
                <label>
                    Name
                    <input value={name} aria-invalid={said(missing.name) !== ''} aria-describedby="name-said" onInput={(event) => setName(event.currentTarget.value)} />
                </label>
                <p id="name-said" class="said failed-text">
                    {said(missing.name)}
                </p>
                <label>
                    Modality of images that do not say it themselves (NIfTI)
                    <select value={modality} onChange={(event) => setModality(event.currentTarget.value)}>
                        <option value="">not known</option>
                        {MODALITIES.map((word) => (
                            <option key={word} value={word}>
                                {word}
                            </option>
                        ))}
                    </select>
                </label>
                <label>
                    Description
                    <input value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
                </label>
                {refused && (
                    <p class="failed-text" role="alert">
                        {refused}
                    </p>
                )}
                <button type="submit" class="main" disabled={busy}>
                    {busy ? 'Reading the headers…' : 'Register'}
                </button>
            </form>
        </section>
    );
}

/* --- one data set */

const asked = signal<'rename' | 'remove' | 'export' | null>(null);

function RenameDialog({ one, onClose, onDone }: { one: DataSet; onClose: () => void; onDone: () => void }) {
    const [name, setName] = useState(one.name);
    const [description, setDescription] = useState(one.description ?? '');
    const [refused, setRefused] = useState('');
    const save = async () => {
        try {
            await patch(`datasets/${one.id}`, { name: name.trim(), description });
            onClose();
            onDone();
        } catch (error) {
            setRefused(errorText(error));
        }
    };
    return (
        <Dialog
            title={`Rename ${one.name}`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button type="button" class="main" disabled={name.trim() === ''} onClick={() => void save()}>
                        Save
                    </button>
                </>
            }
        >
            <div class="form">
                <label>
                    Name
                    <input data-focus value={name} onInput={(event) => setName(event.currentTarget.value)} />
                </label>
                <label>
                    Description
                    <input value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
                </label>
                {refused && (
                    <p class="failed-text" role="alert">
                        {refused}
                    </p>
                )}
            </div>
        </Dialog>
    );
}

function RemoveDialog({ one, onClose }: { one: DataSet; onClose: () => void }) {
    const remove = () => {
        onClose();
        del(`datasets/${one.id}`).then(() => go(link('datasets')), toastError);
    };
    return (
        <Dialog
            title={`Remove ${one.name}?`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        No, keep it
                    </button>
                    <button type="button" class="danger" onClick={remove}>
                        Remove
                    </button>
                </>
            }
        >
            <p>Only the name and the list of {plural(one.series, 'series', 'series')} go: the images and all predictions stay.</p>
        </Dialog>
    );
}

/** The answer comes when all is written, and the writing goes on when nobody waits. */
function ExportDialog({ one, onClose }: { one: DataSet; onClose: () => void }) {
    const [folder, setFolder] = useState('');
    const [accepted, setAccepted] = useState(true);
    const [refused, setRefused] = useState('');
    const [busy, setBusy] = useState(false);
    const start = async () => {
        setBusy(true);
        setRefused('');
        try {
            const made = await post<{ folder: string; cases: number }>(`datasets/${one.id}/export`, { folder: folder.trim(), accepted_only: accepted });
            onClose();
            toast(`${plural(made.cases, 'image and its mask', 'images and their masks')}: ${made.folder}`);
        } catch (error) {
            setBusy(false);
            setRefused(errorText(error));
        }
    };
    return (
        <Dialog
            title={`Export ${one.name} as an nnU-Net folder`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" onClick={onClose}>
                        {busy ? 'Close' : 'Cancel'}
                    </button>
                    <button type="button" class="main" disabled={busy || folder.trim() === ''} onClick={() => void start()}>
                        {busy ? 'Writing…' : 'Export'}
                    </button>
                </>
            }
        >
            <div class="form">
                <label>
                    Into a new folder
                    <input class="mono" data-focus placeholder="/data/nnunet/Dataset101_Lungs" value={folder} onInput={(event) => setFolder(event.currentTarget.value)} />
                </label>
                <label class="check">
                    <input type="checkbox" checked={accepted} onChange={(event) => setAccepted(event.currentTarget.checked)} />
                    Accepted masks only
                </label>
                {refused && (
                    <p class="failed-text" role="alert">
                        {refused}
                    </p>
                )}
            </div>
        </Dialog>
    );
}

interface Scanned {
    series: number;
    new: number;
    changed: number;
    gone: number;
    warnings?: string[];
}

function useDataSet(id: number) {
    const [one, setOne] = useState<DataSet | null>(null);
    const [failed, setFailed] = useState('');
    const rows = useMemo(() => new Rows<Series>(`datasets/${id}/series`, 'id'), []);
    const load = () => {
        void rows.load();
        get<DataSet>(`datasets/${id}`).then(setOne, (error: unknown) => setFailed(errorText(error)));
    };
    useEffect(() => {
        load();
        const end = on('reset', load);
        return () => {
            end();
            rows.close();
        };
    }, []);
    return { one, failed, rows, load };
}

function DataSetPage({ id }: { id: number }) {
    const { one, failed, rows, load } = useDataSet(id);
    const [byPatient, setByPatient] = useState(false);
    const [scanning, setScanning] = useState(false);
    void rows.turn.value;
    if (!one) {
        return (
            <p class="empty" aria-busy={!failed}>
                {failed}
            </p>
        );
    }
    const may = mayRunIn(one.project_id);
    const close = () => (asked.value = null);
    const scan = () => {
        setScanning(true);
        post<Scanned>(`datasets/${id}/scan`).then((answer) => {
            answer.warnings?.forEach((line) => toast(line, 'warning'));
            toast(`${plural(answer.series, 'series', 'series')}: ${countText(answer.new)} new, ${countText(answer.changed)} changed, ${countText(answer.gone)} gone.`);
        }, toastError).then(() => {
            setScanning(false);
            load();
        });
    };
    const broken = rows.list.filter((series) => series.problem).length;
    return (
        <div class="page">
            <div class="heading">
                <h1>{one.name}</h1>
                <span class="muted">{one.description}</span>
            </div>
            <div class="tools" role="toolbar" aria-label="Data set">
                {may && (
                    <a class="button main" href={link('predictions', 'new') + '?dataset=' + id}>
                        + New Batch Prediction
                    </a>
                )}
                <button type="button" disabled={!may || scanning} onClick={scan}>
                    {scanning ? 'Reading the headers…' : 'Read again'}
                </button>
                <button type="button" disabled={!may} onClick={() => (asked.value = 'rename')}>
                    Rename…
                </button>
                <button type="button" disabled={!may} onClick={() => (asked.value = 'export')}>
                    Export…
                </button>
                <button type="button" class="danger" disabled={!may} onClick={() => (asked.value = 'remove')}>
                    Remove…
                </button>
                <label class="check">
                    <input type="checkbox" checked={byPatient} onChange={(event) => setByPatient(event.currentTarget.checked)} />
                    Group by patient
                </label>
                <span class="grow" />
                <span class="muted nowrap" role="status">
                    {rows.loading.value ? 'reading…' : plural(rows.list.length, 'series', 'series')}
                    {broken > 0 ? `, ${countText(broken)} with a problem` : ''}
                </span>
            </div>
            <div class="columns">
                <div class="table">
                    <SeriesGrid rows={rows} byPatient={byPatient} />
                    {rows.failed.value && <div class="over failed-text">The series could not be read: {rows.failed.value}</div>}
                    {!rows.loading.value && !rows.failed.value && rows.list.length === 0 && <div class="over muted">No series in {(one.places ?? []).join(', ')}.</div>}
                </div>
            </div>
            {asked.value === 'rename' && <RenameDialog one={one} onClose={close} onDone={load} />}
            {asked.value === 'remove' && <RemoveDialog one={one} onClose={close} />}
            {asked.value === 'export' && <ExportDialog one={one} onClose={close} />}
        </div>
    );
}

export function DataSetsPage() {
    const [word] = route.value.parts;
    if (word !== undefined) {
        return <DataSetPage key={word} id={Number(word)} />;
    }
    return (
        <div class="sheet split">
            <section class="card" aria-label="Data sets">
                <h1>Data sets</h1>
                <DataSetList />
            </section>
            {mayRunSome.value && <Register />}
        </div>
    );
}
