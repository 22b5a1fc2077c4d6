"""TLS by a reverse proxy: docs/nginx.conf, run by a real nginx in front of a real server.

Issue 3, part 2: "TLS by a reverse proxy, documented with an nginx example that is tested"; DESIGN 8: single sign-on
through a trusted proxy's X-Remote-User.
"""
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import zlib

import pytest
import scans
import server as running
from browser import Client
from runner import script, wait_for

PASSWORD = "a long enough one"
NAME = "tomo.example.org"
EXAMPLE = pathlib.Path(__file__).parents[2] / "docs" / "nginx.conf"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    def __init__(self, base, server_port, change=lambda text: text):
        program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if not program:
            pytest.skip("no nginx here (./setup installs it)")
        self.folder = base / "nginx"
        self.folder.mkdir()
        self.port, plain = free_port(), free_port()
        key, certificate = self.folder / "key.pem", self.folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}"],
            check=True, capture_output=True)
        text = change(EXAMPLE.read_text())
        for old, new in (("127.0.0.1:8420", f"127.0.0.1:{server_port}"), ("listen 443 ssl", f"listen 127.0.0.1:{self.port} ssl"),
                ("listen 80;", f"listen 127.0.0.1:{plain};"), (f"/etc/ssl/certs/{NAME}.pem", str(certificate)),
                (f"/etc/ssl/private/{NAME}.key", str(key))):
            assert old in text, old
            text = text.replace(old, new)
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        (self.folder / "site.conf").write_text(text)
        (self.folder / "nginx.conf").write_text(f"pid {self.folder}/pid;\nerror_log {self.folder}/error.log;\nevents {{}}\n"
            f"http {{\naccess_log {self.folder}/access.log;\n{temporary}gzip on;\ngzip_types *;\ninclude site.conf;\n}}\n")
        self.log = open(self.folder / "out", "wb")
        self.process = subprocess.Popen([program, "-p", str(self.folder), "-c", "nginx.conf", "-g", "daemon off; master_process off;"],
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.context = ssl.create_default_context(cafile=str(certificate))
        self.plain = plain
        wait_for(self.listens, "nginx listens", 20)

    def listens(self):
        assert self.process.poll() is None, (self.folder / "out").read_text() + (self.folder / "error.log").read_text()
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def client(self):
        return TlsClient(self)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT if self.process.poll() is None else 0)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()


class Connection(http.client.HTTPSConnection):
    """Goes to 127.0.0.1 under the certificate's name."""

    def connect(self):
        self.sock = self._context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 30), server_hostname=NAME)


class TlsClient(Client):
    def __init__(self, nginx):
        super().__init__(nginx.port, NAME, nginx.context)

    def connection(self, timeout=60):
        return Connection(NAME, self.port, timeout=timeout, context=self.context)


@pytest.fixture
def behind(g):
    """A server with accounts, and nginx in front of it."""
    for name, role in (("anna", "admin"), ("vera", "viewer")):
        g.ok("user", "add", name, "--role", role, stdin=PASSWORD + "\n")
    g.ok("config", "set", f"server_name={NAME}", "trusted_proxy=127.0.0.1")
    started = []

    def start(change=lambda text: text):
        started.append(running.Server(g))
        started.append(Nginx(g.base, started[0].port, change))
        return started

    yield start
    for one in reversed(started):
        one.stop()


