"""Segmentation by a model over one volume (DESIGN 7): orientation, spacing and grid, read back by nibabel."""
import json
import os
import pathlib
import struct
import subprocess
import zlib

import nibabel
import numpy as np
import pytest

import tiny_models as tiny


@pytest.fixture
def segment(g, ort):
    program = os.environ.get("GANTRY_IMAGING", str(pathlib.Path(g.program).parent / "gantry-imaging"))

    def run(*args, rc=0):
        done = subprocess.run([program, "segment", *map(str, args)], env={**g.env, "GANTRY_ORT": ort}, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=300)
        assert done.returncode == rc, done
        return json.loads(done.stdout) if rc == 0 else done.stderr.strip()
    return run


def volume(path, shape, affine, seed=1):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=shape).astype(np.float32)
    values -= values.mean()
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return values


def write_model(g, **changes):
    onnx = tiny.two_classes(0, 0, 0)
    document = tiny.card(onnx)
    document["input"].update(changes)
    return tiny.write(g.base / "model", onnx, document)


@pytest.mark.parametrize("orientation", [None, "LPS", "RAS", "SAR", "PIL"])
def test_labels_lie_where_the_voxels_are(g, segment, orientation):
    """The model answers voxel by voxel: whatever it sees the volume turned to, the labels must come back in place."""
    affine = np.array([[0, 0, -1.5, 10], [2, 0, 0, -3], [0, -1, 0, 7], [0, 0, 0, 1]], float)
    values = volume(g.base / "in.nii.gz", (9, 6, 5), affine)
    model = write_model(g, **({"orientation": orientation} if orientation else {}))
    said = segment(model, g.base / "in.nii.gz", g.base / "out.nii.gz", g.base / "out.png")
    out = nibabel.load(g.base / "out.nii.gz")
    assert np.allclose(out.affine, affine) and out.get_data_dtype() == np.uint8
    labels = np.asarray(out.dataobj)
    assert np.array_equal(labels, values > 0)
    assert said["labels"] == {"background": int((values <= 0).sum()), "bright": int((values > 0).sum())}


def test_the_picture_is_the_same_however_the_volume_is_stored(g, segment):
    """Issue 4: an overlay that a person looks at: right or front at the left, front or head at the top, for any storage."""
    values = np.random.default_rng(2).normal(size=(9, 7, 5)).astype(np.float32)
    image = nibabel.Nifti1Image(values, np.diag([1, 1, 1, 1.0]))
    model, pictures = write_model(g, normalisation="none"), set()
    for axes in ("RAS", "LPI", "LIA", "SPR"):
        turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(image.affine), nibabel.orientations.axcodes2ornt(axes))
        nibabel.save(image.as_reoriented(turn), g.base / "in.nii")
        segment(model, g.base / "in.nii", g.base / "out.nii", g.base / "out.png")
        pictures.add((g.base / "out.png").read_bytes())
    assert len(pictures) == 1
    content = pictures.pop()
    at = content.index(b"IDAT")
    rows = zlib.decompress(content[at + 4:at + 4 + struct.unpack(">I", content[at - 4:at])[0]])
    assert struct.unpack(">II", content[16:24]) == (9 + 9 + 7 + 8, 7) and len(rows) == 7 * (1 + 3 * 33)


def test_another_spacing_keeps_the_place(g, segment):
    """A ball in 1 mm voxels, a model for 2 mm: the labels are the ball again, but for its skin."""
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in (30, 26, 22)], indexing="ij"), -1)
    distance = np.linalg.norm(grid - [14, 12, 10], axis=-1)
    ball = np.where(distance < 7, 1, -1).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(ball, np.diag([1, 1, 1, 1.0])), g.base / "in.nii")
    model = write_model(g, spacing=[2, 2, 2], orientation="LPS", normalisation="none", patch=[8, 8, 8])
    segment(model, g.base / "in.nii", g.base / "out.nii", g.base / "out.png")
    labels = np.asarray(nibabel.load(g.base / "out.nii").dataobj)
    sure = np.abs(distance - 7) > 2
    assert np.array_equal(labels[sure], (distance < 7)[sure])
    picture = (g.base / "out.png").read_bytes()
    assert picture[:4] == b"\x89PNG" and struct.unpack(">II", picture[16:24]) == (30 + 30 + 26 + 8, 26)
    assert zlib.crc32(picture[12:29]) == struct.unpack(">I", picture[29:33])[0]


def test_what_a_model_cannot_do_is_one_line(g, segment):
    volume(g.base / "in.nii", (5, 5, 5), np.eye(4))
    model = write_model(g, channels=2)
    assert "2 channels" in segment(model, g.base / "in.nii", g.base / "out.nii", rc=2)
    assert "in.nii" in segment(write_model(g), g.base / "nothing" / "in.nii", g.base / "out.nii", rc=4)
    assert not (g.base / "out.nii").exists()


@pytest.mark.parametrize("sizes", [(16, (1 << 20) + 1, (1 << 40) - (1 << 20) + 1), (1 << 32, 1 << 32, 4), (1, 1, 1 << 40)])
def test_sizes_of_a_hostile_file_are_one_line(g, segment, sizes):
    """DESIGN 7: the product of what model.onnx says is 16, 0 or 2^40 in 64 bits; no memory of that size is written to."""
    volume(g.base / "in.nii", (5, 5, 5), np.eye(4))
    onnx = tiny.two_classes(*sizes)
    document = tiny.card(onnx)
    del document["input"]["patch"]
    said = segment(tiny.write(g.base / "model", onnx, document), g.base / "in.nii", g.base / "out.nii", rc=1)
    assert len(said.splitlines()) == 1 and "which no memory holds" in said


def test_voxels_that_are_too_fine_are_one_line(g, segment):
    volume(g.base / "in.nii", (5, 5, 5), np.eye(4))
    said = segment(write_model(g, spacing=[1e-9, 1e-6, 1e-300]), g.base / "in.nii", g.base / "out.nii", rc=1)
    assert len(said.splitlines()) == 1 and "1048576 x 1048576 x 1048576" in said
