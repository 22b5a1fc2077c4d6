"""DESIGN 8 ("each slot has one lean worker ...; a model is loaded once; a crash costs only the task it was on"), issue 4
("warm workers: a model is loaded once per slot"), DESIGN 2.1 and 11 ("never twice") for attempts that share a process.

Studies are triaged by a tiny classifier that is written here; the one in the middle is larger, so that it can be caught
at work: the process shows the attempt it is on in its environment, as any tool does.
"""
import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import time

import pytest

import chest
import runner
import scans
import tiny_models as tiny
from runner import kill, script, wait_for
from server import Server

SMALL = {"slices": 24, "columns": 160}
LARGE = {"slices": 200, "columns": 256}
VICTIM = "s3"
NAMES = ["s1", "s2", "s3", "s4", "s5"]


def prepare(g, path, zips, *models):
    """Five studies, one slot, the models; attempts keep their folders, to be looked at."""
    g.env["GANTRY_ORT"] = path
    g.ok("config", "set", "keep_attempts=yes", "slots=1")
    for name in models or ["site"]:
        add_model(g, name)
    for name in NAMES:
        shutil.copy(zips / f"{name}.zip", g.data)


def add_model(g, name, bias=0.0):
    """A model's own threshold tells which one decided."""
    onnx = tiny.bag_mean(4, 16, 16)
    document = tiny.card(onnx, name=name, task="classification", description="mean brightness",
        settings={"probability_above": {"type": "number", "default": 0.3 + bias}},
        input={"modality": "CT", "patch": [16, 16], "slices": 4, "channels": 1, "window": [-1000, 400], "normalisation": "window"},
        output={"activation": "sigmoid"})
    g.ok("model", "add", "--replace", tiny.write(g.base / name, onnx, document))


@pytest.fixture(scope="module")
def zips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zips")
    for seed, name in enumerate(NAMES, 1):
        chest.write_zip(folder / f"{name}.zip", seed, **(LARGE if name == VICTIM else SMALL))
    return folder


@pytest.fixture(scope="module")
def expected(program, onnx_runtime, zips, tmp_path_factory):
    """What the studies give when each has a process of its own."""
    g = runner.Gantry(program, tmp_path_factory.mktemp("cold"))
    prepare(g, onnx_runtime, zips)
    g.ok("config", "set", "warm_workers=no")
    g.ok("run", "ct-triage")
    assert len({tool(folder) for folder in attempts(g).values()}) == len(NAMES)
    found = values(g)
    g.kill_all()
    return found


@pytest.fixture
def slot(g, ort, zips):
    prepare(g, ort, zips)
    return g


# -- reading ---------------------------------------------------------------------------------------------------------

def attempts(g, run=None):
    """{(item, job, number): folder} of all attempts, or of that run."""
    found = {}
    for path in g.data.rglob("job.json"):
        job = json.loads(path.read_text())
        if run in (None, job["run"]):
            found[job["item"]["name"].removesuffix(".zip"), job["job"], job["n"]] = path.parent
    return found


def tool(folder):
    """The process that did the attempt, by its claim."""
    return int(re.findall(r"^tool (\d+) ", (folder / "claim").read_text(), re.M)[-1])


def lines(folder):
    return [line.split("\t", 2)[2] for line in (folder / "log").read_text().splitlines()]


def values(g):
    """What the attempts that succeeded found out, without their times."""
    found = {}
    for (item, job, _), folder in sorted(attempts(g).items()):
        result = folder / "result.json"
        result = json.loads(result.read_text()) if result.exists() else {}
        if result.get("status") == "done":
            assert (item, job) not in found, f"{item} was done twice"
            found[item, job] = {k: v for k, v in result["values"].items() if k not in ("seconds", "stages_s", "models")}
    return found


def loads(folders):
    said = [line for folder in folders for line in lines(folder) if line.startswith("[model]")]
    return [sum(word in line for line in said) for word in (": loaded in", ": still loaded")]


def own_log(g):
    """No line of one attempt is in another's log."""
    for (item, job, _), folder in attempts(g).items():
        said = [line for line in lines(folder) if re.match(r"\[triage\] \w+: series", line)]
        assert said == [] or (len(said) == 1 and said[0].startswith(f"[triage] {item}: ")), said


# -- catching it at work ---------------------------------------------------------------------------------------------

def warm(g):
    return [pid for pid, words in g.processes().items() if words[1:2] == ["warm"]]


