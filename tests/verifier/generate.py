"""Random policies for the verifier: typed, and often acceptable.

In: a seed. Out: a policy with one hook. `numeric` makes arithmetic, branches, loops and array accesses behind tests;
`handles` makes folios popped, tested, moved, given away and lost, and references looked up, tested and invalidated.
"""

from __future__ import annotations

import random

from dsl.ir import BINARY_OPS, COMPARE_OPS, Policy
from dsl.ir_text import parse_policy

_CONSTANTS = (0, 1, 2, 3, 5, 7, 8, 15, 16, 100, 255, 256, 1000, (1 << 32) - 1, 1 << 63, (1 << 64) - 1)
_TYPES = {"u64": (1, 2, 3), "u8": (4, 5), "i64": (6, 7), "bool": (8, 9)}


class _Writer:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.lines: list[str] = []
        self.depth = 0
        self.targets: list[str] = []

    def put(self, line: str) -> None:
        self.lines.append("    " * (self.depth + 1) + line)

    def open(self, line: str, target: str = "") -> None:
        self.put(line + " {")
        self.depth += 1
        self.targets.append(target)

    def close(self) -> None:
        self.depth -= 1
        self.targets.pop()
        self.put("}")

    def leave(self) -> None:
        """A `break` or `continue` of something around."""
        named = [target for target in self.targets if target]
        if not named:
            return
        depth = self.chance.randrange(len(named))
        if named[-1 - depth] == "loop" and self.chance.random() < 0.5:
            self.put(f"continue {depth}")
        else:
            self.put(f"break {depth}")


class _Numeric(_Writer):
    def operand(self, type: str) -> str:
        if self.chance.random() < 0.6:
            return f"%{self.chance.choice(_TYPES[type])}"
        if type == "bool":
            return self.chance.choice(("true", "false"))
        value = self.chance.choice(_CONSTANTS)
        if type == "u8":
            value &= 255
        elif type == "i64":
            value = self.chance.choice((1, -1)) * (value & 0xFFFFFFFF)
        return f"{value}:{type}"

    def register(self, type: str) -> str:
        return f"%{self.chance.choice(_TYPES[type])}"

    def instruction(self) -> None:
        chance = self.chance
        type = chance.choice(("u64", "u64", "u8", "i64"))
        dst, operand = self.register(type), self.operand
        kind = chance.randrange(9)
        if kind < 3:
            self.put(f"{dst} = {chance.choice(BINARY_OPS)} {operand(type)}, {operand(type)}")
        elif kind == 3:
            op = chance.choice(("and", "or", "xor"))
            self.put(f"{self.register('bool')} = {op} {operand('bool')}, {operand('bool')}")
        elif kind == 4:
            source = chance.choice(("u64", "u8", "i64", "bool"))
            self.put(f"{dst} = convert {operand(source)}")
        elif kind == 5:
            self.put(f"{self.register('u64')} = mul_div {operand('u64')}, {operand('u64')}, {operand('u64')}")
        elif kind == 6:
            self.put(f"%{chance.choice((4, 5))} = load state small[0]")
            self.put(f"store state small[0], {operand('u8')}")
        elif kind == 7:
            self.put(f"%1 = {chance.choice(('param few', 'load state wide[0]', 'call ctx_wanted()'))}")
        else:
            self.put(f"{dst} = copy {operand(type)}")

    def compare(self) -> None:
        type = self.chance.choice(("u64", "u8", "i64"))
        op = self.chance.choice(COMPARE_OPS)
        self.put(f"{self.register('bool')} = {op} {self.operand(type)}, {self.operand(type)}")

    def access(self) -> None:
        """An array access or a narrowing store behind a test that makes it safe, most of the time."""
        chance, index = self.chance, f"%{self.chance.choice((1, 2, 3))}"
        how = chance.randrange(4)
        if how == 0:
            self.put(f"%10 = and {index}, {chance.choice((7, 7, 15))}")
        elif how == 1:
            self.put(f"%10 = mod {index}, 8")
        elif how == 2:
            self.put(f"%10 = min {index}, 7")
        else:
            self.put(f"%8 = lt {index}, 8")
            self.open("if %8")
            self.put(f"store state array[{index}], %2")
            self.close()
            return
        self.put("%2 = load state array[%10]")
        self.put("%4 = narrow %10")

    def statement(self) -> None:
        what = self.chance.random()
        if what < 0.5 or self.depth > 5:
            self.instruction()
        elif what < 0.62:
            self.access()
        elif what < 0.8:
            self.compare()
            self.open(f"if %{self.chance.choice((8, 9))}")
            self.body(3)
            if self.chance.random() < 0.4:
                self.leave()
            self.close()
        elif what < 0.88:
            self.open("block", "block")
            self.body(3)
            self.close()
        else:
            self.put(f"%11 = and {self.operand('u64')}, {self.chance.choice((1, 3, 7))}")
            self.open(f"loop %{self.chance.choice((1, 10, 12))} < {self.chance.choice(('%11', '3', '5'))}", "loop")
            self.put(f"%3 = copy %{self.chance.choice((2, 3, 11))}")
            self.body(4)
            self.close()
            self.put("%1 = load state wide[0]")
            self.put("%10 = copy 0")
            self.put("%12 = copy 0")

    def body(self, most: int) -> None:
        for _ in range(self.chance.randint(1, most)):
            self.statement()


