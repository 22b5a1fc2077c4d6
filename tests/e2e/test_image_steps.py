"""image.stats, image.math and image.resample against numpy, scipy and nibabel (issue 5, point 3; REQUIREMENTS J8, K5)."""
import csv
import json
import shutil

import nibabel
import numpy as np
import pytest
from scipy import ndimage

import cohort
from image_steps import Steps

AFFINE = np.array([[-1.5, 0.2, 0, 40], [0.1, 2, 0, -30], [0, 0.3, 2.5, 12], [0, 0, 0, 1]])


@pytest.fixture
def step(g):
    return Steps(g)


def save(path, data, affine=AFFINE, version=1, **header):
    image = (nibabel.Nifti2Image if version == 2 else nibabel.Nifti1Image)(data, affine)
    for key, value in header.items():
        image.header[key] = value
    nibabel.save(image, path)
    return path


def figures(values):
    return dict(count=values.size, volume_mm3=values.size * abs(np.linalg.det(AFFINE[:3, :3])), mean=values.mean(), sd=values.std(),
                min=values.min(), max=values.max(), **{f"p{p}": np.percentile(values, p) for p in (5, 50, 95)})


def near(got, wanted):
    assert got.keys() == wanted.keys()
    for key, value in wanted.items():
        assert got[key] == pytest.approx(value, rel=1e-6), key


def test_stats_are_numpys(g, step):
    rng = np.random.default_rng(1)
    data = rng.normal(100, 30, (23, 19, 11)).astype(np.float32)
    data[3, 4, 5] = np.nan
    image = save(g.base / "t1.nii.gz", data)
    said = step("image.stats", image=image)
    assert said.pop("not_finite") == 1
    near(said, figures(data[np.isfinite(data)].astype(float)))

    mask = rng.integers(0, 2, data.shape).astype(np.uint8)
    masked = save(g.base / "mask.nii", mask, version=2)
    near({k: v for k, v in step("image.stats", image=image, mask=masked).items() if k != "not_finite"},
         figures(data[(mask > 0) & np.isfinite(data)].astype(float)))

    # labels beyond what a float32 holds, stored numbers with a slope, another percentile
    atlas = rng.choice([0, 17, 53, 2**24 + 1], data.shape).astype(np.int32)
    labels = save(g.base / "atlas.nii.gz", atlas)
    scaled = nibabel.Nifti1Image(rng.integers(-500, 3000, data.shape).astype(np.int16), AFFINE)
    scaled.header.set_slope_inter(0.25, -7)
    nibabel.save(scaled, g.base / "scaled.nii")
    values = nibabel.load(g.base / "scaled.nii").get_fdata()
    names = g.base / "dseg.tsv"
    names.write_text("index\tname\tabbreviation\n17\tLeft Hippocampus\tLH\n53\tRight Hippocampus\tRH\n")
    table = g.base / "table.csv"
    said = step("image.stats", {"table": table}, image=g.base / "scaled.nii", atlas=labels, names=names, mask=masked,
                labels="Left_Hippocampus 16777217=odd 99", measures="volume_mm3, p50")
    rows = {row["name"]: row for row in csv.DictReader(table.open())}
    assert set(rows) == {"Left_Hippocampus", "odd", "label99"} and rows["label99"]["count"] == "0" and rows["label99"]["mean"] == "n/a"
    for name, label in (("Left_Hippocampus", 17), ("odd", 2**24 + 1)):
        wanted = figures(values[(atlas == label) & (mask > 0)])
        near({key: float(rows[name][key]) for key in wanted}, wanted)
        assert said[name + "_p50"] == pytest.approx(wanted["p50"], rel=1e-6)
    assert set(said) == {f"{n}_{m}" for n in rows for m in ("volume_mm3", "p50")}
    listed = g.base / "table.json"
    step("image.stats", {"table": listed}, image=labels, atlas=labels)
    assert [(row["label"], row["count"]) for row in json.loads(listed.read_text())] == [(n, (atlas == n).sum()) for n in (17, 53, 2**24 + 1)]


