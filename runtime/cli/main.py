"""`rext`: from the command line to an exit status.

In: the arguments. Out: the exit status (`runtime/cli/status.py`). Bad input gives one line on standard error and
nothing else; an unexpected exception is a defect, and says so without a traceback unless `REXT_TRACEBACK` is set.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from runtime.cli import status
from runtime.cli.output import printable_line, use_color
from runtime.cli.parser import command_module, parse


def main(argv: Sequence[str] | None = None) -> int:
    """Run `rext` with these arguments (default: the process's)."""
    try:
        result = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        return status.SUCCESS
    except KeyboardInterrupt:
        print("rext: interrupted", file=sys.stderr)
        return status.INTERRUPTED
    return result


def _run(argv: Sequence[str]) -> int:
    color = "auto"
    try:
        arguments = parse(list(argv))
        color = arguments.color
        result: int = command_module(arguments.command).execute(arguments)
        return result
    except SystemExit as ended:  # argparse: help, version, usage
        return ended.code if isinstance(ended.code, int) else status.BAD_INPUT
    except BrokenPipeError:
        raise
    except Exception as error:
        return _failed(error, color)


def _failed(error: Exception, color: str) -> int:
    if status.is_named(error, status.REJECTION):
        from dsl.render import render_text

        rejected: Any = error  # a class whose module is not imported where nothing is run
        sys.stderr.write(render_text(rejected.diagnostics, rejected.source, use_color(color, sys.stderr)))
        return status.REJECTED
    if status.is_bad_input(error):
        return _say(f"error: {error}", status.BAD_INPUT)
    if isinstance(error, MemoryError):
        return _say("error: this machine has not enough memory for that", status.BAD_INPUT)
    if os.environ.get("REXT_TRACEBACK"):
        traceback.print_exc()
    where = "" if os.environ.get("REXT_TRACEBACK") else "; REXT_TRACEBACK=1 in the environment shows where"
    return _say(
        f"internal error: {type(error).__name__}: {error}. This is a defect of rext: please report it{where}",
        status.DEFECT,
    )


def _say(message: str, result: int) -> int:
    print(f"rext: {printable_line(message)}", file=sys.stderr)
    return result


def _discard_output() -> None:
    """Whoever read the output has closed it: nothing more can be written, and nobody minds."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


if __name__ == "__main__":
    sys.exit(main())
