"""Results of a scenario as text for a terminal.

In: a `ScenarioComparison`. Out: tables: of one policy, its memcgs, tasks and nodes, and every counter; of several, the
policies side by side for the whole, each memcg and each task.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dsl.render import escape
from runtime.report.columns import counted, figure_lines, folded, wrapped
from runtime.report.ejections import block, short_note
from runtime.scenario.comparison import ScenarioComparison
from runtime.scenario.row import EJECTED, FINISHED, MemcgRow, ScenarioRow, TaskRow

NOTHING = ("0", "0 ns", "")
LEFT = ("memcg", "status", "policy")
"""Columns aligned to the left, as the first is."""
_BOLD, _RESET = "\033[1m", "\033[0m"


def duration(nanoseconds: int) -> str:
    """A duration in the unit that suits it."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if nanoseconds >= size:
            shown = nanoseconds / size
            return f"{shown:,.3g} {unit}" if shown < 1000 else f"{shown:,.0f} {unit}"
    return f"{nanoseconds} ns"


def scenario_run_report(comparison: ScenarioComparison, color: bool = False) -> str:
    """One policy on the scenario, in full."""
    row = comparison.rows[0]
    used = [[name, f"{value:,}"] for name, value in row.counters.items() if value]
    policies = _policies_of(row)
    tables = [
        (
            "memcg",
            ("number", "policy", *_MEMCG_COLUMNS),
            [[m.memcg, str(n), *_policy(m, policies), *_memcg_cells(m)] for n, m in enumerate(row.memcgs)],
        ),
        ("task", ("number", *_TASK_COLUMNS), [[t.task, str(n), *_task_cells(t)] for n, t in enumerate(row.tasks)]),
        ("node", ("pages", "used"), [[n.node, f"{n.pages:,}", f"{n.used_pages:,}"] for n in row.nodes]),
        ("counter", ("count",), used),
    ]
    blocks = [_title(comparison), _summary(row), *(block(ejection) for ejection in row.ejections)]
    notes = [*_fixed_lines(row), *row.notes]
    return _rendered([*blocks, *(part for table in tables for part in _table(*table))], notes, color)


def scenario_comparison_table(comparison: ScenarioComparison, color: bool = False) -> str:
    """Several policies on the scenario, side by side."""
    rows = comparison.rows
    sizes = {row.memory_pages for row in rows}
    names = [row.policy if len(sizes) == 1 else f"{row.policy}, {row.memory_pages:,}p" for row in rows]
    fixed = {memcg.memcg: memcg.policy for memcg in rows[0].memcgs if memcg.fixed}
    blocks = [[*_title(comparison), *_fixed_lines(rows[0])]]
    for number, memcg in enumerate(rows[0].memcgs):
        title = "whole machine" if number == 0 else f"memcg {memcg.memcg}"
        cells = [[name, *_memcg_cells(row.memcgs[number])] for name, row in zip(names, rows, strict=True)]
        blocks += _compared(title, fixed.get(memcg.memcg), _MEMCG_COLUMNS, cells)
    for number, task in enumerate(rows[0].tasks):
        cells = [[name, *_task_cells(row.tasks[number])] for name, row in zip(names, rows, strict=True)]
        blocks += _compared(f"task {task.task}", fixed.get(task.memcg), _TASK_COLUMNS, cells)
    return _rendered(blocks, [note for row in rows for note in _remarks(row)], color)


def _compared(
    title: str, fixed: str | None, columns: Sequence[str], cells: Sequence[Sequence[str]]
) -> Iterator[list[str]]:
    """What the compared policies did for a memcg or a task. If its policy is `fixed` they ran elsewhere, if at all."""
    first = "policy" if fixed is None else "compared"
    heading = title if fixed is None else f"{title}: policy fixed by the scenario, {fixed}"
    head, *others = _table(first, columns, cells)
    yield [_bold(escape(heading)), *head]
    yield from others


# --- policies ---------------------------------------------------------------------------------------------


def _fixed_lines(row: ScenarioRow) -> list[str]:
    """The memcgs whose policy the scenario says, and whether there is any other."""
    lines = [f"policy fixed by the scenario: {m.memcg} {m.policy}" for m in row.memcgs if m.fixed]
    if not row.ran:
        lines.append("the scenario fixes the policies of all memcgs with tasks: no other policy ran")
    return [escape(line) for line in lines]


def _policies_of(row: ScenarioRow) -> bool:
    """Whether there is anything to say of the policies of single memcgs."""
    return any(memcg.fixed for memcg in row.memcgs)


def _policy(memcg: MemcgRow, shown: bool) -> list[str]:
    """The cell of a memcg's policy: nothing for one that holds no memory of its own."""
    return [memcg.policy if shown and (memcg.has_tasks or memcg.fixed) else ""]


# --- cells ------------------------------------------------------------------------------------------------

