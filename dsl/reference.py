"""The reference of what the core offers to policies, written from the `abi`.

In: the `abi`. Out: Markdown: every hook, kfunc, kind of map, named constant and limit, with types, ranges and costs.

    python -m dsl.reference             prints it
    python -m dsl.reference --write     puts it into docs/reference.md; a test fails if that is stale
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from dsl import abi
from dsl.abi import Arg, Hook, Kfunc
from dsl.types import FOLIO, KEY, REFERENCE, VALUE, Type

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "reference.md"

INTRODUCTION = """\
# Reference: hooks, kfuncs, maps

What the core offers to a policy. Written from `dsl/abi.py`, the table that type checker, verifier and code generator
read, by `python -m dsl.reference --write`. [language.md](language.md) shows how to use it; `rext list hooks`,
`rext list kfuncs`, `rext list maps` and `rext list constants` print most of it in a terminal.

**Steps** are what the verifier counts with: one for each instruction of the IR, and for each kfunc what stands in its
row. The bound of a hook is a + b·n, n being the number of resident folios or, if that is more, of elements of an
array; a may be {constant:,} and b {factor:,} at most. `rext check P --cost` shows both, line by line.

In the tables a type with `?` may be null and has to be tested before it is used. A folio in the place of an argument is
*owned* where the function takes it, so that the hook must own it and has it no longer; all others take borrowed and
owned ones alike and leave them with the hook. In a result, *owned* means that the hook has to give it away.
"""

RECEIVERS: dict[str | None, tuple[str, str, str]] = {
    "list": ("Lists", "xs", "`list xs;`, or `list xs[4];` and then `xs[i]`."),
    "bag": ("Bags", "bag", "`bag all;`. A bag has all that a list has, and:"),
    "heap": ("Heaps", "heap", "`heap uses;`: folios in the order of a key, a u64."),
    "cursor": ("Cursors", "hand", "`cursor hand on xs;`. `scan f in hand limit n` is what uses it."),
    "folio": ("Folios", "f", "Besides these, a folio has the fields that the policy declares: `folio { hits: u8 }`."),
    "map": ("Maps", "m", ""),
    "ref": ("References into maps", "e", "A reference has the fields of its struct, or `value`, and:"),
    None: ("Functions", "", "`min(a, b)`, `max(a, b)` and `mul_div(a, b, c)` belong to the language; and:"),
    "ctx": ("The context", "ctx", "The last parameter of every hook; functions take it, too: `fn look(ctx)`."),
}
"""By receiver: a title, what an example is called, and a sentence."""

LIMITS = (
    ("instructions of a policy, after inlining", abi.MAX_INSTRUCTIONS),
    ("steps of a hook, apart from what grows with the number of folios", abi.MAX_CONSTANT_STEPS),
    ("steps of a hook for each resident folio", abi.MAX_STEPS_PER_FOLIO),
    ("instructions that the verifier looks at for one policy", abi.MAX_VERIFIER_STEPS),
    ("depth of nested control in a function", abi.MAX_NESTING),
    ("lists, an array counting as many", abi.MAX_LISTS),
    ("bags and heaps", abi.MAX_INDEXES),
    ("cursors", abi.MAX_CURSORS),
    ("maps", abi.MAX_MAPS),
    ("bytes of a map's value", abi.MAX_VALUE_BYTES),
    ("params", abi.MAX_PARAMS),
    ("words of state", abi.MAX_STATE_WORDS),
    ("bytes of a policy's fields in each folio", abi.MAX_FIELD_BYTES),
    ("folios one call of a hook is asked to look at", abi.MAX_SCAN),
    ("bits of a shadow that are the policy's", abi.SHADOW_BITS),
)


def reference() -> str:
    """The document."""
    introduction = INTRODUCTION.format(constant=abi.MAX_CONSTANT_STEPS, factor=abi.MAX_STEPS_PER_FOLIO)
    parts = [introduction, _hooks(), *map(_kfuncs, RECEIVERS), _constants(), _limits()]
    return "\n".join(parts)


# --- hooks ------------------------------------------------------------------------------------------------


def _hooks() -> str:
    head = (
        "## Hooks\n\nAll are optional. A policy may leave out the last parameters, and without the hook, or where it"
        " returns nothing, the\ncore takes the default. What every hook may use is not repeated.\n"
    )
    return "\n".join([head, *map(_hook, abi.HOOKS.values())])


def _hook(hook: Hook) -> str:
    result = "" if hook.result is None else f" -> {hook.result}"
    lines = [f"### {hook.name}\n", f"`hook {hook.name}({', '.join(hook.parameters)}){result}`\n", f"{hook.doc}\n"]
    if hook.folio is not None:
        lines.append(f"- `f` is {hook.folio}.")
    if hook.result is not None:
        lines.append(f"- Returns {hook.low:,} to {_number(hook.high)}; by default {hook.default}.")
    lines.append(f"- In the kernel: {_kernel(hook)}.")
    special = [f"`{_spelled(kfunc)}`" for kfunc in abi.KFUNCS.values() if hook.name in kfunc.hooks]
    if special:
        lines.append(f"- May use, as not every hook may: {', '.join(special)}.")
    return "\n".join(lines) + "\n"


def _kernel(hook: Hook) -> str:
    """The counterpart of a hook, as code if it is the name of a function."""
    return f"`{hook.kernel}`" if hook.kernel.isidentifier() else hook.kernel.removeprefix("none: ")


# --- kfuncs -----------------------------------------------------------------------------------------------


def _kfuncs(receiver: str | None) -> str:
    title, _, about = RECEIVERS[receiver]
    rows = []
    for kfunc in abi.members(receiver).values():
        text = kfunc.doc + _only(kfunc)
        rows.append((f"`{_spelled(kfunc, typed=True)}`", _result(kfunc), _steps(kfunc), text))
    lines = [f"## {title}\n"]
    if receiver == "map":
        lines += [_table(("kind", ""), [(f"`{signature}`", text) for signature, text in abi.MAPS.values()])]
    if about:
        lines.append(f"{about}\n")
    return "\n".join([*lines, _table(("", "gives", "steps", ""), rows)])


def _only(kfunc: Kfunc) -> str:
    """Where a kfunc is to be had, if not everywhere."""
    parts = []
    if kfunc.of_counters:
        parts.append(" Where the elements are unsigned integers.")
    elif kfunc.kinds and set(kfunc.kinds) != set(abi.MAPS):
        parts.append(f" Of {_listed(f'`{kind}`' for kind in kfunc.kinds)}.")
    if kfunc.clears_refs:
        parts.append(" References into the map end.")
    if kfunc.hooks:
        parts.append(f" Only in {_listed(f'[`{hook}`](#{hook})' for hook in kfunc.hooks)}.")
    return "".join(parts)


def _spelled(kfunc: Kfunc, typed: bool = False) -> str:
    """How a policy writes it."""
    name = RECEIVERS[kfunc.receiver][1]
    spelled = f"{name}.{kfunc.member}" if name else kfunc.member
    if kfunc.is_property:
        return spelled
    arguments = kfunc.args[1:] if kfunc.receiver in ("list", "folio", "ref") else kfunc.args
    return f"{spelled}({', '.join(map(_argument if typed else _argument_name, arguments))})"


def _argument(argument: Arg) -> str:
    if argument.type == FOLIO:
        return "f: owned" if argument.ownership == "consume" else "f"
    bounds = "" if argument.low is None else f" in {argument.low}..={argument.high}"
    return f"{argument.name}: {_type(argument.type)}{bounds}"


def _argument_name(argument: Arg) -> str:
    return "f" if argument.type == FOLIO else argument.name


def _type(type: Type) -> str:
    return {KEY: "KEY", VALUE: "VALUE", REFERENCE: "reference"}.get(type, str(type))


def _result(kfunc: Kfunc) -> str:
    if kfunc.ownership == "ref":
        return "reference?"
    if kfunc.result is None:
        return ""
    if kfunc.result == FOLIO:
        return f"folio?, {kfunc.ownership}"
    narrower = kfunc.result.is_integer and (kfunc.low, kfunc.high) != (kfunc.result.minimum, kfunc.result.maximum)
    return _type(kfunc.result) + (f", {kfunc.low:,} to {_number(kfunc.high)}" if narrower else "")


def _steps(kfunc: Kfunc) -> str:
    each = kfunc.steps_per_element
    return f"{kfunc.steps:,}" + (f", and {each} for each element" if each else "")


# --- the rest ---------------------------------------------------------------------------------------------


def _constants() -> str:
    rows = [(f"`{name}`", f"{value}", str(type), text) for name, (value, type, text) in abi.CONSTANTS.items()]
    return "## Constants\n\n" + _table(("", "value", "type", "for"), rows)


def _limits() -> str:
    return "## Limits\n\n" + _table(("at most", ""), [(f"{most:,}", what) for what, most in LIMITS])


def _number(value: int) -> str:
    """A number as people read it: great ones as powers of two."""
    for offset, suffix in ((0, ""), (1, " - 1"), (2, " - 2")):
        power = value + offset
        if power >= 1 << 20 and power & (power - 1) == 0:
            return f"2^{power.bit_length() - 1}{suffix}"
    return f"{value:,}"


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        DOCUMENT.write_text(reference(), encoding="utf-8")
    else:
        sys.stdout.write(reference())
