"""`rext` as tests use it: in this process, with a cache of its own, in an empty directory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runtime.cli.main import main

GOOD = """\
policy mine;
param rounds: u64 = 2 in 1..=8;
list queue;
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { scan f in queue limit ctx.nr_to_scan { ctx.evict(f); } }
"""
BAD = """\
policy bad;
list queue;
hook folio_added(f) { queue.push_tail(f); }
hook evict_folios(ctx) { let f = queue.head; ctx.evict(f); }
"""


@dataclass(frozen=True)
class Outcome:
    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Rext = Callable[..., Outcome]


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache", numbered=True)


@pytest.fixture
def rext(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path
) -> Iterator[Rext]:
    """Run `rext` with some arguments."""
    cache.chmod(0o700)
    monkeypatch.setenv("REXT_CACHE", str(cache))
    monkeypatch.delenv("REXT_TRACEBACK", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        status = main(arguments)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    yield run


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A directory with `good.rx` and `bad.rx`."""
    (tmp_path / "good.rx").write_text(GOOD)
    (tmp_path / "bad.rx").write_text(BAD)
    return tmp_path
