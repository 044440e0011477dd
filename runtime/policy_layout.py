"""Where a policy's data lies: offsets and strides computed from its tables.

In: a verified `ir.Policy`, or the declaration of a built-in one. Out: `PolicyLayout`, the constants that the code
generator, the interpreter and the allocator of a simulation agree on. None of them depends on the machine's size or
on the values of params, so that native code can be kept for any run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dsl import ir
from runtime.core.layout import FIELD_OFFSET, FIRST_POLICY_LIST, INDEXED_FIELD_OFFSET

COLUMN_BYTES = 4
LEAST_ROW_BYTES = 32
"""A folio's row takes a power of two where it can, so that few rows cross a cache line."""
VALUE_ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class PolicyLayout:
    """Bytes are offsets within a folio's row or a map's value; words are offsets in the policy state of a lruvec."""

    folio_columns: int
    field_base: int
    field_offsets: tuple[int, ...]
    field_bytes: int
    state_words: tuple[int, ...]
    state_stride: int
    list_base: tuple[int, ...]
    nr_lists: int
    bag_list: tuple[int, ...]
    nr_bags: int
    heap_list: tuple[int, ...]
    nr_heaps: int
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
    words, lists = [0], [FIRST_POLICY_LIST]
    for state in policy.states:
        words.append(words[-1] + state.length)
    for declared in policy.lists:
        lists.append(lists[-1] + declared.length)
    bags, heaps = (tuple(n for n, d in zip(lists, policy.lists, strict=False) if d.kind == k) for k in ("bag", "heap"))
    base = INDEXED_FIELD_OFFSET if bags or heaps else FIELD_OFFSET
    values = [pack([f.type.storage_bytes for f in m.fields]) for m in policy.maps]
    scans = any(_scans(h.body) for h in policy.hooks)
    return PolicyLayout(
        folio_columns=_columns(base + field_bytes),
        field_base=base,
        field_offsets=fields,
        field_bytes=field_bytes,
        state_words=tuple(words[:-1]),
        state_stride=words[-1],
        list_base=tuple(lists[:-1]),
        nr_lists=lists[-1] - 1,
        bag_list=bags,
        nr_bags=len(bags),
        heap_list=heaps,
        nr_heaps=len(heaps),
        cursor_list=tuple(lists[c.list] + c.index for c in policy.cursors),
        nr_cursors=1 + len(policy.cursors) if scans or policy.cursors else 0,
        value_offsets=tuple(offsets for offsets, _ in values),
        value_stride=tuple(_stride(m.kind, end) for m, (_, end) in zip(policy.maps, values, strict=True)),
    )


def _columns(row_bytes: int) -> int:
    return max(LEAST_ROW_BYTES, _round_up(row_bytes, VALUE_ALIGNMENT)) // COLUMN_BYTES


def _stride(kind: str, value_bytes: int) -> int:
    """Elements of an array lie close together if they are scalars; all other values begin at a whole word."""
    if kind == "array" and value_bytes in (1, 2, 4):
        return value_bytes
    return _round_up(value_bytes, VALUE_ALIGNMENT)


def layout_of_builtin(nr_lists: int, state_words: int) -> PolicyLayout:
    """The layout of a built-in policy: list heads and words of state, addressed by the policy itself."""
    return PolicyLayout(
        folio_columns=LEAST_ROW_BYTES // COLUMN_BYTES,
        field_base=FIELD_OFFSET,
        field_offsets=(),
        field_bytes=0,
        state_words=(),
        state_stride=state_words,
        list_base=(),
        nr_lists=FIRST_POLICY_LIST - 1 + nr_lists,
        bag_list=(),
        nr_bags=0,
        heap_list=(),
        nr_heaps=0,
        cursor_list=(),
        nr_cursors=0,
        value_offsets=(),
        value_stride=(),
    )


def share_strides(layouts: Sequence[PolicyLayout]) -> tuple[PolicyLayout, ...]:
    """The layouts of policies in one simulation: what a folio, a lruvec and its lists take is the most any needs, so
    that all agree where a row begins."""
    shared = (
        "field_base", "field_bytes", "state_stride", "nr_lists", "nr_bags", "nr_heaps", "nr_cursors",
    )  # fmt: skip
    widest = {name: max(getattr(layout, name) for layout in layouts) for name in shared}
    columns = _columns(widest["field_base"] + widest["field_bytes"])
    return tuple(replace(layout, **widest, folio_columns=columns) for layout in layouts)
