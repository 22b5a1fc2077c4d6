"""REQUIREMENTS A3, B4, B5, G9, G14, G15, G16, G19, X14: the upload phase. tests/fakes/tomolog stands in for the site's
program, because a real upload needs Google's cloud."""
import json
import os
import subprocess

import h5py
import numpy as np
import pytest
import tifffile

import scans
from conftest import SOURCE
from runner import wait_for
from server import Server

SMALL = {"columns": 48, "rows": 3, "angles": 40}
URL = "https://docs.example.org/presentation/d/1abc/edit#slide=id.p"


@pytest.fixture
def site(g):
    """A `g` whose PATH has the fake, with the one option set that an upload needs."""
    g.env["PATH"] = f"{SOURCE / 'tests' / 'fakes'}:{g.env['PATH']}"
    g.env["FAKE_TOMOLOG"] = str(g.base / "calls.jsonl")
    g.ok("config", "set", f"tomolog.presentation_url={URL}")
    return g


def make(g, *names, **options):
    return {name: scans.write(g.data / name, **{**SMALL, **options}) for name in names}


def calls(g, what="start"):
    path = g.base / "calls.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [row for row in rows if row["what"] == what]


def flags(call):
    """{--flag: value} of one call."""
    assert call["argv"][0] == "run"
    words = call["argv"][1:]
    return dict(zip(words[::2], words[1::2], strict=True))


def uploaded(g):
    return sorted(os.path.basename(flags(call)["--file-name"]) for call in calls(g, "done"))


def test_A3_G9_G15_the_fourth_phase_follows_full_when_it_is_named(site):
    g = site
    make(g, "s_1.h5", "s_2.h5", "s_3.h5")
    g.ok("run", "tomo-ai-reco")
    assert not calls(g), "upload is off by default"
    assert len(g.states()) == 9
    g.ok("run", "tomo-ai-reco", "--phase", "try,infer,full,upload", "--slots", "3")
    assert len(g.states()) == 12 and set(g.states().values()) <= {"done", "cached"}
    assert uploaded(g) == ["s_1.h5", "s_2.h5", "s_3.h5"]
    assert {row["status"] for row in g.ls()} == {"Uploaded"}


def test_G15_the_command_and_its_arguments(site):
    g = site
    make(g, "a scan_1.h5")
    note = "it's \"quoted\"; $(touch /tmp/no) & more"
    g.ok("config", "set", "tomolog.beamline=2-bm", "tomolog.cloud=imgur", "tomolog.idx=3", "tomolog.min=-0.00001",
         "tomolog.max=2", f"tomolog.note={note}")
    g.ok("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24", "--set", "idz=1")
    [call] = calls(g)
    assert flags(call) == {"--file-name": str(g.data / "a scan_1.h5"), "--beamline": "2-bm", "--cloud": "imgur",
        "--presentation-url": URL, "--idx": "3", "--idy": "-1", "--idz": "1", "--note": note,
        "--min": "-0.00001", "--max": "2"}


def test_G15_blank_options_are_not_passed(site):
    g = site
    make(g, "s_1.h5")
    g.ok("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24")
    [call] = calls(g)
    assert set(flags(call)) == {"--file-name", "--presentation-url", "--idx", "--idy", "--idz", "--min", "--max"}


