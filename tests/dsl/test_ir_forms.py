"""Both forms of the IR, text and object, give back what went in, for any policy whose registers are its own."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from dsl import abi, ir
from dsl.ir_text import parse_policy, print_policy
from dsl.policy_object import decode, encode
from dsl.source import NOWHERE, Source, Span
from dsl.types import BOOL, FOLIO, I64, LIST, PAGE_KEY, U8, U16, U32, U64, ref

NUMBERS = st.integers(0, 9)
VALUES = st.one_of(st.integers(-(1 << 63), (1 << 64) - 1), st.integers(0, 3))
NAMES = st.one_of(st.sampled_from(["f", "x", "queue", "ring", "in", "cursor", "param"]), st.text(max_size=8))
TYPES = st.sampled_from([U8, U16, U32, U64, I64, BOOL, PAGE_KEY, FOLIO, LIST, ref(0), ref(1)])
SPANS = st.one_of(st.just(NOWHERE), st.builds(Span, *[st.integers(0, 1 << 31)] * 4))
LIST_KINDS = st.sampled_from(["list", "bag", "heap"])
FIELDS = st.lists(st.builds(ir.Field, NAMES, TYPES, SPANS), max_size=3).map(tuple)
SIZE_TERMS = st.one_of(
    VALUES, st.sampled_from(["nr_pages", "+", "-", "*", "/", "%", "min", "max", "param:0", "param:12"])
)


def instructions(registers: tuple[ir.Reg, ...]) -> st.SearchStrategy[ir.Node]:
    register = st.sampled_from(registers)
    operand = st.one_of(register, st.builds(ir.Const, VALUES, TYPES))
    kfunc = st.one_of(st.sampled_from(sorted(abi.KFUNCS)), NAMES)
    arguments = st.lists(operand, max_size=3).map(tuple)
    table = st.integers(-1, 3)
    return st.one_of(
        st.builds(ir.Binary, register, st.sampled_from(ir.BINARY_OPS), operand, operand, SPANS),
        st.builds(ir.Compare, register, st.sampled_from(ir.COMPARE_OPS), operand, operand, SPANS),
        st.sampled_from([ir.Copy, ir.Convert, ir.Narrow]).flatmap(
            lambda kind: st.builds(kind, register, operand, SPANS)
        ),
        st.builds(ir.MulDiv, register, operand, operand, operand, SPANS),
        st.builds(ir.LoadParam, register, NUMBERS, SPANS),
        st.builds(ir.LoadState, register, NUMBERS, operand, SPANS),
        st.builds(ir.StoreState, NUMBERS, operand, operand, SPANS),
        st.builds(ir.LoadField, register, operand, NUMBERS, SPANS),
        st.builds(ir.StoreField, operand, NUMBERS, operand, SPANS),
        st.builds(ir.LoadRef, register, operand, NUMBERS, SPANS),
        st.builds(ir.StoreRef, operand, NUMBERS, operand, SPANS),
        st.builds(ir.ListAt, register, NUMBERS, operand, SPANS),
        st.builds(ir.Call, st.one_of(st.none(), register), kfunc, table, arguments, SPANS),
        st.builds(ir.Break, NUMBERS, SPANS),
        st.builds(ir.Continue, NUMBERS, SPANS),
        st.builds(ir.Return, st.one_of(st.none(), operand), SPANS),
    )


def bodies(registers: tuple[ir.Reg, ...]) -> st.SearchStrategy[tuple[ir.Node, ...]]:
    register = st.sampled_from(registers)
    operand = st.one_of(register, st.builds(ir.Const, VALUES, TYPES))

    def around(inner: st.SearchStrategy[ir.Node]) -> st.SearchStrategy[ir.Node]:
        body = st.lists(inner, max_size=3).map(tuple)
        return st.one_of(
            st.builds(ir.If, operand, body, body, SPANS),
            st.builds(ir.Block, body, SPANS),
            st.builds(ir.Loop, register, operand, body, SPANS),
            st.builds(ir.Scan, register, operand, st.integers(-1, 2), operand, body, SPANS),
        )

    return st.lists(st.recursive(instructions(registers), around, max_leaves=8), max_size=6).map(tuple)


@st.composite
def hooks(draw: st.DrawFn) -> ir.Function:
    named = draw(st.lists(st.tuples(TYPES, NAMES), min_size=1, max_size=5))
    registers = tuple(ir.Reg(index, type, name) for index, (type, name) in enumerate(named))
    params = registers[: draw(st.integers(0, 1))]
    result = draw(st.one_of(st.none(), TYPES))
    return ir.Function(draw(NAMES), params, result, registers, draw(bodies(registers)), draw(SPANS))


POLICIES = st.builds(
    ir.Policy,
    NAMES,
    st.just(abi.ABI_HASH),
    st.lists(st.builds(ir.Param, NAMES, TYPES, VALUES, VALUES, VALUES, SPANS), max_size=3).map(tuple),
    st.lists(st.builds(ir.State, NAMES, TYPES, NUMBERS, st.booleans(), VALUES, SPANS), max_size=3).map(tuple),
    st.lists(st.builds(ir.ListDecl, NAMES, LIST_KINDS | NAMES, NUMBERS, st.booleans(), SPANS), max_size=3).map(tuple),
    st.lists(st.builds(ir.Cursor, NAMES, NUMBERS, NUMBERS, SPANS), max_size=3).map(tuple),
    FIELDS,
    st.lists(st.builds(ir.Map, NAMES, NAMES, TYPES, FIELDS, st.lists(SIZE_TERMS).map(tuple), SPANS), max_size=2).map(
        tuple
    ),
    st.lists(hooks(), max_size=2).map(tuple),
    st.builds(Source, NAMES, st.text(max_size=40)),
)


@settings(max_examples=60, deadline=None)
@given(POLICIES)
def test_text_and_object_give_the_policy_back(policy: ir.Policy) -> None:
    text = print_policy(policy)
    parsed = parse_policy(text, policy.source)
    assert parsed == policy
    assert print_policy(parsed) == text
    assert decode(encode(policy)) == policy
