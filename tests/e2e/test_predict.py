"""REQUIREMENTS R, S, T, U, V and Y: gantry predict, a folder of ZIPs in, a table out. Chest phantoms as DICOM are made by
chest.py; the classifier is left out (--model none) where a test is about something else."""
import csv
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import zipfile

import pytest

import chest
from conftest import SOURCE
from test_imaging import imaging
from triage import COLUMNS, RULE, SHORT, SMALL, predict, read_csv, read_xlsx, studies, wait_for_rows


def tree(folder):
    return {p: (p.stat().st_size, p.stat().st_mtime_ns) for p in sorted(folder.rglob("*"))}


# -- R: the command line ---------------------------------------------------------------------------------------------

def test_R1_R3_R7_R8_R13_X10_defaults(box):
    """R1 defaults; R7 the generated name in ./output; R13 the folder is made; R8 only files ending in .zip."""
    studies(box, "norma_anon.zip")
    (box.zips / "notes.txt").write_text("no study")
    out = predict(box).out
    made = [p.name for p in (box.base / "output").iterdir() if p.suffix]
    assert len(made) == 1 and re.fullmatch(r"radiassist_results_\d{8}_\d{6}\.xlsx", made[0]), made
    assert f"Saving results to ./output/{made[0]}..." in out
    assert [row["path_to_study"] for row in read_xlsx(box.base / "output" / made[0])] == ["norma_anon.zip"]


def test_R2_R5_words(box):
    """R2 --input is required; R5 --help prints the parameters; Y2 usage is 2 and goes to stderr."""
    assert "--input" in box.fails(2, "predict").err
    text = box.ok("predict", "--help").out
    for word in ("-i, --input", "-o, --output", "-w, --workers", "-m, --model", "--truth", "--plain", "not a medical device"):
        assert word in text, word
    studies(box, "a.zip")
    assert "--workers" in box.fails(2, "predict", "-i", box.zips, "-w", "0").err
    assert "must end in .xlsx or .csv" in box.fails(2, "predict", "-i", box.zips, "-o", "x.txt").err


def test_R6_the_ending_chooses_the_format(box):
    studies(box, "a.zip")
    predict(box, "-o", "r.csv")
    predict(box, "-o", "r.xlsx")
    assert (box.base / "r.csv").read_text().startswith("path_to_study,study_uid,")
    assert zipfile.is_zipfile(box.base / "r.xlsx")
    predict(box, "--output", "folder/")
    assert list((box.base / "folder").glob("radiassist_results_*.xlsx"))


def test_R9_no_zip(box):
    outcome = predict(box, status=3)
    assert outcome.err == f"❌ No ZIP files found in {box.zips}\n" and outcome.out == ""
    assert not (box.base / "output").exists()
    box.fails(4, "predict", "-i", box.base / "absent")


def test_R10_output_is_tried_before_the_work(box):
    studies(box, "a.zip")
    (box.base / "file").write_text("in the way")
    for target in ("/proc/r.xlsx", str(box.base / "file" / "r.csv")):
        outcome = predict(box, "-o", target, status=4)
        assert outcome.err == f"❌ Permission denied: {target}\n"
        assert "Processing" not in outcome.out


def test_R12_the_input_is_only_read(box):
    studies(box, "a.zip", "b.zip")
    os.chmod(box.zips, 0o555)
    before = tree(box.zips)
    predict(box, "-o", "out/r.csv")
    assert tree(box.zips) == before
    assert sorted(p.name for p in box.base.iterdir()) == sorted({"data", "home", "out", "zips"})
    assert not [p for p in (box.base / "out").rglob(".gantry-*")]


def test_without_a_model_it_says_what_to_do(box):
    """No classifier, no runtime, a model for something else: refused in one line before the work; none is a choice."""
    studies(box, "a.zip")
    for model, env, words in (("absent", {}, "absent"), ("cor-gantry", {}, "no classifier of CT slices")):
        outcome = predict(box, model=model, status=None, env=env)
        assert outcome.rc in (1, 2) and words in outcome.err and outcome.err.count("\n") == 1, outcome
        assert "Processing" not in outcome.out


