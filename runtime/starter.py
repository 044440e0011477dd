"""The beginning of a policy: a commented one to fill in, or a copy of one that is there.

In: a name, and what to begin with. Out: a `Starter`: the text of a policy of that name, and a file of expectations that
belongs to it. Both hold as they are: the policy is accepted, and its file of expectations passes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from dsl import ast
from dsl.compile import Compilation, decode_source
from dsl.source import Source, Span
from runtime.policy_file import TEXT_SUFFIX, read_policy_file
from runtime.starter_expectations import expectations
from verifier.verify import verify

TEMPLATE = Path(__file__).with_name("starter.rx")
MAX_NAME = 64
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_METADATA = re.compile(r"// Metadata: [^\n]*\n")


class StarterError(Exception):
    """A policy of that name cannot be begun so; the message says why."""


@dataclass(frozen=True, slots=True)
class Starter:
    policy: str
    expectations: str


def begin(name: str, path: Path | None = None, title: str = "") -> Starter:
    """A policy `name` from the file at `path`, which messages call `title`; without one, from the template."""
    check_name(name)
    if path is None:
        text = TEMPLATE.read_text(encoding="utf-8").replace(TEMPLATE.stem, name)
    else:
        text = _copied(name, decode_source(read_policy_file(path, title), title), title)
    _check_accepted(name, text, title)
    return Starter(text, expectations(name, text))


def check_name(name: str) -> None:
    """StarterError if `name` is no name of the language."""
    if name.endswith(TEXT_SUFFIX):
        raise StarterError(f"`{name}`: a name is wanted, not a file; write `{name.removesuffix(TEXT_SUFFIX)}`")
    if not _NAME.fullmatch(name):
        meant = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_")
        help = f"; `{meant}` would do" if _NAME.fullmatch(meant) else ""
        raise StarterError(f"`{name}`: a name has letters, digits and `_`, and no digit first{help}")
    if len(name) > MAX_NAME:
        raise StarterError(f"`{name[:20]}…`: a name has at most {MAX_NAME} characters")


def _copied(name: str, source: Source, title: str) -> str:
    """The text of a policy under a new name, with its header kept below a line to be filled in."""
    file = Compilation(source).ast
    named = None if file is None else next((item for item in file.items if isinstance(item, ast.PolicyName)), None)
    if named is None:
        raise StarterError(f"{title}: not a policy: it does not say `policy NAME;`")
    text = _METADATA.sub("", _replaced(source.text, named.name.span, name), count=1)
    ours = f"// {name}: begun as a copy of {named.name.text}. Say here what is different, and why that should help.\n"
    return f"{ours}//\n{text}" if text.startswith("//") else f"{ours}\n{text}"


def _replaced(text: str, span: Span, new: str) -> str:
    """The text with what lies at `span`, on one line, replaced."""
    lines = text.split("\n")
    line = lines[span.line - 1]
    lines[span.line - 1] = line[: span.column - 1] + new + line[span.end_column - 1 :]
    return "\n".join(lines)


def _check_accepted(name: str, text: str, title: str) -> None:
    """StarterError if the new policy is refused: its name is taken by something in it, or what was copied is wrong."""
    compilation = Compilation(Source(f"{name}{TEXT_SUFFIX}", text))
    policy = compilation.policy
    diagnostics = compilation.diagnostics if policy is None else verify(policy).diagnostics
    if not diagnostics:
        return
    first = diagnostics[0]
    if any(_names_policy(compilation.source, label.span) for label in (first.primary, *first.related)):
        raise StarterError(f"`{name}`: cannot be the name of this policy: {first.message}")
    raise StarterError(f"{title or name}: is not accepted as it is: {first.message}; `rext check` says more")


def _names_policy(source: Source, span: Span) -> bool:
    """Whether it lies on the line `policy NAME;`."""
    return source.line(span.line).lstrip().startswith("policy ")
