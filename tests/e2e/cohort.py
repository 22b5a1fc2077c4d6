"""Synthetic cohorts: small NIfTI files, written with nibabel (a writer that is not ours), in trees as people have them.

mixed() makes SUBJECT/STUDY/... where three naming conventions stand side by side; bids() a BIDS tree. Both say what they
made, so that a test can compare. Each image has a value of its own (`value`), the same in all its voxels but a frame of
zeros: its mean and its count of voxels are known.
"""
import json
import pathlib

import nibabel
import numpy as np

# The T1 and a FLAIR of a study, below its folder, as three scanners or sites name them. A pattern for the T1 of each:
# t1*/s0__.nii.gz, T1w.nii.gz, anat/mprage*.nii
CONVENTIONS = (
    {"t1": "t1_mpr/s003.nii.gz", "flair": "flair_ax/s005.nii.gz"},
    {"t1": "T1w.nii.gz", "flair": "FLAIR.nii.gz"},
    {"t1": "anat/mprage_1.nii", "flair": "anat/flair_1.nii"},
)
PATTERNS = ("t1*/s0__.nii.gz", "T1w.nii.gz", "anat/mprage*.nii")
# Names as they occur: blanks, letters beyond ASCII, one of wildcards' own characters.
ODD_SUBJECTS = ("Müller Анна", "P 07 (pilot)", "100%_x")


def nifti(path, value=1.0, shape=(8, 8, 8), voxel=(1.0, 1.0, 1.0), dtype="int16", data=None):
    """One image: `value` inside, a frame of zeros one voxel wide. Returns how many voxels are not zero."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if data is None:
        data = np.zeros(shape, dtype)
        data[tuple(slice(1, n - 1) for n in shape)] = value
    affine = np.diag([*voxel, 1.0])
    affine[:3, 3] = [-(n - 1) * v / 2 for n, v in zip(data.shape, voxel)]
    nibabel.save(nibabel.Nifti1Image(data, affine), path)
    return int(np.count_nonzero(data))


def study(root, pid, sid, convention=0, value=100, mask=False, flair=True, shape=(8, 8, 8), date=""):
    """One study of a mixed tree; its description as mixed() gives them."""
    names = CONVENTIONS[convention % len(CONVENTIONS)]
    folder = pathlib.Path(root) / pid / sid
    made = {"pid": pid, "sid": sid, "psid": f"{pid}#{sid}", "folder": folder, "name": f"{pid}/{sid}", "convention": convention,
            "date": date, "value": value, "t1": folder / names["t1"], "files": 1}
    made["voxels"] = nifti(made["t1"], value, shape)
    if flair:
        made["flair"] = folder / names["flair"]
        nifti(made["flair"], value + 50, shape)
        made["files"] += 1
    if mask:
        made["mask"] = folder / "ROIS" / "mask_brain.nii.gz"
        nifti(made["mask"], 1, shape, dtype="uint8")
        made["files"] += 1
    return made


def mixed(root, subjects=6, studies=2, odd=True, without_t1=(), **how):
    """SUBJECT/STUDY/...: the naming convention changes from study to study. Study folders are dates for every other
    subject and words (S1, S2) for the rest. The studies numbered in `without_t1` (from 0) lack their T1. Returns the list
    of studies in the order of their names' making, each a dictionary: pid, sid, psid, folder, t1, value, ..."""
    names = [f"P{i + 1:03d}" for i in range(subjects)]
    if odd:
        names[-len(ODD_SUBJECTS):] = ODD_SUBJECTS[: len(names)]
    made = []
    for i, pid in enumerate(names):
        for k in range(studies):
            date = f"2024-{k + 3:02d}-{i % 28 + 1:02d}" if i % 2 else ""
            sid = date.replace("-", "") if date else f"S{k + 1}"
            number = len(made)
            one = study(root, pid, sid, convention=number, value=100 + number, date=date, **how)
            if number in without_t1:
                one.pop("t1").unlink()
                one["files"] -= 1
            made.append(one)
    return made


