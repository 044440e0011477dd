"""`rext new`: begin a policy.

In: a name, and the policy to begin with. Out: NAME.rx and NAME.test.rx in the current directory, both in order as
they are, and the commands to try them with. Nothing that is there is overwritten.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dsl.nearest import nearest
from runtime.cli import sources, status
from runtime.cli.output import emit, emit_json, in_columns
from runtime.cli.parser import add_output_options
from runtime.cli.status import UsageError
from runtime.policy_file import OBJECT_SUFFIX, PROGRAMS, TEXT_SUFFIX
from runtime.starter import StarterError, begin, check_name

EXAMPLE = "rext new mine --from clock"
TRACE = "mem_gcc"
_BUILTIN = ("builtin:lru", "builtin:mglru", "opt")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the policy: NAME.rx and NAME.test.rx are written here")
    parser.add_argument(
        "--from", dest="origin", metavar="PROGRAM",
        help="begin with a copy of it: one that `rext list policies` shows, or a file (default: a FIFO with comments)",
    )  # fmt: skip
    add_output_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    name, origin = arguments.name, arguments.origin
    files = _free_files(name)
    path = None if origin is None else _find(origin)
    try:
        starter = begin(name, path, origin or "")
    except StarterError as error:
        raise UsageError(str(error)) from None
    _write(files, (starter.policy, starter.expectations))
    commands = _commands(name)
    if arguments.format == "json":
        emit_json({
            "name": name, "from": origin, "files": [str(file) for file in files],
            "commands": [command for command, _ in commands],
        })  # fmt: skip
        return status.SUCCESS
    about = "a FIFO, with the place for your idea marked" if origin is None else f"a copy of {origin}, to be changed"
    written = [(str(files[0]), about), (str(files[1]), "mistakes around it, and what the verifier says to them")]
    emit("\n".join([*in_columns(written, indent=""), "", "to try it:", *in_columns(commands, widest=46)]))
    return status.SUCCESS


def _free_files(name: str) -> tuple[Path, Path]:
    """The two files to be written; bad input if the name is no good or one of them is there."""
    try:
        check_name(name)
    except StarterError as error:
        raise UsageError(str(error)) from None
    if name in _shipped() or name == "opt":
        raise UsageError(f"`{name}` is a policy already, which commands mean by that name; choose another")
    files = Path(f"{name}{TEXT_SUFFIX}"), Path(f"{name}.test{TEXT_SUFFIX}")
    for file in files:
        if file.exists() or file.is_symlink():
            raise UsageError(f"{file}: is there already, and not overwritten; choose another name")
    return files


def _shipped() -> list[str]:
    return sorted(path.stem for path in PROGRAMS.glob(f"*{TEXT_SUFFIX}"))


def _find(origin: str) -> Path:
    """The text of the policy to begin with."""
    if origin in _BUILTIN:
        twin = origin.removeprefix("builtin:")
        help = f"; `--from {twin}` is the same algorithm in the language" if twin in _shipped() else ""
        raise UsageError(f"`{origin}` is part of the core and cannot be copied{help}")
    if origin.endswith(OBJECT_SUFFIX):
        raise UsageError(f"{origin}: an object; a policy is begun from its text")
    if "/" not in origin and not origin.endswith(TEXT_SUFFIX) and origin not in _shipped():
        meant = nearest(origin, _shipped())
        help = f"did you mean `{meant}`?" if meant else "`rext list policies` shows all"
        raise UsageError(f"unknown policy `{origin}`; {help}")
    return sources.find(origin)


def _write(files: tuple[Path, Path], texts: tuple[str, str]) -> None:
    """Write both files, or neither."""
    written: list[Path] = []
    for file, text in zip(files, texts, strict=True):
        try:
            with file.open("x", encoding="utf-8", newline="\n") as stream:
                written.append(file)
                stream.write(text)
        except OSError as error:
            for earlier in written:
                earlier.unlink()
            raise UsageError(f"{file}: cannot be written: {error.strerror or error}") from None


def _commands(name: str) -> list[tuple[str, str]]:
    against = f"{name}.rx builtin:lru opt --trace {TRACE} --memory 10%,20%,40%"
    return [
        (f"rext check {name}.rx --cost", "is it safe, and what does it cost?"),
        (f"rext test {name}.rx {name}.test.rx", "does the verifier say what is expected?"),
        (f"rext run {name}.rx --trace {TRACE} --memory 10%", "every counter of a run"),
        (f"rext compare {against} --plot {name}.png", "is it any good?"),
    ]