def test_G15_one_at_a_time_over_all_runs(site):
    g = site
    make(g, *[f"s_{i}.h5" for i in range(4)])
    g.ok("run", "tomo-full", "--cor", "24")
    first = g.start("run", "tomo-ai-reco", "scan:0-1", "--phase", "upload", "--slots", "4", stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    second = g.start("run", "tomo-ai-reco", "scan:2-3", "--phase", "upload", stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL)
    assert first.wait(120) == 0 and second.wait(120) == 0
    rows = [json.loads(line) for line in (g.base / "calls.jsonl").read_text().splitlines()]
    assert [row["what"] for row in rows] == ["start", "done"] * 4


def test_B4_B5_G16_Uploading_then_Upload_failed_then_Uploaded(site):
    """The exit status of tomolog decides; the words and their groups; its output is in the log."""
    g = site
    make(g, "s_1.h5", "s_2.h5")
    gate = g.base / "gate"
    process = g.start("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24", stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={"FAKE_TOMOLOG_WAIT": str(gate), "FAKE_TOMOLOG_FAIL": "s_2"})
    wait_for(lambda: "Uploading" in {row["status"] for row in g.ls()}, "a row says Uploading")
    gate.touch()
    assert process.wait(120) == 1
    assert (g.row("s_1.h5")["status"], g.row("s_2.h5")["status"]) == ("Uploaded", "Upload failed")
    assert g.states()["s_2/upload"] == "failed" and g.states()["s_2/full"] == "done"
    log = g.ok("log", "s_2/upload").out
    assert "publishing s_2.h5" in log and "the presentation is not shared with this account" in log
    assert "the presentation is not shared" in g.ok("errors").out
    with Server(g) as server:
        project = server.get("/api/v1/projects").json[0]["id"]
        rows = server.get(f"/api/v1/items?project={project}").json["items"]
        assert {row["name"]: row["group"] for row in rows} == {"s_1.h5": "done", "s_2.h5": "failed"}
    g.ok("retry", "last", "--failed")
    assert g.row("s_2.h5")["status"] == "Uploaded"


@pytest.mark.parametrize("more", [[], ["--on-error", "continue"]])
def test_G14_G15_a_failed_full_is_not_uploaded(site, more):
    g = site
    make(g, "s_1.h5", "s_2.h5")
    (g.rec / "s_2_rec").mkdir(parents=True)
    (g.rec / "s_2_rec" / "recon_00000.tiff").write_bytes(b"somebody else's")
    g.fails(1, "run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24", *more)
    assert uploaded(g) == ["s_1.h5"]
    assert g.states()["s_2/upload"] == "blocked"
    assert g.row("s_2.h5")["status"] == "Full failed"


def test_X14_upload_alone_takes_files_with_full_output_and_names_the_others(site):
    g = site
    make(g, "s_1.h5", "s_2.h5", "s_3.h5")
    nothing = g.fails(3, "run", "tomo-ai-reco", "--phase", "upload").err
    assert all(f"s_{i}.h5 (has no full output)" in nothing for i in (1, 2, 3)), nothing
    g.ok("run", "tomo-full", "s_1.h5", "--cor", "24")
    g.ok("run", "tomo-full", "s_3.h5", "--cor", "24", "--set", "save_format=h5")
    outcome = g.ok("run", "tomo-ai-reco", "--phase", "upload")
    assert "s_2.h5: has no full output" in outcome.err, outcome
    assert uploaded(g) == ["s_1.h5", "s_3.h5"]
    assert g.row("s_2.h5")["status"] == "Ready"


def test_uploaded_once_and_again_when_the_reconstruction_changed(site):
    g = site
    make(g, "s_1.h5")
    for _ in range(2):
        g.ok("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24")
    assert len(calls(g)) == 1 and g.states()["s_1/upload"] == "cached"
    assert g.row("s_1.h5")["status"] == "Uploaded"
    g.ok("cor", "set", "s_1.h5", "25")
    g.ok("run", "tomo-ai-reco", "--phase", "full,upload")
    assert len(calls(g)) == 2
    g.ok("config", "set", "tomolog.note=again")
    g.ok("run", "tomo-ai-reco", "--phase", "upload")
    assert len(calls(g)) == 3 and flags(calls(g)[-1])["--note"] == "again"


@pytest.mark.parametrize("asked", [["full,upload", "--cor", "24"], ["upload"]])
def test_refused_before_the_run_without_address_or_program(g, asked):
    make(g, "s_1.h5")
    g.ok("run", "tomo-full", "--cor", "24")
    outcome = g.fails(2, "run", "tomo-ai-reco", "--phase", *asked)
    assert "tomolog.presentation_url" in outcome.err and len(outcome.err.strip().splitlines()) == 1, outcome
    g.ok("config", "set", f"tomolog.presentation_url={URL}")
    outcome = g.fails(2, "run", "tomo-ai-reco", "--phase", *asked)
    assert "'tomolog'" in outcome.err and "PATH" in outcome.err and "tomolog.command" in outcome.err, outcome
    g.ok("config", "set", f"tomolog.command={g.base / 'none' / 'tomolog'}")
    assert "is not there" in g.fails(2, "run", "tomo-ai-reco", "--phase", *asked).err
    assert len(g.json("status")) == 1, "nothing was launched"
    g.ok("config", "set", f"tomolog.command={SOURCE / 'tests' / 'fakes' / 'tomolog'}")
    g.ok("run", "tomo-ai-reco", "--phase", *asked, env={"FAKE_TOMOLOG": str(g.base / "calls.jsonl")})
    assert uploaded(g) == ["s_1.h5"]


def window(call):
    given = flags(call)
    return float(given["--min"]), float(given["--max"])


@pytest.mark.parametrize("form", ["tiff", "h5"])
@pytest.mark.parametrize("limits", [[], ["tomolog.min=0.5"], ["tomolog.max=0.5"]])
def test_G19_per_file_5_to_95_percent_of_the_middle_slice_of_full(site, form, limits):
    """numpy's percentile of the same slice is the judge."""
    g = site
    make(g, "s_1.h5")
    make(g, "s_2.h5", scale=3.0)
    for limit in limits:
        g.ok("config", "set", limit)
    g.ok("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24", "--set", f"save_format={form}")
    found = {os.path.basename(flags(call)["--file-name"]): window(call) for call in calls(g)}
    for stem in ("s_1", "s_2"):
        if form == "h5":
            with h5py.File(g.rec / f"{stem}_rec.h5") as volume:
                middle = volume["/exchange/data"][1]
        else:
            middle = tifffile.imread(g.rec / f"{stem}_rec" / "recon_00001.tiff")
        assert found[stem + ".h5"] == pytest.approx(np.percentile(middle, [5, 95]), rel=1e-5)
    assert found["s_1.h5"] != pytest.approx(found["s_2.h5"], rel=0.1)


def test_G19_else_a_try_slice_and_none_when_flat(site):
    """A full folder without a slice that can be read: the try slices; a slice of one value: no contrast is given."""
    g = site
    make(g, "s_1.h5", "s_2.h5")
    g.ok("run", "tomo-ai-reco", "s_1.h5", "--phase", "try,infer")
    for stem in ("s_1", "s_2"):
        (g.rec / f"{stem}_rec").mkdir(parents=True)
    (g.rec / "s_1_rec" / "recon_00000.tiff").write_bytes(b"torn")
    tifffile.imwrite(g.rec / "s_2_rec" / "recon_00000.tiff", np.full((48, 48), 7, np.float32))
    g.ok("run", "tomo-ai-reco", "--phase", "upload")
    found = {os.path.basename(flags(call)["--file-name"]): flags(call) for call in calls(g)}
    assert "--min" not in found["s_2.h5"] and "--max" not in found["s_2.h5"]
    seen = [np.percentile(tifffile.imread(p), [5, 95]) for p in (g.rec / "try_center" / "s_1").glob("*.tiff")]
    own = [float(found["s_1.h5"]["--min"]), float(found["s_1.h5"]["--max"])]
    assert any(own == pytest.approx(pair, rel=1e-5) for pair in seen)


def test_G19_both_limits_are_used_as_they_are(site):
    g = site
    make(g, "s_1.h5")
    g.ok("config", "set", "tomolog.min=0.25", "tomolog.max=0.125")
    g.ok("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24")
    assert window(calls(g)[0]) == (0.25, 0.125)


def test_options_are_in_the_one_table(g):
    """`gantry config show` and the Settings page: tomolog.*, each with a help line."""
    rows = {row["key"]: row for row in g.json("config", "show")}
    with Server(g) as server:
        page = {row["key"]: row for row in server.get("/api/v1/config").json}
    for name in ("command", "presentation_url", "beamline", "cloud", "idx", "idy", "idz", "min", "max", "note"):
        key = "tomolog." + name
        assert rows[key]["help"] == page[key]["help"] != ""
    assert rows["tomolog.command"]["value"] == "tomolog"
    assert "tomolog.min" in g.fails(2, "config", "set", "tomolog.min=dark").err


def test_G9_the_page_asks_and_is_refused_by_name(site):
    """The question of Batch AI Reco (a dry run) and the launch say which option is missing; then it runs."""
    g = site
    make(g, "s_1.h5")
    g.ok("run", "tomo-full", "--cor", "24")
    with Server(g) as server:
        g.ok("config", "set", "tomolog.presentation_url=")
        project = server.get("/api/v1/projects").json[0]["id"]
        body = {"project": project, "batch": "tomo-ai-reco", "items": [g.row("s_1.h5")["id"]], "phases": ["upload"]}
        for more in ({"dry_run": True}, {}):
            answer = server.post("/api/v1/runs", {**body, **more})
            assert answer.status == 400 and "tomolog.presentation_url" in answer.json["detail"], answer
        assert server.request("PUT", "/api/v1/config", {"tomolog.presentation_url": URL}).status == 200
        assert server.post("/api/v1/runs", {**body, "dry_run": True}).json["phases"] == ["upload"]
        run = server.post("/api/v1/runs", body).json["run"]
        wait_for(lambda: server.get(f"/api/v1/runs/{run}").json["state"] == "finished", "the upload is done")
    assert uploaded(g) == ["s_1.h5"]


def test_an_upload_takes_no_gpu(site):
    """Of a run on GPUs only the jobs that may use one take one."""
    g = site
    make(g, "s_1.h5")
    g.ok("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24", "--gpus", "0")
    assert calls(g)[0]["gpu"] is None


def test_the_dry_run_shows_the_command(site):
    g = site
    make(g, "s_1.h5")
    outcome = g.json("run", "tomo-ai-reco", "--phase", "full,upload", "--cor", "24", "--dry-run")
    [row] = [row for row in outcome["plan"] if row["job"] == "upload"]
    words = row["command"]
    assert words[words.index("--") + 1:][:4] == ["tomolog", "run", "--file-name", str(g.data / "s_1.h5")]
    assert not calls(g)


def test_adopt_leaves_the_upload_alone(site):
    """What was never uploaded is not taken as uploaded."""
    g = site
    make(g, "s_1.h5")
    g.ok("run", "tomo-full", "--cor", "24")
    g.ok("cor", "set", "s_1.h5", "24")
    g.ok("adopt", "s_1.h5")
    g.ok("run", "tomo-ai-reco", "--phase", "upload")
    assert uploaded(g) == ["s_1.h5"]
