"""The `abi` says of kfuncs and hooks what the core does: the verifier believes it."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections import Counter
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dsl import abi
from dsl.types import BOOL, FOLIO, I64, INTEGERS, KEY, LIST, REFERENCE, VALUE, wrap
from runtime.core import layout as core
from runtime.core import replay, shrink_list, workingset
from runtime.core.context import Context
from runtime.core.folio import folio_alloc
from runtime.core.hooks import ADMIT, MISS, TICK
from runtime.core.kfuncs import implementation
from runtime.jit.module import Builtin, hook_bits
from runtime.machine import Machine
from runtime.regions import Attachment
from runtime.simulation import Simulation
from tests.runtime.policies import compiled, context_of, events, executor, lines_of, program, simulate
from tests.runtime.test_reclaim import mixed

KFUNC_KINDS = [(k, kind) for k in abi.KFUNCS for kind in (abi.KFUNCS[k].kinds or ("",))]

POLICY = """
policy all;
list first;
list second;
list third;
bag all;
heap uses;
cursor hand on first;
map plain: hash<page_key, u32>[6];
map recent: lru_hash<u64, u32>[6];
map numbered: array<u64, u8>[10];
state count: u64;
hook folio_added(f) {
    count += 1;
    plain.insert(f.key);
    recent.insert(count % 9);
    if f.file { first.push_tail(f); } else { second.push_tail(f); }
}
hook evict_folios(ctx) {
    scan f in first limit ctx.nr_to_scan / 2 { ctx.evict(f); }
    scan f in second limit ctx.nr_to_scan { ctx.evict(f); }
}
hook folio_accessed(f) { f.activate(); }
hook folio_activated(f) { first.move_tail(f); }
"""
RESULTS = {
    ("map_insert", "lru_hash"): {True},
    ("ctx_young", ""): {False},
    ("ctx_can_age_anon", ""): {True},
    ("ctx_global_reclaim", ""): {False},
    ("ctx_file_is_tiny", ""): {False},
    ("ctx_force_deactivate", ""): {False},
    ("ctx_refaulted", ""): {False},
    ("ctx_can_promote", ""): {False},
    ("map_pop_oldest", "hash"): {True},
    ("map_pop_oldest", "lru_hash"): {True},
    ("bag_random", ""): {True},
    ("heap_head", ""): {True},
    ("heap_oldest", ""): {True},
    ("heap_newest", ""): {True},
    ("heap_pop_head", ""): {True},
}
"""Which results occur on the bench, null or false and others, where these are not both."""
TABLES = ("map", "ref", "cursor", "bag", "heap")
MAPS = {"hash": 0, "lru_hash": 1, "array": 2}
LISTS = [core.FIRST_POLICY_LIST + i for i in range(4)]
"""The heads of the lists, the bag among them."""
BAG, HEAP = core.FIRST_POLICY_LIST + 3, core.FIRST_POLICY_LIST + 4
HEADS = {"bag": BAG, "heap": HEAP}
ANY_U64 = [0, 7, (1 << 63) - 1, -1, -(1 << 63)]
"""As the core sees them: those of 2^63 and more are negative."""

PAGES = 300


class Bench:
    """A simulation in the midst of things: folios of all kinds, on lists, proposed, in a hand and waiting. `reset` puts
    it back there."""

    def __init__(self) -> None:
        self.simulation = made_simulation()
        self._start = {region: array.copy() for region, array in self.simulation.regions.items()}
        self.ctx = context_of(self.simulation)

    def reset(self) -> Context:
        for region, array in self._start.items():
            self.simulation.regions[region][:] = array
        return self.ctx


@functools.cache
def made_bench() -> Bench:
    return Bench()


def made_simulation() -> Simulation:
    simulation = simulate(compiled(POLICY), mixed(1400, 200), Machine(80), "python")
    assert not simulation.stopped
    assert simulation.resident <= 78
    ctx = context_of(simulation)
    rare = core.F_RECLAIM | core.F_SWAPCACHE | core.F_WORKINGSET | core.F_FAULT | core.F_WRITEBACK | core.F_REFERENCED
    for page, flags in ((PAGES - 2, rare), (PAGES - 1, core.F_FILE | core.F_YOUNG)):
        ctx.page_table[page] = folio_alloc(ctx, 0, page, flags)
    for number in range(12):
        moved = ctx.folios[core.FIRST_POLICY_LIST, core.NEXT]
        if number < 5:
            implementation("list_move_tail")(ctx, 0, BAG, moved)
        else:
            implementation("heap_move")(ctx, 0, HEAP, moved, number % 3 - 1)
    taken = ctx.folios[core.FIRST_POLICY_LIST, core.NEXT]
    assert all(ctx.folios[core.FIRST_POLICY_LIST + i, core.LEN] > 2 for i in range(2))
    assert implementation("ctx_evict")(ctx, 0, taken)
    return simulation


def resident(ctx: Context) -> list[int]:
    return sorted(f for page in range(PAGES) if (f := ctx.page_table[page]) > 0)


def in_hand(ctx: Context) -> list[int]:
    return [
        f for f in resident(ctx) if ctx.folios[f, core.LIST] == 0 and not ctx.folios[f, core.FLAGS] & core.F_ADD_BATCH
    ]


def arguments_of(kfunc: abi.Kfunc, kind: str, ctx: Context) -> list[tuple[int, ...]]:
    """Every way to call a kfunc on the bench that the verifier would let pass: after context and lruvec."""
    choices: list[list[int]] = []
    if kfunc.receiver in ("map", "ref"):
        choices.append([MAPS[kind]])
    elif kfunc.receiver == "cursor":
        choices += [[1], [core.FIRST_POLICY_LIST]]
    elif kfunc.receiver in HEADS:
        choices.append([HEADS[kfunc.receiver]])
    for arg in kfunc.args:
        if arg.type == KEY:
            choices.append([*range(10), -1, -(1 << 63), (1 << 63) - 1])
        elif arg.type == VALUE:
            choices.append([0, 1, 0x55, 0xFF])
        elif arg.type == REFERENCE:
            choices.append(references(ctx, kind))
        elif arg.type == LIST:
            choices.append(LISTS)
        elif arg.type == FOLIO:
            choices.append(in_hand(ctx) if arg.ownership == "consume" else resident(ctx))
        else:
            low = arg.type.minimum if arg.low is None else arg.low
            high = arg.type.maximum if arg.high is None else arg.high
            choices.append(sorted({low, high, high // 2}) if high < 1 << 63 else ANY_U64)
    return list(itertools.product(*choices))


def references(ctx: Context, kind: str) -> list[int]:
    """References to all entries of a map, from the oldest on."""
    found = []
    at = implementation("map_oldest", kind)(ctx, 0, MAPS[kind])
    while at:
        found.append(at)
        at = implementation("map_newer", kind)(ctx, 0, MAPS[kind], at)
    return found


# --- kfuncs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "kind"), KFUNC_KINDS)
def test_each_kfunc_is_implemented_with_its_arguments(name: str, kind: str) -> None:
    kfunc = abi.KFUNCS[name]
    signature = inspect.signature(implementation(name, kind))
    receiver = {"map": 1, "ref": 1, "bag": 1, "heap": 1, "cursor": 2}.get(kfunc.receiver or "", 0)
    assert len(signature.parameters) == 2 + receiver + len(kfunc.args)
    none = kfunc.result is None and kfunc.ownership != "ref"
    assert signature.return_annotation == ("None" if none else "bool" if kfunc.result == BOOL else "int")


def test_nothing_else_is_a_kfunc() -> None:
    for name in ("folio_alloc", "list_add", "map_probe", "no_such"):
        with pytest.raises(KeyError):
            implementation(name)


@pytest.mark.parametrize(("name", "kind"), KFUNC_KINDS)
def test_results_are_what_the_abi_says(name: str, kind: str) -> None:
    kfunc, function = abi.KFUNCS[name], implementation(name, kind)
    bench = made_bench()
    calls = arguments_of(kfunc, kind, bench.reset())
    assert calls
    seen = set()
    for number, arguments in enumerate(calls):
        ctx = bench.reset()
        before = bench.simulation.digest() if number < 30 or number % 7 == 0 else ""
        result = function(ctx, 0, *arguments)
        if kfunc.result is None and kfunc.ownership != "ref":
            assert result is None
        elif kfunc.result == FOLIO:
            assert result == 0 or result in resident(ctx)
            assert result == 0 or (ctx.folios[result, core.LIST] == 0) == (kfunc.ownership == "owned")
        elif kfunc.ownership == "ref":
            check_reference(ctx, arguments[0], result)
        elif name not in ("folio_key", "ctx_key", "ref_key"):
            assert kfunc.result is not None
            assert kfunc.low <= wrap(result, kfunc.result) <= kfunc.high
            assert wrap(result, I64) == result
        if kfunc.pure and before:
            assert bench.simulation.digest() == before
        for arg, given in zip(kfunc.args, arguments[len(arguments) - len(kfunc.args) :], strict=True):
            if arg.ownership == "consume":
                assert ctx.folios[given, core.LIST] >= core.FIRST_POLICY_LIST
        seen.add(bool(result))
    assert kfunc.result not in (BOOL, FOLIO) or seen == RESULTS.get((name, kind), {False, True})


def check_reference(ctx: Context, m: int, reference: int) -> None:
    """Null, or the value of an element or of an entry that is there."""
    if not reference:
        return
    if m == MAPS["array"]:
        place, rest = divmod(reference - 8 * ctx.maps[m, core.MAP_ENTRY], ctx.maps[m, core.MAP_STRIDE])
        assert rest == 0 and 0 <= place < ctx.maps[m, core.MAP_CAPACITY]
    else:
        assert reference in references(ctx, next(kind for kind, number in MAPS.items() if number == m))


@pytest.mark.parametrize(("name", "kind"), KFUNC_KINDS)
def test_one_without_effects_says_the_same_again(name: str, kind: str) -> None:
    """The verifier remembers results; nothing but a call with effects may change them."""
    kfunc, function = abi.KFUNCS[name], implementation(name, kind)
    ctx = made_bench().reset()
    if kfunc.pure:
        for arguments in arguments_of(kfunc, kind, ctx)[:200]:
            assert function(ctx, 0, *arguments) == function(ctx, 0, *arguments)


@pytest.mark.parametrize(("name", "kind"), KFUNC_KINDS)
def test_only_what_a_call_may_change_changes(name: str, kind: str) -> None:
    """No kfunc writes a policy's own state or its fields of folios, and none but those of a map the values in one."""
    kfunc, function, bench = abi.KFUNCS[name], implementation(name, kind), made_bench()
    layout = bench.simulation.layout
    for arguments in arguments_of(kfunc, kind, bench.reset())[:60]:
        ctx = bench.reset()
        ctx.policy[0] = 1234567
        values = [reference for kind in ("hash", "lru_hash") for reference in references(ctx, kind)]
        before = [bytes(bench.simulation.regions["map_entries"][at : at + 4]) for at in values]
        function(ctx, 0, *arguments)
        assert ctx.policy[0] == 1234567
        if kfunc.receiver not in ("map", "ref"):
            assert [bytes(bench.simulation.regions["map_entries"][at : at + 4]) for at in values] == before
    assert layout.state_stride == 1


