"""Data sets: registering folders and files, series from headers, patients by date, the API, nnU-Net folders. REQUIREMENTS W2,
W3 (a registered data set, its series), W13 (longitudinal studies); DESIGN 1, 3 (gantry dataset), 8 (rights, privacy)."""
import contextlib
import json
import os
import shutil
import sqlite3

import nibabel
import numpy as np
import pytest

import browser
import predictions
import server
import viewing


@pytest.fixture
def all_of_it(g):
    """g with the data set `all` over a project of NIfTI, BIDS, a ZIP and loose DICOM."""
    predictions.mixed(g.data)
    g.made = g.json("dataset", "add", "all", g.data, "--modality", "CT", "--description", "everything")
    return g


def rows(g, name, *args):
    return {row["label"]: row for row in g.json("dataset", "show", name, *args)["rows"]}


# -- the command ------------------------------------------------------------------------------------------------------

def test_series_of_every_kind(all_of_it):
    """W3: what a data set holds: NIfTI, DICOM in a folder and a ZIP, each with its facts; a bad file is a row that says why."""
    g, made = all_of_it, all_of_it.made
    assert (made["series"], made["new"], made["problems"], made["gone"]) == (11, 11, 1, 0)
    assert made["patients"] == 6 and made["description"] == "everything"
    assert sorted(made["modalities"].split(",")) == ["CT", "MR"]
    found = rows(g, "all")
    assert len(found) == 11
    ct = found["nifti/p01/2023-01-10/ct"]
    assert (ct["kind"], ct["modality"], ct["patient"], ct["date"]) == ("nifti", "CT", "p01", "2023-01-10")
    assert (ct["columns"], ct["rows"], ct["slices"], ct["times"]) == (24, 20, 12, 1)
    assert ct["spacing"] == [2.0, 2.0, 3.0] and ct["orientation"] == "RAS" and ct["problem"] == ""
    mr = found["bids/sub-01/ses-b/anat/sub-01_ses-b_T1w"]
    assert (mr["modality"], mr["patient"], mr["date"], mr["description"]) == ("MR", "sub-01", "2023-04-02", "T1 mprage")
    zipped = found["zips/two/003-series-3"]
    assert (zipped["path"], zipped["number"], zipped["slices"], zipped["patient"]) == ("zips/two.zip", 3, 6, "PHANTOM-1")
    assert zipped["date"] == "2024-01-02" and zipped["name"].startswith("zips/two.zip#")
    assert found["loose"]["path"] == "loose" and found["loose"]["slices"] == 10
    assert found["nifti/p02/2023-05-01/broken"]["problem"] == "not NIfTI"


def test_only_what_changed_is_read(all_of_it):
    """DESIGN 2.4: a second scan reads what is new or changed, and nothing else; lost files go, and come back."""
    g = all_of_it
    assert g.json("dataset", "scan", "all")["read"] == 0
    os.remove(g.data / "zips" / "two.zip")
    predictions.nifti(g.data / "nifti" / "p03" / "2025-01-01" / "ct.nii.gz", seed=9)
    predictions.nifti(g.data / "nifti" / "p02" / "2023-05-01" / "broken.nii.gz", seed=8)
    again = g.json("dataset", "scan", "all")
    assert (again["new"], again["changed"], again["gone"]) == (1, 1, 2)
    assert (again["series"], again["problems"]) == (10, 0)
    assert rows(g, "all")["nifti/p02/2023-05-01/broken"]["slices"] == 12
    predictions.dicom_zip(g.data / "zips" / "two.zip")
    back = g.json("dataset", "scan", "all")
    assert (back["new"], back["changed"], back["series"]) == (0, 2, 12)


