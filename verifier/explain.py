"""Explains failures: obligations that do not hold become diagnostics.

In: what the fixpoint tells a `Reporter`. Out: `Diagnostic` data: a code, the place, why it is wrong there, where it
came from, what was known, and an edit that helps. Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import replace

from dsl import ir
from dsl.abi import KFUNCS, MAX_VERIFIER_STEPS
from dsl.diagnostics import Diagnostic, Label
from dsl.source import NOWHERE, Span
from verifier.check import limits
from verifier.domains.reference import Folio, Gone, Nullness, Reference
from verifier.obligations import (
    Alive,
    Droppable,
    Fits,
    InBounds,
    InRange,
    NothingOwned,
    NotNull,
    Obligation,
    Owns,
    Readable,
    ResultKept,
)
from verifier.state import UNINITIALISED, Definition, Space, State, Value
from verifier.wording import Wording, number

_GIVE_AWAY = "give it to a list with `push_head` or `push_tail`"
_MAX_RELATED = 4
_MAX_FOUND = 1000
"""More mistakes in one hook than this are not told: there are far more than anybody reads."""


class Explainer:
    """Gathers the diagnostics of one hook."""

    def __init__(self) -> None:
        self._space: Space
        self._words: Wording
        self.found: list[Diagnostic] = []
        self._told: set[int] = set()
        self._lost: dict[tuple[int, int], int] = {}

    def begin(self, space: Space) -> None:
        self._space = space
        self._words = Wording(space)
        self.found = []
        self._told = set()
        self._lost = {}

    # --- obligations ---------------------------------------------------------------------------------------

    def failed(self, state: State, node: ir.Node, obligation: Obligation) -> None:
        if len(self.found) >= _MAX_FOUND:
            return
        match obligation:
            case Readable():
                self._not_readable(state, node, obligation)
            case NotNull():
                self._maybe_null(state, node, obligation)
            case Alive():
                self._stale(state, node, obligation)
            case InBounds():
                self._out_of_bounds(state, node, obligation)
            case Fits():
                self._does_not_fit(state, node, obligation)
            case InRange():
                self._out_of_range(state, node, obligation)
            case Owns():
                self._not_owned(state, node, obligation)
            case Droppable():
                self._overwritten(state, node, obligation)
            case ResultKept():
                message = f"the folio that `{obligation.kfunc.member}` takes off the list is lost"
                self._add("folio-leak", message, node.span, "its result is not used", (), (),
                          "keep it with `let f = …`, test it for null and give it to a list")  # fmt: skip
            case NothingOwned():
                self._left_over(state, node)

    def _not_readable(self, state: State, node: ir.Node, obligation: Readable) -> None:
        register = obligation.register
        name = self._words.name(register)
        cell = self._space.layout.register(register)
        value = state.value(cell)
        if isinstance(value, Gone):
            gone = self._words.origin(self._definition(state, cell), lambda v: isinstance(v, Gone))
            self._add("folio-moved", f"{name} was given away", node.span, "used here afterwards",
                      self._gone_label(gone), (), "use it before it is given away")  # fmt: skip
            return
        assigned = [span for span in self._words.assignments.get(register.index, []) if span != node.span]
        related = tuple(Label(span, "assigned here, but not on every path") for span in assigned)
        label = "not assigned on every path to here" if related else "never assigned before this"
        self._add("uninitialised-local", f"{name} may be used before it is assigned", node.span, label, related, (),
                  f"assign {name} where it is declared")  # fmt: skip

    def _maybe_null(self, state: State, node: ir.Node, obligation: NotNull) -> None:
        operand, name = obligation.operand, self._words.name(obligation.operand)
        is_ref = operand.type.name == "ref"
        what = f"a value of `{self._space.policy.maps[operand.type.table].name}`" if is_ref else "a folio"
        code = "map-value-maybe-null" if is_ref else "folio-maybe-null"
        value = self._value(state, operand)
        always = not isinstance(value, Folio | Reference) or value.nullness is Nullness.NULL
        related: tuple[Label, ...] = ()
        if isinstance(operand, ir.Reg):
            cell = self._space.layout.register(operand)
            origin = self._words.origin(self._definition(state, cell), _can_be_null)
            if origin is not None and origin.node is not None:
                sure = not isinstance(origin.node, ir.Call)
                related = (Label(origin.node.span, "null from here" if sure else "null possible from here"),)
        text = operand.name if isinstance(operand, ir.Reg) else ""
        if always:
            help = "use it on the path on which it is not null"
        elif text:
            help = f"wrap the use in `if {text} != null {{ … }}`"
        else:
            help = "keep it with `let`, and use it in an `if … != null { … }`"
        message = f"{name} is null here" if always else f"{name} may be null"
        facts = (self._words.fact(state, operand),)
        self._add(code, message, node.span, f"needs {what} to {obligation.purpose}", related, facts, help)

    def _stale(self, state: State, node: ir.Node, obligation: Alive) -> None:
        name = self._words.name(obligation.reference)
        table = obligation.reference.type.table
        map_name = self._space.policy.maps[table].name
        taken = self._definition(state, self._space.layout.register(obligation.reference))
        related = [Label(taken.node.span, "taken here")] if isinstance(taken.node, ir.Call) else []
        change = self._space.definitions[state.cells[table]]
        if isinstance(change.node, ir.Call):
            related.append(Label(change.node.span, "the map is changed here"))
        message = f"{name} may not refer to a value of `{map_name}` any more"
        self._add("stale-map-value", message, node.span, f"used after `{map_name}` was changed", tuple(related), (),
                  f"look the key up again after the change: `{map_name}.lookup(…)`")  # fmt: skip

    def _out_of_bounds(self, state: State, node: ir.Node, obligation: InBounds) -> None:
        name, text = self._words.name(obligation.index), self._words.text(obligation.index)
        what, length = obligation.what, obligation.length
        size = f"{what} has {length} element" + ("s" if length != 1 else "")
        facts = (self._words.fact(state, obligation.index), size)
        certain = isinstance(obligation.index, ir.Const)
        message = f"{name} is beyond the end of `{what}`" if certain else f"{name} may be beyond the end of `{what}`"
        help = f"test `if {text or 'index'} < {length} {{ … }}` first, or take the index `% {length}`"
        label = f"the index must be in [0, {length - 1}]"
        self._add("index-out-of-bounds", message, node.span, label, (), facts, None if certain else help)

    def _does_not_fit(self, state: State, node: ir.Node, obligation: Fits) -> None:
        name, type = self._words.name(obligation.operand), obligation.type
        label = f"must be in [{number(type.minimum)}, {number(type.maximum)}] to be stored as `{type}`"
        help = f"bound it with `min(…, {number(type.maximum)})`, or cut it off with `as {type}`"
        facts = (self._words.fact(state, obligation.operand),)
        self._add("narrowing-store", f"{name} may not fit in `{type}`", node.span, label, (), facts, help)

    def _out_of_range(self, state: State, node: ir.Node, obligation: InRange) -> None:
        name = self._words.name(obligation.operand)
        low, high = (number(limit) for limit in limits(obligation))
        facts = (self._words.fact(state, obligation.operand),)
        if obligation.argument:
            message = f"`{obligation.argument}` of `{obligation.callee}` may be out of its range"
            label = f"{name} must be in [{low}, {high}]"
            self._add("argument-out-of-range", message, node.span, label, (), facts, f"bound it with `min(…, {high})`")
        else:
            message = f"`{obligation.callee}` may return a value out of its range"
            label = f"{name} must be in [{low}, {high}]"
            help = f"bound it with `min(…, {high})`, or mask it"
            self._add("return-out-of-range", message, node.span, label, (), facts, help)

    def _not_owned(self, state: State, node: ir.Node, obligation: Owns) -> None:
        name = self._words.name(obligation.operand)
        related: tuple[Label, ...] = ()
        if isinstance(obligation.operand, ir.Reg):
            cell = self._space.layout.register(obligation.operand)
            origin = self._words.origin(self._definition(state, cell), lambda v: isinstance(v, Folio) and not v.owned)
            if origin is not None and origin.node is not None:
                related = (Label(origin.node.span, "borrowed from here"),)
        kfunc = KFUNCS[node.kfunc] if isinstance(node, ir.Call) else None
        move = kfunc.member.replace("push", "move") if kfunc is not None else ""
        help = f"a folio that is on a list is moved with `{move}`, or taken off it first with `pop_head`"
        self._add("folio-not-owned", f"{name} is not owned by the hook", node.span,
                  f"only an owned folio can be {obligation.purpose.replace('give to', 'given to')}", related, (),
                  help)  # fmt: skip

    # --- ownership -----------------------------------------------------------------------------------------

    def _overwritten(self, state: State, node: ir.Node, obligation: Droppable) -> None:
        name = self._words.name(obligation.register)
        cell = self._space.layout.register(obligation.register)
        related = self._taken_label(self._definition(state, cell))
        self._add("folio-leak", f"{self._the_folio(cell)} is lost", node.span,
                  f"{name} is overwritten, and still owns a folio", related, (), f"first {_GIVE_AWAY}")  # fmt: skip

    def _left_over(self, state: State, node: ir.Node) -> None:
        """One error for each folio, at the place where it was taken, however many ends lose it."""
        for cell in sorted(state.owned):
            if not state.owning(cell):
                continue
            taken = self._words.origin(self._definition(state, cell), _owns)
            key = (cell, id(taken.node) if taken is not None else 0)
            first = self._lost.get(key)
            if first is None:
                self._lost[key] = len(self.found)
                self._lost_at_end(state, cell, taken, node)
            elif len(self.found[first].related) < _MAX_RELATED:
                told = self.found[first]
                self.found[first] = replace(told, related=(*told.related, Label(node.span, "and here")))

    def _lost_at_end(self, state: State, cell: int, taken: Definition | None, node: ir.Node) -> None:
        name = self._words.cell(cell)
        label = f"{name} {'may still own' if _can_be_null(state.value(cell)) else 'still owns'} it when the hook ends"
        if not self._space.function.registers[cell - self._space.layout.registers].name:
            label = "still owned when the hook ends"
        place = self._space.function.span if taken is None or taken.node is None else taken.node.span
        self._add("folio-leak", f"{self._the_folio(cell)} is lost", place, label,
                  (Label(node.span, "the hook ends here"),), (), f"before that, {_GIVE_AWAY}")  # fmt: skip

    def paths_disagree(self, node: ir.Node, cell: int, first: Definition, second: Definition) -> None:
        owner, other = (first, second) if _owns(first.value) else (second, first)
        source = self._words.origin(owner, _owns)
        if id(source) in self._told:
            return
        self._told.add(id(source))
        name, meet = self._words.cell(cell), Label(node.span, "the paths part here")
        taken = self._taken_label(owner)
        if other.value is UNINITIALISED and source is not None:
            place = source.node.span if source.node is not None else self._space.function.span
            self._add("folio-leak", f"{self._the_folio(cell)} is lost", place,
                      "taken on one path, and still owned where it meets the others", (meet,), (),
                      f"on that path, {_GIVE_AWAY}")  # fmt: skip
            return
        gone = self._words.origin(other, lambda v: isinstance(v, Gone))
        if gone is not None and gone.node is not None:
            self._add("ownership-mismatch", f"{name} is given away on one path and still owned on another",
                      gone.node.span, "given away here", (*taken, meet), (),
                      f"on every path once: on the other, too, {_GIVE_AWAY}, or put this into its `else`")  # fmt: skip
            return
        self._add("ownership-mismatch", f"{name} is owned on one path and borrowed on another", node.span,
                  "after this nobody knows whether it must be given away", taken, (),
                  "use two variables, or take the folio off its list on both paths")  # fmt: skip

    def rounds_disagree(self, node: ir.Loop | ir.Scan, cell: int, before: Definition, after: Definition) -> None:
        name, loop = self._words.cell(cell), Label(node.span, "the loop may run again")
        gone = self._words.origin(after, lambda v: isinstance(v, Gone))
        if _owns(before.value) and gone is not None and gone.node is not None:
            self._add("ownership-in-loop", f"{name} is given away in a loop", gone.node.span,
                      "given away here, and again in the next round", (*self._taken_label(before), loop), (),
                      "take the folio inside the loop, or `break` once it is given away")  # fmt: skip
            return
        source = self._words.origin(after, _owns)
        if not _owns(before.value) and source is not None and source.node is not None:
            self._add("folio-leak", f"{self._the_folio(cell)} is lost", source.node.span,
                      "still owned when the next round begins", (loop,), (),
                      f"before the round ends, {_GIVE_AWAY}")  # fmt: skip
            return
        self._add("ownership-in-loop", f"who owns {name} changes from round to round", node.span,
                  "ownership must be the same at the start of every round", self._taken_label(before), (),
                  "use a variable of its own inside the loop")  # fmt: skip

    def falls_off_end(self, function: ir.Function) -> None:
        """Executors take the default of the `abi` then, but the front end always returns one."""
        message = f"`{function.hook}` ends without returning a value"
        self._add("malformed-object", message, function.span, "its end can be reached", (), (), None)

    def too_hard(self, function: ir.Function) -> None:
        message = f"verifying `{function.hook}` takes more than {MAX_VERIFIER_STEPS:,} steps"
        self._add("policy-too-large", message, function.span, "too much to follow", (), (),
                  "let fewer variables change from one round of a loop to the next")  # fmt: skip

    def _the_folio(self, cell: int) -> str:
        """A folio, by the variable it is in, or by the call that gave it."""
        name = self._words.cell(cell)
        index = cell - self._space.layout.registers
        return f"the folio in {name}" if self._space.function.registers[index].name else f"the folio that {name} gives"

    # --- parts ---------------------------------------------------------------------------------------------

    def _add(
        self, code: str, message: str, span: Span, label: str, related: tuple[Label, ...], facts: tuple[str, ...],
        help: str | None,
    ) -> None:  # fmt: skip
        seen = tuple(dict.fromkeys(r for r in related if r.span != NOWHERE))[:_MAX_RELATED]
        known = tuple(fact for fact in facts if fact)
        self.found.append(Diagnostic(code, message, Label(span, label), seen, known, help))

    def _definition(self, state: State, cell: int) -> Definition:
        return self._space.definitions[state.cells[cell]]

    def _value(self, state: State, operand: ir.Operand) -> Value:
        return UNINITIALISED if isinstance(operand, ir.Const) else state.value(self._space.layout.register(operand))

    def _taken_label(self, definition: Definition) -> tuple[Label, ...]:
        """Where an owned folio came from."""
        source = self._words.origin(definition, _owns)
        if source is None:
            return ()
        if source.node is None:
            hook = self._space.function
            return (Label(hook.span, f"`{hook.hook}` owns the folio it is handed"),)
        return (Label(source.node.span, "taken here"),)

    @staticmethod
    def _gone_label(gone: Definition | None) -> tuple[Label, ...]:
        if gone is None or gone.node is None:
            return ()
        return (Label(gone.node.span, "moved here" if isinstance(gone.node, ir.Copy) else "given away here"),)


def _owns(value: Value) -> bool:
    return isinstance(value, Folio) and value.owns


def _can_be_null(value: Value) -> bool:
    return isinstance(value, Folio | Reference) and value.nullness is not Nullness.NOT_NULL
