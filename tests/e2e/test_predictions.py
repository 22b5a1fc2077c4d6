"""Batch Prediction: a model over a data set as a run, on the command line and over HTTP. REQUIREMENTS W1-W14, X24.

Most tests use a model whose engine is a site's own tool (`"engine": "tool:site.copy"`): a script that waits for a gate and
fails where it is told to, so that every state can be seen; what networks compute is tested in test_predict_segment.py and its
like, the page in tests/web."""
import json
import os
import signal
import zipfile

import pytest

import predictions
import server
import tiny_models
from browser import Client
from runner import wait_for

PASSWORD = "a long enough one"
NAMES = ["p01/2023-01-10/ct", "p01/2024-02-11/ct", "p02/2023-05-01/ct"]

SCRIPT = """
place=$(echo "$5" | tr / _)
while [ -e "$3/closed" ] && [ ! -e "$3/open-$place" ]; do sleep 0.02; done
if [ -e "$3/bad-$place" ]; then echo "no lungs in slice $4" >&2; exit 3; fi
echo "level $4"
echo "{\\"ml.all\\": 7.5, \\"level\\": $4}" > "$GANTRY_ATTEMPT_DIR/values.json"
cp "$1" "$2"
"""

TOOL = {
    "schema-version": "0.5", "name": "site.copy", "description": "a site's own model", "tool-version": "1",
    "command-line": "/bin/sh SCRIPT [IMAGE] [MASK] GATES [LEVEL] [PLACE]",
    "inputs": [
        {"id": "image", "name": "image", "type": "File", "value-key": "[IMAGE]"},
        {"id": "mask", "name": "mask", "type": "String", "value-key": "[MASK]"},
        {"id": "level", "name": "level", "type": "Number", "value-key": "[LEVEL]", "default-value": 0},
        {"id": "place", "name": "place", "type": "String", "value-key": "[PLACE]", "optional": True},
    ],
    "output-files": [{"id": "mask", "name": "mask", "path-template": "[MASK]"}],
    "custom": {"gantry": {"level": "series", "bind": {"place": "series-stem"}}},
}

CARD = {
    "gantry": 1, "name": "copy", "version": "2.1", "task": "segmentation", "engine": "tool:site.copy",
    "input": {"modality": "CT", "channels": 1, "slices_min": 5},
    "output": {"labels": ["background", "all"], "activation": "none", "colours": ["#000000", "#4c9be8"]},
    "settings": {
        "level": {"type": "number", "default": 100, "minimum": -1000, "maximum": 3000, "label": "Level", "help": "in HU"},
        "keep": {"type": "labels", "default": ["all"], "label": "Labels"},
        "slice_first": {"type": "integer", "default": 0, "minimum": 0},
        "slice_last": {"type": "integer", "default": -1, "minimum": -1},
    },
    "licence": "MIT", "source": "a test",
}


class Site:
    """A `g` with the data set `chests` (three CT series and a thin one, of two patients) and the model `copy`."""

    def __init__(self, g):
        self.g, self.gates = g, g.base / "gates"
        self.gates.mkdir()
        predictions.tree(g.data)
        self.tools = g.home / "tools"
        self.tools.mkdir(parents=True)
        (g.base / "copy.sh").write_text(SCRIPT)
        line = TOOL["command-line"].replace("SCRIPT", str(g.base / "copy.sh")).replace("GATES", str(self.gates))
        (self.tools / "site.copy.json").write_text(json.dumps({**TOOL, "command-line": line}))
        folder = g.base / "copy"
        folder.mkdir()
        (folder / "model.json").write_text(json.dumps(CARD))
        g.ok("dataset", "add", "chests", g.data, "--modality", "CT")
        g.ok("model", "add", folder)

    def gate(self, word, name):
        (self.gates / f"{word}-{name.replace('/', '_')}").touch()

    def close(self):
        (self.gates / "closed").touch()

    def open(self):
        (self.gates / "closed").unlink()


