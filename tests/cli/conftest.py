"""`rext` as tests use it: in this process, with a cache of its own, in an empty directory."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_samples import BAD, GOOD, Outcome, Rext

from runtime.cli.main import main


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def rext(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache: Path) -> Rext:
    """Run `rext` with some arguments."""
    cache.chmod(0o700)
    monkeypatch.setenv("REXT_CACHE", str(cache))
    monkeypatch.delenv("REXT_TRACEBACK", raising=False)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Outcome:
        status = main(arguments)
        captured = capsys.readouterr()
        return Outcome(status, captured.out, captured.err)

    return run


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A directory with `good.rx` and `bad.rx`."""
    (tmp_path / "good.rx").write_text(GOOD)
    (tmp_path / "bad.rx").write_text(BAD)
    return tmp_path
