"""Random hooks in IR, mostly valid, as a compiler or an attacker may write them.

In: declarations (`fuzzing/tables.py`) and a seed. Out: a policy with one hook of any kind. Handles are tested before
they are used, owned folios given away, indices masked or tested, most of the time: what is forgotten now and then is
what a verifier is there for. Every instruction, every kfunc of the `abi` and every form of control occurs.
"""

from __future__ import annotations

import random
from collections.abc import Callable as Function
from dataclasses import dataclass, field, replace
from typing import Any

from dsl import abi, ir
from dsl.ir import Const, Operand, Reg
from dsl.source import NOWHERE
from dsl.types import BOOL, FOLIO, I64, INTEGERS, LIST, PAGE_KEY, U64, Type, ref
from fuzzing.ir_patterns import Patterns
from fuzzing.tables import Callable, Calls

BOUNDS = (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 63, 64, 100, 127, 128, 255, 256, 1000, 4096, 65535, 65536)
MISTAKE = 0.01
MAX_DEPTH = 3
HOOKS = tuple(abi.HOOKS)


@dataclass
class _Known:
    """What the writer believes at a point: registers that are set, handles that may be used, folios that are owned."""

    assigned: set[int] = field(default_factory=set)
    usable: set[int] = field(default_factory=set)
    owned: set[int] = field(default_factory=set)

    def fork(self) -> _Known:
        return _Known(set(self.assigned), set(self.usable), set(self.owned))

    def meet(self, other: _Known) -> None:
        self.assigned &= other.assigned
        self.usable &= other.usable
        self.owned &= other.owned


