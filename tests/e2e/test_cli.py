"""The command line itself: help, JSON, messages, exit codes, `gantry recon`, the two programs."""
import json
import os
import pathlib
import pty
import re
import subprocess

import h5py
import numpy as np
import pytest
import tifffile

import scans
from runner import script

TINY = {"columns": 8, "rows": 1, "angles": 3, "white": 1, "dark": 1}
COMMANDS = ("init scan ls forget adopt set cor tag batch run status ps log show errors kill suspend resume hold release "
    "retry why results recon info convert config model prune backup doctor demo").split()
IMAGING = ("hdf5", "tiff", "fftw3", "cairo", "png", "xlsxwriter", "gomp", "nifti2", "gdcm", "zip.so", "onnxruntime")


def imaging(g):
    for candidate in (os.environ.get("GANTRY_IMAGING"), pathlib.Path(g.program).with_name("gantry-imaging")):
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    raise AssertionError("no gantry-imaging beside gantry")


def libraries(program):
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return " ".join(line.split()[0] for line in said.splitlines())


def test_the_lean_program_links_nothing_of_imaging(g):
    lean = libraries(g.program)
    assert not [name for name in IMAGING if f"lib{name}" in lean], lean
    assert "libsqlite3" in lean
    assert "libsqlite3" not in libraries(imaging(g)) and "gdcm" not in libraries(imaging(g))  # GDCM costs each start 14 ms


def test_version_and_help(g):
    assert re.match(r"gantry \d+\.\d+\.\d+", g.ok("--version").out)
    overview = g.ok("help").out
    for command in COMMANDS:
        assert re.search(rf"^\s*{command}\b", overview, re.M), f"{command} is not in gantry help"


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(g, command):
    text = g.ok("help", command).out
    assert f"gantry {command}" in text
    assert g.ok(command, "--help").out == text or command == "recon"


def test_a_slip_is_answered_with_the_nearest_word(g):
    assert "status" in g.fails(2, "statsu").err
    assert "--timeout" in g.fails(2, "run", "x", "--timeuot", "3").err
    assert len(g.run("statsu").err.strip().split("\n")) <= 2


@pytest.mark.parametrize("command", [("ls",), ("status",), ("ps", "--all"), ("errors",), ("cor", "list"), ("tag", "ls"),
    ("batch", "ls"), ("batch", "show", "tomo-full"), ("config", "show"), ("doctor",), ("show", "s_0/work"),
    ("why", "s_0/work"), ("results", "last"), ("log", "s_0/work"), ("batch", "validate", "tomo-full")])
def test_json_is_one_document_and_nothing_else(g, command):
    scans.write(g.data / "s_0.h5", **TINY)
    g.ok("run", g.batch("b", script('echo x > "$o1"')))
    outcome = g.run(*command, "--json")
    assert outcome.rc in (0, 1), outcome
    json.loads(outcome.out)


def test_reading_commands_in_a_fresh_home(g):
    """Nothing there yet is not a fault of the user: an empty answer, or one line and status 3."""
    for command in (("status",), ("ps",), ("errors",), ("batch", "ls"), ("tag", "ls")):
        outcome = g.run(*command)
        assert outcome.rc in (0, 3) and len(outcome.err.strip().split("\n")) <= 2, outcome


def test_batches(g):
    names = {row["name"] for row in g.json("batch", "ls")}
    assert {"tomo-ai-reco", "tomo-try", "tomo-full"} <= names
    assert [job["id"] for job in g.json("batch", "show", "tomo-ai-reco")["jobs"]] == ["try", "infer", "full", "upload"]
    g.batch("mine", script("true"))
    assert "mine" in {row["name"] for row in g.json("batch", "ls")}
    g.ok("batch", "validate", "mine")
    g.ok("batch", "rm", "mine")
    assert "mine" not in {row["name"] for row in g.json("batch", "ls")}
    g.fails(2, "batch", "show", "mine")


def test_config(g):
    g.ok("config", "set", "slots=3")
    assert "3" in json.dumps(g.json("config", "show"))
    assert "slots" in (g.home / "config.ini").read_text()
    g.fails(2, "config", "set", "no_such_option=3")
    g.fails(2, "config", "set", "slots=many")
    (g.home / "config.ini").write_text("slots = 2\nnonsense = 1\n")
    outcome = g.fails(2, "config", "check")
    assert "config.ini:2" in outcome.err and "nonsense" in outcome.err


def test_dry_run_is_the_plan_and_runs_nothing(g):
    scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40)
    outcome = g.ok("run", "tomo-full", "--cor", "24", "--dry-run")
    assert "s_1" in outcome.out and "full" in outcome.out
    plan = g.json("run", "tomo-full", "--cor", "24", "--dry-run")
    text = json.dumps(plan)
    assert str(g.data / "s_1.h5") in text and str(g.rec / "s_1_rec") in text
    assert not g.rec.exists() or list(g.rec.iterdir()) == []
    assert not list((g.data / ".gantry").rglob("claim")) if (g.data / ".gantry").exists() else True


