"""Pictures over HTTP (issue 3, parts 4 and 5; REQUIREMENTS B6, B10, G18, G19, X21): what a browser gets is what lies on
the disk, read by libraries that are not ours. Real server, real helper, real reconstructions."""
import http.client
import io
import json
import os
import shutil
import signal
import urllib.parse

import h5py
import numpy as np
import pytest
import tifffile
from PIL import Image

import scans
from conftest import SOURCE
from runner import wait_for

COLUMNS, ROWS, ANGLES = 64, 6, 60


class Reply:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)

    def number(self, name):
        return float(self.headers[name])

    def plane(self, dtype):
        return np.frombuffer(self.body, dtype).reshape(int(self.headers["X-Height"]), int(self.headers["X-Width"]))

    def floats(self):
        return self.plane("<f4")

    def png(self):
        picture = Image.open(io.BytesIO(self.body))
        picture.load()
        return np.asarray(picture)

    def __repr__(self):
        return f"{self.status} {dict(self.headers)} {self.body[:300]!r}"


class Server:
    """`gantry serve` on a free port, asked as a script would: by the token."""

    def __init__(self, g):
        self.g = g
        self.process = g.start("serve", "--listen", "127.0.0.1:0")
        place = wait_for(lambda: self.place(), "the server says where it is")
        self.port = place["port"]
        self.token = urllib.parse.parse_qs(urllib.parse.urlsplit(place["url"]).query)["token"][0]

    def place(self):
        try:
            return json.loads((self.g.home / "serve.json").read_text())
        except (OSError, ValueError):
            assert self.process.poll() is None, "the server ended"
            return None

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def headers(self, **more):
        return {"Authorization": f"Bearer {self.token}", **more}

    def get(self, path, headers=None, /, **query):
        link = self.connect()
        if query:
            path += "?" + urllib.parse.urlencode(query)
        link.request("GET", "/api/v1/" + path, headers={**self.headers(), **(headers or {})})
        answer = link.getresponse()
        reply = Reply(answer.status, answer.headers, answer.read())
        link.close()
        return reply

    def ok(self, path, /, **query):
        reply = self.get(path, **query)
        assert reply.status == 200, reply
        return reply

    def refused(self, status, path, /, **query):
        """A problem (RFC 9457) of one line, and a server that goes on."""
        reply = self.get(path, **query)
        assert reply.status == status, reply
        problem = reply.json()
        assert problem["detail"] and "\n" not in problem["detail"], problem
        return problem["detail"]

    def helpers(self):
        return [pid for pid, words in self.g.processes().items() if words[-1:] == ["look"]]


@pytest.fixture
def look(g):
    """A server over one scan, tried and reconstructed; `look.item` is the scan's id."""
    return started(g, "tomo-ai-reco")


def started(g, *batch, name="s_1.h5", **options):
    g.centre = scans.write(g.data / name, **{"columns": COLUMNS, "rows": ROWS, "angles": ANGLES, **options})
    g.ok("scan")
    if batch:
        g.ok("run", *batch)
    server = Server(g)
    server.item = g.row(name)["id"]
    return server


def windowed(image, lo, hi):
    return np.floor(np.clip((image.astype("f8") - lo) * 255 / (hi - lo), 0, 255) + 0.5)


def circle(image):
    n = image.shape[0]
    y, x = np.mgrid[0:n, 0:n] - (n - 1) / 2
    return image[x**2 + y**2 <= (n / 2 - 1) ** 2]


def full(g, index, name="s_1"):
    return tifffile.imread(g.rec / f"{name}_rec" / f"recon_{index:05d}.tiff")


def put_full(g, index, pixels, name="s_1"):
    folder = g.rec / f"{name}_rec"
    folder.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / f"recon_{index:05d}.tiff", pixels)


# -- what is shown is what was made -----------------------------------------------------------------------------------


