"""The settings of a run, checked.

In: values as a user gives them, text included. Out: `RunSettings`, every field of its type and within its range, or a
`SettingsError` that names the setting. A setting that depends on the memory (`watermarks`) is worked out by `machine`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from dsl import abi
from runtime.costs import NVME, ZRAM, Costs, parse_costs, split_settings
from runtime.machine import TICK_NS, Machine, SwapDevice
from runtime.memory_size import MemorySize, parse_memory_size
from runtime.samples import every
from runtime.scenario.fields import Duration
from runtime.switches import check_switch

_COUNT = re.compile(r"(\d+)([KMG]?)", re.ASCII)
_SUFFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}
_WATERMARK = re.compile(r"\d{1,12}p?|\d{1,3}(?:\.\d{1,6})?%", re.ASCII)


class SettingsError(Exception):
    """A setting out of its range or of another kind: the message names it."""


def _count(value: object) -> object:
    """A whole number that may end in K, M or G, for a thousand, a million and a thousand million."""
    match = _COUNT.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if match is None else int(match[1]) * _SUFFIXES[match[2]]


def _sizes(value: object) -> object:
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list | tuple):
        return value
    return tuple(parse_memory_size(part) if isinstance(part, str) else part for part in value)


def _watermarks(value: object) -> object:
    parts = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or len(parts) != 3:
        raise ValueError("must be three: MIN,LOW,HIGH")
    if not all(_WATERMARK.fullmatch(str(part)) for part in parts):
        raise ValueError("must be numbers of free pages, or shares of memory: 16,32,64 or 1%,2%,3%")
    return tuple(str(part).removesuffix("p") for part in parts)


def _costs(value: object) -> object:
    return parse_costs(value) if isinstance(value, str) else value


MOST_SAMPLES = 1_000_000

Count = Annotated[int, BeforeValidator(_count)]


class RunSettings(BaseModel):
    """What policies run on."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    model: Literal["kernel", "ideal"] = "kernel"
    """`kernel`: the reclaim path as in the kernel; `ideal`: exact capacity, as textbooks have it."""
    memory: Annotated[tuple[MemorySize, ...], BeforeValidator(_sizes), Field(min_length=1)]
    """The sizes to run with."""
    swappiness: Annotated[Count, Field(ge=0, le=200)] = 60
    """The share of anonymous memory in reclaim: 0 none, 100 even, 200 all."""
    watermarks: Annotated[tuple[str, str, str], BeforeValidator(_watermarks)] = ("0", "0", "0")
    """Free pages, or shares of memory: min, low, high."""
    scan_batch: Annotated[Count, Field(ge=1, le=abi.MAX_SCAN)] = 32
    """Folios that one call of `evict_folios` may look at, in the ideal model."""
    seed: Annotated[Count, Field(ge=0, lt=1 << 63)] = 0
    """What the random numbers of policies begin with."""
    jobs: Annotated[Count, Field(ge=1, le=1024)] = 1
    """Simulations that run at a time."""
    effort: Annotated[Count, Field(ge=1, le=1 << 20)] = 8
    """How many times the resident folios a policy may look at in one reclaim before it is ejected."""
    tick: Annotated[Duration, Field(gt=0)] = TICK_NS
    """Simulated time from one call of the hook `tick` to the next, in nanoseconds."""
    switch: tuple[Annotated[str, AfterValidator(check_switch)], ...] = ()
    """Policies that are attached during the run: `ACCESS:POLICY`."""
    limit: Annotated[Count, Field(ge=1)] | None = None
    """How many accesses of each trace are used."""
    costs: Annotated[dict[str, int], BeforeValidator(_costs)] = Field(default_factory=dict)
    """Nanoseconds that differ from the defaults of the cost model: `scan=80,nvme.read=70000`."""
    samples: Annotated[Count, Field(ge=1, le=MOST_SAMPLES)] | None = None
    """How many samples are taken in a run."""
    sample_every: Annotated[Count, Field(ge=1)] | None = None
    """Or: accesses between two samples."""

    @model_validator(mode="after")
    def _one_way_to_sample(self) -> RunSettings:
        if self.samples is not None and self.sample_every is not None:
            raise ValueError("samples and sample-every: give one of them")
        return self

    def machine(self, nr_pages: int) -> Machine:
        """The machine of one size of memory."""
        of_kernel, of_devices = split_settings(self.costs)
        return Machine(
            nr_pages=nr_pages,
            ideal=self.model == "ideal",
            swappiness=self.swappiness,
            watermarks=self._watermark_pages(nr_pages),
            scan_batch=self.scan_batch,
            seed=self.seed,
            effort=self.effort,
            tick_ns=self.tick,
            costs=Costs().with_settings(of_kernel),
            files=NVME.with_settings(of_devices),
            swap=(SwapDevice(ZRAM.with_settings(of_devices)),),
        )

    def sampling(self, accesses: int) -> int:
        """Accesses between two samples of a trace of so many; 0: none are taken."""
        count = accesses // (self.sample_every or max(accesses, 1))
        if count > MOST_SAMPLES:
            raise SettingsError(
                f"sample-every {self.sample_every}: makes {count:,} samples; the most is {MOST_SAMPLES:,}"
            )
        return every(self.samples, self.sample_every, accesses)

    def _watermark_pages(self, nr_pages: int) -> tuple[int, int, int]:
        low, middle, high = (
            int(float(part[:-1]) * nr_pages / 100) if part.endswith("%") else int(part) for part in self.watermarks
        )
        written = f"watermarks {','.join(self.watermarks)}"
        if not low <= middle <= high:
            raise SettingsError(f"{written}: must not decrease from min over low to high")
        if high >= nr_pages:
            raise SettingsError(f"{written}: high must be less than the memory, which has {nr_pages:,} pages")
        return low, middle, high


def run_settings(given: dict[str, Any]) -> RunSettings:
    """The settings of these values; what is left out, or None, has its default."""
    try:
        return RunSettings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        if not first["loc"]:
            raise SettingsError(_in_words(first["msg"])) from None
        raise SettingsError(f"{_place(first['loc'], given)}: {_in_words(first['msg'])}") from None


def _place(place: Sequence[int | str], given: dict[str, Any]) -> str:
    """The setting that is wrong, as it was given; of several the one that is."""
    name = str(place[0])
    shown = name.replace("_", "-")
    if name not in given:
        return shown
    if len(place) > 1 and isinstance(place[1], int) and isinstance(given[name], list | tuple):
        return f"{shown} `{given[name][place[1]]}`"
    return f"{shown} {given[name]}"


def _in_words(message: str) -> str:
    for start, better in (("Input should be ", "must be "), ("Value error, ", ""), ("Extra inputs", "such settings")):
        if message.startswith(start):
            message = better + message[len(start) :]
    return message.split(", unable to parse")[0]
