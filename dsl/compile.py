"""Source to IR: the one driver of all stages.

In: a `Source`. Out: each stage's result as a property, computed when first asked for, and the diagnostics of all. A
stage runs only if the ones before it found nothing that it could not stand; the policy is there only if none found
anything. A rejection is never an exception.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from dsl import ast, ir
from dsl.diagnostics import Collector, Diagnostic
from dsl.lower import lower
from dsl.parser import parse
from dsl.resolve import resolve
from dsl.source import Source
from dsl.symbols import Program
from dsl.typecheck import TypedProgram, check_types

MAX_SOURCE_BYTES = 1_000_000


class SourceError(Exception):
    """A file that cannot be a policy's text; the message names it."""


def read_source(path: str | Path) -> Source:
    """The text of the file at `path`, or `SourceError`."""
    file = Path(path)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_SOURCE_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from None
    return decode_source(data, str(path))


def decode_source(data: bytes, name: str) -> Source:
    """The text that `data` holds, or `SourceError`."""
    if not data.strip():
        raise SourceError(f"{name}: the file is empty")
    if len(data) > MAX_SOURCE_BYTES:
        raise SourceError(f"{name}: larger than {MAX_SOURCE_BYTES:,} bytes, not the text of a policy")
    if b"\0" in data:
        raise SourceError(f"{name}: not text: byte 0 at offset {data.index(0):,}")
    try:
        return Source(name, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SourceError(f"{name}: not text: no UTF-8 at offset {error.start:,}") from None


class Compilation:
    """The stages of one source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._collector = Collector()

    @cached_property
    def ast(self) -> ast.File | None:
        """The syntax tree; None if the text is too large or too deep for one."""
        return parse(self.source, self._collector)

    @cached_property
    def resolved(self) -> Program | None:
        """The declarations; None after syntax errors."""
        file = self.ast
        return None if file is None or self._collector else resolve(file, self._collector)

    @cached_property
    def typed(self) -> TypedProgram | None:
        """The bodies; None after syntax errors. Errors in declarations do not stop it."""
        program = self.resolved
        return None if program is None else check_types(program, self._collector)

    @cached_property
    def policy(self) -> ir.Policy | None:
        """The policy; None if there are diagnostics."""
        checked = self.typed
        return None if checked is None or self._collector else lower(checked, self.source, self._collector)

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What all stages found, in the order of the text."""
        _ = self.policy
        return tuple(self._collector)
