"""W8: validations launched on results, with real inference: masks against reference masks, classes against a table of labels.
On the command line, over HTTP, as a report. The arithmetic is held against SciPy in test_validate_figures.py."""
import csv
import io
import json
import os
import re
import shutil
import tempfile
import zlib

import nibabel
import numpy as np
import pytest

import predictions
import runner
import server
import tiny_models
from runner import wait_for

MASKS = {"modality": "CT", "patch": [16, 16, 8], "channels": 1, "normalisation": "window", "window": [150, 400]}
BAGS = {"modality": "CT", "slices": 4, "channels": 1, "patch": [8, 8], "normalisation": "window", "window": [0, 100]}
LEVELS = [0, 10, 20, 40, 60, 70, 90, 100]  # HU of the series to classify: the more, the surer


class Site:
    """Predictions 1 (masks of balls: series a, b, c, d) and 2 (classes of eight series of one grey each)."""

    def __init__(self, g, ort):
        self.g = g
        g.env["GANTRY_ORT"] = str(ort)
        for seed, name in enumerate("abcd", 1):
            predictions.nifti(g.data / "balls" / f"{name}.nii.gz", "CT", seed, axes=["RAS", "LPS", "SAR", "RAS"][seed - 1])
        (g.data / "grey").mkdir()
        for level in LEVELS:
            image = nibabel.Nifti1Image(np.full((8, 8, 6), level, np.int16), predictions.affine((8, 8, 6)))
            nibabel.save(image, g.data / "grey" / f"g{level:03}.nii.gz")
        onnx = tiny_models.two_classes(None, None, None)
        tiny_models.write(g.base / "ball", onnx, tiny_models.card(onnx, name="ball", input=MASKS))
        onnx = tiny_models.bag_mean(4, 8, 8)
        tiny_models.write(g.base / "grey", onnx, tiny_models.card(onnx, name="grey", task="classification", input=BAGS, settings={},
            output={"labels": ["dark", "bright"], "activation": "sigmoid", "threshold": 0.62}))
        g.ok("init", g.data)
        for word in ("ball", "grey"):
            g.ok("model", "add", g.base / word)
            g.ok("dataset", "add", word, g.data / {"ball": "balls", "grey": "grey"}[word], "--modality", "CT")
            g.ok("predict", "--dataset", word, "--model", word)
        self.truth = g.base / "truth"

    def masks(self):
        """a: as it is; b: its axes turned; c: of a neighbour's ball; d: none, and one of another size."""
        shutil.rmtree(self.truth, ignore_errors=True)
        predictions.truth(self.truth / "balls_a_seg.nii.gz", 1)
        predictions.truth(self.truth / "b.nii", 2, axes="SPL")
        predictions.truth(self.truth / "deep" / "c.nii.gz", 1)
        return self.truth

    def table(self, text):
        (self.g.base / "labels.csv").write_text(text)
        return self.g.base / "labels.csv"


@pytest.fixture(scope="module")
def site(program, onnx_runtime):
    """One for all tests: each validation is a run of its own."""
    base = tempfile.mkdtemp(prefix="gantry-e2e-")
    g = runner.Gantry(program, base)
    yield Site(g, onnx_runtime)
    g.kill_all()
    shutil.rmtree(base, ignore_errors=True)


def columns(text):
    return list(csv.DictReader(io.StringIO(text)))


def pdf_pages(data):
    """Pages and how many bytes their drawings have."""
    streams = [zlib.decompress(s) for s in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.S) if s[:1] == b"x"]
    return len(re.findall(rb"/Type\s*/Page\b", data)), sum(map(len, streams))