# -- T: the console --------------------------------------------------------------------------------------------------

def test_T1_start(box):
    studies(box, "a.zip")
    lines = predict(box, "-o", "r.csv").out.splitlines()
    assert lines[:2] == ["🔧 Initializing RadiAssist system...", "Loading trained models..."]
    assert "⚠️  LUNA16 detector DISABLED (fast mode)" in lines
    assert "⚠️  Cancer classifier DISABLED (fast mode)" in lines
    assert "✅ Fixed KSL analyzer imported" in lines
    at = lines.index("✅ Models loaded:")
    assert lines[at + 1:at + 5] == ["   COVID19: NO", "   LUNA16:  NO", "   Cancer:  NO", "   KSL:     YES"]


def test_T2_to_T5_X19_a_case(box):
    """One case line by line, with its ground truth (X19)."""
    studies(box, "norma_anon.zip")
    (box.base / "truth.csv").write_text("file,label\nnorma_anon.zip,0\nabsent.zip,1\n")
    outcome = predict(box, "-o", "r.csv", "--truth", "truth.csv")
    assert "1 files that are not in the folder" in outcome.err
    lines = outcome.out.splitlines()
    at = lines.index("[1/1] Processing: norma_anon.zip")
    block = lines[at - 1:]
    row, = read_csv(box.base / "r.csv")
    label, word = row["pathology"], {"0": "NORMAL", "1": "PATHOLOGY"}[row["pathology"]]
    right = "✅ CORRECT" if label == "0" else "❌ WRONG"
    shapes = [re.escape(RULE), re.escape("[1/1] Processing: norma_anon.zip"), re.escape(RULE), "",
              "🔍 Testing case: norma_anon", r"  ✅ Ground truth: 0 \(NORMAL\)", r"  🔍 Validating input data\.\.\.",
              r"     ✅ Valid chest CT \(confidence: [01]\.\d{3}\)", r"  🧬 Running KSL Z-profile analysis\.\.\.",
              r"    📊 Z-profile score: \d\.\d{4}", r"  🏥 Performing enhanced medical aggregation\.\.\.",
              rf"    🎯 Decision: {label} \({word}\)", "", "  " + SHORT, "  📋 FINAL RESULT:",
              rf"     Prediction: {label} \({word}\)", r"     Probability: \d\.\d{4}", "     Method: ksl_only",
              r"     Ground truth: 0 \(NORMAL\)", "     " + right, "  " + SHORT, r"✅ Completed in \d+\.\ds",
              rf"   Pathology: {label} \(prob: {row['probability_of_pathology']}\)", ""]
    for shape, line in zip(shapes, block):
        assert re.fullmatch(shape, line), (shape, line)
    assert f"✅ Completed in {row['time_of_processing']}s" in block  # U6: the console's number


def test_T6_to_T11_X9_X18_summary(box):
    """T6, T7, T8, T9; T10: values begin at column 18; T9b and X18: the sum is a line of its own with more workers."""
    studies(box, "a.zip", "b.zip")
    chest.write_zip(box.zips / "c.zip", modality="MR", **SMALL)
    lines = predict(box, "-o", "r.csv", "-w", "2", status=1).out.splitlines()
    at = lines.index("📊 BATCH PROCESSING SUMMARY")
    assert lines[at - 1] == lines[at + 1] == RULE
    part = lines[at + 2:]
    values = {line[:17].strip(): line[17:] for line in part[:part.index("")]}
    assert {k: values[k] for k in ("Total files:", "Successful:", "Failed:")} == {
        "Total files:": "3", "Successful:": "2", "Failed:": "1"}
    total, minutes = re.fullmatch(r"(\d+\.\d)s \((\d+\.\d) min\)", values["Total time:"]).groups()
    assert float(minutes) == pytest.approx(float(total) / 60, abs=0.051)
    assert float(values["Average/file:"][:-1]) == pytest.approx(float(total) / 3, abs=0.1)
    assert re.fullmatch(r"\d+\.\ds", values["Sum of times:"])
    rows = read_csv(box.base / "r.csv")
    counts = [sum(r["pathology"] == w for r in rows) for w in "01"]
    at = lines.index("📈 Results:")
    assert lines[at + 1] == f"   Normal:       {counts[0]} ({50 * counts[0]:.1f}%)"  # X9, T11: counted from the rows
    assert lines[at + 2] == f"   Pathology:    {counts[1]} ({50 * counts[1]:.1f}%)"
    assert lines[-2:] == ["💾 Saving results to r.csv...", "✅ Results saved successfully!"]


