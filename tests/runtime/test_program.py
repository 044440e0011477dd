"""From what a user names to a policy: specs, params, objects, and errors that say what was meant."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from dsl import abi, ir
from dsl.policy_object import encode
from runtime.executors import NativeExecutor
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.program import (
    BUILTINS,
    OPT,
    ProgramError,
    Rejected,
    find_program,
    load_program,
    module_of,
    native_code,
    program_names,
    split_spec,
)
from runtime.simulation import Simulation
from tests.runtime.policies import compiled, events, simulate

TEXT = """policy mine;
param share: u64 = 20 in 1..=50;
param signed: i64 = -5 in -10..=10;
list queue;
state result: u64;
hook folio_added(f) { result = share; queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REXT_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    Path("mine.rx").write_text(TEXT)


def message(spec: str) -> str:
    with pytest.raises(ProgramError) as caught:
        load_program(spec)
    return str(caught.value)


@pytest.mark.parametrize(
    ("spec", "parts"),
    [
        ("fifo", ("fifo", [])),
        ("builtin:lru", ("builtin:lru", [])),
        ("s3fifo:small_percent=20", ("s3fifo", ["small_percent=20"])),
        ("a/b:c/p.rx:x=1,y=2", ("a/b:c/p.rx", ["x=1", "y=2"])),
        ("builtin:lru:x=1", ("builtin:lru", ["x=1"])),
        ("a:b", ("a:b", [])),
    ],
)
def test_specs(spec: str, parts: tuple[str, list[str]]) -> None:
    assert split_spec(spec) == parts


@pytest.mark.parametrize("name", program_names())
def test_every_shipped_program_loads(name: str) -> None:
    program = load_program(name)
    assert program.name == program.spec == name
    assert {c.hook for c in program.costs} >= {"folio_added", "evict_folios"}
    assert find_program(name).parent.name == "programs"


def test_a_builtin_loads_without_costs() -> None:
    program = load_program("builtin:lru")
    assert (program.name, program.costs, program.params) == ("builtin:lru", (), {})


def test_params_reach_the_policy() -> None:
    for spec, expected in (("mine.rx", 20), ("mine.rx:share=50", 50), ("mine.rx:signed=-10,share=0x1f", 31)):
        program = load_program(spec)
        simulation = Simulation(program.attachment, Machine(4), NativeExecutor(native_code([program], Variant())))
        simulation.run(events(range(31)), 0, 31)
        assert simulation.regions["policy"].view("<i8")[0] == expected


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ("share=0", "mine:share: 0 is out of range 1..=50"),
        ("share=51", "mine:share: 51 is out of range 1..=50"),
        ("signed=-11", "mine:signed: -11 is out of range -10..=10"),
        ("shaer=3", "mine has no param `shaer` (did you mean `share`?)"),
        ("zzz=3", "mine has no param `zzz` (it has: share, signed)"),
        ("share=x", "mine:share: `x` is not a whole number"),
        ("share=1.5", "mine:share: `1.5` is not a whole number"),
        ("share=", "mine:share sets nothing (write `share=value`)"),
        ("share=1,share=2", "mine:share is set twice"),
    ],
)
def test_bad_params(settings: str, told: str) -> None:
    assert message(f"mine.rx:{settings}") == told


def test_params_of_what_has_none() -> None:
    assert message("fifo:share=3") == "fifo has no param `share` (it has none)"
    assert message("builtin:lru:share=3") == "builtin:lru has no param `share` (it has none)"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("fifi", "unknown policy `fifi` (did you mean `fifo`?)"),
        ("s3fif", "unknown policy `s3fif` (did you mean `s3fifo`?)"),
        ("builtin:lur", "unknown policy `builtin:lur` (did you mean `builtin:lru`?)"),
        ("qqqq", f"unknown policy `qqqq` (known: {', '.join([*BUILTINS, OPT, *program_names()])})"),
        ("gone.rx", "gone.rx: no such file"),
        ("./fifo", "./fifo: no such file"),
    ],
)
def test_what_is_not_there(spec: str, told: str) -> None:
    assert message(spec) == told


