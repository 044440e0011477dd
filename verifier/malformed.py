"""Structural faults as diagnostics.

In: what a check of form finds. Out: `Faults`, a bounded list of diagnostics. No text that compiles has such a fault,
except where a code of its own says so; objects may have any.
"""

from __future__ import annotations

from dsl.diagnostics import Diagnostic, Label
from dsl.source import Span

_MAX_FAULTS = 100


class Faults:
    """The faults found so far."""

    def __init__(self) -> None:
        self.found: list[Diagnostic] = []
        self.full = False

    def add(self, span: Span, message: str, code: str = "malformed-object", label: str = "", help: str = "") -> None:
        if not self.full:
            text = label or "not the form of a policy"
            self.found.append(Diagnostic(code, message, Label(span, text), help=help or None))
            self.full = len(self.found) >= _MAX_FAULTS

    def demand(self, holds: bool, span: Span, message: str) -> bool:
        """Adds a fault unless `holds`; returns `holds`."""
        if not holds:
            self.add(span, message)
        return holds
