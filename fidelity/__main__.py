"""`python -m fidelity`: compare the simulator with real kernels, print, and write docs/fidelity.md if asked to.

Out: results on standard output, what is going on on standard error. Exit status 0 whatever the differences are: it
informs, it does not judge; 2 if it could not be run.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fidelity import report
from fidelity.compare import Compared, compare_rows
from fidelity.errors import FidelityError
from fidelity.kernels import MEASURED, chosen_rows, compared_rows, read_rows
from runtime.cli.command import positive, status_of
from runtime.cli.output import check_writable
from runtime.cli.status import UsageError
from runtime.host import environment

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "fidelity.md"


def main(argv: Sequence[str] | None = None) -> int:
    """Run with these arguments (default: the process's)."""
    arguments = _parser().parse_args(argv)
    return status_of("fidelity", lambda: _run(arguments), FidelityError, UsageError, OSError)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fidelity",
        description="Replay what was measured on real kernels in the simulator, and print the differences.",
    )
    parser.add_argument(
        "--rows",
        action="append",
        default=[],
        metavar="FILTER",
        help="only rows with these values: policy=mglru,kernel=6.18,mode=pread|mmap; may be repeated, for more rows",
    )
    parser.add_argument(
        "--kernels",
        type=Path,
        metavar="CSV",
        help="compare with these measurements, such as those of `python -m fidelity.measure --out CSV`",
    )
    parser.add_argument("--jobs", type=positive, default=os.cpu_count() or 1, metavar="N", help="simulations at a time")
    parser.add_argument(
        "--format", choices=("text", "json", "csv"), default="text", help="how to print (default: text)"
    )
    parser.add_argument(
        "--write",
        nargs="?",
        type=Path,
        const=DOCUMENT,
        metavar="FILE",
        help="also write the whole comparison as Markdown, and its plot beside it (default: docs/fidelity.md)",
    )
    return parser


def _run(arguments: argparse.Namespace) -> None:
    if arguments.write is not None:
        check_writable(str(arguments.write))
    rows = compared_rows(read_rows(MEASURED)) if arguments.kernels is None else read_rows(arguments.kernels)
    rows = chosen_rows(rows, arguments.rows)
    if not rows:
        raise FidelityError(f"{arguments.kernels or MEASURED}: holds no rows")
    compared = compare_rows(rows, arguments.jobs, _tell)
    if arguments.write is not None:
        from fidelity.document import write_document

        write_document(arguments.write, compared, _tell)
        print(f"fidelity: {arguments.write.name} written", file=sys.stderr)
    sys.stdout.write(_printed(compared, arguments.format))


def _printed(compared: Sequence[Compared], format: str) -> str:
    if format == "json":
        return report.as_json(compared, environment())
    return report.as_csv(compared) if format == "csv" else report.text(compared)


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"fidelity: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
