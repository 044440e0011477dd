"""Who is told what fails while a hook is analysed: the interface between the fixpoint and the diagnostics.

What is told is what `verifier/fixpoint.py` found, in states and cells; `verifier/explain.py` makes it words.
"""

from __future__ import annotations

from typing import Protocol

from dsl import ir
from verifier.obligations import Obligation
from verifier.state import Definition, Space, State


class Reporter(Protocol):
    """Is told of failures, in the last phase only."""

    def begin(self, space: Space) -> None:
        """A round that reports begins; what was told of this hook before is void."""

    def failed(self, state: State, node: ir.Node, obligation: Obligation) -> None: ...

    def paths_disagree(self, node: ir.Node, cell: int, first: Definition, second: Definition) -> None: ...

    def rounds_disagree(self, node: ir.Repeating, cell: int, before: Definition, after: Definition) -> None: ...

    def falls_off_end(self, function: ir.Function) -> None: ...

    def too_hard(self, function: ir.Function) -> None: ...
