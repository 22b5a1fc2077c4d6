"""Filter bars, selectors and the command `nora`, as scripts of NORA's users call it (REQUIREMENTS Q1-Q7, Q10, M6), on synthetic
cohorts."""
import csv
import io
import json
import pathlib
import shutil
import subprocess
import tempfile
import time

import chest
import cohort
import pytest
import runner


def calls(g):
    """g.nora(...): the same program called by the name nora, the project told by $DPXproject."""
    link = g.base / "nora"
    link.symlink_to(pathlib.Path(g.program).resolve())

    def nora(*words, status=0, project="P", **env):
        done = subprocess.run([str(link), *map(str, words)], cwd=g.base, text=True, capture_output=True, timeout=runner.HANG,
            env={**g.env, **({"DPXproject": project} if project else {}), **env})
        assert done.returncode == status, (words, done)
        return done
    g.nora = nora
    g.lines = lambda *words, **how: nora(*words, **how).stdout.splitlines()
    return g


@pytest.fixture(scope="module")
def n(program):
    """Six subjects with two studies each, every study with a mask; the tests only read it or undo what they change."""
    base = tempfile.mkdtemp(prefix="gantry-e2e-")
    g = calls(runner.Gantry(program, base))
    g.made = cohort.mixed(g.data, subjects=6, studies=2, mask=True)
    g.ok("init", ".", "--name", "P")
    g.ok("scan")
    yield g
    g.kill_all()
    shutil.rmtree(base, ignore_errors=True)


def by_pid(n, start):
    return sorted((one for one in n.made if one["pid"].startswith(start)), key=lambda one: one["name"])


def test_paths_as_in_the_manual(n):
    """Q3, Q4, Q5, Q7, L2, L3: `nora -p PROJECT -s '10*' 'ROIS/mask*.nii.gz'`, unions, quotes, modifiers, one path a line; the
    same grammar for `gantry ls -s`."""
    masks = [str(one["mask"]) for one in by_pid(n, "P00")]
    assert n.lines("-p", "P", "-s", "P00*", "ROIS/mask*.nii.gz", project=None) == masks
    assert n.ok("ls", "-s", "P00*", "ROIS/mask*.nii.gz").out.splitlines() == masks
    assert n.lines("-s", "P00* ROIS/mask*.nii.gz") == masks  # one word for both
    t1 = [str(one["t1"]) for one in by_pid(n, "P00")]
    assert n.lines("--select", "P00*", " ".join(cohort.PATTERNS)) == t1
    assert n.lines("-s", "P00*", *cohort.PATTERNS) == t1
    assert n.lines("-s", "P001#S1", "*/*.nii.gz SORTDESC NTH(1)") == [t1[0]]
    assert n.lines("-s", "P001#S1", "*/*.nii.gz", "NTH(-1)") == [t1[0]]
    assert n.lines("-s", "P002#LATEST", "ROIS/*") == n.lines("-s", "P002#OLDEST1", "ROIS/*") == [str(by_pid(n, "P002")[1]["mask"])]
    assert n.lines("-s", t1[3]) == [t1[3]]  # one absolute path
    assert n.lines("-s", "P 07 (pilot)#S1") == ["P 07 (pilot)#S1"]
    assert n.lines("-s", "100%_x") == [one["psid"] for one in by_pid(n, "100%_x")]
    assert len(n.lines("-s", "*")) == len(n.made)
    none = n.nora("-s", "P001", "nothing*")
    assert none.stdout == "" and "nothing matches" in none.stderr
    n.fails(3, "ls", "-s", "P001", "nothing*")