_MEMCG_COLUMNS = (
    "accesses", "miss ratio", "scanned", "used", "on swap", "demoted", "promoted", "bypassed", "p50", "p99", "max",
    "PSI some", "PSI full", "low events", "high events", "throttled", "max events", "OOM kills", "bytes/folio",
)  # fmt: skip
_TASK_COLUMNS = ("memcg", "status", "accesses", "miss ratio", "p50", "p99", "max", "time", "stalled")


def _memcg_cells(memcg: MemcgRow) -> list[str]:
    counters = memcg.counters
    scanned = counters["pgscan_kswapd"] + counters["pgscan_direct"] + counters["pgscan_proactive"]
    demoted = counters["pgdemote_kswapd"] + counters["pgdemote_direct"] + counters["pgdemote_proactive"]
    return [
        f"{counters['accesses']:,}",
        _ratio(counters["misses"], counters["accesses"]),
        f"{scanned:,}",
        f"{memcg.memory_pages:,}",
        f"{memcg.swap_pages:,}",
        f"{demoted:,}",
        f"{counters['pgpromote_success']:,}",
        f"{counters['bypassed']:,}",
        duration(memcg.latencies.p50),
        duration(memcg.latencies.p99),
        duration(memcg.latencies.max),
        duration(memcg.pressure.some),
        duration(memcg.pressure.full),
        f"{counters['low_events']:,}",
        f"{counters['high_events']:,}",
        duration(memcg.throttled_ns),
        f"{counters['max_events']:,}",
        f"{counters['oom_kill']:,}",
        "" if memcg.metadata_bytes_per_folio is None else f"{memcg.metadata_bytes_per_folio:.0f}",
    ]


def _task_cells(task: TaskRow) -> list[str]:
    ratio = _ratio(task.misses, task.accesses)
    latencies = (task.latencies.p50, task.latencies.p99, task.latencies.max)
    times = [duration(time) for time in (*latencies, task.time_ns, task.stalled_ns)]
    return [task.memcg, task.status, f"{task.accesses:,}", ratio, *times]


def _ratio(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "-"


# --- text -------------------------------------------------------------------------------------------------


def _bold(text: str) -> str:
    """Marked to be bold, should there be colours."""
    return f"{_BOLD}{text}{_RESET}"


def _title(comparison: ScenarioComparison) -> list[str]:
    tasks = counted(len(comparison.rows[0].tasks), "task")
    size = f"{tasks}, {counted(comparison.accesses, 'access')}, {counted(comparison.pages, 'distinct page')}"
    title = wrapped(f"{escape(comparison.scenario)}: {size}")
    return [*map(_bold, title), *(wrapped(escape(comparison.description)) if comparison.description else ())]


def _summary(row: ScenarioRow) -> list[str]:
    speed = f", {row.accesses_per_cpu_s / 1e6:,.1f} million accesses per second" if row.cpu_s > 0 else ""
    beside = f"kswapd {duration(row.kswapd_ns)}, proactive reclaim {duration(row.proactive_ns)} beside it"
    figures = [
        ("policy", row.policy if row.ran else f"{row.policy} (did not run)"),
        ("memory", counted(row.memory_pages, "page")),
        ("status", _status(row)),
        ("simulated", f"{duration(row.time_ns)}; {beside}"),
        ("CPU time", f"{row.cpu_s:.3f} s{speed}"),
    ]
    return [line for name, value in figures for line in figure_lines(name, escape(value), 10)]


def _status(row: ScenarioRow) -> str:
    """How the run ended, and what was ejected on the way."""
    where = ", ".join(f"{e.memcg or '/'} before access {e.access:,}" for e in row.ejections)
    if not where:
        return row.status
    return f"ejected from memcg {where}" if row.status == EJECTED else f"{row.status}; ejected from memcg {where}"


def _remarks(row: ScenarioRow) -> Iterable[str]:
    if row.status not in (FINISHED, EJECTED):
        yield f"{row.policy}: {row.status}"
    for ejection in row.ejections:
        yield f"{row.policy}: {short_note(ejection, row.policy)}"
    for note in row.notes:
        yield f"{row.policy}: {note}"


def _table(first: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The lines of a table, folded if it is wide; columns in which nothing happened are left out."""
    shown = [0, *(n for n in range(1, len(columns) + 1) if any(row[n] not in NOTHING for row in rows))]
    names = [first, *columns]
    left = [place for place, n in enumerate(shown) if n == 0 or names[n] in LEFT]
    cells = [[escape(row[n]) for n in shown] for row in ([names, *rows])]
    return [
        [_bold(head), "-" * max(map(len, (head, *lines))), *lines] for head, *lines in folded(cells, 1, left)
    ]  # fmt: skip


def _rendered(blocks: Sequence[Sequence[str]], notes: Iterable[str], color: bool) -> str:
    remarks = [line for note in notes for line in wrapped(escape(note), "  ")]
    text = "\n\n".join("\n".join(block) for block in (*blocks, remarks) if block) + "\n"
    return text if color else text.replace(_BOLD, "").replace(_RESET, "")
