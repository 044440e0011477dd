"""The kinds of values in a scenario file: amounts of memory, durations, counts, names.

In: what TOML has. Out: annotated types for the models of `runtime/scenario/model.py`, each with an error that says what
may be written. A bare number is neither memory nor a duration: it would be one thing to one reader and another to the
next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from runtime.machine import UNLIMITED
from runtime.memory_size import MemorySize, MemorySizeError, parse_memory_size

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9}
MOST_NANOSECONDS = 1 << 60
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(ns|us|ms|s)", re.ASCII)
_COUNT = re.compile(r"([0-9]+)([KMG]?)", re.ASCII)
_THOUSANDS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}

SIZE_FORMS = "`4096p` (pages), `64MiB`, or `10%` (of the scenario's distinct pages)"
DURATION_FORMS = "`100ns`, `5us`, `10ms` or `2s`"


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of memory in a scenario: a size, nothing, or no limit (`size` None and not `nothing`)."""

    size: MemorySize | None
    nothing: bool = False

    def pages(self, distinct_pages: int, page_size: int) -> int:
        """In pages; `UNLIMITED` for no limit. `MemorySizeError` if it is more than a machine may have."""
        if self.size is None:
            return 0 if self.nothing else UNLIMITED
        return self.size.pages(distinct_pages, page_size)

    @property
    def text(self) -> str:
        return self.size.text if self.size is not None else "0" if self.nothing else "max"


def _amount(value: object, zero: bool, unlimited: bool) -> Amount:
    other_forms = [form for form, allowed in (("`0`", zero), ("`max`", unlimited)) if allowed]
    also = f", or {' or '.join(other_forms)}" if other_forms else ""
    if isinstance(value, Amount):
        return value
    if zero and value in (0, "0"):
        return Amount(None, True)
    if unlimited and value == "max":
        return Amount(None)
    if not isinstance(value, str):
        raise ValueError(f"`{value}` is not an amount of memory: write it in quotes, {SIZE_FORMS}{also}")
    try:
        return Amount(parse_memory_size(value))
    except MemorySizeError as error:
        wrong = str(error).removeprefix("memory ").replace("the trace's", "the scenario's")
        raise ValueError(f"{wrong}{also}") from None


def _size(value: object) -> Amount:
    return _amount(value, zero=False, unlimited=False)


def _limit(value: object) -> Amount:
    return _amount(value, zero=False, unlimited=True)


def _limit_or_nothing(value: object) -> Amount:
    return _amount(value, zero=True, unlimited=True)


def _free(value: object) -> Amount:
    return _amount(value, zero=True, unlimited=False)


def _duration(value: object) -> int:
    if value == 0 and not isinstance(value, bool):
        return 0
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"`{value}` is not a duration: write {DURATION_FORMS}")
    nanoseconds = int(Fraction(match[1]) * NANOSECONDS[match[2]])
    if nanoseconds > MOST_NANOSECONDS:
        raise ValueError(f"`{value}` is too long: the most is {MOST_NANOSECONDS // 10**9:,}s")
    return nanoseconds


def _count(value: object) -> object:
    match = _COUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if match is None else int(match[1]) * _THOUSANDS[match[2]]


def _watermarks(value: object) -> object:
    if value == "auto":
        return None
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError('must be "auto", or three: free pages ["64p", "80p", "96p"] or shares of the node ["1%", ...]')
    return tuple(_free(part) for part in value)


Size = Annotated[Amount, BeforeValidator(_size)]
"""Memory there must be some of."""
Limit = Annotated[Amount, BeforeValidator(_limit)]
"""Memory, or `max`."""
LimitOrNothing = Annotated[Amount, BeforeValidator(_limit_or_nothing)]
"""Memory, `0` or `max`."""
Duration = Annotated[int, BeforeValidator(_duration)]
"""Nanoseconds."""
Count = Annotated[int, BeforeValidator(_count), Field(ge=1, le=1 << 40, strict=True)]
Swappiness = Annotated[int, Field(ge=0, le=200, strict=True)]
Watermarks = Annotated[tuple[Amount, Amount, Amount] | None, BeforeValidator(_watermarks)]
"""Free pages at min, low and high; None: as the kernel sets them."""
Kernel = Literal["6.18", "6.12", "6.1"]