def test_G18_G19_full_slices_in_every_format(g, look):
    for index in (0, ROWS - 1):
        truth = full(g, index)
        raw = look.ok(f"slices/{look.item}", kind="full", index=index, format="raw")
        assert raw.headers["Content-Type"] == "application/octet-stream"
        assert np.array_equal(raw.floats(), truth)
        lo, hi = np.percentile(circle(truth), [5, 95])
        assert raw.number("X-Lo") == pytest.approx(lo, rel=1e-6) and raw.number("X-Hi") == pytest.approx(hi, rel=1e-6)
        png = look.ok(f"slices/{look.item}", kind="full", index=index)
        assert png.headers["Content-Type"] == "image/png"
        assert png.png().shape == truth.shape and png.png().dtype == np.uint8
        assert np.abs(png.png() - windowed(truth, lo, hi)).max() <= 1
        chosen = look.ok(f"slices/{look.item}", kind="full", index=index, lo=0, hi=0.02, format="raw8")
        assert np.abs(chosen.plane("u1") - windowed(truth, 0, 0.02)).max() <= 1
        stored = look.ok(f"slices/{look.item}", kind="full", index=index, level=0).png()
        assert np.array_equal(stored, png.png())


def test_thumbnails_are_area_averages(g, look):
    truth = full(g, 2).astype("f8")
    small = look.ok(f"slices/{look.item}", kind="full", index=2, format="raw", max=16)
    assert np.allclose(small.floats(), truth.reshape(16, 4, 16, 4).mean((1, 3)), rtol=1e-4, atol=1e-8)
    assert small.headers["X-Full-Width"] == str(COLUMNS)
    odd = look.ok(f"slices/{look.item}", kind="full", index=2, format="raw", max=17).floats()
    assert odd.mean() == pytest.approx(truth.mean(), rel=1e-3)
    tiny = look.ok(f"slices/{look.item}", kind="full", index=2, max=1).png()
    assert tiny.shape == (1, 1)
    coloured = Image.open(io.BytesIO(look.ok(f"slices/{look.item}", kind="full", index=2, map="viridis").body))
    colours = np.asarray(coloured.convert("RGB")).reshape(-1, 3)
    assert coloured.mode == "P" and tuple(colours.min(0)) != tuple(colours.max(0))


def test_X21_try_slices_by_centre_with_their_scores(g, look):
    facts = look.ok(f"pictures/{look.item}").json()["try"]
    folder = g.rec / "try_center" / "s_1"
    assert facts["files"] == sorted(p.name for p in folder.glob("recon_slice*.tiff"))
    assert len(facts["centres"]) == len(facts["scores"]) == 21 and facts["width"] == COLUMNS
    assert facts["best"] == pytest.approx(g.row("s_1.h5")["cor"], abs=0.005)
    curve = np.loadtxt(folder / "center_scores.csv", delimiter=",", skiprows=1)
    assert np.allclose(facts["curve"]["centres"], curve[:, 0]) and np.allclose(facts["curve"]["scores"], curve[:, 1])
    scores = np.array([np.nan if s is None else s for s in facts["scores"]])
    inside = np.isfinite(scores)
    assert np.allclose(scores[inside], np.interp(np.array(facts["centres"])[inside], curve[:, 0], curve[:, 1]))
    for name, centre in zip(facts["files"], facts["centres"]):
        reply = look.ok(f"slices/{look.item}", kind="try", centre=centre, format="raw")
        assert np.array_equal(reply.floats(), tifffile.imread(folder / name))
        assert reply.number("X-Centre") == pytest.approx(centre)
    nearest = look.ok(f"slices/{look.item}", kind="try")
    assert abs(nearest.number("X-Centre") - facts["best"]) <= 0.26
    stack = look.ok(f"slices/{look.item}/stack", max=8, format="raw8", lo=0, hi=0.02)
    tiles = np.frombuffer(stack.body, "u1").reshape(int(stack.headers["X-Count"]), 8, 8)
    assert len(tiles) == 21
    one = tifffile.imread(folder / facts["files"][4]).astype("f8").reshape(8, 8, 8, 8).mean((1, 3))
    assert np.abs(tiles[4] - windowed(one, 0, 0.02)).max() <= 1
    # A name that does not say its row is a row of its own.
    (folder / "other_center12.5.tif").write_bytes((folder / facts["files"][0]).read_bytes())
    assert look.ok(f"pictures/{look.item}").json()["try"]["rows"] == [-1, facts["row"]]
    assert look.ok(f"pictures/{look.item}", row=-1).json()["try"]["centres"] == [12.5]
    assert look.ok(f"slices/{look.item}", kind="try", row=-1, centre=99).number("X-Centre") == 12.5
    assert look.ok(f"slices/{look.item}", kind="try", centre=12.5).number("X-Centre") == facts["centres"][0]


