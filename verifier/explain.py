"""Explains failures: obligations that do not hold become diagnostics.

In: what the fixpoint tells a `Reporter`. Out: `Diagnostic` data: a code, the place, why it is wrong there, where it
came from, what was known, and an edit that helps. Nothing here decides anything. What is to be said of folios and who
owns them is in `verifier/explain_folios.py`.
"""

from __future__ import annotations

from dsl import ir
from dsl.abi import CONSTANTS, HOOKS, MAX_VERIFIER_STEPS
from dsl.diagnostics import Diagnostic, Label
from verifier.check import limits
from verifier.domains.reference import Gone, Nullness
from verifier.explain_folios import FolioStories
from verifier.explain_paths import PathStories
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
from verifier.report import Report, can_be_null
from verifier.state import Definition, Space, State
from verifier.wording import number

_WINDOW = 200
"""Instructions before a use that are searched for tests of what it uses."""


class Explainer:
    """Gathers the diagnostics of one hook."""

    def __init__(self) -> None:
        self._report: Report
        self._folios: FolioStories
        self._paths: PathStories
        self.found: list[Diagnostic] = []

    def begin(self, space: Space) -> None:
        self._report = Report(space)
        self.found = self._report.found
        self._folios = FolioStories(self._report)
        self._paths = PathStories(self._report)
        self._space = space
        self._words = self._report.words

    # --- obligations ---------------------------------------------------------------------------------------

    def failed(self, state: State, node: ir.Node, obligation: Obligation) -> None:
        if self._report.is_full:
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
                self._folios.not_owned(state, node, obligation)
            case Droppable():
                self._folios.overwritten(state, node, obligation)
            case ResultKept():
                self._folios.result_dropped(node, obligation)
            case NothingOwned():
                self._folios.left_over(state, node)

    def _not_readable(self, state: State, node: ir.Node, obligation: Readable) -> None:
        register = obligation.register
        cell = self._report.cell(register)
        if isinstance(state.value(cell), Gone):
            self._folios.used_afterwards(state, node, register)
            return
        if self._report.repeats(node.span, "unassigned", register.index):
            return
        name = self._words.name(register)
        assigned = [span for span in self._words.assignments.get(register.index, []) if span != node.span]
        related = tuple(Label(span, "assigned here, but not on every path") for span in assigned)
        label = "not assigned on every path to here" if related else "never assigned before this"
        self._report.add("uninitialised-local", f"{name} may be used before it is assigned", node.span, label, related,
                         (), f"assign {name} where it is declared")  # fmt: skip

    def _maybe_null(self, state: State, node: ir.Node, obligation: NotNull) -> None:
        operand, name = obligation.operand, self._words.name(obligation.operand)
        is_ref = operand.type.name == "ref"
        what = f"a value of `{self._space.policy.maps[operand.type.table].name}`" if is_ref else "a folio"
        code = "map-value-maybe-null" if is_ref else "folio-maybe-null"
        value = self._report.value(state, operand)
        always = not can_be_null(value) or getattr(value, "nullness", None) is Nullness.NULL
        related: tuple[Label, ...] = ()
        made: ir.Node | None = None
        if isinstance(operand, ir.Reg):
            origin = self._words.origin(self._report.definition(state, self._report.cell(operand)), can_be_null)
            made = None if origin is None else origin.node
            if isinstance(made, ir.Call) and not always and self._report.repeats(node.span, "null", id(made)):
                return
            related = self._null_labels(node, operand, made, always)
        text = operand.name if isinstance(operand, ir.Reg) else ""
        if always:
            help = "use it on the path on which it is not null"
        elif text:
            help = f"wrap the use in `if {text} != null {{ … }}`"
        else:
            help = "keep it with `let`, and use it in an `if … != null { … }`"
        message = f"{name} is null here" if always else f"{name} may be null"
        label = f"needs {what} to {obligation.purpose}"
        if made is node:
            label += ", and a round before may have given null"
        self._report.add(code, message, node.span, label, related, (self._words.fact(state, operand),), help)

    def _null_labels(self, node: ir.Node, register: ir.Reg, made: ir.Node | None, always: bool) -> tuple[Label, ...]:
        """Where null came from, and a test that does not help since it is not on every way here, or says so."""
        labels: tuple[Label, ...] = ()
        if made is not None:
            labels = (Label(made.span, "null possible from here" if isinstance(made, ir.Call) else "null from here"),)
        if not self._report.may_search:
            return labels
        outline = self._report.outline
        place, since = outline.place(node), outline.place(made)
        for tested in outline.nodes[max(since, place - _WINDOW) + 1 : place]:
            if isinstance(tested, ir.Compare) and _is_null_test(tested, register):
                says = "this test says so" if always else "tested here, but not on every path"
                labels += (Label(tested.span, says),)
        return labels

    def _stale(self, state: State, node: ir.Node, obligation: Alive) -> None:
        name = self._words.name(obligation.reference)
        table = obligation.reference.type.table
        map_name = self._space.policy.maps[table].name
        related = []
        taken = self._call_behind(self._report.definition(state, self._report.cell(obligation.reference)))
        if taken is not None:
            related.append(Label(taken.span, "taken here"))
        change = self._call_behind(self._space.definitions[state.cells[table]])
        if taken is not None and change is not None and self._report.repeats(node.span, "stale", id(taken), id(change)):
            return
        if change is not None:
            related.append(Label(change.span, "the map is changed here"))
        message = f"{name} may not refer to a value of `{map_name}` any more"
        help = f"look the key up again after the change: `{map_name}.lookup(…)`"
        if can_be_null(self._report.value(state, obligation.reference)):
            help += ", and test that for null"
        self._report.add("stale-map-value", message, node.span, f"used after `{map_name}` was changed", tuple(related),
                         (), help)  # fmt: skip

    def _call_behind(self, definition: Definition) -> ir.Call | None:
        """The first call that what a definition describes came from."""
        found = self._words.origin(definition, lambda value: True, lambda d: isinstance(d.node, ir.Call))
        return found.node if found is not None and isinstance(found.node, ir.Call) else None

    # --- numbers -------------------------------------------------------------------------------------------

    def _out_of_bounds(self, state: State, node: ir.Node, obligation: InBounds) -> None:
        name, length = self._words.name(obligation.index), obligation.length
        if self._is_known(state, node, obligation.index, "bounds", obligation.what):
            return
        size = f"{obligation.what} has {length} element" + ("s" if length != 1 else "")
        certain = isinstance(obligation.index, ir.Const)
        message = f"{name} {'is' if certain else 'may be'} beyond the end of `{obligation.what}`"
        help = f"the last one is `{obligation.what}[{length - 1}]`" if certain else self._index_help(state, obligation)
        facts = (*self._words.facts(state, obligation.index), size)
        label = f"the index must be in [0, {length - 1}]"
        self._report.add("index-out-of-bounds", message, node.span, label, (), facts, help)

    def _is_known(self, state: State, node: ir.Node, operand: ir.Operand, what: str, place: str) -> bool:
        """Whether it was told of this very value: another path uses it, too."""
        if isinstance(operand, ir.Const):
            return False
        return self._report.repeats(node.span, what, place, id(self._made(state, operand)))

    def _index_help(self, state: State, obligation: InBounds) -> str:
        text, length = _operand(self._words.text(obligation.index) or "index"), obligation.length
        made = self._made(state, obligation.index)
        if isinstance(made.node, ir.Loop) and isinstance(obligation.index, ir.Reg) and obligation.index.name:
            return f"end the loop at {length}, test `if {text} < {length} {{ … }}`, or take the index `% {length}`"
        if isinstance(made.node, ir.Binary) and made.node.op == "sub" and not made.exact:
            left, right = (self._words.text(operand) for operand in (made.node.left, made.node.right))
            if left and right:
                return f"below 0 it wraps around to the greatest number: test `if {left} >= {right} {{ … }}` first"
        return f"test `if {text} < {length} {{ … }}` first, or take the index `% {length}`"

    def _made(self, state: State, operand: ir.Operand) -> Definition:
        cell = 0 if isinstance(operand, ir.Const) else self._report.cell(operand)
        return self._report.definition(state, cell)

    def _does_not_fit(self, state: State, node: ir.Node, obligation: Fits) -> None:
        name, type = self._words.name(obligation.operand), obligation.type
        if self._is_known(state, node, obligation.operand, "fits", type.name):
            return
        label = f"must be in [{number(type.minimum)}, {number(type.maximum)}] to be stored as `{type}`"
        help = f"bound it with `min(…, {number(type.maximum)})`, or cut it off with `as {type}`"
        self._report.add("narrowing-store", f"{name} may not fit in `{type}`", node.span, label, (),
                         self._words.facts(state, obligation.operand), help)  # fmt: skip

    def _out_of_range(self, state: State, node: ir.Node, obligation: InRange) -> None:
        low, high = limits(obligation)
        name = self._words.name(obligation.operand)
        sure = isinstance(obligation.operand, ir.Const)
        span = f"{name} must be in [{number(low)}, {number(high)}]"
        help: str | None = f"bound it with `min(…, {number(high)})`"
        if not obligation.argument:
            code, help = "return-out-of-range", f"{help}, or mask it"
            message = f"`{obligation.callee}` {'returns' if sure else 'may return'} a value out of its range"
        else:
            code = "argument-out-of-range"
            message = f"`{obligation.argument}` of `{obligation.callee}` {'is' if sure else 'may be'} out of its range"
        if sure:
            names = _names_of(obligation.argument or obligation.callee)
            help = f"it takes {', '.join(names[:-1])} or {names[-1]}" if names else None
        self._report.add(code, message, node.span, span, (), self._words.facts(state, obligation.operand), help)

    # --- paths and hooks -----------------------------------------------------------------------------------

    def paths_disagree(self, node: ir.Node, cell: int, first: Definition, second: Definition) -> None:
        self._paths.paths_disagree(node, cell, first, second)

    def rounds_disagree(self, node: ir.Loop | ir.Scan, cell: int, before: Definition, after: Definition) -> None:
        self._paths.rounds_disagree(node, cell, before, after)

    def falls_off_end(self, function: ir.Function) -> None:
        """Executors take the default of the `abi` then, but the front end always returns one."""
        message = f"`{function.hook}` ends without returning a value"
        self._report.add("malformed-object", message, function.span, "its end can be reached")

    def too_hard(self, function: ir.Function) -> None:
        message = f"verifying `{function.hook}` takes more than {MAX_VERIFIER_STEPS:,} steps"
        self._report.add("policy-too-large", message, function.span, "too much to follow",
                         help="let fewer variables change from one round of a loop to the next")  # fmt: skip


def _operand(text: str) -> str:
    """An expression as it may stand in another."""
    return f"({text})" if " " in text and not text.endswith(")") else text


def _is_null_test(node: ir.Compare, register: ir.Reg) -> bool:
    pairs = (node.left, node.right), (node.right, node.left)
    return any(
        isinstance(one, ir.Reg) and one.index == register.index and isinstance(other, ir.Const) for one, other in pairs
    )


def _names_of(place: str) -> list[str]:
    """The named constants that an argument or a hook's result takes, if their descriptions say so."""
    documented = place if place in HOOKS else f"ctx.{place}"
    return [f"`{name}`" for name, (_, _, doc) in CONSTANTS.items() if doc.startswith(f"`{documented}`")]
