"""The page's API over HTTP: lists, changes, launches, tasks, errors, watch (DESIGN 8; REQUIREMENTS B-I, N, X)."""
import json
import re
import sqlite3

import pytest
import scans
from browser import Client
from runner import script, wait_for
from server import Server

TINY = dict(columns=16, rows=1, angles=6)
API = "/api/v1/"


class Api:
    """Paths are relative to /api/v1/; answers are JSON."""

    def __init__(self, server, project=1):
        self.server, self.project = server, project

    def get(self, path, /, **query):
        text = "&".join(f"{key}={value}" for key, value in query.items())
        return self.server.ok("GET", API + path + ("?" + text if text else ""))

    def post(self, path, /, **body):
        return self.server.ok("POST", API + path, body)

    def send(self, method, path, /, **body):
        return self.server.ok(method, API + path, body)

    def problem(self, status, method, path, /, **body):
        """The refusal, which must be one: a problem (RFC 9457) with that status."""
        answer = self.server.request(method, API + path, body if method != "GET" else None)
        assert answer.status == status, answer
        assert answer.headers["Content-Type"] == "application/problem+json", answer
        return answer.json

    def items(self, **query):
        return self.get("items", project=self.project, **query)

    def names(self, **query):
        return [row["name"] for row in self.items(**query)["items"]]

    def ids(self, **query):
        return {row["name"]: row["id"] for row in self.items(limit=1000, **query)["items"]}

    def over(self, run):
        def look():
            row = self.get(f"runs/{run}")
            return row if row["state"] != "active" else None
        return wait_for(look, f"the end of run {run}", 120)


def make(g, names, **changes):
    for name in names:
        path = g.data / name
        path.parent.mkdir(exist_ok=True)
        scans.write(path, **{**TINY, **changes})


@pytest.fixture
def api(g):
    """Six small scans in two series, one of them undersized, and a server."""
    make(g, ["rock_1.h5", "rock_2.h5", "rock_10.h5"])
    make(g, ["wood_1.h5", "wood_2.h5"], angles=40)
    make(g, ["wood_3.h5"], angles=40, frames=4)
    g.ok("init", "--name", "data")
    g.ok("scan")
    with Server(g) as server:
        yield Api(server)


SLEEPER = 'echo "working on $f1"; while [ ! -e "{base}/go" ]; do sleep 0.05; done; echo x > "$o1"'
PICKY = 'case "$f1" in *rock_2*) [ "$n1" = 1 ] || {{ echo "no luck with $f1" >&2; exit 3; }};; esac; echo x > "$o1"'


def batch_of(g, name, text, **more):
    g.batch(name, script(text.format(base=g.base), args=more))


# -- projects ------------------------------------------------------------------------------------------------------
def test_projects(g, api):
    """B1: folders are registered and refreshed; the list says how many scans there are."""
    [row] = api.get("projects")
    assert (row["name"], row["root"], row["items"], row["min_size_pct"]) == ("data", str(g.data), 6, None)
    make(g, ["rock_11.h5"])
    report = api.post("projects/1/refresh")
    assert report["added"] == 1 and report["scans"] == 7
    assert "rock_11.h5" in api.names()
    other = g.base / "other"
    other.mkdir()
    made = api.post("projects", path=str(other))
    assert made["new"] and made["name"] == "other" and made["items"] == 0
    assert not api.post("projects", path=str(other))["new"]
    assert api.problem(404, "POST", "projects/77/refresh")["code"] == "nothing-to-do"


def test_min_size(api):
    """E3: the limit is set for the project, 0 switches the rule off, and the rows follow at once."""
    assert api.names(skipped=1) == ["wood_3.h5"]
    api.send("PATCH", "projects/1", min_size_pct=0)
    assert api.get("projects")[0]["min_size_pct"] == 0
    rows = {row["name"]: row for row in api.items()["items"]}
    assert rows["wood_1.h5"]["status"] == "Ready"
    assert "percentage" in api.problem(400, "PATCH", "projects/1", min_size_pct=101)["detail"]
    api.send("PATCH", "projects/1", min_size_pct=None)
    assert api.get("projects")[0]["min_size_pct"] is None


def test_folders(g, api):
    """B1: a folder says how many scans are in it; a file, or what is not there, is the asker's slip, in one line."""
    place = api.get(f"folders?path={g.data}")
    assert place["path"] == str(g.data) and place["scans"] == 6
    for method, ask in (("GET", lambda path: (f"folders?path={path}", {})), ("POST", lambda path: ("projects", {"path": str(path)}))):
        for path, status, words in ((g.data / "rock_1.h5", 400, "not a folder"), (g.data / "none", 404, "is not there")):
            where, body = ask(path)
            problem = api.problem(status, method, where, **body)
            assert words in problem["detail"] and "\n" not in problem["detail"], problem


# -- the table -----------------------------------------------------------------------------------------------------
def test_list(g, api):
    """B3, D3, X9: rows in the order of series and index, with counts by group beside them."""
    answer = api.items()
    assert [row["name"] for row in answer["items"]] == ["rock_1.h5", "rock_2.h5", "rock_10.h5", "wood_1.h5",
                                                        "wood_2.h5", "wood_3.h5"]
    assert answer["total"] == 6 and answer["counts"]["idle"] == 5 and answer["counts"]["skipped"] == 1
    row = answer["items"][0]
    assert row["path"] == str(g.data / "rock_1.h5") and row["shape"] == [6, 1, 16] and row["size"] > 0
    assert (row["status"], row["group"], row["state"], row["cor"], row["place"]) == ("Ready", "idle", "", None, "")
    assert (row["enabled"], row["skipped"], row["auto_skip"]) == (None, False, False)
    small = answer["items"][5]
    assert small["skipped"] and small["status"] == "Skipped (small)" and small["skip_reason"]  # E4


