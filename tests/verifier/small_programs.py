"""Random programs on integers of 4 bits, verified and run at once: of each register every value that it can have.

In: a seed. Out: `Wrong` if a run is not in what the verifier says of it: of the values of registers, of equal ones, of
differences and sums (`verifier/order.py`), and of branches that cannot be taken. Inputs have few values, so that all
runs are followed side by side, as columns of an array; none is left to chance, as it is with values of 64 bits.
"""

from __future__ import annotations

import random
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dsl import ir
from dsl.ir_text import parse_policy
from dsl.source import NOWHERE
from dsl.types import BOOL, U64, Type, wrap
from runtime import arithmetic
from verifier.cells import Layout
from verifier.domains import value as scalars
from verifier.domains.value import Scalar
from verifier.order import Order
from verifier.refine import refine
from verifier.state import Base, Definition, Site, Space, State, assign, empty_state, merge
from verifier.transfer import Transfer

EMPTY = parse_policy("policy p")
U4, S4 = Type("u4", 4), Type("i4", 4, signed=True)
REGISTERS = (U4, U4, U4, U4, S4, S4, S4, U64, BOOL, BOOL)
"""The type of each; U64 is for `mul_div`, whose results are greater."""
INPUTS = (0, 1, 4)
WIDTH = 6
"""Values of one input, at most."""
LENGTH, DEPTH = 6, 2
QUESTIONS = 4
"""Differences asked for after each statement."""
OFTEN = ("add", "sub", "min", "max", "and", "or", "div", "shr", "mul")

Column = NDArray[np.int64]


class Wrong(Exception):
    """A run is not where the verifier thinks it can be."""


@cache
def _results(op: str, type: Type) -> Column:
    values = range(type.minimum, type.maximum + 1)
    return np.array([[arithmetic.binary(op, type, a, b) for b in values] for a in values])