def test_raw_projections_and_flat_correction(g):
    rng = np.random.default_rng(5)

    def beam(arrays):
        profile = 15000 + 3000 * np.sin(np.arange(COLUMNS) / 5)
        arrays["data_white"] = (arrays["data_white"] * 0 + profile + rng.integers(0, 50, arrays["data_white"].shape)).astype("u2")
        arrays["data_dark"] = (arrays["data_dark"] * 0 + 90 + np.arange(COLUMNS) % 7).astype("u2")

    server = started(g, change=beam)
    with h5py.File(g.data / "s_1.h5") as f:
        data, white, dark = (f["/exchange/" + n][...].astype("f8") for n in ("data", "data_white", "data_dark"))
    white, dark = white.mean(0), dark.mean(0)
    facts = server.ok(f"pictures/{server.item}").json()
    assert facts["try"] is None and facts["full"] is None
    assert [facts["raw"][k] for k in ("frames", "rows", "columns", "flats", "darks")] == [ANGLES, ROWS, COLUMNS, 4, 4]
    item = f"slices/{server.item}"
    for index in (0, 7, ANGLES - 1):
        assert np.array_equal(server.ok(item, kind="raw", index=index, format="raw").floats(), data[index].astype("f4"))
        flat = server.ok(item, kind="raw", index=index, flat=1, format="raw").floats()
        assert np.allclose(flat, (data[index] - dark) / (white - dark), rtol=1e-5)
    for shift in (3, -5):
        moved = np.clip(np.arange(COLUMNS) - shift, 0, COLUMNS - 1)
        truth = (data[7] - dark) / (white - dark)[:, moved]
        assert np.allclose(server.ok(item, kind="raw", index=7, flat=1, shift=shift, format="raw").floats(), truth, rtol=1e-5)
    assert np.array_equal(server.ok(item, kind="sinogram", index=2, format="raw").floats(), data[:, 2].astype("f4"))
    sino = server.ok(item, kind="sinogram", index=2, flat=1, format="raw").floats()
    assert np.allclose(sino, ((data - dark) / (white - dark))[:, 2], rtol=1e-5)
    assert "59" in server.refused(404, item, kind="raw", index=ANGLES)


def test_a_volume_in_hdf5_is_counted_absolutely(g):
    server = started(g, "tomo-full", "--cor", "33", "--set", "save_format=h5", "--set", "start_row=2")
    with h5py.File(g.rec / "s_1_rec.h5") as f:
        volume = f["/exchange/data"][...]
    facts = server.ok(f"pictures/{server.item}").json()["full"]
    assert (facts["source"], facts["first"], facts["last"], facts["width"]) == ("h5", 2, ROWS - 1, COLUMNS)
    for index in (2, ROWS - 1):
        assert np.array_equal(server.ok(f"slices/{server.item}", kind="full", index=index, format="raw").floats(), volume[index - 2])
    assert "2 to 5" in server.refused(404, f"slices/{server.item}", kind="full", index=1)


