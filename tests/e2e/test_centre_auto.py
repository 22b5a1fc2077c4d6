"""Method `auto` of recon.cor (REQUIREMENTS C6, C8; DESIGN 7): vo and pc, and the model that compares where they do not confirm one another.

The tests that ask the model want ONNX Runtime and are skipped without it.
"""
import os

import numpy as np
import pytest

import scans
from test_centre_ai import classifier, found, runtime  # noqa: F401 (a fixture)

NOWHERE = {"GANTRY_ORT": "/nonexistent/libonnxruntime.so"}


def said(g, name):
    """The lines of center_of_rotation.txt: {finder: centre}, and the value."""
    text = (g.rec / "try_center" / name / "center_of_rotation.txt").read_text()
    rows = [line.split() for line in text.splitlines()]
    return {r[1]: float(r[2]) for r in rows if r[0] == "#" and r[1] in ("vo", "pc", "ai")}, float(rows[-1][0])


def torn(path, **scan):
    """A whole turn whose view at 180 degrees, one of the two that pc looks at, stands 8 columns aside: pc is off by 4."""
    def shift(arrays):
        arrays["data"][180] = np.roll(arrays["data"][180], 8, axis=-1)
    return scans.write(path, columns=192, angles=360, span=360, noise=0.01, change=shift, **scan)


def log(g, n=0):
    return g.ok("log", str(g.tasks()[n]["id"])).out


def test_what_is_confirmed_wants_no_model(g):
    """vo and pc within a quarter of a pixel: their mean; no model is opened, so none is missed."""
    truth = scans.write(g.data / "s_1.h5", columns=192, angles=181, span=181, noise=0.003)
    g.ok("run", "tomo-ai-reco", "--phase", "infer")
    each, centre = said(g, "s_1")
    assert abs(each["vo"] - each["pc"]) < 0.25 and set(each) == {"vo", "pc"}
    assert centre == pytest.approx((each["vo"] + each["pc"]) / 2, abs=1e-3) and centre == pytest.approx(truth, abs=0.2)
    assert "[model]" not in log(g) and "not asked" not in log(g)
    assert g.ls()[0]["cor_source"] == "auto"


def test_where_they_differ_the_model_is_the_third_voice(g, runtime):  # noqa: F811
    """The median of the three, with a confidence that the agreeing pair earns."""
    truth = torn(g.data / "s_1.h5")
    g.ok("run", "tomo-ai-reco", "--phase", "infer")
    each, centre = said(g, "s_1")
    assert set(each) == {"vo", "pc", "ai"} and abs(each["pc"] - truth) > 2
    assert centre == pytest.approx(sorted(each.values())[1], abs=1e-3) and centre == pytest.approx(truth, abs=0.5)
    row = g.ls()[0]
    assert row["cor_source"] == "auto" and row["cor"] == pytest.approx(centre, abs=0.01)
    assert "[model] cor-gantry" in log(g)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--cor", str(truth + 5), "--set", "center_search_width=20")
    assert said(g, "s_1")[1] == pytest.approx(truth, abs=0.5)


def test_without_the_runtime_the_two_weigh_alone(g):
    """No error: vo's or pc's value, and one line in the log that says why the model was not asked (G16)."""
    torn(g.data / "s_1.h5")
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "nsino=[0.1,0.9]", env={**os.environ, **NOWHERE})
    each, centre = said(g, "s_1")
    assert set(each) == {"vo", "pc"} and min(abs(centre - c) for c in each.values()) < 1e-3
    assert log(g).count("the model was not asked: ") == 1 and "GANTRY_ORT" in log(g)


def test_without_the_model_too(g):
    torn(g.data / "s_1.h5")
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "cor_model=nobodys")
    assert set(said(g, "s_1")[0]) == {"vo", "pc"}
    assert log(g).count("the model was not asked: ") == 1 and "nobodys" in log(g)


def test_a_classifier_of_single_slices_is_no_third_voice(g, runtime):  # noqa: F811
    torn(g.data / "s_1.h5")
    classifier(g.data.parent / "site", 56, 3, 40.0)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", f"cor_model={g.data.parent / 'site'}")
    assert set(said(g, "s_1")[0]) == {"vo", "pc"}
    assert log(g).count("the model was not asked: ") == 1 and "judges single slices" in log(g)


# ---- entropy ----

@pytest.mark.parametrize("scan", ({"angles": 181}, {"angles": 240, "span": 360}))
def test_entropy_is_a_source_of_centres(g, scan):
    """C6: value, file, curve (lowest is best) and confidence; from a seed that is off, and from none."""
    truth = scans.write(g.data / "s_1.h5", columns=192, noise=0.01, **scan)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=entropy")
    row = g.ls()[0]
    assert row["cor_source"] == "entropy" and row["cor"] == pytest.approx(truth, abs=0.5)
    assert said(g, "s_1")[1] == pytest.approx(truth, abs=0.5)
    text = (g.rec / "try_center" / "s_1" / "center_of_rotation.txt").read_text()
    assert "method entropy" in text and float(text.split("confidence ")[1].split()[0]) > 0.3
    curve = found(g, "s_1")[1]
    assert min(curve, key=curve.get) == pytest.approx(truth, abs=1.01)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--cor", str(truth - 6), "--set", "rotation_axis_method=entropy", "--set", "center_search_width=10")
    assert said(g, "s_1")[1] == pytest.approx(truth, abs=0.5)


def test_entropy_looks_further_when_it_is_at_an_end(g):
    """The seed's range does not hold the axis: the whole detector is searched, and that is said (C8)."""
    truth = scans.write(g.data / "s_1.h5", columns=192, angles=181)
    g.ok("set", "seed=" + str(truth - 30), "s_1.h5")
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=entropy", "--set", "center_search_width=8")
    assert said(g, "s_1")[1] == pytest.approx(truth, abs=0.5)
    assert "the whole detector was searched" in log(g)


def test_a_reconstruction_finds_its_axis_by_entropy(g):
    """--cor auto with that method: found first, then used."""
    truth = scans.write(g.data / "s_1.h5", columns=96, angles=120)
    g.ok("run", "tomo-full", "--cor", "auto", "--set", "rotation_axis_method=entropy")
    assert g.ls()[0]["cor"] == pytest.approx(truth, abs=0.5)


def test_real_tooth_by_entropy(g, real_data):
    """295.9 by tomopy's tutorial."""
    scans.crop(real_data / "tomo" / "tooth.h5", g.data / "tooth_1.h5", 0)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=entropy")
    assert g.ls()[0]["cor"] == pytest.approx(295.9, abs=1.0)
