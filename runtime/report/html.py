"""A comparison as one HTML file to send to a colleague.

In: a `Comparison` and the command that made it. Out: a page that needs nothing but itself: the plot as SVG within it,
tables, every row, the environment. No script, nothing loaded from elsewhere; all names are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape as escape_html

from dsl.render import escape as visible
from runtime.comparison import Comparison
from runtime.program import OPT
from runtime.report.changes import sentence
from runtime.report.ejections import figures
from runtime.report.grid import Grid, cell_text, grids, notes, speed_note
from runtime.report.plot import render
from runtime.report.records import record
from runtime.report.sample_plot import render_samples
from runtime.report.times import duration, share
from runtime.report.times import figures as time_figures
from runtime.row import Row
from runtime.times import Times

METADATA = 'metadata<br><span class="small">bytes per folio</span>'
TIMES = (
    "By the virtual clock and its cost model. <i>lost</i>: the share of the tasks' time lost to reclaim, throttling"
    " and reading back what had been evicted. <i>PSI some</i>: pressure as the kernel reports it, which counts such"
    " reads only if the policy says that the page was of its working set; for a policy without the hook"
    " <code>refault</code> every page that was resident before counts."
)
SAMPLES = (
    "Above, the share of hits between each sample and the one before; below, what each policy's lists held then. The"
    " dashed line is the memory. Generation 0 of MGLRU is the youngest; eviction takes from the oldest. A dotted"
    " vertical line: another policy took over there."
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
body {{ font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff;
       max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin-top: 2.2rem; }}
code, pre {{ font: 13px/1.45 ui-monospace, monospace; }}
pre {{ background: #f5f5f5; padding: .7rem 1rem; overflow-x: auto; }}
table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; }}
th, td {{ padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #e4e4e4; white-space: nowrap; }}
th:first-child, td:first-child {{ text-align: left; }}
.best {{ font-weight: 700; color: #00694c; }} .bound {{ color: #666; }} .small {{ color: #666; font-weight: 400; }}
.wide {{ overflow-x: auto; }} svg {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>{title}</h1>
<pre>{command}</pre>
{plot}
{grids}
{notes}
{times}
{samples}
{ejections}
<h2>All rows</h2>
<details><summary>{count} rows with all counters</summary><div class="wide">{rows}</div></details>
<h2>Environment</h2>
{environment}
</body>
</html>
"""


def comparison_html(comparison: Comparison, command: str) -> str:
    """The page."""
    remarks = [note for note in (*notes(comparison), speed_note(comparison)) if note]
    return _PAGE.format(
        title="Comparison of reclaim policies",
        command=_escaped(command),
        plot=_plot(comparison),
        grids="\n".join(_grid(grid) for grid in grids(comparison)),
        notes="".join(f"<p>{_escaped(note)}</p>" for note in remarks),
        times=_times(comparison),
        samples=_samples(comparison),
        ejections=_ejections(comparison),
        count=len(comparison.rows),
        rows=_rows(comparison),
        environment=_table([("", "")], [(name, str(value)) for name, value in comparison.environment.items()]),
    )


def _escaped(text: str) -> str:
    """Text without control characters and markup."""
    return escape_html(visible(text))


def _plot(comparison: Comparison) -> str:
    """The picture of all grids; none where no trace has two sizes of memory between which there is a line."""
    if all(len(grid.sizes) < 2 for grid in grids(comparison)):
        return ""
    return _drawing(render(comparison, "svg"))


def _drawing(picture: bytes) -> str:
    """The drawing alone: what stands before `<svg` belongs to a file of its own."""
    text = picture.decode()
    text = text[text.index("<svg") :]
    return re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)


def _cells(tag: str, texts: Iterable[str]) -> str:
    return "".join(f"<{tag}>{_escaped(text)}</{tag}>" for text in texts)


def _table(head: Sequence[tuple[str, ...]], body: Sequence[tuple[str, ...]]) -> str:
    above = "".join(f"<tr>{_cells('th', line)}</tr>" for line in head if any(line))
    below = "".join(f"<tr>{_cells('td', line)}</tr>" for line in body)
    return f"<table>{above}{below}</table>"


