"""Method `ai` of recon.cor: the model that ships, and a site's classifier with TomoGUI's protocol (REQUIREMENTS C6, C10, G12, G16).

All but the first test want ONNX Runtime (./setup fetches it, or GANTRY_ORT names it) and are skipped without it.
"""
import csv
import hashlib
import json
import os
import pathlib
import struct
import subprocess

import numpy as np
import pytest
import tifffile

import scans

SOURCE = pathlib.Path(os.environ.get("GANTRY_SOURCE", pathlib.Path(__file__).parents[2]))
PROGRAM = os.environ.get("GANTRY_IMAGING", str(SOURCE / "build" / "gantry-imaging"))


@pytest.fixture
def runtime(g):
    """Skips where no ONNX Runtime is found."""
    told = subprocess.run([PROGRAM, "doctor"], capture_output=True, text=True, timeout=60, env={**os.environ, "GANTRY_HOME": str(g.data)})
    if "ONNX Runtime is not here" in told.stdout + told.stderr:
        pytest.skip("no ONNX Runtime")


def found(g, name):
    """Centre of center_of_rotation.txt (last word of the last line), and the curve's centres and scores."""
    folder = g.rec / "try_center" / name
    centre = float(folder.joinpath("center_of_rotation.txt").read_text().split()[-1])
    with open(folder / "center_scores.csv", newline="") as file:
        rows = list(csv.reader(file))[1:]
    return centre, {float(c): float(s) for c, s in rows}


def test_without_the_runtime_it_says_so(g, monkeypatch):
    """No library: `ai` fails with what to do in one line (G16), and auto goes on working."""
    scans.write(g.data / "s_1.h5", columns=96)
    monkeypatch.setenv("GANTRY_ORT", "/nonexistent/libonnxruntime.so")
    env = {**os.environ, "GANTRY_ORT": "/nonexistent/libonnxruntime.so"}
    outcome = g.run("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=ai", env=env)
    assert outcome.rc != 0
    said = outcome.out + outcome.err + json.dumps(g.tasks())
    assert "rotation_axis_method ai" in said and "GANTRY_ORT" in said
    g.ok("run", "tomo-ai-reco", "--phase", "infer", env=env)


def test_the_model_that_ships_finds_the_axis(g, runtime):
    """ai is a source of centres (C6) with value, confidence, file and curve."""
    truth = {}
    for i, (columns, noise, span) in enumerate(((192, 0.01, 180), (256, 0.03, 180), (200, 0.01, 360)), 1):
        truth[f"s_{i}"] = scans.write(g.data / f"s_{i}.h5", columns=columns, angles=181, noise=noise, span=span, centre=columns / 2 + 3.3 * i)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=ai")
    for row in g.ls():
        name = row["name"][:-3]
        centre, curve = found(g, name)
        assert row["cor"] == pytest.approx(truth[name], abs=0.5), name
        assert centre == pytest.approx(row["cor"], abs=0.01)
        said = (g.rec / "try_center" / name / "center_of_rotation.txt").read_text()
        assert row["cor_source"] == "ai" and "method ai" in said
        assert float(said.split("confidence ")[1].split()[0]) > 0.3, said
        assert len(curve) >= 17 and min(curve, key=curve.get) == pytest.approx(truth[name], abs=1.5)


def test_real_tooth(g, runtime, real_data):
    """The real scan: 295.9 by tomopy's tutorial."""
    scans.crop(real_data / "tomo" / "tooth.h5", g.data / "tooth_1.h5", 0)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=ai")
    assert g.ls()[0]["cor"] == pytest.approx(295.9, abs=1.0)


def test_a_model_that_is_not_sure_leaves_it_to_the_others(g, runtime):
    """Nothing but noise: vo and pc are asked too, the log says so, and the low confidence is shown."""
    def noise(arrays):
        arrays["data"] = np.random.default_rng(3).normal(9000, 400, arrays["data"].shape).astype("uint16")
    scans.write(g.data / "s_1.h5", columns=128, angles=90, change=noise)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--cor", "64", "--set", "rotation_axis_method=ai")
    said = g.ok("log", str(g.tasks()[0]["id"])).out
    assert "the model was not sure" in said and "warning: centre" in said


# ---- a classifier of single slices ----

def field(number, value):
    """One field of a protocol buffer: a number, text, bytes or a nested message."""
    def varint(v):
        out = b""
        while v >= 128:
            out, v = out + bytes([v & 127 | 128]), v >> 7
        return out + bytes([v])
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def node(kind, inputs, output, **attributes):
    out = b"".join(field(1, i) for i in inputs) + field(2, output) + field(4, kind)
    for name, value in attributes.items():
        one = isinstance(value, int)
        out += field(5, field(1, name) + (field(3, value) if one else b"".join(field(8, v) for v in value)) + field(20, 2 if one else 7))
    return out


def tensor(name, dims, kind, raw):
    return b"".join(field(1, d) for d in dims) + field(2, kind) + field(8, name) + field(9, raw)


