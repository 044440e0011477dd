"""What is said of a rejection: names of the source, where it came from, what was known, and what to do."""

from __future__ import annotations

from judged import HEAD, codes, compiled, judged, only

from dsl.diagnostics import Label
from dsl.ir_text import parse_policy
from verifier.verify import verify

FIRST = HEAD.count("\n") + 3
"""The line of a body's first line."""


def places(labels: tuple[Label, ...]) -> list[tuple[int, str]]:
    return [(label.span.line - FIRST, label.text) for label in labels]


def test_null() -> None:
    error = only("let g = queue.head;\nif flag { g = null; }\ng.age = 1;")
    assert error.message == "`g` may be null"
    assert places((error.primary,)) == [(2, "needs a folio to set its `age`")]
    assert places(error.related) == [(1, "null from here")]
    assert error.facts == ("g ∈ {null, folio}",)
    assert error.help == "wrap the use in `if g != null { … }`"


def test_null_of_a_look_up() -> None:
    error = only("let e = counts.lookup(f.key);\ne.value = 1;")
    assert error.primary.text == "needs a value of `counts` to set its `value`"
    assert places(error.related) == [(0, "null possible from here")]
    assert error.facts == ("e ∈ {null, value of counts}",)


def test_bounds_name_the_expression() -> None:
    error = only("hist[total + few] = 1;")
    assert error.message == "`total + few` may be beyond the end of `hist`"
    assert error.facts == ("total + few ∈ [0, 2^64 - 1]", "few ∈ [1, 8]", "hist has 16 elements")
    error = only("if signed > -5 && signed < 3 {\n gen[signed as u64].move_tail(f); }")
    assert error.message == "`signed as u64` may be beyond the end of `gen`"


def test_bounds_give_ranges() -> None:
    error = only("let i = few * 2;\nhist[i] = 1;")
    assert error.facts == ("i ∈ [2, 16]", "hist has 16 elements")
    assert error.help == "test `if i < 16 { … }` first, or take the index `% 16`"


def test_a_folio_that_is_lost_names_its_ends() -> None:
    error = only("let g = queue.pop_head();\nif g == null { return; }\nif flag { return; }")
    assert places((error.primary,)) == [(0, "`g` still owns it when the hook ends")]
    assert places(error.related) == [(2, "if this is true"), (2, "the hook ends here"), (3, "and here")]


def test_paths_that_disagree_name_both() -> None:
    error = only("if flag {\nqueue.push_tail(f); }", "folio_added(f)")
    assert error.code == "ownership-mismatch"
    assert places((error.primary,)) == [(1, "given away here")]
    assert places(error.related) == [
        (-1, "`folio_added` owns the folio it is handed"), (0, "where this is false, it is still owned"),
    ]  # fmt: skip
    assert error.help == "add an `else` in which it is given away, too: `else { queue.push_tail(f); }`"


def test_moved_by_a_copy() -> None:
    error = only("let g = f;\nqueue.push_tail(f);\nqueue.push_tail(g);", "folio_added(f)")
    assert (error.code, places(error.related)) == ("folio-moved", [(0, "moved to `g` here")])


def test_stale_tells_of_the_change() -> None:
    error = only("let e = counts.lookup(f.key);\ncounts.delete(f.key);\nif e != null { e.value = 1; }")
    assert places(error.related) == [(0, "taken here"), (1, "the map is changed here")]


def test_one_mistake_gives_one_error() -> None:
    assert codes("let g = queue.head; g.age = 1; g.age = 2; g.slot = g.age;") == ["folio-maybe-null"]
    assert codes("let x: u64; total = x; total = x + 1; hist[x & 3] = x;") == ["uninitialised-local"]
    assert codes("hist[total] = 1; hist[total] = 2; if total > 20 { small = 1; }") == ["index-out-of-bounds"]
    assert codes("small = total; small = total;") == ["narrowing-store"]
    assert codes("for i in 0..9 { let x: u64; total = x; hist[total] = 1; }") == ["uninitialised-local"]
    assert codes("let x: u64; for i in 0..9 { total = x; x += 1; }") == ["uninitialised-local"]
    assert codes("for i in 0..3 { for j in 0..3 { queue.push_tail(f); } }", "folio_added(f)") == ["ownership-in-loop"]


def test_a_function_used_twice_is_blamed_once() -> None:
    function = "fn age_head() { let g = queue.head; g.age = 1; }"
    assert codes("age_head(); age_head();", before=function) == ["folio-maybe-null"]


def test_several_mistakes_are_all_reported() -> None:
    body = "hist[total] = 1;\nlet g = queue.head; g.age = 1;\nlet x: u64; total = x;\n"
    body += "queue.pop_head();\nother.pop_head();"
    assert codes(body) == [
        "index-out-of-bounds", "folio-maybe-null", "uninitialised-local", "folio-leak", "folio-leak",
    ]  # fmt: skip


def test_nothing_is_said_of_what_cannot_be_reached() -> None:
    assert codes("if few > 100 { hist[total] = 1; } return; hist[total] = 1;") == []


def test_without_a_source_there_are_still_messages() -> None:
    policy = parse_policy("policy t hook folio_accessed(%0 f: folio) { var %1: u64 var %2: u64\n%2 = add %1, 1\n}")
    (error,) = verify(policy).diagnostics
    assert error.message == "this value may be used before it is assigned"


