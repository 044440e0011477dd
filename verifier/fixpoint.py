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
from functools import partial
from typing import Any

from dsl import ir
from dsl.abi import HOOKS, MAX_VERIFIER_STEPS
from dsl.types import U64
from verifier.cells import lay_out
from verifier.check import Checker
from verifier.domains import value as scalars
from verifier.domains.reference import Folio, Gone, Nullness
from verifier.domains.value import Scalar
from verifier.invariant import Invariant, Phase, Thresholds
from verifier.obligations import Obligation, Readable, registers_read
from verifier.pace import Pace, reached
from verifier.persistent import BITS
from verifier.plan import Planner, Step
from verifier.refine import refine
from verifier.reporter import Reporter
from verifier.state import (
    NOTHING,
    OPAQUE,
    UNINITIALISED,
    Base,
    Definition,
    Site,
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


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where a round began."""

    symbols: int
    frames: tuple[tuple[int, int], ...]
    failed: bool


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
        always: bool = False,
    ) -> None:
        """`observe` is called when failures are reported; with `always` at every step, and what it is shown last of a
        point is what was confirmed."""
        self._work = work or Work()
        self._function = function
        self._reporter = reporter
        self._observe, self._always = observe, always
        self._layout = lay_out(policy, function)
        self.space = Space(policy, function, self._layout)
        self._transfer = Transfer(self.space)
        self._checker = Checker(self.space, self._transfer)
        self._pace = Pace(self.space)
        planner = Planner(self.space, self._transfer, self._checker)
        self._steps = planner.steps
        self._end = planner.step(ir.Return(None, function.span))
        self._invariants = {id(loop): Invariant(Thresholds(loop)) for loop in planner.loops}
        self._phase = Phase.GROW
        self._shrinking = True
        self._failed = False
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
        self._pass(Phase.GROW)
        if not self._failed and (self._observe is None or self._always):
            return
        self._pass(Phase.REPORT)
        while self._changed:
            self._shrinking = False
            self._pass(Phase.GROW)
            self._pass(Phase.REPORT)

    def _pass(self, phase: Phase) -> None:
        self._phase = phase
        self._changed = self._failed = False
        self.limits.clear()
        self.space.forget(NOTHING + 1)
        if phase is Phase.REPORT:
            self._reporter.begin(self.space)
        state = self._body(self._steps, self._entry())
        if state is not None:
            self._require(self._end, state)
            if self._function.result is not None:
                self._fail(lambda: self._reporter.falls_off_end(self._function))

    def _entry(self) -> State:
        """Where a hook begins: state variables hold anything, params anything in their range; the folio is the core's
        or the hook's, as the `abi` says."""
        state, policy = empty_state(self.space), self.space.policy
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

    def _body(self, steps: tuple[Step, ...], state: State) -> State | None:
        """The state at the end of steps that are entered with `state`; None if that cannot be reached."""
        for step in steps:
            self._require(step, state)
            if step.rule is not None:
                step.rule(state, step.node)
                continue
            end = _CONTROL[step.node.__class__](self, step, state)
            if end is None:
                return None
            state = end
        return state

    def _require(self, step: Step, state: State) -> None:
        """Counts a step, and what grows with the folios in the hand; asks for what must hold at it."""
        self._work.left -= step.work + (len(state.owned) >> 6)
        if self._work.left < 0:
            raise _TooHardError
        if self._observe is not None and (self._always or self._phase is Phase.REPORT):
            self._observe(step.node, state, self.space)
        rows = state.cells.rows
        for row, place in step.assigned:
            if rows[row][place] == NOTHING:
                self._unmet(step, state, Readable(self._register_of(step, row << BITS | place)))
        for cell in step.held:
            value = state.value(cell)
            if value is UNINITIALISED or value.__class__ is Gone:
                self._unmet(step, state, Readable(self._register_of(step, cell)))
        for test, obligation in step.tests:
            if not test(state, obligation):
                self._unmet(step, state, obligation)

    def _register_of(self, step: Step, cell: int) -> ir.Reg:
        """A register that a step reads, by its cell."""
        return next(r for r in registers_read(step.node) if self._layout.register(r) == cell)

    def _unmet(self, step: Step, state: State, obligation: Obligation) -> None:
        self._fail(lambda: self._reporter.failed(state, step.node, obligation))
        self._checker.assume(state, obligation)

    def _fail(self, report: Callable[[], None]) -> None:
        self._failed = self.space.poisoned = True
        if self._phase is Phase.REPORT:
            report()

    def _merge(self, states: list[State], node: ir.Node, parted: int = -1) -> State | None:
        def conflict(cell: int, first: Definition, second: Definition) -> None:
            self._fail(lambda: self._reporter.paths_disagree(node, cell, first, second))

        return merge(self.space, states, Site(node, parted if parted >= 0 else len(self.space.definitions)), conflict)

    def _if(self, step: Step, state: State) -> State | None:
        """Sound: each branch is entered with every state in which the condition has its outcome."""
        node = step.node
        assert isinstance(node, ir.If)
        ends = []
        symbols = len(self.space.definitions)
        for truth, steps, branch in ((True, step.body, state.fork()), (False, step.orelse, state)):
            if self._take(branch, node.condition, truth):
                end = self._body(steps, branch)
                if end is not None:
                    ends.append(end)
        return self._merge(ends, node, symbols)

    def _take(self, state: State, condition: ir.Operand, truth: bool) -> bool:
        if isinstance(condition, ir.Const):
            return bool(condition.value) == truth
        return refine(self.space, state, state.symbol(self._layout.register(condition)), truth)

    def _block(self, step: Step, state: State) -> State | None:
        frame = _Frame()
        self._frames.append(frame)
        end = self._body(step.body, state)
        self._frames.pop()
        return self._merge(frame.breaks if end is None else [*frame.breaks, end], step.node)

    def _break(self, step: Step, state: State) -> None:
        assert isinstance(step.node, ir.Break)
        self._frames[-1 - step.node.depth].breaks.append(state)

    def _continue(self, step: Step, state: State) -> None:
        assert isinstance(step.node, ir.Continue)
        self._frames[-1 - step.node.depth].continues.append(state)

    def _return(self, step: Step, state: State) -> None:
        """Ends a path. What is owned there was asked for."""
        self._work.left -= len(state.owned)

    # --- loops ---------------------------------------------------------------------------------------------

    def _loop(self, step: Step, entry: State) -> State | None:
        """Sound: the body is entered with every state of the head whose counter is below the limit; the end is
        reached from the head, or, if there is a round for certain, from the end of a round."""
        bound = self._limit(step, entry)  # the loop's variable may be the register of its limit
        entry.bind(step.variable, NOTHING)
        return self._settle(step, entry, bound) if self._phase is Phase.GROW else self._rounds(step, entry, bound)

    def _settle(self, step: Step, entry: State, bound: Scalar) -> State | None:
        """The state after a loop whose invariant is grown, and if it was widened shrunk, with those of all loops inside
        it, and confirmed."""
        mark = self._mark()
        end = self._rounds(step, entry, bound)
        invariant = self._invariants[id(step.node)]
        if self._shrinking and invariant.widened:
            invariant.widened = False
            for _ in range(_SHRINKING_ROUNDS):
                self._rewind(mark)
                self._phase, self._changed = Phase.SHRINK, False
                end = self._rounds(step, entry, bound)
                self._phase = Phase.GROW
                if not self._changed:
                    return end
            self._rewind(mark)
            end = self._rounds(step, entry, bound)
        return end

    def _limit(self, step: Step, entry: State) -> Scalar:
        assert isinstance(step.node, ir.Repeating)
        limit = self._transfer.value(entry, step.node.limit)
        return limit if isinstance(limit, Scalar) else scalars.between(0, 1)  # poisoned: say nothing about its cost

    def _rounds(self, step: Step, entry: State, bound: Scalar) -> State | None:
        """The state after a loop. Growing, rounds are gone through until the invariant holds; else it is one round."""
        node = step.node
        assert isinstance(node, ir.Repeating)
        self.limits[id(node)] = bound
        invariant = self._invariants[id(node)]
        if self._phase is Phase.GROW:
            self._admit(step, invariant, entry)
        mark = self._mark()
        while True:
            self._rewind(mark)
            for inner in step.nest[1:]:
                self.limits.pop(id(inner), None)
            head = self._head(node, invariant, entry, bound.high)
            frame = _Frame()
            back = self._round(step, invariant, entry, head, bound.high, frame) if bound.high > 0 else None
            changed = self._update(node, invariant, entry, head, back, bound.high)
            if not changed or self._phase is not Phase.GROW:
                break
        ends = list(frame.breaks)
        if isinstance(node, ir.Scan) or bound.low == 0:
            ends.append(head)
        elif back is not None:
            self._poison_disagreeing(invariant, back)
            ends.append(back)
        return self._merge(ends, node)

    def _mark(self) -> _Mark:
        frames = tuple((len(frame.breaks), len(frame.continues)) for frame in self._frames)
        return _Mark(len(self.space.definitions), frames, self._failed)

    def _rewind(self, mark: _Mark) -> None:
        """Drops what a round left behind: its symbols, its failures, and the states in which it left for outer
        constructs. Another one follows."""
        self.space.forget(mark.symbols)
        self._failed = mark.failed
        for frame, (breaks, continues) in zip(self._frames, mark.frames, strict=True):
            del frame.breaks[breaks:]
            del frame.continues[continues:]

    def _admit(self, step: Step, invariant: Invariant, entry: State) -> None:
        """Lets the invariant hold of the entry before a round is gone through: what the body writes is in it from the
        start, so that a round that changes nothing of it is the last. But for maps and memory, of which an invariant
        says nothing: a body that leaves the loop once it changed them leaves what is known of them alone."""
        for cell in step.written:
            if not self._layout.maps <= cell < self._layout.memory:
                continue
            if cell not in invariant.values and entry.symbol(cell) != NOTHING:
                invariant.values[cell] = self._frozen(entry, cell)
                definition = entry.origin(entry.symbol(cell), self.space)
                invariant.made_by[cell] = definition, definition
        for cell, value in invariant.values.items():
            if value is not UNINITIALISED:
                invariant.admit(cell, self._frozen(entry, cell))

    def _head(self, node: ir.Repeating, invariant: Invariant, entry: State, rounds: int) -> State:
        """The state at the head: the entry's, with fresh symbols for what the loop changes."""
        head = entry.fork()
        for cell in sorted(invariant.values):
            value = invariant.values[cell]
            if value is UNINITIALISED or cell >= self._layout.memory:
                if entry.symbol(cell) != NOTHING:
                    head.bind(cell, NOTHING)
                continue
            thawed, base = thaw(head, value), None
            if cell in invariant.pace:
                least, most = (change * rounds for change in invariant.pace[cell])
                base = Base(entry.symbol(cell), least, most)
                thawed = reached(entry, base, thawed)
            made_by = invariant.made_by.get(cell, ())
            assign(self.space, head, cell, thawed, Definition(node, (), made_by, thawed, False, base))
        return head

    def _round(
        self, step: Step, invariant: Invariant, entry: State, head: State, rounds: int, frame: _Frame
    ) -> State | None:
        """One round; the state at its end, without the loop's own variable. As it begins, there was at least one round
        less than there can be."""
        state, node, variable = head.fork(), step.node, step.variable
        value: Value = Folio(Nullness.NOT_NULL, owned=False)
        if isinstance(node, ir.Loop):
            value = scalars.between(0, rounds - 1)
        symbol = assign(self.space, state, variable, value, Definition(node, (), (), value))
        if isinstance(node, ir.Loop) and isinstance(node.limit, ir.Reg):
            state.relate(symbol, entry.symbol(self._layout.register(node.limit)), None, -1)
        for cell, (least, most) in invariant.pace.items():
            base = Base(entry.symbol(cell), least * (rounds - 1), most * (rounds - 1))
            state.restrict(state.symbol(cell), reached(entry, base, state.value(cell)))
            state.relate(state.symbol(cell), *base)
        self._frames.append(frame)
        end = self._body(step.body, state)
        self._frames.pop()
        back = self._merge(frame.continues if end is None else [*frame.continues, end], node)
        if back is not None:
            if back.owning(variable):
                self._rounds_disagree(node, variable, NOTHING, back.symbol(variable))
            back.bind(variable, NOTHING)
        return back

    def _rounds_disagree(self, node: ir.Node, cell: int, before: int, after: int) -> None:
        assert isinstance(node, ir.Repeating)
        definitions = self.space.definitions
        self._fail(lambda: self._reporter.rounds_disagree(node, cell, definitions[before], definitions[after]))

    def _update(
        self, node: ir.Repeating, invariant: Invariant, entry: State, head: State, back: State | None, rounds: int
    ) -> bool:
        """Makes the invariant hold of the entry and of the end of a round; whether it had to be changed.

        Cells that the round left alone keep their symbol, and with it their value: they need no invariant. Those in
        the invariant are compared even so, since the entry may have become wider or narrower since.
        """
        changed = {} if back is None else {cell: symbol for cell, _, symbol in head.cells.differences(back.cells)}
        result = False
        owned = entry.owned if back is None else entry.owned | back.owned
        for cell in sorted(invariant.values.keys() | changed.keys()):
            if cell not in invariant.values and head.cells[cell] == NOTHING:
                invariant.values[cell] = UNINITIALISED  # as it was in this round
            if invariant.values.get(cell) is UNINITIALISED and cell not in owned:
                continue
            value = self._frozen(entry, cell)
            if back is not None and cell in changed:
                made_by = entry.origin(entry.symbol(cell), self.space), back.origin(back.symbol(cell), self.space)
                value = invariant.join(cell, value, self._frozen(back, cell), made_by)
                held = self._pace.holds(cell, invariant, value, (entry, head, back), rounds, self._phase)
                if held is not None:
                    result |= not held
                    continue
            if invariant.adopt(cell, value, self._phase, self._layout.types.get(cell, U64)):
                result = True
        for cell, (was, is_now) in invariant.disagreeing.items():
            self._fail(partial(self._reporter.rounds_disagree, node, cell, was, is_now))
        self._changed |= result and self._phase is not Phase.GROW
        return result

    def _frozen(self, state: State, cell: int) -> Value:
        """What an invariant says of a cell's value: of an epoch that there is one, of memory nothing."""
        if cell < self._layout.maps:
            return OPAQUE
        return UNINITIALISED if cell >= self._layout.memory else freeze(state, state.value(cell))

    def _poison_disagreeing(self, invariant: Invariant, state: State) -> None:
        for cell in invariant.disagreeing:
            self._checker.poison(state, cell)


_CONTROL: dict[type[Any], Callable[[Fixpoint, Step, State], State | None]] = {
    ir.If: Fixpoint._if, ir.Block: Fixpoint._block, ir.Loop: Fixpoint._loop, ir.Scan: Fixpoint._loop,
    ir.Break: Fixpoint._break, ir.Continue: Fixpoint._continue, ir.Return: Fixpoint._return,
}  # fmt: skip
