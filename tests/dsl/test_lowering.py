"""Lowering: source before, IR text after."""

from __future__ import annotations

import re
import textwrap

import pytest

from dsl.compile import Compilation
from dsl.ir_text import print_policy
from dsl.source import Source

HEAD = """
policy test;
param percent: u64 = 10 in 1..=50;
const SMALL: u8 = 1;
state turn: u8; state total: u64; state signed: i64; state flag: bool; state hist: u64[16];
list small; list gen[4];
cursor hand on small;
folio { hits: u8 }
struct entry { refs: u32, last: u64 }
map ghost: lru_hash<page_key>[nr_pages];
map counts: hash<page_key, u32>[64];
map entries: hash<page_key, entry>[64];
"""


def lowered(body: str, functions: str = "", hook: str = "folio_accessed(f, ctx)") -> str:
    """The instructions of a hook with this body, without declarations of registers and spans."""
    compilation = Compilation(Source("test.rx", f"{HEAD}{functions}\nhook {hook} {{ {body} }}"))
    assert compilation.diagnostics == ()
    assert compilation.policy is not None
    text = print_policy(compilation.policy).partition("\nhook ")[2]
    lines = [re.sub(r" @\d+:\d+-\d+:\d+", "", line) for line in text.splitlines()[1:-1]]
    lines = [line for line in lines if not line.startswith("    var ")]
    assert lines.pop().startswith("    return")
    return renumbered(textwrap.dedent("\n".join(lines)) + "\n")


def renumbered(text: str) -> str:
    """The registers numbered in the order they appear, after %0, the folio."""
    numbers = {"%0": "%0"}
    return re.sub(r"%\d+", lambda match: numbers.setdefault(match[0], f"%{len(numbers)}"), text)


def check(body: str, expected: str, functions: str = "") -> None:
    assert lowered(body, functions) == renumbered(textwrap.dedent(expected).lstrip("\n"))


def test_a_simple_test_is_compared_right_before_the_branch() -> None:
    check(
        "if f.hits < 3 { total = 1; } else { total = 2; }",
        """
        %1 = load field hits of %0.f
        %2 = lt %1, 3:u8
        if %2 {
            store state total[0], 1
        } else {
            store state total[0], 2
        }
        """,
    )


def test_and_leaves_a_block_at_the_first_false_test() -> None:
    check(
        "if flag && f.dirty { total = 1; } else { total = 2; }",
        """
        block {
            block {
                %1 = load state flag[0]
                if %1 {
                } else {
                    break 0
                }
                %2 = call folio_dirty(%0.f)
                if %2 {
                } else {
                    break 0
                }
                store state total[0], 1
                break 1
            }
            store state total[0], 2
        }
        """,
    )


def test_or_goes_on_at_the_first_true_test() -> None:
    check(
        "if !flag || f.dirty { total = 1; }",
        """
        block {
            block {
                %1 = load state flag[0]
                if %1 {
                } else {
                    break 0
                }
                %2 = call folio_dirty(%0.f)
                if %2 {
                } else {
                    break 1
                }
            }
            store state total[0], 1
        }
        """,
    )


def test_not_swaps_the_branches() -> None:
    check(
        "if !flag { return; }",
        """
        %1 = load state flag[0]
        if %1 {
        } else {
            return
        }
        """,
    )


def test_a_logical_value_is_written_after_its_operands_were_read() -> None:
    check(
        "let x = flag; x = f.dirty && x; flag = !x;",
        """
        %1.x = load state flag[0]
        block {
            block {
                %2 = call folio_dirty(%0.f)
                if %2 {
                } else {
                    break 0
                }
                if %1.x {
                } else {
                    break 0
                }
                %1.x = copy true
                break 1
            }
            %1.x = copy false
        }
        %3 = xor %1.x, true
        store state flag[0], %3
        """,
    )


