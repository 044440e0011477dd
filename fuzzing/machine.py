"""A machine for IR that trusts nothing, to compare runs with what the verifier proved.

In: a policy that was accepted, and what the verifier says of each of its points (`fuzzing/watch.py`). Out: runs of a
hook on random `Memory`. `Trap` is raised for whatever an accepted policy must not do: it reads nothing unset, leaves no
array and no type, touches no null, no stale reference and no folio it gave away, loses none, calls only what its hook
may call, and returns what its hook may return. It shares no code with the verifier, and with the executors only the
arithmetic. Bodies are compiled to closures: None goes on, `RETURN` ends, 2k is `break k` and 2k + 1 `continue k`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from dsl import abi, ir
from dsl.types import FOLIO, LIST, REFERENCE, Type, wrap
from fuzzing.memory import FOLIOS, UNSET, Memory, TooLong, Trap
from runtime import arithmetic

MAX_STEPS = 4_000
RETURN = -1
SCAN_STEPS = 4

Step = Callable[[], "int | None"]
Check = Callable[[], None]
Watch = Callable[[ir.Node, Memory], Check]
"""Makes the check that runs before a node, when the node is first reached."""


class Machine:
    """Runs one hook. `steps` of the memory counts as the `abi` does."""

    def __init__(self, policy: ir.Policy, function: ir.Function, watch: Watch) -> None:
        self.memory = Memory(policy, function)
        self._policy, self._function, self._watch = policy, function, watch
        self._hook = abi.HOOKS[function.hook]
        self._run = self._body(function.body)

    def run(self, chance: random.Random) -> Memory:
        """One run; the memory it leaves behind."""
        memory = self.memory
        memory.begin(chance)
        if self._run() != RETURN:
            if self._hook.result is not None:
                raise Trap("the hook ends without a result")
            self._end()
        return memory

    def _end(self) -> None:
        if self.memory.hand:
            raise Trap(f"lost folios: {self.memory.hand}")

    # --- control -------------------------------------------------------------------------------------------

    def _body(self, body: tuple[ir.Node, ...]) -> Step:
        slots: list[list[Any]] = [[None, None] for _ in body]

        def run() -> int | None:
            for place, slot in enumerate(slots):
                check, step = slot
                if step is None:
                    check = slot[0] = self._watch(body[place], self.memory)
                    step = slot[1] = self._step(body[place])
                check()
                signal: int | None = step()
                if signal is not None:
                    return signal
            return None

        return run

    def _count(self, steps: int) -> None:
        self.memory.steps += steps
        if self.memory.steps > MAX_STEPS:
            raise TooLong

    def _step(self, node: Any) -> Step:
        method: Callable[[Any], Step] = getattr(self, "_" + type(node).__name__.lower())
        return method(node)

    def _if(self, node: ir.If) -> Step:
        read, then, orelse = self._read(node.condition), self._body(node.then), self._body(node.orelse)

        def run() -> int | None:
            self._count(1)
            return then() if read() else orelse()

        return run

    def _block(self, node: ir.Block) -> Step:
        body = self._body(node.body)

        def run() -> int | None:
            signal = body()
            return None if signal is None else _outward(signal)

        return run

    def _loop(self, node: ir.Loop) -> Step:
        limit, body, index = self._read(node.limit), self._body(node.body), node.index.index

        def run() -> int | None:
            self._count(1)
            for count in range(limit()):
                self._count(1)
                self.memory.put(index, count)
                signal = body()
                if signal is not None and signal != 1:
                    return _outward(signal)
            self.memory.registers[index] = UNSET
            return None

        return run

    def _scan(self, node: ir.Scan) -> Step:
        limit, body, register = self._read(node.limit), self._body(node.body), node.folio.index
        source = None if node.cursor >= 0 else self._read(node.source)

        def rounds(memory: Memory) -> int | None:
            for _ in range(min(limit(), memory.chance.randint(0, len(FOLIOS)))):
                self._count(SCAN_STEPS)
                memory.put(register, memory.chance.choice(memory.attached() or [FOLIOS[0]]))
                signal = body()
                if signal is not None and signal != 1:
                    return signal
            return None

        def run() -> int | None:
            memory = self.memory
            self._count(1)
            if source is not None:
                source()
            if memory.scanning:
                raise Trap("a scan inside a scan")
            memory.scanning = True
            signal = rounds(memory)
            memory.scanning = False
            if signal is not None:
                return _outward(signal)
            memory.put(register, UNSET)
            return None

        return run

    def _break(self, node: ir.Break) -> Step:
        return self._leave(2 * node.depth)

    def _continue(self, node: ir.Continue) -> Step:
        return self._leave(2 * node.depth + 1)

    def _leave(self, signal: int) -> Step:
        def run() -> int:
            self._count(1)
            return signal

        return run

    def _return(self, node: ir.Return) -> Step:
        read = None if node.value is None else self._read(node.value)

        def run() -> int:
            self._count(1)
            if (read is None) != (self._hook.result is None):
                raise Trap("a result where there is none, or none")
            if read is not None and not self._hook.low <= read() <= self._hook.high:
                raise Trap(f"the hook returns {read()}")
            self._end()
            return RETURN

        return run

    # --- operands ------------------------------------------------------------------------------------------

    def _read(self, operand: ir.Operand) -> Callable[[], Any]:
        if isinstance(operand, ir.Const):
            value = operand.value
            return lambda: value
        registers, index = self.memory.registers, operand.index

        def read() -> Any:
            value = registers[index]
            if value is UNSET:
                raise Trap(f"%{index} is unset")
            return value

        return read

    def _use(self, operand: ir.Operand) -> Callable[[], Any]:
        """A handle that is about to be followed."""
        read, memory, table = self._read(operand), self.memory, operand.type.table

        def use() -> Any:
            value = read()
            if value == 0:
                raise Trap("null is used")
            if value.__class__ is tuple and value[0] != memory.generations.get(table, 0):
                raise Trap("a stale reference is used")
            return value

        return use

    def _set(self, dst: ir.Reg, compute: Callable[[], Any]) -> Step:
        """One instruction that assigns a scalar."""
        memory, index = self.memory, dst.index
        low, high = dst.type.minimum, dst.type.maximum
        registers = memory.registers

        def run() -> None:
            self._count(1)
            value = compute()
            if not low <= value <= high:
                raise Trap(f"%{index}: {value} is no {dst.type}")
            registers[index] = value

        return run

    def _do(self, effect: Callable[[], None]) -> Step:
        def run() -> None:
            self._count(1)
            effect()

        return run

    def _element(self, length: int, index: ir.Operand) -> Callable[[], int]:
        read = self._read(index)

        def element() -> int:
            i: int = read()
            if not 0 <= i < length:
                raise Trap(f"index {i} of {length}")
            return i

        return element

    # --- instructions --------------------------------------------------------------------------------------

    def _binary(self, node: ir.Binary) -> Step:
        a, b, op, type = self._read(node.left), self._read(node.right), node.op, node.dst.type
        return self._set(node.dst, lambda: arithmetic.binary(op, type, a(), b()))

    def _compare(self, node: ir.Compare) -> Step:
        a, b, test = self._read(node.left), self._read(node.right), arithmetic.COMPARE[node.op]
        return self._set(node.dst, lambda: int(test(a(), b())))

    def _copy(self, node: ir.Copy) -> Step:
        read, memory, target = self._read(node.src), self.memory, node.dst.index
        source = node.src.index if isinstance(node.src, ir.Reg) else -1

        def copy() -> None:
            value = read()
            if source >= 0:
                memory.move(source, target)
            else:
                memory.put(target, value)

        return self._do(copy)

    def _convert(self, node: ir.Convert) -> Step:
        read, type = self._read(node.src), node.dst.type
        return self._set(node.dst, lambda: wrap(read(), type))

    def _narrow(self, node: ir.Narrow) -> Step:
        return self._set(node.dst, self._read(node.src))

    def _muldiv(self, node: ir.MulDiv) -> Step:
        a, b, c = self._read(node.a), self._read(node.b), self._read(node.c)
        return self._set(node.dst, lambda: arithmetic.mul_div(a(), b(), c()))

    def _loadparam(self, node: ir.LoadParam) -> Step:
        memory = self.memory
        return self._set(node.dst, lambda: memory.params[node.param])

    def _loadstate(self, node: ir.LoadState) -> Step:
        memory, element = self.memory, self._element(self._policy.states[node.state].length, node.index)
        return self._set(node.dst, lambda: memory.element(node.state, element()))

    def _storestate(self, node: ir.StoreState) -> Step:
        memory, element = self.memory, self._element(self._policy.states[node.state].length, node.index)
        value = self._stored(node.value, self._policy.states[node.state].type)

        def store() -> None:
            memory.states[node.state, element()] = value()

        return self._do(store)

    def _stored(self, operand: ir.Operand, type: Type) -> Callable[[], int]:
        read = self._read(operand)

        def value() -> int:
            found: int = read()
            if not type.minimum <= found <= type.maximum:
                raise Trap(f"{found} is stored as {type}")
            return found

        return value

    def _loadfield(self, node: ir.LoadField) -> Step:
        memory, use, type = self.memory, self._use(node.folio), node.dst.type

        def load() -> int:
            place = use(), node.field
            if place not in memory.fields:
                memory.fields[place] = memory.any_of(type.minimum, type.maximum)
            return memory.fields[place]

        return self._set(node.dst, load)

    def _storefield(self, node: ir.StoreField) -> Step:
        memory, use = self.memory, self._use(node.folio)
        value = self._stored(node.value, self._policy.fields[node.field].type)

        def store() -> None:
            memory.fields[use(), node.field] = value()

        return self._do(store)

    def _loadref(self, node: ir.LoadRef) -> Step:
        memory, use, type, table = self.memory, self._use(node.ref), node.dst.type, node.ref.type.table

        def load() -> int:
            place = table, use(), node.field
            if place not in memory.values:
                memory.values[place] = memory.any_of(type.minimum, type.maximum)
            return memory.values[place]

        return self._set(node.dst, load)

    def _storeref(self, node: ir.StoreRef) -> Step:
        memory, use, table = self.memory, self._use(node.ref), node.ref.type.table
        value = self._stored(node.value, self._policy.maps[table].fields[node.field].type)

        def store() -> None:
            memory.values[table, use(), node.field] = value()

        return self._do(store)

    def _listat(self, node: ir.ListAt) -> Step:
        memory, element = self.memory, self._element(self._policy.lists[node.list].length, node.index)
        return self._do(lambda: memory.put(node.dst.index, (node.list, element())))

    # --- calls ---------------------------------------------------------------------------------------------

    def _call(self, node: ir.Call) -> Step:
        kfunc, memory, table = abi.KFUNCS[node.kfunc], self.memory, node.table
        arguments = [self._argument(operand, arg) for operand, arg in zip(node.args, kfunc.args, strict=True)]
        given = [
            (operand.index, arg.ownership == "consume")
            for operand, arg in zip(node.args, kfunc.args, strict=True)
            if isinstance(operand, ir.Reg) and arg.ownership in ("consume", "propose")
        ]
        allowed = not kfunc.hooks or self._function.hook in kfunc.hooks
        changes = table if kfunc.receiver in ("map", "ref") else -1
        steps = kfunc.steps + kfunc.steps_per_element * len(FOLIOS)

        def run() -> None:
            self._count(steps)
            if not allowed:
                raise Trap(f"{kfunc.name} is not for {self._function.hook}")
            values = tuple(argument() for argument in arguments)
            for register, must_own in given:
                memory.give(register, must_own)
            if not kfunc.pure:
                memory.changed(changes)
            if kfunc.clears_refs:
                memory.invalidate(table)
            self._answer(node, kfunc, values)

        return run

    def _argument(self, operand: ir.Operand, arg: abi.Arg) -> Callable[[], Any]:
        if arg.type in (FOLIO, REFERENCE):
            return self._use(operand)
        read, low, high = self._read(operand), arg.low, arg.high
        if arg.type == LIST or low is None or high is None:
            return read
        least, most = low, high

        def within() -> int:
            value: int = read()
            if not least <= value <= most:
                raise Trap(f"{arg.name} is {value}")
            return value

        return within

    def _answer(self, node: ir.Call, kfunc: abi.Kfunc, values: tuple[Any, ...]) -> None:
        """The result of a call; the same as before, where only calls without effects came between."""
        memory, asked = self.memory, (kfunc.name, node.table, *values)
        again = kfunc.pure and asked in memory.answers
        result = memory.answers[asked] if again else memory.result(kfunc, node.table)
        if kfunc.pure:
            memory.answers[asked] = result
        owned = kfunc.ownership == "owned" and result
        if node.dst is None:
            if owned:
                raise Trap(f"the folio of {kfunc.name} is lost")
            return
        memory.put(node.dst.index, result)
        if owned:
            memory.hand[node.dst.index] = result


def _outward(signal: int) -> int | None:
    """A signal as seen outside the construct it reached: `break 0` ends here, others have one level less to go."""
    if signal == RETURN:
        return RETURN
    return None if signal == 0 else signal - 2
