"""Errors as data.

In: what a stage found wrong. Out: `Diagnostic` objects, gathered by a `Collector`. Producers build data,
renderers (`dsl/render.py`) make text or JSON of it. A rejection is a return value, never an exception.
Codes are stable slugs, declared once in `dsl/codes.py`; each has a page in `dsl/explanations/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from dsl.source import Span

MAX_REPORTED = 20
"""More errors than this are counted, not shown."""
MAX_PLACES = 4
"""Places of one mistake that are shown beside the first."""


@dataclass(frozen=True, slots=True)
class Label:
    """A place and what is to be said about it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake.

    `message` says what is wrong, `primary` says why at this place, `related` are other places that belong
    to the story (in the order to read them), `facts` what was known there, `help` a concrete edit.
    """

    code: str
    message: str
    primary: Label
    related: tuple[Label, ...] = ()
    facts: tuple[str, ...] = ()
    help: str | None = None


class Collector:
    """Gathers the diagnostics of a stage; the driver stops at the stage's end if there are any."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, Span], Diagnostic] = {}
        self._first: dict[tuple[str, str], tuple[str, Span]] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        """Keep `diagnostic`, unless the same code was already reported for the same place."""
        place = diagnostic.code, diagnostic.primary.span
        self._found.setdefault(place, diagnostic)
        self._first.setdefault((diagnostic.code, diagnostic.message), place)

    def repeats(self, code: str, message: str, again: Label) -> bool:
        """Whether `message` was reported already: then `again` is one more place of the same mistake."""
        first = self._first.get((code, message))
        if first is None:
            return False
        told = self._found[first]
        if len(told.related) < MAX_PLACES:
            self._found[first] = replace(told, related=(*told.related, again))
        return True

    def __iter__(self) -> Iterator[Diagnostic]:
        """The diagnostics in source order."""
        return iter(sorted(self._found.values(), key=lambda d: (d.primary.span, d.code)))

    def __bool__(self) -> bool:
        return bool(self._found)

    def __len__(self) -> int:
        return len(self._found)
