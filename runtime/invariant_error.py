"""What a checked build found broken, in words.

In: the words `BROKEN` and `BROKEN_AT` of a simulation's state. Out: `InvariantError`, which names the invariant and the
folio, page, memcg, node, lruvec or device that it does not hold of.
"""

from __future__ import annotations

from runtime.core import invariant_indexes as indexes
from runtime.core import invariant_limits as limits
from runtime.core import invariants as kept

INVARIANTS: dict[int, tuple[str, str]] = {
    kept.QUEUE_LEFT: ("a candidate of reclaim was left in a queue", "folio"),
    kept.LIST_TORN: ("a list is not a ring of folios that say they are on it", "folio or list head"),
    kept.LIST_LENGTH: ("the length of a list is not what its head says", "list head"),
    kept.LISTS_COUNT: ("the folios on lists are not as many as counted", "lruvec"),
    kept.BATCH: ("a folio in a batch does not say so", "folio"),
    kept.BATCH_TWICE: ("a folio is in batches twice", "folio"),
    kept.BATCH_COUNT: ("the folios in batches are not as many as counted", "CPU"),
    kept.PLACE: ("a resident folio is not on exactly one list of its lruvec or in one batch", "folio"),
    kept.LRUVEC_RANGE: ("a folio names a lruvec that is none", "folio"),
    kept.PAGE_TABLE: ("a folio and the page table do not agree", "folio or page"),
    kept.FOLIO_FLAGS: ("the flags of a folio contradict each other", "folio"),
    kept.RESIDENT_COUNT: ("the resident folios are not as many as counted: found", "folios"),
    kept.CHARGED_COUNT: ("the folios charged to a lruvec are not as many as counted", "lruvec"),
    kept.NODE_COUNT: ("the folios of a node are not as many as counted", "node"),
    kept.FREE_LIST: ("the rows that are free are not those on the list of the free", "folio or count"),
    kept.SHADOW: ("a shadow is out of bounds", "page"),
    kept.SWAP_SLOTS: ("the slots taken on swap are not those of pages on swap and of the swap cache", "device"),
    kept.DIRTY_COUNT: ("the dirty file folios are not as many as counted: found", "folios"),
    kept.DIRTY_QUEUED: ("a dirty file folio is not in the flusher's queue, or others are", "folio or count"),
    kept.WRITEBACK_COUNT: ("the folios under writeback are not those of the ring", "folio or count"),
    indexes.INDEX_PLACE: ("a folio is not where it says in its bag or heap", "folio"),
    indexes.HEAP_ORDER: ("a folio stands below one of a greater key in its heap", "folio"),
    limits.LIMIT: ("a memory limit is exceeded", "memcg"),
    limits.NODE_LIMIT: ("a node holds more than it has", "node"),
    limits.SWAP_LIMIT: ("more swap is taken than there is, or may be", "device or memcg"),
    limits.USAGE_COUNT: ("a memcg is not charged what it and those below it have", "memcg"),
    limits.PROTECTION: ("memory below `min` was reclaimed from outside", "memcg"),
    limits.OOM_TOO_EARLY: ("memory ran out while something could be reclaimed", "folio"),
}
"""By number: what does not hold, and of what."""


class InvariantError(AssertionError):
    """A checked build found an invariant of the core broken: a defect of this program, not of a policy."""

    def __init__(self, invariant: int, at: int) -> None:
        what, of = INVARIANTS.get(invariant, (f"invariant {invariant}", "at"))
        super().__init__(f"{what}: {of} {at}")
        self.invariant = invariant
        self.at = at