def test_stats_say_what_is_wrong(g, step):
    image = save(g.base / "t1.nii", np.zeros((4, 4, 4), np.float32))
    other = save(g.base / "mask.nii", np.ones((4, 4, 5), np.uint8))
    moved = save(g.base / "moved.nii", np.ones((4, 4, 4), np.uint8), np.eye(4))
    assert step("image.stats", ok=False, image=image, mask=other) == \
        "mask.nii has 4 x 4 x 5 voxels, t1.nii 4 x 4 x 4: bring it there with image.resample"
    assert "equally many voxels, but lie up to" in step("image.stats", ok=False, image=image, mask=moved)
    assert "2 files match (t1.nii, mask.nii), but it takes one" in step("image.stats", ok=False, image=[image, other])
    assert step("image.stats", ok=False, image=image, mask=save(g.base / "none.nii", np.zeros((4, 4, 4), np.uint8))) == \
        "no voxel of t1.nii is a number within none.nii"
    assert "is no label" in step("image.stats", ok=False, image=image, atlas=save(g.base / "half.nii", np.full((4, 4, 4), .5, np.float32)))
    series = save(g.base / "bold.nii", np.zeros((4, 4, 4, 3), np.float32))
    assert step("image.stats", ok=False, image=series) == "bold.nii holds 3 volumes: choose one with volume = 0 to 2"
    assert step("image.stats", image=series, volume=2)["count"] == 64


FORMULAS = [
    ("f1 + f2 * 2 - -f1 / 3", lambda a, b: a + b * 2 + a / 3),
    ("-f1 ^ 2 + 2 ** 3 ** 2 % 7", lambda a, b: -a ** 2 + 512 % 7),
    ("f1 % 7 + f2 % -3", lambda a, b: np.mod(a, 7) + np.mod(b, -3)),
    ("f1 > 10 && not f2 <= 0 or !(f1 != f1)", lambda a, b: ((a > 10) & ~(b <= 0)) | ~(a != a)),
    ("min(f1, f2, 5) + max(f1, 3) - abs(f2)", lambda a, b: np.minimum(np.minimum(a, b), 5) + np.maximum(a, 3) - np.abs(b)),
    ("where(f1 >= 0, sqrt(abs(f1)), exp(f2 / 100)) + log(f2^2 + 1) + log10(1 + f1 * f1)",
     lambda a, b: np.where(a >= 0, np.sqrt(np.abs(a)), np.exp(b / 100)) + np.log(b ** 2 + 1) + np.log10(1 + a * a)),
    ("thr(f1, 5) + uthr(f2, 5) + clip(f1, -3, 3) + bin(f2) + round(f1/4) + floor(f1) + ceil(f2) + sign(f1) + sin(f1) * cos(pi)",
     lambda a, b: np.where(a >= 5, a, 0) + np.where(b <= 5, b, 0) + np.clip(a, -3, 3) + (b != 0) + np.rint(a / 4) + np.floor(a)
     + np.ceil(b) + np.sign(a) - np.sin(a)),
    ("isfinite(f1 / 0) + isnan(0 / (f1 - f1)) + 1.5e1", lambda a, b: 0 * a + 1 + 15),
]


@pytest.mark.parametrize("text, wanted", FORMULAS, ids=[f[0][:20] for f in FORMULAS])
def test_formulas_are_numpys(g, step, text, wanted):
    rng = np.random.default_rng(2)
    a, b = rng.normal(0, 20, (31, 13, 7)), rng.integers(-20, 20, (31, 13, 7)).astype(np.int16)
    one, two, out = save(g.base / "a.nii.gz", a), save(g.base / "b.nii", b), g.base / "out.nii.gz"
    step("image.math", {"out": out}, f1=one, f2=two, expression=text, dtype="float64")
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(nibabel.load(out).get_fdata(), wanted(a, b.astype(float)), rtol=1e-12, atol=1e-12)


def test_math_types_times_and_mistakes(g, step):
    rng = np.random.default_rng(3)
    series, still = rng.normal(0, 300, (9, 8, 7, 5)).astype(np.float32), rng.integers(0, 3, (9, 8, 7)).astype(np.uint8)
    one, two, out = save(g.base / "bold.nii.gz", series), save(g.base / "mask.nii.gz", still), g.base / "out.nii.gz"
    said = step("image.math", {"out": out}, f1=[one, two], expression="f1 > 0 && f2 == 2")  # a mask, over every time
    image = nibabel.load(out)
    wanted = (series > 0) & (still == 2)[..., None]
    assert image.get_data_dtype() == np.uint8 and np.array_equal(np.asarray(image.dataobj), wanted) and np.allclose(image.affine, AFFINE)
    assert said == {"voxels": series.size, "nonzero": wanted.sum(), "min": 0.0, "max": 1.0}
    said = step("image.math", {"out": out}, f1=one, expression="f1 / 2", dtype="int8")
    assert np.array_equal(np.asarray(nibabel.load(out).dataobj), np.clip(np.rint(series.astype(float) / 2), -128, 127))
    assert said["warning"].endswith("voxels did not fit int8: they have its nearest value, 0 for NaN")
    assert int(said["warning"].split()[0]) == (np.abs(np.rint(series / 2) + .5) > 128).sum()
    for text, part in (("f1 +", "a number, a name or '(' is missing at character 5"), ("f3 > 1", "there is no such image at character 1"),
                       ("0 < f1 < 5", "comparisons cannot be chained"), ("f1 f2", "an operator is missing at character 4"),
                       ("foo(f1)", "an unknown word"), ("min(f1)", "too few operands"), ("abs(f1, f2)", "too many operands"),
                       ("(" * 500 + "f1", "nested too deep"), ("", "is missing"), ("f1 = 1", "an operator is missing"), ("1.2.3", "no number")):
        assert part in step("image.math", {"out": out}, ok=False, f1=one, f2=two, expression=text), text
    assert "must end in .nii.gz" in step("image.math", {"out": g.base / "out.png"}, ok=False, f1=one, expression="f1")
    assert step("image.math", {"out": out}, ok=False, f1=one, f3=two, expression="f1") == "f3 is given, but not f2 before it"
    assert "dtype = int64 is not one of" in step("image.math", {"out": out}, ok=False, f1=one, expression="f1", dtype="int64")


