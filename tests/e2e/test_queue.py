"""REQUIREMENTS G (not G6, G22, G23): one shared queue, slots, GPUs, phases, the names of outputs; A1, A3, A6; X5, X12."""
import fcntl
import json
import os
import signal
import subprocess

import h5py
import numpy as np
import pytest
import tifffile

import scans
from runner import script, wait_for

SMALL = {"columns": 48, "rows": 2, "angles": 40}


def make(g, *names, **options):
    return {name: scans.write(g.data / name, **{**SMALL, **options}) for name in names}


def some(g, count):
    make(g, *[f"s_{i:03}.h5" for i in range(count)], columns=8, rows=1, angles=3)


def test_A1_dozens_in_one_action(g):
    some(g, 60)
    g.ok("run", g.batch("hello", script('echo "$f1" > "$o1"')))
    assert len(list(g.rec.rglob("out.txt"))) == 60
    assert set(g.states().values()) == {"done"}


def test_A3_G11_G14_try_then_infer_then_full(g):
    truth = make(g, "s_1.h5", "s_2.h5", "s_3.h5", columns=96, angles=120)
    g.ok("run", "tomo-ai-reco")
    assert set(g.states().values()) == {"done"} and len(g.states()) == 9
    for name, centre in truth.items():
        stem = name[:-3]
        assert list((g.rec / "try_center" / stem).glob("recon_slice*_center*.tiff"))
        slices = sorted((g.rec / f"{stem}_rec").glob("recon_*.tiff"))
        assert [p.name for p in slices] == ["recon_00000.tiff", "recon_00001.tiff"]
        assert g.row(name)["cor"] == pytest.approx(centre, abs=0.5)
        assert scans.correlation(tifffile.imread(slices[0]), scans.image(96)) > 0.9


def test_A6_progress_and_status_of_each_file(g):
    some(g, 5)
    outcome = g.ok("run", g.batch("hello", script('echo hi > "$o1"')))
    for index in range(5):
        assert f"s_{index:03}" in outcome.out + outcome.err
    status = g.json("status")
    assert "5" in json.dumps(status)


def test_G1_every_phase_uses_the_same_queue(g):
    make(g, "s_1.h5", columns=96, angles=120)
    g.ok("run", "tomo-ai-reco")
    assert {task["job"] for task in g.tasks()} == {"try", "infer", "full"}


def test_G2_X12_one_process_a_slot(g):
    some(g, 12)
    text = 'exec 9>>"{0}"; echo + >&9; sleep 0.05; echo - >&9; echo x > "$o1"'.format(g.base / "journal")
    g.ok("run", g.batch("count", script(text)), "--slots", "3")
    running = most = 0
    for line in (g.base / "journal").read_text().split():
        running += 1 if line == "+" else -1
        most = max(most, running)
    assert 1 <= most <= 3 and running == 0


def test_G3_each_process_is_pinned_to_its_gpu(g):
    some(g, 6)
    text = 'echo "$CUDA_VISIBLE_DEVICES" > "$o1"'
    g.ok("run", g.batch("gpu", script(text, resources={"gpus": 1})), "--gpus", "0,1")
    seen = {p.read_text().strip() for p in g.rec.rglob("out.txt")}
    assert seen <= {"0", "1"} and len(list(g.rec.rglob("out.txt"))) == 6


def test_G4_the_next_starts_when_a_slot_frees_up(g):
    """A long task holds one slot; all others pass through the second one meanwhile."""
    some(g, 8)
    gate = g.base / "gate"
    text = f'case "$f1" in *s_000.h5) while [ ! -e "{gate}" ]; do sleep 0.02; done;; esac; echo x > "$o1"'
    process = g.start("run", g.batch("b", script(text)), "--slots", "2")
    wait_for(lambda: len(list(g.rec.rglob("out.txt"))) == 7, "the other seven")
    gate.touch()
    assert process.wait(60) == 0
    assert len(list(g.rec.rglob("out.txt"))) == 8


def test_G5_a_hung_file_blocks_only_its_own_slot_and_times_out(g):
    some(g, 5)
    text = 'case "$f1" in *s_001.h5) sleep 1000;; esac; echo x > "$o1"'
    outcome = g.run("run", g.batch("b", script(text)), "--slots", "2", "--timeout", "2")
    assert outcome.rc == 1, outcome
    states = g.states()
    assert states["s_001/work"] == "failed"
    assert sorted(states.values()) == ["done"] * 4 + ["failed"]
    assert "timeout" in json.dumps(g.json("errors")).lower() or "time" in json.dumps(g.json("errors")).lower()


