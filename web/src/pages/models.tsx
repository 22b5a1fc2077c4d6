/* Models: what predictions are made with. The list, adding one, the card of one (REQUIREMENTS W3, W14). */
import { useEffect, useState } from 'preact/hooks';
import { del, errorText, get, patch, post, sendFile } from '../api';
import { on } from '../live';
import { listOf, PREDICTS, type Model, type ModelDetails } from '../predictions/data';
import '../predictions/predictions.css';
import { limitsText } from '../predictions/settings';
import { go, link, route } from '../router';
import { mayRunSome } from '../state';
import '../tomography/tomography.css';
import { Dialog } from '../ui/dialog';
import { toast, toastError } from '../ui/toast';
import { bytesText, plural } from '../words';

function stateText(one: Model): string {
    return one.problem ? 'Not usable' : one.archived ? 'Archived' : 'Deployed';
}

function List({ list, chosen }: { list: Model[]; chosen: string | undefined }) {
    return (
        <div class="scroll">
            <table class="plain">
                <thead>
                    <tr>
                        <th scope="col">Model</th>
                        <th scope="col">Version</th>
                        <th scope="col">Task</th>
                        <th scope="col">For</th>
                        <th scope="col">State</th>
                        <th scope="col">Description</th>
                    </tr>
                </thead>
                <tbody>
                    {list.map((one) => (
                        <tr key={one.name} aria-current={one.name === chosen ? 'true' : undefined}>
                            <td class="nowrap">
                                <a href={link('models', one.name)}>{one.name}</a>
                            </td>
                            <td>{one.version}</td>
                            <td>{one.task}</td>
                            <td>{one.modality}</td>
                            <td class={'nowrap state ' + (one.problem ? 'failed' : one.archived ? 'idle' : 'done')}>{stateText(one)}</td>
                            <td>
                                {one.demonstration && !/^demonstration/i.test(one.description ?? '') && <b>Demonstration. </b>}
                                {one.problem || one.description}
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </div>
    );
}

/** model.onnx and model.json (or a ZIP of them) go up as they are; the server reads the card and runs the network once. */
async function upload(files: File[]): Promise<{ name: string }> {
    const uploads: string[] = [];
    for (const file of files) {
        uploads.push((await sendFile<{ upload: string }>('uploads/' + encodeURIComponent(file.name), file)).upload);
    }
    return post<{ name: string }>('models', { uploads });
}

function Add({ onDone }: { onDone: () => void }) {
    const [path, setPath] = useState('');
    const [files, setFiles] = useState<File[]>([]);
    const [busy, setBusy] = useState(false);
    const [refused, setRefused] = useState('');
    const add = async (event: Event) => {
        event.preventDefault();
        const form = event.currentTarget as HTMLFormElement;
        if (path.trim() === '' && files.length === 0) {
            setRefused('Name a folder, or choose model.onnx and model.json.');
            return;
        }
        setBusy(true);
        setRefused('');
        try {
            const made = files.length > 0 ? await upload(files) : await post<{ name: string }>('models', { path: path.trim() });
            toast(`Model ${made.name} was added.`);
            form.reset(); // the chosen files
            setFiles([]);
            setPath('');
            onDone();
            go(link('models', made.name));
        } catch (error) {
            setRefused(errorText(error));
        }
        setBusy(false);
    };
    return (
        <section class="card" aria-label="Add a model">
            <h2>Add a model</h2>
            <form class="form" onSubmit={(event) => void add(event)}>
                <label>
                    Files: model.onnx and model.json, or a ZIP of both
                    <input
                        type="file"
                        multiple
                        accept=".onnx,.json,.zip"
                        onChange={(event) => setFiles([...(event.currentTarget.files ?? [])])}
                    />
                </label>
                <label>
                    Or a folder or ZIP on the server
                    <input class="mono" placeholder="/data/models/lungs" value={path} disabled={files.length > 0} onInput={(event) => setPath(event.currentTarget.value)} />
                </label>
                {refused && (
                    <p class="failed-text" role="alert">
                        {refused}
                    </p>
                )}
                <button type="submit" class="main" disabled={busy}>
                    {busy ? 'Trying the model…' : 'Add'}
                </button>
                <p class="said muted">The card is read and the network runs once on its own shape before it gets its name.</p>
            </form>
        </section>
    );
}

function SettingsTable({ one }: { one: ModelDetails }) {
    const settings = Object.entries(one.form ?? one.card.settings ?? {});
    if (settings.length === 0) {
        return <p class="muted">This model has no settings.</p>;
    }
    return (
        <table class="plain">
            <thead>
                <tr>
                    <th scope="col">Setting</th>
                    <th scope="col">Type</th>
                    <th scope="col">Default</th>
                    <th scope="col">Meaning</th>
                </tr>
            </thead>
            <tbody>
                {settings.map(([name, setting]) => (
                    <tr key={name}>
                        <td class="mono">{name}</td>
                        <td>{[setting.type, setting.choices?.join(' | ') ?? limitsText(setting.minimum, setting.maximum)].filter(Boolean).join(' ')}</td>
                        <td>{setting.default === null || setting.default === undefined ? '' : Array.isArray(setting.default) ? setting.default.join(', ') : String(setting.default)}</td>
                        <td>{setting.help}</td>
                    </tr>
                ))}
            </tbody>
        </table>
    );
}

function Fact({ name, value, mono }: { name: string; value: unknown; mono?: boolean }) {
    return value === undefined || value === null || value === '' ? null : (
        <>
            <dt>{name}</dt>
            <dd class={mono ? 'mono' : ''}>{String(value)}</dd>
        </>
    );
}

function RemoveDialog({ name, onClose, onDone }: { name: string; onClose: () => void; onDone: () => void }) {
    return (
        <Dialog
            title={`Remove the model ${name}?`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        No, keep it
                    </button>
                    <button
                        type="button"
                        class="danger"
                        onClick={() => {
                            onClose();
                            del('models/' + encodeURIComponent(name)).then(() => {
                                onDone();
                                go(link('models'));
                            }, toastError);
                        }}
                    >
                        Remove
                    </button>
                </>
            }
        >
            <p>Its files go; what it has predicted stays. An archived model is not offered any more and keeps its files.</p>
        </Dialog>
    );
}

function Details({ name, onDone }: { name: string; onDone: () => void }) {
    const [one, setOne] = useState<ModelDetails | null>(null);
    const [failed, setFailed] = useState('');
    const [removing, setRemoving] = useState(false);
    const load = () => get<ModelDetails>('models/' + encodeURIComponent(name)).then(setOne, (error: unknown) => setFailed(errorText(error)));
    useEffect(() => void load(), []);
    if (!one) {
        return (
            <section class="card" aria-label="Model">
                <p class={failed ? 'failed-text' : 'muted'}>{failed || 'Reading the card…'}</p>
            </section>
        );
    }
    const { card } = one;
    const archive = () =>
        patch('models/' + encodeURIComponent(name), { archived: !one.archived }).then(() => {
            void load();
            onDone();
        }, toastError);
    const used = one.used_by ?? [];
    return (
        <section class="card" aria-label="Model">
            <h2>
                {one.name} {card.version}
            </h2>
            {card.demonstration && <p class="warned">A demonstration model: trained on synthetic images, not for patients.</p>}
            {one.problem && (
                <p class="failed-text" role="alert">
                    {one.problem}
                </p>
            )}
            <p>{card.description}</p>
            {mayRunSome.value && (
                <div class="row">
                    {!one.archived && !one.problem && PREDICTS.includes(card.task) && (
                        <a class="button main" href={link('predictions', 'new') + '?model=' + encodeURIComponent(name)}>
                            + New Batch Prediction
                        </a>
                    )}
                    <button type="button" onClick={() => void archive()}>
                        {one.archived ? 'Deploy' : 'Archive'}
                    </button>
                    <button type="button" class="danger" onClick={() => setRemoving(true)}>
                        Remove…
                    </button>
                </div>
            )}
            <dl class="facts">
                <Fact name="State" value={stateText(one)} />
                <Fact name="Task" value={card.task} />
                <Fact name="Modality" value={card.input?.modality} />
                <Fact name="Labels" value={card.output?.labels?.join(', ')} />
                <Fact name="Engine" value={card.engine} />
                <Fact name="Architecture" value={card.architecture} />
                <Fact name="Spacing" value={card.input?.spacing ? card.input.spacing.join(' × ') + ' mm' : ''} />
                <Fact name="Patch" value={card.input?.patch?.join(' × ')} />
                <Fact name="Licence" value={card.licence} />
                <Fact name="Source" value={card.source} />
                <Fact name="Size" value={one.size ? bytesText(one.size) : ''} />
                <Fact name="Checksum" value={card.checksum} mono />
                <Fact name="Folder" value={one.folder} mono />
                {Object.entries(card.scores ?? {}).map(([word, value]) => (
                    <Fact key={word} name={`Score ${word}`} value={value} />
                ))}
            </dl>
            <h2>Settings</h2>
            <SettingsTable one={one} />
            <h2>Used by</h2>
            {used.length === 0 ? (
                <p class="muted">No prediction yet.</p>
            ) : (
                <p>
                    {plural(used.length, 'prediction')}:{' '}
                    {used.slice(-20).map((run, at) => (
                        <span key={run}>
                            {at > 0 && ', '}
                            <a href={link('predictions', run)}>{run}</a>
                        </span>
                    ))}
                </p>
            )}
            {removing && <RemoveDialog name={name} onClose={() => setRemoving(false)} onDone={onDone} />}
        </section>
    );
}

export function ModelsPage() {
    const [chosen] = route.value.parts;
    const [list, setList] = useState<Model[] | null>(null);
    const [failed, setFailed] = useState('');
    const load = () =>
        listOf<Model>('models', 'models').then(
            (answer) => {
                setList(answer);
                setFailed('');
            },
            (error: unknown) => setFailed(errorText(error)),
        );
    useEffect(() => {
        void load();
        return on('reset', () => void load());
    }, []);
    return (
        <div class="models">
            <section class="card" aria-label="Models">
                <h1>Models</h1>
                {failed && <p class="failed-text">The models could not be read: {failed}</p>}
                {list ? <List list={list} chosen={chosen} /> : !failed && <p class="muted">Reading the models…</p>}
            </section>
            <div class="stack">
                {chosen !== undefined && <Details key={chosen} name={chosen} onDone={() => void load()} />}
                {mayRunSome.value && <Add onDone={() => void load()} />}
            </div>
        </div>
    );
}
