"""A memory cgroup for each replay.

In: nothing but the running system. Out: `find_hierarchy`, v1 or v2; `memory_cgroup`, a new group with a limit, gone
when the replay is over."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fidelity.errors import FidelityError
from fidelity.measure.system import Journal, read, write

NAME = "rext-measure"
PAGE_SIZE = 4096
SWAPPINESS = "60"
ATTEMPTS = 100
"""to remove a group: its last pages go a moment after its last process."""


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Where memory cgroups are made: the mount point, and the version."""

    root: Path
    version: int


def find_hierarchy(mounts: Path = Path("/proc/self/mountinfo")) -> Hierarchy:
    """The hierarchy that has the memory controller."""
    for line in read(mounts).splitlines():
        before, _, after = line.partition(" - ")
        root, (kind, _, options) = Path(before.split()[4]), after.split()[:3]
        if kind == "cgroup" and "memory" in options.split(","):
            return Hierarchy(root, 1)
        if kind == "cgroup2" and "memory" in read(root / "cgroup.controllers").split():
            return Hierarchy(root, 2)
    raise FidelityError("no memory cgroup is mounted: mount one (`mount -t cgroup2 none /sys/fs/cgroup`)")


def prepare(hierarchy: Hierarchy, journal: Journal) -> None:
    """Let groups have a memory limit, and set the swappiness that is everyone's in v2."""
    if hierarchy.version == 1:
        return
    control = hierarchy.root / "cgroup.subtree_control"
    if "memory" not in read(control).split():
        journal.set(control, "+memory", before="-memory")
    journal.set(Path("/proc/sys/vm/swappiness"), SWAPPINESS)


@contextlib.contextmanager
def memory_cgroup(hierarchy: Hierarchy, limit_pages: int) -> Iterator[Path]:
    """A group with a limit."""
    group = hierarchy.root / NAME
    remove(hierarchy)
    try:
        group.mkdir()
    except OSError as error:
        raise FidelityError(f"{group}: cannot be made: {error.strerror}") from None
    try:
        limit = "memory.limit_in_bytes" if hierarchy.version == 1 else "memory.max"
        write(group / limit, str(limit_pages * PAGE_SIZE))
        if hierarchy.version == 1:
            write(group / "memory.swappiness", SWAPPINESS)
        yield group
    finally:
        remove(hierarchy)


def remove(hierarchy: Hierarchy) -> None:
    """Remove the group, if there is one."""
    group = hierarchy.root / NAME
    for _ in range(ATTEMPTS):
        if not group.exists():
            return
        with contextlib.suppress(OSError):
            if hierarchy.version == 1:
                (group / "memory.force_empty").write_text("0")
            group.rmdir()
            return
        time.sleep(0.02)
    raise FidelityError(f"{group}: cannot be removed; a process is still in it")
