"""Random numbers, hashes and powers of two, without floating point and the same in every executor.

The generator is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014): one for
a simulation, seeded by its `seed`. Its mixing function is the hash, too.
"""

from __future__ import annotations

from runtime.core.context import Context, shift_right_logical, wrap_add, wrap_mul
from runtime.core.layout import RANDOM

GOLDEN_GAMMA = -7046029254386353131
"""2**64 divided by the golden ratio, made odd, as a signed number."""
FIRST_MULTIPLIER = -4658895280553007687
SECOND_MULTIPLIER = -7723592293110705685

LARGEST = (1 << 63) - 1
FRACTION_BITS = 32
"""Fixed point of powers: numbers in 1 / 2**32."""
ONE_BITS = 30
ONE = 1 << ONE_BITS
"""The fixed point in which the series is summed: no product overflows."""
LN_2 = 744261118
"""The natural logarithm of 2 in it."""
LEAST_EXPONENT = -34 << FRACTION_BITS
"""Powers below are less than the fixed point holds."""
TERMS = 12
"""The thirteenth term is below 2**-38."""


def mixed(ctx: Context, z: int) -> int:
    """A permutation of the 64-bit numbers in which every bit depends on every other."""
    z = wrap_mul(z ^ shift_right_logical(z, 30), FIRST_MULTIPLIER)
    z = wrap_mul(z ^ shift_right_logical(z, 27), SECOND_MULTIPLIER)
    return z ^ shift_right_logical(z, 31)


def draw(ctx: Context) -> int:
    """The next random number, of 64 bits."""
    ctx.state[RANDOM] = wrap_add(ctx.state[RANDOM], GOLDEN_GAMMA)
    return mixed(ctx, ctx.state[RANDOM])


def draw_below(ctx: Context, count: int) -> int:
    """A random number below `count`, which is at most 2**32: the high half of a draw, scaled. Its bias is below
    `count` / 2**32 (Lemire, "Fast random integer generation in an interval", 2019)."""
    return shift_right_logical(wrap_mul(shift_right_logical(draw(ctx), 32), count), 32)


def power_of_fraction(ctx: Context, fraction: int) -> int:
    """2 to the power of a number in [0, 1), given in 1 / 2**32; in 1 / 2**30. Twelve terms of the exponential series,
    by Horner's rule."""
    exponent = fraction * LN_2 >> FRACTION_BITS
    power = ONE
    for i in range(TERMS):
        power = ONE + (exponent * power >> ONE_BITS) // (TERMS - i)
    return power


# --- kfuncs -----------------------------------------------------------------------------------------------


def next_random(ctx: Context, lruvec: int) -> int:
    return draw(ctx)


def hash_of_key(ctx: Context, lruvec: int, key: int, seed: int) -> int:
    return mixed(ctx, wrap_add(key, wrap_mul(wrap_add(seed, 1), GOLDEN_GAMMA)))


def power_of_two(ctx: Context, lruvec: int, x: int) -> int:
    """2 to the power of `x`, both in 1 / 2**32; at most 2**63 - 1."""
    if x < LEAST_EXPONENT:
        return 0
    fraction = x & ((1 << FRACTION_BITS) - 1)
    power = power_of_fraction(ctx, fraction) << (FRACTION_BITS - ONE_BITS)
    if x < 0:
        return power >> ((fraction - x) >> FRACTION_BITS)
    return LARGEST if x >> FRACTION_BITS >= 63 - (FRACTION_BITS + 1) else power << (x >> FRACTION_BITS)


def floor_log2(ctx: Context, lruvec: int, x: int) -> int:
    """The number of the highest bit of a 64-bit number; 0 for 0."""
    if x < 0:
        return 63
    log = 0
    step = 32
    while step > 0:
        if x >> step != 0:
            x = x >> step
            log += step
        step = step >> 1
    return log
