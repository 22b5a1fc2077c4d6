"""Rights per project, walked over every route: another project's rows are neither seen nor changed, whichever way they
are named, and who may only look at a project changes nothing there.

Issue 3, "Security tests": another project's path and items; DESIGN 8: rights per project.
"""
import json
import sqlite3

import pytest
import cohort
import scans
import server as running
from browser import Client
from runner import script, wait_for

PASSWORD = "a long enough one"
# Names that must never be seen by who has no rights there.
MARK = b"hidden"
# Routes that belong to no project.
GLOBAL = ("/api/v1/batches", "/api/v1/uploads", "/api/v1/session", "/api/v1/users", "/api/v1/config", "/api/v1/tools", "/api/v1/audit")


class House:
    """Two projects with a scan, a finished and a failed task each; accounts with rights on the first only."""

    def __init__(self, g):
        self.g = g
        g.batch("both", script("cat $f1 > $o1", job="copy"), script("echo $MARK; cat nothing-$PWD; exit 3", job="break", out=None))
        for name in ("seen", "hidden"):
            folder = g.base / f"{name}-project"
            folder.mkdir()
            scans.write(folder / f"{name}_001.h5")
            g.ok("init", folder)
            g.fails(1, "run", "both", "-p", f"{name}-project", cwd=folder)
            g.ok("tag", "add", f"{name}-tag", f"{name}_001.h5", "-p", f"{name}-project", cwd=folder)
        for name, role, right in (("anna", "admin", None), ("olaf", "operator", "seen-project"), ("vera", "operator", "seen-project:viewer")):
            g.ok("user", "add", name, "--role", role, *(["--project", right] if right else []), stdin=PASSWORD + "\n")
        self.ids = {}
        for name in ("seen", "hidden"):
            get = lambda sql: self.rows(sql, f"{name}-project")[0][0]
            self.ids[name] = {
                "project": get("SELECT id FROM project WHERE name=?"),
                "item": get("SELECT min(item.id) FROM item JOIN project p ON p.id=project_id WHERE p.name=? AND level='scan'"),
                "run": get("SELECT run.id FROM run JOIN project p ON p.id=project_id WHERE p.name=?"),
                "task": get("SELECT max(t.id) FROM task t JOIN run r ON r.id=run_id JOIN project p ON p.id=project_id WHERE p.name=?"),
                "cause": get("SELECT max(cause_id) FROM task t JOIN run r ON r.id=run_id JOIN project p ON p.id=project_id WHERE p.name=?"),
            }
            assert all(self.ids[name].values()), self.ids

    def rows(self, sql, *values):
        with sqlite3.connect(f"file:{self.g.home}/gantry.db?mode=ro", uri=True) as store:
            return store.execute(sql, values).fetchall()

    def state(self, name):
        """Everything of a project that a request could change."""
        project = self.ids[name]["project"]
        return [self.rows("SELECT * FROM project WHERE id=?", project),
            self.rows("SELECT id,cor,cor_source,enabled,hidden,params,tags,status FROM item WHERE project_id=? ORDER BY id", project),
            self.rows("SELECT * FROM run WHERE project_id=? ORDER BY id", project),
            self.rows("SELECT t.id,t.state,t.attempts,t.params,t.stopping FROM task t JOIN run r ON r.id=run_id WHERE project_id=?", project),
            self.rows("SELECT t.id FROM task t JOIN item i ON i.id=item_id WHERE i.project_id=?", project),
            self.rows("SELECT id FROM watch WHERE project_id=?", project)]

    def path(self, pattern, name):
        """The pattern with the numbers of that project put in."""
        ids = self.ids[name]
        kind = pattern.split("/")[3].rstrip("s") if pattern.startswith("/api/v1/") else ""
        for word, value in (("{id}", ids.get(kind, 1)), ("{item}", ids["item"]), ("{run}", ids["run"]), ("{cause}", ids["cause"]),
                ("{verb}", "retry"), ("{name}", "both")):
            pattern = pattern.replace(word, str(value))
        return pattern

    def value(self, field, name, project=None):
        ids = self.ids[name]
        known = {"project": self.ids[project or name]["project"], "items": [ids["item"]], "tasks": [ids["task"]], "from": ids["item"],
            "item": ids["item"], "run": ids["run"], "batch": "both", "set": {"cor": 31.5}, "tag": "new", "path": str(self.g.base / f"{name}-project"),
            "rows": [{"id": ids["item"], "cor": 31.5}], "selectors": [f"{name}_001.h5", str(self.g.base / f"{name}-project" / f"{name}_001.h5"), f"id:{ids['item']}"], "cor": 31.5, "min_size_pct": 3, "all": True, "max_delta": 5.0,
            "dry_run": False, "skip_missing_cor": True, "overwrite": True}
        return known.get(field)


