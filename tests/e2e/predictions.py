"""Small images for tests of predictions: synthetic CT and MR as NIfTI (written with nibabel), phantoms as DICOM (chest.py).

Every image has one bright ball; ball() says which voxels it is, so that what a tiny threshold model finds has a known truth:
CT: air -1000 HU around a body of 40 HU with a ball of 400 HU; MR: 0 around 300 with a ball of 900.

    predictions.nifti(path, "CT", seed=1)          # 24 x 20 x 12 voxels of 2 x 2 x 3 mm, axes RAS; returns the array
    predictions.nifti(path, axes="LPS")            # the same patient, stored the other way round
    predictions.truth(path, seed=1)                # the ball as a mask (uint8, 0 and 1) in the same geometry
    predictions.tree(folder)                       # SUBJECT/STUDY/file.nii.gz: two patients, four series (TREE)
    predictions.bids(folder)                       # BIDS: two subjects, one with two sessions; side-cars say MR
    predictions.dicom_zip(path)                    # one CT study of two series (12 and 6 slices)
    predictions.dicom_folder(path)                 # a CT series as loose files, and a report's worth of junk beside
    predictions.mixed(folder)                      # all of it below one folder
"""
import json
import pathlib

import nibabel
import numpy as np

import chest

SHAPE = (24, 20, 12)
SPACING = (2.0, 2.0, 3.0)
AIR, BODY, BALL = {"CT": -1000, "MR": 0}, {"CT": 40, "MR": 300}, {"CT": 400, "MR": 900}

# file -> patient, day, modality as registered with --modality CT
TREE = {
    "p01/2023-01-10/ct.nii.gz": ("p01", "2023-01-10"),
    "p01/2024-02-11/ct.nii.gz": ("p01", "2024-02-11"),
    "p02/2023-05-01/ct.nii.gz": ("p02", "2023-05-01"),
    "p02/2023-05-01/thin.nii": ("p02", "2023-05-01"),
}


def _grid(shape):
    return np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")


def ball(seed=1, shape=SHAPE):
    """Where the ball is: bool [column, row, slice] in axes RAS."""
    rng = np.random.default_rng(seed)
    centre = [n / 2 + rng.uniform(-0.1, 0.1) * n for n in shape]
    radius = 0.22 * min(shape)
    return sum((g - c) ** 2 for g, c in zip(_grid(shape), centre)) <= radius ** 2


def body(shape=SHAPE):
    return sum(((g - (n - 1) / 2) / (0.45 * n)) ** 2 for g, n in zip(_grid(shape), shape)) <= 1


def pixels(modality="CT", seed=1, shape=SHAPE):
    """int16 [column, row, slice] in axes RAS."""
    noise = np.random.default_rng(seed + 1000).integers(-10, 11, shape)
    values = np.where(ball(seed, shape), BALL[modality], np.where(body(shape), BODY[modality], AIR[modality]))
    return (values + noise).astype(np.int16)


def affine(shape=SHAPE, spacing=SPACING):
    """RAS, the middle of the image at the origin."""
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = [-d * (n - 1) / 2 for n, d in zip(shape, spacing)]
    return matrix


def turned(values, matrix, axes):
    """The same patient with columns, rows and slices growing towards `axes` ("LPS", "SAR", ...)."""
    image = nibabel.Nifti1Image(values, matrix)
    want = nibabel.orientations.axcodes2ornt(tuple(axes))
    turn = nibabel.orientations.ornt_transform(nibabel.orientations.io_orientation(matrix), want)
    return image.as_reoriented(turn)


def _write(path, values, spacing, axes, sidecar):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    image = turned(values, affine(values.shape, spacing), axes)
    image.set_qform(image.affine, 1)
    image.set_sform(image.affine, 1)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    if sidecar is not None:
        name = path.name.removesuffix(".gz").removesuffix(".nii")
        path.with_name(name + ".json").write_text(json.dumps(sidecar))
    return values


def nifti(path, modality="CT", seed=1, *, shape=SHAPE, spacing=SPACING, axes="RAS", sidecar=None):
    """One image; returns its values in axes RAS. `sidecar`: a dictionary for the JSON beside it."""
    return _write(path, pixels(modality, seed, shape), spacing, axes, sidecar)


def truth(path, seed=1, *, shape=SHAPE, spacing=SPACING, axes="RAS"):
    """The mask of its ball."""
    return _write(path, ball(seed, shape).astype(np.uint8), spacing, axes, None)


def tree(folder, modality="CT"):
    """SUBJECT/STUDY/file: longitudinal, p01 has two studies. `thin.nii` has 3 slices."""
    for seed, name in enumerate(TREE, 1):
        nifti(pathlib.Path(folder) / name, modality, seed, shape=(24, 20, 3) if "thin" in name else SHAPE)
    return folder


def bids(folder):
    """sub-01 with two sessions, sub-02 with one; the days are in scans.tsv."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset_description.json").write_text('{"Name": "synthetic", "BIDSVersion": "1.8.0"}')
    for seed, (sub, ses, day) in enumerate([("01", "a", "2022-03-01"), ("01", "b", "2023-04-02"), ("02", "a", "2022-05-03")], 1):
        place = folder / f"sub-{sub}" / f"ses-{ses}"
        name = f"anat/sub-{sub}_ses-{ses}_T1w"
        nifti(place / f"{name}.nii.gz", "MR", seed, sidecar={"Modality": "MR", "SeriesDescription": "T1 mprage"})
        (place / f"sub-{sub}_ses-{ses}_scans.tsv").write_text(f"filename\tacq_time\n{name}.nii.gz\t{day}T10:00:00\n")
    return folder


def dicom_series(seed=1, number=2, slices=12, columns=32, modality="CT", **header):
    """(name, bytes) of a series; all series of one seed are of one study and patient."""
    words = {"StudyInstanceUID": chest.uid(seed, "study"), "SeriesInstanceUID": chest.uid(seed, "series", number),
        "SeriesNumber": str(number), "SeriesDescription": f"Series {number}", "PatientID": f"PHANTOM-{seed}", **header}
    return [(f"S{number}_{name}", data)
        for name, data in chest.files(100 * seed + number, slices=slices, columns=columns, modality=modality, header=words)]


def dicom_zip(path, seed=1):
    """Two series of one CT study: number 2 of 12 slices, number 3 of 6. PatientID PHANTOM-<seed>, 2024-01-02."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    return chest.pack(path, dicom_series(seed, 2, 12) + dicom_series(seed, 3, 6))


def dicom_folder(path, seed=5, number=4, slices=10):
    """One CT series as loose files, beside a text file."""
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    for name, data in dicom_series(seed, number, slices):
        (path / name).write_bytes(data)
    (path / "readme.txt").write_text("from the scanner\n")
    return path


def mixed(folder):
    """nifti/ (a tree), bids/, zips/two.zip, loose/, and a file that says it is NIfTI and is none."""
    folder = pathlib.Path(folder)
    tree(folder / "nifti")
    bids(folder / "bids")
    dicom_zip(folder / "zips" / "two.zip")
    dicom_folder(folder / "loose")
    (folder / "nifti" / "p02" / "2023-05-01" / "broken.nii.gz").write_bytes(b"this is no image")
    return folder
