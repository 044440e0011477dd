"""Which of its two algorithms the kernel uses.

In: what the user wants, `lru`, `mglru` or nothing. Out: what is used from now on.
"""

from __future__ import annotations

from pathlib import Path

from fidelity.errors import FidelityError
from fidelity.measure.system import Journal, read

ENABLED = Path("/sys/kernel/mm/lru_gen/enabled")
MAIN_SWITCH = 1
"""The bit that says MGLRU is used at all."""
SWITCHES = {"lru": "n", "mglru": "y"}


def policy_in_use() -> str:
    """What the kernel uses now. A kernel that was built without MGLRU has no switch."""
    return "mglru" if ENABLED.exists() and int(read(ENABLED), 0) & MAIN_SWITCH else "lru"


def use_policy(wanted: str | None, journal: Journal) -> str:
    """Switch, if that is wanted and needed."""
    now = policy_in_use()
    if wanted is None or wanted == now:
        return now
    if not ENABLED.exists():
        raise FidelityError("this kernel has no MGLRU (CONFIG_LRU_GEN is not set)")
    journal.set(ENABLED, SWITCHES[wanted])
    return wanted
