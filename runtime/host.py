"""The machine that simulations run on.

Out: how much memory it has left, and the description that goes with every result, so that figures can be judged
later: versions, processor, system.
"""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dsl import abi
from runtime.map_sizes import AttachError
from runtime.version import VERSION


class HostMemoryError(AttachError):
    """A simulation needs more memory than this machine has: the message gives both."""


def available_memory() -> int:
    """Bytes that can be used without swapping; all of the machine's where the system does not say."""
    try:
        match = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
        if match:
            return int(match[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _processor() -> str:
    try:
        match = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        if match:
            return match[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def environment() -> dict[str, Any]:
    """What a result depends on besides its inputs."""
    import llvmlite
    import numpy

    from runtime.jit.engine import host

    return {
        "version": VERSION,
        "abi": abi.ABI_HASH,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "llvmlite": llvmlite.__version__,
        "llvm": host()[0],
        "numpy": numpy.__version__,
        "cpu": _processor(),
        "cpu_target": host()[1],
        "cpus": os.cpu_count() or 1,
        "system": platform.platform(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
