/* The one way to the server. Answers are JSON; a refusal is a Problem carrying the server's own line (RFC 9457). */

export interface Session {
    user: string;
    role: 'viewer' | 'operator' | 'admin';
    csrf: string;
    /** Ids of the projects that the account is kept to; null: all. */
    projects?: number[] | null;
    /** Its role in each of these; `role` is the most of them. null: `role` holds everywhere. */
    rights?: Record<string, 'viewer' | 'operator'> | null;
    accounts: boolean;
}

export interface Project {
    id: number;
    name: string;
    root: string;
    rec?: string;
    /** null: the option's default holds. */
    min_size_pct: number | null;
    items?: number;
}

/** What the server said no to, in its words: what, where, what to do. */
export class Problem extends Error {
    constructor(
        public readonly status: number,
        public readonly code: string,
        message: string,
        /** The whole document: a refused run has `items`, the blocked rows. */
        public readonly body: Record<string, unknown> = {},
    ) {
        super(message);
    }
}

/** Said when no answer came at all; it is over when the events come again. */
export const UNREACHABLE = 'The server does not answer. Is `gantry serve` running?';

export type Query = Record<string, string | number | boolean | null | undefined>;

let csrf = '';
let onDenied = (): void => undefined;
let onRead = (_seq: number): void => undefined;

/** The session's token goes along with every write. */
export function setCsrf(token: string): void {
    csrf = token;
}

/** Called when the session is gone: the login page takes over. */
export function whenDenied(then: () => void): void {
    onDenied = then;
}

/** Called with the `seq` of every list that was read: the newest event it knows of. */
export function whenRead(then: (seq: number) => void): void {
    onRead = then;
}

/** An address of the API, relative to the page so that it works below any path of a proxy. */
export function apiUrl(path: string, query?: Query): string {
    const url = new URL('api/v1/' + path.replace(/^\//, ''), new URL('.', location.href));
    for (const [key, value] of Object.entries(query ?? {})) {
        if (value !== undefined && value !== null && value !== '') {
            url.searchParams.set(key, typeof value === 'boolean' ? (value ? '1' : '0') : String(value));
        }
    }
    return url.href;
}

async function problemOf(response: Response): Promise<Problem> {
    const text = await response.text();
    try {
        const body = JSON.parse(text) as Record<string, unknown>;
        const message = String(body.detail || body.title || response.statusText);
        return new Problem(response.status, String(body.code ?? ''), message, body);
    } catch {
        return new Problem(response.status, '', text.slice(0, 300) || `${response.status} ${response.statusText}`);
    }
}

async function send(method: string, path: string, query?: Query, body?: unknown, signal?: AbortSignal) {
    const headers: Record<string, string> = { Accept: 'application/json' };
    const raw = body instanceof Blob;
    if (method !== 'GET') {
        headers['X-CSRF-Token'] = csrf;
    }
    if (body !== undefined) {
        headers['Content-Type'] = raw ? 'application/octet-stream' : 'application/json';
    }
    let response: Response;
    try {
        response = await fetch(apiUrl(path, query), {
            method,
            headers,
            body: body === undefined ? undefined : raw ? body : JSON.stringify(body),
            credentials: 'same-origin',
            signal,
        });
    } catch (error) {
        if (signal?.aborted) {
            throw error;
        }
        throw new Problem(0, 'unreachable', UNREACHABLE);
    }
    if (response.status === 401) {
        onDenied();
    }
    if (!response.ok) {
        throw await problemOf(response);
    }
    return response;
}

async function json<T>(response: Response): Promise<T> {
    const text = await response.text();
    return (text ? JSON.parse(text) : {}) as T;
}

export async function get<T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> {
    const body = await json<T>(await send('GET', path, query, undefined, signal));
    const seq = (body as { seq?: unknown } | null)?.seq;
    if (typeof seq === 'number') {
        onRead(seq);
    }
    return body;
}

export async function post<T>(path: string, body: unknown = {}, query?: Query, signal?: AbortSignal): Promise<T> {
    return json<T>(await send('POST', path, query, body, signal));
}

export async function patch<T>(path: string, body: unknown): Promise<T> {
    return json<T>(await send('PATCH', path, undefined, body));
}

export async function put<T>(path: string, body: unknown): Promise<T> {
    return json<T>(await send('PUT', path, undefined, body));
}

/** Bytes as they are; the browser streams a file. */
export async function sendFile<T>(path: string, file: Blob): Promise<T> {
    return json<T>(await send('PUT', path, undefined, file));
}

export async function del<T>(path: string, body?: unknown): Promise<T> {
    return json<T>(await send('DELETE', path, undefined, body));
}

/** The line to show for anything that was thrown. */
export function errorText(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
