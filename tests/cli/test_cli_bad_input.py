"""Bad input gives one clear line on standard error, status 2, and nothing else."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path

import pytest
from cli_samples import GOOD, Rext

import runtime.comparison
from dsl.compile import Compilation
from dsl.policy_object import encode
from dsl.source import Source
from runtime.cli import status

TRACE = "zipf:pages=200,accesses=20000"
RUN = ("--trace", TRACE, "--memory", "10%")


def one_error(rext: Rext, *arguments: str) -> str:
    outcome = rext(*arguments)
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith("rext: error: ")
    assert outcome.err.count("\n") == 1
    return outcome.err


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("empty.rx", b"", "empty"),
        ("blank.rx", b" \n\n", "empty"),
        ("binary.rx", b"\x7fELF\x02\x01\x00\x00\xff\xfe", "not text"),
        ("latin.rx", b"policy p; // caf\xe9\n", "not text"),
        ("empty.rxo", b"", "not a policy object"),
        ("text.rxo", GOOD.encode(), "not a policy object"),
        ("large.rx", b"//" * 600_000, "larger than"),
    ],
)
def test_a_file_that_is_no_policy(rext: Rext, tmp_path: Path, command: str, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    error = one_error(rext, command, name, *(RUN if command == "run" else ()))
    assert name in error and says in error


def test_a_damaged_policy_object(rext: Rext, policies: Path) -> None:
    rext("build", "good.rx", "-o", "good.rxo")
    whole = (policies / "good.rxo").read_bytes()
    for damaged in (whole[:-9], whole[:100] + bytes([whole[100] ^ 1]) + whole[101:]):
        (policies / "damaged.rxo").write_bytes(damaged)
        assert "damaged.rxo: offset " in one_error(rext, "check", "damaged.rxo")


def test_a_policy_object_for_another_abi(rext: Rext, policies: Path) -> None:
    policy = Compilation(Source("good.rx", GOOD)).policy
    assert policy is not None
    (policies / "old.rxo").write_bytes(encode(replace(policy, abi_hash="0" * 32)))
    assert "abi" in one_error(rext, "check", "old.rxo")


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("fifoo", "did you mean `fifo`?"),
        ("nothing.rx", "nothing.rx: no such file"),
        ("some/where", "some/where: no such file"),
        (".", "directory"),
    ],
)
def test_an_unknown_policy(rext: Rext, command: str, name: str, says: str) -> None:
    assert says in one_error(rext, command, name, *(RUN if command == "run" else ()))


def test_one_bad_file_among_good_ones_is_the_only_thing_said(rext: Rext, policies: Path) -> None:
    (policies / "empty.rx").write_bytes(b"")
    assert "empty.rx" in one_error(rext, "check", "good.rx", "bad.rx", "empty.rx")


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("s3fifo:smal_percent=20", "did you mean `small_percent`?"),
        ("s3fifo:small_percent=99", "99 is out of range 1..=50"),
        ("s3fifo:small_percent=many", "`many` is not a whole number"),
        ("s3fifo:small_percent=5,small_percent=6", "twice"),
        ("fifo:size=1", "no param `size`"),
        ("builtin:lru:size=1", "it has none"),
        ("builtin:lur", "did you mean `builtin:lru`?"),
    ],
)
def test_a_bad_param(rext: Rext, spec: str, says: str) -> None:
    assert says in one_error(rext, "run", spec, *RUN)


@pytest.mark.parametrize(
    ("memory", "says"),
    [
        ("0p", "nothing"),
        ("0%", "nothing"),
        ("0MiB", "nothing"),
        ("100", "write `100p` for pages"),
        ("1KiB", "less than one page"),
        ("64MB", "did you mean `64MiB`?"),
        ("64mib", "did you mean `64MiB`?"),
        ("1.5p", "pages come whole"),
        ("-5p", "not an amount"),
        ("p", "not an amount"),
        ("", "not an amount"),
        ("10%,", "not an amount"),
        ("5 parsecs", "unknown unit `parsecs`"),
        ("99999999999999999999999999999p", "the most is"),
        ("90000GiB", "the most is"),
        ("10%,20%", "`run` takes one size"),
    ],
)
def test_bad_memory(rext: Rext, memory: str, says: str) -> None:
    assert says in one_error(rext, "run", "fifo", "--trace", TRACE, f"--memory={memory}")


def test_more_memory_than_the_machine_has(rext: Rext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime.comparison, "available_memory", lambda: 1 << 20)
    error = one_error(rext, "run", "fifo", "--trace", TRACE, "--memory", "1GiB")
    assert "memory `1GiB` is 262,144 pages" in error
    assert "this machine has 0.0 GiB available" in error
    together = one_error(rext, "compare", "fifo", "clock", "--trace", TRACE, "--memory", "20000p", "--jobs", "2")
    assert "use fewer jobs" in together


def test_maps_too_large_to_attach(rext: Rext, tmp_path: Path) -> None:
    text = GOOD.replace("list queue;", "list queue;\nmap seen: hash<page_key>[nr_pages * 100000000];")
    (tmp_path / "large.rx").write_text(text)
    error = one_error(rext, "run", "large.rx", *RUN)
    assert "`seen`" in error and "large.rx" in error


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--model", "real"), "model real: must be 'kernel' or 'ideal'"),
        (("--swappiness", "201"), "swappiness 201: must be less than or equal to 200"),
        (("--swappiness", "all"), "swappiness all: "),
        (("--watermarks", "1,2"), "watermarks 1,2: "),
        (("--watermarks", "3,2,1"), "must not decrease"),
        (("--watermarks", "1,2,20"), "high must be less than the memory"),
        (("--scan-batch", "0"), "scan-batch 0: "),
        (("--limit", "0"), "limit 0: "),
        (("--costs", "scna=1"), "costs scna=1: there is no cost `scna` (did you mean `scan`?)"),
        (("--costs", "scan"), "costs scan: `scan` sets nothing"),
        (("--samples", "0"), "samples 0: "),
        (("--samples", "2", "--sample-every", "9"), "samples and sample-every: give one of them"),
        (("--memroy", "5%"), "--memroy"),
        (("--format", "xml"), "xml"),
    ],
)
def test_bad_settings(rext: Rext, options: tuple[str, ...], says: str) -> None:
    assert says in one_error(rext, "run", "fifo", *RUN, *options)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("none.txt", b"# no accesses\n", "holds no accesses"),
        ("header.csv", b"time,object,size,next\n", "holds no accesses"),
        ("short.rxt", None, "byte "),
    ],
)
def test_a_bad_trace(rext: Rext, tmp_path: Path, name: str, data: bytes | None, says: str) -> None:
    if data is None:
        rext("trace", "synth", TRACE, "whole.rxt")
        data = (tmp_path / "whole.rxt").read_bytes()[:-100]
    (tmp_path / name).write_bytes(data)
    error = one_error(rext, "run", "fifo", "--trace", name, "--memory", "10p")
    assert name in error and says in error
    one_error(rext, "trace", "info", name)


def test_a_corrupt_trace(rext: Rext, tmp_path: Path) -> None:
    rext("trace", "synth", TRACE, "whole.rxt")
    data = bytearray((tmp_path / "whole.rxt").read_bytes())
    data[len(data) // 2] ^= 0x10
    (tmp_path / "corrupt.rxt").write_bytes(bytes(data))
    assert "corrupt.rxt: byte " in one_error(
        rext, "compare", "fifo", "--trace", TRACE, "corrupt.rxt", "--memory", "10p"
    )


@pytest.mark.parametrize(
    ("trace", "says"),
    [("mem_gc", "did you mean `mem_gcc`?"), ("zipff:pages=5", "did you mean `zipf`?"), ("zipf:page=5", "`pages`")],
)
def test_an_unknown_trace(rext: Rext, trace: str, says: str) -> None:
    assert says in one_error(rext, "run", "fifo", "--trace", trace, "--memory", "10p")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("compar", "fifo"),
        ("check",),
        ("check", "fifo", "--bogus"),
        ("check", "builtin:lru"),
        ("run", "fifo"),
        ("trace",),
        ("test", "nowhere"),
        ("test", "."),
        ("build", "fifo"),
        ("build", "fifo", "--emit", "ir", "-o", "no/where"),
        ("build", "fifo", "--emit", "ir", "--format", "json"),
        ("list", "everything"),
        ("compare", "fifo", *RUN, "--plot", "plot.jpg"),
        ("compare", "fifo", *RUN, "--report", "no/where.html"),
        ("trace", "synth", "mem_gcc", "made.rxt"),
        ("trace", "convert", TRACE, "made.unknown"),
    ],
)
def test_bad_usage(rext: Rext, arguments: tuple[str, ...]) -> None:
    one_error(rext, *arguments)


def test_a_mistyped_command_gets_the_nearest(rext: Rext) -> None:
    assert "did you mean `compare`?" in one_error(rext, "compar", "fifo")


def test_a_rejected_policy_that_was_to_run_is_explained_on_standard_error(rext: Rext, policies: Path) -> None:
    outcome = rext("compare", "fifo", "bad.rx", *RUN)
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err.startswith("error[folio-maybe-null]")


def test_control_characters_do_not_reach_the_terminal(rext: Rext, tmp_path: Path) -> None:
    (tmp_path / "a\033[2Jb.rx").write_bytes(b"")
    assert "\033" not in one_error(rext, "check", "a\033[2Jb.rx")
    assert "\033" not in one_error(rext, "run", "fifo", "--trace", "x\033[2J\nb", "--memory", "1p")


def test_a_defect_is_status_3_and_asks_for_a_report(rext: Rext, monkeypatch: pytest.MonkeyPatch) -> None:
    import runtime.cli.explain

    def broken(_: object) -> int:
        raise RuntimeError("oops")

    monkeypatch.setattr(runtime.cli.explain, "execute", broken)
    outcome = rext("explain")
    assert (outcome.status, outcome.out) == (3, "")
    assert "RuntimeError: oops" in outcome.err and "report" in outcome.err
    assert "Traceback" not in outcome.err
    monkeypatch.setenv("REXT_TRACEBACK", "1")
    assert "Traceback" in rext("explain").err


def test_the_names_of_errors_exist() -> None:
    from importlib import import_module

    for name in (*status.BAD_INPUT_ERRORS, status.REJECTION):
        module, _, kind = name.rpartition(".")
        found = getattr(import_module(module), kind)
        assert issubclass(found, Exception)
        assert found.__module__ == module


@pytest.mark.parametrize("name", [*status.BAD_INPUT_ERRORS, status.REJECTION])
def test_errors_that_are_known_by_name_are_there(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(getattr(importlib.import_module(module), kind), Exception)
