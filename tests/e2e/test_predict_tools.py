"""predict.segment, predict.classify, predict.detect on small series with tiny models (issue 6, part 4; REQUIREMENTS W1, W8, W14),
each as the worker runs it; masks are read back by nibabel. Sums of patches and all 48 orientations: tests/unit/t-sliding.c,
t-segment.c."""
import json
import pathlib
import struct

import nibabel
import numpy as np
import pytest

import image_steps
import predictions
import tiny_models as tiny

OUTS = {"predict.segment": {"mask": "mask.nii.gz", "facts": "mask.json", "preview": "preview.png"},
        "predict.classify": {"values": "values.json", "preview": "preview.png"},
        "predict.detect": {"boxes": "boxes.json", "preview": "preview.png"}}


class Predict:
    """One attempt; what it wrote lies in self.at."""

    def __init__(self, g):
        self.g, self.step, self.n = g, image_steps.Steps(g), 0

    def __call__(self, tool, image, model, ok=True, series="", checksum="", **settings):
        self.n += 1
        self.at = self.g.base / f"out{self.n}"
        outs = {k: self.at / v for k, v in OUTS[tool].items()}
        return self.step(tool, outs, ok, image=pathlib.Path(image), model=str(model), series=series, model_checksum=checksum,
            settings=json.dumps(settings) if settings else "")

    def json(self, name):
        return json.loads((self.at / name).read_text())

    def mask(self):
        return nibabel.load(self.at / "mask.nii.gz")


@pytest.fixture
def predict(g, ort):
    return Predict(g)


def thing(g, name, nodes, outputs, rank=5, **document):
    """A model of any batch and size."""
    shape = (0, 1, *[0] * (rank - 2))
    onnx = tiny.model(nodes, [("x", shape)], [(o, (0, n, *[0] * (rank - 2))) for o, n in outputs])
    return tiny.write(g.base / name, onnx, tiny.card(onnx, name=name, **document))


def ball_finder(g, **input_more):
    """The bright ball of predictions.py: values are cut to 200..400, and what is above their mean is it."""
    return thing(g, "ball", [tiny.node("Neg", ["x"], "minus"), tiny.node("Concat", ["minus", "x"], "y", axis=1)], [("y", 2)],
        input={"modality": "CT", "channels": 1, "patch": [10, 8, 6], "window": [200, 400], "normalisation": "zscore", **input_more},
        output={"labels": ["background", "ball"], "activation": "softmax", "colours": ["#000000", "#ff8800"]})


def world(image):
    """Voxels of a mask as points in millimetres, sorted."""
    points = nibabel.affines.apply_affine(image.affine, np.argwhere(np.asarray(image.dataobj) > 0))
    return np.array(sorted(map(tuple, np.round(points, 3))))


def test_a_mask_its_facts_and_its_picture(g, predict):
    """W8: label names and colours, volumes, the series' geometry; DESIGN 7."""
    predictions.nifti(g.base / "ct.nii.gz", "CT", 3)
    values = predict("predict.segment", g.base / "ct.nii.gz", ball_finder(g), overlap=0.25, batch_size=3)
    truth, mask = predictions.ball(3), predict.mask()
    assert np.array_equal(np.asarray(mask.dataobj), truth) and mask.get_data_dtype() == np.uint8
    assert np.array_equal(mask.affine, nibabel.load(g.base / "ct.nii.gz").affine) and mask.header["intent_code"] == 1002
    ml = truth.sum() * 12 / 1000
    assert abs(values["ml.ball"] - ml) < 1e-9 and values["device"] == "CPU" and values["seconds_model"] > 0 and values["patches"] > 8
    assert predict.json("mask.json") == {"gantry": 1, "model": "ball", "version": "1.0", "series": "ct.nii.gz",
        "labels": [{"value": 1, "name": "ball", "colour": "#ff8800", "voxels": int(truth.sum()), "ml": pytest.approx(ml)}]}
    png = (predict.at / "preview.png").read_bytes()
    assert struct.unpack(">II", png[16:24]) == (2 * 24 + 20 + 8, 20)  # 24 x 20 voxels of 2 mm, 12 of 3 mm as 18 pixels


