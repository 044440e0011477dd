"""Where a policy's data lies: offsets and strides computed from its tables.

In: a verified `ir.Policy`, or the declaration of a built-in one. Out: `PolicyLayout`, the constants that the code
generator, the interpreter and the allocator of a simulation agree on. None of them depends on the machine's size or
on the values of params, so that native code can be kept for any run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dsl import ir
from runtime.core.layout import FIELD_OFFSET, FIRST_POLICY_LIST

COLUMN_BYTES = 4
LEAST_ROW_BYTES = 32
"""A folio's row takes a power of two where it can, so that few rows cross a cache line."""
VALUE_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class PolicyLayout:
    """Bytes are offsets within a folio's row or a map's value; words are offsets in the policy state of a lruvec."""

    folio_columns: int
    field_offsets: tuple[int, ...]
    field_bytes: int
    state_words: tuple[int, ...]
    state_stride: int
    list_base: tuple[int, ...]
    nr_lists: int
    cursor_list: tuple[int, ...]
    nr_cursors: int
    value_offsets: tuple[tuple[int, ...], ...]
    value_stride: tuple[int, ...]

    @property
    def folio_bytes(self) -> int:
        return self.folio_columns * COLUMN_BYTES


def pack(sizes: Sequence[int]) -> tuple[tuple[int, ...], int]:
    """Offsets for values of these sizes, each at a multiple of its own size, and the end of the last."""
    offsets, end = [], 0
    for size in sizes:
        end = (end + size - 1) // size * size
        offsets.append(end)
        end += size
    return tuple(offsets), end


def _round_up(value: int, unit: int) -> int:
    return (value + unit - 1) // unit * unit


def _scans(body: Sequence[ir.Node]) -> bool:
    for node in body:
        if isinstance(node, ir.Scan):
            return True
        if isinstance(node, ir.If) and (_scans(node.then) or _scans(node.orelse)):
            return True
        if isinstance(node, ir.Block | ir.Loop) and _scans(node.body):
            return True
    return False


def layout_of_policy(policy: ir.Policy) -> PolicyLayout:
    """The layout of a policy written in the language."""
    fields, field_bytes = pack([f.type.storage_bytes for f in policy.fields])
    row_bytes = max(LEAST_ROW_BYTES, _round_up(FIELD_OFFSET + field_bytes, VALUE_ALIGNMENT))
    words, lists = [0], [FIRST_POLICY_LIST]
    for state in policy.states:
        words.append(words[-1] + state.length)
    for declared in policy.lists:
        lists.append(lists[-1] + declared.length)
    values = [pack([f.type.storage_bytes for f in m.fields]) for m in policy.maps]
    scans = any(_scans(h.body) for h in policy.hooks)
    return PolicyLayout(
        folio_columns=row_bytes // COLUMN_BYTES,
        field_offsets=fields,
        field_bytes=field_bytes,
        state_words=tuple(words[:-1]),
        state_stride=words[-1],
        list_base=tuple(lists[:-1]),
        nr_lists=lists[-1] - 1,
        cursor_list=tuple(lists[c.list] + c.index for c in policy.cursors),
        nr_cursors=1 + len(policy.cursors) if scans or policy.cursors else 0,
        value_offsets=tuple(offsets for offsets, _ in values),
        value_stride=tuple(_round_up(end, VALUE_ALIGNMENT) for _, end in values),
    )


def layout_of_builtin(nr_lists: int, state_words: int) -> PolicyLayout:
    """The layout of a built-in policy: list heads and words of state, addressed by the policy itself."""
    return PolicyLayout(
        folio_columns=LEAST_ROW_BYTES // COLUMN_BYTES,
        field_offsets=(),
        field_bytes=0,
        state_words=(),
        state_stride=state_words,
        list_base=(),
        nr_lists=FIRST_POLICY_LIST - 1 + nr_lists,
        cursor_list=(),
        nr_cursors=0,
        value_offsets=(),
        value_stride=(),
    )


def share_strides(layouts: Sequence[PolicyLayout]) -> tuple[PolicyLayout, ...]:
    """The layouts of policies in one simulation: what a folio, a lruvec and its lists take is the most any needs, so
    that all agree where a row begins."""
    widest = {
        name: max(getattr(layout, name) for layout in layouts)
        for name in ("folio_columns", "field_bytes", "state_stride", "nr_lists", "nr_cursors")
    }
    return tuple(replace(layout, **widest) for layout in layouts)
