"""Policies that mean no good: the run always ends, no folio is lost, limits hold, and who is to blame is named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsl import abi
from runtime.core import layout as core
from runtime.machine import Machine, Memcg, SwapDevice, Task
from tests.runtime.attaching import (
    ANON,
    FILE_MAPPED,
    FILE_READ,
    attached,
    give_events,
    mixed,
    run_on,
    run_tasks,
    two_memcgs,
)
from tests.runtime.hostile import (
    BEGIN,
    MODELS,
    Hostile,
    consistent,
    executors_agree,
    gets_what_it_deserves,
    told,
)
from tests.runtime.policies import check_invariants, compiled, events

ADDED = "hook folio_added(f) { queue.push_tail(f); }\n"
EVICT = "hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }\n"
HONEST = ADDED + EVICT
CIRCLE = "let g = queue.head; if g != null { queue.move_tail(g); }"
MANY = f"loop up to 50 {{ {CIRCLE} }}"


def checks(answer: str) -> str:
    return HONEST + f"hook folio_check(f) {{ return {answer}; }}\n"


HOSTILE = {
    # evict_folios
    "no hook": Hostile(ADDED, "evict_folios"),
    "an empty hook": Hostile(ADDED + "hook evict_folios(ctx) { }", "evict_folios"),
    "scans to its bound": Hostile(
        ADDED + "hook evict_folios(ctx) { scan f in queue limit 4096 { words[0] += 1; } }", "evict_folios"
    ),
    "scans in circles": Hostile(
        ADDED + "hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { queue.move_tail(f); } }",
        "evict_folios",
    ),
    "moves in circles, uncounted": Hostile(ADDED + f"hook evict_folios(ctx) {{ {MANY} }}", "evict_folios"),
    "pops and pushes": Hostile(
        ADDED
        + "hook evict_folios(ctx) { loop up to 40 { let f = queue.pop_head(); if f != null { queue.push_tail(f); } } }",
        "evict_folios",
    ),
    "from list to list": Hostile(
        ADDED + "hook evict_folios(ctx) { scan f in queue limit 40 { other.move_tail(f); }"
        " if queue.len == 0 { scan f in other limit 4096 { queue.move_tail(f); } } }",
        "evict_folios",
    ),
    "counts to its bound": Hostile(
        ADDED + "hook evict_folios(ctx) { loop up to 2000 { words[1] += words[0] + 1; words[0] += 1; } }",
        "evict_folios",
    ),
    "says it looked at nothing": Hostile(ADDED + "hook evict_folios(ctx) { ctx.looked_at(0); }", "evict_folios"),
    "says it looked at everything": Hostile(
        ADDED + "hook evict_folios(ctx) { ctx.looked_at(0xffff_ffff_ffff_ffff); }", "evict_folios"
    ),
    "hoards from the first to the last": Hostile(
        "hook folio_added(f) { other.push_head(f); }\n" + EVICT, "evict_folios"
    ),
    "evicts the newest": Hostile(
        ADDED
        + "hook evict_folios(ctx) { loop up to ctx.nr_to_scan { let f = queue.tail; if f != null { ctx.evict(f); } } }"
    ),
    "evicts the hottest": Hostile(
        HONEST + "hook folio_accessed(f) { queue.move_head(f); }\nhook young(f) { queue.move_head(f); }"
    ),
    "evicts more than wanted": Hostile(
        ADDED + "hook evict_folios(ctx) { loop up to 200 { let f = queue.pop_head(); if f != null { ctx.evict(f); } } }"
    ),
    "proposes one again and again": Hostile(
        ADDED + "hook evict_folios(ctx) { let f = queue.head; if f != null { loop up to 90 { ctx.evict(f); } } }"
    ),
    # folio_check and folio_kept
    "keeps every candidate": Hostile(checks("KEEP")),
    "activates every candidate": Hostile(checks("ACTIVATE")),
    "wants only clean ones": Hostile(checks("RECLAIM_CLEAN")),
    "keeps them and hides them": Hostile(checks("KEEP") + "hook folio_kept(f) { other.push_tail(f); }", "evict_folios"),
    "pins all it can": Hostile(
        HONEST + "hook young(f) { f.activate(); }\nhook folio_accessed(f) { f.activate(); }", small=True
    ),
    "moves others while it checks": Hostile(
        HONEST + f"hook folio_check(f) {{ {CIRCLE} queue.move_tail(f); return RECLAIM; }}"
    ),
    # scan_plan
    "plans nothing": Hostile(HONEST + "hook scan_plan(ctx) { }", "scan_plan"),
    "plans to age only": Hostile(
        HONEST + "hook scan_plan(ctx) { ctx.plan_age(FILE, 0xffff_ffff_ffff); ctx.plan_age(ANON, 0xffff_ffff_ffff); }\n"
        "hook age(ctx) { scan f in queue limit ctx.nr_to_scan { queue.move_tail(f); } }",
        "scan_plan",
    ),
    "plans everything": Hostile(
        HONEST + "hook scan_plan(ctx) { ctx.plan_evict(FILE, 0xffff_ffff_ffff_ffff); ctx.plan_evict(ANON, 1 << 63);"
        " ctx.plan_age(FILE, 1 << 63); ctx.plan_age(ANON, 1 << 62); }"
    ),
    "plans everything and proposes nothing": Hostile(
        ADDED + "hook evict_folios(ctx) { }\nhook scan_plan(ctx) { ctx.plan_evict(FILE, 0xffff_ffff_ffff_ffff);"
        " ctx.plan_age(FILE, 1 << 63); ctx.plan_age(ANON, 1 << 62); }",
        "evict_folios",
    ),
    "plans to scan everything": Hostile(HONEST + "hook scan_plan(ctx) { ctx.plan_scan(0xffff_ffff_ffff_ffff); }"),
    "plans to scan and looks at one": Hostile(
        ADDED + "hook scan_plan(ctx) { ctx.plan_scan(0xffff_ffff_ffff_ffff); }\n"
        "hook evict_folios(ctx) { scan f in queue limit 1 { queue.move_tail(f); } }",
        "evict_folios",
    ),
    "walks for ever": Hostile(HONEST + "hook scan_plan(ctx) { ctx.plan_walk(); }\nhook young(f) { }", "scan_plan"),
    "walks before every look": Hostile(
        ADDED + "hook scan_plan(ctx) { ctx.plan_walk(); ctx.plan_scan(0xffff_ffff); }\n"
        "hook evict_folios(ctx) { scan f in queue limit 1 { queue.move_tail(f); } }\n"
        "hook young(f) { queue.move_tail(f); }",
        "evict_folios",
    ),
    "plans something else each time": Hostile(
        HONEST + "hook scan_plan(ctx) { words[0] += 1; if words[0] % 3 == 0 { ctx.plan_walk(); }"
        " else if words[0] % 3 == 1 { ctx.plan_scan(words[0]); } else { ctx.plan_evict(FILE, words[0]); } }"
    ),
    # shadows
    "leaves bad shadows": Hostile(
        HONEST + "hook folio_evicted(f) { return 0x7ff_ffff_ffff; }\nhook refault(f) { queue.move_tail(f); return 3; }"
    ),
    "reads shadows as anything": Hostile(
        HONEST + "hook folio_evicted(f) { words[0] += 0x123_4567_89ab; return words[0] & 0x7ff_ffff_ffff; }\n"
        "hook refault(f, ctx) { words[1] = ctx.refault_distance(ctx.shadow); ctx.age_nonresident();"
        " return REFAULT_ACTIVATE; }"
    ),
    # activation and maps
    "activates everything": Hostile(
        HONEST + "hook folio_accessed(f) { f.activate(); f.set_active(true); f.set_workingset(true); }\n"
        "hook folio_activated(f) { queue.move_head(f); }"
    ),
    "activates and forgets": Hostile(HONEST + "hook folio_accessed(f) { f.activate(); }"),
    "keeps everything in maps": Hostile(
        "hook folio_added(f) { keys.insert(f.key); queue.push_tail(f); }\n"
        + EVICT
        + "hook folio_accessed(f) { keys.insert(f.key); }\nhook folio_evicted(f) { keys.insert(f.key); return 0; }\n"
        "hook miss(ctx) { keys.insert(ctx.key); }"
    ),
    "evicts only what no map knows": Hostile(
        "hook folio_added(f) { keys.insert(f.key); queue.push_tail(f); }\nhook evict_folios(ctx) {"
        " scan f in queue limit ctx.nr_to_scan {"
        " if !keys.contains(f.key) { ctx.evict(f); } else { queue.move_tail(f); } } }",
        "evict_folios",
    ),
}

MISCHIEF = {
    hook.name: f"hook {hook.name}({', '.join(hook.parameters)}) {{ {MANY} {{}} }}\n"
    for hook in abi.HOOKS.values()
    if hook.name not in ("folio_added", "evict_folios", "folio_kept")
}
ANSWERS = {
    "refault": "return 3;",
    "folio_check": "return RECLAIM;",
    "folio_evicted": "return 1;",
    "walk_table": "return 1;",
}
for _name, _text in MISCHIEF.items():
    _plan = "ctx.plan_evict(FILE, 64); ctx.plan_age(FILE, 64);" if _name == "scan_plan" else ANSWERS.get(_name, "")
    HOSTILE[f"moves in circles in {_name}"] = Hostile(HONEST + _text.replace("{}", _plan))
    HOSTILE[f"moves in circles in {_name} alone"] = Hostile(ADDED + _text.replace("{}", _plan), "evict_folios")
HOSTILE["moves in circles in folio_kept"] = Hostile(
    checks("KEEP") + f"hook folio_kept(f) {{ queue.push_tail(f); {MANY} }}"
)
HOSTILE["moves in circles in folio_added"] = Hostile(f"hook folio_added(f) {{ queue.push_tail(f); {MANY} }}\n" + EVICT)


@MODELS
@pytest.mark.parametrize("name", HOSTILE)
def test_the_run_ends_and_nothing_is_lost(name: str, ideal: bool) -> None:
    gets_what_it_deserves(HOSTILE[name], ideal)


PLAIN = (
    "no hook", "scans in circles", "keeps every candidate", "plans nothing", "walks before every look",
    "leaves bad shadows", "activates everything", "evicts only what no map knows", "pins all it can",
)  # fmt: skip


@MODELS
@pytest.mark.parametrize("name", PLAIN)
def test_plain_and_native_agree(name: str, ideal: bool) -> None:
    executors_agree(HOSTILE[name], ideal)


# --- effort -----------------------------------------------------------------------------------------------


@MODELS
def test_effort_is_spent_before_a_policy_is_ejected(ideal: bool) -> None:
    """A policy that finds something only at the last look it may take stays."""
    text = (
        BEGIN + ADDED + "hook reclaim_begin(ctx) { words[0] = 0; }\nhook evict_folios(ctx) {"
        " scan f in queue limit ctx.nr_to_scan { words[0] += 1; if words[0] > COUNT { ctx.evict(f); }"
        " else { queue.move_tail(f); } } }"
    )
    budget = 8 * 50 + 4096
    for count, stays in ((budget // 2, True), (budget - 200, True), (2 * budget + 200, False)):
        simulation = attached(compiled(text.replace("COUNT", str(count))), Machine(50, ideal), "O0")
        ejections = run_on(simulation, events(np.arange(90)), "O0")
        assert (not ejections) == stays
        if ejections:
            assert ejections[0].spent == budget


def test_effort_is_a_setting() -> None:
    hostile = HOSTILE["scans in circles"]
    for effort in (1, 8, 100):
        simulation = attached(hostile.policy, Machine(50, effort=effort), "O0")
        (ejection,) = run_on(simulation, events(np.arange(90)), "O0")
        assert ejection.spent == ejection.budget == effort * 50 + 4096


def test_an_access_is_not_counted_twice_when_it_is_tried_again() -> None:
    """The run goes on from the very access at which the policy stood still."""
    simulation = attached(HOSTILE["no hook"].policy, Machine(50), "O0")
    (ejection,) = run_on(simulation, events([*range(50), 3, 4, 60, 60]), "O0")
    assert ejection.access == 52
    counters = simulation.counters()
    assert (counters["accesses"], counters["misses"], counters["hits"]) == (54, 51, 3)


# --- out of memory ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [HONEST, ADDED])
def test_without_anything_to_reclaim_no_policy_is_blamed(text: str) -> None:
    """Anonymous memory without swap: that is the machine's fault."""
    simulation = attached(compiled(BEGIN + text), Machine(50, swap=()), "O0", checked=True)
    simulation.run(events(np.arange(90), ANON))
    assert simulation.status == core.STATUS_OOM
    assert simulation.counters()["accesses"] == 50 == simulation.resident
    assert simulation.counters()["oom"] == 1
    check_invariants(simulation)