def test_filters_orders_pages(api):
    """DESIGN 8: paging, filtering and sorting; what is asked wrongly is named."""
    assert api.names(text="ROCK_1") == ["rock_1.h5", "rock_10.h5"]
    assert api.names(series="wood") == ["wood_1.h5", "wood_2.h5", "wood_3.h5"]
    assert api.names(state="skipped") == ["wood_3.h5"]
    assert api.names(status="Ready", text="wood") == ["wood_1.h5", "wood_2.h5"]
    assert api.names(sort="name", order="desc")[0] == "wood_3.h5"
    assert api.names(sort="index", limit=2) == ["rock_1.h5", "wood_1.h5"]
    page = api.items(offset=4, limit=1)
    assert page["total"] == 6 and [row["name"] for row in page["items"]] == ["wood_2.h5"]
    assert api.names(offset=99) == []
    assert "no column" in api.problem(400, "GET", "items?project=1&sort=colour")["detail"]
    assert "skipped" in api.problem(400, "GET", "items?project=1&state=green")["detail"]
    assert api.problem(400, "GET", "items?project=1&order=up")["code"] == "usage"
    assert api.problem(400, "GET", "items?project=1&limit=x")["code"] == "usage"
    assert api.problem(400, "GET", "items")["code"] == "usage"
    assert api.problem(404, "GET", "items?project=9")["code"] == "nothing-to-do"


def test_columns(api):
    """The grid's shape: one array a column, the same rows."""
    answer = api.items(shape="columns", sort="series")
    columns = answer["columns"]
    assert columns["name"] == api.names() and len({len(c) for c in columns.values()}) == 1
    assert columns["shape"][0] == [6, 1, 16] and columns["group"].count("skipped") == 1
    assert columns["own"] == [False] * 6 and columns["progress"] == [None] * 6


def test_etag(api):
    """DESIGN 8: an unchanged list is not sent again."""
    first = api.server.get(API + "items?project=1")
    tag = first.headers["ETag"]
    assert api.server.get(API + "items?project=1", headers={"If-None-Match": tag}).status == 304
    api.send("PATCH", "items", project=1, items=[first.json["items"][0]["id"]], set={"cor": 5})
    assert api.server.get(API + "items?project=1", headers={"If-None-Match": tag}).status == 200


def test_one_item(g, api):
    """B10, C6: one scan with its parameters, and where its centre came from before."""
    rock = api.ids()["rock_1.h5"]
    api.send("PATCH", "items", project=1, items=[rock], set={"cor": 7.25})
    api.send("PATCH", "items", project=1, items=[rock], set={"cor": 8.5, "fbp_filter": "shepp"})
    row = api.get(f"items/{rock}")
    assert row["cor"] == 8.5 and row["cor_source"] == "manual" and row["params"] == {"fbp_filter": "shepp"}
    assert len(row["history"]) == 2 and row["outputs"] == [] and row["project"] == 1
    assert api.problem(404, "GET", "items/999")["detail"] == "there is no item 999"
    assert api.problem(404, "GET", "items/first")["code"] == "nothing-to-do"


# -- changes -------------------------------------------------------------------------------------------------------
def test_change_and_undo(g, api):
    """B12, C5: centres per row; NaN is none; the answer carries what an undo needs."""
    ids = api.ids()
    pair = [ids["rock_1.h5"], ids["rock_2.h5"]]
    api.send("PATCH", "items", project=1, items=pair[:1], set={"cor": 6.5})
    answer = api.send("PATCH", "items", project=1, items=pair, set={"cor": 7.5})
    assert answer["items"] == 2
    assert [(row["id"], row["cor"], row["cor_source"]) for row in answer["undo"]] == [(pair[0], 6.5, "manual"),
                                                                                    (pair[1], None, None)]
    back = api.send("PATCH", "items", project=1, rows=answer["undo"])
    assert [row["cor"] for row in back["undo"]] == [7.5, 7.5]  # and again forth
    rows = {row["id"]: row for row in api.items()["items"]}
    assert rows[pair[0]]["cor"] == 6.5 and rows[pair[1]]["cor"] is None
    api.send("PATCH", "items", project=1, items=pair, set={"cor": 9, "cor_source": "vo"})
    assert api.get(f"items/{pair[0]}")["cor_source"] == "vo"
    for bad in ("nan", "inf", "wide"):
        assert "not a rotation centre" in api.problem(400, "PATCH", "items", project=1, items=pair,
                                                      set={"cor": bad})["detail"]
    assert json.loads((g.data / "rot_cen.json").read_text())[str(g.data / "rock_1.h5")] == 9  # C10


def test_change_refused(api):
    """B13: nothing selected says so; other projects' rows and unknown parameters are refused."""
    rock = api.ids()["rock_1.h5"]
    assert api.problem(400, "PATCH", "items", project=1, items=[], set={"cor": 1})["detail"] == "No files selected."
    assert api.problem(404, "PATCH", "items", project=1, items=[rock, 999], set={"cor": 1})["code"] == "nothing-to-do"
    assert "no tool has" in api.problem(400, "PATCH", "items", project=1, items=[rock], set={"colour": 1})["detail"]
    assert api.problem(400, "PATCH", "items", project=1, items=[rock], set={})["code"] == "usage"
    assert api.problem(400, "PATCH", "items", project=1, items=[rock], set={"cor": 1, "cor_source": "guess"})
    assert api.problem(400, "PATCH", "items", project=1, items=["rock"], set={"cor": 1})["code"] == "usage"
    assert api.problem(400, "PATCH", "items", project=1, items=[rock], sett={"cor": 1})["code"] == "usage"


