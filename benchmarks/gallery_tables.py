"""The tables of the gallery.

In: facts of both models, and the programs. Out: Markdown, every figure computed: who wins where, every program against
the kernel's LRU, and what each keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from benchmarks.gallery_facts import BASE, RIVALS, Facts, Models
from benchmarks.gallery_programs import Shown
from dsl import abi
from runtime.metadata import LISTED_PAGES
from runtime.program import OPT

LARGE = 2
"""A ratio of misses from which on it is not told as a difference."""
MODELS = {"ideal": "ideal model", "kernel": "kernel model"}


def signed(ratio: float) -> str:
    """A ratio of misses as a difference in hundredths, or as it is if it is large; 0 stands for equal counts only."""
    if ratio == 1:
        return "0"
    if ratio >= LARGE:
        return f"{ratio:,.1f}x"
    digits = 1 if abs(ratio - 1) >= 0.0005 else 3
    return f"{100 * (ratio - 1):+,.{digits}f}%".replace("-", "\N{MINUS SIGN}")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], left: Collection[int] = (0,)) -> str:
    """A table; the columns numbered in `left` are aligned to the left."""
    rule = ["---" if number in left else "---:" for number in range(len(columns))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (columns, rule, *rows)) + "\n"


def winners(models: Models) -> str:
    """The three programs with the fewest misses of each cell, beside the kernel's algorithms and the optimum."""
    rows = []
    for number, cell in enumerate(models["ideal"].cells):
        row = [cell.trace, cell.share]
        for facts in models.values():
            same = facts.cells[number]
            row.append("; ".join(f"{name} {100 * ratio:.2f}" for name, ratio in facts.leaders(same, 3)))
            row += [_percent(facts.miss_ratio(rival, same)) for rival in RIVALS]
        rows.append([*row, _percent(models["ideal"].miss_ratio(OPT, cell))])
    columns = ["trace", "memory"]
    for title in MODELS.values():
        columns += [f"{title}: the best three", "lru", "mglru"]
    about = (
        "## Who wins where\n\nMiss ratios in %: the three programs with the fewest misses (of those with equally"
        " many the one that comes first below), the kernel's two algorithms and the optimum.\n"
    )
    return about + "\n" + table([*columns, "opt"], rows, left=(0, 1, 2, 5))


def _percent(ratio: float | None) -> str:
    return "-" if ratio is None else f"{100 * ratio:.2f}"


def standings(models: Models, shown: dict[str, Shown]) -> str:
    """Every program against the base, the best of the ideal model first."""
    ideal = models["ideal"]
    found = {name: ideal.against(name) for name in (*shown, RIVALS[1])}
    ordered = sorted(found, key=lambda name: (mean.mean if (mean := found[name]) else float("inf"), name))
    rows = []
    for name in ordered:
        row = [f"[{name}](#{name})" if name in shown else f"`{name}`"]
        for facts in models.values():
            row += _standing(facts, name)
        rows.append(row)
    columns = [""]
    for title in MODELS.values():
        columns += [f"{title}: mean", "best", "worst", "wins"]
    about = (
        f"Misses against `{BASE}` in the same model, as a difference, or `x` times as many: the geometric mean over all"
        " cells, the best and the worst cell;"
        " and in how many cells no other program misses less.\n"
    )
    return about + "\n" + table(columns, rows)


def _standing(facts: Facts, name: str) -> list[str]:
    against = facts.against(name)
    if against is None:
        return ["-"] * 4
    wins = str(facts.wins(name)) if name in facts.programs else ""
    return [signed(against.mean), signed(against.best[1]), signed(against.worst[1]), wins]


def metadata_table(shown: dict[str, Shown]) -> str:
    """What each program keeps, the thrifty ones first."""
    ordered = sorted(shown.values(), key=lambda program: (program.metadata["bytes"], program.name))
    rows = []
    for program in ordered:
        parts = [program.metadata[part] / LISTED_PAGES for part in ("fields", "index", "state", "maps")]
        shadow = f"{abi.SHADOW_BITS} bits" if program.shadows else ""
        rows.append([program.name, str(program.bytes_per_folio), *(_bytes(part) for part in parts), shadow])
    about = (
        f"## What they keep\n\nBytes per folio, with {LISTED_PAGES:,} pages and the default params, as `rext list"
        " policies` measures them: fields of the folios; the index of bags and heaps; state and cursors; maps with"
        " index and entries, which is where ghosts and sketches are. The row that the core has for every folio (24"
        " bytes, with the links of its list) is not in it. Nor are shadows: what a policy leaves of a page that went,"
        " in the word that the kernel has for it in any case. Here they last until the page is freed; a kernel short of"
        " memory drops old ones.\n"
    )
    return about + "\n" + table(["program", "in all", "fields", "index", "state", "maps", "shadow"], rows)


def _bytes(value: float) -> str:
    return "" if value == 0 else f"{value:.2f}".rstrip("0").rstrip(".") if value >= 0.005 else "<0.01"