def test_a_series_in_several_folders_is_one(g):
    """DESIGN 10 (any nesting): slices of one series in numbered folders, or in a folder and one below it, are one series; two
    copies of a series stay two."""
    slices = predictions.dicom_series(3, 1, 12)
    deep, copied = predictions.dicom_series(4, 2, 8), predictions.dicom_series(5, 3, 6)
    places = [(f"cd/part{i // 4}", one) for i, one in enumerate(slices)]
    places += [("deep" if i < 5 else "deep/rest", one) for i, one in enumerate(deep)]
    places += [(f"twice/{name}", one) for name in "ab" for one in copied]
    for folder, (name, data) in places:
        (g.data / folder).mkdir(parents=True, exist_ok=True)
        (g.data / folder / name).write_bytes(data)
    made = g.json("dataset", "add", "x", g.data)
    want = {"cd": 12, "deep": 8, "twice/a": 6, "twice/b": 6}
    assert {row["path"]: row["slices"] for row in rows(g, "x").values()} == want
    assert (made["series"], made["new"]) == (4, 4)
    ids = {row["path"]: row["id"] for row in rows(g, "x").values()}
    again = g.json("dataset", "scan", "x")
    assert (again["read"], again["gone"], again["series"]) == (0, 0, 4)
    assert g.json("dataset", "add", "y", g.data / "cd")["series"] == 1  # another data set has the whole too
    os.remove(g.data / "cd" / "part2" / slices[11][0])
    shutil.rmtree(g.data / "deep" / "rest")
    g.ok("dataset", "scan", "x")
    assert {row["path"]: row["slices"] for row in rows(g, "x").values()} == {**want, "cd": 11, "deep": 5}
    assert {row["path"]: row["id"] for row in rows(g, "x").values()} == ids


def test_patients_in_order_of_time(all_of_it):
    """W13: grouped by patient, ordered by date; words filter."""
    g = all_of_it
    groups = g.json("dataset", "show", "all", "--by", "patient")["by_patient"]
    assert [one["patient"] for one in groups] == ["PHANTOM-1", "PHANTOM-5", "p01", "p02", "sub-01", "sub-02"]
    assert [row["date"] for row in groups[2]["series"]] == ["2023-01-10", "2024-02-11"]
    assert [row["number"] for row in groups[0]["series"]] == [2, 3]
    assert set(rows(g, "all", "--filter", "MR 2022")) == {"bids/sub-01/ses-a/anat/sub-01_ses-a_T1w",
        "bids/sub-02/ses-a/anat/sub-02_ses-a_T1w"}
    text = g.ok("dataset", "show", "all", "--by", "patient").out
    assert text.index("PHANTOM-5") < text.index("p01") < text.index("sub-02")


def test_several_sets_share_series(all_of_it):
    """A data set over a folder and single files of a project; removing one leaves what others have, and the files."""
    g = all_of_it
    half = g.json("dataset", "add", "half", g.data / "nifti" / "p01", g.data / "zips" / "two.zip")
    assert (half["series"], half["new"]) == (4, 0)
    ids = {row["id"] for row in rows(g, "half").values()}
    assert ids <= {row["id"] for row in rows(g, "all").values()}
    g.ok("dataset", "rm", "all")
    assert {row["id"] for row in rows(g, "half").values()} == ids
    assert [one["name"] for one in g.json("dataset", "ls")] == ["half"]
    assert (g.data / "loose" / "readme.txt").exists()
    g.ok("dataset", "rm", "half")
    assert g.json("dataset", "ls") == []


