"""Results as text, CSV, JSON, HTML and pictures."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from runtime.comparison import Comparison
from runtime.ejection import Ejection
from runtime.report.changes import changes, sentence
from runtime.report.columns import counted, folded
from runtime.report.csv import comparison_csv
from runtime.report.grid import grids, notes, percentage
from runtime.report.html import comparison_html
from runtime.report.json import comparison_json
from runtime.report.plot import render
from runtime.report.sample_plot import render_samples
from runtime.report.samples import hit_ratios, used_lists
from runtime.report.table import comparison_table, row_report
from runtime.report.times import duration, figures, share
from runtime.row import Row
from runtime.samples import UNLISTED, Sample
from runtime.times import DeviceTimes, Latencies, MemcgTimes, Pressure, Times

HOSTILE = '=cmd|"x"!A1<script>alert(1)</script>\033[2J$\\frac{1}{2}$'


def row(policy: str, pages: int, misses: int, trace: str = "t", **more: object) -> Row:
    plain = Row(policy, trace, "kernel", pages, 1000, 1000 - misses, misses, misses, misses, 2 * misses, 0.001)
    return replace(plain, counters={"hits": 1000 - misses, "pgscan_direct": 2 * misses}, **more)  # type: ignore[arg-type]


def comparison(*rows: Row) -> Comparison:
    names = {r.trace for r in rows}
    return Comparison(tuple(rows), dict.fromkeys(names, 1000), dict.fromkeys(names, 200), {"version": "1"}, False)


PLAIN = comparison(
    row("lru", 10, 500), row("lru", 100, 200), row("sieve", 10, 400), row("sieve", 100, 200), row("opt", 10, 300),
    row("opt", 100, 100),
)  # fmt: skip


def test_table_has_policies_down_and_sizes_across() -> None:
    lines = comparison_table(PLAIN).splitlines()
    assert lines[0] == "t: 1,000 accesses, 200 distinct pages, model kernel"
    assert [line.split() for line in lines if line.startswith(("memory", "lru", "sieve", "opt"))] == [
        ["memory", "10p", "100p"],
        ["lru", "50.00", "20.00*"],
        ["sieve", "40.00*", "20.00*"],
        ["opt", "30.00", "10.00"],
    ]
    assert "5%" in lines[4] and "50%" in lines[4]


def test_what_a_policy_keeps_is_in_every_form() -> None:
    """One figure, or the range over the sizes of memory; nothing for the optimum."""
    rows = [row("a", 10, 5, metadata_bytes_per_folio=36.4), row("a", 100, 4, metadata_bytes_per_folio=41.2)]
    found = comparison(*rows, row("b", 10, 5, metadata_bytes_per_folio=0.2), row("opt", 10, 3))
    lines = [line.split() for line in comparison_table(found).splitlines()]
    assert ["memory", "10p", "100p", "metadata"] in lines and ["5%", "50%", "B/folio"] in lines
    assert [line[-1] for line in lines if line and line[0] in ("a", "b", "opt")] == ["36-41", "0", "-"]
    assert [data["metadata_bytes_per_folio"] for data in json.loads(comparison_json(found))["rows"]] == [
        36.4,
        41.2,
        0.2,
        None,
    ]
    assert next(csv.DictReader(io.StringIO(comparison_csv(found))))["metadata_bytes_per_folio"] == "36.4"
    page = comparison_html(found, "rext")
    assert "<td>36-41</td>" in page and "bytes per folio" in page
    assert "metadata       36.4 bytes per folio" in row_report(rows[0], 200).splitlines()


def test_colour_changes_nothing_but_the_colour() -> None:
    coloured = comparison_table(PLAIN, color=True)
    assert "\033[" in coloured
    assert re.sub(r"\033\[[0-9;]*m", "", coloured) == comparison_table(PLAIN)


def test_the_best_is_marked_where_there_is_a_choice_and_is_never_the_optimum() -> None:
    (grid,) = grids(PLAIN)
    assert grid.best(10) == {"sieve"}
    assert grid.best(100) == {"lru", "sieve"}
    (alone,) = grids(comparison(row("lru", 10, 5), row("opt", 10, 4)))
    assert alone.best(10) == frozenset()


def test_cells_that_did_not_finish_say_so() -> None:
    partial = comparison(
        row("a", 10, 5, status="ejected", message="no progress"),
        row("b", 10, 7, status="interrupted"),
        row("c", 10, 9),
        row("d", 10, 9, status="oom", message="nothing left"),
    )
    table = comparison_table(partial)
    assert ["d", "oom"] in [line.split() for line in table.splitlines()]
    assert ["a", "ejected"] in [line.split() for line in table.splitlines()]
    assert ["b", "interrupted"] in [line.split() for line in table.splitlines()]
    assert notes(partial)[0] == "a on t with 10 pages: no progress"
    assert notes(partial)[2] == "d on t with 10 pages ended early: nothing left"
    assert notes(partial)[1].startswith("b on t with 10 pages was interrupted after 1,000 accesses")
    render(partial, "png")


EJECTION = Ejection(
    policy="p<b>.rx", memcg="", hook="evict_folios", reason="it proposed no folio in 9 calls", source="p<b>.rx", line=7,
    text="hook evict_folios(ctx) {", access=1234, priority=0, budget=5000, spent=5000, calls=9, proposed=0,
    memory_pages=100, resident=99, unclaimed=1, lists={"queue": 98, "gen[1]": 0}, counters={"accesses": 1234, "oom": 0},
)  # fmt: skip


def test_an_ejection_is_reported_everywhere() -> None:
    ejected = row("p<b>.rx", 100, 50, status="ejected", message=EJECTION.summary, ejections=(EJECTION,))
    found = comparison(ejected)
    text = comparison_html(found, "rext")
    for part in ("evict_folios", "rx:7: hook evict_folios(ctx) {", "1,234", "5,000 of 5,000", "queue 98, gen[1] 0"):
        assert part in text
    assert "oom 0" not in text
    assert "p<b>.rx" not in comparison_html(found, "rext")
    assert "p<b>.rx on t with 100 pages: ejected before access 1,234: it proposed no folio" in comparison_table(found)
    (data,) = json.loads(comparison_json(found))["rows"]
    assert data["ejections"][0]["hook"] == "evict_folios" and data["ejections"][0]["lists"]["queue"] == 98
    assert "ejections" not in json.loads(comparison_json(PLAIN))["rows"][0]
    assert next(csv.DictReader(io.StringIO(comparison_csv(found))))["status"] == "ejected"


def test_an_ejection_in_a_report_of_one_run() -> None:
    ejected = row("p.rx", 100, 50, status="ejected", message=EJECTION.summary, ejections=(EJECTION,))
    lines = row_report(ejected, 200).splitlines()
    assert "status         ejected before access 1,234" in lines
    first = lines.index("  p<b>.rx was ejected: it proposed no folio in 9 calls; builtin:lru went on")
    assert lines[first + 1 : first + 6] == [
        "  hook evict_folios",
        "   --> p<b>.rx:7",
        "    |",
        "  7 | hook evict_folios(ctx) {",
        "    |      ^^^^^^^^^^^^",
    ]
    figures = " ".join(line.strip() for line in lines[first + 6 : lines.index("", first)])
    assert figures.startswith("queue 98 · gen[1] 0 · on no list 1 · priority 0 · 9 calls of evict_folios, 0 folios")
    assert figures.endswith("looked at 5,000 folios, or ran 256 instructions for each: the limit (8 times the resident"
                            " folios and 4,096)")  # fmt: skip
    assert max(map(len, lines)) <= 100


def test_nothing_that_is_wrapped_is_wider_than_a_terminal() -> None:
    """Bounds of many hooks come last; sentences are wrapped."""
    steps = {f"a_hook_with_a_name_{n}": 10**6 for n in range(12)}
    wide = row("a", 1, 5, worst_case_steps=steps, status="oom", message="out of memory " * 20)
    lines = row_report(wide, 1).splitlines()
    assert max(map(len, lines)) <= 100
    assert "1 page (100% of 1 distinct)" in lines[3]
    first = next(number for number, line in enumerate(lines) if line.startswith("steps a call"))
    assert (
        first > next(n for n, line in enumerate(lines) if line.startswith("pgscan_direct")) and len(lines) > first + 2
    )
    ejection = replace(EJECTION, policy="b", memcg="m", reason="long words " * 9)
    note = comparison_table(comparison(row("a", 1, 5, status="ejected", ejections=(ejection,))))
    assert "a on t with 1 page: b ejected from memcg m before access" in note
    assert max(map(len, note.splitlines())) <= 100


def test_switches_are_reported() -> None:
    switched = row("a", 10, 5, switches=("5:b", "9:detach"), never_switched=("2000:c",))
    assert "5:b, 9:detach" in row_report(switched, 200)
    assert "2000:c never happened: the trace has 1,000 accesses" in row_report(switched, 200)
    assert "switch 2000:c never happened on t: the trace has 1,000 accesses" in comparison_table(comparison(switched))
    assert json.loads(comparison_json(comparison(switched)))["rows"][0]["never_switched"] == "2000:c"
    assert json.loads(comparison_json(comparison(switched)))["rows"][0]["switches"] == "5:b; 9:detach"


def test_missing_cells_are_dashes() -> None:
    table = comparison_table(comparison(row("a", 10, 5), row("a", 20, 4), row("b", 10, 6)))
    assert ["b", "0.60", "-"] in [line.split() for line in table.splitlines()]


def test_traces_keep_their_order_and_their_own_sizes() -> None:
    found = grids(comparison(row("a", 10, 5, "z"), row("a", 99, 5, "z"), row("a", 7, 5, "b")))
    assert [(g.trace, g.sizes) for g in found] == [("z", (10, 99)), ("b", (7,))]


@pytest.mark.parametrize(("part", "text"), [(1, "0.1%"), (50, "5%"), (12345, "1,234%"), (333, "33.3%")])
def test_percentage(part: int, text: str) -> None:
    assert percentage(part, 1000) == text


def test_json_is_strict_and_flat() -> None:
    empty = replace(row("a", 10, 0), accesses=0, hits=0, cpu_s=0.0)
    data = json.loads(comparison_json(comparison(row("a", 10, 5), empty)), parse_constant=pytest.fail)
    first, second = data["rows"]
    assert first["pgscan_direct"] == 10
    assert first["miss_ratio"] == 0.005
    assert second["miss_ratio"] is second["hit_ratio"] is second["accesses_per_cpu_s"] is None
    assert data["environment"] == {"version": "1"}


def test_csv_has_a_column_for_every_counter_and_no_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison_csv(comparison(row(HOSTILE, 10, 5), row("-x", 10, 5))))))
    assert rows[0]["pgscan_direct"] == "10"
    assert rows[0]["policy"].startswith("'=cmd")
    assert rows[1]["policy"] == "'-x"
    assert "\033" not in rows[0]["policy"]


class Page(HTMLParser):
    """What a page contains."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.references: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.references += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_is_complete_in_itself_and_escapes_names() -> None:
    rows = (row(HOSTILE, 10, 5), row("b", 10, 6), row("b", 20, 6))
    page = Page(comparison_html(comparison(*rows), f"rext compare '{HOSTILE}'"))
    assert "script" not in page.tags
    assert "svg" in page.tags
    assert all(reference.startswith("#") for reference in page.references)
    assert HOSTILE.replace("\033", "\\x1b") in page.text
    assert "0.50" in page.text and "pgscan_direct" in page.text


