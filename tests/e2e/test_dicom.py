"""DICOM as pydicom writes it (DESIGN 7; R8): every kind of pixel and syntax, Enhanced objects, ZIPs of any kind; read by `gantry convert`."""
import io
import zipfile

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset

SYNTAX = {"explicit": "1.2.840.10008.1.2.1", "implicit": "1.2.840.10008.1.2", "big": "1.2.840.10008.1.2.2", "deflated": "1.2.840.10008.1.2.1.99",
    "rle": "1.2.840.10008.1.2.5"}


def empty(syntax="explicit", uid="1.2.3.4.1"):
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = SYNTAX["explicit" if syntax == "rle" else syntax]
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    meta.MediaStorageSOPInstanceUID = uid
    d = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    d.is_little_endian, d.is_implicit_VR = syntax != "big", syntax == "implicit"
    d.SOPClassUID, d.SOPInstanceUID = meta.MediaStorageSOPClassUID, uid
    d.StudyInstanceUID, d.SeriesInstanceUID, d.Modality = "1.2.3", "1.2.3.4", "CT"
    return d


def pixels(d, values, syntax="explicit", **more):
    """Values [row, column] or [frame, row, column] into a data set."""
    d.Rows, d.Columns = values.shape[-2:]
    d.BitsAllocated = d.BitsStored = values.dtype.itemsize * 8
    d.HighBit, d.SamplesPerPixel, d.PhotometricInterpretation = d.BitsAllocated - 1, 1, "MONOCHROME2"
    d.PixelRepresentation = int(values.dtype.kind == "i")
    if values.ndim == 3:
        d.NumberOfFrames = len(values)
    for key, value in more.items():
        setattr(d, key, value)
    d.PixelData = values.astype(values.dtype.newbyteorder(">" if syntax == "big" else "<")).tobytes()
    d["PixelData"].VR = "OB" if d.BitsAllocated == 8 else "OW"
    if syntax == "rle":
        d.compress(pydicom.uid.RLELossless)
    return d


def series(values, syntax="explicit", **more):
    """One file a slice: (name, bytes), in an order that is not that of the slices."""
    files = []
    for number in np.random.default_rng(1).permutation(len(values)):
        d = empty(syntax, f"1.2.3.4.{number + 1}")
        d.InstanceNumber, d.PixelSpacing, d.SliceThickness = number + 1, [0.5, 0.75], 2
        d.ImageOrientationPatient, d.ImagePositionPatient = [1, 0, 0, 0, 1, 0], [-10, -20, 30 + 2.0 * number]
        pixels(d, values[number], syntax, **more)
        buffer = io.BytesIO()
        d.save_as(buffer, write_like_original=False)
        files.append((f"I{len(files):03d}", buffer.getvalue()))
    return files


def folder(path, files):
    path.mkdir()
    for name, content in files:
        (path / name).write_bytes(content)
    return path


