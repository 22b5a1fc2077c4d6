"""REQUIREMENTS J1, J2, J6, L8 (OLDEST, LATEST), Q6, Q10: folders become subjects, studies and files; tags, attributes, and
studies that arrive. The files are written by nibabel."""
import json
import os
import pathlib
import shutil
import signal
import time

import numpy as np
import pytest

import cohort
import scans
from runner import wait_for


def psids(g, *selectors):
    return [row["psid"] for row in g.ls("--level", "study", *selectors)]


def scan(g, *args, **how):
    return g.json("scan", *args, **how)


def counts(report):
    return [report[key] for key in ("subjects", "studies", "new_studies", "gone_studies")] + [
        report["study_files"][key] for key in ("there", "added", "changed", "gone")]


def test_subjects_studies_files(g):
    """J1, J2, J6: three naming conventions side by side, names with blanks and Unicode; a second scan changes nothing;
    what is changed, gone, back, renamed is said and listed."""
    made = cohort.mixed(g.data, subjects=6, studies=2, mask=True)
    report = scan(g)
    assert report["layout"] == "{subject}/{study}"
    assert counts(report) == [6, 12, 12, 0, 36, 36, 0, 0]
    assert counts(scan(g)) == [6, 12, 0, 0, 36, 0, 0, 0]

    rows = {row["psid"]: row for row in g.ls()}  # a cohort without scans is listed by its studies
    assert set(rows) == {one["psid"] for one in made}
    for one in made:
        row = rows[one["psid"]]
        assert (row["pid"], row["sid"], row["name"], row["date"], row["files"]) == (
            one["pid"], one["sid"], one["name"], one["date"], one["files"])
        assert row["path"] == str(one["folder"]) and row["status"] == "Ready" and row["tags"] == []
    subjects = g.ls("--level", "subject")
    assert [row["name"] for row in subjects] == sorted({one["pid"] for one in made}, key=lambda pid: pid.encode())
    assert all(row["studies"] == 2 and row["files"] == 6 for row in subjects)

    files = g.ls("--level", "file", made[0]["psid"])
    assert {row["path"] for row in files} == {str(made[0][key]) for key in ("t1", "flair", "mask")}
    mask = next(row for row in files if row["name"] == "mask_brain.nii.gz")
    assert (mask["sub"], mask["place"], mask["size"]) == ("ROIS", "", made[0]["mask"].stat().st_size)
    assert len(g.ls("--level", "file")) == 36

    # changed, new, gone; a study without files is no study
    cohort.nifti(made[0]["t1"], value=7, shape=(9, 8, 8))
    made[1]["flair"].unlink()
    shutil.rmtree(made[2]["folder"])
    (g.data / "P001" / "empty").mkdir()
    cohort.study(g.data, "New one", "S1")
    assert counts(scan(g)) == [7, 12, 1, 1, 34, 2, 1, 1]
    assert made[2]["psid"] not in psids(g) and "New one#S1" in psids(g)
    assert [(r["studies"], r["files"]) for r in g.ls("--level", "subject", made[2]["pid"])] == [(1, 3)]

    # renamed: the old one is gone and back under its name with its tags
    g.ok("tag", "add", "kept", "--study", "New one#S1")
    os.rename(g.data / "New one" / "S1", g.data / "New one" / "S9")
    assert psids(g, "New one") == ["New one#S9"]
    os.rename(g.data / "New one" / "S9", g.data / "New one" / "S1")
    assert [(row["psid"], row["tags"]) for row in g.ls("New one")] == [("New one#S1", ["kept"])]
    shutil.rmtree(g.data / "New one")
    scan(g)
    assert "New one" not in [row["name"] for row in g.ls("--level", "subject")]


