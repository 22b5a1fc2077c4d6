"""REQUIREMENTS D and E: series, their order, and undersized files; rulings X2, X6, X23."""
import h5py
import numpy as np
import pytest

import scans

TINY = {"columns": 8, "rows": 1, "angles": 4, "white": 1, "dark": 1}


def make(g, *names, **options):
    for name in names:
        scans.write(g.data / name, **{**TINY, **options})


def by_name(rows):
    return {row["name"]: row for row in rows}


@pytest.mark.parametrize("name, series, index", [
    ("sample_001.h5", "sample", 1),
    ("sample_010.h5", "sample", 10),
    ("sample-7.h5", "sample", 7),
    ("sample.7.h5", "sample", 7),
    ("sample__-.12.h5", "sample", 12),
    ("tooth.h5", "tooth", 0),
    ("b2_run3.h5", "b2_run", 3),
    ("2024.h5", "", 2024),
    ("a1b.h5", "a1b", 0),
    ("образец_05.h5", "образец", 5),
])
def test_D1_series_key_and_index(g, name, series, index):
    make(g, name)
    row = g.ls()[0]
    assert (row["name"], row["series"], row["index"]) == (name, series, index)


def test_D2_any_index_length_and_group_size(g):
    make(g, "sample_001.h5", "sample_002.h5", "sample_010.h5", "sample_11.h5", "other_1.h5")
    rows = by_name(g.ls())
    assert [rows[f"sample_{i}.h5"]["series"] for i in ("001", "002", "010", "11")] == ["sample"] * 4
    assert rows["other_1.h5"]["series"] == "other"
    series = {row["name"]: row for row in g.ls("--level", "series")}
    assert set(series) == {"sample", "other"}


def test_D3_rows_of_a_series_are_ordered_by_index(g):
    make(g, "s_10.h5", "s_9.h5", "s_100.h5", "s_1.h5")
    assert [row["index"] for row in g.ls("series:s")] == [1, 9, 10, 100]


def test_E1_A5_smaller_than_its_peers_is_skipped(g):
    make(g, "s_1.h5", "s_2.h5", "s_3.h5", angles=10)
    scans.write(g.data / "s_4.h5", **{**TINY, "angles": 4})
    rows = by_name(g.ls())
    assert rows["s_4.h5"]["status"] == "Skipped (small)"
    assert rows["s_4.h5"]["skipped"]
    assert all(rows[f"s_{i}.h5"]["status"] == "Ready" for i in (1, 2, 3))


def test_X2_undersized_counts_logical_bytes_not_file_size(g):
    """A compressed file is small on disk and still a whole scan; a padded one is large and is not."""
    make(g, "s_1.h5", "s_2.h5", columns=64, rows=8)
    scans.write(g.data / "s_3.h5", **{**TINY, "columns": 64, "rows": 8}, compression="gzip", chunks=True)
    scans.write(g.data / "s_4.h5", **{**TINY, "columns": 64, "rows": 2})
    with h5py.File(g.data / "s_4.h5", "a") as file:
        file.create_dataset("padding", data=np.zeros(100000))
    rows = by_name(g.ls())
    assert rows["s_3.h5"]["status"] == "Ready"
    assert rows["s_4.h5"]["status"] == "Skipped (small)"
    assert rows["s_3.h5"]["size"] == rows["s_1.h5"]["size"] or rows["s_3.h5"]["shape"] == rows["s_1.h5"]["shape"]


def test_E3_exactly_half_the_median_is_kept_and_less_is_not(g):
    make(g, "s_1.h5", "s_2.h5", "s_3.h5", angles=20)
    scans.write(g.data / "s_4.h5", **{**TINY, "angles": 10})
    scans.write(g.data / "s_5.h5", **{**TINY, "angles": 9})
    rows = by_name(g.ls())
    assert rows["s_4.h5"]["status"] == "Ready"
    assert rows["s_5.h5"]["status"] == "Skipped (small)"


def test_E3_even_count_takes_the_mean_of_the_two_middle_sizes(g):
    for index, angles in ((1, 4), (2, 10), (3, 14), (4, 20)):
        scans.write(g.data / f"s_{index}.h5", **{**TINY, "angles": angles})
    # the median is 12, half of it 6: only the first is below
    assert [r["status"] for r in g.ls("series:s")] == ["Skipped (small)", "Ready", "Ready", "Ready"]


