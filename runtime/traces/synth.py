"""Made-up traces: Zipf, uniform, loops, scans, phases and mixtures of them.

In: a `Synthetic` (synth_spec.py). Out: its accesses. The same text gives the same trace, whatever the size of the
chunks: all randomness is the raw output of the counter-based generator Philox, one stream for each purpose, each used
in the order of the accesses. Original keys are `part << 40 | page within the part`, with `FILE_KEY` for file pages.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from runtime.traces.dense import DenseMapper, TooManyPages, mix
from runtime.traces.errors import TraceError
from runtime.traces.model import FILE, FILE_KEY, SYSCALL, WRITE, Chunk, Flags, Numbers, TraceInfo
from runtime.traces.synth_spec import Part, Synthetic

FORMAT = "synth"

_BLOCK = 1 << 16
_PART_SHIFT = 40
_STREAMS = 8
_CHOICE, _ORDER, _MIXTURE, _WRITES, _MAPPED, _ANONYMOUS = range(6)
"""What the random streams of a part are for."""

Shares = npt.NDArray[np.float64]


class SyntheticReader:
    """A made-up trace."""

    def __init__(self, synthetic: Synthetic) -> None:
        self._synthetic = synthetic
        self.info = TraceInfo(
            name=synthetic.text,
            format=FORMAT,
            accesses=synthetic.accesses,
            free_events=0,
            page_size=4096,
            columns=("keys",),
            source=f"made up: {synthetic.text}",
        )

    def blocks(self) -> Iterator[Chunk]:
        """Chunks as they are made."""
        synthetic = self._synthetic
        parts = [_Pages(part, number, synthetic) for number, part in enumerate(synthetic.parts)]
        bounds = np.cumsum([part.weight for part in synthetic.parts])[:-1]
        chooser = _Random(synthetic.seed, 0, _MIXTURE)
        mapper = DenseMapper()
        for start in range(0, synthetic.accesses, _BLOCK):
            count = min(_BLOCK, synthetic.accesses - start)
            chosen = np.zeros(count, np.int64)
            if len(parts) > 1:
                chosen = np.searchsorted(bounds, chooser.shares(count), side="right")
            numbers = np.empty(count, np.uint64)
            flags = np.empty(count, np.uint8)
            for number, part in enumerate(parts):
                here = np.flatnonzero(chosen == number)
                page, flags[here] = part.accesses(len(here))
                numbers[here] = page * np.uint64(len(parts)) + np.uint64(number)
            try:
                pages, new = mapper.map(numbers)
            except TooManyPages:
                raise TraceError(synthetic.text, 0, "more than 4 billion distinct pages", unit="character") from None
            yield Chunk(pages, flags, mapper.nr_pages, keys=_keys(new, parts))


def _keys(new: Numbers, parts: list[_Pages]) -> Numbers:
    """Original keys of pages numbered across all parts."""
    number, page = new % np.uint64(len(parts)), new // np.uint64(len(parts))
    keys = (number + np.uint64(1)) << np.uint64(_PART_SHIFT) | page
    for index, part in enumerate(parts):
        of_file = (number == index) & ~part.anonymous(page)
        keys[of_file] |= np.uint64(FILE_KEY)
    return keys


class _Random:
    """One stream of random numbers."""

    def __init__(self, seed: int, part: int, purpose: int) -> None:
        self._source = np.random.Philox(key=np.array([seed, part * _STREAMS + purpose], np.uint64))

    def raw(self, count: int) -> Numbers:
        """64 random bits each."""
        return self._source.random_raw(count)

    def shares(self, count: int) -> Shares:
        """Numbers from 0 to below 1."""
        return as_shares(self.raw(count))

    def happens(self, share: float, count: int) -> npt.NDArray[np.bool_]:
        """True with this probability. The stream belongs to this one question, so that asking may be spared."""
        return np.zeros(count, np.bool_) if share == 0.0 else self.shares(count) < share


def as_shares(bits: Numbers) -> Shares:
    """The upper 53 of 64 bits as a number from 0 to below 1."""
    return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53


class _Pages:
    """The accesses of one part, in order."""

    def __init__(self, part: Part, number: int, synthetic: Synthetic) -> None:
        self._options = part.options
        expected = max(1, round(part.weight * synthetic.accesses))
        self._shape = _shape(part, expected, synthetic.seed, number)
        self._writes = _Random(synthetic.seed, number, _WRITES)
        self._mapped = _Random(synthetic.seed, number, _MAPPED)
        self._salt = _Random(synthetic.seed, number, _ANONYMOUS).raw(1)

    def accesses(self, count: int) -> tuple[Numbers, Flags]:
        """Page within the part, and flags, of the next accesses."""
        page = self._shape.take(count)
        anonymous = self.anonymous(page)
        mapped = anonymous | self._mapped.happens(self._options["mapped"], count)
        writes = self._writes.happens(self._options["write"], count)
        return page, (writes * WRITE + ~anonymous * FILE + ~mapped * SYSCALL).astype(np.uint8)

    def anonymous(self, page: Numbers) -> npt.NDArray[np.bool_]:
        """Which pages are anonymous: a property of the page, not of the access."""
        share = self._options["anon"]
        if share == 0.0:
            return np.zeros(len(page), np.bool_)
        return as_shares(mix(page ^ self._salt)) < share


class _Shape(Protocol):
    """Chooses the pages of one part."""

    def take(self, count: int) -> Numbers:
        """The next pages."""
        ...


def _shape(part: Part, expected: int, seed: int, number: int) -> _Shape:
    options = part.options
    if part.kind == "scan":
        return _Loop(1 << 63)
    pages = int(options["pages"])
    if part.kind == "loop":
        return _Loop(pages)
    alpha = float(options.get("alpha", 0.0))
    chooser = _Ranked(pages, alpha, _Random(seed, number, _CHOICE), _Random(seed, number, _ORDER))
    if part.kind == "phases":
        return _Phases(chooser, pages, int(options["phases"]), float(options["overlap"]), expected)
    return chooser


class _Loop:
    """0, 1, 2, ... up to `pages`, and again."""

    def __init__(self, pages: int) -> None:
        self._pages = pages
        self._next = 0

    def take(self, count: int) -> Numbers:
        """The next pages."""
        pages = np.arange(self._next, self._next + count, dtype=np.uint64) % np.uint64(self._pages)
        self._next += count
        return pages


class _Ranked:
    """Pages chosen independently, with probabilities by rank; which page has which rank is random."""

    def __init__(self, pages: int, alpha: float, chooser: _Random, order: _Random) -> None:
        self._pages = pages
        self._chooser = chooser
        self._sums: Shares | None = None
        if alpha > 0:
            sums = np.arange(1, pages + 1, dtype=np.float64)
            np.power(sums, -alpha, out=sums)
            np.cumsum(sums, out=sums)
            sums /= sums[-1]
            self._sums = sums
            self._page_of_rank = np.argsort(order.raw(pages), kind="stable").astype(np.uint32)

    def take(self, count: int) -> Numbers:
        """The next pages."""
        shares = self._chooser.shares(count)
        if self._sums is None:
            return (shares * self._pages).astype(np.uint64)
        # Looking them up in ascending order is several times as fast: neighbours share cache lines.
        order = np.argsort(shares)
        rank = np.empty(count, np.int64)
        rank[order] = np.searchsorted(self._sums, shares[order], side="right")
        return self._page_of_rank[np.minimum(rank, self._pages - 1)].astype(np.uint64)


class _Phases:
    """Pages of a working set which moves on, at equal distances, by the share that does not stay."""

    def __init__(self, chooser: _Ranked, pages: int, phases: int, overlap: float, expected: int) -> None:
        self._chooser = chooser
        self._phases = phases
        self._move = round(pages * (1.0 - overlap))
        self._expected = expected
        self._next = 0

    def take(self, count: int) -> Numbers:
        """The next pages."""
        index = np.arange(self._next, self._next + count, dtype=np.float64)
        self._next += count
        phase = np.minimum(index * self._phases // self._expected, self._phases - 1).astype(np.uint64)
        return self._chooser.take(count) + phase * np.uint64(self._move)
