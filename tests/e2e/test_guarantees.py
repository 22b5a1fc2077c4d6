"""DESIGN 2: what the engine promises; REQUIREMENTS U10, X9, Y."""
import csv
import fcntl
import json
import os
import pathlib
import select
import signal
import socket
import sqlite3
import stat
import subprocess
import time

import openpyxl
import pytest

import scans
from runner import script, wait_for

TINY = {"columns": 8, "rows": 1, "angles": 3, "white": 1, "dark": 1}
COPY = 'cat "$f1" | wc -c > "$o1"'


def some(g, count=1):
    for index in range(count):
        scans.write(g.data / f"s_{index}.h5", **TINY)


# -- outputs -----------------------------------------------------------------------------------------------------

def test_outputs_are_staged_beside_their_final_place_under_their_final_name(g):
    some(g)
    g.ok("run", g.batch("b", script('echo "$o1" > "$o1"')))
    staged = pathlib.Path((g.rec / "s_0" / "out.txt").read_text().strip())
    assert staged.name == "out.txt" and staged.parent.name.startswith(".gantry-")
    assert staged.parent.parent == g.rec / "s_0"
    assert g.leftovers() == []


def test_what_a_tool_leaves_running_ends_with_it(g):
    """DESIGN 11: every tool has its own group and the worker is a subreaper; also what left the group is found."""
    some(g)
    pids = g.base / "pids"
    g.batch("stray", script(f"setsid sleep 600 >/dev/null 2>&1 & echo $! >{pids}; (sleep 600 & echo $! >>{pids}); true",
                            out=None))
    g.ok("run", "stray")
    left = [int(word) for word in pids.read_text().split()]
    assert len(left) == 2
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in left), "what the tool left to end")


def test_words_that_are_no_utf8_are_told_all_the_same(g):
    """DESIGN 2.6: a cause is what the tool said last, also in an old encoding."""
    some(g)
    g.batch("old", script("printf 'caf\\351 is closed\\n' >&2; exit 3", out=None))
    assert g.run("run", "old").rc == 1
    [task] = g.tasks()
    assert task["message"] == "exit 3: caf? is closed"


def test_outputs_take_group_and_mode_of_the_data_folder(g):
    some(g)
    g.data.chmod(0o2770)
    if os.getuid() == 0:
        os.chown(g.data, 0, 12345)
        g.data.chmod(0o2770)
    g.ok("run", g.batch("b", script(COPY)))
    made = (g.rec / "s_0" / "out.txt").stat()
    assert made.st_gid == g.data.stat().st_gid
    assert stat.S_IMODE(made.st_mode) & 0o660 == 0o660 and not stat.S_IMODE(made.st_mode) & 0o007


def test_outputs_we_did_not_make_are_not_replaced_without_overwrite(g):
    some(g)
    path = g.rec / "s_0" / "out.txt"
    path.parent.mkdir(parents=True)
    path.write_text("somebody else's")
    batch = g.batch("b", script(COPY))
    outcome = g.run("run", batch)
    assert outcome.rc != 0 and path.read_text() == "somebody else's"
    assert "out.txt" in outcome.err + outcome.out + json.dumps(g.json("errors"))
    g.ok("run", batch, "--overwrite")
    assert path.read_text() != "somebody else's"


def test_adopt_says_when_only_the_centre_is_missing(g):
    """A2: what is missing, and what to do, instead of "none are there"."""
    scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40)
    assert "none of the outputs" in g.fails(3, "adopt", "s_1.h5", "--batch", "tomo-full").err
    folder = g.rec / "s_1_rec"
    folder.mkdir(parents=True)
    (folder / "recon_00000.tiff").write_bytes(b"made elsewhere")
    said = g.fails(3, "adopt", "s_1.h5", "--batch", "tomo-full").err
    assert "rotation centre" in said and "gantry cor set" in said and "none of" not in said, said
    g.ok("cor", "set", "s_1.h5", "24")
    g.ok("adopt", "s_1.h5", "--batch", "tomo-full")


