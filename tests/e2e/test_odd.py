"""Odd inputs: each one clear line, the right exit status, and the other items done."""
import json
import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest

import scans
from runner import script

SMALL = {"columns": 48, "rows": 2, "angles": 40}


def good_and(g, **bad):
    """Two whole scans of one series, and a third, `bad_1.h5`, with the given peculiarities."""
    for index in (1, 2):
        scans.write(g.data / f"good_{index}.h5", **SMALL)
    scans.write(g.data / "bad_1.h5", **{**SMALL, **bad})
    return g.data / "bad_1.h5"


def others_are_done(g):
    return (g.rec / "good_1_rec" / "recon_00001.tiff").exists() and (g.rec / "good_2_rec" / "recon_00001.tiff").exists()


def reason(g, outcome):
    """Everything the user is told about it."""
    rows = [row for row in g.ls("--level", "file") if row["name"] == "bad_1.h5"] + [
        row for row in g.ls() if row["name"] == "bad_1.h5"]
    return outcome.out + outcome.err + json.dumps(rows) + json.dumps(g.json("errors", status=None))


def change(function):
    return {"change": function}


CASES = {
    "theta_of_wrong_length": (change(lambda a: a.update(theta=a["theta"][:-3])), ("theta", "angle")),
    "theta_nan": (change(lambda a: a["theta"].__setitem__(5, np.nan)), ("theta", "angle", "nan")),
    "all_zero_flats": (change(lambda a: a["data_white"].__setitem__(slice(None), 0)), ("flat", "white")),
    "no_flats": (change(lambda a: a.update(data_white=None)), ("flat", "white")),
    "no_projections": (change(lambda a: a.update(data=a["data"][:0])), ("projection", "empty", "0")),
    "complex_pixels": (change(lambda a: a.update(data=a["data"].astype("complex64"))), ("complex", "type", "compound")),
}


@pytest.mark.parametrize("case", CASES)
def test_odd_scan_is_named_and_the_others_are_done(g, case):
    options, words = CASES[case]
    good_and(g, **options)
    outcome = g.run("run", "tomo-full", "--cor", "24")
    assert outcome.rc in (0, 1), outcome
    assert others_are_done(g)
    assert not (g.rec / "bad_1_rec").exists()
    told = reason(g, outcome).lower()
    assert any(word in told for word in words), told


@pytest.mark.parametrize("keep", [0.0, 0.01, 0.3, 0.95])
def test_truncated_hdf5(g, keep):
    path = good_and(g)
    scans.truncate(path, keep)
    outcome = g.run("run", "tomo-full", "--cor", "24")
    assert outcome.rc in (0, 1), outcome
    assert others_are_done(g) and not (g.rec / "bad_1_rec").exists()
    assert "bad_1" in reason(g, outcome)


def test_not_hdf5_at_all(g):
    path = good_and(g)
    path.write_bytes(b"PK\3\4 not what the name says" * 100)
    outcome = g.run("run", "tomo-full", "--cor", "24")
    assert outcome.rc in (0, 1), outcome
    assert others_are_done(g)


def all_of(value):
    return lambda arrays: arrays["data"].__setitem__(slice(None), value)


@pytest.mark.parametrize("batch, flags", [("tomo-full", ["--cor", "24"]), ("tomo-ai-reco", [])])
@pytest.mark.parametrize("value", [np.nan, 0])
def test_a_scan_without_one_usable_sample_fails(g, value, batch, flags):
    """E2: what cannot be measured is no result: bad data, one line that says what and where."""
    good_and(g, dtype="float32", change=all_of(value))
    outcome = g.run("run", batch, *flags)
    assert outcome.rc == 1, outcome
    assert others_are_done(g) and not (g.rec / "bad_1_rec").exists()
    lines = [line for line in outcome.err.splitlines() if "bad data" in line and "bad_1" in line]
    assert len(lines) == 1 and "slices" in lines[0], outcome
    assert {task["code"] for task in g.tasks() if task["state"] == "failed"} == {"bad-data"}


def test_many_unusable_samples_are_a_warning_everybody_sees(g):
    """E2: more than half of the samples unusable: done, and said in ls, results and status."""
    def spoil(arrays):
        arrays["data"][:, :, 10:40] = 0
    good_and(g, change=spoil)
    outcome = g.ok("run", "tomo-full", "--cor", "24")
    assert "bad_1/full warning: 62.5 % of the samples" in outcome.err
    assert "62.5 %" in g.row("bad_1.h5")["warning"] and g.row("good_1.h5")["warning"] is None
    assert "62.5 %" in g.ok("ls").out
    run = g.json("status")[-1]
    assert run["warnings"] == 1
    warned = [row["name"] for row in g.json("results", run["id"]) if row["warning"]]
    assert warned == ["bad_1.h5"]


def test_nan_pixels_are_counted_and_repaired(g):
    def spoil(arrays):
        arrays["data"][3:6, 0, 20] = np.nan
    good_and(g, dtype="float32", change=spoil)
    g.ok("run", "tomo-full", "--cor", "24")
    import tifffile
    assert np.isfinite(tifffile.imread(g.rec / "bad_1_rec" / "recon_00000.tiff")).all()
    assert "3" in g.ok("log", "bad_1/full").out


def test_dead_and_negative_pixels_do_not_become_infinite(g):
    def spoil(arrays):
        arrays["data"][:, 0, 10] = 0
        arrays["data_white"][:, 1, 11] = 0
    good_and(g, change=spoil)
    g.ok("run", "tomo-full", "--cor", "24")
    import tifffile
    for index in (0, 1):
        assert np.isfinite(tifffile.imread(g.rec / "bad_1_rec" / f"recon_{index:05}.tiff")).all()


