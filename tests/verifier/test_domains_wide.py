"""The abstract operators at their real widths, on random operands."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl import ir
from dsl.types import INTEGERS, U64, Type, wrap
from runtime import arithmetic
from verifier.domains import value as scalars
from verifier.domains.value import Scalar


def members(type: Type) -> st.SearchStrategy[int]:
    corners = [type.minimum, type.maximum, 0, 1, type.maximum - 1, 1 << (type.bits // 2), type.maximum // 2 + 1]
    return st.one_of(st.sampled_from(corners), st.integers(type.minimum, type.maximum), st.integers(0, 70))


@st.composite
def operand(draw: st.DrawFn, type: Type) -> tuple[Scalar, int]:
    """An abstract value and one of the values it stands for."""
    first, second, inside = (draw(members(type)) for _ in range(3))
    low, high = min(first, second, inside), max(first, second, inside)
    found = scalars.between(low, high)
    mask = draw(st.integers(type.minimum, type.maximum))
    selected = scalars.binary("and", scalars.of_type(type), scalars.constant(mask), type)
    both = found.meet(selected)
    value = inside & mask
    return (both, value) if both is not None and both.contains(value) else (found, inside)


@st.composite
def pair(draw: st.DrawFn) -> tuple[Type, tuple[Scalar, int], tuple[Scalar, int]]:
    type = draw(st.sampled_from(INTEGERS))
    return type, draw(operand(type)), draw(operand(type))


@settings(max_examples=300, deadline=None)
@given(pair(), st.sampled_from(ir.BINARY_OPS))
def test_operations(drawn: tuple[Type, tuple[Scalar, int], tuple[Scalar, int]], op: str) -> None:
    type, (a, x), (b, y) = drawn
    result = scalars.binary(op, a, b, type)
    assert result.contains(arithmetic.binary(op, type, x, y))
    assert result.fits(type.minimum, type.maximum)


@settings(max_examples=150, deadline=None)
@given(pair(), st.sampled_from(ir.COMPARE_OPS))
def test_comparisons(drawn: tuple[Type, tuple[Scalar, int], tuple[Scalar, int]], op: str) -> None:
    _, (a, x), (b, y) = drawn
    outcome = int(arithmetic.COMPARE[op](x, y))
    assert scalars.compare(op, a, b).contains(outcome)
    refined = scalars.refine(op if outcome else scalars.NEGATED[op], a, b)
    assert refined is not None and refined[0].contains(x) and refined[1].contains(y)


@settings(max_examples=100, deadline=None)
@given(pair(), st.sampled_from(INTEGERS))
def test_conversions_and_joins(drawn: tuple[Type, tuple[Scalar, int], tuple[Scalar, int]], target: Type) -> None:
    type, (a, x), (b, y) = drawn
    assert scalars.convert(a, target).contains(wrap(x, target))
    for joined in (a.join(b), a.widen(a.join(b), [type.minimum, 0, type.maximum])):
        assert joined.contains(x) and joined.contains(y) and joined.includes(a) and joined.includes(b)


@settings(max_examples=100, deadline=None)
@given(operand(U64), operand(U64), operand(U64))
def test_multiply_divide(a: tuple[Scalar, int], b: tuple[Scalar, int], c: tuple[Scalar, int]) -> None:
    result = scalars.multiply_divide(a[0], b[0], c[0])
    assert result.contains(arithmetic.mul_div(a[1], b[1], c[1]))


def test_constants_stay_constants() -> None:
    for type in INTEGERS:
        for x in (type.minimum, type.maximum, 0, 1, 3):
            for y in (type.minimum, type.maximum, 0, 1, 2, 7):
                for op in ir.BINARY_OPS:
                    result = scalars.binary(op, scalars.constant(x), scalars.constant(y), type)
                    assert result == scalars.constant(arithmetic.binary(op, type, x, y)), (op, type, x, y)