def test_signing_in_through_nginx(g, behind):
    """Pages, answers and writes over TLS; the cookie is for TLS only, the audit log names the client."""
    server, nginx = behind()
    client = nginx.client()
    assert client.get("/").status == 200
    assert client.get("/api/v1/session").status == 401
    answer = client.post("/api/v1/session", {"user": "anna", "password": PASSWORD})
    assert answer.status == 200 and "; Secure" in answer.headers["Set-Cookie"], answer
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    client.csrf = answer.json()["csrf"]
    page = {"Origin": f"https://{NAME}:{nginx.port}", "Sec-Fetch-Site": "same-origin"}
    made = client.post("/api/v1/users", {"name": "carl", "role": "viewer"}, headers=page)
    assert made.status == 200, made
    assert client.post("/api/v1/users", {"name": "dora", "role": "viewer"}, headers={"Origin": "https://evil.example"}).status == 403
    assert client.get("/api/v1/session", headers={"Host": "evil.example"}).status in (403, 421)
    assert client.ask("POST", "/api/v1/users", raw=b"x" * (9 << 20)).status == 413
    # what the client says about itself is overwritten
    client.get("/api/v1/session", headers={"X-Forwarded-For": "6.6.6.6"})
    client.post("/api/v1/users", {"name": "emil", "role": "viewer"}, headers={"X-Forwarded-For": "6.6.6.6"})
    assert {row["ip"] for row in client.get("/api/v1/audit").json()["rows"] if row["ip"]} == {"127.0.0.1"}
    plain = http.client.HTTPConnection("127.0.0.1", nginx.plain, timeout=30)
    plain.request("GET", "/x", headers={"Host": NAME})
    assert plain.getresponse().getheader("Location") == f"https://{NAME}/x"
    plain.close()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_events_pass_at_once(g, behind, packed):
    """Server-Sent Events come through unbuffered, plain or packed by the server: the greeting arrives while the stream
    goes on."""
    server, nginx = behind()
    client = nginx.client().login("anna", PASSWORD)
    connection = client.connection()
    connection.request("GET", "/api/v1/events",
                       headers=client.headers("GET", None, {"Accept-Encoding": "gzip"} if packed else {}))
    stream = connection.getresponse()
    assert stream.status == 200 and stream.getheader("Content-Type").startswith("text/event-stream")
    assert stream.getheader("Content-Encoding") == ("gzip" if packed else None)
    unpack, got = zlib.decompressobj(wbits=31), b""

    def until(word):  # would wait for ever behind a buffer
        nonlocal got
        while word not in got:
            piece = stream.read1(65536)
            assert piece, got
            got += unpack.decompress(piece) if packed else piece

    until(b"event: hello")
    g.ok("init", g.base / "data", "--name", "seen")
    until(b"event: projects")
    connection.sock.close()
    connection.close()


@pytest.mark.skipif(not shutil.which("jupyter-notebook"), reason="jupyter-notebook is not installed")
def test_notebooks_through_nginx(g, behind):
    """REQUIREMENTS O1: pages and WebSockets of a notebook, over TLS; another site's page opens none."""
    websocket = pytest.importorskip("websocket", reason="python3-websocket is not installed")
    g.ok("init")
    scans.write(g.data / "scan_001.h5")
    g.ok("scan")
    g.batch("look", script("echo $f1", out=None))
    server, nginx = behind()
    client = nginx.client().login("anna", PASSWORD)
    item = client.get("/api/v1/items?project=1").json()["items"][0]["id"]
    task = client.post("/api/v1/tasks/jupyter", {"project": 1, "batch": "look", "item": item}).json()["task"]
    wait_for(lambda: client.get(f"/jupyter/{task}/", headers={"Accept": "text/html"}).status == 303, "the notebook is ready", 60)
    origin = f"https://{NAME}:{nginx.port}"
    ask = lambda method, path, body=None: client.ask(method, f"/jupyter/{task}/{path}", body, {"Origin": origin, "X-CSRF-Token": None})
    assert b"data-notebook-path" in ask("GET", "notebooks/notebook.ipynb").body
    assert ask("PUT", "api/contents/long.txt", {"type": "file", "format": "text", "content": "x" * (9 << 20)}).status == 201
    kernel = ask("POST", "api/kernels", {"name": "python3"}).json()["id"]

    def connect(origin):
        connection = client.connection()
        connection.connect()
        return websocket.create_connection(f"wss://{NAME}:{nginx.port}/jupyter/{task}/api/kernels/{kernel}/channels", socket=connection.sock,
            origin=origin, cookie="; ".join(f"{k}={v}" for k, v in client.cookies.items()), timeout=60)

    opened = connect(origin)
    opened.send(json.dumps({"channel": "shell", "header": {"msg_id": "1", "username": "", "session": "", "msg_type": "kernel_info_request",
        "version": "5.3"}, "parent_header": {}, "metadata": {}, "content": {}}))
    while json.loads(opened.recv())["msg_type"] != "kernel_info_reply":
        pass
    with pytest.raises(websocket.WebSocketBadStatusException):
        connect("https://evil.example")
    client.post(f"/api/v1/tasks/{task}/kill", {})


