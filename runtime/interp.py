"""The interpreter of the IR: slow, and checking everything.

In: functions of a `Module` and the memory of a simulation. Out: the same effects that native code has, or `Trap`.
It traps on every access out of bounds, every read of an unset register, every value outside its type, and, in core
functions, on overflow, on shifts out of range and on division of negatives. A policy that the verifier accepted never
traps; a core function that does is wrong.

Bodies are compiled to closures over a list of register values. A closure returns None to go on, or a signal:
`RETURN`, or 2k for `break k` and 2k + 1 for `continue k`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from dsl import abi, ir
from dsl.ir import Const, Operand, Reg
from dsl.types import BOOL, I64, Type, wrap
from runtime import arithmetic
from runtime.core import lists as core_lists
from runtime.core.context import Context
from runtime.core.kfuncs import implementation
from runtime.core.layout import FIRST_MAP, OPS
from runtime.jit import trusted
from runtime.jit.frontend import qualified
from runtime.jit.module import Builtin, Module
from runtime.policy_layout import PolicyLayout

if TYPE_CHECKING:
    from runtime.simulation import Simulation

RETURN = -1

Values = list[Any]
Step = Callable[[Values], "int | None"]
Read = Callable[[Values], int]


class Trap(RuntimeError):
    """Something happened that neither an accepted policy nor a correct core can do."""


class Interpreter:
    """Runs IR over one simulation. `context` gives the core's views; kfuncs run as plain Python when a hook of a policy
    is called from a Python core, and are interpreted when the core is."""

    def __init__(self, simulation: Simulation, module: Module, context: Context, policy: int = 0) -> None:
        """`policy` is the number of the policy whose hooks this interpreter runs; the core may call those of others."""
        self._context = context
        self._simulation = simulation
        self._module = module
        self._layout = module.layouts[policy]
        self._policy = module.metered[policy]
        self._others: dict[int, Interpreter] = {policy: self}
        self._bytes = {name: memoryview(simulation.regions[name]) for name in ("folios", "map_entries")}
        self._plain_kfuncs = True
        self._functions: dict[str, Callable[..., int]] = {}

    # --- functions -----------------------------------------------------------------------------------------

    def hook(self, function: ir.Function) -> Callable[..., int]:
        """A hook as a function of context, lruvec and folio, for a core that runs as plain Python."""
        run = self._function(function, function.params, in_core=False)
        count = len(function.params)
        default = abi.HOOKS[function.hook].default
        has_result = function.result is not None

        def call(_context: Context, lruvec: int, *args: int) -> int:
            value = run(lruvec, args[:count])
            return value if has_result else default

        return call

    def call_core(self, name: str, args: Sequence[int]) -> int:
        """Interpret a core function; everything it calls is interpreted, too."""
        self._plain_kfuncs = False
        return self._core(name)(0, tuple(args))

    def _core(self, name: str) -> Callable[[int, tuple[int, ...]], int]:
        if name not in self._functions:
            function = self._module.core[name]
            self._functions[name] = self._function(function, function.params, in_core=True)
        return self._functions[name]

    def _function(
        self, function: ir.Function | trusted.CoreFunction, params: Sequence[Reg], in_core: bool
    ) -> Callable[[int, tuple[int, ...]], int]:
        count = len(function.registers)
        body: Step | None = None
        default = 0 if isinstance(function, trusted.CoreFunction) else abi.HOOKS[function.hook].default

        def run(lruvec: int, args: tuple[int, ...]) -> int:
            nonlocal body
            if body is None:  # compiled at the first call, for functions may call each other in rings
                body = _Bodies(self, in_core).block(function.body)
            values: Values = [None] * (count + 2)
            values[-1], values[-2] = default, lruvec
            for param, arg in zip(params, args, strict=True):
                values[param.index] = arg
            try:
                body(values)
            except (IndexError, TypeError, ValueError) as error:
                raise Trap(f"{getattr(function, 'name', '') or getattr(function, 'hook', '')}: {error}") from error
            return int(values[-1])

        return run

    # --- what bodies need ----------------------------------------------------------------------------------

    def kfunc(self, name: str, map_kind: str = "") -> Callable[..., int]:
        """A kfunc as a function of lruvec and arguments."""
        return self.core_function(implementation(name, map_kind))

    def core_function(self, function: Any) -> Callable[..., int]:
        if self._plain_kfuncs:
            return lambda lruvec, *args: function(self._context, lruvec, *args)
        run = self._core(qualified(function))
        return lambda lruvec, *args: run(0, (lruvec, *args))

    def core_call(self, name: str) -> Callable[..., int]:
        run = self._core(name)
        return lambda *args: run(0, args)

    def hook_call(self, name: str) -> Callable[..., int] | None:
        """A hook as the interpreted core calls it; None if no policy has it."""
        calls = [self._of(number)._own_hook(name) for number in range(len(self._module.policies))]
        if len(calls) == 1 or not any(calls):
            return calls[0]
        default = abi.HOOKS[name].default

        def call(lruvec: int, *args: int) -> int:
            chosen = calls[self._context.lruvecs[lruvec, OPS]]
            return default if chosen is None else chosen(lruvec, *args)

        return call

    def _of(self, number: int) -> Interpreter:
        """The interpreter of another policy's hooks over the same memory."""
        if number not in self._others:
            other = Interpreter(self._simulation, self._module, self._context, number)
            other._plain_kfuncs, other._others, other._functions = self._plain_kfuncs, self._others, self._functions
            self._others[number] = other
        return self._others[number]

    def _own_hook(self, name: str) -> Callable[..., int] | None:
        if isinstance(self._policy, Builtin):
            function = self._policy.hooks.get(name)
            return None if function is None else self.core_call(qualified(function))
        hook = self._policy.hook(name)
        if hook is None:
            return None
        call = self.hook(hook)
        return lambda lruvec, *args: call(self._context, lruvec, *args)

    @property
    def policy(self) -> ir.Policy:
        assert isinstance(self._policy, ir.Policy)
        return self._policy

    @property
    def layout(self) -> PolicyLayout:
        return self._layout

    @property
    def context(self) -> Context:
        return self._context

    @property
    def settings(self) -> dict[str, int]:
        return self._module.settings

    def load(self, region: str, at: int, type: Type) -> int:
        """A scalar at a byte of a region."""
        size = type.storage_bytes
        data = self._bytes[region]
        if not 0 <= at <= len(data) - size:
            raise Trap(f"byte {at} is outside {region}")
        value = int.from_bytes(data[at : at + size], "little", signed=type.signed)
        return value & 1 if type == BOOL else value

    def store(self, region: str, at: int, type: Type, value: int) -> None:
        size = type.storage_bytes
        data = self._bytes[region]
        if not 0 <= at <= len(data) - size:
            raise Trap(f"byte {at} is outside {region}")
        data[at : at + size] = value.to_bytes(size, "little", signed=type.signed)

    def field_at(self, folio: int, number: int) -> int:
        if folio <= self._layout.nr_lists:
            raise Trap(f"{folio} is no folio")
        return int(folio * self._layout.folio_bytes + self._layout.field_base + self._layout.field_offsets[number])

    def value_at(self, ref: int, table: int, number: int) -> int:
        if ref == 0:
            raise Trap("a null reference")
        return int(ref + self._layout.value_offsets[table][number])


