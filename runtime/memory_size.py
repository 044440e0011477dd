"""How much memory, as a user writes it.

In: `4096p` (pages), `64MiB` (also KiB, GiB, or the kernel's K, M, G, which mean the same), `10%` (of the trace's
distinct pages). Out: `MemorySize`, which a trace turns into pages. A bare number is refused: it would be pages to
one reader and bytes to the next.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from dsl import abi

PAGE_SIZE = 4096
"""Of a trace that does not say how large its pages are."""

UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE = re.compile(r"([0-9][0-9_]*(?:\.[0-9]+)?|\.[0-9]+)\s*([A-Za-z%]*)")
_MAX_LENGTH = 40
FORMS = "write `4096p` (pages), `64MiB`, or `10%` (of the trace's distinct pages)"


class MemorySizeError(Exception):
    """An amount of memory that cannot be: the message quotes it and says what would do."""


@dataclass(frozen=True, slots=True)
class MemorySize:
    """An amount in pages, bytes or hundredths of a trace's distinct pages; `text` is how it was written."""

    text: str
    amount: Fraction
    unit: str

    def pages(self, distinct_pages: int, page_size: int) -> int:
        """The amount in whole pages: a share is rounded half up and at least 1, bytes are rounded down."""
        if self.unit == "%":
            pages = max(1, int(self.amount * distinct_pages / 100 + Fraction(1, 2)))
        elif self.unit == "p":
            pages = int(self.amount)
        else:
            pages = int(self.amount) // (page_size or PAGE_SIZE)
            if pages == 0:
                raise MemorySizeError(f"memory `{self.text}` is less than one page of {page_size or PAGE_SIZE:,} bytes")
        if pages > abi.MAX_MEMORY_PAGES:
            raise MemorySizeError(f"memory `{self.text}` is {pages:,} pages; the most is {abi.MAX_MEMORY_PAGES:,}")
        return pages


def parse_memory_size(text: str) -> MemorySize:
    """The amount that `text` names, or `MemorySizeError`."""
    written = text.strip()
    match = _SIZE.fullmatch(written) if len(written) <= _MAX_LENGTH else None
    if match is None:
        raise MemorySizeError(f"memory `{written[:_MAX_LENGTH]}` is not an amount: {FORMS}")
    amount, unit = Fraction(match[1].replace("_", "")), match[2]
    if not unit:
        raise MemorySizeError(f"memory `{written}` has no unit: write `{written}p` for pages, or `{written}MiB`")
    if unit not in ("p", "%") and unit not in UNITS:
        raise MemorySizeError(f"memory `{written}`: unknown unit `{unit}`{_meant(match[1], unit)}")
    if amount == 0:
        raise MemorySizeError(f"memory `{written}` is nothing: a policy needs at least one page")
    if unit == "p" and amount.denominator != 1:
        raise MemorySizeError(f"memory `{written}`: pages come whole")
    return MemorySize(written, amount * UNITS.get(unit, 1), unit if unit in ("p", "%") else "bytes")


def _meant(amount: str, unit: str) -> str:
    known = {name.lower(): name for name in (*UNITS, "p")}
    known |= {"kb": "KiB", "mb": "MiB", "gb": "GiB", "pages": "p", "page": "p", "percent": "%"}
    meant = known.get(unit.lower())
    return f"; did you mean `{amount}{meant}`?" if meant else f"; {FORMS}"
