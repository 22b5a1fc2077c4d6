/* Jobs in notebooks (REQUIREMENTS O): opened in a new tab, listed in Gridstats until killed, their script saved back. */
import { post, Problem } from '../api';
import { toast } from '../ui/toast';
import { changed, openBatch, opened } from './editor';

interface Opened {
    task: number;
    url: string;
}

/** A notebook's address; it says by itself that it is starting. */
export function notebookUrl(task: number): string {
    return new URL(`jupyter/${task}/`, new URL('.', location.href)).href;
}

/** Open one script job of a batch (its name, or the batch itself) on one item. Called from a click: the tab is made first,
 * else the browser would take it for a pop-up. */
export async function openInJupyter(project: number, batch: string | object, job: string, item: number): Promise<void> {
    const tab = open('', '_blank');
    if (tab) {
        tab.opener = null;
    }
    try {
        const made = await post<Opened>('tasks/jupyter', { project, batch, job, item });
        if (tab) {
            tab.location.replace(notebookUrl(made.task));
        }
        toast(`${job} is open in a notebook. It holds a slot until you kill it: in Gridstats, job ${made.task}.`, 'info', {
            label: 'Open it',
            run: () => open(notebookUrl(made.task), '_blank', 'noopener'),
        });
    } catch (error) {
        tab?.close();
        throw error;
    }
}

/** Put the notebook's script, as it was last saved there, into its batch. False: the batch was changed meanwhile, and only
 * `force` replaces that. */
export async function saveNotebook(task: number, force = false): Promise<boolean> {
    try {
        const saved = await post<{ batch: string; job: string; changed: boolean }>(`tasks/${task}/jupyter/save`, force ? { force } : {});
        if (saved.changed && opened.value === saved.batch) {
            if (changed.value) {
                toast(`The Batchtool holds an older ${saved.batch} with changes of its own: saving that would put the old script back.`, 'warning');
            } else {
                await openBatch(saved.batch);
            }
        }
        toast(
            saved.changed
                ? `The script of ${saved.job} in batch ${saved.batch} is the notebook's now.`
                : `The script in the notebook, as it was last saved there (Ctrl-S), is the one in batch ${saved.batch}.`,
        );
        return true;
    } catch (error) {
        if (error instanceof Problem && error.status === 409 && !force) {
            return false;
        }
        throw error;
    }
}
