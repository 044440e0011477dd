"""From what a user names to a policy that can run.

In: `builtin:lru`, a name of `programs/`, or a path to a policy's text (`.rx`) or object (`.rxo`), each with settings:
`s3fifo:small_percent=20,promote_hits=3`. Out: a `Program`: accepted by the verifier, its params checked, compiled when
asked. Text and objects take the same way and are trusted equally little: what was not verified by this version is
verified now.

Errors: `ProgramError` for what is not there or makes no sense, `Rejected` for a policy that is refused.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dsl import ir
from dsl.compile import Compilation, SourceError, decode_source
from dsl.diagnostics import Diagnostic
from dsl.nearest import nearest
from dsl.policy_object import PolicyObjectError, decode, encode
from dsl.source import Source
from runtime import cache
from runtime.jit import engine
from runtime.jit.engine import NativeCode
from runtime.jit.module import Attachable, Builtin, Module, Variant, opt_module, settings_of
from runtime.metadata import Metadata, metadata
from runtime.policies import lru, mglru
from runtime.policies.params import BuiltinParam
from runtime.policy_file import OBJECT_SUFFIX, PROGRAMS, TEXT_SUFFIX, read_policy_file
from runtime.regions import Attachment
from verifier.verify import HookCost, verify

OPT = "opt"
"""The offline optimum: no program, but named where one is (`runtime/opt.py`)."""
BUILTINS = {name: Builtin(name, module) for name, module in (("builtin:lru", lru), ("builtin:mglru", mglru))}


class ProgramError(Exception):
    """The program cannot be had: the message names it and what is wrong; `help` may say what was meant."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message + (f" ({help})" if help else ""))


class Rejected(Exception):
    """The policy is refused; `diagnostics` say why, in the text of `source`."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...], source: Source) -> None:
        found = "; ".join(f"line {d.primary.span.line}: {d.message} [{d.code}]" for d in diagnostics)
        super().__init__(f"{source.name}: rejected: {found}")
        self.diagnostics = diagnostics
        self.source = source


@dataclass(frozen=True)
class Program:
    """A policy that may run. `spec` is what the user wrote, `params` the settings that differ from the defaults,
    `costs` the verifier's bounds, hook by hook (none for a built-in policy)."""

    spec: str
    name: str
    policy: Attachable
    params: dict[str, int]
    costs: tuple[HookCost, ...]
    key: str

    @property
    def attachment(self) -> Attachment:
        """What is attached to a memcg."""
        return Attachment(self.policy, self.params, self.key)

    def metadata(self, nr_pages: int) -> Metadata:
        """What the policy keeps on a memory of this size."""
        declared = self.policy.module if isinstance(self.policy, Builtin) else self.policy
        return metadata(declared, self.params, nr_pages)


class Compilable(Protocol):
    """What has a policy and a key for its native code: a `Program` or an `Attachment`. Without a key none is kept."""

    @property
    def policy(self) -> Attachable: ...
    @property
    def key(self) -> str: ...


_compiling = threading.Lock()
_loaded: dict[tuple[str, str], NativeCode] = {}


def module_of(policies: Sequence[Attachable], variant: Variant) -> Module:
    """A core and policies as IR."""
    return Module(tuple(policies), settings_of(policies, variant))


def native_code(programs: Sequence[Compilable], variant: Variant) -> NativeCode:
    """Optimised native code of a core with these policies, each once and in order: compiled at most once and kept in
    the cache."""
    unique = list({id(program.policy): program for program in programs}.values())
    module = module_of([program.policy for program in unique], variant)
    if not all(program.key for program in unique):
        return engine.load(engine.object_code(module.text, module.level), module.symbols)
    key = unique[0].key if len(unique) == 1 else cache.key_of("lineup", "\n".join(p.key for p in unique).encode())
    with _compiling:
        if (key, variant.name) not in _loaded:
            _loaded[key, variant.name] = _compiled(key, variant.name, module)
        return _loaded[key, variant.name]


def _compiled(key: str, section: str, module: Module) -> NativeCode:
    """The code of a module: from the cache, or made now and added to what the cache has under the key."""
    kept = cache.get(key)
    code = kept.get(section)
    if code is not None:
        try:
            return engine.load(code, module.symbols)
        except engine.EngineError:
            pass  # damaged in a way its checksum does not show: made by another version
    code = engine.object_code(module.text, module.level)
    cache.put(key, {**cache.get(key), section: code})
    return engine.load(code, module.symbols)


def opt_code() -> NativeCode:
    """Native code of the offline optimum (`runtime/core/belady.py`)."""
    return _compiled(cache.key_of("builtin", b"opt"), "code", opt_module())


def split_spec(spec: str) -> tuple[str, list[str]]:
    """`name:a=1,b=2` as name and settings. A colon of a path or of `builtin:` is none of ours."""
    name, colon, settings = spec.rpartition(":")
    if not colon or "=" not in settings:
        return spec, []
    if ":" in name and "=" in name.rpartition(":")[2] and not Path(name).is_file():
        raise ProgramError(f"{spec}: settings have commas between them", f"write `{name},{settings}`")
    return name, settings.split(",")


def program_names() -> list[str]:
    """The names of `programs/`."""
    return sorted(p.stem for p in PROGRAMS.glob(f"*{TEXT_SUFFIX}"))


