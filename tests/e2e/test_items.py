"""REQUIREMENTS I (forget), selectors, tags, set, projects; X1, X27; own outputs are never input."""
import os
import pathlib

import h5py
import numpy as np
import pytest

import scans

TINY = {"columns": 8, "rows": 1, "angles": 3, "white": 1, "dark": 1}


def make(g, *names):
    for name in names:
        path = g.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        scans.write(path, **TINY)


def names(rows):
    return sorted(row["name"] for row in rows)


def test_I1_I2_forget_takes_rows_off_the_list(g):
    make(g, "s_1.h5", "s_2.h5", "s_3.h5")
    g.ok("scan")
    g.ok("forget", "s_2.h5", "-y")
    assert names(g.ls()) == ["s_1.h5", "s_3.h5"]
    g.ok("scan")
    assert names(g.ls()) == ["s_1.h5", "s_3.h5"]


def test_I3_X1_forget_never_touches_the_disk(g):
    make(g, "s_1.h5", "s_2.h5")
    before = (g.data / "s_1.h5").read_bytes()
    g.ok("scan")
    g.ok("forget", "s_1.h5", "-y")
    assert (g.data / "s_1.h5").read_bytes() == before
    g.ok("scan", "--all")
    assert names(g.ls()) == ["s_1.h5", "s_2.h5"]


def test_I1_X27_forget_asks_only_on_a_terminal(g):
    make(g, "s_1.h5")
    g.ok("scan")
    outcome = g.run("forget", "s_1.h5")
    assert outcome.rc in (0, 2), outcome
    if outcome.rc == 2:
        assert "-y" in outcome.err and names(g.ls()) == ["s_1.h5"]


@pytest.mark.parametrize("selector, want", [
    (["s_0*"], ["s_001.h5", "s_002.h5"]),
    (["s_001.h5"], ["s_001.h5"]),
    (["series:s"], ["s_001.h5", "s_002.h5", "s_050.h5"][:2] + ["s_050.h5"]),
    (["scan:2-60"], ["s_002.h5", "s_050.h5", "t_7.h5"]),
    (["scan:1,7"], ["s_001.h5", "t_7.h5"]),
    (["t_*", "s_001.h5"], ["s_001.h5", "t_7.h5"]),
    (["status:ready"], ["s_001.h5", "s_002.h5", "s_050.h5", "t_7.h5"]),
    ([], ["s_001.h5", "s_002.h5", "s_050.h5", "t_7.h5"]),
])
def test_selectors(g, selector, want):
    make(g, "s_001.h5", "s_002.h5", "s_050.h5", "t_7.h5")
    if selector == ["s_0*"]:
        want = want + ["s_050.h5"]
    assert names(g.ls(*selector)) == want


def test_selector_by_id_and_path(g):
    make(g, "s_1.h5", "s_2.h5")
    row = g.row("s_2.h5")
    assert names(g.ls(f"id:{row['id']}")) == ["s_2.h5"]
    assert names(g.ls(str(g.data / "s_1.h5"), "-p", "data", cwd="/")) == ["s_1.h5"]


def test_selector_that_matches_nothing_is_3(g):
    make(g, "s_1.h5")
    g.fails(3, "run", "tomo-full", "x*", "--cor", "4")


def test_X13_characters_of_a_name_count_literally(g):
    make(g, "a[1]_1.h5", "a1_1.h5")
    assert names(g.ls(r"a\[1\]_1.h5")) == ["a[1]_1.h5"]
    assert "a[1]_1.h5" in names(g.ls("a[[]1]_1.h5"))


def test_tags(g):
    make(g, "s_1.h5", "s_2.h5")
    g.ok("tag", "add", "good", "s_1.h5")
    assert names(g.ls("tag:good")) == ["s_1.h5"]
    assert g.row("s_1.h5")["tags"] == ["good"]
    assert "good" in g.ok("tag", "ls").out
    g.ok("tag", "rm", "good", "s_1.h5")
    g.fails(3, "ls", "tag:good")
    assert names(g.ls()) == ["s_1.h5", "s_2.h5"]


