"""Policies that mean no good, with bags, heaps, maps in order, arrays and random numbers, in every hook."""

from __future__ import annotations

import pytest

from dsl import abi
from tests.runtime.hostile import MODELS, Hostile, executors_agree, gets_what_it_deserves

BEGIN = """policy hostile;
list queue; bag sack; heap pile; list many[16];
state words: u64[8]; state page: page_key; folio { uses: u64 }
map keys: lru_hash<page_key, u64>[nr_pages]; map numbers: hash<u64, u32>[40]; map cells: array<u64, u8>[64];
"""
ADDED = "hook folio_added(f) { queue.push_tail(f); }\n"
EVICT = """hook evict_folios(ctx) {
    scan f in queue limit ctx.nr_to_scan { ctx.evict(f); }
    scan f in sack limit ctx.nr_to_scan { ctx.evict(f); }
    for i in 0..16 { scan f in many[i] limit 8 { ctx.evict(f); } }
    loop up to 64 { if pile.head == null || !ctx.evict(pile.head) { return; } }
}
"""
HONEST = ADDED + EVICT
IN_SACK = "hook folio_added(f) { sack.push_tail(f); }\n"
IN_PILE = "hook folio_added(f, ctx) { words[0] += 1; pile.push(f, words[0]); }\n"


def hostile(text: str, blamed: str = "", evicts: int = 300) -> Hostile:
    return Hostile(text, blamed, begin=BEGIN, evicts=evicts)


HOSTILE = {
    # bags
    "hides all in a bag": hostile(
        IN_SACK + "hook evict_folios(ctx) { scan f in queue limit 32 { ctx.evict(f); } }", "evict_folios"
    ),
    "draws for ever": hostile(
        IN_SACK + "hook evict_folios(ctx) { loop up to 100 { let f = sack.random();"
        " if f != null { sack.move_tail(f); } } }",
        "evict_folios",
    ),
    "draws its victims, some twice": hostile(
        IN_SACK + "hook evict_folios(ctx) { loop up to 50 { let f = sack.random(); if f != null { ctx.evict(f);"
        " ctx.evict(f); } } }"
    ),
    "evicts the newest of a bag": hostile(
        IN_SACK + "hook evict_folios(ctx) { loop up to 40 { let f = sack.tail; if f != null { ctx.evict(f); } } }"
    ),
    "from the bag into lists and back": hostile(
        IN_SACK + "hook folio_accessed(f) { loop up to 20 {"
        " let g = sack.random(); if g != null { many[random() & 15].move_head(g); }"
        " let h = many[random() & 15].pop_tail(); if h != null { sack.push_head(h); } } }\n" + EVICT
    ),
    # heaps
    "hides all in a heap": hostile(
        IN_PILE + "hook evict_folios(ctx) { scan f in sack limit 32 { ctx.evict(f); } }", "evict_folios"
    ),
    "evicts what was used most": hostile(
        "hook folio_added(f) { pile.push(f, 0); }\n"
        "hook folio_accessed(f) { f.uses += 1; pile.move(f, 0 - f.uses); }\n" + EVICT
    ),
    "gives all the same key": hostile(
        "hook folio_added(f) { pile.push(f, 0xffff_ffff_ffff_ffff); }\n"
        "hook folio_accessed(f) { pile.move(f, 0); }\n" + EVICT
    ),
    "new keys instead of victims": hostile(
        IN_PILE + "hook evict_folios(ctx) { loop up to 50 { let f = pile.head;"
        " if f != null { pile.move(f, random()); } } }",
        "evict_folios",
    ),
    "pops and pushes a heap": hostile(
        IN_PILE + "hook evict_folios(ctx) { loop up to 50 { let f = pile.pop_head();"
        " if f != null { pile.push(f, random()); } } }",
        "evict_folios",
    ),
    "evicts by turns the oldest and the newest of a heap": hostile(
        IN_PILE + "hook evict_folios(ctx) { loop up to 30 { words[1] += 1;"
        " let f = if words[1] & 1 == 0 { pile.oldest } else { pile.newest }; if f != null { ctx.evict(f); } } }"
    ),
    # maps
    "fills every map": hostile(
        HONEST + "hook folio_accessed(f) { keys.insert(f.key, random()); page = f.key;"
        " loop up to 60 { words[3] += 1; numbers.insert(words[3], 1); keys.insert(page); }"
        " cells.fill(255); cells.halve(); }"
    ),
    "turns the order of entries around": hostile(
        HONEST + "hook folio_accessed(f) { keys.insert(f.key); loop up to 40 { let e = keys.newest; if e != null"
        " { keys.make_oldest(e); } let g = keys.oldest; if g != null { keys.make_newest(g); } } }"
    ),
    "removes entries while it walks along them": hostile(
        HONEST + "hook folio_accessed(f) { keys.insert(f.key); let e = keys.oldest; loop up to 40 { if e == null"
        " { break; } let next = keys.newer(e); if next == null { break; } page = next.key; keys.remove(e);"
        " e = keys.lookup(page); } }"
    ),
    "knows pages only by a map that forgets": hostile(
        "map few: lru_hash<page_key>[4];\nhook folio_added(f) { few.insert(f.key); queue.push_tail(f); }\n"
        "hook evict_folios(ctx) { loop up to 8 { let e = few.oldest; if e == null { return; }"
        " let f = resident(e.key); few.pop_oldest(); if f != null { ctx.evict(f); } } }\n"
        "hook folio_evicted(f) { few.delete(f.key); return 0; }"
    ),
    "never forgets a key and finds nothing by it": hostile(
        "hook folio_added(f) { page = f.key; queue.push_tail(f); }\n"
        "hook evict_folios(ctx) { let f = resident(page); if f != null { queue.move_head(f); } }",
        "evict_folios",
    ),
    "counts in circles by random numbers": hostile(
        HONEST + "hook folio_accessed(f) { loop up to 200 { words[random() & 7] += random();"
        " words[2] = pow2(words[1] as i64) + log2(words[3]) + hash(f.key, words[4]); } }"
    ),
    # admission, ticks, promotion
    "admits nothing": hostile(HONEST + "hook admit(ctx) { return 0; }", evicts=0),
    "admits by chance": hostile(HONEST + "hook admit(ctx) { return (random() & 1) as u8; }", evicts=100),
    "reclaims everything at each tick": hostile(HONEST + "hook tick(ctx) { ctx.reclaim(0xffff_ffff_ffff_ffff); }"),
    "reclaims at each tick and proposes nothing": hostile(
        ADDED + "hook tick(ctx) { ctx.reclaim(1 << 40); ctx.reclaim(7); }\nhook evict_folios(ctx) { }", "evict_folios"
    ),
    "promotes all and always": hostile(
        HONEST + "hook folio_accessed(f) { f.promote(); }\nhook young(f) { f.promote(); f.activate(); }"
    ),
}  # fmt: skip