@pytest.fixture
def house(g):
    return House(g)


@pytest.fixture
def served(house):
    with running.Server(house.g) as server:
        yield server


def login(server, name):
    return Client(server.port).login(name, PASSWORD)


def operations(client):
    """(method, path, query fields, body fields) of each route that belongs to projects."""
    for path, methods in sorted(client.get("/api/v1/openapi.json").json()["paths"].items()):
        for method, about in methods.items():
            if path.startswith(GLOBAL) or "admin" in about["description"] or "nobody" in about["description"]:
                continue
            schema = about.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            yield (method.upper(), path, [p["name"] for p in about["parameters"] if p["in"] == "query"], list(schema.get("properties", {})))


def query(house, fields, choose, name):
    given = {f: house.value(f, name) for f in fields if f in choose}
    given.update({f: 1 for f in fields if f in ("x0", "y0", "x1", "y1")})  # a profile's line
    given.update({f: "*" for f in fields if f == "pattern"})
    return ("?" if given else "") + "&".join(f"{k}={v}" for k, v in given.items())


def unknown_words(answer, body=None):
    """The answer without what the question itself said."""
    text = answer.body.lower().replace(b'"hidden":', b"")
    for value in (body or {}).values():
        for word in value if isinstance(value, list) else [value]:
            if isinstance(word, str):
                text = text.replace(word.lower().encode(), b"")
    return text


def test_nothing_of_another_project_is_seen(house, served):
    """Every reading route, asked for the other project's numbers or for everything, shows nothing of it."""
    admin, olaf = login(served, "anna"), login(served, "olaf")
    shown = 0
    for method, path, fields, _ in operations(admin):
        if method != "GET" or path in ("/api/v1/events", "/metrics"):
            continue
        for choose in ((), ("project",), ("run",), ("item",), ("project", "run", "item")):
            there = house.path(path, "hidden") + query(house, fields, choose, "hidden")
            answer = olaf.get(there)
            assert MARK not in unknown_words(answer), (there, answer)
            if "{" in path and "{name}" not in path:
                assert answer.status == 404, (there, answer)
            elif "project" in choose and "project" in fields:
                assert answer.status == 404, (there, answer)
            shown += MARK in admin.get(there).body.lower()
            own = house.path(path, "seen") + query(house, fields, choose, "seen")
            assert olaf.get(own).status != 403, own
    assert shown >= 10  # who may see it does: the walk looks at something
    assert olaf.get(f"/api/v1/events?project={house.ids['hidden']['project']}").status == 404


def bodies(house, fields, name):
    """Named rightly, and in the name of a project with rights."""
    for project in (name, "seen", None):
        body = {f: house.value(f, name, project) for f in fields if house.value(f, name, project) is not None}
        if project is None:
            body.pop("project", None)
        yield body
        yield {k: v for k, v in body.items() if k not in ("items", "tasks", "rows")}
        yield {k: v for k, v in body.items() if k not in ("selectors", "rows", "from", "cor")}
        yield {k: v for k, v in body.items() if k not in ("selectors", "items", "from")}


def test_nothing_of_another_project_is_changed(house, served):
    """Every writing route, with the other project's numbers in the path or the body: refused, and nothing has changed."""
    admin, olaf = login(served, "anna"), login(served, "olaf")
    before = house.state("hidden")
    tried = 0
    for method, path, fields, named in operations(admin):
        if method == "GET":
            continue
        for body in bodies(house, named, "hidden"):
            there = house.path(path, "hidden") + query(house, fields, ("project", "batch"), "hidden")
            answer = olaf.ask(method, there, body)
            assert MARK not in unknown_words(answer, body), (there, body, answer)
            assert house.state("hidden") == before, (method, there, body, answer)
            tried += 1
    assert tried > 50