def test_set_parameters_of_an_item(g):
    make(g, "s_1.h5", "s_2.h5")
    g.ok("set", "cor=4.5", "s_1.h5")
    assert g.row("s_1.h5")["cor"] == 4.5 and g.row("s_2.h5")["cor"] is None
    g.fails(2, "set", "cor=abc", "s_1.h5")
    g.fails(2, "set", "nothing_like_this=1", "s_1.h5")


def test_rows_have_at_least_the_stated_keys(g):
    make(g, "s_1.h5")
    assert set(g.ls()[0]) >= set("id,name,path,kind,series,index,status,cor,cor_source,size,shape,skipped,tags".split(","))
    assert g.ls()[0]["path"] == str(g.data / "s_1.h5")
    assert g.ls()[0]["kind"] == "hdf5-projections"
    assert g.ls()[0]["shape"] == [3, 1, 8]


def test_own_outputs_are_never_input(g):
    make(g, "s_1.h5", "try_center/x.h5", "s_9_rec/y.h5", ".gantry-5/z.h5")
    scans.write(g.data / "s_1_rec.h5", **TINY)
    assert names(g.ls()) == ["s_1.h5"]


def test_hdf5_without_projections_or_angles_is_other(g):
    make(g, "s_1.h5")
    with h5py.File(g.data / "table.h5", "w") as file:
        file["x"] = np.arange(4)
    with h5py.File(g.data / "no_theta.h5", "w") as file:
        file["/exchange/data"] = np.zeros((3, 1, 8))
    rows = {row["name"]: row["kind"] for row in g.ls("--level", "file")}
    assert rows["table.h5"] == "other" and rows["no_theta.h5"] == "other" and rows["s_1.h5"] == "hdf5-projections"
    assert names(g.ls()) == ["s_1.h5"]


def test_nxtomo(g):
    source = g.base / "source.h5"
    centre = scans.write(source, columns=96, angles=120, rows=2)
    with h5py.File(source) as old, h5py.File(g.data / "nx_1.h5", "w") as file:
        entry = file.create_group("entry")
        entry.attrs["NX_class"] = "NXentry"
        tomo = entry.create_group("instrument/detector")
        white, dark, data = (old["/exchange/" + n][...] for n in ("data_white", "data_dark", "data"))
        tomo["data"] = np.concatenate([dark, white, data])
        tomo["image_key"] = np.r_[[2] * len(dark), [1] * len(white), [0] * len(data)]
        angle = np.r_[np.zeros(len(dark) + len(white)), old["/exchange/theta"][...]]
        entry["sample/rotation_angle"] = angle
        entry["definition"] = "NXtomo"
        entry.create_group("data")
    source.unlink()
    row = g.row("nx_1.h5")
    assert row["kind"] == "hdf5-projections"
    g.ok("run", "tomo-ai-reco")
    assert g.row("nx_1.h5")["cor"] == pytest.approx(centre, abs=0.5)


def test_projects(g):
    make(g, "s_1.h5")
    other = g.base / "other"
    other.mkdir()
    scans.write(other / "o_1.h5", **TINY)
    g.ok("init", other, "--name", "second")
    assert names(g.ls("-p", "second")) == ["o_1.h5"]
    assert names(g.ls(env={"GANTRY_PROJECT": "second"})) == ["o_1.h5"]
    said = g.ok("ls", cwd=g.data)
    assert "s_1.h5" in said.out
    (g.rec / "x").mkdir(parents=True)
    assert names(g.ls(cwd=g.rec / "x")) == ["s_1.h5"]


def test_subfolders_are_part_of_the_project(g):
    make(g, "day1/s_1.h5", "day2/s_1.h5")
    assert names(g.ls()) == ["day1/s_1.h5", "day2/s_1.h5"]


def test_no_hdf5_at_all_is_3(g):
    g.fails(3, "run", "tomo-full", "--cor", "4")
    assert pathlib.Path(g.home).exists() and os.listdir(g.data) in ([], [".gantry"])
