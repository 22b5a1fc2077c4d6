"""The API of cohorts (DESIGN 8; REQUIREMENTS J4, K, L2, N5, Q1, Q2, Q6): studies, files that patterns find, tags in three
domains, events, stars and groups, validation, a rerun of an edited job, verdicts, and the table of results."""
import csv
import json
import urllib.parse

import cohort
import pytest
from server import Server
from test_api import API, Api

MEASURE = {"id": "size", "tool": "script.bash", "args": {
    "script": 'stat -c %s "$f1" > "$o1"', "f1": {"FILE": list(cohort.PATTERNS[:2])}, "o1": {"OUT": "m/size.txt TAG(size)"}}}
BATCH = {"gantry": 1, "name": "measure", "level": "study", "jobs": [MEASURE]}


@pytest.fixture
def api(g):
    """A tree of three subjects with two studies each, ages in a table, and a server."""
    g.made = cohort.mixed(g.data, subjects=3, odd=False)
    (g.data / "participants.tsv").write_text("participant_id\tage\tsex\nP001\t41\tF\nP002\t52\tM\n")
    g.ok("init", "--name", "data")
    g.ok("scan")
    with Server(g) as server:
        yield Api(server)


def quoted(**query):
    return {key: urllib.parse.quote(str(value)) for key, value in query.items()}


def psids(api, **query):
    return [row["psid"] for row in api.get("studies", **quoted(project=1, **query))["items"]]


def test_lists(g, api):
    """K1, K7, Q1, Q2: rows of two levels as objects, columns and ids; filter bars; refusals that say why."""
    page = api.get("studies", project=1)
    assert page["total"] == 6 and isinstance(page["seq"], int)
    row = page["items"][0]
    assert (row["psid"], row["level"], row["name"], row["files"], row["tags"]) == ("P001#S1", "study", "P001/S1", 2, [])
    assert row["attrs"] == {"age": 41, "sex": "F"} and row["jobs"] == {"q": 0, "r": 0, "e": 0, "d": 0}
    columns = api.get("studies", project=1, shape="columns")["columns"]
    assert columns["psid"] == psids(api) and set(map(len, columns.values())) == {6}
    assert [len(api.get("studies", **quoted(project=1, shape="ids", filter=text))["ids"]) for text in ("P001", "P001 P003&S1", "stag:")] == [2, 3, 0]
    assert psids(api, filter="P00", filter2="S1", sort="sid", order="desc", limit=2) == ["P001#S1", "P003#S1"]
    assert psids(api, level="subject") == ["P001", "P002", "P003"]
    assert "level is study or subject" in api.problem(400, "GET", "studies?project=1&level=scan")["detail"]
    assert "no column 'colour'" in api.problem(400, "GET", "studies?project=1&sort=colour")["detail"]
    assert api.problem(404, "GET", "studies/999")


def test_files_of_patterns(g, api):
    """L2, L4, L10, Q4: what a pattern finds, where it finds nothing, in pieces; references; a pattern that cannot be read."""
    ids = api.get("studies", project=1, shape="ids")["ids"]
    found = api.get("files", **quoted(project=1, pattern="t1*/s0__.nii.gz T1w.nii.gz", items=",".join(map(str, ids))))
    assert (found["total"], found["studies"], found["checked"], found["complete"]) == (4, 4, 6, True)
    assert [one["psid"] for one in found["missing"]] == [one["psid"] for one in g.made if one["convention"] % 3 == 2]
    assert found["files"][0]["path"] == "P001/S1/t1_mpr/s003.nii.gz"
    rest = api.post("files", project=1, pattern="*/*", items=ids, **{"from": 4})
    assert (rest["checked"], rest["next"]) == (2, 6)
    oldest = api.get("files", **quoted(project=1, pattern="*/*", of="OLDEST", select="P002"))
    assert {one["psid"] for one in oldest["files"]} == {"P002#20240302"}
    both = api.get("files", **quoted(project=1, pattern="*/*", level="subject"))
    assert (both["items"], both["studies"]) == (3, 3)
    assert "quote" in api.problem(400, "GET", "files?project=1&pattern=%22a")["detail"]
    assert api.problem(404, "GET", "files?project=1&pattern=a&items=999")
    api.post("tags/change", project=1, domain="study", ids=ids[:1], tags=["x"])
    log = json.dumps(api.get("audit"))
    assert "tags/change" in log and "/files" not in log  # what is asked while somebody types is no entry of the log


