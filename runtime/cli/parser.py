"""The argument parser.

In: the arguments. Out: an `argparse` parser whose errors are one line and, where a name was mistyped, offer the
nearest one. A command's module is imported only when the command is asked for: `rext check` must start at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NoReturn

from runtime.cli.output import COLOR_CHOICES, printable_line
from runtime.cli.status import BAD_INPUT
from runtime.version import VERSION

COMMANDS = {
    "new": "begin a policy: write one to be changed, and expectations to test it with",
    "check": "verify policies and explain what is wrong with them",
    "explain": "the page for a diagnostic code",
    "test": "run files with expectations on their lines",
    "build": "show any stage of the compilation, or save a policy object",
    "run": "run one policy on one trace and report all counters",
    "compare": "run policies on traces at several memory sizes and compare them",
    "trace": "list, describe, convert and make traces",
    "list": "list policies, hooks, kfuncs and maps",
}

EPILOG = """\
exit status:
  0  success
  1  a policy was rejected, or ejected because it made no progress; memory ran out; or a test failed
  2  bad input or usage
  3  a defect of rext
  130  interrupted by Ctrl-C; what there was so far has been printed

example:
  rext compare builtin:lru s3fifo opt --trace mem_gcc --memory 5%,10%,20%
"""


class Parser(argparse.ArgumentParser):
    """A parser that reports an error in one line."""

    def error(self, message: str) -> NoReturn:
        unknown = message.removeprefix("unrecognized arguments: ").split()
        if message.startswith("unrecognized arguments: ") and unknown[0].startswith("--"):
            option = unknown[0].partition("=")[0]
            owners = _commands_with(option)
            message = f"there is no option {option}" + (f" here: it belongs to {owners}" if owners else "")
        print(f"rext: error: {printable_line(message)} (`{self.prog} --help` shows the usage)", file=sys.stderr)
        raise SystemExit(BAD_INPUT)


def command_module(name: str) -> ModuleType:
    """The module of a command. It has `EXAMPLE`, `add_arguments(parser)` and `execute(arguments) -> int`, and may have
    a `NOTE` to end its help with."""
    return import_module(f"runtime.cli.{name}")


def add_command(
    commands: argparse._SubParsersAction[Any], name: str, summary: str, example: str = ""
) -> argparse.ArgumentParser:
    """A parser for a command, whose help ends with an example."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}" if example else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def add_output_options(parser: argparse.ArgumentParser, formats: Sequence[str] = ("text", "json")) -> None:
    """The options that every command has."""
    parser.add_argument("--format", choices=formats, default=formats[0], help="of the result (default: %(default)s)")
    parser.add_argument(
        "--color", choices=COLOR_CHOICES, default="auto", help="use colour (default: auto, on a terminal)"
    )


def _commands_with(option: str) -> str:
    """The commands that have an option, in words."""
    owners = []
    for name in COMMANDS:
        parser = argparse.ArgumentParser(add_help=False)
        command_module(name).add_arguments(parser)
        if option in parser._option_string_actions:
            owners.append(f"`rext {name}`")
    return " and ".join(owners)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The arguments, parsed; ends the program with status 2 if they are no good."""
    parser = Parser(
        prog="rext",
        description="A test bench for page reclaim: write, verify, run and compare policies.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"rext {VERSION}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for name, summary in COMMANDS.items():
        if name in arguments:
            module = command_module(name)
            help = f"{module.EXAMPLE}\n\n{module.NOTE}" if hasattr(module, "NOTE") else module.EXAMPLE
            module.add_arguments(add_command(commands, name, summary, help))
        else:
            add_command(commands, name, summary)
    _check_command(parser, arguments)
    return parser.parse_args(arguments)


def _check_command(parser: Parser, arguments: Sequence[str]) -> None:
    """Say which command was meant, where `argparse` would list them all."""
    if not arguments:
        parser.error(f"a command is needed: {', '.join(COMMANDS)}")
    given = arguments[0]
    if given.startswith("-") or given in COMMANDS:
        return
    from dsl.nearest import nearest

    meant = nearest(given, COMMANDS)
    help = f"did you mean `{meant}`?" if meant else f"there are {', '.join(COMMANDS)}"
    parser.error(f"unknown command `{given}`; {help}")
