"""Jobs and batches over studies and subjects (REQUIREMENTS J4, J5, J7, J8, K, L, M), on synthetic cohorts."""
import json
import pathlib
import random
import shutil

import cohort
import pytest

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
    """J5, J7, L2, L6, L9, L10, Q4: patterns of three sites side by side; what job one tags is job two's input; all studies
    are taken when none is named, those a selector finds when some are; a second time everything is cached, tags too."""
    made = cohort.mixed(g.data, subjects=4, studies=2)
    path = save(g, "thr",
        bash("mask", 'test "${f1:0:1}" = / && cp "$f1" "$o1"', f1={"FILE": ANY_T1}, o1={"OUT": "masks/t1.nii TAG(brainmask,auto)"}),
        {"id": "count", "tool": "script.python", "args": {"script": "import os\nopen($o1, 'w').write('%d' % os.path.getsize('$f1'))",
            "f1": {"FILE": "tag:brainmask"}, "o1": {"OUT": "n.txt"}}})
    first = g.ok("run", path)
    assert f"{2 * len(made)} of {2 * len(made)} tasks completed" in first.out, first
    for one in made:
        out = one["folder"] / "masks" / "t1.nii"
        assert out.read_bytes() == one["t1"].read_bytes(), one
        assert (one["folder"] / "n.txt").read_text() == str(out.stat().st_size)
    again = g.ok("run", path, "P001")
    assert "4 of 4 tasks completed" in again.out and "4 cached" in again.out, again
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
