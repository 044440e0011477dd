"""How `rext` ends: the exit statuses, and which errors lead to which.

In: an exception. Out: the exit status it means, and the one line that says what is wrong. Errors of the user's input
are known by name, so that a command which needs no traces does not import what reads them.
"""

from __future__ import annotations

from collections.abc import Iterable

SUCCESS = 0
REJECTED = 1
"""A policy was rejected, or ejected because it made no progress, or memory ran out, or a test failed."""
BAD_INPUT = 2
DEFECT = 3
INTERRUPTED = 130
"""Stopped by Ctrl-C, as shells have it; what there was so far has been printed."""

BAD_INPUT_ERRORS = (
    "dsl.compile.SourceError",
    "dsl.object_reader.PolicyObjectError",
    "runtime.map_sizes.AttachError",
    "runtime.memory_size.MemorySizeError",
    "runtime.program.ProgramError",
    "runtime.run_settings.SettingsError",
    "runtime.scenario.file.ScenarioError",
    "runtime.traces.errors.TraceError",
)
"""The classes of error that mean bad input; so do those derived from them."""


REJECTION = "runtime.program.Rejected"
"""A policy that was to run and is rejected."""


FAILURES = frozenset(("ejected", "oom"))
"""Statuses of rows that the built-in LRU had to bring to their end, or that ended early (`runtime/row.py`)."""


def of_comparison(interrupted: bool, statuses: Iterable[str]) -> int:
    """The exit status of a comparison whose rows have these statuses."""
    if interrupted:
        return INTERRUPTED
    return SUCCESS if FAILURES.isdisjoint(statuses) else REJECTED


class UsageError(Exception):
    """Arguments that cannot be used: the message names the argument and what would do."""


def is_bad_input(error: BaseException) -> bool:
    """Whether the user's input is at fault, and not this program."""
    return isinstance(error, UsageError) or is_named(error, *BAD_INPUT_ERRORS)


def is_named(error: BaseException, *names: str) -> bool:
    """Whether the error is of one of the classes, or derived from one, given by their qualified names."""
    return any(f"{kind.__module__}.{kind.__qualname__}" in names for kind in type(error).__mro__)
