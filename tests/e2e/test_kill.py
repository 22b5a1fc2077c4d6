"""SIGKILL at random instants: nothing lost, nothing run again, nothing at the same time, no half outputs, no manual step.

Sixty tasks of a slow script run while the engine, a worker, a tool, or everything is killed; the run is taken up again
with `gantry run --resume` only. The script itself tells what went wrong: it refuses to run beside another attempt of
its own task, and notes when its published output is already there. A blow may also hit a program that the script calls:
what it leaves out then must not look like the engine's doing, so lines are counted by bash itself, and only flock's own
"somebody has it" (1) counts as a second attempt. `make check` does a handful of kills with a fixed
seed; `bench/run kill` (or GANTRY_KILLS=50 GANTRY_KILL_SEED=n) does as many as you like.
"""
import os
import pathlib
import random
import signal
import subprocess
import time

import pytest

import scans
from runner import kill, script, wait_for

TASKS = 60
SLOTS = 3
LINES = 50

SCRIPT = r"""
journal="{base}/journal"; name=${{f1##*/}}; name=${{name%.h5}}; final="{rec}/$name/out.txt"
exec 8>"{base}/lock-$name"
flock -n 8; [ $? = 1 ] && echo "twice $name" >> "$journal"
[ -e "$final" ] && echo "again $name" >> "$journal"
echo "start $name" >> "$journal"
for ((i = 1; i <= {half}; i++)); do echo "line $i" >> "$o1"; done
sleep 0.0$((RANDOM % 9))
for ((i = {half} + 1; i <= {lines}; i++)); do echo "line $i" >> "$o1"; done
echo "end $name" >> "$journal"
"""

WHOLE = "".join(f"line {i}\n" for i in range(1, LINES + 1))


def start(g, *args):
    return g.start("run", *args, "--slots", SLOTS, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=open(g.base / "stderr", "ab"))


def victims(g, kind, engine):
    """Which processes a blow of this kind hits. The whole tree goes down oldest first or youngest first."""
    alive = g.processes()
    if kind == "engine":
        return [engine.pid]
    if kind == "tree":
        return sorted(alive, reverse=random.random() < 0.5)
    workers = [pid for pid, words in alive.items() if "worker" in words[1:2]]
    if kind == "worker":
        return workers[:1] if workers else []
    tools = [pid for pid in alive if pid not in workers and pid != engine.pid and "gantry" not in alive[pid][0]]
    return tools[:1]


def published(g):
    """Outputs in their final places (staging comes and goes meanwhile)."""
    for folder, _, names in os.walk(g.rec):
        if "out.txt" in names and ".gantry-" not in folder:
            yield pathlib.Path(folder, "out.txt")


def check_outputs(g):
    for path in published(g):
        assert path.read_text() == WHOLE, f"half an output: {path}"


def campaign(g, rng, kinds, kills):
    """One run of sixty tasks under fire; returns how many blows landed."""
    for index in range(TASKS):
        scans.write(g.data / f"s_{index:02}.h5", columns=4, rows=1, angles=2, white=1, dark=1)
    text = SCRIPT.format(base=g.base, rec=g.rec, half=LINES // 2, lines=LINES)
    engine = start(g, g.batch("b", script(text)))
    wait_for(lambda: (g.base / "journal").exists() or engine.poll() is not None, "the first task")
    landed = 0
    while landed < kills:
        time.sleep(rng.uniform(0.0, 0.25))
        if engine.poll() is not None:
            break
        landed += kill(victims(g, rng.choice(kinds), engine)) > 0
        check_outputs(g)
        try:
            engine.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        if engine.returncode == -signal.SIGKILL:
            engine = start(g, "--resume")
    status = engine.wait(180)
    if status == -signal.SIGKILL:
        status = start(g, "--resume").wait(180)
    assert status in (0, 3), (status, (g.base / "stderr").read_text())
    return landed


def judge(g):
    check_outputs(g)
    journal = (g.base / "journal").read_text().splitlines()
    assert [x for x in journal if x.startswith("twice")] == [], "two attempts of a task at the same time"
    assert [x for x in journal if x.startswith("again")] == [], "a finished task ran again"
    states = g.states()
    assert len(states) == TASKS and set(states.values()) <= {"done", "cached"}, states
    assert len(list(published(g))) == TASKS, "lost"
    wait_for(lambda: not g.processes(), "every process to end")
    assert g.leftovers() == [], "staging left behind"


@pytest.mark.parametrize("kinds", [("engine",), ("worker",), ("tool",), ("tree",), ("engine", "worker", "tool", "tree")],
    ids=["engine", "worker", "tool", "tree", "mixed"])
def test_kill(g, kinds):
    kills = int(os.environ.get("GANTRY_KILLS", "4"))
    seed = int(os.environ.get("GANTRY_KILL_SEED", "1"))
    rng = random.Random(f"{seed} {kinds}")
    random.seed(seed)
    landed = campaign(g, rng, kinds, kills)
    judge(g)
    assert landed > 0, "no blow landed"
    print(f"{'+'.join(kinds)}: {landed} kills, 0 lost, 0 again, 0 twice, 0 half")
