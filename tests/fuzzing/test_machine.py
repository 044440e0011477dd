"""The machine that runs accepted policies is not blind: it traps on each thing that an accepted policy must not do."""

from __future__ import annotations

import random

import pytest

from dsl import ir
from dsl.ir_text import parse_policy
from fuzzing.machine import Machine
from fuzzing.memory import Memory, TooLong, Trap

HEAD = """
policy machine
state s: u64
state a: u8[8]
list queue
field hits: u64
map m: hash<page_key> {n: u64} [64]
"""


def nothing(node: ir.Node, memory: Memory) -> object:
    return lambda: None


def run(hook: str, body: str, runs: int = 40) -> None:
    policy = parse_policy(f"{HEAD}hook {hook} {{\n{body}\n}}\n")
    machine = Machine(policy, policy.hooks[0], nothing)  # type: ignore[arg-type]
    for seed in range(runs):
        machine.run(random.Random(seed))


LIST = "var %1: list\nvar %2: folio\nvar %3: bool\nvar %4: ref(0)\nvar %5: u64\nvar %6: u8\n"
FOUND = "%1 = list queue[0]\n"


@pytest.mark.parametrize(
    ("hook", "body", "told"),
    [
        ("init()", "var %0: u64\nstore state s[0], %0", "unset"),
        ("init()", "var %0: u64\n%0 = load state s[0]\nstore state a[%0], 1:u8", "index"),
        ("init()", "var %0: u64\nvar %1: u8\n%0 = load state s[0]\n%1 = narrow %0", "is no u8"),
        ("young(%0: folio)", LIST + FOUND + "%2 = call list_head(%1)\n%5 = load field hits of %2", "null is used"),
        ("young(%0: folio)", LIST + FOUND + "%2 = call list_pop_head(%1)", "lost folios"),
        ("young(%0: folio)", LIST + FOUND + "%2 = call list_pop_head(%1)\n%2 = copy null:folio", "overwritten"),
        ("young(%0: folio)", LIST + FOUND + "call list_pop_head(%1)", "is lost"),
        ("young(%0: folio)", LIST + FOUND + "call list_push_tail(%1, %0)", "owns nothing"),
        ("folio_added(%0: folio)", "", "lost folios"),
        ("folio_kept(%0: folio)", LIST + FOUND + "call list_push_tail(%1, %0)\n%5 = load field hits of %0", "unset"),
        ("init()", LIST.replace("%", "%") .replace("var %1: list", "var %0: u8\nvar %1: list")
         + "%4 = call map_lookup m(0:page_key)\n%3 = ne %4, null:ref(0)\nif %3 {\ncall map_insert m(1:page_key)\n"
         "%5 = load value n of %4\n}", "stale"),
        ("init()", "var %0: u64\n%0 = call ctx_wanted()", "is not for init"),
        ("refault(%0: folio) -> u8", "return 4:u8", "returns 4"),
        ("refault(%0: folio) -> u8", "", "without a result"),
        ("init()", LIST.replace("var %1", "var %0: u8\nvar %1") + FOUND
         + "%6 = copy 2:u8\ncall list_mark(%1, %6, 0:u8)", "type is 2"),
    ],
)  # fmt: skip
def test_what_must_not_be_traps(hook: str, body: str, told: str) -> None:
    with pytest.raises(Trap, match=told):
        run(hook, body)


def test_an_alias_may_be_evicted_and_the_owner_pushed() -> None:
    body = "var %0: list\nvar %1: folio\nvar %2: folio\nvar %3: bool\n%0 = list queue[0]\n%1 = call list_head(%0)\n"
    body += "%2 = call list_pop_head(%0)\n%3 = ne %1, null:folio\nif %3 {\ncall ctx_evict(%1)\n}\n"
    run("evict_folios()", body + "%3 = ne %2, null:folio\nif %3 {\ncall list_push_tail(%0, %2)\n}")


def test_a_long_run_is_stopped() -> None:
    with pytest.raises(TooLong):
        run("init()", "var %0: u64\nloop %0 < 100000 {\n}")


def test_calls_without_effects_repeat_themselves() -> None:
    """As the core does, and as the verifier counts on."""
    same = "var %0: list\nvar %1: u64\nvar %2: u64\nvar %3: bool\n%0 = list queue[0]\n%1 = call list_len(%0)\n"
    test = "%2 = call list_len(%0)\n%3 = ne %1, %2\nif %3 {\nstore state a[99], 0:u8\n}"
    run("init()", same + test)
    with pytest.raises(Trap, match="index 99"):
        run("init()", same + "call map_insert m(1:page_key)\n" + test)
