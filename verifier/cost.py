"""What a hook costs at most: a + b·n steps, n the number of resident folios or, if greater, of an array's elements.

In: a hook and the proven limits of its loops. Out: `HookCost`, line by line, and a diagnostic if the cost is beyond
what the `abi` allows. A step is one IR instruction; a kfunc counts as many as the `abi` says.

Sound: a body runs each of its nodes at most once, one branch of each `if`; a loop runs its body at most as often as
the greatest value of its limit; a scan at most that often and at most once per folio, so that its cost may be put into
`a` or, if it does not grow with n itself, into `b`; what cannot be reached costs nothing. Since scans do not nest, no
cost grows faster than n.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from dsl import ir
from dsl.abi import KFUNCS, MAX_CONSTANT_STEPS, MAX_STEPS_PER_FOLIO
from dsl.diagnostics import Diagnostic, Label
from verifier.cells import nodes_of
from verifier.domains.value import Scalar
from verifier.state import Space
from verifier.wording import Wording, interval


class Cost(NamedTuple):
    """`constant` + `per_folio`·n steps."""

    constant: int
    per_folio: int = 0

    def plus(self, other: Cost) -> Cost:
        return Cost(self.constant + other.constant, self.per_folio + other.per_folio)

    def times(self, rounds: int) -> Cost:
        return Cost(self.constant * rounds, self.per_folio * rounds)

    def most(self, other: Cost) -> Cost:
        return Cost(max(self.constant, other.constant), max(self.per_folio, other.per_folio))

    @property
    def allowed(self) -> bool:
        return self.constant <= MAX_CONSTANT_STEPS and self.per_folio <= MAX_STEPS_PER_FOLIO


_NESTING = frozenset({ir.If, ir.Block, ir.Loop, ir.Scan})
_NOTHING = Cost(0)
_ONE = Cost(1)
_OF_SCAN = Cost(4)
"""Finding the next folio of a scan."""
_OTHERS: dict[type[Any], Cost] = {ir.Scan: _OF_SCAN, ir.Block: _NOTHING}
_OF_KFUNCS = {name: Cost(kfunc.steps, kfunc.steps_per_element) for name, kfunc in KFUNCS.items()}


class LineCost(NamedTuple):
    """What the instructions of one source line cost at most in one call: never more than the hook. Of two branches that
    exclude each other on one line the dearer counts; on lines of their own each has its cost, so that the lines may add
    up to more than the hook."""

    line: int
    constant: int
    per_folio: int
    rounds: int = 0
    """If a loop begins on the line, how often it may run: the greatest value of its limit."""


@dataclass(frozen=True, slots=True)
class HookCost:
    """A call of the hook takes at most `constant` + `per_folio`·n steps, n as the module says."""

    hook: str
    constant: int
    per_folio: int
    _analysis: CostAnalysis | None = field(default=None, repr=False, compare=False)

    @property
    def lines(self) -> tuple[LineCost, ...]:
        """Where it comes from; worked out when asked for. Of a cost that is not fresh nothing is known."""
        return () if self._analysis is None else self._analysis.lines()


class CostAnalysis:
    """The cost of one hook. `by_folio`: scans are counted by folio, else by their limit where that is cheap enough."""

    def __init__(self, function: ir.Function, limits: dict[int, Scalar], by_folio: bool) -> None:
        self._limits = limits
        self._by_folio = by_folio
        self._single: dict[int, Cost] = {}
        self.total = self._body(function.body)
        self._function = function

    def _body(self, body: tuple[ir.Node, ...]) -> Cost:
        constant = per_folio = 0
        for node in body:
            kind = node.__class__
            if kind in _NESTING:
                cost = self.of(node)
            elif kind is ir.Call:
                cost = own_steps(node)
            else:
                constant += 1
                continue
            constant += cost.constant
            per_folio += cost.per_folio
        return Cost(constant, per_folio)

    def of(self, node: ir.Node) -> Cost:
        """The cost of running `node` once."""
        found = self._single.get(id(node))
        if found is None:
            found = self._single[id(node)] = self._compute(node)
        return found

    def _compute(self, node: ir.Node) -> Cost:
        match node:
            case ir.If():
                return own_steps(node).plus(self._body(node.then).most(self._body(node.orelse)))
            case ir.Block():
                return self._body(node.body)
            case ir.Loop() | ir.Scan():
                return _ONE.plus(self.repeated(node, self.once(node)))
        return own_steps(node)

    def once(self, node: ir.Loop | ir.Scan) -> Cost:
        """One round of a loop."""
        return own_steps(node).plus(self._body(node.body))

    def repeated(self, node: ir.Loop | ir.Scan, once: Cost) -> Cost:
        """All rounds of a loop of which one costs `once`."""
        rounds = self.rounds(node)
        if self._is_by_folio(node, once):
            return Cost(0, once.constant) if rounds else Cost(0)
        return once.times(rounds)

    def _is_by_folio(self, node: ir.Loop | ir.Scan, once: Cost) -> bool:
        """Whether the rounds of a scan are counted by folio."""
        if not isinstance(node, ir.Scan) or once.per_folio:
            return False
        return self._by_folio or once.constant * self.rounds(node) > MAX_CONSTANT_STEPS

    def rounds(self, node: ir.Loop | ir.Scan) -> int:
        """The greatest value of the limit; 0 for a loop that cannot be reached."""
        limit = self._limits.get(id(node))
        return 0 if limit is None else limit.high

    def lines(self) -> tuple[LineCost, ...]:
        """The cost of each line that has instructions, in order: counted as the total is, for the line alone."""
        found: dict[int, Cost] = {}
        self._add_lines(self._function.body, found)
        rounds: dict[int, int] = {}
        for loop in _loops(self._function.body):
            rounds[loop.span.line] = max(self.rounds(loop), rounds.get(loop.span.line, 0))
        return tuple(
            LineCost(line, cost.constant, cost.per_folio, rounds.get(line, 0)) for line, cost in sorted(found.items())
        )

    def _lines_of(self, body: tuple[ir.Node, ...]) -> dict[int, Cost]:
        found: dict[int, Cost] = {}
        self._add_lines(body, found)
        return found

    def _add_lines(self, body: tuple[ir.Node, ...], found: dict[int, Cost]) -> None:
        """Adds what a body costs to the costs of its lines."""
        for node in body:
            own = own_steps(node)
            if node.__class__ not in _NESTING:
                _add(found, node.span.line, own)
                continue
            match node:
                case ir.If():
                    then, orelse = self._lines_of(node.then), self._lines_of(node.orelse)
                    for line in then | orelse:
                        _add(found, line, then.get(line, _NOTHING).most(orelse.get(line, _NOTHING)))
                case ir.Block():
                    self._add_lines(node.body, found)
                case ir.Loop() | ir.Scan():
                    once = self.once(node)
                    for line, cost in self._lines_of(node.body).items():
                        _add(found, line, self._all_rounds(node, once, cost))
                    own = _ONE.plus(self._all_rounds(node, once, own))
            _add(found, node.span.line, own)

    def _all_rounds(self, node: ir.Loop | ir.Scan, once: Cost, part: Cost) -> Cost:
        """All rounds of a part of a loop's body, counted as the whole body is, of which one round costs `once`."""
        return Cost(0, part.constant) if self._is_by_folio(node, once) else part.times(self.rounds(node))

    def culprit(self) -> ir.Node | None:
        """The innermost loop that alone costs too much, else the dearest loop, if there is one."""
        loops = _loops(self._function.body)
        too_dear = [loop for loop in loops if not self.of(loop).allowed]
        for loop in reversed(too_dear):
            if all(self.of(inner).allowed for inner in _loops(loop.body)):
                return loop
        return max(loops, key=lambda loop: self.of(loop).constant, default=None)


