#!/usr/bin/python3
"""usage: bench/cohort-scan.py [STUDIES [FILES_A_STUDY]]   What `gantry scan` costs in a cohort: the first time, and again.

Default: 10,000 studies of 100 empty files each (two studies a subject), made below $GANTRY_BENCH_DIR or /tmp. Scans: the
first; again with nothing changed; with 100 files changed and one new study; with one study gone. Wall seconds, CPU
seconds, and the largest process's memory. Asserts nothing.
"""
import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GANTRY = os.environ.get("GANTRY", str(ROOT / "build" / "gantry"))
sys.path.insert(0, str(ROOT / "bench"))
from e2e import once  # noqa: E402


def make_study(folder, files):
    """Five subfolders, as a scanner's series have them."""
    for k in range(5):
        below = folder / f"series_{k + 1}"
        below.mkdir(parents=True)
        fd = os.open(below, os.O_RDONLY | os.O_DIRECTORY)
        for i in range(k, files, 5):
            os.close(os.open(f"s{i:03d}.nii.gz", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=fd))
        os.close(fd)


def main():
    studies, files = (int(word) for word in (sys.argv[1:] + ["10000", "100"][len(sys.argv) - 1:]))
    base = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir=os.environ.get("GANTRY_BENCH_DIR")))
    data = base / "data"
    env = {**os.environ, "GANTRY_HOME": str(base / "home"), "HOME": str(base)}
    try:
        start = time.monotonic()
        for i in range(studies):
            make_study(data / f"P{i // 2:06d}" / f"S{i % 2 + 1}", files)
        print(f"{studies} studies of {files} files, made in {time.monotonic() - start:.0f} s")
        print(f"| {'gantry scan':40} |  wall s |   CPU s |  MB top |")
        print(f"|{'-' * 42}|{'-' * 9}|{'-' * 9}|{'-' * 9}|")

        def scan(what):
            wall, cpu, peak = once([GANTRY, "scan"], env, data)
            print(f"| {what:40} | {wall:7.2f} | {cpu:7.2f} | {peak:7.0f} |", flush=True)

        scan("first")
        scan("again, nothing changed")
        scan("and again")
        for i in range(100):
            (data / f"P{i:06d}" / "S1" / "series_1" / "s000.nii.gz").write_bytes(b"changed")
        make_study(data / "Q000001" / "S1", files)
        scan("100 files changed, a study new")
        shutil.rmtree(data / "Q000001")
        scan("a study gone")
        size = sum(f.stat().st_size for f in (base / "home").glob("gantry.db*"))
        print(f"state: {size / 1e6:.0f} MB")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
