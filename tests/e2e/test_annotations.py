"""What the results viewer reads and writes: images, results, verdicts, drawn masks; who may, from where, what is refused.

REQUIREMENTS W8 (results in the annotation viewer), W13 (order by patient and date); issue 6 part 5; DESIGN 8 (rights, paths).
"""
import concurrent.futures
import gzip
import io
import json
import shutil
import tempfile

import nibabel
import numpy as np
import pytest
import runner
import server as running
import viewing
from browser import Client

PASSWORD = "a long enough one"


@pytest.fixture(scope="module")
def house(program, onnx_runtime):
    """One server for all tests here: each leaves what the others need."""
    base = tempfile.mkdtemp(prefix="gantry-e2e-")
    g = runner.Gantry(program, base)
    g.env["GANTRY_ORT"] = onnx_runtime
    viewing.make(g)
    other = g.base / "other"
    other.mkdir()
    g.ok("init", other, "--name", "other")
    for name, *more in (("olaf", "operator", "--project", "data"), ("vera", "viewer"), ("eve", "operator", "--project", "other")):
        g.ok("user", "add", name, "--role", *more, stdin=PASSWORD + "\n")
    with running.Server(g) as server:
        g.server = server
        g.olaf = Client(server.port).login("olaf", PASSWORD)
        rows = g.olaf.get("/api/v1/predictions/1/series").json()["rows"]
        g.items = {row["name"]: row["id"] for row in rows}
        g.item = next(id for name, id in g.items.items() if "2023-01-10" in name)
        yield g
    g.kill_all()
    shutil.rmtree(base, ignore_errors=True)


def image(data):
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return nibabel.Nifti1Image.from_stream(io.BytesIO(data))


def packed(values, affine):
    return gzip.compress(nibabel.Nifti1Image(values, affine).to_bytes())


def put(client, name, data):
    answer = client.ask("PUT", f"/api/v1/uploads/{name}", raw=data)
    assert answer.status == 201, answer
    return answer.json()["upload"]


def test_images_and_results_are_sent_by_rights(house):
    """W8: the image as it is, plain or smaller; DICOM as NIfTI, made once for two who ask at once; the mask on the same voxels;
    nothing of it for who has no right, no other file."""
    g, olaf = house, house.olaf
    whole = image(olaf.get(f"/api/v1/volumes/{g.item}").body)
    source = nibabel.load(g.data / viewing.NAMES[0])
    assert np.array_equal(whole.dataobj, source.dataobj) and np.allclose(whole.affine, source.affine)
    plain = olaf.get(f"/api/v1/volumes/{g.item}?plain=1")
    assert plain.body[:2] != b"\x1f\x8b" and np.array_equal(image(plain.body).dataobj, source.dataobj)
    small = image(olaf.get(f"/api/v1/volumes/{g.item}?most=12").body)
    assert small.shape == (12, 10, 12)
    want = np.asarray(source.dataobj, float).reshape(12, 2, 10, 2, 12).mean((1, 3))
    assert np.abs(np.asarray(small.dataobj) - want).max() <= 0.5
    assert np.allclose(small.affine @ [0, 0, 0, 1], source.affine @ [0.5, 0.5, 0, 1])
    loose = next(id for name, id in g.items.items() if "loose" in name)
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: olaf.get(f"/api/v1/volumes/{loose}").body, range(4)))
    assert image(got[0]).shape == (32, 32, 10) and all(one == got[0] for one in got)
    assert len(list((g.home / "cache/volumes").glob("*.nii"))) == 3
    mask = image(olaf.get(f"/api/v1/predictions/1/files/{g.item}/mask").body)
    assert mask.shape == source.shape and np.allclose(mask.affine, source.affine) and set(np.unique(mask.dataobj)) == {0, 1}
    little = image(olaf.get(f"/api/v1/predictions/1/files/{g.item}/mask?most=12").body)
    assert np.array_equal(little.dataobj, np.asarray(mask.dataobj)[1::2, 1::2, :]) and np.allclose(little.affine, small.affine)
    facts = olaf.get(f"/api/v1/predictions/1/files/{g.item}/facts").json()
    assert [(label["name"], label["colour"]) for label in facts["labels"]] == [("ball", "#ff3030")]
    assert olaf.get(f"/api/v1/predictions/1/files/{g.item}/preview").body[1:4] == b"PNG"
    eve = Client(g.server.port).login("eve", PASSWORD)
    for path in (f"volumes/{g.item}", f"volumes/{g.item}?most=12", f"predictions/1/files/{g.item}/mask", f"predictions/1/view/{g.item}",
            f"annotations?item={g.item}"):
        assert olaf.get("/api/v1/" + path).status == 200, path
        assert eve.get("/api/v1/" + path).status == 404, path
    for path in ("volumes/99999", f"predictions/1/files/{g.item}/passwd", f"predictions/1/files/{g.item}/..%2f..%2f", "predictions/1/files/99999/mask",
            f"predictions/9/files/{g.item}/mask"):
        assert olaf.get("/api/v1/" + path).status == 404, path
    assert olaf.get(f"/api/v1/volumes/{g.item}?most=-3").status == 400