def test_histogram_and_profile(g, look):
    truth = full(g, 3)
    histogram = look.ok(f"slices/{look.item}/histogram", kind="full", index=3).json()
    counts, _ = np.histogram(truth, 256, (truth.min(), truth.max()))
    assert sum(histogram["bins"]) == truth.size and np.abs(np.array(histogram["bins"]) - counts).sum() <= 4
    assert [histogram[k] for k in ("min", "max", "mean", "std")] == pytest.approx(
        [truth.min(), truth.max(), truth.mean(), truth.std()], rel=1e-4)
    assert [histogram["p5"], histogram["p95"]] == pytest.approx(list(np.percentile(circle(truth), [5, 95])), rel=1e-6)
    profile = look.ok(f"slices/{look.item}/profile", kind="full", index=3, x0=5, y0=10, x1=50, y1=10).json()
    assert np.allclose(profile["values"], truth[10, 5:51]) and profile["length"] == 45
    slant = look.ok(f"slices/{look.item}/profile", kind="full", index=3, x0=10.5, y0=20, x1=10.5, y1=24).json()
    assert np.allclose(slant["values"], (truth[20:25, 10] + truth[20:25, 11]) / 2, rtol=1e-5)
    outside = look.ok(f"slices/{look.item}/profile", kind="full", index=3, x0=-5, y0=1, x1=3, y1=1).json()
    assert outside["values"][0] is None and outside["values"][-1] is not None
    look.refused(400, f"slices/{look.item}/profile", kind="full", index=3, x0=1)


def test_metadata_tree(g):
    server = started(g)
    with h5py.File(g.data / "s_1.h5", "a") as f:
        f["/measurement/sample/name"] = "Zahn ä"
        f["/measurement/instrument/energy"] = 27.5
        f["/measurement/instrument/energy"].attrs["units"] = "keV"
        f["/measurement/grid"] = np.arange(6).reshape(2, 3)
        f["/measurement/nan"] = np.nan
        f.create_dataset("/measurement/packed", data=np.zeros((40, 40)), chunks=(10, 40), compression="gzip")
        f["/soft"] = h5py.SoftLink("/exchange/data")
        f["/out"] = h5py.ExternalLink("/etc/secret.h5", "/x")
        f["/measurement/loop"] = f["/measurement"]
        f["/measurement"].attrs["bytes"] = np.bytes_("plain")
    tree = server.ok(f"metadata/{server.item}").json()
    nodes = {node["path"]: node for node in tree["nodes"]}
    assert nodes["/measurement/sample/name"]["value"] == "Zahn ä"
    energy = nodes["/measurement/instrument/energy"]
    assert energy["value"] == 27.5 and energy["attributes"] == {"units": "keV"} and energy["dtype"] == "float64"
    assert nodes["/measurement/grid"]["value"] == list(range(6)) and nodes["/measurement/grid"]["shape"] == [2, 3]
    assert nodes["/measurement/nan"]["value"] == "nan"
    assert nodes["/exchange/data"]["shape"] == [ANGLES, ROWS, COLUMNS] and nodes["/exchange/data"]["value"] is None
    assert nodes["/measurement/packed"]["chunk"] == [10, 40] and nodes["/measurement/packed"]["filters"] == ["deflate"]
    assert nodes["/soft"]["target"] == "/exchange/data" and nodes["/out"]["target"] == "/etc/secret.h5:/x"
    assert nodes["/measurement"]["attributes"] == {"bytes": "plain"}
    found = server.ok(f"metadata/{server.item}", text="KEV").json()["nodes"]
    assert [node["path"] for node in found if not node["path"].startswith("/measurement/loop")] == ["/measurement/instrument/energy"]
    # The scan stays readable beside its tree.
    assert server.ok(f"slices/{server.item}", kind="raw").status == 200
    assert server.ok(f"metadata/{server.item}").status == 200


# -- while it is being made, and when it changes ----------------------------------------------------------------------