@pytest.fixture
def site(g):
    return Site(g)


@pytest.fixture
def served(site):
    site.g.ok("config", "set", "slots=2")
    with server.Server(site.g) as s:
        yield site, s


def row(s, run):
    return next(r for r in s.ok("GET", "/api/v1/predictions")["rows"] if r["id"] == run)


def ended(s, run):
    return wait_for(lambda: row(s, run)["ended"] and row(s, run), f"the end of run {run}")


# --- the command line ------------------------------------------------------------------------------------------------

def test_the_command_makes_the_run(site):
    """W1, W3, W5: gantry predict --dataset checks, predicts, says where; the same again is cached; other settings, other place."""
    g = site.g
    look = g.ok("predict", "--dataset", "chests", "--model", "copy", "--dry-run").out
    assert look.startswith("4 series, 1 does not fit (1 with 3 slices)\n  1 with 3 slices: p02/2023-05-01/thin.nii\n"), look
    assert look.endswith('settings: level=100 keep=["all"] slice_first=0 slice_last=-1\n'), look
    refused = g.fails(2, "predict", "--dataset", "chests", "--model", "copy")
    assert "1 does not fit (1 with 3 slices); submit the rest (--skip-misfits)" in refused.err
    done = g.ok("predict", "--dataset", "chests", "--model", "copy", "--skip-misfits")
    folder = done.out.strip().splitlines()[-1].removeprefix("results in ")
    assert folder.startswith(str(g.rec / "predictions" / "copy-"))
    for name in NAMES:
        mask = g.rec / "predictions" / folder / name / "mask.nii.gz"
        assert mask.read_bytes() == (g.data / f"{name}.nii.gz").read_bytes()
        assert (mask.parent / "mask.nii.gz.prov.json").exists()
    again = g.json("predict", "-d", "chests", "-m", "copy", "--skip-misfits")
    assert again["folder"] == folder and {t["state"] for t in g.tasks()} == {"cached"}
    other = g.json("predict", "-d", "chests", "-m", "copy", "--skip-misfits", "--set", "level=7")
    assert other["folder"] != folder and {t["state"] for t in g.tasks()} == {"done"}
    card = {**CARD, "input": {**CARD["input"], "window": [-40, 80]}}
    (g.base / "copy" / "model.json").write_text(json.dumps(card))
    g.ok("model", "add", "--replace", g.base / "copy")
    mended = g.json("predict", "-d", "chests", "-m", "copy", "--skip-misfits", "--set", "level=7")
    assert mended["folder"] not in (folder, other["folder"]), "another card of the same sum wrote over earlier results"
    assert {t["state"] for t in g.tasks()} == {"done"}
    assert all((g.rec / "predictions" / mended["folder"] / name / "mask.nii.gz").exists() for name in NAMES)
    assert "level 7" in g.ok("log", g.tasks()[0]["id"]).out
    table = g.json("results", str(other["run"]))
    assert [(r["predict.ml.all"], r["predict.level"]) for r in table] == [(7.5, 7)] * 3
    assert not g.leftovers()


def test_selecting_series(site):
    """W3: Select Series by name, glob, patient and number; what means nothing is named."""
    g = site.g

    def fit(*words):
        args = [a for w in words for a in ("--series", w)]
        return g.json("predict", "-d", "chests", "-m", "copy", "--dry-run", *args)["fit"]

    assert fit("patient:p01") == 2 and fit("patient:p0*") == 3 and fit("modality:ct") == 3
    assert fit("p01/2023*") == 1 and fit("date:2024-*") == 1 and fit(NAMES[2]) == 1
    number = g.json("dataset", "show", "chests")["rows"][0]["id"]
    assert fit(f"id:{number}", "patient:p02") == 2
    assert "no series of data set 'chests' is meant by 'patient:p9'" in \
        g.fails(2, "predict", "-d", "chests", "-m", "copy", "-s", "patient:p9").err
    assert "id:" in g.fails(2, "predict", "-d", "chests", "-m", "copy", "-s", "id:x").err


