"""The IR of one hook under construction.

In: instructions and the beginnings and ends of control structures. Out: an `ir.Function`. Counts instructions and
nesting; what exceeds the limits of the `abi` raises `LoweringLimit`, which the driver turns into a diagnostic.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dsl import abi, ir
from dsl.diagnostics import Diagnostic, Label
from dsl.source import Span
from dsl.types import Type

MAX_CALL_DEPTH = 24
"""Functions inlined into each other."""


class LoweringLimit(Exception):
    """The policy is too large; carries the diagnostic."""

    def __init__(self, code: str, message: str, span: Span, label: str, help: str) -> None:
        super().__init__(message)
        self.diagnostic = Diagnostic(code, message, Label(span, label), help=help)


class Target:
    """A construct that `break` and `continue` name, compared by identity."""


class Budget:
    """Instructions and registers left for the whole policy."""

    def __init__(self) -> None:
        self._left = abi.MAX_INSTRUCTIONS
        self.registers_left = abi.MAX_REGISTERS

    def spend(self, span: Span) -> None:
        self._left -= 1
        if self._left < 0 or self.registers_left < 0:
            most, what = (abi.MAX_INSTRUCTIONS, "instructions") if self._left < 0 else (abi.MAX_REGISTERS, "variables")
            message = f"the policy has more than {most:,} {what}"
            label = "the limit is reached here, with all functions inlined"
            raise LoweringLimit("policy-too-large", message, span, label, "call large functions from fewer places")


class Emitter:
    """Appends nodes to the innermost open body."""

    def __init__(self, budget: Budget) -> None:
        self.registers: list[ir.Reg] = []
        self._budget = budget
        self._bodies: list[list[ir.Node]] = [[]]
        self._targets: list[Target] = []
        self._calls = 0

    def register(self, type: Type, name: str = "") -> ir.Reg:
        self._budget.registers_left -= 1
        register = ir.Reg(len(self.registers), type, name)
        self.registers.append(register)
        return register

    def emit(self, node: ir.Node) -> None:
        self._budget.spend(node.span)
        self._bodies[-1].append(node)

    @property
    def ended(self) -> bool:
        """Whether nothing after the last node of the open body can run."""
        return bool(self._bodies[-1]) and isinstance(self._bodies[-1][-1], ir.Break | ir.Continue | ir.Return)

    def finish(self) -> tuple[ir.Node, ...]:
        """The outermost body."""
        return tuple(self._bodies[0])

    @contextmanager
    def body(self, span: Span) -> Iterator[list[ir.Node]]:
        """Collects what is emitted inside into the list it yields."""
        if len(self._bodies) > abi.MAX_NESTING:
            message = f"blocks nest more than {abi.MAX_NESTING} deep"
            label = "the limit is reached here, with all functions inlined"
            raise LoweringLimit(
                "nesting-too-deep", message, span, label, "simplify the conditions, or split the routine"
            )
        nodes: list[ir.Node] = []
        self._bodies.append(nodes)
        yield nodes
        self._bodies.pop()

    @contextmanager
    def target(self, span: Span) -> Iterator[tuple[Target, list[ir.Node]]]:
        """A body that `leave` and `repeat` can name."""
        target = Target()
        self._targets.append(target)
        with self.body(span) as nodes:
            yield target, nodes
        self._targets.pop()

    @contextmanager
    def block(self, span: Span) -> Iterator[Target]:
        """A `Block` around what is emitted inside."""
        with self.target(span) as (target, nodes):
            yield target
        self.emit(ir.Block(tuple(nodes), span))

    def leave(self, target: Target, span: Span) -> None:
        self.emit(ir.Break(self._depth(target), span))

    def repeat(self, target: Target, span: Span) -> None:
        self.emit(ir.Continue(self._depth(target), span))

    def _depth(self, target: Target) -> int:
        return len(self._targets) - 1 - self._targets.index(target)

    @contextmanager
    def call(self, span: Span) -> Iterator[None]:
        """An inlined call. It counts as an instruction, so that empty functions have a cost too."""
        self._budget.spend(span)
        self._calls += 1
        if self._calls > MAX_CALL_DEPTH:
            message = f"calls nest more than {MAX_CALL_DEPTH} deep"
            raise LoweringLimit(
                "nesting-too-deep", message, span, "this call is one level too deep", "merge some of the functions"
            )
        yield
        self._calls -= 1
