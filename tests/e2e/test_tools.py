"""Tools that are described, not built (issue 5, point 3; REQUIREMENTS J8, L1, L6, L9, M6): Boutiques 0.5 descriptors, those that
ship and others' own; dcm2niix and MRtrix really run."""
import copy
import json
import stat

import nibabel
import numpy as np
import pytest

import cohort
from conftest import SOURCE
from test_dicom import folder, series

SHIPPED = SOURCE / "share" / "tools"


def batch(g, name, *jobs, **options):
    path = g.base / f"{name}.json"
    path.write_text(json.dumps({"gantry": 1, "name": name, "level": "study", "jobs": list(jobs), "options": options}))
    return path


def job(id, tool, **args):
    return {"id": id, "tool": tool, "args": args}


def program(g, name, text):
    """A program of that name at the front of PATH."""
    bin = g.base / "bin"
    bin.mkdir(exist_ok=True)
    path = bin / name
    path.write_text("#!/bin/bash\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    if str(bin) not in g.env["PATH"]:
        g.env["PATH"] = f"{bin}:{g.env['PATH']}"


def test_what_ships_is_right_and_what_is_wrong_is_named(g):
    """DESIGN 5: descriptors are checked against Boutiques' rules, by `gantry tools check`."""
    assert "all well" in g.ok("tools", "check").out
    names = {row["name"]: row for row in g.json("tools", "ls")}
    assert {"dcm2niix", "fsl.bet", "fsl.flirt", "ants.registration", "freesurfer.recon-all", "spm.segment", "mrtrix.tckgen"} <= set(names)
    assert names["dcm2niix"]["here"] == "yes" and names["spm.segment"]["program"] == "matlab"
    shown = g.ok("tools", "show", "fsl.bet").out
    assert '"outfile": {"OUT": "name.nii.gz TAG(tag)"}' in shown and "default 0.5" in shown
    good = json.loads((SHIPPED / "fsl.bet.json").read_text())
    wrong = [
        (lambda d: d.pop("tool-version"), "the descriptor has no 'tool-version'"),
        (lambda d: d.update({"schema-version": "0.4"}), "schema-version is '0.4'"),
        (lambda d: d.update(colour="red"), "Boutiques knows no key 'colour'"),
        (lambda d: d.update(inputs=[]), "at least one input"),
        (lambda d: d.update({"command-line": "bet 'a"}), "a quote of its command-line has no end"),
        (lambda d: d["inputs"][0].pop("type"), "input 1 ('infile') has no 'type'"),
        (lambda d: d["inputs"][0].update(type="Image"), "must be String, File, Flag or Number"),
        (lambda d: d["inputs"][0].update(optional="no"), "'optional' must be true or false"),
        (lambda d: d["inputs"][0].update(id="in file"), "letters, digits and '_' only"),
        (lambda d: d["inputs"][1].update(id="infile"), "two inputs have the id 'infile'"),
        (lambda d: d["inputs"][2].update({"default-value": 3}), "out of its range"),
        (lambda d: d["inputs"][2].update({"default-value": "x"}), "its default-value is no Number"),
        (lambda d: d["inputs"][2].update(minimum=2), "its minimum is above its maximum"),
        (lambda d: d["inputs"][2].update({"list-separator": ","}), "speaks of a list"),
        (lambda d: d["inputs"][6].pop("command-line-flag"), "a Flag needs a command-line-flag"),
        (lambda d: d["inputs"][6].update(optional=False), "a Flag is always optional"),
        (lambda d: d["inputs"][6].update({"requires-inputs": ["nothing"]}), "names 'nothing', which is no input"),
        (lambda d: d["inputs"][0].update({"value-key": "[LOST]"}), "'[LOST]' of input 'infile' is in no command-line"),
        (lambda d: d["inputs"][0].update({"value-key": "[OUT"}), "'[OUT' is a part of '[OUTFILE]'"),
        (lambda d: d["output-files"][0].pop("path-template"), "needs either a path-template"),
        (lambda d: d["output-files"][0].update(list=True), "its path-template has no '*'"),
        (lambda d: d["groups"][0]["members"].append("nobody"), "members names 'nobody'"),
        (lambda d: d["groups"][0]["members"].append("infile"), "excludes others and must be optional"),
    ]
    paths = []
    for i, (change, _) in enumerate(wrong):
        descriptor = copy.deepcopy(good)
        change(descriptor)
        paths.append(g.base / f"{i}.json")
        paths[-1].write_text(json.dumps(descriptor))
    report = g.json("tools", "check", *paths, status=1)
    for (_, part), row in zip(wrong, report):
        assert any(part in text for text in row["problems"]), (part, row)


def test_names_that_a_program_makes_of_one_name(g):
    """L5, L6: BET is given the beginning of names; every file that comes of it is published, the first has the tags. (bet is
    a stand-in that writes what BET writes.)"""
    program(g, "bet", '[ "$FSLOUTPUTTYPE" = NIFTI_GZ ] || exit 9\nprintf "%s|" "$@" > "$GANTRY_HOME/words"\n'
            'out=${2%.nii.gz}; cp "$1" "$out.nii.gz"; case "$*" in *" -m"*) cp "$1" "${out}_mask.nii.gz";; esac\n')
    one = cohort.study(g.data, "P 01", "S1")
    path = batch(g, "bet",
        job("bet", "fsl.bet", infile={"FILE": "t1*/s0__.nii.gz"}, outfile={"OUT": "brain/bet.nii.gz TAG(brain)"}, mask=True, centre=[1, 2.5, 3]),
        job("next", "script.bash", script='basename "$f1" > "$o1"', f1={"FILE": "tag:brain"}, o1={"OUT": "said.txt"}))
    g.ok("run", path)
    brain = one["folder"] / "brain"
    assert sorted(p.name for p in brain.iterdir() if ".prov" not in p.name) == ["bet.nii.gz", "bet_mask.nii.gz"]
    assert (one["folder"] / "said.txt").read_text() == "bet.nii.gz\n" and g.leftovers() == []
    words = (g.home / "words").read_text().split("|")
    assert words[0] == str(one["t1"]) and words[2:-1] == ["-f", "0.5", "-c", "1", "2.5", "3", "-m"], words


FOREIGN = {
    "schema-version": "0.5", "name": "split", "description": "A descriptor of somebody else", "tool-version": "1",
    "command-line": "cat [FILES] | tee [COPY] >/dev/null && for i in 1 2; do printf '%s;' [TEXTS] \"[TEXT]\" $i > part_$i.txt; done; echo '[TEXT]' > [NAME].log",
    "inputs": [
        {"id": "files", "name": "files", "type": "File", "list": True, "value-key": "[FILES]"},
        {"id": "copy", "name": "copy", "type": "String", "value-key": "[COPY]"},
        {"id": "texts", "name": "texts", "type": "String", "list": True, "value-key": "[TEXTS]", "command-line-flag": "-t", "optional": True},
        {"id": "text", "name": "text", "type": "String", "value-key": "[TEXT]"},
        {"id": "name", "name": "name", "type": "String", "value-key": "[NAME]"}],
    "output-files": [
        {"id": "copied", "name": "copied", "path-template": "[COPY]"},
        {"id": "parts", "name": "parts", "path-template": "part_*.txt", "list": True},
        {"id": "log", "name": "log", "path-template": "[NAME].log", "path-template-stripped-extensions": [".txt"]},
        {"id": "none", "name": "none", "path-template": "[NAME].never", "optional": True}],
}


def test_a_foreign_descriptor_runs_as_it_is(g):
    """DESIGN 5: a command-line for a shell, lists, files in the folder it works in, names with '*'; values arrive intact (M7)."""
    one = cohort.study(g.data, "P01", "S1", convention=1)
    (g.home / "tools").mkdir(parents=True)
    (g.home / "tools" / "split.json").write_text(json.dumps(FOREIGN))
    assert "all well" in g.ok("tools", "check").out
    odd = "a 'b' \"c\" $(touch /tmp/never) `d` \\ *"
    g.ok("run", batch(g, "foreign", job("split", "split", files={"FILE": ["T1w.nii.gz", "FLAIR.nii.gz"]}, copy={"OUT": "all.bin"},
        texts=["x y", "$z"], text=odd, name="report")))
    assert (one["folder"] / "all.bin").read_bytes() == one["flair"].read_bytes() + one["t1"].read_bytes()  # several files come in the order of their names
    for i in (1, 2):
        assert (one["folder"] / f"part_{i}.txt").read_text() == f"-t;x y;$z;{odd};{i};"
    assert (one["folder"] / "report.log").read_text() == odd + "\n" and g.leftovers() == []


def test_dcm2niix_converts_what_scanners_write(g):
    """dcm2niix itself, from Debian: a DICOM series of a study becomes NIfTI with its side-car, in a folder of its own."""
    values = np.random.default_rng(1).integers(-1000, 2000, (6, 20, 16)).astype(np.int16)
    study = g.data / "P01" / "S1"
    cohort.study(g.data, "P01", "S1", convention=1)
    folder(study / "dicom", series(values, SeriesDescription="t1 mprage", SeriesNumber=3, PatientName="Doe^Jane", RescaleSlope=1, RescaleIntercept=0))
    g.ok("run", batch(g, "convert", job("convert", "dcm2niix", dicom_dir={"FILE": "."}, out_dir={"PATHOUT": "nifti"})))
    made = sorted(p.name for p in (study / "nifti").iterdir() if ".prov" not in p.name)
    assert made == ["3_t1_mprage.json", "3_t1_mprage.nii.gz"]
    image = nibabel.load(study / "nifti" / made[1])
    assert image.shape == (16, 20, 6) and np.array_equal(np.sort(np.asarray(image.dataobj), None), np.sort(values, None))
    assert "Doe" not in (study / "nifti" / made[0]).read_text()


def test_mrtrix_makes_streamlines(g):
    """MRtrix itself, from Debian: FA of a DWI, and streamlines along an image of directions, which the next job finds by tag
    and measures (P6)."""
    study = g.data / "P01" / "S1"
    study.mkdir(parents=True)
    peaks = np.zeros((20, 8, 8, 3), np.float32)
    peaks[..., 0] = 1
    seed = np.zeros((20, 8, 8), np.uint8)
    seed[9:11, 3:5, 3:5] = 1
    g_dirs = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], float)
    g_dirs[4:] /= np.sqrt(2)
    dwi = np.stack([1000 * np.exp(-1000 * (b @ np.diag([1.7e-3, 2e-4, 2e-4]) @ b)) * np.ones((6, 6, 4)) for b in g_dirs], -1)
    for name, data in (("peaks", peaks), ("seed", seed), ("dwi", dwi.astype(np.float32))):
        nibabel.save(nibabel.Nifti1Image(data, np.diag([2, 2, 2, 1])), study / f"{name}.nii.gz")
    np.savetxt(study / "dwi.bvec", g_dirs.T * [[-1], [1], [1]], fmt="%.6f")  # FSL: x turned where the determinant is positive
    np.savetxt(study / "dwi.bval", [[0] + [1000] * 6], fmt="%d")
    g.ok("run", batch(g, "tracts",
        job("tensor", "mrtrix.dwi2tensor", dwi={"FILE": "dwi.nii.gz"}, bvecs={"FILE": "dwi.bvec"}, bvals={"FILE": "dwi.bval"}, tensor={"OUT": "dti/tensor.nii.gz TAG(tensor)"}),
        job("fa", "mrtrix.tensor2metric", tensor={"FILE": "tag:tensor"}, fa={"OUT": "dti/fa.nii.gz"}),
        job("track", "mrtrix.tckgen", source={"FILE": "peaks.nii.gz"}, tracks={"OUT": "dti/all.tck TAG(tracks)"}, algorithm="FACT",
            seed_image={"FILE": "seed.nii.gz"}, select=50),
        job("through", "streamlines.stats", tracks={"FILE": "tag:tracks"}, reference={"FILE": "seed.nii.gz"}, include={"FILE": "seed.nii.gz"},
            density={"OUT": "dti/density.nii.gz"})))
    fa = nibabel.load(study / "dti" / "fa.nii.gz").get_fdata()
    l1, l2 = 1.7e-3, 2e-4
    assert fa == pytest.approx((l1 - l2) / np.sqrt(l1 ** 2 + 2 * l2 ** 2), rel=1e-3)
    lines = nibabel.streamlines.load(study / "dti" / "all.tck").streamlines
    assert len(lines) == 50 and all(np.ptp(line[:, 0]) > 20 and np.ptp(line[:, 1:], 0).max() < 1e-3 for line in lines)
    g.ok("results", "-o", g.base / "t.json")
    said = json.loads((g.base / "t.json").read_text())[0]
    density = nibabel.load(study / "dti" / "density.nii.gz").get_fdata()
    assert said["through.selected"] == 50 and said["through.density_max"] == density.max() and density[10, 3:5, 3:5].sum() == 50  # P6


