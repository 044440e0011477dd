"""Codes against hooks: each code of the verifier in the body of each hook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsl.abi import HOOKS, KFUNCS, Hook
from dsl.codes import CODES
from tests.reject.matrix.cells import Cell, Empty, Entry, Golden, declared, expect


@dataclass(frozen=True)
class Twins:
    """What is rejected in a hook's body, and the nearest that is not."""

    bad: str
    good: str


IN_ANY_HOOK = {
    "uninitialised-local": Twins("let a: u64; total = a;", "let a: u64; a = 1; total = a;"),
    "folio-maybe-null": Twins("let g = queue.head; g.slot = 1;", "let g = queue.head; if g != null { g.slot = 1; }"),
    "map-value-maybe-null": Twins(
        "let e = counts.lookup(3); e.value = 1;", "let e = counts.lookup(3); if e != null { e.value = 1; }"
    ),
    "stale-map-value": Twins(
        "let e = counts.lookup(3); if e != null { counts.delete(3); e.value = 1; }",
        "let e = counts.lookup(3); if e != null { e.value = 1; counts.delete(3); }",
    ),
    "index-out-of-bounds": Twins("hist[small] = 1;", "hist[small & 15] = 1;"),
    "narrowing-store": Twins("small = total;", "small = min(total, 255);"),
    "argument-out-of-range": Twins("queue.mark(small, ACTIVE);", "queue.mark(small & 1, ACTIVE);"),
    "folio-leak": Twins("let g = queue.pop_head();", "let g = queue.pop_head(); if g != null { other.push_tail(g); }"),
    "folio-moved": Twins(
        "let g = queue.pop_head(); if g != null { other.push_tail(g); g.slot = 1; }",
        "let g = queue.pop_head(); if g != null { g.slot = 1; other.push_tail(g); }",
    ),
    "folio-not-owned": Twins(
        "let g = queue.head; if g != null { other.push_tail(g); }",
        "let g = queue.head; if g != null { other.move_tail(g); }",
    ),
    "ownership-mismatch": Twins(
        "let g = queue.pop_head(); if g != null { if small > 3 { other.push_tail(g); } }",
        "let g = queue.pop_head(); if g != null { if small > 3 { other.push_tail(g); } else { queue.push_tail(g); } }",
    ),
    "ownership-in-loop": Twins(
        "let g = queue.pop_head(); if g == null { return; } for i in 0..2 { other.push_tail(g); }",
        "let g = queue.pop_head(); if g == null { return; } for i in 0..2 { other.push_tail(g); return; }",
    ),
    "too-many-steps": Twins("loop up to total { small = 1; }", "loop up to min(total, 64) { small = 1; }"),
    "scan-nested": Twins(
        "scan g in queue limit 4 { scan h in other limit 4 { h.slot = 1; } }",
        "scan g in queue limit 4 { g.slot = 1; } scan h in other limit 4 { h.slot = 1; }",
    ),
}

IN_BODIES = "arises in the body of any hook alike: see the constructs"
NOT_IN_HOOKS = {
    "policy-line": "arises at a policy's first line only",
    "not-constant": "arises in declarations only",
    "duplicate-name": IN_BODIES,
    "reserved-name": IN_BODIES,
    "malformed-object": "no source compiles to it",
    "recursive-function": "hooks are not called",
    "missing-return": "a hook that returns nothing has a default result",
    "nesting-too-deep": "its smallest program is too large for a golden",
    "policy-too-large": "its smallest program is too large for a golden",
    "limit-exceeded": "arises in declarations only",
    "unknown-hook": "arises where a hook has no name of the `abi`",
}


def entries() -> Iterator[Entry]:
    for code in CODES:
        if code in IN_ANY_HOOK:
            yield _in_all(code, IN_ANY_HOOK[code])
        elif code in NOT_IN_HOOKS or (CODES[code].stage in ("syntax", "names", "types") and code != "hook-parameters"):
            yield from (Empty(Cell(code, "hook", name), NOT_IN_HOOKS.get(code, IN_BODIES)) for name in HOOKS)
    yield _parameters()
    yield _not_allowed()
    yield from _results()


def _hook(hook: Hook, line: str) -> str:
    """The hook with a body of one line, which may be followed by an expectation. What it owns, it gives away before."""
    code, mark, comment = line.partition("  //!")
    given = "queue.push_tail(f); " if hook.folio == "owned" else ""
    return f"hook {hook.name}({', '.join(hook.parameters)}) {{ {given}{code} }}{mark}{comment}\n"


def _in_all(code: str, twins: Twins) -> Golden:
    """One program for all hooks: each has the mistake once."""
    bad = "".join(_hook(hook, expect(twins.bad, code)) for hook in HOOKS.values())
    good = "".join(_hook(hook, twins.good) for hook in HOOKS.values())
    cells = tuple(Cell(code, "hook", name) for name in HOOKS)
    return Golden(f"{code} in every hook", cells, declared(bad) + bad, declared(good) + good)


def _parameters() -> Golden:
    bad, good = "", ""
    for hook in HOOKS.values():
        names = ", ".join(hook.parameters)
        given = "queue.push_tail(f); " if hook.folio == "owned" else ""
        bad += expect(f"hook {hook.name}({names}, more) {{ {given}}}", "hook-parameters") + "\n"
        good += f"hook {hook.name}({names}) {{ {given}}}\n"
    cells = tuple(Cell("hook-parameters", "hook", name) for name in HOOKS)
    return Golden("hook-parameters in every hook", cells, declared(bad) + bad, declared(good) + good)


def _not_allowed() -> Golden:
    """In each hook something of the context that belongs to others; in the twin something that belongs to it, if there
    is such a thing."""
    code, bad, good = "kfunc-not-allowed-here", "", ""
    properties = [
        k for k in KFUNCS.values() if k.receiver == "ctx" and k.is_property and k.result == KFUNCS["ctx_now"].result
    ]
    for hook in HOOKS.values():
        foreign = next(k.member for k in properties if k.hooks and hook.name not in k.hooks)
        own = next((k.member for k in properties if hook.name in k.hooks), "now")
        bad += _hook(hook, expect(f"total = ctx.{foreign};", code))
        good += _hook(hook, f"total = ctx.{own};")
    return Golden(
        f"{code} in every hook",
        tuple(Cell(code, "hook", name) for name in HOOKS),
        declared(bad) + bad,
        declared(good) + good,
    )


def _results() -> Iterator[Entry]:
    code, bad, good, cells = "return-out-of-range", "", "", []
    for hook in HOOKS.values():
        cell = Cell(code, "hook", hook.name)
        if hook.result is None:
            yield Empty(cell, "the hook returns nothing")
            continue
        value = "small" if hook.result.bits == 8 else "total"
        bad += _hook(hook, expect(f"return {value};", code))
        good += _hook(hook, f"return min({value}, {hook.high});")
        cells.append(cell)
    yield Golden(f"{code} in every hook with a result", tuple(cells), declared(bad) + bad, declared(good) + good)
