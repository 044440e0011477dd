"""From LLVM text to callable code.

In: the text of a module. Out: `NativeCode`, its entry points at their addresses, and the object file they come from,
which `runtime/cache.py` keeps. Guaranteed: nothing external is referenced, so the code can call nothing
but itself.
"""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import llvmlite.binding as llvm

FORBIDDEN = ("nsw", "nuw", "exact", "inbounds", "assume", "nonnull", "noalias", "range", "mustprogress", "willreturn")
"""Words by which LLVM would be told what nobody has proven. The emitter never writes them; a test looks."""

INLINING_THRESHOLD = 100
"""LLVM's default of 250 makes the cold paths of reclaim larger, compilation a third slower and replay no faster."""

_numbers = itertools.count()
_linking = threading.Lock()


class EngineError(RuntimeError):
    """LLVM refused a module, or it refers to something outside: a defect of ours."""


@functools.cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


@functools.cache
def host() -> tuple[str, str, str]:
    """LLVM's version, the CPU and its features: what native code depends on besides its source."""
    _initialise()
    version = ".".join(str(v) for v in llvm.llvm_version_info)
    return version, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def _target_machine(level: int) -> Any:
    _initialise()
    _, cpu, features = host()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=cpu, features=features, opt=level, reloc="pic", codemodel="small")


def optimised(text: str, level: int) -> Any:
    """Parse, verify and optimise a module."""
    machine = _target_machine(level)
    try:
        module = llvm.parse_assembly(text)
        module.verify()
    except RuntimeError as error:
        raise EngineError(f"LLVM refused the module: {error}") from error
    module.triple = machine.triple
    module.data_layout = str(machine.target_data)
    outside = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    if outside:
        raise EngineError(f"the module refers to {', '.join(outside)}")
    if level:
        options = llvm.create_pipeline_tuning_options(speed_level=level)
        options.inlining_threshold = INLINING_THRESHOLD
        builder = llvm.create_pass_builder(machine, options)
        builder.getModulePassManager().run(module, builder)
    return module


def object_code(text: str, level: int = 3) -> bytes:
    """The object file of a module, optimised at `level` (0 or 3)."""
    return bytes(_target_machine(level).emit_object(optimised(text, level)))


def assembly(text: str, level: int = 3) -> str:
    """The module as assembly of this machine."""
    return str(_target_machine(level).emit_assembly(optimised(text, level)))


@dataclass(frozen=True)
class NativeCode:
    """A loaded module: its object file and the addresses of its entry points. Calls release the interpreter lock."""

    object: bytes
    addresses: dict[str, int]
    library: Any = field(repr=False)

    def call(self, symbol: str, context: int, *args: int) -> int:
        """Call an entry point with the native context (an address) and integers."""
        kind = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_int64] * len(args))
        return int(kind(self.addresses[symbol])(context, *args))


@functools.cache
def _jit() -> Any:
    return llvm.create_lljit_compiler(_target_machine(3))


def load(code: bytes, symbols: Sequence[str]) -> NativeCode:
    """Link an object file into this process. Its only inputs are the arguments of its entry points."""
    builder = llvm.JITLibraryBuilder().add_object_img(code)
    for symbol in symbols:
        builder.export_symbol(symbol)
    with _linking:
        try:
            library = builder.link(_jit(), f"policy{next(_numbers)}")
        except RuntimeError as error:
            raise EngineError(f"the object code does not link: {error}") from error
    return NativeCode(code, {s: library[s] for s in symbols}, library)
