#!/usr/bin/python3
"""usage: bench/run triage [study] [classifier] [batch] [OPTIONS...]   CT triage, measured (default: all three).

study       read, validate and z-profile of one study, a ZIP of uncompressed DICOM (stored) made of a chest phantom. Ours:
            `gantry-imaging run` of ct.triage with --model none, pictures included, and what the step itself reports of the
            three stages. Python: the same steps with zipfile, pydicom and scikit-image on one core, and on all with
            multiprocessing. --slices 300 --columns 512 --repeats 3 --no-python
classifier  one bag of slices through the classifier that ships: ours (src/infer) beside ONNX Runtime's own run through its C
            interface with the same number of threads, in turn, each in processes of its own. --rounds 5
batch       `gantry predict --workers 2` over many small studies made by `gantry-imaging make-studies`: wall time, and the
            processor time of all processes as a share of the cores' time; beside it the same steps, one process a study, two
            at a time, without an engine. --studies 100 --batch-slices 60 --batch-columns 256 --model M

Prints tables; asserts nothing.
"""
import argparse
import concurrent.futures
import ctypes
import json
import multiprocessing
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
import chest  # noqa: E402

GANTRY = pathlib.Path(os.environ.get("GANTRY", HERE.parent / "build" / "gantry"))
IMAGING = GANTRY.parent / "gantry-imaging"
MODEL = HERE.parent / "share" / "models" / "demo-ct-mil"
WORKERS = 2
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what our children leave behind becomes ours, and its time is counted


def make(path, slices, columns):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in chest.files(1, ("ground_glass",), slices=slices, columns=columns):
            archive.writestr(name, data)


# -- the same steps in Python ----------------------------------------------------------------------------------------

def read(path):
    import io

    import pydicom
    slices = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = pydicom.dcmread(io.BytesIO(archive.read(name)))
            if data.SOPClassUID == chest.CLASS["CT"]:
                slices.append(data)
    normal = np.cross(*np.array(slices[0].ImageOrientationPatient, float).reshape(2, 3))
    slices.sort(key=lambda s: float(np.dot(normal, np.array(s.ImagePositionPatient, float))))
    return np.stack([s.pixel_array.astype(np.int16) * int(s.RescaleSlope) + int(s.RescaleIntercept) for s in slices]).astype(np.int16)


def profile(hu):
    from skimage.measure import label, regionprops
    from skimage.morphology import binary_closing, disk, remove_small_holes, remove_small_objects
    from skimage.segmentation import clear_border
    mask = clear_border(hu < -500)
    mask = remove_small_holes(remove_small_objects(binary_closing(mask, disk(3)), 1000), 1000)
    parts = label(mask)
    regions = sorted(regionprops(parts), key=lambda r: -r.area)[:2]
    if not regions:
        return None
    lung = np.isin(parts, [r.label for r in regions])
    values = hu[lung]
    sides = [0, 0]
    for r in regions:
        sides[int(r.centroid[1] >= hu.shape[1] / 2)] += r.area
    return (values.mean(), (values > -500).mean(), (values > -300).mean(), (values < -950).mean(),
            abs(sides[0] - sides[1]) / max(sides))


def python_study(path, cores):
    hu = read(path)
    if cores == 1:
        return [profile(s) for s in hu]
    with multiprocessing.Pool(cores) as pool:
        return pool.map(profile, hu, chunksize=4)