def test_adopt_takes_existing_outputs_as_done(g):
    scans.write(g.data / "s_1.h5", columns=48, rows=2, angles=40)
    folder = g.rec / "s_1_rec"
    folder.mkdir(parents=True)
    import numpy as np
    import tifffile
    for index in range(2):
        tifffile.imwrite(folder / f"recon_{index:05}.tiff", np.ones((48, 48), "float32"))
    g.ok("cor", "set", "s_1.h5", "24")
    g.ok("adopt", "s_1.h5")
    g.ok("run", "tomo-full")
    assert set(g.states().values()) == {"cached"}
    assert tifffile.imread(folder / "recon_00000.tiff").max() == 1


def test_folder_output_is_replaced_as_a_whole(g):
    some(g)
    job = script('mkdir -p "$p1" && echo "$n1" > "$p1/value" && touch "$p1/only-$n1" && echo x >> "$p1/only-$n1"', out=None,
        args={"p1": {"PATHOUT": "result"}, "n1": {"NUMERIC": 1}})
    batch = g.batch("b", job)
    g.ok("run", batch)
    folder = g.rec / "s_0" / "result"
    assert sorted(p.name for p in folder.iterdir()) == ["only-1", "value"]
    job["args"]["n1"] = {"NUMERIC": 2}
    g.ok("run", g.batch("b", job))
    assert sorted(p.name for p in folder.iterdir()) == ["only-2", "value"]
    assert g.leftovers() == []


# -- done work ---------------------------------------------------------------------------------------------------

def test_Y5_done_work_is_cached_and_changed_work_is_not(g):
    some(g, 3)
    batch = g.batch("b", script(f'echo run >> "{g.base}/journal"; ' + COPY))
    count = lambda: len((g.base / "journal").read_text().split())
    g.ok("run", batch)
    assert count() == 3
    g.ok("run", batch)
    assert count() == 3 and set(g.states().values()) == {"cached"}
    os.utime(g.data / "s_1.h5")
    g.ok("run", batch)
    assert count() == 4 and sorted(g.states().values()) == ["cached", "cached", "done"]
    (g.rec / "s_2" / "out.txt").unlink()
    g.ok("run", batch)
    assert count() == 5
    (g.rec / "s_0" / "out.txt").write_text("edited")
    g.run("run", batch, "--overwrite")
    assert count() == 6


def test_why_says_what_changed(g):
    some(g)
    batch = g.batch("b", script(COPY))
    g.ok("run", batch)
    g.ok("run", batch)
    assert "cached" in g.ok("why", "s_0/work").out or "same" in g.ok("why", "s_0/work").out
    os.utime(g.data / "s_0.h5")
    said = g.ok("why", "s_0/work").out
    assert "s_0.h5" in said


def test_changed_work_makes_what_follows_it_run_again(g):
    some(g)
    jobs = [script('echo 1 > "$o1"', job="a", out="a.txt"),
        script('cat "$f2" > "$o1"', job="b", out="b.txt", args={"f2": {"FILE": "a.txt"}})]
    g.ok("run", g.batch("b", *jobs))
    assert (g.rec / "s_0" / "b.txt").read_text() == "1\n"
    jobs[0] = script('echo 2 > "$o1"', job="a", out="a.txt")
    g.ok("run", g.batch("b", *jobs))
    assert (g.rec / "s_0" / "b.txt").read_text() == "2\n"


def test_resume_with_nothing_to_do(g):
    some(g)
    g.ok("run", g.batch("b", script(COPY)))
    assert g.run("run", "--resume").rc in (0, 3)


# -- errors ------------------------------------------------------------------------------------------------------

def test_errors_are_grouped_by_cause(g):
    some(g, 5)
    text = 'case "$f1" in *s_[012].h5) echo "error: cannot open $f1 line $RANDOM" >&2; exit 1;; esac; ' + COPY
    assert g.run("run", g.batch("b", script(text))).rc == 1
    causes = g.json("errors")
    assert len(causes) == 1 and causes[0]["count"] == 3
    assert "cannot open" in causes[0]["example"]


