"""`rext list`: what there is to use.

In: nothing but which kind. Out: the policies with the first words of their files and their params, and from the `abi`
the hooks, the kfuncs, the kinds of maps and the constants.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dsl import abi
from dsl.abi import Hook, Kfunc
from dsl.compile import Compilation, decode_source
from runtime.cli import status
from runtime.cli.output import emit, emit_json, in_columns
from runtime.cli.parser import add_output_options
from runtime.policies import lru, mglru
from runtime.policies.params import BuiltinParam
from runtime.policy_file import PROGRAMS, TEXT_SUFFIX, read_policy_file

EXAMPLE = "rext list policies"

BUILTIN = (
    ("builtin:lru", "the kernel's LRU: active and inactive lists of anonymous and file folios, part of the core"),
    (
        "builtin:mglru",
        "the kernel's multi-generational LRU, of 6.18, 6.12 or 6.1, each mechanism with a switch, part of the core",
    ),
    ("opt", "the offline optimum (Belady): evicts what is used again last; the bound of every comparison"),
)
MAPS = (
    ("hash<KEY, VALUE>[size]", "insertion into a full map is refused"),
    ("lru_hash<KEY, VALUE>[size]", "a full map drops its oldest entry; order of insertion, `touch` refreshes"),
)

Item = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", nargs="?", choices=tuple(KINDS), help="only these (default: all)")
    add_output_options(parser)


def execute(arguments: argparse.Namespace) -> int:
    chosen = [arguments.kind] if arguments.kind else list(KINDS)
    items = {kind: KINDS[kind]() for kind in chosen}
    if arguments.format == "json":
        emit_json(items)
    else:
        emit("\n\n".join(_text(kind, items[kind]) for kind in chosen))
    return status.SUCCESS


def _text(kind: str, items: list[Item]) -> str:
    pairs = [(str(item.get("signature") or item["name"]), item["description"] + _where(item)) for item in items]
    if not any(item.get("params") for item in items):
        return "\n".join([f"{kind}:", *in_columns(pairs)])
    left = max(len(name) for name, _ in pairs)
    lines = [f"{kind}:"]
    for item, (name, text) in zip(items, pairs, strict=True):
        lines += in_columns([(name.ljust(left), text)])
        lines += in_columns([(_setting(param), param["description"]) for param in item["params"]], indent=" " * 6)
    return "\n".join(lines)


def _setting(param: Item) -> str:
    """A param as it is set, with its default, and what it may be."""
    choices = param.get("choices")
    values = ", ".join(map(str, choices)) if choices else f"{param['low']}..={param['high']}"
    return f"{param['name']}={param['default']} in {values}"


def _where(item: Item) -> str:
    """The hooks in which a kfunc may be called, if not in all."""
    hooks = item.get("hooks")
    return f" Only in {', '.join(f'`{hook}`' for hook in hooks)}." if hooks else ""


def _policies() -> list[Item]:
    items = [
        {"name": name, "description": text, "file": None, "params": _builtin_params(name)} for name, text in BUILTIN
    ]
    for path in sorted(PROGRAMS.glob(f"*{TEXT_SUFFIX}")):
        about = {"name": path.stem, "description": description(path), "file": str(path)}
        items.append(about | {"params": program_params(path)})
    return items


def _builtin_params(name: str) -> list[Item]:
    """The params of a policy that is part of the core."""
    module = {"builtin:lru": lru, "builtin:mglru": mglru}.get(name)  # not `runtime.program`, which needs LLVM
    declared: tuple[BuiltinParam, ...] = getattr(module, "PARAMS", ())
    return [
        {
            "name": p.name,
            "default": p.default,
            "low": p.low,
            "high": p.high,
            "description": p.doc,
            **({"choices": list(p.choices)} if p.choices else {}),
        }
        for p in declared
    ]


def program_params(path: Path) -> list[Item]:
    """The params that a policy declares, each with the comment that ends its line."""
    source = decode_source(read_policy_file(path, str(path)), str(path))
    policy = Compilation(source).policy
    return [
        {
            "name": p.name,
            "default": p.default,
            "low": p.low,
            "high": p.high,
            "description": source.line(p.span.line).partition("//")[2].strip(),
        }
        for p in (policy.params if policy is not None else ())
    ]


def description(path: Path) -> str:
    """The first sentence of the comment a policy begins with."""
    words: list[str] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        text = line.strip()
        if not text.startswith("//"):
            if text or words:
                break
            continue
        words.append(text.removeprefix("//").strip())
    whole = " ".join(words)
    end = whole.find(". ")
    return (whole if end < 0 else whole[:end]).removesuffix(".")


def _hooks() -> list[Item]:
    return [
        {
            "name": hook.name,
            "signature": _hook_signature(hook),
            "kernel": hook.kernel,
            "folio": hook.folio,
            "result": hook.result and str(hook.result),
            "range": [hook.low, hook.high] if hook.result else None,
            "default": hook.default if hook.result else None,
            "description": hook.doc,
        }
        for hook in abi.HOOKS.values()
    ]


def _hook_signature(hook: Hook) -> str:
    return f"{hook.name}({', '.join(hook.parameters)})" + (f" -> {hook.result}" if hook.result else "")


def _kfuncs() -> list[Item]:
    return [
        {
            "name": kfunc.name,
            "signature": _kfunc_signature(kfunc),
            "result": kfunc.result and str(kfunc.result),
            "hooks": list(kfunc.hooks),
            "kinds": list(kfunc.kinds),
            "steps": kfunc.steps,
            "description": kfunc.doc,
        }
        for kfunc in abi.KFUNCS.values()
    ]


def _kfunc_signature(kfunc: Kfunc) -> str:
    spelled = f"{kfunc.receiver}.{kfunc.member}" if kfunc.receiver else kfunc.member
    if kfunc.is_property:
        return spelled
    named_by_receiver = kfunc.receiver in ("list", "folio")
    arguments = kfunc.args[1:] if named_by_receiver else kfunc.args
    return f"{spelled}({', '.join(argument.name for argument in arguments)})"


def _maps() -> list[Item]:
    return [{"name": name.split("<")[0], "signature": name, "description": text} for name, text in MAPS]


def _constants() -> list[Item]:
    return [
        {"name": name, "value": value, "type": str(type), "description": text}
        for name, (value, type, text) in abi.CONSTANTS.items()
    ]


KINDS: dict[str, Callable[[], list[Item]]] = {
    "policies": _policies,
    "hooks": _hooks,
    "kfuncs": _kfuncs,
    "maps": _maps,
    "constants": _constants,
}
