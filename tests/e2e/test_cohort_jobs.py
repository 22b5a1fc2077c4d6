"""Jobs and batches over studies and subjects (REQUIREMENTS J4, J5, J7, J8, K, L, M), on synthetic cohorts."""
import json
import pathlib
import random
import shutil
import subprocess

import cohort
import pytest
import runner

ANY_T1 = list(cohort.PATTERNS)


def save(g, name, *jobs, level="study", options=None, **more):
    path = g.base / f"{name}.json"
    path.write_text(json.dumps({"gantry": 1, "name": name, "level": level, "jobs": list(jobs), "options": options or {}, **more}))
    return path


def bash(id, script, **args):
    return {"id": id, "tool": "script.bash", "args": {"script": script, **args}}


def files(g, pattern):
    return sorted(str(p.relative_to(g.data)) for p in g.data.glob(pattern))


def test_one_batch_for_three_conventions_its_output_used_by_tag(g):
    """J5, J7, J8, L2, L6, L9, L10, M2, Q4: patterns of three sites side by side; what job one tags is job two's input; the
    third is a job that ships; all studies are taken when none is named, those a selector finds when some are; a second
    time everything is cached, tags too."""
    made = cohort.mixed(g.data, subjects=4, studies=2)
    path = save(g, "thr",
        bash("mask", 'test "${f1:0:1}" = / && cp "$f1" "$o1"', f1={"FILE": ANY_T1}, o1={"OUT": "masks/t1.nii TAG(brainmask,auto)"}),
        {"id": "count", "tool": "script.python", "args": {"script": "import os\nopen($o1, 'w').write('%d' % os.path.getsize('$f1'))",
            "f1": {"FILE": "tag:brainmask"}, "o1": {"OUT": "n.txt"}}},
        {"id": "stats", "tool": "image.stats", "args": {"image": {"FILE": ANY_T1}}})
    first = g.ok("run", path)
    assert f"{3 * len(made)} of {3 * len(made)} tasks completed" in first.out, first
    for one in made:
        out = one["folder"] / "masks" / "t1.nii"
        assert out.read_bytes() == one["t1"].read_bytes(), one
        assert (one["folder"] / "n.txt").read_text() == str(out.stat().st_size)
    g.ok("tag", "rm", "brainmask", "-s", "P001", "*/t1.nii")
    again = g.ok("run", path, "P001")
    assert "6 of 6 tasks completed" in again.out and "6 cached" in again.out, again
    assert g.leftovers() == []


def odd_strings(n=1000, seed=5):
    """Texts with everything that a shell, Python or MATLAB gives a meaning; no NUL, which no argument can hold."""
    dice = random.Random(seed)
    pieces = ["'", '"', "$", "`", "\\", "\n", "\r", "\t", " ", "%", "%d", "#", ";", "&", "|", "*", "?", "[", "]", "{", "}", "(", ")",
              "<", ">", "!", "~", "-", "--", "=", ",", "\x01", "\x1b", "\x7f", "é", "ß", "Ж", "漢", "😀", "\u2028", "\ufeff", "\u00a0",
              "$f1", "$s1", "${HOME}", "$(id)", "''", '"""', "\\n", "\\x41", "...", "a", "Z", "0"]
    fixed = ["", "-n", "-e x", "--help", "'", "\n", " lead", "trail ", "\\", "$", "a'b\"c$d`e\\f\ng"]
    return fixed + ["".join(dice.choice(pieces) for _ in range(dice.randint(1, 12))) for _ in range(n - len(fixed))]


WRITERS = {
    "bash": ("script.bash", 'for i in $(seq 1 {n}); do v="s$i"; printf "%s\\0" "${{!v}}"; done > "$o1"'),
    "python": ("script.python", "with open($o1, 'wb') as f:\n    for s in [{list}]:\n        f.write(s.encode() + b'\\0')"),
    "octave": ("script.matlab", "f = fopen(output1, 'w'); for i = 1:{n}, fwrite(f, [uint8(eval(sprintf('s%d', i))), 0]); end; fclose(f);"),
}


