"""REQUIREMENTS R, S, T, U, V and Y: the lines about gantry predict that test_predict.py leaves: workers, names, the console
with a classifier, the order of rows, what a reader of the table does, progress and cores."""
import collections
import os
import pty
import re
import signal
import subprocess

import openpyxl
import pytest

import chest
from conftest import SOURCE
from runner import wait_for
from triage import COLUMNS, RULE, SHORT, SMALL, predict, read_csv, read_xlsx, studies

WORDS = {"0": "NORMAL", "1": "PATHOLOGY"}


def most_at_once(tasks):
    """How many tasks ran at the same time, at most. One that starts in the microsecond another ends does not overlap it."""
    turns = sorted([(t["started_us"], 1) for t in tasks] + [(t["ended_us"], -1) for t in tasks])
    now = most = 0
    for _, turn in turns:
        now += turn
        most = max(most, now)
    return most


def cases(out):
    """Names of the cases in the order of the console."""
    return re.findall(r"\] Processing: (.*)", out)


def jobs(box):
    """The job of every task of the newest run, as it was given to its worker."""
    return [box.json("show", t["id"], cwd=box.zips)["attempts"][-1] for t in box.json("ps", "--all", cwd=box.zips)]


# -- R: the command line ---------------------------------------------------------------------------------------------

