"""Reads ahead in another thread.

In: an iterator, such as a trace's chunks. Out: the same items in the same order, made while the earlier ones are being
used: unpacking and native simulation run at the same time, as both release the interpreter lock. At most `depth` items
wait. What the iterator raises is raised to the one who takes, after the items before it.

`close` (or leaving the `with` block, by an exception or Ctrl-C as well) ends the thread: it waits for the item being
made and no longer. The iterator is used, and if it can be closed closed, in that thread alone.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetch(Generic[Item]):
    """The items of an iterator, read ahead; an iterator and a context manager."""

    def __init__(self, items: Iterable[Item], depth: int = 4) -> None:
        self._items = items
        self._depth = max(1, depth)
        self._ready: deque[Item] = deque()
        self._failure: BaseException | None = None
        self._finished = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="trace prefetch", daemon=True)
        self._thread.start()

    def __enter__(self) -> Prefetch[Item]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Item]:
        return self

    def __next__(self) -> Item:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._finished or self._closed)
            if self._ready and not self._closed:
                item = self._ready.popleft()
                self._changed.notify_all()
                return item
            failure, self._failure = self._failure, None
        if failure is not None and not self._closed:
            raise failure
        raise StopIteration

    def close(self) -> None:
        """End the thread; what is waiting is dropped. Closing twice does nothing."""
        with self._changed:
            self._closed = True
            self._ready.clear()
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            iterator = iter(self._items)
            try:
                while self._has_room():
                    item = next(iterator)
                    with self._changed:
                        self._ready.append(item)
                        self._changed.notify_all()
            except StopIteration:
                pass
            finally:
                close: Callable[[], None] | None = getattr(iterator, "close", None)
                if close is not None:
                    close()
        except BaseException as failure:  # handed on, whatever it is: the other thread waits for it
            self._failure = failure
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        """Wait for room; False if nothing more is wanted."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._ready) < self._depth)
            return not self._closed
