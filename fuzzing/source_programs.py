"""Random policies in the language, typed and mostly valid, as people may write them.

In: a seed. Out: the text of a policy with one to three hooks. It declares something of every kind and uses every
construct and every kfunc of the `abi` that its hooks may call: nullable handles are tested, popped folios given away,
indices bounded, most of the time; `MISTAKE` says how often not.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from dsl import abi
from dsl.types import BOOL, FOLIO, I64, INTEGERS, KEY, PAGE_KEY, REFERENCE, U8, U16, U32, U64, VALUE, Type
from fuzzing.declarations import ARRAYS, CONSTANTS, FIELDS, HEAD, LISTS, MAPS, PARAMS, STATES, MapText

MISTAKE = 0.012
DEEPEST = 3
ARITHMETIC = ("+", "-", "*", "/", "%", "&", "|", "^")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


class SourceWriter:
    """Writes one policy."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"source {seed}")
        self.lines: list[str] = []
        self.hook = abi.HOOKS["init"]
        self.locals: list[tuple[str, Type]] = []
        self.folios: list[str] = []
        self.entries: list[tuple[str, MapText]] = []
        self.around: list[str] = []
        self.count = 0
        self.functions: list[str] = []
        self.kinds: list[Callable[[], None]] = [
            self.let, self.let, self.assign, self.assign, self.assign, self.branch, self.branch, self.counted,
            self.scan, self.find, self.find, self.take, self.look_up, self.look_up, self.map_effect, self.effect,
            self.effect, self.folio_effect, self.leave, self.early_return, self.widened, self.unused_result,
        ]  # fmt: skip

    def text(self) -> str:
        self.lines = [
            "policy fuzzed;",
            HEAD.format(size=self.chance.choice(("64", "nr_pages", "nr_pages * share / 100"))),
        ]
        self.function()
        for name in self.chance.sample(tuple(abi.HOOKS), self.chance.choice((1, 1, 2, 3))):
            self.write_hook(name)
        return "\n".join(self.lines) + "\n"

    # --- frame ---------------------------------------------------------------------------------------------

    def put(self, line: str) -> None:
        self.lines.append("    " * (1 + len(self.around)) + line)

    def name(self, stem: str) -> str:
        self.count += 1
        return f"{stem}{self.count}"

    def mistake(self) -> bool:
        return self.chance.random() < MISTAKE

    def function(self) -> None:
        self.locals, name = [("a", U64), ("b", U8)], self.name("helper")
        self.lines.append(f"fn {name}(a: u64, b: u8) -> u64 {{")
        if self.chance.random() < 0.5:
            self.put(f"if {self.condition()} {{ return {self.expression(U64)}; }}")
        self.put(f"return {self.expression(U64)};")
        self.lines.append("}")
        self.functions.append(name)

    def write_hook(self, name: str) -> None:
        self.hook, self.locals, self.entries = abi.HOOKS[name], [], []
        self.folios = ["f"] if self.hook.folio else []
        self.lines.append(f"hook {name}({', '.join(self.hook.parameters)}) {{")
        self.statements(4)
        if self.hook.folio == "owned" and not self.mistake():
            self.put(self.give("f"))
        if self.hook.result is not None and not self.mistake():
            self.put(f"return {self.answer()};")
        self.lines.append("}")

    def answer(self) -> str:
        result, high = self.hook.result, self.hook.high
        assert result is not None
        bounded = f"min({self.expression(result)}, {high})"
        return self.chance.choice((str(self.hook.low), str(high), bounded))

    def statements(self, most: int) -> None:
        for _ in range(self.chance.randint(1, most)):
            self.chance.choice(self.kinds)()

    def block(self, line: str, around: str, write: Callable[[], None]) -> None:
        """A block of its own: what is declared in it ends with it."""
        if len(self.around) >= DEEPEST:
            return
        self.put(line + " {")
        kept = list(self.locals), list(self.folios), list(self.entries)
        self.around.append(around)
        write()
        self.around.pop()
        self.locals, self.folios, self.entries = kept
        self.put("}")

    def some(self) -> None:
        self.statements(2)

    # --- expressions ---------------------------------------------------------------------------------------

    def expression(self, type: Type, depth: int = 0) -> str:
        """Of a scalar type."""
        if type == BOOL:
            return self.condition(depth)
        if type == PAGE_KEY:
            return self.page_key()
        if depth > 2 or self.chance.random() < 0.35:
            return self.atom(type)
        return self.chance.choice((self.arithmetic, self.arithmetic, self.shift, self.lesser, self.cast, self.choice))(
            type, depth + 1
        )

    def page_key(self) -> str:
        known = [name for name, type in self.locals if type == PAGE_KEY] + [f"{f}.key" for f in self.folios]
        known += [f"{e}.key" for e, m in self.entries if m.key == PAGE_KEY] + self.answers(PAGE_KEY)
        return self.chance.choice(known or ["name"])

    def literal(self, type: Type) -> str:
        if type == BOOL:
            return self.chance.choice(("true", "false"))
        value = self.chance.choice(
            (0, 1, 2, 3, 7, 8, 15, 16, 63, 100, 127, 255, 256, 4096, type.maximum, type.maximum - 1)
        )
        text = str(min(value, type.maximum))
        return f"-{text}" if type.signed and self.chance.random() < 0.3 else text

    def atom(self, type: Type) -> str:
        found = [name for name, known in (*self.locals, *PARAMS, *STATES, *CONSTANTS) if known == type]
        found += [f"{f}.{name}" for f in self.folios for name, known in FIELDS if known == type]
        found += [f"{e}.{name}" for e, m in self.entries for name, known in m.fields if known == type]
        found += self.answers(type)
        found += [self.element(type)] if any(known == type for _, known, _ in ARRAYS) else []
        if not found or self.chance.random() < 0.25:
            return self.literal(type)
        return self.chance.choice(found)

    def element(self, type: Type) -> str:
        name, _, length = self.chance.choice([array for array in ARRAYS if array[1] == type])
        return f"{name}[{self.index(length)}]"

    def index(self, length: int) -> str:
        if self.mistake():
            return "total"
        inside = self.chance.choice(("total", "few", "nr_pages", "levels[0].len", "seed"))
        return self.chance.choice(
            (f"{inside} % {length}", f"min({inside}, {length - 1})", str(self.chance.randrange(length)))
        )

    def answers(self, type: Type) -> list[str]:
        """Calls without arguments that give this type."""
        allowed = [k for k in abi.KFUNCS.values() if k.result == type and (not k.hooks or self.hook.name in k.hooks)]
        found = [f"ctx.{k.member}" for k in allowed if k.receiver == "ctx" and k.is_property and not self.in_function()]
        found += [f"{f}.{k.member}" for k in allowed if k.receiver == "folio" and k.is_property for f in self.folios]
        found += [f"{xs}.len" for xs in LISTS] if type == U64 else []
        found += [
            f"{m.name}.{k.member}"
            for k in allowed
            if k.receiver == "map" and k.is_property
            for m in MAPS
            if m.kind in k.kinds
        ]
        return found

    def asked(self, type: Type) -> list[str]:
        """Calls with arguments and without effects that give this type."""
        if self.in_function():
            return []
        owners = {"ctx": "ctx.", "list": f"{self.chance.choice(self.list_names())}.", "heap": "uses.", None: ""}
        found = []
        for kfunc in abi.KFUNCS.values():
            fits = kfunc.result == type and kfunc.pure and not kfunc.is_property and kfunc.receiver in owners
            folio = any(arg.type == FOLIO for arg in kfunc.args)
            if fits and (not kfunc.hooks or self.hook.name in kfunc.hooks) and (self.folios or not folio):
                found.append(f"{owners[kfunc.receiver]}{kfunc.member}{self.arguments(kfunc)}")
        return found

    def in_function(self) -> bool:
        return not self.functions

    def arithmetic(self, type: Type, depth: int) -> str:
        return f"({self.expression(type, depth)} {self.chance.choice(ARITHMETIC)} {self.expression(type, depth)})"

    def shift(self, type: Type, depth: int) -> str:
        return f"({self.expression(type, depth)} {self.chance.choice(('<<', '>>'))} {self.chance.choice((0, 1, 3, 7))})"

    def lesser(self, type: Type, depth: int) -> str:
        if depth < 3 and self.chance.random() < 0.2 and (asked := self.asked(type)):
            return self.chance.choice(asked)
        if type == U64 and self.chance.random() < 0.4:
            parts = (self.expression(U64, depth) for _ in range(3))
            return self.chance.choice(
                (
                    f"mul_div({', '.join(parts)})",
                    f"log2({self.atom(U64)})",
                    f"pow2({self.atom(I64)})",
                    f"hash({self.page_key()}, {self.atom(U64)})",
                    "random()",
                    *self.called(),
                )
            )
        return f"{self.chance.choice(('min', 'max'))}({self.expression(type, depth)}, {self.expression(type, depth)})"

    def called(self) -> list[str]:
        return [f"{name}({self.atom(U64)}, {self.atom(U8)})" for name in self.functions]

    def cast(self, type: Type, depth: int) -> str:
        return f"({self.expression(self.chance.choice((*INTEGERS, BOOL)), depth)} as {type})"

    def choice(self, type: Type, depth: int) -> str:
        test, then, orelse = self.condition(depth), self.expression(type, depth), self.expression(type, depth)
        return f"(if {test} {{ {then} }} else {{ {orelse} }})"

    def condition(self, depth: int = 0) -> str:
        chance, type = self.chance, self.chance.choice((U64, U64, U8, I64, U32, U16, PAGE_KEY))
        if depth > 2 or chance.random() < 0.2:
            return self.atom(BOOL) if chance.random() < 0.8 else chance.choice(("true", "false"))
        what = chance.random()
        if what < 0.25:
            return f"({self.condition(depth + 1)} {chance.choice(('&&', '||'))} {self.condition(depth + 1)})"
        if what < 0.35:
            return f"!{self.condition(depth + 1)}"
        if what < 0.4 and (asked := self.asked(BOOL)):
            return self.chance.choice(asked)
        if what < 0.45:
            m = chance.choice([m for m in MAPS if m.kind != "array"])
            return f"{m.name}.contains({self.expression(m.key, 2)})"
        comparison = chance.choice(COMPARISONS if type != PAGE_KEY else COMPARISONS[:2])
        return f"({self.expression(type, depth + 1)} {comparison} {self.expression(type, depth + 1)})"

    # --- statements ----------------------------------------------------------------------------------------

    def let(self) -> None:
        type, name = self.chance.choice((U64, U64, U8, I64, BOOL, PAGE_KEY, U16, U32)), self.name("v")
        if self.chance.random() < 0.12:
            self.put(f"let {name}: {type};")
            then, orelse = self.expression(type), self.expression(type)
            self.put(f"if {self.condition()} {{ {name} = {then}; }} else {{ {name} = {orelse}; }}")
        else:
            self.put(f"let {name}: {type} = {self.expression(type)};")
        self.locals.append((name, type))

    def widened(self) -> None:
        """A narrow value in a wider place, or a proven narrowing."""
        name = self.name("w")
        if self.chance.random() < 0.5:
            self.put(f"let {name}: u32 = {self.expression(U8, 2)};")
        else:
            self.put(f"let {name}: u32 = {self.expression(U64, 2)} % {self.chance.choice((100, 65536))};")
        self.locals.append((name, U32))

    def assign(self) -> None:
        places = [*STATES, *self.locals]
        places += [(f"{f}.{name}", type) for f in self.folios for name, type in FIELDS]
        places += [(f"{e}.{name}", type) for e, m in self.entries for name, type in m.fields]
        places += [(f"{name}[{self.index(length)}]", type) for name, type, length in ARRAYS]
        place, type = self.chance.choice(places)
        if type.is_integer and self.chance.random() < 0.5:
            operator = self.chance.choice(("+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="))
            self.put(f"{place} {operator} {self.expression(type, 2)};")
        else:
            self.put(f"{place} = {self.expression(type)};")

    def branch(self) -> None:
        self.block(f"if {self.condition()}", "if", self.some)
        if self.chance.random() < 0.4 and self.lines[-1].endswith("}") and len(self.around) < DEEPEST:
            self.lines[-1] += (
                f" else {{ {self.chance.choice(STATES)[0]} = {self.chance.choice(STATES)[0]}; }}"
                if self.mistake()
                else " else { total += 1; }"
            )

    def counted(self) -> None:
        bound = self.chance.choice((str(self.chance.randrange(5)), f"min({self.expression(U64, 2)}, 4)", "few"))
        if self.chance.random() < 0.5:
            name = self.name("i")

            def body() -> None:
                self.locals.append((name, U64))
                self.some()

            self.block(f"for {name} in {self.chance.choice(('0', '0', '1'))}..{bound}", "loop", body)
        else:
            self.block(f"loop up to {bound}", "loop", self.some)

    def scan(self) -> None:
        if "scan" in self.around and not self.mistake():
            return
        f, source = self.name("g"), self.chance.choice((*self.list_names(), "hand"))

        def body() -> None:
            self.folios.append(f)
            self.some()

        self.block(
            f"scan {f} in {source} limit {self.chance.choice(('4', 'few', 'nr_pages', self.atom(U64)))}", "scan", body
        )

    def list_names(self) -> list[str]:
        return [f"levels[{self.index(4)}]" if xs.startswith("levels") else xs for xs in LISTS if xs != "uses"]

    def arguments(self, kfunc: abi.Kfunc, m: MapText | None = None, entry: str = "") -> str:
        """Arguments after the receiver."""
        first = 1 if kfunc.receiver in ("list", "folio", "ref") else 0
        found = []
        for arg in kfunc.args[first:]:
            if arg.type == FOLIO:
                found.append(self.chance.choice(self.folios or ["f"]))
            elif arg.type == REFERENCE:
                found.append(entry)
            elif arg.type in (KEY, VALUE) and m is not None:
                found.append(self.expression(m.key if arg.type == KEY else m.fields[0][1], 2))
            elif arg.low is not None and arg.high is not None and not self.mistake():
                found.append(str(self.chance.choice((arg.low, arg.high))))
            else:
                found.append(self.expression(arg.type, 2))
        return "" if kfunc.is_property else f"({', '.join(found)})"

    def allowed(self, receiver: str | None) -> list[abi.Kfunc]:
        here = self.mistake()
        return [
            k
            for k in abi.KFUNCS.values()
            if k.receiver == receiver and (here or not k.hooks or self.hook.name in k.hooks)
        ]

    def handle_calls(self, ownership: str) -> list[str]:
        """Calls that give a folio, or null."""
        found = []
        for kfunc in (*self.allowed("list"), *self.allowed("bag"), *self.allowed("heap"), *self.allowed(None)):
            if (
                kfunc.result != FOLIO
                or kfunc.ownership != ownership
                or (not self.folios and "folio" in str(kfunc.args[1:]))
            ):
                continue
            owner = {"list": self.chance.choice(self.list_names()), "bag": "all", "heap": "uses"}.get(
                kfunc.receiver or "", ""
            )
            found.append((f"{owner}." if owner else "") + kfunc.member + self.arguments(kfunc))
        return found

    def find(self) -> None:
        self.tested(self.chance.choice(self.handle_calls("borrowed")), self.some)

    def tested(self, call: str, write: Callable[[], None], end: Callable[[str], None] | None = None) -> None:
        name = self.name("h")
        self.put(f"let {name} = {call};")

        def body() -> None:
            self.folios.append(name)
            write()
            if end is not None:
                end(name)

        if len(self.around) >= DEEPEST or self.mistake():
            self.put(f"if {name} != null {{ {self.give(name) if end else f'{name}.counted += 1;'} }}")
        elif end is None and self.around and self.chance.random() < 0.2 and "loop" in self.around[-1:]:
            self.put(f"if {name} == null {{ break; }}")
            self.folios.append(name)
        else:
            self.block(f"if {name} != null", "if", body)

    def take(self) -> None:
        def end(name: str) -> None:
            if not self.mistake():
                self.put(self.give(name))

        self.tested(self.chance.choice(self.handle_calls("owned")), self.some, end)

    def give(self, f: str) -> str:
        """A statement that gives an owned folio away."""
        ways = [f"{self.chance.choice(self.list_names())}.push_{end}({f});" for end in ("head", "tail")]
        ways.append(f"uses.push({f}, {self.expression(U64, 2)});")
        if self.hook.name == "evict_folios":
            ways.append(f"ctx.evict({f});")
        return self.chance.choice(ways)

    def look_up(self) -> None:
        m = self.chance.choice([m for m in MAPS if m.fields])
        calls = [k for k in self.allowed("map") if k.ownership == "ref" and m.kind in k.kinds]
        known = [e for e, of in self.entries if of is m]
        usable = [k for k in calls if known or not any(a.type == REFERENCE for a in k.args)]
        kfunc, name = self.chance.choice(usable), self.name("e")
        self.put(f"let {name} = {m.name}.{kfunc.member}{self.arguments(kfunc, m, known[0] if known else '')};")

        def body() -> None:
            self.entries.append((name, m))
            if self.chance.random() < 0.3:
                self.map_effect(m)
            self.some()

        self.block(f"if {name} != null", "if", body)

    def map_effect(self, of: MapText | None = None) -> None:
        m = of or self.chance.choice(MAPS)
        known = [e for e, of in self.entries if of is m]
        counters = len(m.fields) == 1 and m.fields[0][1] in (U8, U16, U32, U64)
        calls = [k for k in self.allowed("map") if not k.pure and m.kind in k.kinds and (counters or not k.of_counters)]
        calls = [k for k in calls if known or not any(a.type == REFERENCE for a in k.args)]
        if not calls:
            return
        kfunc = self.chance.choice(calls)
        self.put(f"{m.name}.{kfunc.member}{self.arguments(kfunc, m, known[0] if known else '')};")
        if kfunc.clears_refs and not self.mistake():
            self.entries = [(e, of) for e, of in self.entries if of is not m]

    def effect(self) -> None:
        """Some call of the context, a list or a cursor."""
        calls = [*self.allowed("ctx"), *self.allowed("list"), *self.allowed("heap"), *self.allowed("cursor")]
        calls = [k for k in calls if not k.is_property and k.result in (None, BOOL, U64)]
        of_this_hook = [k for k in calls if k.hooks]
        kfunc = self.chance.choice(of_this_hook if of_this_hook and self.chance.random() < 0.4 else calls)
        if any(a.ownership == "consume" for a in kfunc.args) or (
            not self.folios and any(a.type == FOLIO for a in kfunc.args)
        ):
            return
        owner = {"ctx": "ctx", "cursor": "hand", "heap": "uses", "list": self.chance.choice(self.list_names())}[
            kfunc.receiver or ""
        ]
        if any(a.ownership == "propose" for a in kfunc.args):
            self.put(f"ctx.evict({self.chance.choice(self.folios)});")
        else:
            self.put(f"{owner}.{kfunc.member}{self.arguments(kfunc)};")

    def folio_effect(self) -> None:
        calls = [k for k in self.allowed("folio") if not k.is_property]
        if self.folios and calls:
            kfunc = self.chance.choice(calls)
            self.put(f"{self.chance.choice(self.folios)}.{kfunc.member}{self.arguments(kfunc)};")

    def unused_result(self) -> None:
        name, f = self.name("same"), self.page_key()
        self.put(f"let {name} = resident({f});")
        self.put(f"if {name} != null {{ {name}.counted = {self.expression(U64, 2)}; }}")

    def leave(self) -> None:
        if "loop" in self.around or "scan" in self.around:
            self.put(f"if {self.condition()} {{ {self.chance.choice(('break', 'continue'))}; }}")

    def early_return(self) -> None:
        if self.hook.folio == "owned" or self.chance.random() < 0.5 or len(self.around) > 1:
            return
        self.put(f"if {self.condition()} {{ return{'' if self.hook.result is None else ' ' + self.answer()}; }}")


def source_text(seed: int) -> str:
    """A random policy."""
    return SourceWriter(seed).text()
