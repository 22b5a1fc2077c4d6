#!/usr/bin/python3
"""usage: bench/predict-submit.py [SERIES [TIMES]]   What submitting a batch prediction costs until the table has it.

Default: 1,000 series (empty NIfTI files, known to the catalog), five submissions. Through the page's API (a server that runs):
the check that the form makes, POST /predictions until it is answered, and until the new row is in the Batch Prediction Table;
and once `gantry predict --dry-run` from a shell. The model is a tool that sleeps: the slots are busy with its first tasks while
the rest waits, and each prediction is cancelled before the next. Wall milliseconds, the middle one and the longest. Asserts nothing; issue 6 wants 1,000 in < 1 s.
"""
import http.client
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GANTRY = os.environ.get("GANTRY", str(ROOT / "build" / "gantry"))

TOOL = {"schema-version": "0.5", "name": "bench.nothing", "description": "nothing", "tool-version": "1",
    "command-line": "/bin/sh SLEEP [IMAGE] [MASK]",
    "inputs": [{"id": "image", "name": "image", "type": "File", "value-key": "[IMAGE]"},
               {"id": "mask", "name": "mask", "type": "String", "value-key": "[MASK]"}],
    "output-files": [{"id": "mask", "name": "mask", "path-template": "[MASK]"}], "custom": {"gantry": {"level": "series"}}}
CARD = {"gantry": 1, "name": "nothing", "version": "1", "task": "segmentation", "engine": "tool:bench.nothing",
    "input": {"modality": "any", "channels": 1}, "output": {"activation": "none"},
    "settings": {"level": {"type": "integer", "default": 0}}, "licence": "MIT", "source": "bench"}


def prepare(base, env, series):
    """A home with the model and a data set of so many series, whose rows are written as a scan would."""
    data, home = base / "data", base / "home"
    (home / "tools").mkdir(parents=True)
    (base / "sleep").write_text("exec sleep 60\n")
    line = TOOL["command-line"].replace("SLEEP", str(base / "sleep"))
    (home / "tools" / "bench.nothing.json").write_text(json.dumps({**TOOL, "command-line": line}))
    (base / "model").mkdir()
    (base / "model" / "model.json").write_text(json.dumps(CARD))
    names = [f"P{i // 4:05d}/s{i % 4}.nii.gz" for i in range(series)]
    for name in names:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).touch()
    subprocess.run([GANTRY, "init", str(data)], env=env, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([GANTRY, "model", "add", str(base / "model")], env=env, check=True, stdout=subprocess.DEVNULL)
    with sqlite3.connect(home / "gantry.db") as db:
        db.execute("INSERT INTO dataset(id,project_id,name,created_us) VALUES(1,1,'bench',1)")
        for i, name in enumerate(names, 1):
            db.execute("INSERT INTO item(id,project_id,level,name,kind,added_us,changed_us) VALUES(?,1,'series',?,'nifti',1,1)", (i, name))
            db.execute("INSERT INTO series(item_id,kind,path,stem,modality,n_columns,n_rows,n_slices) VALUES(?,'nifti',?,?,'CT',512,512,300)",
                (i, name, name.removesuffix(".nii.gz")))
            db.execute("INSERT INTO dataset_item VALUES(1,?)", (i,))


class Page:
    """One connection that is kept, as a browser's."""

    def __init__(self, where):
        self.connection = http.client.HTTPConnection("127.0.0.1", where["port"], timeout=120)
        self.headers = {"Authorization": "Bearer " + where["url"].partition("token=")[2], "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        self.connection.request(method, "/api/v1" + path, json.dumps(body) if body is not None else None, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text)


def timed(action):
    start = time.monotonic()
    result = action()
    return (time.monotonic() - start) * 1000, result


def say(what, times):
    print(f"| {what:48} | {statistics.median(times):9.1f} | {max(times):9.1f} |", flush=True)


def through_the_page(base, env, series, times):
    server = subprocess.Popen([GANTRY, "serve", "--listen", "127.0.0.1:0", "--json"], env=env, cwd=base, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        page = Page(json.loads(server.stdout.readline()))
        checks, posts, shown = [], [], []
        for level in range(times):
            body = {"model": "nothing", "dataset": 1, "settings": {"level": level}}
            checks.append(timed(lambda: page.ask("POST", "/predictions/check", body))[0])
            start = time.monotonic()
            took, made = timed(lambda: page.ask("POST", "/predictions", body))
            posts.append(took)
            assert made["tasks"] == series
            while not any(row["id"] == made["run"] for row in page.ask("GET", "/predictions")["rows"]):
                pass
            shown.append((time.monotonic() - start) * 1000)
            page.ask("POST", f"/runs/{made['run']}/kill", {})
        say("check (POST /predictions/check)", checks)
        say("submit (POST /predictions)", posts)
        say("until its row is in the table", shown)
    finally:
        server.terminate()
        server.wait()


def main():
    series, times = (int(word) for word in (sys.argv[1:] + ["1000", "5"][len(sys.argv) - 1:]))
    base = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir=os.environ.get("GANTRY_BENCH_DIR")))
    env = {**os.environ, "GANTRY_HOME": str(base / "home"), "HOME": str(base)}
    try:
        prepare(base, env, series)
        print(f"{series:,} series")
        print(f"| {'':48} | ms middle | ms most   |")
        print(f"|{'-' * 50}|{'-' * 11}|{'-' * 11}|")
        through_the_page(base, env, series, times)
        took, _ = timed(lambda: subprocess.run([GANTRY, "predict", "-d", "bench", "-m", "nothing", "--set", "level=99", "--dry-run"],
            env=env, cwd=base, check=True, stdout=subprocess.DEVNULL))
        say("gantry predict --dry-run", [took])
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
