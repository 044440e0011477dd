"""A process that does one engine's work.

In: functions of this package with their arguments, one at a time, over a pipe. Out: what they return. The process
lives through the whole benchmark, so that an engine is measured warm and alone: each has its own memory and its own
imports.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import ParamSpec, Protocol, TypeVar

from benchmarks.errors import BenchmarkError

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Caller(Protocol):
    """Runs a function somewhere: `Worker` in its process."""

    def call(
        self, function: Callable[Arguments, Answer], *args: Arguments.args, **named: Arguments.kwargs
    ) -> Answer: ...


class Worker:
    """The process of one engine; a context manager that ends it."""

    def __init__(self, title: str) -> None:
        self._title = title
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), name=title, daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.join()

    def call(self, function: Callable[Arguments, Answer], *args: Arguments.args, **named: Arguments.kwargs) -> Answer:
        """What `function`, of the top level of a module, returns there. `BenchmarkError` if it fails."""
        try:
            self._pipe.send((function, args, named))
            failure, answer = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            code = self._process.exitcode
            raise BenchmarkError(f"the process of {self._title} ended with exit status {code}") from None
        if failure is not None:
            raise BenchmarkError(f"{self._title}: {failure}")
        result: Answer = answer
        return result


def _serve(pipe: Connection) -> None:
    """Answer until the other end is closed."""
    while True:
        try:
            function, args, named = pipe.recv()
        except (EOFError, KeyboardInterrupt):
            return
        try:
            answer = (None, function(*args, **named))
        except Exception as error:
            pipe.send((f"{type(error).__name__}: {error}", None))
        else:
            pipe.send(answer)