def test_no_control_characters_in_html() -> None:
    text = comparison_html(comparison(row(HOSTILE, 10, 5)), HOSTILE)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_plots_are_drawn_for_one_trace_and_for_many(kind: str) -> None:
    begin = b"\x89PNG" if kind == "png" else b"<?xml"
    assert render(PLAIN, kind).startswith(begin)
    many = comparison(*(row(HOSTILE + p, s, 900 // s, t) for t in "xyz" for p in "abcdefghij" for s in (1, 10, 300)))
    assert render(many, kind).startswith(begin)


def test_a_plot_is_the_same_every_time() -> None:
    assert render(PLAIN, "svg") == render(PLAIN, "svg")


def test_a_plot_of_no_misses_and_of_one_size() -> None:
    render(comparison(row("a", 10, 0), row("a", 100, 0)), "png")
    render(comparison(row("a", 10, 5)), "png")


def test_row_report_has_every_counter_and_no_control_characters() -> None:
    text = row_report(row(HOSTILE, 10, 5), 200)
    assert "\033" not in text
    assert "10 pages (5% of 200 distinct)" in text
    assert "pgscan_direct" in text
    bare = replace(row("opt", 10, 5), counters={})
    assert "misses" in row_report(bare, 200)


def test_words_that_count() -> None:
    assert [counted(n, noun) for n in (0, 1, 2000) for noun in ("page", "access")] == [
        "0 pages", "0 accesses", "1 page", "1 access", "2,000 pages", "2,000 accesses",
    ]  # fmt: skip


def test_wide_tables_are_folded_evenly() -> None:
    rows = [["name", *(f"column {n}" for n in range(12))], ["a", *["1"] * 12]]
    parts = folded(rows)
    assert [len(part[1].split()) for part in parts] == [7, 7]
    assert [part[0].split()[0] for part in parts] == ["name", "name"]
    assert all(len(line) <= 100 for part in parts for line in part)
    assert folded([["name", "x" * 200]]) == [["name  " + "x" * 200]]


# --- simulated time ---------------------------------------------------------------------------------------


def times(simulated: int, memcgs: int = 1) -> Times:
    found = Latencies(1000, 100, 110, 90_000, 250_000, 3_100_000)
    pressure = Pressure(simulated // 2, simulated // 4)
    return Times(
        simulated=simulated,
        of_tasks=simulated,
        reclaim=simulated // 10,
        kswapd=0,
        proactive=0,
        swapin_wait=0,
        read_wait=simulated // 2,
        refault_wait=simulated // 5,
        throttle=0,
        pressure=pressure,
        latencies=found,
        devices=(DeviceTimes("files", 7, 0, 700, 0), DeviceTimes("swap0", 0, 0, 0, 0)),
        memcgs=tuple(MemcgTimes(f"m{HOSTILE}{n}", pressure, 1, 2, found) for n in range(memcgs)),
    )


TIMED = comparison(
    *(row(p, s, 300, times=times(s * 10**7)) for p in ("lru", "sieve") for s in (10, 20, 40, 80, 160)),
    row("opt", 10, 200),
)


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0ns"), (999, "999ns"), (1000, "1us"), (12_345, "12.3us"), (1_500_000, "1.5ms"), (10**9, "1s"),
     (999 * 10**9, "999s"), (12_345 * 10**9, "12,345s")],
)  # fmt: skip
def test_durations_have_three_digits(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text


def test_shares_of_time() -> None:
    assert [share(part) for part in (0, 0.00123, 0.0994, 0.31, 1)] == ["0%", "0.12%", "9.9%", "31%", "100%"]


def test_the_table_has_times_beside_ratios_and_keeps_within_100_columns() -> None:
    lines = comparison_table(TIMED).splitlines()
    assert all(len(line) <= 100 for line in lines)
    first = lines.index("simulated time; share of it lost to reclaim and reading back; 99th percentile of the latency")
    below = [line.split() for line in lines[first + 1 :] if line]
    assert below[0] == ["memory", "10p", "20p", "40p", "80p"]
    assert below[1][:7] == ["lru", "100ms", "30%", "90us", "200ms", "30%", "90us"]
    assert below[3] == ["memory", "160p"]
    assert not any(line[0] == "opt" for line in below)  # the optimum has no clock


def test_without_a_clock_the_table_shows_no_times() -> None:
    assert "simulated" not in comparison_table(PLAIN)


def test_one_run_shows_all_times() -> None:
    text = row_report(row("lru", 10, 5, times=times(2 * 10**9, 2)), 200)
    assert "\033" not in text
    for part in ("2s", "30% of the tasks' time", "some 1s (50%), full 500ms (25%)", "7 reads, 0 writes", "p99.9 250us"):
        assert part in text
    assert "device swap0" not in text  # it did nothing
    assert [name for name, _ in figures(times(10, 2))][-2:] == [f"memcg m{HOSTILE}0", f"memcg m{HOSTILE}1"]


def test_times_in_json_and_csv() -> None:
    both = comparison(row("lru", 10, 5, times=times(1000, 2)), row("opt", 10, 5))
    timed, plain = json.loads(comparison_json(both))["rows"]
    assert (timed["simulated_ns"], timed["lost"], timed["psi_some"], timed["latency_p999_ns"]) == (
        1000, 0.3, 0.5, 250_000,
    )  # fmt: skip
    assert [memcg["psi_full_ns"] for memcg in timed["memcg_times"]] == [250, 250]
    assert "simulated_ns" not in plain and "memcg_times" not in plain
    rows = list(csv.DictReader(io.StringIO(comparison_csv(both))))
    assert (rows[0]["direct_reclaim_ns"], rows[1]["direct_reclaim_ns"]) == ("100", "")


def test_times_in_html() -> None:
    page = Page(comparison_html(TIMED, "rext compare"))
    assert "Simulated time" in page.text and "250us" in page.text and "PSI some" in page.text
    assert "Simulated time" not in Page(comparison_html(PLAIN, "rext compare")).text


# --- samples ----------------------------------------------------------------------------------------------


def samples(lists: dict[str, int], count: int = 4) -> tuple[Sample, ...]:
    return tuple(
        Sample(100 * n, 1000 * n, 60 * n, 50, 9 * n, 8 * n, 7 * n, {**lists, "empty": 0, UNLISTED: 1})
        for n in range(count)
    )


SAMPLED = comparison(
    row("lru", 50, 500, samples=samples({"active": 30, "inactive": 19})),
    row("mglru", 50, 400, samples=samples({f"file gen {n}": 12 for n in range(4)})),
    row("opt", 50, 300),
)


def test_samples_in_json_and_on_a_terminal() -> None:
    rows = json.loads(comparison_json(SAMPLED))["rows"]
    assert rows[0]["samples"][1]["lists"] == {"active": 30, "inactive": 19, "empty": 0, UNLISTED: 1}
    assert "samples" not in rows[2]
    lines = row_report(SAMPLED.rows[0], 200).splitlines()
    header = lines[-4].split()
    assert header[:6] == ["accesses", "time", "hits", "%", "scanned", "resident"]
    assert header[6:] == ["active", "inactive", "on", "no", "list"]
    assert lines[-1].split() == ["300", "3us", "60.0", "9", "50", "30", "19", "1"]


def test_what_samples_say() -> None:
    found = SAMPLED.rows[0].samples
    assert hit_ratios(found) == [0.6, 0.6, 0.6]
    assert used_lists(found) == ["active", "inactive", UNLISTED]


def test_many_lists_fit_on_a_terminal() -> None:
    many = row("p", 50, 5, samples=samples({f"a list with a long name {n}": n + 1 for n in range(30)}))
    assert all(len(line) <= 100 for line in row_report(many, 200).splitlines()[-4:])


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_samples_are_drawn(kind: str) -> None:
    begin = b"\x89PNG" if kind == "png" else b"<?xml"
    assert render_samples(SAMPLED.rows[:2], kind).startswith(begin)
    many = row(HOSTILE, 50, 5, samples=samples({f"{HOSTILE}{n}": n for n in range(40)}))
    assert render_samples([many], kind).startswith(begin)
    assert render_samples(SAMPLED.rows[:1], kind) == render_samples(SAMPLED.rows[:1], kind)


def test_samples_of_nothing_are_drawn() -> None:
    nothing = row("p", 50, 5, samples=(Sample(0, 0, 0, 0, 0, 0, 0, {}), Sample(9, 0, 0, 0, 0, 0, 0, {})))
    assert render_samples([nothing], "png")


def test_samples_in_html() -> None:
    page = Page(comparison_html(SAMPLED, "rext compare"))
    assert "Over the run" in page.text and "t with 50 pages" in page.text
    assert page.tags.count("svg") == 1
    assert "script" not in page.tags
    assert all(reference.startswith("#") for reference in page.references)
    assert "Over the run" not in Page(comparison_html(PLAIN, "rext compare")).text


SWITCHED = replace(
    SAMPLED.rows[0],
    switches=("100:b.rx:n=3", "150:detach", "250:apps/db=clock"),
    ejections=(replace(EJECTION, access=200),),
)


def test_which_policy_ran_from_where() -> None:
    assert [(c.access, c.memcg, c.policy, c.why) for c in changes(SWITCHED)] == [
        (100, "", "b.rx:n=3", ""),
        (150, "", "builtin:lru", "detached"),
        (200, "", "builtin:lru", "ejected"),
        (250, "apps/db", "clock", ""),
    ]
    assert sentence(SAMPLED.rows[0]) == ""
    text = Page(comparison_html(comparison(SWITCHED), "rext compare")).text
    assert "lru up to access 100, b.rx:n=3 from access 100 on, builtin:lru from access 150 on (detached)" in text
    assert "clock in apps/db from access 250 on." in text


def test_changes_of_policy_are_drawn() -> None:
    plain, marked = (render_samples([r], "svg").count(b"stroke-dasharray: 1.1") for r in (SAMPLED.rows[0], SWITCHED))
    assert (plain, marked) == (0, 2 * len(changes(SWITCHED)))


def test_one_size_of_memory_is_not_drawn_over_memory() -> None:
    assert "svg" not in Page(comparison_html(comparison(row("a", 10, 5), row("b", 10, 6)), "rext compare")).tags
    assert "svg" in Page(comparison_html(PLAIN, "rext compare")).tags


def test_the_caption_of_pressure_says_what_counts_without_refault() -> None:
    assert (
        "without the hook refault every page that was resident before counts"
        in Page(comparison_html(TIMED, "rext compare")).text
    )
