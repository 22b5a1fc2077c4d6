/* Plots of a validation as SVG: box plots by label, ROC, calibration, confusion matrix. */
import { axisOf, figureText, METRIC_NAMES, shareText, valueOf, valuesOf, type Bin, type ClassSummary, type Metric, type Outcome } from './data';

const WIDTH = 560;
const NAMES = 120;
const ROW = 30;
const DOTS = 400; // more are a smear

function clamp(value: number, low: number, high: number): number {
    return Math.min(Math.max(value, low), high);
}

/** A dot for each series, at a height that depends on its place alone. */
function heightOf(i: number): number {
    return (((i * 7) % 11) - 5) * 1.3;
}

/** One figure, a row for each label: whiskers from the least to the greatest, box between the quartiles, median, mean (ring). */
export function BoxPlot({ outcome, metric }: { outcome: Outcome; metric: Metric }) {
    const labels = outcome.summary ?? [];
    const values = labels.map((label) => valuesOf(outcome, label.value, metric));
    const [low, high] = axisOf(metric, values.flat());
    const inner = WIDTH - NAMES - 16;
    const x = (value: number) => NAMES + (inner * (clamp(value, low, high) - low)) / (high - low);
    const height = labels.length * ROW + 24;
    const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (high - low));
    const infinite = labels.reduce((sum, label) => sum + label[metric].infinite, 0);
    return (
        <figure class="plot">
            <figcaption>{METRIC_NAMES[metric]}{infinite > 0 && <span class="muted"> ({infinite} infinite, drawn at the edge)</span>}</figcaption>
            <svg viewBox={`0 0 ${WIDTH} ${height}`} role="img" aria-label={`${METRIC_NAMES[metric]} by label`}>
                {ticks.map((tick) => (
                    <g key={tick}>
                        <line class="tick" x1={x(tick)} x2={x(tick)} y1={0} y2={height - 18} />
                        <text class="axis" x={x(tick)} y={height - 6} text-anchor="middle">
                            {Number(tick.toPrecision(3))}
                        </text>
                    </g>
                ))}
                {labels.map((label, i) => {
                    const five = label[metric];
                    const y = i * ROW + ROW / 2;
                    const [min, q1, median, q3, max, mean] = [five.min, five.q1, five.median, five.q3, five.max, five.mean].map((one) => valueOf(one));
                    return (
                        <g key={label.value}>
                            <text class="name" x={NAMES - 8} y={y + 4} text-anchor="end">
                                {label.name.length > 18 ? label.name.slice(0, 17) + '…' : label.name}
                            </text>
                            {five.n > 0 && (
                                <>
                                    <title>{`${label.name}: median ${figureText(five.median)}, ${figureText(five.min)} to ${figureText(five.max)}, ${five.n} series`}</title>
                                    <line class="whisker" x1={x(min!)} x2={x(max!)} y1={y} y2={y} />
                                    <rect class="box" style={{ fill: label.colour }} x={x(q1!)} width={Math.max(x(q3!) - x(q1!), 1)} y={y - 8} height={16} />
                                    {values[i]!.slice(0, DOTS).map((value, k) => (
                                        <circle key={k} class="dot" cx={x(value)} cy={y + heightOf(k)} r={1.6} />
                                    ))}
                                    <line class="median" x1={x(median!)} x2={x(median!)} y1={y - 9} y2={y + 9} />
                                    {Number.isFinite(mean) && <circle class="mean" cx={x(mean!)} cy={y} r={3.2} />}
                                </>
                            )}
                        </g>
                    );
                })}
            </svg>
        </figure>
    );
}

const SIDE = 280;
const PAD = 40;

/** The unit square with its diagonal and what is drawn in it. */
function UnitPlot({ title, across, up, children }: { title: string; across: string; up: string; children: preact.ComponentChildren }) {
    const at = (share: number) => PAD + (SIDE - PAD - 10) * share;
    return (
        <figure class="plot unit">
            <figcaption>{title}</figcaption>
            <svg viewBox={`0 0 ${SIDE} ${SIDE}`} role="img" aria-label={title}>
                {[0, 0.25, 0.5, 0.75, 1].map((share) => (
                    <g key={share}>
                        <line class="tick" x1={at(share)} x2={at(share)} y1={SIDE - at(0)} y2={SIDE - at(1)} />
                        <line class="tick" x1={at(0)} x2={at(1)} y1={SIDE - at(share)} y2={SIDE - at(share)} />
                        <text class="axis" x={at(share)} y={SIDE - at(0) + 13} text-anchor="middle">
                            {share}
                        </text>
                        <text class="axis" x={at(0) - 5} y={SIDE - at(share) + 4} text-anchor="end">
                            {share}
                        </text>
                    </g>
                ))}
                <line class="diagonal" x1={at(0)} x2={at(1)} y1={SIDE - at(0)} y2={SIDE - at(1)} />
                <text class="axis" x={at(0.5)} y={SIDE - 8} text-anchor="middle">
                    {across}
                </text>
                <text class="axis" transform={`translate(10 ${SIDE - at(0.5)}) rotate(-90)`} text-anchor="middle">
                    {up}
                </text>
                {children}
            </svg>
        </figure>
    );
}

function place(x: number, y: number): [number, number] {
    const inner = SIDE - PAD - 10;
    return [PAD + inner * x, SIDE - PAD - inner * y];
}

export function Roc({ of }: { of: ClassSummary }) {
    return (
        <UnitPlot title={`ROC of ${of.name}, AUC ${shareText(of.auc)}`} across="1 − specificity" up="sensitivity">
            <polyline class="curve" points={of.roc.map(([x, y]) => place(x, y).join(',')).join(' ')} />
        </UnitPlot>
    );
}

export function Calibration({ of }: { of: ClassSummary }) {
    const bins = (of.calibration?.bins ?? []).filter((bin: Bin) => bin.n > 0);
    const all = bins.reduce((sum, bin) => sum + bin.n, 0);
    const title = of.calibration
        ? `Calibration, Brier ${of.calibration.brier.toFixed(3)}, ECE ${of.calibration.ece.toFixed(3)}`
        : 'Calibration: the scores are no probabilities';
    return (
        <UnitPlot title={title} across="probability said" up="share that is true">
            {bins.map((bin) => {
                const [x, y] = place(valueOf(bin.probability), valueOf(bin.share));
                return (
                    <circle key={bin.low} class="bin" cx={x} cy={y} r={3 + 9 * Math.sqrt(bin.n / all)}>
                        <title>{`${bin.n} series at ${figureText(bin.probability)}: ${figureText(bin.share)} true`}</title>
                    </circle>
                );
            })}
        </UnitPlot>
    );
}

export function Confusion({ classes, counts }: { classes: string[]; counts: number[][] }) {
    return (
        <figure class="plot confusion">
            <figcaption>Confusion matrix</figcaption>
            <table>
                <thead>
                    <tr>
                        <td />
                        <th colSpan={classes.length} scope="colgroup">
                            predicted
                        </th>
                    </tr>
                    <tr>
                        <th scope="col">truth</th>
                        {classes.map((name) => (
                            <th key={name} scope="col">
                                {name}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>
                    {counts.map((row, r) => {
                        const sum = row.reduce((a, b) => a + b, 0);
                        return (
                            <tr key={r}>
                                <th scope="row">{classes[r]}</th>
                                {row.map((count, c) => (
                                    <td key={c} class={r === c ? 'right' : ''} style={{ '--share': sum ? (100 * count) / sum + '%' : '0%' }}>
                                        {count}
                                    </td>
                                ))}
                            </tr>
                        );
                    })}
                </tbody>
            </table>
        </figure>
    );
}