def test_a_scan_of_one_pixel(g):
    good_and(g, columns=1, rows=1)
    outcome = g.run("run", "tomo-full", "--cor", "0")
    assert outcome.rc in (0, 1), outcome
    assert others_are_done(g)


@pytest.mark.parametrize("name", ["with space_1.h5", 'quo"te_1.h5', "apo'strophe_1.h5", "new\nline_1.h5", "образец_1.h5",
    "$(touch hacked)_1.h5", "-rf_1.h5", "ta\tb_1.h5", "per%cent_1.h5", "back\\slash_1.h5", "é" * 60 + "_1.h5",
    "a" * 233 + "_1.h5", "b" * 245 + "_1.h5", "é" * 122 + "_1.h5"])
def test_names(g, name):
    scans.write(g.data / name, **SMALL)
    g.ok("run", "tomo-full", "--cor", "24")
    stem = name[:-3]
    assert (g.rec / f"{stem}_rec" / "recon_00001.tiff").exists()
    assert g.row(name)["cor"] == 24
    g.ok("run", g.batch("b", script('printf %s "$f1" > "$o1"')))
    assert (g.rec / stem / "out.txt").read_text() == str(g.data / name)
    assert not (g.data / "hacked").exists()
    shown = g.ok("ls").out
    assert len(shown.strip().split("\n")) == 3, shown  # heading, row, count


def test_a_data_folder_with_an_odd_name(g):
    folder = g.base / "bad \"name\"\n'здесь'"
    folder.mkdir()
    scans.write(folder / "s_1.h5", **SMALL)
    g.ok("run", "tomo-full", "--cor", "24", cwd=folder)
    assert (folder.with_name(folder.name + "_rec") / "s_1_rec" / "recon_00001.tiff").exists()


def test_unreadable_input(g):
    if os.getuid() == 0:
        pytest.skip("root reads everything")
    path = good_and(g)
    path.chmod(0)
    outcome = g.run("run", "tomo-full", "--cor", "24")
    assert outcome.rc in (0, 1, 4), outcome
    assert others_are_done(g) and "ermission" in reason(g, outcome)


def as_user(g):
    """An unprivileged user for what root may do anyway; skips when there is none to become."""
    if os.getuid() != 0:
        return {}
    try:
        subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "true"], check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("cannot become another user")
    for parent, folders, files in os.walk(g.base):
        for name in [parent] + [os.path.join(parent, x) for x in folders + files]:
            os.chown(name, 65534, 65534, follow_symlinks=False)
    g.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    return {}


def test_permissions_as_an_ordinary_user(g):
    """An input that cannot be read and an output folder that cannot be written: each named, the other items done."""
    path = good_and(g)
    path.chmod(0)
    as_user(g)
    outcome = g.run("run", "tomo-full", "--cor", "24")
    assert outcome.rc in (0, 1, 4), outcome
    assert others_are_done(g) and "ermission" in reason(g, outcome)
    shutil.rmtree(g.rec / "good_1_rec")
    g.rec.chmod(0o555)
    outcome = g.run("run", "tomo-full", "--cor", "25")
    g.rec.chmod(0o755)
    assert outcome.rc == 4, outcome
    assert "data_rec" in outcome.err and "ermission" in outcome.err


def test_full_disk_pauses_the_queue_and_loses_nothing(g):
    """A tmpfs too small for the outputs, in a mount namespace of its own: status 4; then room is made, and resumed."""
    if subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces here")
    for index in (1, 2, 3):
        scans.write(g.data / f"s_{index}.h5", columns=4, rows=1, angles=2, white=1, dark=1)
    batch = g.batch("b", script('head -c 3000000 /dev/zero > "$o1" && echo end >> "$o1"'))
    g.ok("config", "set", "disk_wait=1")
    g.ok("config", "set", "disk_reserve=0")
    g.rec.mkdir()
    inner = f"""
mount -t tmpfs -o size=8m none '{g.rec}' || exit 99
head -c 4000000 /dev/zero > '{g.rec}/ballast'
'{g.program}' run {batch} --slots 1 > '{g.base}/said' 2>&1 &
engine=$!
for i in $(seq 1 600); do grep -qi 'disk full' '{g.base}/said' && break; sleep 0.1; done
wait $engine; echo $? > '{g.base}/paused'
grep -i 'disk\\|space' '{g.base}/said' > '{g.base}/warning'
rm '{g.rec}/ballast'
mount -o remount,size=64m '{g.rec}'
'{g.program}' run --resume >> '{g.base}/said' 2>&1; echo $? > '{g.base}/status'
ls -l '{g.rec}'/*/out.txt | awk '{{print $5}}' > '{g.base}/sizes'
find '{g.rec}' -name '.gantry-*' > '{g.base}/left'
"""
    subprocess.run(["unshare", "-rm", "bash", "-c", inner], env=g.env, cwd=g.data, timeout=180, check=True)
    assert (g.base / "warning").read_text().strip()
    assert (g.base / "paused").read_text().strip() == "4"
    assert (g.base / "status").read_text().strip() == "0", (g.base / "said").read_text()
    assert (g.base / "sizes").read_text().split() == ["3000004"] * 3
    assert (g.base / "left").read_text() == ""


def test_a_name_that_is_not_utf8_is_noted_once(g):
    """A: left out and said when something is new, and by every `gantry scan`; not by every command."""
    scans.write(g.data / "s_1.h5", **SMALL)
    (pathlib.Path(os.fsdecode(os.fsencode(g.data) + b"/bad\xff_1.h5"))).write_bytes(b"x")
    assert "not UTF-8" in g.ok("ls").err
    assert "not UTF-8" not in g.ok("ls").err
    assert "not UTF-8" not in g.ok("set", "binning=1", "s_1.h5").err
    assert "not UTF-8" in g.ok("scan").err
