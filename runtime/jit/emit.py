"""From IR to the text of LLVM functions: policies and core go through the same emitter.

In: one function of IR, whose registers and control are as `dsl/ir.py` describes. Out: the text of one LLVM
function. Guaranteed: the arithmetic is that of the language, defined for every input (divisors are made safe first,
shift counts masked), nothing is emitted that lets LLVM assume what was not proven (no `nsw nuw exact inbounds
assume nonnull noalias range mustprogress willreturn`), and no name from a policy enters the text.

Every register is a stack slot; optimisation turns them into SSA. Core functions take and return i64 (i1 for bool).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dsl import abi, ir
from dsl.ir import Const, Operand, Reg
from dsl.types import BOOL, U64, Type
from runtime.core import lists as core_lists
from runtime.core.kfuncs import implementation
from runtime.core.layout import ADDRESSES, FIRST_MAP, OPS, VIEWS
from runtime.jit import trusted
from runtime.jit.frontend import qualified
from runtime.jit.llvm_text import literal, llvm_type, tag
from runtime.policy_layout import PolicyLayout

BINARY = {"add": "add", "sub": "sub", "mul": "mul", "and": "and", "or": "or", "xor": "xor"}
UNSIGNED = {"lt": "ult", "le": "ule", "gt": "ugt", "ge": "uge", "eq": "eq", "ne": "ne"}
SIGNED = {"lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge", "eq": "eq", "ne": "ne"}


@dataclass(frozen=True, slots=True)
class HookTarget:
    """The function of a policy's hook: its symbol, how many arguments it takes, and what it returns."""

    symbol: str
    arguments: int
    result: Type | None


@dataclass(frozen=True, slots=True)
class ModulePlan:
    """What an emitter must know of the module besides the function at hand.

    `hooks` has, for each attached policy, the targets of the hooks it has. `layout` and `policy` belong to the
    policy whose hook is emitted; a core function has none.
    """

    layout: PolicyLayout
    settings: dict[str, int]
    hooks: tuple[dict[str, HookTarget], ...]
    core: dict[str, trusted.CoreFunction]
    policy: ir.Policy | None


@dataclass(slots=True)
class _Target:
    """Where `break` and `continue` of an enclosing construct go."""

    leave: str
    again: str = ""