def test_a_thousand_odd_texts_arrive_in_three_languages(g):
    """M1, M3, M5, M7, M8: quotes, $, newlines, leading dashes, UTF-8 arrive byte for byte in Bash, Python and Octave, each
    in one task; in Python bare and within the user's own quotes."""
    texts = odd_strings()
    cohort.study(g.data, "P01", "S1")
    args = {f"s{i + 1}": {"STRING": text} for i, text in enumerate(texts)}
    jobs = []
    for id, (tool, script) in WRITERS.items():
        listed = ", ".join(f"$s{i + 1}" if i % 2 else f'"$s{i + 1}"' for i in range(len(texts)))
        script = script.format(n=len(texts), list=listed)
        jobs.append({"id": id, "tool": tool, "args": {"script": script, **args, "o1": {"OUT": f"{id}.bin"}}})
    path = save(g, "odd", *jobs, options={"mode": "split-ignore-dependencies"})
    outcome = g.ok("run", path)
    for id in WRITERS:
        got = (g.data / "P01" / "S1" / f"{id}.bin").read_bytes().split(b"\0")[:-1]
        assert got == [text.encode() for text in texts], (id, outcome)


def test_sort_errors_fix_the_pattern_rerun_those_seven(g):
    """J3, J4, J7, N4, acceptance: 7 of 60 studies carry another name; their failures are one cause that names study, pattern
    and what comes near; validate tells it before; the edited job runs for exactly those seven, and what was changed shows."""
    made = cohort.mixed(g.data, subjects=30, studies=2, odd=False, flair=False, shape=(4, 4, 4))
    planted = [made[i] for i in (0, 9, 18, 27, 36, 45, 54)]  # all three conventions
    for one in planted:
        one["t1"].rename(one["t1"].with_name("T1_repeat.nii.gz"))
    mask = bash("mask", 'cat "$f1" > "$o1"', f1={"FILE": ANY_T1}, o1={"OUT": "out/copy.bin TAG(copy)"})
    count = bash("count", 'wc -c < "$f1" > "$o1"', f1={"FILE": "tag:copy"}, o1={"OUT": "out/n.txt"})
    path = save(g, "fix", mask, count)

    g.ok("scan")
    before = g.json("batch", "validate", path, status=1)
    assert before["lacking"] == 7 and before["checked"] == 60, before
    assert {row["psid"] for row in before["items"]} == {one["psid"] for one in planted}
    assert before["items"][0]["missing"] == [{"arg": "f1", "pattern": " ".join(ANY_T1)}]

    first = g.run("run", path)
    assert first.rc == 1 and "106 done, 7 failed, 7 blocked" in first.out, first
    causes = g.json("errors")
    assert [row["count"] for row in causes] == [7], causes
    example = causes[0]["example"]
    assert example.startswith(f"input 'f1' of {planted[0]['psid']}: nothing matches '{' '.join(ANY_T1)}' (nearest: "), example
    assert "T1_repeat.nii.gz" in example, example

    mask["args"]["f1"]["FILE"] = [*ANY_T1, "T1_repeat.nii.gz", "*/T1_repeat.nii.gz"]
    edited = g.base / "edited.json"
    edited.write_text(json.dumps(mask))
    again = g.ok("retry", "--cause", causes[0]["id"], "--job", edited)
    assert "14 of 14 tasks completed" in again.out and "14 done" in again.out, again
    assert "changed: args.f1.FILE:" in again.err and "T1_repeat" in again.err, again
    assert g.json("errors") == []
    assert all((one["folder"] / "out" / "n.txt").exists() for one in made)
    tasks = g.json("ps", "--all")
    fixed = next(t for t in tasks if t["job"] == "mask")
    shown = g.json("show", fixed["id"])
    assert shown["rerun"]["changes"][0]["key"] == "args.f1.FILE", shown["rerun"]
    assert shown["rerun_of"] and shown["rerun"]["of"] == 1, shown


def test_validate_says_when_it_saw_no_study(g):
    """K8: in a folder that was never scanned, and in a project without studies, a batch is valid in itself only: that is said,
    and what to do; with studies it is answered for them; a batch of scans is what it was."""
    path = save(g, "look", bash("one", "true", f1={"FILE": ANY_T1}))
    alone = g.ok("batch", "validate", path)
    assert "look is valid in itself: 1 jobs. No study was looked at: this folder is no project (gantry scan " in alone.out, alone
    assert "no project" in g.json("batch", "validate", path)["unlooked"]
    g.ok("init")
    empty = g.ok("batch", "validate", path)
    assert "No study was looked at: this project has none (gantry scan " in empty.out, empty
    cohort.study(g.data, "P01", "S1", convention=1)
    seen = g.ok("batch", "validate", path)
    assert "look is valid: 1 jobs, 1 items checked, 0 lack an input" in seen.out, seen
    assert "looked at" not in g.ok("batch", "validate", "tomo-full").out