def test_tags(g, api):
    """Q6: tags of files, studies and subjects, as events too; what is of another project, and bad words, are refused."""
    row = api.get("studies", project=1)["items"][0]
    files = api.get(f"studies/{row['id']}")["files"]
    with_tag = {"file": [files[0]["id"]], "study": [row["id"]], "subject": [row["subject"]]}
    events = api.server.events("?project=1")
    for domain, ids in with_tag.items():
        api.post("tags/change", project=1, domain=domain, ids=ids, tags=["a", "b"])
        assert api.get("tags", project=1, domain=domain) == [{"tag": "a", "files": 1}, {"tag": "b", "files": 1}]
    event = events.wait("items", lambda data: any(one[0] == row["id"] and one[18] == "/a/b/" for one in data["rows"]))
    one = next(one for one in event["rows"] if one[0] == row["id"])
    assert one[12:18] == ["study", 0, 0, 0, 0, 2]
    events.close()
    assert psids(api, filter="ftag:a&stag:b&ptag:a") == ["P001#S1"]
    api.post("tags/change", project=1, domain="study", ids=[row["id"]], tags=["a"], add=False)
    shown = api.get(f"studies/{row['id']}")
    assert (shown["tags"], shown["subject_tags"], shown["files"][0]["tags"]) == (["b"], ["a", "b"], ["a", "b"])
    assert api.problem(400, "POST", "tags/change", project=1, domain="study", ids=[row["id"]], tags=["two words"])
    assert api.problem(404, "POST", "tags/change", project=1, domain="file", ids=[999], tags=["a"])
    assert "domain is file" in api.problem(400, "POST", "tags/change", project=1, domain="scan", ids=[1], tags=["a"])["detail"]


def test_a_batch_from_validation_to_the_table(g, api):
    """K3, K8, J4, N5: starred and grouped; validated; run; its failures repaired by an edited job for exactly those; judged;
    the table joins the participants' attributes."""
    api.send("PUT", "batches/measure", **BATCH)
    api.send("PATCH", "batches/measure", starred=True, group="sizes")
    listed = api.get("batches")[0]
    assert (listed["name"], listed["starred"], listed["group"]) == ("measure", True, "sizes")
    ids = api.get("studies", project=1, shape="ids")["ids"]
    said = api.post("batches/validate", project=1, batch="measure", items=ids)
    odd = [one["psid"] for one in g.made if one["convention"] % 3 == 2]
    assert said["complete"] and sorted(one["psid"] for one in said["items"]) == sorted(odd)

    run = api.post("runs", project=1, batch="measure", items=ids)["run"]
    api.over(run)
    jobs = {row["psid"]: row["jobs"] for row in api.get("studies", project=1)["items"]}
    assert [psid for psid in jobs if jobs[psid]["e"]] == odd and sum(one["d"] for one in jobs.values()) == 4
    assert psids(api, filter="job:e") == odd
    cause = api.get("errors", project=1)[0]
    assert (cause["count"], cause["level"], cause["job"]) == (2, "study", "size")

    edited = json.loads(json.dumps(MEASURE))
    edited["args"]["f1"]["FILE"].append(cohort.PATTERNS[2])
    again = api.post("tasks/rerun", tasks=cause["tasks"], job=edited)
    assert again["tasks"] == 2 and again["changes"][0]["key"] == "args.f1.FILE"
    api.over(again["run"])
    assert api.get("errors", project=1) == [] and psids(api, filter="job:e") == []
    assert api.get("files", **quoted(project=1, pattern="tag:size"))["studies"] == 6

    rows = api.get(f"runs/{again['run']}/verdicts")
    assert [(row["psid"], row["state"], row["good"]) for row in rows] == [(psid, "done", None) for psid in odd]
    used = api.get(f"runs/{again['run']}/verdicts", item=rows[0]["item"])
    assert used["outputs"][0]["path"].endswith("m/size.txt") and used["outputs"][0]["file"]
    assert used["inputs"][0]["path"].endswith(".nii") and used["inputs"][0]["file"]
    api.post("verdicts", run=again["run"], item=rows[0]["item"], good=True)
    api.post("verdicts", run=again["run"], item=rows[0]["item"], good=False, comment="moved")
    row = api.get(f"runs/{again['run']}/verdicts")[0]
    assert (row["good"], row["comment"]) == (False, "moved")
    assert api.get(f"studies/{row['item']}")["tags"] == ["bad"]

    bad = [task["id"] for task in api.get("tasks", run=again["run"], open=0)["tasks"] if task["item"] == row["item"]]
    once_more = api.post("tasks/rerun", tasks=bad, job=edited)  # as it is: what was judged bad is not taken from the cache
    assert once_more["changes"] == [] and once_more["tasks"] == 1
    api.over(once_more["run"])
    assert [task["state"] for task in api.get("tasks", run=once_more["run"], open=0)["tasks"]] == ["done"]

    g.ok("results", run, "-o", "sizes.tsv")
    table = list(csv.DictReader((g.data / "sizes.tsv").open(), delimiter="\t"))
    assert [(one["PID"], one["SID"], one["age"], one["size"]) for one in table][:2] == [("P001", "S1", "41", "done"), ("P001", "S2", "41", "done")]
    assert len(table) == 6 and {one["PID"]: one["age"] for one in table}["P003"] == ""
    answer = api.server.request("GET", API + f"results/{run}?format=tsv")
    assert answer.body.decode() == (g.data / "sizes.tsv").read_text()
