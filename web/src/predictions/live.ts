/* The table of predictions, live: an event of a run or of its tasks has the row of that run read anew. */
import { get } from '../api';
import { on } from '../live';
import type { Prediction } from './data';
import { Rows } from './rows';

const GATHER_MS = 400; // events of a run come with every task; its row is read at most so often
const MOST = 6; // more of them at once: the whole list is read

export class Predictions extends Rows<Prediction> {
    private readonly dirty = new Set<number>();
    /** Runs that are no predictions. */
    private readonly others = new Set<number>();
    private gather = 0;
    private readonly ends: (() => void)[];

    constructor() {
        super('predictions');
        this.ends = [
            on('runs', (event) => event.rows.forEach((row) => this.changed(Number((row as { id?: unknown }).id)))),
            on('tasks', (event) => event.rows.forEach((row) => this.changed(row[1]))),
            on('reset', () => void this.load()),
        ];
        void this.load();
    }

    override close(): void {
        super.close();
        clearTimeout(this.gather);
        this.ends.forEach((end) => end());
    }

    private changed(run: number): void {
        if (this.others.has(run)) {
            return;
        }
        this.dirty.add(run);
        this.gather ||= window.setTimeout(() => {
            this.gather = 0;
            void this.refresh().catch(() => this.loadSoon());
        }, GATHER_MS);
    }

    private async refresh(): Promise<void> {
        const runs = [...this.dirty];
        this.dirty.clear();
        const known = runs.filter((run) => this.rowOf(run) >= 0);
        if (known.length < runs.length || known.length > MOST) {
            if (await this.load()) {
                runs.filter((run) => this.rowOf(run) < 0).forEach((run) => this.others.add(run));
            }
            return;
        }
        await Promise.all(known.map(async (run) => this.put(await get<Prediction>(`predictions/${run}`))));
    }
}