@pytest.mark.parametrize("words, says", [
    (["-m", "copy", "--set", "level=5000"], "setting 'level' of model 'copy' must be a number from -1000 to 3000"),
    (["-m", "copy", "--set", "levle=5"], "model 'copy' has no setting 'levle' (it has level, keep, slice_first, slice_last)"),
    (["-m", "copy", "--set", 'keep=["heart"]'], "setting 'keep' of model 'copy' must be a list of background all"),
    (["-m", "copy", "--set", "slice_first=5", "--set", "slice_last=3"], "slice_first"),
    (["-m", "nix"], "there is no model 'nix'"),
    (["-m", "cor-gantry"], "finds rotation centres"),
    ([], "--model M is wanted"),
    (["-m", "copy", "-i", "."], "--input is of CT triage and does not go with --dataset"),
])
def test_nothing_is_queued_that_is_wrong(site, words, says):
    """W14, W3: settings are checked against the model's, required fields must be there; then nothing is queued."""
    assert says in site.g.fails(2, "predict", "--dataset", "chests", *words).err
    assert site.g.json("ps", "--all") == []


def test_a_tool_that_reads_where_a_model_writes(site):
    """W14: a model whose tool takes the mask as a file to read is refused when it is added."""
    folder = site.g.base / "reads"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({**CARD, "name": "reads", "engine": "tool:image.stats"}))
    assert "reads a file as 'mask'" in site.g.fails(2, "model", "add", folder).err


def test_options_of_the_two_ways_do_not_mix(g):
    """W3: what is said of a data set says nothing of a folder of ZIPs."""
    assert "--series goes with --dataset" in g.fails(2, "predict", "-i", g.data, "--series", "x").err


# --- the API ---------------------------------------------------------------------------------------------------------

