"""Results as tables of text.

In: `Compared` rows and what they are worth. Out: `Table`s, the same for a terminal and for docs/fidelity.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fidelity.compare import COUNTERS, GOALS, Compared
from fidelity.judge import Contest, Verdict, counter_is_judged, counter_off, version

NAMES = ("policy", "kernel", "mode", "trace", "limit", "accesses")
"""The columns that say which configuration a row is."""
MARKS = {True: "ok", False: "short", None: "-"}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under `columns`; the first `left` columns are aligned to the left. `note` says how to read it. Where
    it is folded each part has the first `keys` columns."""

    title: str
    note: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    keys: int = 1


def percent(ratio: float) -> str:
    return f"{100 * ratio:.2f}"


def verdict_table(found: Sequence[Verdict]) -> Table:
    """The summary."""
    rows = tuple((v.family, v.goal, v.reached, MARKS[v.met]) for v in found)
    return Table("Summary", "", ("family", "goal", "reached", ""), rows, left=4)


def hit_table(all_compared: Sequence[Compared]) -> Table:
    """Hit ratios."""
    rows = []
    for compared in all_compared:
        row, simulated = compared.row, compared.simulated
        shown = ("-", "-") if simulated is None else (percent(simulated.hit_ratio), f"{compared.difference:+.2f}")
        spread = f"{percent(row.hit_ratio_min)} to {percent(row.hit_ratio_max)}" if row.runs > 1 else ""
        band = compared.band("hit_ratio")
        remark = "" if band is None else f"chaotic: {100 * band[0]:.1f} to {100 * band[2]:.1f}"
        rows.append((*_names(compared), percent(row.hit_ratio_mean), spread, *shown, remark))
    return Table(
        "Hit ratios",
        "In percent; the difference in points. The kernel's are means, with the range of its runs where there were"
        " several.",
        (*NAMES, "kernel", "its runs", "simulated", "difference", "remark"),
        tuple(rows),
        left=4,
    )


def terminal_hit_table(all_compared: Sequence[Compared]) -> Table:
    """As `hit_table`, with what is compared side by side, for a terminal, where it is folded."""
    table = hit_table(all_compared)
    first = len(NAMES)
    order = (*range(first), first, first + 2, first + 3, first + 1, first + 4)
    columns, *rows = (tuple(row[column] for column in order) for row in (table.columns, *table.rows))
    return Table(table.title, table.note, columns, tuple(rows), table.left, first)


def counter_table(all_compared: Sequence[Compared]) -> Table:
    """Counters: measured, simulated, and simulated by measured."""
    rows = []
    for compared in all_compared:
        if compared.simulated is not None:
            rows.append((*_names(compared), *(_count(compared, counter) for counter in COUNTERS)))
    return Table(
        "Counters",
        "The kernel's / the simulator's count, and in brackets simulated by measured. `~`: the kernel counts something"
        " else, or too little; not judged. `!`: further off than the goal. `^`: chaotic, judged by the band.",
        (*NAMES, *COUNTERS),
        tuple(rows),
        left=4,
    )


def ratio_table(all_compared: Sequence[Compared]) -> Table:
    """As `counter_table`, with nothing but the ratios, for a terminal."""
    table = counter_table(all_compared)
    first = len(NAMES)
    rows = tuple((*row[:first], *(cell.rpartition(" ")[2].strip("()") for cell in row[first:])) for row in table.rows)
    note = "Simulated by measured count. ~: not judged. !: further off than the goal. ^: chaotic, judged by the band."
    return Table("Counters", note, table.columns, rows, table.left)


def _count(compared: Compared, counter: str) -> str:
    measured, simulated = getattr(compared.row, counter), getattr(compared.simulated, counter)
    ratio = compared.ratio(counter)
    if ratio is None:
        return f"{measured:,} / {simulated:,} (~)"
    mark = "~"
    if counter_is_judged(compared, counter):
        mark = "!" if counter_off(compared, counter) > GOALS[counter] else ""
        mark += "" if compared.band(counter) is None else "^"
    return f"{measured:,} / {simulated:,} ({ratio:.2f}{mark})"


def contest_table(found: Sequence[Contest]) -> Table:
    """Where LRU and MGLRU differ."""
    rows = []
    for contest in found:
        row = contest.mglru.row
        winner = "MGLRU" if contest.measured_gap > 0 else "LRU"
        rivals = f"{version(contest.lru.row)} / {version(row)}"
        figures = (f"{contest.measured_gap:+.2f}", f"{contest.simulated_gap:+.2f}", MARKS[contest.met])
        rows.append((row.mode, row.trace, rivals, winner, f"{row.limit_pages:,}", f"{row.accesses:,}", *figures))
    return Table(
        "Winners",
        "Where real LRU and MGLRU differ by more than 1 point: MGLRU's hit ratio less LRU's, in points.",
        ("mode", "trace", "LRU / MGLRU of", "winner", "limit", "accesses", "measured gap", "simulated gap", ""),
        tuple(rows),
        left=4,
    )


def _names(compared: Compared) -> tuple[str, ...]:
    row = compared.row
    return row.policy, row.kernel, row.mode, row.trace, f"{row.limit_pages:,}", f"{row.accesses:,}"
