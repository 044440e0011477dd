"""`rext test`: run files whose lines say how they must be rejected.

In: files and directories of `.rx` files (`runtime/expect.py` describes them). Out: each mismatch with its file and
line, and a summary; status 1 if there is any.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runtime.cli import status
from runtime.cli.output import emit, emit_json, printable_line
from runtime.cli.parser import add_output_options
from runtime.cli.status import UsageError
from runtime.expect import ChunkResult, check_file

EXAMPLE = "rext test tests/reject"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a file, or a directory searched for .rx files")
    add_output_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    files = _files(arguments.paths)
    results = [result for file in files for result in check_file(file)]
    failed = sum(not result.passed for result in results)
    if arguments.format == "json":
        emit_json(_data(len(files), results))
    else:
        emit(_text(len(files), results))
    return status.REJECTED if failed else status.SUCCESS


def _files(paths: Sequence[str]) -> list[Path]:
    found: dict[Path, None] = {}
    for name in paths:
        path = Path(name)
        if path.is_dir():
            inside = sorted(path.rglob("*.rx"))
            if not inside:
                raise UsageError(f"{name}: no .rx file in this directory")
            found |= dict.fromkeys(inside)
        elif path.exists():
            found[path] = None
        else:
            raise UsageError(f"{name}: no such file or directory")
    return list(found)


def _data(files: int, results: Sequence[ChunkResult]) -> dict[str, Any]:
    programs = [
        {
            "file": result.file,
            "line": result.line,
            "name": result.name,
            "passed": result.passed,
            "mismatches": [{"line": m.line, "message": m.message} for m in result.mismatches],
        }
        for result in results
    ]
    failed = sum(not result.passed for result in results)
    return {"files": files, "passed": len(results) - failed, "failed": failed, "programs": programs}


def _text(files: int, results: Sequence[ChunkResult]) -> str:
    lines = [
        printable_line(f"{result.file}:{mismatch.line}: {mismatch.message}")
        for result in results
        for mismatch in result.mismatches
    ]
    failed = sum(not result.passed for result in results)
    programs = f"{len(results):,} program{'' if len(results) == 1 else 's'}"
    places = f"{files:,} file{'' if files == 1 else 's'}"
    lines.append(f"{programs} in {places}: {len(results) - failed:,} passed, {failed:,} failed")
    return "\n".join(lines)
