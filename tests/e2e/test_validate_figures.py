"""Figures of validations against other programs' arithmetic: NumPy and SciPy, and what is written out here by the definition.

W8: validations are launched on the results. Issue 6: metrics agree to 1e-6 on 1,000 random cases, also empty, single-voxel and anisotropic ones.
"""
import json
import math
import os
import pathlib
import struct
import subprocess

import numpy as np
import pytest
from scipy import ndimage, stats

CASES = 1000


def write_nifti(path, array, affine):
    """uint8 or uint16, column fastest; an sform. By hand: nibabel takes ten times as long for 2,000 files."""
    h = bytearray(352)
    struct.pack_into("<i", h, 0, 348)
    struct.pack_into("<8h", h, 40, 3, *array.shape, 1, 1, 1, 1)
    struct.pack_into("<hh", h, 70, {"uint8": 2, "uint16": 512}[array.dtype.name], array.dtype.itemsize * 8)
    struct.pack_into("<8f", h, 76, 1, *np.linalg.norm(affine[:3, :3], axis=0), 0, 0, 0, 0)
    struct.pack_into("<f", h, 108, 352)
    struct.pack_into("<hh", h, 252, 0, 1)
    for i in range(3):
        struct.pack_into("<4f", h, 280 + 16 * i, *affine[i])
    h[344:348] = b"n+1\0"
    path.write_bytes(bytes(h) + array.tobytes(order="F"))


@pytest.fixture
def metrics(g):
    program = os.environ.get("GANTRY_IMAGING", str(pathlib.Path(g.program).parent / "gantry-imaging"))

    def ask(questions):
        file = g.base / "questions"
        file.write_text("\n".join(json.dumps(q) for q in questions))
        done = subprocess.run([program, "metrics", str(file)], env=g.env, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]
    return ask


def near(a, b):
    if a is None or (isinstance(b, float) and math.isnan(b)):
        return a is None and math.isnan(b)
    a = float(a)
    return a == b if math.isinf(b) else abs(a - b) <= 1e-6 * max(1, abs(b))


def surface(mask):
    return mask & ~ndimage.binary_erosion(mask)


def by_definition(p, t, mm, tolerance):
    """Of two masks that are not both empty."""
    both, ml = (p & t).sum(), np.prod(mm) / 1000
    out = {"dice": 2 * both / (p.sum() + t.sum()), "iou": both / (p | t).sum(), "predicted_ml": p.sum() * ml, "truth_ml": t.sum() * ml,
           "volume_ml": (int(p.sum()) - int(t.sum())) * ml,
           "volume_percent": 100 * (int(p.sum()) - int(t.sum())) / int(t.sum()) if t.any() else math.inf}
    if not p.any() or not t.any():
        return dict(out, hd95=math.inf, surface_dice=0.0)
    a, b = surface(p), surface(t)
    ab = ndimage.distance_transform_edt(~b, sampling=mm)[a]
    ba = ndimage.distance_transform_edt(~a, sampling=mm)[b]
    close = tolerance * (1 + 1e-9)
    return dict(out, hd95=max(np.percentile(ab, 95), np.percentile(ba, 95)),
                surface_dice=((ab <= close).sum() + (ba <= close).sum()) / (len(ab) + len(ba)))


def random_masks(rng, k):
    n = tuple(rng.integers(1, 18, 3))
    a, b = np.zeros(n, "uint8"), np.zeros(n, "uint16")
    kind = k % 10
    if kind == 0:    # single voxels
        a[tuple(rng.integers(0, n))] = 1
        b[tuple(rng.integers(0, n))] = 1
    elif kind == 1:  # one of the two is empty
        (a if k % 20 < 10 else b)[tuple(rng.integers(0, n))] = 2
    elif kind == 2:  # noise, three labels
        a[:], b[:] = rng.integers(0, 4, n), rng.integers(0, 4, n)
    elif kind == 3:  # everything
        a[:] = 1
        b[:] = rng.random(n) < 0.9
    else:            # blobs, the truth a little shifted; of two labels
        field = ndimage.gaussian_filter(rng.standard_normal(n), 2)
        other = ndimage.gaussian_filter(field + 0.3 * rng.standard_normal(n), 0.7)
        a[:] = (field > np.quantile(field, 0.6)) + (field > np.quantile(field, 0.9)).astype("uint8")
        b[:] = (other > np.quantile(other, 0.6)) + (other > np.quantile(other, 0.9)).astype("uint8")
    mm = np.ones(3) if k % 3 == 0 else np.round(rng.uniform(0.3, 5, 3), 2)
    return a, b, mm.astype("float32").astype(float)


