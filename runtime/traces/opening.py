"""From what a user writes to a trace.

In: the name of a bundled trace (`mem_gcc`), the text of a made-up one (`zipf:pages=1M`, `loop`) or a path. Out: a
`Trace`. A file with the name of a bundled or made-up trace is meant by `./mem_gcc`.
"""

from __future__ import annotations

import os
from pathlib import Path

from runtime.traces.detect import open_file
from runtime.traces.errors import TraceError, nearest
from runtime.traces.rxt_reader import RxtReader
from runtime.traces.synth import SyntheticReader
from runtime.traces.synth_spec import KINDS, is_synthetic, parse_synthetic
from runtime.traces.trace import Trace

BUNDLED = Path(__file__).parent / "bundled"


def open_trace(spec: str, format: str | None = None) -> Trace:
    """The trace that `spec` names. `format` is for files whose format is not found out rightly."""
    if format is None:
        bundled = BUNDLED / f"{spec}.rxt"
        if spec in bundled_names():
            return Trace(RxtReader(str(bundled), spec))
        if is_synthetic(spec):
            return Trace(SyntheticReader(parse_synthetic(spec)))
    if not os.path.exists(spec):
        raise _unknown(spec)
    return Trace(open_file(spec, spec, format))


def bundled_names() -> tuple[str, ...]:
    """The traces that come with the project, in order of name."""
    return tuple(sorted(path.stem for path in BUNDLED.glob("*.rxt")))


def _unknown(spec: str) -> TraceError:
    kind, colon, _ = spec.partition(":")
    if colon and "/" not in kind:
        help = nearest(kind, KINDS) or f"made-up traces are {', '.join(KINDS)}"
        return TraceError(spec, 0, f"unknown kind of trace `{kind}`, and no such file", help, "character")
    if "/" in spec:
        return TraceError(spec, 0, "no such file", unit="file")
    known = (*bundled_names(), *KINDS)
    help = nearest(spec, known) or f"traces by name are {', '.join(known)}"
    return TraceError(spec, 0, "no such file, nor a trace of that name", help, "file")
