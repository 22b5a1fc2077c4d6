"""DESIGN 11, Fingerprint: a model is more than its name. Other weights or another card under the same name and version make
what was computed with it stale; the same model again is taken from the earlier run (REQUIREMENTS Y5)."""
import json
import shutil


import chest
import scans
import tiny_models as tiny
from conftest import SOURCE
from triage import predict, read_csv, studies


def add_classifier(g, onnx, **more):
    document = tiny.card(onnx, name="site", task="classification", settings={}, description="mean brightness",
        input={"modality": "CT", "patch": [16, 16], "slices": 4, "channels": 1, "window": [-1000, 400], "normalisation": "window"},
        output={"activation": "sigmoid"}, **more)
    g.ok("model", "add", "--replace", tiny.write(g.base / "mine", onnx, document))


def commented(onnx, text):
    """The same network, other bytes: a comment in the file."""
    return onnx + tiny.block(6, text)


def said_earlier(outcome):
    return "1 of 1 taken from an earlier run" in outcome.out


def test_predict_sees_replaced_weights_and_cards(box, ort):
    studies(box, "a.zip")
    onnx = tiny.bag_mean(4, 16, 16)
    add_classifier(box, onnx)

    def again(model="site"):
        return said_earlier(predict(box, "-o", "r.csv", model=model))
    assert not again() and again()
    assert again(model=None)  # the first of the home is the same model
    add_classifier(box, commented(onnx, "other weights"))
    assert not again() and again()
    add_classifier(box, commented(onnx, "other weights"))  # the same bytes again
    assert again()
    document = json.loads((box.home / "models" / "site" / "model.json").read_text())
    document["settings"] = {"probability_above": {"type": "number", "default": 0.99}}
    (box.home / "models" / "site" / "model.json").write_text(json.dumps(document))
    assert not again() and again()
    assert read_csv(box.base / "r.csv")[0]["processing_status"] == "SUCCESS"


def test_a_run_in_a_project_sees_it_too_and_says_what_changed(box, ort):
    """`gantry run ct-triage` names no model: the first of the home counts; `gantry why` says that the model changed."""
    chest.write_zip(box.data / "a.zip", 1, slices=24, columns=160)
    onnx = tiny.bag_mean(4, 16, 16)
    add_classifier(box, onnx)

    def run():
        box.ok("run", "ct-triage")
        return list(box.states().values())
    assert run() == ["done"] and run() == ["cached"]
    add_classifier(box, commented(onnx, "retrained"))
    assert "models.model" in box.ok("why", "a/triage").out
    assert run() == ["done"] and run() == ["cached"]


def test_the_ai_finder_sees_it_and_the_others_do_not_care(box, ort):
    scans.write(box.data / "s_1.h5", columns=128, angles=90)
    mine = box.base / "mine"
    shutil.copytree(SOURCE / "share" / "models" / "cor-gantry", mine)

    def replace(text):
        document = json.loads((mine / "model.json").read_text())
        document["description"] = text
        (mine / "model.json").write_text(json.dumps(document))
        box.ok("model", "add", "--replace", mine)

    def run(method):
        box.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", f"rotation_axis_method={method}")
        return list(box.states().values())
    assert run("vo") == ["done"] and run("ai") == ["done"] and run("ai") == ["cached"]
    replace("site's own, first")
    assert run("ai") == ["done"] and run("ai") == ["cached"]
    replace("site's own, second")
    assert run("ai") == ["done"] and run("vo") == ["done"]
    replace("site's own, third")
    assert run("vo") == ["cached"]
    assert run("auto") == ["done"] and run("auto") == ["cached"]  # which may ask it
    replace("site's own, fourth")
    assert run("auto") == ["done"]
