"""Edge cases of the arithmetic give the same results everywhere: against the interpreter and against RFC 9669."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from dsl import abi, ir
from dsl.ir import Const, Reg
from dsl.source import NOWHERE, Source
from dsl.types import BOOL, I64, INTEGERS, U64, Type, wrap
from runtime import arithmetic
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import executor

KINDS = ("interpreted", "O0", "O3")
BINARY = ir.BINARY_OPS
COMPARE = ir.COMPARE_OPS


def edges(type: Type) -> list[int]:
    values = {0, 1, 2, 3, 7, type.bits - 1, type.bits, type.bits + 1, type.maximum, type.maximum - 1, type.maximum // 2}
    if type.signed:
        values |= {-1, -2, -7, type.minimum, type.minimum + 1}
    return sorted(v for v in values if type.minimum <= v <= type.maximum)


def policy_of(types: tuple[Type, ...], body: list[ir.Node], registers: list[Reg], results: int) -> ir.Policy:
    """A policy whose `init` loads its params into the first registers and runs `body`, which stores into state 0."""
    params = tuple(ir.Param(f"p{i}", t, t.minimum, t.minimum, t.maximum, NOWHERE) for i, t in enumerate(types))
    loads: list[ir.Node] = [ir.LoadParam(registers[i], i, NOWHERE) for i in range(len(types))]
    state = ir.State("out", I64, results, True, 0, NOWHERE)
    hook = ir.Function("init", (), None, tuple(registers), (*loads, *body), NOWHERE)
    return ir.Policy("edge", abi.ABI_HASH, params, (state,), (), (), (), (), (hook,), Source("edge.rx", ""))


def results_of(policy: ir.Policy, values: tuple[int, ...], kind: str) -> list[int]:
    params = {f"p{i}": v for i, v in enumerate(values)}
    simulation = Simulation(Attachment(policy, params), Machine(8), executor(kind, policy, False))
    return [int(w) for w in simulation.regions["policy"].view("<i8")[: policy.states[0].length]]


def operations(type: Type) -> ir.Policy:
    """Every binary operation and comparison of two params of a type."""
    registers = [Reg(0, type), Reg(1, type), Reg(2, type), Reg(3, BOOL), Reg(4, I64)]
    a, b, out, flag, wide = registers
    body: list[ir.Node] = []
    for i, op in enumerate(BINARY):
        body += [ir.Binary(out, op, a, b, NOWHERE), ir.Convert(wide, out, NOWHERE)]
        body.append(ir.StoreState(0, Const(i, U64), wide, NOWHERE))
    for i, op in enumerate(COMPARE, len(BINARY)):
        body += [ir.Compare(flag, op, a, b, NOWHERE), ir.Convert(wide, flag, NOWHERE)]
        body.append(ir.StoreState(0, Const(i, U64), wide, NOWHERE))
    return policy_of((type, type), body, registers, len(BINARY) + len(COMPARE))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("type", INTEGERS, ids=str)
def test_binary_operations_and_comparisons(type: Type, kind: str) -> None:
    policy = operations(type)
    for a, b in itertools.product(edges(type), repeat=2):
        expected = [arithmetic.binary(op, type, a, b) for op in BINARY]
        expected += [int(arithmetic.COMPARE[op](a, b)) for op in COMPARE]
        assert results_of(policy, (a, b), kind) == [wrap(v, I64) for v in expected], (a, b)


def test_the_reference_is_rfc_9669() -> None:
    binary = arithmetic.binary
    assert binary("div", U64, 7, 0) == 0
    assert binary("mod", U64, 7, 0) == 7
    assert binary("div", I64, I64.minimum, -1) == I64.minimum
    assert binary("mod", I64, I64.minimum, -1) == 0
    assert binary("div", I64, -7, 2) == -3
    assert binary("mod", I64, -7, 2) == -1
    assert binary("shl", U64, 1, 65) == 2
    assert binary("shr", I64, -8, 1) == -4
    assert binary("add", U64, U64.maximum, 1) == 0
    assert binary("sub", U64, 0, 1) == U64.maximum


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", [*INTEGERS, BOOL], ids=str)
def test_conversions(source: Type, kind: str) -> None:
    registers = [Reg(0, source), *(Reg(i, t) for i, t in enumerate(INTEGERS, 1)), Reg(6, I64)]
    body: list[ir.Node] = []
    for i in range(1, 6):
        body += [ir.Convert(registers[i], registers[0], NOWHERE), ir.Convert(registers[6], registers[i], NOWHERE)]
        body.append(ir.StoreState(0, Const(i - 1, U64), registers[6], NOWHERE))
    policy = policy_of((source,), body, registers, 5)
    for value in edges(source) if source != BOOL else (0, 1):
        expected = [wrap(wrap(value, t), I64) for t in INTEGERS]
        assert results_of(policy, (value,), kind) == expected, value


@pytest.mark.parametrize("kind", KINDS)
def test_mul_div(kind: str) -> None:
    registers = [Reg(0, U64), Reg(1, U64), Reg(2, U64), Reg(3, U64)]
    body: list[ir.Node] = [
        ir.MulDiv(registers[3], registers[0], registers[1], registers[2], NOWHERE),
        ir.StoreState(0, Const(0, U64), registers[3], NOWHERE),
    ]
    state = ir.State("out", U64, 1, False, 0, NOWHERE)
    base = policy_of((U64, U64, U64), body, registers, 1)
    policy = ir.Policy("edge", base.abi_hash, base.params, (state,), (), (), (), (), base.hooks, base.source)
    values = (0, 1, 3, 10, 1 << 32, (1 << 63) - 1, 1 << 63, U64.maximum - 1, U64.maximum)
    for a, b, c in itertools.product(values, repeat=3):
        assert results_of(policy, (a, b, c), kind) == [wrap(arithmetic.mul_div(a, b, c), I64)], (a, b, c)


@pytest.mark.parametrize("kind", KINDS)
def test_loops_end_as_they_should(kind: str) -> None:
    """The count is the executor's: writing the index changes nothing; `break` and `continue` leave the right loop."""
    limit, outer, inner, total = Reg(0, U64), Reg(1, U64), Reg(2, U64), Reg(3, I64)
    flag, wide = Reg(4, BOOL), Reg(5, I64)
    leave = ir.If(flag, (ir.Continue(1, NOWHERE),), (), NOWHERE)
    stop = ir.If(flag, (ir.Break(1, NOWHERE),), (), NOWHERE)
    nested = ir.Loop(inner, Const(5, U64), (
        ir.Binary(total, "add", total, Const(1, I64), NOWHERE),
        ir.Compare(flag, "eq", inner, Const(3, U64), NOWHERE), leave,
        ir.Compare(flag, "eq", outer, Const(6, U64), NOWHERE), stop,
    ), NOWHERE)  # fmt: skip
    body: list[ir.Node] = [
        ir.Copy(total, Const(0, I64), NOWHERE),
        ir.Loop(outer, limit, (
            nested,
            ir.Binary(total, "add", total, Const(100, I64), NOWHERE),
            ir.Copy(outer, Const(0, U64), NOWHERE),
        ), NOWHERE),
        ir.Convert(wide, total, NOWHERE),
        ir.StoreState(0, Const(0, U64), wide, NOWHERE),
    ]  # fmt: skip
    policy = policy_of((U64,), body, [limit, outer, inner, total, flag, wide], 1)
    for n in (0, 1, 2, 6, 7, 20):
        rounds = min(n, 6)
        expected = rounds * 4 + (1 if n > 6 else 0)
        assert results_of(policy, (n,), kind) == [expected], n


