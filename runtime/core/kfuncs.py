"""Which core function implements which kfunc of the `abi`."""

from __future__ import annotations

from types import FunctionType

from dsl.abi import KFUNCS
from runtime.core import (
    arrays,
    bags,
    folio,
    heaps,
    lists,
    maps,
    promote,
    randomness,
    reclaim_context,
    shrink,
    workingset,
)
from runtime.core.context import CoreCallable

BY_KIND: dict[tuple[str, str], CoreCallable] = {
    ("map_insert", "hash"): maps.hash_insert,
    ("map_insert", "lru_hash"): maps.lru_hash_insert,
    ("map_lookup", "array"): arrays.array_lookup,
}
"""Kfuncs that differ with the kind of the map."""

ALIASES: dict[str, CoreCallable] = {
    "heap_len": lists.list_len,
    "heap_holds": lists.list_holds,
    "heap_oldest": lists.list_head,
    "heap_newest": lists.list_tail,
    "heap_mark": workingset.list_mark,
}
"""What a heap does as any list."""

IMPLEMENTING = (lists, heaps, bags, folio, maps, arrays, randomness, reclaim_context, workingset, shrink, promote)
"""The modules that kfuncs are implemented in, under their own names."""


def implementation(kfunc: str, map_kind: str = "") -> CoreCallable:
    """The core function of a kfunc; `map_kind` is the kind of the map it is called on, if any."""
    by_kind = BY_KIND.get((kfunc, map_kind))
    if by_kind is not None:
        return by_kind
    if kfunc in ALIASES:
        return ALIASES[kfunc]
    for module in IMPLEMENTING:
        function = vars(module).get(kfunc)
        if isinstance(function, FunctionType) and kfunc in KFUNCS:
            return function
    raise KeyError(kfunc)
