#!/usr/bin/python3
"""usage: bench/e2e.py [COLUMNS ANGLES ROWS]   One scan from HDF5 to float32 TIFF, and a batch over a folder of scans.

Default: 1024 columns, 1500 angles, 64 rows, uint16 (96 million pixels: the case of the published tables). Each line is
the median of three runs after one that plans the FFTs: wall seconds, CPU seconds of the whole process tree, and the peak
memory of its largest process. Asserts nothing.
"""
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GANTRY = os.environ.get("GANTRY", str(ROOT / "build" / "gantry"))
RUNS = 3


def once(command, env, cwd):
    """(wall, CPU, peak MB) of one run and what it started, by the kernel's own accounting."""
    start = time.monotonic()
    process = subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"bench: {' '.join(command)}: status {process.returncode}")
    return time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def row(what, command, env, cwd, runs=RUNS, warm=True):
    if warm:
        once(command, env, cwd)
    walls, cpus, peaks = zip(*(once(command, env, cwd) for _ in range(runs)))
    print(f"| {what:52} | {statistics.median(walls):7.2f} | {statistics.median(cpus):7.2f} | {max(peaks):7.0f} |", flush=True)


def main():
    columns, angles, rows = (int(word) for word in (sys.argv[1:] or ["1024", "1500", "64"]))
    base = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir=os.environ.get("GANTRY_BENCH_DIR")))
    env = {**os.environ, "GANTRY_HOME": str(base / "home"), "HOME": str(base)}
    imaging = str(pathlib.Path(GANTRY).parent / "gantry-imaging")
    shape = ["--columns", str(columns), "--angles", str(angles), "--rows", str(rows)]
    try:
        subprocess.run([imaging, "make-scans", str(base / "one"), "--series", "1", "--scans", "1", "--clean", "--dtype", "uint16",
            "--name", "big", *shape], check=True, env=env, stdout=subprocess.DEVNULL)
        subprocess.run([imaging, "make-scans", str(base / "many"), "--series", "2", "--scans", "4", "--clean", "--dtype", "uint16",
            "--columns", str(columns // 4), "--angles", str(angles // 4), "--rows", "16"], check=True, env=env,
            stdout=subprocess.DEVNULL)
        scan = next((base / "one").glob("*.h5"))
        print(f"{scan.stat().st_size / 1e6:.0f} MB scan, {rows} slices of {columns} x {columns} from {angles} angles")
        print(f"| {'':52} |  wall s |   CPU s |  MB top |")
        print(f"|{'-' * 54}|{'-' * 9}|{'-' * 9}|{'-' * 9}|")
        flags = ["recon", "--file-name", str(scan), "--rotation-axis", str((columns - 1) / 2), "--reconstruction-type"]
        row("gantry recon full, TIFF", [GANTRY, *flags, "full"], env, base)
        row("gantry recon full, HDF5", [GANTRY, *flags, "full", "--save-format", "h5"], env, base)
        row("gantry recon try, 201 centres of one slice", [GANTRY, *flags, "try"], env, base)
        row("run tomo-ai-reco, 8 scans a quarter as large, once*", [GANTRY, "run", "tomo-ai-reco"], env, base / "many", 1, False)
        print("* CPU and memory of the engine alone: its workers outlive it")
    finally:
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main()
