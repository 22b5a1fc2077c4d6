"""Volumes (DESIGN 7, 11; issue 4): NIfTI in and out and what `gantry info` says, judged by nibabel."""
import gzip

import nibabel
import numpy as np
import pytest

AFFINE = np.array([[0, -1.5, 0.1, 10], [0.75, 0, 0, -20], [0, 0.05, 2.5, 30], [0, 0, 0, 1]])


def volume(path, dtype="int16", shape=(7, 6, 5), affine=AFFINE, kind=nibabel.Nifti1Image, edit=None):
    values = np.random.default_rng(4).integers(0, 100, shape)
    image = kind(values.astype(dtype), affine, dtype=dtype)
    if edit:
        edit(image)
    nibabel.save(image, path)
    return path


def same(path, other, values=True):
    ours, theirs = nibabel.load(path), nibabel.load(other)
    assert ours.shape == theirs.shape
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-5)
    if values:
        np.testing.assert_array_equal(ours.get_fdata(), theirs.get_fdata())
    return ours, theirs


@pytest.mark.parametrize("dtype", "uint8 int8 uint16 int16 uint32 int32 float32 float64 int64 uint64 >i2 >f8".split())
def test_convert_keeps_array_and_affine(g, dtype):
    """Issue 4, acceptance: NIfTI written by us is opened by nibabel with the same array and affine, of every type."""
    source = volume(g.data / "a b.nii", dtype)
    g.ok("convert", source, g.data / "новый.nii.gz")
    ours, theirs = same(g.data / "новый.nii.gz", source)
    wide = {"int64": "int32", "uint64": "int32"}
    assert ours.get_data_dtype() == np.dtype(wide.get(dtype, dtype)).newbyteorder("<")
    assert ours.header["sform_code"] == theirs.header["sform_code"]
    with gzip.open(g.data / "новый.nii.gz") as file:  # packed, and whole
        assert len(file.read()) == 352 + ours.dataobj.get_unscaled().nbytes
    assert not [path for path in g.data.iterdir() if ".tmp" in path.name]


def test_convert_keeps_times_scaling_and_codes(g):
    """DESIGN 7: 4-D, slope, qform alone, NIfTI-2 where a dimension needs it."""
    def edit(image):
        image.header.set_xyzt_units("mm", "msec")
        image.header["pixdim"][4] = 2500
        image.header.set_slope_inter(0.5, -3)
        image.header["descrip"] = b"from a test"
    volume(g.data / "four.nii.gz", shape=(4, 3, 2, 6), edit=edit)
    g.ok("convert", g.data / "four.nii.gz", g.data / "four.nii")
    ours, _ = same(g.data / "four.nii", g.data / "four.nii.gz")
    assert ours.header.get_zooms()[3] == 2.5 and ours.header.get_xyzt_units() == ("mm", "sec")
    assert ours.dataobj.slope == 0.5 and ours.dataobj.inter == -3 and ours.header["descrip"] == b"from a test"

    square = np.diag([1, 2, 3, 1.0])
    volume(g.data / "q.nii", affine=None, edit=lambda image: image.set_qform(square, 2))
    g.ok("convert", g.data / "q.nii", g.data / "q2.nii")
    ours, _ = same(g.data / "q2.nii", g.data / "q.nii")
    assert ours.header["qform_code"] == 2

    volume(g.data / "long.nii", "uint8", (40000, 2, 1), kind=nibabel.Nifti2Image)
    g.ok("convert", g.data / "long.nii", g.data / "long2.nii")
    ours, _ = same(g.data / "long2.nii", g.data / "long.nii")
    assert isinstance(ours, nibabel.Nifti2Image)


def test_convert_without_orientation_follows_the_standard(g):
    """DESIGN 11, Numbers: neither sform nor qform: method 1 of nifti1.h, first voxel at the origin, and it is said."""
    volume(g.data / "plain.nii", affine=None, edit=lambda image: image.header.set_zooms((2, 3, 4)))
    facts = g.json("info", g.data / "plain.nii")
    assert facts["affine"] == [[2, 0, 0, 0], [0, 3, 0, 0], [0, 0, 4, 0]] and facts["place"] == "spacing"
    assert "how it lies" in facts["complaints"][0]
    assert "how it lies" in g.ok("convert", g.data / "plain.nii", g.data / "p2.nii").out