class Program:
    """One program, made while it runs. `self._there` are the runs that are at this point."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        hook = ir.Function("init", (), None, (), (), NOWHERE)
        self._space = Space(EMPTY, hook, Layout(0, 0, memory=len(REGISTERS), size=len(REGISTERS)))
        self._transfer, self._order = Transfer(self._space), Order(self._space)
        self._state = empty_state(self._space)
        self._begin()

    def _begin(self) -> None:
        """Some registers have any value of a small range, the others one value."""
        ranges = []
        for register, type in enumerate(REGISTERS):
            low = self._random.randint(type.minimum, min(type.maximum, U4.maximum))
            high = min(low + self._random.randrange(WIDTH), type.maximum) if register in INPUTS else low
            ranges.append(range(low, high + 1))
            value = scalars.between(low, high)
            assign(self._space, self._state, register, value, Definition(None, (), (), value))
        self._columns = [column.ravel() for column in np.meshgrid(*ranges, indexing="ij")]
        self._there = np.ones(len(self._columns[0]), dtype=bool)

    # --- statements ----------------------------------------------------------------------------------------

    def body(self, depth: int) -> bool:
        """Some statements; False if no run comes to their end."""
        for _ in range(self._random.randrange(1, LENGTH + 1)):
            if depth and self._random.random() < 0.35:
                if not self._branch(depth):
                    return False
            else:
                self._random.choice((self._binary, self._binary, self._binary, self._compare, self._logic,
                    self._copy, self._convert, self._drift, self._share))()  # fmt: skip
            self._check()
        return True

    def _of(self, wanted: Type) -> int:
        return self._random.choice([register for register, type in enumerate(REGISTERS) if type == wanted])

    def _register(self, type: Type) -> ir.Reg:
        return ir.Reg(self._of(type), type)

    def _operand(self, type: Type) -> ir.Operand:
        if self._random.random() < 0.3:
            return ir.Const(self._random.choice((0, 1, 2, 3, type.minimum, type.maximum)) & type.maximum, type)
        return self._register(type)

    def _column(self, operand: ir.Operand) -> Column:
        if isinstance(operand, ir.Const):
            return np.full_like(self._columns[0], operand.value)
        return self._columns[operand.index]

    def _execute(self, node: ir.Binary | ir.Compare | ir.Copy | ir.Convert | ir.MulDiv, column: Column) -> None:
        rule = self._transfer.rule_of(node)
        assert rule is not None
        rule(self._state, node)
        self._columns = [*self._columns]
        self._columns[node.dst.index] = column

    def _arithmetic(self, dst: ir.Reg, op: str, left: ir.Operand, right: ir.Operand) -> None:
        least = dst.type.minimum
        column = _results(op, dst.type)[self._column(left) - least, self._column(right) - least]
        self._execute(ir.Binary(dst, op, left, right, NOWHERE), column)

    def _binary(self) -> None:
        op, type = self._random.choice((*OFTEN, *ir.BINARY_OPS)), self._random.choice((U4, S4))
        self._arithmetic(self._register(type), op, self._operand(type), self._operand(type))

    def _share(self) -> None:
        """`part * scale / whole`, or what looks like it, where the part may be known to be at most the whole."""
        type = self._random.choice((U4, S4))
        part, whole, scale, product = self._register(type), self._register(type), self._operand(type), self._of(type)
        if self._random.random() < 0.7:
            self._arithmetic(part, "min", part, whole)
        if type == U4 and self._random.random() < 0.5:
            a, b, c = self._column(part), self._column(scale), self._column(whole)
            node = ir.MulDiv(self._register(U64), part, scale, whole, NOWHERE)
            self._execute(node, np.where(c == 0, 0, a * b // np.maximum(c, 1)))
        else:
            self._arithmetic(ir.Reg(product, type), self._random.choice(("mul", "mul", "add")), part, scale)
            self._arithmetic(self._register(type), "div", ir.Reg(product, type), whole)

    def _logic(self) -> None:
        op = self._random.choice(("and", "or", "xor"))
        self._arithmetic(self._register(BOOL), op, self._operand(BOOL), self._operand(BOOL))

    def _compare(self) -> None:
        op, type = self._random.choice(ir.COMPARE_OPS), self._random.choice((U4, S4))
        left, right = self._operand(type), self._operand(type)
        outcome = np.asarray(arithmetic.COMPARE[op](self._column(left), self._column(right))).astype(np.int64)
        self._execute(ir.Compare(self._register(BOOL), op, left, right, NOWHERE), outcome)

    def _copy(self) -> None:
        type = self._random.choice((U4, S4, BOOL))
        source = self._operand(type)
        self._execute(ir.Copy(self._register(type), source, NOWHERE), self._column(source))

    def _convert(self) -> None:
        dst = self._register(self._random.choice((U4, S4)))
        source = self._register(self._random.choice((U4, S4, U64, BOOL)))
        column = np.array([wrap(value, dst.type) for value in self._column(source).tolist()])
        self._execute(ir.Convert(dst, source, NOWHERE), column)

    def _drift(self) -> None:
        """A register has changed by so much at most, as in a loop."""
        register = self._of(self._random.choice((U4, S4)))
        type, least, most = REGISTERS[register], -self._random.randrange(3), self._random.randrange(3)
        steps = [self._random.randint(least, most) for _ in self._there]
        column = np.clip(self._columns[register] + np.array(steps), type.minimum, type.maximum)
        value, base = scalars.of_type(type), Base(self._state.symbol(register), least, most)
        assign(self._space, self._state, register, value, Definition(None, (), (), value, base=base))
        self._columns = [*self._columns]
        self._columns[register] = column

    def _branch(self, depth: int) -> bool:
        """`if`, of which one side may end the program. A side that no run can take may be known to be such."""
        condition, before = self._of(BOOL), (self._state, self._columns, self._there)
        symbol, parted = self._state.symbol(condition), len(self._space.definitions)
        node = ir.If(ir.Reg(condition, BOOL), (), (), NOWHERE)
        ended: list[tuple[State, list[Column], NDArray[np.bool_]]] = []
        for truth in (True, False):
            self._state, self._columns = before[0].fork(), before[1]
            self._there = before[2] & (self._columns[condition] == truth)
            if not refine(self._space, self._state, symbol, truth):
                if self._there.any():
                    raise Wrong(f"{node}: not {truth}")
                continue
            self._check()
            if self.body(depth - 1) and self._random.random() < 0.8:
                ended.append((self._state, self._columns, self._there))
        if not ended:
            return False
        self._state, self._columns, self._there = ended[0]
        if len(ended) == 2:
            self._meet(ended[1], Site(node, parted))
        return True

    def _meet(self, other: tuple[State, list[Column], NDArray[np.bool_]], site: Site) -> None:
        state = merge(self._space, [self._state, other[0]], site, lambda *_: None)
        assert state is not None
        pairs = zip(self._columns, other[1], strict=True)
        self._state, self._columns = state, [np.where(other[2], theirs, mine) for mine, theirs in pairs]
        self._there = self._there | other[2]

    # --- checks --------------------------------------------------------------------------------------------

    def _check(self) -> None:
        found = [column[self._there] for column in self._columns]
        if not len(found[0]):
            return
        by_symbol: dict[int, Column] = {}
        for register, column in enumerate(found):
            symbol, value = self._state.symbol(register), self._state.value(register)
            if not isinstance(value, Scalar) or not all(value.contains(x) for x in set(column.tolist())):
                raise Wrong(f"%{register} is not in {value}")
            if not np.array_equal(by_symbol.setdefault(symbol, column), column):
                raise Wrong(f"%{register} is equal to nothing")
        for _ in range(QUESTIONS):
            self._ask(found, *self._random.sample(range(len(REGISTERS) - 2), 2))

    def _ask(self, found: list[Column], x: int, y: int) -> None:
        one, other = self._state.symbol(x), self._state.symbol(y)
        if max(found[x] - found[y]) > self._order.most(self._state, one, other):
            raise Wrong(f"%{x} - %{y} is more than {self._order.most(self._state, one, other)}")
        if max(found[x] + found[y]) > self._order.most_sum(self._state, one, other):
            raise Wrong(f"%{x} + %{y} is more than {self._order.most_sum(self._state, one, other)}")