def test_N10_errors_are_cleared(g):
    """N10 on the command line: by cause, by run, all; kept in results and ps --all; a retry takes the mark away."""
    some(g, 4)
    text = 'case "$f1" in *s_0.h5) echo "error: one kind" >&2; exit 1;; *s_[12].h5) echo "error: another" >&2; exit 4;; esac; '
    assert g.run("run", g.batch("b", script(text + COPY))).rc == 1
    causes = g.json("errors")
    assert [cause["count"] for cause in causes] == [2, 1]
    assert g.json("errors", "--cause", causes[1]["id"]) == causes[1:]
    assert "1 task cleared" in g.ok("errors", "--clear", "--cause", causes[1]["id"]).out
    assert [cause["id"] for cause in g.json("errors")] == [causes[0]["id"]]
    g.fails(3, "errors", "--clear", "--cause", causes[1]["id"])
    assert sorted(task["item"] for task in g.json("ps")) == ["s_1", "s_2"]
    assert g.json("errors", "last", "--clear") == {"cleared": 3}
    assert g.json("errors") == [] and g.json("errors", "last") == [] and g.json("ps") == []
    assert "No failures" in g.ok("errors").out
    assert len(g.states()) == 4 and g.json("show", "s_0/work")["cleared"] == 1
    assert "one kind" in g.ok("results", "last").out
    g.fails(3, "errors", "--clear")
    assert g.run("retry", "s_0/work").rc == 1
    assert [cause["count"] for cause in g.json("errors")] == [1]
    assert g.json("errors", "--clear") == {"cleared": 1}


def test_retry_of_a_cause_with_a_changed_parameter(g):
    some(g, 3)
    text = 'if [ "$n1" -lt 5 ]; then echo "error: too small" >&2; exit 1; fi; echo "$n1" > "$o1"'
    batch = g.batch("b", script(text, args={"n1": {"NUMERIC": 1}}))
    assert g.run("run", batch).rc == 1
    g.ok("retry", "last", "--failed", "--set", "n1=7")
    g.run("run", "--resume")
    wait_for(lambda: set(g.states().values()) == {"done"}, "the retries")
    assert (g.rec / "s_0" / "out.txt").read_text() == "7\n"
    shown = g.json("show", "s_0/work")
    assert len(shown["attempts"]) == 2
    g.run("retry", str(shown["id"]), "--failed")  # it is done: only what failed was meant
    assert len(g.json("show", "s_0/work")["attempts"]) == 2 and set(g.states().values()) == {"done"}


def test_break_on_error_holds_within_one_item_only(g):
    some(g, 2)
    jobs = [script('case "$f1" in *s_0.h5) exit 1;; esac; echo a > "$o1"', job="a", out="a.txt"),
        script('echo b > "$o1"', job="b", out="b.txt")]
    assert g.run("run", g.batch("b", *jobs)).rc == 1
    assert g.states() == {"s_0/a": "failed", "s_0/b": "blocked", "s_1/a": "done", "s_1/b": "done"}


@pytest.mark.parametrize("mode, rc", [("continue", 1), ("ignore", 0)])
def test_on_error(g, mode, rc):
    some(g)
    jobs = [script("exit 1", job="a", out="a.txt"), script('echo b > "$o1"', job="b", out="b.txt")]
    outcome = g.run("run", g.batch("b", *jobs), "--on-error", mode)
    assert outcome.rc == rc, outcome
    assert g.states()["s_0/b"] == "done"


def test_a_tool_that_crashes_is_a_failed_attempt_with_its_signal(g):
    some(g)
    assert g.run("run", g.batch("b", script("kill -SEGV $$"))).rc == 1
    assert "SEGV" in json.dumps(g.json("errors")) or "11" in json.dumps(g.json("show", "s_0/work"))


