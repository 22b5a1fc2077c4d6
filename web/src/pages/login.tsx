/* Who are you? On a loopback server without accounts the printed link is the key; elsewhere a name and a password. */
import { useState } from 'preact/hooks';
import { errorText, post } from '../api';
import { start } from '../state';

/** A token that has let nobody in is of no use in the address bar, and is nothing to hand on. */
function takeToken(): string {
    const url = new URL(location.href);
    if (!url.searchParams.has('token')) {
        return '';
    }
    url.searchParams.delete('token');
    history.replaceState(null, '', url);
    return 'The token in your link does not count here (any more): this server asks for a name and a password.';
}

const oldLink = takeToken();

export function LoginPage() {
    const [refused, setRefused] = useState(oldLink);
    const [busy, setBusy] = useState(false);
    const login = async (event: SubmitEvent) => {
        event.preventDefault();
        const data = new FormData(event.currentTarget as HTMLFormElement);
        setBusy(true);
        setRefused('');
        try {
            await post('session', { user: data.get('user'), password: data.get('password') });
            await start();
        } catch (error) {
            setRefused(errorText(error));
        }
        setBusy(false);
    };
    return (
        <main class="login">
            <form onSubmit={(event) => void login(event)}>
                <h1>Gantry</h1>
                <label>
                    User
                    <input name="user" autocomplete="username" required autofocus />
                </label>
                <label>
                    Password
                    <input name="password" type="password" autocomplete="current-password" required />
                </label>
                {refused && (
                    <p class="failed-text" role="alert">
                        {refused}
                    </p>
                )}
                <button type="submit" class="main" disabled={busy}>
                    {busy ? 'Logging in…' : 'Log in'}
                </button>
                <p class="muted">
                    A server without accounts is opened by the link that <code>gantry serve</code> has printed, with its
                    token.
                </p>
            </form>
        </main>
    );
}
