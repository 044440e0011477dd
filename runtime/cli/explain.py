"""`rext explain`: the page of a diagnostic code.

In: a code. Out: its page; without one, all codes with a line on each.
"""

from __future__ import annotations

import argparse

from dsl.codes import CODES, page
from dsl.nearest import nearest
from runtime.cli import status
from runtime.cli.output import emit, emit_json, in_columns
from runtime.cli.parser import add_output_options
from runtime.cli.status import UsageError

EXAMPLE = "rext explain folio-maybe-null"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", help="as in `error[CODE]`; without it all codes are listed")
    add_output_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    if arguments.code is None:
        _list(arguments.format)
        return status.SUCCESS
    code = arguments.code.removeprefix("error[").removesuffix("]")
    if code not in CODES:
        meant = nearest(code, CODES)
        help = f"did you mean `{meant}`?" if meant else "`rext explain` lists all codes"
        raise UsageError(f"unknown code `{code}`; {help}")
    if arguments.format == "json":
        known = CODES[code]
        emit_json({"code": code, "stage": known.stage, "summary": known.summary, "page": page(code)})
    else:
        emit(page(code))
    return status.SUCCESS


def _list(format: str) -> None:
    if format == "json":
        emit_json({"codes": [{"code": c.code, "stage": c.stage, "summary": c.summary} for c in CODES.values()]})
        return
    emit("\n".join(in_columns([(c.code, c.summary) for c in CODES.values()], indent="")))
