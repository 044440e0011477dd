"""One configuration, replayed on this kernel.

In: a `Configuration` and what was set up for it. Out: a `KernelRow`.

The limit of a cgroup also holds what the kernel needs besides the pages: nodes of the page cache's tree, page tables,
pages charged ahead. So there is one replay first with the limit that is wanted, and the limit of those that count is
raised by what was missing at the peak of resident pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from fidelity.kernels import KernelRow
from fidelity.measure.cgroup import Hierarchy, memory_cgroup
from fidelity.measure.system import run

Figures = Mapping[str, float]
Tell = Callable[[str], None]

VARIANTS = {0: "natural", 200: "fresh200", 1000: "fresh"}
"""What rows are called, by the microseconds between two readings of memory.stat."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What to replay and how: the words of the trace in a file, its name, `limit_pages` at the peak."""

    words: Path
    trace: str
    mode: str
    limit_pages: int
    runs: int
    fresh_us: int
    flush_tlb: int = 0

    @property
    def variant(self) -> str:
        fresh = VARIANTS.get(self.fresh_us, f"fresh{self.fresh_us}")
        return f"{fresh}-tlb{self.flush_tlb}" if self.flush_tlb else fresh


@dataclass(frozen=True, slots=True)
class Setup:
    """What there is to replay with: the harness, the data file (if the trace has file pages), where to make cgroups,
    the CPU to stay on, the kernel and its algorithm."""

    harness: Path
    data: Path | None
    hierarchy: Hierarchy
    cpu: int
    kernel: str
    policy: str


def measure(configuration: Configuration, setup: Setup, tell: Tell) -> KernelRow:
    """The row of a configuration."""
    limit = configuration.limit_pages
    first = replay(configuration, setup, limit)
    missing = limit - int(first["resident_max"])
    tell(f"at most {int(first['resident_max']):,} pages were resident: the limit of the cgroup is {limit + missing:,}")
    results = []
    for number in range(configuration.runs):
        results.append(replay(configuration, setup, limit + missing))
        tell(f"run {number + 1} of {configuration.runs}: {100 * _hit_ratio(results[-1]):.2f}% hits")
    return row_of(configuration, setup, results)


def replay(configuration: Configuration, setup: Setup, cgroup_pages: int) -> Figures:
    """Replay once, in a new cgroup."""
    with memory_cgroup(setup.hierarchy, cgroup_pages) as group:
        command = [str(setup.harness), "--trace", str(configuration.words), "--mode", configuration.mode]
        command += ["--cgroup", str(group), "--cpu", str(setup.cpu), "--fresh", str(configuration.fresh_us)]
        command += ["--flush-tlb", str(configuration.flush_tlb)]
        command += ["--data", str(setup.data)] if setup.data is not None else []
        return figures(run(*command), setup.hierarchy.version)


def figures(printed: str, version: int) -> dict[str, float]:
    """What the harness printed, with the counters that a row has. In v2 memory.stat counts for the cgroup alone; in
    v1 it knows the refaults at most, and the others are differences of the whole machine's."""
    found: dict[str, float] = {}
    for line in printed.splitlines():
        name, _, value = line.rpartition(" ")
        found[name] = float(value)

    def cgroups(name: str) -> float:
        return found[f"memory.stat {name}"]

    def machines(name: str) -> float:
        return found[f"vmstat.after {name}"] - found[f"vmstat.before {name}"]

    own = cgroups if version == 2 else machines
    knows_refaults = "memory.stat workingset_refault_file" in found
    refaults = cgroups if knows_refaults else machines
    found["refaults"] = refaults("workingset_refault_anon") + refaults("workingset_refault_file")
    found["activations"] = own("workingset_activate_anon") + own("workingset_activate_file")
    for name in ("pgscan", "pgsteal"):
        found[name] = own(name) if version == 2 else own(f"{name}_anon") + own(f"{name}_file")
    return found


def row_of(configuration: Configuration, setup: Setup, results: Sequence[Figures]) -> KernelRow:
    """The means of all runs."""
    ratios = [_hit_ratio(result) for result in results]
    accesses = int(results[0]["accesses"])
    second_half = accesses - accesses // 2

    def average(name: str) -> int:
        return round(mean(result[name] for result in results))

    return KernelRow(
        kernel=setup.kernel,
        policy=setup.policy,
        variant=configuration.variant,
        mode=configuration.mode,
        trace=configuration.trace,
        limit_pages=configuration.limit_pages,
        accesses=accesses,
        runs=len(results),
        hit_ratio_mean=mean(ratios),
        hit_ratio_min=min(ratios),
        hit_ratio_max=max(ratios),
        hit_ratio_2nd_half=mean(result["hits_second_half"] for result in results) / second_half,
        refaults=average("refaults"),
        activations=average("activations"),
        pgscan=average("pgscan"),
        pgsteal=average("pgsteal"),
        hits_anon=average("hits_anon"),
        accesses_anon=average("accesses_anon"),
        resident_mean=average("resident_mean"),
        resident_min=average("resident_min"),
        resident_max=average("resident_max"),
    )


def _hit_ratio(result: Figures) -> float:
    return result["hits"] / result["accesses"]