def test_U12_X25_emoji_are_text(box):
    """They stay when piped, unless --plain or a locale without UTF-8; no control codes, no carriage returns."""
    studies(box, "a.zip")
    piped = predict(box, "-o", "r.csv").out
    assert "🔧" in piped and not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", piped)
    for outcome in (predict(box, "-o", "r.csv", "--plain"), predict(box, "-o", "r.csv", env={"LANG": "C"}),
                    predict(box, "-o", "r.csv", env={"LC_ALL": "POSIX", "LANG": "ru_RU.UTF-8"})):
        assert outcome.out.isascii(), outcome.out
        assert outcome.out.startswith("Initializing RadiAssist system...\nLoading trained models...\n")
    assert "🔧" in predict(box, "-o", "r.csv", env={"LANG": "ru_RU.utf8"}).out


def test_X25_blocks_of_several_workers_do_not_mix(box):
    studies(box, *[f"s{i}.zip" for i in range(5)])
    lines = predict(box, "-o", "r.csv", "-w", "3").out.splitlines()
    starts = [i for i, line in enumerate(lines) if "] Processing: " in line]
    assert sorted(lines[i] for i in starts) == [f"[{i + 1}/5] Processing: s{i}.zip" for i in range(5)]
    for a, b in zip(starts, starts[1:] + [len(lines)]):
        block = "\n".join(lines[a:b])
        assert block.count("Testing case") == block.count("Completed in") == block.count("FINAL RESULT") == 1
        assert re.search(r"Testing case: (\w+)", block)[1] == re.search(r"Processing: (\w+)\.zip", block)[1]


# -- U: the result file ----------------------------------------------------------------------------------------------

def test_U1_to_U9_X17_rows(box):
    """One row a ZIP, the nine columns first, numbers are numbers, UIDs are text, the same in both formats, Cyrillic."""
    studies(box, "norma_anon.zip", "пневмоторакс 2.zip")
    chest.write_zip(box.zips / "мрт.zip", modality="MR", **SMALL)
    predict(box, "-o", "итог/r.csv", status=1)
    predict(box, "-o", "итог/r.xlsx", status=1)
    text, book = read_csv(box.base / "итог" / "r.csv"), read_xlsx(box.base / "итог" / "r.xlsx")
    assert list(text[0]) == list(book[0]) == COLUMNS
    assert [r["path_to_study"] for r in text] == sorted(p.name for p in box.zips.iterdir())  # U11: input order
    by_name = {r["path_to_study"]: r for r in book}
    good = by_name["norma_anon.zip"]
    assert good["processing_status"] == "SUCCESS" and good["pathology"] in (0, 1) and not good["error"]
    assert isinstance(good["probability_of_pathology"], float) and isinstance(good["time_of_processing"], (int, float))
    names = (1, "normal", 24, 160, "CT", 0.02, 1.0)
    assert good["study_uid"] == chest.uid(*names, "study") and good["series_uid"] == chest.uid(*names, "series")
    assert good["most_dangerous_pathology_type"] == "chest_abnormality" and good["pathology_localization"] == "N/A"
    assert good["reason"]
    bad = by_name["мрт.zip"]  # X17
    assert bad["processing_status"] == "FAILURE" and bad["error"].startswith("invalid_modality: ")
    assert bad["probability_of_pathology"] is None and bad["pathology"] is None and bad["study_uid"].startswith("2.25.")
    for a, b in zip(text, book):
        for key in COLUMNS:
            if key == "time_of_processing" and b["processing_status"] == "FAILURE":
                continue  # it was tried again
            if isinstance(b[key], (int, float)):
                assert float(a[key]) == b[key], key
            else:
                assert a[key] == (b[key] or ""), key
    assert re.fullmatch(r"\d\.\d{3}", text[0]["probability_of_pathology"])
    assert re.fullmatch(r"\d+\.\d", text[0]["time_of_processing"])


