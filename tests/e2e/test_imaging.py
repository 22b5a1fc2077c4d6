"""gantry-imaging by itself: headers, checks, tables, contact sheets, layouts and compressions of scans, descriptors."""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import h5py
import numpy as np
import openpyxl
import pytest
import tifffile

import scans

SOURCE = pathlib.Path(os.environ.get("GANTRY_SOURCE", pathlib.Path(__file__).parents[2]))
PROGRAM = os.environ.get("GANTRY_IMAGING", str(SOURCE / "build" / "gantry-imaging"))


def imaging(*args, status=0, **options):
    outcome = subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=300, **options)
    assert outcome.returncode == status, (args, outcome)
    if status:
        assert outcome.stderr.startswith("error: ") and outcome.stderr.count("\n") == 1, outcome.stderr
    return outcome


def test_help_of_one_command(tmp_path):
    """--help is never taken for a file's name."""
    said = imaging("make-studies", "--help", cwd=tmp_path).stdout
    assert said.startswith("  make-studies DIR") and said.count("\n") == 2 and not list(tmp_path.iterdir())


@pytest.fixture
def box(tmp_path, monkeypatch):
    monkeypatch.setenv("GANTRY_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    return tmp_path


def headers(box, *paths):
    (box / "list").write_bytes(b"".join(os.fsencode(p) + b"\0" for p in paths))
    (box / "out").unlink(missing_ok=True)
    imaging("headers", "--list", box / "list", "--out", box / "out")
    return [json.loads(line) for line in (box / "out").read_text().splitlines()]


# -- descriptors ---------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("step", ["recon.try", "recon.cor", "recon.full"])
def test_descriptors_are_what_the_steps_say(step):
    made = json.loads(imaging("describe", step).stdout)
    assert made == json.loads((SOURCE / "share" / "tools" / f"{step}.json").read_text()), \
        f"gantry-imaging describe {step} > share/tools/{step}.json"
    listed = {row["name"]: row["version"] for row in json.loads(imaging("--list").stdout)}
    assert listed[step] == made["custom"]["gantry"]["version"]


# -- headers -------------------------------------------------------------------------------------------------------

def test_headers_tell_shape_and_trouble_in_order(box):
    scans.write(box / "data" / "good_1.h5", columns=48, rows=3, angles=40)
    (box / "data" / "text.h5").write_text("no")
    with h5py.File(box / "data" / "other.h5", "w") as file:
        file["/something"] = 1
    paths = [box / "data" / n for n in ("good_1.h5", "text.h5", "absent.h5", "other.h5", "good_1.h5")]
    rows = headers(box, *paths)
    assert [row["path"] for row in rows] == [str(p) for p in paths]
    good = rows[0]
    assert (good["ok"], good["kind"], good["frames"], good["angles"], good["rows"], good["columns"]) == (
        True, "hdf5-projections", 40, 40, 3, 48)
    assert good["dtype"] == "uint16" and good["logical_bytes"] == 40 * 3 * 48 * 2
    assert good["complete"] and good["theta_ok"] and not good["unallocated"] and good["usable"]
    assert good["size"] == paths[0].stat().st_size and good["mtime_ns"] == paths[0].stat().st_mtime_ns
    assert not rows[1]["ok"] and "not an HDF5 file" in rows[1]["reason"]
    assert not rows[2]["ok"] and rows[2]["code"] == "cannot-read-or-write"
    assert rows[3]["ok"] and rows[3]["kind"] == "other" and "no projections" in rows[3]["reason"]


def test_X23_chunks_that_were_never_written_are_seen(box):
    with h5py.File(box / "s.h5", "w") as file:
        data = file.create_dataset("/exchange/data", (10, 2, 8), "u2", chunks=(1, 2, 8))
        data[:4] = 1
        file["/exchange/theta"] = np.arange(10.0)
    row, = headers(box, box / "s.h5")
    assert row["unallocated"] and "6 of 10 chunks" in row["reason"]


def test_a_name_that_is_not_utf8(box):
    name = os.fsencode(box / "data") + b"/\xff_1.h5"
    scans.write(box / "s.h5", columns=48, rows=1, angles=40)
    os.rename(box / "s.h5", name)
    row, = headers(box, os.fsdecode(name))
    assert row["ok"] and "\ufffd" in row["path"]


def test_a_file_that_crashes_the_hdf5_library_does_not_take_the_others_along(g):
    """Found by fuzzing: Debian 12's libhdf5 dies of a null pointer in this file's symbol table."""
    for index in (1, 2):
        scans.write(g.data / f"good_{index}.h5", columns=48, rows=2, angles=40)
    shutil.copy(SOURCE / "tests" / "data" / "crashes-libhdf5-1.10.h5", g.data / "good_0.h5")
    g.run("run", "tomo-full", "--cor", "24")
    rows = {row["name"]: row for row in g.ls()}
    assert {rows[f"good_{index}.h5"]["status"] for index in (1, 2)} == {"Full 0-1"}
    assert not (g.rec / "good_0_rec").exists()


# -- check ---------------------------------------------------------------------------------------------------------

def test_check_sees_what_is_cut(box):
    folder = box / "slices"
    folder.mkdir()
    for index in range(3):
        tifffile.imwrite(folder / f"recon_{index:05}.tiff", np.ones((32, 32), "f4"))
    imaging("check", folder)
    whole = (folder / "recon_00001.tiff").read_bytes()
    (folder / "recon_00001.tiff").write_bytes(whole[:-100])
    assert "recon_00001.tiff" in imaging("check", folder, status=1).stderr
    for name in ("a.h5", "a.png", "a.xlsx", "a.json", "a.tif", "a.txt"):
        (box / name).write_bytes(b"")
        assert "empty" in imaging("check", box / name, status=1).stderr
        (box / name).write_bytes(b"rubbish")
        imaging("check", box / name, status=0 if name == "a.txt" else 1)
    (box / "none").mkdir()
    assert "empty folder" in imaging("check", box / "none", status=1).stderr
    imaging("check", box / "absent", status=4)


# -- tables and pictures -------------------------------------------------------------------------------------------

def test_U9_numbers_are_numbers_and_text_is_utf8(box):
    table = {"title": "results", "columns": ["name", {"name": "cor", "width": 12}, "ok"],
        "rows": [["образец_1", 295.9, True], ["=1+1", None, False], ["1.20", 3, None]]}
    (box / "t.json").write_text(json.dumps(table))
    imaging("table", box / "t.json", box / "t.xlsx")
    imaging("check", box / "t.xlsx")
    sheet = openpyxl.load_workbook(box / "t.xlsx").active
    rows = list(sheet.iter_rows(values_only=True))
    assert rows == [("name", "cor", "ok"), ("образец_1", 295.9, True), ("=1+1", None, False), ("1.20", 3, None)]
    assert sheet["A3"].data_type == "s"
    assert not [p for p in box.iterdir() if ".tmp" in p.name]


def test_a_table_that_cannot_be_written(box):
    (box / "t.json").write_text(json.dumps({"columns": ["a"], "rows": []}))
    assert "absent/t.xlsx" in imaging("table", box / "t.json", box / "absent" / "t.xlsx", status=4).stderr
    (box / "t.json").write_text("{}")
    imaging("table", box / "t.json", box / "t.xlsx", status=1)
    assert not (box / "t.xlsx").exists()


def test_contact_sheet_shows_what_can_be_read(box):
    tifffile.imwrite(box / "a.tif", np.tile(np.linspace(0, 1, 300, dtype="f4"), (300, 1)))
    page = {"title": "demo", "across": 2, "tiles": [{"image": str(box / "a.tif"), "title": "образец", "subtitle": "centre"},
        {"image": str(box / "absent.tif"), "title": "b"}, {"title": "no image"}]}
    (box / "p.json").write_text(json.dumps(page))
    imaging("sheet", box / "p.json", box / "p.png")
    imaging("check", box / "p.png")
    from skimage.io import imread
    picture = imread(box / "p.png")
    assert picture.shape[2] == 3 and picture.min() < 20 and picture.max() == 255


def test_score_curve(box):
    (box / "s.csv").write_text("center,score\r\n" + "".join(f"{x},{(x - 20) ** 2}\r\n" for x in range(40)))
    imaging("curve", box / "s.csv", box / "s.png", "20")
    imaging("check", box / "s.png")
    (box / "s.csv").write_text("center,score\r\n")
    imaging("curve", box / "s.csv", box / "t.png", status=3)


# -- layouts and compressions --------------------------------------------------------------------------------------

def full(box, path, *flags, status=0):
    return imaging("recon", "--file-name", path, "--reconstruction-type", "full", "--out-path-name", box / "out.d",
        "--overwrite", *flags, status=status)


def slices(box):
    return np.stack([tifffile.imread(p) for p in sorted((box / "out.d").glob("recon_*.tiff"))])


@pytest.fixture
def plain(box):
    """A scan, what it becomes, and its centre."""
    centre = scans.write(box / "plain.h5", columns=64, rows=4, angles=90)
    full(box, box / "plain.h5", "--rotation-axis", centre)
    return box / "plain.h5", slices(box), centre


def test_nxtomo_gives_the_same_slices(box, plain):
    path, want, centre = plain
    with h5py.File(path) as old, h5py.File(box / "nx.nxs", "w") as new:
        e = old["exchange"]
        order = [e["data_dark"][...], e["data_white"][...], e["data"][:50], e["data_white"][...][:0], e["data"][50:]]
        keys = [2] * len(order[0]) + [1] * len(order[1]) + [0] * len(e["data"])
        theta = np.concatenate([np.zeros(len(keys) - len(e["theta"])), e["theta"][...]])
        new["/entry/instrument/detector/data"] = np.concatenate(order)
        new["/entry/instrument/detector/image_key"] = np.array(keys)
        new["/entry/sample/rotation_angle"] = theta
        new["/entry/sample/rotation_angle"].attrs["units"] = "degrees"
    row, = headers(box, box / "nx.nxs")
    assert (row["layout"], row["frames"], row["angles"], row["complete"]) == ("nxtomo", 90, 90, True)
    full(box, box / "nx.nxs", "--rotation-axis", centre)
    assert (slices(box) == want).all()


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {"compression": 32001}, {"compression": 32004},
    {"compression": 32008}, {"chunks": (1, 4, 64)}, {"chunks": (7, 2, 64), "compression": "gzip", "shuffle": True}])
