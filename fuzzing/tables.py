"""Random declarations of a policy, and what kfuncs can be called with them.

In: a source of chance. Out: `Tables`, the declarations that a number of generated hooks share, so that their native
code can share a module; and `callable_kfuncs`, which reads the `abi` and so knows of every kfunc there is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from dsl import abi, ir
from dsl.abi import ABI_HASH
from dsl.source import NOWHERE, Source
from dsl.types import BOOL, FOLIO, I64, PAGE_KEY, U8, U16, U32, U64, Type, ref

SCALARS = (U8, U16, U32, U64, I64, BOOL, PAGE_KEY)


@dataclass(frozen=True)
class Callable:
    """A kfunc with the declaration it is called on (-1: none) and the types of its arguments and result."""

    kfunc: abi.Kfunc
    table: int
    arguments: tuple[Type, ...]
    result: Type | None


def empty_policy(name: str = "fuzzed") -> ir.Policy:
    return ir.Policy(name, ABI_HASH, (), (), (), (), (), (), (), Source("fuzzed", ""))


def random_tables(seed: int) -> ir.Policy:
    """A policy without hooks: declarations of every kind, a few of each."""
    chance = random.Random(f"tables {seed}")
    states = [ir.State(f"s{n}", t, 1, False, 0, NOWHERE) for n, t in enumerate(chance.sample(SCALARS, 3))]
    states += [
        ir.State(f"a{n}", t, chance.choice((2, 8, 16)), True, t.maximum if chance.random() < 0.3 else 0, NOWHERE)
        for n, t in enumerate(chance.sample(SCALARS, 2))
    ]
    lists = _lists(chance)
    return replace(
        empty_policy(),
        params=_params(chance),
        states=tuple(states),
        lists=lists,
        cursors=(ir.Cursor("hand", 1, chance.randrange(lists[1].length), NOWHERE),),
        fields=tuple(ir.Field(f"f{n}", t, NOWHERE) for n, t in enumerate(chance.sample(SCALARS, 2))),
        maps=_maps(chance),
    )


def _params(chance: random.Random) -> tuple[ir.Param, ...]:
    low = chance.randint(-5, 5)
    found = (
        ir.Param("few", U64, 3, 2, 11, NOWHERE),
        ir.Param("share", U8, 50, 0, 100, NOWHERE),
        ir.Param("signed", I64, low, low, low + chance.choice((0, 3, 1 << 40)), NOWHERE),
    )
    return tuple(chance.sample(found, 2))


def _lists(chance: random.Random) -> tuple[ir.ListDecl, ...]:
    return (
        ir.ListDecl("queue", "list", 1, False, NOWHERE),
        ir.ListDecl("levels", "list", chance.choice((3, 4, 8)), True, NOWHERE),
        *(ir.ListDecl(f"the_{kind}", kind, 1, False, NOWHERE) for kind in ("bag", "heap")),
    )


MAP_KINDS = tuple(sorted({kind for k in abi.KFUNCS.values() for kind in k.kinds}))
KEYS = (PAGE_KEY, U64, U8, I64, U32, BOOL)


def _maps(chance: random.Random) -> tuple[ir.Map, ...]:
    """Two maps or three, of different kinds; now and then a set."""
    found = []
    for number, kind in enumerate(chance.sample(MAP_KINDS, chance.choice((1, 2, 2, 3)))):
        count = chance.choice((1, 1, 2)) if kind == "array" else chance.choice((0, 1, 1, 2))
        fields = tuple(ir.Field(f"v{n}", chance.choice(SCALARS), NOWHERE) for n in range(count))
        key = U64 if kind == "array" else chance.choice(KEYS)
        capacity: ir.Size = chance.choice(((4,), (64,), ("nr_pages",), ("nr_pages", 60, "*", 100, "/")))
        found.append(ir.Map(f"m{number}", kind, key, fields, capacity, NOWHERE))
    return tuple(found)


def callables(policy: ir.Policy) -> tuple[Callable, ...]:
    """Every kfunc on every declaration it fits."""
    found = []
    for kfunc in abi.KFUNCS.values():
        for table in _tables_for(policy, kfunc):
            arguments = tuple(ir.meant(arg.type, table, policy.maps) for arg in kfunc.args)
            result = ref(table) if kfunc.ownership == "ref" else kfunc.result
            if result is not None:
                result = ir.meant(result, table, policy.maps)
            found.append(Callable(kfunc, table, arguments, result))
    return tuple(found)


def _tables_for(policy: ir.Policy, kfunc: abi.Kfunc) -> list[int]:
    if kfunc.receiver in ("map", "ref"):
        fit = [n for n, declared in enumerate(policy.maps) if declared.kind in kfunc.kinds]
        return [n for n in fit if ir.of_counters(policy.maps[n]) or not kfunc.of_counters]
    if kfunc.receiver == "cursor":
        return list(range(len(policy.cursors)))
    if kfunc.receiver in ("bag", "heap"):
        return [n for n, declared in enumerate(policy.lists) if declared.kind == kfunc.receiver]
    return [-1]


@dataclass(frozen=True)
class Calls:
    """What a hook may call, by what it is good for; `forbidden` is what it may not."""

    plain: tuple[Callable, ...]
    takers: tuple[Callable, ...]
    poppers: tuple[Callable, ...]
    finders: tuple[Callable, ...]
    lookups: tuple[Callable, ...]
    forbidden: tuple[Callable, ...]


def calls_of(policy: ir.Policy) -> dict[str, Calls]:
    """By hook."""
    everything = callables(policy)
    return {hook: _calls_in(everything, hook) for hook in abi.HOOKS}


def _calls_in(everything: tuple[Callable, ...], hook: str) -> Calls:
    allowed = tuple(c for c in everything if not c.kfunc.hooks or hook in c.kfunc.hooks)
    giving = {c for c in allowed if any(a.ownership in ("consume", "propose") for a in c.kfunc.args)}
    consuming = {c for c in allowed if any(a.ownership == "consume" for a in c.kfunc.args)}
    return Calls(
        plain=tuple(c for c in allowed if c not in consuming),
        takers=tuple(c for c in allowed if c in giving),
        poppers=tuple(c for c in allowed if c.kfunc.ownership == "owned"),
        finders=tuple(c for c in allowed if c.result == FOLIO and c.kfunc.ownership == "borrowed"),
        lookups=tuple(c for c in allowed if c.kfunc.ownership == "ref"),
        forbidden=tuple(c for c in everything if c.kfunc.hooks and hook not in c.kfunc.hooks),
    )