def packed(files, method=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def converted(g, source):
    g.ok("convert", source, g.data / "out.nii", "--force")
    return nibabel.load(g.data / "out.nii")


def numbers(dtype, shape=(5, 7, 6)):
    limits = np.iinfo(dtype)
    return np.random.default_rng(2).integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("syntax", SYNTAX)
@pytest.mark.parametrize("dtype", "uint8 int8 uint16 int16 uint32 int32".split())
def test_every_kind_of_pixel(g, syntax, dtype):
    """DESIGN 7: 8, 16 and 32 bits with and without sign, in each syntax that pydicom can write; the type stays."""
    if syntax == "rle" and dtype.endswith("32"):
        pytest.skip("pydicom writes no RLE of 32 bits")
    values = numbers(dtype)
    image = converted(g, folder(g.data / "s", series(values, syntax)))
    assert image.get_data_dtype() == dtype
    np.testing.assert_array_equal(np.asarray(image.dataobj), values.transpose(2, 1, 0))
    np.testing.assert_allclose(image.affine, [[-0.75, 0, 0, 10], [0, -0.5, 0, 20], [0, 0, 2, 30], [0, 0, 0, 1]], atol=1e-5)


def test_bits_that_are_not_stored(g):
    """DESIGN 7: 12 bits in 16: what stands in the other four (old overlays) is no part of the value; MONOCHROME1 is not turned round."""
    values = numbers("uint16")
    files = series(values, BitsStored=12, HighBit=11, PhotometricInterpretation="MONOCHROME1")
    image = converted(g, folder(g.data / "s", files))
    np.testing.assert_array_equal(image.get_fdata(), (values & 0xfff).transpose(2, 1, 0))


def test_slices_that_scale_differently(g):
    """DESIGN 7: rescale per slice (PET): the values are right in each."""
    values = numbers("int16")
    files = [series(values, RescaleSlope=k + 1, RescaleIntercept=-k)[k] for k in range(5)]
    number = [pydicom.dcmread(io.BytesIO(content)).InstanceNumber - 1 for _, content in files]
    image = converted(g, folder(g.data / "s", files))
    for k, slice_ in enumerate(number):
        np.testing.assert_array_equal(image.get_fdata()[:, :, slice_], values[slice_].T * (k + 1.0) - k)


def test_files_without_meta_header(g):
    """DESIGN 7: a data set without preamble and meta header (an old export) is DICOM too."""
    values = numbers("int16")
    bare = []
    for name, content in series(values):
        d = pydicom.dcmread(io.BytesIO(content))
        buffer = pydicom.filebase.DicomBytesIO()
        buffer.is_little_endian, buffer.is_implicit_VR = True, len(bare) % 2 == 0
        pydicom.filewriter.write_dataset(buffer, d)
        bare.append((name, buffer.getvalue()))
    image = converted(g, folder(g.data / "s", bare))
    np.testing.assert_array_equal(image.get_fdata(), values.transpose(2, 1, 0))


def enhanced(values, syntax, sop_class, modality):
    """One multi-frame file whose frames lie in disorder, tilted planes and all in functional groups."""
    d = empty(syntax, "1.2.3.4.9")
    d.SOPClassUID = d.file_meta.MediaStorageSOPClassUID = sop_class
    d.Modality = modality
    shared, group = Dataset(), Dataset()
    group.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    shared.PlaneOrientationSequence = [group]
    group = Dataset()
    group.PixelSpacing, group.SliceThickness = [0.5, 0.75], 3
    shared.PixelMeasuresSequence = [group]
    d.SharedFunctionalGroupsSequence = [shared]
    frames, order = [], np.random.default_rng(5).permutation(len(values))
    for slice_ in order:
        frame, place, scale = Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [10.0 - 3 * slice_, 20, 30]
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = 2, -1000, "HU"
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = [place], [scale]
        frames.append(frame)
    d.PerFrameFunctionalGroupsSequence = frames
    pixels(d, values[order], syntax)
    buffer = io.BytesIO()
    d.save_as(buffer, write_like_original=False)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "rle"])
@pytest.mark.parametrize("sop_class,modality", [("1.2.840.10008.5.1.4.1.1.2.1", "CT"), ("1.2.840.10008.5.1.4.1.1.4.1", "MR")])
def test_enhanced_objects(g, syntax, sop_class, modality):
    """DESIGN 7, 10: Enhanced CT and MR: each frame at its own place, with its own scale."""
    values = numbers("int16")
    image = converted(g, folder(g.data / "s", [("one", enhanced(values, syntax, sop_class, modality))]))
    # normal = (0,1,0) x (0,0,-1) = (-1,0,0): slices go on to smaller x in DICOM, to larger x in RAS
    np.testing.assert_array_equal(image.get_fdata(), values.transpose(2, 1, 0) * 2.0 - 1000)
    np.testing.assert_allclose(image.affine[:3, 2], [3, 0, 0], atol=1e-6)
    np.testing.assert_allclose(image.affine[:3, 3], [-10, -20, 30], atol=1e-6)
    assert nibabel.aff2axcodes(image.affine) == ("P", "I", "R")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_zips_of_every_kind(g, method):
    """R8, DESIGN 10: stored, deflated and rarer ZIPs; in folders and in ZIPs; what is not DICOM, and a DICOMDIR, are passed over."""
    values = numbers("int16")
    directory = empty(uid="1.2.3.4.99")
    directory.SOPClassUID = directory.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    buffer = io.BytesIO()
    directory.save_as(buffer, write_like_original=False)
    inner = packed([*series(values), ("DICOMDIR", buffer.getvalue()), ("viewer/run.exe", b"MZ" * 100), ("снимок.txt", b"text")], method)
    (g.data / "in" / "deep").mkdir(parents=True)
    (g.data / "in" / "deep" / "study.zip").write_bytes(packed([("CD1/study.zip", inner), ("readme", b"x" * 1000)], zipfile.ZIP_STORED))
    image = converted(g, g.data / "in")
    np.testing.assert_array_equal(image.get_fdata(), values.transpose(2, 1, 0))


