"""libCacheSim's side of the replay, run in a process of its own.

In: a trace as an oracleGeneral file, a policy's class and a size of memory in objects. Out: CPU seconds of the replay
alone, and its misses. libCacheSim reads the file itself, in C, as it replays: it maps it into memory, and after the
first run the file is in the page cache. Making the cache and the reader is not timed.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import time

from benchmarks.errors import BenchmarkError
from benchmarks.measured import Measured


def version() -> str:
    """The version that is installed, or `BenchmarkError`."""
    if importlib.util.find_spec("libcachesim") is None:
        raise BenchmarkError(
            "libcachesim is not installed, and replay is measured against it: pip install -e '.[bench]'"
            " (or leave replay out: --only start --only jobs)"
        )
    return importlib.metadata.version("libcachesim")


def replay(path: str, policy: str, nr_objects: int, hashpower: int, **options: float) -> Measured:
    """Run a policy over a whole file; a page is one object of size 1. `options` are the policy's own."""
    import libcachesim

    settings = libcachesim.ReaderInitParam(ignore_obj_size=True)
    reader = libcachesim.TraceReader(path, libcachesim.TraceType.ORACLE_GENERAL_TRACE, settings)
    accesses = reader.get_num_of_req()
    cache = getattr(libcachesim, policy)(cache_size=nr_objects, hashpower=hashpower, **options)
    begin = time.process_time()
    miss_ratio, _ = cache.process_trace(reader)
    seconds = time.process_time() - begin
    return Measured(seconds, round(miss_ratio * accesses), accesses)