def test_json_forms(n):
    """Q7: --json, --byfilename (per study, then per file name), [info]."""
    rows = json.loads(n.nora("-s", "P00*", "ROIS/mask*", "--json").stdout)
    assert [row["path"] for row in rows] == [str(one["mask"]) for one in by_pid(n, "P00")]
    assert {"psid", "pid", "sid", "sub", "name", "tags", "size"} <= set(rows[0])
    grouped = json.loads(n.nora("--json", "--byfilename", "-s", "P001", "T1w.nii.gz ROIS/* t1*/*").stdout)
    assert list(grouped) == ["P001#S1", "P001#S2"]
    assert grouped["P001#S2"]["T1w.nii.gz"][0]["path"] == str(by_pid(n, "P001")[1]["t1"])
    assert set(grouped["P001#S1"]) == {"mask_brain.nii.gz", "s003.nii.gz"}
    (info,) = json.loads(n.nora("-j", "-s", "P001#S1", "[info]").stdout)
    assert info["psid"] == "P001#S1" and info["files"] == 3 and info["path"] == str(by_pid(n, "P001")[0]["folder"])
    assert n.nora("--json", "-s", "nobody", "*/*").stdout == "[]\n"
    assert json.loads(n.nora("--projectlist", "-j").stdout)[0]["root"] == str(n.data)
    assert n.lines("--projectlist", project=None) == ["P"]


def test_dicom_comes_in_as_nifti(g):
    """Q7: --import and --batchimport convert the series into SUBJECT/STUDY and tag the studies that come; a second time nothing is
    written; what is no DICOM is said and does not stop the rest."""
    calls(g)
    g.ok("init", ".", "--name", "P", "--layout", "{subject}/{study}")
    inbox = g.base / "in"
    inbox.mkdir()
    chest.write_zip(g.base / "one.zip", slices=4, columns=32)
    chest.write_zip(inbox / "P2#CT2021.zip", seed=2, slices=4, columns=32)
    (inbox / "P3").mkdir()
    (inbox / "P3" / "notes.txt").write_text("no DICOM")
    first = g.nora("--import", g.base / "one.zip", "--patients_id", "P1", "--addtag_study", "new,ct", "--addtag_patient", "cohortA")
    out = g.data / "P1" / "S1" / "Chest_phantom_1.0_Lung" / "s002.nii.gz"
    assert first.stdout.splitlines()[0] == str(out) and out.exists() and out.with_name("s002.json").exists()
    assert g.lines("-s", "stag:ct", "chest*/s0__.nii.gz") == g.lines("-s", "ptag:cohortA", "*/*.nii.gz") == [str(out)]
    assert "0 series imported, 1 were there" in g.nora("--import", g.base / "one.zip", "--patients_id", "P1").stdout
    many = g.nora("--batchimport", inbox, "--addtag_study", "new", status=1)
    assert "P3" in many.stderr and g.lines("-s", "stag:new") == ["P1#S1", "P2#CT2021"]
    assert "--patients_id" in g.nora("--import", g.base / "one.zip", status=2).stderr
    assert "folder" in g.nora("--import", g.base / "one.zip", "--patients_id", "../x", status=2).stderr


def test_what_is_refused_says_the_way(n):
    """Q3, Q7: SQL is refused by name; what is done another way names it; a project must be known."""
    for words in (["-s", "SQL:1=1", "*"], ["--sql", "select 1"]):
        assert "SQL" in n.nora(*words, status=2).stderr
    assert "gantry scan --watch" in n.nora("--watch", status=2).stderr
    assert "gantry user" in n.nora("--createSQLuser", "P", status=2).stderr
    assert "--addtag" in n.nora("--addtags", "x", status=2).stderr
    assert "NTH" in n.nora("-s", "*", "a NTH(0)", status=2).stderr
    assert "Q" in n.nora("-p", "Q", "-s", "*", status=3).stderr
    assert "usage" in n.nora("--help").stdout


