"""Every file Gantry writes or reads keeps to its schema in docs/formats, where unknown keys are refused."""
import json
import pathlib

import jsonschema
import pytest

import scans
from runner import script

ROOT = pathlib.Path(__file__).parents[2]


def schema(name):
    loaded = json.loads((ROOT / "docs" / "formats" / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return jsonschema.Draft202012Validator(loaded)


def keeps(name, document, where):
    problems = [f"{where}: {'/'.join(map(str, e.absolute_path))}: {e.message}" for e in schema(name).iter_errors(document)]
    assert problems == []


def attempts(g):
    return sorted((g.data / ".gantry" / "attempts").glob("*/*/")) + sorted((g.rec / ".gantry" / "attempts").glob("*/*/"))


def check_attempts(g):
    seen = set()
    for folder in attempts(g):
        for name in ("job", "result"):
            path = folder / f"{name}.json"
            if path.exists():
                keeps(name, json.loads(path.read_text()), path)
                seen.add(name)
        if (folder / "events.jsonl").exists():
            for line in (folder / "events.jsonl").read_text().splitlines():
                keeps("event", json.loads(line), folder)
                seen.add("event")
    return seen


def test_batches_that_ship():
    names = [p.stem for p in (ROOT / "share" / "batches").glob("*.json")]
    assert {"tomo-ai-reco", "tomo-try", "tomo-full"} <= set(names)
    for path in (ROOT / "share" / "batches").glob("*.json"):
        document = json.loads(path.read_text())
        keeps("batch", document, path)
        assert document["name"] == path.stem


def test_files_of_attempts_and_provenance(g):
    scans.write(g.data / "s_1.h5", columns=64, rows=2, angles=90)
    g.ok("config", "set", "keep_attempts=yes")
    g.ok("run", "tomo-ai-reco")
    progress = 'echo "@gantry {\\"progress\\":0.5,\\"message\\":\\"half\\",\\"metrics\\":{\\"x\\":1}}"; '
    batch = g.batch("b", script(progress + 'echo x > "$o1"'), script("exit 1", job="fails", out="no.txt"))
    assert g.run("run", batch).rc == 1
    assert check_attempts(g) == {"job", "result", "event"}
    records = list(g.rec.rglob("*.prov.json"))
    assert len(records) >= 3
    for path in records:
        keeps("provenance", json.loads(path.read_text()), path)


@pytest.mark.parametrize("spoil", [
    lambda b: b.update(colour="red"),
    lambda b: b.update(gantry=2),
    lambda b: b.update(jobs=[]),
    lambda b: b.update(level="galaxy"),
    lambda b: b.pop("name"),
    lambda b: b["jobs"][0].update(colour="red"),
    lambda b: b["jobs"][0].update(tool="no.such.tool"),
    lambda b: b["jobs"][0].pop("id"),
    lambda b: b["jobs"][0].update(on_error="maybe"),
    lambda b: b["jobs"][0]["args"].update(f1={"FILES": "."}),
    lambda b: b["jobs"][0]["args"].update(o1={"OUT": "a*.txt"}),
    lambda b: b["jobs"][0]["args"].update(o1={"OUT": "/etc/passwd"}),
    lambda b: b["jobs"][0]["args"].update(o1={"OUT": "../../x"}),
    lambda b: b["jobs"][0].update(resources={"cpus": 1, "towers": 2}),
    lambda b: b["jobs"].append(dict(b["jobs"][0])),
    lambda b: b["options"].update(mode="sideways"),
], ids=range(16))
def test_what_the_schema_or_the_rules_refuse_is_refused(g, spoil):
    batch = {"gantry": 1, "name": "b", "level": "scan", "jobs": [script("true")], "options": {}}
    good = json.loads(json.dumps(batch))
    path = g.base / "b.json"
    spoil(batch)
    path.write_text(json.dumps(batch))
    outcome = g.fails(2, "batch", "save", path)
    assert len(outcome.err.strip().split("\n")) == 1, outcome
    keeps("batch", good, "the good one")
    path.write_text(json.dumps(good))
    g.ok("batch", "save", path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"gantry":1,"gantry":1}', "\xff", '{"gantry": 1} trailing'])
def test_a_batch_that_is_no_json_is_one_line(g, text):
    path = g.base / "b.json"
    path.write_bytes(text.encode("latin1"))
    outcome = g.run("batch", "save", path)
    assert outcome.rc in (1, 2) and len(outcome.err.strip().split("\n")) == 1, outcome
    assert "b.json" in outcome.err
