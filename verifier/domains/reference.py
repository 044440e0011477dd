"""What is known of a handle: null or not, and for a folio who owns it.

In: two abstract handles whose paths meet. Out: what holds on either, or a `Conflict`, where a folio would be lost or
owned twice. The states of a folio are those of the design: `Null`, `MaybeNull(Owned | Borrowed)`, `Owned`,
`Borrowed` (all `Folio`) and `Gone`. Ownership belongs to one register at a time: a copy of an owned folio leaves
`Gone` behind, as giving it away does.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Nullness(Enum):
    NULL = "null"
    MAYBE = "maybe null"
    NOT_NULL = "not null"

    def join(self, other: Nullness) -> Nullness:
        return self if self is other else Nullness.MAYBE

    def includes(self, other: Nullness) -> bool:
        return self is other or self is Nullness.MAYBE

    def meet(self, other: Nullness) -> Nullness | None:
        """None if nothing is both."""
        if self is Nullness.MAYBE:
            return other
        return self if other in (self, Nullness.MAYBE) else None


@dataclass(frozen=True, slots=True)
class Folio:
    """A folio or null. `owned`: if it is a folio, this register must give it away."""

    nullness: Nullness
    owned: bool

    @property
    def owns(self) -> bool:
        return self.owned and self.nullness is not Nullness.NULL


@dataclass(frozen=True, slots=True)
class Gone:
    """Given away, or moved to another register: it may be overwritten, and nothing else."""


LIVE = -1
"""The `epoch` of a reference that is alive, apart from any state."""
STALE = -2
"""The `epoch` of a reference that is dead whatever happens."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference into map number `table`, or null. `epoch` is the map's epoch when it was taken: a change of the
    map begins a new epoch, and a reference of another epoch is stale."""

    nullness: Nullness
    table: int
    epoch: int


HANDLES = (Folio, Reference)
NULL_FOLIO = Folio(Nullness.NULL, owned=False)
GONE = Gone()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Paths meet that disagree about ownership."""


CONFLICT = Conflict()


def join_folios(a: Folio | Gone, b: Folio | Gone) -> Folio | Gone | Conflict:
    """What holds on both paths.

    Nothing is lost: if one side may own a folio, the other owns one too, or is null. Nothing is doubled: the result
    owns what exactly one of the sides did. Where neither owns, `Gone` wins, since it permits less.
    """
    if isinstance(a, Gone) or isinstance(b, Gone):
        owns = any(isinstance(x, Folio) and x.owns for x in (a, b))
        return CONFLICT if owns else GONE
    if a.nullness is Nullness.NULL:
        return Folio(a.nullness.join(b.nullness), b.owned)
    if b.nullness is Nullness.NULL:
        return Folio(a.nullness.join(b.nullness), a.owned)
    return Folio(a.nullness.join(b.nullness), a.owned) if a.owned == b.owned else CONFLICT


def join_references(a: Reference, b: Reference) -> Reference:
    """For references of one map whose epochs are `LIVE` or `STALE`: alive only if both are."""
    epoch = LIVE if a.epoch == b.epoch == LIVE else STALE
    return Reference(a.nullness.join(b.nullness), a.table, epoch)
