"""`python -m benchmarks.ablation`: what each mechanism of MGLRU is worth.

In: the params that `builtin:mglru` declares, bundled and made-up traces. Out: for each trace and size of memory the hit
ratio, what was scanned and the simulated time of MGLRU as it is, with each mechanism off by itself, with all of them
off, in its older versions, and of the traditional LRU; on standard output, or as docs/ablation.md with `--write`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.cli.command import positive
from runtime.comparison import Comparison, compare
from runtime.policies.mglru import PARAMS
from runtime.row import Row

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "ablation.md"
POLICY = "builtin:mglru"
RIVAL = "builtin:lru"
VERSION = "version"
LEFT_OUT = "min_ttl"
"""Off unless the machine sets it (`min_ttl` of a scenario), as in the kernel."""
VERSIONS = {"6.12": 612, "6.1": 601}
BUNDLED = ("mem_gcc", "mem_rg", "mem_sqlite")
MADE_UP = (
    "zipf:alpha=1.0,pages=20K,accesses=1M,seed=1",
    "zipf:alpha=1.0,pages=20K,accesses=1M,mapped=1,seed=1",
    "zipf:alpha=0.8,pages=20K,accesses=1M,mapped=0.5,anon=0.5,write=0.3,seed=1",
    "phases:pages=3K,phases=10,overlap=0.5,accesses=1M,seed=1",
    "phases:pages=3K,phases=10,overlap=0.5,mapped=1,accesses=1M,seed=1",
    "mix:0.7*uniform(pages=2K,mapped=1)+0.3*loop(pages=18K),accesses=1M,seed=1",
    "mix:0.5*zipf(pages=8K,anon=1)+0.5*zipf(pages=8K),accesses=1M,seed=1",
)
MEMORY = "10%,30%"
QUICK_TRACES = (
    "zipf:alpha=0.8,pages=3K,accesses=100K,mapped=0.7,anon=0.5,write=0.3,seed=1",
    "phases:pages=3K,phases=4,overlap=0.5,accesses=100K,seed=1",
)
SAME = 0.05
"""Points of hit ratio below which a difference is not worth reading."""


@dataclass(frozen=True, slots=True)
class Variation:
    """A setting of the policy: what it is called in the table, and how `rext` names it."""

    title: str
    spec: str


def mechanisms() -> tuple[str, ...]:
    """The params that switch something off."""
    return tuple(p.name for p in PARAMS if (p.low, p.high, p.default) == (0, 1, 1) and p.name != LEFT_OUT)


def variations() -> list[Variation]:
    """What is compared, the policy as it is first."""
    names = mechanisms()
    all_off = ",".join(f"{name}=0" for name in names)
    return [
        Variation("6.18", POLICY),
        *(Variation(f"without {name}", f"{POLICY}:{name}=0") for name in names),
        Variation("without all of these", f"{POLICY}:{all_off}"),
        *(Variation(name, f"{POLICY}:{VERSION}={number}") for name, number in VERSIONS.items()),
        Variation("traditional LRU", RIVAL),
    ]


def measure(traces: Sequence[str], memory: str, jobs: int) -> Comparison:
    """Run every variation on every trace and size."""
    return compare([v.spec for v in variations()], list(traces), memory=memory, jobs=jobs)


# --- the document -----------------------------------------------------------------------------------------

HEAD = """# What each mechanism of MGLRU is worth

Written by `python -m benchmarks.ablation --write`; run it without `--write` to see the tables of your own version.

Each row leaves out one mechanism of `builtin:mglru` as it is in Linux 6.18, on one trace and size of memory, in the
kernel model. *Difference* is in points of hit ratio against 6.18; positive: better without it. *Scanned* counts
candidates that were isolated (`pgscan`), *reclaimed* those that went, *aged* the generations begun; *time* is the
simulated time of the whole run and *lost* the share of it that went into reclaim, throttling and reading back what had
been evicted ([costs.md](costs.md)). `min_ttl`, which is off unless it is set, is left out. Traces whose accesses are
all by system call have no page tables to walk: what concerns those cannot matter there.

