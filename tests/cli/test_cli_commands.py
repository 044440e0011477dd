"""Every command does its work, and every command has a help text with an example."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from cli_samples import Rext

from runtime.cli.parser import COMMANDS

TRACE = "zipf:pages=200,accesses=20000,write=0.1"
ROW_FIELDS = {
    "policy", "trace", "model", "memory_pages", "accesses", "hits", "misses", "evictions", "refaults", "scanned",
    "cpu_s", "accesses_per_cpu_s", "miss_ratio", "hit_ratio", "status",
}  # fmt: skip
ENVIRONMENT = {"version", "python", "llvmlite", "llvm", "cpu", "system", "abi", "time"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(rext: Rext, command: str) -> None:
    outcome = rext(command, "--help")
    assert outcome.status == 0
    assert "example:\n  rext " in outcome.out
    assert outcome.out.startswith(f"usage: rext {command}")


@pytest.mark.parametrize("action", ["list", "info", "convert", "synth"])
def test_every_trace_action_explains_itself_with_an_example(rext: Rext, action: str) -> None:
    outcome = rext("trace", action, "--help")
    assert outcome.status == 0
    assert f"example:\n  rext trace {action}" in outcome.out


def test_check_accepts_and_rejects(rext: Rext, policies: Path) -> None:
    assert rext("check", "good.rx").out == "good.rx: accepted\n"
    outcome = rext("check", "good.rx", "bad.rx")
    assert outcome.status == 1
    assert "error[folio-maybe-null]" in outcome.out
    assert "bad.rx:4:" in outcome.out
    assert outcome.out.endswith("bad.rx: rejected, 1 error\n")


def test_check_as_json(rext: Rext, policies: Path) -> None:
    good, bad = rext("check", "good.rx", "bad.rx", "--format", "json").data["policies"]
    assert good["accepted"] and good["policy"] == "mine" and not good["diagnostics"]
    assert {cost["hook"] for cost in good["costs"]} == {"folio_added", "evict_folios"}
    assert not bad["accepted"]
    assert bad["diagnostics"][0]["code"] == "folio-maybe-null"
    assert bad["diagnostics"][0]["line"] == 4


def test_check_shows_costs_line_by_line(rext: Rext, policies: Path) -> None:
    out = rext("check", "good.rx", "--cost").out
    assert "evict_folios: at most " in out
    assert "scan f in queue" in out
    assert "the lines may add up to more than the bound" in out


def test_check_logs_as_much_as_asked_with_the_same_verdict(rext: Rext, policies: Path) -> None:
    assert rext("check", "bad.rx", "--log", "verdict").out == "bad.rx: rejected, 1 error\n"
    state = rext("check", "good.rx", "--log", "state")
    assert state.status == 0
    assert "known: f = " in state.out
    assert rext("check", "bad.rx", "--log", "state").status == 1


def test_check_shows_the_invariants_of_loops(rext: Rext, policies: Path) -> None:
    text = "policy counted;\nlist queue;\nhook age() {\n    let n = 0;\n    for i in 0..8 {\n        n += 1;\n    }\n}"
    (policies / "counted.rx").write_text(text)
    out = rext("check", "counted.rx", "--log", "state", "--cost").out
    assert "each round: n ∈ [0, 7], i ∈ [0, 7]" in out
    assert "for i in 0..8 {   <- up to 8 rounds" in out
    (data,) = rext("check", "counted.rx", "--log", "state", "--format", "json").data["policies"]
    (loop,) = (state for state in data["states"] if state["line"] == 5)
    assert loop["facts"] == ["n = 0"] and loop["rounds"] == ["n ∈ [0, 7]", "i ∈ [0, 7]"]
    (cost,) = (line for line in data["costs"][0]["lines"] if line["line"] == 5)
    assert cost["rounds"] == 8


def test_colour_only_when_asked_for(rext: Rext, policies: Path) -> None:
    assert "\033[" not in rext("check", "bad.rx").out
    assert "\033[" in rext("check", "bad.rx", "--color", "always").out


def test_check_takes_the_shipped_policies_by_name(rext: Rext) -> None:
    assert rext("check", "clock", "fifo", "s3fifo", "sieve", "strict_lru").status == 0


def test_explain(rext: Rext) -> None:
    assert "## Rejected" in rext("explain", "unknown-name").out
    assert "unknown-name" in rext("explain").out
    assert rext("explain", "unknown-name", "--format", "json").data["code"] == "unknown-name"
    wrong = rext("explain", "unknown-nam")
    assert wrong.status == 2
    assert "did you mean `unknown-name`?" in wrong.err


def test_test_passes_and_fails(rext: Rext, policies: Path) -> None:
    expected = (
        (policies / "bad.rx").read_text().replace("ctx.evict(f); }", 'ctx.evict(f); } //! error: folio-maybe-null "f"')
    )
    (policies / "cases").mkdir()
    (policies / "cases" / "null.rx").write_text(expected)
    passed = rext("test", "cases")
    assert passed.status == 0
    assert passed.out == "1 program in 1 file: 1 passed, 0 failed\n"
    failed = rext("test", "cases", "bad.rx")
    assert failed.status == 1
    assert "bad.rx:4: " in failed.out
    data = rext("test", "cases", "bad.rx", "--format", "json").data
    assert (data["files"], data["passed"], data["failed"]) == (2, 1, 1)


def test_build_shows_every_stage(rext: Rext, policies: Path) -> None:
    assert "Hook" in rext("build", "good.rx", "--emit", "ast").out
    assert rext("build", "good.rx", "--emit", "ast", "--format", "json").data["node"] == "File"
    assert "policy mine" in rext("build", "good.rx", "--emit", "ir").out
    assert "define" in rext("build", "good.rx", "--emit", "llvm").out
    assert ".text" in rext("build", "good.rx", "--emit", "asm", "-O", "0").out


def test_build_shows_the_tree_and_ir_of_a_rejected_policy_and_no_code(rext: Rext, policies: Path) -> None:
    assert rext("build", "bad.rx", "--emit", "ir").status == 0
    refused = rext("build", "bad.rx", "--emit", "llvm")
    assert (refused.status, refused.out) == (1, "")
    assert "folio-maybe-null" in refused.err
    assert rext("build", "bad.rx", "-o", "bad.rxo").status == 1
    assert not (policies / "bad.rxo").exists()


def test_a_policy_object_is_as_good_as_its_source(rext: Rext, policies: Path) -> None:
    assert rext("build", "good.rx", "-o", "good.rxo").status == 0
    assert rext("check", "good.rxo").out == "good.rxo: accepted\n"
    rows = rext("compare", "good.rx", "good.rxo", "--trace", TRACE, "--memory", "10%", "--format", "json").data["rows"]
    assert rows[0]["misses"] == rows[1]["misses"]


def test_times_and_samples_of_a_run(rext: Rext) -> None:
    base = ("clock", "--trace", TRACE, "--memory", "20p")
    text = rext("run", *base, "--samples", "4").out
    for word in ("simulated time", "PSI memory", "latency", "p99.9", "hits %", "on no list"):
        assert word in text
    row = rext("run", *base, "--samples", "4", "--format", "json").data["rows"][0]
    assert [sample["accesses"] for sample in row["samples"]] == [0, 5000, 10000, 15000, 20000]
    assert row["samples"][-1]["time_ns"] == row["simulated_ns"] > 0
    every = rext("run", *base, "--sample-every", "15K", "--format", "json").data["rows"][0]
    assert [sample["accesses"] for sample in every["samples"]] == [0, 15000, 20000]
    ideal = rext("run", *base, "--model", "ideal").out
    assert "simulated time" not in ideal


def test_costs_are_set_on_the_command_line(rext: Rext, tmp_path: Path) -> None:
    base = ("compare", "clock", "--trace", TRACE, "--memory", "20p", "--format", "json")
    cheap = rext(*base, "--costs", "nvme.read=1000").data["rows"][0]
    dear = rext(*base, "--costs", "nvme.read=3000", "--samples", "3", "--report", "r.html").data["rows"][0]
    assert dear["simulated_ns"] > cheap["simulated_ns"]
    page = (tmp_path / "r.html").read_text()
    assert "--costs nvme.read=3000 --samples 3" in page
    assert "Over the run" in page and "Simulated time" in page


def test_run_reports_all_counters(rext: Rext) -> None:
    text = rext("run", "clock", "--trace", TRACE, "--memory", "20p")
    assert text.status == 0
    for word in ("policy", "clock", "miss ratio", "pgscan_direct", "workingset_refault_file"):
        assert word in text.out
    data = rext("run", "clock", "--trace", TRACE, "--memory", "20p", "--format", "json").data
    assert set(data["rows"][0]) > ROW_FIELDS | {"pgscan_direct", "pgactivate"}
    assert data["rows"][0]["accesses"] == 20000


def test_compare_as_text(rext: Rext) -> None:
    outcome = rext("compare", "fifo", "strict_lru", "opt", "--trace", TRACE, "--memory", "10%,50%", "--model", "ideal")
    assert outcome.status == 0
    assert "20,000 accesses, 200 distinct pages, model ideal" in outcome.out
    assert "20p" in outcome.out and "100p" in outcome.out
    assert "speed: " in outcome.out
    starred = [line for line in outcome.out.splitlines() if "*" in line and not line.startswith("miss")]
    assert starred and not any(line.startswith("opt") for line in starred)


def test_compare_as_json(rext: Rext) -> None:
    data = rext("compare", "fifo", "opt", "--trace", TRACE, "--memory", "10%,50%", "--format", "json").data
    assert set(data) == {"rows", "environment"}
    assert set(data["environment"]) >= ENVIRONMENT
    assert all(set(row) >= ROW_FIELDS for row in data["rows"])
    assert [(row["policy"], row["memory_pages"]) for row in data["rows"]] == [
        ("fifo", 20), ("fifo", 100), ("opt", 20), ("opt", 100),
    ]  # fmt: skip
    for row in data["rows"]:
        assert row["hits"] + row["misses"] == row["accesses"] == 20000
        assert row["miss_ratio"] == pytest.approx(row["misses"] / row["accesses"])
        assert row["status"] == "finished"


def test_compare_as_csv(rext: Rext) -> None:
    outcome = rext("compare", "fifo", "opt", "--trace", TRACE, "--memory", "10%", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert [row["policy"] for row in rows] == ["fifo", "opt"]
    assert set(rows[0]) >= ROW_FIELDS


def test_compare_writes_plots_and_a_report(rext: Rext, tmp_path: Path) -> None:
    common = ("compare", "fifo", "opt", "--trace", TRACE, "--memory", "10%,50%")
    outcome = rext(*common, "--plot", "a.png", "--report", "a.html")
    assert "plot written to a.png" in outcome.out
    assert "report written to a.html" in outcome.out
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "a.html").read_text()
    assert "rext compare fifo opt --trace zipf" in page
    assert "<svg" in page
    assert rext(*common, "--plot", "a.svg", "--format", "csv").err == "rext: plot written to a.svg\n"


def test_rows_do_not_depend_on_the_number_of_jobs(rext: Rext) -> None:
    def rows(jobs: str) -> list[dict[str, object]]:
        data = rext(
            "compare", "fifo", "s3fifo", "opt", "--trace", TRACE, "loop:pages=90,accesses=9000",
            "--memory", "10%,30p,50%", "--jobs", jobs, "--format", "json",
        ).data  # fmt: skip
        return [{k: v for k, v in row.items() if "cpu_s" not in k} for row in data["rows"]]

    one = rows("1")
    assert len(one) == 18
    assert rows("3") == one


def test_limit_uses_the_beginning_of_a_trace(rext: Rext) -> None:
    data = rext("run", "fifo", "--trace", TRACE, "--memory", "20p", "--limit", "5K", "--format", "json").data
    assert data["rows"][0]["accesses"] == 5000


def test_params_and_machine_settings_make_a_difference(rext: Rext) -> None:
    def misses(*options: str) -> int:
        data = rext("run", *options, "--trace", TRACE, "--memory", "40p", "--format", "json").data
        return int(data["rows"][0]["misses"])

    assert misses("s3fifo:small_percent=50") != misses("s3fifo")
    assert misses("fifo", "--watermarks", "4,8,16") > misses("fifo")


def test_a_policy_that_makes_no_progress_is_ejected_and_the_report_says_so(rext: Rext, tmp_path: Path) -> None:
    (tmp_path / "idle.rx").write_text(
        "policy idle;\nlist queue;\nhook folio_added(f) { queue.push_tail(f); }\nhook evict_folios(ctx) { }\n"
    )
    outcome = rext("compare", "idle.rx", "fifo", "--trace", TRACE, "--memory", "10%", "--model", "ideal")
    assert outcome.status == 1
    assert "idle.rx  ejected" in outcome.out
    assert "idle.rx on zipf:pages=200,accesses=20000,write=0.1 with 20 pages: ejected before" in outcome.out
    assert "(evict_folios, idle.rx:4)" in outcome.out


def test_list_has_everything(rext: Rext) -> None:
    data = rext("list", "--format", "json").data
    assert set(data) == {"policies", "hooks", "kfuncs", "maps", "constants"}
    names = {policy["name"] for policy in data["policies"]}
    assert names >= {"builtin:lru", "builtin:mglru", "lru", "mglru", "opt"}
    assert names >= {"fifo", "clock", "strict_lru", "s3fifo", "sieve"}
    assert all(policy["description"] for policy in data["policies"])
    assert rext("list", "hooks").out.startswith("hooks:\n")
    assert rext("list", "policies").status == 0
    assert "ctx.evict(folio)" in rext("list", "kfuncs").out


def test_list_has_the_params_of_policies(rext: Rext) -> None:
    found = {item["name"]: item["params"] for item in rext("list", "policies", "--format", "json").data["policies"]}
    assert {"name": "small_percent", "default": 10, "low": 1, "high": 50, "description": "the small queue's part of"
            " memory"} in found["s3fifo"]  # fmt: skip
    assert found["opt"] == found["builtin:lru"] == []
    assert all(param["description"] for param in found["builtin:mglru"])
    lines = [line.split() for line in rext("list", "policies").out.splitlines()]
    assert ["small_percent=10", "in", "1..=50", "the", "small", "queue's", "part", "of", "memory"] in lines
    assert any(line[:6] == ["version=0", "in", "0,", "601,", "612,", "618"] for line in lines)
    assert any(line[:3] == ["walk=1", "in", "0..=1"] for line in lines)


def test_an_option_of_another_command_is_said_to_be_one(rext: Rext) -> None:
    found = rext("run", "fifo", "--report", "x.html")
    assert found.status == 2 and "no option --report here: it belongs to `rext compare`" in found.err
    assert "there is no option --foo (" in rext("run", "fifo", "--foo").err


def test_trace_list_and_info(rext: Rext) -> None:
    assert "mem_gcc" in rext("trace", "list").out
    listed = rext("trace", "list", "--format", "json").data
    assert "mem_gcc" in [info["name"] for info in listed["bundled"]]
    assert "zipf" in [kind["kind"] for kind in listed["synthetic"]]
    info = rext("trace", "info", TRACE, "--format", "json").data["traces"][0]
    assert info["accesses"] == 20000
    assert info["reads"] + info["writes"] == 20000
    assert "20,000" in rext("trace", "info", TRACE).out


def test_trace_synth_and_convert(rext: Rext, tmp_path: Path) -> None:
    assert rext("trace", "synth", TRACE, "made.rxt").status == 0
    assert rext("trace", "convert", "made.rxt", "made.csv").status == 0
    rows = [
        rext("run", "strict_lru", "--trace", trace, "--memory", "20p", "--model", "ideal", "--format", "json").data[
            "rows"
        ][0]
        for trace in (TRACE, "made.rxt", "made.csv")
    ]
    assert len({row["misses"] for row in rows}) == 1
    again = rext("trace", "synth", TRACE, "made.rxt")
    assert again.status == 2
    assert "--force" in again.err
    assert rext("trace", "synth", TRACE, "made.rxt", "--force", "--format", "json").data["accesses"] == 20000


def test_version(rext: Rext) -> None:
    assert rext("--version").out.startswith("rext ")