def test_finished_slices_of_a_run_that_goes_on(g):
    server = started(g, rows=48, columns=512, angles=400)
    g.ok("run", "tomo-full", "--cor", "257", "--detach")
    folder = wait_for(lambda: next((p for p in g.rec.glob(".gantry-*/s_1_rec") if len(list(p.glob("*.tiff"))) >= 3), None),
        "three slices are there")
    g.ok("suspend", "last")
    facts = server.ok(f"pictures/{server.item}").json()["full"]
    assert facts["growing"] and facts["first"] == 0 and facts["width"] == 512
    assert len(list(folder.glob("*.tiff"))) - 1 <= facts["count"] <= len(list(folder.glob("*.tiff")))
    for index in (0, facts["last"]):
        reply = server.ok(f"slices/{server.item}", kind="full", index=index, format="raw")
        assert reply.headers["X-Growing"] == "1"
        assert np.array_equal(reply.floats(), tifffile.imread(folder / f"recon_{index:05d}.tiff"))
    if facts["last"] < 47:
        assert "not there yet" in server.refused(404, f"slices/{server.item}", kind="full", index=47)
    g.ok("resume", "last")
    wait_for(lambda: g.row("s_1.h5")["status"] == "Full 0-47", "the run ends")
    facts = server.ok(f"pictures/{server.item}").json()["full"]
    assert not facts["growing"] and facts["last"] == 47
    assert np.array_equal(server.ok(f"slices/{server.item}", kind="full", index=47, format="raw").floats(), full(g, 47))


def test_finished_slices_of_a_volume_that_goes_on(g):
    """The same for one HDF5 file: what is counted as done can be looked at while another process writes the rest."""
    server = started(g, rows=48, columns=512, angles=400)
    g.ok("run", "tomo-full", "--cor", "257", "--set", "save_format=h5", "--detach")
    path = f"pictures/{server.item}"
    wait_for(lambda: (server.ok(path).json()["full"] or {}).get("count", 0) > 0, "a slice is there")
    g.ok("suspend", "last")
    facts = server.ok(path).json()["full"]
    assert facts["source"] == "h5" and facts["first"] == 0 and facts["width"] == 512
    assert facts["growing"] and facts["last"] == facts["count"] - 1 < 47, facts
    assert "not there yet" in server.refused(404, f"slices/{server.item}", kind="full", index=47)
    reply = server.ok(f"slices/{server.item}", kind="full", index=facts["last"], format="raw")
    assert reply.headers["X-Growing"] == "1"
    g.ok("resume", "last")
    wait_for(lambda: g.row("s_1.h5")["status"] == "Full 0-47", "the run ends")
    with h5py.File(g.rec / "s_1_rec.h5") as f:
        assert np.array_equal(reply.floats(), f["/exchange/data"][facts["last"]])
    facts = server.ok(path).json()["full"]
    assert not facts["growing"] and facts["last"] == 47


def test_etag_follows_the_file(g, look):
    first = look.ok(f"slices/{look.item}", kind="full", index=1)
    tag = first.headers["ETag"]
    again = look.get(f"slices/{look.item}", {"If-None-Match": tag}, kind="full", index=1)
    assert again.status == 304 and again.body == b"" and again.headers["ETag"] == tag
    assert look.ok(f"slices/{look.item}", kind="full", index=1, max=20).headers["ETag"] != tag
    put_full(g, 1, np.full((COLUMNS, COLUMNS), 2, "f4"))
    changed = look.get(f"slices/{look.item}", {"If-None-Match": tag}, kind="full", index=1, format="png")
    assert changed.status == 200 and changed.headers["ETag"] != tag
    assert (changed.png() == 128).all()


# -- odd files --------------------------------------------------------------------------------------------------------