def test_bids(g):
    """J2, J6, L8: sessions or none; participants.tsv and *_sessions.tsv are attributes, acq_time the date; files of
    derivatives belong to their study; HDF5 scans in the tree are scans as ever."""
    made = cohort.bids(g.data, subjects=4, sessions=2)
    cohort.derivative(g.data, "masks", made[0])
    scans.write(g.data / "sourcedata_1.h5")
    report = scan(g)
    assert report["layout"] == "bids" and counts(report) == [4, 7, 7, 0, 29, 29, 0, 0] and report["scans"] == 1
    assert counts(scan(g)) == [4, 7, 0, 0, 29, 0, 0, 0]
    rows = g.ls("--level", "study")
    assert [(r["pid"], r["sid"], r["name"], r["date"]) for r in rows] == [
        (m["pid"], m["sid"], m["name"], m["date"]) for m in made]
    assert rows[0]["attrs"]["age"] == 20 and rows[0]["attrs"]["weight"] == 70 and rows[0]["attrs"]["sex"] == "M"
    assert psids(g, "sub-01#LATEST") == ["sub-01#ses-2"] and psids(g, "sub-01#OLDEST") == ["sub-01#ses-1"]
    derived = [row for row in g.ls("--level", "file", "sub-01#ses-1") if row["place"]]
    assert [(row["place"], row["sub"], row["name"]) for row in derived] == [("derivatives/masks", "", "mask.nii.gz")]
    assert [row["name"] for row in g.ls("--level", "scan")] == ["sourcedata_1.h5"]

    # tables are read anew; a broken one is one line, and the rest goes on
    table = g.data / "participants.tsv"
    table.write_text(table.read_text().replace("sub-02\t21", "sub-02\t22"))
    assert g.ls("--level", "subject", "sub-02")[0]["attrs"]["age"] == 22
    table.write_text('participant_id\tage\nsub-01\t"20\n')
    report = scan(g)
    assert len(report["warnings"]) == 1 and "participants.tsv, line 2" in report["warnings"][0]
    assert report["studies"] == 7 and g.ls("--level", "subject", "sub-02")[0]["attrs"]["age"] == 22
    (g.data / "sub-04" / "sub-04_scans.tsv").write_text(
        "filename\tacq_time\nanat/x\t2022-05-06T08:00:00\nanat/y\t2022-05-05T23:00:00\n")
    table.unlink()
    assert g.ls("sub-04", "--level", "study")[0]["date"] == "2022-05-05"


def test_layouts(g):
    """J6: a layout of one's own; auto sticks to what it found; a wrong one is refused with what is right; no cohort."""
    for i in (1, 2):
        cohort.nifti(g.data / "raw" / f"s{i}_2024-0{i}-03" / "t1" / "a.nii")
    assert "layout: raw/{subject}_{study}" in g.ok("init", "--layout", "raw/{subject}_{study}").out
    assert scan(g)["studies"] == 2
    assert [(r["pid"], r["sid"], r["date"]) for r in g.ls()] == [("s1", "2024-01-03", "2024-01-03"), ("s2", "2024-02-03", "2024-02-03")]
    said = g.fails(2, "init", "--layout", "{study}").err
    assert "{subject}/{study}" in said
    g.ok("init", "--layout", "auto")
    assert scan(g)["layout"] == "{subject}/{study}"  # raw/<folder>/t1: the images say so
    assert [r["psid"] for r in g.ls()] == ["raw#s1_2024-01-03", "raw#s2_2024-02-03"]
    g.ok("init", "--layout", "scans")
    report = scan(g)
    assert report["layout"] == "scans" and report["gone_studies"] == 2 and report["files"] == 2
    assert g.ls("--level", "study") == []

    other = g.base / "single"
    made = cohort.single(other, subjects=3)
    assert counts(scan(g, cwd=other))[:2] == [3, 3]
    assert [r["psid"] for r in g.ls(cwd=other)] == [m["psid"] for m in made]
    # outputs in subfolders make no studies of them
    cohort.nifti(made[0]["folder"] / "masks" / "brain.nii.gz")
    assert scan(g, cwd=other)["layout"] == "{subject}"
    # two projects know nothing of each other
    assert g.ls("--level", "study") == [] and len(g.ls(cwd=other)) == 3
    shutil.rmtree(other)
    other.mkdir()
    scans.write(other / "now_1.h5")
    assert scan(g, cwd=other)["gone_studies"] == 3
    assert scan(g, cwd=other)["layout"] == "scans"