THRASH = """loop up to 6 {
        let a = queue.head; if a != null { sack.move_tail(a); }
        let b = sack.random(); if b != null { pile.move(b, random() & 7); }
        let c = pile.newest; if c != null { many[random() & 15].move_head(c); }
        let d = many[random() & 15].pop_tail();
        if d != null { if words[1] & 1 == 0 { pile.push(d, words[0]); } else { queue.push_tail(d); } }
        words[0] += 1; words[1] ^= random(); numbers.insert(words[0] % 50, 3); numbers.pop_oldest();
        let e = numbers.oldest; if e != null { numbers.make_newest(e); words[2] = e.key; }
        let i = cells.lookup(words[1] & 63); if i != null && i.value < 255 { i.value += 1; }
        let g = resident(page); if g != null { sack.move_head(g); page = g.key; }
    }
    cells.halve();"""
ANSWERS = {
    "refault": "return 3;",
    "admit": "return 1;",
    "folio_check": "return RECLAIM;",
    "folio_evicted": "return random() & 0xff;",
    "walk_table": "return 1;",
    "scan_plan": "ctx.plan_evict(FILE, 64); ctx.plan_evict(ANON, 64); ctx.plan_age(FILE, 64);",
    "folio_kept": "queue.push_tail(f);",
    "folio_added": "queue.push_tail(f);",
}


def thrashing(hook: abi.Hook) -> Hostile:
    """Everything is moved about in one hook, and evicted in turn by an honest one."""
    if hook.name == "evict_folios":
        return hostile(ADDED + EVICT.replace("{\n", "{ " + THRASH + "\n", 1))
    answer = ANSWERS.get(hook.name, "")
    text = f"hook {hook.name}({', '.join(hook.parameters)}) {{ {THRASH} {answer} }}\n"
    return hostile(text + (EVICT if hook.name == "folio_added" else HONEST))


PLAIN = (
    "draws its victims, some twice", "pops and pushes a heap", "fills every map",
    "knows pages only by a map that forgets",
)  # fmt: skip


@MODELS
@pytest.mark.parametrize("name", HOSTILE)
def test_the_run_ends_and_nothing_is_lost(name: str, ideal: bool) -> None:
    gets_what_it_deserves(HOSTILE[name], ideal)


@MODELS
@pytest.mark.parametrize("hook", abi.HOOKS)
def test_all_is_moved_about_in_every_hook(hook: str, ideal: bool) -> None:
    gets_what_it_deserves(thrashing(abi.HOOKS[hook]), ideal)


@MODELS
@pytest.mark.parametrize("name", PLAIN)
def test_plain_and_native_agree(name: str, ideal: bool) -> None:
    executors_agree(HOSTILE[name], ideal)
