/* The files of the row that the keys are on: folders, tags, what people said; two clicks open the viewer. */
import { useEffect, useState } from 'preact/hooks';
import { get, post } from '../api';
import { go, link } from '../router';
import { mayRun } from '../state';
import { toastError } from '../ui/toast';
import { bytesText, countText, plural, timeText } from '../words';
import type { Cohort } from './cohort';

interface StudyFile {
    id: number;
    study: number;
    path: string;
    place: string;
    sub: string;
    name: string;
    size: number;
    tags: string[];
}

interface StudyPage {
    id: number;
    psid: string;
    name: string;
    files: StudyFile[];
    files_total: number;
    tags: string[];
    subject_tags: string[];
    attrs: Record<string, unknown>;
    verdicts: { run: number; good: boolean; comment: string; user: string; t_us: number }[];
}

const SETTLE_MS = 120; // holding an arrow key must not fetch for every row passed

export function viewable(name: string): boolean {
    return /\.(nii|nii\.gz|mgz|tck|trk)$/i.test(name);
}

export function openViewer(ids: number[]): void {
    go(`${link('volume')}?files=${ids.join(',')}`);
}

function foldersOf(files: StudyFile[]): [string, StudyFile[]][] {
    const folders = new Map<string, StudyFile[]>();
    const several = files.some((file) => file.study !== files[0]?.study); // of a subject: whole paths
    for (const file of files) {
        const folder = several ? file.path.slice(0, -file.name.length - 1) : [file.place, file.sub].filter(Boolean).join(' / ');
        folders.set(folder, [...(folders.get(folder) ?? []), file]);
    }
    return [...folders];
}

function useStudy(cohort: Cohort): StudyPage | null {
    const id = cohort.focused.value;
    const [page, setPage] = useState<StudyPage | null>(null);
    const stamp = `${cohort.table.status(cohort.table.rowOf(id))} ${cohort.table.jobs(cohort.table.rowOf(id)).join()}`;
    void cohort.turn.value;
    useEffect(() => {
        if (id <= 0) {
            setPage(null);
            return;
        }
        const asking = new AbortController();
        const timer = setTimeout(() => get<StudyPage>(`studies/${id}`, undefined, asking.signal).then(setPage, () => undefined), SETTLE_MS);
        return () => {
            clearTimeout(timer);
            asking.abort();
        };
    }, [id, stamp]);
    return page?.id === id ? page : null;
}

export function Files({ cohort }: { cohort: Cohort }) {
    const page = useStudy(cohort);
    const [picked, setPicked] = useState<number[]>([]);
    const [tag, setTag] = useState('');
    const [turn, setTurn] = useState(0);
    const [own, setOwn] = useState<Record<number, string[]>>({});
    useEffect(() => {
        setPicked([]);
        setOwn({});
    }, [page?.id, turn]);
    if (!page) {
        return <p class="muted pad">Move to a row with the arrow keys, or click one, to see its files here.</p>;
    }
    const tagsOf = (file: StudyFile) => own[file.id] ?? file.tags;
    const change = async (ids: number[], word: string, add: boolean) => {
        await post('tags/change', { project: cohort.project, domain: 'file', ids, tags: [word], add });
        const next = { ...own };
        for (const file of page.files.filter((one) => ids.includes(one.id))) {
            const rest = tagsOf(file).filter((one) => one !== word);
            next[file.id] = add ? [...rest, word].sort() : rest;
        }
        setOwn(next);
        setTag('');
    };
    const toggle = (id: number) => setPicked(picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id]);
    const images = page.files.filter((file) => picked.includes(file.id) && viewable(file.name));
    return (
        <div class="files">
            <header>
                <h2>{page.psid}</h2>
                <span class="muted nowrap">{plural(page.files_total, 'file')}</span>
                <span class="grow" />
                <button type="button" class="bare" aria-label="Read the files again" onClick={() => setTurn(turn + 1)} hidden />
            </header>
            {Object.keys(page.attrs).length > 0 && (
                <p class="muted small">
                    {Object.entries(page.attrs).map(([key, value]) => `${key} ${String(value)}`).join(' · ')}
                </p>
            )}
            {page.verdicts.slice(0, 3).map((one) => (
                <p key={one.run} class="small">
                    <span class={'state ' + (one.good ? 'done' : 'failed')}>{one.good ? 'good' : 'bad'}</span>{' '}
                    <span class="muted">in run {one.run}{one.user ? ` by ${one.user}` : ''}, {timeText(one.t_us)}</span> {one.comment}
                </p>
            ))}
            <div class="scroll grow">
                <table class="plain">
                    <thead class="hidden-label">
                        <tr>
                            <th scope="col">Pick</th>
                            <th scope="col">File</th>
                            <th scope="col">Tags</th>
                            <th scope="col">Size</th>
                        </tr>
                    </thead>
                    {foldersOf(page.files).map(([folder, files]) => (
                        <tbody key={folder}>
                            {folder && (
                                <tr>
                                    <th scope="rowgroup" colSpan={4} class="mono">
                                        {folder}/
                                    </th>
                                </tr>
                            )}
                            {files.map((file) => (
                                <tr key={file.id} onDblClick={() => viewable(file.name) && openViewer([file.id])}>
                                    <td>
                                        <input type="checkbox" aria-label={file.path} checked={picked.includes(file.id)} onChange={() => toggle(file.id)} />
                                    </td>
                                    <td class="mono detail" title={file.path}>
                                        {viewable(file.name) ? <a href={`${link('volume')}?files=${file.id}`}>{file.name}</a> : file.name}
                                    </td>
                                    <td>
                                        {tagsOf(file).map((word) => (
                                            <span key={word} class="tag-chip">
                                                {word}
                                                {mayRun.value && (
                                                    <button
                                                        type="button"
                                                        class="bare"
                                                        aria-label={`Take tag ${word} off ${file.name}`}
                                                        onClick={() => void change([file.id], word, false).catch(toastError)}
                                                    >
                                                        ✕
                                                    </button>
                                                )}
                                            </span>
                                        ))}
                                    </td>
                                    <td class="number nowrap muted">{bytesText(file.size)}</td>
                                </tr>
                            ))}
                        </tbody>
                    ))}
                </table>
                {page.files_total > page.files.length && <p class="muted">and {countText(page.files_total - page.files.length)} more</p>}
            </div>
            {picked.length > 0 && (
                <form
                    class="pair"
                    onSubmit={(event) => {
                        event.preventDefault();
                        if (tag.trim()) {
                            void change(picked, tag.trim(), true).catch(toastError);
                        }
                    }}
                >
                    <span class="muted nowrap">{plural(picked.length, 'file')}:</span>
                    <input class="short" placeholder="tag" aria-label="Tag for the ticked files" value={tag} onInput={(event) => setTag(event.currentTarget.value)} />
                    <button type="submit" disabled={!mayRun.value || !tag.trim()}>
                        Add tag
                    </button>
                    <button type="button" disabled={images.length === 0} onClick={() => openViewer(images.map((file) => file.id))}>
                        View {images.length > 1 ? `${images.length} together` : ''}
                    </button>
                </form>
            )}
        </div>
    );
}