def processor():
    """CPU seconds of this process and of those it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


# -- ours ------------------------------------------------------------------------------------------------------------

def job(folder, path, threads, model="none"):
    """An attempt's folder as the engine makes it."""
    folder.mkdir(parents=True)
    out = [{"name": n, "kind": "file", "final": str(folder / f"final.{e}"), "staging": str(folder / f"staged.{e}"), "replace": True,
            "optional": False} for n, e in (("picture", "png"), ("slices", "csv"), ("profile", "z.png"))]
    doc = {"gantry": 1, "run": 1, "task": 1, "attempt": 1, "n": 1, "tool": "ct.triage", "kind": "step", "project": "bench",
           "item": {"id": 1, "name": path.name, "path": str(path)}, "params": {"model": model},
           "inputs": [{"name": "file", "path": str(path), "size": path.stat().st_size, "mtime_ns": path.stat().st_mtime_ns}],
           "outputs": out, "resources": {"cpus": threads}, "threads": threads}
    (folder / "job.json").write_text(json.dumps(doc))
    return folder


def ours(folder, path, threads):
    began = time.perf_counter()
    process = subprocess.Popen([IMAGING, "run", job(folder, path, threads)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"bench: gantry-imaging ended with status {status}")
    return (time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024,
            json.loads((folder / "values.json").read_text()))


def study(a):
    cores = os.cpu_count()
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as folder:
        folder = pathlib.Path(folder)
        path = folder / "study.zip"
        print(f"making a study of {a.slices} slices of {a.columns} x {a.columns} ...", file=sys.stderr)
        # in a process of its own: what this one has held counts as the peak of those it starts
        maker = multiprocessing.Process(target=make, args=(path, a.slices, a.columns))
        maker.start()
        maker.join()
        rows = []
        for threads in sorted({1, cores}):
            runs = [ours(folder / f"{threads}-{i}", path, threads) for i in range(a.repeats)]
            best = min(runs, key=lambda r: r[0])
            rows.append((f"gantry-imaging, {threads} T, with pictures", *best[:3]))
            stages = best[3]["stages_s"]
            rows.append(("  read + validate + z-profile", sum(stages[k] for k in ("headers", "pixels", "zprofile")), None, None))
        if not a.no_python:
            for n in sorted({1, cores}):
                began, cpu = time.perf_counter(), processor()
                python_study(path, n)
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                rows.append((f"zipfile + pydicom + scikit-image, {n} process{'es' if n > 1 else ''}", time.perf_counter() - began,
                             processor() - cpu, peak))
        print(f"{'one study':52}{'seconds':>9}{'ms/slice':>10}{'CPU s':>8}{'peak MB':>9}")
        for what, seconds, cpu, peak in rows:
            rest = ["" if v is None else f"{v:.{d}f}" for v, d in ((cpu, 2), (peak, 0))]
            print(f"{what:52}{seconds:9.2f}{1000 * seconds / a.slices:10.2f}{rest[0]:>8}{rest[1]:>9}")


# -- the classifier --------------------------------------------------------------------------------------------------

def runtime():
    """Where the program finds ONNX Runtime; the bench program lies elsewhere and is told."""
    listed = json.loads(subprocess.run([GANTRY, "doctor", "--json"], capture_output=True, text=True).stdout)
    found = next((row["found"] for row in listed if row["what"] == "ONNX Runtime"), "")
    return next((word.strip("(),;") for word in found.split() if "libonnxruntime" in word), None)


def classify(way, threads, repeats):
    program = GANTRY.parent / "bench" / "bench-classifier"
    command = [program, way, MODEL, "--threads", str(threads), "--repeats", str(repeats)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def classifier(a):
    if "GANTRY_ORT" not in os.environ and runtime():
        os.environ["GANTRY_ORT"] = runtime()
    print(f"{'one bag, ' + MODEL.name:40}{'threads':>8}{'best ms':>9}{'median':>8}{'load':>7}{'bag':>7}")
    for threads in sorted({1, os.cpu_count()}):
        # in turn, so that a busy moment meets both; the first run of a process warms up and does not count
        rounds = [(classify("plain", threads, 10), classify("ours", threads, 10)) for _ in range(a.rounds)]
        best, middle = [], []
        for i, what in enumerate(("ONNX Runtime alone", "src/infer")):
            runs = [ms for r in rounds for ms in r[i]["run_ms"][1:]]
            load, bag = (min(r[i][k] for r in rounds) for k in ("load_ms", "bag_ms"))
            best.append(min(runs))
            middle.append(statistics.median(runs))
            print(f"{what:40}{threads:8}{best[i]:9.1f}{middle[i]:8.1f}{load:7.0f}{f'{bag:.0f}' if i else '':>7}")
        if abs(rounds[0][0]["logit"] - rounds[0][1]["logit"]) > 1e-4:
            sys.exit("bench: the two do not agree about the bag")
        print(f"{'  ours / alone':40}{'':8}{best[1] / best[0]:9.3f}{middle[1] / middle[0]:8.3f}")


# -- many studies ----------------------------------------------------------------------------------------------------

def reap():
    """Wait for everything that was started, also by those that have ended."""
    try:
        while True:
            os.wait()
    except ChildProcessError:
        pass


def batch_line(what, n, wall, cpu):
    print(f"{what:52}{wall:9.2f}{3600 * n / wall:9.0f}{cpu:9.2f}{100 * cpu / (WORKERS * wall):7.1f} %", flush=True)


def engine_batch(folder, a):
    env = {**os.environ, "GANTRY_HOME": str(folder / "home"), "LANG": "C.UTF-8"}
    began, cpu = time.perf_counter(), processor()
    process = subprocess.Popen([GANTRY, "predict", "--input", folder / "studies", "--output", folder / "out" / "r.csv", "--workers",
                                str(WORKERS), "--model", a.model], env=env, cwd=folder, stdout=subprocess.DEVNULL)
    if process.wait():
        sys.exit(f"bench: gantry predict ended with status {process.returncode}")
    wall = time.perf_counter() - began
    reap()
    batch_line(f"gantry predict --workers {WORKERS}", a.studies, wall, processor() - cpu)


def bare_batch(folder, a):
    """One process a study. Threads only wait here."""
    def one(path):
        return subprocess.run([IMAGING, "run", job(folder / "bare" / path.stem, path, max(1, os.cpu_count() // WORKERS), a.model)],
            stdout=subprocess.DEVNULL).returncode
    began, cpu = time.perf_counter(), processor()
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        if any(pool.map(one, sorted((folder / "studies").glob("*.zip")))):
            sys.exit("bench: a study failed")
    wall = time.perf_counter() - began
    reap()
    batch_line(f"gantry-imaging run, {WORKERS} at a time, no engine", a.studies, wall, processor() - cpu)


def batch(a):
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(prefix="gantry-bench-") as folder:
        folder = pathlib.Path(folder)
        print(f"making {a.studies} studies of {a.batch_slices} slices of {a.batch_columns} x {a.batch_columns} ...", file=sys.stderr)
        subprocess.run([IMAGING, "make-studies", folder / "studies", str(a.studies), str(a.batch_slices), str(a.batch_columns)],
            check=True)
        print(f"{f'{a.studies} studies, model {pathlib.Path(a.model).name}':52}{'seconds':>9}{'per hour':>9}{'CPU s':>9}{'busy':>9}")
        engine_batch(folder, a)
        bare_batch(folder, a)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="*", help="study, classifier, batch")
    p.add_argument("--slices", type=int, default=300)
    p.add_argument("--columns", type=int, default=512)
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--no-python", action="store_true", help="only ours")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--studies", type=int, default=100)
    p.add_argument("--batch-slices", type=int, default=60)
    p.add_argument("--batch-columns", type=int, default=256)
    p.add_argument("--model", default=str(MODEL), help="of the batch; none: the z-profile alone")
    a = p.parse_args()
    parts = {"study": study, "classifier": classifier, "batch": batch}
    if set(a.what) - set(parts):
        p.error(f"parts are {', '.join(parts)}")
    for number, name in enumerate(a.what or parts):
        print("\n" * (number > 0), end="")
        parts[name](a)


if __name__ == "__main__":
    main()
