#!/usr/bin/python3
"""usage: bench/serve.py [TASKS]   What a server costs (default 10000 tasks).

Requests a second on 16 kept connections; CPU and memory of an idle server, with and without open pages; and the same
run of tasks with no page, one and 200 pages open, so that the difference is what the pages cost. The server's own
threads are counted, not the tasks. Asserts nothing. The clients are one process that reads and throws away.
"""
import json
import os
import pathlib
import selectors
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from engine import GANTRY, TICK, Bench  # noqa: E402

COUNTS = (0, 1, 200)  # pages open
TURNS = 5
CONNECTIONS = 16


def cpu_of(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory_of(pid, what):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    return 0.0


class Server:
    def __init__(self, bench):
        self.bench = bench
        self.start()

    def start(self):
        self.process = subprocess.Popen([GANTRY, "serve", "--listen", "127.0.0.1:0", "--json"], cwd=self.bench.data,
                                        env=self.bench.env, stdout=subprocess.PIPE, text=True)
        self.where = json.loads(self.process.stdout.readline())
        self.pid, self.port = self.where["pid"], self.where["port"]
        self.head = f"Host: 127.0.0.1:{self.port}\r\nAuthorization: Bearer {self.where['url'].partition('token=')[2]}\r\n"

    def connect(self, path):
        s = socket.create_connection(("127.0.0.1", self.port))
        s.sendall(f"GET {path} HTTP/1.1\r\n{self.head}\r\n".encode())
        return s

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def restart(self):
        self.stop()
        self.start()


def reader(port_line):
    """Child: opens streams as a page does and reads them until its standard input ends; prints the bytes it got."""
    where = json.loads(port_line)
    chosen = selectors.DefaultSelector()
    for _ in range(where["count"]):
        s = socket.create_connection(("127.0.0.1", where["port"]))
        s.sendall(f"GET /api/v1/events HTTP/1.1\r\nAccept-Encoding: gzip\r\n{where['head']}\r\n".encode())
        s.setblocking(False)
        chosen.register(s, selectors.EVENT_READ)
    chosen.register(sys.stdin, selectors.EVENT_READ)
    total = 0
    print("open", flush=True)
    while True:
        for key, _ in chosen.select():
            if key.fileobj is sys.stdin:
                print(total, flush=True)
                return
            try:
                total += len(key.fileobj.recv(1 << 16))
            except BlockingIOError:
                pass


class Pages:
    def __init__(self, server, count):
        self.process = subprocess.Popen([sys.executable, __file__, "--reader",
                                         json.dumps({"port": server.port, "head": server.head, "count": count})],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def close(self):
        self.process.stdin.close()
        total = int(self.process.stdout.readline())
        self.process.wait()
        return total


def requests_a_second(server, path, most=2000):
    """Not more than the server lets one caller ask at once."""
    chosen = selectors.DefaultSelector()
    request = f"GET {path} HTTP/1.1\r\n{server.head}\r\n".encode()
    for _ in range(CONNECTIONS):
        s = socket.create_connection(("127.0.0.1", server.port))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        chosen.register(s, selectors.EVENT_READ)
        s.sendall(request)
    done, start, before = 0, time.monotonic(), cpu_of(server.pid)
    while done < most:
        for key, _ in chosen.select():
            if not key.fileobj.recv(1 << 16).startswith(b"HTTP/1.1 200"):
                sys.exit(f"bench: {path} is refused")
            key.fileobj.sendall(request)
            done += 1
    wall, used = time.monotonic() - start, cpu_of(server.pid) - before
    chosen.close()
    print(f"{path}: {done / wall:.0f} requests/s on {CONNECTIONS} connections (the client is Python); "
          f"{used / done * 1e6:.0f} us of the server each", flush=True)
    time.sleep(3)


def idle(server, words, seconds=5):
    before = cpu_of(server.pid)
    time.sleep(seconds)
    print(f"idle, {words}: {(cpu_of(server.pid) - before) * 1e3:.0f} ms CPU in {seconds} s, "
          f"{memory_of(server.pid, 'VmRSS'):.1f} MB", flush=True)


def run_tasks(bench, server, batch, tasks, words):
    before, start = cpu_of(server.pid), time.monotonic()
    out = subprocess.run([GANTRY, "run", batch, "--slots", "2", "--detach", "--json"], cwd=bench.data, env=bench.env,
                         check=True, capture_output=True, text=True)
    run = json.loads(out.stdout)["run"]
    while True:
        time.sleep(0.2)
        out = subprocess.run([GANTRY, "status", "--json"], cwd=bench.data, env=bench.env, capture_output=True, text=True)
        rows = json.loads(out.stdout)
        if [row["state"] for row in rows if row["id"] == run] == ["finished"]:
            break
    wall = time.monotonic() - start
    used = cpu_of(server.pid) - before
    print(f"| {words:28} | {tasks:6} | {wall:6.2f} | {tasks / wall:7.0f} | {used:6.2f} | {100 * used / wall:7.1f} | "
          f"{memory_of(server.pid, 'VmHWM'):6.1f} |", flush=True)
    return used


def measure(bench, server, tasks):
    idle(server, "nobody looks")
    requests_a_second(server, "/api/v1/health")
    requests_a_second(server, "/")
    print(f"| {'':28} |  tasks | wall s | tasks/s |  CPU s | % core* | MB top |")
    print(f"|{'-' * 30}|{'-' * 8}|{'-' * 8}|{'-' * 9}|{'-' * 8}|{'-' * 9}|{'-' * 8}|")
    used, sent = {count: [] for count in COUNTS}, {}
    for turn in range(TURNS):
        server.restart()  # a server still collects for a minute after the last page went
        for count in COUNTS:
            words = f"{count} page{'s' * (count != 1)} open"
            pages = Pages(server, count)
            if turn == 0:
                idle(server, words)
            used[count].append(run_tasks(bench, server, f"{count}-{turn}", tasks, words))
            sent[count] = pages.close()
    print("* of the server process.")
    for count in COUNTS[1:]:
        more = (statistics.median(used[count]) - statistics.median(used[0])) / tasks
        print(f"{count} page{'s' * (count != 1)} cost {more * 1e5:.1f} % of a core at 1,000 tasks/s (medians of {TURNS}); "
              f"{sent[count] / count / tasks:.0f} bytes a task and page")


def main():
    if sys.argv[1:2] == ["--reader"]:
        reader(sys.argv[2])
        return
    tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 10000
    bench = Bench(tasks)
    for name in (f"{count}-{turn}" for count in COUNTS for turn in range(TURNS)):
        bench.batch(name, "noop", {"tag": name})
    server = Server(bench)
    try:
        measure(bench, server, tasks)
    finally:
        server.stop()
        bench.close()


if __name__ == "__main__":
    main()
