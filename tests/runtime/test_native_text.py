"""What is handed to LLVM promises nothing that nobody proved, names nothing of a policy, and calls nothing outside."""

from __future__ import annotations

import re

import pytest

from runtime.jit import engine
from runtime.jit.module import Attachable, Module, Variant, opt_module, settings_of
from tests.runtime.policies import ALL, compiled, program

TELLING = """
policy xpolicyname;
param xparamname: u64 = 3 in 1..=9;
const XCONSTNAME: u64 = 2;
struct xstructname { xmembername: u32 }
state xstatename: u64[4];
list xlistname;
list xlistsname[3];
cursor xcursorname on xlistname;
folio { xfieldname: u8 }
map xmapname: lru_hash<page_key, xstructname>[nr_pages * xparamname];
fn xfunctionname(xargumentname: u64) -> u64 { return mul_div(xargumentname, XCONSTNAME, xparamname) << 1; }
hook folio_added(xfolioname) {
    let xlocalname = xfunctionname(xstatename[1]);
    xstatename[xlocalname % 4] += xlocalname;
    xmapname.insert(xfolioname.key);
    let xreferencename = xmapname.lookup(xfolioname.key);
    if xreferencename != null { xreferencename.xmembername += 1; }
    xfolioname.xfieldname = 7;
    xlistname.push_tail(xfolioname);
}
hook evict_folios(ctx) {
    scan xvisitedname in xcursorname limit ctx.nr_to_scan { ctx.evict(xvisitedname); }
    for xindexname in 0..3 { let g = xlistsname[xindexname].head; if g != null { ctx.evict(g); } }
}
"""


def alone(policy: Attachable, ideal: bool = False) -> Module:
    return Module((policy,), settings_of((policy,), Variant(ideal)))


MODULES = [(name, ideal) for name in (*ALL, "opt", "telling") for ideal in (False, True)]


def module_of(name: str, ideal: bool) -> Module:
    """A module of its own, made anew."""
    if name == "opt":
        return opt_module()
    policy: Attachable = compiled(TELLING) if name == "telling" else program(name)
    return alone(policy, ideal)


@pytest.mark.parametrize(("name", "ideal"), MODULES)
def test_nothing_unproven_is_promised(name: str, ideal: bool) -> None:
    text = module_of(name, ideal).text
    words = set(re.findall(r"[A-Za-z_]\w*", text))
    assert words.isdisjoint(engine.FORBIDDEN)
    assert words.isdisjoint(
        {"undef", "poison", "unreachable", "fastcc", "readnone", "readonly", "speculatable", "invariant"}
    )
    assert "!invariant" not in text


@pytest.mark.parametrize(("name", "ideal"), MODULES)
def test_nothing_outside_is_named(name: str, ideal: bool) -> None:
    module = module_of(name, ideal)
    declared = re.findall(r"^declare [^@]*@([\w.]+)", module.text, re.MULTILINE)
    assert declared and all(d.startswith("llvm.") for d in declared)
    defined = re.findall(r"^define (internal )?[^@]*@([\w.]+)", module.text, re.MULTILINE)
    assert {symbol for internal, symbol in defined if not internal} == set(module.symbols)
    used = set(re.findall(r"@([\w.]+)", module.text))
    assert used == {symbol for _, symbol in defined} | set(declared)
    assert not re.search(r"^@|inttoptr|ptrtoint|asm ", module.text, re.MULTILINE)


@pytest.mark.parametrize(("name", "ideal"), [(n, i) for n, i in MODULES if not i or n in ("s3fifo", "builtin:lru")])
def test_the_code_calls_only_what_it_holds(name: str, ideal: bool) -> None:
    text = engine.assembly(module_of(name, ideal).text)
    labels = set(re.findall(r"^([\w.$]+):", text, re.MULTILINE))
    targets = re.findall(r"^\s+(?:callq?|bl)\s+(\S+)", text, re.MULTILINE)
    assert all(target.removesuffix("@PLT") in labels for target in targets), targets


def test_no_name_of_a_policy_enters() -> None:
    names = set(re.findall(r"x[a-z]+name", TELLING, re.IGNORECASE))
    assert len(names) > 15
    text = module_of("telling", False).text.lower()
    assert not [n for n in names if n.lower() in text]
    assert "reclaim" not in "".join(line for line in text.splitlines() if line.startswith("source_filename"))


@pytest.mark.parametrize(("name", "ideal"), [("telling", False), ("s3fifo", True), ("builtin:lru", False)])
def test_the_text_is_always_the_same(name: str, ideal: bool) -> None:
    assert module_of(name, ideal).text == module_of(name, ideal).text


def test_a_name_makes_no_difference() -> None:
    policy = compiled(TELLING)
    renamed = compiled(TELLING.replace("name", "call"))
    assert alone(policy).text == alone(renamed).text


def test_absent_hooks_leave_no_code() -> None:
    assert "folio_accessed" not in module_of("fifo", True).text
    assert "hook.0.folio_accessed" in module_of("clock", True).text
    assert "folio_test_clear_young" not in module_of("fifo", False).text


def test_what_refers_outside_is_refused() -> None:
    text = module_of("fifo", True).text + "\ndeclare i64 @getpid()\n"
    with pytest.raises(engine.EngineError, match="getpid"):
        engine.object_code(text)


def test_what_llvm_does_not_understand_is_our_defect() -> None:
    with pytest.raises(engine.EngineError, match="LLVM refused"):
        engine.object_code("define i64 @f() { ret i32 0 }")
    with pytest.raises(engine.EngineError, match="does not link"):
        engine.load(engine.object_code("define i64 @other() {\n ret i64 0\n}"), ["missing"])
