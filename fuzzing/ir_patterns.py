"""What people write, and what a verifier therefore follows: tests of values that were computed from others, two values
that are compared, flags that say which way was taken, and the same expression a second time.

In: a `Writer`, half-way through a hook. Out: more of its body. Random instructions seldom come to these by themselves,
and each is a place where a verifier may conclude too much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dsl import ir
from dsl.ir import Const, Operand, Reg
from dsl.source import NOWHERE
from dsl.types import BOOL, I64, U8, U16, U32, U64, Type

if TYPE_CHECKING:
    from fuzzing.ir_programs import Writer

SMALL = (0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 31, 63, 64, 255, 256)
TYPES = (U64, U64, U64, I64, U8, U32, U16)
MIXED = ("sub", "sub", "add", "add", "min", "max", "div", "mod", "and", "or", "shr")
STEPS = ("add", "sub", "mul", "shr", "and", "or", "min", "max", "mod", "div", "shl", "xor", "convert")


class Patterns:
    """Writes patterns with the means of a `Writer`."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self._chance = writer, writer.chance

    @property
    def kinds(self) -> list[Callable[[], None]]:
        often = [self.refined, self.refined, self.refined, self.ordered, self.ordered]
        return [*often, self.flagged, self.again, self.again, self.recalled, self.recalled]

    # --- parts ---------------------------------------------------------------------------------------------

    def _fresh(self, type: Type) -> Reg:
        register = self._writer.register(type, fresh=True)
        self._writer.assign(register)
        return register

    def unknown(self, type: Type) -> Reg:
        """A value of which nothing is known but its type."""
        writer, states = self._writer, self._writer.policy.states
        fitting = [n for n, state in enumerate(states) if state.type == type]
        if fitting:
            number = self._chance.choice(fitting)
            index = Const(self._chance.randrange(states[number].length), U64)
            at = self._fresh(type)
            writer.emit(ir.LoadState(at, number, index, NOWHERE))
            return at
        drawn = self._fresh(U64)
        writer.emit(ir.Call(drawn, "next_random", -1, (), NOWHERE))
        if type == U64:
            return drawn
        at = self._fresh(type)
        writer.emit(ir.Convert(at, drawn, NOWHERE))
        return at

    def constant(self, type: Type) -> Const:
        value = self._chance.choice(SMALL)
        if type.signed and self._chance.random() < 0.3:
            value = -value
        if self._chance.random() < 0.1:
            value = self._chance.choice((type.minimum, type.maximum, type.maximum - 1))
        return Const(min(value, type.maximum), type)

    def _derived(self, value: Reg) -> Reg:
        """Something computed of a value and a constant, or another value."""
        op = self._chance.choice(STEPS)
        if op == "convert":
            at = self._fresh(self._chance.choice(TYPES))
            self._writer.emit(ir.Convert(at, value, NOWHERE))
            return at
        other: Operand = self.constant(value.type) if self._chance.random() < 0.85 else self.unknown(value.type)
        left, right = (value, other) if self._chance.random() < 0.8 else (other, value)
        at = self._fresh(value.type)
        self._writer.emit(ir.Binary(at, op, left, right, NOWHERE))
        return at

    def _operand(self, known: list[Reg], type: Type) -> Operand:
        return self._chance.choice(known) if self._chance.random() < 0.75 else self.constant(type)

    def _bounded(self, value: Reg) -> Reg:
        """A value in a small range, not at its ends."""
        at, moved = self._fresh(value.type), self._fresh(value.type)
        op, most = self._chance.choice((("and", 15), ("min", 20), ("mod", 9), ("shr", value.type.bits - 5)))
        self._writer.emit(ir.Binary(at, op, value, Const(most, value.type), NOWHERE))
        self._writer.emit(ir.Binary(moved, "add", at, self.constant(value.type), NOWHERE))
        return self._chance.choice((at, moved))

    def _compared(self, left: Operand, right: Operand) -> Reg:
        at = self._fresh(BOOL)
        self._writer.emit(ir.Compare(at, self._chance.choice(ir.COMPARE_OPS), left, right, NOWHERE))
        return at

    def _computed(self, op: str, left: Operand, right: Operand) -> Reg:
        at = self._fresh(left.type)
        self._writer.emit(ir.Binary(at, op, left, right, NOWHERE))
        return at

    def _if(self, test: Operand, then: Callable[[], None], orelse: Callable[[], None] | None = None) -> None:
        writer = self._writer
        first = writer.inside(then)
        writer.emit(ir.If(test, first, () if orelse is None else writer.inside(orelse), NOWHERE))

    def _looked_at(self) -> None:
        """Something harmless, so that there is a point at which the state is compared."""
        if self._chance.random() < 0.3 and self._writer.depth() == 0:
            self._writer.some()
        else:
            self._writer.emit(ir.Copy(self._fresh(U64), Const(0, U64), NOWHERE))

    # --- patterns ------------------------------------------------------------------------------------------

    def refined(self) -> None:
        """A test of something computed of a value says something of the value."""
        value = self.unknown(self._chance.choice(TYPES))
        if self._chance.random() < 0.6:
            value = self._bounded(value)
        for _ in range(self._chance.choice((1, 1, 2))):
            value = self._derived(value)
        test = self._compared(value, self.constant(value.type))
        if self._chance.random() < 0.3:
            other, both = self._compared(self.unknown(U64), self.constant(U64)), self._fresh(BOOL)
            op = self._chance.choice(("and", "or", "xor"))
            self._writer.emit(ir.Binary(both, op, test, other, NOWHERE))
            test = both
        self._if(test, self._looked_at, self._looked_at)

    def ordered(self) -> None:
        """Two values are compared; then sums and differences of them are computed, and compared again."""
        type = self._chance.choice((U64, U64, I64, U8))
        x, y = self.unknown(type), self.unknown(type)
        if self._chance.random() < 0.5:
            y = self._derived(y)
            if y.type != type:
                return

        def more() -> None:
            known: list[Reg] = [x, y]
            for _ in range(self._chance.randint(1, 3)):
                a, b = self._chance.choice(known), self._operand(known, type)
                known.append(self._computed(self._chance.choice(MIXED), a, b))
                if self._chance.random() < 0.7:  # how far from where it came from
                    pair = [self._chance.choice((a, b)), known[-1]]
                    self._chance.shuffle(pair)
                    known.append(self._computed(self._chance.choice(("sub", "sub", "add")), pair[0], pair[1]))
            self._if(self._compared(self._chance.choice(known), self._operand(known, type)), self._looked_at)

        self._if(self._compared(x, y), more, more)

    def flagged(self) -> None:
        """A flag, or a special value, remembers on which way something held."""
        writer, type = self._writer, self._chance.choice((U64, U64, I64))
        value, flag = self.unknown(type), self._fresh(BOOL)
        first = self._chance.random() < 0.5
        writer.emit(ir.Copy(flag, Const(int(first), BOOL), NOWHERE))

        def changed() -> None:
            writer.emit(ir.Copy(flag, Const(int(not first), BOOL), NOWHERE))
            if self._chance.random() < 0.6:
                op = self._chance.choice(("min", "and", "mod", "max"))
                writer.emit(ir.Binary(value, op, value, self.constant(type), NOWHERE))

        self._if(self._compared(value, self.constant(type)), changed)
        if self._chance.random() < 0.3:
            writer.some()
        self._if(flag, self._looked_at, self._looked_at)

    def recalled(self) -> None:
        """A call without effects, perhaps one with effects, and the first again."""
        writer, calls = self._writer, self._writer.calls.plain
        asking = [c for c in calls if c.kfunc.pure and c.result is not None and c.result.is_scalar]
        chosen = self._chance.choice([c for c in asking if not any(type.is_nullable for type in c.arguments)])
        acting = [c for c in calls if not c.kfunc.pure and c.kfunc.ownership != "owned"]
        arguments = tuple(writer.operand(type) for type in chosen.arguments)
        if any(arg.low is not None for arg in chosen.kfunc.args):
            arguments = tuple(Const(0, type) for type in chosen.arguments)
        assert chosen.result is not None
        for last in (False, True):
            at = self._fresh(chosen.result)
            writer.emit(ir.Call(at, chosen.kfunc.name, chosen.table, arguments, NOWHERE))
            if not last and self._chance.random() < 0.7:
                writer.emit_call(self._chance.choice(acting))
        self._looked_at()

    def again(self) -> None:
        """An expression that was computed before, perhaps with a call or a store in between."""
        writer = self._writer
        found = [node for node in writer.body if _is_expression(node)]
        if not found:
            return
        node: Any = self._chance.choice(found)
        if self._chance.random() < 0.6:
            self._chance.choice((writer.call, writer.state, writer.folio_field, writer.map_value, writer.array))()
        operands = [x for x in vars_of(node) if isinstance(x, Reg)]
        if all(x.index in writer.known.assigned for x in operands):
            writer.emit(replace(node, dst=self._fresh(node.dst.type)))


def vars_of(node: Any) -> list[object]:
    """The operands of an instruction, but for where it puts its result."""
    names = ("left", "right", "src", "a", "b", "c", "index", "folio", "ref")
    return [*(getattr(node, name) for name in names if hasattr(node, name)), *getattr(node, "args", ())]


def _is_expression(node: Any) -> bool:
    """Whether it can be computed again: it has a scalar result and owns nothing."""
    dst = getattr(node, "dst", None)
    if not isinstance(dst, Reg) or not dst.type.is_scalar:
        return False
    return not isinstance(node, ir.LoadField | ir.LoadRef) and (
        not isinstance(node, ir.Call) or not any(arg.type.is_nullable for arg in node.args)
    )