def test_tags_and_attributes(g):
    """Q6: tags are exact members in three domains; attributes come from a table."""
    made = cohort.mixed(g.data, subjects=3, studies=2, odd=False, mask=True)
    first = made[0]
    assert "12 of 12" not in g.ok("tag", "add", "good", "--study", "P001", "P002#*").out
    assert "6 of 6 changed" in g.ok("tag", "add", "mask", "-s", "*", "ROIS/*").out
    g.ok("tag", "add", "t1", first["t1"], "P001/S2/T1w.nii.gz")
    g.ok("tag", "add", "adult", "--subject", "P001")
    g.ok("tag", "add", "goo", "--study", "P003#S1")
    g.ok("tag", "rm", "good", "--study", "P001#S2")
    assert {(t["domain"], t["tag"], t["files"]) for t in g.json("tag", "ls")} == {
        ("file", "mask", 6), ("file", "t1", 2), ("study", "good", 3), ("study", "goo", 1), ("subject", "adult", 1)}
    assert [t["tag"] for t in g.json("tag", "ls", "--study")] == ["goo", "good"]
    assert psids(g, "stag:good") == ["P001#S1", "P002#20240302", "P002#20240402"]
    assert psids(g, "stag:goo") == ["P003#S1"]
    assert psids(g, "ptag:adult") == ["P001#S1", "P001#S2"]
    assert [f["tags"] for f in g.ls("--level", "file", "P001#S1") if f["name"] == "s003.nii.gz"] == [["t1"]]
    g.fails(3, "tag", "add", "x", "--study", "nobody")
    g.fails(3, "tag", "add", "x", "-s", "*", "nofile*")
    g.fails(2, "tag", "add", "a/b", "--study", "P001")
    assert counts(scan(g))[5:] == [0, 0, 0]  # tags outlive scans
    assert "set on 2 studies" in g.ok("set", "cor=", "--study", "P001").out
    g.fails(2, "set", "nosuch=1", "--study", "P001")

    table = g.base / "volumes.csv"
    table.write_text("subject;study;age;note\nP001;S1;33;first one\nP002;;41;\nP002;20240302;;again\nP009;;1;\n")
    done = g.json("attrs", "import", table)
    assert (done["subjects"], done["studies"], done["n_unknown"], done["unknown"]) == (1, 2, 1, ["P009"])
    rows = {row["psid"]: row["attrs"] for row in g.ls()}
    assert rows["P001#S1"] == {"age": 33, "note": "first one"} and rows["P001#S2"] == {}
    assert rows["P002#20240302"] == {"age": 41, "note": "again"} and rows["P002#20240402"] == {"age": 41}
    assert [row["name"] for row in g.json("attrs", "ls")] == ["age", "note"]
    table.write_text("who,age\nP003,5\n")
    assert "--id" in g.fails(2, "attrs", "import", table).err
    g.ok("attrs", "import", table, "--id", "who")
    assert g.ls("--level", "subject", "P003")[0]["attrs"] == {"age": 5}
    table.write_text("subject,age\nnobody,5\n")
    g.fails(3, "attrs", "import", table)


def test_odd_folders(g):
    """J3: what cannot be read or taken is said once and clearly, is not gone, and stops nothing else."""
    made = cohort.mixed(g.data, subjects=3, studies=2, odd=False)
    scan(g)
    os.chmod(made[0]["folder"], 0)
    os.chmod(g.data / "P002", 0)
    bad = os.fsencode(g.data / "P003" / "S1") + b"/\xff\xfe.nii"
    with open(bad, "wb") as file:
        file.write(b"x")
    (g.data / "P003" / "S7").write_text("a file where a study's folder should be")
    cohort.nifti(g.data / "P003" / "loose.nii")
    os.symlink(made[4]["t1"], made[4]["folder"] / "link.nii.gz")
    os.symlink("/etc/hostname", made[4]["folder"] / "outside.nii.gz")
    (g.base / "elsewhere").mkdir()
    os.symlink(g.base / "elsewhere", g.data / "P003" / "S8")
    report = scan(g)
    said = "\n".join(report["warnings"] + report["unreadable_files"])
    if os.geteuid():
        assert "2 folders could not be read, the first is 'P001/S1'" in said or "P002" in said
        assert report["gone_studies"] == 0
    assert r"\xff\xfe.nii" in said and "not UTF-8" in said
    assert "1 image lies in no study's folder (layout {subject}/{study}), the first is 'P003/loose.nii'" in said
    assert "outside.nii.gz" in said and "S8" in said
    assert len(psids(g)) == 6
    names = [row["name"] for row in g.ls("--level", "file", "P003#S1")]
    assert "link.nii.gz" in names and "outside.nii.gz" not in names
    os.chmod(g.data / "P002", 0o755)
    os.chmod(made[0]["folder"], 0o755)
    assert counts(scan(g))[2:4] == [0, 0]


