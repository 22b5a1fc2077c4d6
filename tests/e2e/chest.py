"""Chest CT phantoms as DICOM, written with pydicom (a writer that is not ours) from models/phantoms.py.

    chest.write_zip(path)                                    # a normal chest: 40 slices of 256 x 256, about 5 MB
    chest.write_zip(path, kinds=("ground_glass",), seed=3)   # the same bodies with an illness; kinds: phantoms.KINDS
    chest.write_zip(path, modality="MR")                     # an MR series of the same pixels; `header` changes any tag
    chest.cut(path); chest.empty(path)                       # damaged and empty archives

The same arguments give the same bytes. By hand: chest.py FOLDER writes one ZIP of every kind there.
"""
import functools
import hashlib
import io
import os
import pathlib
import sys
import zipfile

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

SOURCE = pathlib.Path(os.environ.get("GANTRY_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(SOURCE / "models"))
import phantoms  # noqa: E402

KINDS = phantoms.KINDS
CLASS = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}
INTERCEPT = -1024
FIELD_MM = 372.0


def uid(*words):
    """A UID of our own that depends on the words alone (2.25: a UUID as one number)."""
    digest = hashlib.sha256("/".join(map(str, words)).encode()).digest()[:16]
    return f"2.25.{int.from_bytes(digest, 'big')}"


@functools.lru_cache(maxsize=16)
def volume(seed=1, kinds=(), slices=40, columns=256, low=0.02, high=1.0):
    """HU [slice, row, column], feet first, labels (phantoms.LABELS) and the distance of slices in mm. `low`, `high`: the part
    of the body that is scanned; (-0.3, 0.0) has no lungs."""
    chest = phantoms.Chest(seed, kinds)
    hu, labels = chest.volume(slices, columns, low=low, high=high)
    hu.setflags(write=False)
    labels.setflags(write=False)
    return hu, labels, chest.height * (high - low) / max(slices - 1, 1)


def instance(pixels, names, index, slices, step_mm, modality="CT", header=None):
    """One slice (stored values, uint16) as the bytes of a DICOM file. `names` make the UIDs."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CLASS[modality]
    meta.MediaStorageSOPInstanceUID = uid(*names, index)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = uid("implementation")
    data = FileDataset(None, Dataset(), file_meta=meta, preamble=bytes(128))
    data.is_little_endian, data.is_implicit_VR = True, False
    columns = pixels.shape[1]
    px = FIELD_MM / columns
    fields = dict(
        SOPClassUID=meta.MediaStorageSOPClassUID, SOPInstanceUID=meta.MediaStorageSOPInstanceUID,
        StudyInstanceUID=uid(*names, "study"), SeriesInstanceUID=uid(*names, "series"), FrameOfReferenceUID=uid(*names, "frame"),
        StudyDate="20240102", StudyTime="101500", StudyID="1", SeriesNumber="2", InstanceNumber=str(slices - index),
        AccessionNumber="", Modality=modality, Manufacturer="Gantry", ReferringPhysicianName="",
        StudyDescription="Synthetic phantom", SeriesDescription="Chest phantom 1.0 Lung", ProtocolName="Chest phantom",
        BodyPartExamined="CHEST", PatientPosition="HFS", PatientName="Phantom^Chest", PatientID=f"PHANTOM-{names[0]}",
        PatientBirthDate="", PatientSex="O", ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        ImagePositionPatient=[f"{-px * (columns - 1) / 2:.4f}"] * 2 + [f"{index * step_mm:.4f}"],
        ImageOrientationPatient=["1", "0", "0", "0", "1", "0"], PixelSpacing=[f"{px:.6f}"] * 2, SliceThickness=f"{step_mm:.4f}",
        SamplesPerPixel=1, PhotometricInterpretation="MONOCHROME2", Rows=pixels.shape[0], Columns=columns,
        BitsAllocated=16, BitsStored=12, HighBit=11, PixelRepresentation=0)
    if modality == "CT":
        fields.update(RescaleIntercept=str(INTERCEPT), RescaleSlope="1", RescaleType="HU", KVP="120",
            WindowCenter="-600", WindowWidth="1500", ConvolutionKernel="phantom")
    fields.update(header or {})
    for name, value in fields.items():
        if value is not None:  # None takes a tag away
            setattr(data, name, value)
    data.PixelData = pixels.astype("<u2").tobytes()
    buffer = io.BytesIO()
    data.save_as(buffer, write_like_original=False)
    return buffer.getvalue()


def files(seed=1, kinds=(), *, slices=40, columns=256, modality="CT", header=None, low=0.02, high=1.0):
    """A series: list of (name, bytes), feet first; instance numbers count from the head."""
    hu, _, step = volume(seed, tuple(kinds), slices, columns, low, high)
    names = (seed, "+".join(kinds) or "normal", slices, columns, modality, low, high)
    stored = np.clip(hu.astype(np.int32) - INTERCEPT, 0, 4095)
    return [(f"IM{slices - i:04}.dcm", instance(stored[i], names, i, slices, step, modality, header)) for i in range(slices)]


def pack(path, members, folder="phantom/"):
    """A ZIP of (name, bytes) without a clock in it, in the order of names."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in sorted(members):
            archive.writestr(zipfile.ZipInfo(folder + name, (2024, 1, 2, 10, 15, 0)), data, zipfile.ZIP_DEFLATED)
    return path


def write_zip(path, seed=1, kinds=(), folder="phantom/", **options):
    return pack(path, files(seed, kinds, **options), folder)


def cut(path, keep=0.5):
    """Only the first part of an archive is there, as after a broken copy."""
    os.truncate(path, int(os.path.getsize(path) * keep))
    return path


def empty(path):
    """A ZIP without members."""
    zipfile.ZipFile(path, "w").close()
    return path


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for seed, kinds in enumerate([(), *((kind,) for kind in KINDS)], 1):
        print(write_zip(os.path.join(folder, f"{'-'.join(kinds) or 'normal'}.zip"), seed, kinds))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