@pytest.mark.parametrize("args, part", [
    ({}, "fsl.bet needs 'infile' (the image, NIfTI): {\"FILE\": \"pattern\"}"),
    ({"infile": {"FILE": "a.nii"}}, "fsl.bet needs 'outfile'"),
    ({"infile": {"FILE": "a.nii"}, "outfile": {"FILE": "b.nii"}}, "'outfile' says where an output goes: give it as OUT"),
    ({"infile": {"OUT": "a.nii"}, "outfile": {"OUT": "b.nii"}}, "'infile' is no place for an output"),
    ({"infile": {"FILE": "a.nii"}, "outfile": {"OUT": "b.nii"}, "f1": {"FILE": "c"}}, "fsl.bet has no argument 'f1'"),
    ({"infile": {"FILE": "a.nii"}, "outfile": {"OUT": "b.nii"}, "robust": True, "eyes": {"LOGICAL": True}}, "of robust, eyes, bias, small_fov, fmri, surfaces give one at most"),
    ({"infile": {"FILE": "a.nii"}, "outfile": {"OUT": "b.nii"}, "fraction": {"NUMERIC": 3}}, "fraction = 3 is not a number, 0 to 1"),
])
def test_a_job_that_does_not_fit_its_tool_is_refused_before_anything_runs(g, args, part):
    """L1, K8: needed arguments, places of outputs, groups, ranges; by validate and at launch alike."""
    cohort.study(g.data, "P01", "S1")
    path = batch(g, "wrong", job("bet", "fsl.bet", **args))
    assert part in g.fails(2, "run", path).err
