"""Maps of kind `array`: elements that are all there from the start, zero, numbered from 0.

Elements lie side by side in `map_entries` from word `MAP_ENTRY` on, each of `MAP_STRIDE` bytes. A reference to one is
its byte. What is done to all of them is done a word at a time: two instructions for eight counters of a byte.
"""

from __future__ import annotations

from runtime.core.context import Context, shift_right_logical, wrap_mul
from runtime.core.layout import HOOK_STEPS, MAP_CAPACITY, MAP_ENTRY, MAP_HALVES, MAP_ONES, MAP_STRIDE


def array_lookup(ctx: Context, lruvec: int, m: int, index: int) -> int:
    """The reference of an element; null outside. An index of 2**63 or more comes as a negative number."""
    if index < 0 or index >= ctx.maps[m, MAP_CAPACITY]:
        return 0
    return ctx.maps[m, MAP_ENTRY] * 8 + index * ctx.maps[m, MAP_STRIDE]


def array_words(ctx: Context, m: int) -> int:
    """The words that the elements take. Whoever has something done to all of them pays for each."""
    words = (ctx.maps[m, MAP_CAPACITY] * ctx.maps[m, MAP_STRIDE] + 7) // 8
    ctx.state[HOOK_STEPS] += words
    return words


def map_fill(ctx: Context, lruvec: int, m: int, value: int) -> None:
    """Set every element. The value fits an element, so the product has it in each and carries nothing over."""
    first = ctx.maps[m, MAP_ENTRY]
    word = wrap_mul(value, ctx.maps[m, MAP_ONES])
    for i in range(array_words(ctx, m)):
        ctx.map_values[first + i] = word


def map_halve(ctx: Context, lruvec: int, m: int) -> None:
    """Halve every element, rounding down: what a shift moves from one element into its neighbour is masked out."""
    first = ctx.maps[m, MAP_ENTRY]
    mask = ctx.maps[m, MAP_HALVES]
    for i in range(array_words(ctx, m)):
        ctx.map_values[first + i] = shift_right_logical(ctx.map_values[first + i], 1) & mask
