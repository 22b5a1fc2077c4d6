/* The fields of Prediction Settings, drawn from the model's card. */
import type { ChoicesField, Field, NumberField, Read, Typed } from './settings';
import { limitsText } from './settings';

interface FieldsProps {
    fields: Field[];
    typed: Typed;
    /** What is wrong, by name; shown once the field was left or Submit was pressed. */
    problems: Read['problems'];
    onChange: (name: string, value: Typed[string]) => void;
}

interface OneProps extends FieldsProps {
    field: Field;
}

const idOf = (name: string): string => 'setting-' + name;

function Said({ name, problem, help }: { name: string; problem: string | undefined; help: string }) {
    return (
        <p id={idOf(name) + '-said'} class={problem ? 'said failed-text' : 'said muted'} role={problem ? 'alert' : undefined}>
            {problem || help}
        </p>
    );
}

function NumberInput({ field, typed, problems, onChange, label }: { field: NumberField; label?: string } & Omit<FieldsProps, 'fields'>) {
    return (
        <input
            id={idOf(field.name)}
            inputMode={field.kind === 'integer' ? 'numeric' : 'decimal'}
            aria-label={label}
            value={String(typed[field.name] ?? '')}
            placeholder={field.needed ? undefined : 'all'}
            aria-invalid={field.name in problems}
            aria-describedby={idOf(field.name) + '-said'}
            onInput={(event) => onChange(field.name, event.currentTarget.value)}
        />
    );
}

function helpOf(field: Field): string {
    const limits = field.kind === 'number' || field.kind === 'integer' ? limitsText(field.minimum, field.maximum) : '';
    return [field.help, limits].filter(Boolean).join('; ');
}

function Ticks({ field, typed, onChange }: { field: ChoicesField; typed: Typed; onChange: FieldsProps['onChange'] }) {
    const now = typed[field.name];
    const ticked = Array.isArray(now) ? now : [];
    return (
        <div class="ticks" role="group" aria-label={field.label}>
            {field.choices.map((choice) => (
                <label key={choice} class="check">
                    <input
                        type="checkbox"
                        checked={ticked.includes(choice)}
                        onChange={(event) => onChange(field.name, event.currentTarget.checked ? [...ticked, choice] : ticked.filter((one) => one !== choice))}
                    />
                    {choice}
                </label>
            ))}
        </div>
    );
}

function Control(props: OneProps) {
    const { field, typed, onChange } = props;
    switch (field.kind) {
        case 'number':
        case 'integer':
            return <NumberInput {...props} field={field} />;
        case 'range':
            return (
                <div class="pair">
                    <NumberInput {...props} field={field.first} label="First slice" />
                    to
                    <NumberInput {...props} field={field.last} label="Last slice" />
                </div>
            );
        case 'boolean':
            return (
                <span>
                    <input
                        id={idOf(field.name)}
                        type="checkbox"
                        checked={typed[field.name] === true}
                        aria-describedby={idOf(field.name) + '-said'}
                        onChange={(event) => onChange(field.name, event.currentTarget.checked)}
                    />
                </span>
            );
        case 'labels':
            return <Ticks field={field} typed={typed} onChange={onChange} />;
        case 'choice':
            return (
                <select
                    id={idOf(field.name)}
                    value={String(typed[field.name] ?? '')}
                    aria-describedby={idOf(field.name) + '-said'}
                    onChange={(event) => onChange(field.name, event.currentTarget.value)}
                >
                    {field.choices.map((choice) => (
                        <option key={choice} value={choice}>
                            {choice}
                        </option>
                    ))}
                </select>
            );
        default:
            return (
                <input
                    id={idOf(field.name)}
                    value={String(typed[field.name] ?? '')}
                    aria-describedby={idOf(field.name) + '-said'}
                    onInput={(event) => onChange(field.name, event.currentTarget.value)}
                />
            );
    }
}

export function SettingFields(props: FieldsProps) {
    if (props.fields.length === 0) {
        return <p class="muted">This model has no settings.</p>;
    }
    return (
        <>
            {props.fields.map((field) => (
                <div key={field.name} class="setting">
                    {field.kind === 'labels' || field.kind === 'range' ? <span>{field.label}</span> : <label for={idOf(field.name)}>{field.label}</label>}
                    <Control {...props} field={field} />
                    <Said name={field.name} problem={props.problems[field.name]} help={helpOf(field)} />
                    {field.kind === 'range' && <Said name={field.last.name} problem={props.problems[field.last.name]} help="" />}
                </div>
            ))}
        </>
    );
}