def _add(found: dict[int, Cost], line: int, cost: Cost) -> None:
    before = found.get(line)
    if before is not None:
        cost = Cost(before.constant + cost.constant, before.per_folio + cost.per_folio)
    found[line] = cost


def own_steps(node: ir.Node) -> Cost:
    """One instruction, or the test of one round."""
    if isinstance(node, ir.Call):
        return _OF_KFUNCS[node.kfunc]
    return _OTHERS.get(type(node), _ONE)


def cost_of(space: Space, limits: dict[int, Scalar]) -> tuple[HookCost, Diagnostic | None]:
    """The cost of a hook, and what is wrong with it."""
    analysis = CostAnalysis(space.function, limits, by_folio=False)
    if not analysis.total.allowed:
        other = CostAnalysis(space.function, limits, by_folio=True)
        analysis = other if other.total.allowed else analysis
    total = analysis.total
    cost = HookCost(space.function.hook, total.constant, total.per_folio, analysis)
    return cost, None if total.allowed else _too_many_steps(space, limits, analysis)


def _too_many_steps(space: Space, limits: dict[int, Scalar], analysis: CostAnalysis) -> Diagnostic:
    hook, total = space.function.hook, analysis.total
    if total.constant > MAX_CONSTANT_STEPS:
        limit, message = MAX_CONSTANT_STEPS, f"`{hook}` may take {total.constant:,} steps"
    else:
        limit, message = MAX_STEPS_PER_FOLIO, f"`{hook}` may take {total.per_folio:,} steps per folio"
    message += f"; the most is {limit:,}"
    node = analysis.culprit()
    if not isinstance(node, ir.Loop | ir.Scan):
        return Diagnostic("too-many-steps", message, Label(space.function.span, "all its instructions together"))
    return _blame(space, limits, analysis, node, message, limit)


