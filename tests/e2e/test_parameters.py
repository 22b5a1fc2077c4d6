"""Parameters of tools are checked when something is launched or set, the same everywhere: exit 2, one line with the
parameter, the value and what it may be, and nothing is queued (DESIGN 3, 5; REQUIREMENTS B, C)."""
import pytest

import scans

SMALL = {"columns": 48, "rows": 4, "angles": 40}

WRONG = [
    (["nsino=-0.5"], ["nsino", "-0.5", "0 to 1"]),
    (["nsino=[0,1.5]"], ["nsino", "1.5", "0 to 1"]),
    (["start_row=3", "end_row=2"], ["start_row = 3", "end_row = 2"]),
    (["start_proj=9", "end_proj=9"], ["start_proj", "end_proj"]),
    (["blocked_views=abc"], ["blocked_views", "abc", "pairs"]),
    (["blocked_views=[2,1]"], ["blocked_views", "[2,1]"]),
    (["binning=1.5"], ["binning", "1.5", "whole number, 0 to 3"]),
    (["binning=9"], ["binning", "9", "0 to 3"]),
    (["fbp_filter=rampp"], ["fbp_filter", "rampp", "parzen"]),
    (["minus_log=perhaps"], ["minus_log", "perhaps", "True"]),
    (["center_search_step=abc"], ["center_search_step", "abc", "number"]),
    (["keep_try=x"], ["keep_try", "'x'", "all"]),
    (["remove_stripe_method=fw"], ["remove_stripe_method = fw", "not built yet"]),
    (["reconstruction_algorithm=lprec"], ["lprec", "not built yet"]),
    (["dezinger=3"], ["dezinger = 3", "not built yet"]),
    (["fbp_filtre=shepp"], ["fbp_filtre"]),
]


def told(outcome, words):
    lines = [line for line in outcome.err.splitlines() if words[0] in line]
    assert len(lines) == 1 and all(word in lines[0] for word in words), outcome


@pytest.mark.parametrize("pairs, words", WRONG)
def test_what_cannot_be_is_refused_everywhere(g, pairs, words):
    scans.write(g.data / "s_1.h5", **SMALL)
    flags = [word for pair in pairs for word in ("--set", pair)]
    told(g.fails(2, "run", "tomo-ai-reco", *flags), words)
    assert g.json("status") == []
    told(g.fails(2, "set", *pairs, "s_1.h5"), words)
    assert g.row("s_1.h5")["params"] == {}
    flags = [word for pair in pairs for word in ("--" + pair.split("=")[0].replace("_", "-"), pair.split("=")[1])]
    if words[0] != "keep_try":  # there the search is not a step of its own
        g.fails(2, "recon", "--file-name", g.data / "s_1.h5", "--rotation-axis", "24", *flags)


def test_a_batch_is_checked_when_it_is_saved(g):
    jobs = {"id": "full", "tool": "recon.full", "args": {"start_row": 3, "end_row": 2}}
    with pytest.raises(AssertionError, match="start_row = 3"):
        g.batch("b", jobs)


def test_a_retry_is_checked_with_what_the_task_has(g):
    scans.write(g.data / "s_1.h5", **SMALL)
    g.ok("run", "tomo-full", "--cor", "24", "--set", "start_row=2")
    told(g.fails(2, "retry", "s_1/full", "--set", "end_row=1"), ["start_row = 2", "end_row = 1", "s_1.h5"])
    told(g.fails(2, "retry", "s_1/full", "--set", "nsino=-1"), ["nsino"])
    assert g.states() == {"s_1/full": "done"}
    g.ok("retry", "s_1/full", "--set", "end_row=3")


def test_an_items_own_parameters_count_too(g):
    for index in (1, 2):
        scans.write(g.data / f"s_{index}.h5", **SMALL)
    g.ok("set", "start_row=2", "s_2.h5")
    told(g.fails(2, "set", "end_row=1", "s_2.h5"), ["start_row = 2", "end_row = 1"])
    told(g.fails(2, "run", "tomo-full", "--cor", "24", "--set", "end_row=2"), ["start_row = 2", "s_2.h5"])
    assert g.json("status") == []
    g.ok("run", "tomo-full", "s_1.h5", "--cor", "24", "--set", "end_row=2")


def test_off_is_no_refusal(g):
    """Scripts that spell out every tomocupy flag go on working."""
    scans.write(g.data / "s_1.h5", **SMALL)
    g.ok("run", "tomo-full", "--cor", "24", "--set", "remove_stripe_method=none", "--set", "dezinger=0")