def test_convert_refuses_in_one_line(g):
    """DESIGN 3: the message names the path, nothing is overwritten, nothing half-made stays."""
    source = volume(g.data / "a.nii")
    old = g.data / "old.nii.gz"
    old.write_bytes(b"mine")
    bytes_ = source.read_bytes()
    (g.data / "cut.nii").write_bytes(bytes_[:-1])
    (g.data / "cut.nii.gz").write_bytes(gzip.compress(bytes_)[:-30])
    (g.data / "text.nii").write_text("hello")
    (g.data / "empty.nii").write_bytes(b"")
    (g.data / "huge.nii").write_bytes(bytes_[:42] + b"\xff\x7f" * 3 + bytes_[48:])
    before = sorted(g.data.iterdir())
    for status, args, word in (
            (1, (source, old), "exists already; --force"),
            (2, (source, g.data / "x.mha"), "must end in .nii.gz or .nii"),
            (4, (source, g.data / "none" / "x.nii"), "there is no folder"),
            (4, (g.data / "absent.nii", g.data / "x.nii"), "absent.nii"),
            (1, (g.data / "cut.nii", g.data / "x.nii"), "cut short"),
            (1, (g.data / "cut.nii.gz", g.data / "x.nii"), "cut short"),
            (1, (g.data / "text.nii", g.data / "x.nii"), "not NIfTI"),
            (1, (g.data / "empty.nii", g.data / "x.nii"), "empty file"),
            (1, (g.data / "huge.nii", g.data / "x.nii"), "8 GiB"),
            (2, (source, g.data / "x.nii", "--series", "1"), "no series"),
            (2, (source,), "usage")):
        outcome = g.fails(status, "convert", *args)
        assert word in outcome.err and len(outcome.err.strip().splitlines()) == 1 or word == "usage", outcome
    assert sorted(g.data.iterdir()) == before and old.read_bytes() == b"mine"
    g.ok("convert", source, old, "--force")
    same(old, source)
    g.ok("convert", source, source, "--force")  # onto itself: read whole, then replaced
    same(source, old)


def test_convert_answers_in_json(g):
    """DESIGN 3: --json prints one document."""
    source = volume(g.data / "a.nii")
    answer = g.json("convert", source, g.data / "b.nii")
    assert answer["shape"] == [7, 6, 5] and answer["path"] == str(g.data / "b.nii") and answer["complaints"] == []
    np.testing.assert_allclose(answer["affine"], nibabel.load(source).affine[:3], atol=1e-6)


def test_info_of_nifti(g):
    """Issue 4: shape, spacing, orientation, type, range and complaints, as text and as JSON."""
    def edit(image):
        image.header.set_slope_inter(2, 1)
        image.set_qform(np.eye(4), 1)
    source = volume(g.data / "a.nii.gz", "float32", (7, 6, 5, 2), edit=edit)
    image = nibabel.load(source)
    facts = g.json("info", source)
    assert facts["kind"] == "nifti" and facts["ok"] and facts["version"] == 1 and facts["packed"]
    assert facts["shape"] == [7, 6, 5, 2] and facts["dtype"] == "float32"
    assert facts["orientation"] == "".join(nibabel.aff2axcodes(image.affine))
    np.testing.assert_allclose(facts["spacing_mm"], nibabel.affines.voxel_sizes(image.affine), atol=1e-6)
    values = image.get_fdata()
    np.testing.assert_allclose(facts["range"], [values.min(), values.max()])
    assert len(facts["complaints"]) == 1 and "apart" in facts["complaints"][0]
    text = g.ok("info", source).out
    for word in ("7 x 6 x 5, 2 times, float32", facts["orientation"], "apart (the sform is used)"):
        assert word in text, text


def test_info_says_what_is_wrong(g):
    """Issue 4: a bad file gives its reason; control characters of a file reach no terminal."""
    source = volume(g.data / "a.nii", edit=lambda image: image.header.__setitem__("descrip", b"\x1b[31mred"))
    assert "\x1b" not in g.ok("info", source).out
    (g.data / "cut.nii").write_bytes(source.read_bytes()[:-1])
    facts = g.json("info", g.data / "cut.nii")
    assert not facts["ok"] and facts["code"] == "bad-data" and facts["reason"].startswith("cut short")
    assert "cut short" in g.ok("info", g.data / "cut.nii").out
    volume(g.data / "c.nii", "complex64")
    assert "complex64" in g.json("info", g.data / "c.nii")["reason"]
    bad = np.full((2, 2, 2), np.nan, "float32")
    bad[0, 0, 0] = 3
    nibabel.save(nibabel.Nifti1Image(bad, np.eye(4)), g.data / "nan.nii")
    facts = g.json("info", g.data / "nan.nii")
    assert facts["not_finite"] == 7 and facts["range"] == [3, 3]


def test_real_nifti(g, real_data):
    """Real files: nibabel's own samples, NIfTI-2 among them, read and written with the same values and affine."""
    for source in sorted((real_data / "nifti").glob("*.nii.gz")):
        facts = g.json("info", source)
        image = nibabel.load(source)
        assert facts["ok"] and facts["shape"] == list(image.shape)
        assert facts["orientation"] == "".join(nibabel.aff2axcodes(image.affine))
        g.ok("convert", source, g.data / source.name)
        same(g.data / source.name, source)
