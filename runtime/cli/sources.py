"""Finding policies for the commands that look at them without running them.

In: what the user named: a path, or a name of `programs/`. Out: a `Subject`: the text and what became of it. Light on
purpose: nothing here needs LLVM or NumPy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from dsl import ir
from dsl.compile import Compilation, decode_source
from dsl.diagnostics import Diagnostic
from dsl.policy_object import decode
from dsl.source import Source
from runtime.cli.status import UsageError
from runtime.policy_file import OBJECT_SUFFIX, PROGRAMS, TEXT_SUFFIX, read_policy_file


@dataclass(frozen=True, slots=True)
class Subject:
    """A policy as text or object. `title` is what messages call the file; `policy` is None if the front end found
    errors, which `diagnostics` hold; `compilation` is None for an object."""

    title: str
    source: Source
    policy: ir.Policy | None
    diagnostics: tuple[Diagnostic, ...]
    compilation: Compilation | None


def find(name: str) -> Path:
    """The file of a policy; bad input if there is none."""
    path, bundled = Path(name), PROGRAMS / f"{name}{TEXT_SUFFIX}"
    if path.suffix in (TEXT_SUFFIX, OBJECT_SUFFIX) and path.is_file():
        return path
    if "/" not in name and bundled.is_file():
        return bundled
    if name.startswith("builtin:") or name == "opt":
        raise UsageError(f"`{name}` is part of the core, not a policy in the language: there is nothing to look at")
    from runtime.program import find_program  # the slow way: it knows how to say what is wrong

    return find_program(name)


def shown(path: Path) -> str:
    """The path as messages show it: relative where that is shorter to read."""
    relative = os.path.relpath(path)
    return relative if path.is_absolute() and not relative.startswith("..") else str(path)


def read(name: str) -> Subject:
    """Read and compile a policy, or decode an object; nothing is verified."""
    path = find(name)
    title = shown(path)
    data = read_policy_file(path, title)
    if path.suffix == OBJECT_SUFFIX:
        policy = decode(data, title)
        return Subject(title, policy.source, policy, (), None)
    source = decode_source(data, title)
    compilation = Compilation(source)
    return Subject(title, source, compilation.policy, compilation.diagnostics, compilation)
