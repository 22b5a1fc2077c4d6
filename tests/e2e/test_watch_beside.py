"""REQUIREMENTS H, further: a watch beside another engine, one that is killed again and again, and what it must not take."""
import json
import os
import signal
import time

import pytest

import scans
from runner import script, wait_for
from test_watch import Writer, journal_batch, lines, stop, watch

WHOLE = {"columns": 48, "rows": 2, "angles": 40}


def said(g, name="said"):
    path = g.base / name
    return path.read_text() if path.exists() else ""


def loud(g, *args, name="said", **options):
    """A watch whose lines go to a file."""
    with open(g.base / name, "ab") as out:
        return watch(g, *args, stdout=out, stderr=out, **options)


def other_project(g):
    folder = g.base / "other"
    folder.mkdir()
    return folder


def test_a_watch_beside_another_engine_and_after_it(g):
    """The second watch asks the first one's engine; when that is killed, it becomes the engine itself."""
    batch = journal_batch(g)
    first = loud(g, "--run", batch, name="first", cwd=other_project(g))
    wait_for(lambda: "watching" in said(g, "first"), "the first watch")
    second = loud(g, "--run", batch)
    wait_for(lambda: "watching" in said(g), "the second watch")
    scans.write(g.data / "s_1.h5", **WHOLE)
    wait_for(lambda: lines(g) == ["s_1.h5"], "the scan taken beside the engine")
    first.kill()
    first.wait()
    time.sleep(0.2)
    scans.write(g.data / "s_2.h5", **WHOLE)
    wait_for(lambda: sorted(lines(g)) == ["s_1.h5", "s_2.h5"], "the scan taken by the new engine")
    stop(second)
    assert sorted(lines(g)) == ["s_1.h5", "s_2.h5"]


@pytest.mark.parametrize("kills", [8])
def test_killed_again_and_again_takes_each_once(g, kills):
    batch = journal_batch(g)
    writers = [Writer(g.data / f"s_{i}.h5", pause=0.02 + 0.01 * i) for i in range(1, 5)]
    process = loud(g, "--run", batch)
    wait_for(lambda: "watching" in said(g), "the watch")
    for writer in writers:
        writer.start()
    for i in range(kills):
        time.sleep(0.1 + 0.07 * (i % 5))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process = loud(g, "--run", batch)
    for writer in writers:
        writer.join()
    want = [f"s_{i}.h5" for i in range(1, 5)]
    wait_for(lambda: sorted(set(lines(g))) == want, "all scans taken")
    wait_for(lambda: g.json("status", status=None) is not None, "status")
    stop(process)
    tasks = g.json("ps", "--all", "run:1", "run:2", "run:3", "run:4", "run:5", "run:6", "run:7", "run:8")
    assert sorted(t["name"] for t in tasks) == want, tasks


def test_a_scan_without_a_centre_is_said_once_and_taken_when_it_has_one(g):
    process = loud(g, "--run", "tomo-full")
    wait_for(lambda: "watching" in said(g), "the watch")
    scans.write(g.data / "s_1.h5", **WHOLE)
    wait_for(lambda: "not launched" in said(g), "the refusal")
    time.sleep(1.5)
    assert said(g).count("not launched") == 1
    g.ok("cor", "set", "s_1.h5", "25")
    wait_for(lambda: (g.rec / "s_1_rec").is_dir(), "the reconstruction")
    stop(process)


def test_scans_in_subfolders_and_own_outputs(g):
    batch = journal_batch(g)
    process = loud(g, "--run", batch)
    wait_for(lambda: "watching" in said(g), "the watch")
    (g.data / "day1").mkdir()
    scans.write(g.data / "day1" / "s_1.h5", **WHOLE)
    (g.data / "day1_rec").mkdir()
    scans.write(g.data / "day1_rec" / "s_2.h5", **WHOLE)
    wait_for(lambda: lines(g) == ["s_1.h5"], "the scan below")
    stop(process)
    assert lines(g) == ["s_1.h5"]


def test_an_aborted_scan_that_grows_again_is_taken(g):
    batch = journal_batch(g)
    process = loud(g, "--run", batch)
    wait_for(lambda: "watching" in said(g), "the watch")
    scans.write(g.data / "s_1.h5", **WHOLE, frames=12)
    wait_for(lambda: "aborted" in said(g), "the flag")
    row = g.row("s_1.h5")
    assert row["status"] == "Skipped (small)" and "12 of 40" in row["reason"] and "aborted" in row["reason"]
    scans.write(g.data / "s_1.h5", **WHOLE)
    wait_for(lambda: lines(g) == ["s_1.h5"], "the completed scan")
    assert g.row("s_1.h5")["reason"] == ""
    stop(process)


def test_a_second_watch_starts_afresh_after_a_clean_end(g):
    batch = journal_batch(g)
    process = loud(g, "--run", batch)
    wait_for(lambda: "watching" in said(g), "the watch")
    stop(process)
    scans.write(g.data / "between.h5", **WHOLE)
    time.sleep(0.05)
    process = loud(g, "--run", batch)
    wait_for(lambda: said(g).count("watching") == 2, "the second watch")
    scans.write(g.data / "new.h5", **WHOLE)
    wait_for(lambda: lines(g) == ["new.h5"], "the new scan")
    stop(process)
    assert lines(g) == ["new.h5"]


def test_run_goes_with_watch(g):
    assert "--watch" in g.fails(2, "scan", "--run", "tomo-full").err


def test_a_batch_that_does_not_exist_is_refused_at_once(g):
    g.fails(2, "scan", "--watch", "--run", "no-such-batch", timeout=30)


def test_flat_fields_written_last_are_waited_for(g):
    """All projections are there, the flat fields are not yet: a reconstruction started now would fail."""
    import h5py
    process = loud(g, "--run", "tomo-full", "--cor", "25")
    wait_for(lambda: "watching" in said(g), "the watch")
    whole = g.base / "whole.h5"
    scans.write(whole, **WHOLE)
    with h5py.File(whole, "r") as old, h5py.File(g.data / "s_1.h5", "w") as new:
        new["/exchange/theta"] = old["/exchange/theta"][...]
        new["/exchange/data"] = old["/exchange/data"][...]
        white, dark = old["/exchange/data_white"][...], old["/exchange/data_dark"][...]
    time.sleep(0.6)
    with h5py.File(g.data / "s_1.h5", "a") as new:
        new["/exchange/data_white"] = white
        new["/exchange/data_dark"] = dark
    wait_for(lambda: (g.rec / "s_1_rec").is_dir(), "the reconstruction")
    stop(process)
    assert said(g).count("complete") == 1
