"""Volumes (DESIGN 7, 11; issue 4): NIfTI and DICOM in, NIfTI out, and what `gantry info` says; judged by nibabel and dcm2niix."""
import gzip
import io
import json
import shutil
import signal
import subprocess
import zipfile

import nibabel
import numpy as np
import pydicom
import pytest

from runner import wait_for

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


# --- DICOM ------------------------------------------------------------------------------------------------------------

def rotation(x, y):
    x, y = np.deg2rad(x), np.deg2rad(y)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    return about_x @ np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])


def dicom(folder, values, turn=np.eye(3), spacing=(0.75, 0.5, 2.5), series=1, description="a series", **more):
    """A series of MR slices [slice, row, column] whose normal is that of `turn`; the affine it must have in RAS."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = f"1.2.826.0.1.3680043.8.498.77.{series}"
    origin = np.array([-30.0, 20.0, 10.0])
    order = np.random.default_rng(9).permutation(len(values))
    for slice_, name in zip(range(len(values)), order):
        meta = pydicom.dataset.FileMetaDataset()
        meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        meta.MediaStorageSOPInstanceUID = f"{uid}.{slice_ + 1}"
        d = pydicom.dataset.FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
        d.is_little_endian, d.is_implicit_VR = True, False
        d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
        d.StudyInstanceUID, d.SeriesInstanceUID, d.Modality = "1.2.826.0.1.3680043.8.498.77", uid, "MR"
        d.PatientName, d.PatientID, d.PatientBirthDate, d.StudyDate = "Secret^Person", "ID-4711", "19700101", "20240131"
        d.SeriesDescription, d.SeriesNumber, d.InstanceNumber, d.ImageType = description, series, slice_ + 1, ["ORIGINAL", "PRIMARY"]
        d.EchoTime, d.RepetitionTime, d.SliceThickness = 30, 2000, spacing[2]
        d.SpecificCharacterSet = "ISO_IR 192"
        d.Rows, d.Columns = values.shape[1:]
        d.PixelSpacing = [spacing[1], spacing[0]]
        d.ImageOrientationPatient = [f"{x:.12g}" for x in (*turn[:, 0], *turn[:, 1])]
        d.ImagePositionPatient = [f"{x:.12g}" for x in origin + turn[:, 2] * spacing[2] * slice_]
        d.BitsAllocated = d.BitsStored = 16
        d.HighBit, d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 15, 1, "MONOCHROME2", 1
        for key, value in more.items():
            setattr(d, key, value)
        d.PixelData = values[slice_].astype("<i2").tobytes()
        d.save_as(folder / f"{name:03d}.dcm", write_like_original=False)
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = turn * spacing, origin
    return np.diag([-1, -1, 1, 1]) @ affine


@pytest.fixture
def values():
    return np.random.default_rng(3).integers(-500, 2000, (6, 9, 8))


def test_convert_dicom_keeps_order_and_says_where(g, values):
    """DESIGN 11, Numbers: column, row, slice order is kept with an RAS+ affine, to the digit for an oblique series."""
    turn = rotation(20, -35)
    affine = dicom(g.data / "ряд", values, turn, RescaleSlope=2, RescaleIntercept=-100)
    out = g.ok("convert", g.data / "ряд", g.data / "a.nii.gz").out
    image = nibabel.load(g.data / "a.nii.gz")
    np.testing.assert_allclose(image.affine, affine, atol=1e-4)
    np.testing.assert_array_equal(image.get_fdata(), values.transpose(2, 1, 0) * 2 - 100)
    assert image.get_data_dtype() == "int16" and image.header["sform_code"] == image.header["qform_code"] == 1
    assert "8 x 9 x 6, int16" in out and "".join(nibabel.aff2axcodes(affine)) in out


def test_side_car(g, values):
    """Issue 4: a JSON side-car in BIDS' style; nothing in it, or in the image, names the patient."""
    dicom(g.data / "s", values, description="T1 вид")
    g.ok("convert", g.data / "s", g.data / "sub-01_T1w.nii.gz")
    side = json.loads((g.data / "sub-01_T1w.json").read_text())
    assert side["EchoTime"] == 0.03 and side["RepetitionTime"] == 2 and side["Modality"] == "MR"
    assert side["SeriesDescription"] == "T1 вид" and side["ImageType"] == ["ORIGINAL", "PRIMARY"]
    assert side["SeriesNumber"] == 1 and side["SliceThickness"] == side["SpacingBetweenSlices"] == 2.5
    assert side["ImageOrientationPatientDICOM"] == [1, 0, 0, 0, 1, 0]
    assert side["ConversionSoftware"] == "Gantry"
    with gzip.open(g.data / "sub-01_T1w.nii.gz") as file:
        everything = file.read() + (g.data / "sub-01_T1w.json").read_bytes() + g.ok("info", g.data / "s", "--json").out.encode()
    for secret in (b"Secret", b"4711", b"19700101", b"20240131"):
        assert secret not in everything


