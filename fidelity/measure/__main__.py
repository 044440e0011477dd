"""`python -m fidelity.measure`: replay traces on the kernel that this runs on, and write rows as kernels.csv has them.

Out: rows in the file named by `--out` and on standard output; what is going on on standard error. Exit status 2 if it
could not be run, with the reason. Everything that was set up is taken down, also after Ctrl-C; after a SIGKILL by the
next measurement, or by `--clean`."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import FrameType

import numpy as np

from fidelity.errors import FidelityError
from fidelity.events import words_of
from fidelity.kernels import COLUMNS, MODES, POLICIES, KernelRow, read_rows, write_rows
from fidelity.measure.build import build
from fidelity.measure.cgroup import find_hierarchy, prepare, remove
from fidelity.measure.devices import allow_mappings, devices, take_down
from fidelity.measure.policy import use_policy
from fidelity.measure.replay import Configuration, Setup, measure
from fidelity.measure.system import Journal, alone
from fidelity.traces import ANONYMOUS, MAKERS, Words
from runtime.cli.command import positive, status_of
from runtime.cli.output import check_writable
from runtime.cli.status import UsageError
from runtime.traces.opening import bundled_names

OUR_ACCESSES = 250_000
"""Of a trace of ours, unless said otherwise: as kernels.csv has most of them."""
FRESH_US = {"lru": 200, "mglru": 0}
"""Microseconds between readings of memory.stat, with which rows are comparable with a simulator: see kernels.csv."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: the process's)."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    return status_of("fidelity.measure", lambda: _run(arguments), FidelityError, UsageError, OSError)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fidelity.measure",
        description="Replay traces in a memory cgroup of this kernel, in all modes and with all limits given.",
        epilog=f"traces by name: {', '.join(MAKERS)}; or any that `rext` reads (`rext trace list`, a .rxt file, ...)",
    )
    parser.add_argument("--trace", nargs="+", metavar="T", help="what to replay")
    parser.add_argument("--mode", nargs="+", choices=MODES, help="how pages are accessed")
    parser.add_argument("--limit", nargs="+", type=positive, metavar="PAGES", help="resident pages at the peak")
    parser.add_argument("--accesses", type=positive, metavar="N", help="the first N accesses of each trace")
    parser.add_argument("--runs", type=positive, default=3, metavar="N", help="runs of each (default: 3)")
    parser.add_argument("--policy", choices=POLICIES, help="the kernel's algorithm (default: the one in use)")
    parser.add_argument(
        "--fresh",
        type=int,
        metavar="US",
        help="read memory.stat every US microseconds, which keeps the kernel's counters exact; 0: never"
        f" (default: {FRESH_US['lru']} for the LRU, {FRESH_US['mglru']} for MGLRU)",
    )
    parser.add_argument(
        "--flush-tlb",
        type=positive,
        default=0,
        metavar="N",
        help="empty the TLB every N accesses: what is in it looks unused to the kernel when it is not",
    )
    last = max(os.sched_getaffinity(0))
    parser.add_argument("--cpu", type=int, default=last, metavar="N", help=f"where to run (default: {last})")
    parser.add_argument("--out", type=Path, metavar="CSV", help="add the rows to this file")
    parser.add_argument("--build", action="store_true", help="compile the harness and do nothing else")
    parser.add_argument("--clean", action="store_true", help="remove what a killed measurement has left")
    return parser


def _run(arguments: argparse.Namespace) -> None:
    if arguments.build:
        print(build())
        return
    if os.geteuid() != 0:
        raise FidelityError("root makes memory cgroups and devices: run it with sudo")
    if not arguments.clean:
        _check(arguments)
    with alone():
        journal = Journal()
        _undo(journal)
        if not arguments.clean:
            try:
                _measure(arguments, journal)
            finally:
                _undo(journal)


def _check(arguments: argparse.Namespace) -> None:
    """Find out what is wrong with the arguments before anything is set up."""
    missing = [f"--{name}" for name in ("trace", "mode", "limit") if not getattr(arguments, name)]
    if missing:
        raise UsageError(f"nothing to measure without {', '.join(missing)}")
    if arguments.cpu not in os.sched_getaffinity(0):
        raise UsageError(f"--cpu {arguments.cpu}: there is no such CPU for this process")
    if arguments.fresh is not None and arguments.fresh < 0:
        raise UsageError(f"--fresh {arguments.fresh}: must not be negative")
    if arguments.out is not None:
        check_writable(str(arguments.out))
        if arguments.out.exists():
            read_rows(arguments.out)


def _undo(journal: Journal) -> None:
    """Take down and restore what the journal has."""
    take_down(journal)
    remove(find_hierarchy())
    journal.restore_settings()


@dataclass(frozen=True, slots=True)
class _Work:
    """A trace in a mode, with its words."""

    trace: str
    mode: str
    words: Words

    def pages(self, anonymous: bool) -> int:
        """How many pages of a kind it needs."""
        kind = self.words >= ANONYMOUS if self.mode == "mix" else np.full(len(self.words), self.mode == "anon")
        chosen = self.words[kind if anonymous else ~kind]
        return int(chosen.max() % ANONYMOUS) + 1 if len(chosen) else 0


def _measure(arguments: argparse.Namespace, journal: Journal) -> None:
    harness, hierarchy = build(), find_hierarchy()
    works = [_work(trace, mode, arguments.accesses) for trace, mode in product(arguments.trace, arguments.mode)]
    prepare(hierarchy, journal)
    policy = use_policy(arguments.policy, journal)
    fresh = FRESH_US[policy] if arguments.fresh is None else arguments.fresh
    file_pages, anon_pages = (max(work.pages(kind) for work in works) for kind in (False, True))
    if "mmap" in arguments.mode:
        allow_mappings(file_pages, journal)
    print(",".join(COLUMNS))
    with devices(harness, file_pages, anon_pages, journal) as made, tempfile.TemporaryDirectory() as folder:
        setup = Setup(harness, made.data, hierarchy, arguments.cpu, platform.release(), policy)
        for work, limit in product(works, arguments.limit):
            words = Path(folder) / "words"
            words.write_bytes(work.words.astype("<u4").tobytes())
            _tell(f"{policy} {work.mode} {work.trace}, {limit:,} pages, {len(work.words):,} accesses")
            wanted = Configuration(words, work.trace, work.mode, limit, arguments.runs, fresh, arguments.flush_tlb)
            _keep(measure(wanted, setup, _tell), arguments.out)


def _work(trace: str, mode: str, accesses: int | None) -> _Work:
    """Files are named in rows by their full paths, so that they are found again from anywhere."""
    if trace in MAKERS:
        return _Work(trace, mode, words_of(trace, accesses or OUR_ACCESSES, mode))
    is_file = trace not in bundled_names() and os.path.exists(trace)
    name = str(Path(trace).resolve()) if is_file else trace
    return _Work(name, mode, words_of(name, accesses, mode))


def _keep(row: KernelRow, out: Path | None) -> None:
    """Print the row, and add it to the file."""
    print(",".join(str(getattr(row, name)) for name in COLUMNS), flush=True)
    if out is not None:
        write_rows(out, [*(read_rows(out) if out.exists() else ()), row])


def _tell(text: str) -> None:
    print(f"fidelity.measure: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
