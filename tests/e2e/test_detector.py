"""Localisation by a detector (DESIGN 10; REQUIREMENTS U7, T1): patches of a size, from one to the next by a stride, those from
the threshold on, non-maximum suppression in 3-D, the box of the best five in pathology_localization. What is expected is
computed here once more with numpy; the detector is a real ONNX file of a few nodes (its score: the brightest cube of 4 voxels).
"""
import json
import os

import numpy as np
import pytest
from PIL import Image

import chest
import tiny_models as tiny
from triage import predict, read_csv, read_xlsx

SLICES, COLUMNS = 24, 160
PATCH, STRIDE = (32, 32, 16), 16  # columns, rows, slices
LOW, HIGH, LEAST, IOU, BEST = 1500.0, 3000.0, 0.5, 0.3, 5
METAL = 3000  # HU of the cubes; bone is below LOW


def brightest_cube(columns, rows, slices):
    """One number a patch: the greatest mean of 4 x 4 x 4 voxels."""
    return tiny.model([tiny.node("AveragePool", ["x"], "means", kernel_shape=[4, 4, 4], strides=[1, 1, 1]),
        tiny.node("ReduceMax", ["means"], "most", axes=[2, 3, 4]), tiny.node("Flatten", ["most"], "y", axis=1)],
        [("x", (1, 1, slices, rows, columns))], [("y", (1, 1))])


def cards(input=None, **detector):
    onnx = tiny.bag_mean(4, 16, 16)
    outer = tiny.card(onnx, name="site", task="classification", settings={}, detector="nodules",
        input={"modality": "CT", "patch": [16, 16], "slices": 4, "channels": 1, "window": [-1000, 400], "normalisation": "window"},
        output={"activation": "sigmoid"})
    found = brightest_cube(*PATCH)
    inner = tiny.card(found, name="metal", task="detection", architecture="AveragePool 4",
        input={"modality": "CT", "patch": list(PATCH), "channels": 1, "window": [LOW, HIGH], "normalisation": "window", **(input or {})},
        output={"activation": "none", "threshold": LEAST}, settings={"stride": {"type": "integer", "default": STRIDE}})
    inner.update(detector)
    return onnx, outer, found, inner


def write(g, **changes):
    onnx, outer, found, inner = cards(**changes)
    folder = tiny.write(g.base / "mine", onnx, outer)
    tiny.write(folder / "nodules", found, inner)
    return folder


def study(path, cubes, low=0.02, high=1.0):
    """A phantom with cubes of metal: (column, row, slice, side). Returns its HU."""
    hu, _, step = chest.volume(1, (), SLICES, COLUMNS, low, high)
    hu = np.array(hu, dtype=np.int32)
    for x, y, z, side in cubes:
        hu[z:z + side, y:y + side, x:x + side] = METAL
    stored = np.clip(hu - chest.INTERCEPT, 0, 4095)
    names = ("detector", str(cubes))
    chest.pack(path, [(f"IM{i:04}.dcm", chest.instance(stored[i], names, i, SLICES, step)) for i in range(SLICES)])
    return stored + chest.INTERCEPT


def starts(n, patch):
    """Where patches begin along an axis: at multiples of the stride, the last one at the end."""
    last = max(n - patch, 0)
    return sorted({min(i, last) for i in range(0, last + STRIDE, STRIDE)})


def iou(a, b):
    common = np.prod([max(0, min(a[k + 1], b[k + 1]) - max(a[k], b[k])) for k in (0, 2, 4)])
    volume = [np.prod([c[k + 1] - c[k] for k in (0, 2, 4)]) for c in (a, b)]
    return common / (volume[0] + volume[1] - common)


