"""Constant expressions of the subset, computed before anything is compiled.

In: an operation and two constants. Out: its value, or None where the subset has none: division of negatives or by zero,
shifts out of range, results that do not fit 64 bits. What has no value is left to trap where it is run.
"""

from __future__ import annotations


def fold(op: str, a: int, b: int) -> int | None:
    """The value of a constant expression of the subset; None where it has none."""
    if op in ("div", "mod") and (a < 0 or b <= 0):
        return None
    if op in ("shl", "shr") and not 0 <= b < 64:
        return None
    value = {
        "add": lambda: a + b, "sub": lambda: a - b, "mul": lambda: a * b, "div": lambda: a // b, "mod": lambda: a % b,
        "and": lambda: a & b, "or": lambda: a | b, "xor": lambda: a ^ b, "shl": lambda: a << b, "shr": lambda: a >> b,
    }[op]()  # fmt: skip
    return value if -(1 << 63) <= value < 1 << 63 else None