def test_form_table_and_details(served):
    """W3, W4, W5, W6, W7, W12, W13, W14: the form's check, a submission that is in the table at once, its columns, the bar by
    events, series by patient and date, metadata and logs."""
    site, s = served
    form = s.ok("GET", "/api/v1/models/copy")
    assert form["form"]["level"]["label"] == "Level" and form["card"]["engine"] == "tool:site.copy" and form["used_by"] == []
    dataset = s.ok("GET", "/api/v1/datasets")
    dataset = (dataset["rows"] if isinstance(dataset, dict) else dataset)[0]["id"]
    for body, says in [
        ({"dataset": dataset}, "Select Model"), ({"model": "copy"}, "Select Dataset"),
        ({"model": "copy", "dataset": dataset, "items": []}, "Select Series"),
        ({"model": "copy", "dataset": dataset, "settings": {"level": "x"}}, "must be a number from -1000 to 3000"),
    ]:
        answer = s.post("/api/v1/predictions", body)
        assert answer.status == 400 and says in answer.json["detail"], answer
    body = {"model": "copy", "dataset": dataset, "settings": {"level": 9}}
    check = s.post("/api/v1/predictions/check", body).json
    assert (check["total"], check["fit"], check["slots"], check["seconds"]) == (4, 3, 2, None)
    assert check["settings"] == {"keep": ["all"], "level": 9, "slice_first": 0, "slice_last": -1}
    assert [(m["reason"], m["n"], len(m["items"])) for m in check["misfits"]] == [("1 with 3 slices", 1, 1)]
    refused = s.post("/api/v1/predictions", body)
    assert refused.status == 409 and refused.json["misfits"] == check["misfits"]
    assert s.ok("GET", "/api/v1/predictions")["total"] == 0

    site.close()
    live = s.events()
    made = s.post("/api/v1/predictions", {**body, "skip_misfits": True})
    assert made.status == 201 and made.json["tasks"] == 3
    run = made.json["run"]
    at_once = row(s, run)
    assert at_once["model"] == "copy" and at_once["version"] == "2.1" and at_once["dataset"] == "chests"
    assert at_once["user"] and at_once["progress"] == 0 and at_once["ended"] is None and at_once["started"]
    assert at_once["state"] in ("Queued", "In Progress") and at_once["total"] == 3
    wait_for(lambda: row(s, run)["state"] == "In Progress", "it runs")
    site.gate("open", NAMES[0])
    wait_for(lambda: row(s, run)["finished"] == 1, "one is done")
    assert row(s, run)["progress"] == 33 and row(s, run)["group"] == "running"
    wait_for(lambda: any(r[1] == run and r[4] == "done" for _, event, data in live.list if event == "tasks" for r in data["rows"]),
        "the event of it")
    site.open()
    done = ended(s, run)
    assert (done["state"], done["group"], done["progress"], done["finished"]) == ("Completed", "done", 100, 3)
    found = s.ok("GET", "/api/v1/predictions?filter=copy%20chests%20completed&sort=progress")
    assert found["total"] == 1 and s.ok("GET", "/api/v1/predictions?filter=nix")["total"] == 0

    whole = s.ok("GET", f"/api/v1/predictions/{run}")
    assert whole["settings"]["level"] == 9 and whole["folder"] == made.json["folder"] and whole["counts"]["done"] == 3
    assert whole["checksum"] and whole["host"] and whole["seconds_longest"] > 0
    rows = s.ok("GET", f"/api/v1/predictions/{run}/series?sort=patient")["rows"]
    assert [(r["patient"], r["date"], r["state"]) for r in rows] == [
        ("p01", "2023-01-10", "Completed"), ("p01", "2024-02-11", "Completed"), ("p02", "2023-05-01", "Completed")]
    first = s.ok("GET", f"/api/v1/predictions/{run}/series?after=0&limit=2")
    rest = s.ok("GET", f"/api/v1/predictions/{run}/series?after={first['rows'][-1]['task']}&limit=2")
    assert first["total"] == 3 and "total" not in rest
    assert [r["task"] for r in first["rows"] + rest["rows"]] == sorted(r["task"] for r in rows)
    task = s.ok("GET", f"/api/v1/tasks/{rows[0]['task']}")
    assert "site.copy" in json.dumps(task)
    assert b"level 9" in s.get(f"/api/v1/tasks/{rows[0]['task']}/log").body
    assert s.post("/api/v1/predictions/check", body).json["seconds"] > 0
    assert s.ok("GET", "/api/v1/models/copy")["used_by"] == [run]


def test_failed_ones_are_told_and_retried(served):
    """W11, X24: Failed (1 of 3), the reason at its series, Retry failed, then Completed; Cancelled exists too."""
    site, s = served
    site.gate("bad", NAMES[1])
    run = s.post("/api/v1/predictions", {"model": "copy", "dataset": "chests", "skip_misfits": True}).json["run"]
    done = ended(s, run)
    assert (done["state"], done["group"], done["failed"], done["progress"]) == ("Failed (1 of 3)", "failed", 1, 100)
    bad = s.ok("GET", f"/api/v1/predictions/{run}/series?group=failed")
    assert bad["total"] == 1 and bad["rows"][0]["stem"] == NAMES[1] and "no lungs" in bad["rows"][0]["message"]
    (site.gates / f"bad-{NAMES[1].replace('/', '_')}").unlink()
    s.ok("POST", f"/api/v1/runs/{run}/retry", {"failed": True})
    wait_for(lambda: row(s, run)["state"] == "Completed", "the retry")
    assert [r["attempts"] for r in s.ok("GET", f"/api/v1/predictions/{run}/series")["rows"]] == [1, 2, 1]

    site.close()
    again = s.post("/api/v1/predictions", {"model": "copy", "dataset": "chests", "skip_misfits": True, "again_of": run,
                                           "settings": {"level": 11}}).json["run"]
    wait_for(lambda: row(s, again)["state"] == "In Progress", "it runs")
    s.ok("POST", f"/api/v1/runs/{again}/kill")
    cancelled = ended(s, again)
    assert (cancelled["state"], cancelled["group"], cancelled["again_of"]) == ("Cancelled", "cancelled", run)


