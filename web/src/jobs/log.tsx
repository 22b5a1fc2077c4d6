/* What one task says: its log, which follows while it runs, and the task as JSON. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { errorText, get } from '../api';
import { on } from '../live';

interface LogPart {
    text: string;
    next: number;
    ended: boolean;
}

const POLL_MS = 1000; // the log is a file: it is asked for anew while the task runs
const MOST = 400_000; // characters kept on the page; the whole log is in the file

function useLog(task: number, attempt: number | undefined): { text: string; failed: string; reload: () => void } {
    const [text, setText] = useState('');
    const [failed, setFailed] = useState('');
    const [round, setRound] = useState(0);
    useEffect(() => {
        let from = 0;
        let timer = 0;
        const asking = new AbortController();
        setText('');
        setFailed('');
        const read = async () => {
            try {
                const part = await get<LogPart>(`tasks/${task}/log`, { from, attempt }, asking.signal);
                if (part.text !== '') {
                    setText((before) => (before + part.text).slice(-MOST));
                }
                const more = part.next > from;
                from = part.next;
                setFailed('');
                timer = part.ended && !more ? 0 : window.setTimeout(read, more && part.text.length > 10_000 ? 0 : POLL_MS);
            } catch (error) {
                if (!asking.signal.aborted) {
                    setFailed(errorText(error));
                    timer = window.setTimeout(read, 2 * POLL_MS);
                }
            }
        };
        void read();
        // A retry begins a new attempt after this one had ended: the log begins again.
        const end = on('tasks', (event) => {
            if (timer === 0 && event.rows.some(([id, , , , state]) => id === task && state === 'running')) {
                setRound((before) => before + 1);
            }
        });
        return () => {
            asking.abort();
            clearTimeout(timer);
            end();
        };
    }, [task, attempt, round]);
    return { text, failed, reload: () => setRound(round + 1) };
}

/** UTC<TAB>o|e<TAB>text: the time of day, and standard error in another colour. */
function Lines({ text, errors }: { text: string; errors: boolean }) {
    const lines = text.split('\n');
    return (
        <>
            {(errors ? lines.filter((line) => line.split('\t', 2)[1] === 'e') : lines).map((line, at) => {
                const parts = line.split('\t');
                const known = parts.length >= 3 && (parts[1] === 'o' || parts[1] === 'e');
                return known ? (
                    <span key={at} class={parts[1] === 'e' ? 'stderr' : ''}>
                        <time>{(parts[0] ?? '').slice(11, 19)}</time> {parts.slice(2).join('\t') + '\n'}
                    </span>
                ) : (
                    <span key={at}>{line + '\n'}</span>
                );
            })}
        </>
    );
}

type Changed = Record<string, { from: unknown; to: unknown }>;
interface TaskDocument {
    changed?: Changed;
    attempts?: { n: number; changed?: Changed }[];
    /** Its run repeats a job of another one, edited. */
    rerun?: { of: number; job: string; changes?: { key: string; old?: unknown; new?: unknown }[] } | null;
}

function valueText(value: unknown): string {
    return value === null || value === undefined ? 'none' : typeof value === 'string' ? value : JSON.stringify(value);
}

function ChangeLine({ title, changed }: { title: string; changed: Changed }) {
    return (
        <li>
            {title}:{' '}
            {Object.entries(changed).map(([key, { from, to }], at) => (
                <span key={key}>
                    {at > 0 && ', '}
                    {key} {valueText(from)} → <b>{valueText(to)}</b>
                </span>
            ))}
        </li>
    );
}

/** What a retry changed: for each attempt, and for the one to come. */
function Changes({ document }: { document: TaskDocument }) {
    const attempts = (document.attempts ?? []).filter((one) => one.changed);
    const newest = attempts.at(-1)?.changed;
    const coming = document.changed && JSON.stringify(document.changed) !== JSON.stringify(newest) ? document.changed : null;
    const rerun = document.rerun;
    if (attempts.length === 0 && !coming && !rerun) {
        return null;
    }
    const edited = (rerun?.changes ?? []).map((one): [string, { from: unknown; to: unknown }] => [one.key, { from: one.old, to: one.new }]);
    return (
        <ul class="changes" aria-label="Changed by a retry">
            {rerun && <ChangeLine title={`Job ${rerun.job} of run ${rerun.of}, edited`} changed={Object.fromEntries(edited)} />}
            {attempts.map((one) => (
                <ChangeLine key={one.n} title={`Attempt ${one.n}`} changed={one.changed ?? {}} />
            ))}
            {coming && <ChangeLine title="Next attempt" changed={coming} />}
        </ul>
    );
}

export function Json({ task }: { task: number }) {
    const [json, setJson] = useState<TaskDocument | null>(null);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        let state = '';
        const load = () =>
            get<TaskDocument>(`tasks/${task}`).then(
                (answer) => {
                    setJson(answer);
                    setFailed('');
                },
                (error: unknown) => setFailed(errorText(error)),
            );
        setJson(null);
        void load();
        return on('tasks', (event) => {
            const now = event.rows.find(([id]) => id === task)?.[4] ?? state;
            if (now !== state) {
                state = now;
                void load();
            }
        });
    }, [task]);
    return (
        <>
            {json && <Changes document={json} />}
            <pre class="log" tabIndex={0} aria-label={`Task ${task} as JSON`}>
                {failed || (json ? JSON.stringify(json, null, 2) : '')}
            </pre>
        </>
    );
}

/** `errors`: only what went to standard error. */
export function Log({ task, attempt, errors = false }: { task: number; attempt?: number; errors?: boolean }) {
    const { text, failed, reload } = useLog(task, attempt);
    const ref = useRef<HTMLPreElement>(null);
    const [follow, setFollow] = useState(true);
    useEffect(() => {
        if (follow && ref.current) {
            ref.current.scrollTop = ref.current.scrollHeight;
        }
    }, [text, follow]);
    return (
        <>
            <div class="row log-tools">
                <label class="check">
                    <input type="checkbox" checked={follow} onChange={(event) => setFollow(event.currentTarget.checked)} />
                    Follow
                </label>
                <button type="button" onClick={reload}>
                    Read again
                </button>
                {failed && <span class="failed-text">{failed}</span>}
            </div>
            <pre ref={ref} class="log" role="log" tabIndex={0} aria-label={`Log of task ${task}`}>
                {text ? <Lines text={text} errors={errors} /> : <span class="muted">{failed ? '' : 'Nothing was written yet.'}</span>}
            </pre>
        </>
    );
}
