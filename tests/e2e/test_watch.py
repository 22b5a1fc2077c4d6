"""REQUIREMENTS H: a live acquisition is followed by content; nothing half-written is taken, nothing twice."""
import json
import os
import signal
import sqlite3
import threading
import time

import h5py
import numpy as np
import pytest

import scans
from runner import script, wait_for

SHAPE = (40, 2, 48)  # projections, rows, columns


class Writer(threading.Thread):
    """Appends projections to one scan, as a detector does; stops early when `until` is given (an aborted scan)."""

    def __init__(self, path, until=None, pause=0.02):
        super().__init__(daemon=True)
        self.path, self.until, self.pause = path, until or SHAPE[0], pause
        scans.write(path.with_suffix(".source"), columns=SHAPE[2], rows=SHAPE[1], angles=SHAPE[0])

    def run(self):
        with h5py.File(self.path.with_suffix(".source"), "r") as source:
            arrays = {name: source["/exchange/" + name][...] for name in ("data", "data_white", "data_dark", "theta")}
        with h5py.File(self.path, "w", libver="latest") as file:
            file["/exchange/theta"] = arrays["theta"]
            file["/exchange/data_white"] = arrays["data_white"]
            file["/exchange/data_dark"] = arrays["data_dark"]
            data = file.create_dataset("/exchange/data", (0, *SHAPE[1:]), "uint16", maxshape=(None, *SHAPE[1:]),
                chunks=(1, *SHAPE[1:]))
            for frame in range(self.until):
                data.resize(frame + 1, axis=0)
                data[frame] = arrays["data"][frame]
                file.flush()
                time.sleep(self.pause)
        self.path.with_suffix(".source").unlink()


def journal_batch(g):
    """Notes each scan it works on, and how many projections that scan had."""
    return g.batch("note", script(f'echo "$(basename "$f1")" >> "{g.base}/journal"; echo x > "$o1"'))


def lines(g):
    path = g.base / "journal"
    return path.read_text().split() if path.exists() else []


def stop(process, number=signal.SIGINT):
    process.send_signal(number)
    assert process.wait(60) in (0, 130)


def watch(g, *args, **options):
    g.ok("config", "set", "watch_poll=0.5")
    g.ok("config", "set", "watch_abort_after=3")
    return g.start("scan", "--watch", *args, **options)


def test_H1_H2_each_scan_is_taken_when_its_frames_reach_its_angles(g):
    batch = journal_batch(g)
    process = watch(g, "--run", batch)
    wait_for(lambda: g.processes(), "the watcher")
    writers = [Writer(g.data / f"s_{i}.h5", pause=0.01 * i) for i in (1, 2, 3)]
    for writer in writers:
        writer.start()
    wait_for(lambda: sorted(lines(g)) == ["s_1.h5", "s_2.h5", "s_3.h5"], "all three scans taken")
    for writer in writers:
        writer.join()
    stop(process)
    assert sorted(lines(g)) == ["s_1.h5", "s_2.h5", "s_3.h5"]


def test_H2_a_preallocated_scan_of_final_size_is_not_complete(g):
    """Neither the size of the file nor the shape alone says that the frames are there: this one has fewer frames."""
    batch = journal_batch(g)
    process = watch(g, "--run", batch)
    wait_for(lambda: g.processes(), "the watcher")
    scans.write(g.data / "short.h5", columns=48, rows=2, angles=40, frames=39)
    scans.write(g.data / "whole.h5", columns=48, rows=2, angles=40)
    wait_for(lambda: lines(g) == ["whole.h5"], "the whole scan")
    with h5py.File(g.data / "short.h5", "a") as file:
        old = file["/exchange/data"][...]
        del file["/exchange/data"]
        file["/exchange/data"] = np.concatenate([old, old[:1]])
    wait_for(lambda: sorted(lines(g)) == ["short.h5", "whole.h5"], "the completed scan")
    stop(process)


def test_H3_says_how_far_an_incomplete_scan_is(g):
    with open(g.base / "said", "wb") as said:
        process = watch(g, stdout=said, stderr=said)
        wait_for(lambda: g.processes(), "the watcher")
        scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40, frames=17)
        wait_for(lambda: b"s_1.h5: 17/40 projections written" in (g.base / "said").read_bytes(), "the report")
        stop(process)


def test_H4_files_present_at_start_are_not_new(g):
    scans.write(g.data / "old.h5", columns=48, rows=2, angles=40)
    batch = journal_batch(g)
    process = watch(g, "--run", batch)
    wait_for(lambda: g.ls(), "the list")
    scans.write(g.data / "new.h5", columns=48, rows=2, angles=40)
    wait_for(lambda: lines(g) == ["new.h5"], "the new scan")
    stop(process)
    assert lines(g) == ["new.h5"]