def test_trial(served):
    """W3: Try on one: one series that fits, before everything else."""
    site, s = served
    made = s.post("/api/v1/predictions", {"model": "copy", "dataset": "chests", "trial": True}).json
    assert made["tasks"] == 1
    done = ended(s, made["run"])
    assert done["trial"] and s.ok("GET", f"/api/v1/predictions/{made['run']}")["priority"] > 0


def test_two_at_once_by_two_people(site):
    """W1, W9, W10, W5: two operators' predictions run side by side; a viewer may look and not submit; after kill -9 of the
    server both go on, with nothing lost and nothing done twice."""
    g = site.g
    for name, role in (("anna", "operator"), ("olaf", "operator"), ("vera", "viewer")):
        g.ok("user", "add", name, "--role", role, stdin=PASSWORD + "\n")
    g.ok("config", "set", "slots=4")
    site.close()
    runs = {}
    with server.Server(g) as first:
        vera = Client(first.port).login("vera", PASSWORD)
        body = {"model": "copy", "dataset": "chests", "skip_misfits": True}
        assert vera.post("/api/v1/predictions", body).status == 403
        assert vera.post("/api/v1/predictions/check", body).status == 200
        assert vera.ask("PATCH", "/api/v1/models/copy", {"archived": True}).status == 403
        for level, name in enumerate(("anna", "olaf")):
            who = Client(first.port).login(name, PASSWORD)
            answer = who.post("/api/v1/predictions", {**body, "settings": {"level": level}})
            assert answer.status == 201, answer
            runs[answer.json()["run"]] = name

        def table():
            return {r["id"]: r for r in vera.get("/api/v1/predictions").json()["rows"]}

        wait_for(lambda: {r["state"] for r in table().values()} == {"In Progress"}, "both run")
        assert {r: table()[r]["user"] for r in runs} == runs
        site.gate("open", NAMES[0])
        wait_for(lambda: all(r["finished"] == 1 for r in table().values()), "one of each is done")
        os.kill(first.pid, signal.SIGKILL)
        first.process.wait()
    site.open()
    with server.Server(g) as second:
        vera = Client(second.port).login("vera", PASSWORD)
        wait_for(lambda: {r["state"] for r in vera.get("/api/v1/predictions").json()["rows"]} == {"Completed"}, "both end")
        for run in runs:
            rows = vera.get(f"/api/v1/predictions/{run}/series").json()["rows"]
            assert len(rows) == 3 and rows[0]["attempts"] == 1
    assert sum(1 for _ in g.rec.glob("predictions/copy-*/**/mask.nii.gz")) == 6
    assert not g.leftovers()


def test_rights_are_per_project(site):
    """W3, W5: data sets and predictions of a project that somebody may not see are not there; where he may only look he
    submits nothing."""
    g = site.g
    other = g.base / "other"
    predictions.nifti(other / "a.nii.gz")
    g.ok("dataset", "add", "secret", other, "--modality", "CT")
    site.close()
    g.ok("user", "add", "anna", "--role", "operator", stdin=PASSWORD + "\n")
    g.ok("user", "add", "olaf", "--role", "operator", "--project", "data:operator", stdin=PASSWORD + "\n")
    g.ok("user", "add", "otto", "--role", "operator", "--project", "data:viewer", stdin=PASSWORD + "\n")
    with server.Server(g) as s:
        anna, olaf, otto = (Client(s.port).login(name, PASSWORD) for name in ("anna", "olaf", "otto"))
        made = anna.post("/api/v1/predictions", {"model": "copy", "dataset": "secret"})
        assert made.status == 201, made
        run = made.json()["run"]
        assert anna.get("/api/v1/predictions").json()["total"] == 1
        assert olaf.get("/api/v1/predictions").json() == {"total": 0, "rows": []}
        assert olaf.get(f"/api/v1/predictions/{run}").status == 404
        assert olaf.get(f"/api/v1/predictions/{run}/series").status == 404
        assert olaf.get("/api/v1/models/copy").json()["used_by"] == []
        refused = olaf.post("/api/v1/predictions", {"model": "copy", "dataset": "secret"})
        assert refused.status == 404 and "no such data set" in refused.detail
        chests = {"model": "copy", "dataset": "chests", "trial": True}
        assert otto.post("/api/v1/predictions", chests).status == 403
        assert olaf.post("/api/v1/predictions", {**chests, "again_of": run}).status == 404
        assert olaf.post("/api/v1/predictions", chests).status == 201


