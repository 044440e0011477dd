"""What was measured on real kernels.

In: a CSV file, ours (kernels.csv) or one that `python -m fidelity.measure` wrote. Out: `KernelRow`s, checked, and
those of them that a filter names. A row is the mean of `runs` replays of one trace with one memory limit."""

from __future__ import annotations

import csv
import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsl.nearest import nearest
from fidelity.errors import FidelityError

MEASURED = Path(__file__).with_name("kernels.csv")
"""The measurements that come with the project."""

POLICIES = ("lru", "mglru")
MODES = ("pread", "mmap", "anon", "mix")
"""How a trace was replayed, as far as it can be simulated: by read calls, through a mapping with a VMA for each page,
on anonymous memory with swap, anonymous pages and read calls mixed."""
OTHER_MODES = ("mmapfa", "mmaprand")
"""Measured, but not simulated: a mapping with fault-around, and with random advice."""

COMPARED_VARIANT = {"lru": "fresh200", "mglru": "natural"}
"""The variant of our measurements that a simulator with exact counters is to be compared with."""


@dataclass(frozen=True, slots=True)
class KernelRow:
    """One configuration: the columns of the file, in its order. `variant` says how often the counters of the memcg were
    brought up to date from outside: every 200 µs (`fresh200`), every 1 to 5 ms (`fresh`), never (`natural`)."""

    kernel: str
    policy: str
    variant: str
    mode: str
    trace: str
    limit_pages: int
    accesses: int
    runs: int
    hit_ratio_mean: float
    hit_ratio_min: float
    hit_ratio_max: float
    hit_ratio_2nd_half: float
    refaults: int
    activations: int
    pgscan: int
    pgsteal: int
    hits_anon: int
    accesses_anon: int
    resident_mean: int
    resident_min: int
    resident_max: int

    def __post_init__(self) -> None:
        for name, allowed in (("policy", POLICIES), ("mode", (*MODES, *OTHER_MODES))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} `{getattr(self, name)}` is not one of {', '.join(allowed)}")
        for name in ("limit_pages", "accesses", "runs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.hit_ratio_mean <= 1:
            raise ValueError(f"hit_ratio_mean must lie between 0 and 1, not at {self.hit_ratio_mean}")
        self.release  # noqa: B018 — raises

    @property
    def release(self) -> tuple[int, int]:
        """Major and minor number of the kernel: (6, 18)."""
        match = re.match(r"(\d+)\.(\d+)", self.kernel)
        if match is None:
            raise ValueError(f"kernel `{self.kernel}` does not begin with a version such as 6.18")
        return int(match[1]), int(match[2])

    @property
    def name(self) -> str:
        return f"{self.kernel} {self.policy} {self.mode} {self.trace} {self.limit_pages:,}p {self.accesses:,}"


COLUMNS = tuple(field.name for field in dataclasses.fields(KernelRow))
_NUMBERS = {field.name: field.type for field in dataclasses.fields(KernelRow) if field.type in ("int", "float")}


def read_rows(path: Path) -> list[KernelRow]:
    """The rows of a file. `FidelityError` names the line and the column that make no sense."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise FidelityError(f"{path}: has no column {', '.join(missing)}; the columns are {','.join(COLUMNS)}")
            return [_row(path, reader.line_num, values) for values in reader]
    except OSError as error:
        raise FidelityError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise FidelityError(f"{path}: is not a CSV file: {error}") from None


def _row(path: Path, line: int, values: Mapping[str, str | None]) -> KernelRow:
    converted: dict[str, object] = {}
    for name in COLUMNS:
        text = values[name]
        if text is None:
            raise FidelityError(f"{path}:{line}: the line ends before the column {name}")
        converted[name] = _number(text, name, f"{path}:{line}") if name in _NUMBERS else text
    try:
        return KernelRow(**converted)  # type: ignore[arg-type]
    except ValueError as error:
        raise FidelityError(f"{path}:{line}: {error}") from None


def _number(text: str, name: str, place: str) -> int | float:
    try:
        number = int(text) if _NUMBERS[name] == "int" else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise FidelityError(f"{place}: {name} `{text}` is not a number")
    return number


def write_rows(path: Path, rows: Iterable[KernelRow]) -> None:
    """Write a file that `read_rows` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows:
            values = (getattr(row, name) for name in COLUMNS)
            writer.writerow(f"{value:.5f}" if isinstance(value, float) else value for value in values)


def compared_rows(rows: Sequence[KernelRow]) -> list[KernelRow]:
    """Those of our measurements that a simulator with exact counters is to be compared with, and can be: the LRU first,
    newer kernels before older ones."""
    chosen = [row for row in rows if row.variant == COMPARED_VARIANT[row.policy] and row.mode in MODES]
    return sorted(chosen, key=lambda row: (row.policy, *(-number for number in row.release)))


def chosen_rows(rows: Sequence[KernelRow], filters: Sequence[str]) -> list[KernelRow]:
    """The rows that any of the filters names; all of them without a filter. A filter is `column=value,column=value`,
    with `a|b` for either; `kernel=6.18` means every 6.18."""
    if not filters:
        return list(rows)
    tests = [_conditions(text) for text in filters]
    found = [row for row in rows if any(_fits(row, test) for test in tests)]
    if not found:
        raise FidelityError(f"no row has {' or '.join(filters)}; there are {_values(rows)}")
    return found


def _conditions(text: str) -> dict[str, list[str]]:
    conditions = {}
    for part in text.split(","):
        name, equals, values = part.partition("=")
        if not equals or name not in COLUMNS:
            close = nearest(name, COLUMNS)
            help = f"did you mean `{close}`?" if close and close != name else "write policy=mglru,mode=pread|mmap"
            raise FidelityError(f"--rows {text}: `{part}` names no rows ({help})")
        conditions[name] = values.split("|")
    return conditions


def _fits(row: KernelRow, conditions: Mapping[str, Sequence[str]]) -> bool:
    for name, values in conditions.items():
        actual = str(getattr(row, name))
        if actual not in values and not (name == "kernel" and any(actual.startswith(f"{v}.") for v in values)):
            return False
    return True


def _values(rows: Sequence[KernelRow]) -> str:
    """What there is to choose from."""
    parts = []
    for name in ("kernel", "policy", "mode", "trace", "limit_pages", "accesses"):
        parts.append(f"{name}={'|'.join(dict.fromkeys(str(getattr(row, name)) for row in rows))}")
    return ", ".join(parts)
