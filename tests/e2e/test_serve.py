"""The server: HTTP, live events, its life beside the commands (DESIGN 8; REQUIREMENTS A, N, X19-X21)."""
import gzip
import itertools
import json
import os
import re
import signal
import socket
import stat
import subprocess
import time

import pytest
import runner
import scans
from server import Server

TINY = dict(columns=8, rows=1, angles=4)


@pytest.fixture
def served(g):
    with Server(g) as server:
        yield server


def project(g, n=3, name="s_{:03d}.h5"):
    for i in range(n):
        scans.write(g.data / name.format(i), **TINY)
    g.ok("init", "--name", "data")
    g.ok("scan")



# -- HTTP ----------------------------------------------------------------------------------------------------------
def test_health(served):
    """DESIGN 8: health; more of it for whoever may know."""
    assert served.get("/api/v1/health", auth=False).json == {"ok": True, "version": "0.1.0"}
    known = served.get("/api/v1/health").json
    assert known["engine"]["slots"] >= 1 and known["engine"]["running"] == 0 and known["uptime_s"] >= 0


def test_problems(served):
    """RFC 9457: what is wrong comes as a problem with the engine's words, whatever is wrong."""
    cases = [
        (served.get("/api/v1/nothing"), 404),
        (served.get("/nothing.js"), 404),
        (served.post("/api/v1/health"), 405),
        (served.request("BREW", "/api/v1/health"), 405),
        (served.get("/api/v1/events?project=x"), 400),
        (served.get("/api/v1/events?projekt=1"), 400),
        (served.get("/api/v1/health?a=%zz"), 400),
        (served.get("/api/v1/health?a=1&a=2"), 400),
        (served.request("POST", "/index.html"), 405),
    ]
    for answer, status in cases:
        assert answer.status == status, answer
        assert answer.headers["Content-Type"] == "application/problem+json", answer
        problem = answer.json
        assert problem["status"] == status and problem["title"] and problem["detail"] and problem["code"]
    assert cases[2][0].headers["Allow"] == "GET, HEAD"


def test_head_and_etag(served):
    """HEAD has GET's headers and no body; a known ETag is 304."""
    full = served.get("/api/v1/openapi.json")
    head = served.request("HEAD", "/api/v1/openapi.json")
    assert head.status == 200 and head.body == b"" and head.headers["Content-Length"] == str(len(full.body))
    for tag in (full.headers["ETag"], "*", f'"x", {full.headers["ETag"]}'):
        again = served.get("/api/v1/openapi.json", headers={"If-None-Match": tag})
        assert again.status == 304 and again.body == b"", tag
    assert served.get("/api/v1/openapi.json", headers={"If-None-Match": '"other"'}).status == 200


def test_gzip(served):
    """Long JSON is packed for who takes it, and for nobody else."""
    plain = served.get("/api/v1/openapi.json")
    packed = served.get("/api/v1/openapi.json", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    assert plain.headers["Content-Encoding"] is None
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.body) == plain.body
    assert served.get("/api/v1/openapi.json", headers={"Accept-Encoding": "gzip;q=0"}).headers["Content-Encoding"] is None
    assert served.get("/api/v1/health", headers={"Accept-Encoding": "gzip"}).headers["Content-Encoding"] is None


