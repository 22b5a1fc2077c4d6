#!/usr/bin/python3
"""usage: bench/look.py [SIDE [SLICES]]   Milliseconds from the move of a slider to the last byte of its picture.

Default: 2448 x 2448 float32, 24 slices in files. Over HTTP on the loopback, by one connection that is kept, against a
server of its own. cold: nobody asked for the slice before (the file is in the page cache, as after a reconstruction);
cached: asked for again; prefetched: the next one in the direction of movement, 150 ms after the last. For each the
median and the slowest of its requests. Asserts nothing.
"""
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

import h5py
import numpy as np
import tifffile

ROOT = pathlib.Path(__file__).resolve().parent.parent
GANTRY = os.environ.get("GANTRY", str(ROOT / "build" / "gantry"))


def write_data(folder, side, slices):
    (folder / "data").mkdir()
    (folder / "data_rec" / "s_1_rec").mkdir(parents=True)
    rng = np.random.default_rng(1)
    y, x = np.mgrid[0:side, 0:side] - side / 2
    ground = np.sin(x / 60) * np.cos(y / 45)
    for i in range(slices):
        image = (ground + rng.normal(0, 0.2, (side, side))).astype("f4")
        tifffile.imwrite(folder / "data_rec" / "s_1_rec" / f"recon_{i:05d}.tiff", image)
    rows = min(side, 2048)
    frame = (20000 * np.exp(-np.abs(ground[:rows]))).astype("u2")
    with h5py.File(folder / "data" / "s_1.h5", "w") as f:
        f["/exchange/data"] = np.stack([frame] * 12)
        f["/exchange/data_white"] = np.full((5, rows, side), 20100, "u2")
        f["/exchange/data_dark"] = np.full((5, rows, side), 100, "u2")
        f["/exchange/theta"] = np.arange(12, dtype="f4") * 15


class Asker:
    def __init__(self, place):
        url = urllib.parse.urlsplit(place["url"])
        self.link = http.client.HTTPConnection("127.0.0.1", place["port"])
        self.headers = {"Authorization": "Bearer " + urllib.parse.parse_qs(url.query)["token"][0]}

    def ms(self, path):
        start = time.perf_counter()
        self.link.request("GET", "/api/v1/" + path, headers=self.headers)
        answer = self.link.getresponse()
        size = len(answer.read())
        if answer.status != 200:
            sys.exit(f"bench: {path}: status {answer.status}")
        return (time.perf_counter() - start) * 1000, size


def serve(folder, env):
    process = subprocess.Popen([GANTRY, "serve", "--listen", "127.0.0.1:0"], env=env, cwd=folder,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (folder / "home" / "serve.json").exists():
        if process.poll() is not None:
            sys.exit("bench: the server does not start")
        time.sleep(0.05)
    return process, json.loads((folder / "home" / "serve.json").read_text())


def row(what, timed):
    times = [ms for ms, _ in timed]
    print(f"| {what:44} | {statistics.median(times):6.1f} | {max(times):7.1f} | {timed[0][1] / 1e6:7.2f} |", flush=True)


def measure(ask, slices):
    third = slices // 3
    for number, form in enumerate(("raw8", "png", "raw")):
        at = lambda i: f"slices/1?kind=full&index={i}&format={form}"
        # Jumps, so that nothing is fetched ahead.
        order = [number * third + (i * 5) % third for i in range(third)]
        cold = [ask.ms(at(i)) for i in order]
        cached = [ask.ms(at(order[-1])) for _ in range(10)]
        row(f"{form}, cold", cold)
        row(f"{form}, cached", cached)
    moving = []
    ask.ms("slices/1?kind=full&index=0&format=raw8")
    ask.ms("slices/1?kind=full&index=1&format=raw8")
    for i in range(2, slices):
        time.sleep(0.15)
        moving.append(ask.ms(f"slices/1?kind=full&index={i}&format=raw8"))
    row("raw8, prefetched", moving)
    row("png compressed (level 1), cached", [ask.ms(f"slices/1?kind=full&index={slices - 1}&level=1") for _ in range(5)])
    row("png thumbnail of 256, cached", [ask.ms(f"slices/1?kind=full&index={slices - 1}&max=256") for _ in range(5)])
    row("projection as stored, raw8", [ask.ms(f"slices/1?kind=raw&index={i}&format=raw8") for i in (0, 5, 10, 3)])
    first = [ask.ms("slices/1?kind=raw&index=0&flat=1&format=raw8")]
    row("projection / flat, raw8, first (reads flats)", first)
    row("projection / flat, raw8", [ask.ms(f"slices/1?kind=raw&index={i}&flat=1&format=raw8") for i in (5, 10, 3, 8)])
    row("projection / flat, shifted by one more column", [ask.ms(f"slices/1?kind=raw&index=3&flat=1&shift={i}&format=raw8") for i in (1, 2, 3)])
    row("histogram", [ask.ms("slices/1/histogram?kind=full&index=3") for _ in range(3)])


def main():
    side, slices = (int(word) for word in (sys.argv[1:] + ["2448", "24"][len(sys.argv) - 1:])[:2])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gantry-bench-", dir=os.environ.get("GANTRY_BENCH_DIR")))
    env = {**os.environ, "GANTRY_HOME": str(folder / "home"), "HOME": str(folder)}
    server = None
    try:
        write_data(folder, side, slices)
        subprocess.run([GANTRY, "scan"], env=env, cwd=folder / "data", check=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        server, place = serve(folder, env)
        print(f"{slices} slices of {side} x {side} float32")
        print(f"| {'':44} | median |    most |      MB |")
        print(f"|{'-' * 46}|{'-' * 8}|{'-' * 9}|{'-' * 9}|")
        measure(Asker(place), slices)
    finally:
        if server:
            server.terminate()
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