def test_odd_pixels_give_sane_pictures(g):
    server = started(g)
    item = f"slices/{server.item}"
    holes = np.arange(100, dtype="f4").reshape(10, 10)
    holes[2, 3], holes[4, 5], holes[6, 7] = np.nan, np.inf, -np.inf
    put_full(g, 0, holes)
    put_full(g, 1, np.full((10, 10), np.nan, "f4"))
    put_full(g, 2, np.full((10, 10), 5, "f4"))
    put_full(g, 3, np.array([[7]], "f4"))
    put_full(g, 4, np.arange(12, dtype="u2").reshape(3, 4))
    put_full(g, 5, np.arange(12, dtype="u1").reshape(3, 4))
    put_full(g, 6, np.array([[1, 2, 3e38, -3e38]], "f4"))
    assert np.array_equal(server.ok(item, kind="full", index=0, format="raw").floats(), holes, equal_nan=True)
    shown = server.ok(item, kind="full", index=0).png()
    assert shown[2, 3] == 0 and shown[4, 5] == 255 and shown[6, 7] == 0 and shown[9, 9] == 255
    assert (server.ok(item, kind="full", index=1).png() == 0).all()
    assert (server.ok(item, kind="full", index=2).png() == 128).all()
    assert server.ok(item, kind="full", index=3).png().shape == (1, 1)
    assert np.array_equal(server.ok(item, kind="full", index=4, format="raw").floats(), np.arange(12).reshape(3, 4))
    assert np.array_equal(server.ok(item, kind="full", index=5, format="raw").floats(), np.arange(12).reshape(3, 4))
    assert server.ok(item, kind="full", index=6).png().shape == (1, 4)
    for index in range(7):
        assert server.ok(f"{item}/histogram", kind="full", index=index).json()["bins"]
        assert server.ok(f"{item}/profile", kind="full", index=index, x0=0, y0=0, x1=9, y1=0).json()["values"]
        server.ok(item, kind="full", index=index, max=2)


def test_broken_files_are_one_clear_line(g):
    server = started(g)
    item = f"slices/{server.item}"
    folder = g.rec / "s_1_rec"
    put_full(g, 0, np.zeros((20, 20), "f4"))
    whole = (folder / "recon_00000.tiff").read_bytes()
    (folder / "recon_00001.tiff").write_bytes(whole[:300])
    (folder / "recon_00002.tiff").write_bytes(b"")
    (folder / "recon_00003.tiff").write_bytes(b"not a picture")
    (folder / "recon_00004.tiff").mkdir()
    os.mkfifo(folder / "recon_00005.tiff")
    tifffile.imwrite(folder / "recon_00006.tiff", np.zeros((8, 8, 3), "u1"), photometric="rgb")
    tifffile.imwrite(folder / "recon_00007.tiff", np.zeros((8, 8), "c8"))
    (folder / "recon_00008.tiff").symlink_to("gone.tiff")
    for index in range(1, 9):
        reply = server.get(item, kind="full", index=index)
        assert 400 <= reply.status < 600 and reply.json()["detail"], reply
        assert "\n" not in reply.json()["detail"]
    assert server.ok(item, kind="full", index=0).png().shape == (20, 20)
    (folder / "recon_00000.tiff").unlink()
    assert server.get(item, kind="full", index=0).status == 404
    scans.truncate(g.data / "s_1.h5")
    assert "s_1.h5" in server.refused(422, item, kind="raw")
    assert "s_1.h5" in server.refused(422, f"metadata/{server.item}")
    assert "problem" in server.ok(f"pictures/{server.item}").json()["raw"]
    (g.data / "s_1.h5").unlink()
    assert server.get(item, kind="raw").status == 404


def test_a_file_that_crashes_the_library_costs_one_answer(g):
    server = started(g)
    shutil.copy(SOURCE / "tests" / "data" / "crashes-libhdf5-1.10.h5", g.data / "s_1.h5")
    reply = server.get(f"metadata/{server.item}")
    assert reply.status in (200, 422, 500) and len(server.helpers()) <= 2
    reply = server.get(f"slices/{server.item}", kind="raw")
    assert reply.status in (422, 500) and reply.json()["detail"]
    scans.write(g.data / "s_1.h5", columns=COLUMNS, rows=ROWS, angles=ANGLES)
    assert server.ok(f"slices/{server.item}", kind="raw", format="raw").floats().shape == (ROWS, COLUMNS)