def test_out_of_memory_is_a_cause_of_its_own(g):
    some(g)
    text = 'echo "CUDA out of memory. Tried to allocate 20.00 GiB" >&2; exit 1'
    assert g.run("run", g.batch("b", script(text))).rc == 1
    assert "out of memory" in json.dumps(g.json("errors")).lower().replace("-", " ")
    assert len(g.json("show", "s_0/work")["attempts"]) == 2


# -- control -----------------------------------------------------------------------------------------------------

def running(g):
    return [t for t in g.tasks() if t["state"] == "running"]


def asleep(pid):
    """Is it stopped by a signal? One that has ended is not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def test_suspend_resume_kill_reach_the_whole_group(g):
    some(g)
    text = f'while [ ! -e "{g.base}/gate" ]; do date +%N >> "{g.base}/beat"; sleep 0.05; done; echo x > "$o1"'
    process = g.start("run", g.batch("b", script(f"bash -c '{text}'")), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    beat = g.base / "beat"
    wait_for(beat.exists, "the first beat")
    g.ok("suspend", "s_0/work")
    wait_for(lambda: g.states()["s_0/work"] == "suspended", "suspended")
    wait_for(lambda: any(asleep(pid) for pid in g.processes()), "the group to stop")
    g.ok("resume", "s_0/work")
    wait_for(lambda: g.states()["s_0/work"] == "running", "running again")
    g.ok("kill", "s_0/work")
    assert process.wait(60) in (1, 130)
    assert g.states()["s_0/work"] == "cancelled"
    wait_for(lambda: not g.processes(), "everything to end")


def test_hold_and_release(g):
    some(g, 2)
    gate = g.base / "gate"
    text = f'while [ ! -e "{gate}" ]; do sleep 0.02; done; echo x > "$o1"'
    process = g.start("run", g.batch("b", script(text)), "--slots", "1", stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    wait_for(lambda: running(g), "a running task")
    waiting = next(name for name, state in g.states().items() if state != "running")
    g.ok("hold", waiting)
    assert g.states()[waiting] == "held"
    gate.touch()
    wait_for(lambda: list(g.states().values()).count("done") == 1, "the other task")
    assert g.states()[waiting] == "held"
    g.ok("release", waiting)
    assert process.wait(60) == 0
    assert set(g.states().values()) == {"done"}


def test_detach_and_status(g):
    some(g, 3)
    g.ok("run", g.batch("b", script("sleep 0.1; " + COPY)), "--detach")
    wait_for(lambda: set(g.states().values()) == {"done"}, "the background run")
    wait_for(lambda: not g.processes(), "the background engine to end when drained")


def test_setup_lines_run_before_the_tool(g):
    some(g)
    g.ok("run", g.batch("b", script('echo "$COLOUR" > "$o1"', setup="export COLOUR=green")))
    assert (g.rec / "s_0" / "out.txt").read_text() == "green\n"


def test_resources_limit_how_many_run_at_once(g):
    some(g, 6)
    text = f'exec 9>>"{g.base}/journal"; echo + >&9; sleep 0.05; echo - >&9; echo x > "$o1"'
    g.ok("run", g.batch("b", script(text, resources={"licenses": "matlab:1"})), "--slots", "4", env={})
    running_now = most = 0
    for line in (g.base / "journal").read_text().split():
        running_now += 1 if line == "+" else -1
        most = max(most, running_now)
    assert most == 1


def test_values_with_any_character_reach_the_script_unharmed(g):
    some(g)
    value = 'a "b" $HOME `id` \'c\'\nnext * \\ Привет'
    g.ok("run", g.batch("b", script('printf %s "$s1" > "$o1"', args={"s1": {"STRING": value}})))
    assert (g.rec / "s_0" / "out.txt").read_text() == value


def test_several_files_are_an_array(g):
    some(g)
    jobs = [script('echo 1 > "$o1"; echo 2 > "$o2"', job="a", out="a 1.txt", args={"o2": {"OUT": "a 2.txt"}}),
        script('printf "%s\\n" "${f2[@]##*/}" "$1" > "$o1"', job="b", out="b.txt", args={"f2": {"FILE": "a*.txt"}})]
    g.ok("run", g.batch("b", *jobs))
    lines = (g.rec / "s_0" / "b.txt").read_text().split("\n")
    assert lines[:2] == ["a 1.txt", "a 2.txt"] and lines[2] == str(g.data / "s_0.h5")


# -- results -----------------------------------------------------------------------------------------------------

def test_U10_results_in_three_formats_agree(g):
    scans.write(g.data / "s_1.h5", columns=96, rows=2, angles=120)
    scans.write(g.data / "образец_2.h5", columns=96, rows=2, angles=120)
    g.ok("run", "tomo-ai-reco")
    for kind in ("xlsx", "csv", "json"):
        g.ok("results", "last", "-o", g.base / f"r.{kind}")
    rows = json.loads((g.base / "r.json").read_text())
    with open(g.base / "r.csv", newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    sheet = openpyxl.load_workbook(g.base / "r.xlsx").active
    head = [cell.value for cell in sheet[1]]
    assert len(rows) == len(table) == sheet.max_row - 1 == 2
    assert head == list(table[0])
    column = next(i for i, name in enumerate(head) if name.lower() in ("cor", "centre", "center"))
    cell = sheet.cell(2, column + 1).value
    assert isinstance(cell, (int, float)) and cell == pytest.approx(float(table[0][head[column]]), abs=0.01)
    assert any("образец_2" in str(value) for row in table for value in row.values())
    assert [row.get("name", row.get("item")) for row in rows] == sorted(row.get("name", row.get("item")) for row in rows)


def test_U10_results_are_never_half_written(g):
    some(g)
    g.ok("run", g.batch("b", script(COPY)))
    target = g.base / "r.csv"
    target.write_text("old")
    g.fails(4, "results", "last", "-o", g.base / "no" / "such" / "r.csv")
    g.ok("results", "last", "-o", target)
    assert target.read_text() != "old"
    assert [p.name for p in g.base.glob("*r.csv*")] == ["r.csv"]
    g.fails(2, "results", "last", "-o", g.base / "r.pdf")


def test_X9_Y1_the_last_line_counts_the_rows(g):
    some(g, 4)
    text = 'case "$f1" in *s_2.h5) exit 3;; esac; ' + COPY
    outcome = g.run("run", g.batch("b", script(text)))
    last = [x for x in (outcome.out + outcome.err).split("\n") if x.strip()][-5:]
    assert any("3" in x and "1" in x for x in last), outcome
    assert g.json("status")


# -- provenance --------------------------------------------------------------------------------------------------

def test_provenance_beside_every_output(g):
    some(g)
    g.ok("run", g.batch("b", script(COPY)))
    record = json.loads((g.rec / "s_0" / "out.txt.prov.json").read_text())
    assert record["tool"] == "script.bash"
    source = record["inputs"][0]
    assert source["path"] == str(g.data / "s_0.h5") and source["size"] == (g.data / "s_0.h5").stat().st_size
    assert source["mtime_ns"] == (g.data / "s_0.h5").stat().st_mtime_ns
    for key in ("host", "user", "started", "ended", "run", "task", "params", "command", "version"):
        assert key in record, record


# -- exit conditions ---------------------------------------------------------------------------------------------

def test_Y2_exit_statuses(g):
    g.fails(2, "no-such-command")
    g.fails(2, "run")
    g.fails(2, "run", "no-such-batch")
    g.fails(2, "ls", "--no-such-option")
    g.fails(3, "run", "tomo-full", "--cor", "4")
    some(g, 2)
    g.fails(1, "run", g.batch("b", script('case "$f1" in *s_0.h5) exit 1;; esac; ' + COPY)))


def test_Y3_E2_a_single_failed_item_never_ends_the_batch(g):
    some(g, 10)
    assert g.run("run", g.batch("b", script('case "$f1" in *s_0.h5) exit 1;; esac; ' + COPY))).rc == 1
    assert list(g.states().values()).count("done") == 9


def test_Y4_terminate_is_as_interrupt(g):
    some(g, 3)
    process = g.start("run", g.batch("b", script("sleep 100; " + COPY)), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    wait_for(lambda: running(g), "a running task")
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 130
    wait_for(lambda: not g.processes(), "everything to end")
    assert "running" not in g.states().values()


def test_U12_no_control_codes_when_not_a_terminal(g):
    some(g, 2)
    outcome = g.ok("run", g.batch("b", script(COPY)))
    assert "\x1b" not in outcome.out + outcome.err and "\r" not in outcome.out + outcome.err


def test_the_log_has_times_and_streams_and_escapes(g):
    some(g)
    g.ok("run", g.batch("b", script('printf "one\\rtwo\\n\\377x\\n"; echo oops >&2; ' + COPY)))
    text = g.ok("log", "s_0/work").out
    assert "one" in text and "two" in text and "oops" in text
    assert "\udcff" not in text


def test_the_home_is_refused_when_it_cannot_be_written(g):
    some(g)
    g.fails(4, "ls", env={"GANTRY_HOME": "/proc/gantry"})


def test_two_homes_do_not_see_each_other(g):
    some(g)
    g.ok("run", g.batch("b", script(COPY)))
    assert g.run("ps", "--all", "--json", env={"GANTRY_HOME": str(g.base / "second")}).out.strip() in ("[]", "")


def test_a_call_that_a_leaving_engine_never_read_is_made_again(g):
    """Guarantee 1: an engine that goes away between being found and being asked has not run anything."""
    some(g)
    batch = g.batch("b", script('echo x > "$o1"'))
    with open(g.home / "lock", "r+") as lock, socket.socket(socket.AF_UNIX) as listener:
        fcntl.flock(lock, fcntl.LOCK_EX)
        (g.home / "engine.sock").unlink(missing_ok=True)
        listener.bind(str(g.home / "engine.sock"))
        listener.listen()
        process = g.start("run", batch, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert select.select([listener], [], [], 60)[0], "nobody asked"
        time.sleep(0.3)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert list(g.states().values()) == ["done"]


def test_looking_at_a_run_that_ended_does_not_end_it_again(g):
    """why and adopt bring a run into memory: its end is one event."""
    some(g)
    g.ok("run", g.batch("b", script('echo x > "$o1"')))
    g.ok("why", "s_0/work")
    g.ok("adopt", "s_0.h5", "--batch", "b")
    with sqlite3.connect(f"file:{g.home}/gantry.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT run_id, text FROM event WHERE kind = 'run' ORDER BY id").fetchall()
    assert rows.count((1, "finished")) == 1, rows
    assert [text for run, text in rows if run == 2] == ["adopted"], rows


def test_a_run_that_is_over_is_not_stuck_with_another(g):
    """Guarantee 5: what waits in somebody else's run is not this one's failure."""
    some(g)
    other = g.batch("other", script('echo x > "$o1"', out="other.txt", resources={"gpus": 1}))
    first = g.start("run", g.batch("b", script('sleep 3; echo x > "$o1"')), stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True)
    wait_for(lambda: "running" in g.states().values(), "the first run works")
    g.ok("run", other, "--detach")
    _, said = first.communicate(timeout=60)
    assert first.returncode == 0, said
    assert {row["id"]: row["done"] for row in g.json("status")}[1] == 1


def test_many_attempts_are_packed(g):
    """A list of folders longer than a pipe holds goes through a file, which does not stay."""
    some(g, 700)
    g.ok("run", g.batch("b", script('echo x > "$o1"')))
    folder = g.data / ".gantry" / "attempts" / "1"
    wait_for(lambda: not [p for p in folder.iterdir() if p.is_dir()], "all attempts are packed")
    assert (folder / "logs.pack").exists() and not list(g.home.glob("tidy*"))
    assert g.run("log", "s_699/work").rc == 0
