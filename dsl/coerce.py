"""Conversions between types.

In: typed expressions and the type wanted. Out: expressions of that type, with explicit conversions, or `Poison` after a
diagnostic: unsigned values widen by themselves; to a narrower type they go with a proof obligation; signed and unsigned
do not mix; nothing else converts.
"""

from __future__ import annotations

from collections.abc import Iterable

from dsl import typed
from dsl.diagnostics import Collector, Diagnostic, Label
from dsl.nearest import did_you_mean
from dsl.source import Span
from dsl.symbols import CONTEXT, NOTHING, POISON, Program
from dsl.types import BOOL, FOLIO, PAGE_KEY, Type


class Coercion:
    def __init__(self, program: Program, diagnostics: Collector) -> None:
        self._program = program
        self._diagnostics = diagnostics

    def fail(
        self, code: str, message: str, span: Span, label: str, *related: Label, help: str | None = None
    ) -> typed.Poison:
        """Report, and give the expression that stands for what was reported."""
        self._diagnostics.add(Diagnostic(code, message, Label(span, label), related, help=help))
        return typed.Poison(POISON, span)

    def fail_once(self, code: str, message: str, span: Span, label: str, help: str | None) -> typed.Poison:
        """Report what is one mistake however often it is met: later places are added to the first."""
        if self._diagnostics.repeats(code, message, Label(span, "used here, too")):
            return typed.Poison(POISON, span)
        return self.fail(code, message, span, label, help=help)

    def did_you_mean(self, name: str, candidates: Iterable[str]) -> str | None:
        """A help text that offers the candidate nearest to `name`."""
        return did_you_mean(name, candidates, self._diagnostics)

    def describe(self, type: Type) -> str:
        """A type as messages name it."""
        if type.name == "ref":
            return f"value of `{self._program.maps[type.table].name}`"
        return str(type)

    def to(self, value: typed.Expression, wanted: Type, *related: Label) -> typed.Expression:
        """`value` as a `wanted`."""
        given = value.type
        if POISON in (given, wanted):
            return typed.Poison(POISON, value.span)
        if given == wanted:
            return value
        if given.is_integer and wanted.is_integer:
            return self._integer(value, wanted, related)
        if given == NOTHING:
            label = f"expected {self.describe(wanted)}"
            return self.fail("type-mismatch", "this call returns nothing", value.span, label, *related)
        help = _conversion(given, wanted)
        message = f"expected {self.describe(wanted)}, found {self.describe(given)}"
        label = f"this is {self.describe(given)}"
        return self.fail("type-mismatch", message, value.span, label, *related, help=help)

    def _integer(self, value: typed.Expression, wanted: Type, related: tuple[Label, ...]) -> typed.Expression:
        given = value.type
        if isinstance(value, typed.Constant):
            if wanted.minimum <= value.value <= wanted.maximum:
                return typed.Constant(wanted, value.span, value.value)
            return self.out_of_range(value.value, wanted, value.span, *related)
        if given.signed != wanted.signed:
            label = f"expected {wanted}, found {given}"
            help = f"convert it: `… as {wanted}`"
            return self.fail(
                "mixed-signedness", "signed and unsigned do not mix", value.span, label, *related, help=help
            )
        return typed.Conversion(wanted, value.span, value, given.bits > wanted.bits)

    def out_of_range(self, number: int, type: Type, span: Span, *related: Label) -> typed.Poison:
        label = f"{type} holds {type.minimum:,} to {type.maximum:,}"
        help = "only `i64` holds numbers below 0" if number < 0 and not type.signed else None
        return self.fail("value-out-of-range", f"{number:,} does not fit {type}", span, label, *related, help=help)

    def unify(
        self, left: typed.Expression, right: typed.Expression, span: Span, what: str
    ) -> tuple[typed.Expression, typed.Expression]:
        """Both in one type: the wider of two integer types. Poisoned together."""
        a, b = left.type, right.type
        if POISON in (a, b):
            return typed.Poison(POISON, left.span), typed.Poison(POISON, right.span)
        if a == b and a not in (NOTHING, CONTEXT):
            return left, right
        labels = (Label(left.span, f"this is {self.describe(a)}"), Label(right.span, f"this is {self.describe(b)}"))
        if a.is_integer and b.is_integer:
            if a.signed == b.signed:
                wider = a if a.bits > b.bits else b
                return self.to(left, wider), self.to(right, wider)
            help = f"convert one of them: `… as {a}` or `… as {b}`"
            poison = self.fail("mixed-signedness", "signed and unsigned do not mix", span, what, *labels, help=help)
        else:
            poison = self.fail("type-mismatch", "the types do not match", span, what, *labels)
        return poison, poison


def _conversion(given: Type, wanted: Type) -> str | None:
    """How to make a value of one type from one of another, where people often mean that."""
    if wanted == BOOL and given.is_integer:
        return "compare it: `… != 0`"
    if wanted == BOOL and given.is_nullable:
        return "compare it: `… != null`"
    if wanted.is_integer and given == BOOL:
        return f"convert it: `… as {wanted}`"
    if wanted.is_integer and given == PAGE_KEY:
        return "a key is no number; `hash(…, 0)` makes one of it"
    if wanted.is_integer and given.name == "ref":
        return "read a field of it, after a test for null"
    if wanted == PAGE_KEY and given == FOLIO:
        return "take its key: `….key`"
    if wanted == FOLIO and given == PAGE_KEY:
        return "`resident(…)` finds the folio of a key, or null"
    return None