def test_tags_in_three_domains(n):
    """Q6, Q7: exact members; file, study and patient tags by nora, found by selectors; --tagstats."""
    assert "6 of 6 files" in n.nora("--addtag", "qc_ok,reviewed", "-s", "P00*", "ROIS/*.nii.gz").stdout
    assert "2 of 2 files" in n.nora("--rmtag", "reviewed", "-s", "P001", "ROIS/*.nii.gz").stdout
    assert len(n.lines("-s", "*", "tag:qc_ok")) == 6 and len(n.lines("-s", "*", "ftag:reviewed")) == 4
    assert n.lines("-s", "*", "tag:qc") == n.lines("-s", "*", "tag:qcxok") == []
    n.nora("--addtag_study", "baseline", "P001#S1", "P002#OLDEST")
    n.nora("--addtag_patient", "training,mr", "P001")
    assert n.lines("-s", "stag:baseline") == n.lines("-s", "#tag:baseline") == ["P001#S1", "P002#20240302"]
    assert n.lines("-s", "P001#tag:baseline") == ["P001#S1"]
    assert n.lines("-s", "ptag:training") == n.lines("-s", "tag:mr") == ["P001#S1", "P001#S2"]
    assert len(n.lines("-s", "notstag:baseline")) == len(n.lines("-s", "notptag:mr")) == len(n.made) - 2
    assert n.lines("-s", "PIDLIST:P001") == n.lines("-s", "PSIDLIST:P001#S1,P001#S2")
    assert json.loads(n.nora("--tagstats", "--json").stdout) == {
        "file": {"qc_ok": 6, "reviewed": 4}, "study": {"baseline": 2}, "patient": {"mr": 1, "training": 1}}
    assert "file\tqc_ok\t6" in n.lines("--tagstats")
    n.nora("--rmtag", "qc_ok,reviewed", "-s", "*", "ROIS/*")
    n.nora("--rmtag_study", "baseline", "*")
    n.nora("--rmtag_patient", "training,mr", "*")
    assert n.lines("--tagstats") == []
    n.nora("--addtag", "x", "-s", "P001", "nothing", status=3)
    n.nora("--addtag", "a/b", "-s", "P001", "ROIS/*", status=2)


def test_files_in_and_out_of_the_catalog(n):
    """Q7: --out and --pathout say where output goes; --add takes a file in, with a tag; --del takes its row off and leaves the
    file."""
    folder = by_pid(n, "P001")[0]["folder"]
    path = folder / "RESULTS" / "mask.nii.gz"
    assert n.lines("--out", "P001#S1", "RESULTS/mask.nii.gz") == [str(path)]
    assert n.lines("-pa", "P001", "RESULTS") == [str(one["folder"] / "RESULTS") for one in by_pid(n, "P001")]
    path.parent.mkdir()
    path.write_bytes(b"x")
    assert n.lines("-s", "P001#S1", "RESULTS/*") == []
    n.nora("-a", path, "--addtag", "made")
    assert n.lines("-s", "*", "tag:made") == [str(path)]
    n.nora("-d", path)
    assert n.lines("-s", "P001#S1", "RESULTS/*") == [] and path.exists()
    assert "no file of a study" in n.nora("-a", n.base / "elsewhere", status=1).stderr
    shutil.rmtree(path.parent)


def test_filter_bars(n):
    """Q1, Q2: blank is OR, & is AND and binds tighter, a wildcard at the end; attributes; two bars are joined by AND."""
    def found(*bars, level="study"):
        return [row["psid"] if level == "study" else row["name"]
            for row in n.ls("--level", level, *[word for bar in bars for word in ("--filter", bar)])]
    n.nora("--addtag_study", "qc_ok", "P001#S1", "P002")
    n.nora("--addtag_patient", "training", "P003")
    n.nora("--addtag", "seen", "-s", "P003#S2", "ROIS/*")
    assert found("P001 P003") == ["P001#S1", "P001#S2", "P003#S1", "P003#S2"]
    assert found("P00&S1 STAG:qc&P002") == ["P001#S1", "P002#20240302", "P002#20240402", "P003#S1"]
    assert found("STAG:qc", "S1") == ["P001#S1"] and found("PTAG:tr") == ["P003#S1", "P003#S2"]
    assert found("FTAG:seen") == ["P003#S2"] and found("'P 07 (p'") == ["P 07 (pilot)#S1", "P 07 (pilot)#S2"]
    assert found("FTAG:seen STAG:qc", level="subject") == ["P001", "P002", "P003"]
    n.fails(3, "ls", "--level", "study", "--filter", "JOB:e")
    n.nora("--rmtag_study", "qc_ok", "*")
    n.nora("--rmtag_patient", "training", "*")
    n.nora("--rmtag", "seen", "-s", "*", "ROIS/*")