def test_a_forgotten_study(g):
    """What was forgotten stays away until scan --all."""
    cohort.mixed(g.data, subjects=2, studies=2, odd=False)
    scan(g)
    g.ok("forget", "-y", "P001/S2")
    assert psids(g) == ["P001#S1", "P002#20240302", "P002#20240402"]
    scan(g)
    assert len(psids(g)) == 3
    scan(g, "--all")
    assert len(psids(g)) == 4


def arrival_batch(g):
    return g.batch("noted", {"id": "note", "tool": "script.bash", "args": {
        "script": f'echo "$DPXpsid" >> "{g.base}/journal"; cp "$f1" "$o1"',
        "f1": {"FILE": " ".join(cohort.PATTERNS)}, "o1": {"OUT": "qa/copy.nii TAG(copied)"}}}, level="study")


def journal(g):
    path = g.base / "journal"
    return sorted(path.read_text().split("\n")[:-1]) if path.exists() else []


def test_autoexec(g):
    """Q10: each study that arrives is launched once, when it has settled; those that were there are not."""
    cohort.mixed(g.data, subjects=1, studies=2, odd=False)
    scan(g)
    g.fails(2, "init", "--autoexec", "nosuch")
    g.ok("init", "--autoexec", arrival_batch(g))
    assert "autoexec" not in scan(g)
    cohort.study(g.data, "A rrived", "S1")
    assert scan(g)["autoexec"] == {"batch": "noted", "items": 0, "waiting": 1}
    assert "still arriving" in g.ok("scan").out
    report = scan(g, "--settle", "0")
    assert report["autoexec"]["items"] == 1 and report["autoexec"]["run"] == 1
    wait_for(lambda: journal(g) == ["A rrived#S1"] and g.tasks()[0]["state"] == "done", "the task of the study")
    assert "autoexec" not in scan(g, "--settle", "0")
    assert [row["tags"] for row in g.ls("--level", "file", "A rrived") if row["sub"] == "qa"] == [["copied"]]
    g.ok("init", "--autoexec", "none")
    cohort.study(g.data, "Later", "S1")
    assert "autoexec" not in scan(g, "--settle", "0")
    g.ok("init", "--autoexec", "noted")
    assert "autoexec" not in scan(g, "--settle", "0")  # it was there when autoexec was set


def test_watch(g):
    """Q7 (--watch), Q10: scan --watch --run launches a batch of level study on studies as they settle."""
    cohort.mixed(g.data, subjects=1, studies=1, odd=False)
    scan(g)
    arrival_batch(g)
    log = open(g.base / "watch.log", "w")
    watching = g.start("scan", "--watch", "--run", "noted", "--poll", "0.2", "--settle", "0.5", stdout=log, stderr=log)
    said = lambda: (g.base / "watch.log").read_text()  # noqa: E731
    wait_for(lambda: "watching" in said(), "the watch")
    cohort.study(g.data, "N1", "S1", 0)
    time.sleep(0.2)
    cohort.study(g.data, "N1", "S2", 1)
    wait_for(lambda: journal(g) == ["N1#S1", "N1#S2"], "both studies")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) in (0, 130)
    assert "N1#S1" in said() and "settled; run 1 (noted)" in said()


def test_watch_of_dicom(g):
    """Q7 (--watch), Q10, J6: in the layout dicom headers are read while the engine of the watch goes on: it answers others, and what
    arrives is taken, also into a folder that two studies share."""
    g.ok("init", "--layout", "dicom")
    g.batch("noted", {"id": "note", "tool": "script.bash", "args": {
        "script": f'echo "$DPXpsid ${{#f1[@]}}" >> "{g.base}/journal"', "f1": {"FILE": "*"}}}, level="study")
    log = open(g.base / "watch.log", "w")
    watching = g.start("scan", "--watch", "--run", "noted", "--poll", "0.2", "--settle", "0.3", stdout=log, stderr=log)
    wait_for(lambda: "watching" in (g.base / "watch.log").read_text(), "the watch")
    (g.data / "in").mkdir()
    uids = {pid: cohort.dicom(g.base / pid, pid, pid, files=60) for pid in ("A", "B")}
    for pid in uids:  # moved, as what is being written may settle in between
        for path in sorted((g.base / pid).iterdir()):
            path.rename(g.data / "in" / f"{pid}{path.name}")
    assert g.json("batch", "ls") and g.ok("tag", "ls").rc == 0
    wait_for(lambda: sorted(journal(g)) == [f"{pid}#{uid} 60" for pid, uid in uids.items()], "both studies")
    watching.send_signal(signal.SIGINT)
    assert watching.wait(60) in (0, 130)


