"""A real `gantry serve` for the tests: started in the home of a `g`, spoken to with Python's own HTTP client, and with
plain sockets where a test must misbehave."""
import http.client
import json
import socket
import subprocess
import threading
import time
import zlib

import runner


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"HTTP {self.status}\n{self.headers}\n{self.body[:2000]!r}"


class Server:
    """`with Server(g) as s: s.get("/api/v1/health").json`; `auth=False` leaves the token out."""

    def __init__(self, g, *args, listen="127.0.0.1:0"):
        self.g = g
        self.process = g.start("serve", "--listen", listen, "--json", *args, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"no server: {self.process.communicate()[1]}")
        self.where = json.loads(line)
        self.port, self.url, self.pid = self.where["port"], self.where["url"], self.where["pid"]
        self.token = self.url.partition("token=")[2]

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()

    def stop(self):
        """SIGTERM, and its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.out, self.err = self.process.communicate(timeout=runner.HANG)
        except ValueError:  # closed already
            pass
        return self.process.returncode

    # -- requests ------------------------------------------------------------------------------------------------
    def headers(self, auth=True, headers=None):
        own = {"Authorization": f"Bearer {self.token}"} if auth and self.token else {}
        return {**own, **(headers or {})}

    def connection(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def request(self, method, path, body=None, *, auth=True, headers=None, connection=None):
        own = connection or self.connection()
        headers = self.headers(auth, headers)
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        own.request(method, path, body, headers)
        response = own.getresponse()
        answer = Answer(response.status, response.headers, response.read())
        if not connection:
            own.close()
        return answer

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, {} if body is None else body, **options)

    def ok(self, method, path, body=None, **options):
        answer = self.request(method, path, body, **options)
        assert 200 <= answer.status < 300, answer
        return answer.json

    def raw(self, data, timeout=1.5):
        """What comes back for these bytes until the server closes, or says nothing more for a while."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as s:
            got = b""
            try:
                s.sendall(data)
                while chunk := s.recv(65536):
                    got += chunk
            except OSError:
                pass
        return got

    def events(self, query="", last=None, auth=True, packed=False):
        return Events(self, query, last, auth, packed)


class Events:
    """Server-Sent Events as they come: a list of (id, event, data); packed: as a browser asks for them."""

    def __init__(self, server, query="", last=None, auth=True, packed=False):
        self.list, self.ended, self.comments = [], False, 0
        self.connection = server.connection(timeout=None)
        headers = server.headers(auth, {"Last-Event-ID": last} if last else {})
        if packed:
            headers["Accept-Encoding"] = "gzip, deflate, br"
        self.connection.request("GET", "/api/v1/events" + query, headers=headers)
        self.response = self.connection.getresponse()
        assert self.response.status == 200, self.response.read()
        assert self.response.getheader("Content-Encoding") == ("gzip" if packed else None)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _lines(self):
        """Each as soon as it is there; a packed one as soon as what came so far holds it."""
        if not self.response.getheader("Content-Encoding"):
            while line := self.response.readline():
                yield line.decode().rstrip("\n")
            return
        unpack, rest = zlib.decompressobj(wbits=31), b""
        while packed := self.response.read1(65536):
            *lines, rest = (rest + unpack.decompress(packed)).split(b"\n")
            for line in lines:
                yield line.decode()

    def _read(self):
        ident, event, data = None, None, None
        try:
            for line in self._lines():
                if line.startswith("id: "):
                    ident = line[4:]
                elif line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif line.startswith(":"):
                    self.comments += 1
                elif not line and event:
                    self.list.append((ident, event, json.loads(data)))
                    event = None
        except (OSError, ValueError, AttributeError, http.client.HTTPException):
            pass
        self.ended = True

    def of(self, kind):
        return [data for _, event, data in list(self.list) if event == kind]

    def wait(self, kind, check=lambda data: True, seconds=30):
        return runner.wait_for(lambda: [d for d in self.of(kind) if check(d)], f"event {kind}", seconds)[0]

    @property
    def last(self):
        return self.list[-1][0]

    def close(self):
        """As when a network goes: the socket is closed under the stream."""
        try:
            self.connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
        self.connection.close()
        for _ in range(100):
            if self.ended:
                break
            time.sleep(0.01)
