"""Progress and interruption, for the commands that take a while.

Out: `ProgressBar`, a listener that draws on a terminal and is silent elsewhere; and `Interruption`, which turns the
first Ctrl-C into a wish to stop and the second into the end of the process.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from runtime.cli.output import printable_line
from runtime.cli.status import INTERRUPTED
from runtime.comparison import Listener


class ProgressBar(Listener):
    """One bar: first for each trace that is read, then for all accesses of all cells."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        if sys.stderr.isatty():
            self._bar = _bar()

    def __enter__(self) -> ProgressBar:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def loading(self, trace: str, accesses: int, total: int | None) -> None:
        if self._bar is not None:
            self._show(f"reading {trace}", total)
            self._bar.update(self._task, completed=accesses)

    def planned(self, accesses: int) -> None:
        if self._bar is not None:
            self._show("starting", accesses)

    def progress(self, cell: str, accesses: int) -> None:
        if self._bar is not None:
            self._bar.update(self._task, advance=accesses, description=_markup_free(cell))

    def _show(self, description: str, total: int | None) -> None:
        """A bar of this name, in place of the one before."""
        shown = _markup_free(description)
        if self._task is not None:
            if self._bar.tasks[0].description == shown:
                return
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(shown, total=total)


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _markup_free(text: str) -> str:
    from rich.markup import escape

    return escape(printable_line(text))


class Interruption:
    """While this context lasts, Ctrl-C sets `cancelled`; a second Ctrl-C ends the process at once."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()
        self._before: Any = None

    def __enter__(self) -> threading.Event:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._pressed)
        return self.cancelled

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _pressed(self, _number: int, _frame: FrameType | None) -> None:
        if self.cancelled.is_set():
            os._exit(INTERRUPTED)
        self.cancelled.set()