def test_what_is_refused(g):
    """One clear line each: nothing there, no image, a name that is taken or none, places in two projects."""
    predictions.nifti(g.data / "a.nii.gz", "MR", sidecar={"Modality": "MR"})
    (g.base / "other").mkdir()
    (g.base / "other" / "notes.txt").write_text("none")
    assert "No such file" in g.fails(4, "dataset", "add", "x", g.data / "none").err
    assert "no image series" in g.fails(3, "dataset", "add", "x", g.base / "other").err
    assert "no image series" in g.fails(3, "dataset", "add", "x", g.base / "other" / "notes.txt").err
    assert "cannot be a data set's name" in g.fails(2, "dataset", "add", "x/y", g.base / "other").err
    assert g.json("dataset", "ls") == []
    with contextlib.closing(sqlite3.connect(g.home / "gantry.db")) as db:  # a slip opens no folder to the server
        assert db.execute("SELECT root FROM project").fetchall() == []
    g.ok("dataset", "add", "x", g.data)
    assert "already" in g.fails(1, "dataset", "add", "X", g.data).err
    assert "there are: x" in g.fails(3, "dataset", "show", "y").err
    assert "in capitals" in g.fails(2, "dataset", "add", "z", g.data, "--modality", "ct scan").err
    assert "cannot be a data set's name" in g.fails(2, "dataset", "add", "a/b", g.data).err
    assert "lies in one project" in g.fails(2, "dataset", "add", "z", g.data, g.base / "other", "-p", "data").err
    g.fails(2, "dataset", "rm")


def test_results_lie_in_folders_of_their_own(g):
    """Stems are unique: a.nii beside a.nii.gz, a ZIP beside a folder of its name, DICOM in the project's own folder."""
    predictions.nifti(g.data / "a.nii", "MR")
    predictions.nifti(g.data / "a.nii.gz", "MR", seed=2)
    predictions.dicom_folder(g.data / "s", seed=5)
    shutil.move(predictions.dicom_zip(g.base / "s.zip"), g.data / "s.zip")
    for name, data in predictions.dicom_series(7, 1, 4):
        (g.data / name).write_bytes(data)
    g.ok("dataset", "add", "x", g.data)
    stems = list(rows(g, "x"))
    assert len(stems) == len(set(stems)) == 6
    assert {"a", "s", "s/002-series-2", "s/003-series-3", "001-series-1"} < set(stems)


def test_patients_names_are_nowhere(g):
    """DESIGN 8: PatientName is never stored."""
    predictions.dicom_zip(g.data / "a.zip")
    g.ok("dataset", "add", "x", g.data)
    for path in [*g.home.rglob("*"), *g.data.rglob("*.json")]:
        assert not path.is_file() or b"Phantom^Chest" not in path.read_bytes(), path


def test_patient_ids_become_digests(g):
    """DESIGN 8: privacy = hash (by itself once there are accounts) stores PatientID as a keyed digest that still groups; what
    was stored before follows at the next scan."""
    predictions.dicom_zip(g.data / "a.zip")
    predictions.dicom_folder(g.data / "b", seed=1, number=9)
    predictions.nifti(g.data / "c.nii.gz", sidecar={"PatientID": "PHANTOM-2"})
    g.ok("dataset", "add", "x", g.data)
    assert {row["patient"] for row in rows(g, "x").values()} == {"PHANTOM-1", "PHANTOM-2"}
    g.ok("config", "set", "privacy=hash")
    g.ok("dataset", "scan", "x")
    found = rows(g, "x")
    patients = {row["patient"] for row in found.values()}
    assert len(patients) == 2 and all(patient.startswith("P-") for patient in patients)
    assert len({row["patient"] for row in found.values() if row["kind"] == "dicom"}) == 1
    assert g.json("dataset", "scan", "x")["read"] == 0
    assert (g.home / "privacy.key").stat().st_mode & 0o777 == 0o600
    g.ok("config", "set", "privacy=never")
    assert "auto, id or hash" in g.fails(2, "dataset", "scan", "x").err


# -- nnU-Net ----------------------------------------------------------------------------------------------------------

def judged(g, rows):
    """Rows of the table annotation as the results viewer makes them, and one finished prediction (run 1)."""
    with sqlite3.connect(g.home / "gantry.db") as db:
        db.execute("INSERT INTO run(id,project_id,name,batch,created_us) VALUES(1,1,'seg','{}',1)")
        db.execute("INSERT INTO prediction(run_id,dataset_id,dataset,model,task,folder) VALUES(1,1,'all','seg','segmentation',?)",
            (str(g.rec / "predictions" / "seg-1"),))
        for item, run, version, state, path, when in rows:
            db.execute("INSERT INTO annotation(item_id,run_id,version,state,path,user,t_us) VALUES(?,?,?,?,?,'ann',?)",
                (item, run, version, state, path, when))