def places(new, old):
    """Where the voxels of a new file lie in the old one (affines as stored, in float32), and which of them lie within its voxels."""
    new, old = nibabel.load(new), nibabel.load(old)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in new.shape[:3]], indexing="ij"), 0).reshape(3, -1)
    both = np.linalg.inv(old.affine) @ new.affine
    at = both[:3, :3] @ grid + both[:3, 3:]
    limit = np.array(old.shape[:3])[:, None]
    return np.clip(at, 0, limit - 1), np.all((at >= -.5) & (at <= limit - .5), 0)


@pytest.mark.parametrize("method, order", [("nearest", 0), ("linear", 1), ("cubic", 3)])
def test_resampling_is_scipys(g, step, method, order):
    rng = np.random.default_rng(4)
    data = rng.normal(0, 100, (17, 14, 12))
    image = save(g.base / "in.nii.gz", data)
    affine = np.array([[1.1, 0.3, -.2, 15.123], [-.2, 1.7, .1, -32.377], [.1, .2, 1.9, 10.071], [0, 0, 0, 1]])
    reference, out = save(g.base / "ref.nii", np.zeros((20, 21, 15), np.uint8), affine), g.base / "out.nii.gz"
    step("image.resample", {"out": out}, image=image, reference=reference, interpolation=method, outside=-7.5)
    at, within = places(out, image)
    wanted = np.where(within, ndimage.map_coordinates(data, np.floor(at + .5) if order == 0 else at, order=order, mode="mirror"), -7.5)
    got = nibabel.load(out)
    assert np.allclose(got.affine, affine) and got.get_data_dtype() == np.float64 and 0.2 < within.mean() < 0.95
    np.testing.assert_allclose(got.get_fdata().ravel(), wanted, rtol=1e-9, atol=1e-9)


def test_labels_stay_labels(g, step):
    rng = np.random.default_rng(5)
    labels = ndimage.zoom(rng.choice([0, 3, 2**24 + 1], (4, 4, 4)), 4, order=0).astype(np.int32)
    image, out = save(g.base / "seg.nii.gz", labels, intent_code=1002), g.base / "out.nii.gz"
    said = step("image.resample", {"out": out}, image=image, spacing="1 1.3 1.1")
    got = nibabel.load(out)
    assert said["interpolation"] == "labels" and got.get_data_dtype() == np.int32 and int(got.header["intent_code"]) == 1002
    np.testing.assert_allclose(got.header.get_zooms(), (1, 1.3, 1.1), rtol=1e-6)
    at, _ = places(out, image)
    shares = np.stack([ndimage.map_coordinates((labels == v).astype(float), at, order=1, mode="nearest") for v in (0, 3, 2**24 + 1)])
    best = np.sort(shares, 0)
    clear = best[-1] - best[-2] > 1e-6
    assert np.array_equal(np.asarray(got.dataobj).ravel()[clear], np.array([0, 3, 2**24 + 1])[shares.argmax(0)][clear])
    mask = save(g.base / "mask.nii", (labels > 0).astype(np.uint8))
    assert step("image.resample", {"out": out}, image=mask, spacing=2)["interpolation"] == "labels"
    assert nibabel.load(out).get_data_dtype() == np.uint8
    series = save(g.base / "bold.nii", rng.normal(size=(6, 5, 4, 3)).astype(np.float32))
    assert step("image.resample", {"out": out}, image=series, spacing="3")["interpolation"] == "linear"
    assert nibabel.load(out).shape[3] == 3
    assert "either a reference image or a spacing" in step("image.resample", {"out": out}, ok=False, image=mask)
    assert "one or three millimetres above 0" in step("image.resample", {"out": out}, ok=False, image=mask, spacing="1 2")


