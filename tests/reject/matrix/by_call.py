"""Codes against kfuncs: what can be wrong with each call, derived from the `abi`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dsl.abi import HOOKS, KFUNCS, Arg, Kfunc
from dsl.codes import CODES
from dsl.types import BOOL, FOLIO, I64, KEY, LIST, PAGE_KEY, REFERENCE, U8, VALUE
from tests.reject.matrix.cells import Cell, Empty, Entry, Golden, declared, expect

RECEIVERS = {"list": "queue", "bag": "sack", "heap": "pile", "cursor": "hand", "folio": "g", "ref": "e", "ctx": "ctx"}
OF_RECEIVER = {"list": LIST, "folio": FOLIO, "ref": REFERENCE}
"""Receivers that are the first argument, with its type."""

FRONT_END = ("wrong-arguments", "call-form", "type-mismatch", "mixed-signedness", "unused-value")
VERIFIER = (
    "uninitialised-local", "folio-maybe-null", "folio-not-owned", "folio-moved", "folio-leak", "map-value-maybe-null",
    "stale-map-value", "argument-out-of-range",
)  # fmt: skip
NOT_AT_CALLS = {
    "narrowing-store": "arises where a value is converted to a narrower type, before the call: see the constructs",
    "index-out-of-bounds": "arises at the index of an array, before the call: see the constructs",
    "ownership-mismatch": "arises where paths meet: see the constructs",
    "ownership-in-loop": "arises at a loop: see the constructs",
    "too-many-steps": "arises from loops, and at most one call: see the constructs",
    "scan-nested": "arises at a scan: see the constructs",
    "return-out-of-range": "arises at the end of a hook: see the hooks",
    "malformed-object": "no source compiles to it",
}
WHY_NOT = {
    "wrong-arguments": "it is a property",
    "call-form": "it belongs to nothing: the name is no value, or no function",
    "type-mismatch": "it takes no arguments",
    "mixed-signedness": "it takes no integer",
    "unused-value": "it is called, so that its result may be dropped",
    "uninitialised-local": "it takes no arguments that are variables",
    "folio-maybe-null": "it neither takes nor gives a folio",
    "folio-not-owned": "it takes no owned folio",
    "folio-moved": "it takes no folio",
    "folio-leak": "it gives no owned folio",
    "map-value-maybe-null": "it neither takes nor gives a value of a map",
    "stale-map-value": "it takes no value of a map whose entries go, and removes none",
    "argument-out-of-range": "its arguments have no range of their own",
    "kfunc-not-allowed-here": "it is allowed in every hook",
}


@dataclass(frozen=True)
class Mistake:
    """One line that is rejected."""

    code: str
    line: str


class Calls:
    """The right and the wrong ways to call one kfunc."""

    def __init__(self, kfunc: Kfunc) -> None:
        self.kfunc = kfunc
        self.map = {"hash": "counts", "lru_hash": "recent", "array": "cells"}[kfunc.kinds[0] if kfunc.kinds else "hash"]
        first = kfunc.receiver in OF_RECEIVER
        self.written = kfunc.args[1:] if first else kfunc.args
        """The arguments between the parentheses."""

    def call(self, **replaced: str) -> str:
        """The call with `g` for the folio, `e` for the reference, and other values that fit; some `replaced`, by the
        name of the argument."""
        kfunc = self.kfunc
        receiver = RECEIVERS.get(kfunc.receiver or "", "")
        if kfunc.receiver == "map":
            receiver = self.map
        if kfunc.receiver in OF_RECEIVER:
            receiver = replaced.get(kfunc.args[0].name, receiver)
        name = f"{receiver}.{kfunc.member}" if receiver else kfunc.member
        if kfunc.is_property:
            return name
        return f"{name}({', '.join(replaced.get(arg.name, _fitting(arg)) for arg in self.written)})"

    def use(self, call: str) -> str:
        """A statement that makes the call and keeps what it gives."""
        kfunc = self.kfunc
        if kfunc.ownership == "owned":
            return f"let x = {call}; if x != null {{ other.push_tail(x); }}"
        return f"let x = {call};" if kfunc.pure else f"{call};"

    def line(self, call: str) -> str:
        """The same with the folio or the reference that it needs."""
        return self.within(self.use(call))

    def within(self, statements: str) -> str:
        kinds = {arg.type for arg in self.kfunc.args}
        if FOLIO in kinds:
            taken = "pop_head()" if self.consumes else "head"
            return f"let g = queue.{taken}; if g != null {{ {statements} }}"
        if REFERENCE in kinds:
            return f"let e = {self.map}.oldest; if e != null {{ {statements} }}"
        return f"if flag {{ {statements} }}"

    @property
    def consumes(self) -> bool:
        return any(arg.ownership == "consume" for arg in self.kfunc.args)

    @property
    def name(self) -> str:
        return f"{self.kfunc.receiver}.{self.kfunc.member}" if self.kfunc.receiver else self.kfunc.member

    # --- mistakes ------------------------------------------------------------------------------------------

    def of_types(self) -> Iterator[Mistake]:
        kfunc, call = self.kfunc, self.call()
        if kfunc.is_property:
            yield Mistake("call-form" if kfunc.receiver else "unknown-name", self.line(f"{call}()"))
        else:
            more = call[:-1] + (", 1, 1)" if self.written else "1)")
            yield Mistake("wrong-arguments", self.line(more))
            code = "call-form" if kfunc.receiver else "not-a-value"
            yield Mistake(code, self.within(f"let x = {call.partition('(')[0]};"))
        for arg in self.written:
            yield Mistake("type-mismatch", self.line(self.call(**{arg.name: "total" if arg.type == BOOL else "flag"})))
            if arg.type == I64 or arg.type.is_integer or arg.type in (KEY, VALUE):
                wrong = "total" if arg.type == I64 else "signed"
                yield Mistake("mixed-signedness", self.line(self.call(**{arg.name: wrong})))
        if kfunc.is_property:
            yield Mistake("unused-value", self.within(f"{call};"))

    def of_use(self) -> Iterator[Mistake]:
        for arg in self.kfunc.args:
            if arg.type == FOLIO:
                yield from self._of_folio(arg)
            elif arg.type == REFERENCE:
                yield from self._of_reference(arg)
            elif arg.type != LIST:
                type = "u64" if arg.type in (KEY, VALUE) else arg.type
                line = self.within(f"let u: {type}; {self.use(self.call(**{arg.name: 'u'}))}")
                if self.consumes:
                    line = line.replace("let g", f"let u: {type}; let g").replace(f"{{ let u: {type};", "{")
                yield Mistake("uninitialised-local", line)
            if arg.low is not None:
                yield Mistake("argument-out-of-range", self.line(self.call(**{arg.name: "small"})))
        yield from self._of_result()
        if self.kfunc.clears_refs:
            yield Mistake(
                "stale-map-value", f"let e = {self.map}.oldest; if e != null {{ {self.use(self.call())} e.value = 1; }}"
            )

    def _of_folio(self, arg: Arg) -> Iterator[Mistake]:
        use = self.use(self.call(**{arg.name: "n"}))
        taken = "queue.pop_head()" if self.consumes else "queue.head"
        yield Mistake("folio-maybe-null", f"let n = {taken}; {use}")
        yield Mistake("uninitialised-local", f"let n: folio; {use}")
        yield Mistake("folio-moved", f"let n = queue.pop_head(); if n != null {{ other.push_tail(n); {use} }}")
        if arg.ownership == "consume":
            yield Mistake("folio-not-owned", f"let n = queue.head; if n != null {{ {use} }}")

    def _of_reference(self, arg: Arg) -> Iterator[Mistake]:
        use = self.use(self.call(**{arg.name: "r"}))
        yield Mistake("map-value-maybe-null", f"let r = {self.map}.oldest; {use}")
        yield Mistake("stale-map-value", f"let r = {self.map}.oldest; if r != null {{ {self.map}.delete(3); {use} }}")

    def _of_result(self) -> Iterator[Mistake]:
        call = self.call()
        if self.kfunc.ownership == "owned":
            yield Mistake("folio-leak", self.within(f"{call};"))
            yield Mistake("folio-leak", self.within(f"let x = {call};"))
            yield Mistake("folio-maybe-null", self.within(f"let x = {call}; other.push_tail(x);"))
        elif self.kfunc.ownership == "borrowed":
            yield Mistake("folio-maybe-null", self.within(f"let x = {call}; x.slot = 1;"))
        elif self.kfunc.ownership == "ref":
            yield Mistake("map-value-maybe-null", self.within(f"let x = {call}; x.value = 1;"))


def _fitting(arg: Arg) -> str:
    if arg.type == FOLIO:
        return "g"
    if arg.type == REFERENCE:
        return "e"
    if arg.type == U8:
        return "1"
    return {BOOL: "flag", I64: "signed", PAGE_KEY: "page"}.get(arg.type, "total")


def entries() -> Iterator[Entry]:
    for kfunc in KFUNCS.values():
        calls = Calls(kfunc)
        right = calls.line(calls.call())
        stages = list(calls.of_types()), list(calls.of_use())
        for mistakes, stage in zip(stages, ("types", "use"), strict=True):
            if mistakes:
                lines = (f"if total == {i} {{ {m.line} }}" for i, m in enumerate(mistakes))
                bad = "".join(f"    {expect(line, m.code)}\n" for line, m in zip(lines, mistakes, strict=True))
                codes = dict.fromkeys(m.code for m in mistakes)
                cells = tuple(Cell(code, "call", calls.name) for code in codes)
                yield Golden(f"{calls.name} {stage}", cells, _program(kfunc, bad), _program(kfunc, f"    {right}\n"))
        if kfunc.hooks:
            yield _elsewhere(calls, right)
        filled = {m.code for mistakes in stages for m in mistakes} | (
            {"kfunc-not-allowed-here"} if kfunc.hooks else set()
        )
        for code in CODES:
            if code not in filled:
                yield Empty(Cell(code, "call", calls.name), _why_not(code))


def _why_not(code: str) -> str:
    if code in WHY_NOT:
        return WHY_NOT[code]
    return NOT_AT_CALLS.get(code, "does not depend on what is called: see the constructs")


def _program(kfunc: Kfunc, lines: str) -> str:
    hook = HOOKS[kfunc.hooks[0] if kfunc.hooks else "evict_folios"]
    given = "queue.push_tail(f);" if hook.folio == "owned" else ""
    return declared(given, lines) + f"hook {hook.name}({', '.join(hook.parameters)}) {{ {given}\n{lines}}}\n"


def _elsewhere(calls: Calls, right: str) -> Golden:
    """The call in every hook that may not make it, and the twin in those that may."""
    code, bad, good = "kfunc-not-allowed-here", "", ""
    for hook in HOOKS.values():
        given = "queue.push_tail(f); " if hook.folio == "owned" else ""
        text = f"hook {hook.name}({', '.join(hook.parameters)}) {{ {given}{right} }}"
        if hook.name in calls.kfunc.hooks:
            good += text + "\n"
        else:
            bad += expect(text, code) + "\n"
    return Golden(
        f"{calls.name} elsewhere", (Cell(code, "call", calls.name),), declared(bad) + bad, declared(good) + good
    )