def test_the_mask_lies_on_the_same_anatomy(g, predict):
    """W8, issue 6: however the series is stored, straight or oblique, in the model's spacing or its own (nibabel's affines)."""
    model, places = ball_finder(g, orientation="LPS"), []
    for axes in ("RAS", "LPI", "SAR", "PIL"):
        predictions.nifti(g.base / f"{axes}.nii", "CT", 4, axes=axes)
        image = nibabel.load(g.base / f"{axes}.nii")
        for turned in (False, True) if axes in ("RAS", "PIL") else (False,):
            if turned:
                c, s = np.cos(0.3), np.sin(0.3)
                turn = np.array([[c, -s, 0, 4], [s * c, c * c, -s, 5], [s * s, c * s, c, 6], [0, 0, 0, 1]])
                image = nibabel.Nifti1Image(np.asarray(image.dataobj), turn @ image.affine)
                nibabel.save(image, g.base / f"{axes}-turned.nii")
            predict("predict.segment", g.base / f"{axes}{'-turned' if turned else ''}.nii", model)
            points = world(predict.mask())
            if turned:
                points = nibabel.affines.apply_affine(np.linalg.inv(turn), points)
                points = np.array(sorted(map(tuple, np.round(points, 2))))
            places.append(np.round(points, 2))
    assert all(np.allclose(p, places[0], atol=0.02) for p in places) and len(places[0]) == predictions.ball(4).sum()
    predict("predict.segment", g.base / "LPI.nii", ball_finder(g, orientation="RAS", spacing=[1.4, 1.6, 2.3]))
    mask, truth = predict.mask(), predictions.ball(4)
    here = np.asarray(mask.as_reoriented(nibabel.io_orientation(mask.affine)).dataobj) > 0
    assert 2 * (here & truth).sum() / (here.sum() + truth.sum()) > 0.9


def test_series_of_dicom(g, predict):
    """W1: one SeriesInstanceUID of several in a ZIP, a folder; the geometry is that of `gantry convert`."""
    two, model = predictions.dicom_zip(g.base / "two.zip"), ball_finder(g)
    uid = predictions.chest.uid(1, "series", 3)
    predict("predict.segment", two, model, series=uid)
    mask = predict.mask()
    g.ok("convert", two, g.base / "three.nii.gz", "--series", uid)
    same = nibabel.load(g.base / "three.nii.gz")
    assert mask.shape == same.shape == (32, 32, 6) and np.allclose(mask.affine, same.affine)
    predict("predict.segment", predictions.dicom_folder(g.base / "loose"), model)
    assert predict.mask().shape == (32, 32, 10)
    assert "has 2 series: say which" in predict("predict.segment", two, model, ok=False)
    assert "has no series 1.2.3 (of 2)" in predict("predict.segment", two, model, ok=False, series="1.2.3")


def test_what_cannot_be_predicted_is_one_line(g, predict):
    """W14, X24: a series or a setting that does not fit fails with the reason, and never half."""
    model, image = ball_finder(g), g.base / "ct.nii.gz"
    predictions.nifti(image)
    four = np.stack([predictions.pixels()] * 3, -1)
    nibabel.save(nibabel.Nifti1Image(four, predictions.affine()), g.base / "four.nii.gz")
    (g.base / "broken.nii.gz").write_bytes(b"this is no image")
    classifier = thing(g, "judge", [tiny.node("ReduceMean", ["x"], "y", axes=[2, 3, 4])], [("y", 1)], task="classification",
        output={"activation": "sigmoid"})
    for said, words in (
            (dict(image=g.base / "four.nii.gz", model=model), "holds 3 volumes over time"),
            (dict(image=g.base / "broken.nii.gz", model=model), "broken.nii.gz"),
            (dict(image=g.base / "nothing.nii.gz", model=model), "nothing.nii.gz"),
            (dict(image=image, model=classifier), "model judge is for classification"),
            (dict(image=image, model="nobody"), "nobody"),
            (dict(image=image, model=model, checksum="0" * 64), "changed since the run began: submit a new prediction"),
            (dict(image=image, model=model, overlap=2), "overlap"),
            (dict(image=image, model=model, labels="liver"), "no label 'liver'; it has ball"),
            (dict(image=image, model=model, slice_first=12), "slices 0 to 11")):
        line = predict("predict.segment", ok=False, **said)
        assert words in line and "\n" not in line, line
        assert not (predict.at / "mask.nii.gz").exists()