LINES_PER_STEP = 4
"""Lines of Python that a step may stand for: one of them is a few instructions, a call and its checks more."""


@pytest.mark.parametrize(("name", "kind"), [(k, kind) for k, kind in KFUNC_KINDS if abi.KFUNCS[k].receiver in TABLES])
def test_steps_say_what_a_kfunc_of_a_table_costs(name: str, kind: str) -> None:
    """As `test_kfunc_effects.py` says of the others."""
    kfunc, function, bench = abi.KFUNCS[name], implementation(name, kind), made_bench()
    for arguments in arguments_of(kfunc, kind, bench.reset())[::7][:40]:
        ctx = bench.reset()
        steps = kfunc.steps + kfunc.steps_per_element * ctx.maps[MAPS["array"], core.MAP_CAPACITY]
        lines = lines_of(functools.partial(function, ctx, 0, *arguments))
        assert lines <= LINES_PER_STEP * steps, (arguments, lines)


def test_what_costs_by_element_grows_with_elements_only() -> None:
    grows = {name for name, kfunc in abi.KFUNCS.items() if kfunc.steps_per_element}
    assert grows == {"map_fill", "map_halve"}


@pytest.mark.parametrize(("name", "kind"), [(k, kind) for k, kind in KFUNC_KINDS if abi.KFUNCS[k].receiver == "map"])
def test_references_die_where_the_abi_says_and_nowhere_else(name: str, kind: str) -> None:
    kfunc, function, lookup = abi.KFUNCS[name], implementation(name, kind), implementation("map_lookup", kind)
    m, died = MAPS[kind], False
    bench = made_bench()
    for arguments in arguments_of(kfunc, kind, bench.reset()):
        ctx = bench.reset()
        keys = [k for k in (*range(100), -1, -(1 << 63), (1 << 63) - 1) if lookup(ctx, 0, m, k)]
        held = {k: lookup(ctx, 0, m, k) for k in keys}
        function(ctx, 0, *arguments)
        died |= {k: lookup(ctx, 0, m, k) for k in keys} != held
    assert not died or kfunc.clears_refs
    assert died or not kfunc.clears_refs or (name, kind) == ("map_insert", "hash")