class _Bodies:
    """Compiles bodies to closures."""

    def __init__(self, interpreter: Interpreter, in_core: bool) -> None:
        self._in = interpreter
        self._in_core = in_core

    def block(self, body: Sequence[Any]) -> Step:
        steps = [self._step(node) for node in body]

        def run(values: Values) -> int | None:
            for step in steps:
                signal = step(values)
                if signal is not None:
                    return signal
            return None

        return run

    def _step(self, node: Any) -> Step:
        method: Callable[[Any], Step] = getattr(self, "_" + type(node).__name__.lower())
        return method(node)

    @staticmethod
    def _read(operand: Operand) -> Read:
        if isinstance(operand, Const):
            value = operand.value
            return lambda _values: value
        index, name = operand.index, operand.name or f"%{operand.index}"

        def read(values: Values) -> int:
            value = values[index]
            if value is None:
                raise Trap(f"{name} is read before it is set")
            return int(value)

        return read

    @staticmethod
    def _set(dst: Reg) -> Callable[[Values, int], None]:
        index, type = dst.index, dst.type
        low, high = (type.minimum, type.maximum) if type.is_scalar else (0, (1 << 63) - 1)

        def write(values: Values, value: int) -> None:
            if not low <= value <= high:
                raise Trap(f"{value} does not fit {type}")
            values[index] = int(value)

        return write

    # --- arithmetic ----------------------------------------------------------------------------------------

    def _binary(self, n: ir.Binary) -> Step:
        a, b, write, type, op = self._read(n.left), self._read(n.right), self._set(n.dst), n.dst.type, n.op
        if not (self._in_core and type == I64):
            return lambda v: write(v, arithmetic.binary(op, type, a(v), b(v)))

        def run(values: Values) -> None:
            left, right = a(values), b(values)
            if op in ("div", "mod") and (left < 0 or right <= 0):
                raise Trap(f"{left} {op} {right} in the core")
            if op in ("shl", "shr") and not (0 <= right < 64 and left >= 0):
                raise Trap(f"{left} {op} {right} in the core")
            write(values, arithmetic.exact(op, type, left, right))

        return run

    def _compare(self, n: ir.Compare) -> Step:
        a, b, write, test = self._read(n.left), self._read(n.right), self._set(n.dst), arithmetic.COMPARE[n.op]
        return lambda v: write(v, int(test(a(v), b(v))))

    def _copy(self, n: ir.Copy) -> Step:
        src, write = self._read(n.src), self._set(n.dst)
        return lambda v: write(v, src(v))

    def _convert(self, n: ir.Convert) -> Step:
        src, write, type = self._read(n.src), self._set(n.dst), n.dst.type
        return lambda v: write(v, wrap(src(v), type))

    def _narrow(self, n: ir.Narrow) -> Step:
        src, write = self._read(n.src), self._set(n.dst)
        return lambda v: write(v, src(v))

    def _muldiv(self, n: ir.MulDiv) -> Step:
        a, b, c, write = self._read(n.a), self._read(n.b), self._read(n.c), self._set(n.dst)
        return lambda v: write(v, arithmetic.mul_div(a(v), b(v), c(v)))

    # --- memory --------------------------------------------------------------------------------------------

    def _loadparam(self, n: ir.LoadParam) -> Step:
        write, type, at, params = self._set(n.dst), n.dst.type, n.param, self._in.context.params
        stride = self._in.settings["NR_PARAMS"]
        return lambda v: write(v, wrap(params[v[-2] * stride + at], type))

    def _word(self, state: int, index: Operand) -> Read:
        declared, layout, read = self._in.policy.states[state], self._in.layout, self._read(index)

        def word(values: Values) -> int:
            i = read(values)
            if not 0 <= i < declared.length:
                raise Trap(f"index {i} of {declared.name}")
            return int(values[-2] * layout.state_stride + layout.state_words[state] + i)

        return word

    def _loadstate(self, n: ir.LoadState) -> Step:
        write, type, word, words = self._set(n.dst), n.dst.type, self._word(n.state, n.index), self._in.context.policy
        return lambda v: write(v, wrap(words[word(v)], type))

    def _storestate(self, n: ir.StoreState) -> Step:
        word, value, words = self._word(n.state, n.index), self._read(n.value), self._in.context.policy

        def run(values: Values) -> None:
            words[word(values)] = wrap(value(values), I64)

        return run

    def _loadfield(self, n: ir.LoadField) -> Step:
        write, folio, type, at = self._set(n.dst), self._read(n.folio), n.dst.type, self._in.field_at
        return lambda v: write(v, self._in.load("folios", at(folio(v), n.field), type))

    def _storefield(self, n: ir.StoreField) -> Step:
        folio, value, at = self._read(n.folio), self._read(n.value), self._in.field_at
        type = self._in.policy.fields[n.field].type
        return lambda v: self._in.store("folios", at(folio(v), n.field), type, value(v))

    def _loadref(self, n: ir.LoadRef) -> Step:
        write, ref, type, at = self._set(n.dst), self._read(n.ref), n.dst.type, self._in.value_at
        return lambda v: write(v, self._in.load("map_entries", at(ref(v), n.ref.type.table, n.field), type))

    def _storeref(self, n: ir.StoreRef) -> Step:
        ref, value, at, table = self._read(n.ref), self._read(n.value), self._in.value_at, n.ref.type.table
        type = self._in.policy.maps[table].fields[n.field].type
        return lambda v: self._in.store("map_entries", at(ref(v), table, n.field), type, value(v))

    def _listat(self, n: ir.ListAt) -> Step:
        write, index, layout = self._set(n.dst), self._read(n.index), self._in.layout
        length = self._in.policy.lists[n.list].length

        def run(values: Values) -> None:
            i = index(values)
            if not 0 <= i < length:
                raise Trap(f"index {i} of {self._in.policy.lists[n.list].name}")
            write(values, values[-2] * layout.nr_lists + layout.list_base[n.list] + i)

        return run

    def _viewload(self, n: trusted.ViewLoad) -> Step:
        view: Any = getattr(self._in.context, n.view)
        write, place = self._set(n.dst), self._place(n.row, n.column)
        return lambda v: write(v, view[place(v)])

    def _viewstore(self, n: trusted.ViewStore) -> Step:
        view: Any = getattr(self._in.context, n.view)
        place, value = self._place(n.row, n.column), self._read(n.value)

        def run(values: Values) -> None:
            view[place(values)] = value(values)

        return run

    def _prefetch(self, n: trusted.Prefetch) -> Step:
        return lambda _values: None

    def _place(self, row: Operand, column: Operand | None) -> Callable[[Values], Any]:
        """The index of a view's element; a negative one would count from the end, and traps."""
        r = self._read(row)
        c = None if column is None else self._read(column)

        def place(values: Values) -> Any:
            at = (r(values),) if c is None else (r(values), c(values))
            if min(at) < 0:
                raise Trap(f"index {at}")
            return at[0] if c is None else at

        return place

    # --- calls ---------------------------------------------------------------------------------------------

    def _call(self, n: ir.Call) -> Step:
        receiver, table = abi.KFUNCS[n.kfunc].receiver, n.table
        function = self._in.kfunc(n.kfunc, self._in.policy.maps[table].kind if receiver in ("map", "ref") else "")
        args = [self._read(a) for a in n.args]
        if receiver == "cursor":
            head = self._in.layout.cursor_list[table]
            return self._calling(n.dst, lambda v: function(v[-2], table + 1, self._row(v, head)))
        if receiver in ("bag", "heap"):
            head = self._in.layout.list_base[table]
            return self._calling(n.dst, lambda v: function(v[-2], self._row(v, head), *(wrap(a(v), I64) for a in args)))
        if receiver in ("map", "ref"):
            lruvecs = self._in.context.lruvecs
            return self._calling(
                n.dst, lambda v: function(v[-2], lruvecs[v[-2], FIRST_MAP] + table, *(wrap(a(v), I64) for a in args))
            )
        return self._calling(n.dst, lambda v: function(v[-2], *(wrap(a(v), I64) for a in args)))

    def _row(self, values: Values, number: int) -> int:
        return int(values[-2] * self._in.layout.nr_lists + number)

    def _calling(self, dst: Reg | None, call: Read) -> Step:
        if dst is None:

            def run(values: Values) -> None:
                call(values)

            return run
        write, type = self._set(dst), dst.type
        return lambda v: write(v, wrap(int(call(v)), type) if type.is_scalar else int(call(v)))

    def _corecall(self, n: trusted.CoreCall) -> Step:
        function, args = self._in.core_call(n.callee), [self._read(a) for a in n.args]
        return self._calling(n.dst, lambda v: function(*(a(v) for a in args)))

    def _hookcall(self, n: trusted.HookCall) -> Step:
        function, args = self._in.hook_call(n.hook), [self._read(a) for a in n.args]
        default = abi.HOOKS[n.hook].default
        if function is None:
            return self._calling(n.dst, lambda v: default)
        return self._calling(n.dst, lambda v: function(*(a(v) for a in args)))

    # --- control -------------------------------------------------------------------------------------------

    def _if(self, n: ir.If) -> Step:
        condition, then, orelse = self._read(n.condition), self.block(n.then), self.block(n.orelse)
        return lambda v: then(v) if condition(v) else orelse(v)

    def _block(self, n: ir.Block) -> Step:
        body = self.block(n.body)

        def run(values: Values) -> int | None:
            signal = body(values)
            return None if signal is None else _outward(signal)

        return run

    def _loop(self, n: ir.Loop) -> Step:
        limit, body, write = self._read(n.limit), self.block(n.body), self._set(n.index)

        def run(values: Values) -> int | None:
            for count in range(limit(values)):
                write(values, count)
                signal = body(values)
                if signal is not None and signal != 1:
                    return _outward(signal)
            return None

        return run

    def _scan(self, n: ir.Scan) -> Step:
        limit, body, write = self._read(n.limit), self.block(n.body), self._set(n.folio)
        source, cursor = self._read(n.source), n.cursor
        length = self._in.core_function(core_lists.list_len)
        begin = self._in.core_function(core_lists.scan_begin)
        following = self._in.core_function(core_lists.scan_next if cursor < 0 else core_lists.cursor_next)
        number = 0 if cursor < 0 else self._in.layout.cursor_list[cursor]

        def run(values: Values) -> int | None:
            lruvec = values[-2]
            head = source(values) if cursor < 0 else self._row(values, number)
            rounds = min(limit(values), length(lruvec, head))
            if cursor < 0:
                begin(lruvec, head)
            for _ in range(rounds):
                folio = following(lruvec, head) if cursor < 0 else following(lruvec, cursor + 1, head)
                if folio == 0:
                    return None
                write(values, folio)
                signal = body(values)
                if signal is not None and signal != 1:
                    return _outward(signal)
            return None

        return run

    def _while(self, n: trusted.While) -> Step:
        prelude, body, condition = self.block(n.prelude), self.block(n.body), self._read(n.condition)

        def run(values: Values) -> int | None:
            while True:
                prelude(values)
                if not condition(values):
                    return None
                signal = body(values)
                if signal is not None and signal != 1:
                    return _outward(signal)

        return run

    def _break(self, n: ir.Break) -> Step:
        signal = 2 * n.depth
        return lambda _values: signal

    def _continue(self, n: ir.Continue) -> Step:
        signal = 2 * n.depth + 1
        return lambda _values: signal

    def _return(self, n: ir.Return) -> Step:
        value = None if n.value is None else self._read(n.value)

        def run(values: Values) -> int:
            if value is not None:
                values[-1] = value(values)
            return RETURN

        return run


def _outward(signal: int) -> int | None:
    """A signal as seen outside the construct it reached: `break 0` ends here, others have one level less to go."""
    if signal == RETURN:
        return RETURN
    return None if signal == 0 else signal - 2
