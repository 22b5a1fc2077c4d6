"""REQUIREMENTS R8, R10, R12, U1, X19, X26 and Y2 as a hospital meets them: archives, names, links, labels and disks that are not
as they should be. Each is said in one clear line, the exit status tells, and no study is missing from the table in silence."""
import os
import pathlib
import shutil
import subprocess

import pytest

import chest
from triage import SMALL, predict, read_csv, studies


def rows(g, name="r.csv"):
    return {r["path_to_study"]: r for r in read_csv(g.base / name)}


def one_line(outcome, *words):
    lines = outcome.err.strip().splitlines()
    assert len(lines) == 1 and all(w in lines[0] for w in words), outcome
    assert "Processing" not in outcome.out


def test_R12_the_output_never_lies_in_the_input(box):
    """Not by name, not by a link, not by the default ./output; nothing is made there."""
    studies(box, "a.zip")
    (box.base / "way").symlink_to(box.zips)
    before = sorted(box.zips.iterdir())
    for target in (box.zips / "r.csv", box.zips / "new" / "r.xlsx", box.base / "way" / "r.csv", str(box.zips) + "/"):
        one_line(predict(box, "-o", target, status=2), "input folder, which is only read", "--output")
    one_line(predict(box, status=2, cwd=box.zips), "input folder, which is only read")
    assert sorted(box.zips.iterdir()) == before
    predict(box, "-o", box.base / "r.csv", cwd=box.zips)  # beside it is fine, wherever one stands


def test_R8_U1_no_zip_is_missing_in_silence(box):
    """Names that are not UTF-8 and links that lead out cannot be worked on: they have a FAILURE row, in their places."""
    studies(box, "b.zip")
    os.rename(chest.write_zip(box.base / "x.zip", 2, **SMALL), os.fsencode(box.zips) + b"/bad\xff.zip")
    (box.zips / "out.zip").symlink_to(chest.write_zip(box.base / "y.zip", 3, **SMALL))
    (box.zips / "same.zip").symlink_to("b.zip")
    (box.base / "elsewhere").mkdir()
    (box.zips / "more").symlink_to(box.base / "elsewhere")
    outcome = predict(box, "-o", "r.csv", status=1)
    found = read_csv(box.base / "r.csv")
    assert [r["path_to_study"] for r in found] == ["b.zip", "bad\\xff.zip", "out.zip", "same.zip"]
    assert [r["processing_status"] for r in found] == ["SUCCESS", "FAILURE", "FAILURE", "SUCCESS"]
    assert "not UTF-8" in found[1]["error"] and "link" in found[2]["error"]
    assert "2 of 4 ZIP files cannot be read" in outcome.out and "Total files:     4" in outcome.out
    assert "were not looked into" in outcome.err and "more: a link to a folder elsewhere" in outcome.err
    (box.zips / "b.zip").unlink()
    assert predict(box, "-o", "r.csv", status=1).err.count("No ZIP files") == 0  # there are some, and each has its reason


def test_odd_names_and_archives(box):
    studies(box, "имя с пробелами.zip", "two\nlines.zip", "-o.zip", "quote'\"$(x).zip", "UPPER.ZIP", "plain.zip")
    for inner, outer in (("plain.zip", "nested.zip"), ("nested.zip", "deeper.zip")):
        chest.pack(box.zips / outer, [(inner, (box.zips / inner).read_bytes())], "some/where/")
    (box.zips / "folder.zip").mkdir()
    (box.zips / "text.zip").write_text("this is no ZIP")
    (box.zips / "nothing.zip").write_bytes(b"")
    shutil.copy(box.zips / "plain.zip", box.zips / "cut.zip")
    chest.cut(box.zips / "cut.zip")
    outcome = predict(box, "-o", "r.csv", status=1)
    found = rows(box)
    bad = {"text.zip": "not a ZIP", "nothing.zip": "empty file", "cut.zip": "truncated or damaged ZIP"}
    assert {n for n, r in found.items() if r["processing_status"] == "FAILURE"} == set(bad)
    for name, words in bad.items():
        assert words in found[name]["error"], found[name]
    assert len(found) == 11 and found["deeper.zip"]["series_uid"] == found["plain.zip"]["series_uid"]
    assert "Processing: two\\nlines.zip" in outcome.out