@pytest.mark.parametrize("kind", KINDS)
def test_a_huge_limit_that_is_left_early(kind: str) -> None:
    limit, index, flag, wide = Reg(0, U64), Reg(1, U64), Reg(2, BOOL), Reg(3, I64)
    body: list[ir.Node] = [
        ir.Loop(index, limit, (
            ir.Convert(wide, index, NOWHERE),
            ir.Compare(flag, "ge", index, Const(9, U64), NOWHERE),
            ir.If(flag, (ir.Break(0, NOWHERE),), (), NOWHERE),
        ), NOWHERE),
        ir.StoreState(0, Const(0, U64), wide, NOWHERE),
    ]  # fmt: skip
    policy = policy_of((U64,), body, [limit, index, flag, wide], 1)
    assert results_of(policy, (U64.maximum,), kind) == [9]


def test_short_circuit_calls_nothing_it_should_not() -> None:
    from tests.runtime.policies import compiled, events, simulate

    policy = compiled(
        """
        policy circuit;
        list queue;
        state calls: u64[4];
        fn yes(i: u64) -> bool { calls[min(i, 3)] += 1; return true; }
        fn no(i: u64) -> bool { calls[min(i, 3)] += 1; return false; }
        hook folio_added(f) {
            if no(0) && yes(1) { calls[3] += 100; }
            if yes(2) || yes(1) { calls[3] += 1; }
            let both = !(yes(0) && !no(2)) || yes(1);
            if both { calls[3] += 100; }
            queue.push_tail(f);
        }
        hook evict_folios(ctx) { scan f in queue limit 32 { ctx.evict(f); } }
        """
    )
    for kind in ("interpreted", "python", "O0", "O3"):
        simulation = simulate(policy, events(np.arange(3)), Machine(8, True), kind)
        # no(0); yes(2); yes(0), no(2): `!no(2)` holds, so the negation does not and yes(1) is asked.
        assert list(simulation.regions["policy"].view("<i8")) == [6, 3, 6, 303], kind
