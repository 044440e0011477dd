"""What `rext trace` does, as functions that return data.

In: names of traces as the user writes them. Out: what to print. Errors are `TraceError`s.
"""

from __future__ import annotations

import os

from runtime.traces.convert import Converted, convert_trace
from runtime.traces.errors import TraceError
from runtime.traces.export import Progress
from runtime.traces.model import TraceInfo
from runtime.traces.opening import bundled_names, open_trace
from runtime.traces.rxt_writer import DEFAULT_LEVEL
from runtime.traces.summary import TraceSummary, summarise
from runtime.traces.synth_spec import FLAG_OPTIONS, KINDS, SHAPES, WHOLE_OPTIONS, Option, is_synthetic


def list_bundled() -> list[TraceInfo]:
    """The traces that come with the project."""
    return [open_trace(name).info for name in bundled_names()]


def list_synthetic() -> dict[str, tuple[str, dict[str, Option]]]:
    """The shapes of made-up traces: what each is, and all the options it has."""
    common = WHOLE_OPTIONS | FLAG_OPTIONS
    return {kind: (meaning, options | common) for kind, (meaning, options) in SHAPES.items()}


def info(spec: str, format: str | None = None) -> TraceSummary:
    """Read a trace and count what is in it."""
    return summarise(open_trace(spec, format))


def convert(
    spec: str,
    out_path: str,
    format: str | None = None,
    progress: Progress | None = None,
    trace_format: str | None = None,
    level: int = DEFAULT_LEVEL,
    source: str | None = None,
) -> Converted:
    """Write a trace in `format` (rxt, oracle, csv or txt; None: by the extension); it is read in `trace_format`."""
    trace = open_trace(spec, trace_format)
    if os.path.isdir(out_path):
        raise TraceError(out_path, 0, "is a directory")
    return convert_trace(trace, out_path, format, progress, level, source)


def synth(spec: str, out_path: str, format: str | None = None, progress: Progress | None = None) -> Converted:
    """Write a made-up trace; `spec` must describe one."""
    if not is_synthetic(spec):
        raise TraceError(spec, 0, f"does not describe a made-up trace; these are {', '.join(KINDS)}", unit="character")
    return convert(spec, out_path, format, progress)
