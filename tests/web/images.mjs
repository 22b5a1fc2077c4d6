// Image series and tiny models for tests of predictions, by tests/e2e/predictions.py and tiny_models.py.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './browser.mjs';

const HEAD = `
import json, pathlib, sys
sys.path.insert(0, sys.argv[1])
import predictions, tiny_models
folder = pathlib.Path(sys.argv[2])
`;

/** Run a few lines of Python in which \`folder\` is a place to write to. */
export async function python(folder, lines) {
    return (await promisify(execFile)('/usr/bin/python3', ['-B', '-c', HEAD + lines, path.join(ROOT, 'tests/e2e'), folder])).stdout;
}

/** Two patients with three CT series of 12 slices and one of 3, and a third patient with an MR series. */
export function makeImages(folder) {
    return python(folder, `
predictions.tree(folder)
predictions.nifti(folder / "p03/2023-07-01/mr.nii.gz", "MR", 9, sidecar={"Modality": "MR"})
`);
}

/** The balls of the first two CT series as masks, under the names of the series. */
export function makeTruth(folder) {
    return python(folder, `
predictions.truth(folder / "p01/2023-01-10/ct.nii.gz", 1)
predictions.truth(folder / "p01/2024-02-11/ct.nii.gz", 2)
`);
}

/** A model's folder, 'bright': voxels above the mean, of CT with 6 slices at least. */
export function makeModel(folder) {
    return python(folder, `
onnx = tiny_models.two_classes(0, 0, 0)
card = tiny_models.card(onnx, name="bright", description="what is brighter than the mean")
card["input"] = {"modality": "CT", "patch": [8, 8, 6], "channels": 1, "normalisation": "zscore", "slices_min": 6}
card["settings"] = {"mirror": {"type": "boolean", "default": False, "help": "for nothing"}}
tiny_models.write(folder, onnx, card)
`);
}

/** A model that a site's tool computes, 'endless': it ends when it is told to. */
export function makeEndless(home, folder) {
    return python(folder, `
tool = {
    "schema-version": "0.5", "name": "site.endless", "tool-version": "1", "description": "reads on and on",
    "command-line": "tail -c 0 -f [IMAGE] [VALUES]",
    "inputs": [
        {"id": "image", "name": "image", "type": "File", "value-key": "[IMAGE]"},
        {"id": "values", "name": "values", "type": "String", "value-key": "[VALUES]"},
    ],
    "output-files": [{"id": "values", "name": "values", "path-template": "[VALUES]", "optional": False}],
    "custom": {"gantry": {"version": 1, "level": "series"}},
}
places = pathlib.Path(${JSON.stringify(home)}) / "tools"
places.mkdir(parents=True, exist_ok=True)
(places / "site.endless.json").write_text(json.dumps(tool))
card = tiny_models.card(b"", name="endless", task="classification", engine="tool:site.endless", description="a site's own program")
card["input"] = {"modality": "CT", "normalisation": "none", "channels": 1}
card["output"] = {"labels": ["never"], "activation": "none"}
card["settings"] = {}
del card["checksum"]
folder.mkdir(parents=True, exist_ok=True)
(folder / "model.json").write_text(json.dumps(card))
`);
}
