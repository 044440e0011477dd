"""Rows of a scenario as plain data.

In: a `ScenarioComparison`. Out: flat dictionaries, the same for JSON and CSV. For every policy there is a row for each
memcg, with all below it: that of `/` is the whole; then one for each task, which `task` names. All have what rows of a
comparison of traces have, as far as it exists.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from runtime.report.csv import cell
from runtime.scenario.comparison import ScenarioComparison
from runtime.scenario.row import MemcgRow, ScenarioRow, TaskRow
from runtime.times import Latencies


def records(comparison: ScenarioComparison) -> list[dict[str, Any]]:
    """All rows as dictionaries."""
    return [record for row in comparison.rows for record in _records(row)]


def _records(row: ScenarioRow) -> Iterator[dict[str, Any]]:
    for number, memcg in enumerate(row.memcgs):
        yield memcg_record(row, memcg) | {"number": number}
    for number, task in enumerate(row.tasks):
        yield task_record(row, task) | {"number": number}


def _head(row: ScenarioRow, accesses: int, hits: int, policy: str) -> dict[str, Any]:
    misses = accesses - hits
    return {
        "policy": row.policy,
        "trace": row.scenario,
        "model": "kernel",
        "memory_pages": row.memory_pages,
        "memcg": "",
        "task": "",
        "policy_of_memcg": policy,
        "accesses": accesses,
        "hits": hits,
        "misses": misses,
        "hit_ratio": hits / accesses if accesses else None,
        "miss_ratio": misses / accesses if accesses else None,
    }


def memcg_record(row: ScenarioRow, memcg: MemcgRow) -> dict[str, Any]:
    """The row of a memcg. What only the whole has is left out of the others: CPU time, and kswapd's time."""
    counters = memcg.counters
    data = _head(row, counters["accesses"], counters["hits"], memcg.policy) | {
        "memcg": memcg.memcg,
        "evictions": counters["evictions"],
        "refaults": counters["refaults"],
        "scanned": counters["pgscan_kswapd"] + counters["pgscan_direct"] + counters["pgscan_proactive"],
        "status": row.status if memcg is row.memcgs[0] else "killed" if memcg.oom_killed else "",
        "used_pages": memcg.memory_pages,
        "swap_pages": memcg.swap_pages,
        "psi_some_ns": memcg.pressure.some,
        "psi_full_ns": memcg.pressure.full,
        "reclaim_ns": memcg.reclaim_ns,
        "throttled_ns": memcg.throttled_ns,
        "metadata_bytes_per_folio": memcg.metadata_bytes_per_folio,
    }
    data |= _latencies(memcg.latencies)
    if memcg is row.memcgs[0]:
        data |= {
            "cpu_s": row.cpu_s,
            "accesses_per_cpu_s": row.accesses_per_cpu_s if row.cpu_s > 0 else None,
            "time_ns": row.time_ns,
            "kswapd_ns": row.kswapd_ns,
            "proactive_ns": row.proactive_ns,
            "message": row.message,
        }
    return data | {name: value for name, value in counters.items() if name not in data}


def task_record(row: ScenarioRow, task: TaskRow) -> dict[str, Any]:
    """The row of a task."""
    policy = next(memcg.policy for memcg in row.memcgs if memcg.memcg == task.memcg)
    return (
        _head(row, task.accesses, task.hits, policy)
        | {
            "memcg": task.memcg,
            "task": task.task,
            "status": task.status,
            "time_ns": task.time_ns,
            "stalled_ns": task.stalled_ns,
        }
        | _latencies(task.latencies)
    )


def _latencies(latencies: Latencies) -> dict[str, Any]:
    return {f"latency_{name}_ns": getattr(latencies, name) for name in ("p50", "p90", "p99", "p999", "max")}


def scenario_json(comparison: ScenarioComparison) -> str:
    """`{"scenario", "rows", "nodes", "samples", "environment"}` as text."""
    data = {
        "scenario": {
            "file": comparison.scenario,
            "description": comparison.description,
            "accesses": comparison.accesses,
            "distinct_pages": comparison.pages,
        },
        "rows": records(comparison),
        "nodes": [
            {"policy": row.policy, "node": node.node, "pages": node.pages, "used_pages": node.used_pages}
            for row in comparison.rows
            for node in row.nodes
        ],
        "samples": [sample for row in comparison.rows for sample in _samples(row)],
        "environment": comparison.environment,
    }
    return json.dumps(data, indent=2, allow_nan=False) + "\n"


def _samples(row: ScenarioRow) -> Iterator[dict[str, Any]]:
    for sample in row.samples:
        for number, memcg in enumerate(row.memcgs):
            yield {
                "policy": row.policy,
                "memory_pages": row.memory_pages,
                "time_ns": sample.time_ns,
                "memcg": memcg.memcg,
                "used_pages": sample.memory_pages[number],
                "swap_pages": sample.swap_pages[number],
            }


def scenario_csv(comparison: ScenarioComparison) -> str:
    """The rows as CSV; what a row does not have is empty."""
    rows = records(comparison)
    columns = list(dict.fromkeys(name for each in rows for name in each))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: cell(value) for name, value in each.items()} for each in rows)
    return text.getvalue()