def test_G5_no_progress_and_no_output_is_a_stall(g):
    some(g, 2)
    text = 'case "$f1" in *s_000.h5) sleep 1000;; esac; echo x > "$o1"'
    outcome = g.run("run", g.batch("b", script(text)), "--slots", "2", "--stall", "2")
    assert outcome.rc == 1, outcome
    assert g.states() == {"s_000/work": "failed", "s_001/work": "done"}


def test_G8_a_second_run_joins_the_queue(g):
    some(g, 2)
    gate = g.base / "gate"
    text = f'while [ ! -e "{gate}" ]; do sleep 0.02; done; echo x > "$o1"'
    first = g.start("run", g.batch("one", script(text)))
    wait_for(lambda: any(t["state"] == "running" for t in g.tasks()), "a running task")
    second = g.start("run", g.batch("two", script('echo y > "$o1"', out="two.txt")))
    wait_for(lambda: len(g.json("status")) >= 2 or "two" in json.dumps(g.json("status")), "the second run")
    gate.touch()
    assert first.wait(60) == 0 and second.wait(60) == 0
    assert len(list(g.rec.rglob("*.txt"))) == 4


@pytest.mark.parametrize("phases, made", [
    ("try", {"try"}), ("try,infer", {"try", "infer"}), ("infer,full", {"infer", "full"}), ("full", {"full"}),
])
def test_G9_any_combination_of_phases(g, phases, made):
    make(g, "s_1.h5", columns=96, angles=120)
    g.ok("run", "tomo-ai-reco", "--phase", phases, "--cor", "48")
    assert {task["job"] for task in g.tasks()} == made


def test_G9_none_is_refused(g):
    make(g, "s_1.h5")
    g.fails(2, "run", "tomo-ai-reco", "--phase", "")
    g.fails(2, "run", "tomo-ai-reco", "--phase", "nonsense")


def test_G12_G16_infer_says_ok_with_the_path_and_the_centre(g):
    make(g, "s_1.h5", columns=96, angles=120)
    g.ok("run", "tomo-ai-reco", "--phase", "infer")
    log = g.ok("log", "s_1/infer").out
    line = [x for x in log.split("\n") if "[infer-worker] OK" in x]
    assert line and str(g.data / "s_1.h5") in line[0]
    assert float(line[0].split("=>")[1]) == pytest.approx(g.row("s_1.h5")["cor"], abs=0.01)


def test_G13_a_stale_centre_is_never_taken_for_fresh(g):
    """Noise has no centre: infer must not leave the old file behind as if it were its answer."""
    truth = make(g, "s_1.h5", columns=96, angles=120)
    folder = g.rec / "try_center" / "s_1"
    folder.mkdir(parents=True)
    (folder / "center_of_rotation.txt").write_text("999.00\n")
    g.run("run", "tomo-ai-reco", "--phase", "infer", "--overwrite")
    assert g.row("s_1.h5")["cor"] == pytest.approx(truth["s_1.h5"], abs=0.5)
    assert "999" not in (folder / "center_of_rotation.txt").read_text()


def test_G14_full_only_for_what_infer_found(g):
    truth = make(g, "s_1.h5", "s_2.h5", columns=96, angles=120)
    def spoil(arrays):
        arrays["data"][:] = arrays["data_dark"][0]
    scans.write(g.data / "s_2.h5", columns=96, rows=2, angles=120, change=spoil)
    g.run("run", "tomo-ai-reco")
    states = g.states()
    assert states["s_1/full"] == "done"
    if states["s_2/infer"] == "failed":
        assert states["s_2/full"] == "blocked" and not (g.rec / "s_2_rec").exists()
    assert truth


def test_G16_exit_0_without_outputs_is_a_failure(g):
    some(g, 1)
    outcome = g.fails(1, "run", g.batch("b", script("true")))
    assert "out.txt" in json.dumps(g.json("errors")) + outcome.err


def test_G16_an_empty_output_is_a_failure(g):
    some(g, 1)
    g.fails(1, "run", g.batch("b", script(': > "$o1"')))
    assert not list(g.rec.rglob("out.txt"))


