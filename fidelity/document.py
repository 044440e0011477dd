"""docs/fidelity.md: the whole comparison, and what it does and does not say.

In: `Compared` rows. Out: Markdown, and beside it the picture of MGLRU's collapse, if that was simulated.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fidelity.collapse import Course, cases, course_of, picture
from fidelity.compare import BAND, CHAOTIC_POINTS, FEWEST, Compared
from fidelity.judge import contests, verdicts
from fidelity.report import reasons
from fidelity.tables import Table, contest_table, counter_table, hit_table, verdict_table

PICTURE = "fidelity_collapse.png"
TEMPLATE = Path(__file__).with_name("document.md")
COLLAPSE_TEMPLATE = Path(__file__).with_name("collapse.md")
"""The prose, with `@name@` where something is put in."""


def write_document(file: Path, all_compared: Sequence[Compared], tell: Callable[[str], None]) -> None:
    """Write the document, and its picture beside it."""
    courses = []
    for row in cases([compared.row for compared in all_compared if compared.simulated is not None]):
        tell(f"generations of {row.name}")
        courses.append(course_of(row))
    if courses:
        file.with_name(PICTURE).write_bytes(picture(courses))
    file.write_text(document(all_compared, courses), encoding="utf-8", newline="\n")


def document(all_compared: Sequence[Compared], courses: Sequence[Course]) -> str:
    """The text of the document. A part that there is nothing for is left out."""
    found = contests([compared for compared in all_compared if compared.simulated is not None])
    missing = [f"**{reason}**" for reason in reasons(all_compared)]
    parts = {
        "summary": "\n\n".join([_table(verdict_table(verdicts(all_compared))), *missing]),
        "winners": _table(contest_table(found)) if found else "",
        "collapse": _collapse(courses) if courses else "",
        "hits": _table(hit_table(all_compared)),
        "counters": _table(counter_table(all_compared)),
        "chaotic": f"{CHAOTIC_POINTS:g}",
        "band": str(BAND),
        "fewest": str(FEWEST),
    }
    return re.sub(r"\n{3,}", "\n\n", _filled(TEMPLATE, parts))


def _collapse(courses: Sequence[Course]) -> str:
    """The section on MGLRU's collapse."""
    measured = ", ".join(f"{100 * c.row.hit_ratio_mean:.0f}% in {c.row.kernel}" for c in courses)
    return _filled(COLLAPSE_TEMPLATE, {"measured": measured, "picture": PICTURE}).rstrip()


def _filled(template: Path, parts: Mapping[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda match: parts[match[1]], template.read_text(encoding="utf-8"))


def _table(table: Table) -> str:
    rule = ["---" if number < table.left else "---:" for number in range(len(table.columns))]
    lines = ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in (table.columns, rule, *table.rows)]
    return "\n\n".join([f"## {table.title}", *([table.note] if table.note else []), "\n".join(lines)])


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
