"""Native code that tests every access: slow, for tests.

In: what `runtime/jit/emit.py` takes. Out: the same function with a guard at every access: rows and columns of views,
indices of state variables and lists, folios and references (null is none), what is stored in fewer bits and what is
narrowed. What fails a guard is counted, the first is noted, and the access is made at index 0 instead, so that the code
never leaves its regions. The guards are those of the interpreter (`runtime/interp.py`).

The context of guarded code is longer: behind the addresses of the regions are their sizes and then what was noted.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dsl import ir
from dsl.ir import Operand
from dsl.types import Type
from runtime.core.layout import ADDRESSES, VIEWS
from runtime.jit import trusted
from runtime.jit.emit import Emitter, ModulePlan
from runtime.jit.llvm_text import literal, llvm_type, tag

KINDS = ("row", "column", "state index", "list index", "folio", "reference", "stored value", "narrowed value")
SIZES = len(ADDRESSES)
NOTED = 2 * len(ADDRESSES)
"""The words behind the sizes: how many guards failed; the kind of the first and the value that it saw."""

GUARD = f"""
define internal void @guard(ptr %ctx, i1 %bad, i64 %kind, i64 %value) nounwind "no-builtins" {{
entry:
  br i1 %bad, label %failed, label %end
failed:
  %count.place = getelementptr i64, ptr %ctx, i64 {NOTED}
  %count = load i64, ptr %count.place
  %more = add i64 %count, 1
  store i64 %more, ptr %count.place
  %first = icmp eq i64 %count, 0
  br i1 %first, label %note, label %end
note:
  %kind.place = getelementptr i64, ptr %ctx, i64 {NOTED + 1}
  store i64 %kind, ptr %kind.place
  %value.place = getelementptr i64, ptr %ctx, i64 {NOTED + 2}
  store i64 %value, ptr %value.place
  br label %end
end:
  ret void
}}
"""


class OutOfBounds(RuntimeError):
    """Guarded code did what neither an accepted policy nor a correct core can do."""


def guarded_context(regions: dict[str, Any]) -> Any:
    """The context of guarded code over these regions."""
    context = np.zeros(NOTED + 3, "<u8")
    for number, name in enumerate(ADDRESSES):
        if name in regions:
            context[number], context[SIZES + number] = regions[name].ctypes.data, len(regions[name])
    return context


def check_noted(context: Any) -> None:
    """Raises `OutOfBounds` if a guard failed in a call with this context."""
    count, kind, value = (int(word) for word in context[NOTED:])
    if count:
        raise OutOfBounds(f"{count} guards failed, first: {KINDS[kind]} {value}")


class GuardedEmitter(Emitter):
    """Emits one function with guards."""

    def __init__(self, plan: ModulePlan, function: trusted.CoreFunction | ir.Function) -> None:
        super().__init__(plan, function)
        self._visit[ir.Narrow] = self._narrow

    def _guard(self, bad: str, kind: str, value: str) -> None:
        self._line(f"call void @guard(ptr %ctx, i1 {bad}, i64 {KINDS.index(kind)}, i64 {value})")

    def _safe(self, bad: str, kind: str, value: str) -> str:
        """`value`, an i64, or 0 if it is bad."""
        self._guard(bad, kind, value)
        return self._value(f"select i1 {bad}, i64 0, i64 {value}")

    def _below(self, value: str, limit: str | int, kind: str) -> str:
        """`value` if it is below `limit`, both unsigned, else 0."""
        return self._safe(self._value(f"icmp uge i64 {value}, {limit}"), kind, value)

    def _size(self, region: str) -> str:
        """The bytes of a region."""
        place = self._value(f"getelementptr i64, ptr %ctx, i64 {SIZES + ADDRESSES.index(region)}")
        return self._value(f"load i64, ptr {place}, {tag('context')}")

    # --- places --------------------------------------------------------------------------------------------

    def _element(self, view: str, row: str, column: str | None) -> str:
        v = VIEWS[view]
        columns = self._plan.settings[v.columns] if isinstance(v.columns, str) else v.columns
        rows = self._value(f"udiv i64 {self._size(v.region)}, {max(1, columns) * v.bits // 8}")
        row = self._below(row, rows, "row")
        return super()._element(view, row, self._below(column, columns, "column") if column is not None else None)

    def _store_view(self, view: str, row: str, column: str | None, value: str) -> None:
        bits = VIEWS[view].bits
        if bits < 64:
            bad = self._value(f"icmp uge i64 {value}, {1 << bits}")
            self._guard(bad, "stored value", value)
        super()._store_view(view, row, column, value)

    def _byte_place(self, region: str, base: str, offset: int, type: Type, bad: str, kind: str) -> str:
        """The place of a scalar `offset` bytes behind `base`, which is in order unless `bad`."""
        at = self._value(f"add i64 {base}, {offset}")
        end = self._value(f"add i64 {at}, {type.storage_bytes}")
        over = self._value(f"icmp ugt i64 {end}, {self._size(region)}")
        at = self._safe(self._value(f"or i1 {bad}, {over}"), kind, at)
        return self._value(f"getelementptr i8, ptr {self._region(region)}, i64 {at}")

    def _field_place(self, folio: Operand, number: int) -> str:
        layout, row = self._plan.layout, self._operand(folio)
        heads = self._value(f"icmp ule i64 {row}, {layout.nr_lists}")
        rows = self._value(f"udiv i64 {self._size('folios')}, {layout.folio_bytes}")
        bad = self._value(f"or i1 {heads}, {self._value(f'icmp uge i64 {row}, {rows}')}")
        byte = self._value(f"mul i64 {row}, {layout.folio_bytes}")
        offset, type = layout.field_base + layout.field_offsets[number], self._policy().fields[number].type
        return self._byte_place("folios", byte, offset, type, bad, "folio")

    def _ref_place(self, ref: Operand, number: int) -> str:
        table, place = ref.type.table, self._operand(ref)
        null = self._value(f"icmp eq i64 {place}, 0")
        bad = self._value(f"or i1 {null}, {self._value(f'icmp uge i64 {place}, ' + self._size('map_entries'))}")
        offset, type = self._plan.layout.value_offsets[table][number], self._policy().maps[table].fields[number].type
        return self._byte_place("map_entries", place, offset, type, bad, "reference")

    # --- indices and values --------------------------------------------------------------------------------

    def _state_word(self, state: int, index: Operand) -> str:
        bad = self._value(f"icmp uge i64 {self._wide(index)}, {self._policy().states[state].length}")
        self._guard(bad, "state index", self._wide(index))
        return super()._state_word(state, index)

    def _list_at(self, n: ir.ListAt) -> None:
        bad = self._value(f"icmp uge i64 {self._wide(n.index)}, {self._policy().lists[n.list].length}")
        self._guard(bad, "list index", self._wide(n.index))
        super()._list_at(n)

    def _narrow(self, n: ir.Narrow) -> None:
        source, target, sign = n.src.type, n.dst.type, "s" if n.src.type.signed else "u"
        low, high = (
            literal(ir.Const(value, source))
            for value in (max(source.minimum, target.minimum), min(source.maximum, target.maximum))
        )
        value, kind = self._operand(n.src), llvm_type(source)
        below = self._value(f"icmp {sign}lt {kind} {value}, {low}")
        bad = self._value(f"or i1 {below}, {self._value(f'icmp {sign}gt {kind} {value}, {high}')}")
        self._guard(bad, "narrowed value", self._wide(n.src))
        self._convert(n)

    def _prefetch(self, n: trusted.Prefetch) -> None:
        """Any row may be asked for: nothing to guard, and nothing to see."""