class Emitter:
    """Emits one function."""

    def __init__(self, plan: ModulePlan, function: trusted.CoreFunction | ir.Function) -> None:
        self._plan = plan
        self._function = function
        self._lines: list[str] = []
        self._extra_slots: list[str] = []
        self._count = 0
        self._targets: list[_Target] = []
        self._closed = False
        self._visit: dict[type, Callable[..., None]] = {
            ir.Binary: self._binary, ir.Compare: self._compare, ir.Copy: self._copy, ir.Convert: self._convert,
            ir.Narrow: self._convert, ir.MulDiv: self._mul_div, ir.LoadParam: self._load_param,
            ir.LoadState: self._load_state, ir.StoreState: self._store_state, ir.LoadField: self._load_field,
            ir.StoreField: self._store_field, ir.LoadRef: self._load_ref, ir.StoreRef: self._store_ref,
            ir.ListAt: self._list_at, ir.Call: self._call, ir.If: self._if, ir.Block: self._block, ir.Loop: self._loop,
            ir.Scan: self._scan, ir.Break: self._break, ir.Continue: self._continue, ir.Return: self._return,
            trusted.ViewLoad: self._view_load, trusted.ViewStore: self._view_store, trusted.CoreCall: self._core_call,
            trusted.HookCall: self._hook_call, trusted.Prefetch: self._prefetch, trusted.While: self._while,
        }  # fmt: skip

    def emit(self, symbol: str, linkage: str, attributes: str) -> str:
        """The function's text. A policy's hook takes the lruvec before its own arguments."""
        f = self._function
        is_hook = isinstance(f, ir.Function)
        names = (["i64 %lruvec"] if is_hook else []) + [f"{llvm_type(p.type)} %p{p.index}" for p in f.params]
        for p in f.params:
            self._line(f"store {llvm_type(p.type)} %p{p.index}, ptr %r{p.index}")
        self._nodes(f.body)
        if not self._closed:
            self._default_return()
        slots = [f"  %r{r.index} = alloca {llvm_type(r.type)}" for r in f.registers]
        slots += [f"  store {llvm_type(r.type)} 0, ptr %r{r.index}" for r in f.registers]
        result = self._result_type(f.result)
        signature = f"{result} @{symbol}({', '.join(['ptr %ctx', *names])})"
        # no-builtins: a loop must not become a call of memset, for nothing outside the module may be called.
        head = f'define {linkage} {signature} nounwind "no-builtins" {attributes}{{\nentry:\n'
        return head + "\n".join(slots + self._extra_slots + self._lines) + "\n}\n"

    @staticmethod
    def _result_type(type: Type | None) -> str:
        return "void" if type is None else llvm_type(type)

    def _default_return(self) -> None:
        result = self._function.result
        self._line("ret void" if result is None else f"ret {llvm_type(result)} 0")

    # --- text ----------------------------------------------------------------------------------------------

    def _line(self, text: str) -> None:
        self._lines.append("  " + text)

    def _name(self, stem: str = "t") -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def _value(self, text: str) -> str:
        name = "%" + self._name()
        self._line(f"{name} = {text}")
        return name

    def _label(self, label: str) -> None:
        if not self._closed:
            self._line(f"br label %{label}")
        self._lines.append(f"{label}:")
        self._closed = False

    def _jump(self, label: str) -> None:
        if not self._closed:
            self._line(f"br label %{label}")
            self._closed = True

    def _slot(self) -> str:
        name = "%" + self._name("s")
        self._extra_slots.append(f"  {name} = alloca i64")
        return name

    # --- operands ------------------------------------------------------------------------------------------

    def _operand(self, operand: Operand) -> str:
        if isinstance(operand, Const):
            return literal(operand)
        return self._value(f"load {llvm_type(operand.type)}, ptr %r{operand.index}")

    def _set(self, dst: Reg, value: str) -> None:
        self._line(f"store {llvm_type(dst.type)} {value}, ptr %r{dst.index}")

    def _resized(self, value: str, source: Type, target_bits: int) -> str:
        """`value` of type `source` at another width: dropped or extended by its sign."""
        bits = source.bits or 64
        if bits == target_bits:
            return value
        if bits > target_bits:
            return self._value(f"trunc i{bits} {value} to i{target_bits}")
        return self._value(f"{'sext' if source.signed else 'zext'} i{bits} {value} to i{target_bits}")

    def _wide(self, operand: Operand) -> str:
        """An operand as the i64 that core functions take."""
        return self._resized(self._operand(operand), operand.type, 64)

    # --- arithmetic ----------------------------------------------------------------------------------------

    def _binary(self, n: ir.Binary) -> None:
        kind, signed = llvm_type(n.dst.type), n.dst.type.signed
        a, b = self._operand(n.left), self._operand(n.right)
        if n.op in BINARY:
            result = self._value(f"{BINARY[n.op]} {kind} {a}, {b}")
        elif n.op in ("min", "max"):
            order = ("s" if signed else "u") + ("lt" if n.op == "min" else "gt")
            test = self._value(f"icmp {order} {kind} {a}, {b}")
            result = self._value(f"select i1 {test}, {kind} {a}, {kind} {b}")
        elif n.op in ("shl", "shr"):
            count = self._value(f"and {kind} {b}, {n.dst.type.bits - 1}")
            shift = "shl" if n.op == "shl" else "ashr" if signed else "lshr"
            result = self._value(f"{shift} {kind} {a}, {count}")
        else:
            result = self._divide(n.op, kind, n.dst.type, a, b)
        self._set(n.dst, result)

    def _divide(self, op: str, kind: str, type: Type, a: str, b: str) -> str:
        """Select a safe divisor first: x / 0 = 0, x % 0 = x, MIN / -1 = MIN, MIN % -1 = 0 (RFC 9669)."""
        zero = self._value(f"icmp eq {kind} {b}, 0")
        unsafe = zero
        if type.signed:
            least = self._value(f"icmp eq {kind} {a}, {type.minimum}")
            minus = self._value(f"icmp eq {kind} {b}, -1")
            both = self._value(f"and i1 {least}, {minus}")
            unsafe = self._value(f"or i1 {zero}, {both}")
        safe = self._value(f"select i1 {unsafe}, {kind} 1, {kind} {b}")
        sign = "s" if type.signed else "u"
        if op == "div":
            quotient = self._value(f"{sign}div {kind} {a}, {safe}")
            return self._value(f"select i1 {zero}, {kind} 0, {kind} {quotient}")
        rest = self._value(f"{sign}rem {kind} {a}, {safe}")
        return self._value(f"select i1 {zero}, {kind} {a}, {kind} {rest}")

    def _compare(self, n: ir.Compare) -> None:
        type = n.left.type
        order = (SIGNED if type.signed else UNSIGNED)[n.op]
        self._set(
            n.dst, self._value(f"icmp {order} {llvm_type(type)} {self._operand(n.left)}, {self._operand(n.right)}")
        )

    def _copy(self, n: ir.Copy) -> None:
        self._set(n.dst, self._operand(n.src))

    def _convert(self, n: ir.Convert | ir.Narrow) -> None:
        self._set(n.dst, self._resized(self._operand(n.src), n.src.type, n.dst.type.bits))

    def _mul_div(self, n: ir.MulDiv) -> None:
        a, b, c = (self._operand(x) for x in (n.a, n.b, n.c))
        self._set(n.dst, self._value(f"call i64 @mul_div(i64 {a}, i64 {b}, i64 {c})"))

    # --- memory --------------------------------------------------------------------------------------------

    def _region(self, region: str) -> str:
        slot = self._value(f"getelementptr ptr, ptr %ctx, i64 {ADDRESSES.index(region)}")
        return self._value(f"load ptr, ptr {slot}, {tag('context')}")

    def _element(self, view: str, row: str, column: str | None) -> str:
        v = VIEWS[view]
        columns = self._plan.settings[v.columns] if isinstance(v.columns, str) else v.columns
        index = row
        if columns:
            index = self._value(f"add i64 {self._value(f'mul i64 {row}, {columns}')}, {column}")
        return self._value(f"getelementptr i{v.bits}, ptr {self._region(v.region)}, i64 {index}")

    def _load_view(self, view: str, row: str, column: str | None = None) -> str:
        """An element of a view as i64."""
        v = VIEWS[view]
        place = self._element(view, row, column)
        value = self._value(f"load i{v.bits}, ptr {place}, {tag(v.alias or view)}")
        return self._resized(value, Type("", v.bits, v.signed), 64)

    def _store_view(self, view: str, row: str, column: str | None, value: str) -> None:
        v = VIEWS[view]
        place = self._element(view, row, column)
        narrow = value if v.bits == 64 else self._value(f"trunc i64 {value} to i{v.bits}")
        self._line(f"store i{v.bits} {narrow}, ptr {place}, {tag(v.alias or view)}")

    def _load_scalar(self, dst: Reg, place: str, alias: str) -> None:
        """Load a stored scalar; a bool is a byte."""
        bits = dst.type.storage_bytes * 8
        value = self._value(f"load i{bits}, ptr {place}, {tag(alias)}")
        self._set(dst, value if bits == dst.type.bits else self._value(f"trunc i{bits} {value} to i1"))

    def _store_scalar(self, value: Operand, type: Type, place: str, alias: str) -> None:
        bits = type.storage_bytes * 8
        text = self._operand(value)
        if bits != type.bits:
            text = self._value(f"zext i1 {text} to i{bits}")
        self._line(f"store i{bits} {text}, ptr {place}, {tag(alias)}")

    def _policy(self) -> ir.Policy:
        assert self._plan.policy is not None
        return self._plan.policy

    def _field_place(self, folio: Operand, number: int) -> str:
        offset = self._plan.layout.field_base + self._plan.layout.field_offsets[number]
        byte = self._value(f"mul i64 {self._operand(folio)}, {self._plan.layout.folio_bytes}")
        at = self._value(f"add i64 {byte}, {offset}")
        return self._value(f"getelementptr i8, ptr {self._region('folios')}, i64 {at}")

    def _load_field(self, n: ir.LoadField) -> None:
        self._load_scalar(n.dst, self._field_place(n.folio, n.field), "fields")

    def _store_field(self, n: ir.StoreField) -> None:
        type = self._policy().fields[n.field].type
        self._store_scalar(n.value, type, self._field_place(n.folio, n.field), "fields")

    def _ref_place(self, ref: Operand, number: int) -> str:
        offset = self._plan.layout.value_offsets[ref.type.table][number]
        at = self._value(f"add i64 {self._operand(ref)}, {offset}")
        return self._value(f"getelementptr i8, ptr {self._region('map_entries')}, i64 {at}")

    def _load_ref(self, n: ir.LoadRef) -> None:
        self._load_scalar(n.dst, self._ref_place(n.ref, n.field), "map_values")

    def _store_ref(self, n: ir.StoreRef) -> None:
        type = self._policy().maps[n.ref.type.table].fields[n.field].type
        self._store_scalar(n.value, type, self._ref_place(n.ref, n.field), "map_values")

    def _state_word(self, state: int, index: Operand) -> str:
        layout = self._plan.layout
        row = self._value(f"mul i64 %lruvec, {layout.state_stride}")
        first = self._value(f"add i64 {row}, {layout.state_words[state]}")
        return self._value(f"add i64 {first}, {self._wide(index)}")

    def _load_state(self, n: ir.LoadState) -> None:
        word = self._load_view("policy", self._state_word(n.state, n.index))
        self._set(n.dst, self._resized(word, U64, n.dst.type.bits))

    def _store_state(self, n: ir.StoreState) -> None:
        self._store_view("policy", self._state_word(n.state, n.index), None, self._wide(n.value))

    def _load_param(self, n: ir.LoadParam) -> None:
        row = self._value(f"mul i64 %lruvec, {self._plan.settings['NR_PARAMS']}")
        word = self._load_view("params", self._value(f"add i64 {row}, {n.param}"))
        self._set(n.dst, self._resized(word, U64, n.dst.type.bits))

    def _list_at(self, n: ir.ListAt) -> None:
        row = self._value(f"mul i64 %lruvec, {self._plan.layout.nr_lists}")
        first = self._value(f"add i64 {row}, {self._plan.layout.list_base[n.list]}")
        self._set(n.dst, self._value(f"add i64 {first}, {self._wide(n.index)}"))

    def _view_load(self, n: trusted.ViewLoad) -> None:
        column = None if n.column is None else self._operand(n.column)
        self._set(n.dst, self._load_view(n.view, self._operand(n.row), column))

    def _view_store(self, n: trusted.ViewStore) -> None:
        column = None if n.column is None else self._operand(n.column)
        self._store_view(n.view, self._operand(n.row), column, self._operand(n.value))

    def _prefetch(self, n: trusted.Prefetch) -> None:
        """Read, keep in all caches. An address outside is no error for the processor."""
        place = self._element(n.view, self._operand(n.row), "0")
        self._line(f"call void @llvm.prefetch.p0(ptr {place}, i32 0, i32 3, i32 1)")

    # --- calls ---------------------------------------------------------------------------------------------

    def _invoke(self, callee: str, result: Type | None, args: Sequence[str]) -> str:
        """Call a core function with i64 arguments."""
        text = ", ".join(["ptr %ctx", *(f"i64 {a}" for a in args)])
        if result is None:
            self._line(f"call void @{callee}({text})")
            return ""
        return self._value(f"call {llvm_type(result)} @{callee}({text})")

    def _core_call(self, n: trusted.CoreCall) -> None:
        result = self._plan.core[n.callee].result
        value = self._invoke(n.callee, result, [self._operand(a) for a in n.args])
        if n.dst is not None:
            self._set(n.dst, value)

    def _hook_call(self, n: trusted.HookCall) -> None:
        """Of the only policy there is, or of the one attached to the lruvec."""
        args = [self._operand(a) for a in n.args]
        targets = [hooks.get(n.hook) for hooks in self._plan.hooks]
        if len(targets) == 1:
            self._hook_of(n, targets[0], args)
        elif any(targets):
            self._hook_by_lruvec(n, targets, args)
        else:
            self._hook_of(n, None, args)

    def _hook_of(self, n: trusted.HookCall, target: HookTarget | None, args: Sequence[str]) -> None:
        if target is None:
            if n.dst is not None:
                self._set(n.dst, str(abi.HOOKS[n.hook].default))
            return
        text = ", ".join(["ptr %ctx", *(f"i64 {a}" for a in args[: target.arguments])])
        if target.result is None:
            self._line(f"call void @{target.symbol}({text})")
            return
        value = self._value(f"call {llvm_type(target.result)} @{target.symbol}({text})")
        if n.dst is not None:
            self._set(n.dst, self._resized(value, target.result, 64))

    def _hook_by_lruvec(self, n: trusted.HookCall, targets: Sequence[HookTarget | None], args: Sequence[str]) -> None:
        number = self._load_view("lruvecs", args[0], str(OPS))
        end = self._name("end")
        labels = [self._name("policy") for _ in targets]
        cases = " ".join(f"i64 {k}, label %{label}" for k, label in enumerate(labels[1:], 1))
        self._line(f"switch i64 {number}, label %{labels[0]} [ {cases} ]")
        self._closed = True
        for label, target in zip(labels, targets, strict=True):
            self._label(label)
            self._hook_of(n, target, args)
            self._jump(end)
        self._label(end)

    def _call(self, n: ir.Call) -> None:
        kfunc = abi.KFUNCS[n.kfunc]
        layout = self._plan.layout
        args = ["%lruvec"]
        kind = ""
        if kfunc.receiver in ("map", "ref"):
            args.append(self._map_row(n.table))
            kind = self._policy().maps[n.table].kind
        elif kfunc.receiver in ("bag", "heap"):
            args.append(self._list_row(layout.list_base[n.table]))
        elif kfunc.receiver == "cursor":
            args += [str(n.table + 1), self._list_row(layout.cursor_list[n.table])]
        args += [self._wide(a) for a in n.args]
        name = qualified(implementation(n.kfunc, kind))
        result = self._plan.core[name].result
        value = self._invoke(name, result, args)
        if n.dst is not None and result is not None:
            self._set(n.dst, value if result == BOOL else self._resized(value, U64, n.dst.type.bits or 64))

    def _map_row(self, table: int) -> str:
        """The row of a map: those of a lruvec lie together."""
        if self._plan.settings["SINGLE"]:
            return str(table)
        return self._value(f"add i64 {self._load_view('lruvecs', '%lruvec', str(FIRST_MAP))}, {table}")

    def _list_row(self, number: int) -> str:
        row = self._value(f"mul i64 %lruvec, {self._plan.layout.nr_lists}")
        return self._value(f"add i64 {row}, {number}")

    # --- control -------------------------------------------------------------------------------------------

    def _nodes(self, body: Sequence[trusted.CoreNode | ir.Node]) -> None:
        for node in body:
            if self._closed:
                return
            self._visit[type(node)](node)

    def _if(self, n: ir.If) -> None:
        then, orelse, end = (self._name(s) for s in ("then", "else", "end"))
        self._line(f"br i1 {self._operand(n.condition)}, label %{then}, label %{orelse}")
        self._closed = True
        for label, body in ((then, n.then), (orelse, n.orelse)):
            self._label(label)
            self._nodes(body)
            self._jump(end)
        self._label(end)

    def _block(self, n: ir.Block) -> None:
        end = self._name("end")
        self._targets.append(_Target(end))
        self._nodes(n.body)
        self._targets.pop()
        self._label(end)

    def _counted(self, limit: str, first: Callable[[str], None], body: Sequence[trusted.CoreNode | ir.Node]) -> None:
        """Rounds 0, 1, … below `limit`, counted in a slot that nothing else can reach; `first` begins each round."""
        counter = self._slot()
        self._line(f"store i64 0, ptr {counter}")
        head, inside, again, end = (self._name(s) for s in ("head", "body", "next", "end"))
        self._label(head)
        count = self._value(f"load i64, ptr {counter}")
        test = self._value(f"icmp ult i64 {count}, {limit}")
        self._line(f"br i1 {test}, label %{inside}, label %{end}")
        self._closed = True
        self._label(inside)
        self._targets.append(_Target(end, again))
        first(count)
        self._nodes(body)
        self._targets.pop()
        self._label(again)
        last = self._value(f"load i64, ptr {counter}")
        self._line(f"store i64 {self._value(f'add i64 {last}, 1')}, ptr {counter}")
        self._jump(head)
        self._label(end)

    def _loop(self, n: ir.Loop) -> None:
        self._counted(self._operand(n.limit), lambda count: self._set(n.index, count), n.body)

    def _scan(self, n: ir.Scan) -> None:
        """At most `limit` and at most as many folios as the list has now."""
        cursor = n.cursor
        head = self._operand(n.source) if cursor < 0 else self._list_row(self._plan.layout.cursor_list[cursor])
        length = self._invoke(qualified(core_lists.list_len), U64, ["%lruvec", head])
        asked = self._operand(n.limit)
        fewer = self._value(f"icmp ult i64 {asked}, {length}")
        limit = self._value(f"select i1 {fewer}, i64 {asked}, i64 {length}")
        if cursor < 0:
            self._invoke(qualified(core_lists.scan_begin), None, ["%lruvec", head])

        def visit(_count: str) -> None:
            if cursor < 0:
                folio = self._invoke(qualified(core_lists.scan_next), U64, ["%lruvec", head])
            else:
                folio = self._invoke(qualified(core_lists.cursor_next), U64, ["%lruvec", str(cursor + 1), head])
            none = self._value(f"icmp eq i64 {folio}, 0")
            found = self._name("found")
            self._line(f"br i1 {none}, label %{self._targets[-1].leave}, label %{found}")
            self._closed = True
            self._label(found)
            self._set(n.folio, folio)

        self._counted(limit, visit, n.body)

    def _while(self, n: trusted.While) -> None:
        head, inside, end = (self._name(s) for s in ("head", "body", "end"))
        self._label(head)
        self._nodes(n.prelude)
        self._line(f"br i1 {self._operand(n.condition)}, label %{inside}, label %{end}")
        self._closed = True
        self._label(inside)
        self._targets.append(_Target(end, head))
        self._nodes(n.body)
        self._targets.pop()
        self._jump(head)
        self._label(end)

    def _break(self, n: ir.Break) -> None:
        self._jump(self._targets[-1 - n.depth].leave)

    def _continue(self, n: ir.Continue) -> None:
        self._jump(self._targets[-1 - n.depth].again)

    def _return(self, n: ir.Return) -> None:
        result = self._function.result
        if result is None or n.value is None:
            self._default_return()
        else:
            self._line(f"ret {llvm_type(result)} {self._operand(n.value)}")
        self._closed = True
