"""`--scenario` of `rext run` and `rext compare`."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from cli_samples import GOOD, Rext

SCENARIO = """\
description = "two tenants"
[[node]]
name = "dram"
memory = "400p"
[[memcg]]
name = "apps/db"
low = "100p"
[[memcg]]
name = "apps/batch"
max = "50%"
policy = "mine.rx:rounds=3"
[[swap]]
kind = "zram"
[[task]]
name = "db"
trace = "zipf:pages=300,accesses=20K,anon=0.5,mapped=0.5"
memcg = "apps/db"
[[task]]
name = "batch"
trace = "loop:pages=500,accesses=2K"
memcg = "apps/batch"
"""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    """A scenario in a directory of its own, with a policy beside it."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir" / "two.toml").write_text(SCENARIO)
    (tmp_path / "dir" / "mine.rx").write_text(GOOD)
    return "dir/two.toml"


def test_run_reports_memcgs_tasks_nodes_and_counters(rext: Rext, scenario: str) -> None:
    outcome = rext("run", "builtin:lru", "--scenario", scenario)
    assert (outcome.status, outcome.err) == (0, "")
    assert "dir/two.toml: 2 tasks, 22,000 accesses" in outcome.out and "two tenants" in outcome.out
    for text in ("apps/db", "mine.rx:rounds=3", "batch", "dram", "pgscan_kswapd", "finished", "PSI some"):
        assert text in outcome.out
    assert "\033" not in outcome.out


def test_run_as_json(rext: Rext, scenario: str) -> None:
    data = rext("run", "builtin:lru", "--scenario", scenario, "--format", "json").data
    assert data["scenario"]["accesses"] == 22_000
    memcgs = {row["memcg"]: row for row in data["rows"] if not row["task"]}
    tasks = {row["task"]: row for row in data["rows"] if row["task"]}
    assert list(memcgs) == ["/", "apps", "apps/db", "apps/batch"] and list(tasks) == ["db", "batch"]
    whole = memcgs["/"]
    expected = (
        "policy trace model memory_pages accesses hits misses evictions refaults scanned cpu_s accesses_per_cpu_s"
    )
    assert {*expected.split(), "pgscan_kswapd", "time_ns", "psi_some_ns", "latency_p99_ns"} <= set(whole)
    assert whole["hits"] + whole["misses"] == whole["accesses"] == 22_000
    for name in ("accesses", "hits", "misses", "evictions", "scanned", "used_pages", "swap_pages", "pswpout"):
        assert memcgs["apps"][name] == memcgs["apps/db"][name] + memcgs["apps/batch"][name] == whole[name]
    assert (memcgs["apps/batch"]["policy_of_memcg"], whole["policy"]) == ("dir/mine.rx:rounds=3", "builtin:lru")
    assert sum(task["hits"] for task in tasks.values()) == whole["hits"]
    assert data["nodes"][0]["used_pages"] == whole["used_pages"]
    assert data["environment"]


def test_compare_has_policies_side_by_side_in_the_order_asked_for(rext: Rext, scenario: str) -> None:
    policies = ("fifo", "builtin:lru", "clock")
    text = rext("compare", *policies, "--scenario", scenario)
    assert text.status == 0
    assert "whole machine" in text.out and "memcg apps/db" in text.out and "task batch" in text.out
    data = rext("compare", *policies, "--scenario", scenario, "--format", "json", "--jobs", "2").data
    assert [row["policy"] for row in data["rows"] if row["memcg"] == "/"] == list(policies)
    assert {row["policy_of_memcg"] for row in data["rows"] if row["memcg"] == "apps/batch"} == {"dir/mine.rx:rounds=3"}


def test_memory_is_that_of_the_first_node(rext: Rext, scenario: str) -> None:
    arguments = ("compare", "fifo", "--scenario", scenario, "--memory", "300p,50%", "--format", "json")
    rows = [row for row in rext(*arguments).data["rows"] if row["memcg"] == "/"]
    assert [row["memory_pages"] for row in rows] == [300, 400]
    assert rows[0]["misses"] >= rows[1]["misses"]