def test_dry_run_sizes_what_waits_for_its_centre(g):
    """G: the plan says where the centre will come from, and still what is written and needed."""
    scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40)
    plan = {row["job"]: row for row in g.json("run", "tomo-ai-reco", "--dry-run")["plan"]}
    full = plan["full"]
    assert full["note"] == "centre comes from infer"
    assert full["bytes"] == 2 * (48 * 48 * 4 + 512) and full["memory"] > 0
    assert full["params"]["rotation_axis"] is None and full["outputs"][0]["final"].endswith("s_1_rec")
    assert "centre comes from infer" in g.ok("run", "tomo-ai-reco", "--dry-run").out


def test_doctor_says_what_works(g):
    outcome = g.run("doctor")
    assert outcome.rc in (0, 1)
    for word in ("HDF5", "DICOM", "GPU", "disk"):
        assert word.lower() in outcome.out.lower(), outcome


def test_info(g):
    scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40)
    text = g.ok("info", g.data / "s_1.h5").out
    assert "40" in text and "48" in text and "uint16" in text
    g.fails(4, "info", g.data / "absent.h5")


def test_backup_is_a_whole_copy(g):
    scans.write(g.data / "s_1.h5", **TINY)
    g.ok("set", "cor=4", "s_1.h5")
    g.ok("backup", g.base / "copy.db")
    import sqlite3
    with sqlite3.connect(g.base / "copy.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("SELECT cor FROM item").fetchall() == [(4.0,)]


def test_a_newer_database_is_refused_by_name(g):
    g.ok("batch", "ls")
    scans.write(g.data / "s_1.h5", **TINY)
    g.ok("scan")
    import sqlite3
    with sqlite3.connect(g.home / "gantry.db") as db:
        db.execute("PRAGMA user_version = 9999")
    db.close()
    outcome = g.run("ls")
    assert outcome.rc != 0 and "newer" in outcome.err and len(outcome.err.strip().split("\n")) == 1


# -- gantry recon --------------------------------------------------------------------------------------------------

def recon(g, *args, status=0, **options):
    outcome = g.run("recon", *args, cwd=g.base, **options)
    assert outcome.rc == status, outcome
    return outcome


def test_recon_of_one_scan_needs_no_project(g):
    centre = scans.write(g.data / "s_1.h5", columns=64, rows=3, angles=90)
    recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", centre)
    names = sorted(p.name for p in (g.rec / "s_1_rec").glob("*.tiff"))
    assert names == [f"recon_{i:05}.tiff" for i in range(3)]
    ours = tifffile.imread(g.rec / "s_1_rec" / "recon_00001.tiff")
    assert scans.correlation(ours, scans.image(64)) > 0.9
    assert not (g.data / ".gantry").exists()
    line = (g.rec / "s_1_rec" / "rec_line.txt").read_text()
    assert line.strip().startswith("gantry recon") and "--rotation-axis" in line


def test_recon_json_is_one_document(g):
    centre = scans.write(g.data / "s_1.h5", columns=64, rows=3, angles=90)
    outcome = recon(g, "--json", "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", centre)
    said = json.loads(outcome.out)
    assert said["file"] == str(g.data / "s_1.h5") and said["values"]["slices"] == 3 and said["seconds"] > 0
    assert said["outputs"][0]["path"] == str(g.rec / "s_1_rec")
    assert "--json" in g.ok("recon", "--help").out


def test_recon_orientation_and_gain(g):
    centre = scans.write(g.data / "s_1.h5", columns=128, rows=1, angles=300, dtype="float32")
    recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", centre, "--fbp-filter",
        "ramp")
    ours, want = tifffile.imread(g.rec / "s_1_rec" / "recon_00000.tiff"), scans.image(128)
    best = {name: scans.correlation(turned, want) for name, turned in (("as it is", ours), ("up-down", ours[::-1]),
        ("left-right", ours[:, ::-1]), ("turned", ours[::-1, ::-1]), ("transposed", ours.T))}
    assert max(best, key=best.get) == "as it is", best
    y, x = np.mgrid[0:128, 0:128] - 63.5
    inside = x**2 + y**2 < 55**2
    gain = (ours[inside] * want[inside]).sum() / (want[inside] ** 2).sum()
    assert gain == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("flags", [("--start-row", "1", "--end-row", "3"), ("--start-row", "1", "--end-row", "3",
    "--save-format", "h5")])
def test_recon_rows(g, flags):
    scans.write(g.data / "s_1.h5", columns=48, rows=5, angles=40)
    recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", "24", *flags)
    if "h5" in flags:
        with h5py.File(g.rec / "s_1_rec.h5") as file:
            assert file["/exchange/data"].shape == (2, 48, 48)
    else:
        assert sorted(p.name for p in (g.rec / "s_1_rec").glob("*.tiff")) == ["recon_00001.tiff", "recon_00002.tiff"]