def test_evicting_a_folio_in_the_hand_never_fails() -> None:
    ctx = made_bench().reset()
    ctx.state[core.CTX_WANTED] = 0
    evict = implementation("ctx_evict")
    hand = in_hand(ctx)
    assert hand
    assert all(evict(ctx, 0, f) for f in hand)
    assert not any(evict(ctx, 0, f) for f in resident(ctx) if ctx.folios[f, core.LIST] != 0)


# --- hooks ------------------------------------------------------------------------------------------------


def fields_of(hook: str) -> list[abi.Kfunc]:
    """The numbers `ctx` shows in a hook."""
    fields = [k for k in abi.KFUNCS.values() if k.receiver == "ctx" and k.is_property and k.result in INTEGERS]
    return [k for k in fields if not k.hooks or hook in k.hooks]


def counting_policy() -> str:
    """A policy with every hook: it counts its calls, and those that saw a field of `ctx` outside its range. It plans by
    turns as LRU and as MGLRU do."""
    bodies = {
        "folio_added": "queue.push_tail(f);",
        "folio_kept": "queue.push_tail(f);",
        "folio_accessed": "f.activate();",
        "scan_plan": "turn = !turn; if turn { ctx.plan_walk(); ctx.plan_scan(400 >> ctx.priority as u64); return; }"
        " ctx.plan_evict(ANON, 16 >> ctx.priority as u64);"
        " ctx.plan_evict(FILE, 400 >> ctx.priority as u64); ctx.plan_age(FILE, 40);",
        "evict_folios": "scan f in queue limit ctx.nr_to_scan { ctx.evict(f); }",
        "folio_check": "return if f.test_clear_young() { KEEP } else { RECLAIM };",
        "folio_evicted": f"return {abi.MAX_SHADOW};",
        "refault": "return 3;",
        "walk_table": "return 1;",
        "admit": "return 1;",
        "tick": "ctx.reclaim(3);",
        "young": "f.activate();",
    }
    text = [
        "policy counting;",
        "list queue;",
        f"state calls: u64[{len(abi.HOOKS)}];",
        "state wrong: u64;",
        "state turn: bool;",
    ]
    for number, (name, hook) in enumerate(abi.HOOKS.items()):
        checks = "".join(
            f"if ctx.{k.member} < {k.low} || ctx.{k.member} > {k.high} {{ wrong += 1; }}" for k in fields_of(name)
        )
        text.append(
            f"hook {name}({', '.join(hook.parameters)}) {{ calls[{number}] += 1; {checks} {bodies.get(name, '')} }}"
        )
    return "\n".join(text)


