/* Accounts: who may look, run and administer, and in which projects; and what was done by whom. */
import { useEffect, useState } from 'preact/hooks';
import { del, errorText, get, patch, post } from '../api';
import { session } from '../state';
import { Dialog } from '../ui/dialog';
import { toast, toastError } from '../ui/toast';
import { timeText } from '../words';

const ROLES = ['viewer', 'operator', 'admin'] as const;

interface User {
    name: string;
    role: (typeof ROLES)[number];
    disabled: boolean;
    password: boolean;
    everywhere: boolean;
    created_us?: number | null;
    seen_us?: number | null;
    projects?: { project: number; name: string; role?: string | null }[] | null;
}

interface Deed {
    t_us: number;
    user: string | null;
    ip?: string | null;
    what: string;
    outcome?: string | null;
    detail?: string | null;
}

const LEAST_PASSWORD = 10;

function projectsText(user: User): string {
    return user.everywhere ? 'all' : (user.projects ?? []).map((one) => one.name).join(', ') || 'none';
}

/** "all", or names with commas between them. */
function projectsOf(text: string): string[] | null {
    const words = text.split(',').map((word) => word.trim()).filter(Boolean);
    return words.length === 0 || (words.length === 1 && words[0] === 'all') ? null : words;
}

function AccountDialog({ user, onClose }: { user: User | null; onClose: (changed: boolean) => void }) {
    const [refused, setRefused] = useState('');
    const save = async (event: SubmitEvent) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget as HTMLFormElement);
        const password = String(data.get('password') ?? '');
        const body: Record<string, unknown> = {
            role: data.get('role'),
            projects: projectsOf(String(data.get('projects') ?? '')),
            ...(password ? { password } : {}),
        };
        try {
            if (user) {
                await patch(`users/${encodeURIComponent(user.name)}`, body);
            } else {
                await post('users', { ...body, name: data.get('name') });
            }
            onClose(true);
        } catch (error) {
            setRefused(errorText(error));
        }
    };
    return (
        <Dialog title={user ? `Account of ${user.name}` : 'New account'} onClose={() => onClose(false)}>
            <form class="form" onSubmit={(event) => void save(event)}>
                {!user && (
                    <label>
                        Name
                        <input name="name" required autocomplete="off" data-focus />
                    </label>
                )}
                <label>
                    Role
                    <select name="role">
                        {ROLES.map((role) => (
                            <option key={role} selected={role === (user?.role ?? 'operator')}>
                                {role}
                            </option>
                        ))}
                    </select>
                </label>
                <label>
                    Projects (names with commas between them, or all)
                    <input name="projects" value={user ? projectsText(user).replace('none', '') : 'all'} />
                </label>
                <label>
                    {user ? 'New password (blank: as it is)' : `Password (at least ${LEAST_PASSWORD} characters; blank: single sign-on only)`}
                    <input name="password" type="password" autocomplete="new-password" minLength={LEAST_PASSWORD} />
                </label>
                {refused && (
                    <p class="failed-text" role="alert">
                        {refused}
                    </p>
                )}
                <button type="submit" class="main">
                    {user ? 'Save' : 'Make the account'}
                </button>
            </form>
        </Dialog>
    );
}

function Accounts() {
    const [users, setUsers] = useState<User[] | null>(null);
    const [failed, setFailed] = useState('');
    const [open, setOpen] = useState<User | 'new' | null>(null);
    const load = () =>
        get<User[]>('users').then(setUsers, (error: unknown) => setFailed(errorText(error)));
    useEffect(() => void load(), []);
    const change = (user: User, body: Record<string, unknown>) =>
        patch(`users/${encodeURIComponent(user.name)}`, body).then(load, toastError);
    const remove = (user: User) =>
        del(`users/${encodeURIComponent(user.name)}`).then(() => {
            toast(`The account of ${user.name} is gone.`);
            return load();
        }, toastError);
    return (
        <section class="card" aria-label="Accounts">
            <div class="row">
                <h1>Users</h1>
                <span class="grow" />
                <button type="button" class="main" onClick={() => setOpen('new')}>
                    New account…
                </button>
            </div>
            {failed && <p class="failed-text">{failed}</p>}
            <table class="plain">
                <thead>
                    <tr>
                        <th scope="col">Name</th>
                        <th scope="col">Role</th>
                        <th scope="col">Projects</th>
                        <th scope="col">Last seen</th>
                        <th scope="col">
                            <span class="hidden-label">Actions</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    {users?.map((user) => (
                        <tr key={user.name}>
                            <td>
                                {user.name}
                                {user.disabled && <span class="muted"> (may not sign in)</span>}
                            </td>
                            <td>{user.role}</td>
                            <td>{projectsText(user)}</td>
                            <td>{timeText(user.seen_us) || 'never'}</td>
                            <td>
                                <div class="row">
                                    <button type="button" onClick={() => setOpen(user)}>
                                        Change…
                                    </button>
                                    {user.name !== session.value?.user && (
                                        <>
                                            <button type="button" onClick={() => void change(user, { disabled: !user.disabled })}>
                                                {user.disabled ? 'Let in' : 'Lock out'}
                                            </button>
                                            <button type="button" class="danger" onClick={() => void remove(user)}>
                                                Remove
                                            </button>
                                        </>
                                    )}
                                </div>
                            </td>
                        </tr>
                    ))}
                </tbody>
            </table>
            {open && (
                <AccountDialog
                    user={open === 'new' ? null : open}
                    onClose={(changed) => {
                        setOpen(null);
                        if (changed) {
                            void load();
                        }
                    }}
                />
            )}
        </section>
    );
}

function Audit() {
    const [deeds, setDeeds] = useState<Deed[] | null>(null);
    const [failed, setFailed] = useState('');
    useEffect(() => {
        get<Deed[] | { rows: Deed[] }>('audit', { limit: 100 }).then(
            (answer) => setDeeds(Array.isArray(answer) ? answer : answer.rows),
            (error: unknown) => setFailed(errorText(error)),
        );
    }, []);
    return (
        <section class="card" aria-label="Audit log">
            <h2>Who did what</h2>
            {failed && <p class="failed-text">{failed}</p>}
            {deeds?.length === 0 && <p class="muted">Nothing was changed yet.</p>}
            <table class="plain">
                <tbody>
                    {deeds?.map((deed, at) => (
                        <tr key={at}>
                            <td class="nowrap">{timeText(deed.t_us)}</td>
                            <td>{deed.user}</td>
                            <td class="mono">{deed.what}</td>
                            <td>{deed.outcome}</td>
                            <td class="mono detail">{deed.detail}</td>
                        </tr>
                    ))}
                </tbody>
            </table>
        </section>
    );
}

export function UsersPage() {
    return (
        <div class="sheet">
            <Accounts />
            <Audit />
        </div>
    );
}
