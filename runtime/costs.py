"""What things cost, in nanoseconds: the figures of the virtual clock.

In: nothing, or settings as a user writes them. Out: `Costs`, per operation of the kernel, and `Device`s. Where each
figure is from says `runtime/cost_sources.py`. Any of them can be set: `scan=80,nvme.read=70000`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from dsl.nearest import nearest

MOST_NS = 10**9
"""A second: the sums of a thousand million accesses still fit into 64 bits."""


class CostsError(ValueError):
    """A cost that is not known, or not a number in range: the message names it."""


@dataclass(frozen=True, slots=True)
class Costs:
    """CPU time of one operation, where the kernel spends it; `runtime/cost_sources.py` says what each covers."""

    access: int = 100
    syscall: int = 1_100
    minor_fault: int = 1_600
    major_fault: int = 3_800
    scan: int = 200
    rmap: int = 330
    unmap: int = 330
    rotate: int = 100
    pte: int = 1
    reclaim: int = 1_000
    free: int = 650
    migrate: int = 2_600
    insert: int = 1_200
    io: int = 2_500
    young: int = 165

    def __post_init__(self) -> None:
        for name, value in self.items():
            if not 0 <= value <= MOST_NS:
                raise CostsError(f"cost `{name}`: {value:,} is out of range 0..={MOST_NS:,} nanoseconds")

    def items(self) -> list[tuple[str, int]]:
        """Names and values, in the order that the core numbers them in (`COST_` of the layout)."""
        return [(each.name, int(getattr(self, each.name))) for each in fields(self)]

    def with_settings(self, settings: Mapping[str, int]) -> Costs:
        """These costs, some of them changed. `CostsError` for a name there is none of."""
        known = dict(self.items())
        for name in settings:
            if name not in known:
                raise CostsError(f"there is no cost `{name}` ({_meant(name, known)})")
        return replace(self, **settings)


@dataclass(frozen=True, slots=True)
class Device:
    """A device: what reading and writing a page takes it, how many requests it serves at a time (at most 16), and
    whether it is synchronous: the CPU does the work (zram)."""

    name: str
    read_ns: int
    write_ns: int
    queues: int = 1
    synchronous: bool = False

    def with_settings(self, settings: Mapping[str, int]) -> Device:
        """This device, with `read` or `write` changed where `settings` have them under its name: `nvme.read`."""
        read = settings.get(f"{self.name}.read", self.read_ns)
        write = settings.get(f"{self.name}.write", self.write_ns)
        return replace(self, read_ns=read, write_ns=write)


ZRAM = Device("zram", 2_000, 4_500, 1, True)
NVME = Device("nvme", 85_000, 50_000, 16)
DISK = Device("disk", 12_400_000, 12_400_000)
DEVICES = {device.name: device for device in (ZRAM, NVME, DISK)}
DEVICE_SETTINGS = tuple(f"{name}.{what}" for name in DEVICES for what in ("read", "write"))


def parse_costs(text: str) -> dict[str, int]:
    """`NAME=NS,NAME=NS` as settings. Names: those of `Costs` and of devices: `nvme.read`. Raises `CostsError`."""
    known = [*dict(Costs().items()), *DEVICE_SETTINGS]
    found: dict[str, int] = {}
    for part in text.split(","):
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not sign:
            raise CostsError(f"`{name}` sets nothing: write NAME=NANOSECONDS")
        if name not in known:
            raise CostsError(f"there is no cost `{name}` ({_meant(name, known)})")
        if name in found:
            raise CostsError(f"cost `{name}` is set twice")
        number = value.replace("_", "")
        if not number.isdecimal() or not number.isascii() or int(number[:20]) > MOST_NS:
            raise CostsError(f"cost `{name}`: `{value}` is not a whole number of nanoseconds in 0..={MOST_NS}")
        found[name] = int(number)
    return found


def split_settings(settings: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Settings of `Costs`, and those of devices."""
    of_devices = {name: value for name, value in settings.items() if name in DEVICE_SETTINGS}
    return {name: value for name, value in settings.items() if name not in of_devices}, of_devices


def _meant(name: str, known: Mapping[str, int] | list[str]) -> str:
    close = nearest(name, list(known))
    return f"did you mean `{close}`?" if close else f"there are {', '.join(known)}"
