"""Files sent to the server: kept outside memory, for who sent them, within the limit.

Issue 6 parts 1 and 5 (models and masks are sent from the page); DESIGN 8 (roles, CSRF). REQUIREMENTS W8.
"""
import os
import stat

import pytest
import server as running
from browser import Client
from runner import wait_for

PASSWORD = "a long enough one"


@pytest.fixture
def served(g):
    for name, role in (("anna", "admin"), ("olaf", "operator"), ("vera", "viewer")):
        g.ok("user", "add", name, "--role", role, stdin=PASSWORD + "\n")
    g.ok("config", "set", "upload_max=1M")
    (g.home / "uploads" / "1-left").mkdir(parents=True)
    with running.Server(g) as server:
        yield server


def send(client, name, data, **headers):
    return client.ask("PUT", f"/api/v1/uploads/{name}", raw=data, headers=headers)


def kept(g):
    return sorted(p.relative_to(g.home / "uploads").as_posix() for p in (g.home / "uploads").rglob("*") if p.is_file())


def test_a_file_is_kept_for_who_sent_it(g, served):
    """Byte for byte, private, under a name nobody can guess; a server that starts has none of the one before."""
    assert not (g.home / "uploads").exists()
    olaf = Client(served.port).login("olaf", PASSWORD)
    data = os.urandom(700_000)
    answer = send(olaf, "a%20mask.nii.gz", data)
    assert answer.status == 201, answer
    said = answer.json()
    assert said["name"] == "a mask.nii.gz" and len(said["upload"]) > 32
    path = g.home / "uploads" / said["upload"] / "a mask.nii.gz"
    assert path.read_bytes() == data and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert send(olaf, "empty", b"").status == 201
    served.stop()
    with running.Server(g):
        assert not (g.home / "uploads").exists()


def test_what_is_refused(g, served):
    """Rights, CSRF, size, length, names: each with its status, and nothing stays on the disk."""
    olaf, vera = (Client(served.port).login(name, PASSWORD) for name in ("olaf", "vera"))
    assert Client(served.port).ask("PUT", "/api/v1/uploads/a", raw=b"x").status == 401
    assert send(vera, "a", b"x").status == 403
    assert send(olaf, "a", b"x", **{"X-CSRF-Token": "no"}).status == 403
    assert send(olaf, "a", b"x", Origin="http://elsewhere.example").status == 403
    for name in ("..", ".hidden", "%2e%2e%2fetc", "a%2Fb", "a%0Ab", "x" * 201):
        assert send(olaf, name, b"x").status == 400, name
    cookies = "; ".join(f"{k}={v}" for k, v in olaf.cookies.items())
    cookie = f"Host: 127.0.0.1:{served.port}\r\nCookie: {cookies}\r\nX-CSRF-Token: {olaf.csrf}\r\n"
    got = served.raw(f"PUT /api/v1/uploads/a HTTP/1.1\r\n{cookie}Content-Length: 1048577\r\n\r\nabc".encode())
    assert got.startswith(b"HTTP/1.1 413") and b"the most is 1 MiB" in got, got
    got = served.raw(f"PUT /api/v1/uploads/a HTTP/1.1\r\n{cookie}Content-Length: 9223372036854775807\r\n\r\nabc".encode())
    assert got.startswith(b"HTTP/1.1 413"), got
    got = served.raw(f"PUT /api/v1/uploads/a HTTP/1.1\r\n{cookie}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".encode())
    assert got.startswith(b"HTTP/1.1 411"), got
    served.raw(f"PUT /api/v1/uploads/cut HTTP/1.1\r\n{cookie}Content-Length: 9000\r\n\r\nabc".encode())  # and goes away
    wait_for(lambda: kept(g) == [], "the half is removed")
    assert send(olaf, "a", b"x").status == 201  # the server lives