def test_a_zip_with_a_password_is_named(box):
    program = shutil.which("zip")
    if not program:
        pytest.skip("no zip(1) here to make an encrypted archive")
    folder = box.base / "files"
    folder.mkdir()
    for name, data in chest.files(1, **SMALL)[:2]:
        (folder / name).write_bytes(data)
    subprocess.run([program, "-q", "-r", "-P", "secret", box.zips / "a.zip", "."], cwd=folder, check=True)
    predict(box, "-o", "r.csv", status=1)
    assert "encrypted ZIP" in rows(box)["a.zip"]["error"]


def test_X26_two_series_and_what_could_not_be_used_are_said(box):
    """`error` of a study that succeeds: what there was to choose from, and what of it is missing or damaged."""
    a, b = chest.files(1, **SMALL), chest.files(4, slices=30, columns=160)
    chest.pack(box.zips / "two.zip", [(f"1/{n}", d) for n, d in a] + [(f"2/{n}", d) for n, d in b])
    forty = chest.files(1, slices=40, columns=160)
    chest.pack(box.zips / "gap.zip", forty[:20] + forty[21:])
    chest.pack(box.zips / "hurt.zip", forty[:39] + [(forty[39][0], forty[39][1][:300])])
    chest.pack(box.zips / "twice.zip", forty + [("again.dcm", forty[7][1])])
    predict(box, "-o", "r.csv")
    found = rows(box)
    assert found["two.zip"]["error"] == "2 studies, took the longer" and found["two.zip"]["series_uid"] == chest.uid(4, "normal", 30, 160,
        "CT", 0.02, 1.0, "series")
    assert found["gap.zip"]["error"] == "1 slice is missing"
    assert found["hurt.zip"]["error"] == "1 file could not be read"
    assert found["twice.zip"]["error"] == "1 slice is there twice"


