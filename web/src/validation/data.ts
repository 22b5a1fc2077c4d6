/* What the server says of a validation (docs/predictions.md, Validation), and what the page makes of it. Pure: tested without a browser. */

/** "inf": one mask is empty, so there is no distance; null: not known. */
export type Figure = number | 'inf' | '-inf' | null | undefined;

/** A row of `validations`: how far it is. */
export interface ValidationState {
    run: number;
    of: number;
    kind: 'masks' | 'labels';
    truth: string;
    model: string | null;
    version: string | null;
    dataset: string | null;
    project: number;
    user: string;
    started: number;
    ended: number | null;
    state: string;
    group: string;
    total: number;
    finished: number;
    failed: number;
    progress: number;
}

export interface LabelFigures {
    value: number;
    name: string;
    colour?: string;
    dice: Figure;
    iou: Figure;
    hd95: Figure;
    surface_dice: Figure;
    predicted_ml: Figure;
    truth_ml: Figure;
    volume_ml: Figure;
    volume_percent: Figure;
}

export interface Judged {
    item: number;
    name: string;
    stem: string;
    state: 'compared' | 'failed' | 'no truth' | 'no prediction';
    reason: string;
    truth: string | null;
    notes?: string[];
    /* masks */
    labels?: LabelFigures[];
    dice?: Figure;
    hd95?: Figure;
    /* classes */
    predicted?: string;
    right?: boolean;
    score?: Figure;
    true_score?: Figure;
}

export interface Five {
    n: number;
    infinite: number;
    mean: Figure;
    sd: Figure;
    min: Figure;
    q1: Figure;
    median: Figure;
    q3: Figure;
    max: Figure;
}

export const METRICS = ['dice', 'iou', 'surface_dice', 'hd95', 'volume_percent', 'volume_ml'] as const;
export type Metric = (typeof METRICS)[number];
export const METRIC_NAMES: Record<Metric, string> = {
    dice: 'Dice', iou: 'IoU', surface_dice: 'Surface Dice', hd95: 'HD95, mm', volume_percent: 'Volume difference, %', volume_ml: 'Volume difference, ml',
};

export type LabelSummary = { value: number; name: string; colour?: string } & Record<Metric, Five>;

export interface Share {
    value: Figure;
    low: Figure;
    high: Figure;
}

export interface Bin {
    low: number;
    high: number;
    n: number;
    probability: Figure;
    share: Figure;
}

export interface ClassSummary {
    name: string;
    n: number;
    rates: Record<'accuracy' | 'sensitivity' | 'specificity' | 'ppv' | 'npv', Share>;
    auc: Share;
    roc: [number, number][];
    calibration: { bins: Bin[]; brier: number; ece: number } | null;
}

export interface Outcome {
    kind: 'masks' | 'labels';
    of: number;
    truth: string;
    tolerance: number;
    counts: { series: number; compared: number; failed: number; no_truth: number; no_prediction: number };
    rows: Judged[];
    /* masks */
    summary?: LabelSummary[];
    /* classes */
    classes?: string[];
    positive?: string | null;
    confusion?: number[][];
    accuracy?: Share;
    undecided?: number;
    per_class?: ClassSummary[];
}

export function valueOf(figure: Figure): number {
    return figure === 'inf' ? Infinity : figure === '-inf' ? -Infinity : (figure ?? NaN);
}

export function figureText(figure: Figure, digits = 3): string {
    const value = valueOf(figure);
    return Number.isNaN(value) ? '–' : Number.isFinite(value) ? value.toFixed(digits) : value > 0 ? '∞' : '−∞';
}

export function shareText(share: Share | undefined): string {
    if (!share) {
        return '–';
    }
    return figureText(share.value) + (typeof share.low === 'number' ? ` (${figureText(share.low)}–${figureText(share.high)})` : '');
}

/** One figure of all compared series: of the label with that number. */
export function valuesOf(outcome: Outcome, label: number, metric: Metric): number[] {
    return outcome.rows.flatMap((row) => (row.labels ?? []).filter((one) => one.value === label).map((one) => valueOf(one[metric])));
}

/** Ends of an axis that all finite values lie within: shares are 0 to 1, distances begin at 0, differences have 0 within. */
export function axisOf(metric: Metric, values: readonly number[]): [number, number] {
    if (metric === 'dice' || metric === 'iou' || metric === 'surface_dice') {
        return [0, 1];
    }
    const finite = values.filter(Number.isFinite);
    const low = metric === 'hd95' ? 0 : Math.min(0, ...finite);
    const high = Math.max(0, ...finite);
    const step = 10 ** Math.floor(Math.log10(Math.max(high - low, 1e-9)));
    return high === low ? [low, low + 1] : [Math.floor(low / step) * step, Math.ceil(high / step) * step];
}

export type Column = 'name' | 'state' | 'dice' | 'hd95' | 'truth' | 'predicted' | 'true_score' | `${Metric}:${number}`;

function keyOf(row: Judged, column: Column): number | string {
    const [metric, label] = column.split(':');
    if (label !== undefined) {
        return valueOf(row.labels?.find((one) => one.value === Number(label))?.[metric as Metric]);
    }
    const value = row[column as keyof Judged];
    return column === 'name' || column === 'state' || column === 'truth' || column === 'predicted' ? String(value ?? '') : valueOf(value as Figure);
}

/** Rows by a column; what has no value comes last either way, equal ones stay in the server's order (the worst first). */
export function sorted(rows: readonly Judged[], column: Column | null, up: boolean): Judged[] {
    if (column === null) {
        return [...rows];
    }
    const none = (key: number | string) => key === '' || Number.isNaN(key);
    return rows
        .map((row, i) => ({ row, i, key: keyOf(row, column) }))
        .sort((a, b) => {
            if (none(a.key) !== none(b.key)) {
                return none(a.key) ? 1 : -1;
            }
            const order = a.key < b.key ? -1 : a.key > b.key ? 1 : 0;
            return (up ? order : -order) || a.i - b.i;
        })
        .map(({ row }) => row);
}