def test_chunked_and_compressed_scans_give_the_same_slices(box, plain, options):
    path, want, centre = plain
    with h5py.File(path) as old, h5py.File(box / "c.h5", "w") as new:
        for name in ("data", "data_white", "data_dark"):
            try:
                new.create_dataset(f"/exchange/{name}", data=old["exchange"][name][...],
                    **{**options, "chunks": options.get("chunks", (1, 2, 64)) if name == "data" else True})
            except ValueError as e:
                pytest.skip(f"h5py here cannot write it: {e}")
        new["/exchange/theta"] = old["exchange/theta"][...]
    full(box, box / "c.h5", "--rotation-axis", centre)
    assert (slices(box) == want).all()


def test_a_filter_that_is_not_installed_is_named(box, plain):
    path, _, _ = plain
    with h5py.File(path, "r") as old, h5py.File(box / "c.h5", "w") as new:
        new.create_dataset("/exchange/data", data=old["exchange/data"][...], chunks=(1, 2, 64), compression="gzip")
        for name in ("data_white", "data_dark", "theta"):
            new[f"/exchange/{name}"] = old["exchange"][name][...]
    raw = (box / "c.h5").read_bytes()
    marker = b"deflate\0"
    assert marker in raw
    at = raw.index(marker) - 8  # the filter's number stands eight bytes before its name (version 1 message)
    assert raw[at:at + 2] == b"\1\0"
    (box / "c.h5").write_bytes(raw[:at] + (32099).to_bytes(2, "little") + raw[at + 2:])
    assert "32099" in full(box, box / "c.h5", "--rotation-axis", "30", status=1).stderr