def test_memory_runs_out_when_swap_does() -> None:
    machine = Machine(50, swap=(SwapDevice(Machine(1).swap[0].device, 30),))
    simulation = attached(compiled(BEGIN + HONEST), machine, "O0", checked=True)
    simulation.run(events(np.arange(200), ANON))
    assert simulation.status == core.STATUS_OOM
    assert simulation.counters()["pswpout"] == 30 and simulation.counters()["accesses"] == 80


# --- several memcgs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [*PLAIN, "evicts the newest", "plans to scan and looks at one", "keeps them and hides them"]
)
def test_the_hostile_memcg_is_ejected_and_the_other_is_not(name: str) -> None:
    hostile, honest = HOSTILE[name], compiled("policy honest; list queue; " + HONEST)
    traces = [mixed(1500, 160, seed, freed=0) for seed in (5, 6)]
    simulation = attached([honest, hostile.policy, honest], two_memcgs(24 if hostile.small else 50), checked=True)
    give_events(simulation, traces)
    ejections = run_tasks(simulation, 1 << 40, "O0")
    assert [(e.memcg, e.hook) for e in ejections] == ([("a", hostile.blamed)] if hostile.blamed else [])
    for ejection in ejections:
        assert ejection.access > ejection.counters["accesses"] > 0, "its own counters, but the number in the whole run"
        of_all = replace(ejection, budget=8 * ejection.resident + 4096, spent=0, access=ejection.counters["accesses"])
        told(of_all, hostile, hostile.blamed)
    assert simulation.counters()["accesses"] == 3000
    assert simulation.counters()["oom_kill"] == 0
    names = [a.policy.name for a in simulation.lineup.of_memcg]
    assert names == ["honest", "builtin:lru" if hostile.blamed else "hostile", "honest"]
    usage = simulation.table("memcgs")[:, core.MEMORY_USAGE]
    assert all(usage[m] <= simulation.machine.memcg_pages(m) for m in range(3))