def test_G18_X5_names_of_the_outputs(g):
    make(g, "s_1.h5")
    g.ok("cor", "set", "s_1.h5", "24.25")
    g.ok("run", "tomo-try", "--set", "center_search_width=1", "--set", "center_search_step=0.5")
    names = sorted(p.name for p in (g.rec / "try_center" / "s_1").glob("*.tiff"))
    assert names == [f"recon_slice0000_center{c}.tiff" for c in ("23.25", "23.75", "24.25", "24.75", "25.25")]
    g.ok("run", "tomo-full")
    folder = g.rec / "s_1_rec"
    assert sorted(p.name for p in folder.glob("*.tiff")) == ["recon_00000.tiff", "recon_00001.tiff"]
    assert "gantry recon" in (folder / "rec_line.txt").read_text()
    assert tifffile.imread(folder / "recon_00000.tiff").dtype == np.float32


def test_X5_save_format_h5(g):
    make(g, "s_1.h5")
    g.ok("run", "tomo-full", "--cor", "24", "--set", "save_format=h5")
    with h5py.File(g.rec / "s_1_rec.h5") as file:
        assert file["/exchange/data"].shape == (2, 48, 48) and file["/exchange/data"].dtype == np.float32
    assert (g.rec / "s_1_rec.h5.prov.json").exists() or (g.rec / "s_1_rec.prov.json").exists()
    assert [row["name"] for row in g.ls()] == ["s_1.h5"]


def test_G19_contrast_of_each_volume_is_measured(g):
    make(g, "s_1.h5")
    g.ok("run", "tomo-full", "--cor", "24")
    volume = np.stack([tifffile.imread(p) for p in sorted((g.rec / "s_1_rec").glob("*.tiff"))])
    text = json.dumps(g.json("show", "s_1/full"))
    assert "percentile_5" in text and "percentile_95" in text
    assert np.percentile(volume, 5) < np.percentile(volume, 95)


def test_G20_Y4_interrupt_stops_and_marks_and_keeps_what_is_done(g):
    some(g, 6)
    gate = g.base / "gate"
    text = f'case "$f1" in *s_000.h5) ;; *) while [ ! -e "{gate}" ]; do sleep 0.02; done;; esac; echo x > "$o1"'
    process = g.start("run", g.batch("b", script(text)), "--slots", "2")
    wait_for(lambda: g.states().get("s_000/work") == "done", "the first task")
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    wait_for(lambda: not g.processes(), "everything to end")
    states = g.states()
    assert states["s_000/work"] == "done" and "running" not in states.values()
    assert "Cancelled" in {row["status"] for row in g.ls()} or "cancelled" in states.values()
    gate.touch()
    g.ok("run", "--resume")
    assert set(g.states().values()) == {"done"} and len(list(g.rec.rglob("out.txt"))) == 6


def test_G21_skipped_and_failed_jobs_count_as_completed(g):
    some(g, 4)
    text = 'case "$f1" in *s_002.h5) exit 3;; esac; echo x > "$o1"'
    jobs = [script(text, job="a", out="a.txt"), script('echo y > "$o1"', job="b", out="b.txt")]
    outcome = g.run("run", g.batch("b", *jobs))
    assert outcome.rc == 1
    states = g.states()
    assert states["s_002/a"] == "failed" and states["s_002/b"] == "blocked"
    assert sorted(states.values()) == ["blocked"] + ["done"] * 6 + ["failed"]


def test_fair_turns_a_small_run_is_not_behind_a_large_one(g):
    some(g, 30)
    gate = g.base / "gate"
    text = f'while [ ! -e "{gate}" ]; do sleep 0.01; done; echo "$GANTRY_ATTEMPT" >> "{g.base}/order"; echo x > "$o1"'
    large = g.start("run", g.batch("large", script(text)), "--slots", "1")
    wait_for(lambda: any(t["state"] == "running" for t in g.tasks()), "a running task")
    small = g.start("run", g.batch("small", script(f'echo small >> "{g.base}/order"; echo y > "$o1"', out="y.txt")),
        "s_000.h5")
    wait_for(lambda: "small" in json.dumps(g.json("status")), "the second run")
    gate.touch()
    assert large.wait(60) == 0 and small.wait(60) == 0
    order = (g.base / "order").read_text().split()
    assert len(order) == 31 and order.index("small") < 10


def test_nothing_is_left_running(g):
    some(g, 3)
    g.ok("run", g.batch("b", script('sleep 300 & echo x > "$o1"')))
    wait_for(lambda: not g.processes(), "the background child to be ended")
    assert os.path.isdir(g.home)


