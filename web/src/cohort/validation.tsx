/* What validation said (K8): what is wrong with the batch, and which items lack which input, before anything runs. */
import { countText, plural } from '../words';
import type { Cohort } from './cohort';

interface Lacking {
    id: number;
    psid?: string;
    name?: string;
    job: string;
    missing: { arg: string; pattern: string }[];
}

export interface Answer {
    ok: boolean;
    problems: { job?: string; text: string; warning?: boolean }[];
    items: Lacking[];
    checked: number;
    complete: boolean;
    /** Where to go on. */
    next?: number;
}

interface ValidationProps {
    answer: Answer;
    cohort: Cohort;
    onClose: () => void;
}

const SHOWN = 40;

export function Validation({ answer, cohort, onClose }: ValidationProps) {
    const lacking = new Set(answer.items.map((one) => one.id));
    const wrong = answer.problems.filter((one) => !one.warning);
    const complete = answer.checked - lacking.size;
    const what = cohort.level.value;
    const others = what === 'study' ? 'studies' : 'subjects';
    return (
        <section class="validation" aria-label="Validation" role="status">
            <header>
                <strong class={'state ' + (answer.ok && lacking.size === 0 ? 'done' : wrong.length > 0 ? 'failed' : 'partial')}>
                    {wrong.length > 0
                        ? plural(wrong.length, 'problem')
                        : lacking.size === 0
                            ? `All ${plural(answer.checked, what, others)} have their inputs`
                            : `${plural(lacking.size, `${what} lacks`, `${others} lack`)} an input, ${countText(complete)} ${complete === 1 ? 'has' : 'have'} all`}
                </strong>
                <span class="grow" />
                {lacking.size > 0 && (
                    <>
                        <button type="button" onClick={() => cohort.select([...lacking])}>
                            Select these
                        </button>
                        <button type="button" onClick={() => cohort.unselect([...lacking])}>
                            Leave them out
                        </button>
                    </>
                )}
                <button type="button" class="bare" aria-label="Close the validation" onClick={onClose}>
                    ✕
                </button>
            </header>
            {answer.problems.map((one) => (
                <p key={`${one.job} ${one.text}`} class={one.warning ? 'muted' : 'failed-text'}>
                    {one.job ? `${one.job}: ` : ''}
                    {one.text}
                </p>
            ))}
            {answer.items.length > 0 && (
                <div class="scroll lacking">
                    <table class="plain">
                        <thead>
                            <tr>
                                <th scope="col">{what === 'study' ? 'Study' : 'Subject'}</th>
                                <th scope="col">Job</th>
                                <th scope="col">Nothing matches</th>
                            </tr>
                        </thead>
                        <tbody>
                            {answer.items.slice(0, SHOWN).map((one) => (
                                <tr key={`${one.id} ${one.job}`}>
                                    <td>
                                        <a
                                            href="#"
                                            onClick={(event) => {
                                                event.preventDefault();
                                                cohort.look(one.id);
                                            }}
                                        >
                                            {one.psid ?? one.name ?? one.id}
                                        </a>
                                    </td>
                                    <td>{one.job}</td>
                                    <td class="mono">{one.missing.map((lack) => `${lack.arg}: ${lack.pattern}`).join(', ')}</td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            )}
            {answer.items.length > SHOWN && <p class="muted">and {countText(answer.items.length - SHOWN)} more</p>}
            {!answer.complete && <p class="muted">The first {countText(answer.checked)} were looked at.</p>}
        </section>
    );
}