@pytest.mark.parametrize("turned", [lambda n: np.random.default_rng(3).permutation(n), lambda n: np.arange(n)[::-1]])
def test_order_of_projections_does_not_matter(box, plain, turned):
    path, want, centre = plain
    with h5py.File(path, "r+") as file:
        order = turned(90)
        file["exchange/data"][...] = file["exchange/data"][...][order]
        file["exchange/theta"][...] = file["exchange/theta"][...][order]
    full(box, path, "--rotation-axis-auto", "auto")
    line = (box / "out.d" / "rec_line.txt").read_text().split()
    assert float(line[line.index("--rotation-axis") + 1]) == pytest.approx(centre, abs=0.5)
    full(box, path, "--rotation-axis", centre)
    assert np.abs(slices(box) - want).max() < 1e-4 * np.abs(want).max()


def test_memory_does_not_change_the_bits(box):
    """Slabs of any size give the same slices: cutting rows at even places and reading all at once."""
    centre = scans.write(box / "s.h5", columns=64, rows=8, angles=90)
    full(box, box / "s.h5", "--rotation-axis", centre)
    whole = slices(box)
    parts = []
    for row in (0, 2, 4, 6):
        full(box, box / "s.h5", "--rotation-axis", centre, "--start-row", row, "--end-row", row + 2)
        parts.append(slices(box))
    assert (np.concatenate(parts) == whole).all()