def test_odd_series_have_a_right_result(g, predict):
    """Issue 6: NaN, constant, all air, smaller than a patch, thick slices."""
    model = ball_finder(g)
    for name, shape, spacing in (("tiny", (3, 2, 1), (1, 1, 1)), ("thin", (40, 30, 3), (0.5, 0.5, 20))):
        predictions.nifti(g.base / f"{name}.nii", shape=shape, spacing=spacing, seed=5)
        predict("predict.segment", g.base / f"{name}.nii", model)
        assert np.array_equal(np.asarray(predict.mask().dataobj), predictions.ball(5, shape)), name
    holes = predictions.pixels("CT", 6).astype(np.float32)
    holes[0, 0, 0], holes[5, 5, 5], holes[1, 1, 1] = np.nan, np.inf, -np.inf
    for name, values in (("holes", holes), ("air", np.full((8, 8, 8), -1000, np.int16)), ("flat", np.full((8, 8, 8), 7.5, np.float32))):
        nibabel.save(nibabel.Nifti1Image(values, predictions.affine()), g.base / f"{name}.nii")
        told = predict("predict.segment", g.base / f"{name}.nii", model)
        expected = predictions.ball(6) & np.isfinite(holes) if name == "holes" else np.zeros(values.shape, bool)
        assert np.array_equal(np.asarray(predict.mask().dataobj), expected), name
        assert told["ml.ball"] == pytest.approx(expected.sum() * 0.012)


def test_several_labels_slices_and_filters(g, predict):
    """W3: labels, slice range, threshold; sigmoid with labels that stand for themselves; a model of slices."""
    nodes = [tiny.node("Neg", ["x"], "minus"), tiny.node("Concat", ["x", "minus"], "y", axis=1)]
    model = thing(g, "two", nodes, [("y", 2)], rank=4, input={"modality": "CT", "channels": 1, "patch": [24, 20]},
        output={"labels": ["background", "high", "low"], "activation": "sigmoid"})
    x = np.random.default_rng(1).normal(size=(24, 20, 5)).astype(np.float32)
    x[2, 2, 2] = 0  # neither reaches more than a half, both reach it: the first
    nibabel.save(nibabel.Nifti1Image(x, np.eye(4)), g.base / "x.nii")
    predict("predict.segment", g.base / "x.nii", model, batch_size=2)
    assert np.array_equal(np.asarray(predict.mask().dataobj), np.where(x >= 0, 1, 2))
    values = predict("predict.segment", g.base / "x.nii", model, threshold=0.75, labels="low", slice_first=1, slice_last=3)
    expected = np.where(x <= -np.log(3), 2, 0)
    expected[:, :, [0, 4]] = 0
    near = np.abs(x + np.log(3)) < 1e-5
    assert np.array_equal(np.asarray(predict.mask().dataobj)[~near], expected[~near])
    assert [label["name"] for label in predict.json("mask.json")["labels"]] == ["low"] and "ml.high" not in values
    predict("predict.segment", g.base / "x.nii", model, labels=["high"], largest_only="high")
    mask = np.asarray(predict.mask().dataobj)
    assert 0 < mask.sum() <= (x >= 0).sum() and (x[mask > 0] >= 0).all()


def test_classes_of_a_series(g, predict):
    """W8: classification values, and which slices counted: a bag, the whole volume, slice by slice; softmax and several labels."""
    values = predictions.nifti(g.base / "ct.nii.gz", "CT", 2).astype(float)
    window = lambda v: (np.clip(v, -1000, 1000) + 1000) / 2000
    scale = {"modality": "CT", "channels": 1, "window": [-1000, 1000], "normalisation": "window"}
    nodes = [tiny.node("ReduceMean", ["x"], "m", axes=[1, 2, 3, 4]), tiny.node("Flatten", ["m"], "y", axis=1),
             tiny.node("ReduceMean", ["x"], "s", axes=[2, 3, 4]), tiny.node("Flatten", ["s"], "a", axis=1)]
    onnx = tiny.model(nodes, [("x", (1, 4, 1, 20, 24))], [("y", (1, 1)), ("a", (1, 4))])
    bag = tiny.write(g.base / "bag", onnx, tiny.card(onnx, name="bag", task="classification", settings={}, input={**scale, "slices": 4},
        output={"labels": ["normal", "finding"], "activation": "sigmoid"}))
    told = predict("predict.classify", g.base / "ct.nii.gz", bag)
    chosen, said = [0, 3, 7, 11], predict.json("values.json")
    p = 1 / (1 + np.exp(-window(values[:, :, chosen]).mean()))
    assert said["labels"] == ["normal", "finding"] and np.allclose(said["scores"], [1 - p, p], atol=1e-6) and said["label"] == "finding"
    assert [a["slice"] for a in said["attention"]] == chosen
    assert np.allclose([a["weight"] for a in said["attention"]], window(values[:, :, chosen]).mean((0, 1)), atol=1e-6)
    assert told["label"] == "finding" and abs(told["score.finding"] - p) < 1e-6 and (predict.at / "preview.png").stat().st_size > 500

    nodes = [tiny.node("ReduceMean", ["x"], "m", axes=[2, 3, 4]), tiny.node("Neg", ["m"], "n"), tiny.node("Concat", ["n", "m"], "y", axis=1)]
    whole = thing(g, "whole", nodes, [("y", 2)], task="classification", settings={}, input={**scale, "patch": [12, 10, 6]},
        output={"labels": ["dark", "bright"], "activation": "softmax"})
    predict("predict.classify", g.base / "ct.nii.gz", whole)
    m, said = window(values).mean(), predict.json("values.json")
    assert np.allclose(said["scores"][1], 1 / (1 + np.exp(-2 * m)), atol=1e-5) and said["label"] == "bright" and said["attention"] == []

    nodes = [tiny.node("ReduceMean", ["x"], "m", axes=[2, 3]), tiny.node("Neg", ["m"], "n"), tiny.node("Concat", ["n", "m"], "y", axis=1)]
    flat = thing(g, "flat", nodes, [("y", 2)], rank=4, task="classification", settings={}, input={**scale, "patch": [24, 20]},
        output={"labels": ["dark", "bright"], "activation": "sigmoid"})
    predict("predict.classify", g.base / "ct.nii.gz", flat, slice_first=2, slice_last=5, threshold=0.9)
    each, said = window(values[:, :, 2:6]).mean((0, 1)), predict.json("values.json")
    assert np.allclose(said["scores"], [(1 / (1 + np.exp(each))).mean(), (1 / (1 + np.exp(-each))).mean()], atol=1e-6)
    assert said["label"] == "" and [a["slice"] for a in said["attention"]] == [2, 3, 4, 5]