def test_live_acquisition_with_an_aborted_scan_and_a_killed_watcher(g):
    """The acceptance: three scans grow, one is aborted; the watcher is killed in the middle and started again."""
    process = watch(g, "--run", "tomo-ai-reco")
    wait_for(lambda: g.processes(), "the watcher")
    writers = [Writer(g.data / "s_1.h5"), Writer(g.data / "s_2.h5", pause=0.05), Writer(g.data / "s_3.h5", until=12)]
    for writer in writers:
        writer.start()
    wait_for(lambda: (g.rec / "s_1_rec").is_dir() or not writers[0].is_alive(), "the first scan")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process = watch(g, "--run", "tomo-ai-reco")
    wait_for(lambda: (g.rec / "s_1_rec").is_dir() and (g.rec / "s_2_rec").is_dir(), "both scans reconstructed", 120)
    for writer in writers:
        writer.join()
    wait_for(lambda: all(t["state"] not in ("ready", "waiting", "running") for t in g.json("ps", "--all")), "idle")
    stop(process)
    assert not (g.rec / "s_3_rec").exists()
    row = g.row("s_3.h5")
    assert "12" in json.dumps(row) and row["status"] not in ("Done", "Ready"), row
    with sqlite3.connect(f"file:{g.home}/gantry.db?mode=ro", uri=True) as db:
        done = db.execute("SELECT item.name FROM task JOIN item ON item.id = task.item_id "
            "WHERE job_id = 'full' AND state = 5 ORDER BY 1").fetchall()
    assert [name for name, in done] == ["s_1.h5", "s_2.h5"]


def test_B2_a_watch_that_goes_on_keeps_the_centre_it_was_begun_with(g):
    """Killed and started again without a word: the first one's --cor. Another --cor takes its place."""
    def launched():
        with sqlite3.connect(f"file:{g.home}/gantry.db?mode=ro", uri=True) as db:
            return [row[0] for row in db.execute("SELECT json_extract(options,'$.cor') FROM run ORDER BY id")]

    batch = journal_batch(g)
    for i, (words, cor) in enumerate(((["--cor", "24.5"], 24.5), ([], 24.5), (["--cor", "23"], 23), ([], 23))):
        with open(g.base / f"said_{i}", "wb") as said:
            process = watch(g, "--run", batch, *words, stdout=said, stderr=said)
        wait_for(lambda: b"watch" in (g.base / f"said_{i}").read_bytes(), "its first line")
        scans.write(g.data / f"s_{i}.h5", columns=48, rows=2, angles=40)
        wait_for(lambda: len(lines(g)) == i + 1, "the scan taken")
        process.kill()
        process.wait()
        assert launched()[-1] == cor


def begun(path, mode, frames=17):
    """A scan of 40 that a writer still has open, `frames` of them written."""
    file = h5py.File(path, "w", **({"libver": "latest"} if mode in ("swmr", "latest") else {}))
    exchange = file.create_group("exchange")
    exchange["data_white"] = np.full((2, *SHAPE[1:]), 2000, "uint16")
    exchange["data_dark"] = np.zeros((2, *SHAPE[1:]), "uint16")
    exchange["theta"] = np.arange(SHAPE[0]) * 180 / SHAPE[0]
    how = {"chunks": {"chunks": (1, *SHAPE[1:])}, "block": {}, "large chunks": {"chunks": (8, *SHAPE[1:])}}.get(mode)
    if how is None:
        data = exchange.create_dataset("data", (0, *SHAPE[1:]), "uint16", maxshape=(None, *SHAPE[1:]), chunks=(1, *SHAPE[1:]))
    else:
        data = exchange.create_dataset("data", SHAPE, "uint16", **how)
    if mode == "swmr":
        file.swmr_mode = True
    for frame in range(frames):
        if how is None:
            data.resize(frame + 1, 0)
        data[frame] = 1000
    if mode != "not flushed":
        file.flush()
    return file


@pytest.mark.parametrize("mode, told", [
    ("plain", "17 of 40"), ("swmr", "17 of 40"), ("chunks", "17 of 40"), ("large chunks", "24 of 40"), ("block", "17 of 40"),
    ("latest", "being written"), ("not flushed", "being written")])
def test_H3_X23_what_a_writer_has_open_is_being_written_not_damaged(g, mode, told):
    """Unwritten parts of a preallocated file are no frames; a file that cannot be opened yet is not called damaged."""
    with begun(g.data / "s_1.h5", mode):
        g.run("scan")
        reason = [row for row in g.ls("--level", "file") if row["name"] == "s_1.h5"][0]["reason"]
        assert told in reason and "damaged" not in reason, reason
    if mode != "block":  # closed: only a writer that has it open makes us look at its pixels
        g.ok("scan")
        reason = g.row("s_1.h5")["reason"]
        assert "of 40" in reason, reason