def test_csv_and_limit(rext: Rext, scenario: str) -> None:
    outcome = rext("run", "fifo", "--scenario", scenario, "--limit", "500", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert len(rows) == 4 + 2
    assert rows[0]["memcg"] == "/" and rows[0]["accesses"] == "1000"


def test_policies_are_switched_by_memcg(rext: Rext, scenario: str) -> None:
    switch = ("--switch", "900:apps/db=builtin:lru")
    plain = rext("run", "fifo", "--scenario", scenario, "--format", "json").data["rows"]
    switched = rext("run", "fifo", "--scenario", scenario, *switch, "--format", "json").data["rows"]
    assert plain[2]["hits"] != switched[2]["hits"]
    assert plain[0]["accesses"] == switched[0]["accesses"]


def test_an_ejected_policy_gives_status_1(rext: Rext, scenario: str) -> None:
    Path("hoard.rx").write_text(
        "policy hoard;\nlist all;\nhook folio_added(f) { all.push_tail(f); }\nhook evict_folios(c) { }\n"
    )
    Path("limited.toml").write_text(
        SCENARIO.replace('low = "100p"', 'max = "100p"').replace("mine.rx:rounds=3", "fifo")
    )
    outcome = rext("run", "hoard.rx", "--scenario", "limited.toml")
    assert outcome.status == 1
    assert "status      ejected from memcg apps/db before access " in outcome.out
    assert "hoard.rx was ejected from memcg apps/db: it proposed no folio in" in outcome.out
    assert "4 | hook evict_folios(c) { }" in outcome.out
    compared = rext("compare", "hoard.rx", "fifo", "--scenario", "limited.toml").out
    assert "hoard.rx: ejected from memcg apps/db before access" in compared
    assert max(map(len, (outcome.out + compared).splitlines())) <= 100


def test_policies_that_the_scenario_fixes_are_shown(rext: Rext, scenario: str) -> None:
    text = rext("compare", "fifo", "builtin:lru", "--scenario", scenario).out
    assert "policy fixed by the scenario: apps/batch dir/mine.rx:rounds=3\n" in text
    assert "memcg apps/batch: policy fixed by the scenario, dir/mine.rx:rounds=3\ncompared " in text
    assert "memcg apps/db\npolicy " in text
    lines = [line.split() for line in rext("run", "fifo", "--scenario", scenario).out.splitlines()]
    shown = [[line[0], line[2]] for line in lines if len(line) > 2 and line[0].startswith("apps/")]
    assert shown[:2] == [["apps/db", "fifo"], ["apps/batch", "dir/mine.rx:rounds=3"]]


def test_a_policy_that_did_not_run_is_not_said_to_have(rext: Rext) -> None:
    Path("fixed.toml").write_text(
        SCENARIO.replace("mine.rx:rounds=3", "fifo").replace('low = "100p"', 'policy = "clock"')
    )
    none = "the scenario fixes the policies of all memcgs with tasks: no other policy ran"
    assert none in rext("compare", "sieve", "builtin:lru", "--scenario", "fixed.toml").out
    found = rext("run", "sieve", "--scenario", "fixed.toml").out
    assert none in found and "policy      sieve (did not run)" in found


def test_a_switch_of_a_scenario_is_reported(rext: Rext, scenario: str) -> None:
    switches = ("--switch", "900:apps/db=clock", "--switch", "99999:apps/db=fifo")
    found = rext("run", "fifo", "--scenario", scenario, *switches)
    assert "memcg apps/db got clock before access 900" in found.out
    assert "switch 99999:apps/db=fifo never happened: the tasks have 22,000 accesses" in found.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "--trace and --memory: must be given, unless --scenario is"),
        (("--trace", "loop"), "--memory: must be given, unless --scenario is"),
        (("--scenario", "none.toml"), "none.toml: cannot be read: No such file or directory"),
        (("--scenario", "dir/two.toml", "--trace", "loop"), "--trace and --scenario do not go together"),
        (("--scenario", "dir/two.toml", "--swappiness", "3"), "--swappiness and --scenario do not go together"),
        (("--scenario", "dir/two.toml", "--model", "ideal"), "--model and --scenario do not go together"),
        (("--scenario", "dir/two.toml", "--memory", "300p,400p"), "`run` takes one size"),
        (("--scenario", "dir/two.toml", "--memory", "3"), "has no unit"),
        (("--scenario", "dir/two.toml", "--memory", "20p"), "too few for the kernel's watermarks"),
        (("--scenario", "dir/two.toml", "--switch", "9:nobody=fifo"), "there is no memcg `nobody`"),
        (("--scenario", "dir/two.toml", "--switch", "foo"), "switch `foo`: must be ACCESS:POLICY"),
    ],
)
def test_bad_arguments(rext: Rext, scenario: str, arguments: tuple[str, ...], says: str) -> None:
    outcome = rext("run", "fifo", *arguments)
    assert outcome.status == 2 and outcome.out == ""
    assert outcome.err.startswith("rext: error: ") and outcome.err.count("\n") == 1
    assert says in outcome.err


