#!/usr/bin/python3
"""usage: bench/engine.py [TASKS...]   What running a task costs (default 1000 and 10000 tasks, 2 slots).

Makes a project of that many tiny scans, then times: the built-in no-op step, a script that does nothing, a run in which
everything is cached, a resume with nothing to do, and an idle engine. Beside it, in the same run, the floor: a C program
that only spawns and waits, from $GANTRY_SKETCHES/spawn-floor when that is there. Asserts nothing.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GANTRY = os.environ.get("GANTRY", str(ROOT / "build" / "gantry"))
SLOTS = 2
# Where a disk decides, it is the disk that is measured: ext4 avoids what was freed in the last minutes.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
TICK = os.sysconf("SC_CLK_TCK")


class Watched:
    """A process whose own CPU and peak memory are sampled until it ends (its children are not counted)."""

    def __init__(self, *args, cwd, env):
        self.start = time.monotonic()
        self.process = subprocess.Popen(args, cwd=cwd, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.cpu = self.peak = 0.0

    def sample(self):
        try:
            fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
            self.cpu = (int(fields[11]) + int(fields[12])) / TICK
            for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM"):
                    self.peak = int(line.split()[1]) / 1024
        except (OSError, IndexError):
            pass

    def wait(self):
        while self.process.poll() is None:
            self.sample()
            time.sleep(0.005)
        self.wall = time.monotonic() - self.start
        if self.process.returncode != 0:
            sys.exit(f"bench: {self.process.args} ended with {self.process.returncode}: "
                     f"{self.process.stderr.read().decode()[-500:]}")
        return self


def tiny_scan(path):
    import h5py
    import numpy as np
    with h5py.File(path, "w", libver="earliest") as file:
        file["/exchange/data"] = np.ones((2, 1, 2), "uint8")
        file["/exchange/data_white"] = np.ones((1, 1, 2), "uint8")
        file["/exchange/data_dark"] = np.zeros((1, 1, 2), "uint8")
        file["/exchange/theta"] = np.arange(2.0)


class Bench:
    def __init__(self, tasks):
        self.tasks = tasks
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir=os.environ.get("GANTRY_BENCH_DIR", MEMORY)))
        self.data = self.base / "data"
        self.data.mkdir()
        self.env = {**os.environ, "GANTRY_HOME": str(self.base / "home"), "HOME": str(self.base)}
        tiny_scan(self.base / "one.h5")
        for index in range(tasks):
            os.link(self.base / "one.h5", self.data / f"s_{index:06}.h5") if index < 60000 else None
        self.gantry("scan")

    def gantry(self, *args):
        return Watched(GANTRY, *map(str, args), cwd=self.data, env=self.env).wait()

    def batch(self, name, tool, args):
        path = self.base / f"{name}.json"
        path.write_text(json.dumps({"gantry": 1, "name": name, "level": "scan", "jobs": [
            {"id": "job", "tool": tool, "args": args}]}))
        self.gantry("batch", "save", path)
        return name

    def close(self):
        shutil.rmtree(self.base, ignore_errors=True)


def row(what, tasks, run):
    rate = tasks / run.wall if tasks else 0
    cpu = run.cpu * 1e6 / tasks if tasks else 0
    print(f"| {what:44} | {tasks:6} | {run.wall:7.2f} | {rate:8.0f} | {cpu:7.0f} | {run.peak:6.1f} |", flush=True)


def floor(tasks, *command):
    source = pathlib.Path(os.environ.get("GANTRY_SKETCHES", ROOT.parent / "shared" / "examples")) / "spawn-floor" / "floor.c"
    if not source.exists():
        return
    with tempfile.TemporaryDirectory() as folder:
        program = f"{folder}/floor"
        subprocess.run(["gcc", "-O2", "-w", source, "-o", program, "-lsqlite3"], check=True)
        run = Watched(program, str(tasks), str(SLOTS), "spawn", "none", "OFF", "-", *command, cwd=folder, env=os.environ).wait()
        row("floor: spawn + wait, no state: " + " ".join(pathlib.Path(command[0]).name.split() + list(command[1:])), tasks, run)


def idle_share(bench):
    """CPU of an engine that waits for a sleeping tool, over five seconds."""
    name = bench.batch("sleepy", "script.bash", {"script": "sleep 9"})
    engine = Watched(GANTRY, "run", name, "s_000000.h5", cwd=bench.data, env=bench.env)
    time.sleep(2)
    engine.sample()
    before = engine.cpu
    time.sleep(5)
    engine.sample()
    print(f"idle engine: {(engine.cpu - before) * 1e3:.0f} ms CPU in 5 s")
    engine.wait()


def behind_a_server(bench, tasks, name):
    """The engine by itself: the run is another process, which refreshes the list, asks and prints."""
    server = Watched(GANTRY, "serve", "--listen", "127.0.0.1:0", cwd=bench.data, env=bench.env)
    while not (bench.base / "home" / "serve.json").exists():
        time.sleep(0.01)
    server.sample()
    before = server.cpu
    run = bench.gantry("run", name, "--slots", SLOTS)
    server.sample()
    run.cpu, run.peak = server.cpu - before, server.peak
    row("built-in no-op step, engine in a server", tasks, run)
    server.process.terminate()
    server.wait()


def main():
    sizes = [int(word) for word in sys.argv[1:]] or [1000, 10000]
    print(f"| {'':44} |  tasks |  wall s |  tasks/s | us CPU* | MB top |")
    print(f"|{'-' * 46}|{'-' * 8}|{'-' * 9}|{'-' * 10}|{'-' * 9}|{'-' * 8}|")
    for tasks in sizes:
        bench = Bench(tasks)
        noop = bench.batch("noop", "noop", {})
        row("built-in no-op step", tasks, bench.gantry("run", noop, "--slots", SLOTS))
        row("the same again, everything cached", tasks, bench.gantry("run", noop, "--slots", SLOTS))
        row("resume with nothing to do", 0, bench.gantry("run", "--resume"))
        behind_a_server(bench, tasks, bench.batch("noop-again", "noop", {"tag": "again"}))
        if tasks <= 2000:
            script = bench.batch("script", "script.bash", {"script": "true"})
            row("script.bash: true", tasks, bench.gantry("run", script, "--slots", SLOTS))
            floor(tasks, "/bin/bash", "-c", "true")
            floor(tasks, "/bin/true")
            idle_share(bench)
        bench.close()
    print("* of the engine process alone, per task")


if __name__ == "__main__":
    main()
