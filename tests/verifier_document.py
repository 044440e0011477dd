"""docs/verifier.md as it has to be: what it shows of the verifier is what the verifier says.

In: the document. Out: the document with its pictures and tables made anew. Blocks of these kinds mean something:

    ```rx accepted        a policy that must be accepted
    ```rx rejected CODE   one that must be rejected for that reason and no other
    ```text state HOOK    what `rext check --log state` prints of the policy above it
    ```text cost HOOK     what `rext check --cost` prints of it
    ```text error         what `rext check` prints of it
    ```text rounds HOOK   what is known at the start of the rounds of its first loop, while the invariant grows
    <!-- rules -->        the rules of the verifier and why each is sound, from its docstrings, up to <!-- end -->

`python -m tests.verifier_document` writes it anew where something has changed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from dsl import ir
from dsl.compile import Compilation
from dsl.render import render_text
from dsl.source import Source
from runtime.cli.check import cost_text, state_text
from runtime.expect import judge
from verifier.explain import Explainer
from verifier.fixpoint import Fixpoint
from verifier.log import facts_at
from verifier.outline import Outline
from verifier.state import Space, State
from verifier.verify import verify

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "verifier.md"
NAME = "example.rx"
_BLOCK = re.compile(r"^```(rx|text) ([^\n]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_RULES = re.compile(r"<!-- rules -->\n.*?<!-- end -->", re.DOTALL)
MODULES = ("obligations", "transfer", "recall", "order", "refine", "state", "invariant", "fixpoint", "cost",
           "domains/interval", "domains/tnum", "domains/value")  # fmt: skip


def written_anew(text: str) -> str:
    """The document with all that is made from code made again."""
    policy = ""

    def block(match: re.Match[str]) -> str:
        nonlocal policy
        language, kind, body = match.groups()
        if language == "rx":
            policy = body
        else:
            body = picture(policy, *kind.split())
        return f"```{language} {kind}\n{body}```"

    return _RULES.sub(lambda match: f"<!-- rules -->\n{rules()}<!-- end -->", _BLOCK.sub(block, text))


def examples(text: str) -> list[tuple[str, str]]:
    """Each policy with its verdict: `accepted`, or the code for which it is rejected."""
    return [(kind.split()[-1], body) for language, kind, body in _BLOCK.findall(text) if language == "rx"]


def codes(policy: str) -> list[str]:
    return [diagnostic.code for diagnostic in judge(Source(NAME, policy))]


# --- pictures ----------------------------------------------------------------------------------------------


def picture(policy: str, kind: str, hook: str = "") -> str:
    source = Source(NAME, policy)
    if kind == "error":
        return render_text(judge(source), source)
    compiled = Compilation(source).policy
    assert compiled is not None
    if kind == "rounds":
        return "".join(f"round {number}: {facts}\n" for number, facts in enumerate(rounds(compiled, hook), 1))
    text = state_text(source, verify(compiled)) if kind == "state" else cost_text(source, verify(compiled))
    return _of_hook(text, hook)


def _of_hook(text: str, hook: str) -> str:
    """The lines about one hook."""
    lines = text.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if line.startswith(f"{hook}:"))
    rest = next((n for n in range(first + 1, len(lines)) if not lines[n].startswith(" ")), len(lines))
    return "".join(lines[first:rest])


def rounds(policy: ir.Policy, hook: str) -> Iterator[str]:
    """What is known at the start of each round that the analysis goes through."""
    function = next(function for function in policy.hooks if function.hook == hook)
    outline = Outline(function)
    loop = next(node for node in outline.nodes if isinstance(node, ir.Repeating))
    seen: list[str] = []

    def observe(node: ir.Node, state: State, space: Space) -> None:
        if node is loop.body[0]:
            facts = ", ".join(facts_at(space, node, state))
            if facts not in seen[-1:]:
                seen.append(facts)

    Fixpoint(policy, function, Explainer(), observe, always=True).run()
    return iter(seen)


# --- rules -------------------------------------------------------------------------------------------------


def rules() -> str:
    """A list of the rules of each module, with the reason that their docstrings give."""
    return "".join(_rules_of(name) for name in MODULES)


def _rules_of(module: str) -> str:
    tree = ast.parse((ROOT / "verifier" / f"{module}.py").read_text(encoding="utf-8"))
    title = (ast.get_docstring(tree) or "").split("\n", 1)[0]
    found = [
        f"- `{node.name}`: {' '.join(text.split())}\n"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and (text := ast.get_docstring(node))
        and (re.search(r"\bSound\b", text) or (module == "obligations" and isinstance(node, ast.ClassDef)))
    ]
    whole = [
        f"{' '.join(p.split())}\n\n" for p in (ast.get_docstring(tree) or "").split("\n\n") if p.startswith("Sound")
    ]
    return f"#### `verifier/{module}.py`: {title}\n\n{''.join(whole)}{''.join(found)}\n" if found or whole else ""


if __name__ == "__main__":
    old = DOCUMENT.read_text(encoding="utf-8")
    if (new := written_anew(old)) != old:
        DOCUMENT.write_text(new, encoding="utf-8")