def test_every_hostile_memcg_is_ejected_in_its_turn() -> None:
    """The limit above all is hit; both memcgs hoard."""
    memcgs = (Memcg("top", max=60), Memcg("a", 0), Memcg("b", 0))
    machine = Machine(200, memcgs=memcgs, tasks=(Task("of a", 1), Task("of b", 2)))
    simulation = attached(HOSTILE["no hook"].policy, machine, checked=True)
    give_events(simulation, [events(np.arange(seed, 400), FILE_READ) for seed in (0, 1)])
    ejections = run_tasks(simulation, 1 << 40, "O0")
    assert 1 <= len(ejections) <= 2 and {e.memcg for e in ejections} <= {"a", "b"}
    assert simulation.counters()["accesses"] == 799
    assert simulation.counters()["oom_kill"] == 0
    assert simulation.table("memcgs")[0, core.MEMORY_USAGE] <= 60


def test_a_hoarder_between_watermarks_is_ejected_by_direct_reclaim() -> None:
    simulation = attached(HOSTILE["no hook"].policy, Machine(50, watermarks=(4, 8, 16)), "O0", checked=True)
    trace = events(np.arange(300), [FILE_READ if n % 2 else FILE_MAPPED for n in range(300)])
    assert len(run_on(simulation, trace, "O0")) == 1
    consistent(simulation, trace)
