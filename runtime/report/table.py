"""Results as text for a terminal.

In: a `Comparison` or a `Row`. Out: aligned text, with escapes for colour if asked for. Names are made harmless to the
terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

from dsl.render import escape
from runtime.comparison import Comparison
from runtime.program import OPT
from runtime.report.columns import WIDTH, counted, figure_lines, wrapped
from runtime.report.ejections import block as ejection_block
from runtime.report.grid import Grid, cell_text, grids, notes, percentage, speed_note
from runtime.report.samples import table as sample_table
from runtime.report.times import cell as time_cell
from runtime.report.times import figures as time_figures
from runtime.row import EJECTED, FINISHED, Row
from runtime.times import Times

TIME_CELL = 23
TIME_LEGEND = "simulated time; share of it lost to reclaim and reading back; 99th percentile of the latency"
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
    found = [note for note in (*notes(comparison), speed_note(comparison)) if note]
    remarks = [line for note in found for line in wrapped(escape(note), "  ")]
    if remarks:
        blocks.append("\n".join(remarks))
    return "\n\n".join(blocks) + "\n"


def _grid_lines(grid: Grid, paint: _Paint) -> list[str]:
    marked = any(grid.best(size) for size in grid.sizes)
    title = f"{escape(grid.trace)}: {counted(grid.accesses, 'access')}, {counted(grid.pages, 'distinct page')},"
    title += f" model {grid.model}"
    legend = "miss ratio in %" + ("; * fewest misses of a column" if marked else "")
    legend += "; opt is the bound" if marked and OPT in grid.policies else ""
    header = [
        ["memory", *(f"{size:,}p " for size in grid.sizes)],
        ["", *(f"{grid.share(size)} " for size in grid.sizes)],
    ]
    body = [[escape(policy), *(_cell(grid, policy, size) for size in grid.sizes)] for policy in grid.policies]
    if grid.has_metadata:
        added = ["metadata", "B/folio", *(grid.metadata(policy) for policy in grid.policies)]
        for cells, text in zip((*header, *body), added, strict=True):
            cells.append(text)
    lines = align([*header, *body])
    rule = "-" * max(len(line) for line in lines)
    styled = [paint(_BOLD, lines[0]), paint(_DIM, lines[1]), paint(_DIM, rule)]
    for policy, cells, line in zip(grid.policies, body, lines[2:], strict=True):
        styled.append(paint(_DIM, line) if policy == OPT else _highlight(line, cells, paint))
    return [paint(_BOLD, title), paint(_DIM, legend), "", *styled, *_time_lines(grid, paint)]


def _time_lines(grid: Grid, paint: _Paint) -> list[str]:
    """Simulated times, if there are any: as many sizes side by side as fit, the others below."""
    timed = [policy for policy in grid.policies if any(_times(grid, policy, size) for size in grid.sizes)]
    if not timed:
        return []
    lines = ["", paint(_DIM, TIME_LEGEND)]
    widest = max(len(escape(policy)) for policy in timed)
    count = max(1, (WIDTH - max(widest, len("memory"))) // TIME_CELL)
    for first in range(0, len(grid.sizes), count):
        sizes = grid.sizes[first : first + count]
        heads = [f"{size:,}p".rjust(TIME_CELL) for size in sizes]
        lines += ["", paint(_BOLD, "memory".ljust(widest) + "".join(heads))]
        for policy in timed:
            cells = "".join(_time_cell(_times(grid, policy, size)) for size in sizes)
            lines.append((escape(policy).ljust(max(widest, len("memory"))) + cells).rstrip())
    return lines


def _times(grid: Grid, policy: str, size: int) -> Times | None:
    row = grid.cells.get((policy, size))
    return row.times if row is not None else None


def _time_cell(times: Times | None) -> str:
    """Time, share and latency, in columns of their own."""
    if times is None:
        return "-".rjust(TIME_CELL)
    simulated, lost, latency = time_cell(times)
    return f"{simulated:>9}{lost:>6}{latency:>8}"


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
    share = percentage(row.memory_pages, distinct_pages)
    memory = f"{counted(row.memory_pages, 'page')} ({share} of {distinct_pages:,} distinct)"
    head = [
        ("policy", row.policy),
        ("trace", row.trace),
        ("model", row.model),
        ("memory", memory),
        ("status", _status(row)),
        ("miss ratio", f"{100 * row.miss_ratio:.4f}%"),
        ("hit ratio", f"{100 * row.hit_ratio:.4f}%"),
        ("CPU time", f"{row.cpu_s:.3f} s, {speed}"),
    ]
    if row.metadata_bytes_per_folio is not None:
        head.append(("metadata", f"{row.metadata_bytes_per_folio:.1f} bytes per folio"))
    if row.times is not None:
        head += [(escape(name), value) for name, value in time_figures(row.times)]
    if row.switches:
        head.append(("switches", ", ".join(row.switches)))
    head += [("switch", _never(text, row.accesses)) for text in row.never_switched]
    counters = row.counters or {
        name: getattr(row, name) for name in ("accesses", "hits", "misses", "evictions", "refaults", "scanned")
    }
    width = max(len(name) for name in (*counters, *(name for name, _ in head)))
    lines = _head_lines(head, width, paint)
    for ejection in row.ejections:
        lines += ["", *ejection_block(ejection)]
    lines += ["", *align([[name.ljust(width), f"{value:,}"] for name, value in counters.items()])]
    if row.samples:
        lines += ["", *align([[escape(cell) for cell in line] for line in sample_table(row.samples)])]
    if row.worst_case_steps:
        steps = ", ".join(f"{hook} {bound:,}" for hook, bound in row.worst_case_steps.items())
        lines += ["", *_head_lines([("steps a call", f"at most: {steps}")], width, paint)]
    return "\n".join(lines) + "\n"


def _head_lines(figures: Sequence[tuple[str, str]], width: int, paint: _Paint) -> list[str]:
    """Names and values, the values wrapped."""
    lines = []
    for name, value in figures:
        first, *others = figure_lines(name, escape(value), width)
        lines += [paint(_BOLD, first[:width]) + first[width:], *others]
    return lines


def _status(row: Row) -> str:
    """How the run ended; a policy that was ejected has a block of its own below."""
    if row.status == EJECTED and row.ejections:
        return ", ".join(f"ejected before access {ejection.access:,}" for ejection in row.ejections)
    return row.status if row.status == FINISHED else f"{row.status}: {row.message or 'by Ctrl-C'}"


def _never(switch: str, accesses: int) -> str:
    return f"{switch} never happened: the trace has {counted(accesses, 'access')}"
