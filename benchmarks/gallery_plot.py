"""Miss-ratio curves as small SVG files.

In: the facts of both models and a program. Out: the text of an SVG: a panel for each model and trace, with the program,
the kernel's two algorithms and the optimum. Drawn here and not by a library: a few kilobytes a picture, the same bytes
on every machine, and a difference that can be read when figures change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.gallery_facts import RIVALS, Cell, Facts, Models
from runtime.program import OPT
from runtime.report.plot import BOUND, COLORS

PANEL_WIDTH, PANEL_HEIGHT = 230, 130
LEFT, TOP, RIGHT, BOTTOM = 46, 40, 18, 24
GAP_X, GAP_Y = 44, 40
TICKS = (1, 2, 5)
FINE_TICKS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
NARROW = 4
"""Up to this ratio of the largest to the smallest, a scale has the finer ticks."""


@dataclass(frozen=True, slots=True)
class Line:
    """How a policy is drawn."""

    policy: str
    color: str
    width: float
    dashes: str = ""
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Scale:
    """From miss ratio in per cent, and share of memory, to a place within a panel. Both are logarithmic."""

    low: float
    high: float
    first: int
    last: int

    def y(self, percent: float) -> float:
        part = math.log(max(percent, self.low) / self.low) / math.log(self.high / self.low)
        return PANEL_HEIGHT * (1 - part)

    def x(self, pages: int) -> float:
        return PANEL_WIDTH * math.log(pages / self.first) / math.log(self.last / self.first)


def draw(program: str, models: Models) -> str:
    """The picture of a program."""
    traces = list(dict.fromkeys(cell.trace for cell in next(iter(models.values())).cells))
    lines = [
        Line(OPT, BOUND, 1.2, "5 3"),
        *(Line(rival, color, 1.4) for rival, color in zip(RIVALS, (COLORS[0], COLORS[2]), strict=True)),
        Line(program, COLORS[1], 2.2, dots=True),
    ]
    width = LEFT + len(traces) * PANEL_WIDTH + (len(traces) - 1) * GAP_X + RIGHT
    height = TOP + len(models) * PANEL_HEIGHT + (len(models) - 1) * GAP_Y + BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        ' font-family="sans-serif" font-size="10" fill="#333">',
        f"<title>{escape(program)}: miss ratio over memory</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        _legend(lines),
    ]
    for column, trace in enumerate(traces):
        scale = _scale(trace, models, [line.policy for line in lines])
        for row, (model, facts) in enumerate(models.items()):
            x, y = LEFT + column * (PANEL_WIDTH + GAP_X), TOP + row * (PANEL_HEIGHT + GAP_Y)
            title = f"{trace}, {model} model"
            cells = [cell for cell in facts.cells if cell.trace == trace]
            parts += [f'<g transform="translate({x} {y})">', *_panel(title, cells, facts, lines, scale), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _scale(trace: str, models: Models, policies: Sequence[str]) -> Scale:
    """One for both models, so that their panels can be compared."""
    cells = [cell for cell in next(iter(models.values())).cells if cell.trace == trace]
    found = [
        100 * ratio
        for facts in models.values()
        for cell in cells
        for policy in policies
        if (ratio := facts.miss_ratio(policy, cell))
    ]
    return Scale(min(found) / 1.1, max(found) * 1.1, cells[0].pages, cells[-1].pages)


def _legend(lines: Sequence[Line]) -> str:
    x, parts = LEFT, []
    for line in reversed(lines):
        parts.append(f'<path d="M{x} 11h22" {_stroke(line)}/><text x="{x + 27}" y="15">{escape(line.policy)}</text>')
        x += 45 + 6 * len(line.policy)
    return "\n".join(parts) + f'\n<text x="{x}" y="15" fill="#777">miss ratio in %, memory in % of the pages</text>'


def _stroke(line: Line) -> str:
    dashes = f' stroke-dasharray="{line.dashes}"' if line.dashes else ""
    return f'fill="none" stroke="{line.color}" stroke-width="{line.width:g}"{dashes}'


def _panel(title: str, cells: Sequence[Cell], facts: Facts, lines: Sequence[Line], scale: Scale) -> list[str]:
    parts = [f'<text y="-6" font-weight="bold">{escape(title)}</text>']
    for tick in _ticks(scale):
        y = scale.y(tick)
        parts.append(f'<path d="M0 {y:.1f}h{PANEL_WIDTH}" stroke="#e4e4e4"/>')
        parts.append(f'<text x="-5" y="{y + 3:.1f}" text-anchor="end">{tick:g}</text>')
    for cell in cells:
        place = f'x="{scale.x(cell.pages):.1f}" y="{PANEL_HEIGHT + 14}"'
        parts.append(f'<text {place} text-anchor="middle">{cell.share}</text>')
    for line in lines:
        points = [
            (scale.x(cell.pages), scale.y(100 * ratio))
            for cell in cells
            if (ratio := facts.miss_ratio(line.policy, cell)) is not None
        ]
        if points:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(f'<polyline points="{path}" {_stroke(line)}/>')
        parts += [
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{line.color}"/>' for x, y in points if line.dots
        ]  # fmt: skip
    return parts


def _ticks(scale: Scale) -> list[float]:
    """Round figures within the scale."""
    steps = FINE_TICKS if scale.high <= NARROW * scale.low else TICKS
    powers = range(math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high)) + 1)
    return [v for p in powers for t in steps if scale.low <= (v := t * 10.0**p) <= scale.high]