@pytest.mark.parametrize("words, says", [
    (("ls", "--level", "room"), "scan, file, series, study, subject"),
    (("init", "--layout", "{subject}{study}"), "where the subject ends"),
    (("scan", "--settle", "soon"), "settle"),
    (("attrs", "import"), "FILE.csv"),
])
def test_what_is_not_understood(g, words, says):
    assert says in g.fails(2, *words).err


def test_gone_and_json_is_one_document(g):
    assert json.loads(g.run("ls", "--level", "study", "--json").out) == []
    assert g.ls("--level", "subject") == [] and g.json("tag", "ls") == []


def test_dicom(g):
    """J6 and DESIGN 1: in the layout dicom PatientID is the subject and StudyInstanceUID the study, wherever the folders lie;
    a study keeps its row when a further series comes; headers are read once."""
    one = cohort.dicom(g.data / "in" / "a" / "ser1", "P-1", "one", 1)
    two = cohort.dicom(g.data / "in" / "b" / "ser1", "P-1", "two", 1, date="20240601", description="Follow-up")
    cohort.dicom(g.data / "in" / "b" / "ser 2", "P-1", "two", 2, date="20240601", description="Follow-up")
    (g.data / "in" / "b" / "notes.txt").write_text("not DICOM")
    (g.data / "in" / "empty").mkdir()
    scans.write(g.data / "scan_1.h5")
    g.ok("init", "--layout", "dicom")
    report = scan(g)
    assert counts(report)[:3] == [1, 2, 2] and report["scans"] == 1 and not report["warnings"], report
    rows = {row["sid"]: row for row in g.ls("--level", "study")}
    assert {(r["pid"], r["name"], r["date"], r["sdesc"], r["files"]) for r in rows.values()} == {
        ("P-1", "in/a/ser1", "2024-05-12", "Head MR", 3), ("P-1", "in/b", "2024-06-01", "Follow-up", 7)}
    assert [row["sid"] for row in g.ls("--level", "study", "P-1#LATEST")] == [two]
    assert counts(scan(g)) == [1, 2, 0, 0, 10, 0, 0, 0]

    g.ok("tag", "add", "kept", "--study", f"P-1#{one}")
    cohort.dicom(g.data / "in" / "a" / "ser2", "P-1", "one", 2)
    after = next(row for row in g.ls("--level", "study") if row["sid"] == one)
    assert (after["id"], after["name"], after["tags"], after["files"]) == (rows[one]["id"], "in/a", ["kept"], 6)
    assert counts(scan(g))[5:] == [0, 0, 0]

    # series of two studies side by side: the other study's stand among the first one's, which keeps its row
    other = cohort.dicom(g.data / "in" / "a" / "ser3", "Other", "three", 1)
    assert not scan(g)["warnings"]
    rows = {row["sid"]: row for row in g.ls("--level", "study")}
    assert rows[other]["name"] == "in/a/ser3" and rows[one]["name"] == f"in/a/{one}" and rows[one]["tags"] == ["kept"]
    assert g.ok("ls", "-s", f"P-1#{one}", "ser2/*").out.split() == [str(g.data / f"in/a/ser2/IM00{i}") for i in range(3)]
    shutil.rmtree(g.data / "in" / "a" / "ser3")
    assert counts(scan(g))[:2] == [1, 2]