class Writer:
    """Writes one hook."""

    def __init__(self, policy: ir.Policy, calls: dict[str, Calls], seed: int) -> None:
        self.policy, self.chance = policy, random.Random(seed)
        self.hook = abi.HOOKS[self.chance.choice(HOOKS)]
        self.calls = calls[self.hook.name]
        self.registers: list[Reg] = []
        self.of_type: dict[Type, list[Reg]] = {}
        self.references = tuple(ref(n) for n, declared in enumerate(policy.maps) if declared.fields)
        self.known = _Known()
        self.targets: list[str] = []
        self.body: list[Any] = []
        self.kinds: list[Function[[], None]] = [
            self.binary, self.binary, self.binary, self.convert, self.convert, self.narrow, self.mul_div, self.copy,
            self.load_param, self.state, self.state, self.state, self.array, self.folio_field, self.folio_field,
            self.map_value, self.call, self.call, self.call, self.call, self.find, self.find, self.take, self.look_up,
            self.look_up, self.compare, self.branch, self.branch, self.branch, self.block, self.loop, self.scan,
            self.logic, self.list_at,
        ]  # fmt: skip

        self.kinds += Patterns(self).kinds

    def policy_with_hook(self) -> ir.Policy:
        return replace(self.policy, hooks=(self.write(),))

    def write(self) -> ir.Function:
        params: tuple[Reg, ...] = ()
        if self.hook.folio is not None and self.chance.random() > 0.02:
            f = self.register(FOLIO, fresh=True)
            params = (f,)
            self.assign(f)
            self.known.usable.add(f.index)
            if self.hook.folio == "owned":
                self.known.owned.add(f.index)
        self.emit(ir.ListAt(self.dst(LIST), 0, Const(0, U64), NOWHERE))
        self.statements(self.chance.randint(1, 5))
        self.finish()
        registers = tuple(self.registers)
        return ir.Function(self.hook.name, params, self.hook.result, registers, tuple(self.body), NOWHERE)

    def finish(self) -> None:
        """Gives away what is owned, and answers."""
        for index in sorted(self.known.owned):
            if not self.mistake():
                self.dispose(self.registers[index])
        if self.hook.result is not None and not self.mistake():
            self.answer()

    def answer(self) -> None:
        result = self.hook.result
        assert result is not None
        value: Operand = Const(self.chance.choice((self.hook.low, self.hook.high)), result)
        if self.chance.random() < 0.3 and (known := self.readable(result)):
            value = self.dst(result)
            limit = Const(self.hook.high, result)
            self.emit(ir.Binary(value, "min", self.chance.choice(known), limit, NOWHERE))
        self.emit(ir.Return(value, NOWHERE))

    # --- registers and operands ----------------------------------------------------------------------------

    def mistake(self) -> bool:
        return self.chance.random() < MISTAKE

    def register(self, type: Type, fresh: bool = False) -> Reg:
        """A register that may be overwritten."""
        if not fresh and self.chance.random() < 0.5:
            careless = self.mistake()
            found = [r for r in self.of_type.get(type, ()) if careless or r.index not in self.known.owned]
            if found:
                return self.chance.choice(found)
        self.registers.append(Reg(len(self.registers), type))
        self.of_type.setdefault(type, []).append(self.registers[-1])
        return self.registers[-1]

    def assign(self, register: Reg) -> None:
        self.known.assigned.add(register.index)
        self.known.usable.discard(register.index)

    def dst(self, type: Type) -> Reg:
        found = self.register(type)
        self.assign(found)
        return found

    def readable(self, type: Type) -> list[Reg]:
        return self._among(type, self.known.assigned)

    def usable(self, type: Type) -> list[Reg]:
        return self._among(type, self.known.usable)

    def _among(self, type: Type, fit: set[int]) -> list[Reg]:
        found = self.of_type.get(type, [])
        return found if self.mistake() else [r for r in found if r.index in fit]

    def constant(self, type: Type) -> Const:
        if not type.is_scalar:
            return Const(0, type)
        value = self.chance.choice(BOUNDS)
        if self.chance.random() < 0.2:
            value = self.chance.choice((type.minimum, type.maximum, type.maximum >> 1, -value, type.maximum - value))
        return Const(max(type.minimum, min(value, type.maximum)), type)

    def operand(self, type: Type) -> Operand:
        found = self.readable(type)
        if found and (self.chance.random() < 0.75 or type == LIST):
            return self.chance.choice(found)
        if type == LIST:
            at = self.dst(LIST)
            self.emit(ir.ListAt(at, 0, Const(0, U64), NOWHERE))
            return at
        return self.constant(type)

    def integer(self) -> Type:
        return self.chance.choice((U64, U64, U64, I64, *INTEGERS))

    def emit(self, node: ir.Node) -> None:
        self.body.append(node)

    # --- bodies --------------------------------------------------------------------------------------------

    def statements(self, count: int) -> None:
        for _ in range(count):
            self.chance.choice(self.kinds)()

    def inside(self, write: Function[[], None], before: Function[[], None] | None = None) -> tuple[ir.Node, ...]:
        """A body of its own. What it came to know is forgotten, what it gave away is not."""
        outer, known = self.body, self.known
        self.body, self.known = [], known.fork()
        if before is not None:
            before()
        write()
        for index in sorted(self.known.owned - known.owned):
            if not self.mistake():
                self.dispose(self.registers[index])
        body, self.body = tuple(self.body), outer
        inner, self.known = self.known, known
        known.meet(inner)
        return body

    def some(self) -> None:
        self.statements(self.chance.randint(1, 2))

    # --- arithmetic ----------------------------------------------------------------------------------------

    def binary(self) -> None:
        type, op = self.integer(), self.chance.choice(ir.BINARY_OPS)
        left, right = self.operand(type), self.operand(type)
        self.emit(ir.Binary(self.dst(type), op, left, right, NOWHERE))

    def logic(self) -> None:
        left, right = self.operand(BOOL), self.operand(BOOL)
        self.emit(ir.Binary(self.dst(BOOL), self.chance.choice(("and", "or", "xor")), left, right, NOWHERE))

    def condition(self) -> Operand:
        known = self.readable(BOOL)
        if known and self.chance.random() < 0.4:
            return self.chance.choice(known)
        return self.compared()

    def compared(self) -> Reg:
        type = self.chance.choice((U64, U64, I64, *INTEGERS, BOOL, PAGE_KEY, FOLIO))
        op = self.chance.choice(ir.COMPARE_OPS if type.is_integer else ("eq", "ne"))
        left, right = self.operand(type), self.operand(type)
        dst = self.dst(BOOL)
        self.emit(ir.Compare(dst, op, left, right, NOWHERE))
        return dst

    def compare(self) -> None:
        self.compared()

    def convert(self) -> None:
        source, target = self.chance.choice((*INTEGERS, BOOL)), self.integer()
        src = self.operand(source)
        self.emit(ir.Convert(self.dst(target), src, NOWHERE))

    def narrow(self) -> None:
        source, target = self.integer(), self.integer()
        src = self.operand(source)
        if (not self.mistake() and source.maximum > target.maximum) or source.signed != target.signed:
            at = self.dst(source)
            self.emit(ir.Binary(at, "and", src, Const(min(127, target.maximum), source), NOWHERE))
            src = at
        self.emit(ir.Narrow(self.dst(target), src, NOWHERE))

    def mul_div(self) -> None:
        a, b, c = self.operand(U64), self.operand(U64), self.operand(U64)
        self.emit(ir.MulDiv(self.dst(U64), a, b, c, NOWHERE))

    def copy(self) -> None:
        type = self.chance.choice((U64, I64, FOLIO, BOOL, *self.references))
        src = self.operand(type)
        dst = self.dst(type)
        self.emit(ir.Copy(dst, src, NOWHERE))
        if isinstance(src, Reg) and src.index != dst.index:
            if src.index in self.known.usable:
                self.known.usable.add(dst.index)
            if src.index in self.known.owned:
                self.known.owned.discard(src.index)
                self.known.owned.add(dst.index)
                self.known.usable.discard(src.index)
                self.known.assigned.discard(src.index)

    # --- memory --------------------------------------------------------------------------------------------

    def load_param(self) -> None:
        if self.policy.params:
            number = self.chance.randrange(len(self.policy.params))
            self.emit(ir.LoadParam(self.dst(self.policy.params[number].type), number, NOWHERE))

    def state(self) -> None:
        number = self.chance.randrange(len(self.policy.states))
        state = self.policy.states[number]
        if state.length > 1:
            self.array()
        elif self.chance.random() < 0.5:
            self.emit(ir.LoadState(self.dst(state.type), number, Const(0, U64), NOWHERE))
        else:
            self.emit(ir.StoreState(number, Const(0, U64), self.operand(state.type), NOWHERE))

    def index(self, length: int) -> Operand:
        """An index that was made to fit in one of the ways that programs use."""
        chance, source = self.chance, self.operand(U64)
        if self.mistake():
            return source
        how, dst = chance.randrange(4), self.dst(U64)
        if how == 0 and not length & (length - 1):
            self.emit(ir.Binary(dst, "and", source, Const(length - 1, U64), NOWHERE))
        elif how == 1:
            self.emit(ir.Binary(dst, "mod", source, Const(length, U64), NOWHERE))
        elif how == 2:
            return Const(chance.randrange(length), U64)
        else:
            self.emit(ir.Binary(dst, "min", source, Const(length - chance.choice((1, 1, 1, 1, 0)), U64), NOWHERE))
        return dst

    def array(self) -> None:
        arrays = [n for n, state in enumerate(self.policy.states) if state.length > 1]
        if not arrays:
            return
        number = self.chance.choice(arrays)
        state = self.policy.states[number]
        if self.chance.random() < 0.3 and (found := self.readable(U64)):
            self.guarded_access(number, self.chance.choice(found))
            return
        self.access(number, self.index(state.length))

    def access(self, number: int, index: Operand) -> None:
        type = self.policy.states[number].type
        if self.chance.random() < 0.5:
            self.emit(ir.LoadState(self.dst(type), number, index, NOWHERE))
        else:
            self.emit(ir.StoreState(number, index, self.operand(type), NOWHERE))

    def guarded_access(self, number: int, index: Reg) -> None:
        """Behind a test of the index, either way round."""
        length, test = Const(self.policy.states[number].length, U64), self.dst(BOOL)
        forward = self.chance.random() < 0.5
        self.emit(ir.Compare(test, "lt" if forward else "ge", index, length, NOWHERE))
        inner = self.inside(lambda: self.access(number, index))
        self.emit(ir.If(test, inner if forward else (), () if forward else inner, NOWHERE))

    def folio_field(self) -> None:
        folios = self.usable(FOLIO)
        if not folios or not self.policy.fields:
            return self.find()
        number = self.chance.randrange(len(self.policy.fields))
        type, f = self.policy.fields[number].type, self.chance.choice(folios)
        if self.chance.random() < 0.6:
            self.emit(ir.LoadField(self.dst(type), f, number, NOWHERE))
        else:
            self.emit(ir.StoreField(f, number, self.operand(type), NOWHERE))
        return None

    def map_value(self) -> None:
        everywhere = self.mistake()
        refs = [r for r in self.registers if r.type in self.references and (everywhere or r.index in self.known.usable)]
        if not refs:
            return self.look_up()
        at = self.chance.choice(refs)
        fields = self.policy.maps[at.type.table].fields
        number = self.chance.randrange(len(fields))
        if self.chance.random() < 0.6:
            self.emit(ir.LoadRef(self.dst(fields[number].type), at, number, NOWHERE))
        else:
            self.emit(ir.StoreRef(at, number, self.operand(fields[number].type), NOWHERE))
        return None

    def list_at(self) -> None:
        lists = [n for n, declared in enumerate(self.policy.lists) if declared.kind != "heap" or self.mistake()]
        number = self.chance.choice(lists)
        index = self.index(self.policy.lists[number].length)
        self.emit(ir.ListAt(self.dst(LIST), number, index, NOWHERE))

    # --- calls ---------------------------------------------------------------------------------------------

    def call(self) -> None:
        wrong = self.calls.forbidden and self.mistake()
        self.emit_call(self.chance.choice(self.calls.forbidden if wrong else self.calls.plain))

    def emit_call(self, chosen: Callable, folio: Reg | None = None) -> Reg | None:
        """A call, with arguments that fit, mostly; None if there are none. Its result is left as it comes."""
        arguments: list[Operand] = []
        for type, arg in zip(chosen.arguments, chosen.kfunc.args, strict=True):
            found = self.argument(type, arg, folio)
            if found is None:
                return None
            arguments.append(found)
        dst = None
        if chosen.result is not None and (chosen.kfunc.ownership == "owned" or self.chance.random() < 0.9):
            dst = self.dst(chosen.result)
        self.emit(ir.Call(dst, chosen.kfunc.name, chosen.table, tuple(arguments), NOWHERE))
        self.consequences(chosen, arguments)
        if dst is not None and (chosen.kfunc.ownership or chosen.result == FOLIO):
            self.guard(dst, chosen.kfunc.ownership == "owned")
        return dst

    def argument(self, type: Type, arg: abi.Arg, folio: Reg | None) -> Operand | None:
        if type == FOLIO or type.name == "ref":
            if folio is not None and type == FOLIO:
                return folio
            found = self.usable(type)
            return self.chance.choice(found) if found else None
        if arg.low is not None and arg.high is not None and not self.mistake():
            if type.is_integer and self.chance.random() < 0.3:
                dst, source = self.dst(type), self.operand(type)
                self.emit(ir.Binary(dst, "min", source, Const(arg.high, type), NOWHERE))
                return dst
            return Const(self.chance.choice((arg.low, arg.high)), type)
        return self.operand(type)

    def consequences(self, chosen: Callable, arguments: list[Operand]) -> None:
        for operand, arg in zip(arguments, chosen.kfunc.args, strict=True):
            if not isinstance(operand, Reg):
                continue
            if arg.ownership == "consume" or (arg.ownership == "propose" and operand.index in self.known.owned):
                self.known.owned.discard(operand.index)
                self.known.usable.discard(operand.index)
                self.known.assigned.discard(operand.index)
        if chosen.kfunc.clears_refs:
            dead = {r.index for r in self.registers if r.type == ref(chosen.table)}
            self.known.usable -= dead

    def guard(self, handle: Reg, owned: bool) -> None:
        """Goes on where a handle is not null."""
        if self.mistake():
            return
        test, null = self.dst(BOOL), Const(0, handle.type)
        forward = self.chance.random() < 0.7
        self.emit(ir.Compare(test, "ne" if forward else "eq", handle, null, NOWHERE))

        def here() -> None:
            self.known.usable.add(handle.index)
            if owned:
                self.known.owned.add(handle.index)

        inner = self.inside(self.some, here)
        self.emit(ir.If(test, inner if forward else (), () if forward else inner, NOWHERE))

    def dispose(self, f: Reg) -> None:
        self.emit_call(self.chance.choice(self.calls.takers), f)

    def find(self) -> None:
        self._some_call(self.calls.finders)

    def take(self) -> None:
        self._some_call(self.calls.poppers)

    def look_up(self) -> None:
        self._some_call(self.calls.lookups)

    def _some_call(self, fitting: tuple[Callable, ...]) -> None:
        if fitting:
            self.emit_call(self.chance.choice(fitting))

    # --- control -------------------------------------------------------------------------------------------

    def branch(self) -> None:
        if self.depth() >= MAX_DEPTH:
            return self.binary()
        condition = self.condition()
        before = self.known.fork()
        then = self.inside(self.leaving if self.chance.random() < 0.3 else self.some)
        after_then, self.known = self.known, before
        orelse = self.inside(self.some) if self.chance.random() < 0.5 else ()
        self.known.meet(after_then)
        self.emit(ir.If(condition, then, orelse, NOWHERE))
        return None

    def depth(self) -> int:
        return len(self.targets)

    def leaving(self) -> None:
        """Some statements, and out."""
        self.some()
        if not self.targets or self.chance.random() < 0.2:
            self.finish()
            if self.hook.result is None:
                self.emit(ir.Return(None, NOWHERE))
            return
        depth = self.chance.randrange(len(self.targets))
        repeats = self.targets[-1 - depth] != "block"
        again = repeats and self.chance.random() < 0.5
        self.emit(ir.Continue(depth, NOWHERE) if again else ir.Break(depth, NOWHERE))

    def block(self) -> None:
        self.nested("block", lambda body: ir.Block(body, NOWHERE))

    def nested(self, target: str, make: Function[[tuple[ir.Node, ...]], ir.Node], variable: Reg | None = None) -> None:
        if self.depth() >= MAX_DEPTH:
            return
        self.targets.append(target)

        def set_variable() -> None:
            if variable is not None:
                self.assign(variable)
                if variable.type == FOLIO:
                    self.known.usable.add(variable.index)

        def write() -> None:
            self.some()
            if self.chance.random() < 0.3:
                self.branch()

        body = self.inside(write, set_variable)
        self.targets.pop()
        if variable is not None:
            self.known.assigned.discard(variable.index)
        self.emit(make(body))

    def limit(self) -> Operand:
        """How often: a small constant, or a value made small."""
        if self.chance.random() < 0.4:
            return Const(self.chance.choice((0, 1, 2, 3, 5)), U64)
        source, dst = self.operand(U64), self.dst(U64)
        op, bound = self.chance.choice((("and", 3), ("mod", 4), ("min", 3), ("shr", 62)))
        self.emit(ir.Binary(dst, op, source, Const(bound, U64), NOWHERE))
        return dst

    def loop(self) -> None:
        limit, index = self.limit(), self.register(U64)
        if index.index in self.known.owned:
            return
        self.nested("loop", lambda body: ir.Loop(index, limit, body, NOWHERE), index)

    def scan(self) -> None:
        if "scan" in self.targets and not self.mistake():
            return
        limit, f = self.limit(), self.register(FOLIO)
        cursor = self.chance.randrange(-1, len(self.policy.cursors))
        source = Const(0, LIST) if cursor >= 0 else self.operand(LIST)
        self.nested("scan", lambda body: ir.Scan(f, source, cursor, limit, body, NOWHERE), f)


def random_policy(tables: ir.Policy, calls: dict[str, Calls], seed: int) -> ir.Policy:
    """A policy with one random hook."""
    return Writer(tables, calls, seed).policy_with_hook()
