"""What the explanations of one hook share: its words, its structure, and the diagnostics found so far."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import cached_property

from dsl import ir
from dsl.diagnostics import Diagnostic, Label
from dsl.source import NOWHERE, Span
from verifier.domains.reference import Folio, Nullness, Reference
from verifier.outline import Outline
from verifier.state import UNINITIALISED, Definition, Space, State, Value
from verifier.wording import Wording

MAX_RELATED = 4
MAX_FOUND = 1000
"""More mistakes in one hook than this are not told: there are far more than anybody reads."""
_MAX_LOOKED_INTO = 100
"""Mistakes in one hook for which the rest of the hook is searched for what else belongs to the story."""


class Report:
    """The diagnostics of one hook, as they are found."""

    def __init__(self, space: Space) -> None:
        self.space = space
        self.words = Wording(space)
        self.found: list[Diagnostic] = []
        self._causes: dict[tuple[Hashable, ...], int] = {}

    @cached_property
    def outline(self) -> Outline:
        return Outline(self.space.function)

    @property
    def is_full(self) -> bool:
        return len(self.found) >= MAX_FOUND

    @property
    def may_search(self) -> bool:
        """Whether to search for labels that are not at hand."""
        return len(self.found) < _MAX_LOOKED_INTO

    def repeats(self, span: Span, *cause: Hashable) -> bool:
        """Whether a mistake with this cause was told: then `span` is one more place where it shows. Otherwise what is
        added next is told to have this cause."""
        first = self._causes.setdefault(cause, len(self.found))
        if first == len(self.found):
            return False
        told = self.found[first]
        again = Label(span, "and here")
        if len(told.related) < MAX_RELATED and again not in told.related and span != told.primary.span:
            self.found[first] = replace(told, related=(*told.related, again))
        return True

    def add(
        self, code: str, message: str, span: Span, label: str, related: tuple[Label, ...] = (),
        facts: tuple[str, ...] = (), help: str | None = None,
    ) -> None:  # fmt: skip
        seen = tuple(dict.fromkeys(r for r in related if r.span not in (NOWHERE, span)))[:MAX_RELATED]
        known = tuple(dict.fromkeys(fact for fact in facts if fact))
        self.found.append(Diagnostic(code, message, Label(span, label), seen, known, help))

    # --- what a state says of an operand -------------------------------------------------------------------

    def cell(self, register: ir.Reg) -> int:
        return self.space.layout.register(register)

    def definition(self, state: State, cell: int) -> Definition:
        return self.space.definitions[state.cells[cell]]

    def value(self, state: State, operand: ir.Operand) -> Value:
        return UNINITIALISED if isinstance(operand, ir.Const) else state.value(self.cell(operand))

    def way_to(self, node: ir.Node, since: ir.Node | None) -> tuple[Label, ...]:
        """The innermost condition that leads to a node, if it does not lead to `since` as well."""
        known = set() if since is None else set(self.outline.conditions(since))
        for condition in self.outline.conditions(node)[:1]:
            if condition not in known:
                return (Label(condition.span, f"if this is {'true' if condition.truth else 'false'}"),)
        return ()


def can_be_null(value: Value) -> bool:
    return isinstance(value, Folio | Reference) and value.nullness is not Nullness.NOT_NULL


def owns(value: Value) -> bool:
    return isinstance(value, Folio) and value.owns