# --- models ----------------------------------------------------------------------------------------------------------

def test_registry(served):
    """Issue 6.1 (W3: a deployed model): archive and deploy, used by which predictions, not removed while they used it."""
    site, s = served
    g = site.g
    s.ok("PATCH", "/api/v1/models/copy", {"archived": True})
    assert next(m for m in s.ok("GET", "/api/v1/models") if m["name"] == "copy")["archived"] is True
    answer = s.post("/api/v1/predictions", {"model": "copy", "dataset": "chests"})
    assert answer.status == 400 and "is archived" in answer.json["detail"]
    assert "(archived)" in g.ok("model", "ls").out
    g.ok("model", "deploy", "copy")
    run = s.post("/api/v1/predictions", {"model": "copy", "dataset": "chests", "trial": True}).json["run"]
    ended(s, run)
    assert f"run {run}" in g.ok("model", "show", "copy").out
    refused = s.request("DELETE", "/api/v1/models/copy")
    assert refused.status == 409 and f"run {run}" in refused.json["detail"]
    assert s.request("DELETE", "/api/v1/models/copy?force=1").status == 200
    assert s.get("/api/v1/models/copy").status == 404
    assert row(s, run)["model"] == "copy"


def test_models_are_sent(served, ort):
    """Issue 6.1: a model comes as a folder here, as two files that were sent, or as a ZIP; it is run once on its own shape."""
    site, s = served
    g = site.g
    onnx = tiny_models.two_classes(4, 4, 4)
    card = tiny_models.card(onnx, name="sent", input={"modality": "MR", "patch": [4, 4, 4], "channels": 1})
    folder = tiny_models.write(g.data / "sent", onnx, card)
    answer = s.post("/api/v1/models", {"path": str(folder)})
    assert answer.status == 201 and answer.json["name"] == "sent" and answer.json["checked"], answer

    def send(name, data):
        answer = s.request("PUT", f"/api/v1/uploads/{name}", data)
        assert answer.status == 201, answer
        return answer.json["upload"]

    files = [send("model.onnx", onnx), send("model.json", json.dumps({**card, "name": "files"}).encode())]
    assert s.ok("POST", "/api/v1/models", {"uploads": files})["name"] == "files"
    with zipfile.ZipFile(g.base / "m.zip", "w") as z:
        z.writestr("made/here/model.json", json.dumps({**card, "name": "zipped"}))
        z.writestr("made/here/model.onnx", onnx)
        z.writestr("made/here/train/.git/config", "x")
    assert s.ok("POST", "/api/v1/models", {"uploads": [send("m.zip", (g.base / "m.zip").read_bytes())]})["name"] == "zipped"
    assert sorted(p.name for p in (g.home / "models" / "zipped").iterdir()) == ["model.json", "model.onnx"]
    for files, words in (({"model.json": 1}, "a model is a card and a network"), ({"a/model.json": 1, "a/model.onnx": 2, "b/model.json": 1,
            "b/model.onnx": 2}, "several models, 'a/model.json' and 'b/model.json'")):
        with zipfile.ZipFile(g.base / "m.zip", "w") as z:
            for name, what in files.items():
                z.writestr(name, json.dumps({**card, "name": "odd"}) if what == 1 else onnx)
        answer = s.post("/api/v1/models", {"uploads": [send("m.zip", (g.base / "m.zip").read_bytes())]})
        assert answer.status == 422 and words in answer.json["detail"], answer
    assert not (g.home / "models" / "odd").exists()
    bad = [send("model.onnx", onnx), send("model.json", json.dumps({**card, "name": "bad", "task": "x"}).encode())]
    answer = s.post("/api/v1/models", {"uploads": bad})
    assert answer.status in (400, 422) and "task" in answer.json["detail"]
    assert s.post("/api/v1/models", {"path": "/etc"}).status in (403, 404, 400)


