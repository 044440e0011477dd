"""Which core function implements which kfunc of the `abi`."""

from __future__ import annotations

from types import FunctionType

from dsl.abi import KFUNCS
from runtime.core import folio, lists, maps, reclaim_context, shrink, workingset
from runtime.core.context import CoreCallable

BY_KIND: dict[tuple[str, str], CoreCallable] = {
    ("map_insert", "hash"): maps.hash_insert,
    ("map_insert", "lru_hash"): maps.lru_hash_insert,
}
"""Kfuncs that differ with the kind of the map."""


def implementation(kfunc: str, map_kind: str = "") -> CoreCallable:
    """The core function of a kfunc; `map_kind` is the kind of the map it is called on, if any."""
    by_kind = BY_KIND.get((kfunc, map_kind))
    if by_kind is not None:
        return by_kind
    for module in (lists, folio, maps, reclaim_context, workingset, shrink):
        function = vars(module).get(kfunc)
        if isinstance(function, FunctionType) and kfunc in KFUNCS:
            return function
    raise KeyError(kfunc)
