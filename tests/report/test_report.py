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
from runtime.report.csv import comparison_csv
from runtime.report.grid import grids, notes, percentage
from runtime.report.html import comparison_html
from runtime.report.json import comparison_json
from runtime.report.plot import render
from runtime.report.table import comparison_table, row_report
from runtime.run import Row

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
        row("a", 10, 5, status="stopped", message="no progress"), row("b", 10, 7, status="interrupted"), row("c", 10, 9)
    )
    table = comparison_table(partial)
    assert ["a", "stopped"] in [line.split() for line in table.splitlines()]
    assert ["b", "interrupted"] in [line.split() for line in table.splitlines()]
    assert notes(partial)[0] == "a on t with 10 pages was stopped: no progress"
    assert notes(partial)[1].startswith("b on t with 10 pages was interrupted after 1,000 accesses")
    render(partial, "png")


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
    page = Page(comparison_html(comparison(row(HOSTILE, 10, 5), row("b", 10, 6)), f"rext compare '{HOSTILE}'"))
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
