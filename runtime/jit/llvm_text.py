"""LLVM text that does not depend on the function at hand: declarations, metadata, types and constants.

`PREFETCH` and, if it is called, `MUL_DIV` belong into a module, `tbaa()` at its end.
"""

from __future__ import annotations

from dsl.ir import Const
from dsl.types import BOOL, Type
from runtime.core.layout import VIEWS

ALIASES = ("context", *dict.fromkeys(v.alias or name for name, v in VIEWS.items()))
"""The classes of memory that never overlap, for TBAA: the context's pointers first."""

PREFETCH = "declare void @llvm.prefetch.p0(ptr, i32, i32, i32)"

MUL_DIV = """
define internal i64 @mul_div(i64 %a, i64 %b, i64 %c) nounwind {
entry:
  %wide = zext i64 %a to i128
  %wide.b = zext i64 %b to i128
  %product = mul i128 %wide, %wide.b
  %high128 = lshr i128 %product, 64
  %high = trunc i128 %high128 to i64
  %low = trunc i128 %product to i64
  %zero = icmp eq i64 %c, 0
  br i1 %zero, label %none, label %some
none:
  ret i64 0
some:
  %narrow = icmp eq i64 %high, 0
  br i1 %narrow, label %short, label %long
short:
  %q = udiv i64 %low, %c
  ret i64 %q
long:
  %over = icmp uge i64 %high, %c
  br i1 %over, label %saturated, label %loop
saturated:
  ret i64 -1
loop:
  %i = phi i64 [0, %long], [%i.next, %loop]
  %rest = phi i64 [%high, %long], [%rest.next, %loop]
  %digits = phi i64 [%low, %long], [%digits.next, %loop]
  %carry = lshr i64 %rest, 63
  %rest.shifted = shl i64 %rest, 1
  %digit = lshr i64 %digits, 63
  %rest.in = or i64 %rest.shifted, %digit
  %carried = icmp ne i64 %carry, 0
  %enough = icmp uge i64 %rest.in, %c
  %take = or i1 %carried, %enough
  %rest.less = sub i64 %rest.in, %c
  %rest.next = select i1 %take, i64 %rest.less, i64 %rest.in
  %digits.shifted = shl i64 %digits, 1
  %bit = zext i1 %take to i64
  %digits.next = or i64 %digits.shifted, %bit
  %i.next = add i64 %i, 1
  %done = icmp eq i64 %i.next, 64
  br i1 %done, label %out, label %loop
out:
  ret i64 %digits.next
}
"""
"""`mul_div`: LLVM would call a library for the division of 128 bits; this is the schoolbook division by hand, taken
only when the product does not fit 64 bits."""


def llvm_type(type: Type) -> str:
    """Scalars at their width, handles as i64."""
    return f"i{type.bits or 64}"


def literal(constant: Const) -> str:
    """A constant as LLVM text, which has signed literals only."""
    if constant.type == BOOL:
        return "true" if constant.value else "false"
    bits = constant.type.bits or 64
    return str(constant.value - (1 << bits) if constant.value >> (bits - 1) > 0 else constant.value)


def tag(alias: str) -> str:
    """What an access to a class of memory is marked with."""
    return f"!tbaa !{len(ALIASES) + 1 + ALIASES.index(alias)}"


def tbaa() -> str:
    """The metadata that says which accesses never touch the same byte."""
    lines = ['!0 = !{!"reclaim_ext"}']
    n = len(ALIASES)
    lines += [f'!{i + 1} = !{{!"{a}", !0, i64 0}}' for i, a in enumerate(ALIASES)]
    lines += [f"!{n + 1 + i} = !{{!{i + 1}, !{i + 1}, i64 0}}" for i in range(n)]
    return "\n".join(lines) + "\n"