def test_the_states_at_each_line() -> None:
    body = "let i = few + 1;\nif total < i {\nsmall = total;\n}\nlet g = queue.head;\nsmall = 1;"
    verdict = judged(body)
    by_line = {states.line - FIRST: states.facts for states in verdict.states}
    assert by_line[1] == ("f = folio", "i ∈ [2, 9]")
    assert "total ∈ [0, 8]" in by_line[2]
    assert "g ∈ {null, folio}" in by_line[5]
    assert verdict.states == judged(body).states


def test_the_verdict_does_not_depend_on_being_asked_twice() -> None:
    policy = compiled(HEAD + "hook folio_accessed(f) { hist[f.slot] = 1; }")
    first = verify(policy)
    assert first.states and verify(policy) == first


def test_several_places_of_one_mistake_are_labels() -> None:
    error = only("let g = queue.head;\nif flag {\ng.age = 1;\n} else {\ng.age = 2;\n}")
    assert places(error.related) == [(0, "null possible from here"), (4, "and here")]
    error = only("if flag {\nhist[total] = 1;\n} else {\nhist[total] = 2;\n}")
    assert places(error.related) == [(3, "and here")]
    error = only("let g = queue.head;\nloop up to 4 {\nlet h = other.next(g);\ng = h;\n}", "age(ctx)")
    assert error.primary.text == "needs a folio to give to `next`" and places(error.related)[0][0] == 0


def test_null_comes_from_where_it_was_not_tested() -> None:
    error = only("let g = queue.head;\nif g == null { return; }\nloop up to 4 {\ng = other.head;\n}\ng.age = 1;")
    assert places(error.related)[0] == (3, "null possible from here")


def test_a_test_on_another_path_is_shown() -> None:
    error = only("let g = queue.head;\nif flag {\nif g == null { return; }\n}\ng.age = 1;")
    assert places(error.related) == [(0, "null possible from here"), (2, "tested here, but not on every path")]


def test_relations_are_facts() -> None:
    error = only("let n = few + 20;\nfor i in 0..n {\nhist[i] = 1;\n}")
    assert error.facts == ("i ∈ [0, 27]", "i < n", "n ∈ [21, 28]", "hist has 16 elements")
    assert error.help is not None and error.help.startswith("end the loop at 16")


def test_what_wraps_is_said_to() -> None:
    error = only("for i in 0..16 { hist[i - 1] = 1; }")
    assert "i ∈ [0, 15]" in error.facts
    assert error.help == "below 0 it wraps around to the greatest number: test `if i >= 1 { … }` first"


def test_a_push_after_a_branch_that_pushed() -> None:
    error = only("if flag {\nqueue.push_tail(f);\n}\nother.push_tail(f);", "folio_added(f)")
    assert places(error.related)[-1] == (3, "and here once more, whichever path was taken")
    assert error.help == "put the second into an `else` of the first"


def test_the_round_that_keeps_a_folio_is_shown() -> None:
    body = "loop up to 4 {\nlet g = queue.pop_head();\nif g == null { break; }\nif flag { continue; }\n"
    error = only(body + "other.push_tail(g);\n}", "age(ctx)")
    assert places(error.related) == [(1, "taken here"), (3, "the next round begins, and `g` is still owned")]


def test_a_stale_reference_tells_of_a_change_on_one_path() -> None:
    error = only("let e = counts.lookup(f.key);\nif e == null {\ncounts.insert(f.key);\n}\ne.value = 1;")
    assert error.code == "stale-map-value"
    assert places(error.related) == [(0, "taken here"), (2, "the map is changed here")]
    assert error.help is not None and error.help.endswith("and test that for null")


def test_a_copy_that_was_meant_as_a_name() -> None:
    error = only("let g = f;\nqueue.push_tail(f);", "folio_added(f)")
    assert (error.code, error.message) == ("folio-moved", "`f` was moved to `g`")


def test_loops_show_their_invariant() -> None:
    body = "let n = 0;\nfor i in 0..few {\nif flag { n += 2; }\n}\nlet m = n & 12;\nsmall = 1;"
    by_line = {states.line - FIRST: states for states in judged(body).states}
    assert set(by_line[1].rounds) == {"i ∈ [0, 7]", "i < few", "n ∈ [0, 14]"}
    assert by_line[4].rounds == ()
    assert {"m ∈ [0, 12]", "m % 4 = 0"} <= set(by_line[5].facts)
    assert not any(fact.startswith("i ") for fact in by_line[4].facts)


def test_names_end_with_their_block() -> None:
    body = (
        "if flag {\nlet g = queue.head;\nsmall = 1;\n}\nlet g = other.pop_head();\nif g != null { queue.push_tail(g); }"
    )
    by_line = {states.line - FIRST: states.facts for states in judged(body).states}
    assert [fact for fact in by_line[2] if fact.startswith("g ")] == ["g ∈ {null, folio}"]
    assert not any(fact.startswith("g ") for fact in by_line[4])
    assert [fact for fact in by_line[5] if fact.startswith("g ")] == ["g ∈ {null, owned folio}"]
