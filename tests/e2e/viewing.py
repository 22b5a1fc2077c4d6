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


def make(g, dicom=True):
    """Run 1 over the series of a data set `scans`; g.items: item by name."""
    for seed, name in enumerate(NAMES, 1):
        predictions.nifti(g.data / name, "CT", seed)
    if dicom:
        predictions.dicom_folder(g.data / "loose")
    g.ok("model", "add", model(g.base / "models"))
    g.ok("dataset", "add", "scans", g.data, "--modality", "CT")
    g.ok("predict", "--dataset", "scans", "--model", "ball")
