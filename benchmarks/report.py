"""Tables on a terminal, and as a document.

In: `Table`s and the description of the machine. Out: text for a terminal, drawn with rich, or Markdown, which is what
docs/benchmarks.md holds.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.tables import OK, SHORT, Table

MACHINE = {
    "cpu": "CPU",
    "cpus": "cores",
    "system": "system",
    "load": "load at the start",
    "python": "Python",
    "numpy": "numpy",
    "llvmlite": "llvmlite",
    "llvm": "LLVM",
    "libcachesim": "libcachesim",
    "version": "reclaim-ext",
    "time": "time",
}
"""What is said of the machine, in words."""

NOISE = (
    "Machines are noisy: other work, clock frequency and the neighbours of a virtual machine change every figure, often"
    " by half. Ratios hold better than absolute figures, the best of many runs better than any one."
)
QUICK_NOTE = "This was a quick run, with small traces and few runs: it shows that everything works, and no more."
HOW = (
    "Replay is CPU time (`time.process_time`) in one process per engine; both live through the whole benchmark and take"
    " turns, one run each, through all rows again and again. libCacheSim is its PyPI package; it reads its own binary"
    " format (oracleGeneral) natively from the page cache, in C, as it replays. We replay pages that are in memory, in"
    " chunks, as `rext compare` does, and touch the simulation's memory for the first time while the clock runs."
    " Reading is not in our figures; numbering pages is stated apart."
)


def machine_lines(environment: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The machine and the versions, by name."""
    return [(words, _shown(environment[key])) for key, words in MACHINE.items() if key in environment]


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def terminal(
    tables: Sequence[Table], environment: Mapping[str, Any], quick: bool, color: bool, width: int | None = None
) -> str:
    """Everything for a terminal; `width` None: that of the terminal, or wide enough for all columns."""
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    wide = width or (None if sys.stdout.isatty() else 140)
    target = io.StringIO()
    console = Console(file=target, color_system="standard" if color else None, force_terminal=color, width=wide)
    console.print(Text("\n".join(f"{name}: {value}" for name, value in machine_lines(environment))))
    for remark in (NOISE, *([QUICK_NOTE] if quick else [])):
        console.print(Text(remark, style="yellow"))
    for table in tables:
        drawn = RichTable(title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
        for number, name in enumerate(table.columns):
            drawn.add_column(Text(name), justify="left" if number < table.left else "right")
        for row in table.rows:
            drawn.add_row(*(Text(cell, style={OK: "green", SHORT: "bold red"}.get(cell, "")) for cell in row))
        console.print()
        console.print(drawn)
        if table.note:
            console.print(Text(table.note, style="dim"))
    return target.getvalue()


def markdown(tables: Sequence[Table], environment: Mapping[str, Any], quick: bool) -> str:
    """The document."""
    parts = [
        "# Benchmarks",
        "Written by `python -m benchmarks --write`; `make bench` measures on your machine and prints the same tables.",
        NOISE,
        *([f"**{QUICK_NOTE}**"] if quick else []),
        HOW,
        "\n".join(["| | |", "|---|---|", *(f"| {name} | {_escaped(v)} |" for name, v in machine_lines(environment))]),
    ]
    for table in tables:
        parts += [f"## {_escaped(table.title)}", *([table.note] if table.note else []), _markdown_table(table)]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    rule = ["---" if number < table.left else "---:" for number in range(len(table.columns))]
    rows = [table.columns, rule, *table.rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
