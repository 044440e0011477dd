"""The devices of a measurement: a file store and swap, both on zram, so that no disk takes part.

In: how many pages of each. Out: `devices`, set up, and taken down again whatever happens. The file store is an ext4
without journal on a device without readahead: a miss reads the page that was asked for and no other."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fidelity.errors import FidelityError
from fidelity.measure.system import FOLDER, Journal, read, run, write

CONTROL = Path("/sys/class/zram-control")
PAGE_SIZE = 4096
FILE_SYSTEM_BYTES = 96 << 20
"""Room for the file system itself."""
LEAST_SWAP_PAGES = 65_536
"""What our measurements were taken with; swap that is more than half full is used differently."""
OTHER_MAPPINGS = 1024
"""Mappings that a process has besides."""
HIGHEST_PRIORITY = "32767"


@dataclass(frozen=True, slots=True)
class Devices:
    """`data`: the file whose pages are replayed, if there are any."""

    data: Path | None


@contextlib.contextmanager
def devices(replay: Path, file_pages: int, anon_pages: int, journal: Journal) -> Iterator[Devices]:
    """Set up what is needed for so many pages."""
    if not CONTROL.is_dir():
        with contextlib.suppress(FidelityError):
            run("modprobe", "zram")
    if not CONTROL.is_dir():
        raise FidelityError("this kernel has no zram (CONFIG_ZRAM): the devices of a measurement are made of it")
    try:
        if anon_pages:
            _swap_on(max(LEAST_SWAP_PAGES, 2 * anon_pages), journal)
        yield Devices(_file_store(replay, file_pages, journal) if file_pages else None)
    finally:
        take_down(journal)


def _file_store(replay: Path, pages: int, journal: Journal) -> Path:
    device = _zram(pages * PAGE_SIZE * 9 // 8 + FILE_SYSTEM_BYTES, journal)
    run("mkfs.ext4", "-q", "-b", str(PAGE_SIZE), "-O", "^has_journal", "-N", "64", str(device))
    write(Path("/sys/block") / device.name / "queue" / "read_ahead_kb", "0")
    mounted = _mount_point()
    mounted.mkdir(exist_ok=True)
    run("mount", "-o", "noatime", str(device), str(mounted))
    data = mounted / "data"
    run(str(replay), "--make-data", str(data), str(pages))
    return data


def _swap_on(pages: int, journal: Journal) -> None:
    device = _zram(pages * PAGE_SIZE, journal)
    run("mkswap", str(device))
    journal.set(Path("/proc/sys/vm/page-cluster"), "0")
    run("swapon", "-p", HIGHEST_PRIORITY, str(device))


def _zram(size: int, journal: Journal) -> Path:
    """A new zram device."""
    number = int(read(CONTROL / "hot_add"))
    journal.devices.append(number)
    journal.save()
    entry = Path(f"/sys/block/zram{number}")
    write(entry / "disksize", str(size))
    device = Path(f"/dev/zram{number}")
    if not device.exists():  # no udev
        major, minor = map(int, read(entry / "dev").split(":"))
        os.mknod(device, stat.S_IFBLK | 0o600, os.makedev(major, minor))
    return device


def allow_mappings(pages: int, journal: Journal) -> None:
    """Let a process map every page by itself, as mode mmap does."""
    limit = Path("/proc/sys/vm/max_map_count")
    if int(read(limit)) < pages + OTHER_MAPPINGS:
        journal.set(limit, str(pages + OTHER_MAPPINGS))


def take_down(journal: Journal) -> None:
    """Remove every device in the journal, and what is on it; what has gone already is no trouble."""
    mounted = _mount_point()
    if mounted.is_mount():
        run("umount", str(mounted))
    for number in list(journal.devices):
        device = Path(f"/dev/zram{number}")
        if any(line.startswith(f"{device} ") for line in read(Path("/proc/swaps")).splitlines()):
            run("swapoff", str(device))
        with contextlib.suppress(FidelityError):
            write(Path(f"/sys/block/zram{number}/reset"), "1")
            write(CONTROL / "hot_remove", str(number))
        journal.devices.remove(number)
        journal.save()


def _mount_point() -> Path:
    return FOLDER / "files"