@pytest.mark.parametrize("watermarks", [(0, 0, 0), (2, 6, 12)], ids=str)
def test_every_hook_is_called_and_sees_what_the_abi_says(watermarks: tuple[int, int, int]) -> None:
    policy = compiled(counting_policy())
    machine = Machine(64, watermarks=watermarks, swappiness=200, tick_ns=1_000_000)
    digests = set()
    for kind in ("python", "O3"):
        simulation = simulate(policy, mixed(3000, 300), machine, kind)
        assert not simulation.stopped
        simulation.call("detach", 0, 0)
        *calls, wrong, _ = (int(w) for w in simulation.regions["policy"].view("<i8"))
        assert wrong == 0
        counted = dict(zip(abi.HOOKS, calls, strict=True))
        assert all(counted.values()), counted
        counters = simulation.counters()
        assert counted["init"] == counted["exit"] == 1
        assert counted["miss"] == counters["misses"]
        assert counted["refault"] == counters["refaults"]
        assert counted["folio_evicted"] == counters["evictions"]
        assert counted["reclaim_begin"] == counted["reclaim_end"] <= counters["reclaims"]
        assert counted["scan_plan"] >= counted["shrink_end"]
        digests.add(simulation.digest())
    assert len(digests) == 1


def test_the_interpreter_checks_every_hook() -> None:
    """It traps on any value that does not fit its type, and on any access out of bounds."""
    policy, trace = compiled(counting_policy()), mixed(400, 80)
    simulation = simulate(policy, trace, Machine(20), "interpreted")
    assert simulation.counters()["evictions"] > 20
    assert simulation.digest() == simulate(policy, trace, Machine(20)).digest()