def load_program(spec: str) -> Program:
    """Find, verify and parametrise a policy. Raises `ProgramError` or `Rejected`."""
    name, settings = split_spec(spec)
    if name == OPT and settings:
        raise ProgramError(f"{name} has no params: `{settings[0]}`")
    if name in BUILTINS:
        policy = BUILTINS[name]
        params = parse_params(name, policy.params, settings)
        return Program(spec, name, policy, params, (), cache.key_of("builtin", name.encode()))
    path = find_program(name)
    policy_ir, costs, key = _accepted(path)
    params = parse_params(policy_ir.name, policy_ir.params, settings)
    return Program(spec, policy_ir.name, policy_ir, params, costs, key)


def find_program(name: str) -> Path:
    """The file of a program: a path, or a name of `programs/`."""
    path = Path(name)
    bundled = PROGRAMS / f"{name}{TEXT_SUFFIX}"
    if "/" not in name and path.suffix not in (TEXT_SUFFIX, OBJECT_SUFFIX) and bundled.is_file():
        return bundled
    if path.is_file():
        return path
    if path.is_dir():
        raise ProgramError(f"{name}: is a directory, not a policy")
    known = [*BUILTINS, OPT, *program_names()]
    head, colon, setting = name.rpartition(":")
    if colon and (head in known or Path(head).is_file()):
        if "=" in setting:
            raise ProgramError(f"{name}: `{setting}` is for what is run or compared", f"here write `{head}`")
        raise ProgramError(f"{name}: `{setting}` sets nothing", f"write `{head}:{setting or 'param'}=value`")
    if "/" in name or path.suffix:
        raise ProgramError(f"{name}: no such file")
    close = nearest(name, known)
    help = f"did you mean `{close}`?" if close else f"known: {', '.join(known)}"
    raise ProgramError(f"unknown policy `{name}`", help)


def _accepted(path: Path) -> tuple[ir.Policy, tuple[HookCost, ...], str]:
    """The verified policy of a file, with its costs and cache key. A verdict of this very version is not asked for
    twice: the key covers every source that it depends on."""
    try:
        data = read_policy_file(path, str(path))
    except SourceError as error:
        raise ProgramError(str(error)) from None
    is_object = path.suffix == OBJECT_SUFFIX
    key = cache.key_of("object" if is_object else "source", data)
    kept = cache.get(key)
    if "verdict" in kept and "policy" in kept:
        costs = tuple(HookCost(**c) for c in json.loads(kept["verdict"]))
        return _decoded(kept["policy"], path), costs, key
    policy = _decoded(data, path) if is_object else compiled(data, path)
    verdict = verify(policy)
    if not verdict.accepted:
        raise Rejected(verdict.diagnostics, policy.source)
    costs = tuple(HookCost(c.hook, c.constant, c.per_folio) for c in verdict.costs)
    record = json.dumps([{"hook": c.hook, "constant": c.constant, "per_folio": c.per_folio} for c in costs])
    with contextlib.suppress(PolicyObjectError):  # a policy with longer names than an object holds is not kept
        cache.put(key, {**kept, "verdict": record.encode(), "policy": encode(policy)})
    return policy, costs, key


def _decoded(data: bytes, path: Path) -> ir.Policy:
    try:
        return decode(data, str(path))
    except PolicyObjectError as error:
        raise ProgramError(str(error)) from None


def compiled(data: bytes, path: Path) -> ir.Policy:
    """The policy of a text, not yet verified."""
    try:
        source = decode_source(data, str(path))
    except SourceError as error:
        raise ProgramError(str(error)) from None
    compilation = Compilation(source)
    policy = compilation.policy
    if policy is None:
        raise Rejected(compilation.diagnostics, source)
    return policy


def parse_params(policy: str, params: Sequence[ir.Param | BuiltinParam], settings: list[str]) -> dict[str, int]:
    """`name=value` settings as numbers in the ranges that `policy` declares."""
    declared = {p.name: p for p in params}
    values: dict[str, int] = {}
    for setting in settings:
        name, _, text = setting.partition("=")
        param = declared.get(name)
        if param is None:
            close = nearest(name, declared)
            known = f"it has: {', '.join(declared)}" if declared else "it has none"
            raise ProgramError(f"{policy} has no param `{name}`", f"did you mean `{close}`?" if close else known)
        if not text:
            raise ProgramError(f"{policy}:{name} sets nothing", f"write `{name}=value`")
        try:
            value = int(text.replace("_", ""), 0)
        except ValueError:
            named = text.startswith(("task.", "memcg."))
            help = "only in a scenario do tasks and memcgs have numbers" if named else ""
            raise ProgramError(f"{policy}:{name}: `{text}` is not a whole number", help) from None
        if not param.low <= value <= param.high:
            raise ProgramError(f"{policy}:{name}: {value} is out of range {param.low}..={param.high}")
        choices = param.choices if isinstance(param, BuiltinParam) else ()
        if choices and value not in choices:
            raise ProgramError(f"{policy}:{name}: {value} is none of {', '.join(map(str, choices))}")
        if name in values:
            raise ProgramError(f"{policy}:{name} is set twice")
        values[name] = value
    return values
