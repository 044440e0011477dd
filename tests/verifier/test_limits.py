"""Every limit that the verifier keeps: what is just at it passes, one more does not.

The numbers are written out: a limit that moves, or is gone, is seen here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from dsl import ir
from dsl.ir_text import parse_policy
from dsl.source import NOWHERE
from dsl.types import U8, U64
from verifier.structure import check_structure
from verifier.verify import verify

EMPTY = parse_policy("policy t\nlist q\nhook init() { }\n")
MALFORMED, TOO_LARGE = "malformed-object", "policy-too-large"


def with_body(body: tuple[ir.Node, ...], registers: tuple[ir.Reg, ...] = ()) -> ir.Policy:
    return replace(EMPTY, hooks=(replace(EMPTY.hooks[0], body=body, registers=registers),))


def instructions(count: int) -> ir.Policy:
    x = ir.Reg(0, U64)
    return with_body((ir.Copy(x, ir.Const(1, U64), NOWHERE),) * count, (x,))


def instructions_of_two_hooks(count: int) -> ir.Policy:
    (hook,) = instructions(count - 1000).hooks
    (other,) = instructions(1000).hooks
    return replace(EMPTY, hooks=(hook, replace(other, hook="exit")))


def registers(count: int) -> ir.Policy:
    return with_body((), tuple(ir.Reg(number, U8) for number in range(count)))


def registers_of_two_hooks(count: int) -> ir.Policy:
    (hook,) = registers(count - 1000).hooks
    (other,) = registers(1000).hooks
    return replace(EMPTY, hooks=(hook, replace(other, hook="exit")))


def nested(depth: int) -> ir.Policy:
    body: tuple[ir.Node, ...] = ()
    for _ in range(depth):
        body = (ir.Block(body, NOWHERE),)
    return with_body(body)


def an_array_of_lists(count: int) -> ir.Policy:
    return replace(EMPTY, lists=(ir.ListDecl("g", "list", count, True, NOWHERE),))


def lists(count: int) -> ir.Policy:
    return replace(EMPTY, lists=(*EMPTY.lists, *an_array_of_lists(count - 1).lists))


def bags_and_heaps(count: int) -> ir.Policy:
    kinds = ("bag", "heap") * count
    return replace(EMPTY, lists=tuple(ir.ListDecl(f"x{i}", kinds[i], 1, False, NOWHERE) for i in range(count)))


def cursors(count: int) -> ir.Policy:
    return replace(EMPTY, cursors=tuple(ir.Cursor(f"c{i}", 0, 0, NOWHERE) for i in range(count)))


def maps(count: int) -> ir.Policy:
    return replace(EMPTY, maps=tuple(ir.Map(f"m{i}", "hash", U64, (), (1,), NOWHERE) for i in range(count)))


def params(count: int) -> ir.Policy:
    return replace(EMPTY, params=tuple(ir.Param(f"p{i}", U64, 0, 0, 0, NOWHERE) for i in range(count)))


def an_array_of_state(count: int) -> ir.Policy:
    return replace(EMPTY, states=(ir.State("s", U64, count, True, 0, NOWHERE),))


def state(count: int) -> ir.Policy:
    return replace(EMPTY, states=(ir.State("a", U64, 1, False, 0, NOWHERE), *an_array_of_state(count - 1).states))


def fields_of(size: int) -> tuple[ir.Field, ...]:
    words = tuple(ir.Field(f"w{i}", U64, NOWHERE) for i in range(size // 8))
    return words + tuple(ir.Field(f"b{i}", U8, NOWHERE) for i in range(size % 8))


def fields(size: int) -> ir.Policy:
    return replace(EMPTY, fields=fields_of(size))


def values_of_a_map(size: int) -> ir.Policy:
    return replace(EMPTY, maps=(ir.Map("m", "hash", U64, fields_of(size), (1,), NOWHERE),))


def sizes_of_a_map(operators: int) -> ir.Policy:
    size = (1, *((1, "+") * operators))
    return replace(EMPTY, maps=(ir.Map("m", "hash", U64, (), size, NOWHERE),))


FORM: list[tuple[Callable[[int], ir.Policy], int, str]] = [
    (instructions, 25_000, TOO_LARGE), (instructions_of_two_hooks, 25_000, TOO_LARGE),
    (registers, 50_000, TOO_LARGE), (registers_of_two_hooks, 50_000, TOO_LARGE),
    (nested, 64, MALFORMED), (an_array_of_lists, 1024, MALFORMED), (lists, 1024, MALFORMED),
    (bags_and_heaps, 8, MALFORMED), (cursors, 16, MALFORMED), (maps, 32, MALFORMED), (params, 64, MALFORMED),
    (an_array_of_state, 1 << 16, MALFORMED), (state, 1 << 16, MALFORMED),
    (fields, 32, MALFORMED), (values_of_a_map, 256, MALFORMED), (sizes_of_a_map, 499, MALFORMED),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "most", "code"), FORM, ids=lambda value: getattr(value, "__name__", ""))
def test_the_form_is_limited(policy: Callable[[int], ir.Policy], most: int, code: str) -> None:
    assert not check_structure(policy(most)).found
    assert {fault.code for fault in check_structure(policy(most + 1)).found} == {code}


def steps(count: int) -> str:
    return f"loop %0 < {count - 1} {{ }}"


def steps_per_folio(count: int) -> str:
    return f"%0 = call nr_pages() scan %2 in %1 limit %0 {{ {'%0 = add 1, 2 ' * (count - 4)} }}"


@pytest.mark.parametrize(("body", "most"), [(steps, 1_000_000 - 1), (steps_per_folio, 4096)])
def test_the_cost_is_limited(body: Callable[[int], str], most: int) -> None:
    head = "policy t list q hook age() { var %0: u64 var %1: list var %2: folio %1 = list q[0]"
    at, beyond = (verify(parse_policy(f"{head}\n{body(number)}\n}}")) for number in (most, most + 1))
    assert at.accepted and max(at.costs[0].constant, at.costs[0].per_folio) in (1_000_000, 4096)
    assert [diagnostic.code for diagnostic in beyond.diagnostics] == ["too-many-steps"]