def test_enable(api):
    """E4, X6: a skipped row is re-enabled by hand, or a good one left out; null gives it back to the rule."""
    wood = api.ids()["wood_3.h5"]
    for value, skipped in ((True, False), (None, True), (False, True)):
        api.send("PATCH", "items", project=1, items=[wood], set={"enabled": value})
        row = api.get(f"items/{wood}")
        assert (row["enabled"], row["skipped"]) == (value, skipped)
    assert row["status"] == "Skipped"


def test_forget_never_touches_the_disk(g, api):
    """I1-I3, X1: rows leave the list; every file stays as it was; they can be put back."""
    before = {path.name: path.stat().st_mtime_ns for path in g.data.glob("*.h5")}
    ids = api.ids()
    answer = api.send("DELETE", "items", project=1, items=[ids["rock_1.h5"], ids["rock_2.h5"]])
    assert answer["items"] == 2 and api.names(text="rock") == ["rock_10.h5"]
    assert api.get("projects")[0]["items"] == 4
    api.post("projects/1/refresh")
    assert api.names(text="rock") == ["rock_10.h5"]  # hidden stays hidden
    assert {path.name: path.stat().st_mtime_ns for path in g.data.glob("*.h5")} == before
    api.post("items/restore", project=1, items=[ids["rock_1.h5"], ids["rock_2.h5"]])
    assert api.names(text="rock") == ["rock_1.h5", "rock_2.h5", "rock_10.h5"]


def test_tags(api):
    """Q6, B3: tags are put on and taken off a selection, listed and filtered by."""
    ids = api.ids()
    assert api.post("tags", project=1, items=[ids["rock_1.h5"], ids["wood_1.h5"]], tag="good")["changed"] == 2
    assert api.get("tags", project=1) == [{"tag": "good", "files": 2}]
    assert api.names(tag="good") == ["rock_1.h5", "wood_1.h5"] and api.names(tag="goo") == []
    assert api.send("DELETE", "tags", project=1, items=[ids["rock_1.h5"]], tag="good")["changed"] == 1
    assert api.names(tag="good") == ["wood_1.h5"]
    assert "cannot be a tag" in api.problem(400, "POST", "tags", project=1, items=[ids["rock_1.h5"]], tag="a b")["detail"]


def test_cor_fix(g):
    """F1-F13: every change is shown before it is applied, what is applied is what was shown, a second time changes
    nothing, and it can be taken back."""
    make(g, [f"s_{i}.h5" for i in range(1, 7)])
    g.ok("init", "--name", "data")
    g.ok("scan")
    with Server(g) as server:
        api = Api(server)
        ids = api.ids()
        for name, cor in (("s_1.h5", 7), ("s_2.h5", 7.5), ("s_3.h5", 22), ("s_4.h5", 8), ("s_5.h5", 7)):
            api.send("PATCH", "items", project=1, items=[ids[name]], set={"cor": cor})
        ask = dict(project=1, items=list(ids.values()), max_delta=50)
        shown = api.post("cor/fix", dry_run=True, **ask)
        assert [(row["name"], row["old"], row["new"]) for row in shown["replaced"]] == [("s_3.h5", 22, 7.75)]
        assert [row["name"] for row in shown["filled"]] == ["s_6.h5"] and shown["series"] == 1
        assert api.get(f"items/{ids['s_3.h5']}")["cor"] == 22  # nothing was changed
        done = api.post("cor/fix", **ask)
        assert done["replaced"] == shown["replaced"] and done["filled"] == shown["filled"]
        assert [(row["id"], row["cor"]) for row in done["undo"]] == [(ids["s_3.h5"], 22), (ids["s_6.h5"], None)]
        again = api.post("cor/fix", **ask)
        assert again["replaced"] == [] and again["filled"] == [] and again["undo"] == []
        api.send("PATCH", "items", project=1, rows=done["undo"])
        assert api.get(f"items/{ids['s_3.h5']}")["cor"] == 22
        assert "1 to 1000" in api.problem(400, "POST", "cor/fix", project=1, items=[1], max_delta=0.5)["detail"]


def test_copy_parameters(api):
    """B11: the row's parameters take the place of the others'; with its centre only where that is asked."""
    ids = api.ids()
    rock, wood = ids["rock_1.h5"], ids["wood_1.h5"]
    api.send("PATCH", "items", project=1, items=[rock], set={"fbp_filter": "shepp", "cor": 7})
    api.send("PATCH", "items", project=1, items=[wood], set={"binning": 1})
    assert api.post("cor/copy", project=1, **{"from": rock}, items=[wood])["items"] == 1
    row = api.get(f"items/{wood}")
    assert row["params"] == {"fbp_filter": "shepp"} and row["cor"] is None
    api.post("cor/copy", project=1, **{"from": rock}, items=[wood], cor=True)
    assert api.get(f"items/{wood}")["cor"] == 7
    assert api.problem(404, "POST", "cor/copy", project=1, **{"from": 999}, items=[wood])


