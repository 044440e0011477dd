"""Why MGLRU of 6.18 collapses on `phases` with pread: the sizes of its generations while the trace runs.

In: the two configurations of `CASES`, replayed in stretches. Out: `Course`s, and their picture. The sizes are read
from the simulation between stretches; nothing of it is fitted."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fidelity.kernels import KernelRow
from fidelity.replay import generations, sampled

SAMPLES = 200
NAMES = ("oldest: evicted from", "second oldest", "third", "youngest")
COLORS = ("#D55E00", "#E69F00", "#56B4E9", "#0072B2")
PHASES = 10


@dataclass(frozen=True, slots=True)
class Sample:
    """After so many accesses: the folios of each generation, the oldest first, the number of the youngest, and the hit
    ratio since the sample before."""

    accesses: int
    sizes: tuple[int, ...]
    max_seq: int
    hit_ratio: float


@dataclass(frozen=True, slots=True)
class Course:
    """One configuration over time."""

    row: KernelRow
    samples: tuple[Sample, ...]

    @property
    def agings(self) -> int:
        """How often the youngest generation became another."""
        return self.samples[-1].max_seq - self.samples[0].max_seq


def cases(rows: Sequence[KernelRow]) -> list[KernelRow]:
    """What is shown: MGLRU on `phases` with pread at 250,000 accesses, the newest kernel first."""
    found = [r for r in rows if (r.policy, r.mode, r.trace, r.accesses) == ("mglru", "pread", "phases", 250_000)]
    return sorted(found, key=lambda row: row.release, reverse=True)[:2]


def course_of(row: KernelRow) -> Course:
    """Replay a configuration and look at it between stretches."""
    samples, hits, done = [], 0, 0
    for accesses, simulation in sampled(row, SAMPLES):
        sizes, max_seq = generations(simulation)
        now = simulation.counters()["hits"]
        samples.append(Sample(accesses, sizes, max_seq, (now - hits) / (accesses - done)))
        hits, done = now, accesses
    return Course(row, tuple(samples))


def picture(courses: Sequence[Course]) -> bytes:
    """The picture as PNG: above the sizes of the generations, below the hit ratio, a column for each kernel."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    style: Any = {"font.size": 9.5, "axes.spines.top": False, "axes.spines.right": False}
    with matplotlib.rc_context(style), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")
        figure = Figure(figsize=(10.0, 5.4), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.08))
        FigureCanvasAgg(figure)
        panels = figure.subplots(2, len(courses), sharex=True, sharey="row", squeeze=False, height_ratios=(2, 1))
        for column, course in enumerate(courses):
            _draw(panels[0, column], panels[1, column], course)
        panels[0, 0].set_ylabel("folios")
        panels[1, 0].set_ylabel("hit ratio, %")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(NAMES), frameon=False)
        out = io.BytesIO()
        figure.savefig(out, format="png", dpi=130, metadata={"Software": None})
        return out.getvalue()


def _draw(above: Any, below: Any, course: Course) -> None:
    """The column of one kernel; phases of the trace are told apart by lines."""
    done = [sample.accesses / 1000 for sample in course.samples]
    sizes = [[sample.sizes[age] for sample in course.samples] for age in range(len(NAMES))]
    above.stackplot(done, sizes, labels=NAMES, colors=COLORS)
    below.plot(done, [100 * sample.hit_ratio for sample in course.samples], color="#333333", linewidth=1.4)
    below.set_ylim(0, 100)
    below.set_xlabel("thousand accesses")
    for number in range(1, PHASES):
        for panel in (above, below):
            panel.axvline(done[-1] * number / PHASES, color="#FFFFFF" if panel is above else "#CCCCCC", linewidth=0.7)
    release = ".".join(map(str, course.row.release))
    above.set_title(f"MGLRU {release}: {course.agings} agings", loc="left", fontsize=10.5, fontweight="bold")
