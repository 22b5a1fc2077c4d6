"""Access to the server: tokens, accounts, roles, rights per project, CSRF, Host, limits, the audit log, paths.

Issue 3, part 2 "Access" and "Security tests"; DESIGN 8 (accounts). Every route is walked through the server's own
OpenAPI document, so a new route without protection fails here by name.
"""
import contextlib
import http.client
import json
import os
import pty
import re
import signal
import sqlite3
import stat
import termios
import threading

import pytest
import scans
import server as running
from browser import Client
from runner import script, wait_for

PASSWORD = "a long enough one"
# What anybody may ask: is it alive, and how one signs in.
PUBLIC = {("GET", "/api/v1/health"), ("POST", "/api/v1/session"), ("GET", "/api/v1/openapi.json")}
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class Server(running.Server):
    def client(self):
        """A browser that knows nothing yet."""
        return Client(self.port)

    def opened(self):
        """A browser that opened the printed address."""
        return self.client().open(self.url)


@pytest.fixture
def serve(g):
    servers = []

    def start(*args, **options):
        servers.append(Server(g, *args, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def account(g, name, role="viewer", *more, password=PASSWORD):
    g.ok("user", "add", name, "--role", role, *more, stdin=password + "\n")


def project(g, name):
    folder = g.base / name
    folder.mkdir()
    g.ok("init", folder, "--name", name)
    return folder


def routes(client):
    """(method, path pattern) of all of them."""
    document = client.get("/api/v1/openapi.json").json()
    found = [(method.upper(), path) for path, methods in document["paths"].items() for method in methods
        if method in ("get", "post", "put", "patch", "delete")]
    assert len(found) > 10, found
    return sorted(found)


def needs(client, method, path):
    text = client.get("/api/v1/openapi.json").json()["paths"][path][method.lower()]["description"]
    return text.split(": ")[1]


def concrete(path):
    return re.sub(r"\{[^}]*\}", "1", path)


def audit(client, **query):
    return client.get("/api/v1/audit?" + "&".join(f"{k}={v}" for k, v in query.items())).json()["rows"]


# -- the token of a loopback server --------------------------------------------------------------------------------

def test_nothing_without_the_token(g, serve):
    """No page or API without token or session: every route says 401, with a reason and no data."""
    server = serve()
    visitor = server.client()
    for method, path in routes(server.opened()):
        answer = visitor.ask(method, concrete(path), {} if method in WRITES else None)
        if (method, path) in PUBLIC:
            continue
        assert answer.status == 401, (method, path, answer)
        assert answer.json()["code"] == "permission" and "token" in answer.detail
    for page in ("/", "/index.html", "/assets/index.js", "/nothing"):
        assert visitor.get(page).status == 401, page
    for page in ("/", "/index.html", "/assets/index.js", "/nothing", "/?link=old"):  # a person reads how to come in
        for accept in ({}, {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, {"Accept": "*/*"}):
            answer = visitor.get(page, headers=accept)
            assert answer.status == 401 and answer.headers["Content-Type"].startswith("text/html"), answer
            assert b"gantry serve" in answer.body and server.token.encode() not in answer.body
            assert answer.headers["Cache-Control"] == "no-store" and answer.headers["WWW-Authenticate"] == "Bearer"
        answer = visitor.get(page, headers={"Accept": "application/json"})  # a program gets the problem document
        assert answer.status == 401 and answer.json()["code"] == "permission" and "token" in answer.detail
    answer = visitor.get("/?token=" + "0" * 64)  # a dead link says why, and its token leaves the address bar
    assert answer.status == 303 and answer.headers["Location"] == "/?link=old" and "Set-Cookie" not in answer.headers
    assert b"The token in your link" in visitor.get("/?link=old").body and b"The token in your" not in visitor.get("/").body
    assert visitor.post("/api/v1/session", {"token": "0" * 64}).status == 401
    assert set(visitor.get("/api/v1/health").json()) == {"ok", "version"}
    for bad in ("Bearer", "Bearer ", "Bearer " + "0" * 64, "Basic " + server.token, server.token):
        assert visitor.get("/api/v1/session", headers={"Authorization": bad}).status == 401
    for bad in ("", "0" * 64, server.token, "x" * 5000, "%00", "'; DROP TABLE user;--"):
        assert visitor.get("/api/v1/session", headers={"Cookie": "gantry_session=" + bad}).status == 401


def test_token_opens_a_session(g, serve):
    """The printed address becomes a cookie that scripts of a page cannot read, and leaves the address bar."""
    server = serve()
    client = server.client()
    answer = client.get("/?token=" + server.token)
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Secure" not in cookie
    assert server.token not in cookie and answer.headers["Location"] == "/"
    who = client.get("/api/v1/session").json()
    assert (who["user"], who["role"], who["accounts"]) == ("local", "admin", False)
    # scripts: no cookie, so no CSRF token either
    bearer = {"Authorization": "Bearer " + server.token}
    assert server.client().get("/api/v1/users", headers=bearer).json() == []
    # one file, its owner's only; a restart keeps it, and the sessions
    path = g.home / "serve.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and path.read_text().strip() == server.token
    server.stop()
    again = serve()
    assert again.token == server.token
    client.port = again.port
    assert client.get("/api/v1/session").status == 200


def test_refuses_others_without_accounts(g):
    """A non-loopback address without accounts is refused with the way out."""
    for listen in ("0.0.0.0:0", ":0", "[::]:0"):
        outcome = g.fails(2, "serve", "--listen", listen)
        assert "gantry user add" in outcome.err and len(outcome.err.strip().splitlines()) == 1, outcome


def test_the_token_ends_with_the_first_account(g, serve):
    """Once there are accounts, the token and its sessions are worth nothing."""
    server = serve()
    client = server.opened()
    account(g, "anna", "admin")
    assert client.get("/api/v1/session").status == 401
    assert server.client().get("/api/v1/session", headers={"Authorization": "Bearer " + server.token}).status == 401
    assert server.client().get("/?token=" + server.token).status == 200  # the page to sign in, no session
    assert server.client().post("/api/v1/session", {"token": server.token}).status == 401
    # but for Prometheus, which cannot sign in
    metrics = server.client().get("/metrics", headers={"Authorization": "Bearer " + server.token})
    assert metrics.status == 200 and b"gantry" in metrics.body


# -- a browser's traps ----------------------------------------------------------------------------------------------

def test_foreign_host_is_refused(g, serve):
    """DNS rebinding: a name that is not ours leads nowhere, even with a session."""
    server = serve()
    client = server.opened()
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example:8420", "10.0.0.1"):
        answer = client.get("/api/v1/session", headers={"Host": host})
        assert answer.status == 403 and "server_name" in answer.detail, (host, answer)
        assert client.get("/", headers={"Host": host}).status == 403
    for host in ("localhost", f"localhost:{server.port}", "[::1]:8420", "127.0.0.1", "a.localhost:1", "LOCALHOST"):
        assert client.get("/api/v1/session", headers={"Host": host}).status == 200, host
    for host in ("", "a b", "[::1", "a:b:c", "a/b", "\xe4", "a" * 300):
        assert client.get("/api/v1/session", headers={"Host": host}).status in (400, 403), host
    assert b" 400 " in server.raw(b"GET /api/v1/session HTTP/1.1\r\n\r\n").split(b"\r\n")[0]
    g.ok("config", "set", "server_name=tomo.example")
    wait_for(lambda: client.get("/api/v1/session", headers={"Host": "tomo.example"}).status == 200, "name known")


def test_csrf(g, serve):
    """Every write without the session's X-CSRF-Token, with another's, or from another site's page is refused."""
    server = serve()
    client, other = server.opened(), server.opened()
    assert client.csrf != other.csrf
    for method, path in routes(client):
        if method not in WRITES or (method, path) in PUBLIC:
            continue
        for headers in ({"X-CSRF-Token": None}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": other.csrf},
                {"X-CSRF-Token": client.csrf[:-1]}, {"Origin": "http://evil.example"}, {"Origin": "null"},
                {"Origin": f"http://127.0.0.1:{server.port + 1}"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = client.ask(method, concrete(path), {}, headers=headers)
            assert answer.status == 403, (method, path, headers, answer)
    # signing in too: nobody is signed in as somebody else by a foreign page
    login = {"token": server.token}
    assert server.client().post("/api/v1/session", login, headers={"Origin": "http://evil.example"}).status == 403
    assert server.client().post("/api/v1/session", login, headers={"Sec-Fetch-Site": "same-site"}).status == 403
    ours = {"Origin": f"http://127.0.0.1:{server.port}", "Sec-Fetch-Site": "same-origin"}
    assert server.client().post("/api/v1/session", login, headers=ours).status == 200
    assert client.ask("DELETE", "/api/v1/session", headers=ours).status == 200


def test_security_headers(g, serve):
    """Security headers and a strict CSP on pages, answers and refusals alike."""
    server = serve()
    for answer in (server.opened().get("/api/v1/session"), server.client().get("/"), server.client().get("/api/v1/x")):
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
        assert not re.search(r"script-src[^;]*'unsafe-(inline|eval)'", policy)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "Server" not in answer.headers
        assert "no-store" in answer.headers["Cache-Control"] or "private" in answer.headers["Cache-Control"]


# -- accounts -------------------------------------------------------------------------------------------------------

def test_accounts_sign_in(g, serve):
    """argon2id accounts: sign in, who am I, sign out, a wrong name or password told apart by nothing."""
    account(g, "anna", "admin")
    server = serve()
    assert "token" not in server.url
    visitor = server.client()
    first = visitor.get("/api/v1/session")
    assert first.status == 401 and first.json()["accounts"] is True
    answer = visitor.post("/api/v1/session", {"user": "anna", "password": "wrong password"})
    unknown = visitor.post("/api/v1/session", {"user": "nobody", "password": "wrong password"})
    assert answer.status == unknown.status == 401 and answer.body == unknown.body
    assert "Set-Cookie" not in answer.headers
    client = server.client().login("ANNA", PASSWORD)
    who = client.get("/api/v1/session").json()
    assert (who["user"], who["role"], who["accounts"], who["projects"]) == ("anna", "admin", True, None)
    cookie = dict(client.cookies)
    assert client.ask("DELETE", "/api/v1/session").status == 200 and not client.cookies
    client.cookies = cookie  # the cookie of an ended session opens nothing
    assert client.get("/api/v1/session").status == 401
    # the store keeps hashes only
    database = b"".join(p.read_bytes() for p in g.home.glob("gantry.db*"))
    assert b"$argon2id$v=19$m=65536,t=2" in database
    assert PASSWORD.encode() not in database and cookie["gantry_session"].encode() not in database


def test_session_fixation(g, serve):
    """A cookie planted before signing in is never the session, and an old session ends with the new one."""
    account(g, "anna", "admin")
    server = serve()
    client = server.client()
    planted = "a" * 64
    client.cookies["gantry_session"] = planted
    client.login("anna", PASSWORD)
    first = client.cookies["gantry_session"]
    assert first != planted
    thief = server.client()
    thief.cookies["gantry_session"] = planted
    assert thief.get("/api/v1/session").status == 401
    csrf = client.csrf
    client.login("anna", PASSWORD)
    assert client.cookies["gantry_session"] != first and client.csrf != csrf
    thief.cookies["gantry_session"] = first
    assert thief.get("/api/v1/session").status == 401


def test_passwords_change_and_accounts_end(g, serve):
    """A new password, a disabled or removed account: its sessions end at once, wherever that was done."""
    account(g, "anna", "admin")
    account(g, "vera", "viewer")
    server = serve()
    admin, vera, again = (server.client().login(n, PASSWORD) for n in ("anna", "vera", "vera"))
    change = {"old": PASSWORD, "password": "another long one"}
    assert vera.ask("PATCH", "/api/v1/session", {**change, "old": "not that one"}).status == 401
    assert vera.ask("PATCH", "/api/v1/session", {**change, "password": "short"}).status == 400
    assert vera.ask("PATCH", "/api/v1/session", change).status == 200
    assert vera.get("/api/v1/session").status == 200 and again.get("/api/v1/session").status == 401
    assert server.client().post("/api/v1/session", {"user": "vera", "password": PASSWORD}).status == 401
    again.login("vera", "another long one")
    assert admin.ask("PATCH", "/api/v1/users/vera", {"disabled": True}).status == 200
    assert again.get("/api/v1/session").status == vera.get("/api/v1/session").status == 401
    assert server.client().post("/api/v1/session", {"user": "vera", "password": "another long one"}).status == 401
    g.ok("user", "set", "vera", "--enable")
    vera.login("vera", "another long one")
    g.ok("user", "passwd", "vera", stdin=PASSWORD + "\n")
    assert vera.get("/api/v1/session").status == 401
    vera.login("vera", PASSWORD)
    assert admin.ask("PATCH", "/api/v1/users/vera", {"role": "operator"}).status == 200
    assert vera.get("/api/v1/session").json()["role"] == "operator"  # rights change without signing in again
    assert admin.ask("DELETE", "/api/v1/users/vera").status == 200
    assert vera.get("/api/v1/session").status == 401
    assert admin.ask("DELETE", "/api/v1/users/anna").status == 200  # the last one may go ...
    assert admin.get("/api/v1/session").status == 401


def test_users_over_http(g, serve):
    """Accounts made, listed and changed by an admin; the last admin stays; bad names and passwords are said."""
    account(g, "anna", "admin")
    server = serve()
    admin = server.client().login("anna", PASSWORD)
    made = admin.post("/api/v1/users", {"name": "bob", "role": "operator", "password": PASSWORD})
    assert made.status == 200, made
    rows = {row["name"]: row for row in admin.get("/api/v1/users").json()}
    assert rows["bob"]["role"] == "operator" and rows["bob"]["password"] is True and "hash" not in rows["bob"]
    for body, words in (({"name": "b b", "role": "viewer"}, "account's name"), ({"name": "c", "role": "king"}, "no role"),
            ({"name": "c", "role": "viewer", "password": "short"}, "at least 10"),
            ({"name": "c"}, "role"), ({"name": 3, "role": "viewer"}, "text"), ({"name": "c", "role": "viewer", "x": 1}, "x"),
            ({"name": "c", "role": "viewer", "projects": ["none"]}, "no project"),
            ({"name": "c", "role": "admin", "projects": []}, "admin")):
        answer = admin.post("/api/v1/users", body)
        assert answer.status in (400, 404) and words in answer.detail, (body, answer)
    assert admin.post("/api/v1/users", {"name": "BOB", "role": "viewer"}).status == 409
    assert admin.ask("DELETE", "/api/v1/users/anna").status == 400  # the last admin, with others left
    assert admin.ask("PATCH", "/api/v1/users/anna", {"role": "viewer"}).status == 400
    server.client().login("bob", PASSWORD)


def test_user_command(g):
    """`gantry user` without a server: one clear line for each mistake, and the list."""
    g.fails(2, "user", "add", "anna")
    assert "at least 10" in g.fails(2, "user", "add", "anna", "--role", "admin", stdin="short\n").err
    assert "no password" in g.fails(2, "user", "add", "anna", "--role", "admin").err
    assert "no role" in g.fails(2, "user", "add", "anna", "--role", "king", stdin=PASSWORD).err
    account(g, "anna", "admin")
    assert "already" in g.fails(1, "user", "add", "Anna", "--role", "viewer", stdin=PASSWORD).err
    assert "last admin" in g.ok("user", "add", "bob", "--role", "viewer", stdin=PASSWORD + "\n").err + \
        g.fails(2, "user", "rm", "anna").err
    assert [row["name"] for row in g.json("user", "ls")] == ["anna", "bob"]
    assert "no account" in g.fails(3, "user", "rm", "eve").err
    g.fails(2, "user", "set", "bob")
    log = g.json("user", "log")
    assert [row["what"] for row in log] == ["user.add", "user.add"] and log[1]["detail"].startswith("bob")
    assert PASSWORD not in json.dumps(log) and "argon" not in json.dumps(log)


def test_password_is_asked_without_echo(g):
    """On a terminal the password is asked for twice and never shown; two that differ are refused."""
    def typed(*lines):
        mine, theirs = pty.openpty()
        process = g.start("user", "add", "anna", "--role", "admin", stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        for prompt, line in zip((b"anna: ", b"Again: "), lines):
            while not shown.endswith(prompt):
                shown += os.read(mine, 1000)
            # echo is off before the prompt's line is read, and what was typed ahead is dropped
            wait_for(lambda: not termios.tcgetattr(mine)[3] & termios.ECHO, "echo is off")
            os.write(mine, line + b"\n")
        try:
            while piece := os.read(mine, 1000):
                shown += piece
        except OSError:  # the other side is closed
            pass
        os.close(mine)
        assert not any(line in shown for line in lines), shown
        return process.wait(60), shown

    status, shown = typed(PASSWORD.encode(), b"something else")
    assert status == 2 and b"differ" in shown
    status, shown = typed(PASSWORD.encode(), PASSWORD.encode())
    assert status == 0 and b"made anna" in shown, shown


def test_sessions_expire(g, serve):
    """A session that was not used for session_hours opens nothing; one that is used lives on."""
    account(g, "anna", "admin")
    g.ok("config", "set", "session_hours=2")
    server = serve()
    client = server.client().login("anna", PASSWORD)

    def change(sql):
        with contextlib.closing(sqlite3.connect(g.home / "gantry.db", timeout=30)) as store, store:
            store.execute(sql)
            return store.execute("SELECT expires_us - seen_us, seen_us FROM session").fetchone()

    length, seen = change("UPDATE session SET seen_us = seen_us - 3600000000, expires_us = expires_us - 3600000000")
    assert length == 2 * 3600 * 1000000
    assert client.get("/api/v1/session").status == 200
    length, later = change("SELECT 1")
    assert length == 2 * 3600 * 1000000 and later > seen + 3000000000
    change("UPDATE session SET expires_us = 1")
    assert client.get("/api/v1/session").status == 401


# -- roles and rights -------------------------------------------------------------------------------------------------

def test_viewer_cannot_write(g, serve):
    """A viewer is refused on every writing route, an operator on every one for admins."""
    account(g, "anna", "admin")
    account(g, "vera", "viewer")
    account(g, "olaf", "operator")
    server = serve()
    viewer, operator = server.client().login("vera", PASSWORD), server.client().login("olaf", PASSWORD)
    own = "/api/v1/session"  # one's own session and password
    questions = "/api/v1/files", "/api/v1/batches/validate", "/api/v1/predictions/check"  # long; they change nothing
    for method, path in routes(viewer):
        role = needs(viewer, method, path)
        body = {} if method in WRITES else None
        if method in WRITES and path != own and path not in questions:
            assert role in ("operator", "admin"), (method, path, role)
            answer = viewer.ask(method, concrete(path), body)
            assert answer.status == 403 and "may" in answer.detail, (method, path, answer)
        if role == "admin":
            assert viewer.ask(method, concrete(path), body).status == 403, (method, path)
            answer = operator.ask(method, concrete(path), body)
            assert answer.status == 403 and "admin" in answer.detail, (method, path, answer)
    assert viewer.get("/api/v1/audit").status == 403 and viewer.get("/api/v1/users").status == 403


def test_other_projects_are_invisible(g, serve):
    """Rights per project: another project's rows do not exist for whoever may not see it."""
    mine, theirs = project(g, "mine"), project(g, "theirs")
    account(g, "anna", "admin")
    account(g, "vera", "viewer", "--project", "mine:operator")
    server = serve()
    admin, vera = server.client().login("anna", PASSWORD), server.client().login("vera", PASSWORD)
    who = vera.get("/api/v1/session").json()
    assert len(who["projects"]) == 1 and who["role"] == "operator"
    assert who["rights"] == {str(who["projects"][0]): "operator"} and admin.get("/api/v1/session").json()["rights"] is None
    folders = vera.get("/api/v1/folders").json()["folders"]
    assert [f["path"] for f in folders] == [str(mine)]
    assert vera.get(f"/api/v1/folders?path={theirs}").status == 403
    everything = {f["path"] for f in admin.get("/api/v1/folders").json()["folders"]}
    assert {str(mine), str(theirs)} <= everything
    admin.ask("PATCH", "/api/v1/users/vera", {"projects": [{"project": "theirs", "role": "viewer"}]})
    assert vera.get("/api/v1/session").json()["role"] == "viewer"
    assert vera.get("/api/v1/folders").status == 403  # a viewer opens nothing


def test_open_streams_end_with_their_rights(g, serve):
    """A stream of live changes is cut when its session, role or projects go, not only at its next request."""
    project(g, "mine")
    account(g, "anna", "admin")
    account(g, "vera", "viewer", "--project", "mine")
    server = serve()
    admin, vera = server.client().login("anna", PASSWORD), server.client().login("vera", PASSWORD)

    def stream(client):
        connection = client.connection()
        connection.request("GET", "/api/v1/events", headers=client.headers("GET", None, None))
        response = connection.getresponse()
        assert response.status == 200
        response.readline()
        return response

    for change in (lambda: admin.ask("PATCH", "/api/v1/users/vera", {"role": "operator", "projects": None}),
            lambda: admin.ask("PATCH", "/api/v1/users/vera", {"projects": ["mine"]}),
            lambda: vera.ask("DELETE", "/api/v1/session"),
            lambda: admin.ask("DELETE", "/api/v1/users/vera")):
        if not vera.cookies:
            vera.login("vera", PASSWORD)
        open_one, other = stream(vera), stream(admin)
        assert change().status == 200
        try:
            open_one.read()  # to its end
        except http.client.IncompleteRead:  # cut, as a browser sees it: it comes again, and is asked who it is
            pass
        assert not other.isclosed()
        other.close()


def stopped_child(server, thread):
    """The server's `gantry scan`, stopped in its tracks; None when the request was answered before it was seen."""
    children = f"/proc/{server.pid}/task/{server.pid}/children"
    while thread.is_alive():
        for pid in open(children).read().split():
            with contextlib.suppress(OSError):
                if b"\0scan\0" in open(f"/proc/{pid}/cmdline", "rb").read():
                    os.kill(int(pid), signal.SIGSTOP)
                    return int(pid)
    return None


def test_a_launch_that_waited_asks_for_the_rights_again(g, serve):
    """Issue 3, access: rights taken while the folder was read before a launch: nothing is launched."""
    folder = project(g, "mine")
    scans.write(folder / "a_1.h5", columns=48, rows=2, angles=40)
    g.batch("note", script('echo x > "$o1"'))
    account(g, "anna", "admin")
    account(g, "olaf", "operator")
    server = serve()
    admin, olaf = server.client().login("anna", PASSWORD), server.client().login("olaf", PASSWORD)
    assert admin.post("/api/v1/projects/1/refresh", {}).status == 200
    answers, child = [], None
    while not child:
        assert all(answer.status == 201 for answer in answers), answers
        body = dict(project=1, batch="note", selectors=[])
        thread = threading.Thread(target=lambda: answers.append(olaf.post("/api/v1/runs", body)))
        thread.start()
        child = stopped_child(server, thread)
        if not child:
            thread.join()
    launched = len(answers)
    try:
        assert admin.ask("PATCH", "/api/v1/users/olaf", {"role": "viewer"}).status == 200
    finally:
        os.kill(child, signal.SIGCONT)
    thread.join()
    assert answers[-1].status == 403 and "rights" in answers[-1].detail, answers
    assert len(admin.get("/api/v1/runs?project=1").json()["runs"]) == launched


# -- paths -----------------------------------------------------------------------------------------------------------

def test_folders_stay_below_the_roots(g, serve):
    """`..`, absolute paths, links that lead out and NUL are refused; what is outside cannot even be told to exist."""
    root = project(g, "root")
    (root / "inner" / "deep").mkdir(parents=True)
    (root / "inner" / "a.h5").write_bytes(b"")
    (root / "inner" / "b.txt").write_bytes(b"")
    secret = g.base / "secret"
    secret.mkdir()
    os.symlink(secret, root / "leads-out")
    os.symlink(root / "inner", root / "leads-in")
    account(g, "anna", "admin")
    server = serve()
    client = server.client().login("anna", PASSWORD)
    listing = client.get(f"/api/v1/folders?path={root}").json()
    assert {f["name"]: f["scans"] for f in listing["folders"]} == {"inner": 1, "leads-in": 1}
    assert listing["path"] == str(root) and listing["parent"] is None
    assert client.get(f"/api/v1/folders?path={root}/inner").json()["parent"] == str(root)
    for path in (secret, f"{root}/..", f"{root}/../secret", f"{root}/leads-out", f"{root}/inner/../../secret", "/", "/etc",
            f"{g.base}/none", "/proc/self/root", f"{root}x"):
        answer = client.get(f"/api/v1/folders?path={path}")
        assert answer.status == 403 and "outside" in answer.detail, (path, answer)
    assert client.get(f"/api/v1/folders?path={root}/none").status == 404
    assert client.get("/api/v1/folders?path=inner").status == 400
    assert client.get(f"/api/v1/folders?path={root}%00/etc").status == 400
    g.ok("config", "set", f"roots={secret}:{g.base}/none")
    wait_for(lambda: client.get(f"/api/v1/folders?path={secret}").status == 200, "roots are obeyed")


# -- limits ----------------------------------------------------------------------------------------------------------

def test_signing_in_is_limited(g, serve):
    """After some wrong passwords one waits, also for the right one; Retry-After says how long."""
    account(g, "anna", "admin")
    account(g, "bob", "viewer")
    server = serve()
    client = server.client()
    tries = [client.post("/api/v1/session", {"user": "anna", "password": f"guess {i}"}) for i in range(8)]
    assert [a.status for a in tries[:5]] == [401] * 5
    late = tries[-1]
    assert late.status == 429 and int(late.headers["Retry-After"]) >= 1 and "wait" in late.detail
    assert client.post("/api/v1/session", {"user": "Anna", "password": PASSWORD}).status == 429
    server.client().login("bob", PASSWORD)  # others are not hindered
    huge = client.post("/api/v1/session", {"user": "bob", "password": "x" * 100000})
    assert huge.status == 401


def test_requests_are_limited(g, serve):
    """The general limit answers 429 and lets others live; it is an option."""
    account(g, "anna", "admin")
    g.ok("config", "set", "rate_limit=1")
    server = serve()
    answers = [server.client().get("/api/v1/health").status for _ in range(40)]
    assert answers[:10] == [200] * 10 and 429 in answers
    g.ok("config", "set", "rate_limit=0")
    wait_for(lambda: server.client().get("/api/v1/health").status == 200, "no limit any more")


def test_hostile_requests(g, serve):
    """Huge bodies, malformed JSON and malformed HTTP are refused, and the server lives on."""
    server = serve()
    client = server.opened()
    users = "/api/v1/users"
    for raw, status in ((b"{", (400, 422)), (b"[]", (400,)), (b'{"name":"a","name":"b"}', (400, 422)), (b"\xff\xfe", (400, 422)),
            (b'{"name":"a\\u0000b","role":"viewer"}', (400, 422)), (b"null", (400, 422)), (b'{"name":' + b"[" * 5000, (400, 422))):
        answer = client.ask("POST", users, raw=raw)
        assert answer.status in status and answer.json()["detail"], (raw[:40], answer)
    assert client.ask("POST", users, raw=b"{}", headers={"Content-Type": "text/plain"}).status == 415
    announced = server.raw(b"POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n")
    assert b" 413 " in announced.split(b"\r\n")[0], announced[:200]
    for data in (b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000,
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: " + b"b" * 100000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
            b"GET /%ff%00/../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
            b"POST /api/v1/users HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
        try:
            got = server.raw(data)
        except OSError:  # cut in the middle of it
            got = b""
        assert b" 200 " not in got.split(b"\r\n")[0], (data[:60], got[:200])
    assert client.get("/api/v1/session").status == 200


# -- the audit log -----------------------------------------------------------------------------------------------------

def test_audit_names_who_did_what(g, serve):
    """Signing in, every write and every refusal, with who, from where and how it ended; never a password."""
    account(g, "anna", "admin")
    account(g, "vera", "viewer")
    server = serve()
    admin, vera = server.client().login("anna", PASSWORD), server.client().login("vera", PASSWORD)
    server.client().post("/api/v1/session", {"user": "anna", "password": "wrong password"})
    server.client().post("/api/v1/session", {"user": "<b>\n", "password": "wrong password"})
    admin.post("/api/v1/users", {"name": "carl", "role": "viewer", "password": "carls password"})
    admin.ask("PATCH", "/api/v1/users/carl", {"role": "operator"})
    vera.ask("DELETE", "/api/v1/users/carl")
    admin.post("/api/v1/users", {"name": "carl", "role": "viewer"})
    vera.ask("DELETE", "/api/v1/session")
    rows = [(r["user"], r["what"], r["outcome"]) for r in reversed(audit(admin, limit=1000))]
    assert rows[2:] == [
        ("anna", "login", "ok"), ("vera", "login", "ok"), ("anna", "login", "denied"), ("?", "login", "denied"),
        ("anna", "POST /api/v1/users", "ok"), ("anna", "PATCH /api/v1/users/carl", "ok"),
        ("vera", "DELETE /api/v1/users/carl", "permission"), ("anna", "POST /api/v1/users", "exists"),
        ("vera", "logout", "ok")], rows
    text = json.dumps(audit(admin, limit=1000))
    assert "carls password" not in text and PASSWORD not in text and "wrong password" not in text
    assert {r["ip"] for r in audit(admin, user="vera")} == {"127.0.0.1"}
    assert '"role":"operator"' in [r for r in audit(admin, text="PATCH")][0]["detail"]
    assert [r["what"] for r in audit(admin, user="VERA", limit=1)] == ["logout"]
    log = g.json("user", "log", "--user", "vera")
    assert [r["what"] for r in log] == ["login", "DELETE /api/v1/users/carl", "logout"]