def test_dicom_of_several_studies_is_parted(g):
    """J6 and DESIGN 1: several studies in one folder, series of one among another's, and studies in ZIPs (several in one, one in
    two) are told apart by their headers; each has its own files, wherever they lie; what a job writes goes to a folder of its own;
    headers are read once, and a study that comes, or goes, is seen."""
    import chest
    pile = g.data / "pile"
    one = cohort.dicom(pile, "A", "one", files=3)
    for i in range(3):
        (pile / f"IM{i:03d}").rename(pile / f"a{i}")
    two = cohort.dicom(pile, "B", "two", files=2, date="20240601")
    zipped = {name: [(f"{name}/IM{i}", chest.instance(np.full((4, 4), i, "uint16"), name, i, 2, 1.0, "MR",
        {"PatientID": name.upper(), "StudyInstanceUID": chest.uid("study", name), "StudyDate": "20230101", "StudyDescription": "z"}))
        for i in range(2)] for name in ("zip1", "zip2", "zip3")}
    (g.data / "in").mkdir()
    chest.pack(g.data / "in" / "both.zip", zipped["zip1"] + zipped["zip2"], "")
    chest.pack(g.data / "in" / "more.zip", zipped["zip2"][:1], "")
    chest.pack(g.data / "three.zip", zipped["zip3"], "")
    (g.data / "in" / "text.zip").write_bytes(b"no ZIP")
    g.ok("init", "--layout", "dicom")
    report = scan(g)
    assert counts(report)[:2] == [5, 5] and report["warnings"] == [], report

    def files():
        found = {}
        for study in g.ls("--level", "study"):
            lines = g.ok("ls", "-s", f"PSIDLIST:{study['psid']}", "*/*").out.split()
            found[study["pid"]] = [str(pathlib.Path(line).relative_to(g.data)) for line in lines]
            assert sorted(row["path"] for row in g.ls("--level", "file", study["psid"])) == sorted(lines)
        return found

    seen = files()
    assert seen == {"A": ["pile/a0", "pile/a1", "pile/a2"], "B": ["pile/IM000", "pile/IM001"], "ZIP1": ["in/both.zip"],
                    "ZIP2": ["in/both.zip", "in/more.zip"], "ZIP3": ["three.zip"]}
    assert {r["pid"]: r["date"] for r in g.ls("--level", "study")} | {"A": "2024-05-12", "B": "2024-06-01", "ZIP1": "2023-01-01"} == {
        "A": "2024-05-12", "B": "2024-06-01", "ZIP1": "2023-01-01", "ZIP2": "2023-01-01", "ZIP3": "2023-01-01"}
    assert counts(scan(g))[2:] == [0, 0, 9, 0, 0, 0]

    path = g.base / "count.json"
    path.write_text(json.dumps({"gantry": 1, "name": "count", "level": "study", "jobs": [{"id": "n", "tool": "script.bash", "args": {
        "script": 'echo ${#f1[@]} > "$o1"', "f1": {"FILE": "*"}, "o1": {"OUT": "out/n.txt TAG(n)"}}}]}))
    assert "5 done" in g.ok("run", path).out
    for study in g.ls("--level", "study"):
        out = g.ok("ls", "-s", f"PSIDLIST:{study['psid']}", "tag:n").out.strip()
        assert out == str(g.data / study["name"] / "out/n.txt") and study["name"].endswith(study["sid"])
        assert int(pathlib.Path(out).read_text()) == len(seen[study["pid"]])
    g.ok("tag", "add", "first", str(pile / "a0"))
    assert g.ok("ls", "-s", "A", "tag:first").out.split() == [str(pile / "a0")]
    whole = {"id": "w", "tool": "script.bash", "args": {"script": "ls $f1", "f1": {"FILE": "."}}}
    path.write_text(json.dumps({"gantry": 1, "name": "whole", "level": "study", "jobs": [whole]}))
    g.run("run", path, "A")
    assert f"input 'f1' of A#{one}: the study has no folder of its own" in g.ok("errors").out

    (pile / "a2").unlink()
    cohort.dicom(pile, "C", "three", files=1)  # IM000 is another study's now
    assert counts(scan(g))[:2] == [6, 6]
    now = files()
    assert [f for f in now["A"] if "out" not in f] == ["pile/a0", "pile/a1"] and "pile/IM000" in now["C"]
    assert "pile/IM000" not in now["B"] and "pile/IM001" in now["B"]
    (g.data / "in" / "both.zip").unlink()
    assert "ZIP1" not in {row["pid"] for row in g.ls("--level", "study")}