def test_order_and_neighbours(house):
    """W13: previous and next go through each patient's series by date."""
    g = house
    views = {name: g.olaf.get(f"/api/v1/predictions/1/view/{id}").json() for name, id in g.items.items()}
    order = sorted(views.values(), key=lambda view: view["position"])
    assert [v["position"] for v in order] == [1, 2, 3, 4] and all(v["total"] == 4 for v in order)
    assert [(v["patient"], v["date"]) for v in order] == sorted((v["patient"], v["date"]) for v in order)
    for a, b in zip(order, order[1:]):
        assert a["next"] == b["item"] and b["previous"] == a["item"]
    assert order[0]["previous"] == 0 and order[-1]["next"] == 0
    first = next(v for v in views.values() if v["item"] == g.item)
    assert [day["date"] for day in first["same_patient"]] == ["2023-01-10", "2024-02-11"]
    assert first["done"] and first["values"]["ml.ball"] > 0 and first["others"] == []
    g.ok("predict", "--dataset", "scans", "--model", "ball", "--set", "overlap=0")
    others = g.olaf.get(f"/api/v1/predictions/1/view/{g.item}").json()["others"]
    assert [(one["run"], one["settings"]["overlap"]) for one in others] == [(2, 0)]


def test_masks_that_are_none_are_refused(house):
    """Not NIfTI, cut, another grid, other values, somebody else's upload, no right: said why, and nothing is left."""
    g, olaf = house, house.olaf
    affine = nibabel.load(g.data / viewing.NAMES[0]).affine
    good = np.zeros((24, 20, 12), np.uint8)
    moved = affine.copy()
    moved[0, 3] += 1
    bad = {
        "no NIfTI": b"this is no image, whatever its name says",
        "cut short": nibabel.Nifti1Image(good, affine).to_bytes()[:2000],
        "packing": packed(np.random.default_rng(1).integers(0, 3, good.shape).astype(np.uint8), affine)[:-400],
        "voxels": packed(np.zeros((24, 20, 11), np.uint8), affine),
        "apart": packed(good, moved),
        "whole numbers": packed(np.full(good.shape, 0.5, np.float32), affine),
        "three dimensions": packed(np.zeros((24, 20, 12, 2), np.uint8), affine),
    }
    for word, data in bad.items():
        answer = olaf.post("/api/v1/annotations", {"item": g.item, "run": 1, "upload": put(olaf, "mask.nii.gz", data)})
        assert answer.status == 422, (word, answer)
        assert str(g.base) not in answer.detail, answer.detail
    right = put(olaf, "mask.nii.gz", packed(good, affine))
    vera, eve = (Client(g.server.port).login(name, PASSWORD) for name in ("vera", "eve"))
    assert vera.post("/api/v1/annotations", {"item": g.item, "run": 1, "upload": right}).status == 403
    assert eve.post("/api/v1/annotations", {"item": g.item, "run": 1, "upload": right}).status == 404
    for body, status in (({"item": g.item, "upload": "1-" + "0" * 32}, 404), ({"item": g.item, "upload": "../../etc"}, 404),
            ({"item": g.item, "run": 77, "state": "accepted"}, 404), ({"item": g.item, "run": 1, "state": "fine"}, 400),
            ({"item": g.item, "state": "accepted"}, 400), ({"item": 99999, "run": 1}, 404)):
        assert olaf.post("/api/v1/annotations", body).status == status, body
    assert olaf.get(f"/api/v1/annotations?item={g.item}").json()["rows"] == []
    assert not [path for path in g.rec.glob("annotations/**/*") if path.is_file()]
    other = next(id for name, id in g.items.items() if "2024-02-11" in name)  # of the same voxels
    assert olaf.post("/api/v1/annotations", {"item": other, "run": 1, "upload": right}).json()["version"] == 1  # his own still works
    assert olaf.post("/api/v1/annotations", {"item": g.item, "run": 1, "upload": right}).status == 404  # once