def test_R4_V4_workers(box):
    """R4: one study at a time unless --workers says more. V4: the cores are shared among the workers; V3: one uses all."""
    studies(box, *[f"s{i}.zip" for i in range(4)])
    cores = len(os.sched_getaffinity(0))
    predict(box, "-o", "one.csv")
    assert most_at_once(box.json("ps", "--all", cwd=box.zips)) == 1
    assert {a["job"]["threads"] for a in jobs(box)} == {cores}
    box.env["GANTRY_HOME"] = str(box.base / "home2")  # one that remembers nothing
    predict(box, "-o", "other/two.csv", "--workers", "2")
    assert most_at_once(box.json("ps", "--all", cwd=box.zips)) == 2
    assert {a["job"]["threads"] for a in jobs(box)} == {max(1, cores // 2)}


def test_R8_names(box):
    """R8: files that end in .zip, in capitals and in subfolders too; nothing else, whatever it is called."""
    studies(box, "a.zip", "B.ZIP")
    (box.zips / "sub" / "deep").mkdir(parents=True)
    chest.write_zip(box.zips / "sub" / "deep" / "c.zip", 3, **SMALL)
    (box.zips / "folder.zip").mkdir()
    whole = (box.zips / "a.zip").read_bytes()
    for name in ("d.zip.part", "e.7z", "zip", "f.zip.txt"):
        (box.zips / name).write_bytes(whole)
    predict(box, "-o", "r.csv")
    rows = read_csv(box.base / "r.csv")
    assert sorted(r["path_to_study"] for r in rows) == ["B.ZIP", "a.zip", "sub/deep/c.zip"]
    assert {r["processing_status"] for r in rows} == {"SUCCESS"}


# -- S: run-batch.sh -------------------------------------------------------------------------------------------------

def run_batch(box, *args, **env):
    return subprocess.run([SOURCE / "run-batch.sh", *map(str, args)], cwd=box.base, capture_output=True, text=True,
        timeout=120, stdin=subprocess.DEVNULL, env={**box.env, "GANTRY": box.program, "RUN_WITH": "program", **env})


def test_S3_folders_from_the_environment(box):
    """S3: INPUT_DIR and OUTPUT_DIR count where no folder is given; a folder that is given wins."""
    studies(box, "a.zip")
    done = run_batch(box, "--", "--model", "none", INPUT_DIR=str(box.zips), OUTPUT_DIR=str(box.base / "results"))
    assert done.returncode == 0, done
    assert list((box.base / "results").glob("radiassist_results_*.xlsx"))
    done = run_batch(box, box.zips, "given", "--", "--model", "none", INPUT_DIR="/absent", OUTPUT_DIR="/absent")
    assert done.returncode == 0, done
    assert list((box.base / "given").glob("radiassist_results_*.xlsx"))


def test_S2_a_gpu_is_found_and_passed_on(box):
    """S2: nvidia-smi says what there is. Docker and it are stand-ins that note how they are called."""
    studies(box, "a.zip")
    tools = box.base / "tools"
    tools.mkdir()
    for name, text in (("docker", f'echo "$@" >>{box.base}/calls'), ("nvidia-smi", 'echo "GPU 0: Test (UUID: GPU-1)"')):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    done = run_batch(box, box.zips, "results", RUN_WITH="docker", PATH=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 0 and "GPU: GPU 0: Test" in done.stdout, done
    assert " --gpus all " in [line for line in (box.base / "calls").read_text().splitlines() if line.startswith("run ")][0]


# -- T: the console --------------------------------------------------------------------------------------------------

def test_T9d_ground_truth_only_where_it_is_known(box):
    """X19: without --truth, or for a study that it does not name, the lines about it are left out."""
    studies(box, "a.zip", "b.zip")
    out = predict(box, "-o", "r.csv").out
    assert "Ground truth" not in out and "CORRECT" not in out and "Correct" not in out
    (box.base / "truth.csv").write_text("a.zip,0\n")
    box.env["GANTRY_HOME"] = str(box.base / "home2")
    out = predict(box, "-o", "new/r.csv", "--truth", "truth.csv").out
    about = dict(zip(cases(out), out.split("] Processing: ")[1:]))
    assert about["a.zip"].count("Ground truth: 0 (NORMAL)") == 2 and "Ground truth" not in about["b.zip"]
    assert re.search(r"^   Correct: +[01] \((0|100)\.0%\)$", out, re.M)


def test_T1_start_with_a_classifier(box, classifier):
    """T1, X25: every line of the start in its order; name, architecture and score are the model's."""
    studies(box, "a.zip")
    lines = predict(box, "-o", "r.csv", model=None).out.splitlines()
    assert lines[:14] == [
        "🔧 Initializing RadiAssist system...", "Loading trained models...",
        "✅ demo-ct-mil classifier loaded from demo-ct-mil/model.onnx",
        f"   Architecture: {classifier['architecture']} (AUC: {classifier['scores']['auc']:.4f})",
        "⚠️  demo-ct-mil is a demonstration model trained on synthetic phantoms: not for patients",
        "⚠️  LUNA16 detector DISABLED (fast mode)", "⚠️  Cancer classifier DISABLED (fast mode)",
        "✅ Fixed KSL analyzer imported", "", "✅ Models loaded:", "   demo-ct-mil: YES", "   LUNA16:  NO", "   Cancer:  NO",
        "   KSL:     YES"]


def test_T3_T4_a_case_with_the_classifier(box, classifier):
    """T3, T4: the whole block line by line; the printed decision is compared with the truth, right and wrong."""
    studies(box, "a.zip", "b.zip")
    predict(box, "-o", "first.csv", model=None)
    found = {r["path_to_study"]: r["pathology"] for r in read_csv(box.base / "first.csv")}
    truth = {"a.zip": found["a.zip"], "b.zip": str(1 - int(found["b.zip"]))}
    (box.base / "truth.csv").write_text("".join(f"{name},{label}\n" for name, label in truth.items()))
    box.env["GANTRY_HOME"] = str(box.base / "home2")  # one that remembers nothing
    lines = predict(box, "-o", "again/r.csv", "--truth", "truth.csv", model=None).out.splitlines()
    for i, (name, label) in enumerate(found.items(), 1):
        at = lines.index(f"[{i}/2] Processing: {name}") - 1
        word, known = f"{label} ({WORDS[label]})", f"{truth[name]} ({WORDS[truth[name]]})"
        shapes = [re.escape(x) for x in (
            RULE, f"[{i}/2] Processing: {name}", RULE, "", f"🔍 Testing case: {name[:-4]}", f"  ✅ Ground truth: {known}",
            "  🔍 Validating input data...")] + [r"     ✅ Valid chest CT \(confidence: [01]\.\d{3}\)",
            "  🧠 Running demo-ct-mil triage...".replace(".", r"\."), r"    ✅ Final pathology probability: [01]\.\d{4}",
            r"  🧬 Running KSL Z-profile analysis\.\.\.", r"    📊 Z-profile score: [01]\.\d{4}",
            r"  🏥 Performing enhanced medical aggregation\.\.\.", re.escape(f"    🎯 Decision: {word}"), "", "  " + SHORT,
            "  📋 FINAL RESULT:", re.escape(f"     Prediction: {word}"), r"     Probability: [01]\.\d{4}",
            "     Method: hybrid_cnn_ksl", re.escape(f"     Ground truth: {known}"),
            "     ✅ CORRECT" if truth[name] == label else "     ❌ WRONG", "  " + SHORT, r"✅ Completed in \d+\.\ds",
            rf"   Pathology: {label} \(prob: [01]\.\d{{3}}\)", ""]
        for shape, line in zip(shapes, lines[at:]):
            assert re.fullmatch(shape, line), (shape, line)


# -- U: the result file ----------------------------------------------------------------------------------------------

def test_U11_X18_rows_in_the_order_of_the_input(box):
    """U11: however the workers finish, rows stand as the files do. X18: the sum of the items is that of the rows."""
    chest.write_zip(box.zips / "a.zip", 1, slices=80, columns=384)  # takes far longer than the others
    for seed, name in enumerate(("b.zip", "c.zip", "d.zip"), 2):
        chest.write_zip(box.zips / name, seed, **SMALL)
    out = predict(box, "-o", "r.csv", "-w", "2").out
    rows = read_csv(box.base / "r.csv")
    assert [r["path_to_study"] for r in rows] == ["a.zip", "b.zip", "c.zip", "d.zip"]
    assert cases(out) != sorted(cases(out)) == [r["path_to_study"] for r in rows]  # X25: the console as they finish
    total = float(re.search(r"^Sum of times:    (\d+\.\d)s$", out, re.M)[1])
    assert total == pytest.approx(sum(float(r["time_of_processing"]) for r in rows), abs=0.05 * len(rows) + 0.051)


def test_U8_what_readers_of_the_table_do(box):
    """U8: the guide's own lines, read_csv and groupby('pathology').size(); without pandas its rules on the csv module."""
    studies(box, "a.zip", "b.zip")
    chest.write_zip(box.zips / "c.zip", modality="MR", **SMALL)
    predict(box, "-o", "r.csv", status=1)
    rows = read_csv(box.base / "r.csv")
    wanted = dict(collections.Counter(float(r["pathology"]) for r in rows if r["pathology"]))
    assert sum(wanted.values()) == 2
    try:
        import pandas
    except ImportError:
        with open(box.base / "r.csv", encoding="utf-8") as file:  # one line a row: no field breaks it
            assert len(file.read().splitlines()) == 4
        return
    table = pandas.read_csv(box.base / "r.csv")
    assert list(table.columns) == COLUMNS and table.groupby("pathology").size().to_dict() == wanted
    assert table["probability_of_pathology"].dtype == "float64" and table["study_uid"].dtype == object
    assert table["path_to_study"].tolist() == ["a.zip", "b.zip", "c.zip"]


def test_U10_a_workbook_is_whole_at_any_time(box):
    """U10: whenever the workbook is there it opens, also when everything was killed while the next one was being written."""
    studies(box, *[f"s{i}.zip" for i in range(5)])
    book = box.base / "out" / "r.xlsx"
    process = box.start("predict", "-i", box.zips, "--model", "none", "-o", book, cwd=box.base, stdout=subprocess.DEVNULL)
    wait_for(lambda: book.exists() or process.poll() is not None, "the first workbook")
    seen = [len(read_xlsx(book))]
    wait_for(lambda: any("table" in words for words in box.processes().values()) or process.poll() is not None, "the next one")
    box.kill_all(signal.SIGKILL)
    process.wait(60)
    seen.append(len(read_xlsx(book)))
    assert 1 <= seen[0] <= seen[1] <= 5
    (book.parent / "r.xlsx.gantry-999999999.tmp").write_bytes(b"PK")  # as a writer that was killed leaves it
    predict(box, "-o", book)
    rows = read_xlsx(book)
    assert [r["path_to_study"] for r in rows] == [f"s{i}.zip" for i in range(5)] and all(r["reason"] for r in rows)
    # whole: no half workbook lies beside it either
    assert [p.name for p in book.parent.iterdir() if p.is_file()] == ["r.xlsx"]


def test_U9_kinds_of_cells(box):
    """U9: numbers are numbers with the column's decimals, UIDs and boxes text, an empty cell is empty."""
    studies(box, "a.zip")
    chest.empty(box.zips / "b.zip")
    predict(box, "-o", "r.xlsx", status=1)
    sheet = openpyxl.load_workbook(box.base / "r.xlsx").active
    heads = {cell.value: i for i, cell in enumerate(sheet[1])}
    good, bad = sheet[2], sheet[3]
    assert [good[heads[n]].data_type for n in COLUMNS[:9]] == list("sssnnsnss")
    assert good[heads["probability_of_pathology"]].number_format == "0.000"
    assert good[heads["time_of_processing"]].number_format == "0.0"
    assert bad[heads["probability_of_pathology"]].value is None and bad[heads["pathology"]].value is None


def test_pictures_of_an_earlier_run(box):
    """DESIGN 10: a picture beside each row; where it was made for another table, that is said."""
    studies(box, "a.zip")
    assert "an earlier run put them" not in predict(box, "-o", "out/one.csv").err
    assert "an earlier run put them" not in predict(box, "-o", "out/two.csv").err
    outcome = predict(box, "-o", "new/r.csv")
    assert "1 of 1 taken from an earlier run" in outcome.out
    folder = re.search(r"pictures of 1 studies are where an earlier run put them: (.*)", outcome.err)[1]
    assert folder == str(box.base / "out" / "per-study" / "zips") and os.path.exists(folder + "/a.png")


# -- V: how fast -----------------------------------------------------------------------------------------------------

def test_V1_V3_what_a_study_took(box):
    """V1: a row's seconds are the step's own clock, its stages lie within; V3: memory stays in what the step reserves."""
    chest.write_zip(box.zips / "a.zip", 1, slices=60, columns=512)
    predict(box, "-o", "r.csv")
    row, = read_csv(box.base / "r.csv")
    attempt, = jobs(box)
    values = attempt["result"]["values"]
    assert float(row["time_of_processing"]) == pytest.approx(values["seconds"], abs=0.051)
    assert 0 < sum(values["stages_s"].values()) <= values["seconds"]
    assert values["seconds"] * 1e6 <= attempt["ended_us"] - attempt["started_us"] + 1
    assert attempt["job"]["resources"]["mem"] == "2G" and 0 < attempt["peak_bytes"] < 2 << 30


def test_V2_X8_time_left(box):
    """V2, X8: on a terminal the time left is told, from what this run took so far; nothing of it gets into a pipe."""
    studies(box, *[f"s{i}.zip" for i in range(3)])
    mine, theirs = pty.openpty()
    process = box.start("predict", "-i", box.zips, "--model", "none", "-o", box.base / "r.csv", cwd=box.base, stdin=theirs,
        stdout=subprocess.PIPE, stderr=theirs, env={"TERM": "xterm"})
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(mine, 4096)
        except OSError:  # the other end is closed
            break
        said += piece
    out = process.communicate(timeout=60)[0].decode()
    assert process.returncode == 0
    assert re.search(rb"0 of 3 done\r", said + b"\r") and re.search(rb"[12] of 3 done, left about \S+", said)
    assert " done, left about" not in out and "\x1b" not in out


# -- Y: the end ------------------------------------------------------------------------------------------------------

def test_Y1_Y2_Y3_the_end(box):
    """Y1: at the end nothing waits or runs, and the last lines say how many were done. Y3: failures end nothing."""
    studies(box, "b.zip", "c.zip")
    chest.empty(box.zips / "a.zip")
    chest.write_zip(box.zips / "d.zip", modality="MR", **SMALL)
    out = predict(box, "-o", "r.csv", status=1).out
    assert {t["state"] for t in box.json("ps", "--all", cwd=box.zips)} == {"done", "failed"}
    assert not box.json("ps", cwd=box.zips) or {t["state"] for t in box.json("ps", cwd=box.zips)} == {"failed"}
    tail = out[out.index("BATCH PROCESSING SUMMARY"):]
    assert "\nTotal files:     4\nSuccessful:      2\nFailed:          2\n" in tail
    assert not box.processes()
    for name in ("a.zip", "d.zip"):
        (box.zips / name).unlink()
    assert predict(box, "-o", "r.csv").rc == 0


# -- real files ------------------------------------------------------------------------------------------------------

def test_real_bad_studies(box, real_data):
    """Issue 4, acceptance; Y3: real series that are no chest CT, or damaged: a row each, with its own reason."""
    base = real_data / "dicom"
    for name in ("bad-series/slicecount", "bad-series/sliceincrement", "bad-files/MR_truncated.dcm", "bad-files/no_meta.dcm",
            "CT_small.dcm", "mr-compressed/compressed_jpegls"):
        files = sorted((base / name).glob("*.dcm")) or [base / name]
        chest.pack(box.zips / f"{name.split('/')[-1]}.zip", [(path.name, path.read_bytes()) for path in files])
    predict(box, "-o", "r.csv", status=1)
    rows = {r["path_to_study"]: r for r in read_csv(box.base / "r.csv")}
    assert {r["processing_status"] for r in rows.values()} == {"FAILURE"}
    assert all(not r["probability_of_pathology"] and not r["pathology"] for r in rows.values())
    for name, words in (("CT_small.dcm", "incomplete_study: 1 slice; a chest needs"), ("MR_truncated.dcm", "invalid_modality: "),
            ("compressed_jpegls", "invalid_modality: the modality is MR"), ("no_meta.dcm", "corrupted_data: "),
            ("slicecount", "invalid_modality: "), ("sliceincrement", "incomplete_study: ")):
        assert rows[f"{name}.zip"]["error"].startswith(words), rows[f"{name}.zip"]


def test_made_studies(box):
    """gantry-imaging make-studies DIR COUNT SLICES SIDE: what bench/run triage measures with is sound and tells apart."""
    imaging = os.path.join(os.path.dirname(box.program), "gantry-imaging")
    make = lambda *words: subprocess.run([imaging, "make-studies", *map(str, words)], capture_output=True, text=True)  # noqa: E731
    assert make(box.zips, 4, 30, 128).returncode == 0
    predict(box, "-o", "r.csv", "-w", "2")
    rows = read_csv(box.base / "r.csv")
    assert [r["path_to_study"] for r in rows] == [f"study_{i:04}.zip" for i in range(1, 5)]
    assert [r["pathology"] for r in rows] == ["0", "1", "0", "1"]
    for words in ([], [box.zips, 0], [box.zips, "x"], [box.zips, 1, 1, 1, 1], [box.zips, 1, 10**9]):
        assert make(*words).returncode == 2