def test_masks(site):
    """W8: Dice, IoU, HD95, surface Dice and volumes of each label; turned truths; what is missing or bad is a row with its reason."""
    g = site.g
    truth = site.masks()
    done = g.ok("validate", 1, "--truth", truth, "-o", g.base / "r.pdf", "-o", g.base / "r.csv")
    assert "4 series, 3 compared, 1 without a truth, 0 without a prediction, 0 failed" in done.out
    assert "balls/d.nii.gz: no truth: no mask for it" in done.out
    folder = re.search(r"report: (.*)/report.pdf", done.out).group(1)
    doc = json.loads(open(f"{folder}/validation.json").read())
    rows = {r["stem"]: r for r in doc["rows"]}
    assert [r["stem"] for r in doc["rows"]][0] == "balls/c" and rows["balls/d"]["state"] == "no truth"
    for name in ("balls/a", "balls/b"):
        label, = rows[name]["labels"]
        assert label["name"] == "bright" and label["dice"] == label["iou"] == label["surface_dice"] == 1 and label["hd95"] == 0, label
    assert rows["balls/b"]["notes"] == ["the truth's axes were turned"]
    p, t = predictions.ball(3), predictions.ball(1)
    worst, = rows["balls/c"]["labels"]
    assert worst["dice"] == pytest.approx(2 * (p & t).sum() / (p.sum() + t.sum()), abs=1e-9)
    assert worst["volume_ml"] == pytest.approx((int(p.sum()) - int(t.sum())) * 12 / 1000, abs=1e-9)
    summary, = doc["summary"]
    assert summary["dice"]["n"] == 3 and summary["dice"]["min"] == worst["dice"] and summary["dice"]["max"] == 1
    table = columns((g.base / "r.csv").read_text())
    assert [r["series"] for r in table] == [r["name"] for r in doc["rows"]] and table[3]["reason"] == "no mask for it"
    assert float(table[0]["dice"]) == pytest.approx(worst["dice"], abs=1e-9)
    pages, drawn = pdf_pages((g.base / "r.pdf").read_bytes())
    assert pages == 1 and drawn > 2000
    # bad truths: another size, no mask at all; and an empty one, whose distance is no number
    predictions.truth(truth / "b.nii", 2, shape=(24, 20, 10))
    nibabel.save(nibabel.Nifti1Image(np.full((24, 20, 12), 0.5, np.float32), predictions.affine()), truth / "d.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((24, 20, 12), np.uint8), predictions.affine()), truth / "deep" / "c.nii.gz")
    bad = g.run("validate", 1, "--truth", truth, "--tolerance", "2.5", "--json")
    assert bad.rc == 1, bad
    doc = json.loads(bad.out)
    rows = {r["stem"]: r for r in doc["rows"]}
    assert doc["counts"] == {"series": 4, "compared": 2, "failed": 2, "no_truth": 0, "no_prediction": 0}
    assert "24 x 20 x 10 voxels" in rows["balls/b"]["reason"] and "is no mask" in rows["balls/d"]["reason"]
    empty, = rows["balls/c"]["labels"]
    assert (empty["dice"], empty["hd95"], empty["surface_dice"], empty["volume_percent"]) == (0, "inf", 0, "inf")
    assert doc["tolerance"] == 2.5 and doc["summary"][0]["hd95"]["infinite"] == 1
    assert "inf" in open(f"{g.rec}/validations/{doc['run']}/validation.csv").read()
    assert not g.leftovers()


def test_one_label_of_another_number(site):
    """W8: masks of 0 and 255 are those of a model's one label; other labels of the truth are told."""
    g = site.g
    truth = site.masks()
    mask = np.where(predictions.ball(1), 255, 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(mask, predictions.affine()), truth / "balls_a_seg.nii.gz")
    two = predictions.ball(4).astype(np.uint8)
    two[0, 0, 0] = 7
    nibabel.save(nibabel.Nifti1Image(two, predictions.affine()), truth / "d_mask.nii.gz")
    rows = {r["stem"]: r for r in g.json("validate", 1, "--truth", truth)["rows"]}
    assert rows["balls/a"]["labels"][0]["dice"] == 1 and rows["balls/a"]["notes"] == ["label 255 of the truth is taken for label 1"]
    assert rows["balls/d"]["labels"][0]["dice"] == 1 and rows["balls/d"]["notes"] == ["the prediction does not have label 7 of the truth"]
    said = g.run("validate", 1, "--truth", truth, "-o", g.base / "n.csv").out
    noted = {r["series"]: r["notes"] for r in columns((g.base / "n.csv").read_text())}
    assert noted["balls/d.nii.gz"] == rows["balls/d"]["notes"][0]
    assert "balls/d.nii.gz: the prediction does not have label 7 of the truth" in said


def test_classes(site):
    """W8: sensitivity, specificity, PPV, NPV, AUC with intervals, confusion matrix, calibration, against a table of labels."""
    g = site.g
    yes = {40, 70, 90, 100}
    text = "series;label\n" + "".join(f"g{v:03}.nii.gz;{'bright' if v in yes else '0'}\n" for v in LEVELS if v != 10) + "g010;odd\n"
    out = g.run("validate", 2, "--truth", site.table(text), "-o", g.base / "r.pdf", "-o", g.base / "r.json")
    assert out.rc == 1 and "8 series, 7 compared, 0 without a truth, 0 without a prediction, 1 failed" in out.out, out
    doc = json.loads((g.base / "r.json").read_text())
    score = {v: 1 / (1 + np.exp(-v / 100)) for v in LEVELS}
    said = {v: score[v] >= 0.62 for v in LEVELS}
    known = [v for v in LEVELS if v != 10]
    assert doc["classes"] == ["dark", "bright"] and doc["positive"] == "bright"
    assert doc["confusion"] == [[sum(not said[v] for v in known if v not in yes), sum(said[v] for v in known if v not in yes)],
        [sum(not said[v] for v in yes), sum(bool(said[v]) for v in yes)]]
    one, = doc["per_class"]
    pairs = [(score[a] > score[b]) for a in known if a in yes for b in known if b not in yes]
    assert one["auc"]["value"] == pytest.approx(np.mean(pairs)) and one["auc"]["low"] < one["auc"]["value"] <= one["auc"]["high"] <= 1
    assert one["rates"]["sensitivity"]["value"] == doc["confusion"][1][1] / 4 and one["n"] == 4
    assert one["calibration"]["brier"] == pytest.approx(np.mean([(score[v] - (v in yes)) ** 2 for v in known]), abs=1e-6)
    rows = doc["rows"]
    assert not rows[0]["right"] and rows[-1]["reason"] == "label 'odd' of the truth is none of: dark, bright"
    assert [r["true_score"] for r in rows if r.get("right")] == sorted(r["true_score"] for r in rows if r.get("right"))
    assert pdf_pages((g.base / "r.pdf").read_bytes())[0] >= 1
    # by number; a series without a row, and a table that contradicts itself
    ids = {r["name"]: r["item"] for r in doc["rows"]}
    text = "id,label\n" + "".join(f"{ids[f'grey/g{v:03}.nii.gz']},{int(v in yes)}\n" for v in LEVELS[:6]) + f"{ids['grey/g000.nii.gz']},1\n"
    doc = g.json("validate", 2, "--truth", site.table(text), "--positive", "dark")
    assert doc["positive"] == "dark" and doc["counts"] == {"series": 8, "compared": 5, "failed": 0, "no_truth": 3, "no_prediction": 0}
    assert {r["reason"] for r in doc["rows"] if r["state"] == "no truth"} == {
        "no row of the table is about it", "rows 2 and 8 of the table contradict each other"}


def test_what_is_refused(site):
    """W8, DESIGN 3: nothing to compare is 3, bad usage 2, and each says what to do."""
    g = site.g
    empty = g.base / "empty"
    empty.mkdir()
    assert "holds no NIfTI files" in g.fails(3, "validate", 1, "--truth", empty).err
    predictions.truth(empty / "somebody.nii.gz")
    none = g.fails(3, "validate", 1, "--truth", empty).err
    assert "for any of 4 series" in none and "balls/a.nii.gz" in none
    table = site.table("series,label\nx,1\n")
    assert "draws masks: the truth is a folder" in g.fails(2, "validate", 1, "--truth", table).err
    assert "the truth is a table" in g.fails(2, "validate", 2, "--truth", empty).err
    assert "the truth is a table" in g.fails(2, "validate", "last", "--truth", empty).err  # the newest prediction
    assert "there is no run 99" in g.fails(3, "validate", 99, "--truth", empty).err
    assert "is no run" in g.fails(2, "validate", "first", "--truth", empty).err
    assert "--truth DIR" in g.fails(2, "validate", 1).err
    assert "there is no" in g.fails(4, "validate", 1, "--truth", g.base / "nowhere").err
    assert "FILE.pdf" in g.fails(2, "validate", 1, "--truth", empty, "-o", "report.doc").err
    assert "there is no folder" in g.fails(4, "validate", 1, "--truth", empty, "-o", g.base / "nowhere" / "x.pdf").err
    assert not list(empty.glob("*.json"))
    bad = g.run("validate", 2, "--truth", site.table("series,label\ng000,0\n"), "--positive", "purple")
    assert bad.rc == 1 and "no report was made" in bad.err
    assert "'purple' is none of the model's classes: dark, bright" in g.ok("errors").out


def test_over_http(site):
    """W8: begun from the page, watched, read; a table may be sent; viewers look, and do not begin."""
    g = site.g
    truth = site.masks()
    shutil.copytree(truth, g.data / "truth")
    with server.Server(g) as s:
        made = s.ok("POST", "/api/v1/validations", {"run": 1, "truth": str(g.data / "truth")})
        assert made["series"] == 4 and made["with_truth"] == 3 and made["missing"] == [{"name": "balls/d.nii.gz", "reason": "no mask for it"}]
        path = f"/api/v1/validations/{made['run']}"
        row = wait_for(lambda: s.ok("GET", path)["ended"] and s.ok("GET", path), "the end of the validation")
        assert (row["state"], row["of"], row["model"], row["kind"]) == ("Completed", 1, "ball", "masks")
        listed = s.ok("GET", "/api/v1/validations?run=1")
        assert listed["rows"][0] == row and listed["total"] == len(listed["rows"]) and {r["of"] for r in listed["rows"]} == {1}
        doc = s.get(path + "/result")
        assert doc.json["counts"]["compared"] == 3 and doc.headers["Content-Type"] == "application/json"
        assert s.get(path + "/report.pdf").body.startswith(b"%PDF") and s.get(path + "/table.csv").body.startswith(b"id,series,")
        # a table that is sent
        text = "series,label\n" + "".join(f"g{v:03},{int(v > 50)}\n" for v in LEVELS)
        sent = s.request("PUT", "/api/v1/uploads/labels.csv", text.encode(), headers={"Content-Type": "text/csv"})
        assert sent.status in (200, 201), sent
        made = s.ok("POST", "/api/v1/validations", {"run": 2, "upload": sent.json["upload"]})
        assert made["with_truth"] == 8
        wait_for(lambda: s.ok("GET", f"/api/v1/validations/{made['run']}")["ended"], "the end of the second")
        assert s.ok("GET", f"/api/v1/validations/{made['run']}")["truth"] == "labels.csv"
        assert s.get(f"/api/v1/validations/{made['run']}/result").json["per_class"][0]["auc"]["value"] == 1
        # refusals
        assert s.get("/api/v1/validations/1").status == 404 and s.get("/api/v1/validations/1/result").status == 404
        assert s.post("/api/v1/validations", {"run": 1}).status == 400
        assert s.post("/api/v1/validations", {"run": 1, "truth": "/etc"}).status in (403, 404)
        assert s.post("/api/v1/validations", {"run": 1, "truth": str(g.data / "truth"), "tolerance": -1}).status == 400