def mask(path, values, labels, *, like):
    """A mask on the grid of the image `like` with the facts beside it; values: bool array -> label."""
    image = nibabel.load(like)
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(values.astype(np.uint8), image.affine), path)
    facts = {"gantry": 1, "labels": [{"value": value, "name": name} for value, name in labels.items()]}
    path.with_name(path.name.removesuffix(".nii.gz") + ".json").write_text(json.dumps(facts))
    return str(path)


def test_corrected_masks_become_an_nnunet_folder(g):
    """W8, DESIGN 7 (nnU-Net folder): accepted masks, drawn and predicted, of NIfTI and DICOM, with their labels numbered as
    nnU-Net wants them; image and mask on one grid; whole or not at all."""
    predictions.nifti(g.data / "a.nii.gz", "CT", 1, axes="LPS")
    predictions.nifti(g.data / "b.nii", "CT", 2)
    predictions.nifti(g.data / "c.nii.gz", "CT", 3)
    predictions.dicom_folder(g.data / "scan")
    g.ok("dataset", "add", "all", g.data, "--modality", "CT")
    found = rows(g, "all")
    ids = {label: row["id"] for label, row in found.items()}
    to = g.base / "raw" / "Dataset101_Balls"
    to.parent.mkdir()
    assert "accepted" in g.fails(3, "dataset", "export", "all", "--to", to).err

    drawn = nibabel.load(g.data / "a.nii.gz").get_fdata() > 200
    old = mask(g.rec / "annotations/a/v001.nii.gz", drawn * 0 + 1, {1: "ball"}, like=g.data / "a.nii.gz")
    new = mask(g.rec / "annotations/a/v002.nii.gz", drawn * 3, {3: "ball"}, like=g.data / "a.nii.gz")
    b = nibabel.load(g.data / "b.nii").get_fdata() > 200
    mask(g.rec / "predictions/seg-1/b/mask.nii.gz", b * 1 + (~b) * 2, {1: "ball", 2: "rest"}, like=g.data / "b.nii")
    g.ok("convert", g.data / "scan", g.base / "scan.nii.gz")
    dicom = nibabel.load(g.base / "scan.nii.gz")
    scan = mask(g.rec / "annotations/scan/v001.nii.gz", (dicom.get_fdata() < -500) * 7, {7: "rest"}, like=g.base / "scan.nii.gz")
    c = mask(g.rec / "annotations/c/v001.nii.gz", drawn * 1, {1: "ball"}, like=g.data / "c.nii.gz")
    judged(g, [(ids["a"], None, 1, "accepted", old, 10), (ids["a"], None, 2, "accepted", new, 20), (ids["b"], 1, 0, "accepted", "", 10),
        (ids["scan"], None, 1, "accepted", scan, 10), (ids["c"], None, 1, "draft", c, 10)])

    made = g.json("dataset", "export", "all", "--to", to)
    assert (made["cases"], made["left_out"], made["channel"], made["labels"]) == (3, 1, "CT", {"ball": 1, "rest": 2})
    facts = json.loads((to / "dataset.json").read_text())
    assert facts["channel_names"] == {"0": "CT"} and facts["labels"] == {"background": 0, "ball": 1, "rest": 2}
    assert facts["numTraining"] == 3 and facts["file_ending"] == ".nii.gz"
    assert sorted(p.name for p in (to / "imagesTr").iterdir()) == ["a_0000.nii.gz", "b_0000.nii.gz", "scan_0000.nii.gz"]
    assert sorted(p.name for p in (to / "labelsTr").iterdir()) == ["a.nii.gz", "b.nii.gz", "scan.nii.gz"]
    want = {"a": drawn * 1, "b": b * 1 + (~b) * 2, "scan": (dicom.get_fdata() < -500) * 2}
    source = {"a": g.data / "a.nii.gz", "b": g.data / "b.nii", "scan": g.base / "scan.nii.gz"}
    for name, values in want.items():
        image, label = nibabel.load(to / "imagesTr" / f"{name}_0000.nii.gz"), nibabel.load(to / "labelsTr" / f"{name}.nii.gz")
        assert image.shape == label.shape and np.array_equal(image.affine, label.affine)
        assert np.array_equal(image.get_fdata(), nibabel.load(source[name]).get_fdata())
        assert np.allclose(image.affine, nibabel.load(source[name]).affine)
        assert label.get_data_dtype() == np.uint8 and np.array_equal(np.asanyarray(label.dataobj), values)
    assert json.loads((to / "cases.json").read_text())["a"]["version"] == 2
    assert "not empty" in g.fails(1, "dataset", "export", "all", "--to", to).err

    assert g.json("dataset", "export", "all", "--to", g.base / "raw" / "more", "--drafts")["cases"] == 4
    with server.Server(g) as s:
        page = {"folder": str(g.base / "raw" / "page"), "accepted_only": True}
        assert s.ok("POST", "/api/v1/datasets/1/export", page)["cases"] == 3
        assert s.post("/api/v1/datasets/1/export", {"folder": "/etc/nnunet"}).status == 403
        again = s.post("/api/v1/datasets/1/export", page)
        assert again.status == 422 and "not empty" in again.json["detail"]
    mask(g.rec / "annotations/a/v002.nii.gz", drawn[:-1], {1: "ball"}, like=g.data / "a.nii.gz")
    assert "voxels" in g.fails(1, "dataset", "export", "all", "--to", g.base / "raw" / "bad").err
    assert sorted(p.name for p in (g.base / "raw").iterdir()) == ["Dataset101_Balls", "more", "page"]