# -- runs ----------------------------------------------------------------------------------------------------------
def test_batch_full(g, api):
    """S0, C2, G11: a real launch, from the question before it to the results: progress, rows, outputs, table."""
    ids = list(api.ids(series="rock").values())
    plan = api.post("runs", project=1, batch="tomo-full", items=ids, cor=9, dry_run=True)
    assert (plan["items"], plan["tasks"], plan["phases"]) == (3, 3, ["full"])  # B14
    assert plan["slots"] >= 1 and plan["bytes"] > 0 and plan["memory"] > 0 and plan["missing_cor"] == []
    made = api.post("runs", project=1, batch="tomo-full", items=ids, cor=9)
    assert made["tasks"] == 3 and made["items"] == 3
    run = api.over(made["run"])
    assert run["counts"] == {"done": 3} and run["progress"] == 1 and run["name"] == "tomo-full" and run["ended"]
    rows = api.items(series="rock")["items"]
    assert all(row["group"] == "done" and row["status"].startswith("Full ") and row["state"] == "done" for row in rows)
    assert [row["cor"] for row in rows] == [9, 9, 9]  # C7: the top bar's value goes into the rows
    assert api.get(f"items/{ids[0]}")["outputs"][0]["path"].startswith(str(g.rec))
    assert api.items()["counts"]["done"] == 3
    table = api.get(f"results/{made['run']}")
    assert [row["name"] for row in table] == ["rock_1.h5", "rock_2.h5", "rock_10.h5"]
    csv = api.server.get(API + f"results/{made['run']}?format=csv")
    assert csv.headers["Content-Type"].startswith("text/csv") and csv.body.count(b"\n") == 4
    sheet = api.server.get(API + f"results/{made['run']}?format=xlsx")
    assert sheet.body[:2] == b"PK" and "run-1.xlsx" in sheet.headers["Content-Disposition"]
    assert api.problem(400, "GET", f"results/{made['run']}?format=doc")["code"] == "usage"
    assert not list(g.home.glob("results-*"))


def test_missing_cor_names_all_rows(api):
    """C4, X4: a run without centres is refused and every row of them is named; the second button runs the rest."""
    ids = api.ids()
    rock, wood = ids["rock_1.h5"], ids["wood_1.h5"]
    api.send("PATCH", "items", project=1, items=[rock], set={"cor": 9})
    ask = dict(project=1, batch="tomo-full", items=list(ids.values()))
    refused = api.problem(409, "POST", "runs", **ask)
    assert {row["name"] for row in refused["items"]} == {"rock_2.h5", "rock_10.h5", "wood_1.h5", "wood_2.h5"}
    assert {row["id"] for row in refused["items"]} == {ids[row["name"]] for row in refused["items"]}
    assert "Invalid COR: 4 rows have" in refused["detail"] and "rock_2.h5" in refused["detail"]
    assert api.get("runs")["runs"] == []
    plan = api.post("runs", dry_run=True, **ask)
    assert len(plan["missing_cor"]) == 4 and plan["items"] == 1
    assert [row["name"] for row in plan["skipped"]] == ["wood_3.h5"]
    made = api.post("runs", skip_missing_cor=True, **ask)
    assert made["items"] == 1 and api.over(made["run"])["counts"] == {"done": 1}
    assert api.get(f"items/{wood}")["status"] == "Ready"


def test_launch_enables_skipped_rows(api):
    """X6, C4: a skipped row that was ticked is enabled by the launch itself: it is named when it lacks a centre, and
    a refused run or a question changes no row."""
    ids = api.ids()
    small, rock = ids["wood_3.h5"], ids["rock_1.h5"]
    ask = dict(project=1, batch="tomo-full", items=[rock, small], enable=[small], refresh=False)
    refused = api.problem(409, "POST", "runs", **ask)
    assert [row["name"] for row in refused["items"]] == ["rock_1.h5", "wood_3.h5"]
    plan = api.post("runs", dry_run=True, **ask)
    assert [row["name"] for row in plan["missing_cor"]] == ["rock_1.h5", "wood_3.h5"] and plan["skipped"] == []
    assert api.post("runs", dry_run=True, cor=9, **ask)["items"] == 2
    api.send("PATCH", "items", project=1, items=[rock], set={"cor": 9})
    assert api.post("runs", skip_missing_cor=True, **ask)["items"] == 1  # left out: not touched either
    row = api.get(f"items/{small}")
    assert (row["enabled"], row["skipped"], row["status"]) == (None, True, "Skipped (small)")
    made = api.post("runs", cor=9, overwrite=True, **ask)
    assert made["items"] == 2
    row = api.get(f"items/{small}")
    assert (row["enabled"], row["skipped"]) == (True, False)
    assert sum(api.over(made["run"])["counts"].values()) == 2


def test_launch_refused(g, api):
    """B13, G9: no files, no phase, an unknown batch, a wrong centre: said, and nothing runs."""
    ids = list(api.ids().values())
    cases = [
        (dict(batch="tomo-try", items=[]), "No files selected."),
        (dict(batch="tomo-try", items=ids, phases=["nothing"]), "nothing"),
        (dict(batch="none", items=ids), "there is no batch 'none'"),
        (dict(batch="tomo-try", items=ids, cor="left"), "neither a number nor auto"),
        (dict(batch="tomo-try", items=ids, cor=5, set={"colour": 1}), "colour"),
        (dict(batch="tomo-try", items=ids, cor=5, on_error="weep"), "on_error"),
        (dict(batch="tomo-try", items=ids, cor=5, slots=0), "slots"),
    ]
    for body, words in cases:
        assert words in api.problem(400, "POST", "runs", project=1, refresh=False, **body)["detail"], body
    assert api.problem(404, "POST", "runs", project=1, batch="tomo-try", items=[999], cor=1)
    assert api.get("runs")["runs"] == []


