"""Rows arranged for people: one grid for each trace.

In: a `Comparison`. Out: a `Grid` per trace and model, policies down, sizes of memory across, with the best policy of
each column known; and notes on cells that did not finish. Text, HTML and plots are drawn from grids.
"""

from __future__ import annotations

from dataclasses import dataclass

from runtime.comparison import Comparison
from runtime.metadata import per_folio_text
from runtime.program import OPT
from runtime.report.columns import counted
from runtime.report.ejections import short_note
from runtime.row import EJECTED, FINISHED, INTERRUPTED, OUT_OF_MEMORY, Row


@dataclass(frozen=True, slots=True)
class Grid:
    """One trace. `pages` are its distinct pages, `sizes` the columns in pages."""

    trace: str
    model: str
    pages: int
    accesses: int
    sizes: tuple[int, ...]
    policies: tuple[str, ...]
    cells: dict[tuple[str, int], Row]

    def finished(self, policy: str, size: int) -> Row | None:
        """The cell, if its run went to the end."""
        row = self.cells.get((policy, size))
        return row if row is not None and row.status == FINISHED else None

    def share(self, size: int) -> str:
        """A size in hundredths of the distinct pages."""
        return percentage(size, self.pages)

    @property
    def has_metadata(self) -> bool:
        """Whether it is known of any policy what it keeps."""
        return any(row.metadata_bytes_per_folio is not None for row in self.cells.values())

    def metadata(self, policy: str) -> str:
        """What a policy keeps, in bytes per folio: of all sizes, since an index grows in steps."""
        return per_folio_text([row.metadata_bytes_per_folio for (of, _), row in self.cells.items() if of == policy])

    def best(self, size: int) -> frozenset[str]:
        """The policies with the fewest misses at a size, the optimum apart; none if there is no choice."""
        rows = [(p, row) for p in self.policies if p != OPT and (row := self.finished(p, size)) is not None]
        if len(rows) < 2:
            return frozenset()
        fewest = min(row.misses for _, row in rows)
        return frozenset(policy for policy, row in rows if row.misses == fewest)


def percentage(part: int, whole: int) -> str:
    """A part in hundredths of the whole, with three digits at least."""
    share = 100 * part / whole
    return f"{share:,.0f}%" if share >= 100 else f"{share:.3g}%"


def grids(comparison: Comparison) -> list[Grid]:
    """The grids, in the order of the rows."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in comparison.rows:
        found.setdefault((row.trace, row.model), []).append(row)
    return [
        Grid(
            trace,
            model,
            comparison.pages[trace],
            comparison.accesses[trace],
            tuple(dict.fromkeys(row.memory_pages for row in rows)),
            tuple(dict.fromkeys(row.policy for row in rows)),
            {(row.policy, row.memory_pages): row for row in rows},
        )
        for (trace, model), rows in found.items()
    ]


def cell_text(row: Row | None) -> str:
    """What a cell shows: the miss ratio in per cent, or why there is none."""
    if row is None:
        return "-"
    return f"{100 * row.miss_ratio:.2f}" if row.status == FINISHED else row.status


def notes(comparison: Comparison) -> list[str]:
    """A sentence on every cell that did not finish."""
    found = []
    for row in comparison.rows:
        where = f"{row.policy} on {row.trace} with {counted(row.memory_pages, 'page')}"
        found += [f"{where}: {short_note(ejection, row.policy)}" for ejection in row.ejections]
        if row.status == EJECTED and not row.ejections:
            found.append(f"{where}: {row.message}")
        elif row.status == OUT_OF_MEMORY:
            found.append(f"{where} ended early: {row.message}")
        elif row.status == INTERRUPTED:
            found.append(f"{where} was interrupted after {row.accesses:,} accesses, {row.misses:,} of them misses")
    return found + _never_switched(comparison)


def _never_switched(comparison: Comparison) -> list[str]:
    """A sentence on every switch past the end of a trace."""
    found = {(switch, row.trace): row.accesses for row in comparison.rows for switch in row.never_switched}
    return [
        f"switch {switch} never happened on {trace}: the trace has {counted(accesses, 'access')}"
        for (switch, trace), accesses in found.items()
    ]


def speed_note(comparison: Comparison) -> str | None:
    """The range of speeds of the policies, the optimum apart."""
    rows = [row for row in comparison.rows if row.policy != OPT and row.cpu_s > 0]
    if not rows:
        return None
    slowest, fastest = (pick(rows, key=lambda row: row.accesses_per_cpu_s) for pick in (min, max))
    total, seconds = sum(row.accesses for row in rows), sum(row.cpu_s for row in rows)
    return (
        f"speed: {total / seconds / 1e6:,.1f} million accesses per CPU second overall,"
        f" {slowest.accesses_per_cpu_s / 1e6:,.1f} ({slowest.policy}) to"
        f" {fastest.accesses_per_cpu_s / 1e6:,.1f} ({fastest.policy})"
    )