def test_masks_against_scipy(g, metrics):
    """W8. Dice, IoU, HD95, surface Dice, volumes; every third truth has its axes turned."""
    rng, questions, wanted = np.random.default_rng(6), [], []
    for k in range(CASES):
        p, t, mm = random_masks(rng, k)
        affine = np.diag([*mm, 1.0])
        affine[:3, 3] = np.round(rng.uniform(-200, 200, 3))
        tolerance = [1, 0.5, 2, 3.7][k % 4]
        write_nifti(g.base / f"p{k}.nii", p, affine)
        written, at = t, affine.copy()
        if k % 3 == 1:  # another order of axes, some turned round: the same voxels of the patient
            order = rng.permutation(3)
            written, at[:3, :3] = t.transpose(order), affine[:3, order]
            for axis in range(3):
                if rng.random() < 0.5:
                    at[:3, 3] += at[:3, axis] * (written.shape[axis] - 1)
                    at[:3, axis] *= -1
                    written = np.flip(written, axis)
        write_nifti(g.base / f"t{k}.nii", written, at)
        questions.append({"prediction": str(g.base / f"p{k}.nii"), "truth": str(g.base / f"t{k}.nii"), "tolerance": tolerance})
        labels = sorted((set(np.unique(p)) | set(np.unique(t))) - {0})
        wanted.append({int(v): by_definition(p == v, t == v, mm, tolerance) for v in labels})
    for k, (answer, want) in enumerate(zip(metrics(questions), wanted)):
        got = {row["value"]: row for row in answer["labels"]}
        assert sorted(got) == sorted(want), k
        for value, figures in want.items():
            for name, number in figures.items():
                assert near(got[value][name], number), (k, value, name, got[value][name], number)


def delong(score, positive):
    """By the definition: every pair, then the variance of what each case beats."""
    x, y = score[positive], score[~positive]
    psi = (x[:, None] > y[None]) + 0.5 * (x[:, None] == y[None])
    if not len(x) or not len(y):
        return math.nan, math.nan, math.nan
    auc = psi.mean()
    if len(x) < 2 or len(y) < 2:
        return auc, math.nan, math.nan
    half = stats.norm.ppf(0.975) * math.sqrt(psi.mean(1).var(ddof=1) / len(x) + psi.mean(0).var(ddof=1) / len(y))
    return auc, max(0, auc - half), min(1, auc + half)


def wilson(hits, n):
    """The two shares that are as far from what was seen as 1.96 of their own standard deviations: roots of a parabola."""
    if n == 0:
        return math.nan, math.nan, math.nan
    p, z = hits / n, stats.norm.ppf(0.975)
    low, high = sorted(np.roots([1 + z * z / n, -2 * p - z * z / n, p * p]).real)
    return p, max(0, low), min(1, high)


def random_scores(rng, k):
    n = int(rng.integers(1, 60))
    positive = rng.random(n) < rng.uniform(0, 1)
    if k % 7 == 0:
        positive[:] = k % 2 == 0  # one kind only
    score = np.clip(rng.normal(0.4 + 0.2 * positive, 0.25), 0, 1)
    if k % 3 == 0:
        score = np.round(score, 1)  # ties
    if k % 11 == 0:
        score[:] = 0.5
    if k % 13 == 0:
        score = np.where(positive, 0.9, 0.1)  # all right
    return score, positive


def test_scores_by_definition(g, metrics):
    """W8. AUC with DeLong's interval, rates with Wilson's, ROC, calibration."""
    rng = np.random.default_rng(66)
    cases = [random_scores(rng, k) for k in range(CASES)]
    answers = metrics([{"scores": s.tolist(), "positive": p.astype(int).tolist()} for s, p in cases])
    for k, (answer, (score, positive)) in enumerate(zip(answers, cases)):
        check = lambda name, got, want: [near(got[w], v) or pytest.fail(f"case {k}: {name} {w} is {got[w]}, not {v}")
                                         for w, v in zip(("value", "low", "high"), want)]
        check("auc", answer["auc"], delong(score, positive))
        called, rates = score >= 0.5, answer["rates"]
        check("sensitivity", rates["sensitivity"], wilson((called & positive).sum(), positive.sum()))
        check("specificity", rates["specificity"], wilson((~called & ~positive).sum(), (~positive).sum()))
        check("ppv", rates["ppv"], wilson((called & positive).sum(), called.sum()))
        check("npv", rates["npv"], wilson((~called & ~positive).sum(), (~called).sum()))
        check("accuracy", rates["accuracy"], wilson((called == positive).sum(), len(score)))
        curve = np.array(answer["roc"]).reshape(-1, 2)
        assert len(curve) == (len(np.unique(score)) + 1 if 0 < positive.sum() < len(score) else 0), k
        if len(curve):  # the area under the corners is the AUC
            assert near(answer["auc"]["value"], float(np.trapz(curve[:, 1], curve[:, 0]))), k
        bins = np.minimum((score * 10).astype(int), 9)
        ece = sum((bins == b).sum() / len(score) * abs(score[bins == b].mean() - positive[bins == b].mean()) for b in np.unique(bins))
        assert near(answer["calibration"]["brier"], float(((score - positive) ** 2).mean())), k
        assert near(answer["calibration"]["ece"], float(ece)), k
        assert [b["n"] for b in answer["calibration"]["bins"]] == np.bincount(bins, minlength=10).tolist(), k


def test_scores_that_are_no_probabilities(g, metrics):
    """W8. Logits have an AUC, but no calibration."""
    answer, = metrics([{"scores": [-3, 0.2, 4.5, 7], "positive": [0, 1, 0, 1]}])
    assert answer["auc"]["value"] == 0.75 and answer["calibration"] is None
