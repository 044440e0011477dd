"""This project's side of the replay, run in a process of its own.

In: a trace as an oracleGeneral file, a policy and a size of memory. Out: CPU seconds of the replay alone, and its
misses. The trace, read from the very file that the other engine reads, is in memory before the clock starts; the
simulation's memory is touched for the first time while it runs.
"""

from __future__ import annotations

import functools
import time

import numpy as np

from benchmarks.measured import Measured
from runtime.executors import NativeExecutor
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.program import Program, load_program, native_code
from runtime.simulation import Simulation
from runtime.traces import LoadedTrace, load, open_trace
from runtime.traces.dense import DenseMapper
from runtime.traces.oracle import FORMAT, RECORD

KEYS_AT_A_TIME = 1 << 17
"""As the reader of oracleGeneral has them."""


@functools.cache
def _trace(path: str) -> LoadedTrace:
    return load(open_trace(path, FORMAT))


@functools.cache
def _program(spec: str) -> Program:
    return load_program(spec)


def replay(path: str, policy: str, nr_pages: int) -> Measured:
    """Run a policy over a whole trace in the ideal model, in chunks as `rext compare` does."""
    trace, program = _trace(path), _program(policy)
    code = NativeExecutor(native_code([program], Variant(ideal=True)))
    simulation = Simulation(program.attachment, Machine(nr_pages, ideal=True), code)
    begin = time.process_time()
    for chunk in trace.chunks():
        simulation.run(chunk)
    seconds = time.process_time() - begin
    counters = simulation.counters()
    return Measured(seconds, counters["misses"], counters["accesses"])


@functools.cache
def _keys(path: str) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    return np.ascontiguousarray(np.fromfile(path, RECORD)["object"], np.uint64)


def make_dense(path: str) -> tuple[float, int]:
    """Number the pages of an oracleGeneral file: CPU seconds, without reading it, and how many pages it has."""
    keys, mapper = _keys(path), DenseMapper()
    begin = time.process_time()
    for first in range(0, len(keys), KEYS_AT_A_TIME):
        mapper.map(keys[first : first + KEYS_AT_A_TIME])
    return time.process_time() - begin, mapper.nr_pages