def expected(hu, flip=False):
    """Boxes [x0, x1, y0, y1, z0, z1], the best first. `flip`: the model sees columns and rows turned round."""
    seen = hu[:, ::-1, ::-1] if flip else hu
    scaled = (np.clip(seen, LOW, HIGH).astype(np.float32) - np.float32(LOW)) / np.float32(HIGH - LOW)
    windows = np.lib.stride_tricks.sliding_window_view(scaled, (4, 4, 4)).mean(axis=(3, 4, 5))
    found = []
    for z in starts(hu.shape[0], PATCH[2]):
        for y in starts(hu.shape[1], PATCH[1]):
            for x in starts(hu.shape[2], PATCH[0]):
                score = windows[z:z + PATCH[2] - 3, y:y + PATCH[1] - 3, x:x + PATCH[0] - 3].max()
                if score >= LEAST:
                    box = [x, x + PATCH[0], y, y + PATCH[1], z, z + PATCH[2]]
                    if flip:
                        box = [COLUMNS - box[1], COLUMNS - box[0], COLUMNS - box[3], COLUMNS - box[2], *box[4:]]
                    found.append((score, box))
    found.sort(key=lambda row: -row[0])
    kept = []
    for _, box in found:
        if all(iou(box, other) <= IOU for other in kept):
            kept.append(box)
    return kept


def around(boxes):
    best = np.array(boxes[:BEST])
    return ",".join(str(best[:, k].min() if k % 2 == 0 else best[:, k].max()) for k in range(6))


CUBES = [(40, 70, 4, 6), (100, 66, 12, 8), (131, 90, 17, 5)]


@pytest.mark.parametrize("orientation", [None, "LPS", "RAS"])
def test_from_zip_to_row(box, ort, orientation):
    hu = study(box.zips / "a.zip", CUBES)
    study(box.zips / "none.zip", [])
    box.ok("model", "add", write(box, input={"orientation": orientation} if orientation else {}))
    said = predict(box, "-o", "r.csv", model="site").out
    row, none = read_csv(box.base / "r.csv")
    wanted = expected(hu, flip=orientation == "RAS")
    assert len(wanted) >= 3
    assert row["pathology_localization"] == around(wanted) and row["processing_status"] == "SUCCESS"
    assert none["pathology_localization"] == "N/A" and none["processing_status"] == "SUCCESS"
    # the console, and the task's values
    for line in ("✅ metal detector loaded from site/nodules/model.onnx", "   Architecture: AveragePool 4", "   metal:   YES",
                 "  🔍 Running metal detector...", f"    ✅ Findings: {len(wanted)} ({around(wanted)})", "    ✅ Findings: 0 (N/A)"):
        assert line in said.splitlines(), line
    task = next(t for t in box.tasks() if t["item"].startswith("a"))
    values = box.json("show", str(task["id"]))["result"]
    assert values["nodules"] == len(wanted) and [f["box"] for f in values["findings"]] == wanted
    assert values["models"]["detector"]["name"] == "metal" and values["models"]["detector"]["checksum"]
    # every cube lies in a finding, and in the picture that finding is drawn
    for x, y, z, side in CUBES:
        assert any(b[0] <= x + 2 and x + side - 2 <= b[1] and b[2] <= y + 2 and y + side - 2 <= b[3] for b in wanted)
    folder, = (box.base / "per-study").iterdir()
    shots = {name: np.asarray(Image.open(folder / f"{name}.png").convert("RGB")).astype(int) for name in ("a", "none")}
    marked = {name: int(((p[..., 0] < 60) & (p[..., 1] > 180) & (p[..., 2] > 200)).sum()) for name, p in shots.items()}
    assert marked["a"] > 300 and marked["none"] == 0, marked
    # the same in a workbook, as text
    predict(box, "-o", "r.xlsx", model="site")
    assert read_xlsx(box.base / "r.xlsx")[0]["pathology_localization"] == around(wanted)


def test_it_stays_loaded_from_study_to_study(box, ort):
    """Both models of a study are kept by the warm worker."""
    for i, name in enumerate(("a.zip", "b.zip", "c.zip")):
        study(box.zips / name, [(40 + i, 70, 4, 6)])
    box.ok("model", "add", write(box))
    predict(box, "-o", "r.csv", model="site")
    logs = [box.ok("log", str(t["id"])).out for t in box.tasks()]
    for model in ("site", "metal"):
        assert sum(f"[model] {model}: loaded" in log for log in logs) == 1, logs
        assert sum(f"[model] {model}: still loaded" in log for log in logs) == 2, logs