_NUMERIC_HEAD = """
policy numbers
param few: u64 = 3 in 2..=11
state small: u8
state wide: u64
state array: u64[8]
hook evict_folios() {
    var %0: u64
    var %1: u64
    var %2: u64
    var %3: u64
    var %4: u8
    var %5: u8
    var %6: i64
    var %7: i64
    var %8: bool
    var %9: bool
    var %10: u64
    var %11: u64
    var %12: u64
    %1 = param few
    %2 = load state wide[0]
    %3 = copy 0
    %4 = load state small[0]
    %5 = copy 3:u8
    %6 = convert %2
    %7 = copy -2:i64
    %8 = copy true
    %9 = copy false
    %10 = copy 0
    %11 = copy 0
    %12 = copy 0
"""


def numeric(seed: int) -> Policy:
    writer = _Numeric(seed)
    writer.body(12)
    return parse_policy(_NUMERIC_HEAD + "\n".join(writer.lines) + "\n}\n")


class _Handles(_Writer):
    def folio(self) -> str:
        return f"%{self.chance.choice((1, 2, 3))}"

    def guarded(self, register: str, body: list[str]) -> None:
        """`body` where the register is not null; now and then without the test."""
        if self.chance.random() < 0.04:
            for line in body:
                self.put(line)
            return
        self.put(f"%8 = ne {register}, null:{'folio' if register != '%5' else 'ref(0)'}")
        self.open("if %8")
        for line in body:
            self.put(line)
        self.close()

    def statement(self) -> None:
        chance, f = self.chance, self.folio()
        what = chance.randrange(16)
        if what >= 12:
            self.memory()
        elif what == 0:
            self.put(f"{f} = call list_head(%4)")
            self.guarded(f, [f"%6 = load field hits of {f}", f"store field hits of {f}, 1:u64"])
        elif what in (1, 2):
            self.put(f"{f} = call list_pop_head(%4)")
            put = chance.choice(("call list_push_tail(%4, {0})", "call ctx_evict({0})"))
            body = [put.format(f)] if chance.random() < 0.94 else []
            self.guarded(f, body)
        elif what == 3:
            self.put(f"{f} = call list_pop_tail(%4)")
        elif what == 4:
            self.guarded(f, [f"call list_push_head(%4, {f})"])
        elif what == 5:
            self.put(f"{f} = copy {chance.choice(('null:folio', self.folio()))}")
        elif what == 6:
            self.put("%5 = call map_lookup m(0:page_key)")
            if chance.random() < 0.2:
                self.put("call map_insert m(1:page_key)")
            self.guarded("%5", ["%6 = load value n of %5", "store value n of %5, %6"])
        elif what == 7:
            self.guarded("%5", ["%6 = load value n of %5"])
        elif what == 8 and self.depth < 4:
            self.open("scan %9 in %4 limit 4" if not any("scan" in t for t in self.targets) else "block", "loop scan")
            self.body(3)
            self.close()
        elif what == 9 and self.depth < 4:
            self.open("loop %7 < 3", "loop")
            self.body(3)
            self.close()
        elif what == 10 and self.depth < 4:
            self.open(f"if %{chance.choice((8, 10))}")
            self.body(2)
            if chance.random() < 0.3:
                self.leave()
            self.close()
        else:
            self.put("%10 = call list_holds(%4, %0)" if chance.random() < 0.5 else "%10 = copy false")

    def memory(self) -> None:
        """Fields read, tested and written through two names of folios that may be the same, and calls that change
        what was read."""
        chance, f = self.chance, self.chance.choice(("%0", "%0", "%11"))
        what = chance.randrange(7)
        if what < 3:
            self.put(f"%6 = load field hits of {f}")
        elif what == 3:
            self.put(f"store field hits of {f}, {chance.choice(('%6', '3:u64', '9:u64'))}")
        elif what == 4:
            self.put(f"%8 = lt %6, {chance.choice((4, 10))}")
            self.open("if %8")
            self.put(f"%6 = load field hits of {f}")
            self.body(2)
            self.close()
        elif what == 5:
            self.put("call map_insert m(1:page_key)")
        else:
            self.put("%10 = call list_move_tail(%4, %0)")

    def leave(self) -> None:
        named = [target for target in self.targets if target]
        if named and self.chance.random() < 0.8:
            self.put(f"break {self.chance.randrange(len(named))}")
        else:
            self.put("return")

    def body(self, most: int) -> None:
        for _ in range(self.chance.randint(1, most)):
            self.statement()


_HANDLES_HEAD = """
policy handles
list queue
field hits: u64
map m: hash<page_key> {n: u64} [64]
hook evict_folios() {
    var %0: folio
    var %1: folio
    var %2: folio
    var %3: folio
    var %4: list
    var %5: ref(0)
    var %6: u64
    var %7: u64
    var %8: bool
    var %9: folio
    var %10: bool
    var %11: folio
    %4 = list queue[0]
    %6 = copy 0
    %0 = call list_head(%4)
    %1 = copy null:folio
    %2 = copy null:folio
    %3 = call list_head(%4)
    %5 = copy null:ref(0)
    %8 = copy true
    %10 = eq %0, null:folio
    if %10 {
        return
    }
    %11 = call list_tail(%4)
    %10 = eq %11, null:folio
    if %10 {
        return
    }
"""


def handles(seed: int) -> Policy:
    writer = _Handles(seed)
    writer.body(8)
    return parse_policy(_HANDLES_HEAD + "\n".join(writer.lines) + "\n}\n")
