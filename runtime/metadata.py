"""What a policy's own data takes, in bytes per folio: the price of an algorithm beside its misses.

In: a policy, the values of its params and the pages of the memory it manages. Out: `Metadata`, which counts what this
policy keeps and another would not: its fields of a folio, the index of its bags and heaps, its state and cursors, and
its maps as they are laid out, index and entries, so that ghosts, sketches and histograms are in. What every policy has
is left out:
the core's row of a folio, with the links of the list it is on, and the shadow that stays in the page table when a folio
goes. Alignment of a row is left out, too: it comes from the fields of all policies that share a simulation.

Light on purpose: `rext list` needs it, and not the code generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from dsl import ir
from runtime.map_sizes import place_maps
from runtime.policy_layout import layout_of_policy

LISTED_PAGES = 100_000
"""The memory that `rext list` and the header of each program state it for, with the default of every param."""

WORD_BYTES = 8
CURSOR_BYTES = 4
POSITION_BYTES = 4
"""Where a folio stands in its bag or heap; in the row of every folio if there are any."""
BAG_BYTES = 4
"""A place of a bag: the number of its folio."""
HEAP_BYTES = 20
"""A place of a heap: the number of its folio, its key and the order of its coming."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """Bytes of one lruvec with `nr_pages` folios: `fields` of folios, `index` of bags and heaps, `state` and cursors,
    and `maps`."""

    nr_pages: int
    fields: int
    index: int
    state: int
    maps: int

    @property
    def bytes(self) -> int:
        return self.fields + self.index + self.state + self.maps

    @property
    def per_folio(self) -> float:
        return self.bytes / self.nr_pages


def metadata(policy: ir.Policy | ModuleType, params: Mapping[str, int], nr_pages: int) -> Metadata:
    """That of a policy in the language, or of the module of a built-in one, with these params (others: the defaults).
    `AttachError` if its maps are too large for this memory."""
    if isinstance(policy, ModuleType):
        return _of_builtin(vars(policy), nr_pages)
    layout = layout_of_policy(policy)
    values = [params.get(p.name, p.default) for p in policy.params]
    maps = place_maps(policy.maps, layout.value_stride, nr_pages, values)
    index = layout.nr_bags * BAG_BYTES + layout.nr_heaps * HEAP_BYTES
    index += POSITION_BYTES if index else 0
    state = layout.state_stride * WORD_BYTES + len(policy.cursors) * CURSOR_BYTES
    fields = layout.field_bytes
    return Metadata(nr_pages, fields * nr_pages, index * nr_pages, state, sum(found.bytes for found in maps))


def _of_builtin(declared: Mapping[str, Any], nr_pages: int) -> Metadata:
    """A policy of the core says itself what it keeps in a folio's flags."""
    state = declared.get("STATE_WORDS", 0) * WORD_BYTES
    return Metadata(nr_pages, declared.get("FOLIO_BYTES", 0) * nr_pages, 0, state, 0)


def per_folio_text(values: Sequence[float | None]) -> str:
    """Whole bytes: one figure, or the range of several; `-` where there is nothing to count."""
    rounded = sorted({round(value) for value in values if value is not None})
    if not rounded:
        return "-"
    return f"{rounded[0]}" if len(rounded) == 1 else f"{rounded[0]}-{rounded[-1]}"