def test_another_spacing_is_brought_back_to_the_study(box, ort):
    """The model sees voxels of its own size; the box is in voxels of the study and holds the cube."""
    x, y, z, side = cube = (96, 64, 8, 9)
    study(box.zips / "a.zip", [cube])
    box.ok("model", "add", write(box, input={"spacing": [3.0, 3.0, 8.0]}))
    predict(box, "-o", "r.csv", model="site")
    x0, x1, y0, y1, z0, z1 = map(int, read_csv(box.base / "r.csv")[0]["pathology_localization"].split(","))
    for low, high, at, n in ((x0, x1, x, COLUMNS), (y0, y1, y, COLUMNS), (z0, z1, z, SLICES)):
        assert 0 <= low <= at + side // 2 <= high <= n and low < high, (x0, x1, y0, y1, z0, z1)


def test_a_study_smaller_than_a_patch_has_a_box_within_it(box, ort):
    hu = study(box.zips / "a.zip", [(40, 70, 4, 6)])
    onnx, outer, _, inner = cards(input={"patch": [32, 32, 64]})
    found = brightest_cube(32, 32, 64)
    inner["checksum"] = tiny.card(found)["checksum"]
    folder = tiny.write(box.base / "mine", onnx, outer)
    tiny.write(folder / "nodules", found, inner)
    box.ok("model", "add", folder)
    predict(box, "-o", "r.csv", model="site")
    x0, x1, y0, y1, z0, z1 = map(int, read_csv(box.base / "r.csv")[0]["pathology_localization"].split(","))
    assert (z0, z1) == (0, hu.shape[0]) and x0 < 40 < x1 and y0 < 70 < y1


def test_three_findings_are_the_rules_second_condition(box, ort):
    """DESIGN 10: vote 1 and nodules >= 3. The z-profile is made to vote 1, and nothing else to decide."""
    study(box.zips / "a.zip", CUBES)
    folder = write(box)
    document = json.loads((folder / "model.json").read_text())
    numbers = {"normal_signs_min": 5, "weak_signs_min": 5, "strong_signs_min": 5, "vote_p_above": 1, "both_p_above": 1, "z_above": 1,
        "probability_above": 1, "nodules_min": 3}
    document["settings"] = {k: {"type": "number", "default": v} for k, v in numbers.items()}
    (folder / "model.json").write_text(json.dumps(document))
    box.ok("model", "add", folder)
    predict(box, "-o", "r.csv", model="site")
    row, = read_csv(box.base / "r.csv")
    assert row["pathology"] == "1" and "nodules" in row["reason"], row["reason"]
    document["settings"]["nodules_min"]["default"] = 1000
    (folder / "model.json").write_text(json.dumps(document))
    box.ok("model", "add", "--replace", folder)
    predict(box, "-o", "r.csv", model="site")
    assert read_csv(box.base / "r.csv")[0]["pathology"] == "0"


@pytest.mark.parametrize("rows, columns", [(48, 80), (512, 512)])
def test_a_bag_has_the_size_that_the_file_says(box, ort, rows, columns):
    """DESIGN 7, 10: without input.patch in the card it is model.onnx that says rows and columns, not 256 x 256."""
    study(box.zips / "a.zip", [])
    said = []
    for patch in ({"patch": [columns, rows]}, {}):
        onnx = tiny.bag_mean(4, rows, columns)
        document = tiny.card(onnx, name="site", task="classification", settings={}, output={"activation": "sigmoid"},
            input={"modality": "CT", "slices": 4, "channels": 1, "window": [-1000, 400], "normalisation": "window", **patch})
        outcome = predict(box, "-o", f"{len(patch)}.csv", model=tiny.write(box.base / f"m{len(patch)}", onnx, document))
        said += [line for line in outcome.out.splitlines() if "Final pathology probability" in line]
    assert len(said) == 2 and said[0] == said[1], said


@pytest.mark.parametrize("scaling, p", [
    ({"normalisation": "zscore"}, "0.5000"), ({"normalisation": "zscore", "window": [-1000, 400]}, "0.5000"),
    ({"normalisation": "none", "window": [0, 1]}, None), ({"normalisation": "unit"}, None), ({}, None)])
