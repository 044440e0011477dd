"""Results as text for a terminal.

In: a `Comparison` or a `Row`. Out: aligned text, with escapes for colour if asked for. Names are made harmless to the
terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsl.render import escape
from runtime.comparison import Comparison
from runtime.program import OPT
from runtime.report.grid import Grid, cell_text, grids, notes, percentage, speed_note
from runtime.run import FINISHED, Row

_BOLD, _GREEN, _DIM, _RESET = "\033[1m", "\033[1;32m", "\033[2m", "\033[0m"


class _Paint:
    """Text in a style, if colours are wanted."""

    def __init__(self, color: bool) -> None:
        self._color = color

    def __call__(self, style: str, text: str) -> str:
        return f"{style}{text}{_RESET}" if self._color and style else text


def align(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """Columns of text: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        gap.join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]).rstrip()
        for row in rows
    ]


def comparison_table(comparison: Comparison, color: bool = False) -> str:
    """A table for each trace, then what there is to say about all."""
    paint = _Paint(color)
    blocks = ["\n".join(_grid_lines(grid, paint)) for grid in grids(comparison)]
    remarks = [escape(note) for note in (*notes(comparison), speed_note(comparison)) if note]
    if remarks:
        blocks.append("\n".join(remarks))
    return "\n\n".join(blocks) + "\n"


def _grid_lines(grid: Grid, paint: _Paint) -> list[str]:
    marked = any(grid.best(size) for size in grid.sizes)
    title = f"{escape(grid.trace)}: {grid.accesses:,} accesses, {grid.pages:,} distinct pages, model {grid.model}"
    legend = "miss ratio in %" + ("; * fewest misses of a column" if marked else "")
    legend += "; opt is the bound" if marked and OPT in grid.policies else ""
    header = [
        ["memory", *(f"{size:,}p " for size in grid.sizes)],
        ["", *(f"{grid.share(size)} " for size in grid.sizes)],
    ]
    body = [[escape(policy), *(_cell(grid, policy, size) for size in grid.sizes)] for policy in grid.policies]
    lines = align([*header, *body])
    rule = "-" * max(len(line) for line in lines)
    styled = [paint(_BOLD, lines[0]), paint(_DIM, lines[1]), paint(_DIM, rule)]
    for policy, cells, line in zip(grid.policies, body, lines[2:], strict=True):
        styled.append(paint(_DIM, line) if policy == OPT else _highlight(line, cells, paint))
    return [paint(_BOLD, title), paint(_DIM, legend), "", *styled]


def _cell(grid: Grid, policy: str, size: int) -> str:
    return cell_text(grid.cells.get((policy, size))) + ("*" if policy in grid.best(size) else " ")


def _highlight(line: str, cells: Sequence[str], paint: _Paint) -> str:
    """Colour the cells that end in the mark."""
    start = len(cells[0])
    for cell in cells[1:]:
        if cell.endswith("*"):
            place = line.index(cell, start)
            coloured = paint(_GREEN, cell)
            line = line[:place] + coloured + line[place + len(cell) :]
            start = place + len(coloured)
    return line


def row_report(row: Row, distinct_pages: int, color: bool = False) -> str:
    """One run: what was run, the figures, and every counter by the name the kernel gives it."""
    paint = _Paint(color)
    speed = f"{row.accesses_per_cpu_s / 1e6:,.1f} million accesses per second" if row.cpu_s > 0 else "not measured"
    memory = (
        f"{row.memory_pages:,} pages ({percentage(row.memory_pages, distinct_pages)} of {distinct_pages:,} distinct)"
    )
    head = [
        ("policy", row.policy),
        ("trace", row.trace),
        ("model", row.model),
        ("memory", memory),
        ("status", row.status if row.status == FINISHED else f"{row.status}: {row.message or 'by Ctrl-C'}"),
        ("miss ratio", f"{100 * row.miss_ratio:.4f}%"),
        ("hit ratio", f"{100 * row.hit_ratio:.4f}%"),
        ("CPU time", f"{row.cpu_s:.3f} s, {speed}"),
    ]
    steps = ", ".join(f"{hook} {bound:,}" for hook, bound in row.worst_case_steps.items())
    if steps:
        head.append(("steps a call", f"at most: {steps}"))
    counters = row.counters or {
        name: getattr(row, name) for name in ("accesses", "hits", "misses", "evictions", "refaults", "scanned")
    }
    width = max(len(name) for name in (*counters, *(name for name, _ in head)))
    lines = [f"{paint(_BOLD, name.ljust(width))}  {escape(value)}" for name, value in head]
    figures = align([[name.ljust(width), f"{value:,}"] for name, value in counters.items()])
    return "\n".join([*lines, "", *figures]) + "\n"