def _grid(grid: Grid) -> str:
    sizes = "".join(f'<th>{size:,} pages<br><span class="small">{grid.share(size)}</span></th>' for size in grid.sizes)
    lines = []
    for policy in grid.policies:
        cells = "".join(_grid_cell(grid, policy, size) for size in grid.sizes)
        style = ' class="bound"' if policy == OPT else ""
        cells += f"<td>{grid.metadata(policy)}</td>" if grid.has_metadata else ""
        lines.append(f"<tr{style}><td>{_escaped(policy)}</td>{cells}</tr>")
    sizes += f"<th>{METADATA}</th>" if grid.has_metadata else ""
    about = f"{grid.accesses:,} accesses to {grid.pages:,} distinct pages, model {grid.model}"
    return (
        f"<h2>{_escaped(grid.trace)}</h2><p>{about}. Miss ratio in %; the fewest misses of a column are bold.</p>"
        f'<div class="wide"><table><tr><th>memory</th>{sizes}</tr>{"".join(lines)}</table></div>'
    )


def _grid_cell(grid: Grid, policy: str, size: int) -> str:
    style = ' class="best"' if policy in grid.best(size) else ""
    return f"<td{style}>{_escaped(cell_text(grid.cells.get((policy, size))))}</td>"


def _times(comparison: Comparison) -> str:
    """The simulated times of each run, of all that have any."""
    rows = [row for row in comparison.rows if row.times is not None]
    if not rows:
        return ""
    tables = []
    for row in rows:
        assert row.times is not None
        about = f"{row.policy} on {row.trace} with {row.memory_pages:,} pages"
        tables.append(f"<details><summary>{_escaped(about)}</summary>{_table([], time_figures(row.times))}</details>")
    head = ("policy", "trace", "memory", "hit ratio", "simulated", "lost", "PSI some", "p50", "p99", "p99.9")
    body = [_time_row(row, row.times) for row in rows if row.times is not None]
    return f'<h2>Simulated time</h2><p>{TIMES}</p><div class="wide">{_table([head], body)}</div>{"".join(tables)}'


def _time_row(row: Row, times: Times) -> tuple[str, ...]:
    where = (row.policy, row.trace, f"{row.memory_pages:,}p", f"{100 * row.hit_ratio:.2f}%")
    shares = (share(times.lost), share(times.share(times.pressure.some)))
    found = times.latencies
    return (*where, duration(times.simulated), *shares, *(duration(ns) for ns in (found.p50, found.p99, found.p999)))


def _samples(comparison: Comparison) -> str:
    """A picture of the samples for each trace and size of memory."""
    groups: dict[tuple[str, int], list[Row]] = {}
    for row in comparison.rows:
        if len(row.samples) > 1:
            groups.setdefault((row.trace, row.memory_pages), []).append(row)
    drawings = [
        f"<h3>{_escaped(trace)} with {pages:,} pages</h3>{_changes(rows)}{_drawing(render_samples(rows, 'svg'))}"
        for (trace, pages), rows in groups.items()
    ]
    return f"<h2>Over the run</h2><p>{SAMPLES}</p>{''.join(drawings)}" if drawings else ""


def _changes(rows: Sequence[Row]) -> str:
    """Which policy ran from where, for the rows in which it changed."""
    return "".join(f"<p>{_escaped(text)}</p>" for row in rows if (text := sentence(row)))


def _ejections(comparison: Comparison) -> str:
    """What is known of each ejection."""
    tables = []
    for row in comparison.rows:
        for ejection in row.ejections:
            where = f"{row.trace} with {row.memory_pages:,} pages"
            tables.append(f"<h3>{_escaped(where)}</h3>" + _table([], figures(ejection)))
    return "<h2>Ejections</h2>" + "".join(tables) if tables else ""


def _rows(comparison: Comparison) -> str:
    records = [record(row) for row in comparison.rows]
    columns = tuple(dict.fromkeys(name for each in records for name in each))
    body = [tuple(_value(each.get(name, "")) for name in columns) for each in records]
    return _table([columns], body)


def _value(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