def test_a_bag_is_scaled_as_the_card_says(box, ort, scaling, p):
    """DESIGN 7: window and normalisation of the classifier's card; without both DESIGN 10's -1000..400 as 0..1."""
    hu = study(box.zips / "a.zip", [])
    chosen = hu[np.arange(4) * (SLICES - 1) // 3].astype(float)
    onnx = tiny.bag_mean(4, COLUMNS, COLUMNS)
    document = tiny.card(onnx, name="site", task="classification", settings={}, output={"activation": "sigmoid"},
        input={"modality": "CT", "slices": 4, "channels": 1, **scaling})
    outcome = predict(box, "-o", "r.csv", model=tiny.write(box.base / "m", onnx, document))
    if not p:
        low, high = (-1000, 400) if not scaling else (chosen.min(), chosen.max()) if "window" not in scaling else (0, 1)
        mean = ((np.clip(chosen, low, high) - low) / (high - low)).mean()
        p = f"{1 / (1 + np.exp(-mean)):.4f}"
    assert f"Final pathology probability: {p}" in outcome.out


@pytest.mark.parametrize("what, words", [
    ("no folder", ["nodules", "no model's folder"]),
    ("path", ["detector", "name of a folder"]),
    ("task", ["nodules", "task is segmentation, not detection"]),
    ("patch", ["nodules", "patches of 3 sizes"]),
    ("modality", ["nodules", "it is for MR"]),
    ("stride", ["nodules", "stride is 99"]),
    ("size", ["its detector", "model.onnx takes 1 x 1 x 16 x 32 x 32"]),
    ("sum", ["is damaged or not the model"]),
    ("output", ["its detector", "gives 3 scores", "1 labels"]),
])
def test_what_is_wrong_with_a_detector_is_said_when_it_is_added(box, ort, what, words):
    onnx, outer, found, inner = cards()
    if what == "path":
        outer["detector"] = "../nodules"
    elif what == "task":
        inner["task"] = "segmentation"
    elif what == "patch":
        inner["input"]["patch"] = [32, 32]
    elif what == "modality":
        inner["input"]["modality"] = "MR"
    elif what == "stride":
        inner["settings"]["stride"]["default"] = 99
    elif what == "size":
        inner["input"]["patch"] = [16, 16, 16]
    elif what == "sum":
        found += b" "
    elif what == "output":
        found = tiny.model([tiny.node("ReduceMax", ["x"], "most", axes=[2, 3, 4]), tiny.node("Concat", ["most", "most", "most"], "y", axis=1)],
            [("x", (1, 1, 16, 32, 32))], [("y", (1, 3, 1, 1, 1))])
        inner["checksum"] = tiny.card(found)["checksum"]
        inner["output"]["labels"] = ["finding"]
    folder = tiny.write(box.base / "mine", onnx, outer)
    if what != "no folder":
        tiny.write(folder / "nodules", found, inner)
    outcome = box.run("model", "add", folder)
    assert outcome.rc != 0 and len(outcome.err.strip().splitlines()) == 1, outcome
    assert all(word in outcome.err for word in words), outcome
    left = os.listdir(box.home / "models") if (box.home / "models").exists() else []
    assert left == []


def test_it_is_added_shown_and_taken_away_with_its_model(box, ort):
    folder = write(box)
    assert "with its detector nodules" in box.ok("model", "add", folder).out
    place = box.home / "models" / "site"
    assert sorted(os.listdir(place)) == ["model.json", "model.onnx", "nodules"]
    assert sorted(os.listdir(place / "nodules")) == ["model.json", "model.onnx"]
    shown = box.ok("model", "show", "site").out
    assert "detector   nodules" in shown and "checksum   fits" in shown
    with open(place / "nodules" / "model.onnx", "ab") as file:
        file.write(b" ")
    assert box.run("model", "show", "site").rc == 1
    box.ok("model", "rm", "site")
    assert os.listdir(box.home / "models") == []
