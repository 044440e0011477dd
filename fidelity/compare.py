"""Every measured configuration beside its simulation.

In: `KernelRow`s. Out: a `Compared` for each, in the same order: what was simulated, or why it could not be. Simulations
run in `jobs` threads, for native code lets others run.

Is a configuration chaotic? Each is also simulated with limits a few pages away (`PROBES`). Where that alone moves the
hit ratio by more than it may differ, one run says little, of the simulator or of the kernel: the configuration is
simulated with every limit of the `BAND`, and its figures are judged by that band.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from fidelity.kernels import KernelRow
from fidelity.replay import NotSimulated, Simulated, simulate

COUNTERS = ("pgscan", "pgsteal", "refaults", "activations")
"""What is compared besides the hit ratio."""

FEWEST = 100
"""Below this measured count a ratio says nothing."""
GOALS = {"pgscan": 0.10, "pgsteal": 0.10, "refaults": 0.25, "activations": 0.25}
"""How far a count may be off, as a part of the measured one."""

BAND = 16
"""Limits up to this many pages from the measured one belong to the band."""
PROBES = (-16, -8, 0, 8, 16)
CHAOTIC_POINTS = 2.0
"""From this spread over the probes on, in points, a hit ratio is chaotic: it could be off by a point to either side."""

Tell = Callable[[str], None]
"""Told what is going on."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A row and its simulation. `simulated` None: it was not, and `reason` says why. `around`: the same with limits
    nearby: those of the band if the configuration is chaotic, else the probes."""

    row: KernelRow
    simulated: Simulated | None
    reason: str = ""
    around: tuple[Simulated, ...] = ()

    @property
    def difference(self) -> float:
        """Simulated less measured hit ratio, in points."""
        assert self.simulated is not None
        return 100 * (self.simulated.hit_ratio - self.row.hit_ratio_mean)

    def ratio(self, counter: str) -> float | None:
        """Simulated by measured count; None where nothing was counted."""
        assert self.simulated is not None
        measured: int = getattr(self.row, counter)
        simulated: int = getattr(self.simulated, counter)
        return simulated / measured if measured > 0 else None

    @property
    def chaotic(self) -> bool:
        """Whether the hit ratio depends on a few pages of the limit."""
        return is_chaotic(self.around)

    def band(self, figure: str) -> tuple[float, float, float] | None:
        """Lowest, mean and highest value of a figure with the limits around, if the configuration is chaotic."""
        if not self.chaotic:
            return None
        values = [getattr(simulated, figure) for simulated in self.around]
        return min(values), sum(values) / len(values), max(values)


def is_chaotic(around: Sequence[Simulated]) -> bool:
    """As `Compared.chaotic`."""
    ratios = [simulated.hit_ratio for simulated in around]
    return bool(ratios) and 100 * (max(ratios) - min(ratios)) > CHAOTIC_POINTS


def compare_rows(rows: Sequence[KernelRow], jobs: int, tell: Tell) -> list[Compared]:
    """Simulate every row."""

    def one(row: KernelRow) -> Compared:
        tell(row.name)
        return compare_row(row)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(one, rows))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def compare_row(row: KernelRow) -> Compared:
    """Simulate one row, and its neighbours."""
    try:
        around = _around(row, PROBES)
    except NotSimulated as reason:
        return Compared(row, None, str(reason))
    simulated = around[PROBES.index(0)]
    if is_chaotic(around):
        around = _around(row, range(-BAND, BAND + 1))
    return Compared(row, simulated, around=around)


def _around(row: KernelRow, limits: Sequence[int]) -> tuple[Simulated, ...]:
    return tuple(simulate(row, max(row.limit_pages + away, 1)) for away in limits)