@pytest.mark.parametrize("text, words", [
    ("file,label\na.zip,2\n", ["row 2", "'2' is no label"]),
    ("name\na\n", ["row 1 has no label"]),
    ("", ["no labels"]),
    ("a,0\na,1\n", ["both 0 and 1", "rows 1 and 2"]),
    ('"a.zip,0\n', ["a quote is never closed"]),
    (b"a.zip,0\n\xcf\xed\xe5\xe2.zip,1\n", ["UTF-8"]),
    (None, ["labels.csv"]),
])
def test_X19_labels_that_cannot_be_read_are_said_before_anything_is_done(box, text, words):
    studies(box, "a.zip")
    if text is not None:
        (box.base / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    outcome = predict(box, "-o", "new/r.csv", "--truth", "labels.csv", status=4 if text is None else 2)
    one_line(outcome, "--truth", *words)
    assert outcome.out == "" and not (box.base / "new").exists()


@pytest.mark.parametrize("text", ["a;0\nb;1\n", "label;file\n0;a.zip\n1;b.zip\n", "\ufefffile\tpathology\r\na.zip\t0\r\nb.zip\t1\r\n"])
def test_X19_labels_as_spreadsheets_write_them(box, text):
    studies(box, "a.zip", "b.zip")
    (box.base / "labels.csv").write_text(text)
    out = predict(box, "-o", "r.csv", "--truth", "labels.csv").out
    assert "Ground truth: 0 (NORMAL)" in out and "Ground truth: 1 (PATHOLOGY)" in out


def test_words_for_wrong_words(box):
    studies(box, "a.zip")
    for value in ("0", "-1", "abc", "99999999999999999999"):
        one_line(box.fails(2, "predict", "-i", box.zips, "-w", value), "--workers")
    one_line(box.fails(2, "predict", "-i", box.zips / "a.zip", "-o", "r.csv"), "is a file", "folder that has it")
    one_line(box.fails(4, "predict", "-i", ""), "--input")
    predict(box, "-o", "r.csv", "-w", "99")  # more than there is to do
    assert list(rows(box)) == ["a.zip"]


def test_a_models_folder_may_be_said_as_one_stands(box, classifier):
    """--model ./mine is meant where the command runs, not where the worker does."""
    studies(box, "a.zip")
    shutil.copytree(pathlib.Path(__file__).parents[2] / "share" / "models" / "demo-ct-mil", box.base / "mine")
    predict(box, "-o", "r.csv", model="./mine")
    assert rows(box)["a.zip"]["processing_status"] == "SUCCESS"


def as_nobody(g, *args):
    """As somebody who may not read and write everything; a home of their own."""
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root may read everything, and setpriv is not here")
        g.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        os.chmod(g.base, 0o777)
    outcome = g.run("predict", *args, "--model", "none", cwd=g.base)
    g.prefix = []
    if "setpriv" in outcome.err or "Permission denied" in outcome.err and str(pathlib.Path(g.program).parent) in outcome.err:
        pytest.skip("the program cannot be run by another user here")
    return outcome


def test_folders_and_files_that_may_not_be_read(box):
    studies(box, "a.zip", "locked.zip")
    (box.zips / "shut").mkdir()
    chest.write_zip(box.zips / "shut" / "c.zip", 3, **SMALL)
    os.chmod(box.zips / "locked.zip", 0)
    os.chmod(box.zips / "shut", 0)
    outcome = as_nobody(box, "-i", box.zips, "-o", "r.csv")
    assert outcome.rc == 4 and "shut: Permission denied" in outcome.err, outcome
    found = rows(box)
    assert found["a.zip"]["processing_status"] == "SUCCESS" and "Permission denied" in found["locked.zip"]["error"]
    (box.base / "only").mkdir()
    os.rename(box.zips / "shut", box.base / "only" / "shut")
    outcome = as_nobody(box, "-i", box.base / "only", "-o", "r2.csv")
    assert outcome.rc == 4 and "shut" in outcome.err and "Permission denied" in outcome.err
    os.chmod(box.zips, 0)
    outcome = as_nobody(box, "-i", box.zips, "-o", "r2.csv")
    os.chmod(box.zips, 0o755)
    assert outcome.rc == 4 and len(outcome.err.strip().splitlines()) == 1 and not (box.base / "r2.csv").exists()


def test_R10_places_that_may_not_be_written(box):
    studies(box, "a.zip")
    (box.base / "kept.csv").write_text("mine")
    os.chmod(box.base / "kept.csv", 0o444)
    (box.base / "ro").mkdir()
    os.chmod(box.base / "ro", 0o555)
    for target in ("ro/r.csv", "ro/new/r.xlsx", "kept.csv"):
        outcome = as_nobody(box, "-i", box.zips, "-o", target)
        assert outcome.rc == 4 and outcome.err == f"❌ Permission denied: {target}\n" and outcome.out == "", outcome
    assert (box.base / "kept.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["r.csv", "r.xlsx"])
def test_a_disk_that_runs_full_loses_nothing(box, name):
    """A tmpfs of its own: too small for the pictures of two (some 330 KB each), then for the table too; with room the same command does the rest."""
    studies(box, "a.zip", "b.zip")
    out = box.base / "out"
    out.mkdir()
    command = f"'{box.program}' predict -i '{box.zips}' --model none -o '{out}/{name}'"
    script = f"""
mount -t tmpfs -o size=500k none '{out}' || exit 99
{command} > '{box.base}/1' 2>&1; echo $? >> '{box.base}/1'
mount -o remount,size=30m none '{out}'
{command} > '{box.base}/2' 2>&1; echo $? >> '{box.base}/2'
cp '{out}/{name}' '{box.base}/{name}'
find '{out}' -name '.gantry-*' > '{box.base}/left'
mount -t tmpfs -o size=4k none '{out}'
{command} > '{box.base}/3' 2>&1; echo $? >> '{box.base}/3'
ls '{out}' > '{box.base}/last'
"""
    done = subprocess.run(["unshare", "-m", "sh", "-c", script], env=box.env, cwd=box.base, capture_output=True, text=True, timeout=170)
    if done.returncode == 99 or "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    first, second, third = ((box.base / n).read_text() for n in "123")
    assert first.endswith("\n4\n") and "disk full" in first and "the same command goes on" in first, first
    assert second.endswith("\n0\n"), second
    if name == "r.csv":
        assert [r["processing_status"] for r in read_csv(box.base / name)] == ["SUCCESS"] * 2
    assert (box.base / "left").read_text() == ""
    # not even the table fits: one line about it, and nothing half-written under its name
    assert third.endswith("\n4\n") and "[ERROR]" not in third, third
    assert sum("No space left" in line or "could not be written" in line for line in third.splitlines()) <= 1, third
    assert name not in (box.base / "last").read_text().split()


def test_two_calls_onto_one_table(box):
    """The second takes what the first does; both end with the whole table."""
    names = [f"s{i}.zip" for i in range(4)]
    studies(box, *names)
    calls = [box.start("predict", "-i", box.zips, "--model", "none", "-o", box.base / "r.csv", cwd=box.base, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [c.communicate(timeout=120)[1] for c in calls]
    assert [c.returncode for c in calls] == [0, 0], said
    assert list(rows(box)) == names and {r["processing_status"] for r in rows(box).values()} == {"SUCCESS"}
    assert not [p for p in box.base.glob("r.csv*") if p.name != "r.csv"]
