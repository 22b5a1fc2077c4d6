#!/usr/bin/python3
"""usage: bench/cohort-plan.py [STUDIES [FILES_A_STUDY]]   What planning a batch of five jobs over a cohort costs.

Default: 10,000 studies of 20 empty files each (two studies a subject), made below $GANTRY_BENCH_DIR or /tmp. Times the check
which studies lack which input (gantry batch validate), the whole plan with every command and file (run --dry-run), and the
launch (run --detach: until its tasks stand in the queue). Each looks at the folder first, as `gantry scan` does. Wall seconds, CPU seconds, the largest process's memory.
Asserts nothing.
"""
import json
import os
import pathlib
import shutil
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
GANTRY = os.environ.get("GANTRY", str(ROOT / "build" / "gantry"))
sys.path.insert(0, str(ROOT / "bench"))
from e2e import once  # noqa: E402

PATTERNS = (["series_1/s000.nii.gz", "t1*/s0__.nii.gz"], "series_2/s*", "series_3/*7.nii.gz")


def make_study(folder, files):
    for k in range(5):
        below = folder / f"series_{k + 1}"
        below.mkdir(parents=True)
        for i in range(k, files, 5):
            (below / f"s{i:03d}.nii.gz").touch()


def batch():
    jobs = []
    for i in range(5):
        args = {"script": "true", "f1": {"FILE": PATTERNS[i % 3]}, "o1": {"OUT": f"out/{i}.txt TAG(step{i})"}}
        if i:
            args["f2"] = {"FILE": f"tag:step{i - 1}"}
        jobs.append({"id": f"j{i}", "tool": "script.bash", "args": args})
    return {"gantry": 1, "name": "five", "level": "study", "jobs": jobs}


def main():
    studies, files = (int(word) for word in (sys.argv[1:] + ["10000", "20"][len(sys.argv) - 1:]))
    base = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir=os.environ.get("GANTRY_BENCH_DIR")))
    data, path = base / "data", base / "five.json"
    env = {**os.environ, "GANTRY_HOME": str(base / "home"), "HOME": str(base)}
    path.write_text(json.dumps(batch()))
    try:
        for i in range(studies):
            make_study(data / f"P{i // 2:06d}" / f"S{i % 2 + 1}", files)
        print(f"{studies} studies of {files} files, five jobs with one or two inputs each")
        print(f"| {'':40} |  wall s |   CPU s |  MB top |")
        print(f"|{'-' * 42}|{'-' * 9}|{'-' * 9}|{'-' * 9}|")
        for what, args in (("gantry scan, first", ["scan"]), ("gantry scan, again", ["scan"]),
                           ("batch validate", ["batch", "validate", str(path)]),
                           ("run --dry-run: every task", ["run", str(path), "--dry-run", "--json"]),
                           ("run --detach: until it is launched", ["run", str(path), "--detach"]),
                           ("kill: the whole run", ["kill", "run:1"])):
            wall, cpu, peak = once([GANTRY, *args], env, data)
            print(f"| {what:40} | {wall:7.2f} | {cpu:7.2f} | {peak:7.0f} |", flush=True)
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