# --- with a network --------------------------------------------------------------------------------------------------

def test_results_have_the_values(site, ort):
    """W8, W12: the table of a run has who, when, and what the model said of each series."""
    g = site.g
    onnx = tiny_models.two_classes(8, 8, 8)
    g.ok("model", "add", tiny_models.write(g.base / "sign", onnx, tiny_models.card(onnx, name="sign",
        input={"modality": "CT", "patch": [8, 8, 8], "channels": 1},
        output={"labels": ["background", "bright"], "activation": "softmax", "colours": ["#000000", "#e0a030"]})))
    made = g.json("predict", "-d", "chests", "-m", "sign")
    assert made["tasks"] == 4
    table = g.json("results", str(made["run"]))
    table = table["rows"] if isinstance(table, dict) else table
    first = table[0]
    assert (first["name"], first["patient"], first["date"], first["modality"], first["slices"]) == (
        "p01/2023-01-10/ct.nii.gz", "p01", "2023-01-10", "CT", 12)
    assert first["predict"] == "done" and first["predict.ml.bright"] > 0
    assert any(o.endswith("mask.nii.gz") for o in first["outputs"])
    log = g.ok("log", f"run:{made['run']}").out  # W12: the log of the whole batch
    assert [line for line in log.splitlines() if line.startswith("== ")][0] == "== p01/2023-01-10/ct.nii.gz predict: done"
    assert log.count("== ") == 4 and len(log.splitlines()) > 4
    assert "go with one task" in g.fails(2, "log", f"run:{made['run']}", "-f").err
    head = g.ok("results", str(made["run"])).out.splitlines()[0]
    assert head.split() == ["Series", "Patient", "Date", "Status", "predict", "ml.bright", "Error"]


def test_a_batch_over_series(site):
    """Issue 6: batches of level series run like others: the series as input, outputs below <folder>_rec/<batch>, what another run
    made of it, and a job that collects them all."""
    g = site.g
    run = g.json("predict", "-d", "chests", "-m", "copy", "--skip-misfits")["run"]
    g.batch("sizes", {"id": "size", "tool": "script.bash", "args": {
        "script": 'cat "$f1" "$f2" | wc -c > "$o1"; echo "$DPXpid $DPXsid" >> "$o1"', "f1": {"FILE": "."},
        "f2": {"FILE": "mask.nii.gz", "of": f"RUN#{run}"}, "o1": {"OUT": "size.txt"}}},
        {"id": "all", "tool": "script.bash", "collect": True, "args": {
            "script": 'cat "${f1[@]}" > "$o1"', "f1": {"FILE": "size.txt"}, "o1": {"OUT": "sizes.txt"}}}, level="series")
    lacking = g.fails(1, "run", "sizes", "patient:p01", "dataset:chests", "p01/*")
    assert "thin: nothing matches 'mask.nii.gz'" in lacking.err
    size = (g.data / f"{NAMES[0]}.nii.gz").stat().st_size
    assert (g.rec / "sizes" / NAMES[0] / "size.txt").read_text().split() == [str(2 * size), "p01", "2023-01-10"]
    assert len((g.rec / "sizes" / "sizes.txt").read_text().splitlines()) == 6
    assert {t["state"] for t in g.tasks() if t["job"] == "all"} == {"done"}
    assert "no series is meant by 'patient:x'" in g.fails(3, "run", "sizes", "patient:x").err
