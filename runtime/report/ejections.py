"""Ejections for people and programs.

In: an `Ejection`. Out: names and figures in the order they are read, for text and HTML; plain data for JSON.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dsl.render import escape
from runtime.core.shrink import STEPS_PER_FOLIO
from runtime.ejection import Ejection
from runtime.machine import EFFORT_AT_LEAST
from runtime.report.columns import WIDTH, counted, wrapped
from runtime.row import Row

INDENT = "  "


def short_note(ejection: Ejection, policy: str) -> str:
    """What a comparison says of it where it is about `policy`."""
    who = "" if ejection.policy == policy else f"{ejection.policy} "
    of = f" from memcg {ejection.memcg}" if ejection.memcg else ""
    return f"{who}ejected{of} before access {ejection.access:,}: {ejection.reason} ({ejection.hook}, {ejection.where})"


def block(ejection: Ejection) -> list[str]:
    """What one run says of it, in indented lines: why, the place as `rext check` shows one, and how things stood."""
    of = f" from memcg {ejection.memcg}" if ejection.memcg else ""
    title = f"{ejection.policy} was ejected{of}: {ejection.reason}; builtin:lru went on"
    figures = [
        *(f"{name} {length:,}" for name, length in ejection.lists.items()),
        f"on no list {ejection.unclaimed:,}",
        f"priority {ejection.priority}",
        f"{counted(ejection.calls, 'call')} of evict_folios, {counted(ejection.proposed, 'folio')} proposed",
        f"{ejection.resident:,} of {counted(ejection.memory_pages, 'page')} resident",
        _effort(ejection),
    ]
    room = WIDTH - len(INDENT)
    texts = [*wrapped(escape(title), "", room), *_place(ejection), *wrapped(" · ".join(map(escape, figures)), "", room)]
    return [f"{INDENT}{text}" for text in texts]


def _place(ejection: Ejection) -> list[str]:
    """The hook, its place, and its line with the name marked."""
    lines = [f"hook {ejection.hook}", f"--> {escape(ejection.where)}"]
    if ejection.text:
        margin = " " * len(str(ejection.line))
        text, before = escape(ejection.text), escape(ejection.text.partition(ejection.hook)[0])
        mark = "^" * (len(ejection.hook) if ejection.hook in ejection.text else len(text))
        before = before if ejection.hook in ejection.text else ""
        lines = [lines[0], f"{margin}{lines[1]}", f"{margin} |", f"{ejection.line} | {text}"]
        lines.append(f"{margin} | {' ' * len(before)}{mark}")
    return lines


def _effort(ejection: Ejection) -> str:
    limit = f"({ejection.effort:,} times the resident folios and {EFFORT_AT_LEAST:,})"
    spent = f"looked at {counted(ejection.spent, 'folio')}, or ran {STEPS_PER_FOLIO} instructions for each"
    if ejection.spent == ejection.budget:
        return f"{spent}: the limit {limit}"
    return f"{spent}; the limit is {ejection.budget:,} {limit}"


def figures(ejection: Ejection) -> list[tuple[str, ...]]:
    """What a reader wants to know, in order."""
    place = f"{ejection.where}: {ejection.text}" if ejection.text else ejection.where
    lists = ", ".join(f"{name} {length:,}" for name, length in ejection.lists.items()) or "none"
    counters = ", ".join(f"{name} {value:,}" for name, value in ejection.counters.items() if value)
    unit = f"folios looked at, or {STEPS_PER_FOLIO} instructions for one"
    return [
        ("ejected", ejection.policy + (f" on memcg {ejection.memcg}" if ejection.memcg else "")),
        ("why", ejection.reason),
        ("hook", ejection.hook),
        ("source", place),
        ("before access", f"{ejection.access:,}"),
        ("priority", str(ejection.priority)),
        ("effort", f"{ejection.spent:,} of {ejection.budget:,} {unit}"),
        ("evict_folios", f"{ejection.calls:,} calls, {ejection.proposed:,} folios proposed"),
        ("memory", f"{ejection.memory_pages:,} pages, {ejection.resident:,} resident"),
        ("lists", f"{lists}; {ejection.unclaimed:,} on none"),
        ("counters", counters),
    ]


def data(row: Row) -> list[dict[str, Any]]:
    """The ejections of a row as plain data."""
    return [asdict(ejection) for ejection in row.ejections]
