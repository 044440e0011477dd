"""`python -m benchmarks.gallery`: every program on the bundled traces, as docs/gallery.md shows it.

In: the programs, the bundled traces, some sizes of memory. Out: the tables on standard output, or, with `--write`, the
document and a picture for each program in docs/gallery/. Nothing in them depends on the machine or on the time: the
same version writes the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.approximations import arithmetic, sampling
from benchmarks.gallery_document import markdown
from benchmarks.gallery_facts import RIVALS, Facts, Models
from benchmarks.gallery_plot import draw
from benchmarks.gallery_programs import grouped
from runtime.cli.command import positive
from runtime.comparison import compare
from runtime.program import OPT, program_names

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "gallery.md"
TRACES = ("mem_gcc", "mem_rg", "mem_sqlite")
SHARES = ("10%", "20%", "30%", "40%", "60%")
QUICK_SHARES = ("10%", "40%")
QUICK_LIMIT = 200_000
"""Accesses of each trace."""


def measure(programs: Sequence[str], quick: bool, jobs: int) -> Models:
    """Run everything in both models."""
    shares = QUICK_SHARES if quick else SHARES
    models = {}
    for model in ("ideal", "kernel"):
        _tell(f"{len(programs)} programs, {model} model")
        found = compare(
            [*RIVALS, OPT, *programs],
            TRACES,
            memory=",".join(shares),
            model=model,
            jobs=jobs,
            limit=QUICK_LIMIT if quick else None,
        )
        models[model] = Facts(found.rows, shares)
    return models


def write(document: Path, models: Models, extra: Sequence[str]) -> None:
    """The document, and its pictures beside it; pictures of programs that are gone are removed."""
    pictures = document.parent / "gallery"
    pictures.mkdir(exist_ok=True)
    programs = models["ideal"].programs
    for old in pictures.glob("*.svg"):
        if old.stem not in programs:
            old.unlink()
    for name in programs:
        (pictures / f"{name}.svg").write_text(draw(name, models), encoding="utf-8", newline="\n")
    document.write_text(markdown(models, extra), encoding="utf-8", newline="\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, then print or write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description="Run all programs.")
    parser.add_argument("--quick", action="store_true", help="short traces, two sizes: to see that everything works")
    parser.add_argument("--jobs", type=positive, default=2, metavar="N", help="simulations at a time (default: 2)")
    parser.add_argument(
        "--write", nargs="?", type=Path, const=DOCUMENT, metavar="FILE", help="write it (default: docs/gallery.md)"
    )
    arguments = parser.parse_args(argv)
    models = measure(
        [name for group in grouped(program_names()).values() for name in group], arguments.quick, arguments.jobs
    )
    extra = [sampling(TRACES, arguments.quick, arguments.jobs), arithmetic(TRACES, arguments.quick)]
    if arguments.write is None:
        sys.stdout.write(markdown(models, extra))
    else:
        write(arguments.write, models, extra)
        _tell(f"{arguments.write} written")
    return 0


def _tell(text: str) -> None:
    print(f"benchmarks.gallery: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
