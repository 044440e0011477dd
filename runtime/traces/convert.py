"""Writes a trace in another format.

In: a trace and a path. Out: the file, complete or not at all, and what the format has no room for. `rxt` keeps all;
`txt` all but clock, tenants and page size; `csv` and `oracle`, which libCacheSim reads too, lose the free events, and
`oracle` the flags.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from runtime.traces import csv_reader, oracle, rxt_reader, text
from runtime.traces.detect import extension
from runtime.traces.errors import TraceError, nearest
from runtime.traces.export import Progress, Totals, write_records, write_rows, write_text
from runtime.traces.model import TraceInfo
from runtime.traces.rxt_writer import DEFAULT_LEVEL, TraceWriter
from runtime.traces.trace import Trace
from runtime.traces.unpack import SUFFIXES

EXTENSIONS = {
    ".rxt": rxt_reader.FORMAT,
    ".oraclegeneral": oracle.FORMAT,
    ".bin": oracle.FORMAT,
    ".csv": csv_reader.FORMAT,
    ".txt": text.FORMAT,
}
OUTPUT_FORMATS = tuple(dict.fromkeys(EXTENSIONS.values()))


@dataclass(frozen=True, slots=True)
class Converted:
    """What was written; `lost` says what the format has no room for."""

    path: str
    format: str
    accesses: int
    pages: int
    free_events: int
    lost: tuple[str, ...]


def output_format(path: str, format: str | None) -> str:
    """The format to write: the one named, or that of the extension."""
    packed = next((suffix for suffix in SUFFIXES if path.lower().endswith(suffix)), None)
    if packed:
        raise TraceError(path, 0, f"`{packed}` cannot be written", "write it plain, then pack it")
    found = format or EXTENSIONS.get(extension(path))
    if found is None:
        raise TraceError(path, 0, "the extension names no format", f"there are {', '.join(OUTPUT_FORMATS)}", "file")
    if found not in OUTPUT_FORMATS:
        help = nearest(found, OUTPUT_FORMATS) or f"there are {', '.join(OUTPUT_FORMATS)}"
        raise TraceError(path, 0, f"the format `{found}` cannot be written", help)
    return found


def convert_trace(
    trace: Trace,
    path: str,
    format: str | None = None,
    progress: Progress | None = None,
    level: int = DEFAULT_LEVEL,
    source: str | None = None,
) -> Converted:
    """Write `trace` to `path`. `level` is how hard zstd tries, 1 to 22; `source` says where the trace is from."""
    kind = output_format(path, format)
    tell = progress or _ignore
    if kind == rxt_reader.FORMAT:
        totals = _write_rxt(trace, path, tell, level, source)
    else:
        write = {text.FORMAT: write_text, oracle.FORMAT: write_records, csv_reader.FORMAT: write_rows}[kind]
        totals = write(trace, path, tell)
    lost = _lost(trace.info, kind, totals)
    return Converted(path, kind, totals.accesses, totals.pages, totals.free_events, lost)


def _ignore(done: int, total: int | None) -> None:
    """No one wants to know."""


def _lost(info: TraceInfo, kind: str, totals: Totals) -> tuple[str, ...]:
    if kind == rxt_reader.FORMAT:
        return ()
    objects = kind in (oracle.FORMAT, csv_reader.FORMAT)
    timed = objects and info.clock_step == 1 and (kind != oracle.FORMAT or totals.latest < 1 << 32)
    losses = (
        (totals.reborn > 0, f"which pages were freed and used again ({totals.reborn})"),
        (objects and totals.free_events > 0, f"{totals.free_events} free events"),
        (kind == oracle.FORMAT and not totals.plain, "flags"),
        ("tenant" in info.columns, "tenants"),
        ("clock" in info.columns and not timed, "clock"),
    )
    return tuple(what for lost, what in losses if lost)


def _write_rxt(trace: Trace, path: str, tell: Progress, level: int, source: str | None) -> Totals:
    info, totals = trace.info, Totals()
    with TraceWriter(
        path,
        columns=info.columns,
        page_size=info.page_size,
        clock_step=info.clock_step,
        clock_unit=info.clock_unit,
        source=source or info.source or f"converted from {os.path.basename(info.name)} ({info.format})",
        level=level,
    ) as writer:
        for chunk in trace.chunks():
            writer.write(chunk)
            totals.add(chunk)
            tell(totals.accesses, info.accesses)
    return totals