def test_pictures_and_figures_beside_the_table(box):
    """DESIGN 10: a picture <stem>.png, the slices' figures, the profile; each with its provenance."""
    studies(box, "a.zip")
    predict(box, "-o", "out/r.csv")
    folder = box.base / "out" / "per-study" / "zips"
    assert sorted(p.name for p in folder.glob("a.*") if not p.name.endswith(".prov.json")) == [
        "a.png", "a.slices.csv", "a.zprofile.png"]
    with open(folder / "a.slices.csv", newline="") as file:
        assert len(list(csv.DictReader(file))) == SMALL["slices"]
    assert json.loads((folder / "a.png.prov.json").read_text())["tool"] == "ct.triage"


def test_studies_of_the_same_name_do_not_mix(box):
    """Two input folders, one results folder: every table and picture is of its own study."""
    other = box.base / "others"
    other.mkdir()
    studies(box, "1.zip")
    chest.write_zip(other / "1.zip", 5, **SMALL)
    predict(box, "-o", "out/one.csv")
    box.ok("predict", "-i", other, "--model", "none", "-o", "out/two.csv", cwd=box.base)
    assert "1 of 1 taken from an earlier run" in predict(box, "-o", "out/one.csv").out
    folder = box.base / "out" / "per-study"
    assert (folder / "zips" / "1.png").read_bytes() != (folder / "others" / "1.png").read_bytes()


def test_X26_several_series(box):
    """One row, the longest axial CT series, and `error` says so."""
    members = chest.files(1, **SMALL) + [("b" + n, d) for n, d in chest.files(2, slices=20, columns=160)]
    chest.pack(box.zips / "two.zip", members)
    predict(box, "-o", "r.csv")
    row, = read_csv(box.base / "r.csv")
    assert row["processing_status"] == "SUCCESS" and row["error"] == "2 studies, took the longer"
    assert row["series_uid"] == chest.uid(1, "normal", 24, 160, "CT", 0.02, 1.0, "series")


def test_refused_studies_say_why(box):
    """Y3: one bad study never ends the batch; each has its reason, and the exit status is 1 (Y2)."""
    studies(box, "good.zip")
    chest.write_zip(box.zips / "head.zip", low=-0.5, high=-0.05, **SMALL)
    chest.write_zip(box.zips / "mr.zip", modality="MR", **SMALL)
    chest.write_zip(box.zips / "short.zip", slices=2, columns=160)
    chest.pack(box.zips / "none.zip", [("readme.txt", b"no DICOM here")])
    chest.pack(box.zips / "gap.zip", [m for i, m in enumerate(chest.files(1, slices=40, columns=160)) if not 15 <= i < 25])
    outcome = predict(box, "-o", "r.csv", status=1)
    rows = {r["path_to_study"]: r for r in read_csv(box.base / "r.csv")}
    assert rows["good.zip"]["processing_status"] == "SUCCESS"
    assert rows["mr.zip"]["error"].startswith("invalid_modality: ")
    assert rows["head.zip"]["error"].startswith("invalid_anatomy: ")
    assert rows["short.zip"]["error"].startswith("incomplete_study: ")
    assert rows["none.zip"]["error"].startswith("corrupted_data: ")
    assert rows["gap.zip"]["error"] == "incomplete_study: 10 of 40 slices are missing"
    assert "❌ Not a valid chest CT: invalid_modality" in outcome.out
    assert sum(r["processing_status"] == "FAILURE" for r in rows.values()) == 5