def _blame(
    space: Space, limits: dict[int, Scalar], analysis: CostAnalysis, node: ir.Loop | ir.Scan, message: str, most: int
) -> Diagnostic:
    """Names the loop that costs most, what is known of its limit, and a limit that would do."""
    once, rounds = analysis.once(node), analysis.rounds(node)
    text = Wording(space).text(node.limit) or "its limit"
    facts = (f"{text} {interval(limits[id(node)])}",) if isinstance(node.limit, ir.Reg) else ()
    by_folio = isinstance(node, ir.Scan) and analysis.of(node).per_folio > 0
    steps = f"{once.constant:,}" + (f" + {once.per_folio:,}·n" if once.per_folio else "")
    label = f"{'one folio costs' if by_folio else f'up to {rounds:,} rounds of'} {steps} steps"
    part = once.per_folio if most == MAX_STEPS_PER_FOLIO else once.constant
    fitting = 0 if by_folio else most // max(part, 1)
    help = "do less in each round"
    if fitting > 1 and rounds > fitting:
        bound = min(1 << (fitting.bit_length() - 1), 4096)
        fixed = isinstance(node.limit, ir.Const)
        help = f"at most {fitting:,} rounds fit" if fixed else f"bound it: `min({text}, {bound})`"
    return Diagnostic("too-many-steps", message, Label(node.span, label), _nested(space, analysis, node), facts, help)


def _loops(body: tuple[ir.Node, ...]) -> list[ir.Loop | ir.Scan]:
    return [node for node in nodes_of(body) if isinstance(node, ir.Loop | ir.Scan)]


def _nested(space: Space, analysis: CostAnalysis, wanted: ir.Loop | ir.Scan) -> tuple[Label, ...]:
    """The loops around a loop, from the outside, and the dearest one inside it."""
    around = [loop for loop in _loops(space.function.body) if any(inner is wanted for inner in _loops(loop.body))]
    labels = [Label(loop.span, "inside this loop") for loop in around]
    inside = max(_loops(wanted.body), key=lambda loop: analysis.of(loop).constant, default=None)
    if inside is not None:
        labels.append(Label(inside.span, f"{analysis.of(inside).constant:,} steps each time"))
    return tuple(labels)