def test_a_plan_of_many_studies_is_made_in_pieces(g):
    """K4, K8, L2, L9: a dry run over more studies than one question holds has every task once, in order, with its own study's
    files; what lacks is said with what comes near, what an earlier job makes is not missing; two jobs of one pattern, a file
    of another study and a job over all of them are planned as they run."""
    for i in range(510):
        folder = g.data / f"P{i:03d}" / "S1"
        folder.mkdir(parents=True)
        (folder / ("T1_repeat.nii" if i == 505 else "T1w.nii")).touch()
    jobs = [bash("a", 'wc -c < "$f1" > "$o1"', f1={"FILE": "T1w.nii"}, o1={"OUT": "a.txt TAG(a)"}),
            bash("b", 'cat "$f1" "$f2" > "$o1"', f1={"FILE": "T1w.nii"}, f2={"FILE": "tag:a"}, o1={"OUT": "b.txt"}),
            bash("c", "true", f1={"FILE": "T1w.nii", "of": "P007#S1"})]
    plan = g.json("run", save(g, "plan", *jobs), "--dry-run")["plan"]
    assert [(row["item"], row["job"]) for row in plan] == [(f"P{i:03d}/S1", job) for i in range(510) for job in "abc"]
    for i, (a, b, c) in enumerate(zip(plan[::3], plan[1::3], plan[2::3])):
        assert c["inputs"][0]["path"] == str(g.data / "P007/S1/T1w.nii")
        if i != 505:
            assert [one["path"] for one in a["inputs"]] == [str(g.data / f"P{i:03d}/S1/T1w.nii")], a
            assert a["outputs"][0]["final"] == str(g.data / f"P{i:03d}/S1/a.txt") and a["note"] == "", a
            assert b["note"] == "reads what an earlier job of the batch makes", b
    assert "nothing matches 'T1w.nii' (nearest: T1_repeat.nii)" in plan[505 * 3]["note"], plan[505 * 3]
    every = {**bash("all", "true", f1={"FILE": "T1w.nii"}), "collect": True}
    plan = g.json("run", save(g, "group", jobs[0], every), "P00*", "--dry-run")["plan"]
    assert [row["job"] for row in plan] == ["a"] * 10 + ["all"] and len(plan[-1]["inputs"]) == 10, plan[-1]


@pytest.mark.parametrize("where", ["slurm", "slurm:long", "sge:all.q", "ssh:tomo4"])
def test_J9_a_cluster_is_refused_in_one_line_and_nothing_is_lost(g, where):
    """J9: the part that is built. Clusters are not: a job, a batch or a run that names one is refused in one line before anything is
    launched, also where a queue of that name is configured; the saved batch stays, and runs here without it. Log and error of
    a failed job are one command away."""
    cohort.study(g.data, "P01", "S1", convention=1)
    job = bash("a", 'echo "reading $f1"; echo "no such atlas" >&2; exit 3', f1={"FILE": ANY_T1})
    g.ok("config", "set", f"queues=night:2, {where}")
    saved = save(g, "far", {**job, "queue": where})
    g.ok("batch", "save", saved)
    for args in (("run", "far"), ("run", save(g, "far2", job, options={"queue": where}))):
        said = g.fails(2, *args).err.strip().splitlines()[-1]
        assert f"job 'a': queue '{where}': clusters are not built yet; without a queue" in said, said
    assert f"queue '{where}': clusters are not built yet" in g.run("batch", "validate", "far").out
    assert "only local is built so far" in g.fails(2, "run", save(g, "near", job), "--on", where).err
    assert g.json("ps", "--all") == [] and g.json("batch", "show", "far")["jobs"][0]["queue"] == where

    g.fails(1, "run", save(g, "far", job))
    assert "no such atlas" in g.ok("log", "P01/S1/a").out and f"reading {g.data}/P01/S1/" in g.ok("log", "last").out
    assert [(row["count"], row["tasks"][0]) for row in g.json("errors")] == [(1, g.json("ps", "--all")[0]["id"])]