def test_a_place_is_evaluated_once() -> None:
    check(
        "hist[total % 16] += f.hits;",
        """
        %1 = load state total[0]
        %2 = mod %1, 16
        %3 = load state hist[%2]
        %4 = load field hits of %0.f
        %5 = convert %4
        %6 = add %3, %5
        store state hist[%2], %6
        """,
    )


def test_a_wider_value_is_narrowed_with_proof_and_cast_without() -> None:
    check(
        "f.hits += total; turn = total as u8; turn = SMALL; total = SMALL;",
        """
        %1 = load field hits of %0.f
        %2 = convert %1
        %3 = load state total[0]
        %4 = add %2, %3
        %5 = narrow %4
        store field hits of %0.f, %5
        %6 = load state total[0]
        %7 = convert %6
        store state turn[0], %7
        store state turn[0], 1:u8
        store state total[0], 1
        """,
    )


def test_locals_are_registers_and_conversions_of_constants_are_folded() -> None:
    check(
        "let a: u64; let b: u8 = 3; a = b; b <<= total; signed = -1; a = -1 as u64; signed = -signed;",
        """
        %2.b = copy 3:u8
        %1.a = convert %2.b
        %3 = load state total[0]
        %4 = convert %3
        %2.b = shl %2.b, %4
        store state signed[0], -1:i64
        %1.a = copy 18446744073709551615
        %5 = load state signed[0]
        %6 = sub 0:i64, %5
        store state signed[0], %6
        """,
    )


def test_a_range_from_zero_is_the_loop_itself() -> None:
    check(
        "for i in 0..16 { if i == 3 { continue; } hist[i] = i; }",
        """
        loop %1.i < 16 {
            %2 = eq %1.i, 3
            if %2 {
                continue 0
            }
            store state hist[%1.i], %1.i
        }
        """,
    )


def test_another_range_counts_what_is_left() -> None:
    check(
        "let a = total; for i in a..16 { a = 0; break; }",
        """
        %1.a = load state total[0]
        %2 = copy %1.a
        %4 = gt 16, %2
        if %4 {
            %3 = sub 16, %2
            %3 = min %3, 16
            %7 = sub 16, 1
        } else {
            %3 = copy 0
            %7 = copy 0
        }
        loop %5 < %3 {
            %6.i = add %2, %5
            %6.i = min %6.i, %7
            %1.a = copy 0
            break 0
        }
        """,
    )
    check(
        "for i in 4..total { hist[i % 16] = 0; }",
        """
        %1 = load state total[0]
        %2 = gt %1, 4
        if %2 {
            %3 = sub %1, 4
        } else {
            %3 = copy 0
        }
        loop %4 < %3 {
            %5.i = add 4, %4
            %6 = mod %5.i, 16
            store state hist[%6], 0
        }
        """,
    )


def test_breaks_count_blocks_loops_and_scans() -> None:
    check(
        "loop up to 4 { scan g in hand limit 8 { if flag || g.dirty { break; } continue; } }",
        """
        loop %1 < 4 {
            scan %2.g in cursor hand limit 8 {
                block {
                    block {
                        %3 = load state flag[0]
                        if %3 {
                            break 0
                        }
                        %4 = call folio_dirty(%2.g)
                        if %4 {
                        } else {
                            break 1
                        }
                    }
                    break 1
                }
                continue 0
            }
        }
        """,
    )


def test_functions_are_inlined_and_plain_arguments_bound() -> None:
    check(
        "let a = total; move(small, f, a); total = move(gen[2], f, 8);",
        """
        %1.a = load state total[0]
        %2.l = list small[0]
        block {
            %3 = gt %1.a, 4
            if %3 {
                %4 = copy %1.a
                break 0
            }
            %5 = call list_move_tail(%2.l, %0.f)
            %4 = copy 0
            break 0
        }
        %6.l = list gen[2]
        block {
            %7 = gt 8, 4
            if %7 {
                %8 = copy 8
                break 0
            }
            %9 = call list_move_tail(%6.l, %0.f)
            %8 = copy 0
            break 0
        }
        store state total[0], %8
        """,
        "fn move(l: list, page: folio, n: u64) -> u64 { if n > 4 { return n; } l.move_tail(page); return 0; }",
    )


