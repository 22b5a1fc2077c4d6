/* Numbers and times as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** 2.17 GB: three figures. */
export function bytesText(bytes: number): string {
    let value = bytes;
    let unit = 0;
    while (value >= 999.5 && unit < UNITS.length - 1) {
        value /= 1000;
        unit++;
    }
    const figures = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
    return value.toFixed(figures) + ' ' + UNITS[unit];
}

/** A centre is shown with two decimals and kept with all of them (DESIGN 11). */
export function corText(cor: number): string {
    return Number.isFinite(cor) ? cor.toFixed(2) : '';
}

/** 2000 -> "2,000". Not by the browser's locales: loading them costs a tenth of the first picture. */
export function countText(count: number): string {
    return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** "1 scan", "2,000 scans". */
export function plural(count: number, word: string, more = word + 's'): string {
    return `${countText(count)} ${count === 1 ? word : more}`;
}

/** The first few of a long list: "a, b, c (+7 more)". */
export function someOf(names: readonly string[], most = 10): string {
    const rest = names.length - most;
    return names.slice(0, most).join(', ') + (rest > 0 ? ` (+${countText(rest)} more)` : '');
}

/** Seconds as 4.2 s, 3 m 05 s, 2 h 10 m. */
export function secondsText(seconds: number): string {
    if (seconds < 60) {
        return seconds.toFixed(1) + ' s';
    }
    const whole = Math.round(seconds);
    if (whole < 3600) {
        return `${Math.floor(whole / 60)} m ${String(whole % 60).padStart(2, '0')} s`;
    }
    return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')} m`;
}

/** A time of the server (microseconds UTC) on this machine's clock; the day only when it is another one. */
export function timeText(us: number | null | undefined): string {
    if (!us) {
        return '';
    }
    const time = new Date(us / 1000);
    const clock = time.toLocaleTimeString('en-GB');
    return time.toDateString() === new Date().toDateString() ? clock : `${dayText(time)} ${clock}`;
}

function dayText(time: Date): string {
    const two = (value: number) => String(value).padStart(2, '0');
    return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** A finite number, or null: "nan" and "inf" are no centres (C5). */
export function finiteNumber(text: string): number | null {
    const trimmed = text.trim();
    if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(trimmed)) {
        return null;
    }
    const value = Number(trimmed);
    return Number.isFinite(value) ? value : null;
}
