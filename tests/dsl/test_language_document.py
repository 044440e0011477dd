"""docs/language.md shows policies that are accepted and run, and leaves no construct out; docs/reference.md is what the
`abi` gives."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

from dsl import abi, ast
from dsl.compile import Compilation
from dsl.reference import DOCUMENT, reference
from dsl.source import Source
from dsl.types import SCALARS
from runtime.machine import Machine
from runtime.traces import load, open_trace
from tests.runtime.policies import Events, check_invariants, compiled, simulate

TEXT = (Path(__file__).parent.parent.parent / "docs" / "language.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```rx\n(.*?)```", TEXT, re.DOTALL)
NAMES = [re.findall(r"^policy (\w+);", block, re.MULTILINE)[0] for block in BLOCKS]
OPERATORS = {
    "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "!", "~",
}  # fmt: skip
NOT_WRITTEN = {"Item", "Statement", "Expression", "Routine", "Node", "File", "Parameter"}
"""Classes of the tree that stand for others, or for the whole."""
TRACE = "mix:0.6*zipf(pages=300,write=0.2,mapped=0.5,anon=0.3)+0.4*loop(pages=150),accesses=2000"


@functools.cache
def trace() -> Events:
    loaded = load(open_trace(TRACE))
    return Events(loaded.page, loaded.flags, loaded.nr_pages, loaded.keys)


@functools.cache
def nodes() -> list[ast.Node]:
    """Every node of the trees of all examples."""
    found: list[ast.Node] = []
    for block in BLOCKS:
        file = Compilation(Source("language.md", block)).ast
        assert file is not None
        left: list[ast.Node] = list(file.items)
        while left:
            node = left.pop()
            found.append(node)
            left += ast.children(node)
    return found


def test_every_example_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES) > 20


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
@pytest.mark.parametrize("name", NAMES)
def test_what_the_document_shows_is_accepted_and_runs(name: str, ideal: bool) -> None:
    policy = compiled(BLOCKS[NAMES.index(name)])
    simulation = simulate(policy, trace(), Machine(100, ideal), "python")
    check_invariants(simulation)
    counters = simulation.counters()
    assert counters["accesses"] == 2000 and counters["evictions"] > 300 and not counters["oom_kill"]


def test_every_construct_is_shown() -> None:
    shown = nodes()
    kinds = {name for name, kind in vars(ast).items() if isinstance(kind, type) and issubclass(kind, ast.Node)}
    assert kinds - NOT_WRITTEN - {type(node).__name__ for node in shown} == set()
    operators = {node.op for node in shown if isinstance(node, ast.Operation | ast.Prefixed)}
    assert operators >= OPERATORS
    assigned = {node.op for node in shown if isinstance(node, ast.Assign)}
    assert assigned == {"", "+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>"}
    types = {node.text for node in shown if isinstance(node, ast.TypeName)}
    assert types >= {*SCALARS, "folio", "list"}
    assert {node.kind for node in shown if isinstance(node, ast.ListItem)} == {"list", "bag", "heap"}
    assert {node.kind.text for node in shown if isinstance(node, ast.MapItem)} == set(abi.MAPS)


def test_every_kfunc_and_every_hook_is_shown() -> None:
    members = {node.name.text for node in nodes() if isinstance(node, ast.Member)}
    calls = [node.callee for node in nodes() if isinstance(node, ast.Call)]
    called = {callee.name for callee in calls if isinstance(callee, ast.Variable)}
    named = {node.name for node in nodes() if isinstance(node, ast.Variable)}
    assert {"min", "max", "mul_div"} <= called
    shown = {None: named | called}
    assert [k.name for k in abi.KFUNCS.values() if k.member not in shown.get(k.receiver, members)] == []
    assert [
        name for name in abi.HOOKS if name not in {node.name.text for node in nodes() if isinstance(node, ast.Hook)}
    ] == []


def test_every_hook_is_in_the_table_of_hooks() -> None:
    table = "".join(re.findall(r"^\|.*\|$", TEXT, re.MULTILINE))
    assert [hook for hook in abi.HOOKS if f"`{hook}`" not in table] == []


def test_the_reference_is_what_the_abi_gives() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), "stale: run `python -m dsl.reference --write`"


def test_the_reference_names_everything() -> None:
    text = reference()
    for kfunc in abi.KFUNCS.values():
        assert re.search(rf"^\| `(\w+\.)?{kfunc.member}\b", text, re.MULTILINE), kfunc.name
    for name in (*abi.HOOKS, *abi.CONSTANTS, *abi.MAPS):
        assert re.search(rf"^(### {name}|\| `{name}\b)", text, re.MULTILINE), name