def at_work(pid, item):
    try:
        return f"GANTRY_ITEM={item}.zip".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def catch(g, item=VICTIM):
    """The warm process, stopped in the middle of this item."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for pid in warm(g):
            if at_work(pid, item):
                os.kill(pid, signal.SIGSTOP)
                if at_work(pid, item):
                    return pid
                os.kill(pid, signal.SIGCONT)
    raise AssertionError(f"{item} was never at work")


def start(g, *args):
    return g.start("run", *args, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(g.base / "stderr", "ab"))


def nothing_left(g):
    wait_for(lambda: not g.processes(), "every process to end")
    assert g.leftovers() == []


# -- tests -----------------------------------------------------------------------------------------------------------

def test_one_process_one_load_and_the_same_results(slot, expected):
    """Five studies on one slot: one process, one load, the results of cold runs, and each log is its own."""
    slot.ok("run", "ct-triage")
    found = attempts(slot)
    assert len(found) == len(NAMES) and len({tool(f) for f in found.values()}) == 1
    assert loads(found.values()) == [1, len(NAMES) - 1]
    assert all(len(lines(f)) == 3 for f in found.values())
    own_log(slot)
    assert values(slot) == expected
    results = [json.loads((f / "result.json").read_text()) for f in found.values()]
    assert all(r["peak_bytes"] > 10 << 20 and r["cpu_us"] > 0 for r in results)
    nothing_left(slot)


def test_a_crash_costs_only_the_task_it_was_on(slot, expected):
    """SIGABRT in the middle of the third study: that one fails, the others are right, a new process goes on."""
    engine = start(slot, "ct-triage")
    pid = catch(slot)
    os.kill(pid, signal.SIGABRT)
    os.kill(pid, signal.SIGCONT)
    assert engine.wait(120) == 1
    assert slot.states() == {f"{n}/triage": "failed" if n == VICTIM else "done" for n in NAMES}
    assert "killed by signal 6" in slot.json("show", f"{VICTIM}/triage")["attempts"][-1]["message"]
    assert values(slot) == {k: v for k, v in expected.items() if k[0] != VICTIM}
    found = attempts(slot)
    assert len({tool(f) for f in found.values()}) == 2 and loads(found.values())[0] >= 2
    own_log(slot)
    nothing_left(slot)


def test_killed_from_outside_is_tried_again(slot, expected):
    """SIGKILL that nobody of us sent: the same as for any tool, the task gets another attempt."""
    engine = start(slot, "ct-triage")
    os.kill(catch(slot), signal.SIGKILL)
    assert engine.wait(120) == 0, (slot.base / "stderr").read_text()
    assert values(slot) == expected
    assert {(n, k) for n, _, k in attempts(slot)} == {(n, 1) for n in NAMES} | {(VICTIM, 2)}
    nothing_left(slot)


def test_cancel_one(slot, expected):
    engine = start(slot, "ct-triage")
    catch(slot)
    slot.ok("kill", f"{VICTIM}/triage")
    assert engine.wait(120) in (0, 1)
    assert slot.states() == {f"{n}/triage": "cancelled" if n == VICTIM else "done" for n in NAMES}
    assert values(slot) == {k: v for k, v in expected.items() if k[0] != VICTIM}
    nothing_left(slot)


def test_suspend_and_resume_one(slot, expected):
    """The process stands still with its task (it does so already), and goes on with it and the ones behind when told."""
    engine = start(slot, "ct-triage")
    pid = catch(slot)
    slot.ok("suspend", f"{VICTIM}/triage")
    wait_for(lambda: slot.states()[f"{VICTIM}/triage"] == "suspended", "it to be suspended")
    slot.ok("resume", f"{VICTIM}/triage")
    assert engine.wait(120) == 0
    found = attempts(slot)
    assert {tool(f) for f in found.values()} == {pid} and len(found) == len(NAMES)
    assert values(slot) == expected
    nothing_left(slot)


def test_the_engine_is_killed(slot, expected):
    """kill -9 of the engine in the middle: the worker finishes its task, the rest is done by the next engine, nothing
    is lost or done twice."""
    engine = start(slot, "ct-triage")
    pid = catch(slot)
    engine.kill()
    engine.wait()
    os.kill(pid, signal.SIGCONT)
    again = start(slot, "--resume")
    assert again.wait(120) == 0, (slot.base / "stderr").read_text()
    assert values(slot) == expected
    ran = sorted(attempts(slot))  # numbers that the first engine had reserved were never used
    assert [n for n, _, _ in ran] == NAMES and (VICTIM, "triage", 1) in ran
    nothing_left(slot)


def test_the_worker_is_killed(slot, expected):
    """kill -9 of the worker: its warm process may not go on beside the next attempt of the same task."""
    engine = start(slot, "ct-triage")
    pid = catch(slot)
    worker, = [p for p, words in slot.processes().items() if words[1:3] == ["worker", "--slot"]]
    os.kill(worker, signal.SIGKILL)
    assert engine.wait(120) == 0, (slot.base / "stderr").read_text()
    assert pid not in slot.processes()
    assert values(slot) == expected
    assert {(n, k) for n, _, k in attempts(slot)} == {(n, 1) for n in NAMES} | {(VICTIM, 2)}
    nothing_left(slot)


def test_two_models_in_turn_and_one_that_is_replaced(g, ort, zips):
    """One engine, two runs with a model each: the studies of each are decided by its own. A model that changed on disk is
    noticed by the process that has it."""
    prepare(g, ort, zips, "one", "two")
    add_model(g, "two", bias=0.2)
    with Server(g):
        for turn, name in enumerate(("one", "two", "one", "two")):
            g.ok("run", "ct-triage", f"{NAMES[turn]}.zip", "--set", f"model={name}")
        found = attempts(g)
        for turn, name in enumerate(("one", "two", "one", "two")):
            folder = found[NAMES[turn], "triage", 1]
            assert f"[model] {name}: " in "\n".join(lines(folder))
            result = json.loads((folder / "result.json").read_text())
            assert result["values"]["models"]["classifier"]["name"] == name
        assert len({tool(f) for f in found.values()}) == 1 and loads(found.values()) == [2, 2]
        add_model(g, "two", bias=0.1)
        g.ok("run", "ct-triage", "s5.zip", "--set", "model=two")
        last = attempts(g)["s5", "triage", 1]
        assert tool(last) == tool(found["s1", "triage", 1]) and loads([last]) == [1, 0]


def test_a_cold_step_between(slot, expected):
    """Each study is triaged and then a script looks at it: the script has a process of its own, and the warm one stays."""
    text = 'echo "script of $GANTRY_ITEM in $PPID $GANTRY_ATTEMPT_DIR"; ls -l /proc/self/fd | wc -l > "$o1"'
    slot.batch("both", {"id": "triage", "tool": "ct.triage", "args": {"file": {"FILE": "."}}}, script(text), level="study",
        on_error="continue")
    slot.ok("run", "both")
    found = attempts(slot)
    triage = {tool(f) for (_, job, _), f in found.items() if job == "triage"}
    work = {tool(f) for (_, job, _), f in found.items() if job == "work"}
    assert len(triage) == 1 and len(work) == len(NAMES) and not triage & work
    for (item, job, _), folder in found.items():
        if job == "work":
            assert len(lines(folder)) == 1 and lines(folder)[0].startswith(f"script of {item}.zip in ")
            assert lines(folder)[0].endswith(str(folder))
    assert {k: v for k, v in values(slot).items() if k[1] == "triage"} == expected
    nothing_left(slot)


def test_the_centre_finder_is_warm_too(g, ort):
    """recon.cor with method ai asks the model that the process has; with vo it needs none and is cold (C6)."""
    g.env["GANTRY_ORT"] = ort
    g.ok("config", "set", "keep_attempts=yes", "slots=1")
    truth = {f"s_{i}.h5": scans.write(g.data / f"s_{i}.h5", columns=192, angles=181, centre=96 + 3.3 * i) for i in (1, 2, 3)}
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=ai")
    found = attempts(g)
    assert len(found) == 3 and len({tool(f) for f in found.values()}) == 1 and loads(found.values()) == [1, 2]
    for row in g.ls():
        assert row["cor"] == pytest.approx(truth[row["name"]], abs=0.5)
    g.ok("run", "tomo-ai-reco", "--phase", "infer", "--set", "rotation_axis_method=vo")
    cold = attempts(g, run=2).values()
    assert len({tool(f) for f in cold}) == 3 and loads(cold) == [0, 0]


# -- killed at random ------------------------------------------------------------------------------------------------

MANY = 24


def strike(g, kind, engine):
    """SIGKILL for one of the engine, the worker, and the warm process, or for all three."""
    alive = g.processes()
    workers = [pid for pid, words in alive.items() if words[1:3] == ["worker", "--slot"]]
    victims = {"engine": [engine.pid], "worker": workers[:1], "warm": warm(g)[:1], "all": list(alive)}[kind]
    return kill(victims)


def test_killed_at_random(g, ort, zips):
    """DESIGN 2.1: 24 studies, and SIGKILL at random instants to whoever is at work: nothing lost, nothing done twice, no
    manual step but `gantry run --resume`. `make check` does six blows; GANTRY_KILLS and GANTRY_KILL_SEED say otherwise."""
    rng = random.Random(os.environ.get("GANTRY_KILL_SEED", "1"))
    blows, landed = int(os.environ.get("GANTRY_KILLS", "6")), 0
    prepare(g, ort, zips)
    for name in NAMES:
        (g.data / f"{name}.zip").unlink()
    for i in range(MANY):
        shutil.copy(zips / "s1.zip", g.data / f"n{i:02}.zip")
    engine = start(g, "ct-triage")
    while landed < blows and engine.poll() is None:
        time.sleep(rng.uniform(0.05, 0.4))
        landed += strike(g, rng.choice(["engine", "worker", "warm", "warm", "all"]), engine) > 0
        try:
            engine.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        if engine.returncode == -signal.SIGKILL:
            engine = start(g, "--resume")
    if engine.wait(180) == -signal.SIGKILL:
        engine = start(g, "--resume")
    assert engine.wait(180) in (0, 3), (g.base / "stderr").read_text()
    assert landed > 0
    found = values(g)  # once each
    assert sorted(found) == [(f"n{i:02}", "triage") for i in range(MANY)] and set(g.states().values()) == {"done"}
    assert len({json.dumps(v, sort_keys=True) for v in found.values()}) == 1
    own_log(g)
    nothing_left(g)