def recording(calls: Counter[str], inner: dict[str, Any]) -> SimpleNamespace:
    """Hooks that check their arguments and results, and do what `inner` does."""

    def hook(name: str) -> Any:
        declared = abi.HOOKS[name]

        def call(ctx: Context, lruvec: int, *folio: int) -> int:
            calls[name] += 1
            assert lruvec == 0
            assert len(folio) == (declared.folio is not None)
            for f in folio:
                # A page that is freed has no entry any more when its folio leaves, the batches first.
                entry = ctx.page_table[ctx.folios[f, core.PAGE]]
                assert entry == f or (entry == 0 and name in ("folio_added", "folio_activated", "folio_removed"))
                assert declared.folio != "owned" or ctx.folios[f, core.LIST] == 0
            function = inner.get(name)
            result = declared.default if function is None else function(ctx, lruvec, *folio)
            assert declared.low <= (result or 0) <= declared.high
            assert declared.folio != "owned" or ctx.folios[folio[0], core.LIST] >= core.FIRST_POLICY_LIST
            return result

        return call

    return SimpleNamespace(**{name: hook(name) for name in abi.HOOKS})


def test_the_core_calls_hooks_with_the_arguments_of_the_abi() -> None:
    """Both ways to plan are in it: the hooks of `builtin:lru`, and those of `builtin:mglru`."""
    calls: Counter[str] = Counter()
    trace = mixed(3000, 300)
    for builtin in ("builtin:lru", "builtin:mglru"):
        policy = program(builtin)
        machine = Machine(64, watermarks=(2, 6, 12), vma_pages=0, tick_ns=1_000_000)
        simulation = Simulation(Attachment(policy, {}), machine, executor("python", policy, False))
        simulation.run(trace, 0, 0)
        ctx = context_of(simulation)
        assert isinstance(policy, Builtin)
        ctx.HOOKS_ALL = ctx.HOOKS_ANY = hook_bits(policy) | 1 << MISS | 1 << ADMIT | 1 << TICK
        ctx.hooks = recording(calls, dict(policy.hooks))
        assert replay.attach(ctx, 0) == 0
        assert replay.replay(ctx, 0, len(trace.page)) == len(trace.page)
        assert replay.detach(ctx, 0, 1) == 0
    assert set(calls) == set(abi.HOOKS)