def test_scans_that_cannot_be_reconstructed_are_shown(g):
    server = started(g, white=0, frames=20, change=lambda a: a.update(data_white=None))
    item = f"slices/{server.item}"
    assert server.ok(item, kind="raw", index=19, format="raw").floats().shape == (ROWS, COLUMNS)
    assert "flat" in server.refused(422, item, kind="raw", flat=1)


# -- the helper -------------------------------------------------------------------------------------------------------


def test_a_killed_helper_costs_nothing(g, look):
    item = f"slices/{look.item}"
    look.ok(item, kind="full", index=0)
    (pid,) = look.helpers()
    os.kill(pid, signal.SIGKILL)
    look.ok(item, kind="full", index=1)
    (pid,) = look.helpers()
    os.kill(pid, signal.SIGSTOP)
    link = look.connect()
    link.request("GET", f"/api/v1/{item}?kind=full&index=2&format=raw", headers=look.headers())
    look.ok("health")  # by now the question is with the helper that does not move
    # Another question is answered by the second helper meanwhile.
    assert np.array_equal(look.ok(item, kind="full", index=3, format="raw").floats(), full(g, 3))
    assert len(look.helpers()) == 2
    os.kill(pid, signal.SIGKILL)  # in the middle of its question
    answer = link.getresponse()
    assert answer.status == 200
    assert np.array_equal(np.frombuffer(answer.read(), "<f4").reshape(COLUMNS, COLUMNS), full(g, 2))


def test_the_helper_ends_with_its_server(g, look):
    look.ok(f"slices/{look.item}", kind="full", index=0)
    assert look.helpers()
    look.process.send_signal(signal.SIGTERM)
    assert look.process.wait(60) == 0
    wait_for(lambda: not look.helpers(), "the helper ends")
    again = Server(g)
    again.item = look.item
    again.ok(f"slices/{look.item}", kind="full", index=0)
    again.process.kill()
    wait_for(lambda: not again.helpers(), "the helper of a killed server ends")


def test_a_slider_that_moves_leaves_old_questions_behind(g, look):
    links = []
    for index in range(200):
        link = look.connect()
        link.request("GET", f"/api/v1/slices/{look.item}?kind=full&index={index % ROWS}", headers=look.headers())
        links.append(link)
    for link in links[:-1]:
        link.close()
    answer = links[-1].getresponse()
    assert answer.status == 200
    assert np.asarray(Image.open(io.BytesIO(answer.read()))).shape == (COLUMNS, COLUMNS)
    assert np.array_equal(look.ok(f"slices/{look.item}", kind="full", index=4, format="raw").floats(), full(g, 4))


# -- who may see what -------------------------------------------------------------------------------------------------


def test_no_path_but_the_projects_own(g, look):
    item = f"slices/{look.item}"
    secret = g.base / "secret.tiff"
    tifffile.imwrite(secret, np.zeros((4, 4), "f4"))
    os.symlink(secret, g.rec / "s_1_rec" / "recon_00099.tiff")
    assert "project" in look.refused(403, item, kind="full", index=99)
    for query in ({"path": str(secret)}, {"name": "../secret.tiff"}, {"root": "/"}, {"staging": "[]"}, {"what": "metadata"}):
        assert look.get(item, **query).status == 400
    look.refused(400, item, kind="file")
    look.refused(400, item, kind="full", index=-1)
    look.refused(400, item, format="exe")
    look.refused(400, item, lo=1)
    look.refused(400, item, max=10**7)
    look.refused(400, item, map="plaid")
    look.refused(404, "slices/9999")
    look.refused(404, "slices/0")
    assert look.get("slices/..%2f..%2fetc").status in (400, 404)
    os.rename(g.data / "s_1.h5", g.base / "moved.h5")
    os.symlink(g.base / "moved.h5", g.data / "s_1.h5")
    assert "project" in look.refused(403, item, kind="raw")
    look.refused(403, f"metadata/{look.item}")
    link = look.connect()
    link.request("GET", f"/api/v1/{item}?kind=full&index=0")
    assert link.getresponse().status == 401