def table(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_metadata_as_csv(n):
    """Q7: --exportmeta with keys of JSON side-cars (wildcards, dots), nodeinfo.json, subjects from a file; --importcsv."""
    for one in by_pid(n, "P00"):
        side = one["folder"] / "META" / "radio.json"
        side.parent.mkdir()
        side.write_text(json.dumps({"lesion": {"mask": {"volume": one["value"], "diameter": [1, 2.5]}, "by": "A, \"B\""}}))
        n.nora("-a", side)
    rows = table(n.nora("--exportmeta", "P00*", "META/radio*.json", "--keys", "*.mask.volume,*.diameter").stdout)
    assert [(row["PSID"], row["lesion.mask.volume"]) for row in rows] == [(one["psid"], str(one["value"])) for one in by_pid(n, "P00")]
    assert rows[0]["lesion.mask.diameter"] == "1 2.5" and rows[0]["file"] == "META/radio.json" and len(rows[0]) == 6
    full = table(n.nora("--exportmeta", "P001", "META/*.json", "--keys", "*.by", "--header_type", "full").stdout)
    assert full[0]["META/radio.json:lesion.by"] == 'A, "B"'
    people = n.base / "people.csv"
    people.write_text("who,age,site\nP001,44,Bern\nP002,51,Basel\n")
    n.nora("--importcsv", people, "who")
    (n.base / "list.txt").write_text("P001#S1\nP002#20240302\n")
    rows = table(n.nora("--exportmeta", f"file:{n.base}/list.txt", "nodeinfo.json", "--keys", "PatientID age site").stdout)
    assert [(row["PatientID"], row["age"], row["site"]) for row in rows] == [("P001", "44", "Bern"), ("P002", "51", "Basel")]
    (by_pid(n, "P001")[0]["folder"] / "META" / "radio.json").write_text("{")
    bad = n.nora("--exportmeta", "P001", "META/*.json", "--keys", "*", status=1)
    assert len(table(bad.stdout)) == 1 and "radio.json" in bad.stderr
    for one in by_pid(n, "P00"):
        shutil.rmtree(one["folder"] / "META")


def test_a_bids_tree(g):
    """Q4, Q7, J2: a selector means the data, and derivatives where the data have no match; --out stands below derivatives; side-cars
    and participants.tsv as tables; the subject without sessions is PID#."""
    calls(g)
    made = cohort.bids(g.data, subjects=2, sessions=2)
    g.ok("init", ".", "--name", "P")
    for one in made:
        out = g.data / "derivatives" / "prep" / one["name"] / "anat"
        out.mkdir(parents=True)
        (out / "copy_T1w.nii.gz").write_bytes(b"x")
    g.ok("scan")
    copies = [str(g.data / "derivatives" / "prep" / one["name"] / "anat" / "copy_T1w.nii.gz") for one in made]
    assert g.lines("-s", "*") == [one["psid"] for one in made] == ["sub-01#ses-1", "sub-01#ses-2", "sub-02#"]
    assert g.lines("-s", "*", "anat/*_T1w.nii.gz") == [str(one["t1"]) for one in made]
    assert g.lines("-s", "*", "anat/copy*") == g.lines("-s", "*", "derivatives/prep/anat/*") == copies
    assert g.lines("--addtag", "x", "-s", "sub-01#ses-1", copies[0]) == ["1 of 1 files changed"]
    assert g.lines("-s", "sub-01#LATEST1", "tag:x") == copies[:1]
    assert g.lines("-o", "sub-02#", "a/b.nii") == [str(g.data / "derivatives" / "nora" / "sub-02" / "a" / "b.nii")]
    rows = table(g.nora("--exportmeta", "*", "anat/*_T1w.json", "--keys", "Echo*").stdout)
    assert [row["EchoTime"] for row in rows] == ["0.003"] * 3
    rows = table(g.nora("--exportmeta", "*", "nodeinfo.json", "--keys", "PatientID,age").stdout)
    assert [(row["PatientID"], row["age"]) for row in rows] == [(one["pid"], str(one["age"])) for one in made]


def settled(g):
    """States of the newest run's tasks, once none is left to do."""
    until = time.monotonic() + runner.HANG
    while time.monotonic() < until:
        states = [task["state"] for task in g.tasks()]
        if not set(states) & {"waiting", "ready", "running"}:
            return states
        time.sleep(0.05)
    raise AssertionError(states)


def job(script):
    return {"id": "t", "tool": "script.bash", "args": {"script": script, "f1": {"FILE": "ROIS/mask*.nii.gz"},
        "o1": {"OUT": "out/copy.nii.gz TAG(declared)"}}}


def test_within_jobs(g):
    """M6, Q7, Q10: the manual's lines run as written in a job; what a job is still writing is tagged when it is published, and
    not when the job fails; nora --launch, --launchfile and --launch_autoexec start runs."""
    calls(g)
    made = cohort.mixed(g.data, subjects=3, studies=1, mask=True, odd=False)
    script = ('set -e\ncase "$(command -v nora)" in */job-bin/nora|*/gantry-jobs/nora) ;; *) exit 9;; esac\n'
              'nora -a $1 --addtag mytagname\n'
              'nora --addtag second -s "$DPXpsid" "$f1"\n'
              'test "$(nora -s "$DPXpsid" "ROIS/*")" = "$f1"\n'
              'test "$(nora --out "$DPXpid#$DPXsid" a)" = "$(dirname "$(dirname "$f1")")/a"\n'
              'cp "$f1" "$o1"\nnora -a "$o1" --addtag made\nnora --addtag later -s "$DPXpsid" "$o1"\n')
    g.batch("tagger", job(script), level="study")
    g.batch("broken", job('cp "$f1" "$o1"; nora -a "$o1" --addtag never; exit 3'), level="study")
    g.ok("init", ".", "--name", "P", "--autoexec", "tagger")
    g.ok("run", "tagger", "-s", f"PSIDLIST:{made[0]['psid']}", "-s", f"PSIDLIST:{made[1]['psid']}")
    masks = [str(one["mask"]) for one in made]
    assert g.lines("-s", "*", "tag:mytagname") == g.lines("-s", "*", "tag:second") == masks[:2]
    copies = [str(one["folder"] / "out" / "copy.nii.gz") for one in made]
    for tag in ("made", "later", "declared"):
        assert g.lines("-s", "*", f"tag:{tag}") == copies[:2], tag
    g.run("run", "broken", "-s", f"PSIDLIST:{made[2]['psid']}")
    assert g.lines("-s", "*", "tag:never") == []
    assert [row["psid"] for row in g.ls("--level", "study", "--filter", "JOB:e")] == [made[2]["psid"]]  # Q2
    assert len(g.ls("--level", "study", "--filter", "JOB:d")) == 2
    wanted = {"batch": "tagger", "select": f"PSIDLIST:{made[2]['psid']}"}
    g.nora("--launch", json.dumps(wanted))
    assert settled(g) == ["done"]
    assert g.lines("-s", "*", "tag:made") == copies
    (g.base / "launch.json").write_text(json.dumps(wanted))
    g.nora("--launchfile", g.base / "launch.json")
    assert settled(g) == ["cached"]
    g.nora("--launch_autoexec", made[0]["psid"])
    assert settled(g) == ["cached"]
    assert "select" in g.nora("--launch", '{"bach": 1}', status=2).stderr
    g.fails(2, "run", "tomo-try", "-s", "*")