def test_E3_percentage_is_an_option_and_0_switches_off(g):
    make(g, "s_1.h5", "s_2.h5", angles=20)
    scans.write(g.data / "s_3.h5", **{**TINY, "angles": 12})
    assert by_name(g.ls())["s_3.h5"]["status"] == "Ready"
    g.ok("config", "set", "undersized_percent=80")
    assert by_name(g.ls())["s_3.h5"]["status"] == "Skipped (small)"
    g.ok("config", "set", "undersized_percent=0")
    assert by_name(g.ls())["s_3.h5"]["status"] == "Ready"
    g.fails(2, "config", "set", "undersized_percent=101")


def test_E3_a_series_of_one_has_no_rule(g):
    make(g, "big_1.h5", "big_2.h5", angles=40)
    make(g, "alone_1.h5", angles=4)
    assert by_name(g.ls())["alone_1.h5"]["status"] == "Ready"


def test_E3_X2_unreadable_counts_as_zero_and_says_why(g):
    make(g, "s_1.h5", "s_2.h5", "s_3.h5", columns=64)
    scans.truncate(g.data / "s_3.h5")
    (g.data / "s_4.h5").write_bytes(b"this is not HDF5 at all")
    (g.data / "s_5.h5").write_bytes(b"")
    rows = by_name(g.ls())
    for name in ("s_3.h5", "s_4.h5", "s_5.h5"):
        assert rows[name]["skipped"], rows[name]
        assert rows[name]["reason"] if "reason" in rows[name] else rows[name]["skipped"]
    assert rows["s_1.h5"]["status"] == "Ready"


def test_X23_fewer_frames_than_angles_is_undersized(g):
    make(g, "s_1.h5", "s_2.h5", angles=10)
    scans.write(g.data / "s_3.h5", **{**TINY, "angles": 10, "frames": 8})
    assert by_name(g.ls())["s_3.h5"]["status"] == "Skipped (small)"


def test_X23_preallocated_and_never_written_is_undersized(g):
    make(g, "s_1.h5", "s_2.h5", angles=10, chunks=(1, 1, 8))
    with h5py.File(g.data / "s_3.h5", "w") as file:
        data = file.create_dataset("/exchange/data", (10, 1, 8), "uint16", chunks=(1, 1, 8))
        data[:4] = 7
        file["/exchange/data_white"] = np.full((1, 1, 8), 20100, "uint16")
        file["/exchange/data_dark"] = np.full((1, 1, 8), 100, "uint16")
        file["/exchange/theta"] = np.arange(10.0)
    assert by_name(g.ls())["s_3.h5"]["status"] == "Skipped (small)"


def test_E4_skipped_rows_are_left_out_of_runs_and_of_fix(g):
    make(g, "s_1.h5", "s_2.h5", "s_3.h5", angles=10)
    scans.write(g.data / "s_4.h5", **{**TINY, "angles": 2})
    batch = g.batch("touch", {"id": "a", "tool": "script.bash",
        "args": {"script": "echo hi > \"$o1\"", "f1": {"FILE": "."}, "o1": {"OUT": "a.txt"}}})
    g.ok("run", batch)
    assert sorted(p.parent.name for p in g.rec.rglob("a.txt")) == ["s_1", "s_2", "s_3"]
    g.ok("cor", "set", "s_1.h5", "4")
    g.ok("cor", "set", "s_2.h5", "4")
    report = g.json("cor", "fix")
    assert "s_4.h5" not in [row["name"] for row in report["filled"] + report["unchanged"]]


def test_E4_X6_enabled_by_hand_stays_enabled_and_runs(g):
    make(g, "s_1.h5", "s_2.h5", "s_3.h5", angles=10)
    scans.write(g.data / "s_4.h5", **{**TINY, "angles": 2})
    assert g.row("s_4.h5")["skipped"]
    g.ok("set", "skip=no", "s_4.h5")
    assert not g.row("s_4.h5")["skipped"]
    g.ok("scan")
    assert not g.row("s_4.h5")["skipped"]
    batch = g.batch("touch", {"id": "a", "tool": "script.bash",
        "args": {"script": "echo hi > \"$o1\"", "f1": {"FILE": "."}, "o1": {"OUT": "a.txt"}}})
    g.ok("run", batch)
    assert (g.rec / "s_4" / "a.txt").exists()


def test_E2_one_bad_file_does_not_fail_the_batch(g):
    for index in (1, 2, 3):
        scans.write(g.data / f"s_{index}.h5", columns=32)
    scans.truncate(g.data / "s_3.h5")
    outcome = g.ok("run", "tomo-full", "--cor", "17")
    assert (g.rec / "s_1_rec").is_dir() and (g.rec / "s_2_rec").is_dir(), outcome
    assert not (g.rec / "s_3_rec").exists()
