"""Explains where paths, or rounds of a loop, disagree about who owns a folio.

In: a register, and how it came about on each of two paths. Out: diagnostics in a `Report` that name both paths, and
what to write on the one that was not thought of.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from dsl import ir
from dsl.diagnostics import Label
from verifier.domains.reference import Folio
from verifier.folio_words import FolioWords, gives_away, is_gone
from verifier.report import Report, owns
from verifier.state import UNINITIALISED, Definition

_WINDOW = 200
"""Instructions after a branch that are searched for what gives a folio away once more."""


class PathStories:
    """What is told of the paths of one hook."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._space = report.space
        self._words = report.words
        self._say = FolioWords(report)
        self._told: set[tuple[int, int]] = set()

    def paths_disagree(self, node: ir.Node, cell: int, first: Definition, second: Definition) -> None:
        owner, other = (first, second) if owns(first.value) else (second, first)
        source = self._words.origin(owner, owns)
        told = cell, id(None if source is None else source.node)
        if told in self._told:
            return
        self._told.add(told)
        meet = Label(node.span, "the paths part here")
        if other.value is UNINITIALISED and source is not None:
            place = source.node.span if source.node is not None else self._space.function.span
            self._report.add("folio-leak", f"{self._say.the_folio(cell)} is lost", place,
                             "taken on one path, and still owned where it meets the others", (meet,),
                             help=f"on that path, {self._say.give_away(cell)}")  # fmt: skip
            return
        gone = self._words.origin(other, is_gone)
        if gone is not None and gone.node is not None:
            self._given_on_one_path(node, cell, owner, gone.node)
            return
        borrowed = self._words.origin(other, lambda value: isinstance(value, Folio) and not value.owns)
        labels = self._say.taken_label(owner)
        if borrowed is not None and borrowed.node is not None:
            labels += (Label(borrowed.node.span, "borrowed from here"),)
        self._report.add("ownership-mismatch", f"{self._words.cell(cell)} is owned on one path and borrowed on another",
                         node.span, "after this nobody knows whether it must be given away", labels,
                         help="use two variables, or take the folio off its list on both paths")  # fmt: skip

    def _given_on_one_path(self, site: ir.Node, cell: int, owner: Definition, gone: ir.Node) -> None:
        """The commonest mistake of all: a branch gives a folio away, and the other was not thought of."""
        name = self._words.cell(cell)
        if isinstance(site, ir.Repeating):
            told, help = self._round_without(site, cell, gone)
        else:
            told, help = self._branch_without(site, cell, gone)
        again = self._given_again(site, cell)
        if again is not None:
            told += (Label(again.span, "and here once more, whichever path was taken"),)
            help = "put the second into an `else` of the first"
        help = self._in_a_loop(owner, gone, name) or help
        label = f"moved to {self._words.name(gone.dst)} here" if isinstance(gone, ir.Copy) else "given away here"
        self._report.add("ownership-mismatch", f"{name} is given away on one path and still owned on another",
                         gone.span, label, (*self._say.taken_label(owner), *told), help=help)  # fmt: skip

    def _branch_without(self, site: ir.Node, cell: int, gone: ir.Node) -> tuple[tuple[Label, ...], str]:
        """Which branch keeps the folio, and what to write there."""
        help = f"on the other path, too, {self._say.give_away(cell)}"
        condition = next((c for c in self._report.outline.conditions(gone) if c.span == site.span), None)
        if condition is None:
            return (Label(site.span, "the paths part here"),), help
        has_else = isinstance(site, ir.If) and site.then and site.orelse
        if condition.truth and not has_else and isinstance(gone, ir.Call):
            help = f"add an `else` in which it is given away, too: `else {{ {self._say.example(cell)} }}`"
        outcome = "false" if condition.truth else "true"
        return (Label(site.span, f"where this is {outcome}, it is still owned"),), help

    def _round_without(self, site: ir.Node, cell: int, gone: ir.Node) -> tuple[tuple[Label, ...], str]:
        """Which `continue` keeps the folio."""
        outline = self._report.outline
        early = [c for c in outline.continues(site) if not outline.precedes(gone, c)]
        labels = tuple(
            Label(c.span, f"the next round begins, and {self._words.cell(cell)} is still owned") for c in early
        )
        return labels or (Label(site.span, "in another round it is not"),), f"before that, {self._say.give_away(cell)}"

    def _in_a_loop(self, owner: Definition, gone: ir.Node, name: str) -> str | None:
        """What to do with a folio that is given away in a loop and comes from outside of it."""
        source, outline = self._words.origin(owner, owns), self._report.outline
        taken = None if source is None else source.node
        if all(outline.is_inside(taken, loop) for loop in outline.loops(gone)):
            return None
        other = f"choose a place for {name} in the loop, and give it away after the loop"
        return other if taken is None else f"take it inside the loop, or {other}"

    def _given_again(self, site: ir.Node, cell: int) -> ir.Node | None:
        """What gives the folio away after the paths have met."""
        if isinstance(site, ir.Repeating) or not self._report.may_search:
            return None
        register = self._space.function.registers[cell - self._space.layout.registers]
        following: Iterator[ir.Node] = islice(self._report.outline.after(site), _WINDOW)
        return next((node for node in following if gives_away(node, register)), None)

    def rounds_disagree(self, node: ir.Loop | ir.Scan, cell: int, before: Definition, after: Definition) -> None:
        name, loop = self._words.cell(cell), Label(node.span, "the loop may run again")
        gone = self._words.origin(after, is_gone)
        if owns(before.value) and gone is not None and gone.node is not None:
            self._report.add("ownership-in-loop", f"{name} is given away in a loop", gone.node.span,
                             "given away here, and again in the next round", (*self._say.taken_label(before), loop),
                             help="take the folio inside the loop, or `break` once it is given away")  # fmt: skip
            return
        source = self._words.origin(after, owns)
        if not owns(before.value) and source is not None and source.node is not None:
            self._report.add("folio-leak", f"{self._say.the_folio(cell)} is lost", source.node.span,
                             "still owned when the next round begins", (loop,),
                             help=self._say.keep_it(cell, source.node)
                             or f"before the round ends, {self._say.give_away(cell)}")  # fmt: skip
            return
        self._report.add("ownership-in-loop", f"who owns {name} changes from round to round", node.span,
                         "ownership must be the same at the start of every round", self._say.taken_label(before),
                         help="use a variable of its own inside the loop")  # fmt: skip