def test_a_batch_of_steps_over_a_cohort(g):
    """J5, J7, K5, L1, L6: three conventions of names, a mask by a formula, figures within it by its tag, a coarser copy; each
    figure is a value of the result."""
    made = cohort.mixed(g.data, subjects=3, studies=1, odd=True)
    path = g.base / "volumes.json"
    path.write_text(json.dumps({"gantry": 1, "name": "volumes", "level": "study", "jobs": [
        {"id": "mask", "tool": "image.math", "args": {"expression": "f1 > 50", "f1": {"FILE": list(cohort.PATTERNS)}, "out": {"OUT": "seg/mask.nii.gz TAG(brain)"}}},
        {"id": "volume", "tool": "image.stats", "args": {"image": {"FILE": list(cohort.PATTERNS)}, "mask": {"FILE": "tag:brain"},
            "measures": "volume_mm3 mean", "table": {"OUT": "seg/stats.tsv"}}},
        {"id": "coarse", "tool": "image.resample", "args": {"image": {"FILE": "tag:brain"}, "spacing": 2, "out": {"OUT": "seg/coarse.nii"}}}]}))
    outcome = g.ok("run", path)
    assert "9 of 9 tasks completed" in outcome.out, outcome
    for one in made:
        row = next(csv.DictReader((one["folder"] / "seg" / "stats.tsv").open(), delimiter="\t"))
        assert (float(row["mean"]), int(row["count"])) == (one["value"], one["voxels"])
        assert nibabel.load(one["folder"] / "seg" / "coarse.nii").shape == (4, 4, 4)
    shown = g.json("show", next(t["id"] for t in g.tasks() if t["job"] == "volume"))
    assert json.dumps(shown).count('"volume_mm3": 216.0') >= 1, shown
    g.ok("results", "-o", g.base / "volumes.tsv")
    table = list(csv.DictReader((g.base / "volumes.tsv").open(), delimiter="\t"))
    assert sorted(float(row["volume.mean"]) for row in table) == sorted(one["value"] for one in made)
    again = g.ok("run", path)
    assert "9 cached" in again.out, again
    bad = g.base / "bad.json"
    bad.write_text(json.dumps({"gantry": 1, "name": "bad", "level": "study", "jobs": [
        {"id": "sum", "tool": "image.math", "args": {"expression": "f1 + f2", "f1": {"FILE": "tag:brain"}, "f2": {"FILE": "seg/coarse.nii"}, "out": {"OUT": "sum.nii"}}}]}))
    assert "seg/coarse.nii has 4 x 4 x 4 voxels" in g.fails(1, "run", bad).err and g.leftovers() == []


def test_real_anatomies_under_three_names(g, real_data):
    """J7, L2: a real anatomy, a real EPI and a series of volumes beside synthetic images, each named as another site would:
    one batch measures all above a threshold, figures as nibabel and numpy have them; the series says what it is."""
    real = {"A1/20200101/t1_mpr/s001.nii.gz": "someones_anatomy.nii.gz", "A2/S1/T1w.nii.gz": "someones_epi.nii.gz",
            "A3/S1/anat/mprage.nii.gz": "example_nifti2.nii.gz"}
    for name, source in real.items():
        (g.data / name).parent.mkdir(parents=True)
        shutil.copy(real_data / "nifti" / source, g.data / name)
    cohort.mixed(g.data, subjects=3, studies=1, odd=False)
    images = {"FILE": "t1*/s0__.nii.gz T1w.nii.gz anat/mprage*"}
    path = g.base / "real.json"
    path.write_text(json.dumps({"gantry": 1, "name": "real", "level": "study", "jobs": [
        {"id": "bin", "tool": "image.math", "args": {"f1": images, "expression": "f1 > 40", "out": {"OUT": "above.nii.gz TAG(above)"}}},
        {"id": "stats", "tool": "image.stats", "args": {"image": images, "mask": {"FILE": "tag:above"}}}]}))
    assert "A3/S1/anat/mprage.nii.gz holds 2 volumes" in g.run("run", path).err
    for name in list(real)[:2]:
        item = "/".join(name.split("/")[:2])
        voxels = nibabel.load(g.data / name).get_fdata()
        above = voxels[voxels > 40]
        assert np.array_equal(nibabel.load(g.data / item / "above.nii.gz").get_fdata(), voxels > 40)
        values = g.json("show", f"{item}/stats")["result"]
        assert values["count"] == above.size
        assert [values["mean"], values["sd"], values["min"], values["max"]] == pytest.approx(
            [above.mean(), above.std(), above.min(), above.max()], rel=1e-6)
