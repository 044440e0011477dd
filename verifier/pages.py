"""The pages of all codes as one document, with what is said of each example that is rejected.

In: the pages in `dsl/explanations/`. Out: Markdown.

    python -m verifier.pages             prints it
    python -m verifier.pages --write     puts it into docs/diagnostics.md; a test fails if that is stale
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from dsl.codes import CODES, Code, page
from dsl.compile import Compilation
from dsl.render import render_text
from dsl.source import Source
from verifier.verify import verify

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "diagnostics.md"

INTRODUCTION = """\
# Diagnostics

Everything for which a policy is refused, by its code: why, an example that is refused with what `rext check` says of
it, and its accepted twin. `rext explain CODE` prints the same page in a terminal. Written from `dsl/explanations/` by
`python -m verifier.pages --write`; the examples are run as tests.

A message names the mistake, shows the place and why it is wrong there, and below that the other places that belong to
the story. `facts` is what is known at that place, `help` an edit that mends it. One mistake gives one error; where it
shows in several places, they are labels of that error. Several mistakes are reported together, in the order of the
text, the first twenty of them; `--format json` gives the same as data, with lines and columns for editors.
[verifier.md](verifier.md) tells how the verifier comes to know what it says.
"""

STAGES = {
    "syntax": "Syntax",
    "names": "Names and declarations",
    "types": "Types",
    "lowering": "Size",
    "verifier": "The verifier",
    "object": "Policy objects",
}
_EXAMPLE = re.compile(r"^## Rejected\n\n```rx\n(.*?)^```\n", re.DOTALL | re.MULTILINE)


def document() -> str:
    """All pages, by stage."""
    parts = [INTRODUCTION]
    for stage, title in STAGES.items():
        codes = [code for code in CODES.values() if code.stage == stage]
        rows = "".join(f"- [{code.code}](#{code.code}): {code.summary}\n" for code in codes)
        parts += [f"## {title}\n\n{rows}", *(_page(code) for code in codes)]
    return "\n".join(parts)


def _page(code: Code) -> str:
    """A page as a section, with the message of its example."""
    text = page(code.code)
    example = _EXAMPLE.search(text)
    if example is not None:
        said = message(example[1], "example.rx")
        text = text[: example.end()] + f"\n```text\n{said}```\n" + text[example.end() :]
    return re.sub(r"^(#+) ", r"##\1 ", text, flags=re.MULTILINE)


def message(text: str, name: str) -> str:
    """What is said of a policy."""
    source = Source(name, text)
    compilation = Compilation(source)
    found = compilation.diagnostics if compilation.policy is None else verify(compilation.policy).diagnostics
    return render_text(found, source)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(document(), encoding="utf-8")
    else:
        sys.stdout.write(document())