def test_the_optimum_is_not_for_scenarios(rext: Rext, scenario: str) -> None:
    outcome = rext("compare", "fifo", "opt", "--scenario", scenario)
    assert outcome.status == 2 and "there is none for a scenario" in outcome.err


def test_a_file_with_mistakes_is_refused_in_one_line(rext: Rext) -> None:
    Path("bad.toml").write_text(SCENARIO.replace("low =", "lwo ="))
    outcome = rext("run", "fifo", "--scenario", "bad.toml")
    assert outcome.status == 2
    assert outcome.err == ("rext: error: bad.toml: [[memcg]] `apps/db`: there is no field `lwo`; did you mean `low`?\n")


def test_a_trace_that_is_damaged_is_named(rext: Rext) -> None:
    Path("bad.toml").write_text(SCENARIO.replace("loop:", "lop:").replace("mine.rx:rounds=3", "fifo"))
    outcome = rext("run", "fifo", "--scenario", "bad.toml")
    assert outcome.status == 2 and "lop" in outcome.err and "loop" in outcome.err
    assert outcome.err.startswith("rext: error: bad.toml: [[task]] `batch`: field `trace`: ")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("mine.rx:rounds=3", "clok", "[[memcg]] `apps/batch`: field `policy`: unknown policy `clok` (did you mean"),
        ("mine.rx:rounds=3", "opt", "[[memcg]] `apps/batch`: field `policy`: `opt` cannot be attached to a memcg"),
        ("loop:pages=500,accesses=2K", "none.rxt", "[[task]] `batch`: field `trace`: none.rxt"),
        ('low = "100p"', 'low = "9999999999999GiB"', "[[memcg]] `apps/db`: field `low`: `9999999999999GiB` is"),
        ('"400p"', '"9999999999999GiB"', "[[node]] `dram`: field `memory`: `9999999999999GiB` is"),
        ('kind = "zram"', 'size = "1K"\nkind = "zram"', "[[swap]] number 1: field `size`: `1K` is less than one page"),
    ],
)
def test_what_a_scenario_names_is_at_fault_in_its_place(
    rext: Rext, scenario: str, old: str, new: str, says: str
) -> None:
    Path("dir/bad.toml").write_text(SCENARIO.replace(old, new))
    outcome = rext("run", "fifo", "--scenario", "dir/bad.toml")
    assert (outcome.status, outcome.out) == (2, "") and outcome.err.count("\n") == 1
    assert outcome.err.startswith(f"rext: error: dir/bad.toml: {says}")
