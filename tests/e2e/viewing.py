"""A prediction to look at: three NIfTI CTs (patient p01 on two days, p02) and a folder of DICOM, segmented by a model of two
nodes ("ball" is what is brighter than half its own range), in the home of a `g`."""
import pathlib

import predictions
import tiny_models as tiny

NAMES = ["p01/2023-01-10/ct.nii.gz", "p01/2024-02-11/ct.nii.gz", "p02/2023-05-01/ct.nii.gz"]


def model(folder, name="ball", patch=(16, 16, 8), **more):
    """Label 1 where the normalised value is above 0: -x and x, argmax."""
    onnx = tiny.two_classes(0, 0, 0)
    document = tiny.card(onnx, name=name, input={"modality": "CT", "patch": list(patch), "channels": 1, "window": [230, 400],
        "normalisation": "zscore"}, output={"labels": ["background", "ball"], "activation": "softmax", "colours": ["#000000", "#ff3030"]},
        settings={"overlap": {"type": "number", "minimum": 0, "maximum": 0.9, "default": 0.25, "help": "of patches"}}, **more)
    return tiny.write(pathlib.Path(folder) / name, onnx, document)


def classifier(folder):
    """Four slices of a series, each weighing its mean: "finding" or "normal"."""
    nodes = [tiny.node("ReduceMean", ["x"], "m", axes=[1, 2, 3, 4]), tiny.node("Flatten", ["m"], "y", axis=1),
             tiny.node("ReduceMean", ["x"], "s", axes=[2, 3, 4]), tiny.node("Flatten", ["s"], "a", axis=1)]
    onnx = tiny.model(nodes, [("x", (1, 4, 1, 20, 24))], [("y", (1, 1)), ("a", (1, 4))])
    return tiny.write(pathlib.Path(folder) / "bag", onnx, tiny.card(onnx, name="bag", task="classification", settings={},
        input={"modality": "CT", "channels": 1, "window": [-1000, 1000], "normalisation": "window", "slices": 4},
        output={"labels": ["normal", "finding"], "activation": "sigmoid"}))


def detector(folder):
    """Boxes of 3 x 3 x 3 voxels inside the ball."""
    onnx = tiny.model([tiny.node("ReduceMean", ["x"], "m", axes=[2, 3, 4]), tiny.node("Flatten", ["m"], "y", axis=1)],
        [("x", (1, 1, 3, 3, 3))], [("y", (1, 1))])
    return tiny.write(pathlib.Path(folder) / "lumps", onnx, tiny.card(onnx, name="lumps", task="detection",
        settings={"stride": {"type": "integer", "default": 1}},
        input={"modality": "CT", "channels": 1, "patch": [3, 3, 3], "orientation": "LPS", "window": [200, 400], "normalisation": "unit"},
        output={"labels": ["lump"], "activation": "none", "threshold": 0.95}))


def make(g, dicom=True):
    """Run 1 over the series of a data set `scans`; g.items: item by name."""
    for seed, name in enumerate(NAMES, 1):
        predictions.nifti(g.data / name, "CT", seed)
    if dicom:
        predictions.dicom_folder(g.data / "loose")
    g.ok("model", "add", model(g.base / "models"))
    g.ok("dataset", "add", "scans", g.data, "--modality", "CT")
    g.ok("predict", "--dataset", "scans", "--model", "ball")
