"""Policies with expectations as tests of pytest.

In: `pytest --rext PATH…`, or `rext = true` in pytest's configuration. Out: every `.rx` file below the paths is
collected, and each policy in it is a test that fails if a rejection written beside a line does not come, or another
one does (`runtime/expect.py`). The fixture `rext_test` does the same from a test's own code, wherever the file lies.

An installed `reclaim-ext` registers this module with pytest; until it is asked for, it does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from runtime.expect import ChunkResult


def pytest_addoption(parser: pytest.Parser) -> None:
    help = "collect .rx files: each policy in them must be accepted, or rejected as the comments on its lines say"
    parser.getgroup("rext").addoption("--rext", action="store_true", default=False, help=help)
    parser.addini("rext", help, type="bool", default=False)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    wanted = parent.config.getoption("--rext") or parent.config.getini("rext")
    if not wanted or file_path.suffix != ".rx":
        return None
    file: pytest.Collector = PolicyFile.from_parent(parent, path=file_path)
    return file


@pytest.fixture(scope="session")
def rext_test() -> Callable[[str | Path], list[ChunkResult]]:
    """`rext_test(path)` fails the test unless every policy in the file gets the verdict written beside it; it returns
    the results."""
    from runtime.expect import check_file

    def check(path: str | Path) -> list[ChunkResult]:
        results = check_file(path)
        problems = _text([result for result in results if not result.passed])
        if problems:
            pytest.fail(problems, pytrace=False)
        return results

    return check


class PolicyFile(pytest.File):
    """A file of policies."""

    def collect(self) -> Iterator[PolicyItem]:
        from dsl.compile import SourceError, read_source
        from runtime.expect import chunks, policy_name

        try:
            source = read_source(self.path)
        except SourceError as error:
            raise self.CollectError(str(error)) from None
        for line, text in chunks(source.text):
            yield PolicyItem.from_parent(self, name=f"{policy_name(text) or 'policy'}:{line}", line=line, text=text)


class PolicyItem(pytest.Item):
    """One policy of a file, which begins at `line`."""

    def __init__(self, *, line: int, text: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.line = line
        self.text = text

    def runtest(self) -> None:
        from runtime.expect import check_chunk

        result = check_chunk(self._file(), self.line, self.text)
        if not result.passed:
            raise _MismatchError(_text([result]))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, _MismatchError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, self.name

    def _file(self) -> str:
        """The path as one would type it."""
        here = self.config.invocation_params.dir
        return str(self.path.relative_to(here) if self.path.is_relative_to(here) else self.path)


class _MismatchError(Exception):
    """A verdict is not what the policy's comments say."""


def _text(results: Sequence[ChunkResult]) -> str:
    return "\n".join(f"{r.file}:{mismatch.line}: {mismatch.message}" for r in results for mismatch in r.mismatches)