| mechanism | what it does |
|---|---|
"""


def markdown(comparison: Comparison) -> str:
    """The whole document."""
    switches = "".join(f"| {p.name} | {p.doc} |\n" for p in PARAMS if p.name in mechanisms())
    parts = [HEAD + switches, summary(comparison)]
    for trace in comparison.pages:
        for pages in dict.fromkeys(row.memory_pages for row in comparison.rows if row.trace == trace):
            rows = [row for row in comparison.rows if (row.trace, row.memory_pages) == (trace, pages)]
            parts.append(f"## {trace}, {pages:,} pages\n\n{table(rows)}")
    return "\n".join(parts)


def summary(comparison: Comparison) -> str:
    """Which mechanism changes the hit ratio where: the mean and the extremes over all cells."""
    lines = [
        "## In short",
        "",
        "Difference in points of hit ratio over all traces and sizes; *better*, *worse*: in how many of these cells"
        f" leaving the mechanism out changes more than {SAME} points. One trace may make the mean: the median stands"
        " beside it.",
        "",
        "| | mean | median | most lost | most gained | worse | better | same |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    by_cell = {(row.policy, row.trace, row.memory_pages): row for row in comparison.rows}
    cells = [(trace, pages) for policy, trace, pages in by_cell if policy == POLICY]
    for variation in variations()[1:]:
        points = [100 * (by_cell[variation.spec, *c].hit_ratio - by_cell[POLICY, *c].hit_ratio) for c in cells]
        worse, better = sum(p < -SAME for p in points), sum(p > SAME for p in points)
        mean, median = statistics.mean(points), statistics.median(points)
        lines.append(
            f"| {variation.title} | {mean:+.2f} | {median:+.2f} | {min(min(points), 0):+.2f}"
            f" | {max(max(points), 0):+.2f} | {worse} | {better} | {len(points) - worse - better} |"
        )
    return "\n".join(lines) + "\n"


def table(rows: Sequence[Row]) -> str:
    """One trace and size of memory."""
    lines = [
        "| | hits % | difference | scanned | reclaimed | aged | time s | lost % |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    titles = {v.spec: v.title for v in variations()}
    base = rows[0].hit_ratio
    for row in rows:
        difference = 100 * (row.hit_ratio - base)
        stolen = row.counters["pgsteal_anon"] + row.counters["pgsteal_file"]
        lines.append(
            f"| {titles[row.policy]} | {100 * row.hit_ratio:.2f} | {difference:+.2f} | {row.scanned:,} | {stolen:,}"
            f" | {row.counters['aged']:,} | {simulated(row)} | {lost(row)} |"
        )
    return "\n".join(lines) + "\n"


def simulated(row: Row) -> str:
    """Simulated seconds of the run."""
    return "" if row.times is None else f"{row.times.simulated / 1e9:.3f}"


def lost(row: Row) -> str:
    """The share of the time that want of memory took."""
    return "" if row.times is None else f"{100 * row.times.lost:.1f}"


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, then print or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ablation", description="Leave out MGLRU's mechanisms.")
    parser.add_argument("--quick", action="store_true", help="two small traces: to see that everything works")
    parser.add_argument("--jobs", type=positive, default=2, metavar="N", help="simulations at a time (default: 2)")
    parser.add_argument(
        "--write", nargs="?", type=Path, const=DOCUMENT, metavar="FILE", help="write it (default: docs/ablation.md)"
    )
    arguments = parser.parse_args(argv)
    traces = QUICK_TRACES if arguments.quick else (*BUNDLED, *MADE_UP)
    text = markdown(measure(traces, MEMORY, arguments.jobs))
    if arguments.write is None:
        sys.stdout.write(text)
    else:
        arguments.write.write_text(text, encoding="utf-8", newline="\n")
        print(f"benchmarks.ablation: {arguments.write} written", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