def test_what_is_no_policy() -> None:
    Path("folder.rx").mkdir()
    assert message("folder.rx") == "folder.rx: is a directory, not a policy"
    Path("binary.rx").write_bytes(b"\x7fELF\x00\xff")
    assert message("binary.rx").startswith("binary.rx:")
    Path("huge.rx").write_bytes(b"/" * ((16 << 20) + 1))
    assert message("huge.rx") == "huge.rx: larger than 16,777,216 bytes, not a policy"
    Path("empty.rx").write_text("")
    with pytest.raises((ProgramError, Rejected)):
        load_program("empty.rx")


def test_a_rejection_says_why() -> None:
    Path("bad.rx").write_text(TEXT.replace("queue.push_tail(f);", ""))
    with pytest.raises(Rejected) as caught:
        load_program("bad.rx")
    assert [d.code for d in caught.value.diagnostics] == ["folio-leak"]
    assert caught.value.source.name == "bad.rx"


# --- objects ----------------------------------------------------------------------------------------------


def test_an_object_is_the_policy_again() -> None:
    policy = compiled(TEXT)
    Path("mine.rxo").write_bytes(encode(policy))
    loaded = load_program("mine.rxo:share=7")
    assert loaded.params == {"share": 7}
    assert isinstance(loaded.policy, ir.Policy)
    trace, machine = events([*range(60), *range(50)]), Machine(20)
    assert simulate(loaded.policy, trace, machine).digest() == simulate(policy, trace, machine).digest()
    assert load_program("mine.rxo").costs == load_program("mine.rx").costs


def test_an_object_is_verified_however_it_came() -> None:
    sound = compiled(TEXT)
    (added,) = (h for h in sound.hooks if h.hook == "folio_added")
    leaking = ir.Function(added.hook, added.params, added.result, added.registers, (), added.span)
    hooks = tuple(leaking if h is added else h for h in sound.hooks)
    Path("bad.rxo").write_bytes(encode(dataclasses.replace(sound, hooks=hooks)))
    for _ in range(2):
        with pytest.raises(Rejected) as caught:
            load_program("bad.rxo")
        assert [d.code for d in caught.value.diagnostics] == ["folio-leak"]


def test_a_damaged_or_foreign_object_is_refused() -> None:
    whole = encode(compiled(TEXT))
    for name, data in (
        ("cut", whole[: len(whole) // 2]),
        ("empty", b""),
        ("text", TEXT.encode()),
        ("foreign", whole.replace(abi.ABI_HASH.encode(), b"0" * len(abi.ABI_HASH))),
    ):
        Path(f"{name}.rxo").write_bytes(data)
        assert f"{name}.rxo" in message(f"{name}.rxo")


def test_code_is_made_once_for_each_model() -> None:
    program = load_program("fifo")
    assert native_code([program], Variant(True)) is native_code([program], Variant(True))
    assert native_code([program], Variant(True)) is not native_code([program], Variant())
    assert module_of([program.policy], Variant(True)).settings["IDEAL"]
    assert not module_of([program.policy], Variant()).settings["IDEAL"]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("opt:x=3", "opt has no params: `x=3`"),
        (
            "s3fifo:small_percent",
            "s3fifo:small_percent: `small_percent` sets nothing (write `s3fifo:small_percent=value`)",
        ),
        ("clock:a=1:b=2", "clock:a=1:b=2: settings have commas between them (write `clock:a=1,b=2`)"),
        ("sieves", "unknown policy `sieves` (did you mean `sieve`?)"),
    ],
)
def test_specs_that_name_no_program(spec: str, told: str) -> None:
    with pytest.raises(ProgramError) as caught:
        load_program(spec)
    assert str(caught.value) == told


def test_a_param_of_a_built_in_policy_may_have_few_values() -> None:
    assert load_program("builtin:mglru:version=612").params == {"version": 612}
    with pytest.raises(ProgramError, match="builtin:mglru:version: 613 is none of 0, 601, 612, 618"):
        load_program("builtin:mglru:version=613")