def test_drawn_masks_are_versions(house):
    """W8: a drawn mask is a new version with who and when, never over the prediction; two who save at once get two; verdicts."""
    g, olaf = house, house.olaf
    source = nibabel.load(g.data / viewing.NAMES[0])
    predicted = olaf.get(f"/api/v1/predictions/1/files/{g.item}/mask").body
    drawn = np.asarray(image(predicted).dataobj).copy()
    drawn[2:5, 3, 4] = 2
    body = {"item": g.item, "run": 1, "comment": "the rim", "labels": [{"value": 2, "name": "rim", "colour": "#00ff00"}, {"value": 1, "name": "ball"}]}
    said = olaf.post("/api/v1/annotations", {**body, "upload": put(olaf, "m.nii.gz", packed(drawn, source.affine))})
    assert said.status == 201 and said.json()["version"] == 1, said
    one = said.json()["id"]
    files = sorted(path for path in g.rec.glob("annotations/**/v001.*") if "2023-01-10" in str(path))
    assert [path.name for path in files] == ["v001.json", "v001.nii.gz"]
    kept = nibabel.load(files[1])
    assert np.array_equal(kept.dataobj, drawn) and np.allclose(kept.affine, source.affine) and kept.get_data_dtype() == np.uint8
    facts = json.loads(files[0].read_text())
    assert (facts["user"], facts["comment"], facts["state"], facts["of_run"]) == ("olaf", "the rim", "draft", 1)
    assert [(x["value"], x["name"], x["voxels"]) for x in facts["labels"]][1] == (2, "rim", 3) and facts["labels"][1]["colour"] == "#00ff00"
    assert olaf.get(f"/api/v1/predictions/1/files/{g.item}/mask").body == predicted
    assert olaf.get(f"/api/v1/annotations/{one}/mask").body == files[1].read_bytes()
    assert olaf.get(f"/api/v1/annotations/{one}/facts").json() == facts
    ids = [put(olaf, "m.nii", nibabel.Nifti1Image(drawn, source.affine).to_bytes()) for _ in range(3)]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        more = list(pool.map(lambda id: olaf.post("/api/v1/annotations", {"item": g.item, "run": 1, "upload": id}).json()["version"], ids))
    assert sorted(more) == [2, 3, 4]
    assert olaf.ask("PATCH", f"/api/v1/annotations/{one}", {"state": "accepted"}).status == 200
    for state in ("rejected", "accepted"):
        assert olaf.post("/api/v1/annotations", {"item": g.item, "run": 1, "state": state}).json()["version"] == 0
    listed = olaf.get(f"/api/v1/annotations?item={g.item}&run=1").json()
    assert [(row["version"], row["state"], row["mask"]) for row in listed["rows"]] == [(0, "accepted", False), (1, "accepted", True),
        (2, "draft", True), (3, "draft", True), (4, "draft", True)]
    assert all(row["user"] == "olaf" and row["t_us"] > 0 for row in listed["rows"])
    assert [(one["data"]["version"], one["data"]["state"]) for one in listed["history"][:3]] == [(0, "accepted"), (0, "rejected"), (1, "accepted")]
    g.ok("user", "add", "anna", "--role", "admin", stdin=PASSWORD + "\n")
    log = Client(g.server.port).login("anna", PASSWORD).get("/api/v1/audit").json()["rows"]
    assert any("annotations" in json.dumps(row) and "olaf" in json.dumps(row) for row in log)


def test_links_that_lead_out_are_refused(house):
    """A result or an image exchanged for a link to a file outside of the project is not sent."""
    g = house
    secret = g.base / "secret.nii.gz"
    secret.write_bytes(packed(np.zeros((24, 20, 12), np.uint8), np.eye(4)))
    mask = next(g.rec.glob("predictions/*/p01/2023-01-10/ct*/mask.nii.gz"), None) or next(g.rec.glob("predictions/**/mask.nii.gz"))
    for path in (mask, g.data / viewing.NAMES[0]):
        path.unlink()
        path.symlink_to(secret)
    answers = [g.olaf.get(f"/api/v1/predictions/1/files/{id}/mask").status for id in g.items.values()]
    assert answers.count(403) == 1, answers
    assert g.olaf.get(f"/api/v1/volumes/{g.item}").status == 403
