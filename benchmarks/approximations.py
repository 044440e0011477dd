"""What it costs to look at some folios instead of all, to count in a sketch, and to reckon in fixed point.

In: the programs and, for arithmetic, the plain-Python references of `tests/gallery/textbook`, which can reckon in
floats as the papers do. Out: two sections of docs/gallery.md with misses side by side, in the ideal model. The
references are slow, so they get a stretch from the middle of each trace, where the recorded program is at work.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.gallery_tables import signed, table
from runtime.comparison import compare
from runtime.traces import load, open_trace
from runtime.traces.model import FREE

Misses = Callable[[Sequence[int], int], list[bool]]
"""(pages, size of memory): whether each access misses."""


@dataclass(frozen=True, slots=True)
class Approximation:
    """A program that approximates, and a spec of it that does not, or less."""

    program: str
    exact: str
    what: str


APPROXIMATIONS = (
    Approximation("hyperbolic", "hyperbolic:samples=0", "64 folios drawn, instead of all"),
    Approximation("lhd", "lhd:samples=0", "32 folios drawn, instead of all"),
    Approximation("wtinylfu", "wtinylfu:row_counters=16", "a sketch of 4 x 2 counters a folio, instead of 4 x 16"),
)
SHARES = ("10%", "40%")
QUICK_LIMIT = 50_000
STRETCH, QUICK_STRETCH = 200_000, 3_000
"""Accesses that a reference gets."""
STRETCH_SHARE = 10
"""Its memory, in hundredths of the pages of the stretch."""


def sampling(traces: Sequence[str], quick: bool, jobs: int) -> str:
    """The section on programs that approximate: misses against those of the exact variant."""
    specs = [spec for known in APPROXIMATIONS for spec in (known.program, known.exact)]
    limit = QUICK_LIMIT if quick else None
    found = compare(specs, traces, memory=",".join(SHARES), model="ideal", jobs=jobs, limit=limit)
    misses = {(row.policy, row.trace, row.memory_pages): row.misses for row in found.rows}
    cells = list(dict.fromkeys((row.trace, row.memory_pages) for row in found.rows))
    shares = dict(zip(cells, SHARES * len(traces), strict=True))
    rows = []
    for known in APPROXIMATIONS:
        for trace, pages in cells:
            ours, exact = (misses[spec, trace, pages] for spec in (known.program, known.exact))
            rows.append([known.program, known.what, trace, shares[trace, pages], f"{ours:,}", f"{exact:,}"])
            rows[-1].append(signed(ours / exact))
    columns = ("program", "what it does", "trace", "memory", "misses", "exact", "difference")
    exact_ones = ", ".join(f"`{known.exact}`" for known in APPROXIMATIONS)
    about = (
        "## What approximations cost\n\nMisses in the ideal model, and those of the exact variant, which every program"
        f" has as a setting: {exact_ones}.\n"
    )
    return about + "\n" + table(columns, rows, left=(0, 1, 2))


def arithmetic(traces: Sequence[str], quick: bool) -> str:
    """The section on fixed point: misses of the references in the programs' arithmetic, in floats, in whole numbers."""
    rows = []
    for trace in traces:
        pages = stretch(trace, QUICK_STRETCH if quick else STRETCH)
        size = max(len(set(pages)) * STRETCH_SHARE // 100, 1)
        for name, (fixed, floating, whole) in references().items():
            counts = [sum(misses(pages, size)) if misses else None for misses in (fixed, floating, whole)]
            rows.append([name, trace, f"{size:,}p", *_counts(counts)])
    length = QUICK_STRETCH if quick else STRETCH
    columns = ("program", "trace", "memory", "fixed point", "floats", "difference", "whole numbers", "difference")
    about = (
        "## What fixed point costs\n\nThe kernel has no floats, and neither has the language: where a paper uses them,"
        " the program reckons with 32 fractional bits, as its reference under `tests/gallery/textbook` does, which can"
        f" use floats, too. Misses of the references over {length:,} accesses from the middle of each trace, with"
        f" memory for {STRETCH_SHARE}% of the pages used there, in fixed point, in floats, and, for targets that papers"
        " count in pages, in whole numbers; differences are against floats.\n"
    )
    return about + "\n" + table(columns, sorted(rows, key=lambda row: row[0]), left=(0, 1))


def references() -> dict[str, tuple[Misses, Misses, Misses | None]]:
    """The references of programs whose papers use fractions: in fixed point, in floats, in whole numbers."""
    from tests.gallery.textbook import arc, car, lecar, lhd

    return {
        "arc": (
            lambda pages, size: arc.misses(pages, size, target="q32"),
            lambda pages, size: arc.misses(pages, size, target="float"),
            lambda pages, size: arc.misses(pages, size, target="integer"),
        ),
        "car": (
            lambda pages, size: car.misses(pages, size, target="q32"),
            lambda pages, size: car.misses(pages, size, target="float"),
            lambda pages, size: car.misses(pages, size, target="integer"),
        ),
        "lecar": (lecar.misses, lambda pages, size: lecar.misses(pages, size, exact=True), None),
        "lhd": (lhd.misses, lambda pages, size: lhd.misses(pages, size, exact=True), None),
    }


def _counts(counts: Sequence[int | None]) -> list[str]:
    fixed, floating, whole = counts
    assert fixed is not None and floating is not None
    shown = [f"{fixed:,}", f"{floating:,}", signed(fixed / floating)]
    return [*shown, *(["", ""] if whole is None else [f"{whole:,}", signed(whole / floating)])]


def stretch(trace: str, length: int) -> list[int]:
    """Pages of accesses from the middle of a trace, numbered in order of first use."""
    loaded = load(open_trace(trace))
    used = loaded.page[(loaded.flags & FREE) == 0]
    used = used[len(used) // 2 :][:length]
    unique, first, inverse = np.unique(used, return_index=True, return_inverse=True)
    rank = np.empty(len(unique), "u4")
    rank[np.argsort(first, kind="stable")] = np.arange(len(unique), dtype="u4")
    numbered: list[int] = rank[inverse].tolist()
    return numbered