def test_selectors_and_auto(api):
    """X10 of the command line, C6: the same selectors; the tool finds the centre itself."""
    made = api.post("runs", project=1, batch="tomo-full", selectors=["series:wood"], cor="auto")
    run = api.over(made["run"])
    assert made["items"] == 2 and sum(run["counts"].values()) == 2
    assert api.get(f"runs/{made['run']}")["params"]["rotation_axis_auto"] == "auto"


def test_signals(g, api):
    """N2, N10, G20: kill, suspend, resume, hold and release, on tasks, on one task and on a run."""
    batch_of(g, "sleep", SLEEPER)
    g.ok("config", "set", "slots=2")
    ids = list(api.ids(text="_1").values())  # rock_1, rock_10, wood_1
    run = api.post("runs", project=1, batch="sleep", items=ids)["run"]
    wait_for(lambda: api.get("tasks", run=run)["counts"].get("running") == 2, "two to run")
    first, second, third = api.get("tasks", run=run)["tasks"]
    assert first["state"] == "running" and re.match("slot [01]", first["place"]) and first["started"]
    assert third["state"] == "ready" and third["place"] == "" and first["owner"]
    row = api.get(f"items/{first['item']}")
    assert (row["group"], row["state"], row["task"]) == ("running", "running", first["id"]) and row["place"]
    assert api.post("tasks/suspend", tasks=[first["id"]])["changed"] == 1
    assert api.get("tasks", run=run, state="suspended")["total"] == 1
    assert api.post(f"tasks/{first['id']}/resume")["changed"] == 1
    assert api.post("tasks/hold", tasks=[third["id"]])["changed"] == 1
    assert api.get(f"tasks/{third['id']}")["state"] == "held"
    assert api.post(f"tasks/{third['id']}/release")["changed"] == 1
    assert api.post("tasks/kill", tasks=[second["id"]])["changed"] == 1
    wait_for(lambda: api.get(f"tasks/{second['id']}")["state"] == "cancelled", "the kill")
    api.post(f"runs/{run}/kill")
    assert api.over(run)["counts"] == {"cancelled": 3}
    assert {row["status"] for row in api.items(text="_1")["items"]} == {"Cancelled"}
    assert api.get("tasks", run=run)["total"] == 0  # N3: over is out of sight
    assert api.get("tasks", run=run, open=0)["total"] == 3
    (g.base / "go").touch()
    assert api.post(f"runs/{run}/retry")["tasks"] == 3
    assert api.over(run)["counts"] == {"done": 3}
    assert api.problem(404, "POST", f"tasks/{first['id']}/dance")["code"] == "nothing-to-do"
    assert api.problem(400, "POST", "tasks/kill", tasks=[])["detail"] == "No jobs selected."
    assert api.problem(404, "POST", "tasks/kill", tasks=[999])["code"] == "nothing-to-do"


def test_failure_repaired(g, api):
    """J3, J4, N4, N11: failures grouped by cause with their items, kept in the table, repaired by a retry with a
    changed parameter; the log is read in pieces."""
    batch_of(g, "picky", PICKY, n1=0)
    made = api.post("runs", project=1, batch="picky", items=list(api.ids(series="rock").values()))
    run = api.over(made["run"])
    assert run["counts"] == {"done": 2, "failed": 1}
    [cause] = api.get("errors", run=made["run"])
    rock = api.ids()["rock_2.h5"]
    assert cause["items"] == [rock] and cause["names"] == ["rock_2.h5"] and cause["runs"] == [made["run"]]
    assert cause["count"] == 1 and cause["advice"] and cause["example"]
    [task] = api.get("tasks", run=made["run"])["tasks"]  # errors stay in sight
    assert task["state"] == "failed" and task["cause"] == cause["cause"] and task["message"]
    log = api.get(f"tasks/{task['id']}/log")
    assert "no luck with" in log["text"] and log["ended"] and log["next"] == log["size"]
    half = api.get(f"tasks/{task['id']}/log", **{"from": log["size"]})
    assert half["text"] == "" and half["next"] == log["size"] and half["ended"]
    assert api.items(state="failed")["total"] == 1
    assert api.problem(400, "POST", f"errors/{cause['cause']}/retry", set={"colour": 1})["code"] == "usage"
    assert api.post(f"errors/{cause['cause']}/retry", set={"n1": 1})["tasks"] == 1
    assert api.over(made["run"])["counts"] == {"done": 3}
    shown = api.get(f"tasks/{task['id']}")
    assert shown["state"] == "done" and len(shown["attempts"]) == 2 and shown["params"] == {"n1": 1}  # N6
    assert shown["changed"] == shown["attempts"][1]["changed"] == {"n1": {"from": 0, "to": 1}}  # what the retry changed
    assert "changed" not in shown["attempts"][0]
    assert api.get("errors", project=1) == [] and api.items(state="failed")["total"] == 0
    assert api.problem(404, "POST", f"errors/{cause['cause']}/retry")["code"] == "nothing-to-do"
    assert "no luck" in api.get(f"tasks/{task['id']}/log", attempt=1)["text"]