def test_tries_count_what_was_tried(g):
    """N8: numbers of attempts that were only reserved when the engine was killed are no tries, though they are never used again."""
    for i in range(6):
        cohort.study(g.data, f"P{i}", "S1", convention=1, flair=False)
    path = save(g, "slow", bash("a", "sleep 0.3"))
    engine = g.start("run", path, "--slots", "1", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    runner.wait_for(lambda: " running " in g.run("ps").out, "a task runs")
    engine.kill()
    engine.wait()
    g.ok("run", "--resume")
    tasks = g.json("ps", "--all")
    assert [t["state"] for t in tasks] == ["done"] * 6 and [t["tries"] for t in tasks] == [1] * 6, tasks
    assert max(t["attempts"] for t in tasks) == 2, tasks


def test_references_by_level(g):
    """L1, L4, L8, K7, Q3: OLDEST, a variable, a tag and another subject as references of a study; Patient is refused at level
    study and means all studies at level subject; a reference that finds nothing says so."""
    for sid, value in (("20200101", 1), ("20210101", 2), ("20220101", 3)):
        cohort.study(g.data, "P01", sid, convention=1, value=value, flair=False)
    cohort.study(g.data, "ANALYSIS", "MNI", convention=1, value=9, flair=False)
    g.ok("scan")
    refs = {"f1": None, "f2": "OLDEST", "f3": "FIRST", "f4": "MNI", "f5": "LATEST"}
    args = {name: {"FILE": "T1w.nii.gz", **({"of": of} if of else {})} for name, of in refs.items()}
    path = save(g, "refs", bash("say", 'printf "%s\\n" "$f1" "$f2" "$f3" "$f4" "$f5" > "$o1"', o1={"OUT": "said.txt"}, **args),
        variables={"MNI": "ANALYSIS#MNI", "FIRST": "[selectionpatient]#OLDEST"})
    g.ok("run", path, "P01#20210101")
    said = [str(pathlib.Path(line).relative_to(g.data).parent) for line in (g.data / "P01/20210101/said.txt").read_text().split()]
    assert said == ["P01/20210101", "P01/20200101", "P01/20200101", "ANALYSIS/MNI", "P01/20220101"], said

    patient = bash("all", 'printf "%s\\n" "${f1[@]}" > "$o1"', f1={"FILE": "T1w.nii.gz", "of": "SUBJECT"}, o1={"OUT": "all.txt"})
    refused = g.fails(2, "run", save(g, "patient", patient))
    assert "argument 'f1' of job 'all': Patient is not usable at this level" in refused.err, refused
    patient["args"]["o1"]["OUT"] = "long/all.txt TAG(all)"
    later = bash("later", 'cp "$f1" "$o1"', f1={"FILE": "tag:all"}, o1={"OUT": "later.txt"})
    g.ok("run", save(g, "patient", patient, later, level="subject"), "P01")
    assert len((g.data / "P01" / "20200101" / "later.txt").read_text().split()) == 3
    assert ": 0 studies new, 0 gone" in g.ok("scan").out  # what a subject's job makes is no study

    names = bash("names", 'printf "%s|" "$s1" "$s2" "$s3" "$s4" "${s5[@]}" > "$o1"', s1={"SID": "OLDEST"}, s2={"ITERATOR": "SUBJECT"},
        s3={"ITERATOR": "STUDY"}, s4={"ENVIRONMENT": "DPXsid"}, s5={"VARARGIN": ["a b", "c"]}, o1={"OUT": "names.txt"})
    g.ok("run", save(g, "names", names), "P01#20210101")
    assert (g.data / "P01/20210101/names.txt").read_text() == "P01#20200101|P01|P01#20210101|20210101|a b|c|"

    lost = bash("lost", ":", f1={"FILE": "T1w.nii.gz", "of": "NOBODY#X"})
    g.run("run", save(g, "lost", lost), "P01#20210101")
    assert "nothing matches 'T1w.nii.gz' in NOBODY#X" in g.json("errors")[0]["example"]


def test_optional_files_wildcards_in_outputs_and_positions(g):
    """L1, L5, L10, M3, M8: an optional file that is not there is an empty value or list; a wildcard in OUT is refused; $1, $2
    are the FILE arguments in order; numbers and truth values arrive as such."""
    one = cohort.study(g.data, "P01", "S 1", convention=1)
    args = {"f1": {"FILE": "T1w.nii.gz"}, "f2": {"FILE": "nothing.nii", "optional": True}, "f10": {"FILE": "*.nii.gz"},
            "n1": {"NUMERIC": 2.5}, "b1": {"LOGICAL": True}, "s1": {"STRING": "x y"}}
    path = save(g, "opt",
        bash("sh", 'echo "${#f2[@]}" "${#f10[@]}" "$n1" "$b1" "$s1" "$(basename "$1")" "[$2]" "$(basename "$3")" > "$o1"',
            o1={"OUT": "sh.txt"}, **args),
        {"id": "py", "tool": "script.python", "args": {"o1": {"OUT": "py.txt"}, **args, "script":
            "import os\nprint($f2, len($f10), $n1 + 1, $b1, \"$s1!\", '[$s1]', os.path.basename($1), file=open('$o1', 'w'))"}},
        {"id": "m", "tool": "script.matlab", "args": {"o1": {"OUT": "m.txt"}, **args, "script":
            "f = fopen(output1, 'w'); fprintf(f, '%d %d %d %g %d %s', iscell(input1), numel(input2), numel(input3), n1, b1, s1);"}})
    g.ok("run", path)
    assert (one["folder"] / "sh.txt").read_text() == "0 2 2.5 1 x y T1w.nii.gz [] FLAIR.nii.gz\n"
    assert (one["folder"] / "py.txt").read_text() == "[] 2 3.5 True x y! [x y] T1w.nii.gz\n"
    assert (one["folder"] / "m.txt").read_text() == "1 0 2 2.5 1 x y"
    g.run("run", save(g, "wrong", {"id": "m", "tool": "script.matlab", "args": {"script": "x = 1;\nno_such_function(x)"}}))
    assert "exit 1: error: 'no_such_function' undefined" in g.json("errors")[0]["example"]  # not Octave's last words
    wild = g.fails(2, "run", save(g, "wild", bash("w", ":", o1={"OUT": "a*.nii"})))
    assert "an output takes no wildcards" in wild.err, wild


def test_modes_collect_success_and_the_end_of_a_run(g):
    """K4, K6, K9, L11, Q8: n-tasks:1 finishes an item before it begins another; a collecting job gets the files of all items
    that went well; a study tag on success; an unknown queue is refused; a command is told of the end of a failed run."""
    made = cohort.mixed(g.data, subjects=3, studies=1, odd=False, without_t1=(1,))
    told = g.base / "told.json"
    g.ok("config", "set", f"run_end_command=cat > '{told}.new' && mv '{told}.new' '{told}'", "slots=3")
    jobs = [{**bash("a", 'cp "$f1" "$o1"; sleep 0.1', f1={"FILE": ANY_T1}, o1={"OUT": "a.nii"}), "on_success": {"studytag": "seen"}},
            bash("b", 'stat -c %s "$f1" > "$o1"', f1={"FILE": "a.nii"}, o1={"OUT": "b.txt"}),
            {**bash("sum", 'cat "${f1[@]}" > "$o1"', f1={"FILE": "b.txt"}, o1={"OUT": "all.txt"}), "collect": True}]
    path = save(g, "modes", *jobs, options={"mode": "n-tasks:1"})
    plan = g.json("run", path, "--dry-run")["plan"]
    assert [row["job"] for row in plan] == ["a", "b", "a", "b", "a", "b", "sum"], plan
    assert plan[2]["note"].startswith(f"input 'f1' of {made[1]['psid']}: nothing matches"), plan[2]
    assert plan[1]["note"] == "reads what an earlier job of the batch makes", plan[1]
    outcome = g.run("run", path)
    assert "5 done, 1 failed, 1 blocked" in outcome.out, outcome
    order = [line.split()[2:4] for line in outcome.out.splitlines() if line.startswith("Completed")]
    assert [job for _, job in order] == ["a", "b", "a", "b", "a", "b", "sum"], order
    assert len((g.rec / "modes" / "all.txt").read_text().split()) == 2
    tagged = [row["name"] for row in g.ls("--level", "study") if "seen" in row["tags"]]
    assert sorted(tagged) == [made[0]["name"], made[2]["name"]], tagged
    for _ in range(100):
        if told.exists():
            break
        g.run("status")
    end = json.loads(told.read_text())
    assert end["state"] == "failed" and end["run"] == 1 and end["causes"][0]["count"] == 1 and end["tasks"]["done"] == 5, end

    refused = g.fails(2, "run", save(g, "q", {**jobs[0], "queue": "DPS"}))
    assert "job 'a': there is no queue 'DPS'" in refused.err, refused
    g.ok("config", "set", "queues=DPS:1")
    g.ok("run", save(g, "q", {**jobs[0], "queue": "DPS"}, options={"mode": "immediate"}), made[0]["psid"])
    for mode in ("per-subject", "split-ignore-dependencies"):
        assert g.run("run", save(g, "m", *jobs[:1]), "--mode", mode, made[0]["psid"]).rc == 0


APP = """#!/bin/sh
# As a BIDS App: bids_dir out_dir participant --participant-label X, then bids_dir out_dir group
set -e
test -f "$1/dataset_description.json"
mkdir -p "$2"
if [ "$3" = participant ]; then
    test "$4" = --participant-label && ls "$1/sub-$5" > /dev/null
    mkdir -p "$2/sub-$5"; find "$1/sub-$5" -name '*T1w.nii.gz' | wc -l > "$2/sub-$5/count.txt"; echo "$6" >> "$2/sub-$5/count.txt"
else
    cat "$2"/sub-*/count.txt > "$2/group.txt"
fi
"""


def program(g, name, text):
    path = g.base / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_bids_app_by_participant_then_group(g):
    """K7, B12: a BIDS App of our own on a BIDS tree: participants in parallel into one folder, the group once behind them; a
    folder that is no BIDS tree is refused; a missing program is told before anything starts."""
    made = cohort.bids(g.data, subjects=3, sessions=2)
    app = program(g, "app", APP)
    jobs = [{"id": "part", "tool": "bids-app", "args": {"program": str(app), "name": "our-app", "options": "--fast -x"}},
            {"id": "group", "tool": "bids-app", "collect": True, "args": {"program": str(app), "name": "our-app"}}]
    outcome = g.ok("run", save(g, "app", *jobs, level="subject"))
    assert "4 of 4 tasks completed" in outcome.out, outcome
    out = g.data / "derivatives" / "our-app"
    assert (out / "group.txt").read_text() == "2\n--fast\n2\n--fast\n1\n--fast\n", outcome
    assert (out / "sub-01.prov.json").exists() and len(made) == 5
    away = [{"id": "part", "tool": "bids-app", "args": {"program": str(app), "name": "../../elsewhere"}}]
    g.fails(1, "run", save(g, "away", *away, level="subject"))
    assert "is no name of a folder below derivatives" in g.ok("errors").out and not (g.base / "elsewhere").exists()
    jobs[0]["args"]["program"] = "no-such-app"
    assert "needs the program 'no-such-app', which is not on the PATH" in g.fails(2, "run", save(g, "app2", *jobs, level="subject")).err


def test_outputs_of_a_bids_tree_are_a_derivative_of_their_own(g):
    """B12, DESIGN 4: in a BIDS tree outputs go to derivatives/<batch>/sub-*/ses-*/ beside a dataset_description.json with
    GeneratedBy; the next job finds them by name and by tag; raw data are not touched; batches are copied, starred, grouped."""
    made = cohort.bids(g.data, subjects=2, sessions=2)
    before = files(g, "sub-*/**/*")
    path = save(g, "masks", bash("m", 'cp "$f1" "$o1"', f1={"FILE": "anat/*_T1w.nii.gz"}, o1={"OUT": "anat/mask.nii.gz TAG(m)"}),
        bash("n", 'stat -c %s "$f1" "$f2" > "$o1"', f1={"FILE": "tag:m"}, f2={"FILE": "anat/mask.nii.gz"}, o1={"OUT": "n.txt"}))
    g.ok("run", path)
    assert files(g, "sub-*/**/*") == before
    for one in made:
        assert (g.data / "derivatives/masks" / one["name"] / "n.txt").exists(), one
    about = json.loads((g.data / "derivatives/masks/dataset_description.json").read_text())
    assert about["DatasetType"] == "derivative" and about["GeneratedBy"][0]["Name"] == "gantry", about

    g.ok("batch", "save", path)
    g.ok("batch", "copy", "masks", "masks2")
    g.ok("batch", "star", "masks2")
    g.ok("batch", "group", "tomo-try", "ours")
    rows = g.json("batch", "ls")
    assert rows[0]["name"] == "masks2" and rows[0]["starred"], rows[0]
    assert [row["from"] for row in rows if row["group"] == "ours"] == ["shipped"]
    assert "already" in g.run("batch", "copy", "masks", "masks2").err


def test_setup_lines_and_containers(g):
    """K6, M8, DESIGN 4: set-up lines of the configuration, the batch and the job come before a script; a tool with an image
    runs through Apptainer or Docker (here programs that write down their arguments), and without both says what is missing."""
    cohort.study(g.data, "P01", "S1", convention=1)
    g.ok("config", "set", "setup=export A=config")
    script = bash("env", 'echo "$A $B" > "$o1"', o1={"OUT": "env.txt"})
    g.ok("run", save(g, "env", {**script, "setup": "export B=job"}))
    assert (g.data / "P01/S1/env.txt").read_text() == "config job\n"
    g.ok("config", "set", "setup=")

    tools = g.home / "tools"
    tools.mkdir()
    (tools / "imaged.json").write_text(json.dumps({"name": "imaged", "schema-version": "0.5", "tool-version": "1", "description": "x",
        "command-line": "only-inside [IN] [OUT]", "container-image": {"type": "docker", "image": "site/tool:1"},
        "inputs": [{"id": "in", "name": "in", "type": "File", "value-key": "[IN]"},
                   {"id": "out", "name": "out", "type": "String", "value-key": "[OUT]"}]}))
    path = save(g, "imaged", {"id": "x", "tool": "imaged", "args": {"in": {"FILE": "T1w.nii.gz"}, "out": {"OUT": "x.txt"}}})
    if not shutil.which("docker") and not shutil.which("apptainer"):
        assert "needs the program 'only-inside'" in g.fails(2, "run", path).err
    for runtime in ("docker", "apptainer"):
        program(g, runtime, '#!/bin/bash\nfor w; do :; done\nprintf "%s\\n" "$@" > "$w"\n')
        env = {"PATH": f"{g.base / 'bin'}:{g.env['PATH']}"}
        g.ok("run", path, env=env)
        words = (g.data / "P01/S1/x.txt").read_text().split("\n")
        bind = f"{g.data}:{g.data}"
        if runtime == "docker":
            assert words[:2] == ["run", "--rm"] and words[words.index("-v") + 1] == bind, words
            at = words.index("--entrypoint")
            assert words[at + 1:at + 3] == ["only-inside", "site/tool:1"], words
        else:
            assert words[:3] == ["exec", "--bind", bind] and "docker://site/tool:1" in words, words
            assert words[words.index("docker://site/tool:1") + 1] == "only-inside", words
        assert str(g.data / "P01/S1/T1w.nii.gz") in words
        (g.data / "P01/S1/x.txt").unlink()
    # a job of one's own in an image: the same script in another image is other work; steps that ship need none
    log = f'#!/bin/bash\nprintf "%s\\n" "$@" > "{g.base}/words"\nfor w; do [ "$w" = "$IMAGE" ] && break; shift; done; shift 2; exec "$@"\n'
    program(g, "apptainer", log)
    for image in ("docker://site/own:1", "docker://site/own:2"):
        job = {**bash("boxed", 'echo in > "$o1"', o1={"OUT": "boxed.txt"}), "container": image.removeprefix("docker://")}
        outcome = g.run("run", save(g, "boxed", job), env={**env, "IMAGE": image})
        assert image in (g.base / "words").read_text() and "cached" not in outcome.out, outcome
    step = {"id": "s", "tool": "image.stats", "args": {"image": {"FILE": "T1w.nii.gz"}}, "container": "x"}
    assert "need none" in g.fails(2, "run", save(g, "step", step)).err
    tagged = {**bash("t", "true"), "on_success": {"studytag": "qc ok"}}
    assert "one word without blanks" in g.fails(2, "run", save(g, "tagged", tagged)).err
    (g.base / "half.json").write_text('{"gantry": 1,')
    assert "half.json" in g.fails(2, "run", g.base / "half.json").err


def test_Q9_a_sandbox_of_what_a_job_may_read_write_and_not_see(g):
    """Q9: mounts_ro, mounts_rw and mounts_deny; the deeper path holds. Paths that are none are refused before a run."""
    if subprocess.run(["bwrap", "--dev-bind", "/", "/", "true"], check=False, capture_output=True).returncode:
        pytest.skip("bwrap cannot make a mount namespace here")
    cohort.study(g.data, "P01", "S1", convention=1)
    private, public = g.base / "private", g.base / "public"
    for folder in (private, public / "mine"):
        folder.mkdir(parents=True)
        (folder / "there").write_text("x")
    text = f"""ls -A '{private}' > "$o1"; touch '{public}/new' 2>> "$o1"; touch '{public}/mine/new' && echo written >> "$o1" """
    job = bash("box", text, o1={"OUT": "seen.txt"})
    rules = {"mounts_ro": [str(public)], "mounts_rw": [str(public / "mine")], "mounts_deny": [str(private)]}
    g.ok("run", save(g, "box", {**job, "sandbox": rules}))
    seen = (g.data / "P01/S1/seen.txt").read_text()
    assert "there" not in seen and "Read-only file system" in seen and seen.endswith("written\n"), seen
    assert (public / "mine/new").exists() and not (public / "new").exists()
    for bad in ("data", "/", "/data/..", "/data/../etc"):
        assert "no absolute path" in g.fails(2, "run", save(g, "bad", {**job, "sandbox": {"mounts_ro": [bad]}})).err
    job["args"]["script"] += "# other work"
    assert "which is not there" in g.fails(1, "run", save(g, "none", {**job, "sandbox": {"mounts_ro": ["/no/such"]}})).err


@pytest.mark.parametrize("out", ["a.nii TAG()", "a.nii TAG(a b)", "a.nii TAG(a/b)", "a.nii TAG(a) b", "a.nii TAG(a", "/abs.nii", "../x"])
def test_outputs_that_cannot_be_meant_are_refused(g, out):
    """L5, L6: a tag that is none, or a place outside the study, is refused before anything runs."""
    cohort.study(g.data, "P01", "S1")
    assert "argument 'o1' of job 'w'" in g.fails(2, "run", save(g, "w", bash("w", ":", o1={"OUT": out}))).err


def test_what_is_retried_is_collected_anew(g):
    """K6, L11: retrying the item that failed runs the collecting job again, with its file too; the end of each run is posted
    to run_end_url."""
    import http.server
    import threading

    made = cohort.mixed(g.data, subjects=3, studies=1, odd=False, flair=False)
    posted, flag = [], g.base / "flag"

    class Post(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    live = http.server.HTTPServer(("127.0.0.1", 0), Post)
    threading.Thread(target=live.serve_forever, daemon=True).start()
    if shutil.which("curl"):
        g.ok("config", "set", f"run_end_url=http://127.0.0.1:{live.server_port}/end")
    path = save(g, "again", bash("a", f'[ "$DPXpid" != {made[1]["pid"]} ] || [ -e "{flag}" ] && echo "$DPXpid" > "$o1"', o1={"OUT": "a.txt"}),
        {**bash("sum", 'cat "${f1[@]}" > "$o1"', f1={"FILE": "a.txt"}, o1={"OUT": "all.txt"}), "collect": True})
    assert g.run("run", path).rc == 1
    everything = g.rec / "again" / "all.txt"
    assert everything.read_text() == "P001\nP003\n"
    flag.touch()
    outcome = g.ok("retry", "last", "--failed")
    assert everything.read_text() == "P001\nP002\nP003\n", outcome
    if shutil.which("curl"):
        for _ in range(100):
            if len(posted) == 2:
                break
            g.run("status")
        assert [end["state"] for end in posted] == ["failed", "done"], posted
    live.shutdown()


def test_studies_are_named_alike_by_every_command(g):
    """DESIGN 3: run, validate, adopt and forget take subject selectors and folders of studies; one that finds nothing is said by
    name; an output that Gantry did not make is left alone until it is adopted."""
    cohort.mixed(g.data, subjects=2, studies=1, odd=False, flair=False)
    path = save(g, "note", bash("note", 'echo x > "$o1"', o1={"OUT": "note.txt"}))
    (g.data / "P001" / "S1" / "note.txt").write_text("mine\n")
    assert "note.txt' exists and was not made by Gantry" in g.fails(1, "run", path, "P001/S1").err
    assert "adopted: 1" in g.ok("adopt", "--batch", path, "P001#S1").out
    assert "1 cached" in g.ok("run", path, "id:" + str(g.json("ls", "P001")[0]["id"])).out
    assert (g.data / "P001" / "S1" / "note.txt").read_text() == "mine\n"
    for args in (("run", path, "P001", "nobody"), ("batch", "validate", path, "-s", "nobody"), ("adopt", "--batch", path, "nobody"),
                 ("forget", "-y", "--study", "nobody")):
        assert "no study answers to 'nobody'" in g.fails(3, *args).err
    assert "there is no job 'no' in batch 'note'" in g.fails(2, "batch", "validate", path, "--job", "no").err
    assert "--study" in g.fails(3, "tag", "add", "x", "P001#S1").err
    g.ok("forget", "-y", "--study", "P001#S1")
    assert [row["psid"] for row in g.ls()] == ["P002#20240302"]


def test_what_a_study_gave_before_it_failed_is_not_collected(g):
    """K6, L11: a script that was edited and now fails for one study leaves its old output where it lies, but out of the group's;
    whose failure was mended counts again."""
    cohort.mixed(g.data, subjects=3, studies=1, odd=False, flair=False)
    group = {**bash("group", 'cat "${f1[@]}" > "$o1"', f1={"FILE": "n.txt"}, o1={"OUT": "all.txt"}), "collect": True}
    one = bash("one", 'echo "$DPXpid old" > "$o1"', o1={"OUT": "n.txt"})
    g.ok("run", save(g, "set", one, group))
    one["args"]["script"] = 'test "$DPXpid" != P002 && echo "$DPXpid new" > "$o1"'
    g.run("run", save(g, "set", one, group))
    everyone = g.rec / "set" / "all.txt"
    assert everyone.read_text().split("\n") == ["P001 new", "P003 new", ""]
    one["args"]["script"] = 'test -n "$DPXpid" && echo "$DPXpid new" > "$o1"'
    g.ok("retry", "--failed", "--job", save(g, "set", one, group), "--cause", g.json("errors")[0]["id"])
    assert everyone.read_text().split("\n") == ["P001 new", "P002 new", "P003 new", ""]
    mended = g.json("ps", "--all")  # one task, and the group that stood behind another study before
    assert [(t["item"], t["job"]) for t in mended] == [("P002/20240302", "one"), ("P002/20240302", "group")], mended
