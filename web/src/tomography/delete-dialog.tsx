/* Delete Selected (I): the files are listed first, rows leave the list, the disk is never touched (X1). */
import { useState } from 'preact/hooks';
import { Dialog } from '../ui/dialog';
import { toastError } from '../ui/toast';
import { plural } from '../words';
import type { Batch } from './batch';

export function DeleteDialog({ batch, ids, onClose }: { batch: Batch; ids: number[]; onClose: () => void }) {
    const [busy, setBusy] = useState(false);
    const names = batch.table.names(ids.map((id) => batch.table.rowOf(id)));
    const forget = () => {
        setBusy(true);
        batch.forget(ids).then(onClose, (error: unknown) => {
            setBusy(false);
            toastError(error);
        });
    };
    return (
        <Dialog
            title={`Take ${plural(ids.length, 'scan')} off the list?`}
            onClose={onClose}
            buttons={
                <>
                    <button type="button" data-focus onClick={onClose}>
                        No, keep {ids.length === 1 ? 'it' : 'them'}
                    </button>
                    <button type="button" class="danger" disabled={busy} onClick={forget}>
                        Take {ids.length} off the list
                    </button>
                </>
            }
        >
            <ul class="names" tabIndex={0} aria-label="Files">
                {names.map((name) => (
                    <li key={name}>{name}</li>
                ))}
            </ul>
            <p>Nothing on the disk is deleted. “Refresh, with deleted rows” in the menu beside Refresh brings rows back.</p>
        </Dialog>
    );
}
