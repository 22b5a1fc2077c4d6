/* What a pattern finds for the ticked studies (or for all that are shown), as one types it. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, post } from '../api';
import { countText } from '../words';
import type { Aim } from './aim';

const TYPING_MS = 220;
const NAMED = 6;

interface Found {
    total: number;
    items: number;
    checked: number;
    studies: number;
    complete: boolean;
    /** Where to go on. */
    next: number;
    missing: { id: number; psid: string }[];
    files: { id: number; psid: string; path: string; tags: string[] }[];
}

/** The server looks for a moment at a time: what it has found so far is shown, and it is asked on. */
async function look(body: object, signal: AbortSignal, show: (found: Found) => void): Promise<void> {
    let all: Found | null = null;
    for (let from = 0; ;) {
        const part: Found = await post<Found>('files', { ...body, from }, undefined, signal);
        all = all
            ? {
                ...part, total: all.total + part.total, studies: all.studies + part.studies, checked: all.checked + part.checked,
                missing: [...all.missing, ...part.missing].slice(0, 20), files: [...all.files, ...part.files].slice(0, NAMED),
            }
            : part;
        show(all);
        if (part.complete || part.next <= from) {
            return;
        }
        from = part.next;
    }
}

interface PreviewProps {
    cohort: Aim;
    pattern: string;
    of: string;
    optional: boolean;
}

export function Preview({ cohort, pattern, of, optional }: PreviewProps) {
    const [found, setFound] = useState<Found | null>(null);
    const [refused, setRefused] = useState('');
    const [open, setOpen] = useState(false);
    const picked = cohort.selected.value;
    const level = cohort.level.value;
    const shown = cohort.shown.value;
    useEffect(() => {
        setRefused('');
        if (pattern.trim() === '') {
            setFound(null);
            return;
        }
        const asking = new AbortController();
        const timer = setTimeout(() => {
            const items = cohort.aimed();
            if (items.length === 0) {
                setFound(null);
                return;
            }
            look({ project: cohort.project, level, items, pattern, of, limit: NAMED }, asking.signal, setFound).catch((error: unknown) => {
                if (!asking.signal.aborted) {
                    setFound(null);
                    setRefused(errorText(error));
                }
            });
        }, TYPING_MS);
        return () => {
            clearTimeout(timer);
            asking.abort();
        };
    }, [pattern, of, level, picked, shown]);
    if (refused) {
        return (
            <p class="preview failed-text" role="alert">
                {refused}
            </p>
        );
    }
    if (!found) {
        return null;
    }
    const all = found.studies === found.checked;
    const what = level === 'study' ? 'studies' : 'subjects';
    const which = picked > 0 ? 'selected' : 'shown';
    return (
        <div class="preview">
            <button
                type="button"
                class={'bare state ' + (all ? 'done' : optional ? 'partial' : 'failed')}
                aria-expanded={open}
                onClick={() => setOpen(!open)}
            >
                matches in {countText(found.studies)} of {found.complete ? '' : 'the first '}
                {countText(found.checked)} {which} {what}
            </button>
            {found.missing.length > 0 && (
                <p class="muted">
                    nothing in{' '}
                    {found.missing.slice(0, open ? found.missing.length : 3).map((one, at) => (
                        <span key={one.id}>
                            {at > 0 && ', '}
                            <a
                                href="#"
                                onClick={(event) => {
                                    event.preventDefault();
                                    cohort.look(one.id);
                                }}
                            >
                                {one.psid}
                            </a>
                        </span>
                    ))}
                    {found.checked - found.studies > 3 && !open && ` and ${countText(found.checked - found.studies - 3)} more`}
                </p>
            )}
            {open && (
                <ul class="names mono">
                    {found.files.map((file) => (
                        <li key={`${file.id} ${file.path}`}>{file.path}</li>
                    ))}
                    {found.total > found.files.length && <li class="muted">and {countText(found.total - found.files.length)} more files</li>}
                </ul>
            )}
        </div>
    );
}