def test_zips_that_are_refused(g):
    """Issue 4: bombs, names that lead outside, encrypted, truncated and damaged archives: one clear line each, and nothing is written."""
    files = series(numbers("int16"))
    whole = packed(files)
    central = whole.rindex(b"PK\x01\x02")
    encrypted, huge, wrong = bytearray(whole), bytearray(whole), bytearray(packed(files, zipfile.ZIP_STORED))
    encrypted[central + 8] |= 1
    huge[central + 24:central + 28] = b"\xff\xff\xff\x7f"
    wrong[wrong.index(b"PK\x03\x04", 100) - 10] ^= 0xff
    cases = {"encrypted": (encrypted, "encrypted"), "bomb": (huge, "ZIP bomb"), "cut": (whole[:len(whole) // 2], "truncated or damaged"),
        "outside": (packed([("../../evil.dcm", files[0][1])]), "leads outside"), "absolute": (packed([("/etc/evil", b"x")]), "leads outside"),
        "wrong": (wrong, "entry 'I000' is damaged: wrong checksum"), "text": (b"hello", "neither"), "empty": (packed([]), "no DICOM"), "nothing": (packed([("a.txt", b"hi")]), "no DICOM")}
    for name, (content, word) in cases.items():
        path = g.data / f"{name}.zip"
        path.write_bytes(bytes(content))
        outcome = g.run("convert", path, g.data / "out.nii")
        assert outcome.rc in (1, 3), outcome
        assert word in outcome.err and f"{name}.zip" in outcome.err, (name, outcome)
        assert len(outcome.err.strip().splitlines()) == 1, outcome
        assert not (g.data / "out.nii").exists() and not (g.data / "evil.dcm").exists()


def test_a_file_that_cannot_be_read_is_said(g):
    """DESIGN 7: a slice that is lost in a damaged entry of a ZIP is never lost in silence."""
    whole = bytearray(packed(series(numbers("int16"))))
    whole[whole.index(b"PK\x03\x04", 100) + 60] ^= 0xff
    (g.data / "a.zip").write_bytes(bytes(whole))
    outcome = g.ok("convert", g.data / "a.zip", g.data / "out.nii")
    assert "1 file there could not be read and may be missing here" in outcome.out and "a.zip: entry 'I001' is damaged" in outcome.out


def test_colour_and_tilt_are_said(g):
    """DESIGN 7: colour pictures are no volume; a tilted gantry is said with its angle."""
    d = pixels(empty(), np.zeros((4, 6), "uint8"), SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    d.PixelData = bytes(72)
    buffer = io.BytesIO()
    d.save_as(buffer, write_like_original=False)
    outcome = g.fails(1, "convert", folder(g.data / "c", [("x", buffer.getvalue())]), g.data / "out.nii")
    assert "colour pictures (RGB, 3 samples a pixel)" in outcome.err
    tilted = []
    for name, content in series(numbers("int16")):
        d = pydicom.dcmread(io.BytesIO(content))
        d.ImagePositionPatient = [-10, -20 + float(d.InstanceNumber) * 2 * float(np.tan(np.deg2rad(15))), 30 + 2.0 * d.InstanceNumber]
        buffer = io.BytesIO()
        d.save_as(buffer)
        tilted.append((name, buffer.getvalue()))
    assert "tilted by 15.0 degrees" in g.ok("convert", folder(g.data / "t", tilted), g.data / "out.nii").out
