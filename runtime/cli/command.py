"""What the commands beside `rext` share, such as `python -m benchmarks`: how they end, and numbers among their options.

Guaranteed: an error that the command knows is one line on stderr and the status 2, an interruption the status 130.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable


def positive(text: str) -> int:
    """The type of an option that counts something."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"`{text}` is not a whole number from 1")
    return int(text)


def status_of(name: str, work: Callable[[], None], *errors: type[Exception]) -> int:
    """Do the work of the command `name`; its exit status."""
    try:
        work()
    except errors as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted", file=sys.stderr)
        return 130
    return 0
