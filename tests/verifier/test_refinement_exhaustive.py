"""Refinement backwards through one operation, against all values of small types: none that fits is lost."""

from __future__ import annotations

import itertools

import pytest

from dsl import ir
from dsl.source import NOWHERE
from dsl.types import Type, wrap
from runtime import arithmetic
from verifier.cells import Layout
from verifier.domains import value as scalars
from verifier.domains.value import Scalar
from verifier.refine import Refinement
from verifier.state import Definition, Space, State, empty_state

TYPES = [Type(f"{'i' if signed else 'u'}{bits}", bits, signed) for bits in (2, 3, 4) for signed in (False, True)]
UNSIGNED = Type("u4", 4)


def ranges(type: Type) -> list[Scalar]:
    values = range(type.minimum, type.maximum + 1)
    return [scalars.between(low, high) for low, high in itertools.combinations_with_replacement(values, 2)]


def refined(node: ir.Node, operands: list[Scalar], result: Scalar, exact: bool) -> list[Scalar] | None:
    """The operands once the result is known; None if there can be none."""
    space = Space(None, None, Layout(maps=0, registers=0))  # type: ignore[arg-type]
    state: State = empty_state(space)
    symbols = [space.define(Definition(None, (), (), value)) for value in operands]
    whole = scalars.of_type(node.dst.type)  # type: ignore[union-attr]
    symbol = space.define(Definition(node, tuple(symbols), (), whole, exact))
    possible = Refinement(space, state).assume_scalar(symbol, result)
    found = [state.known(s) for s in symbols]
    assert all(isinstance(value, Scalar) for value in found)
    return found if possible else None  # type: ignore[return-value]


@pytest.mark.parametrize(("given", "wanted"), list(itertools.product(TYPES, TYPES)), ids=str)
def test_casts(given: Type, wanted: Type) -> None:
    node = ir.Convert(ir.Reg(0, wanted), ir.Reg(1, given), NOWHERE)
    for known in ranges(given)[::5]:
        for result in ranges(wanted):
            found = refined(node, [known], result, exact=False)
            fitting = [x for x in range(known.low, known.high + 1) if result.contains(wrap(x, wanted))]
            assert not fitting if found is None else all(found[0].contains(x) for x in fitting)


@pytest.mark.parametrize("op", ["div", "shr", "mul", "min", "max", "and", "add", "sub"])
def test_operations(op: str) -> None:
    node = ir.Binary(ir.Reg(0, UNSIGNED), op, ir.Reg(1, UNSIGNED), ir.Reg(2, UNSIGNED), NOWHERE)
    plain = {"mul": int.__mul__, "add": int.__add__, "sub": int.__sub__}.get(op)
    for known, other in itertools.product(ranges(UNSIGNED)[::5], ranges(UNSIGNED)[::4]):
        pairs = list(itertools.product(range(known.low, known.high + 1), range(other.low, other.high + 1)))
        exact = plain is not None and all(0 <= plain(a, b) <= UNSIGNED.maximum for a, b in pairs)
        results = [(a, b, arithmetic.binary(op, UNSIGNED, a, b)) for a, b in pairs]
        for result in ranges(UNSIGNED)[::7]:
            found = refined(node, [known, other], result, exact)
            fitting = [(a, b) for a, b, c in results if result.contains(c)]
            if found is None:
                assert not fitting
            else:
                assert all(found[0].contains(a) and found[1].contains(b) for a, b in fitting)
