"""Samples as a picture: how runs went, and what was on their lists meanwhile.

In: the rows of one trace and size of memory that have samples. Out: the picture as PNG or SVG: the hit ratio over the
run, all policies in one panel; below, for each policy, the lengths of its lists, stacked. Between two samples a hit
ratio is that of the stretch, so that a collapse shows where it happens. Where another policy took over there is a
vertical line.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from typing import Any

from runtime.report.changes import changes
from runtime.report.plot import COLORS, STYLE, shortened
from runtime.report.samples import hit_ratios, used_lists
from runtime.row import Row
from runtime.samples import UNLISTED

SHADES = ("#08306B", "#2171B5", "#6BAED6", "#C6DBEF", "#7F2704", "#D94801", "#FD8D3C", "#FDD0A2")
"""For lists that are generations of two types: the older, the paler."""
UNLISTED_COLOR = "#BBBBBB"
RATIO_HEIGHT, LISTS_HEIGHT = 2.6, 2.2
MOST_LISTS = 12
"""Longer lists of lists are drawn as their largest, the others together."""
OTHERS = "others"


def render_samples(rows: Sequence[Row], kind: str) -> bytes:
    """The picture as the bytes of a PNG or SVG file. There must be a row."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script the font lacks
        figure = _figure(rows)
        FigureCanvasAgg(figure)
        out = io.BytesIO()
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(out, format=kind, dpi=160, metadata=metadata)
        return out.getvalue()


def _figure(rows: Sequence[Row]) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    height = RATIO_HEIGHT + LISTS_HEIGHT * len(rows)
    figure = Figure(figsize=(9.4, height), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.06))
    heights = [RATIO_HEIGHT, *([LISTS_HEIGHT] * len(rows))]
    panels = figure.subplots(len(rows) + 1, 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    _ratio_panel(panels[0], rows)
    for axes, row in zip(panels[1:], rows, strict=True):
        _lists_panel(axes, row)
    panels[-1].set_xlabel("accesses")
    panels[-1].xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    return figure


def _ratio_panel(axes: Any, rows: Sequence[Row]) -> None:
    for number, row in enumerate(rows):
        ratios = [100 * ratio for ratio in hit_ratios(row.samples)]
        if not ratios:
            continue
        at = [sample.accesses for sample in row.samples]
        color = COLORS[number % len(COLORS)]
        axes.stairs(ratios, at, baseline=None, label=shortened(row.policy, 36), color=color, linewidth=1.7)
    _mark_changes(axes, rows)
    axes.set_ylim(-2, 102)
    axes.set_ylabel("hit ratio, %")
    axes.set_title("hit ratio between samples", loc="left", fontsize=10.5, fontweight="bold")
    _legend(axes)


def _mark_changes(axes: Any, rows: Sequence[Row]) -> None:
    """A vertical line wherever another policy took over in one of the runs."""
    for access in sorted({change.access for row in rows for change in changes(row)}):
        axes.axvline(access, color="#000000", linewidth=1.1, linestyle=(0, (1, 1.5)))


def _lists_panel(axes: Any, row: Row) -> None:
    at = [sample.accesses for sample in row.samples]
    layers = _layers(row)
    colors = _colors(list(layers))
    axes.stackplot(at, *layers.values(), labels=[shortened(name, 30) for name in layers], colors=colors, linewidth=0)
    axes.axhline(row.memory_pages, color="#333333", linewidth=0.8, linestyle=(0, (4, 2)))
    _mark_changes(axes, [row])
    axes.set_ylim(0, row.memory_pages * 1.04)
    axes.margins(x=0)
    axes.set_ylabel("folios")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    title = f"lists of {row.policy}"
    axes.set_title(shortened(title, 70), loc="left", fontsize=10.5, fontweight="bold")
    _legend(axes)


def _layers(row: Row) -> dict[str, list[int]]:
    """The lengths over time of the lists that ever held a folio; the oldest generation or last list lies lowest."""
    lists = list(reversed(used_lists(row.samples)))
    largest = sorted(lists, key=lambda name: -sum(s.lists.get(name, 0) for s in row.samples))[:MOST_LISTS]
    layers = {name: [s.lists.get(name, 0) for s in row.samples] for name in lists if name in largest}
    rest = [name for name in lists if name not in largest]
    if rest:
        layers[OTHERS] = [sum(s.lists.get(name, 0) for name in rest) for s in row.samples]
    return layers or {UNLISTED: [sample.resident for sample in row.samples]}


def _colors(names: Sequence[str]) -> list[str]:
    """Generations in shades of one colour for each type, other lists in colours that are told apart."""
    colors, place = [], 0
    for name in names:
        generation = name.rpartition("gen ")[2][:1]
        if name == UNLISTED:
            colors.append(UNLISTED_COLOR)
        elif " gen " in name and generation.isdecimal() and int(generation) < 4:
            colors.append(SHADES[int(generation) + 4 * ("anon" in name)])
        else:
            colors.append(COLORS[place % len(COLORS)])
            place += 1
    return colors


def _legend(axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        axes.legend(
            handles[::-1] if len(handles) > 1 else handles, labels[::-1] if len(labels) > 1 else labels,
            loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=8.5, labelspacing=0.3,
        )  # fmt: skip
