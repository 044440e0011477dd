"""The object cache keeps what is ours and believes nothing else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from runtime import cache
from runtime import program as program_module
from runtime.executors import NativeExecutor
from runtime.jit import engine
from runtime.jit.module import Variant
from runtime.machine import Machine
from runtime.program import load_program, native_code
from runtime.simulation import Simulation
from tests.runtime.policies import events

TEXT = """policy cached; list queue; state seen: u64;
hook folio_added(f) { seen += 1; queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
SECTIONS = {"verdict": b"yes", "ideal": bytes(range(256)), "": b""}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("REXT_CACHE", str(folder))
    monkeypatch.setattr(program_module, "_loaded", {})
    return folder


def test_what_was_put_is_found(folder: Path) -> None:
    assert cache.get("key") == {}
    cache.put("key", SECTIONS)
    assert cache.get("key") == SECTIONS
    assert cache.get("other") == {}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "key").stat().st_mode) == 0o600
    cache.put("key", {"verdict": b"no"})
    assert cache.get("key") == {"verdict": b"no"}
    assert [p.name for p in folder.iterdir()] == ["key"], "nothing is left beside the entries"


def test_a_damaged_entry_is_none(folder: Path) -> None:
    cache.put("key", SECTIONS)
    whole = (folder / "key").read_bytes()
    for at in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[at] ^= 1
        (folder / "key").write_bytes(damaged)
        assert cache.get("key") == {}, at
    for length in range(0, len(whole), 11):
        (folder / "key").write_bytes(whole[:length])
        assert cache.get("key") == {}, length
    (folder / "key").write_bytes(whole + b"x")
    assert cache.get("key") == {}


def test_an_entry_that_others_can_reach_is_none(folder: Path) -> None:
    cache.put("key", SECTIONS)
    for mode in (0o620, 0o602, 0o640, 0o604, 0o700 | stat.S_IXOTH):
        (folder / "key").chmod(mode)
        assert cache.get("key") == {}, oct(mode)
    (folder / "key").chmod(0o600)
    assert cache.get("key") == SECTIONS


def test_a_symbolic_link_is_not_followed(folder: Path, tmp_path: Path) -> None:
    cache.put("key", SECTIONS)
    (folder / "key").rename(tmp_path / "elsewhere")
    (folder / "key").symlink_to(tmp_path / "elsewhere")
    assert cache.get("key") == {}
    cache.put("key", SECTIONS)
    assert not (folder / "key").is_symlink()
    assert cache.get("key") == SECTIONS


def test_a_directory_in_the_place_of_an_entry(folder: Path) -> None:
    cache.put("other", SECTIONS)
    (folder / "key").mkdir()
    assert cache.get("key") == {}
    cache.put("key", SECTIONS)
    assert cache.get("key") == {}
    assert not list(folder.glob(".new-*"))


def test_a_pipe_in_the_place_of_an_entry_is_not_waited_for(folder: Path) -> None:
    cache.put("other", SECTIONS)
    os.mkfifo(folder / "key", 0o600)
    assert cache.get("key") == {}


def test_a_folder_that_others_can_reach_is_not_used(folder: Path) -> None:
    cache.put("key", SECTIONS)
    for mode in (0o755, 0o770, 0o701):
        folder.chmod(mode)
        assert cache.directory() is None
        assert cache.get("key") == {}
        cache.put("other", SECTIONS)
        assert not (folder / "other").exists()
    folder.chmod(0o700)
    assert cache.get("key") == SECTIONS


def test_a_folder_that_is_a_link_or_a_file_is_not_used(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "real")
    assert cache.directory() is None
    folder.unlink()
    folder.write_text("")
    assert cache.directory() is None
    cache.put("key", SECTIONS)
    assert cache.get("key") == {}


def test_what_belongs_to_somebody_else_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put("key", SECTIONS)
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    assert cache.directory() is None
    assert cache.get("key") == {}
    monkeypatch.setattr(cache, "directory", lambda: folder)
    assert cache.get("key") == {}, "the entry is looked at by itself, too"


def test_off_keeps_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.put("key", SECTIONS)
    monkeypatch.setenv("REXT_CACHE", "off")
    assert cache.directory() is None
    assert cache.get("key") == {}


def test_the_default_folder_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REXT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache.directory() == tmp_path / "reclaim-ext"


def test_the_key_is_of_content_kind_and_toolchain(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {cache.key_of("source", b"a"), cache.key_of("source", b"b"), cache.key_of("object", b"a")}
    monkeypatch.setattr(cache, "toolchain_hash", lambda: b"another version")
    keys.add(cache.key_of("source", b"a"))
    assert len(keys) == 4
    assert cache.key_of("source", b"a") == cache.key_of("source", b"a")


def test_every_source_that_decides_is_in_the_toolchain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What `runtime.program` imports, from source to code, changes the key when it changes."""
    sample = tmp_path / "dsl" / "x.py"
    sample.parent.mkdir()
    for name in cache.TOOLCHAIN_FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr(cache, "ROOT", tmp_path)
    hashes = set()
    for text in ("a", "b"):
        sample.write_text(text)
        hashes.add(cache.toolchain_hash.__wrapped__())
    (tmp_path / cache.TOOLCHAIN_FILES[0]).write_text("c")
    hashes.add(cache.toolchain_hash.__wrapped__())
    assert len(hashes) == 3


def run(path: Path) -> int:
    """Load and run the policy as a new process would; what it counted."""
    program_module._loaded.clear()
    program = load_program(str(path))
    simulation = Simulation(program.attachment, Machine(4, True), NativeExecutor(native_code([program], Variant(True))))
    simulation.run(events(range(9)))
    return int(simulation.regions["policy"].view("<i8")[0])


def test_a_hit_neither_verifies_nor_compiles(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cached.rx"
    path.write_text(TEXT)
    assert run(path) == 9
    costs = load_program(str(path)).costs

    def never(*_: object) -> None:
        raise AssertionError("the cache should have had it")

    with monkeypatch.context() as patch:
        patch.setattr(program_module, "verify", never)
        patch.setattr(engine, "object_code", never)
        assert run(path) == 9
        assert load_program(str(path)).costs == costs
        path.write_text(TEXT.replace("seen += 1", "seen += 2"))
        with pytest.raises(AssertionError, match="should have had it"):
            run(path)
    assert run(path) == 18


def test_a_rejected_policy_is_not_kept(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.rx"
    path.write_text(TEXT.replace("queue.push_tail(f);", ""))
    for _ in range(2):
        with pytest.raises(program_module.Rejected):
            load_program(str(path))
    assert not folder.exists() or not list(folder.iterdir())


def test_code_that_does_not_load_is_made_anew(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "cached.rx"
    path.write_text(TEXT)
    run(path)
    key = load_program(str(path)).key
    kept = cache.get(key)
    assert {"verdict", "policy", "ideal"} <= set(kept)
    cache.put(key, {**kept, "ideal": b"no object file"})
    assert run(path) == 9
    assert cache.get(key) == kept
