"""What the fuzzers found, made small. Each was wrong once, on a tree that was never released or before."""

from __future__ import annotations

import pytest

from dsl.ir_text import parse_policy
from fuzzing.oracle import judge

FINDS = {
    "the folio of a field that was read is lost: the explanation looked for the register of a memory cell": """
policy found
list queue
field hits: u64
hook age() {
    var %0: list
    var %1: folio
    var %2: bool
    var %3: u64
    %0 = list queue[0]
    %1 = call list_pop_head(%0)
    %2 = ne %1, null:folio
    if %2 {
        %3 = load field hits of %1
        %3 = load field hits of %1
    }
}
""",
    "the variable of a loop is the register of its limit: the limit was read after the variable was cleared": """
policy found
hook age() {
    var %0: u64
    %0 = mod 18446744073709551615, 4
    loop %0 < %0 {
    }
}
""",
    "the same, with something to do in each round": """
policy found
state a: u8[2]
hook age() {
    var %0: u64
    %0 = and 7, 7
    loop %0 < %0 {
        store state a[%0], 1:u8
    }
}
""",
    "an element is read by a constant and stored to by a register that holds it: they shared a slot": """
policy found
state a: u8[8]
hook age() {
    var %0: u64
    var %1: u8
    %0 = copy 0
    %1 = load state a[0]
    store state a[%0], 127:u8
}
""",
    "a loop in a loop: what came about in an earlier round named a symbol that was forgotten since": """
policy found
param few: u64 = 3 in 1..=8
state total: u64
state flag: bool
hook age() {
    var %0: u64
    var %1: u64
    var %2: u64
    var %3: bool
    var %4: u64
    var %5: u64
    %2 = param few
    %0 = load state total[0]
    %1 = and %0, 15
    %0 = copy %1
    %3 = gt %0, 9
    if %3 {
        %0 = sub %0, 1
    }
    loop %4 < 4 {
        loop %5 < %2 {
            %1 = add %0, 7
        }
        %3 = load state flag[0]
        if %3 {
            %0 = copy %1
        }
        %0 = add %0, 1
    }
}
""",
}
REFUSED = (0, 2)


@pytest.mark.parametrize("number", range(len(FINDS)), ids=list(FINDS))
def test_it_stays_mended(number: int) -> None:
    policy = parse_policy(list(FINDS.values())[number])
    assert judge(policy, number, runs=30).accepted == (number not in REFUSED)
