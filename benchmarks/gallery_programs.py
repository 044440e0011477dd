"""The programs as the gallery shows them.

In: the files of `programs/`. Out: each program's header in paragraphs, what it keeps, and the order in which the
gallery has them. Nothing is simulated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.cli.list import program as listed
from runtime.policy_file import PROGRAMS

METADATA = "Metadata:"
GROUPS = {
    "Simple queues": ("fifo", "strict_lru", "mru", "random", "clock", "sieve", "s3fifo"),
    "By frequency": ("lfu", "lfuda", "lru2", "wtinylfu"),
    "Segments, ghosts and adaptation": ("slru", "twoq", "arc", "car", "lirs", "clockpro"),
    "By estimates and by learning": ("hyperbolic", "lhd", "lecar"),
    "The kernel's two algorithms": ("lru", "mglru"),
}
OTHERS = "The kernel's world"
"""Every other program."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A program as the gallery shows it: the paragraphs of its header, what it keeps, and whether it keeps something in
    the shadows of pages that went, too."""

    name: str
    about: tuple[str, ...]
    metadata: dict[str, Any]
    shadows: bool

    @property
    def bytes_per_folio(self) -> int:
        return round(float(self.metadata["bytes_per_folio"]))


def shown_programs() -> dict[str, Shown]:
    """All of `programs/`, by name."""
    files = sorted(PROGRAMS.glob("*.rx"))
    return {path.stem: Shown(path.stem, header(path), listed(path)["metadata"], _reads_shadows(path)) for path in files}


def _reads_shadows(path: Path) -> bool:
    code = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
    return "ctx.shadow" in code


def header(path: Path) -> tuple[str, ...]:
    """The comment that a program begins with, without the line on its metadata; a paragraph ends with a line that ends
    with a full stop, or with an empty one."""
    paragraphs: list[list[str]] = [[]]
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("//"):
            break
        text = line.removeprefix("//").strip()
        if text.startswith(METADATA):
            continue
        if text:
            paragraphs[-1].append(text)
        if not text or text.endswith("."):
            paragraphs.append([])
    return tuple(" ".join(lines) for lines in paragraphs if lines)


def grouped(names: Sequence[str]) -> dict[str, list[str]]:
    """The programs in the order of the document."""
    found = {title: [name for name in group if name in names] for title, group in GROUPS.items()}
    known = {name for group in GROUPS.values() for name in group}
    found[OTHERS] = [name for name in names if name not in known]
    return {title: group for title, group in found.items() if group}
