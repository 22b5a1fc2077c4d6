/* Drawing on a mask: pen, label, size, undo, and saving it as a new version. */
import { useState } from 'preact/hooks';
import { MORE_COLOURS, type Label } from './looks';

export interface Pen {
    /** 0 erases. */
    label: number;
    size: number;
    /** The last label that was drawn with. */
    last: number;
}

interface Props {
    pen: Pen;
    setPen: (pen: Pen) => void;
    labels: readonly Label[];
    addLabel: (label: Label) => void;
    mayUndo: boolean;
    undo: () => void;
    dirty: boolean;
    saving: boolean;
    save: (comment: string) => void;
    stop: () => void;
}

export function AnnotateCard({ pen, setPen, labels, addLabel, mayUndo, undo, dirty, saving, save, stop }: Props) {
    const [comment, setComment] = useState('');
    const [name, setName] = useState('');
    const add = (): void => {
        const value = Math.max(0, ...labels.map((label) => label.value)) + 1;
        if (name.trim() && value < 256) {
            addLabel({ value, name: name.trim(), colour: MORE_COLOURS[value % MORE_COLOURS.length]!, voxels: 0, ml: 0 });
            setPen({ ...pen, label: value, last: value });
            setName('');
        }
    };
    return (
        <section class="viewer-card results-annotate" aria-label="Annotate">
            <div class="viewer-head">
                <strong>Annotate</strong>
                <button type="button" onClick={stop}>
                    Done
                </button>
            </div>
            <div class="viewer-segments" role="group" aria-label="Tool">
                <button type="button" aria-pressed={pen.label !== 0} title="B" onClick={() => setPen({ ...pen, label: pen.last })}>
                    Brush
                </button>
                <button type="button" aria-pressed={pen.label === 0} title="E" onClick={() => setPen({ ...pen, label: 0 })}>
                    Erase
                </button>
                <button type="button" disabled={!mayUndo} title="Ctrl Z" onClick={undo}>
                    Undo
                </button>
            </div>
            <label class="field">
                Label{' '}
                <select value={String(pen.last)} onChange={(event) => setPen({ ...pen, label: Number(event.currentTarget.value), last: Number(event.currentTarget.value) })}>
                    {labels.map((label) => (
                        <option key={label.value} value={String(label.value)}>
                            {label.name}
                        </option>
                    ))}
                </select>
            </label>
            <div class="results-steps">
                <input aria-label="Name of a new label" placeholder="New label" value={name} onInput={(event) => setName(event.currentTarget.value)} onKeyDown={(event) => event.key === 'Enter' && add()} />
                <button type="button" disabled={!name.trim()} onClick={add}>
                    Add
                </button>
            </div>
            <label class="results-opacity">
                Size {pen.size}
                <input type="range" min="1" max="40" value={pen.size} onInput={(event) => setPen({ ...pen, size: Number(event.currentTarget.value) })} />
            </label>
            <label class="field">
                Comment
                <input class="grow" value={comment} onInput={(event) => setComment(event.currentTarget.value)} />
            </label>
            <button type="button" class="main" disabled={!dirty || saving} onClick={() => save(comment)}>
                {saving ? 'Saving…' : 'Save as a new version'}
            </button>
            <p class="muted">Drag to draw; D puts one dab at the cursor. The prediction itself stays as it is.</p>
        </section>
    );
}
