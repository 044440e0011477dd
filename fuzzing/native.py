"""`python -m fuzzing.native`: native code against the interpreter, hook by hook.

Policies that the verifier accepts are compiled many to a module, without optimisation and with all of it. Each hook is
called on the same memory by the interpreter, which checks every access, and by both builds: results, every byte of
memory and every scalar on the way (`fuzzing/observing.py`) must be equal.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from dsl import ir
from fuzzing.bench import Bench
from fuzzing.ir_programs import random_policy
from fuzzing.mutations import mutated
from fuzzing.observing import observed, with_sink
from fuzzing.tables import calls_of, random_tables
from runtime.interp import Trap
from runtime.jit import engine
from runtime.jit.emit import Emitter, ModulePlan
from runtime.jit.engine import NativeCode
from runtime.jit.llvm_text import MUL_DIV, PREFETCH, llvm_type, tbaa
from runtime.jit.module import Module
from verifier.verify import verify

LEVELS = (0, 3)
PER_MODULE = 256
CALLS = 2


class Difference(Exception):
    """Native code and the interpreter disagree."""


def hook_text(module: Module) -> tuple[str, list[str]]:
    """A module of hooks alone, each behind an entry point that takes and gives 64 bits."""
    parts, symbols = [PREFETCH], []
    plan = ModulePlan(module.layouts[0], module.settings, (), module.core, None)
    parts += [Emitter(plan, function).emit(name, "internal", "") for name, function in module.core.items()]
    for number, policy in enumerate(module.metered):
        assert isinstance(policy, ir.Policy)
        plan = ModulePlan(module.layouts[number], module.settings, (), module.core, policy)
        for hook in policy.hooks:
            name = f"hook.{number}.{hook.hook}"
            parts.append(Emitter(plan, hook).emit(name, "internal", ""))
            parts.append(_entry(number, hook, name))
            symbols.append(f"entry.{number}.{hook.hook}")
    if any("@mul_div(" in part for part in parts):
        parts.append(MUL_DIV)
    return "\n".join(parts) + tbaa(), symbols


def _entry(number: int, hook: ir.Function, name: str) -> str:
    arguments = ["ptr %ctx", "i64 %lruvec", *(f"{llvm_type(p.type)} %f" for p in hook.params)]
    symbol = f"entry.{number}.{hook.hook}"
    head = f"define i64 @{symbol}(ptr %ctx, i64 %lruvec, i64 %f) {{\n"
    if hook.result is None:
        return head + f"  call void @{name}({', '.join(arguments)})\n  ret i64 0\n}}\n"
    type = llvm_type(hook.result)
    wide = f"  %w = zext {type} %r to i64\n" if type != "i64" else "  %w = add i64 %r, 0\n"
    return head + f"  %r = call {type} @{name}({', '.join(arguments)})\n{wide}  ret i64 %w\n}}\n"


def compiled(module: Module) -> dict[int, NativeCode]:
    """The builds by their level."""
    text, symbols = hook_text(module)
    return {level: engine.load(engine.object_code(text, level), symbols) for level in LEVELS}


def compare(bench: Bench, builds: dict[int, NativeCode], number: int, function: ir.Function, seed: int) -> None:
    """One call by each; raises `Difference` or `Trap`."""
    arguments = bench.prepare(function, seed)
    result = bench.interpreted(number, function, arguments) if function.result else 0
    if function.result is None:
        bench.interpreted(number, function, arguments)
    expected = bench.memory()
    for level, code in builds.items():
        bench.prepare(function, seed)
        addresses = bench.simulation.addresses()
        given = code.call(f"entry.{number}.{function.hook}", addresses.ctypes.data, 0, *(arguments or (0,)))
        if given != result:
            raise Difference(f"O{level} gives {given}, the interpreter {result}")
        found = bench.memory()
        for name, before in expected.items():
            if found[name] != before:
                at = next(i for i, (a, b) in enumerate(zip(before, found[name], strict=True)) if a != b)
                raise Difference(f"O{level}: byte {at} of {name}")


def accepted_policies(group: int, count: int) -> tuple[ir.Policy, list[ir.Policy]]:
    """Declarations, and as many accepted policies that have them: written ones and their mutants."""
    tables = random_tables(group)
    calls, number = calls_of(tables), group << 20
    found: list[ir.Policy] = []
    while len(found) < count:
        policy = random_policy(tables, calls, number)
        if number % 3 == 0:
            policy = replace(mutated(policy, random.Random(number)), **_declared(tables))
        number += 1
        if verify(policy).accepted:
            found.append(policy)
    return tables, found


def _declared(tables: ir.Policy) -> dict[str, Any]:
    return {name: getattr(tables, name) for name in ("params", "states", "lists", "cursors", "fields", "maps")}


def run_group(group: int, count: int) -> tuple[int, list[str]]:
    """How many policies agreed, and what did not."""
    tables, policies = accepted_policies(group, count)
    watched = [observed(policy) for policy in policies]
    bench = Bench(with_sink(tables), watched)
    builds = compiled(bench.module)
    agreed, found = 0, []
    for number, policy in enumerate(watched, 1):
        try:
            for call in range(CALLS):
                for hook in policy.hooks:
                    compare(bench, builds, number, hook, (group << 20) + number * CALLS + call)
            agreed += 1
        except (Difference, Trap) as difference:
            found.append(f"group {group}, policy {number}: {difference}")
    return agreed, found


def main() -> int:
    """Exit status 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m fuzzing.native", description=__doc__)
    parser.add_argument("--policies", type=int, default=50_000)
    parser.add_argument("--per-module", type=int, default=PER_MODULE)
    parser.add_argument("--first", type=int, default=0, help="the number of the first module")
    options = parser.parse_args()
    agreed, group, found, told = 0, options.first, Counter[str](), 0.0
    while agreed + found.total() < options.policies:
        done, different = run_group(group, min(options.per_module, options.policies - agreed))
        agreed, group = agreed + done, group + 1
        for line in different:
            found[line] += 1
            print(line, flush=True)
        if time.process_time() - told > 60:
            told = time.process_time()
            print(f"{agreed:,} agree, {found.total()} differ, {told:,.0f} s", flush=True)
    print(
        f"{agreed:,} policies in {group - options.first:,} modules agree at O0, O3 and interpreted, {CALLS} calls each"
    )
    print(f"{found.total()} differ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