def test_series_are_chosen(g, values):
    """Issue 4, convert: several series are listed when none is named; a number of the list or a UID names one."""
    dicom(g.data / "s" / "a", values, series=5)
    dicom(g.data / "s" / "b", values[:4], series=6, description="shorter")
    outcome = g.fails(2, "convert", g.data / "s", g.data / "x.nii.gz")
    lines = outcome.err.strip().splitlines()
    assert "498.77.5" in lines[0] and "498.77.6" in lines[1] and "shorter" in lines[1] and "2 series" in lines[2]
    for word, slices in (("1", 6), ("2", 4), ("1.2.826.0.1.3680043.8.498.77.6", 4)):
        g.ok("convert", g.data / "s", g.data / "x.nii.gz", "--series", word, "--force")
        assert nibabel.load(g.data / "x.nii.gz").shape[2] == slices
    assert "no series '3'" in g.fails(2, "convert", g.data / "s", g.data / "y.nii.gz", "-s", "3").err
    facts = g.json("info", g.data / "s")
    assert [row["shape"][2] for row in facts["series"]] == [6, 4] and facts["studies"] == 1


def test_convert_from_a_zip(g, values):
    """DESIGN 7: a ZIP, and a ZIP in a ZIP, are read where they are; nothing is unpacked beside them."""
    affine = dicom(g.data / "s", values)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (g.data / "s").iterdir():
            archive.write(path, f"deep/er/{path.name}")
    (g.data / "in").mkdir()
    with zipfile.ZipFile(g.data / "in" / "outer.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.writestr("inner.zip", inner.getvalue())
    g.ok("convert", g.data / "in" / "outer.zip", g.data / "z.nii")
    image = nibabel.load(g.data / "z.nii")
    np.testing.assert_allclose(image.affine, affine, atol=1e-4)
    np.testing.assert_array_equal(image.get_fdata(), values.transpose(2, 1, 0))
    assert [path.name for path in (g.data / "in").iterdir()] == ["outer.zip"]
    assert g.json("info", g.data / "in" / "outer.zip")["kind"] == "dicom-zip"


def test_complaints_of_a_series_are_passed_on(g, values):
    """DESIGN 7: missing and doubled slices are said: by convert, in the side-car, by info."""
    dicom(g.data / "s", values)
    for path in (g.data / "s").iterdir():
        if pydicom.dcmread(path).InstanceNumber == 3:
            path.unlink()
    out = g.ok("convert", g.data / "s", g.data / "x.nii").out
    assert "1 slice is missing" in out
    assert "1 slice is missing" in json.loads((g.data / "x.json").read_text())["ConversionNotes"][0]
    assert "1 slice is missing" in g.ok("info", g.data / "s").out
    assert "1 slice is missing" in g.json("convert", g.data / "s", g.data / "y.nii")["complaints"][0]


def test_dicom_is_refused_in_one_line(g, values):
    """DESIGN 3: what is no image, damaged or in the way; nothing is left behind."""
    dicom(g.data / "s", values[:1])
    whole = next((g.data / "s").iterdir()).read_bytes()
    (g.data / "cut.dcm").write_bytes(whole[:-10])
    (g.data / "none").mkdir()
    (g.data / "text.txt").write_text("hello")
    (g.data / "bad.zip").write_bytes(b"PK\x03\x04 and no more")
    (g.data / "there.json").write_text("{}")
    before = sorted(g.data.iterdir())
    for name, out, word in (("cut.dcm", "x.nii", "truncated pixel data"), ("none", "x.nii", "no DICOM"), ("s", "there.nii", "--force"),
            ("text.txt", "x.nii", "neither"), ("bad.zip", "x.nii", "bad.zip")):
        outcome = g.fails(1, "convert", g.data / name, g.data / out)
        assert word in outcome.err and len(outcome.err.strip().splitlines()) == 1, outcome
        assert str(g.data / name) in outcome.err or word == "--force", outcome
    assert sorted(g.data.iterdir()) == before
    g.ok("convert", g.data / "s", g.data / "there.nii", "--force")


def test_interrupted_convert_leaves_nothing(g):
    """DESIGN 3: 130 when interrupted; no half file."""
    nibabel.save(nibabel.Nifti1Image(np.random.default_rng(1).integers(0, 30000, (400, 400, 300), "int16"), np.eye(4)), g.data / "big.nii")
    process = g.start("convert", g.data / "big.nii", g.data / "x.nii.gz")
    wait_for(lambda: list(g.data.glob("x.nii.gz*")), "the file that is written aside")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert [path.name for path in g.data.iterdir()] == ["big.nii"]


def canonical(path):
    image = nibabel.as_closest_canonical(nibabel.load(path))
    return image.get_fdata(), image.affine


def agree(path, other):
    (ours, our_affine), (theirs, their_affine) = canonical(path), canonical(other)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_allclose(our_affine, their_affine, atol=2e-4)


def dcm2niix(folder, source):
    """Debian's dcm2niix on a folder, one NIfTI a series, the one with the most voxels first."""
    folder.mkdir()
    subprocess.run(["dcm2niix", "-z", "n", "-b", "y", "-f", "%s_%j", "-o", folder, source], check=True, capture_output=True)
    return sorted(folder.glob("*.nii"), key=lambda path: -path.stat().st_size)


def test_agrees_with_dcm2niix_on_oblique_series(g, values):
    """Issue 4, acceptance: the same voxels at the same places as dcm2niix, and the same facts in the side-car."""
    dicom(g.data / "s", values, rotation(-12, 50), RescaleSlope=1, RescaleIntercept=-1024)
    g.ok("convert", g.data / "s", g.data / "ours.nii")
    theirs, = dcm2niix(g.data / "theirs", g.data / "s")
    agree(g.data / "ours.nii", theirs)
    ours, other = (json.loads(path.with_suffix(".json").read_text()) for path in (g.data / "ours.nii", theirs))
    for key in "Modality EchoTime RepetitionTime SliceThickness SeriesNumber SeriesDescription ImageOrientationPatientDICOM".split():
        if key in other:
            assert ours[key] == pytest.approx(other[key], rel=1e-5) if not isinstance(other[key], str) else ours[key] == other[key]


@pytest.mark.parametrize("how", ["compressed", "compressed_j2k", "compressed_jpeg", "compressed_jpegls", "compressed_rle"])
def test_real_mr_of_five_compressions(g, real_data, how):
    """Issue 4, acceptance: the five compressions of one MR agree with their ground-truth NIfTI, affine too (canonical RAS)."""
    base = real_data / "dicom" / "mr-compressed"
    g.ok("convert", base / how, g.data / "x.nii.gz")
    agree(g.data / "x.nii.gz", base / "ground_truth.nii.gz")
    assert nibabel.load(g.data / "x.nii.gz").get_fdata().sum() == 33304746


def test_real_series_agree_with_dcm2niix(g, real_data):
    """Issue 4, acceptance: DICOM conversion agrees with dcm2niix on the real series: a CT in a ZIP, MR, single slices."""
    base = real_data / "dicom"
    with zipfile.ZipFile(base / "ct-head-phantom-28.zip") as archive:
        archive.extractall(g.data / "ct")
    for number, (ours, theirs) in enumerate((
            (base / "ct-head-phantom-28.zip", g.data / "ct"),
            (base / "mr-compressed" / "compressed", None),
            (base / "bad-series" / "slicecount", None),
            (base / "CT_small.dcm", None),
            (base / "ct-syntaxes" / "LittleEndianImplicit.dcm", None))):
        g.ok("convert", ours, g.data / f"{number}.nii")
        source = theirs or ours
        if source.is_file():  # dcm2niix takes a folder as it is, a file with its neighbours
            (g.data / f"one-{number}").mkdir()
            shutil.copy(source, g.data / f"one-{number}")
            source = g.data / f"one-{number}"
        made = dcm2niix(g.data / f"d{number}", source)
        agree(g.data / f"{number}.nii", made[0])


def test_real_ct_of_six_syntaxes(g, real_data):
    """Issue 4, acceptance: the six syntaxes of one CT slice decode to the same HU, those that pydicom reads."""
    base = real_data / "dicom" / "ct-syntaxes"
    source = pydicom.dcmread(base / "LittleEndianExplicit.dcm")
    wanted = source.pixel_array.T.astype(float) * float(source.RescaleSlope) + float(source.RescaleIntercept)
    names = sorted(path.name for path in base.glob("*.dcm"))
    assert len(names) == 6
    for name in names:
        g.ok("convert", base / name, g.data / f"{name}.nii")
        image = nibabel.load(g.data / f"{name}.nii")
        np.testing.assert_array_equal(image.get_fdata()[:, :, 0], wanted, err_msg=name)


def test_real_bad_series_and_files(g, real_data):
    """Issue 4, acceptance: bad series and bad files each give their own reason."""
    base, told = real_data / "dicom", {}
    for name in ("bad-series/slicecount", "bad-series/sliceincrement", "bad-files/MR_truncated.dcm", "bad-files/no_meta.dcm",
            "MR_JPEG2000.dcm"):
        facts = g.json("info", base / name)
        told[name] = "; ".join(facts["series"][0]["complaints"]) if facts["ok"] else facts["reason"]
    for (name, said), words in zip(told.items(), ("only 2 slices", "1 slice is missing in 1 place, the first between 28.11 and 38.11 mm",
            "truncated pixel data: has 8130 of 8192 bytes", "neither a preamble nor a data set is at its beginning",
            "no ImageOrientationPatient (0020,0037)")):
        assert words in said, (name, said)
    assert len(set(told.values())) == 5
