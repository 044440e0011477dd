"""`--switch` and `--effort`; ejection and want of memory, as the command line shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.cli_samples import Rext

RUN = ("--trace", "zipf:pages=500,accesses=5K", "--memory", "60p")
HOARD = "policy hoard;\nlist queue;\nhook folio_added(f) { queue.push_tail(f); }\nhook evict_folios(ctx) {\n}\n"


@pytest.fixture
def hoard(tmp_path: Path) -> str:
    (tmp_path / "hoard.rx").write_text(HOARD)
    return "hoard.rx"


def test_policies_change_at_an_access(rext: Rext) -> None:
    switched = rext("run", "fifo", *RUN, "--switch", "1000:clock", "--switch", "3000:detach", "--format", "json")
    assert switched.status == 0
    (row,) = switched.data["rows"]
    assert (row["accesses"], row["status"], row["switches"]) == (5000, "finished", "1000:clock; 3000:detach")
    plain = rext("run", "fifo", *RUN, "--format", "json").data["rows"][0]
    assert row["hits"] != plain["hits"] and "switches" not in plain
    assert "1000:clock" in rext("run", "fifo", *RUN, "--switch", "1000:clock").out


@pytest.mark.parametrize(
    ("switch", "error"),
    [
        ("1000", "must be ACCESS:POLICY"),
        ("clock:1000", "must be ACCESS:POLICY"),
        ("10:nothing", "unknown policy"),
        ("10:opt", "no policy that could be attached"),
        ("10:workers=clock", "there is no memcg `workers`"),
        ("10:clock:none=1", "has no param `none`"),
        ("1000", "switch `1000`: must be"),
    ],
)
def test_a_switch_that_makes_no_sense_is_bad_input(rext: Rext, switch: str, error: str) -> None:
    found = rext("run", "fifo", *RUN, "--switch", switch)
    assert found.status == 2 and found.out == ""
    assert error in found.err and found.err.count("\n") == 1


def test_a_switch_past_the_end_never_happened(rext: Rext) -> None:
    found = rext("run", "fifo", *RUN, "--switch", "5000:clock")
    assert found.status == 0 and "5000:clock never happened: the trace has 5,000 accesses" in found.out


def test_two_switches_at_one_access_are_refused(rext: Rext) -> None:
    found = rext("compare", "fifo", "clock", *RUN, "--switch", "9:clock", "--switch", "9:detach")
    assert (found.status, found.out) == (2, "")
    assert found.err == "rext: error: switch 9:detach: at this access there is already the switch 9:clock\n"


def test_too_many_samples_are_refused(rext: Rext) -> None:
    found = rext("run", "fifo", "--trace", "loop:pages=9,accesses=1100K", "--memory", "5p", "--sample-every", "1")
    assert found.status == 2 and "sample-every 1: makes 1,100,000 samples; the most is 1,000,000" in found.err


def test_the_optimum_has_no_switches(rext: Rext) -> None:
    found = rext("run", "opt", *RUN, "--switch", "9:clock")
    assert (found.status, found.out) == (2, "")
    assert "nothing can be attached in its place" in found.err
    assert rext("compare", "opt", "fifo", *RUN, "--switch", "9:clock").status == 0


def test_a_switch_to_a_policy_that_is_rejected(rext: Rext, policies: Path) -> None:
    found = rext("run", "fifo", *RUN, "--switch", "10:bad.rx")
    assert (found.status, found.out) == (1, "")
    assert "error[" in found.err


def test_an_ejection_names_hook_and_line(rext: Rext, hoard: str) -> None:
    found = rext("run", hoard, *RUN)
    assert found.status == 1
    for part in ("ejected before access ", "4 | hook evict_folios(ctx) {", "0 folios proposed", "queue 60", "5,000"):
        assert part in found.out
    data = rext("run", hoard, *RUN, "--format", "json")
    assert data.status == 1
    (row,) = data.data["rows"]
    assert (row["status"], row["accesses"]) == ("ejected", 5000)
    (ejection,) = row["ejections"]
    assert (ejection["hook"], ejection["line"], ejection["budget"]) == ("evict_folios", 4, 8 * 60 + 4096)
    assert ejection["resident"] == ejection["lists"]["queue"] == 60


def test_the_tick_can_be_set(rext: Rext, tmp_path: Path) -> None:
    policy = tmp_path / "tidy.rx"
    policy.write_text(
        "policy tidy; list queue; hook folio_added(f) { queue.push_tail(f); } hook tick(ctx) { ctx.reclaim(1); }"
        " hook evict_folios(ctx) { scan f in queue limit 32 { ctx.evict(f); } }"
    )
    reclaimed = [
        rext("run", str(policy), *RUN, "--tick", tick, "--format", "json").data["rows"][0]["pgsteal_proactive"]
        for tick in ("1ms", "10ms", "100s")
    ]
    assert reclaimed[0] > 5 * reclaimed[1] > 0 == reclaimed[2]
    refused = rext("run", str(policy), *RUN, "--tick", "10")
    assert refused.status == 2 and "write `100ns`" in refused.err
    assert rext("run", str(policy), *RUN, "--tick", "0").status == 2


def test_effort_can_be_set(rext: Rext, hoard: str) -> None:
    row = rext("run", hoard, *RUN, "--effort", "100", "--format", "json").data["rows"][0]
    assert row["ejections"][0]["budget"] == row["ejections"][0]["spent"] == 100 * 60 + 4096
    assert rext("run", hoard, *RUN, "--effort", "0").status == 2


def test_a_comparison_with_an_ejected_policy(rext: Rext, hoard: str, tmp_path: Path) -> None:
    found = rext("compare", hoard, "fifo", *RUN, "--report", "report.html")
    assert found.status == 1
    assert "hoard.rx on zipf:pages=500,accesses=5K with 60 pages: ejected before access " in found.out
    assert max(map(len, found.out.splitlines())) <= 100
    page = (tmp_path / "report.html").read_text()
    assert "<h2>Ejections</h2>" in page and "hoard.rx:4: hook evict_folios(ctx) {" in page


def test_memory_that_runs_out_is_said_so(rext: Rext) -> None:
    trace = ("--trace", "loop:pages=500,accesses=5K,anon=1", "--memory", "60p", "--swappiness", "0")
    found = rext("run", "builtin:lru", *trace)
    assert found.status == 1
    assert "oom: out of memory at access 60: of 60 resident folios none can be" in found.out
