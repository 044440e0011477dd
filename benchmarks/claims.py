"""The claims of cache_ext (SOSP 2025), each as a scenario: `python -m benchmarks.claims`, `--write` for docs/claims.md.

In: the scenarios under docs/scenarios/, and what the paper says. Out: a table for each claim, of what the tasks of each
configuration did, and whether the simulator agrees; on standard output, or as the document, whose prose is
`benchmarks/claims.md`. Exit status 0 whatever the verdicts are.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.cli.command import positive
from runtime.report.scenario_table import duration
from runtime.scenario.comparison import ScenarioSettings, compare_scenario
from runtime.scenario.row import TaskRow

ROOT = Path(__file__).parents[1]
SCENARIOS = ROOT / "docs" / "scenarios"
DOCUMENT = ROOT / "docs" / "claims.md"
TEMPLATE = Path(__file__).with_name("claims.md")
KERNELS = ("builtin:lru", "builtin:mglru")
_COUNT = re.compile(r"\b(\d+)(K|M)\b")
_MEMORY = re.compile(r'"(\d+)(MiB|GiB)"')
_START = re.compile(r'start = "(\d+)s"')
_THOUSANDS = {"K": 10**3, "M": 10**6}
_PAGES = {"MiB": 1 << 8, "GiB": 1 << 18}


@dataclass(frozen=True, slots=True)
class Config:
    """Policies on a scenario: the one that is run, and those that memcgs get instead."""

    policy: str
    switches: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """As a reader of a table needs it."""
        others = [switch.partition(":")[2].partition("=") for switch in self.switches]
        return ", ".join([self.policy, *(f"{policy} for {memcg}" for memcg, _, policy in others)])

    def command(self, scenario: str) -> str:
        words = ["rext run", self.policy, "--scenario", f"docs/scenarios/{scenario}.toml"]
        return " ".join([*words, *(f"--switch {switch}" for switch in self.switches)])


@dataclass(frozen=True, slots=True)
class Ran:
    """What the tasks of a scenario did with a configuration, by name."""

    config: Config
    tasks: dict[str, TaskRow]

    def misses(self, task: str) -> int:
        return self.tasks[task].misses

    def p99(self, task: str) -> int:
        return self.tasks[task].latencies.p99

    def speed(self, task: str) -> float:
        """Accesses per second of simulated time."""
        row = self.tasks[task]
        return row.accesses / (row.time_ns / 1e9) if row.time_ns else 0.0


Results = dict[str, Ran]
"""By the names of configurations."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim: the scenario, the configurations, the tasks that are shown, and what must hold for it to be seen in the
    simulator too."""

    key: str
    scenario: str
    configs: tuple[Config, ...]
    tasks: tuple[str, ...]
    holds: Callable[[Results], bool]


def _of_kernels(found: Results) -> list[Ran]:
    return [found[name] for name in KERNELS]


def _file_search(found: Results) -> bool:
    return all(2 * found["file_search"].misses("grep") <= kernel.misses("grep") for kernel in _of_kernels(found))


def _zipf(found: Results) -> bool:
    return all(found["lfu"].misses("reads") < kernel.misses("reads") for kernel in _of_kernels(found))


def _get_scan(found: Results) -> bool:
    apart = found["get_scan:scan_tasks=4"]
    return all(
        apart.misses("get") < kernel.misses("get") and apart.p99("get") <= kernel.p99("get")
        for kernel in _of_kernels(found)
    )


def _tenants(found: Results) -> bool:
    """Nothing is better than the tailored policies for either tenant, and all else is worse for one of them."""
    *single, tailored = found.values()
    tasks = ("reads", "grep")
    none_better = all(tailored.misses(t) <= other.misses(t) * 1.001 for other in single for t in tasks)
    return none_better and all(any(tailored.misses(t) < 0.99 * other.misses(t) for t in tasks) for other in single)


def _admission(found: Results) -> bool:
    filtered = found["admission"]
    return all(
        filtered.misses("queries") < other.misses("queries") and filtered.p99("queries") <= other.p99("queries")
        for name, other in found.items()
        if name != "admission"
    )


def _configs(*policies: str) -> tuple[Config, ...]:
    return tuple(Config(policy) for policy in policies)


CLAIMS = (
    Claim("file_search", "file_search", _configs(*KERNELS, "mru", "file_search"), ("grep",), _file_search),
    Claim(
        "zipf_reads",
        "zipf_reads",
        _configs(*KERNELS, "lfu", "lhd", "wtinylfu", "s3fifo", "fifo", "mru"),
        ("reads",),
        _zipf,
    ),
    Claim("get_scan", "get_scan", _configs(*KERNELS, "clock", "get_scan:scan_tasks=4"), ("get", "scan1"), _get_scan),
    Claim(
        "tenants",
        "tenants",
        (*_configs(*KERNELS, "lfu", "file_search"), Config("lfu", ("0:search=file_search",))),
        ("reads", "grep"),
        _tenants,
    ),
    Claim("admission", "compaction", _configs(*KERNELS, "clock", "admission"), ("queries", "compaction"), _admission),
)


def shrunk(text: str, by: int) -> str:
    """A scenario with all its memory and traces smaller, and shorter, for a quick look."""

    def count(match: re.Match[str]) -> str:
        return str(max(int(match[1]) * _THOUSANDS[match[2]] // by, 1))

    def pages(match: re.Match[str]) -> str:
        return f'"{max(int(match[1]) * _PAGES[match[2]] // by, 1)}p"'

    def start(match: re.Match[str]) -> str:
        return f'start = "{int(match[1]) * 10**9 // by}ns"'

    return _START.sub(start, _MEMORY.sub(pages, _COUNT.sub(count, text)))


def run_claim(claim: Claim, by: int = 1, jobs: int = 1) -> Results:
    """Run the configurations of a claim, on the scenario shrunk `by` so much."""
    text = (SCENARIOS / f"{claim.scenario}.toml").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"{claim.scenario}.toml"
        path.write_text(shrunk(text, by) if by > 1 else text, encoding="utf-8")
        return {config.name: _run(config, str(path), jobs) for config in claim.configs}


def _run(config: Config, path: str, jobs: int) -> Ran:
    settings = ScenarioSettings(jobs=jobs, switch=config.switches)
    row = compare_scenario(config.policy, path, settings).rows[0]
    return Ran(config, {task.task: task for task in row.tasks})


# --- the document -----------------------------------------------------------------------------------------


def table(claim: Claim, found: Results) -> str:
    """What the tasks did, in Markdown; speeds against the first configuration's."""
    first = next(iter(found.values()))
    head = ["policy", "task", "miss ratio", "p50", "p99", "accesses per second", "against the first"]
    lines = [head, ["---", "---", *["---:"] * 5]]
    for task in claim.tasks:
        for name, ran in found.items():
            row = ran.tasks[task]
            lines.append(
                [
                    f"`{name}`" if not ran.config.switches else name,
                    task,
                    f"{100 * row.misses / row.accesses:.2f}%",
                    duration(row.latencies.p50),
                    duration(row.latencies.p99),
                    f"{ran.speed(task):,.0f}",
                    f"{100 * (ran.speed(task) / first.speed(task) - 1):+.1f}%",
                ]
            )
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def section(claim: Claim, found: Results) -> str:
    """The verdict, the table, and the commands to see it again."""
    verdict = "The simulator agrees." if claim.holds(found) else "**The simulator disagrees.**"
    again = [f"rext compare {' '.join(c.policy for c in claim.configs if not c.switches)}"]
    again[0] += f" --scenario docs/scenarios/{claim.scenario}.toml"
    again += [config.command(claim.scenario) for config in claim.configs if config.switches]
    return "\n\n".join([verdict, table(claim, found), "```console\n" + "\n".join(f"$ {c}" for c in again) + "\n```"])


def document(results: dict[str, Results]) -> str:
    """The text of docs/claims.md: the template, with a section for each `@key@`."""
    sections = {claim.key: section(claim, results[claim.key]) for claim in CLAIMS}
    return re.sub(r"@(\w+)@", lambda match: sections[match[1]], TEMPLATE.read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.claims", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write docs/claims.md")
    parser.add_argument("--shrunk", type=positive, default=1, metavar="N", help="memory and traces N times smaller")
    chosen = parser.parse_args(arguments)
    results: dict[str, Results] = {}
    for claim in CLAIMS:
        print(f"{claim.key} ...", file=sys.stderr)
        results[claim.key] = run_claim(claim, chosen.shrunk)
        if not chosen.write:
            print(f"## {claim.key}\n\n{section(claim, results[claim.key])}\n")
    if chosen.write:
        DOCUMENT.write_text(document(results), encoding="utf-8", newline="\n")
        print(f"written to {DOCUMENT}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
