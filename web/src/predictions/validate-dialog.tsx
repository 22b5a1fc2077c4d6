/* Validate: a finished prediction against the truth (REQUIREMENTS W8). */
import { useState } from 'preact/hooks';
import { errorText, post, sendFile } from '../api';
import { go, link } from '../router';
import { Dialog } from '../ui/dialog';
import { finiteNumber } from '../words';

const TOLERANCE_MM = 1; // the server's

/** What is sent: a place on the server, or a table from here. */
async function start(run: number, truth: string, file: File | null, more: Record<string, unknown>): Promise<number> {
    const place = file ? { upload: (await sendFile<{ upload: string }>('uploads/' + encodeURIComponent(file.name), file)).upload } : { truth };
    return (await post<{ run: number }>('validations', { run, ...place, ...more })).run;
}

export function ValidateDialog({ run, task, onClose }: { run: number; task: string; onClose: () => void }) {
    const [truth, setTruth] = useState('');
    const [file, setFile] = useState<File | null>(null);
    const [tolerance, setTolerance] = useState(String(TOLERANCE_MM));
    const [refused, setRefused] = useState('');
    const [busy, setBusy] = useState(false);
    const masks = task === 'segmentation';
    const validate = async () => {
        const mm = finiteNumber(tolerance);
        if (truth.trim() === '' && !file) {
            setRefused(masks ? 'Name the folder of reference masks.' : 'Name a table of labels, or choose one.');
            return;
        }
        if (masks && (mm === null || mm < 0)) {
            setRefused('The tolerance is a number of millimetres, at least 0.');
            return;
        }
        setBusy(true);
        try {
            const made = await start(run, truth.trim(), file, masks ? { tolerance: mm } : {});
            onClose();
            go(link('validations', made));
        } catch (error) {
            setBusy(false);
            setRefused(errorText(error));
        }
    };
    return (
        <Dialog
            title={`Validate prediction ${run}`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" onClick={onClose}>
                        Cancel
                    </button>
                    <button type="button" class="main" disabled={busy} onClick={() => void validate()}>
                        Validate
                    </button>
                </>
            }
        >
            <div class="form">
                <label>
                    {masks ? 'The truth: a folder of reference masks on the server' : 'The truth: a table (CSV) of labels on the server'}
                    <input
                        class="mono"
                        data-focus
                        value={truth}
                        disabled={file !== null}
                        aria-invalid={refused !== ''}
                        aria-describedby="truth-said"
                        placeholder={masks ? '/data/reference' : '/data/labels.csv'}
                        onInput={(event) => setTruth(event.currentTarget.value)}
                    />
                </label>
                {masks ? (
                    <label>
                        Tolerance of surface Dice, mm
                        <input inputMode="decimal" value={tolerance} onInput={(event) => setTolerance(event.currentTarget.value)} />
                    </label>
                ) : (
                    <label>
                        Or a table from this computer
                        <input type="file" accept=".csv,.tsv,.txt" onChange={(event) => setFile(event.currentTarget.files?.[0] ?? null)} />
                    </label>
                )}
                <p id="truth-said" class={refused ? 'said failed-text' : 'said muted'} role={refused ? 'alert' : undefined}>
                    {refused || (masks ? 'Masks have the paths or names of the series, with _mask or the like behind them or not.' : 'It has a column series and a column label.')}
                </p>
            </div>
        </Dialog>
    );
}