def port(name, dims):
    shape = b"".join(field(1, field(1, d)) for d in dims)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def classifier(folder, size, windows, gain, channels=1):
    """Two outputs: 0, and gain times the mean square of all windows' pixels."""
    nodes = [node("Mul", ["images", "images"], "square"), node("ReduceMean", ["square"], "mean", axes=[1, 2, 3, 4], keepdims=0),
             node("Mul", ["mean", "gains"], "both"), node("Reshape", ["both", "shape"], "scores")]
    graph = b"".join(field(1, n) for n in nodes) + field(2, "g")
    graph += field(5, tensor("gains", [2], 1, struct.pack("<2f", 0, gain))) + field(5, tensor("shape", [2], 7, struct.pack("<2q", 1, 2)))
    graph += field(11, port("images", [1, windows, channels, size, size])) + field(12, port("scores", [1, 2]))
    model = field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13))
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model)
    (folder / "model.json").write_text(json.dumps({
        "gantry": 1, "name": folder.name, "version": "1", "task": "cor",
        "input": {"modality": "XCT", "patch": [size, size], "slices": windows, "channels": channels},
        "output": {"activation": "softmax", "labels": ["off", "on"]}, "licence": "MIT", "source": "test",
        "settings": {"downsample": {"type": "integer", "default": 2}, "seed": {"type": "integer", "default": 10}},
        "checksum": "sha256:" + hashlib.sha256(model).hexdigest()}))


def by_hand(path, size, windows, gain, seed=10):
    """What the protocol says about one TIFF, with NumPy and Pillow."""
    from PIL import Image
    image = Image.fromarray(tifffile.imread(path).astype("float32"), mode="F")
    small = np.array(image.resize((image.size[0] // 2, image.size[1] // 2), Image.BILINEAR), dtype="float32")
    small = (small - small.min()) / (small.max() - small.min() + 1e-8)
    small = (small * 255).astype("uint8").astype("float32") / 255
    n = len(small)
    x, y = np.meshgrid(np.arange(n) - (n - 1) / 2, np.arange(n) - (n - 1) / 2)
    circle = (x**2 + y**2 <= ((n - 1) / 2) ** 2).ravel()
    np.random.seed(seed)
    drawn = np.where(np.random.multinomial(1, circle / circle.sum(), windows))[1]
    corners = [[min(max(0, v - size // 2), n - size - 1) for v in divmod(i, n)] for i in drawn]
    return 1 / (1 + np.exp(-gain * np.mean([small[r:r + size, c:c + size].astype(float) ** 2 for r, c in corners])))


def test_a_sites_classifier_by_tomoguis_protocol(g, runtime):
    """The try slices on disk are judged (X28), each score is what NumPy and Pillow make of the same protocol, the best slice's
    centre is written to center_of_rotation.txt (C10, G12)."""
    truth = scans.write(g.data / "s_1.h5", columns=160, angles=120)
    classifier(g.data.parent / "site", 56, 3, 40.0)
    g.ok("run", "tomo-ai-reco", "--phase", "try", "--cor", str(truth + 1), "--set", "center_search_width=4", "--set", "nsino=0")
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--cor", str(truth + 1), "--set", "rotation_axis_method=ai", "--set", "nsino=0",
         "--set", f"cor_model={g.data.parent / 'site'}", "--set", "keep_try=all")
    wanted = {float(p.stem.split("center")[1]): by_hand(p, 56, 3, 40.0) for p in (g.rec / "try_center" / "s_1").glob("recon_slice0000_*.tiff")}
    centre, curve = found(g, "s_1")
    judged = {c: wanted[c] for c in curve}
    assert len(judged) == 17
    assert centre == pytest.approx(max(reversed(sorted(judged)), key=judged.get), abs=0.001)
    for c, score in judged.items():
        assert 1 - curve[c] == pytest.approx(score, abs=1e-4), c


def test_a_classifier_that_cannot_be_used_is_refused_by_name(g, runtime):
    """Slices too small for its windows: said with the sizes, no centre is written (G16)."""
    scans.write(g.data / "s_1.h5", columns=64)
    classifier(g.data.parent / "site", 56, 3, 40.0)
    outcome = g.run("run", "tomo-ai-reco", "--phase", "infer", "--cor", "32", "--set", "rotation_axis_method=ai",
                    "--set", f"cor_model={g.data.parent / 'site'}")
    assert outcome.rc != 0
    assert "64 columns are too few" in outcome.out + outcome.err + json.dumps(g.tasks())
    assert not (g.rec / "try_center" / "s_1" / "center_of_rotation.txt").exists()


def test_a_classifier_of_colours_is_refused(g, runtime):
    """G16: a slice is grey; a model that reads three channels would read beyond it."""
    scans.write(g.data / "s_1.h5", columns=160)
    classifier(g.data.parent / "site", 56, 3, 40.0, channels=3)
    outcome = g.run("run", "tomo-ai-reco", "--phase", "infer", "--cor", "80", "--set", "rotation_axis_method=ai",
                    "--set", f"cor_model={g.data.parent / 'site'}")
    assert outcome.rc != 0
    assert "input.channels must be 1" in outcome.out + outcome.err + json.dumps(g.tasks())