def test_an_accepted_prediction_is_exported(g, ort):
    """W8: what a model drew and somebody accepted on the page, as it is (version 0), is training data."""
    viewing.make(g, dicom=False)
    with server.Server(g) as s:
        ids = {row["label"]: row["id"] for row in s.ok("GET", "/api/v1/datasets/1/series")["rows"]}
        for name, state in (("p01/2023-01-10/ct", "accepted"), ("p02/2023-05-01/ct", "rejected")):
            s.ok("POST", "/api/v1/annotations", {"item": ids[name], "run": 1, "state": state})
        to = g.base / "raw"
        assert s.ok("POST", "/api/v1/datasets/1/export", {"folder": str(to)})["cases"] == 1
    assert g.json("dataset", "export", "scans", "--to", g.base / "all", "--drafts")["cases"] == 2  # but not what was rejected
    [label] = (to / "labelsTr").iterdir()
    assert label.name == "p01_2023-01-10_ct.nii.gz"
    [own] = g.rec.glob("predictions/ball-*/p01/2023-01-10/ct/mask.nii.gz")
    assert np.array_equal(np.asanyarray(nibabel.load(label).dataobj), np.asanyarray(nibabel.load(own).dataobj))
    assert np.asanyarray(nibabel.load(label).dataobj).any()


# -- the API ----------------------------------------------------------------------------------------------------------

