"""How diagnostics look."""

from __future__ import annotations

import json

from dsl.compile import Compilation
from dsl.diagnostics import Diagnostic, Label
from dsl.render import render_text, to_json
from dsl.source import Source, Span


def rendered(text: str) -> str:
    compilation = Compilation(Source("programs/example.rx", text))
    return render_text(compilation.diagnostics, compilation.source)


def shown(line: str, column: int, end: int, label: str = "here") -> list[str]:
    """The source line and the line of carets for a span on one line."""
    diagnostic = Diagnostic("unknown-name", "message", Label(Span(1, column, 1, end), label))
    return render_text([diagnostic], Source("a.rx", line)).splitlines()[3:]


def test_a_rejection_reads_like_this() -> None:
    text = """policy example;
list queue;
hook folio_added(f) {
    queue.push_tial(f);
}
"""
    assert (
        rendered(text)
        == """\
error[unknown-member]: no member `push_tial`
 --> programs/example.rx:4:11
  |
4 |     queue.push_tial(f);
  |           ^^^^^^^^^ a list has no such member
  = help: did you mean `push_tail`?
"""
    )


def test_related_places_follow_in_the_order_of_the_story() -> None:
    diagnostic = Diagnostic(
        "map-value-maybe-null",
        "`e` may be null",
        Label(Span(10, 5, 10, 11), "needs a non-null value of `counts`"),
        (Label(Span(8, 9, 8, 28), "null possible from here"), Label(Span(8, 5, 8, 6), "declared here")),
        ("e ∈ {null, counts value}", "f.gen ∈ [0, 3]"),
        "wrap the use in `if e != null { … }`",
    )
    lines = ["", "", "", "", "", "", "", "let e = counts.lookup(f.key);", "", "    e.refs += 1;"]
    assert (
        render_text([diagnostic], Source("scan.rx", "\n".join(lines)))
        == """\
error[map-value-maybe-null]: `e` may be null
  --> scan.rx:10:5
   |
10 |     e.refs += 1;
   |     ^^^^^^ needs a non-null value of `counts`
 8 | let e = counts.lookup(f.key);
   |         ------------------- null possible from here
   |     - declared here
   = facts: e ∈ {null, counts value}, f.gen ∈ [0, 3]
   = help: wrap the use in `if e != null { … }`
"""
    )


def test_errors_are_separated_and_the_surplus_is_counted() -> None:
    text = "policy example;\nhook init() {\n" + "".join(f"x{n} = 1;\n" for n in range(23)) + "}"
    blocks = rendered(text).split("\n\n")
    assert len(blocks) == 21
    assert blocks[-1] == "… and 3 more errors\n"


def test_color_changes_nothing_but_color() -> None:
    compilation = Compilation(Source("a.rx", "policy example;\nstate a: u9;"))
    plain = render_text(compilation.diagnostics, compilation.source)
    colored = render_text(compilation.diagnostics, compilation.source, color=True)
    assert "\033[1;31merror[unknown-type]\033[0m" in colored
    for style in ("\033[1;31m", "\033[1;34m", "\033[1m", "\033[0m"):
        colored = colored.replace(style, "")
    assert colored == plain


def test_tabs_and_wide_characters_keep_the_carets_in_place() -> None:
    assert shown("\ta\tb", 4, 5) == ["1 |     a   b", "  |         ^ here"]
    assert shown("/* 漢字 */ b", 10, 11) == ["1 | /* 漢字 */ b", "  |            ^ here"]
    assert shown("e\u0301 b", 4, 5) == ["1 | e\u0301 b", "  |   ^ here"]


def test_control_characters_do_not_reach_the_terminal() -> None:
    hostile = "a\033[2Jb\u202ec\x07"
    assert shown(hostile, 6, 7) == ["1 | a\\x1b[2Jb\\u{202e}c\\x07", "  |         ^ here"]
    diagnostic = Diagnostic("x", hostile, Label(Span(1, 1, 1, 2), hostile), (), (hostile,), hostile)
    text = render_text([diagnostic], Source(hostile, hostile))
    assert all(c.isprintable() or c == "\n" for c in text)


def test_long_lines_are_cut_around_the_place() -> None:
    line, marks = shown("x" * 5000 + " BAD " + "y" * 5000, 5002, 5005)
    assert "BAD" in line
    assert len(line) < 140
    assert line.startswith("1 | …")
    assert line.endswith("…")
    assert line.index("BAD") == marks.index("^^^")


def test_spans_over_several_lines_and_at_the_end() -> None:
    diagnostic = Diagnostic("x", "message", Label(Span(1, 3, 2, 2), "this"))
    text = render_text([diagnostic], Source("a.rx", "a {  \n}"))
    assert text.splitlines()[3:] == ["1 | a {", "  |   ^^^ this (to line 2)"]
    assert shown("ab", 3, 4) == ["1 | ab", "  |   ^ here"]
    nowhere = Diagnostic("x", "message", Label(Span(0, 0, 0, 0), "no place"))
    assert render_text([nowhere], Source("a.rx", "a")).splitlines()[1:] == [
        " --> a.rx:no place in the text",
        "  |",
        "  | no place",
    ]


def test_json_has_every_part() -> None:
    source = Source("a.rx", "policy example;\nlist a;\nlist a;")
    (diagnostic,) = Compilation(source).diagnostics
    assert json.loads(json.dumps(to_json(diagnostic, source))) == {
        "code": "duplicate-name",
        "message": "`a` is already declared",
        "file": "a.rx",
        "line": 3,
        "column": 6,
        "end_line": 3,
        "end_column": 7,
        "label": "declared again here",
        "related": [
            {"line": 2, "column": 6, "end_line": 2, "end_column": 7, "label": "first declared here, as a list"}
        ],
        "facts": [],
        "help": None,
    }