def test_recon_binning_is_an_exponent_and_the_axis_keeps_its_number(g):
    centre = scans.write(g.data / "s_1.h5", columns=128, rows=4, angles=120)
    recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", centre, "--binning", "1")
    files = sorted((g.rec / "s_1_rec").glob("*.tiff"))
    assert len(files) == 2
    ours = tifffile.imread(files[0])
    assert ours.shape == (64, 64)
    assert scans.correlation(ours, scans.image(64)) > 0.9


def test_recon_auto_axis(g):
    scans.write(g.data / "s_1.h5", columns=96, rows=3, angles=120, centre=50.25)
    recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis-auto", "auto")
    line = (g.rec / "s_1_rec" / "rec_line.txt").read_text()
    assert float(re.search(r"--rotation-axis[ =]([\d.]+)", line).group(1)) == pytest.approx(50.25, abs=0.5)


@pytest.mark.parametrize("flags", [("--remove-stripe-method", "fw"), ("--retrieve-phase-method", "paganin"),
    ("--file-type", "double_fov")])
def test_what_is_not_built_yet_is_refused_by_name(g, flags):
    scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40)
    outcome = recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", "24", *flags,
        status=2)
    assert flags[0] in outcome.err or flags[1] in outcome.err
    assert not (g.rec / "s_1_rec").exists()


@pytest.mark.parametrize("flags", [("--nsino-per-chunk", "8"), ("--max-read-threads", "4"), ("--clear-folder", "True")])
def test_flags_about_chunks_and_threads_are_accepted(g, flags):
    scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40)
    recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", "24", *flags)


def test_recon_bad_usage(g):
    recon(g, status=2)
    recon(g, "--file-name", g.data / "absent.h5", "--reconstruction-type", "full", "--rotation-axis", "3", status=4)
    scans.write(g.data / "s_1.h5", **TINY)
    recon(g, "--file-name", g.data / "s_1.h5", "--no-such-flag", status=2)
    recon(g, "--file-name", g.data / "s_1.h5", "--rotation-axis", "abc", status=2)


def test_same_bits_on_any_number_of_threads(g):
    scans.write(g.data / "s_1.h5", columns=96, rows=5, angles=100, noise=0.01)
    made = []
    for threads in (1, 2, 3):
        recon(g, "--file-name", g.data / "s_1.h5", "--reconstruction-type", "full", "--rotation-axis", "48.3",
            "--out-path-name", g.base / f"out{threads}", env={"OMP_NUM_THREADS": str(threads)})
        made.append([p.read_bytes() for p in sorted((g.base / f"out{threads}").rglob("recon_*.tiff"))])
    assert len(made[0]) == 5 and made[0] == made[1] == made[2]


# -- on a terminal -------------------------------------------------------------------------------------------------

def test_progress_bar_only_on_a_terminal(g):
    for index in range(3):
        scans.write(g.data / f"s_{index}.h5", **TINY)
    batch = g.batch("b", script('sleep 0.3; echo x > "$o1"'))
    master, slave = pty.openpty()
    process = g.start("run", batch, stdin=slave, stdout=slave, stderr=slave, env={"TERM": "xterm"})
    os.close(slave)
    said = b""
    while True:
        try:
            piece = os.read(master, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    assert process.wait(60) == 0
    assert b"\r" in said and (b"\x1b[" in said or b"%" in said)


# -- the demo ------------------------------------------------------------------------------------------------------

def test_demo(g):
    outcome = g.ok("demo", g.base / "demo", cwd=g.base, timeout=600)
    made = [p for p in (g.base).rglob("results.xlsx")]
    assert made, outcome
    sheets = [p for p in g.base.rglob("*.png")]
    assert sheets and all(p.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for p in sheets)
    assert "results.xlsx" in outcome.out + outcome.err
    import openpyxl
    assert openpyxl.load_workbook(made[0]).active.max_row > 6
    rows = list(openpyxl.load_workbook(g.base / "demo" / "triage.xlsx").active.iter_rows(min_row=2, values_only=True))
    found = {row[0]: (row[5], row[9]) for row in rows}
    assert found["norma_1.zip"][0] == found["opacities_3.zip"][0] == "SUCCESS" and len(found) == 7
    assert found["mr_6.zip"][1].startswith("invalid_modality: ")
    assert found["cut_5.zip"][0] == found["empty_7.zip"][0] == "FAILURE"
    if "gantry predict --dataset" in outcome.out:  # ONNX Runtime is there
        facts = [json.loads(p.read_text()) for p in g.base.rglob("predictions/*/opacities_*/mask.json")]
        assert len(facts) == 2 and all({"lung", "heart"} <= {w["name"] for w in f["labels"] if w["voxels"]} for f in facts)
