"""What is known of handles, against all that they can be: every pair of abstract values."""

from __future__ import annotations

import itertools

import pytest

from verifier.domains.reference import (
    GONE,
    LIVE,
    STALE,
    Conflict,
    Folio,
    Gone,
    Nullness,
    Reference,
    join_folios,
    join_references,
)

IS_NULL = {Nullness.NULL: {True}, Nullness.MAYBE: {True, False}, Nullness.NOT_NULL: {False}}
FOLIOS = [GONE, *(Folio(nullness, owned) for nullness in Nullness for owned in (True, False))]
REFERENCES = [Reference(nullness, 0, epoch) for nullness in Nullness for epoch in (LIVE, STALE)]


def folios_of(value: Folio | Gone) -> set[tuple[bool, bool]]:
    """Pairs: null, and owned; what is gone is never owned."""
    if isinstance(value, Gone):
        return {(True, False), (False, False)}
    return {(null, value.owned and not null) for null in IS_NULL[value.nullness]}


@pytest.mark.parametrize("one", Nullness)
@pytest.mark.parametrize("other", Nullness)
def test_nullness(one: Nullness, other: Nullness) -> None:
    mine, theirs, both = IS_NULL[one], IS_NULL[other], one.meet(other)
    assert IS_NULL[one.join(other)] == mine | theirs
    assert (set() if both is None else IS_NULL[both]) == mine & theirs
    assert one.includes(other) == (theirs <= mine)


@pytest.mark.parametrize(("a", "b"), list(itertools.product(FOLIOS, FOLIOS)))
def test_joined_folios_own_what_both_paths_own(a: Folio | Gone, b: Folio | Gone) -> None:
    joined, possible = join_folios(a, b), folios_of(a) | folios_of(b)
    certain = {owned for null, owned in possible if not null}
    if isinstance(joined, Conflict):
        assert (GONE in (a, b) and True in certain) or len(certain) == 2
    else:
        assert possible <= folios_of(joined)
        assert (joined is GONE) == (GONE in (a, b))


@pytest.mark.parametrize(("a", "b"), list(itertools.product(REFERENCES, REFERENCES)))
def test_joined_references_live_where_both_do(a: Reference, b: Reference) -> None:
    joined = join_references(a, b)
    assert IS_NULL[joined.nullness] == IS_NULL[a.nullness] | IS_NULL[b.nullness]
    assert (joined.epoch == LIVE) == (a.epoch == LIVE and b.epoch == LIVE)
