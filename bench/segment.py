#!/usr/bin/python3
"""usage: bench/run segment [OPTIONS...]   predict.segment on a CT of 512 x 512 x 300 beside the model alone.

A 3-D U-Net of 16-32-64 channels (339 k weights, random) on patches of 96^3 with four classes is written as ONNX; a synthetic CT
as .nii.gz. First the model alone, patch after patch (bench-segment), then `gantry-imaging run` of predict.segment: reading,
cutting, the model, blending, the mask packed and written, the picture; then the model alone again, so that a machine that got
slower meanwhile is seen. The sum of patch times is their number times the median of the two.

--columns 512 --slices 300 --overlap 0.5 --threads (all) --patch 96 --repeats 5 --batch 1
"""
import argparse
import json
import os
import pathlib
import statistics

import subprocess
import sys
import tempfile
import time

import nibabel
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests" / "e2e"))
import tiny_models as tiny  # noqa: E402

BUILD = pathlib.Path(os.environ.get("GANTRY", HERE.parent / "build" / "gantry")).parent
CLASSES = 4


class Net:
    """Nodes and weights of a network, written as ONNX by the few functions that tests have for it."""

    def __init__(self, seed=1):
        self.rng, self.nodes, self.weights, self.count, self.at = np.random.default_rng(seed), [], [], 0, 0

    def weight(self, name, shape, scale):
        values = (self.rng.normal(size=shape) * scale).astype("<f4")
        self.count += values.size
        self.weights.append(b"".join(tiny.number(1, n) for n in shape) + tiny.number(2, 1) + tiny.block(8, name) + tiny.block(9, values.tobytes()))

    def node(self, op, inputs, **attributes):
        self.at += 1
        self.nodes.append(tiny.node(op, inputs, f"t{self.at}", **attributes))
        return f"t{self.at}"

    def conv(self, x, a, b, size=3, relu=True):
        name = f"w{self.at}"
        self.weight(name, (b, a, size, size, size), (2 / (a * size ** 3)) ** 0.5)
        self.weight(name + "b", (b,), 0.01)
        x = self.node("Conv", [x, name, name + "b"], kernel_shape=[size] * 3, pads=[size // 2] * 6)
        return self.node("Relu", [x]) if relu else x

    def up(self, x, a, b):
        name = f"w{self.at}"
        self.weight(name, (a, b, 2, 2, 2), (2 / a) ** 0.5)
        return self.node("ConvTranspose", [x, name], kernel_shape=[2] * 3, strides=[2] * 3)

    def down(self, x):
        return self.node("MaxPool", [x], kernel_shape=[2] * 3, strides=[2] * 3)


def unet(channels=(16, 32, 64)):
    net, x, skips, last = Net(), "x", [], 1
    for i, n in enumerate(channels):
        x = net.conv(net.conv(x, last, n), n, n)
        last = n
        if i + 1 < len(channels):
            skips.append((x, n))
            x = net.down(x)
    for skip, n in reversed(skips):
        x = net.node("Concat", [skip, net.up(x, last, n)], axis=1)
        x = net.conv(net.conv(x, 2 * n, n), n, n)
        last = n
    y = net.conv(x, last, CLASSES, size=1, relu=False)
    net.nodes.append(tiny.node("Identity", [y], "y"))
    graph = b"".join(tiny.block(1, n) for n in net.nodes) + tiny.block(2, "unet") + b"".join(tiny.block(5, w) for w in net.weights)
    # any number of patches of any size
    graph += tiny.block(11, tiny.value_info("x", (0, 1, 0, 0, 0))) + tiny.block(12, tiny.value_info("y", (0, CLASSES, 0, 0, 0)))
    return tiny.number(1, 8) + tiny.block(7, graph) + tiny.block(8, tiny.block(1, "") + tiny.number(2, 13)), net.count


def make(folder, o):
    onnx, weights = unet()
    document = tiny.card(onnx, name="unet", output={"labels": ["background", "a", "b", "c"], "activation": "softmax"},
        input={"modality": "CT", "channels": 1, "patch": [o.patch] * 3, "window": [-1000, 400], "normalisation": "window"})
    tiny.write(folder / "unet", onnx, document)
    rng = np.random.default_rng(2)
    small = rng.normal(size=(o.columns // 8 + 1, o.columns // 8 + 1, o.slices // 8 + 1))
    ct = np.repeat(np.repeat(np.repeat(small, 8, 0), 8, 1), 8, 2)[:o.columns, :o.columns, :o.slices] * 300 - 300
    ct = (ct + rng.integers(-20, 20, ct.shape)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(ct, np.diag([-0.7, -0.7, 1, 1])), folder / "ct.nii.gz")
    return weights


def alone(folder, o):
    done = subprocess.run([BUILD / "bench" / "bench-segment", folder / "unet", "--threads", str(o.threads), "--repeats", str(o.repeats)],
        capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return statistics.median(json.loads(done.stdout)["ms"]) / 1000


def whole(folder, o):
    outs = {"mask": "mask.nii.gz", "facts": "mask.json", "preview": "preview.png"}
    job = {"tool": "predict.segment", "threads": o.threads, "inputs": [{"path": str(folder / "ct.nii.gz")}],
           "params": {"image": str(folder / "ct.nii.gz"), "model": str(folder / "unet"),
                      "settings": json.dumps({"overlap": o.overlap, "batch_size": o.batch})},
           "outputs": [{"name": k, "kind": "file", "final": str(folder / v), "staging": str(folder / v)} for k, v in outs.items()]}
    attempt = folder / "attempt"
    attempt.mkdir()
    (attempt / "job.json").write_text(json.dumps(job))
    with open(folder / "log", "w") as log:
        start = time.monotonic()
        child = subprocess.Popen([BUILD / "gantry-imaging", "run", attempt], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
    if status:
        sys.exit((folder / "log").read_text()[-2000:])
    return wall, usage.ru_maxrss / 1024, json.loads((attempt / "values.json").read_text())


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n")[0])
    for name, kind, usual in (("columns", int, 512), ("slices", int, 300), ("overlap", float, 0.5), ("threads", int, os.cpu_count()),
                              ("patch", int, 96), ("repeats", int, 5), ("batch", int, 1)):
        parser.add_argument("--" + name, type=kind, default=usual)
    o = parser.parse_args()
    if tiny.runtime():
        os.environ.setdefault("GANTRY_ORT", tiny.runtime())
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        weights = make(folder, o)
        before = alone(folder, o)
        wall, peak, values = whole(folder, o)
        after = alone(folder, o)
    patches, patch = values["patches"], (before + after) / 2
    print(f"{weights:,} weights, {patches} patches of {o.patch}^3 over {o.columns} x {o.columns} x {o.slices}, overlap {o.overlap}, "
          f"{o.threads} threads, {CLASSES} classes")
    print(f"{'the model alone, a patch':44} {before * 1000:9.0f} ms before, {after * 1000:.0f} ms after")
    print(f"{'... times the patches':44} {patches * patch:9.1f} s")
    print(f"{'predict.segment, everything':44} {wall:9.1f} s")
    print(f"{'... of which within the model':44} {values['seconds_model']:9.1f} s")
    print(f"{'everything / the model alone':44} {wall / (patches * patch):9.3f}")
    print(f"{'everything / within the model':44} {wall / values['seconds_model']:9.3f}")
    print(f"{'peak memory':44} {peak:9.0f} MB")


main()