def test_cleared(g, api):
    """N10, N4: failures that a person has dealt with are cleared: out of the default list, its counts and the causes,
    still there with the finished ones, in the task and in results; a retry takes the mark away."""
    g.batch("two", script("exit 3", job="a", out="a.txt"), script('echo x > "$o1"', job="b", out="b.txt"))
    run = api.post("runs", project=1, batch="two", items=list(api.ids(series="rock").values()))["run"]
    api.over(run)
    tasks = api.get("tasks", run=run, open=0)["tasks"]
    failed = [task["id"] for task in tasks if task["state"] == "failed"]
    assert len(tasks) == 6 and len(failed) == 3 and not any(task["cleared"] for task in tasks)
    assert api.post("tasks/clear", tasks=failed[:1])["cleared"] == 1
    left = api.get("tasks")  # what it blocked goes with it
    assert left["total"] == 4 and failed[0] not in [task["id"] for task in left["tasks"]]
    assert left["counts"] == {"failed": 2, "blocked": 2}
    assert api.get("tasks", run=run)["total"] == 4
    assert [cause["tasks"] for cause in api.get("errors", run=run)] == [failed[1:]]
    shown = {task["id"]: task["cleared"] for task in api.get("tasks", run=run, open=0)["tasks"]}
    assert len(shown) == 6 and sum(shown.values()) == 2 and shown[failed[0]]
    assert api.get(f"tasks/{failed[0]}")["cleared"] == 1 and api.get(f"tasks/{failed[0]}")["state"] == "failed"
    assert api.get(f"runs/{run}")["counts"] == {"failed": 3, "blocked": 3}
    assert api.post(f"runs/{run}/clear")["cleared"] == 6
    assert api.get("tasks", run=run)["tasks"] == [] and api.get("errors", project=1) == []
    assert api.post("tasks/retry", tasks=failed[:1])["tasks"] == 1
    api.over(run)
    assert [(task["id"], task["state"]) for task in api.get("tasks", run=run)["tasks"]] == [
        (failed[0], "failed"), (failed[0] + 1, "blocked")]
    g.batch("fine", script("true", out=None))
    done = api.post("runs", project=1, batch="fine", items=[api.ids()["rock_1.h5"]])["run"]
    api.over(done)
    assert api.problem(404, "POST", f"runs/{done}/clear")["code"] == "nothing-to-do"


def test_log_follows(g, api):
    """N11: a log that is still being written is read on from where the reader is, also once it is packed."""
    batch_of(g, "sleep", SLEEPER + '; echo "and done"')
    rock = api.ids()["rock_1.h5"]
    run = api.post("runs", project=1, batch="sleep", items=[rock])["run"]
    task = api.get("tasks", run=run, open=0)["tasks"][0]["id"]
    part = wait_for(lambda: (p := api.get(f"tasks/{task}/log"))["text"] and p, "the first line")
    assert "working on" in part["text"] and not part["ended"]
    (g.base / "go").touch()
    api.over(run)
    rest = wait_for(lambda: (p := api.get(f"tasks/{task}/log", **{"from": part["next"]}))["ended"] and p, "the end")
    assert "and done" in rest["text"] and "working on" not in rest["text"]
    # the cached one's log is that of the task that did the work
    again = api.post("runs", project=1, batch="sleep", items=[rock])["run"]
    assert api.over(again)["counts"] == {"cached": 1}
    cached = api.get("tasks", run=again, open=0)["tasks"][0]["id"]
    shown = api.get(f"tasks/{cached}/log")
    assert "working on" in shown["text"] and shown["source"] == task and shown["ended"]
    assert api.get(f"tasks/{cached}/why")


def test_task_table(g, api):
    """N2, N8: filters, orders, pages and counts of tasks."""
    batch_of(g, "picky", PICKY, n1=0)
    run = api.post("runs", project=1, batch="picky", items=list(api.ids().values()))["run"]
    api.over(run)
    everything = api.get("tasks", project=1, open=0)
    assert everything["total"] == 5 and everything["counts"] == {"done": 4, "failed": 1}
    assert [row["id"] for row in everything["tasks"]] == sorted(row["id"] for row in everything["tasks"])
    assert [row["name"] for row in api.get("tasks", open=0, sort="name", order="desc", limit=2)["tasks"]] == [
        "wood_2.h5", "wood_1.h5"]
    assert api.get("tasks", open=0, text="ROCK_1")["total"] == 2
    assert api.get("tasks", open=0, state="done,failed")["total"] == 5
    assert api.get("tasks", open=0, tool="script.bash")["total"] == 5
    assert api.get("tasks", open=0, tool="other")["total"] == 0
    assert api.get("tasks", item=api.ids()["rock_2.h5"])["tasks"][0]["state"] == "failed"
    assert len(api.get("tasks", open=0, offset=3, limit=100)["tasks"]) == 2
    for sort in ("run", "job", "tool", "state", "started", "ended", "seconds", "attempt", "owner"):
        assert len(api.get("tasks", open=0, sort=sort)["tasks"]) == 5
    assert api.problem(400, "GET", "tasks?sort=colour")["code"] == "usage"
    assert api.problem(400, "GET", "tasks?state=green")["code"] == "usage"
    assert api.problem(404, "GET", "tasks/999")["code"] == "nothing-to-do"
    assert api.problem(404, "GET", "tasks/999/log")["code"] == "nothing-to-do"


def test_retry_of_many(g, api):
    """N10: of a mixed selection those that can run again do, and the others are named."""
    g.batch("two", script("exit 3", job="a", out="a.txt"), script('echo x > "$o1"', job="b", out="b.txt"))
    run = api.post("runs", project=1, batch="two", items=[api.ids()["rock_1.h5"]])["run"]
    api.over(run)
    first, second = api.get("tasks", run=run, open=0)["tasks"]
    assert (first["state"], second["state"]) == ("failed", "blocked")
    assert "waits for an earlier job" in api.problem(400, "POST", f"tasks/{second['id']}/retry")["detail"]


