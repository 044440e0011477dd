"""Explains failures of ownership: folios that are lost, used after they were given away, or not the hook's to give.

In: an obligation that does not hold, and the state in which it does not. Out: diagnostics in a `Report`: where the
folio was taken or lent, where it was given away or the hook ends, and what to write instead.
"""

from __future__ import annotations

from dsl import ir
from dsl.abi import KFUNCS
from dsl.diagnostics import Label
from verifier.domains.reference import Folio
from verifier.folio_words import FolioWords, gives_away, ignored_folio, is_gone
from verifier.obligations import Droppable, Owns, ResultKept
from verifier.report import Report, can_be_null, owns
from verifier.state import Definition, State


class FolioStories:
    """What is told of the folios of one hook."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._space = report.space
        self._words = report.words
        self._say = FolioWords(report)

    # --- given away, or not the hook's ---------------------------------------------------------------------

    def used_afterwards(self, state: State, node: ir.Node, register: ir.Reg) -> None:
        name = self._words.name(register)
        gone = self._words.origin(self._report.definition(state, self._report.cell(register)), is_gone)
        if gone is not None and self._report.repeats(node.span, "gone", id(gone.node)):
            return
        if gone is not None and isinstance(gone.node, ir.Copy):
            other = self._words.name(gone.node.dst)
            self._report.add("folio-moved", f"{name} was moved to {other}", node.span, "used here afterwards",
                             (Label(gone.node.span, f"moved to {other} here"),),
                             help=f"use {other} from here on: one name at a time owns a folio")  # fmt: skip
            return
        label, help = "used here afterwards", "use it before it is given away"
        if gives_away(node, register):
            label, help = "given away once more here", "a folio is given away once: leave one of the two out"
            if gone is not None and gone.node is not None and gone.node.span == node.span:
                help = "this is reached twice with one folio: call the function once"
        self._report.add("folio-moved", f"{name} was given away", node.span, label, self._gone_label(gone), help=help)

    def not_owned(self, state: State, node: ir.Node, obligation: Owns) -> None:
        name = self._words.name(obligation.operand)
        label = f"only an owned folio can be {obligation.purpose.replace('give to', 'given to')}"
        help = "a folio that is on a list is moved with `{}`, or taken off it first with `pop_head`"
        move = self._instead_of_push(node, obligation.operand)
        self._report.add("folio-not-owned", f"{name} is not owned by the hook", node.span, label,
                         self._lent(state, obligation.operand), help=help.format(move))  # fmt: skip

    def _instead_of_push(self, node: ir.Node, operand: ir.Operand) -> str:
        """The call that moves a folio to where `node` wants to push it."""
        if not isinstance(node, ir.Call):
            return "move_tail"
        kfunc = KFUNCS[node.kfunc]
        move = kfunc.member.replace("push", "move")
        receiver, _, rest = self._words.quote(node.span).partition(f".{kfunc.member}(")
        if not rest or not isinstance(operand, ir.Reg) or not operand.name:
            return move
        return f"{receiver}.{move}({rest}"

    def _lent(self, state: State, operand: ir.Operand) -> tuple[Label, ...]:
        """Where a borrowed folio came from."""
        if not isinstance(operand, ir.Reg):
            return ()
        definition = self._report.definition(state, self._report.cell(operand))
        origin = self._words.origin(definition, lambda value: isinstance(value, Folio) and not value.owned)
        if origin is None:
            return ()
        if origin.node is None:
            hook = self._space.function
            return (Label(hook.span, f"`{hook.hook}` is lent the folio: it stays where it is"),)
        return (Label(origin.node.span, "borrowed from here"),)

    # --- lost ----------------------------------------------------------------------------------------------

    def result_dropped(self, node: ir.Node, obligation: ResultKept) -> None:
        message = f"the folio that `{obligation.kfunc.member}` takes off the list is lost"
        self._report.add("folio-leak", message, node.span, "its result is not used",
                         help="keep it with `let f = …`, test it for null and give it to a list")  # fmt: skip

    def overwritten(self, state: State, node: ir.Node, obligation: Droppable) -> None:
        name = self._words.name(obligation.register)
        cell = self._report.cell(obligation.register)
        related = self._say.taken_label(self._report.definition(state, cell))
        self._report.add("folio-leak", f"{self._say.the_folio(cell)} is lost", node.span,
                         f"{name} is overwritten, and still owns a folio", related,
                         help=f"first {self._say.give_away(cell)}")  # fmt: skip

    def left_over(self, state: State, node: ir.Node) -> None:
        """One error for each folio, at the place where it was taken, however many ends lose it."""
        for cell in sorted(state.owned):
            if cell >= self._space.layout.memory or not state.owning(cell):
                continue
            taken = self._words.origin(self._report.definition(state, cell), owns)
            if not self._report.repeats(node.span, "lost", cell, id(taken.node) if taken is not None else 0):
                self._lost_at_end(state, cell, taken, node)

    def _lost_at_end(self, state: State, cell: int, taken: Definition | None, node: ir.Node) -> None:
        name, hook = self._words.cell(cell), self._space.function
        if taken is not None and taken.node is None and not self._say.is_named(cell):
            self._report.found.append(ignored_folio(hook))
            return
        label = f"{name} {'may still own' if can_be_null(state.value(cell)) else 'still owns'} it when the hook ends"
        if not self._say.is_named(cell):
            label = "still owned when the hook ends"
        origin = None if taken is None else taken.node
        way = self._report.way_to(node, origin) if self._report.may_search else ()
        help = self._say.keep_it(cell, origin) or f"before that, {self._say.give_away(cell)}"
        place = hook.span if origin is None else origin.span
        self._report.add("folio-leak", f"{self._say.the_folio(cell)} is lost", place, label,
                         (*way, Label(node.span, "the hook ends here")), help=help)  # fmt: skip

    @staticmethod
    def _gone_label(gone: Definition | None) -> tuple[Label, ...]:
        return () if gone is None or gone.node is None else (Label(gone.node.span, "given away here"),)