def test_security_headers(served):
    """Every answer carries the policy of the page, errors too."""
    for path in ("/", "/api/v1/health", "/api/v1/nothing"):
        headers = served.get(path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_openapi_lists_every_route(served):
    """OpenAPI 3.1, made from the table of routes."""
    document = served.get("/api/v1/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert "get" in document["paths"]["/api/v1/health"] and "get" in document["paths"]["/api/v1/events"]
    names = [p["name"] for p in document["paths"]["/api/v1/events"]["get"]["parameters"]]
    assert names == ["project", "last"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)


def test_metrics(served):
    """/metrics speaks Prometheus."""
    answer = served.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    lines = answer.body.decode().splitlines()
    assert "gantry_up 1" in lines
    for line in lines:
        assert line.startswith("# ") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0, line


def test_bodies(served):
    """Too much is 413 before it is sent and while it is; what is no JSON object is 400, no JSON at all 415."""
    path = "/api/v1/session"
    announced = served.raw(b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 900000000\r\n\r\n")
    assert announced.startswith(b"HTTP/1.1 413 "), announced
    big = b"x" * (9 << 20)
    chunked = b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (
        path.encode(), len(big), big)
    assert served.raw(chunked).startswith(b"HTTP/1.1 413 ")
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as s:  # a body without end is cut
        s.sendall(b"POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n" % path.encode())
        piece, sent = b"x" * (1 << 20), 0
        with pytest.raises(ConnectionError):
            while sent < 200:
                s.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
                sent += 1
        assert sent < 100
    kind = {"Content-Type": "application/json"}
    for body in ("{", "[1]", "nonsense", '{"a":1,"a":2}', '{"a":1} x', "\0", '"\ud800"'.encode("utf-8", "surrogatepass")):
        answer = served.request("POST", path, body, headers=kind)
        assert answer.status == 400, (body, answer)
        assert answer.json["detail"]
    assert served.request("POST", path, "a=1", headers={"Content-Type": "application/x-www-form-urlencoded"}).status == 415
    assert served.post(path, {"no such field": 1}).status == 400


@pytest.mark.parametrize("data", [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\0\0\0\0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
    b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
    b"GET /%00 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", b"GET /../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -5\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nFolded: a\r\n b\r\n\r\n", os.urandom(3000),
])
def test_malformed(served, data):
    """Whatever comes: an error or a closed connection, and the server goes on."""
    got = served.raw(data)
    assert not got or got.startswith(b"HTTP/1.1 4") or got.startswith(b"HTTP/1.1 5"), got[:200]
    assert served.get("/api/v1/health").status == 200


def test_page_files_stay_below_the_webroot(g):
    """Path confinement: a file of the page, and nothing above it by dots or links."""
    root = g.base / "page"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_text("<p>page")
    (root / "assets" / "a-1.js").write_text("let a = 1;\n" * 500)
    (g.base / "secret").write_text("secret")
    (root / "link").symlink_to(g.base / "secret")
    with Server(g, "--webroot", root) as s:
        assert s.get("/").body == b"<p>page"
        script = s.get("/assets/a-1.js")
        assert "immutable" in script.headers["Cache-Control"] and "javascript" in script.headers["Content-Type"]
        assert s.get("/").headers["Cache-Control"] == "no-cache"
        part = s.get("/assets/a-1.js", headers={"Range": "bytes=4-8"})
        assert part.status == 206 and part.body == b"a = 1" and part.headers["Content-Range"] == "bytes 4-8/5500"
        assert s.get("/assets/a-1.js", headers={"Range": "bytes=9000-"}).status == 416
        for path in ("/link", "/../secret", "/%2e%2e/secret", "/..%2fsecret", "/assets/../../secret", "/assets"):
            answer = s.get(path)
            assert answer.status in (400, 404) and b"secret\n" not in answer.body, path


def test_keep_alive(served):
    """Many requests go through one connection."""
    connection = served.connection()
    for _ in range(50):
        assert served.get("/api/v1/health", connection=connection).status == 200
    connection.close()


def test_slow_senders_are_cut(served):
    """Slowloris: a byte now and then keeps no connection open, in the headers or in the body."""
    head = socket.create_connection(("127.0.0.1", served.port))
    body = socket.create_connection(("127.0.0.1", served.port))
    body.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                 b"Content-Length: 100\r\n\r\n")
    head.sendall(b"GET / HTTP/1.1\r\n")

    def cut(s, data):
        try:
            s.sendall(data)
            s.setblocking(False)
            return s.recv(100) is not None
        except BlockingIOError:
            return False
        except OSError:
            return True
        finally:
            s.setblocking(True)
    left = {head: b"A: b\r\n", body: b"x"}

    def all_cut():
        time.sleep(0.3)
        for s in list(left):
            if cut(s, left[s]):
                del left[s]
        return not left
    runner.wait_for(all_cut, "slow senders are cut", 90)
    assert served.get("/api/v1/health").status == 200


# -- live events ---------------------------------------------------------------------------------------------------
def test_events_follow_a_run(g, served):
    """X19, X20: changes of rows, tasks and runs reach an open page, in order."""
    events = served.events()
    assert events.wait("hello")["version"] == "0.1.0"
    project(g)
    events.wait("projects")
    g.batch("b", runner.script('sleep 0.5; echo x > "$o1"'))
    g.ok("run", "b")
    done = events.wait("runs", lambda d: d["rows"][0]["state"] == "finished")
    assert done["rows"][0]["counts"] == {"done": 3}
    rows = {}
    seen = []
    for change in events.of("items"):
        for row in change["rows"]:
            rows[row[0]] = row
            seen.append(row[3])
    assert sorted(row[1] for row in rows.values()) == ["Done"] * 3 and "running" in seen
    states = {}
    for change in events.of("tasks"):
        for row in change["rows"]:
            states.setdefault(row[0], []).append(row[4])
    assert len(states) == 3 and all(s[-1] == "done" for s in states.values())
    numbers = [int(ident.split("-")[1]) for ident, _, _ in events.list]
    assert numbers == sorted(numbers)
    events.close()


def test_progress_of_a_running_task(g, served):
    """X20: how far a task is, while it runs."""
    project(g, 1)
    events = served.events()
    say = """echo '@gantry {"progress":0.25,"message":"a quarter"}'"""
    g.batch("b", runner.script(f'{say}; sleep 1.5; echo x > "$o1"'))
    g.start("run", "b", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    events.wait("tasks", lambda d: any(row[4] == "running" and row[5] == 0.25 for row in d["rows"]))
    events.wait("items", lambda d: any(row[3] == "running" and row[4] == 0.25 for row in d["rows"]))
    events.wait("runs", lambda d: d["rows"][0]["state"] == "finished")
    events.close()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_replay_after_a_broken_connection(g, served, packed):
    """A client that comes back with Last-Event-ID misses nothing; one with an unknown id is told to start anew. Packed
    streams begin anywhere in what was packed once for all."""
    project(g)
    events = served.events(packed=packed)
    events.wait("hello")
    g.ok("set", "cor=1.5", "s_000.h5")
    events.wait("items")
    last = events.last
    events.close()
    g.ok("set", "cor=2.5", "s_001.h5")
    g.ok("set", "cor=3.5", "s_002.h5")
    again = served.events(last=last, packed=packed)
    again.wait("items", lambda d: any(row[5] == 3.5 for row in d["rows"]))
    got = {row[0]: row[5] for d in again.of("items") for row in d["rows"]}
    assert sorted(got.values()) == [2.5, 3.5] and not again.of("reset")
    assert again.list[0][1] == "hello" and again.list[0][0] == last
    again.close()
    stranger = served.events(last="00000000-7", packed=packed)
    stranger.wait("reset")
    stranger.close()


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_events_of_one_project(g, served, packed):
    """A page that looks at one project hears of that one."""
    project(g, 1)
    other = g.base / "other"
    other.mkdir()
    scans.write(other / "o_000.h5", **TINY)
    g.ok("init", "--name", "other", cwd=other)
    g.ok("scan", cwd=other)
    ids = {row["name"]: row["id"] for row in g.json("ls")}
    assert ids
    events = served.events("?project=1", packed=packed)
    everything = served.events(packed=packed)
    events.wait("hello")
    g.ok("set", "cor=9.5", "o_000.h5", cwd=other)
    g.ok("set", "cor=8.5", "s_000.h5")
    events.wait("items", lambda d: d["rows"][0][5] == 8.5)
    assert all(d["project"] == 1 for d in events.of("items"))
    everything.wait("items", lambda d: d["project"] != 1 and d["rows"][0][5] == 9.5)
    events.close()
    everything.close()


def test_what_nobody_heard_is_not_skipped(g, served):
    """DESIGN 8: a client that goes on from a list's "seq", or from its last event, misses nothing: what changed while
    nobody listened ends that place, and the client is told to fetch anew."""
    project(g)
    page = served.get("/api/v1/items?project=1").json
    change = {"project": 1, "items": [page["items"][0]["id"]], "set": {"cor": 4.0}}
    served.ok("PATCH", "/api/v1/items", change)
    first = served.events()
    boot = first.wait("hello")["boot"]
    late = served.events(last=f"{boot}-{page['seq']}")
    late.wait("reset")
    late.close()
    # the list that is fetched now knows it
    page = served.get("/api/v1/items?project=1").json
    again = served.events(last=f"{boot}-{page['seq']}")
    assert again.wait("hello")["seq"] == page["seq"] and not again.of("reset")
    served.ok("PATCH", "/api/v1/items", {**change, "set": {"cor": 5.0}})
    again.wait("items", lambda data: data["rows"][0][5] == 5.0)
    # between two streams: kept for who comes back
    last = again.last
    again.close()
    first.close()
    runner.wait_for(lambda: b"\ngantry_event_clients 0\n" in served.get("/metrics").body, "nobody")
    served.ok("POST", "/api/v1/watch", {"project": 1})
    back = served.events(last=last)
    back.wait("watch")
    assert not back.of("reset")


def test_slow_client_is_cut_and_comes_back(g, served):
    """A client that does not read is cut when it lags too far; the others go on, and it goes on from its last id."""
    many_rows(g)
    turn = itertools.count(1)
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    slow.connect(("127.0.0.1", served.port))
    slow.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {served.token}\r\n\r\n".encode())
    first = slow.recv(300)
    assert b"200 OK" in first
    quick = served.events()
    quick.wait("hello")

    def is_cut():
        g.ok("set", f"cor={next(turn) % 90 / 10}", "*")
        return "gantry_event_clients 1" in served.get("/metrics").body.decode().splitlines()
    runner.wait_for(is_cut, "the slow client is cut", 120)
    slow.close()
    assert not quick.ended
    again = served.events(last=quick.last)
    again.wait("hello")
    g.ok("set", "cor=10.75", "s_000.h5")
    again.wait("items", lambda d: any(row[5] == 10.75 for row in d["rows"]))
    assert not again.of("reset")
    quick.close()
    again.close()


def many_rows(g, n=1500):
    """So many scans (one file, linked) that a change of all of them is a long event."""
    scans.write(g.base / "one.h5", **TINY)
    for i in range(n):
        os.link(g.base / "one.h5", g.data / f"s_{i:03d}.h5")
    g.ok("init", "--name", "data")
    g.ok("scan")


def test_tables_that_nobody_waits_for_leave_nothing(g, served):
    """R: a client that goes away while its table is made: the child ends, nothing stays in the home."""
    project(g, 1)
    g.batch("b", runner.script('echo x > "$o1"'))
    g.ok("run", "b")
    head = "".join(f"{name}: {value}\r\n" for name, value in served.headers().items())
    for i in range(60):
        with socket.create_connection(("127.0.0.1", served.port)) as caller:
            caller.sendall(f"GET /api/v1/results/1?format=xlsx HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n{head}\r\n".encode())
            time.sleep(0.002 * (i % 15))  # at another point of the child's work each time
    runner.wait_for(lambda: not list(g.home.glob("results-*")), "the home is tidy")


# -- its life ------------------------------------------------------------------------------------------------------
def test_stop_and_start_again(g):
    """Clean stop on SIGTERM: what runs goes on and the next server takes it up; nothing is lost, nothing twice."""
    project(g, 4)
    g.batch("b", runner.script('echo run >> "$o1.count"; sleep 1; cat "$o1.count" > "$o1"; rm "$o1.count"'))
    with Server(g) as s:
        g.ok("run", "b", "--detach")
        runner.wait_for(lambda: "running" in g.states().values(), "a task runs")
        events = s.events()
        events.wait("hello")
        assert s.stop() == 0, s.err
        assert s.err == ""
        runner.wait_for(lambda: events.ended, "the stream ends")
    assert not (g.home / "serve.json").exists()
    with Server(g):
        runner.wait_for(lambda: set(g.states().values()) == {"done"}, "the next server finishes it")
    assert [len((g.rec / f"s_{i:03d}" / "out.txt").read_text().split()) for i in range(4)] == [1] * 4


def test_stop_with_requests_at_the_door(g):
    """X21: requests that come in the moment the server ends neither hold it nor break it."""
    with Server(g) as served:
        head = "".join(f"{name}: {value}\r\n" for name, value in served.headers().items())
        os.kill(served.pid, signal.SIGSTOP)  # so that the signal and all requests are found at once
        callers = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(40)]
        for i, caller in enumerate(callers):
            path = ("folders", "events", "health")[i % 3]  # one by a child, one without an end, one at once
            caller.sendall(f"GET /api/v1/{path} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n{head}\r\n".encode())
        os.kill(served.pid, signal.SIGTERM)
        os.kill(served.pid, signal.SIGCONT)
        assert served.stop() == 0, served.err
        for caller in callers:
            caller.close()


def test_killed_and_started_again(g):
    """kill -9 of the server under an open stream: the next one goes on, and its ids are told apart."""
    project(g, 4)
    g.batch("b", runner.script('sleep 1; echo x > "$o1"'))
    first = Server(g)
    events = first.events()
    g.ok("run", "b", "--detach")
    events.wait("tasks")
    last = events.last
    os.kill(first.pid, signal.SIGKILL)
    first.process.wait()
    runner.wait_for(lambda: events.ended, "the stream ends")
    with Server(g) as second:
        again = second.events(last=last)
        again.wait("reset")
        runner.wait_for(lambda: set(g.states().values()) == {"done"}, "the next server finishes it")
        again.close()
    first.stop()


def test_a_second_server_says_where_the_first_is(g, served):
    """One engine a home: the second says its pid and where it answers."""
    outcome = g.fails(1, "serve", "--listen", "127.0.0.1:0")
    assert str(served.pid) in outcome.err and f"http://127.0.0.1:{served.port}/" in outcome.err
    assert outcome.err.count("\n") == 1
    place = g.home / "serve.json"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert json.loads(place.read_text())["pid"] == served.pid


def test_a_server_beside_a_run_says_who_is_there(g):
    """`gantry run` is the engine for as long as it runs."""
    project(g, 1)
    g.batch("b", runner.script('sleep 4; echo x > "$o1"'))
    run = g.start("run", "b", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runner.wait_for(lambda: (g.home / "engine.sock").exists() and "running" in g.states().values(), "it runs")
    outcome = g.fails(1, "serve", "--listen", "127.0.0.1:0")
    assert str(run.pid) in outcome.err and "run b" in outcome.err
    run.wait(runner.HANG)


def test_a_taken_port(g, served):
    """One clear line."""
    other = runner.Gantry(g.program, g.base / "second")
    outcome = other.fails(1, "serve", "--listen", f"127.0.0.1:{served.port}")
    assert f"port {served.port} is taken" in outcome.err and outcome.err.count("\n") == 1
    for address in ("127.0.0.1:99999", "nonsense", "127.0.0.1:x"):
        assert other.fails(2, "serve", "--listen", address).err.count("\n") == 1


def test_a_killed_server_leaves_no_tables_behind(g):
    left = g.home / "results" / "abc"
    left.mkdir(parents=True)
    (left / "table.csv").write_text("half")
    with Server(g):
        assert not left.exists()


def test_detached(g):
    """--detach: the address is printed, the process stays, and ends by SIGTERM."""
    outcome = g.ok("serve", "--detach", "--listen", "127.0.0.1:0")
    assert "http://127.0.0.1:" in outcome.out and "ssh -L " in outcome.out
    pid = json.loads((g.home / "serve.json").read_text())["pid"]
    assert outcome.out.count(str(pid)) == 1
    assert g.fails(1, "serve", "--detach", "--listen", "127.0.0.1:0").err.count("\n") == 1
    os.kill(pid, signal.SIGTERM)
    runner.wait_for(lambda: not (g.home / "serve.json").exists(), "it ends")


def plain(text):
    """Without what differs from one run to the next: times, paths, numbers of processes, and widths of columns."""
    text = re.sub(r'"(pid|pid_start|peak_bytes|cpu_us|slot|seconds|[a-z_]+_us|mtime_ns|fingerprint)": ?"?[\w.-]+"?', "V", text)
    text = re.sub(r"gantry: the page of this home is at \S+\n", "", text)  # the one thing that a server adds
    text = re.sub(r"\d\d\d\d-\d\d-\d\dT[\d:.]+Z|\d+(\.\d+)? s\b|\d\d:\d\d(:\d\d)?", "T", text)
    return re.sub(r"[ -]+", " ", re.sub(r"/tmp/[\w./-]+|\b1\d{9,}\b", "P", text))


def session_of_commands(g):
    """What a person types, and what comes back."""
    out = []
    for i in range(3):
        scans.write(g.data / f"s_{i:03d}.h5", **TINY)
    g.batch("b", runner.script('test "$(basename "$f1")" != s_001.h5 || exit 3; sleep 0.4; echo x > "$o1"'))
    g.ok("config", "set", "slots=1")  # the order in which tasks end
    for args in (["init", "--name", "data"], ["scan"], ["ls"], ["set", "cor=4.5", "s_000.h5"], ["cor", "list"],
                 ["run", "b"], ["status"], ["ps", "--all"], ["errors"], ["log", "s_000/work"],
                 ["retry", "s_001/work"], ["run", "--resume"], ["ps", "--all"], ["hold", "s_002/work"],
                 ["kill", "last"], ["results", "1"], ["why", "s_000/work"], ["ls", "--json"],
                 ["forget", "s_002.h5", "-y"], ["ls"], ["show", "1"]):
        outcome = g.run(*args)
        out.append((args, outcome.rc, plain(outcome.out), plain(outcome.err)))
    return out


def test_commands_say_the_same_through_a_server(g, tmp_path):
    """DESIGN 3: with a server running the commands hand over to it; both ways give the same result."""
    alone = session_of_commands(g)
    other = runner.Gantry(g.program, g.base / "second")
    with Server(other):
        through = session_of_commands(other)
    for a, b in zip(alone, through):
        assert a == b, f"alone:\n{a}\n\nthrough the server:\n{b}"


def test_status_and_doctor_say_where_it_listens(g, served):
    """Where the server of this home is, without its token: status on stderr, doctor with the file that has the rest.
    Every line of doctor says something. After a kill -9 the file that it left counts for nothing."""
    bare = f"http://127.0.0.1:{served.port}/"
    status, doctor = g.ok("status"), g.run("doctor")
    assert f"the page of this home is at {bare}\n" in status.err and bare not in status.out
    assert g.run("status", "--json").err == ""
    [line] = [line for line in doctor.out.split("\n") if " server " in line]
    assert f"listens at {bare};" in line and str(g.home / "serve.json") in line
    [engine] = [row for row in g.run("doctor", "--json").json() if row["what"] == "engine"]
    assert f"process {served.pid} on" in engine["found"]
    assert all(line.strip() for line in doctor.out.rstrip("\n").split("\n"))
    assert served.token and served.token not in status.out + status.err + doctor.out + doctor.err
    served.process.kill()
    served.process.wait()
    assert (g.home / "serve.json").exists()
    assert "page of this home" not in g.ok("status").err
    assert "none is running; gantry serve starts one" in g.run("doctor").out
