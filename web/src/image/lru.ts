/* Least recently used things go first; bounded in bytes, not in number. */

export class Lru<T> {
    private readonly map = new Map<string, { value: T; bytes: number }>();
    private held = 0;

    constructor(
        private readonly most: number,
        private readonly size: (value: T) => number,
    ) {}

    get bytes(): number {
        return this.held;
    }
    get count(): number {
        return this.map.size;
    }

    /** Asking for a thing makes it the most recent. */
    get(key: string): T | undefined {
        const entry = this.map.get(key);
        if (!entry) {
            return undefined;
        }
        this.map.delete(key);
        this.map.set(key, entry);
        return entry.value;
    }

    has(key: string): boolean {
        return this.map.has(key);
    }

    /** What is larger than the whole bound is not kept. */
    put(key: string, value: T): void {
        this.drop(key);
        const bytes = this.size(value);
        if (bytes > this.most) {
            return;
        }
        this.map.set(key, { value, bytes });
        this.held += bytes;
        for (const oldest of this.map.keys()) {
            if (this.held <= this.most) {
                break;
            }
            this.drop(oldest);
        }
    }

    drop(key: string): void {
        const entry = this.map.get(key);
        if (!entry) {
            return;
        }
        this.held -= entry.bytes;
        this.map.delete(key);
    }

    clear(): void {
        this.map.clear();
        this.held = 0;
    }
}