# -- what belongs to no project ------------------------------------------------------------------------------------
def test_batches_and_tools(g, api):
    """K3, L1: batches are listed, saved and removed by name; tools say which parameters they take."""
    assert {"tomo-try", "tomo-full", "tomo-ai-reco"} <= {row["name"] for row in api.get("batches")}
    batch = api.get("batches/tomo-try")
    mine = {**batch, "name": "mine"}
    api.send("PUT", "batches/mine", **mine)
    assert api.get("batches/mine") == mine
    assert [row["from"] for row in api.get("batches") if row["name"] == "mine"] == ["saved"]
    assert "calls itself" in api.problem(400, "PUT", "batches/other", **mine)["detail"]
    assert api.problem(400, "PUT", "batches/mine", **{**mine, "jobs": [{"id": "x", "tool": "none"}]})
    api.send("DELETE", "batches/mine")
    assert api.problem(404, "GET", "batches/mine")
    assert api.problem(400, "DELETE", "batches/mine")
    tools = {row["name"]: row for row in api.get("tools")}
    assert "fbp_filter" in {one["id"] for one in tools["recon.full"]["inputs"]}


def test_config(g, api):
    """G7: the page and `gantry config` show one table; a change holds from the next dispatch on."""
    rows = {row["key"]: row for row in api.get("config")}
    assert list(rows) == [row["key"] for row in g.ok("config", "show", "--json").json()]
    slots = rows["slots"]
    assert slots["type"] == "integer" and slots["min"] == 0 and slots["max"] == 1024 and not slots["given"]
    rows = {row["key"]: row for row in api.send("PUT", "config", slots=3, gpus="none")}
    assert rows["slots"]["value"] == "3" and rows["slots"]["given"] and rows["gpus"]["value"] == "none"
    assert "slots = 3" in (g.home / "config.ini").read_text() or "slots=3" in (g.home / "config.ini").read_text()
    assert "whole number" in api.problem(400, "PUT", "config", timeout="5m", slots="many")["detail"]
    assert not {row["key"]: row for row in api.get("config")}["timeout"]["given"]  # nothing of it was taken
    assert "no option" in api.problem(400, "PUT", "config", colour=1)["detail"]
    assert not {row["key"]: row for row in api.send("PUT", "config", slots=None)}["slots"]["given"]


def test_events_log(api):
    """W12: what happened, newest first."""
    rock = api.ids()["rock_1.h5"]
    api.send("PATCH", "items", project=1, items=[rock], set={"cor": 5})
    rows = api.get("events-log", item=rock)
    assert rows[0]["kind"] == "cor" and rows[0]["item"] == rock and rows[0]["t_us"] > 0
    assert api.get("events-log", project=1, limit=1)


# -- live acquisition ----------------------------------------------------------------------------------------------
def test_watch(g):
    """H1-H4, B2: an acquisition is followed from the page: progress a file, launched as each completes, with the
    centre and parameters it was begun with, through a reload of the page and a restart of the server, until it is
    stopped."""
    g.ok("init", "--name", "data")
    g.ok("config", "set", "watch_poll=0.5")
    g.batch("note", script(f'echo "$(basename "$f1")" >> "{g.base}/journal"; echo x > "$o1"'))
    server = Server(g)
    try:
        api = Api(server)
        assert not api.get("watch", project=1)["on"]
        begun = api.post("watch", project=1, batch="note", cor=24.5)
        assert begun["on"] and begun["batch"] == "note"
        assert api.problem(409, "POST", "watch", project=1, batch="note")["code"] == "exists"
        assert api.problem(400, "POST", "watch", project=1, batch="none")["code"] == "usage"
        wait_for(lambda: g.run("ls", "--json").rc in (0, 3) and rows(g, "SELECT count(*) FROM watch") == [(1,)],
            "the watch's row")
        scans.write(g.data / "live_1.h5", columns=48, rows=2, angles=40, frames=10)
        line = wait_for(lambda: [x for x in api.get("watch", project=1)["lines"] if x["state"] == "writing"],
            "progress of the file")[0]
        assert (line["name"], line["n"], line["total"]) == ("live_1.h5", 10, 40)
        scans.write(g.data / "live_1.h5", columns=48, rows=2, angles=40)
        wait_for(lambda: (g.base / "journal").exists(), "the run on the complete scan")
        done = wait_for(lambda: [x for x in api.get("watch", project=1)["lines"] if x["state"] == "complete"],
            "the line that says so")[0]
        assert done["n"] == done["total"] == 40 and done["name"] == "live_1.h5"
        assert server.stop() == 0
        assert rows(g, "SELECT batch FROM watch") == [("note",)]  # it stands: the next server goes on
        server = Server(g)
        api = Api(server)
        assert api.get("watch", project=1)["on"]
        scans.write(g.data / "live_2.h5", columns=48, rows=2, angles=40)
        wait_for(lambda: (g.base / "journal").read_text().split() == ["live_1.h5", "live_2.h5"], "the second scan")
        said = rows(g, "SELECT params,json_extract(options,'$.cor') FROM run ORDER BY id")
        assert len(said) == 2 and said[0] == said[1] and said[0][1] == 24.5
        assert not api.send("DELETE", "watch", project=1)["on"]
        wait_for(lambda: not api.get("watch", project=1)["on"], "its end")
        assert rows(g, "SELECT count(*) FROM watch") == [(0,)]
        assert api.problem(404, "DELETE", "watch", project=1)["code"] == "nothing-to-do"
    finally:
        server.stop()


def rows(g, sql):
    with sqlite3.connect(f"file:{g.home / 'gantry.db'}?mode=ro", uri=True) as base:
        return base.execute(sql).fetchall()