def test_a_tomocupy_configuration(box, plain):
    path, want, centre = plain
    (box / "t.conf").write_text(f"""[general]
config = /home/user/tomocupyon.conf
verbose = False

[file-reading]
file-name = {path}
# out-path-name =
binning = 0
blocked-views = none

[remove-stripe]
remove-stripe-method = none

[fw]
fw-sigma = 1
fw-pad = True

[reconstruction]
rotation-axis = {centre}
rotation-axis-pairs = [0,0]
rotation-axis-method = sift
center-search-width = 10.0
nsino-per-chunk = 8
dezinger = 0
minus-log = True
some-newer-key = 3

[reconstruction-types]
reconstruction-type = full
reconstruction-algorithm = fourierrec
""")
    imaging("recon", "--config", box / "t.conf", "--out-path-name", box / "out.d", "--overwrite")
    assert (slices(box) == want).all()
    (box / "t.conf").write_text("[reconstruction]\nfbp-filter = nonsense\n")
    assert "t.conf" in imaging("recon", "--config", box / "t.conf", "--file-name", path, status=2).stderr


def test_what_gantry_did_not_make_is_not_replaced(box, plain):
    path, _, centre = plain
    folder = box / "mine"
    folder.mkdir()
    (folder / "precious.txt").write_text("mine")
    common = ("recon", "--file-name", path, "--reconstruction-type", "full", "--rotation-axis", centre, "--out-path-name",
        folder)
    assert "--overwrite" in imaging(*common, status=1).stderr
    assert (folder / "precious.txt").read_text() == "mine"
    imaging(*common, "--overwrite")
    assert not (folder / "precious.txt").exists() and (folder / "rec_line.txt").exists()
    imaging(*common)  # what Gantry made, it replaces
    assert not [p for p in box.iterdir() if p.name.startswith(".gantry")]


def test_made_scans_are_what_they_say(box):
    made = json.loads(imaging("make-scans", box / "data", "--series", "1", "--scans", "3", "--columns", "96", "--rows", "2",
        "--angles", "90", "--faults").stdout)
    rows = {row["path"]: row for row in headers(box, *[m["path"] for m in made])}
    for scan in made:
        row = rows[scan["path"]]
        assert row["ok"] == (scan["fault"] != "truncated")
        if scan["fault"] == "aborted":
            assert row["frames"] < row["angles"]
    sound = next(m for m in made if m["fault"] == "far-centre")
    full(box, sound["path"], "--rotation-axis-auto", "auto")
    line = (box / "out.d" / "rec_line.txt").read_text().split()
    assert float(line[line.index("--rotation-axis") + 1]) == pytest.approx(sound["centre"], abs=1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_reconstruction_leaves_nothing(box, number):
    """Ctrl-C takes everything away; what a kill -9 leaves, the next run clears."""
    scans.write(box / "s.h5", columns=512, rows=1, angles=60)
    long = [PROGRAM, "recon", "--file-name", str(box / "s.h5"), "--rotation-axis", "256", "--center-search-width", "250",
        "--center-search-step", "0.05", "--out-path-name", str(box / "out.d")]
    process = subprocess.Popen(long, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(box.glob("out.d/.gantry-recon-*/*.tiff")):
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(60) == (130 if number == signal.SIGINT else -9)
    if number == signal.SIGKILL:
        assert list(box.glob("out.d/.gantry-recon-*"))
        imaging("recon", "--file-name", box / "s.h5", "--rotation-axis", "256", "--center-search-width", "1",
            "--out-path-name", box / "out.d")
    assert not list(box.glob("out.d/.gantry-recon-*"))
