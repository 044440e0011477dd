"""The fixpoint: states at every point of a hook, for any number of rounds of its loops.

In: a hook whose structure is sound. Out: everything that fails, told to a `Reporter`; what every loop may run; the
states, to whoever `observe`s. The walk follows the structure of the IR. A loop keeps an *invariant*: what holds at its
head of the cells that its body changes, while all others keep their symbols. It is grown round by round, widened when
that goes on, and kept between the rounds of outer loops, so that nested loops cost the sum and not the product.

Three phases: growing until nothing changes; shrinking by plain rounds, which takes back what widening gave away; and
one round that reports and confirms every invariant. Should it find one that does not hold, growing is resumed, so
what is reported last always comes from confirmed invariants: the argument needs no more than that. Poison, which
stands for "reported already", adds nothing to an invariant, so that no error of an early round hides one of the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from dsl import ir
from dsl.abi import HOOKS, MAX_VERIFIER_STEPS
from dsl.types import U64
from verifier.cells import lay_out, nodes_of
from verifier.check import Checker
from verifier.domains import value as scalars
from verifier.domains.reference import Folio, Nullness
from verifier.domains.value import Scalar
from verifier.invariant import Invariant, Phase, thresholds_of
from verifier.obligations import Obligation, derive
from verifier.refine import refine
from verifier.state import (
    NOTHING,
    OPAQUE,
    UNINITIALISED,
    Definition,
    Space,
    State,
    Value,
    assign,
    empty_state,
    freeze,
    merge,
    thaw,
)
from verifier.transfer import Transfer

_SHRINKING_ROUNDS = 2

Repeating = ir.Loop | ir.Scan


class Reporter(Protocol):
    """Is told of failures, in the last phase only."""

    def begin(self, space: Space) -> None:
        """A round that reports begins; what was told of this hook before is void."""

    def failed(self, state: State, node: ir.Node, obligation: Obligation) -> None: ...

    def paths_disagree(self, node: ir.Node, cell: int, first: Definition, second: Definition) -> None: ...

    def rounds_disagree(self, node: Repeating, cell: int, before: Definition, after: Definition) -> None: ...

    def falls_off_end(self, function: ir.Function) -> None: ...

    def too_hard(self, function: ir.Function) -> None: ...


class Work:
    """What may still be done for a policy, so that every object gets its verdict in bounded time."""

    def __init__(self) -> None:
        self.left = MAX_VERIFIER_STEPS


class _TooHardError(Exception):
    """No work is left."""


@dataclass(slots=True)
class _Frame:
    """A construct that `break` and `continue` name, with the states that did so."""

    breaks: list[State] = field(default_factory=list)
    continues: list[State] = field(default_factory=list)


Observer = Callable[[ir.Node, State, Space], None]


class Fixpoint:
    """The analysis of one hook."""

    def __init__(
        self,
        policy: ir.Policy,
        function: ir.Function,
        reporter: Reporter,
        observe: Observer | None = None,
        work: Work | None = None,
    ) -> None:
        layout = lay_out(policy, function)
        self._work = work or Work()
        self._call_work = len(layout.volatile()) >> 3
        self._function = function
        self._reporter = reporter
        self._observe = observe
        self.space = Space(policy, function, layout)
        self._layout = layout
        self._transfer = Transfer(self.space)
        self._checker = Checker(self.space, self._transfer)
        nodes = list(nodes_of(function.body))
        self._obligations = {id(node): derive(policy, function, node) for node in nodes}
        self._end = ir.Return(None, function.span)
        self._obligations[id(self._end)] = derive(policy, function, self._end)
        self._invariants = {id(node): Invariant() for node in nodes if isinstance(node, Repeating)}
        self._thresholds = thresholds_of(nodes)
        self._phase = Phase.REPORT
        self._changed = False
        self._frames: list[_Frame] = []
        self.limits: dict[int, Scalar] = {}
        """By the identity of a loop that can be reached: what its limit may be."""
        self.finished = True
        """False if the hook was too much work: the reporter was told so, and nothing else is known."""

    def run(self) -> None:
        """Analyse the hook; the reporter has been told of everything when it returns."""
        try:
            self._analyse()
        except _TooHardError:
            self.finished = False
            self._reporter.begin(self.space)
            self._reporter.too_hard(self._function)

    def _analyse(self) -> None:
        if self._invariants:
            self._pass(Phase.GROW)
            widened = any(invariant.widened for invariant in self._invariants.values())
            for _ in range(_SHRINKING_ROUNDS if widened else 0):
                self._pass(Phase.SHRINK)
        self._pass(Phase.REPORT)
        while self._changed:
            self._pass(Phase.GROW)
            self._pass(Phase.REPORT)

    def _pass(self, phase: Phase) -> None:
        self._phase = phase
        self._changed = False
        self.limits.clear()
        del self.space.definitions[1:]
        if phase is Phase.REPORT:
            self._reporter.begin(self.space)
        state = self._body(self._function.body, self._entry())
        if state is not None:
            self._require(state, self._end)
            if phase is Phase.REPORT and self._function.result is not None:
                self._reporter.falls_off_end(self._function)

    def _entry(self) -> State:
        """Where a hook begins: state variables hold anything, params anything in their range; the folio is the core's
        or the hook's, as the `abi` says."""
        state, policy = empty_state(), self.space.policy
        values: dict[int, Value] = dict.fromkeys(range(self._layout.maps), OPAQUE)
        for number, cell in self._layout.states.items():
            values[cell] = scalars.of_type(policy.states[number].type)
        for number, cell in self._layout.params.items():
            values[cell] = scalars.between(policy.params[number].low, policy.params[number].high)
        owned = HOOKS[self._function.hook].folio == "owned"
        for register in self._function.params:
            values[self._layout.register(register)] = Folio(Nullness.NOT_NULL, owned)
        for cell, value in values.items():
            assign(self.space, state, cell, value, Definition(None, (), (), value))
        return state

    # --- structure -----------------------------------------------------------------------------------------

    def _body(self, body: tuple[ir.Node, ...], state: State) -> State | None:
        """The state at the end of a body that is entered with `state`; None if that cannot be reached."""
        current: State | None = state
        for node in body:
            if current is None:
                return None
            current = self._node(node, current)
        return current

    def _node(self, node: ir.Node, state: State) -> State | None:
        self._spend(node, state)
        if self._observe is not None and self._phase is Phase.REPORT:
            self._observe(node, state, self.space)
        self._require(state, node)
        match node:
            case ir.If():
                return self._if(node, state)
            case ir.Block():
                return self._block(node, state)
            case ir.Loop() | ir.Scan():
                return self._loop(node, state)
            case ir.Break():
                self._frames[-1 - node.depth].breaks.append(state)
                return None
            case ir.Continue():
                self._frames[-1 - node.depth].continues.append(state)
                return None
            case ir.Return():
                return None
        self._transfer.apply(state, node)
        return state

    def _spend(self, node: ir.Node, state: State) -> None:
        """Counts a node, and what grows with the state: what a call makes unknown, and the folios in the hand."""
        owned = len(state.owned)
        steps = 1 + (owned >> 6)
        if isinstance(node, ir.Return):
            steps += owned
        elif isinstance(node, ir.Call):
            steps += self._call_work
        self._work.left -= steps
        if self._work.left < 0:
            raise _TooHardError

    def _require(self, state: State, node: ir.Node) -> None:
        for obligation in self._obligations[id(node)]:
            if not self._checker.holds(state, obligation):
                if self._phase is Phase.REPORT:
                    self._reporter.failed(state, node, obligation)
                self._checker.assume(state, obligation)

    def _merge(self, states: list[State], node: ir.Node) -> State | None:
        def conflict(cell: int, first: Definition, second: Definition) -> None:
            if self._phase is Phase.REPORT:
                self._reporter.paths_disagree(node, cell, first, second)

        return merge(self.space, states, node, conflict)

    def _if(self, node: ir.If, state: State) -> State | None:
        """Sound: each branch is entered with every state in which the condition has its outcome."""
        ends = []
        for truth, body in ((True, node.then), (False, node.orelse)):
            branch = state.fork()
            if self._take(branch, node.condition, truth):
                end = self._body(body, branch)
                if end is not None:
                    ends.append(end)
        return self._merge(ends, node)

    def _take(self, state: State, condition: ir.Operand, truth: bool) -> bool:
        if isinstance(condition, ir.Const):
            return bool(condition.value) == truth
        return refine(self.space, state, state.cells[self._layout.register(condition)], truth)

    def _block(self, node: ir.Block, state: State) -> State | None:
        frame = _Frame()
        self._frames.append(frame)
        end = self._body(node.body, state)
        self._frames.pop()
        return self._merge(frame.breaks if end is None else [*frame.breaks, end], node)

    # --- loops ---------------------------------------------------------------------------------------------

    def _loop(self, node: Repeating, entry: State) -> State | None:
        """Sound: the body is entered with every state of the head whose counter is below the limit; the end is
        reached from the head, or, if there is a round for certain, from the end of a round."""
        limit = self._transfer.value(entry, node.limit)
        bound = limit if isinstance(limit, Scalar) else scalars.between(0, 1)  # poisoned: say nothing about its cost
        known = self.limits.get(id(node))
        self.limits[id(node)] = bound if known is None else known.join(bound)
        invariant = self._invariants[id(node)]
        variable = self._layout.register(node.folio if isinstance(node, ir.Scan) else node.index)
        entry.bind(variable, NOTHING)
        base = len(self.space.definitions)
        left = [(len(frame.breaks), len(frame.continues)) for frame in self._frames]
        while True:
            self._forget_round(base, left)
            head = self._head(node, invariant, entry)
            frame = _Frame()
            back = self._round(node, head, bound, variable, frame) if bound.high > 0 else None
            if not self._update(node, invariant, entry, head, back) or self._phase is not Phase.GROW:
                break
        ends = list(frame.breaks)
        if isinstance(node, ir.Scan) or bound.low == 0:
            ends.append(head)
        elif back is not None:
            self._poison_disagreeing(invariant, back)
            ends.append(back)
        return self._merge(ends, node)

    def _forget_round(self, base: int, left: list[tuple[int, int]]) -> None:
        """Drops the symbols of a round, and the states in which it left for outer constructs: another one follows."""
        del self.space.definitions[base:]
        for frame, (breaks, continues) in zip(self._frames, left, strict=True):
            del frame.breaks[breaks:]
            del frame.continues[continues:]

    def _head(self, node: Repeating, invariant: Invariant, entry: State) -> State:
        """The state at the head: the entry's, with fresh symbols for what the loop changes."""
        head = entry.fork()
        for cell in sorted(invariant.values):
            value = invariant.values[cell]
            if value is UNINITIALISED or cell >= self._layout.memory:
                head.bind(cell, NOTHING)
            else:
                sources = invariant.made_by.get(cell, ())
                assign(self.space, head, cell, thaw(head, value), Definition(node, (), sources, value))
        return head

    def _round(self, node: Repeating, head: State, bound: Scalar, variable: int, frame: _Frame) -> State | None:
        """One round; the state at its end, without the loop's own variable."""
        state = head.fork()
        if isinstance(node, ir.Scan):
            value: Value = Folio(Nullness.NOT_NULL, owned=False)
        else:
            value = scalars.between(0, bound.high - 1)
        assign(self.space, state, variable, value, Definition(node, (), (), value))
        self._frames.append(frame)
        end = self._body(node.body, state)
        self._frames.pop()
        back = self._merge(frame.continues if end is None else [*frame.continues, end], node)
        if back is not None:
            if back.owning(variable) and self._phase is Phase.REPORT:
                definitions = self.space.definitions
                self._reporter.rounds_disagree(node, variable, definitions[NOTHING], definitions[back.cells[variable]])
            back.bind(variable, NOTHING)
        return back

    def _update(self, node: Repeating, invariant: Invariant, entry: State, head: State, back: State | None) -> bool:
        """Makes the invariant hold of the entry and of the end of a round; whether it had to be changed.

        Cells that the round left alone keep their symbol, and with it their value: they need no invariant. Those in
        the invariant are compared even so, since the entry may have become wider or narrower since.
        """
        changed = {} if back is None else dict(self._changes(head, back))
        result = False
        for cell in sorted(invariant.values.keys() | changed.keys()):
            definitions = self.space.definitions
            value = self._frozen(entry, cell)
            if back is not None and cell in changed:
                made_by = definitions[entry.cells[cell]], definitions[back.cells[cell]]
                value = invariant.join(cell, value, self._frozen(back, cell), made_by)
            if invariant.adopt(cell, value, self._phase, self._thresholds, self._layout.types.get(cell, U64)):
                result = True
        if self._phase is Phase.REPORT:
            for cell, (was, is_now) in invariant.disagreeing.items():
                self._reporter.rounds_disagree(node, cell, was, is_now)
        self._changed |= result and self._phase is Phase.REPORT
        return result

    def _changes(self, head: State, back: State) -> list[tuple[int, int]]:
        return [(cell, symbol) for cell, _, symbol in head.cells.differences(back.cells)]

    def _frozen(self, state: State, cell: int) -> Value:
        """What an invariant says of a cell's value: of an epoch that there is one, of memory nothing."""
        if cell < self._layout.maps:
            return OPAQUE
        return UNINITIALISED if cell >= self._layout.memory else freeze(state, state.value(cell))

    def _poison_disagreeing(self, invariant: Invariant, state: State) -> None:
        for cell in invariant.disagreeing:
            self._checker.poison(state, cell)
