"""What holds in the rounds of loops: after others, inside others, and once what was given away is taken back.

Each case beside its nearest that does not hold: what is accepted and what must not be. Many begin with a value that
runs in a circle, since that is widened at first, far beyond 100, and taken back afterwards.
"""

from __future__ import annotations

import pytest
from judged import codes, judged, only

from dsl.ir_text import parse_policy
from verifier.verify import verify

BOUNDS = ["index-out-of-bounds"]
CIRCLE = "let n: i64 = -1; loop up to few {{ {} n = (n * 3 + 1) % {}; }} "
"""`n` is in [-4, 4] if it is the rest of a division by 5."""
BEYOND = "if n > few as i64 + 100 {{ {} }} "
WRONG = BEYOND.format("x = 20; hist[x] = 1;")

TWINS: dict[str, tuple[str, str]] = {
    "a circle": (CIRCLE.format("hist[(n + 4) as u64] = 1;", 5), CIRCLE.format("hist[(n + 4) as u64] = 1;", 40)),
    "a loop after one that was widened": (
        CIRCLE.format("", 5) + "let i = 0; loop up to 9 { hist[i] = 1; i = (i + 1) * 2; if i > 15 { i = 0; } }",
        CIRCLE.format("", 5) + "let i = 0; loop up to 9 { hist[i] = 1; i = (i + 1) * 2; if i > 16 { i = 0; } }",
    ),
    "a loop after what was wrong in a round that was taken back": (
        CIRCLE.format("let x = 0; " + WRONG + "loop up to 3 { hist[x] = 1; x ^= 5; }", 5),
        CIRCLE.format("let x = 0; " + WRONG + "loop up to 3 { hist[x] = 1; x += total; }", 5),
    ),
    "the same, of what goes from round to round": (
        "let x = 0; " + CIRCLE.format(WRONG + "loop up to 3 { hist[x] = 1; x ^= 5; }", 5),
        "let x = 0; " + CIRCLE.format(WRONG + "loop up to 3 { hist[x] = 1; x += total; }", 5),
    ),
    "a pace that grows from round to round": (
        "let s = 0; let n = 0; loop up to 20 { loop up to 9 { n += s; } hist[n & 15] = 1; n = 0; s = min(s + 1, 9); }",
        "let s = 0; let n = 0; loop up to 20 { loop up to 9 { n += s; } hist[n] = 1; n = 0; s = min(s + 1, 9); }",
    ),
    "a pace that grows once": (
        "let s = 1; let n = 0; loop up to 3 { n = 0; loop up to 5 { n += s; } hist[n] = 1; s = 3; }",
        "let s = 1; let n = 0; loop up to 3 { n = 0; loop up to 6 { n += s; } hist[n] = 1; s = 3; }",
    ),
    "a step that was smaller at first": (
        "let s = 1; loop up to 3 { let n = 0; loop up to 5 { n += s; hist[n] = 1; } s = 3; }",
        "let s = 1; loop up to 3 { let n = 0; loop up to 5 { n += s; hist[n] = 1; } s = 4; }",
    ),
    "a distance from where the loop began": (
        "let n = total & 7; let m = n; loop up to 8 { if flag { n += 1; } } hist[n - m] = 1;",
        "let n = total & 7; let m = n; loop up to 8 { if flag { n += 2; } } hist[n - m] = 1;",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("accepted", "refused"), TWINS.values(), ids=TWINS.keys())
def test_what_holds_in_every_round_and_no_more(accepted: str, refused: str) -> None:
    assert codes(accepted) == []
    assert codes(refused) == BOUNDS


LEFT = "fn found() -> u64 {{ {} return 0; }}"
RETURN = "if flag { return (n + 4) as u64; }"


def test_leaving_a_loop_for_good_leaves_with_what_was_confirmed() -> None:
    assert codes("hist[found()] = 1;", before=LEFT.format(CIRCLE.format(RETURN, 5))) == []
    assert codes("hist[found()] = 1;", before=LEFT.format(CIRCLE.format(RETURN, 40))) == BOUNDS


def test_a_loop_that_is_out_of_reach_in_the_end_costs_nothing() -> None:
    inner = BEYOND.format("for i in 0..1000 { total += i; }")
    beyond, within = judged(CIRCLE.format(inner, 5)), judged(CIRCLE.format(inner, 255))
    assert beyond.accepted and beyond.costs[0].constant < 200
    assert within.accepted and within.costs[0].constant > 8 * 1000


def test_what_is_refused_is_told_once_the_loops_are_settled() -> None:
    chain = "let a: i64 = -1; let b = a; let c = a; loop up to few { c = b; b = a; a = (a * 3 + 1) % 5; } "
    assert codes(chain + "hist[(c + 4) as u64] = 1;") == []
    assert codes(chain + "hist[total] = 1;") == BOUNDS


def test_what_came_about_in_a_round_is_told() -> None:
    error = only("let g = queue.head; if g == null { return; }\nfor i in 0..4 { g.age = 1;\ng = other.head; }")
    assert error.code == "folio-maybe-null"
    assert [label.span.line for label in error.related] == [error.primary.span.line + 1]


# --- the variable of a loop -----------------------------------------------------------------------------------

FORM = """
policy variable
state a: u64[16]
state n: u64
list queue
hook age() {{
    var %0: u64
    var %1: u64
    var %2: list
    var %3: folio
    var %4: bool
    var %5: folio
    %0 = copy 3
    %1 = load state n[0]
    %1 = min %1, 8
    %2 = list queue[0]
    {}
}}
"""
POPPED = "scan %3 in %2 limit 4 {{ {0} = call list_pop_head(%2) %4 = ne {0}, null:folio if %4 {{ {1} }} }}"


def codes_of(body: str) -> list[str]:
    return [diagnostic.code for diagnostic in verify(parse_policy(FORM.format(body))).diagnostics]


@pytest.mark.parametrize("loop", ["loop %0 < 5 { }", "loop %0 < %1 { }", "loop %0 < %1 { break 0 }"])
def test_the_variable_of_a_loop_means_nothing_after_it(loop: str) -> None:
    assert codes_of(f"{loop} %0 = copy 3 store state a[%0], 1") == []
    assert codes_of(f"{loop} store state a[%0], 1") == ["uninitialised-local"]


@pytest.mark.parametrize("register", ["%3", "%5"], ids=["the loop's own", "another"])
def test_a_folio_taken_in_a_round_is_given_away_in_it(register: str) -> None:
    assert codes_of(POPPED.format(register, f"call list_push_tail(%2, {register})")) == []
    assert codes_of(POPPED.format(register, "")) == ["folio-leak"]
