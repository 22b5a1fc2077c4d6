"""Runs the built `gantry` in a home of its own, as a person or a script would, and reads what it says."""
import json
import os
import pathlib
import signal
import subprocess
import time

# Nothing here takes this long; a test that reaches it hangs, and says so.
HANG = int(os.environ.get("GANTRY_TEST_HANG", "180"))


class Outcome:
    def __init__(self, args, rc, out, err):
        self.args, self.rc, self.out, self.err = args, rc, out, err

    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"gantry {' '.join(map(str, self.args))}\nexit {self.rc}\nstdout: {self.out}\nstderr: {self.err}"


class Gantry:
    def __init__(self, program, base):
        self.program = program
        self.base = pathlib.Path(base)
        self.home = self.base / "home"
        self.data = self.base / "data"
        self.rec = self.base / "data_rec"
        self.data.mkdir(parents=True)
        self.started = []
        self.prefix = []
        self.env = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "HOME": str(self.base),
            "GANTRY_HOME": str(self.home),
            "LANG": "C.UTF-8",
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_LIBRARY_PATH", "HDF5_PLUGIN_PATH"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    # -- running -------------------------------------------------------------------------------------------------
    def start(self, *args, cwd=None, env=None, **options):
        process = subprocess.Popen([*self.prefix, self.program, *map(str, args)], cwd=cwd or self.data,
            env={**self.env, **(env or {})}, start_new_session=True, **options)
        self.started.append(process)
        return process

    def run(self, *args, cwd=None, env=None, stdin=None, timeout=HANG):
        process = self.start(*args, cwd=cwd, env=env, stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="surrogateescape")
        try:
            out, err = process.communicate(stdin, timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"hangs: gantry {' '.join(map(str, args))}\n{out}\n{err}") from None
        return Outcome(args, process.returncode, out, err)

    def ok(self, *args, **options):
        outcome = self.run(*args, **options)
        assert outcome.rc == 0, outcome
        return outcome

    def fails(self, status, *args, **options):
        """Exit status as stated, and one clear line on stderr that is no crash and no stack of errors."""
        outcome = self.run(*args, **options)
        assert outcome.rc == status, outcome
        assert outcome.err.strip(), outcome
        return outcome

    def json(self, *args, status=0, **options):
        outcome = self.run(*args, "--json", **options)
        assert status is None or outcome.rc == status, outcome
        return outcome.json()

    # -- reading -------------------------------------------------------------------------------------------------
    def ls(self, *args, **options):
        return self.json("ls", *args, **options)

    def row(self, name):
        """The list row of one scan by its file name."""
        rows = [row for row in self.ls() if row["name"] == name]
        assert len(rows) == 1, (name, rows)
        return rows[0]

    def tasks(self):
        """All tasks of the newest run, finished ones too."""
        return self.json("ps", "--all")

    def states(self):
        return {f"{task['item']}/{task['job']}": task["state"] for task in self.tasks()}

    # -- files ---------------------------------------------------------------------------------------------------
    def batch(self, name, *jobs, level="scan", **options):
        """Save a batch of the given jobs (dictionaries)."""
        path = self.base / f"{name}.json"
        path.write_text(json.dumps({"gantry": 1, "name": name, "level": level, "jobs": list(jobs), "options": options}))
        self.ok("batch", "save", path)
        return name

    def leftovers(self):
        """Staging folders that something forgot, in the data folder and beside it."""
        found = []
        for root in (self.data, self.rec):
            found += [p for p in root.rglob(".gantry-*")] if root.exists() else []
        return found

    # -- processes -----------------------------------------------------------------------------------------------
    def processes(self):
        """{pid: command line} of every live process that belongs to this home."""
        mark = f"GANTRY_HOME={self.home}".encode()
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    state = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()[0]
                    if state != "Z":
                        words = (entry / "cmdline").read_bytes().split(b"\0")[:-1]
                        found[int(entry.name)] = [w.decode(errors="replace") for w in words]
            except OSError:
                pass
        return found

    def kill_all(self, number=signal.SIGKILL):
        for _ in range(100):
            alive = self.processes()
            if not alive:
                break
            for pid in alive:
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
            time.sleep(0.01)
        for process in self.started:
            process.poll()


def wait_for(condition, what, seconds=60):
    """Polls until the condition holds; the limit only ends a hang."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"never happened: {what}")


def kill(pids):
    """SIGKILL for each that is still there; how many were."""
    hit = 0
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
            hit += 1
        except OSError:
            pass
    return hit


def script(text, *, job="work", out="out.txt", **more):
    """A script.bash job over the scan's own file, with one output `$o1` unless out is None."""
    args = {"script": text, "f1": {"FILE": "."}}
    if out:
        args["o1"] = {"OUT": out}
    args.update(more.pop("args", {}))
    return {"id": job, "tool": "script.bash", "args": args, **more}