def test_G7_X16_slots_are_read_at_every_dispatch(g):
    """A run on one slot; the option is raised meanwhile, and three tasks run at once."""
    some(g, 6)
    gate = g.base / "gate"
    text = f'while [ ! -e "{gate}" ]; do sleep 0.02; done; echo x > "$o1"'
    g.ok("config", "set", "slots=1")
    process = g.start("run", g.batch("b", script(text)))
    count = lambda: sum(task["state"] == "running" for task in g.tasks())
    wait_for(lambda: count() == 1, "one running task")
    g.ok("config", "set", "slots=3")
    wait_for(lambda: count() == 3, "three running tasks")
    gate.touch()
    assert process.wait(60) == 0


def test_G17_the_command_that_repeats_it_uses_tomocupys_flags(g):
    make(g, "s_1.h5")
    g.ok("run", "tomo-full", "--cor", "24.25")
    line = (g.rec / "s_1_rec" / "rec_line.txt").read_text()
    for words in (f"--file-name {g.data / 's_1.h5'}", "--reconstruction-type full", "--rotation-axis 24.25"):
        assert words in line, line
    before = {p.name: p.read_bytes() for p in (g.rec / "s_1_rec").glob("*.tiff")}
    command = line.strip().splitlines()[-1].replace("gantry ", f"{g.program} ", 1)
    import subprocess
    subprocess.run(command + f" --out-path-name '{g.base}/again'", shell=True, check=True, env=g.env, cwd=g.base)
    after = {p.name: p.read_bytes() for p in (g.base / "again").rglob("recon_*.tiff")}
    assert after == before


def test_X8_the_runs_own_eta_is_shown(g):
    some(g, 3)
    outcome = g.ok("run", g.batch("b", script('echo x > "$o1"')))
    assert "3" in outcome.out + outcome.err


def test_status_of_a_run_that_nobody_works_on_is_interrupted(g):
    """A10: a killed engine leaves its run interrupted, not queued; the way on is said."""
    some(g, 3)
    process = g.start("run", g.batch("b", script('sleep 30; : > "$o1"')), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    wait_for(lambda: "running" in g.states().values(), "a task runs")
    g.kill_all()
    process.wait(30)
    outcome = g.ok("status")
    assert "interrupted" in outcome.out and "gantry resume" in outcome.err
    assert g.json("status")[-1]["state"] == "interrupted"


def test_the_count_never_runs_backwards(g):
    """Tasks of another run that are cancelled are counted once."""
    some(g, 24)
    batch = g.batch("b", script('sleep 0.4; echo x > "$o1"'))
    other = g.batch("other", script('sleep 0.4; echo x > "$o1"', out="other.txt"))
    g.ok("run", batch, "--slots", "1", "--detach")
    g.ok("run", other, "--detach")
    follow = g.start("status", "-f", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wait_for(lambda: "done" in g.states().values(), "a task of the second run is done")
    g.ok("kill", "run:2")
    out, _ = follow.communicate(timeout=120)
    counts = [tuple(map(int, line.split()[1].split("/"))) for line in out.splitlines() if line.startswith("Completed")]
    assert counts and counts == sorted(counts)
    assert all(n <= total for n, total in counts), counts


def test_A6_who_holds_a_gpu_is_said_by_status_and_ps(g):
    """Guarantee 11: GPU memory held by a stranger is reported where people look, not only by doctor."""
    some(g, 1)
    fakes = g.base / "bin"
    fakes.mkdir()
    (fakes / "nvidia-smi").write_text("#!/bin/sh\necho '0, GPU-e2e-test, 20000, 24000, Fake'\n")
    (fakes / "nvidia-smi").chmod(0o755)
    g.env["PATH"] = f"{fakes}:{g.env['PATH']}"
    with open("/run/lock/gantry-gpu-GPU-e2e-test", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        g.ok("run", g.batch("b", script('echo x > "$o1"', resources={"gpus": 1})), "--detach")
        for command in ("status", "ps"):
            said = wait_for(lambda: (text := g.ok(command).err) if "waiting" in g.ok(command).err else None, command)
            assert "no GPU is free" in said and "20000 of 24000 MB are held by programs" in said, said
    os.unlink("/run/lock/gantry-gpu-GPU-e2e-test")
    wait_for(lambda: set(g.states().values()) == {"done"}, "it runs once the GPU is free")