def test_api(g):
    """W3: registering, listing, paging, renaming, scanning and removing through the server."""
    predictions.mixed(g.data)
    g.ok("init", g.data)
    with server.Server(g) as s:
        made = s.ok("POST", "/api/v1/datasets", {"name": "all", "places": [str(g.data)], "modality": "CT"})
        assert made["series"] == 11 and made["user"]
        place = f"/api/v1/datasets/{made['id']}"
        assert [one["name"] for one in s.ok("GET", "/api/v1/datasets")] == ["all"]
        page = s.ok("GET", f"{place}/series?sort=slices&order=desc&limit=3&offset=1")
        assert page["total"] == 11 and len(page["rows"]) == 3 and page["rows"][0]["slices"] == 12
        page = s.ok("GET", f"{place}/series?group=patient&filter=p01")
        assert [row["date"] for row in page["rows"]] == ["2023-01-10", "2024-02-11"]
        assert s.get(f"{place}/series?sort=colour").status == 400
        walked, after = [], 0
        while page := s.ok("GET", f"{place}/series?after={after}&limit=4"):
            assert page.get("total") == (11 if after == 0 else None)
            walked += [row["id"] for row in page["rows"]]
            if not page["rows"]:
                break
            after = walked[-1]
        assert walked == sorted({row["id"] for row in s.ok("GET", f"{place}/series")["rows"]}) and len(walked) == 11
        assert s.get("/api/v1/datasets/99").status == 404

        renamed = s.ok("PATCH", place, {"name": "every", "description": "new", "modality": "MR"})
        assert (renamed["name"], renamed["description"], renamed["modality"]) == ("every", "new", "MR")
        said = {row["label"]: row["modality"] for row in s.ok("GET", f"{place}/series")["rows"]}
        assert said["nifti/p01/2023-01-10/ct"] == "MR" and said["loose"] == "CT"

        predictions.nifti(g.data / "nifti" / "p09" / "2025-01-01" / "ct.nii.gz", seed=9)
        assert s.ok("POST", f"{place}/scan", {})["new"] == 1
        outside = s.post("/api/v1/datasets", {"name": "b", "places": ["/etc"]})
        assert outside.status == 403, outside
        assert s.post("/api/v1/datasets", {"name": "b", "places": []}).status == 400
        assert s.post("/api/v1/datasets", {"name": "every", "places": [str(g.data)]}).status == 409
        s.ok("DELETE", place)
        assert s.ok("GET", "/api/v1/datasets") == []


def test_rights(g):
    """W3, DESIGN 8: a viewer registers nothing; an account kept to one project sees and changes no data set of another, and
    opens no folder of its own."""
    for name in ("seen", "hidden"):
        predictions.nifti(g.base / name / "a.nii.gz", "CT")
        g.ok("init", g.base / name)
        g.ok("dataset", "add", name, g.base / name)
    for name, role, right in (("olaf", "operator", "seen"), ("vera", "viewer", "seen")):
        g.ok("user", "add", name, "--role", role, "--project", right, stdin="a long enough one\n")
    ids = {one["name"]: one["id"] for one in g.json("dataset", "ls")}
    with server.Server(g) as s:
        for name in ("olaf", "vera"):
            client = browser.Client(s.port).login(name, "a long enough one")
            assert {one["project"] for one in client.get("/api/v1/datasets").json()} == {"seen"}
            assert client.get(f"/api/v1/datasets/{ids['seen']}/series").json()["total"] == 1
            there = f"/api/v1/datasets/{ids['hidden']}"
            for method, path, body in (("GET", there, None), ("GET", there + "/series", None), ("DELETE", there, {}),
                    ("PATCH", there, {"name": "mine"}), ("POST", there + "/scan", {}), ("POST", there + "/export", {"folder": "/tmp/x"})):
                assert client.ask(method, path, body).status in (403, 404), (name, method, path)
            for place in (g.base / "hidden", g.base, g.base / "hidden" / "a.nii.gz"):
                assert client.post("/api/v1/datasets", {"name": "new", "places": [str(place)]}).status == 403, (name, place)
            own = client.post("/api/v1/datasets", {"name": f"of {name}", "places": [str(g.base / "seen")]})
            assert own.status == (200 if name == "olaf" else 403), own
    assert {one["name"] for one in g.json("dataset", "ls")} == {"seen", "hidden", "of olaf"}
