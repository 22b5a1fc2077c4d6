"""model.json beside model.onnx (docs/formats/model.schema.json), written with its checksum."""
import hashlib
import json
import os

PHANTOMS = ("DEMONSTRATION model, trained on synthetic phantoms only: it says nothing about patients and is not a medical "
    "device.")


def triage_settings():
    """Every number of the triage rule with its default, so that a site can change it in its own card: triage-settings.json is
    the table of src/math/triage-rule.c (models/README.md says how it was made)."""
    with open(os.path.join(os.path.dirname(__file__), "triage-settings.json"), encoding="utf-8") as file:
        return json.load(file)


def card(name, version, task, licence, source, words, *, architecture, scores=None, demonstration=""):
    """`demonstration`: what it is a demonstration of, said first; none for a model that is meant for use."""
    value = {"gantry": 1, "name": name, "version": version, "task": task,
        "description": f"{demonstration} {words}".strip(), "architecture": architecture}
    if demonstration:
        value["demonstration"] = True
    if scores:
        value["scores"] = scores
    return {**value, "licence": licence, "source": source}


def mil(common, size=256, slices=64, window=(-1000, 400)):
    """A classifier of bags of axial CT slices: one logit, then the attention of every slice."""
    return {**common,
        "input": {"modality": "CT", "orientation": "LPS", "window": list(window), "normalisation": "window",
            "patch": [size, size], "slices": slices, "channels": 1},
        "output": {"labels": ["pathology"], "threshold": 0.5, "activation": "sigmoid"},
        "settings": triage_settings()}


def segmentation(common, labels, patch, spacing, window=(-1000, 400)):
    """A 3-D network for patches: one score a label and voxel, the background first."""
    return {**common,
        "input": {"modality": "CT", "orientation": "LPS", "spacing": list(spacing), "window": list(window),
            "normalisation": "window", "patch": list(patch), "channels": 1},
        "output": {"labels": list(labels), "activation": "softmax"}}


def write(folder, value):
    with open(os.path.join(folder, "model.onnx"), "rb") as file:
        value = dict(value, checksum="sha256:" + hashlib.sha256(file.read()).hexdigest())
    aside = os.path.join(folder, "model.json.new")
    with open(aside, "w", encoding="utf-8") as file:
        file.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")
    os.replace(aside, os.path.join(folder, "model.json"))
