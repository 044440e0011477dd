"""Every way to weaken the `abi` by one promise.

In: the tables of `dsl/abi.py`. Out: `Broken` promises: a kfunc that says it gives less than it does, takes what it
does not take, is called where it must not be, leaves alive what it kills, costs nothing; a hook that owns what it
borrows; a limit that is none. `apply` changes the tables in place, in a process made for it (`fuzzing/mutants.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from dsl import abi
from dsl.types import BOOL, FOLIO, REFERENCE

ALL_KINDS = tuple(sorted({kind for kfunc in abi.KFUNCS.values() for kind in kfunc.kinds}))
LIMITS = tuple(sorted(name for name in vars(abi) if name.startswith("MAX_")))
FACTS = (
    "MAX_FOLIOS",
    "MAX_MEMORY_PAGES",
    "MAX_SCAN",
    "MAX_SHADOW",
    "MAX_AGE",
    "MAX_LRUVECS",
    "MAX_TASKS",
    "MAX_PRIORITY",
)
"""Numbers that say what the core does; the ranges of kfuncs have them in them, and are broken one by one."""


@dataclass(frozen=True)
class Broken:
    """One promise: what is broken, and how."""

    place: str
    kind: str
    apply: Callable[[], None]

    @property
    def name(self) -> str:
        return f"abi:{self.place}: {self.kind}"


def broken_promises() -> Iterator[Broken]:
    for name, kfunc in abi.KFUNCS.items():
        for kind, changes in _kfunc_changes(kfunc):
            yield Broken(name, kind, _putting(abi.KFUNCS, name, replace(kfunc, **changes)))
        for number, arg in enumerate(kfunc.args):
            for kind, changes in _argument_changes(arg):
                args = (*kfunc.args[:number], replace(arg, **changes), *kfunc.args[number + 1 :])
                yield Broken(f"{name}({arg.name})", kind, _putting(abi.KFUNCS, name, replace(kfunc, args=args)))
    for name, hook in abi.HOOKS.items():
        for kind, changes in _hook_changes(hook):
            yield Broken(f"hook {name}", kind, _putting(abi.HOOKS, name, replace(hook, **changes)))
    for name in LIMITS:
        if name not in FACTS:
            yield Broken(name, "no limit", _setting(name))


def _putting(table: dict[str, Any], name: str, entry: object) -> Callable[[], None]:
    def apply() -> None:
        table[name] = entry

    return apply


def _setting(name: str) -> Callable[[], None]:
    return lambda: setattr(abi, name, 1 << 40)


def _kfunc_changes(kfunc: abi.Kfunc) -> Iterator[tuple[str, dict[str, Any]]]:
    if kfunc.result is not None and (kfunc.result.is_integer) and kfunc.low < kfunc.high:
        yield "gives one less than it may", {"high": kfunc.high - 1}
        yield "gives one more than it may", {"low": kfunc.low + 1}
    if kfunc.result == FOLIO:
        other = "owned" if kfunc.ownership == "borrowed" else "borrowed"
        yield f"its folio is {other}", {"ownership": other}
    if not kfunc.pure:
        yield "has no effects", {"pure": True}
    if kfunc.hooks:
        yield "allowed in every hook", {"hooks": ()}
    if kfunc.kinds and set(kfunc.kinds) != set(ALL_KINDS):
        yield "on every kind of map", {"kinds": ALL_KINDS}
    if kfunc.clears_refs:
        yield "references survive it", {"clears_refs": False}
    if kfunc.of_counters:
        yield "on every array", {"of_counters": False}
    if kfunc.steps_per_element:
        yield "elements cost nothing", {"steps_per_element": 0}
    yield "costs nothing", {"steps": 0}


def _argument_changes(arg: abi.Arg) -> Iterator[tuple[str, dict[str, Any]]]:
    if arg.ownership in ("consume", "propose"):
        yield "its folio stays in hand", {"ownership": "borrow"}
    if arg.low is not None:
        yield "takes any number", {"low": None, "high": None}
    assert arg.type not in (BOOL, REFERENCE) or not arg.ownership


def _hook_changes(hook: abi.Hook) -> Iterator[tuple[str, dict[str, Any]]]:
    if hook.folio is not None:
        yield (
            "its folio is owned" if hook.folio == "borrowed" else "its folio is borrowed",
            {"folio": "owned" if hook.folio == "borrowed" else "borrowed"},
        )
    if hook.result is not None:
        yield "may return anything", {"low": hook.result.minimum, "high": hook.result.maximum}
