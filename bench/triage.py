#!/usr/bin/python3
"""usage: bench/run triage [--slices 300] [--columns 512] [--repeats 3]   Read + validate + z-profile of one CT study.

A ZIP of uncompressed DICOM (stored) is made of a chest phantom. Ours: `gantry-imaging run` of ct.triage with --model none,
pictures included, and what the step itself reports of the three stages. Python: the same steps with
zipfile, pydicom and scikit-image on one core, and on all with multiprocessing. Prints a table; asserts nothing.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time
import zipfile

import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
import chest  # noqa: E402

IMAGING = pathlib.Path(os.environ["GANTRY"]).parent / "gantry-imaging" if "GANTRY" in os.environ else HERE.parent / "build" / "gantry-imaging"


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

def job(folder, path, threads):
    """An attempt's folder as the engine makes it."""
    folder.mkdir(parents=True)
    out = [{"name": n, "kind": "file", "final": str(folder / f"final.{e}"), "staging": str(folder / f"staged.{e}"), "replace": True,
            "optional": False} for n, e in (("picture", "png"), ("slices", "csv"), ("profile", "z.png"))]
    doc = {"gantry": 1, "run": 1, "task": 1, "attempt": 1, "n": 1, "tool": "ct.triage", "kind": "step", "project": "bench",
           "item": {"id": 1, "name": path.name, "path": str(path)}, "params": {"model": "none"},
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


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--slices", type=int, default=300)
    p.add_argument("--columns", type=int, default=512)
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--no-python", action="store_true", help="only ours")
    a = p.parse_args()
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
        print(f"{'':52}{'seconds':>9}{'ms/slice':>10}{'CPU s':>8}{'peak MB':>9}")
        for what, seconds, cpu, peak in rows:
            rest = ["" if v is None else f"{v:.{d}f}" for v, d in ((cpu, 2), (peak, 0))]
            print(f"{what:52}{seconds:9.2f}{1000 * seconds / a.slices:10.2f}{rest[0]:>8}{rest[1]:>9}")


if __name__ == "__main__":
    main()
