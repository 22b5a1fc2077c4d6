"""The demonstration models that ship and the phantoms they were trained on. How well they tell phantoms apart stands in
models/README.md."""
import hashlib
import json
import pathlib
import zipfile

import jsonschema
import nibabel
import numpy as np
import pydicom
import pytest

import chest
import phantoms
from test_imaging import imaging

ROOT = pathlib.Path(__file__).parents[2]
DEMOS = [n for n in ("demo-ct-mil", "demo-ct-seg") if (ROOT / "share" / "models" / n).exists()]


@pytest.mark.parametrize("name", DEMOS)
def test_card(name):
    """DESIGN 7, 10: a model is model.onnx + model.json; the one that ships is a demonstration and named so."""
    folder = ROOT / "share" / "models" / name
    card = json.loads((folder / "model.json").read_text())
    schema = json.loads((ROOT / "docs" / "formats" / "model.schema.json").read_text())
    assert [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(card)] == []
    assert card["checksum"] == "sha256:" + hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest()
    assert card["name"] == name and card["demonstration"] is True and "DEMONSTRATION" in card["description"]
    assert card["scores"]
    if name == "demo-ct-mil":
        assert all(card["scores"][auc] > 0.95 for auc in ("auc", *(f"auc {kind}" for kind in phantoms.KINDS)))
    else:
        assert all(card["scores"][f"Dice {label}"] > 0.8 for label in ("lung", "opacity", "heart"))


def test_small():
    """Issue 4: both together below 3 MB."""
    assert sum((ROOT / "share" / "models" / n / "model.onnx").stat().st_size for n in DEMOS) < 3_000_000


def test_settings():
    """DESIGN 10: all thresholds live in model.json, with the design's numbers."""
    settings = json.loads((ROOT / "share" / "models" / "demo-ct-mil" / "model.json").read_text())["settings"]
    want = {"z_above": 0.47, "probability_above": 0.32, "vote_p_above": 0.40, "both_z_above": 0.20, "weight_dense": 0.35,
        "lift_by": 0.10, "calm_to": 0.45, "normal_hu_min": -850, "strong_emph_min": 0.2, "air_hu": -500, "close_radius_px": 3}
    assert {name: settings[name]["default"] for name in want} == want


@pytest.mark.parametrize("kind", phantoms.KINDS)
def test_illness_changes_only_itself(kind):
    """A phantom with an illness is the same body with something in its lungs, and its labels say where."""
    well, ill = (phantoms.Chest(11, kinds).volume(12, 96, noise=0) for kinds in ((), (kind,)))
    label = phantoms.LABELS.index(kind)
    there = ill[1] == label
    assert there.sum() > 15 and not (well[1] == label).any()
    assert np.isin(well[1][there], (phantoms.LUNG, phantoms.AIRWAY)).mean() > 0.98
    changed = np.abs(ill[0].astype(int) - well[0]) > 60
    assert (changed & ~np.isin(ill[1], phantoms.IN_LUNG)).sum() < 0.2 * changed.sum()  # half-covered pixels of the rim


def test_segmentation_of_unseen_bodies(box, classifier, tmp_path):
    """Issue 4: a patient who is well has next to no opacity, an ill one has most of what was drawn; in the volume's own voxels."""
    volumes = {}
    for name, seed, kinds in (("well", 71, ()), ("ill", 72, ("consolidation",))):
        body = phantoms.Chest(seed, kinds)
        hu, labels = body.volume(60, 160)
        step, px = body.height * 0.98 / 59, 372 / 160
        affine = np.diag([-px, -px, step, 1.0])
        nibabel.save(nibabel.Nifti1Image(hu.transpose(2, 1, 0), affine), tmp_path / f"{name}.nii.gz")
        imaging("segment", ROOT / "share" / "models" / "demo-ct-seg", tmp_path / f"{name}.nii.gz", tmp_path / f"{name}-seg.nii.gz")
        made = nibabel.load(tmp_path / f"{name}-seg.nii.gz")
        assert np.allclose(made.affine, affine, atol=1e-4)
        found = np.asarray(made.dataobj).transpose(2, 1, 0)
        lung, drawn = np.isin(labels, (phantoms.LUNG, phantoms.EMPHYSEMA)), np.isin(labels, phantoms.DENSE)
        assert 2 * ((found == 1) & lung).sum() > 0.95 * ((found == 1).sum() + lung.sum())
        volumes[name] = (found == 2).sum() * px * px * step / 1000
        if kinds:
            assert 2 * ((found == 2) & drawn).sum() > 0.7 * ((found == 2).sum() + drawn.sum())
    assert volumes["well"] < 4 and volumes["ill"] > 10 * volumes["well"], volumes


def test_same_bytes(tmp_path):
    """Deterministic: the same arguments give the same archive; another seed another one."""
    a, b, c = (chest.write_zip(tmp_path / f"{n}.zip", seed, ("nodules",), slices=3, columns=64).read_bytes()
        for n, seed in (("a", 5), ("b", 5), ("c", 6)))
    assert a == b != c


def test_dicom(tmp_path):
    """What pydicom reads back is what was drawn."""
    path = chest.write_zip(tmp_path / "x.zip", 3, ("effusion",), slices=5, columns=64)
    hu, _, step = chest.volume(3, ("effusion",), 5, 64)
    with zipfile.ZipFile(path) as archive:
        read = [pydicom.dcmread(archive.open(name)) for name in archive.namelist()]
    read.sort(key=lambda d: float(d.ImagePositionPatient[2]))
    assert np.array_equal(np.stack([d.pixel_array * int(d.RescaleSlope) + int(d.RescaleIntercept) for d in read]), hu)
    assert {d.Modality for d in read} == {"CT"} and len({d.SOPInstanceUID for d in read}) == 5
    assert np.allclose(np.diff([float(d.ImagePositionPatient[2]) for d in read]), step, atol=1e-3)
