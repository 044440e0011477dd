"""Figures as tables: marks against goals, on a terminal and as Markdown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from benchmarks import __main__ as command
from benchmarks import costs, libcachesim_engine, plan
from benchmarks.errors import BenchmarkError
from benchmarks.jobs import JobsResult
from benchmarks.replay import DenseResult, ReplayResult
from benchmarks.replay_tables import ABOUT_TRACES, dense_table, replay_tables, textbook_table
from benchmarks.report import QUICK_NOTE, markdown, terminal
from benchmarks.samples import SamplesResult, samples_table
from benchmarks.start import CheckResult, Start, StartResult
from benchmarks.tables import OK, SHORT, at_least, below, check_table, jobs_table, start_table
from benchmarks.timing import Timing

ENVIRONMENT = {"cpu": "A | B", "cpus": 2, "load": (0.1, 0.25), "unused": "hidden"}


def replayed(trace: str, theirs: tuple[float, ...], ours: tuple[float, ...]) -> ReplayResult:
    return ReplayResult("FIFO", trace, 2000, 10_000_000, 1234, 16, Timing(theirs), Timing(ours))


def test_a_timing_has_best_median_and_worst() -> None:
    timing = Timing((3.0, 1.0, 2.0))
    assert (timing.best, timing.median, timing.worst) == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("seconds", [(), (0.0,), (1.0, -1.0)])
def test_a_timing_of_nothing_is_a_mistake(seconds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="took some time"):
        Timing(seconds)


def test_goals_are_met_at_least_or_below() -> None:
    assert (at_least(4.0, 4.0), at_least(3.99, 4.0)) == (OK, SHORT)
    assert (below(0.59, 0.6), below(0.6, 0.6)) == (OK, SHORT)


def test_replay_has_a_table_for_each_trace() -> None:
    results = [replayed("one", (1.0, 2.0), (0.25, 0.4)), replayed("two", (1.0, 2.0), (0.3, 0.3))]
    one, two = replay_tables(results)
    assert (one.title, two.title) == ("Replay of one", "Replay of two")
    assert "best of 2 runs" in one.note and not two.note
    assert one.rows == (("FIFO", "2,000p", "1,234", "16", "10.0", "40.0", "4.0", OK, "4.6", "6.7, 5.0", "30.8, 25.0"),)
    assert two.rows[0][6:8] == ("3.3", SHORT)


def test_the_textbook_is_one_table_with_the_misses_of_both() -> None:
    equal = replayed("one", (1.0,), (0.5,))
    unequal = replace(equal, policy="RANDOM", ours=Timing((0.6,)), their_misses=1300, why_unequal="chance")
    table = textbook_table([equal, unequal])
    assert [row[:5] for row in table.rows] == [
        ("FIFO", "one", "2,000p", "1,234", "equal"),
        ("RANDOM", "one", "2,000p", "1,234", "1,300 (chance)"),
    ]
    assert [row[7:9] for row in table.rows] == [("2.0", OK), ("1.7", SHORT)]


def test_every_pair_of_the_textbook_is_a_program() -> None:
    programs = {path.stem for path in (command.DOCUMENT.parent.parent / "programs").glob("*.rx")}
    assert {pair.program.partition(":")[0] for pair in plan.TEXTBOOK} <= programs


def test_what_is_to_be_known_of_a_trace_stands_at_its_table_and_in_the_document() -> None:
    results = [replayed(name, (1.0,), (0.25,)) for name in ("mem_sqlite", "other", "mem_gcc")]
    sqlite, other, gcc = replay_tables(results)
    assert sqlite.note.startswith("Million accesses") and sqlite.note.endswith(ABOUT_TRACES["mem_sqlite"])
    assert (other.note, gcc.note) == ("", ABOUT_TRACES["mem_gcc"])
    document = command.DOCUMENT.read_text(encoding="utf-8")
    for trace, about in ABOUT_TRACES.items():
        assert f"## Replay of {trace}\n\n{about}\n" in document


def test_every_table_has_as_many_cells_as_columns() -> None:
    timing = Timing((0.01, 0.02))
    start = Start(timing, timing, timing)
    tables = [
        *replay_tables([replayed("t", (1.0,), (0.1,))]),
        textbook_table([replayed("t", (1.0,), (0.1,))]),
        dense_table([DenseResult("t", 1000, 10, timing)]),
        start_table([StartResult("fifo", "ideal", start, start)]),
        check_table([CheckResult("fifo", timing, timing)], timing),
        jobs_table([JobsResult("fifo", "ideal", "t", 100, timing, timing, 2.0)]),
        samples_table([SamplesResult("builtin:lru", "t", 100, 1000, 5, 1.0, 1.01, 1.3)]),
    ]
    for table in tables:
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert any(mark in table.rows[0] for mark in (OK, SHORT)) or table.title.startswith("Making")


def test_jobs_compare_throughput() -> None:
    result = JobsResult("fifo", "ideal", "t", 100, Timing((1.0, 1.1)), Timing((0.5, 0.9)), 1.9)
    assert jobs_table([result]).rows[0][:8] == ("fifo", "ideal", "100p", "1.000", "0.500", "2.00", OK, "1.90")


def test_samples_switched_off_may_cost_two_per_cent() -> None:
    found = [SamplesResult("p", "t", 100, 1000, 5, 1.0, off, 1.3) for off in (0.99, 1.02, 1.03)]
    assert [row[5:7] for row in samples_table(found).rows] == [("0.990", OK), ("1.020", OK), ("1.030", SHORT)]


def test_measured_costs_become_settings() -> None:
    out = "read_hit 1000.4\nmemory_access 100.0\nzram_read - not possible here\ndrop 5.0\nreclaim_unmapped 4.0\n"
    measured = costs.parsed(out)
    assert costs.derived(measured) == {"access": 100, "syscall": 900, "scan": 1, "free": 5}
    assert "syscall" in costs.report(measured, costs.derived(measured))


def test_the_document_has_the_costs_as_they_are() -> None:
    text = costs.DOCUMENT.read_text(encoding="utf-8")
    assert costs.documented(text) == text, "python -m benchmarks.costs --document"


def test_markdown_states_the_machine_and_escapes_cells() -> None:
    text = markdown(replay_tables([replayed("t|u", (1.0,), (0.1,))]), ENVIRONMENT, quick=False)
    assert "| CPU | A \\| B |" in text
    assert "| load at the start | 0.1, 0.25 |" in text
    assert "hidden" not in text and QUICK_NOTE not in text
    assert "## Replay of t\\|u" in text
    assert "| policy | memory |" in text and "| FIFO | 2,000p |" in text
    assert "noisy" in text


def test_a_quick_run_says_so() -> None:
    assert QUICK_NOTE in markdown([], ENVIRONMENT, quick=True)
    assert QUICK_NOTE in terminal([], ENVIRONMENT, quick=True, color=False, width=200)


def test_the_terminal_is_coloured_only_if_asked_for() -> None:
    tables = replay_tables([replayed("t", (1.0,), (0.1,))])
    plain = terminal(tables, ENVIRONMENT, quick=False, color=False, width=200)
    assert "Replay of t" in plain and "2,000p" in plain and "\033" not in plain
    assert "\033[32m" in terminal(tables, ENVIRONMENT, quick=False, color=True, width=200)


def test_runs_apply_to_every_part() -> None:
    chosen = command.chosen_plan(quick=True, runs=7)
    assert (chosen.runs, chosen.textbook_runs, chosen.start_runs, chosen.jobs_runs) == (7, 7, 7, 7)
    assert command.chosen_plan(quick=False, runs=None) == plan.FULL
    assert plan.FULL.runs >= 11


@pytest.mark.parametrize("argument", ["--runs=0", "--runs=x", "--only=everything"])
def test_bad_arguments_end_with_status_2(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main([argument])
    assert ended.value.code == 2
    assert argument.split("=")[0] in capsys.readouterr().err


def test_without_libcachesim_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BenchmarkError, match=r"pip install -e '\.\[bench\]'"):
        libcachesim_engine.version()
    assert command.main(["--only", "replay"]) == 2
    assert "libcachesim is not installed" in capsys.readouterr().err


def test_what_was_measured_is_printed_as_json_and_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    results = command.Results(jobs=(JobsResult("fifo", "ideal", "t", 100, Timing((1.0,)), Timing((0.5,)), 2.0),))
    monkeypatch.setattr(command, "measure", lambda plan, parts: results)
    document = tmp_path_factory.mktemp("written") / "benchmarks.md"
    assert command.main(["--only", "jobs", "--json", "--write", str(document)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["jobs"][0]["together"]["seconds"] == [0.5]
    assert printed["environment"]["cpus"] >= 1
    assert "## Two simulations at a time" in document.read_text(encoding="utf-8")


def test_a_document_that_cannot_be_written_is_found_out_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--only", "jobs", "--write", "/nonexistent/folder/benchmarks.md"]) == 2
    assert "cannot be written" in capsys.readouterr().err
