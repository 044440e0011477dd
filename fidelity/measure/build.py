"""The harness, compiled.

In: the C source in fidelity/harness. Out: a program in build/, made again when the source is newer.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from fidelity.errors import FidelityError

SOURCE = Path(__file__).resolve().parent.parent / "harness"
PROGRAM = SOURCE.parent.parent / "build" / "harness" / "replay"
FLAGS = ("-std=gnu11", "-O2", "-Wall", "-Wextra")


def compiler() -> str | None:
    """The C compiler: `$CC`, or the first of the usual ones there is."""
    return next((c for c in (os.environ.get("CC"), "cc", "gcc", "clang") if c and shutil.which(c)), None)


def build(program: Path = PROGRAM) -> Path:
    """The program, compiled if need be."""
    newest = max(file.stat().st_mtime for file in SOURCE.iterdir())
    if program.exists() and program.stat().st_mtime >= newest:
        return program
    found = compiler()
    if found is None:
        raise FidelityError("the harness is written in C, and there is no compiler: install gcc, or set CC")
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_suffix(f".{os.getpid()}")
    command = [found, *FLAGS, "-o", str(unfinished), *map(str, sorted(SOURCE.glob("*.c")))]
    compiled = subprocess.run(command, capture_output=True, text=True)
    if compiled.returncode != 0:
        raise FidelityError(f"the harness cannot be compiled: {' '.join(command)}\n{compiled.stderr}")
    unfinished.replace(program)
    return program
