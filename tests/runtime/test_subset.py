"""The frontend refuses what native code would do otherwise than Python, and folds what is constant."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest

from dsl import ir
from dsl.ir import Const
from dsl.types import I64
from runtime.jit import trusted
from runtime.jit.frontend import compile_functions
from runtime.jit.subset import SubsetError

HEAD = "from __future__ import annotations\nfrom runtime.core.context import Context, prefetch, wrap_mul\nLIMIT = 3\n"
FIRST_LINE = HEAD.count("\n") + 1
_numbers = itertools.count()


def functions_of(folder: Path, text: str, settings: dict[str, int] | None = None) -> dict[str, trusted.CoreFunction]:
    """Compile `f` of a module with this text."""
    name = f"subset_samples.case{next(_numbers)}"
    path = folder / "sample.py"
    path.write_text(HEAD + text)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        return compile_functions([module.f], settings or {}, {})
    finally:
        del sys.modules[name]


def compiled(folder: Path, text: str, settings: dict[str, int] | None = None) -> trusted.CoreFunction:
    functions = functions_of(folder, text, settings)
    return next(f for name, f in functions.items() if name.endswith(".f"))


INT = "def f(ctx: Context, a: int) -> int:\n"
REFUSED = {
    "an unassigned local": (INT + "    if a:\n        x = 1\n    return x\n", 4, "may be read before it is assigned"),
    "assigned in a loop only": (
        INT + "    while a:\n        x = 1\n        a -= 1\n    return x\n",
        5,
        "may be read before",
    ),
    "assigned before a break only": (
        INT + "    while a:\n        if a > 3:\n            x = 1\n            break\n        a -= 1\n    return x\n",
        7,
        "may be read before",
    ),
    "the loop variable afterwards": (
        INT + "    for i in range(a):\n        a += i\n    return i\n",
        4,
        "may be read before",
    ),
    "augmented before assigned": (INT + "    x += 1\n    return x\n", 2, "may be read before"),
    "falling off the end": (INT + "    if a:\n        return 1\n", 1, "falls off its end"),
    "falling out of a loop": (INT + "    while True:\n        if a:\n            break\n", 1, "falls off its end"),
    "a bare return": (INT + "    if a:\n        return\n    return 1\n", 3, "the function returns i64"),
    "a value from nothing": ("def f(ctx: Context, a: int) -> None:\n    return a\n", 2, "the function returns nothing"),
    "a bool for an int": (INT + "    return a < 3\n", 2, "the function returns i64"),
    "an int for a bool": ("def f(ctx: Context, a: int) -> bool:\n    return a\n", 2, "the function returns bool"),
    "a bool in arithmetic": (INT + "    x = a < 2\n    return x + 1\n", 3, "a bool where an integer is needed"),
    "a bool augmented": (INT + "    x = a < 2\n    x += 1\n    return a\n", 3, "no integer"),
    "a bool as index": (INT + "    return ctx.state[a < 1]\n", 2, "a bool where an integer is needed"),
    "bools compared": (
        "def f(ctx: Context, a: int) -> bool:\n    return (a < 1) == (a > 3)\n",
        2,
        "a bool where an integer",
    ),
    "a local of two types": (INT + "    x = 1\n    x = a < 2\n    return 1\n", 3, "was i64 before and is bool here"),
    "arms of two types": (INT + "    x = 1 if a else a < 2\n    return 1\n", 2, "the two arms have different types"),
    "a bool parameter": ("def f(ctx: Context, a: bool) -> int:\n    return 1\n", 1, "a parameter that is no int"),
    "an unknown name": (INT + "    return UNKNOWN\n", 2, "neither a local nor an integer constant"),
    "an unknown function": (INT + "    return unknown(ctx)\n", 2, "unknown function"),
    "a builtin": (INT + "    return min(a, 3)\n", 2, "unknown function"),
    "an unknown setting": (INT + "    return ctx.UNKNOWN\n", 2, "neither a view nor a setting"),
    "an unknown view": (INT + "    return ctx.unknown[a]\n", 2, "not a view"),
    "an unknown hook": (INT + "    ctx.hooks.unknown(ctx, a)\n    return 1\n", 2, "not a hook"),
    "a table by row": (INT + "    return ctx.folios[a]\n", 2, "a table takes [row, column]"),
    "a float": (INT + "    return a + 1.5\n", 2, "not in the subset"),
    "a true division": (INT + "    return a / 2\n", 2, "not in the subset"),
    "a power": (INT + "    return a ** 2\n", 2, "not in the subset"),
    "a string": (INT + "    return 'x'\n", 2, "not in the subset"),
    "more than 64 bits": (INT + "    return a + 9223372036854775808\n", 2, "does not fit 64 bits"),
    "a keyword argument": (
        INT + "    return g(ctx, b=a)\ndef g(ctx: Context, b: int) -> int:\n    return b\n",
        2,
        "not in",
    ),
    "an argument too few": (
        INT + "    return g(ctx)\ndef g(ctx: Context, b: int) -> int:\n    return b\n",
        2,
        "wrong number",
    ),
    "a call without ctx": (
        INT + "    return g(a)\ndef g(ctx: Context) -> int:\n    return 1\n",
        2,
        "the first argument is not",
    ),
    "a result that is none": (
        INT + "    return g(ctx)\ndef g(ctx: Context) -> None:\n    return\n",
        2,
        "has no result",
    ),
    "no ctx": ("def f(a: int) -> int:\n    return 1\n", 1, "the first argument is not ctx"),
    "any number of arguments": ("def f(ctx: Context, *a: int) -> int:\n    return 1\n", 1, "only plain parameters"),
    "a default argument": ("def f(ctx: Context, a: int = 1) -> int:\n    return 1\n", 1, "only plain parameters"),
    "no type": ("def f(ctx: Context, a) -> int:\n    return 1\n", 1, "not a type of the subset"),
    "a chained comparison": (INT + "    if 0 < a < 3:\n        return 1\n    return 0\n", 2, "not a comparison"),
    "identity": (INT + "    if a is LIMIT:\n        return 1\n    return 0\n", 2, "not a comparison"),
    "membership": (INT + "    if a in (1, 2):\n        return 1\n    return 0\n", 2, "not a comparison"),
    "a range with a step": (
        INT + "    for i in range(0, a, 2):\n        a -= i\n    return a\n",
        2,
        "range(FIRST, LAST)",
    ),
    "a loop over no range": (INT + "    for i in ctx.state:\n        a -= i\n    return a\n", 2, "range(FIRST, LAST)"),
    "two loop variables": (INT + "    for i, j in range(a):\n        a -= i\n    return a\n", 2, "range(FIRST, LAST)"),
    "else of a loop": (
        INT + "    while a:\n        a -= 1\n    else:\n        a = 3\n    return a\n",
        2,
        "not in the subset",
    ),
    "two targets": (INT + "    x = y = 2\n    return x\n", 2, "not in the subset"),
    "an exception": (
        INT + "    try:\n        a = 1\n    finally:\n        a = 2\n    return a\n",
        2,
        "not in the subset",
    ),
    "a nested function": (INT + "    def g() -> int:\n        return 1\n    return a\n", 2, "not in the subset"),
    "a view of two": (
        INT + "    v = ctx.state\n    if a:\n        v = ctx.policy\n    return v[0]\n",
        4,
        "something else",
    ),
    "a view augmented": (INT + "    v = ctx.state\n    v += 1\n    return a\n", 3, "no integer"),
    "a wrong operation": (INT + "    return wrap_mul(a)\n", 2, "not as the operation is used"),
    "a prefetch as a value": (INT + "    return prefetch(ctx.state, a)\n", 2, "not as the operation is used"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_naming_file_and_line(case: str, tmp_path: Path) -> None:
    text, line, what = REFUSED[case]
    with pytest.raises(SubsetError) as caught:
        functions_of(tmp_path, text)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'sample.py'}:{FIRST_LINE + line - 1}: ")
    assert what in message


def nodes_of(body: Any) -> list[Any]:
    """All nodes of a body, nested ones included."""
    found = []
    for node in body:
        found.append(node)
        for inner in ("prelude", "body", "then", "orelse"):
            found += nodes_of(getattr(node, inner, ()))
    return found


def test_constants_fold(tmp_path: Path) -> None:
    function = compiled(
        tmp_path, "def f(ctx: Context) -> int:\n    return (1 << LIMIT) * 5 + ~2 - -ctx.ROOM // 1\n", {"ROOM": 7}
    )
    # 8 * 5 + -3 + 7, where -7 // 1 has no value in the subset and stays
    assert [type(n) for n in function.body[:-1]] == [ir.Binary, ir.Binary]
    function = compiled(
        tmp_path, "def f(ctx: Context) -> int:\n    return (1 << LIMIT) * 5 + ~2 - ctx.ROOM // 2\n", {"ROOM": 7}
    )
    (returned,) = function.body
    assert isinstance(returned, ir.Return) and returned.value == Const(34, I64)


def test_what_has_no_value_is_not_folded(tmp_path: Path) -> None:
    for expression in ("1 << 64", "1 // 0", "4 % -3", "1 << 62 << 1", "LIMIT >> -1"):
        function = compiled(tmp_path, f"def f(ctx: Context) -> int:\n    return {expression}\n")
        assert any(isinstance(n, ir.Binary) for n in function.body), expression


def test_dead_branches_vanish(tmp_path: Path) -> None:
    text = (
        INT
        + "    if ctx.IDEAL and a > 3:\n        return gone(ctx)\n    if not ctx.IDEAL or a == 1:\n        return 2\n"
        "    x = gone(ctx) if ctx.IDEAL else 5\n    return x\ndef gone(ctx: Context) -> int:\n    return 9\n"
    )
    functions = functions_of(tmp_path, text, {"IDEAL": False})
    assert [name.rpartition(".")[2] for name in functions] == ["f"]
    body = next(iter(functions.values())).body
    assert not any(isinstance(n, ir.If | ir.Compare | trusted.CoreCall) for n in nodes_of(body))
    assert isinstance(body[0], ir.Return) and body[0].value == Const(2, I64)
    kept = functions_of(tmp_path, text, {"IDEAL": True})
    assert sorted(name.rpartition(".")[2] for name in kept) == ["f", "gone"]


def test_a_place_is_evaluated_once(tmp_path: Path) -> None:
    text = (
        INT
        + "    ctx.state[g(ctx)] += 1\n    return 1\ndef g(ctx: Context) -> int:\n    ctx.state[1] += 1\n    return 5\n"
    )
    calls = [n for n in nodes_of(compiled(tmp_path, text).body) if isinstance(n, trusted.CoreCall)]
    assert len(calls) == 1


def test_what_both_arms_assign_is_assigned(tmp_path: Path) -> None:
    compiled(tmp_path, INT + "    if a:\n        x = 1\n    else:\n        x = 2\n    return x\n")
    compiled(tmp_path, INT + "    if a:\n        return 0\n    else:\n        x = 2\n    return x\n")
    compiled(tmp_path, INT + "    while True:\n        a += 1\n        if a > 9:\n            return a\n")


def test_a_comment_is_no_code(tmp_path: Path) -> None:
    function = compiled(tmp_path, 'def f(ctx: Context) -> None:\n    """What it does."""\n    return\n')
    assert [type(n) for n in function.body] == [ir.Return]
