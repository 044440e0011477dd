"""A comparison as a plot: miss ratio over memory size, a panel for each trace.

In: a `Comparison`. Out: the picture as PNG or SVG, drawn without a display. Policies are told apart by colour and
marker, in colours that differ for colour-blind readers too (M. Okabe and K. Ito); the optimum is a dashed line below
which nothing can be.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

from dsl.render import escape
from runtime.comparison import Comparison
from runtime.program import OPT
from runtime.report.grid import Grid, grids

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#5B4A8A", "#7F7F7F")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
BOUND = "#333333"
WIDE = 6
"""From this ratio on, of the largest to the smallest, a scale is logarithmic."""
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "rext",
}


def render(comparison: Comparison, kind: str) -> bytes:
    """The picture as the bytes of a PNG or SVG file."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script the font lacks
        figure = _figure(grids(comparison))
        FigureCanvasAgg(figure)
        out = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=160, metadata=metadata)
        return out.getvalue()


def _figure(all_grids: list[Grid]) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = 1 if len(all_grids) == 1 else 2
    lines = max(1, -(-len(all_grids) // columns))
    size = (8.4, 4.8) if columns == 1 else (10.0, 3.6 * lines + 0.4)
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
    styles = _styles(all_grids)
    for number, grid in enumerate(all_grids):
        axes = figure.add_subplot(lines, columns, number + 1)
        _panel(axes, grid, styles, columns == 1)
        if columns == 1 and axes.get_legend_handles_labels()[0]:
            axes.legend(loc="best", frameon=False, labelspacing=0.35)
    if columns > 1:
        _shared_legend(figure, styles)
    return figure


def _styles(all_grids: list[Grid]) -> dict[str, dict[str, Any]]:
    """How each policy is drawn, the same in every panel."""
    styles: dict[str, dict[str, Any]] = {}
    for policy in dict.fromkeys(p for grid in all_grids for p in grid.policies):
        if policy == OPT:
            styles[policy] = {"color": BOUND, "linestyle": (0, (4, 2)), "linewidth": 1.6, "zorder": 1}
            continue
        place = len([p for p in styles if p != OPT])
        styles[policy] = {
            "color": COLORS[place % len(COLORS)],
            "marker": MARKERS[(place + place // len(COLORS)) % len(MARKERS)],
            "markersize": 5,
            "linewidth": 1.8,
            "linestyle": "-" if place < len(COLORS) else "-.",
            "zorder": 2,
        }
    return styles


def _panel(axes: Any, grid: Grid, styles: dict[str, dict[str, Any]], alone: bool) -> None:
    """Draw one trace."""
    sizes, ratios = sorted(grid.sizes), list[float]()
    for policy in grid.policies:
        points = [(s, 100 * row.miss_ratio) for s in sizes if (row := grid.finished(policy, s)) is not None]
        if points:
            axes.plot(*zip(*points, strict=True), label=shortened(policy, 36), **styles[policy])
            ratios += [ratio for _, ratio in points]
    if sizes[-1] > WIDE * sizes[0]:
        axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{grid.share(size)}\n{_short(size)}" for size in sizes], fontsize=9)
    axes.minorticks_off()
    axes.margins(x=0.05, y=0.08)
    _scale_ratios(axes, ratios)
    axes.set_ylabel(f"miss ratio, %{', log scale' if axes.get_yscale() == 'log' else ''}")
    axes.set_xlabel("memory: share of the trace's distinct pages, and pages")
    title = shortened(f"{grid.trace}, model {grid.model}", 44)
    if alone:
        title = shortened(f"{title}: {grid.accesses:,} accesses to {grid.pages:,} distinct pages", 86)
    axes.set_title(title, loc="left", fontsize=10.5, fontweight="bold")


def _scale_ratios(axes: Any, ratios: list[float]) -> None:
    """A logarithmic scale where ratios differ much, so that a tenth fewer misses looks the same everywhere."""
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

    if ratios and min(ratios) > 0 and max(ratios) > WIDE * min(ratios):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))


def shortened(text: str, length: int) -> str:
    """A name as it fits into a picture."""
    shown = escape(text)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _short(size: int) -> str:
    """A number of pages in little room."""
    for unit, factor in (("G", 10**9), ("M", 10**6)):
        if size >= factor:
            return f"{size / factor:.3g}{unit}"
    return f"{size:,}"


def _shared_legend(figure: Any, styles: dict[str, dict[str, Any]]) -> None:
    found: dict[str, Any] = {}
    for axes in figure.axes:
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, line)
    names = [policy for policy in styles if policy in found]
    if names:
        columns = min(len(names), 7)
        figure.legend([found[n] for n in names], names, loc="outside lower center", ncols=columns, frameon=False)