def test_damaged_archives_are_named_before_the_work(box):
    studies(box, "good.zip", "cut.zip")
    chest.cut(box.zips / "cut.zip")
    chest.empty(box.zips / "empty.zip")
    outcome = predict(box, "-o", "r.csv", status=1)
    head = outcome.out[:outcome.out.index("Processing:")]
    assert "2 of 3 ZIP files cannot be read and become FAILURE rows:" in head
    assert "cut.zip: " in head and "empty.zip: " in head
    rows = {r["path_to_study"]: r for r in read_csv(box.base / "r.csv")}
    assert [rows[n]["processing_status"] for n in ("cut.zip", "empty.zip", "good.zip")] == ["FAILURE", "FAILURE", "SUCCESS"]
    assert rows["cut.zip"]["error"] and rows["empty.zip"]["error"]


# -- Y: kills, interrupts, repeats -----------------------------------------------------------------------------------

def test_a_repeated_call_takes_what_is_done(box):
    studies(box, "a.zip", "b.zip")
    predict(box, "-o", "one.csv")
    studies(box, "a.zip", "b.zip", "c.zip")  # the same bytes, one more
    for name in ("a.zip", "b.zip"):
        os.utime(box.zips / name, ns=(10**18, 10**18))
    predict(box, "-o", "two.csv")
    outcome = predict(box, "-o", "three.csv")
    assert "3 of 3 taken from an earlier run" in outcome.out and "Processing:" not in outcome.out
    assert "Earlier run:     3" in outcome.out
    assert read_csv(box.base / "three.csv") == read_csv(box.base / "two.csv")
    chest.write_zip(box.zips / "b.zip", 9, **SMALL)
    assert "2 of 3 taken from an earlier run" in predict(box, "-o", "four.csv").out


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_U10_Y4_Y5_ended_at_any_time(box, how):
    """A complete table of what was done is there; the same call goes on and does nothing twice."""
    names = [f"s{i}.zip" for i in range(6)]
    studies(box, *names, slices=40, columns=256)
    process = box.start("predict", "-i", box.zips, "--model", "none", "-o", box.base / "r.csv", cwd=box.base,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for_rows(box.base / "r.csv", 1)
    process.send_signal(how)
    out, _ = process.communicate(timeout=60)
    done = read_csv(box.base / "r.csv")
    assert done and all(list(row) == COLUMNS and row["reason"] for row in done)
    if how != signal.SIGKILL:
        assert process.returncode == 130 and "the same command goes on" in out
    again = predict(box, "-o", "r.csv")
    rows = read_csv(box.base / "r.csv")
    assert [r["path_to_study"] for r in rows] == names and {r["processing_status"] for r in rows} == {"SUCCESS"}
    told = re.search(r"(\d) of 6 taken from an earlier run", again.out)
    assert told and int(told[1]) >= len(done)
    assert again.out.count("Processing:") == 6 - int(told[1])
    assert not (box.base / "r.csv.journal.csv").exists()
    assert not [t for t in box.tasks() if t["state"] in ("ready", "running", "waiting")]


def test_two_calls_at_once(box):
    """The same home: the second joins the first one's engine; both get their whole table."""
    other = box.base / "others"
    other.mkdir()
    studies(box, "a.zip", "b.zip", "c.zip")
    for seed in (4, 5):
        chest.write_zip(other / f"o{seed}.zip", seed, **SMALL)
    first = box.start("predict", "-i", box.zips, "--model", "none", "-o", box.base / "one.csv", cwd=box.base,
        stdout=subprocess.DEVNULL)
    second = box.start("predict", "-i", other, "--model", "none", "-o", box.base / "two.csv", cwd=box.base,
        stdout=subprocess.DEVNULL)
    assert (first.wait(120), second.wait(120)) == (0, 0)
    assert len(read_csv(box.base / "one.csv")) == 3 and len(read_csv(box.base / "two.csv")) == 2


def test_json(box):
    studies(box, "a.zip")
    doc = predict(box, "-o", "r.csv", "--json").out
    doc = json.loads(doc)
    assert doc["output"] == str(box.base / "r.csv") and [r["path_to_study"] for r in doc["rows"]] == ["a.zip"]


def test_the_batch_runs_in_a_project_too(g):
    """gantry run ct-triage: the same step on the ZIPs of a project."""
    chest.write_zip(g.data / "a.zip", 1, **SMALL)
    g.ok("run", "ct-triage", "--set", "model=none")
    assert g.states() == {"a/triage": "done"}
    assert (g.rec / "a.png").exists()


def test_descriptor_and_step_agree(program):
    """share/tools/ct.triage.json is written by hand: version and outputs are the step's."""
    gantry = json.loads((SOURCE / "share" / "tools" / "ct.triage.json").read_text())["custom"]["gantry"]
    imaging = pathlib.Path(program).with_name("gantry-imaging")
    listed = {s["name"]: s for s in json.loads(subprocess.run([imaging, "--list"], capture_output=True).stdout)}
    assert (listed["ct.triage"]["version"], listed["ct.triage"]["phase"]) == (gantry["version"], gantry["phase"])


# -- S: run-batch.sh and Docker --------------------------------------------------------------------------------------

def batch(g, *args, **env):
    return subprocess.run([SOURCE / "run-batch.sh", *map(str, args)], cwd=g.base, capture_output=True, text=True,
        timeout=120, stdin=subprocess.DEVNULL,
        env={**g.env, "GANTRY": g.program, "RUN_WITH": "program", **env})


def test_S1_S2_run_batch(box):
    assert "usage: ./run-batch.sh [INPUT [OUTPUT]]" in batch(box, "--help").stdout
    assert batch(box, "--no-such").returncode == 2
    empty = batch(box, box.zips)
    assert (empty.returncode, empty.stderr) == (3, f"❌ No ZIP files found in {box.zips}\n")
    studies(box, "a.zip")
    done = batch(box, box.zips, "results", "--", "--model", "none", "--workers", "1")
    assert done.returncode == 0, done
    assert "GPU: " in done.stdout and "✅ Results saved successfully!" in done.stdout
    assert list((box.base / "results").glob("radiassist_results_*.xlsx"))
    box.zips.rename(box.base / "input")
    assert batch(box, "--", "--model", "none").returncode == 0  # ./input and ./output
    assert list((box.base / "output").glob("*.xlsx"))


def test_S2_docker_is_started_with_the_right_volumes(box):
    """Docker itself cannot run here: a stand-in notes how it is called."""
    studies(box, "a.zip")
    tools = box.base / "tools"
    tools.mkdir()
    (tools / "docker").write_text(f'#!/bin/sh\necho "$@" >>{box.base}/calls\n')
    (tools / "docker").chmod(0o755)
    done = batch(box, box.zips, "results", "--", "--workers", "2", RUN_WITH="docker",
        PATH=f"{tools}:{os.environ['PATH']}")
    assert done.returncode == 0, done
    call = [line for line in (box.base / "calls").read_text().splitlines() if line.startswith("run ")][0]
    assert f"-v {box.zips}:/data/input:ro -v {box.base / 'results'}:/data/output" in call
    assert "--name radiassist-batch" in call and call.endswith("--output /data/output --workers 2")


def test_S3_S4_S5_compose():
    yaml = pytest.importorskip("yaml")
    service = yaml.safe_load((SOURCE / "docker-compose.batch.yml").read_text())["services"]["radiassist-batch"]
    assert service["container_name"] == "radiassist-batch"
    assert service["volumes"] == ["${INPUT_DIR:-./input}:/data/input:ro", "${OUTPUT_DIR:-./output}:/data/output"]
    assert (SOURCE / service["build"]["dockerfile"]).exists()


# -- real files ------------------------------------------------------------------------------------------------------

def test_the_head_phantom_is_no_chest(box, real_data):
    os.symlink(real_data / "dicom" / "ct-head-phantom-28.zip", box.base / "link")
    (box.zips / "head.zip").write_bytes((box.base / "link").read_bytes())
    predict(box, "-o", "r.csv", status=1)
    row, = read_csv(box.base / "r.csv")
    assert row["processing_status"] == "FAILURE" and row["error"].startswith("invalid_anatomy: "), row
    assert row["series_uid"].startswith("1.3.46.670589")


# -- with the classifier ---------------------------------------------------------------------------------------------

def test_T1_T3_T4_X20_hybrid(box, classifier):
    """The classifier by name, score and architecture from its card; the rule of DESIGN 10 on the printed numbers; the
    model is named as a demonstration in every output."""
    studies(box, "a.zip")
    chest.write_zip(box.zips / "b.zip", 2, ("ground_glass", "consolidation"), **SMALL)
    out = predict(box, "-o", "r.csv", model=None).out
    lines = out.splitlines()
    assert "✅ demo-ct-mil classifier loaded from demo-ct-mil/model.onnx" in lines
    at = lines.index("✅ demo-ct-mil classifier loaded from demo-ct-mil/model.onnx")
    auc = classifier["scores"]["auc"]
    assert lines[at + 1] == f"   Architecture: {classifier['architecture']} (AUC: {auc:.4f})"
    assert "demonstration model" in lines[at + 2] and "   demo-ct-mil: YES" in lines
    rows = {r["path_to_study"]: r for r in read_csv(box.base / "r.csv")}
    for name, block in re.findall(r"Processing: (\S+)\n(.*?)Completed in", out, re.S):
        p = float(re.search(r"Final pathology probability: (\S+)", block)[1])
        z = float(re.search(r"Z-profile score: (\S+)", block)[1])
        p2, z2 = p + 0.10 if p < 0.35 else p, 0.45 if z > 0.55 and p < 0.25 else z
        shown = float(re.search(r"Probability: (\S+)", block)[1])
        assert shown == pytest.approx(0.6 * z2 + 0.4 * p2, abs=2e-4)
        assert "Method: hybrid_cnn_ksl" in block and "Running demo-ct-mil triage..." in block
        assert rows[name]["probability_of_pathology"] == f"{shown:.3f}" or abs(
            float(rows[name]["probability_of_pathology"]) - shown) < 6e-4
        assert "demonstration model demo-ct-mil" in rows[name]["reason"]
    positive = lambda n: rows[n]["pathology"] == "1"  # noqa: E731
    assert positive("b.zip") and float(rows["b.zip"]["probability_of_pathology"]) > float(
        rows["a.zip"]["probability_of_pathology"])


def test_the_classifier_tells_phantoms_apart(box, classifier):
    """Issue 4: unseen bodies, from ZIP to score: every ill one scores above every well one, of its generator's phantoms and of
    the simpler ones of `gantry demo`."""
    for seed in (71, 72, 73):
        chest.write_zip(box.zips / f"well_{seed}.zip", seed, slices=48)
    for seed, kind in enumerate(chest.KINDS, 81):
        chest.write_zip(box.zips / f"ill_{kind}.zip", seed, (kind,), slices=48)
    imaging("make-studies", box.base / "more")
    for name in ("norma_1", "norma_2", "opacities_3", "opacities_4"):
        shutil.move(box.base / "more" / f"{name}.zip", box.zips / f"{'well' if 'norma' in name else 'ill'}_{name}.zip")
    out = predict(box, "-o", "r.csv", "--workers", "2", model=None).out
    score = {name: float(re.search(r"Final pathology probability: (\S+)", block)[1])
             for name, block in re.findall(r"Processing: (\S+)\n(.*?)Completed in", out, re.S)}
    well, ill = ([p for name, p in score.items() if name.startswith(word)] for word in ("well", "ill"))
    assert len(well) == 5 and len(ill) == 7 and max(well) < 0.5 < min(ill), score


def test_another_model_is_other_work(box, classifier):
    """What was done with another model is not taken."""
    studies(box, "a.zip")
    predict(box, "-o", "r.csv")
    assert "taken from an earlier run" not in predict(box, "-o", "r.csv", model=None).out
    assert "1 of 1 taken from an earlier run" in predict(box, "-o", "r.csv", model=None).out
