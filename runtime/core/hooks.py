"""The number of each hook: a bit in `HOOKS` of a lruvec, and what `STATUS_HOOK` names. Their order is the `abi`'s."""

from __future__ import annotations

from dsl.abi import HOOKS

_NUMBER = {name: number for number, name in enumerate(HOOKS)}

MISS = _NUMBER["miss"]
ADMIT = _NUMBER["admit"]
REFAULT = _NUMBER["refault"]
FOLIO_ADDED = _NUMBER["folio_added"]
FOLIO_ACCESSED = _NUMBER["folio_accessed"]
FOLIO_ACTIVATED = _NUMBER["folio_activated"]
SCAN_PLAN = _NUMBER["scan_plan"]
EVICT_FOLIOS = _NUMBER["evict_folios"]
FOLIO_CHECK = _NUMBER["folio_check"]
FOLIO_KEPT = _NUMBER["folio_kept"]
FOLIO_MOVED = _NUMBER["folio_moved"]
WALK_TABLE = _NUMBER["walk_table"]
YOUNG = _NUMBER["young"]
TICK = _NUMBER["tick"]