def test_boxes_around_findings(g, predict):
    """W8: boxes in voxels of the series, whichever way it is stored; the settings are the detector's."""
    model = thing(g, "lumps", [tiny.node("ReduceMean", ["x"], "y", axes=[2, 3, 4])], [("y", 1)], task="detection",
        settings={"stride": {"type": "integer", "default": 1}},
        input={"modality": "CT", "channels": 1, "patch": [3, 3, 3], "orientation": "LPS", "window": [200, 400], "normalisation": "unit"},
        output={"labels": ["lump"], "activation": "none", "threshold": 0.95})
    for axes in ("RAS", "PIL"):
        predictions.nifti(g.base / f"{axes}.nii", "CT", 7, axes=axes)
        told = predict("predict.detect", g.base / f"{axes}.nii", model)
        truth = predictions.turned(predictions.ball(7).astype(np.uint8), predictions.affine(), axes)
        boxes, ball = predict.json("boxes.json")["boxes"], np.asarray(truth.dataobj) > 0
        assert told["boxes"] == len(boxes) >= 1 and told["best"] == boxes[0]["score"] >= 0.95
        for box in boxes:
            inside = ball[tuple(slice(a, b) for a, b in zip(box["min"], box["max"]))]
            assert box["label"] == "lump" and inside.size == 27 and inside.mean() > 0.9
    told = predict("predict.detect", g.base / "RAS.nii", model, slice_first=0, slice_last=1)
    assert told["boxes"] == 0 and told["best"] is None and predict.json("boxes.json")["boxes"] == []


def test_a_real_head(g, predict, real_data):
    """meshnet_gwm.onnx (niivue) on the T1 it is made for: a brain's volume of white and grey matter, in the middle."""
    onnx, head = real_data / "onnx" / "meshnet_gwm.onnx", real_data / "onnx" / "t1_crop.nii.gz"
    if not onnx.exists() or not head.exists():
        pytest.skip("meshnet_gwm.onnx or t1_crop.nii.gz is not here")
    content = onnx.read_bytes()
    document = tiny.card(content, name="meshnet-gwm", input={"modality": "MR", "patch": [256, 256, 256], "channels": 1, "normalisation": "unit"},
        output={"labels": ["background", "white", "grey"], "activation": "softmax"}, settings={})
    told = predict("predict.segment", head, tiny.write(g.base / "meshnet", content, document), largest_only=True)
    image, mask = nibabel.load(head), predict.mask()
    labels, values = np.asarray(mask.dataobj), np.asarray(image.dataobj)
    assert 350 < told["ml.white"] < 700 and 500 < told["ml.grey"] < 950 and np.allclose(mask.affine, image.affine)
    assert values[labels == 1].mean() > values[labels == 2].mean() > values[labels == 0].mean()  # T1: white is brightest
    assert np.all(np.ptp(np.argwhere(labels > 0), axis=0) < 200)  # mm; a brain, not a scatter
