"""The text of docs/gallery.md.

In: the programs as they are now, and the facts of both models. Out: Markdown. What comes from the programs alone is
made by functions of its own, so that a test can see that the document is not stale without simulating anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.gallery_facts import BASE, Against, Facts, Models
from benchmarks.gallery_programs import OTHERS, Shown, grouped, shown_programs
from benchmarks.gallery_tables import LARGE, MODELS, metadata_table, signed, standings, winners

ABOUT_GROUPS = {
    OTHERS: "These answer to tasks, memcgs, devices or the clock, of which these traces have little: what they are for"
    " is shown in [claims.md](claims.md). Here is what they do to a plain trace.",
    "The kernel's two algorithms": "The twins of `builtin:lru` and `builtin:mglru`, decision for decision:"
    " [one-path.md](one-path.md).",
}
HEAD = """# The gallery

Written by `python -m benchmarks.gallery --write` (`make gallery`); without `--write` it prints the tables of your own
version. `rext compare NAME builtin:lru opt --trace mem_gcc --memory 10%,20%,40% --model ideal` makes any cell again.

Every program under `programs/` over the three bundled traces, in two models, with memory for these shares of their
pages: {shares}.

In the *ideal model* a policy sees every access and room is made for one page at a time: this is what papers and other
simulators mean. In the *kernel model* it sees what a kernel sees: nearly all accesses of these traces are made through
mappings, which set a bit in a page table and call nobody, and kswapd and direct reclaim take folios in batches.
`builtin:lru` and `builtin:mglru` are the kernel's algorithms; `opt` is the offline optimum, which nothing can
pass. The traces leave out accesses to the pages used last (mem_gcc 512, mem_rg 64, mem_sqlite 128), which changes
nothing for LRU at these sizes of memory; it is hard on policies that expect a second use soon, such as SIEVE
([benchmarks.md](benchmarks.md) counts it).
"""
CURVES = (
    "Each curve: above the ideal model, below the kernel model; both scales are logarithmic. The orange line with dots"
    " is the program, blue is `builtin:lru`, green `builtin:mglru`, dashed the optimum. *On average* is the geometric"
    " mean over all cells, a cell being a trace with a size of memory."
)


def markdown(models: Models, extra: Sequence[str] = ()) -> str:
    """The whole document; `extra`: sections between the tables and the curves."""
    shown = shown_programs()
    ideal = models["ideal"]
    shares = ", ".join(dict.fromkeys(cell.share for cell in ideal.cells))
    parts = [HEAD.format(shares=shares), winners(models), standings(models, shown), metadata_table(shown), *extra]
    unfinished = [text for facts in models.values() for text in facts.unfinished()]
    if unfinished:
        parts.append("Runs that did not go to their end: " + "; ".join(unfinished) + ".")
    parts.append(f"## The programs\n\n{CURVES}\n")
    for title, names in grouped(list(shown)).items():
        parts.append(f"### {title}\n" + (f"\n{ABOUT_GROUPS[title]}\n" if title in ABOUT_GROUPS else ""))
        parts += [section(shown[name], models) for name in names]
    return "\n".join(parts)


def introduction(program: Shown) -> str:
    """What a section says of the program itself."""
    return f"#### {program.name}\n\n" + "\n\n".join(map(_text, program.about)) + "\n"


def links(program: Shown) -> str:
    """The source, and the curve."""
    kept = f"{program.bytes_per_folio} byte{'' if program.bytes_per_folio == 1 else 's'} per folio"
    source = f"[programs/{program.name}.rx](../programs/{program.name}.rx), {kept}."
    return f"{source}\n\n![{program.name}: miss ratio over memory](gallery/{program.name}.svg)\n"


def section(program: Shown, models: Models) -> str:
    """One program."""
    return "\n".join([introduction(program), links(program), remarks(program.name, models) + "\n"])


def _text(paragraph: str) -> str:
    """Text of a comment, in which nothing is markup but code."""
    parts = paragraph.split("`")
    return "`".join(
        re.sub(r"([*_<\[#])", r"\\\1", part) if not number % 2 else part for number, part in enumerate(parts)
    )


# --- what one sees ------------------------------------------------------------------------------------------


def remarks(name: str, models: Models) -> str:
    """A sentence for each model."""
    return " ".join(_remark(MODELS[model], name, facts) for model, facts in models.items())


def _remark(title: str, name: str, facts: Facts) -> str:
    found = facts.against(name)
    if found is None:
        return f"In the {title} it finished no run."
    if found.equal:
        return f"In the {title} it misses as often as `{BASE}` everywhere."
    wins = facts.wins(name)
    won = f", and no program has fewer in {wins}" if wins else ""
    return (
        f"In the {title} it has {_change(found.mean)} `{BASE}` on average and fewer in {found.fewer or 'none'} of"
        f" {found.cells} cells{won}; {_extremes(found)}."
    )


def _change(ratio: float) -> str:
    """A ratio of misses in words."""
    if abs(ratio - 1) < 0.0005:
        return "as many misses as"
    if ratio >= LARGE:
        return f"{ratio:.1f} times the misses of"
    return f"{100 * abs(ratio - 1):.1f}% {'fewer' if ratio < 1 else 'more'} misses than"


def _extremes(found: Against) -> str:
    (best, least), (worst, most) = found.best, found.worst
    return f"at best {signed(least)} ({best.name}), at worst {signed(most)} ({worst.name})"
