"""The invariant of a loop includes all that it was told of, and stops growing."""

from __future__ import annotations

from itertools import product

import pytest
from judged import HEAD, compiled

from dsl import ir
from dsl.types import U64
from verifier.cells import nodes_of
from verifier.domains import value as scalars
from verifier.domains.reference import GONE, LIVE, NULL_FOLIO, STALE, Conflict, Folio, Nullness, Reference
from verifier.domains.value import Scalar
from verifier.invariant import Invariant, Phase, Thresholds
from verifier.state import POISON, UNINITIALISED, Definition, Value, join_values

CELL = 7
MADE_BY = Definition(None, (), (), UNINITIALISED), Definition(None, (), (), GONE)
VALUES: list[Value] = [
    *(scalars.between(low, high) for low, high in ((0, 0), (0, 9), (4, 12), (7, 1 << 40))),
    scalars.of_type(U64),
    UNINITIALISED,
    GONE,
    NULL_FOLIO,
    *(Folio(nullness, owned) for nullness in (Nullness.MAYBE, Nullness.NOT_NULL) for owned in (False, True)),
    *(Reference(nullness, 0, epoch) for nullness in Nullness for epoch in (LIVE, STALE)),
]  # fmt: skip
PAIRS = list(product(VALUES, VALUES))
RELATED = [
    (a, b)
    for a, b in PAIRS
    if type(a) is type(b) or UNINITIALISED in (a, b) or {type(a), type(b)} == {Folio, type(GONE)}
]


def invariant(*values: Value) -> Invariant:
    """Of a loop that compares with nothing; its cell has `values`."""
    loop = nodes_of(compiled(HEAD + "hook init() { for i in 0..9 { total = i; } }").hooks[0].body)[0]
    assert isinstance(loop, ir.Loop)
    made = Invariant(Thresholds(loop), made_by={CELL: MADE_BY})
    for value in values:
        made.values[CELL] = value
    return made


def includes(wide: Value, value: Value) -> bool:
    return join_values(wide, value) == wide


@pytest.mark.parametrize("phase", [Phase.GROW, Phase.REPORT])
def test_what_is_adopted_is_included_or_the_disagreement_is_noted(phase: Phase) -> None:
    for old, value in RELATED:
        kept = invariant(old)
        changed = kept.adopt(CELL, value, phase, U64)
        assert changed == (kept.values[CELL] != old), (old, value)
        if isinstance(join_values(old, value), Conflict):
            assert kept.values[CELL] is POISON and kept.disagreeing == {CELL: MADE_BY}, (old, value)
        else:
            assert includes(kept.values[CELL], value) and includes(kept.values[CELL], old), (old, value)
            assert not kept.disagreeing


def test_a_disagreement_between_entry_and_round_is_noted_and_stays() -> None:
    for entry, back in RELATED:
        joined, kept = join_values(entry, back), invariant()
        found = kept.join(CELL, entry, back, MADE_BY)
        assert kept.made_by[CELL] is MADE_BY
        if isinstance(joined, Conflict):
            assert found is POISON and kept.disagreeing == {CELL: MADE_BY}
            kept.adopt(CELL, back, Phase.GROW, U64)
            assert kept.values[CELL] is POISON, "a later round does not make it good"
        else:
            assert found == joined and not kept.disagreeing


def test_poison_adds_nothing_and_is_replaced() -> None:
    for value in VALUES:
        assert invariant().join(CELL, POISON, value, MADE_BY) == value
        assert invariant().join(CELL, value, POISON, MADE_BY) == value
        kept = invariant(value)
        assert not kept.adopt(CELL, POISON, Phase.GROW, U64) and kept.values[CELL] == value
        kept.admit(CELL, POISON)
        assert kept.values[CELL] == value
        poisoned = invariant(POISON)
        assert poisoned.adopt(CELL, value, Phase.GROW, U64) and poisoned.values[CELL] == value


def test_an_entry_is_admitted_where_it_does_not_disagree() -> None:
    for old, value in RELATED:
        kept, joined = invariant(old), join_values(old, value)
        kept.admit(CELL, value)
        assert kept.values[CELL] == (old if isinstance(joined, Conflict) else joined), (old, value)


def test_shrinking_adopts_what_is_narrower_and_tells_of_the_rest() -> None:
    for old, value in RELATED:
        kept = invariant(old)
        changed = kept.adopt(CELL, value, Phase.SHRINK, U64)
        narrower = isinstance(old, Scalar) and isinstance(value, Scalar) and old.includes(value)
        assert kept.values[CELL] == (value if narrower else old), (old, value)
        assert changed == (value != old if narrower else not includes(old, value)), (old, value)


def test_extending_includes_what_is_reached() -> None:
    for old, value in RELATED:
        if isinstance(old, Scalar) and isinstance(value, Scalar):
            kept = invariant(old)
            assert kept.extend(CELL, value) == (not old.includes(value))
            assert includes(kept.values[CELL], value) and includes(kept.values[CELL], old)


def test_growth_ends_and_widening_is_told() -> None:
    kept, changes = invariant(scalars.between(5, 5)), 0
    for far in range(1, 4000):
        changes += kept.adopt(CELL, scalars.between(max(5 - far, 0), 5 + far), Phase.GROW, U64)
    assert changes < 100
    assert kept.widened


def test_a_pace_covers_every_round_until_it_is_given_up() -> None:
    kept, least, most = invariant(scalars.between(0, 9)), 0, 0
    assert not kept.keep_pace(CELL, -1, 2) and kept.pace[CELL] == (-1, 2)
    assert kept.keep_pace(CELL, 0, 2) and kept.keep_pace(CELL, -1, -1), "it was known"
    for step in range(3, 40):
        least, most = min(least, 1 - step), max(most, step)
        assert not kept.keep_pace(CELL, 1 - step, step), "it was not known"
        assert CELL not in kept.pace or (kept.pace[CELL][0] <= least and most <= kept.pace[CELL][1])
    assert CELL not in kept.pace and not kept.may_have_pace(CELL, counts=True), "it is given up"
