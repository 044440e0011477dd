"""`python -m benchmarks.costs`: what the kernel's memory operations cost on this machine.

Compiles `costs.c` with the C compiler at hand, runs it, and prints each figure beside the one the cost model has with
its source (`runtime/cost_sources.py`). As root it empties a memory cgroup of its own to time reclaim, and with `--zram`
makes a zram device for the time of the run; it changes nothing else. `--settings` prints what to give to `--costs`;
`--document` measures nothing and brings the table of docs/costs.md up to date.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.errors import BenchmarkError
from runtime.cost_sources import SOURCES
from runtime.costs import DEVICES, Costs

SOURCE = Path(__file__).with_name("costs.c")
DOCUMENT = SOURCE.parent.parent / "docs" / "costs.md"
TABLE_BEGIN, TABLE_END = "<!-- costs -->", "<!-- end of costs -->"
ZRAM_CONTROL = Path("/sys/class/zram-control")
ZRAM_SIZE = "64M"
SYSTEM_CALL = 500
"""Nanoseconds of a system call that the times of zram contain, and the kernel's own swapping does not."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: the process's)."""
    arguments = _parser().parse_args(argv)
    if arguments.document:
        DOCUMENT.write_text(documented(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="rext-costs-") as folder, _zram(arguments.zram) as device:
            measured = measure(Path(folder), arguments.directory or folder, arguments.rounds, arguments.pages, device)
    except (BenchmarkError, OSError) as error:
        print(f"benchmarks.costs: error: {error}", file=sys.stderr)
        return 2
    found = derived(measured)
    if arguments.settings:
        print(",".join(f"{name}={value}" for name, value in found.items()))
    else:
        sys.stdout.write(report(measured, found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.costs", description="Measure the costs of the clock.")
    parser.add_argument("--rounds", type=int, default=15, metavar="N", help="rounds; the least of each figure counts")
    parser.add_argument(
        "--pages", type=int, default=16_384, metavar="N", help="pages in a round (default: %(default)s)"
    )
    parser.add_argument("--directory", metavar="DIR", help="on the disk to read from (default: the temporary one)")
    parser.add_argument("--zram", action="store_true", help="make a zram device for the time of the run (root)")
    parser.add_argument("--settings", action="store_true", help="print only what to give to --costs")
    parser.add_argument("--document", action="store_true", help="write the table of docs/costs.md instead")
    return parser


# --- measuring --------------------------------------------------------------------------------------------


def measure(folder: Path, directory: str, rounds: int, pages: int, zram: str = "") -> dict[str, float]:
    """Nanoseconds by the names `costs.c` gives them; what cannot be measured here is left out."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise BenchmarkError("a C compiler is needed: cc, gcc or clang")
    program = folder / "costs"
    _done([compiler, "-O2", "-o", str(program), str(SOURCE)])
    out = _done([str(program), directory, str(rounds), str(pages), *([zram] if zram else [])])
    return parsed(out)


def _done(command: Sequence[str]) -> str:
    """What a command prints; `BenchmarkError` if it fails."""
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise BenchmarkError(f"{command[0]} failed: {ran.stderr.strip() or ran.returncode}")
    return ran.stdout


def parsed(out: str) -> dict[str, float]:
    """The lines of `costs.c` that have a figure."""
    words = [line.split(maxsplit=1) for line in out.splitlines()]
    return {name: float(rest) for name, rest in words if not rest.startswith("-")}


@contextlib.contextmanager
def _zram(wanted: bool) -> Iterator[str]:
    """The path of a zram device of our own; none unless wanted."""
    if not wanted:
        yield ""
        return
    number = (ZRAM_CONTROL / "hot_add").read_text().strip()
    block = Path(f"/sys/block/zram{number}")
    try:
        (block / "disksize").write_text(ZRAM_SIZE)
        yield f"/dev/zram{number}"
    finally:
        (block / "reset").write_text("1")
        (ZRAM_CONTROL / "hot_remove").write_text(number)


# --- from what was measured to the costs of the model -----------------------------------------------------


def derived(measured: Mapping[str, float]) -> dict[str, int]:
    """The costs that follow from the figures there are; how is in `runtime/cost_sources.py`."""
    walks = _less(measured, "reclaim_mapped", "reclaim_unmapped")
    half = None if walks is None else walks / 2
    found = {
        "access": measured.get("memory_access"),
        "syscall": _less(measured, "read_hit", "memory_access"),
        "minor_fault": measured.get("anon_fault"),
        "major_fault": measured.get("file_fault"),
        "scan": _less(measured, "reclaim_unmapped", "drop"),
        "rmap": half,
        "unmap": half,
        "pte": measured.get("pte"),
        "free": measured.get("drop"),
        "insert": _less(measured, "read_miss", "read_hit"),
        "young": measured.get("young"),
        "zram.read": _without_call(measured.get("zram_read")),
        "zram.write": _without_call(measured.get("zram_write")),
    }
    return {name: max(round(value), 1) for name, value in found.items() if value is not None}


def _less(measured: Mapping[str, float], whole: str, part: str) -> float | None:
    """What of one figure is left without another; None if either is missing."""
    return measured[whole] - measured[part] if whole in measured and part in measured else None


def _without_call(value: float | None) -> float | None:
    return None if value is None else value - SYSTEM_CALL


# --- the report -------------------------------------------------------------------------------------------


def defaults() -> dict[str, int]:
    """The figures of the cost model, devices included."""
    times: dict[str, int] = {}
    for name, device in DEVICES.items():
        times |= {f"{name}.read": device.read_ns, f"{name}.write": device.write_ns}
    return dict(Costs().items()) | times


def report(measured: Mapping[str, float], found: Mapping[str, int]) -> str:
    """Every cost with the model's figure and this machine's, then what was measured."""
    lines = [f"{'cost':<14}{'model':>12}{'here':>10}  what it covers"]
    for name, value in defaults().items():
        here = f"{found[name]:,}" if name in found else "-"
        lines.append(f"{name:<14}{value:>12,}{here:>10}  {SOURCES[name].covers}")
    lines += ["", "measured, nanoseconds each:"]
    lines += [f"  {name:<18}{value:>10,.1f}" for name, value in measured.items()]
    return "\n".join(lines) + "\n"


def documented(text: str) -> str:
    """The document with the table of the costs as they are."""
    before, _, rest = text.partition(TABLE_BEGIN)
    _, _, after = rest.partition(TABLE_END)
    lines = ["| cost | ns | what it covers | kind | source |", "|---|---:|---|---|---|"]
    for name, value in defaults().items():
        source = SOURCES[name]
        lines.append(f"| `{name}` | {value:,} | {source.covers} | {source.kind} | {source.source} |")
    return before + TABLE_BEGIN + "\n" + "\n".join(lines) + "\n" + TABLE_END + after


if __name__ == "__main__":
    sys.exit(main())
