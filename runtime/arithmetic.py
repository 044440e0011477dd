"""The arithmetic of the language, on Python integers: the reference that native code is compared with.

Operands and results are in the range of their type. Division truncates toward zero; x / 0 = 0, x % 0 = x,
MIN / -1 = MIN, MIN % -1 = 0; shift counts are taken modulo the width (RFC 9669).
"""

from __future__ import annotations

import operator

from dsl.types import Type, wrap

COMPARE = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip


def _quotient(a: int, b: int) -> int:
    if b == 0:
        return 0
    q = abs(a) // abs(b)
    return q if (a < 0) == (b < 0) else -q


def exact(op: str, type: Type, a: int, b: int) -> int:
    """The result of a binary operation before it is wrapped to the width of `type`."""
    match op:
        case "add":
            return a + b
        case "sub":
            return a - b
        case "mul":
            return a * b
        case "div":
            return _quotient(a, b)
        case "mod":
            return a if b == 0 else a - b * _quotient(a, b)
        case "and":
            return a & b
        case "or":
            return a | b
        case "xor":
            return a ^ b
        case "shl":
            return a << (b % type.bits)
        case "shr":
            return a >> (b % type.bits)
        case "min":
            return min(a, b)
        case "max":
            return max(a, b)
    raise ValueError(op)


def binary(op: str, type: Type, a: int, b: int) -> int:
    """The result of a binary operation of `dsl.ir.BINARY_OPS` in `type`."""
    return wrap(exact(op, type, a, b), type)


def mul_div(a: int, b: int, c: int) -> int:
    """`a * b / c` of u64 with a product of 128 bits; c = 0 gives 0, overflow the largest u64."""
    return 0 if c == 0 else min(a * b // c, (1 << 64) - 1)
