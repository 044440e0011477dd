"""`rext list`: what there is to use.

In: nothing but which kind. Out: the policies with the first words of their files, their params and what their data
takes (`runtime/metadata.py`), and from the `abi` the hooks, the kfuncs, the kinds of maps and the constants.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from dsl import abi, ir
from dsl.abi import Hook, Kfunc
from dsl.compile import Compilation, decode_source
from dsl.source import Source
from runtime.cli import status
from runtime.cli.output import emit, emit_json, in_columns
from runtime.cli.parser import add_output_options
from runtime.metadata import LISTED_PAGES, Metadata, metadata
from runtime.policies import lru, mglru
from runtime.policies.params import BuiltinParam
from runtime.policy_file import PROGRAMS, TEXT_SUFFIX, read_policy_file
from runtime.report.columns import counted

EXAMPLE = "rext list policies"

BUILTIN = (
    ("builtin:lru", "the kernel's LRU: active and inactive lists of anonymous and file folios, part of the core"),
    (
        "builtin:mglru",
        "the kernel's multi-generational LRU, of 6.18, 6.12 or 6.1, each mechanism with a switch, part of the core",
    ),
    ("opt", "the offline optimum (Belady): evicts what is used again last; the bound of every comparison"),
)
BUILTIN_MODULES = {"builtin:lru": lru, "builtin:mglru": mglru}
"""Not from `runtime.program`, which needs LLVM."""
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
    pairs = [(str(item.get("signature") or item["name"]), item["description"] + _besides(item)) for item in items]
    if kind != "policies":
        return "\n".join([f"{kind}:", *in_columns(pairs)])
    left = max(len(name) for name, _ in pairs)
    lines = [f"{kind} (bytes per folio: what each keeps, with {LISTED_PAGES:,} pages and these params):"]
    for item, (name, text) in zip(items, pairs, strict=True):
        lines += in_columns([(name.ljust(left), text)])
        lines += in_columns([(_setting(param), param["description"]) for param in item["params"]], indent=" " * 6)
    return "\n".join(lines)


def _setting(param: Item) -> str:
    """A param as it is set, with its default, and what it may be."""
    choices = param.get("choices")
    values = ", ".join(map(str, choices)) if choices else f"{param['low']}..={param['high']}"
    return f"{param['name']}={param['default']} in {values}"


def _besides(item: Item) -> str:
    """The hooks in which a kfunc may be called, if not in all; what a policy keeps."""
    hooks, kept = item.get("hooks"), item.get("metadata")
    if kept:
        return f"; {counted(round(kept['bytes_per_folio']), 'byte')} per folio"
    return f" Only in {', '.join(f'`{hook}`' for hook in hooks)}." if hooks else ""


def _policies() -> list[Item]:
    items = []
    for name, text in BUILTIN:
        module = BUILTIN_MODULES.get(name)
        kept = module and _metadata(metadata(module, {}, LISTED_PAGES))
        items.append(
            {"name": name, "description": text, "file": None, "params": _builtin_params(module), "metadata": kept}
        )
    return items + [program(path) for path in sorted(PROGRAMS.glob(f"*{TEXT_SUFFIX}"))]


def program(path: Path) -> Item:
    """A shipped program, as it is listed."""
    source = decode_source(read_policy_file(path, str(path)), str(path))
    policy = Compilation(source).policy
    return {
        "name": path.stem,
        "description": description(path),
        "file": str(path),
        "params": _params(policy, source) if policy is not None else [],
        "metadata": _metadata(metadata(policy, {}, LISTED_PAGES)) if policy is not None else None,
    }


def _metadata(found: Metadata) -> Item:
    parts = {name: getattr(found, name) for name in ("nr_pages", "fields", "index", "state", "maps")}
    return {"bytes_per_folio": found.per_folio, "bytes": found.bytes, **parts}


def _builtin_params(module: ModuleType | None) -> list[Item]:
    """The params of a policy that is part of the core."""
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


def _params(policy: ir.Policy, source: Source) -> list[Item]:
    """The params that a policy declares, each with the comment that ends its line."""
    return [
        {
            "name": p.name,
            "default": p.default,
            "low": p.low,
            "high": p.high,
            "description": source.line(p.span.line).partition("//")[2].strip(),
        }
        for p in policy.params
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
    return [{"name": name, "signature": signature, "description": text} for name, (signature, text) in abi.MAPS.items()]


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