def test_a_result_at_the_end_needs_no_block() -> None:
    check(
        "total = limit(3) + pick(flag);",
        """
        %3 = call nr_pages()
        %4 = param percent
        %2 = mul %3, %4
        %7.c = load state flag[0]
        if %7.c {
            %5 = copy 1
        } else {
            %5 = copy 2
        }
        %1 = add %2, %5
        store state total[0], %1
        """,
        "fn limit(n: u64) -> u64 { return nr_pages * percent; }"
        "fn pick(c: bool) -> u64 { if c { return 1; } else { return 2; } }",
    )


def test_insert_with_a_value_stores_it_if_the_key_is_there() -> None:
    check(
        "flag = counts.insert(f.key, 7);",
        """
        %1 = call folio_key(%0.f)
        %2 = call map_insert counts(%1)
        %3 = call map_lookup counts(%1)
        %4 = ne %3, null:ref(1)
        if %4 {
            store value value of %3, 7:u32
        }
        store state flag[0], %2
        """,
    )


def test_references_null_and_fields() -> None:
    check(
        "let e = entries.lookup(f.key); if e != null { e.refs += 1; total = e.last; } e = null;",
        """
        %2 = call folio_key(%0.f)
        %1.e = call map_lookup entries(%2)
        %3 = ne %1.e, null:ref(2)
        if %3 {
            %4 = load value refs of %1.e
            %5 = add %4, 1:u32
            store value refs of %1.e, %5
            %6 = load value last of %1.e
            store state total[0], %6
        }
        %1.e = copy null:ref(2)
        """,
    )


def test_a_choice_writes_its_value_in_both_branches() -> None:
    check(
        "total = if f.dirty { mul_div(total, 3, 2) } else { max(total, f.hits) };",
        """
        %1 = call folio_dirty(%0.f)
        if %1 {
            %3 = load state total[0]
            %2 = mul_div %3, 3, 2
        } else {
            %4 = load state total[0]
            %5 = load field hits of %0.f
            %6 = convert %5
            %2 = max %4, %6
        }
        store state total[0], %2
        """,
    )


def test_hooks_with_a_result_end_with_the_default() -> None:
    compilation = Compilation(Source("t.rx", "policy p; hook folio_check(f) { if f.dirty { return KEEP; } }"))
    assert compilation.policy is not None
    text = re.sub(r" @\S+", "", print_policy(compilation.policy))
    assert "return 2:u8" in text
    assert text.endswith("    return 0:u8\n}\n")
    assert "hook folio_check(%0 f: folio) -> u8 {" in text


def test_left_out_parameters_are_still_registers() -> None:
    compilation = Compilation(Source("t.rx", "policy p; hook folio_accessed() { }"))
    assert compilation.policy is not None
    assert [r.name for r in compilation.policy.hooks[0].params] == [""]


def chain(length: int, calls: int) -> str:
    """Functions that call the next one so many times each, and a hook that calls the first."""
    functions = [f"fn f{i}() {{ {f'f{i + 1}(); ' * calls}}}" for i in range(length)]
    return f"{' '.join(functions)} fn f{length}() {{ }} hook init() {{ f0(); }}"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"hook init() {{ {'if flag { ' * 70}{'}' * 70} }}", "nesting-too-deep"),
        (chain(40, 1), "nesting-too-deep"),
        (chain(20, 2), "policy-too-large"),
    ],
)
def test_expansion_is_limited(text: str, code: str) -> None:
    compilation = Compilation(Source("t.rx", f"policy p; state flag: bool; {text}"))
    assert [d.code for d in compilation.diagnostics] == [code]
    assert compilation.policy is None
