"""Simulated times for people and programs.

In: `Times`. Out: durations in few characters, named figures for text and HTML, flat fields for CSV and JSON, and what
only JSON has: the times of each memcg. The fields are documented in `docs/costs.md`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from runtime.times import Latencies, MemcgTimes, Times

UNITS = (("s", 10**9), ("ms", 10**6), ("us", 10**3))


def duration(nanoseconds: int) -> str:
    """Three digits and a unit."""
    for unit, size in UNITS:
        if nanoseconds >= size:
            value = nanoseconds / size
            return f"{value:,.0f}{unit}" if value >= 999.5 else f"{value:.3g}{unit}"
    return f"{nanoseconds}ns"


def share(part: float) -> str:
    """A part of the time in hundredths."""
    return f"{100 * part:.0f}%" if part >= 0.0995 or part == 0 else f"{100 * part:.2g}%"


def cell(times: Times) -> tuple[str, str, str]:
    """What a comparison shows of a run: simulated time, the part of it that was lost, the 99th percentile."""
    return duration(times.simulated), share(times.lost), duration(times.latencies.p99)


# --- one run ----------------------------------------------------------------------------------------------


def figures(times: Times) -> list[tuple[str, str]]:
    """Everything, by name, in the order it is read."""
    found = [
        ("simulated time", duration(times.simulated)),
        ("lost", f"{share(times.lost)} of the tasks' time: in reclaim, throttled, reading back what was evicted"),
        ("PSI memory", _pressure(times, times.memcgs[0])),
        ("direct reclaim", _part(times, times.reclaim)),
        ("waits", _waits(times)),
        ("kswapd", _part(times, times.kswapd)),
    ]
    if times.proactive:
        found.append(("proactive", _part(times, times.proactive)))
    found += [
        (f"device {device.name}", f"{device.reads:,} reads, {device.writes:,} writes, busy {duration(device.busy)},"
         f" requests waited {duration(device.queued)}")
        for device in times.devices
        if device.reads or device.writes
    ]  # fmt: skip
    found.append(("latency", latency_text(times.latencies)))
    if len(times.memcgs) > 1:
        for memcg in times.memcgs:
            text = f"PSI {_pressure(times, memcg)}; latency {latency_text(memcg.latencies)}"
            found.append((f"memcg {memcg.name}", text))
    return found


def latency_text(latencies: Latencies) -> str:
    """The percentiles in a line."""
    if not latencies.accesses:
        return "no accesses"
    found = (("p50", latencies.p50), ("p90", latencies.p90), ("p99", latencies.p99), ("p99.9", latencies.p999))
    return ", ".join(f"{name} {duration(value)}" for name, value in (*found, ("max", latencies.max)))


def _pressure(times: Times, memcg: MemcgTimes) -> str:
    some, full = memcg.pressure.some, memcg.pressure.full
    return f"some {duration(some)} ({share(times.share(some))}), full {duration(full)} ({share(times.share(full))})"


def _part(times: Times, time: int) -> str:
    return f"{duration(time)} ({share(times.share(time))})"


def _waits(times: Times) -> str:
    waits = (("files", times.read_wait), ("swap", times.swapin_wait), ("throttled", times.throttle))
    found = [f"{name} {duration(time)}" for name, time in waits if time]
    return f"{', '.join(found)}; for what was evicted before {duration(times.refault_wait)}" if found else "none"


# --- fields -----------------------------------------------------------------------------------------------


def fields(times: Times | None) -> dict[str, Any]:
    """Flat fields; none in the ideal model."""
    if times is None:
        return {}
    found: dict[str, Any] = {
        "simulated_ns": times.simulated,
        "lost": times.lost,
        "psi_some_ns": times.pressure.some,
        "psi_full_ns": times.pressure.full,
        "psi_some": times.share(times.pressure.some),
        "psi_full": times.share(times.pressure.full),
        "direct_reclaim_ns": times.reclaim,
        "kswapd_ns": times.kswapd,
        "proactive_reclaim_ns": times.proactive,
        "swapin_wait_ns": times.swapin_wait,
        "read_wait_ns": times.read_wait,
        "refault_wait_ns": times.refault_wait,
        "throttle_ns": times.throttle,
    }
    for name in ("p50", "p90", "p99", "p999", "max"):
        found[f"latency_{name}_ns"] = getattr(times.latencies, name)
    for device in times.devices:
        found[f"{device.name}_busy_ns"] = device.busy
        found[f"{device.name}_queued_ns"] = device.queued
    return found


def memcg_data(times: Times | None) -> list[dict[str, Any]]:
    """The times of each of several memcgs, with names that say the unit."""
    if times is None or len(times.memcgs) < 2:
        return []
    return [
        {
            "name": memcg.name,
            "psi_some_ns": memcg.pressure.some,
            "psi_full_ns": memcg.pressure.full,
            "stall_ns": memcg.stall,
            "direct_reclaim_ns": memcg.reclaim,
            "accesses": memcg.latencies.accesses,
            **{f"latency_{name}_ns": value for name, value in asdict(memcg.latencies).items() if name != "accesses"},
        }
        for memcg in times.memcgs
    ]