def single(root, subjects=4):
    """SUBJECT/file: one study a subject (layout {subject})."""
    made = []
    for i in range(subjects):
        pid = f"case{i + 1:02d}"
        nifti(pathlib.Path(root) / pid / "T1w.nii.gz", 100 + i)
        made.append({"pid": pid, "sid": "", "psid": f"{pid}#", "name": pid, "folder": pathlib.Path(root) / pid})
    return made


def _side_car(image, series):
    name = image.name.removesuffix(".gz").removesuffix(".nii")
    image.with_name(name + ".json").write_text(json.dumps({"Modality": "MR", "SeriesDescription": series, "EchoTime": 0.003}))


def bids(root, subjects=4, sessions=2, participants=True, dates=True):
    """A BIDS tree: dataset_description.json, participants.tsv, sub-*/ses-*/anat with side-cars, *_sessions.tsv with acq_time;
    the last subject has no sessions. Returns the studies: pid, sid, psid, folder, t1, date, age, ..."""
    root = pathlib.Path(root)
    root.mkdir(parents=True, exist_ok=True)
    (root / "dataset_description.json").write_text(json.dumps({"Name": "Synthetic", "BIDSVersion": "1.8.0", "DatasetType": "raw"}))
    (root / "README").write_text("Made by a test.\n")
    made, people = [], ["participant_id\tage\tsex\tgroup"]
    for i in range(subjects):
        pid = f"sub-{i + 1:02d}"
        age = 20 + i
        people.append(f"{pid}\t{age}\t{'MF'[i % 2]}\t{'patient' if i % 3 else 'control'}")
        visits = ["session_id\tacq_time\tweight"]
        last = i == subjects - 1
        for k in range(1 if last else sessions):
            sid = "" if last else f"ses-{k + 1}"
            folder = root / pid / sid
            label = "_".join(filter(None, (pid, sid)))
            t1 = folder / "anat" / f"{label}_T1w.nii.gz"
            voxels = nifti(t1, 100 + len(made))
            _side_car(t1, "t1_mprage_sag")
            mask = folder / "anat" / f"{label}_acq-highres_FLAIR.nii.gz"
            nifti(mask, 50)
            _side_car(mask, "t2_flair")
            date = f"2023-{k + 1:02d}-{i + 10:02d}" if dates and not last else ""
            visits.append(f"{sid}\t{date or 'n/a'}T10:30:00\t{70 + i}".replace("n/aT10:30:00", "n/a"))
            made.append({"pid": pid, "sid": sid, "psid": f"{pid}#{sid}", "name": f"{pid}/{sid}".rstrip("/"), "folder": folder,
                         "t1": t1, "date": date, "age": age, "value": 100 + len(made), "voxels": voxels, "files": 4})
        if not last:
            (root / pid / f"{pid}_sessions.tsv").write_text("\n".join(visits) + "\n")
    if participants:
        (root / "participants.tsv").write_text("\n".join(people) + "\n")
    return made


def derivative(root, pipeline, one, name="mask.nii.gz", value=1):
    """A file of a study in derivatives/<pipeline>/ of a BIDS tree."""
    path = pathlib.Path(root) / "derivatives" / pipeline / one["name"] / name
    nifti(path, value, dtype="uint8")
    return path


def dicom(path, pid, study, series=1, files=3, date="20240512", description="Head MR"):
    """A folder of tiny DICOM files of one series, written by pydicom; `study` and `series` make the UIDs."""
    import chest
    path = pathlib.Path(path)
    path.mkdir(parents=True, exist_ok=True)
    header = {"PatientID": pid, "StudyInstanceUID": chest.uid("study", study), "StudyDate": date,
              "StudyDescription": description, "SeriesInstanceUID": chest.uid("series", study, series)}
    for i in range(files):
        (path / f"IM{i:03d}").write_bytes(chest.instance(np.full((4, 4), i, "uint16"), (study, series), i, files, 1.0, "MR", header))
    return chest.uid("study", study)