def test_who_may_look_changes_nothing(house, served):
    """An operator whose right on a project is viewer changes nothing in it, and looks at all of it."""
    vera = login(served, "vera")
    assert vera.get("/api/v1/session").json()["role"] in ("viewer", "operator")
    assert [p["name"] for p in vera.get("/api/v1/projects").json()] == ["seen-project"]
    before = house.state("seen")
    for method, path, fields, named in operations(vera):
        if method == "GET":
            continue
        for body in bodies(house, named, "seen"):
            there = house.path(path, "seen") + query(house, fields, ("project", "batch"), "seen")
            answer = vera.ask(method, there, body)
            assert answer.status in (400, 403, 404, 409), (method, there, body, answer)
            assert house.state("seen") == before, (method, there, body, answer)
    answer = vera.ask("PATCH", "/api/v1/items", {"project": house.ids["seen"]["project"], "items": [house.ids["seen"]["item"]], "set": {"cor": 5.5}})
    assert answer.status == 403 and "look" in answer.detail, answer


def test_an_operator_works_in_his_own_project(house, served):
    """The rights that are there do work: edit, run, retry, tag, in one's own project."""
    olaf = login(served, "olaf")
    ids = house.ids["seen"]
    patch = {"project": ids["project"], "items": [ids["item"]], "set": {"cor": 30.25}}
    assert olaf.ask("PATCH", "/api/v1/items", patch).status == 200
    assert json.loads(olaf.get(f"/api/v1/items/{ids['item']}").body)["cor"] == 30.25
    tag = {"project": ids["project"], "items": [ids["item"]], "tag": "mine"}
    assert olaf.post("/api/v1/tags", tag).status == 200
    run = {"project": ids["project"], "batch": "both", "items": [ids["item"]]}
    assert olaf.post("/api/v1/runs", run).status in (200, 201)
    assert olaf.post("/api/v1/tasks/retry", {"tasks": [ids["task"]]}).status == 200
    assert olaf.post("/api/v1/projects", {"path": str(house.g.base / "hidden-project")}).status == 403
    # a truth is held against what he predicted, and tells of it: only of his own projects
    truth = {word: {"run": ids["run"], "truth": str(house.g.base / f"{word}-project")} for word in ("hidden", "seen")}
    assert olaf.post("/api/v1/validations", truth["hidden"]).status == 403
    house.g.ok("config", "set", f"roots={house.g.base}")
    wait_for(lambda: olaf.post("/api/v1/validations", truth["hidden"]).status == 404, "roots say what may be opened, rights what is seen")
    assert "is no prediction" in olaf.post("/api/v1/validations", truth["seen"]).detail


def test_files_of_another_project_are_not_sent(g):
    """The bytes of a study's file go to who has a right on its project, and to nobody else; a link that leads out of the
    project's folder is not followed, also when it took the place of a file after the scan."""
    files = {}
    for name in ("seen", "hidden"):
        one = cohort.study(g.base / name, "P01", "S1", convention=1)
        g.ok("init", g.base / name)
        g.ok("scan", cwd=g.base / name)
        files[name] = one["t1"]
    g.ok("user", "add", "vera", "--role", "viewer", "--project", "seen", stdin=PASSWORD + "\n")
    with sqlite3.connect(f"file:{g.home}/gantry.db?mode=ro", uri=True) as store:
        ids = dict(store.execute("SELECT p.name, f.id FROM file f JOIN item i ON i.id=study_id JOIN project p ON p.id=project_id WHERE f.name='T1w.nii.gz'"))
    with running.Server(g) as server:
        vera = login(server, "vera")
        assert vera.get(f"/api/v1/file/{ids['seen']}").body == files["seen"].read_bytes()
        for path in (f"/api/v1/file/{ids['hidden']}", f"/api/v1/file/{ids['hidden']}/facts", "/api/v1/file/99999"):
            assert vera.get(path).status == 404, path
        assert Client(server.port).get(f"/api/v1/file/{ids['seen']}").status == 401
        files["seen"].unlink()
        files["seen"].symlink_to(files["hidden"])
        assert vera.get(f"/api/v1/file/{ids['seen']}").status == 403
        files["seen"].unlink()
        assert vera.get(f"/api/v1/file/{ids['seen']}").status == 404
