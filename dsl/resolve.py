"""Declarations: syntax tree to tables.

In: an `ast.File`. Out: a `Program`, every item in its table with its constants evaluated, and diagnostics for names
declared twice or reserved, unknown types and hooks, values out of range and tables too large. After errors the program
is still usable for checking the rest. Bodies are not looked at, except for who calls whom (`dsl/recursion.py`).
"""

from __future__ import annotations

from dsl import abi, ast, ir
from dsl.constants import ConstantEvaluator
from dsl.diagnostics import Collector, Diagnostic, Label
from dsl.nearest import did_you_mean
from dsl.recursion import check_recursion
from dsl.source import Span
from dsl.symbols import FOREIGN_TYPES, LOCAL_TYPES, MAP_KINDS, POISON, RESERVED, RESULT_TYPES, Program, Symbol
from dsl.types import INTEGERS, SCALARS, U64, Type

INTEGER_TYPES = {t.name: t for t in INTEGERS}


def resolve(file: ast.File, diagnostics: Collector) -> Program:
    """The declarations of `file`."""
    return _Resolver(diagnostics).run(file)


class _Resolver:
    def __init__(self, diagnostics: Collector) -> None:
        self._diagnostics = diagnostics
        self._program = Program()
        self._constants = ConstantEvaluator(self._program, diagnostics)
        self._folio: ast.FolioFields | None = None
        self._hooks: dict[str, Span] = {}

    def run(self, file: ast.File) -> Program:
        self._policy_line(file)
        for item in file.items:
            self._item(item)
        self._check_limits(file)
        check_recursion(self._program, self._diagnostics)
        return self._program

    def _fail(self, code: str, message: str, span: Span, label: str, *related: Label, help: str | None = None) -> None:
        self._diagnostics.add(Diagnostic(code, message, Label(span, label), related, help=help))

    def _policy_line(self, file: ast.File) -> None:
        lines = [item for item in file.items if isinstance(item, ast.PolicyName)]
        help = "begin the file with `policy NAME;`"
        if not lines:
            start = file.items[0].span if file.items else Span(1, 1, 1, 2)
            span = Span(start.line, start.column, start.line, start.column + 1)
            self._fail("policy-line", "the policy has no name", span, "expected `policy NAME;` before this", help=help)
            return
        self._program.name = lines[0].name.text
        if file.items[0] is not lines[0]:
            self._fail(
                "policy-line", "the policy's name must come first", lines[0].span, "other items precede it", help=help
            )
        for again in lines[1:]:
            first = Label(lines[0].span, "first named here")
            self._fail("policy-line", "the policy is named twice", again.span, "a file holds one policy", first)

    def _item(self, item: ast.Item) -> None:
        match item:
            case ast.Const():
                self._const(item)
            case ast.Param():
                self._param(item)
            case ast.State():
                self._state(item)
            case ast.ListItem():
                self._list(item)
            case ast.CursorItem():
                self._cursor(item)
            case ast.FolioFields():
                self._folio_fields(item)
            case ast.Struct():
                self._declare("struct", item.name)
                self._program.structs.setdefault(item.name.text, self._fields(item.fields, "struct"))
            case ast.MapItem():
                self._map(item)
            case ast.Fn():
                self._fn(item)
            case ast.Hook():
                self._hook(item)

    def _declare(
        self, kind: str, name: ast.Identifier, index: int = 0, type: Type | None = None, value: int = 0
    ) -> None:
        """Enter a name, unless it is taken: then the first declaration stays."""
        text = name.text
        if text in RESERVED or (kind == "struct" and text in SCALARS):
            self._program.misnamed.add(text)
            self._fail("reserved-name", f"`{text}` has a meaning of its own", name.span, "choose another name")
        elif text in self._program.symbols:
            first = self._program.symbols[text]
            related = Label(first.span, f"first declared here, as a {first.kind}")
            self._fail("duplicate-name", f"`{text}` is already declared", name.span, "declared again here", related)
        else:
            self._program.symbols[text] = Symbol(kind, text, name.span, index, type, value)

    def _type(self, name: ast.TypeName, allowed: dict[str, Type], what: str) -> Type:
        if name.text in allowed:
            return allowed[name.text]
        if name.text in LOCAL_TYPES:
            label = f"{what} is one of {_list_of(allowed)}"
            self._fail("unknown-type", f"{what} cannot be a {name.text}", name.span, label)
        else:
            help = FOREIGN_TYPES.get(name.text) or did_you_mean(name.text, allowed, self._diagnostics)
            self._fail(
                "unknown-type", f"there is no type `{name.text}`", name.span, f"one of {_list_of(allowed)}", help=help
            )
        return POISON

    # --- consts, params, state ----------------------------------------------------------------------------

    def _constant(self, expression: ast.Expression, type: Type, what: str) -> int | None:
        return None if type == POISON else self._constants.value(expression, type, what)

    def _const(self, item: ast.Const) -> None:
        type = self._type(item.type, {k: t for k, t in SCALARS.items() if k != "page_key"}, "a const")
        value = self._constant(item.value, type, f"`{item.name.text}`")
        self._declare("const", item.name, type=POISON if value is None else type, value=value or 0)

    def _param(self, item: ast.Param) -> None:
        type = self._type(item.type, INTEGER_TYPES, "a param")
        default = self._constant(item.default, type, "the default")
        low = self._constant(item.low, type, "the lower bound")
        high = self._constant(item.high, type, "the upper bound")
        if low is not None and high is not None:
            if low > high:
                span = item.low.span.to(item.high.span)
                self._fail("value-out-of-range", "the range is empty", span, f"{low:,} is more than {high:,}")
            elif default is not None and not low <= default <= high:
                related = Label(item.low.span.to(item.high.span), "the range")
                label = f"{default:,} is not in {low:,}..={high:,}"
                self._fail(
                    "value-out-of-range", "the default is out of the param's range", item.default.span, label, related
                )
        self._declare("param", item.name, index=len(self._program.params), type=type)
        self._program.params.append(ir.Param(item.name.text, type, default or 0, low or 0, high or 0, item.name.span))

    def _state(self, item: ast.State) -> None:
        type = self._type(item.type, SCALARS, "state")
        length = self._length(item.length, abi.MAX_STATE_WORDS)
        initial = None if item.initial is None else self._constant(item.initial, type, "the initial value")
        self._declare("state", item.name, index=len(self._program.states), type=type)
        is_array = item.length is not None
        self._program.states.append(ir.State(item.name.text, type, length, is_array, initial or 0, item.name.span))

    def _length(self, expression: ast.Expression | None, maximum: int) -> int:
        if expression is None:
            return 1
        length = self._constants.value(expression, INTEGER_TYPES["u64"], "the length")
        if length is None:
            return 1
        if not 1 <= length <= maximum:
            self._fail(
                "value-out-of-range", "length out of range", expression.span, f"{length:,} is not in 1 to {maximum:,}"
            )
            return 1
        return length

    # --- lists, cursors, folios, maps ---------------------------------------------------------------------

    def _list(self, item: ast.ListItem) -> None:
        length, is_array = 1, False
        if item.kind == "list":
            length, is_array = self._length(item.length, abi.MAX_LISTS), item.length is not None
        elif item.length is not None:
            self._fail(
                "type-mismatch", f"there are no arrays of {item.kind}s", item.length.span, "leave the length out",
                help="declare each by a name of its own",
            )  # fmt: skip
        self._declare(item.kind, item.name, index=len(self._program.lists))
        self._program.lists.append(ir.ListDecl(item.name.text, item.kind, length, is_array, item.name.span))

    def _cursor(self, item: ast.CursorItem) -> None:
        symbol = self._program.symbols.get(item.list.text)
        number, index = 0, 0
        if symbol is None or symbol.kind not in ("list", "bag"):
            help = did_you_mean(
                item.list.text,
                (s.name for s in self._program.symbols.values() if s.kind in ("list", "bag")),
                self._diagnostics,
            )
            label = "no list of this name is declared above" if symbol is None else f"this is a {symbol.kind}"
            self._fail("unknown-name", f"`{item.list.text}` is not a list", item.list.span, label, help=help)
        else:
            number = symbol.index
            index = self._cursor_index(item, self._program.lists[number])
        self._declare("cursor", item.name, index=len(self._program.cursors))
        self._program.cursors.append(ir.Cursor(item.name.text, number, index, item.name.span))

    def _cursor_index(self, item: ast.CursorItem, declared: ir.ListDecl) -> int:
        related = Label(declared.span, "declared here")
        if item.index is None:
            if declared.is_array:
                label = f"an array of {declared.length} lists"
                help = f"name one of them: `{declared.name}[0]`"
                self._fail("type-mismatch", "a cursor stands on one list", item.list.span, label, related, help=help)
            return 0
        if not declared.is_array:
            self._fail("type-mismatch", f"`{declared.name}` is not an array", item.index.span, "no index here", related)
            return 0
        index = self._constants.value(item.index, INTEGER_TYPES["u64"], "the index")
        if index is not None and index >= declared.length:
            label = f"{index:,} is not in 0 to {declared.length - 1:,}"
            self._fail("value-out-of-range", "index out of range", item.index.span, label, related)
            return 0
        return index or 0

    def _fields(self, declared: tuple[ast.Field, ...], what: str) -> tuple[ir.Field, ...]:
        fields: dict[str, ir.Field] = {}
        for field in declared:
            name = field.name.text
            type = self._type(field.type, SCALARS, f"a field of a {what}")
            if name in fields:
                related = Label(fields[name].span, "first declared here")
                self._fail(
                    "duplicate-name", f"field `{name}` is declared twice", field.name.span, "again here", related
                )
            elif name in abi.members("folio" if what == "folio" else "ref"):
                label = f"every {'folio' if what == 'folio' else 'entry of a map'} has a member of this name"
                self._fail("reserved-name", f"`{name}` has a meaning of its own", field.name.span, label)
            else:
                fields[name] = ir.Field(name, type, field.name.span)
        return tuple(fields.values())

    def _folio_fields(self, item: ast.FolioFields) -> None:
        if self._folio is not None:
            related = Label(_keyword(self._folio.span, 5), "the first is here")
            label = "put these fields there"
            self._fail("duplicate-name", "there are two `folio` blocks", _keyword(item.span, 5), label, related)
            return
        self._folio = item
        self._program.fields.extend(self._fields(item.fields, "folio"))

    def _map(self, item: ast.MapItem) -> None:
        if item.kind.text not in MAP_KINDS:
            help = did_you_mean(item.kind.text, MAP_KINDS, self._diagnostics)
            label = f"a map is one of {_list_of(dict.fromkeys(MAP_KINDS, POISON))}"
            self._fail("unknown-type", f"there is no map kind `{item.kind.text}`", item.kind.span, label, help=help)
        key = self._type(item.key, SCALARS, "the key of a map")
        fields: tuple[ir.Field, ...] = ()
        if item.value is not None and item.value.text in self._program.structs:
            fields = self._program.structs[item.value.text]
        elif item.value is not None:
            allowed = {**SCALARS, **dict.fromkeys(self._program.structs, POISON)}
            fields = (ir.Field("value", self._type(item.value, allowed, "the value of a map"), item.value.span),)
        key = self._array_key(item, key, fields)
        size = self._constants.size(item.size)
        self._declare("map", item.name, index=len(self._program.maps))
        self._program.maps.append(ir.Map(item.name.text, item.kind.text, key, fields, size or (1,), item.name.span))

    def _array_key(self, item: ast.MapItem, key: Type, fields: tuple[ir.Field, ...]) -> Type:
        """The key's type; poison if an array cannot have it, so that its uses are not errors, too."""
        if item.kind.text == "array" and key not in (U64, POISON):
            label = "the elements of an array are numbered"
            self._fail("type-mismatch", "the key of an `array` is a u64", item.key.span, label)
        if item.kind.text == "array" and not fields:
            help = "give the type of its elements: `array<u64, u8>`"
            self._fail("type-mismatch", "an `array` is no set", item.kind.span, "its elements need a type", help=help)
        return POISON if item.kind.text == "array" and key != U64 else key

    # --- routines -----------------------------------------------------------------------------------------

    def _fn(self, item: ast.Fn) -> None:
        result = None if item.result is None else self._type(item.result, RESULT_TYPES, "a result")
        known = item.name.text in self._program.symbols
        self._declare("fn", item.name, type=result)
        if not known:
            self._program.functions[item.name.text] = item

    def _hook(self, item: ast.Hook) -> None:
        name = item.name
        if name.text not in abi.HOOKS:
            help = did_you_mean(name.text, abi.HOOKS, self._diagnostics)
            self._fail(
                "unknown-hook", f"there is no hook `{name.text}`", name.span, "`rext list` shows all hooks", help=help
            )
        elif name.text in self._hooks:
            related = Label(self._hooks[name.text], "first defined here")
            self._fail("duplicate-name", f"hook `{name.text}` is defined twice", name.span, "again here", related,
                       help="put what both do into one")  # fmt: skip
        self._hooks.setdefault(name.text, name.span)
        self._program.hooks.append(item)

    # --- limits -------------------------------------------------------------------------------------------

    def _check_limits(self, file: ast.File) -> None:
        program = self._program
        tables: tuple[tuple[type[ast.Item], int, int, str], ...] = (
            (ast.Param, len(program.params), abi.MAX_PARAMS, "params"),
            (ast.State, sum(s.length for s in program.states), abi.MAX_STATE_WORDS, "elements of state"),
            (ast.ListItem, sum(ls.length for ls in program.lists), abi.MAX_LISTS, "lists"),
            (ast.ListItem, sum(ls.kind != "list" for ls in program.lists), abi.MAX_INDEXES, "bags and heaps"),
            (ast.CursorItem, len(program.cursors), abi.MAX_CURSORS, "cursors"),
            (ast.MapItem, len(program.maps), abi.MAX_MAPS, "maps"),
            (ast.FolioFields, _bytes(program.fields), abi.MAX_FIELD_BYTES, "bytes of fields in each folio"),
        )
        for kind, size, maximum, what in tables:
            if size > maximum:
                last = [item for item in file.items if isinstance(item, kind)][-1]
                self._fail(
                    "limit-exceeded", f"the policy has too many {what}", last.span, f"{size:,}, at most {maximum:,}"
                )
        for map in program.maps:
            if _bytes(map.fields) > abi.MAX_VALUE_BYTES:
                label = f"{_bytes(map.fields):,} bytes, at most {abi.MAX_VALUE_BYTES:,}"
                self._fail("limit-exceeded", "the values of the map are too large", map.span, label)


def _bytes(fields: list[ir.Field] | tuple[ir.Field, ...]) -> int:
    return sum(field.type.storage_bytes for field in fields)


def _keyword(span: Span, length: int) -> Span:
    """The first word of a node."""
    return Span(span.line, span.column, span.line, span.column + length)


def _list_of(names: dict[str, Type]) -> str:
    words = [f"`{name}`" for name in names]
    return f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
