"""Imports point one way: `dsl` ← `verifier` ← `runtime` ← its command line."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("dsl", "verifier", "runtime")
OURS = (*FOLDERS, "programs", "tests", "benchmarks", "fidelity", "reclaim_ext")

ALLOWED = {
    "dsl": ("dsl",),
    "verifier": ("verifier", "dsl"),
    "runtime/core": ("runtime.core", "dsl.abi"),
    "runtime/policies": ("runtime.policies", "runtime.core"),
    "runtime/jit": ("runtime.jit", "runtime.core", "runtime.policy_layout", "runtime.policies.params", "dsl"),
    "runtime/traces": ("runtime.traces",),
    "runtime/cli": ("runtime", "verifier", "dsl"),
    "runtime": ("runtime", "verifier", "dsl"),
}
"""What the modules of a folder may import of ours; the first entry that fits counts."""
HEAVY = ("llvmlite", "numpy", "pydantic", "rich", "matplotlib", "zstandard", "runtime")
"""What `rext check` has no time to import."""


def modules(folder: str) -> list[Path]:
    return sorted(p for p in (ROOT / folder).rglob("*.py") if "__pycache__" not in p.parts)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and name of everything a module imports, `from a import b` as `a.b`."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == p or name.startswith(p + ".") for p in packages)


@pytest.mark.parametrize("folder", ALLOWED)
def test_no_import_points_back(folder: str) -> None:
    found = []
    inner = [f for f in ALLOWED if f.startswith(folder + "/")]
    for path in modules(folder):
        relative = path.relative_to(ROOT).as_posix()
        if any(relative.startswith(f + "/") for f in inner):
            continue
        for line, name in imports_of(path):
            if within(name, OURS) and not within(name, ALLOWED[folder]):
                found.append(f"{relative}:{line}: {name}")
    assert not found


def test_only_the_command_line_knows_the_command_line() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules("runtime")
        if "cli" not in path.relative_to(ROOT).parts
        for line, name in imports_of(path)
        if within(name, ("runtime.cli",))
    ]
    assert not found


@pytest.mark.parametrize("folder", ["dsl", "verifier"])
def test_checking_a_policy_imports_nothing_heavy(folder: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules(folder)
        for line, name in imports_of(path)
        if within(name, HEAVY)
    ]
    assert not found


def test_programs_are_policies_and_nothing_else() -> None:
    found = {p.suffix for p in (ROOT / "programs").rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert found == {".rx"}


def test_the_walk_sees_imports_wherever_they_are(tmp_path: Path) -> None:
    path = tmp_path / "sample.py"
    path.write_text("import a.b\ndef f():\n    from runtime.cli import main\n    if 1:\n        import c\n")
    assert list(imports_of(path)) == [(1, "a.b"), (3, "runtime.cli.main"), (5, "c")]
    assert within("dsl.abi.KFUNCS", ("dsl.abi",)) and not within("dslx", ("dsl",))
