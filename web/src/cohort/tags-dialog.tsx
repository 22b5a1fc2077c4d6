/* Tags of the ticked rows, in two domains (Q6); those of files are in the panel of files. */
import { useEffect, useState } from 'preact/hooks';
import { errorText, get } from '../api';
import { Dialog } from '../ui/dialog';
import { countText, plural } from '../words';
import type { Cohort } from './cohort';

type Domain = 'study' | 'subject';

interface TagsProps {
    cohort: Cohort;
    rows: number[];
    onClose: () => void;
}

function countsOf(cohort: Cohort, rows: number[], domain: Domain): [string, number][] {
    const counts = new Map<string, number>();
    for (const row of rows) {
        for (const tag of domain === 'study' ? cohort.table.tags(row) : cohort.table.subjectTags(row)) {
            counts.set(tag, (counts.get(tag) ?? 0) + 1);
        }
    }
    return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function TagsDialog({ cohort, rows, onClose }: TagsProps) {
    const study = cohort.level.value === 'study';
    const [domain, setDomain] = useState<Domain>(study ? 'study' : 'subject');
    const [word, setWord] = useState('');
    const [known, setKnown] = useState<string[]>([]);
    const [refused, setRefused] = useState('');
    const [, redraw] = useState(0);
    useEffect(() => {
        get<{ tag: string }[]>('tags', { project: cohort.project, domain }).then((list) => setKnown(list.map((one) => one.tag)), () => undefined);
    }, [domain]);
    const change = async (tag: string, add: boolean) => {
        setRefused('');
        try {
            await cohort.tag(domain, rows, tag, add);
            setWord('');
            redraw((turn) => turn + 1);
        } catch (error) {
            setRefused(errorText(error));
        }
    };
    const bad = /[\s,/]/.test(word.trim());
    const counts = countsOf(cohort, rows, domain);
    return (
        <Dialog
            title={`Tags of ${plural(rows.length, study ? 'study' : 'subject', study ? 'studies' : 'subjects')}`}
            onClose={onClose}
            buttons={
                <button type="button" onClick={onClose}>
                    Close
                </button>
            }
        >
            {study && (
                <div class="switch" role="group" aria-label="Whose tags">
                    {(['study', 'subject'] as const).map((one) => (
                        <button key={one} type="button" aria-pressed={domain === one} onClick={() => setDomain(one)}>
                            {one === 'study' ? 'Of the studies' : 'Of their subjects'}
                        </button>
                    ))}
                </div>
            )}
            <ul class="tag-list">
                {counts.map(([tag, count]) => (
                    <li key={tag}>
                        <span class={'tag-chip' + (domain === 'subject' ? ' of-subject' : '')}>{tag}</span>
                        <span class="muted">{count === rows.length ? 'on all' : `on ${countText(count)} of ${countText(rows.length)}`}</span>
                        <span class="grow" />
                        {count < rows.length && (
                            <button type="button" aria-label={`Add ${tag} to all`} onClick={() => void change(tag, true)}>
                                Add to all
                            </button>
                        )}
                        <button type="button" aria-label={`Remove ${tag}`} onClick={() => void change(tag, false)}>
                            Remove
                        </button>
                    </li>
                ))}
                {counts.length === 0 && <li class="muted">No tag yet.</li>}
            </ul>
            <form
                class="pair"
                onSubmit={(event) => {
                    event.preventDefault();
                    if (word.trim() && !bad) {
                        void change(word.trim(), true);
                    }
                }}
            >
                <input
                    data-focus
                    list="known-tags"
                    placeholder="new tag"
                    aria-label="New tag"
                    aria-invalid={bad}
                    value={word}
                    onInput={(event) => setWord(event.currentTarget.value)}
                />
                <datalist id="known-tags">
                    {known.map((tag) => (
                        <option key={tag} value={tag} />
                    ))}
                </datalist>
                <button type="submit" class="main" disabled={!word.trim() || bad}>
                    Add
                </button>
            </form>
            {bad && <p class="failed-text">A tag has no blanks, commas and slashes.</p>}
            {refused && (
                <p class="failed-text" role="alert">
                    {refused}
                </p>
            )}
        </Dialog>
    );
}