# -- long lists ----------------------------------------------------------------------------------------------------
def test_many_rows(g):
    """A list that is longer than a step of reading is answered when it is read, and follows changes after that."""
    g.ok("init", "--name", "data")
    with sqlite3.connect(g.home / "gantry.db") as base:
        base.execute("WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<60000) INSERT INTO "
            "item(project_id,level,name,kind,series,idx,size,status,added_us,changed_us) SELECT 1,'scan',"
            "printf('many_%05d.h5',i),'hdf5-projections','many',i,i*1000,CASE WHEN i%10 THEN 'Ready' ELSE "
            "'Full failed' END,0,0 FROM c")
    with Server(g) as server:
        api = Api(server)
        answer = api.items(sort="size", order="desc", limit=3, state="failed")
        assert answer["total"] == 6000 and answer["counts"]["idle"] == 54000
        assert [row["index"] for row in answer["items"]] == [60000, 59990, 59980]
        pages = [api.items(shape="columns", offset=n, limit=20000)["columns"]["id"] for n in (0, 20000, 40000)]
        assert len({one for page in pages for one in page}) == 60000
        api.send("PATCH", "items", project=1, items=pages[0][:3], set={"cor": 5})
        assert api.items(sort="cor", limit=4)["items"][2]["cor"] == 5
        api.send("DELETE", "items", project=1, items=pages[0])
        assert api.items(limit=1)["total"] == 40000


# -- rights --------------------------------------------------------------------------------------------------------
def test_rights_by_project(g):
    """DESIGN 8: what belongs to a project one may not see is not there, by whatever number it is asked for; who may
    only look changes nothing."""
    batch_of(g, "picky", 'echo "no" >&2; exit 3')
    for name in ("mine", "theirs"):
        folder = g.base / name
        folder.mkdir()
        scans.write(folder / "a_1.h5", **TINY)
        g.ok("init", "--name", name, cwd=folder)
        g.ok("scan", cwd=folder)
        assert g.run("run", "picky", cwd=folder).rc == 1
    for name, rights in (("anna", ("--role", "admin")), ("vera", ("--role", "viewer", "--project", "mine:operator")),
                         ("willi", ("--role", "viewer", "--project", "mine"))):
        g.ok("user", "add", name, *rights, stdin="a long enough one\n")
    with Server(g) as server:
        vera, willi = (Client(server.port).login(name, "a long enough one") for name in ("vera", "willi"))

        def seen(path):
            answer = vera.get(API + path)
            assert answer.status == 200, (path, answer)
            return answer.json()

        assert [row["name"] for row in seen("projects")] == ["mine"]
        assert seen("items?project=1")["total"] == 1 and len(seen("runs")["runs"]) == 1
        assert seen("tasks?open=0")["total"] == 1 and [c["count"] for c in seen("errors")] == [1]
        assert {row["project"] for row in seen("events-log") if row["project"]} == {1}
        hidden = ["items?project=2", "items/2", "runs?project=2", "runs/2", "tasks?project=2", "tasks?run=2",
                  "tasks?item=2", "tasks/2", "tasks/2/log", "tasks/2/why", "errors?run=2", "errors?project=2",
                  "results/2", "tags?project=2", "watch?project=2", "events-log?project=2", "events-log?item=2"]
        for path in hidden:
            assert vera.get(API + path).status == 404, path
        writes = [
            ("PATCH", "items", dict(project=2, items=[2], set={"cor": 5})),
            ("PATCH", "items", dict(project=1, items=[2], set={"cor": 5})),
            ("PATCH", "items", dict(project=1, rows=[{"id": 2, "cor": 5}])),
            ("DELETE", "items", dict(project=1, items=[2])),
            ("POST", "items/restore", dict(project=1, items=[2])),
            ("POST", "tags", dict(project=1, items=[2], tag="x")),
            ("POST", "cor/fix", dict(project=1, items=[2])),
            ("POST", "cor/copy", {"project": 1, "from": 1, "items": [2]}),
            ("POST", "cor/copy", {"project": 1, "from": 2, "items": [1]}),
            ("POST", "runs", dict(project=2, batch="picky", items=[2])),
            ("POST", "runs", dict(project=1, batch="picky", items=[2])),
            ("POST", "runs/2/retry", {}), ("POST", "tasks/2/retry", {}), ("POST", "tasks/kill", dict(tasks=[1, 2])),
            ("POST", "projects/2/refresh", {}), ("PATCH", "projects/2", dict(min_size_pct=1)),
            ("POST", "watch", dict(project=2)), ("DELETE", "watch", dict(project=2)),
        ]
        for method, path, body in writes:
            assert vera.ask(method, API + path, body).status == 404, (method, path, body)
        # a cause spans projects: only what he may see is tried again
        assert vera.ask("POST", API + "errors/1/retry", {}).json()["tasks"] == 1
        assert rows(g, "SELECT force FROM task WHERE id=2") == [(0,)]
        assert vera.ask("PUT", API + "batches/x", {"gantry": 1, "name": "x", "jobs": []}).status == 403
        assert vera.ask("PUT", API + "config", {"slots": 1}).status == 403
        for method, path, body in (("PATCH", "items", dict(project=1, items=[1], set={"cor": 5})),
                                   ("POST", "runs", dict(project=1, batch="picky", items=[1])),
                                   ("POST", "tasks/1/kill", {})):
            assert willi.ask(method, API + path, body).status == 403, (method, path)
        assert rows(g, "SELECT count(*) FROM item WHERE cor IS NOT NULL OR hidden OR tags<>'/'") == [(0,)]
        assert rows(g, "SELECT count(*) FROM run") == [(2,)]
