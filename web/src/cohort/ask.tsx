/* One line that is asked for: the name of a group, of a reference. */
import { signal } from '@preact/signals';
import { useState } from 'preact/hooks';
import { Dialog } from '../ui/dialog';

const asked = signal<{ title: string; label: string; value: string; then: (text: string) => void } | null>(null);

export function ask(title: string, label: string, value: string, then: (text: string) => void): void {
    asked.value = { title, label, value, then };
}

function Form({ title, label, value, then }: NonNullable<typeof asked.value>) {
    const [text, setText] = useState(value);
    const close = () => (asked.value = null);
    const done = () => {
        close();
        then(text.trim());
    };
    return (
        <Dialog
            title={title}
            onClose={close}
            buttons={
                <>
                    <button type="button" onClick={close}>
                        Cancel
                    </button>
                    <button type="button" class="main" onClick={done}>
                        OK
                    </button>
                </>
            }
        >
            <label class="field">
                {label}
                <input data-focus class="grow" value={text} onInput={(event) => setText(event.currentTarget.value)} onKeyDown={(event) => event.key === 'Enter' && done()} />
            </label>
        </Dialog>
    );
}

export function Ask() {
    const now = asked.value;
    return now && <Form {...now} />;
}
