"""The facts of the gallery: misses of every program in both models, and what follows from them.

In: the rows of a `Comparison` for each model. Out: `Facts`, which answers how a program does in a cell (a trace with a
share of memory) against the kernel's LRU, over all cells, and who wins where. Nothing here is rounded or worded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from runtime.program import OPT
from runtime.row import FINISHED, Row

BASE = "builtin:lru"
RIVALS = (BASE, "builtin:mglru")
"""The kernel's own algorithms: beside every program, never among the winners."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A trace with a memory of `pages`, `share` of its distinct pages in text."""

    trace: str
    share: str
    pages: int

    @property
    def name(self) -> str:
        return f"{self.trace} at {self.share}"


@dataclass(frozen=True, slots=True)
class Against:
    """A program against the base over all cells of a model: the geometric mean of the ratios of misses, how many cells
    have fewer, and the cells with the least and the largest ratio."""

    mean: float
    fewer: int
    cells: int
    best: tuple[Cell, float]
    worst: tuple[Cell, float]

    @property
    def equal(self) -> bool:
        """Whether all cells have the misses of the base."""
        return self.best[1] == self.worst[1] == 1.0


class Facts:
    """What was measured in one model."""

    def __init__(self, rows: Sequence[Row], shares: Sequence[str]) -> None:
        self._rows = {(row.policy, row.trace, row.memory_pages): row for row in rows}
        self.cells = tuple(_cells(rows, shares))
        self.policies = tuple(dict.fromkeys(row.policy for row in rows))
        self.programs = tuple(p for p in self.policies if p != OPT and p not in RIVALS)

    def row(self, policy: str, cell: Cell) -> Row:
        return self._rows[policy, cell.trace, cell.pages]

    def miss_ratio(self, policy: str, cell: Cell) -> float | None:
        """None where the run did not go to its end."""
        row = self.row(policy, cell)
        return row.miss_ratio if row.status == FINISHED else None

    def ratio(self, policy: str, cell: Cell) -> float | None:
        """Misses against those of the base."""
        row = self.row(policy, cell)
        return row.misses / self.row(BASE, cell).misses if row.status == FINISHED else None

    def against(self, policy: str) -> Against | None:
        """The program over all cells; None if it finished in none."""
        found = [(cell, ratio) for cell in self.cells if (ratio := self.ratio(policy, cell)) is not None]
        if not found:
            return None
        mean = math.exp(math.fsum(math.log(ratio) for _, ratio in found) / len(found))
        return Against(
            mean=mean,
            fewer=sum(ratio < 1 for _, ratio in found),
            cells=len(found),
            best=min(found, key=lambda pair: pair[1]),
            worst=max(found, key=lambda pair: pair[1]),
        )

    def ranking(self, cell: Cell) -> list[tuple[str, float]]:
        """Programs by their miss ratios in a cell, the best first; equal ones in the order in which they were run."""
        ratios = [(p, ratio) for p in self.programs if (ratio := self.miss_ratio(p, cell)) is not None]
        return sorted(ratios, key=lambda pair: pair[1])

    def leaders(self, cell: Cell, count: int) -> list[tuple[str, float]]:
        """The first of the ranking; of programs with the same misses only one."""
        unique: dict[float, str] = {}
        for name, ratio in self.ranking(cell):
            unique.setdefault(ratio, name)
        return [(name, ratio) for ratio, name in unique.items()][:count]

    def wins(self, policy: str) -> int:
        """Cells in which no program has fewer misses."""
        return sum(self.miss_ratio(policy, cell) == self.ranking(cell)[0][1] for cell in self.cells)

    def unfinished(self) -> list[str]:
        """Runs that did not go to their end, in words."""
        return [
            f"{row.policy} on {row.trace} with {row.memory_pages:,} pages: {row.status}"
            for row in self._rows.values()
            if row.status != FINISHED
        ]


def _cells(rows: Sequence[Row], shares: Sequence[str]) -> Iterable[Cell]:
    for trace in dict.fromkeys(row.trace for row in rows):
        sizes = sorted({row.memory_pages for row in rows if row.trace == trace})
        yield from (Cell(trace, share, pages) for share, pages in zip(shares, sizes, strict=True))


Models = Mapping[str, Facts]
"""The facts of each model, `ideal` and `kernel`."""
