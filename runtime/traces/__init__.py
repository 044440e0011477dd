"""Traces of page accesses: reading, making up, writing, converting.

In: what a user names a trace by. Out: chunks of numbered pages with flags (model.py). This package needs numpy and
zstandard, and is imported only by what needs traces.
"""

from runtime.traces.errors import TraceError
from runtime.traces.model import EXEC, FILE, FREE, SYSCALL, WRITE, Chunk, TraceInfo
from runtime.traces.opening import bundled_names, open_trace
from runtime.traces.prefetch import Prefetch
from runtime.traces.rxt_writer import TraceWriter
from runtime.traces.trace import LoadedTrace, Trace, load

__all__ = [
    "EXEC",
    "FILE",
    "FREE",
    "SYSCALL",
    "WRITE",
    "Chunk",
    "LoadedTrace",
    "Prefetch",
    "Trace",
    "TraceError",
    "TraceInfo",
    "TraceWriter",
    "bundled_names",
    "load",
    "open_trace",
]
