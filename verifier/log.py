"""The states of the analysis, for people.

In: a policy whose structure is sound. Out: for each line of each hook what is known when it is first reached, and for
a loop what holds in each of its rounds; in names of the source that mean something there, never in numbers of
registers. Nothing depends on it: the verdict is the same whether it is asked for or not.
"""

from __future__ import annotations

from dataclasses import dataclass

from dsl import ir
from verifier.domains import value as scalars
from verifier.explain import Explainer
from verifier.fixpoint import Fixpoint
from verifier.obligations import operands
from verifier.outline import Outline
from verifier.state import UNINITIALISED, Space, State
from verifier.wording import Wording


@dataclass(frozen=True, slots=True)
class LineStates:
    """What is known where `line` is first reached in `hook`, each fact as text such as `i ∈ [0, 7]`. If a loop begins
    there, `rounds` is what holds at the start of each round of what changes in the loop: its invariant."""

    hook: str
    line: int
    facts: tuple[str, ...]
    rounds: tuple[str, ...] = ()


class _Recorder(Explainer):
    """Keeps the state before the first node of each line, each loop and each of its rounds, from the pass that is
    reported last: that one goes by confirmed invariants."""

    def begin(self, space: Space) -> None:
        super().begin(space)
        self.space = space
        self.seen: list[tuple[ir.Node, State]] = []
        self._lines: set[int] = set()
        self._round_begins = False

    def observe(self, node: ir.Node, state: State, space: Space) -> None:
        is_loop = isinstance(node, ir.Repeating)
        if is_loop or self._round_begins or node.span.line not in self._lines:
            self.seen.append((node, state.fork()))
        self._lines.add(node.span.line)
        self._round_begins = is_loop


def trace(policy: ir.Policy) -> tuple[LineStates, ...]:
    """The states at all lines that can be reached."""
    found: list[LineStates] = []
    for function in policy.hooks:
        recorder = _Recorder()
        Fixpoint(policy, function, recorder, recorder.observe).run()
        found += _HookLog(recorder.space, recorder.seen).lines()
    return tuple(found)


def facts_at(space: Space, node: ir.Node, state: State) -> tuple[str, ...]:
    """What is known in a state before `node`."""
    return _HookLog(space, []).facts(node, state, None)


class _HookLog:
    """Tells of the states of one hook."""

    def __init__(self, space: Space, seen: list[tuple[ir.Node, State]]) -> None:
        self._space = space
        self._words = Wording(space)
        self._outline = Outline(space.function)
        self._scopes = _Scopes(space, self._outline)
        self._seen = seen
        params = space.policy.params
        self._declared = {c: scalars.between(params[n].low, params[n].high) for n, c in space.layout.params.items()}
        """What the source says of its params: that is not repeated on each line."""

    def lines(self) -> list[LineStates]:
        facts: dict[int, tuple[str, ...]] = {}
        rounds: dict[int, tuple[str, ...]] = {}
        for number, (node, state) in enumerate(self._seen):
            line = node.span.line
            if line and line not in facts:
                facts[line] = self.facts(node, state, None)
            if isinstance(node, ir.Repeating) and line and line not in rounds:
                first, begins = self._seen[number + 1] if number + 1 < len(self._seen) else (node, state)
                if self._outline.is_inside(first, node):
                    rounds[line] = self.facts(first, begins, state)
        hook = self._space.function.hook
        return [LineStates(hook, line, known, rounds.get(line, ())) for line, known in sorted(facts.items())]

    def facts(self, node: ir.Node, state: State, before: State | None) -> tuple[str, ...]:
        """What is known of everything that has a name and a value; with `before`, of what has changed since."""
        names = self._scopes.names(node)
        facts = []
        for cell, name in names.items():
            value = state.value(cell)
            if (
                value is UNINITIALISED
                or value == self._declared.get(cell)
                or (before is not None and before.cells[cell] == state.cells[cell])
            ):
                continue
            facts += self._words.known(cell, name, value, state)
            facts += [
                fact for fact in self._words.relations(state, state.cells[cell], name) if fact.startswith(f"{name} ")
            ]
        return tuple(dict.fromkeys(facts))


class _Scopes:
    """Which names mean something where: a register is named only inside the block that declares it."""

    def __init__(self, space: Space, outline: Outline) -> None:
        self._space = space
        self._outline = outline
        self._parents: dict[int, tuple[int, ...]] = {}
        """By register: the constructs around all that is said of it, from the outside."""
        self._first: dict[int, int] = {}
        for parameter in space.function.params:
            self._parents[parameter.index], self._first[parameter.index] = (), -1
        for place, node in enumerate(outline.nodes):
            for register in _named_in(node):
                self._mention(register, node, place)

    def _mention(self, register: ir.Reg, node: ir.Node, place: int) -> None:
        around = tuple(id(a.node) for a in reversed(self._outline.around(node)))
        if isinstance(node, ir.Repeating) and register in _variables(node):
            around = (*around, id(node))
        known = self._parents.get(register.index, around)
        common = next(
            (n for n, (a, b) in enumerate(zip(known, around, strict=False)) if a != b), min(len(known), len(around))
        )
        self._parents[register.index] = around[:common]
        self._first.setdefault(register.index, place)

    def names(self, node: ir.Node) -> dict[int, str]:
        """The cells that have a name at `node`; of several with one name the one that was declared last."""
        layout, place = self._space.layout, self._outline.place(node)
        around = tuple(id(a.node) for a in reversed(self._outline.around(node)))
        found: dict[str, int] = {}
        for cell, name in sorted(layout.names.items()):
            index = cell - layout.registers
            if index < len(self._space.function.registers):
                scope = self._parents.get(index, ())
                if around[: len(scope)] != scope or self._first.get(index, -1) > place:
                    continue
            found[name] = cell
        return {cell: name for name, cell in sorted(found.items(), key=lambda item: item[1])}


def _variables(node: ir.Loop | ir.Scan) -> tuple[ir.Reg, ...]:
    return (node.index,) if isinstance(node, ir.Loop) else (node.folio,)


def _named_in(node: ir.Node) -> list[ir.Reg]:
    """The registers with a name that a node reads or writes."""
    found = [operand for operand in operands(node) if isinstance(operand, ir.Reg)]
    found += _variables(node) if isinstance(node, ir.Repeating) else ()
    target = getattr(node, "dst", None)
    if isinstance(target, ir.Reg):
        found.append(target)
    return [register for register in found if register.name]