def test_absent_hooks_have_their_defaults() -> None:
    base = "policy p; list queue; state added: u64; hook folio_added(f) { queue.push_tail(f); added += 1; }"
    evict = "hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }"
    trace = events([*range(40), *range(40)], core.E_FILE)
    plain = simulate(compiled(base + evict), trace, Machine(20))
    explicit = simulate(
        compiled(base + evict + "hook refault(f) { return 0; } hook folio_evicted(f) { return 0; } hook miss(ctx) { }"),
        trace,
        Machine(20),
    )
    assert plain.regions["page_table"].tobytes() == explicit.regions["page_table"].tobytes()
    assert plain.counters() == explicit.counters()
    # A young folio is kept without `folio_check`, and comes back through `folio_added` without `folio_kept`.
    added = int(plain.regions["policy"].view("<i8")[0])
    assert added > plain.counters()["misses"] - core.FOLIO_BATCH_SIZE
    assert plain.counters()["pgscan_direct"] > plain.counters()["pgsteal_direct"]


@pytest.mark.parametrize("ideal", [False, True], ids=["kernel", "ideal"])
def test_the_shadow_comes_back_as_it_was_left(ideal: bool) -> None:
    text = """policy p; list queue; state bad: u64; state seen: u64;
    fn shadow(f: folio) -> u64 { return if f.file { 0x7ff_ffff_ffff } else { 0 }; }
    hook folio_added(f) { queue.push_tail(f); }
    hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
    hook folio_check(f) { return RECLAIM; }
    hook folio_evicted(f) { return shadow(f); }
    hook refault(f, ctx) { seen += 1; if ctx.shadow != shadow(f) { bad += 1; } return 0; }"""
    keys = np.tile(np.arange(60), 4)
    trace = events(keys, np.where(keys % 3 == 0, 0, core.E_FILE))
    for kind in ("python", "O3"):
        simulation = simulate(compiled(text), trace, Machine(20, ideal), kind)
        bad, seen = (int(w) for w in simulation.regions["policy"].view("<i8"))
        assert (bad, seen) == (0, simulation.counters()["refaults"])
        assert seen > 50


def test_the_constants_are_the_cores() -> None:
    value = {name: constant[0] for name, constant in abi.CONSTANTS.items()}
    assert [value[n] for n in ("RECLAIM", "RECLAIM_CLEAN", "KEEP", "ACTIVATE")] == [
        shrink_list.RECLAIM, shrink_list.RECLAIM_CLEAN, shrink_list.KEEP, shrink_list.CHECK_ACTIVATE,
    ]  # fmt: skip
    kept = [name for name in value if name.startswith("KEPT_")]
    assert [value[name] for name in kept] == [vars(shrink_list)[name] for name in kept] == list(range(6))
    for name in ("BY_WALK", "BY_LOOK_AROUND", "BY_KSWAPD", "BY_DIRECT", "BY_PROACTIVE"):
        assert value[name] == vars(core)[name]
    assert (value["INACTIVE"], value["ACTIVE"]) == (0, 1)
    assert (value["REFAULT_ACTIVATE"], value["REFAULT_WORKINGSET"]) == (workingset.ACTIVATE, workingset.WORKINGSET)
    assert (value["ANON"], value["FILE"]) == (core.ANON, core.FILE)
    assert abi.HOOKS["folio_evicted"].high == workingset.MAX_SHADOW
    assert core.MAX_PLAN == abi.MAX_FOLIOS
    assert core.DEF_PRIORITY == abi.MAX_PRIORITY
    assert core.SWAP_CLUSTER_MAX <= core.MAX_SCAN == abi.MAX_SCAN
    assert abi.SHADOW_BITS == core.SHADOW_BITS
    assert abi.MAX_AGE == workingset.AGE_MASK
    assert abi.MAX_LRUVECS == core.SHADOW_LRUVEC_MASK + 1
    assert core.FOLIO_BATCH_SIZE < core.ACTIVATE_BATCH - core.ADD_BATCH
    assert all(h.low <= h.default <= h.high for h in abi.HOOKS.values())