def test_remote_user_only_from_the_proxy(g, behind):
    """Single sign-on: X-Remote-User counts from the trusted proxy's address and from nowhere else."""
    def with_sign_on(text):
        users = g.base / "users"
        crypt = subprocess.run(["openssl", "passwd", "-apr1", "proxy word"], check=True, capture_output=True, text=True).stdout.strip()
        users.write_text("".join(f"{name}:{crypt}\n" for name in ("anna", "vera", "stranger")))
        return re.sub(r'proxy_set_header X-Remote-User +"";',
            f'auth_basic "Gantry"; auth_basic_user_file {users};\n    proxy_set_header X-Remote-User $remote_user;', text)

    server, nginx = behind(with_sign_on)
    basic = lambda name: {"Authorization": "Basic " + __import__("base64").b64encode(f"{name}:proxy word".encode()).decode()}
    client = nginx.client()
    assert client.get("/api/v1/session").status == 401  # nginx asks
    who = client.get("/api/v1/session", headers=basic("vera")).json()
    assert (who["user"], who["role"], who["proxied"]) == ("vera", "viewer", True)
    # the client cannot name somebody else
    assert client.get("/api/v1/session", headers={**basic("vera"), "X-Remote-User": "anna"}).json()["user"] == "vera"
    stranger = client.get("/api/v1/session", headers=basic("stranger"))
    assert stranger.status == 403 and "no account" in stranger.detail
    # CSRF holds here too, and a write is written down under the name
    body = {"name": "carl", "role": "viewer"}
    assert client.post("/api/v1/users", body, headers=basic("anna")).status == 403
    csrf = client.get("/api/v1/session", headers=basic("anna")).json()["csrf"]
    assert client.post("/api/v1/users", body, headers={**basic("anna"), "X-CSRF-Token": who["csrf"]}).status == 403
    assert client.post("/api/v1/users", body, headers={**basic("anna"), "X-CSRF-Token": csrf}).status == 200
    rows = client.get("/api/v1/audit?user=anna&limit=1", headers=basic("anna")).json()["rows"]
    assert rows[0]["what"] == "POST /api/v1/users" and rows[0]["outcome"] == "ok"
    # from another address of this machine the header is nothing
    direct = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=("127.0.0.2", 0))
    direct.request("GET", "/api/v1/session", headers={"X-Remote-User": "anna", "Host": NAME})
    assert direct.getresponse().status == 401
    direct.close()
    # nor under a foreign name (a page that rebinds its name could send the header)
    local = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    local.request("GET", "/api/v1/session", headers={"X-Remote-User": "anna", "Host": "evil.example"})
    assert local.getresponse().status == 403
    local.close()
    # a disabled account stays out
    g.ok("user", "set", "vera", "--disable")
    assert client.get("/api/v1/session", headers=basic("vera")).status == 403


def test_a_broken_list_of_proxies_is_refused(g):
    """A slip in trusted_proxy trusts nobody: the server does not start, and says what is wrong."""
    g.ok("config", "set", "trusted_proxy=10.0.0.300")
    outcome = g.fails(2, "serve", "--listen", "127.0.0.1:0")
    assert "trusted_proxy" in outcome.err and "10.0.0.300" in outcome.err
