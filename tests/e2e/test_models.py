"""Models (DESIGN 7): `gantry model add|ls|show|rm`, cards and their schema, what is wrong with a model in one line.

Adding runs the model once, so most of this needs ONNX Runtime, which ./setup fetches; without it those tests are skipped
by name.
"""
import json
import os
import pathlib

import jsonschema
import pytest

import tiny_models as tiny

ROOT = pathlib.Path(__file__).parents[2]


def one_line(outcome, *words):
    lines = outcome.err.strip().split("\n")
    assert len(lines) == 1, outcome
    assert all(word in lines[0] for word in words), outcome
    return lines[0]


def schema():
    loaded = json.loads((ROOT / "docs" / "formats" / "model.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def test_a_model_from_folder_to_registry_and_away(g, ort):
    """R1: models are files beside the program, brought by the site."""
    folder = tiny.write(g.base / "mine", tiny.two_classes(0, 0, 0))
    assert "no models yet" in g.ok("model", "ls").err or (ROOT / "share" / "models").exists()
    said = g.ok("model", "add", folder).out
    assert said.startswith("added tiny 1.0: runs in") and "on the CPU (ONNX Runtime 1." in said
    rows = {row["name"]: row for row in g.json("model", "ls")}
    assert rows["tiny"]["from"] == "home" and rows["tiny"]["task"] == "segmentation" and rows["tiny"]["problem"] == ""
    shown = g.json("model", "show", "tiny")
    assert shown["whole"] is True and shown["card"] == tiny.card((folder / "model.onnx").read_bytes())
    text = g.ok("model", "show", "tiny").out
    assert "takes      MR, 4 x 3 x 2" in text and "overlap = 0.5" in text and "checksum   fits" in text
    assert sorted(os.listdir(g.home / "models")) == ["tiny"]
    assert sorted(os.listdir(g.home / "models" / "tiny")) == ["model.json", "model.onnx"]
    one_line(g.fails(1, "model", "add", folder), "--replace")
    answer = g.json("model", "add", folder, "--replace")
    assert answer["checked"] and answer["input"] == [1, 1, 2, 3, 4] and answer["output"] == [1, 2, 2, 3, 4]
    g.ok("model", "rm", "tiny")
    assert os.listdir(g.home / "models") == []
    one_line(g.fails(3, "model", "show", "tiny"), "there is no model 'tiny'")
    one_line(g.fails(3, "model", "rm", "tiny"), "tiny")


def test_the_older_name_of_a_card_is_understood(g, ort):
    """P7: model_patchwork.json is accepted as the name of a model's description."""
    folder = tiny.write(g.base / "mine", tiny.two_classes(0, 0, 0), name="model_patchwork.json")
    g.ok("model", "add", folder)
    assert g.json("model", "show", "tiny")["whole"]


@pytest.mark.parametrize("what,status,words", [
    ("missing onnx", 1, ["model.onnx"]),
    ("truncated", 1, ["loading model: tiny"]),
    ("not onnx", 1, ["loading model: tiny"]),
    ("sum", 1, ["is damaged or not the model", "sha256:"]),
    ("patch", 1, ["model.onnx takes 1 x 1 x 8 x 8 x 8", "2 x 3 x 4"]),
    ("labels", 1, ["gives 2 scores", "3 labels"]),
    ("bag", 1, ["model.onnx takes 1 x 5 x 1 x 4 x 4"]),
    ("unknown key", 1, ["model.json", "unknown key 'colour'"]),
    ("no card", 3, ["model.json"]),
])
def test_a_model_that_cannot_be_used_is_refused_in_one_line(g, ort, what, status, words):
    onnx = tiny.two_classes(0, 0, 0)
    document = tiny.card(onnx)
    folder = g.base / "mine"
    if what == "patch":
        onnx = tiny.two_classes(8, 8, 8)
    elif what == "truncated":
        onnx = onnx[:60]
    elif what == "not onnx":
        onnx = b"this is text"
    elif what == "bag":
        onnx = tiny.bag_mean(5, 4, 4)
    if what == "labels":
        document["output"]["labels"].append("third")
    elif what == "bag":
        document = tiny.card(onnx, task="classification", output={"activation": "sigmoid"},
            input={"modality": "CT", "patch": [4, 4], "slices": 4, "channels": 1})
    elif what == "unknown key":
        document["colour"] = "red"
    elif what != "sum":
        document["checksum"] = tiny.card(onnx)["checksum"]
    if what == "sum":
        onnx += b" "
    tiny.write(folder, onnx, document)
    if what == "missing onnx":
        (folder / "model.onnx").unlink()
    elif what == "no card":
        (folder / "model.json").unlink()
    one_line(g.fails(status, "model", "add", folder), *words)
    left = os.listdir(g.home / "models") if (g.home / "models").exists() else []
    assert left == []


def test_the_runtime_reports_to_nobody(g, ort):
    """DESIGN 8 (privacy): ONNX Runtime's own records of its use, a database in the user's home and a log in TMPDIR, are not made."""
    places = [g.base / "person", g.base / "tmp"]
    for place, name in zip(places, ("HOME", "TMPDIR")):
        place.mkdir()
        g.env[name] = str(place)
    g.env.pop("XDG_CACHE_HOME", None)
    g.env["ORT_DISABLE_TELEMETRY"] = "0"
    onnx = tiny.two_classes(0, 0, 0)
    g.ok("model", "add", tiny.write(g.base / "mine", onnx))
    assert [p for place in places for p in place.rglob("*")] == []


def test_a_checkpoint_is_told_the_way(g):
    """A PyTorch file is no model's folder: the message names the script that makes one."""
    one_line(g.fails(2, "model", "add", "x.pth"), "models/export_mil.py")
    one_line(g.fails(2, "model", "add", "y.onnx"), "model.json")


def test_without_the_runtime(g):
    """No ONNX Runtime: doctor says so and what to do; adding says how to go on; nothing else minds."""
    g.env["GANTRY_ORT"] = "/nonexistent/libonnxruntime.so.1"
    folder = tiny.write(g.base / "mine", tiny.two_classes(0, 0, 0))
    one_line(g.fails(3, "model", "add", folder), "--unchecked", "GANTRY_ORT=/nonexistent")
    assert "unchecked" in g.ok("model", "add", folder, "--unchecked").out
    rows = {row["what"]: row for row in g.json("doctor", status=None)}
    assert rows["ONNX Runtime"]["state"] == "note" and "./setup" in rows["ONNX Runtime"]["fix"]
    (g.base / "libonnxruntime.so.1").write_text("no library")
    g.env["GANTRY_ORT"] = str(g.base)
    one_line(g.fails(4, "model", "add", folder, "--replace"), "does not load")


def test_doctor_names_the_runtime(g, ort):
    rows = {row["what"]: row for row in g.json("doctor", status=None)}
    assert rows["ONNX Runtime"]["state"] == "ok" and "1." in rows["ONNX Runtime"]["found"] and ort in rows["ONNX Runtime"]["found"]
    assert "CPU" in rows["ONNX Runtime"]["found"] and rows["models on GPU"]["found"]


def test_a_gpu_that_cannot_be_used_is_no_failure(g, ort):
    """A task with a GPU tries CUDA; where it does not load, the CPU computes and the reason is told."""
    g.env["CUDA_VISIBLE_DEVICES"] = "0"
    answer = g.json("model", "add", tiny.write(g.base / "mine", tiny.two_classes(0, 0, 0)))
    assert (answer["device"] == "CPU") == bool(answer["fallback"]) and "\n" not in answer["fallback"]


def test_a_damaged_model_is_seen(g, ort):
    """The checksum is verified whenever a model is loaded, and shown."""
    folder = tiny.write(g.base / "mine", tiny.two_classes(0, 0, 0))
    g.ok("model", "add", folder)
    path = g.home / "models" / "tiny" / "model.onnx"
    path.write_bytes(path.read_bytes() + b"\0")
    shown = g.run("model", "show", "tiny")
    assert shown.rc == 1 and "is damaged" in shown.out
    (g.home / "models" / "tiny" / "model.json").write_text("{")
    rows = {row["name"]: row for row in g.json("model", "ls")}
    assert "model.json" in rows["tiny"]["problem"]


def test_cards_keep_to_their_schema():
    """What ships is valid, fits its file, and what the schema refuses is the same as what the program refuses."""
    onnx = tiny.two_classes(0, 0, 0)
    assert list(schema().iter_errors(tiny.card(onnx))) == []
    for path in (ROOT / "share" / "models").glob("*/model.json"):
        document = json.loads(path.read_text())
        assert [e.message for e in schema().iter_errors(document)] == [], path
        assert document["checksum"] == tiny.card((path.parent / "model.onnx").read_bytes())["checksum"], path
        assert document["name"] == path.parent.name


@pytest.mark.parametrize("spoil", [
    lambda d: d.update(gantry=2), lambda d: d.update(name="../x"), lambda d: d.update(colour=1), lambda d: d.pop("version"),
    lambda d: d.update(task="magic"), lambda d: d["input"].update(patch=[0]), lambda d: d["input"].update(spacing=[-1]),
    lambda d: d["input"].update(normalisation="log"), lambda d: d["input"].update(channels=0), lambda d: d["input"].pop("modality"),
    lambda d: d["input"].update(window=[1]), lambda d: d["output"].pop("activation"), lambda d: d["output"].update(labels=[1]),
    lambda d: d["settings"]["overlap"].update(type="float"), lambda d: d["settings"]["overlap"].pop("default"),
    lambda d: d.update(scores={"AUC": "good"}), lambda d: d.update(checksum="sha256:0"), lambda d: d.pop("licence"),
], ids=range(18))
def test_schema_and_program_refuse_the_same(g, spoil):
    onnx = tiny.two_classes(0, 0, 0)
    document = tiny.card(onnx)
    spoil(document)
    assert list(schema().iter_errors(document))
    one_line(g.fails(1, "model", "add", tiny.write(g.base / "mine", onnx, document), "--unchecked"), "model.json")


def test_models_that_ship_run(g, ort):
    """Each model below share/models loads, runs on zeros and is listed."""
    shipped = sorted(p.parent.name for p in (ROOT / "share" / "models").glob("*/model.json"))
    assert shipped
    assert [row["name"] for row in g.json("model", "ls") if row["from"] == "ships"] == shipped
    for name in shipped:
        assert g.json("model", "add", ROOT / "share" / "models" / name)["checked"]
    one_line(g.fails(3, "model", "rm", "none-of-them"), "none-of-them")
    g.ok("model", "rm", shipped[0])
    one_line(g.fails(2, "model", "rm", shipped[0]), "ships with Gantry")


def test_a_real_segmentation_model_is_added(g, ort, real_data):
    """meshnet_gwm.onnx, 25 KB, takes 256 x 256 x 256 voxels: added unchecked here, run by the imaging test."""
    onnx = real_data / "onnx" / "meshnet_gwm.onnx"
    if not onnx.exists():
        pytest.skip("meshnet_gwm.onnx is not here")
    content = onnx.read_bytes()
    document = tiny.card(content, name="meshnet-gwm", input={"modality": "MR", "patch": [256, 256, 256], "channels": 1,
        "spacing": [1, 1, 1], "normalisation": "unit"}, output={"labels": ["background", "white", "grey"], "activation": "softmax"})
    g.ok("model", "add", tiny.write(g.base / "mesh", content, document), "--unchecked")
    assert g.json("model", "show", "meshnet-gwm")["whole"]
