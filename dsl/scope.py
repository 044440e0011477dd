"""The names a body sees: its locals, block by block, then the policy's declarations.

A name means one thing in a body: a local may not hide another local or a declaration.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dsl.diagnostics import Collector, Diagnostic, Label
from dsl.source import NOWHERE
from dsl.symbols import RESERVED, Program, Symbol
from dsl.typed import Local


class Scope:
    def __init__(self, program: Program, diagnostics: Collector) -> None:
        self._program = program
        self._diagnostics = diagnostics
        self._blocks: list[dict[str, Local]] = [{}]
        self._visible: dict[str, Local] = {}

    @contextmanager
    def block(self) -> Iterator[None]:
        """Locals declared inside end with it."""
        self._blocks.append({})
        yield
        for name in self._blocks.pop():
            del self._visible[name]

    def declare(self, local: Local) -> None:
        """Enter a local; if the name is taken, say so, and let the new meaning hold if it hides no other local."""
        name = local.name
        taken: Local | Symbol | None = self._visible.get(name) or self._program.symbols.get(name) or RESERVED.get(name)
        if isinstance(taken, Symbol) and taken.span == NOWHERE:
            label = Label(local.span, "choose another name")
            self._diagnostics.add(Diagnostic("reserved-name", f"`{name}` has a meaning of its own", label))
        elif taken is not None:
            label = Label(local.span, "a name means one thing in a body: choose another")
            related = (Label(taken.span, f"already declared here, as a {taken.kind}"),)
            self._diagnostics.add(Diagnostic("duplicate-name", f"`{name}` is already declared", label, related))
        if name not in self._visible:
            self._blocks[-1][name] = local
            self._visible[name] = local

    def local(self, name: str) -> Local | None:
        return self._visible.get(name)

    def names(self) -> Iterator[str]:
        """All that is visible, for suggestions."""
        yield from self._visible
        yield from self._program.names()