def test_a_scan_shows_no_pixels_of_other_folders(g):
    """External links, virtual data sets and external storage: within the project they are followed, out of it not."""
    server = started(g)
    item = f"slices/{server.item}"
    scans.write(g.data / "other.h5", columns=COLUMNS, rows=ROWS, angles=ANGLES, seed=2)
    scans.write(g.base / "secret.h5", columns=COLUMNS, rows=ROWS, angles=ANGLES, seed=3)
    (g.base / "secret.raw").write_bytes(bytes(ANGLES * ROWS * COLUMNS * 2))

    def linked(file, where):
        file["/exchange/data"] = h5py.ExternalLink(where, "/exchange/data")

    def virtual(file, where):
        layout = h5py.VirtualLayout((ANGLES, ROWS, COLUMNS), "u2")
        layout[:] = h5py.VirtualSource(where, "/exchange/data", (ANGLES, ROWS, COLUMNS))
        file.create_virtual_dataset("/exchange/data", layout)

    def external(file, where):
        file.create_dataset("/exchange/data", (ANGLES, ROWS, COLUMNS), "u2", external=[(where.replace(".h5", ".raw"), 0, h5py.h5f.UNLIMITED)])

    def rewrite(how, where):
        # A new file, as a person would make it.
        (g.data / "s_1.h5").unlink()
        with h5py.File(g.data / "s_1.h5", "w") as f, h5py.File(g.data / "other.h5") as like:
            for name in ("data_white", "data_dark", "theta"):
                f["/exchange/" + name] = like["/exchange/" + name][...]
            how(f, where)

    with h5py.File(g.data / "other.h5") as f:
        truth = f["/exchange/data"][4].astype("f4")
    for how, inside in ((linked, "other.h5"), (linked, str(g.data / "other.h5")), (virtual, "other.h5")):
        rewrite(how, inside)
        assert np.array_equal(server.ok(item, kind="raw", index=4, format="raw").floats(), truth)
    chain = g.data / "chain.h5"
    with h5py.File(chain, "w") as f:
        f["/exchange/data"] = h5py.ExternalLink(str(g.base / "secret.h5"), "/exchange/data")
    os.symlink(g.base / "secret.h5", g.data / "link.h5")
    outside = [(how, where) for how in (linked, virtual) for where in ("../secret.h5", str(g.base / "secret.h5"), "chain.h5", "link.h5")]
    for how, where in outside + [(external, str(g.base / "secret.h5"))]:
        rewrite(how, where)
        assert "project" in server.refused(403, item, kind="raw", index=4), (how, where)
        assert "frames" not in server.ok(f"pictures/{server.item}").json()["raw"]
        for node in server.ok(f"metadata/{server.item}").json()["nodes"]:
            assert node["path"] != "/exchange/data" or node.get("value") is None
    # A volume of slices likewise.
    with h5py.File(g.base / "secret.h5") as f, h5py.File(g.data / "slices.h5", "w") as own:
        own["/exchange/data"] = f["/exchange/data"][...].astype("f4")
    for how, where, status in ((linked, "../secret.h5", 403), (virtual, "../secret.h5", 403), (linked, "../data/slices.h5", 200)):
        g.rec.mkdir(exist_ok=True)
        (g.rec / "s_1_rec.h5").unlink(missing_ok=True)
        with h5py.File(g.rec / "s_1_rec.h5", "w") as f:
            how(f, where)
        assert server.get(item, kind="full", index=1).status == status, (how, where)
