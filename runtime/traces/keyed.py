"""Events by key to chunks by page.

In: the keys, flags, tenants and times of a run of events, as the readers of foreign formats find them. Out: the
chunk they make, with pages numbered in the order of first access. A free of a page never accessed is dropped.
"""

from __future__ import annotations

import numpy as np

from runtime.traces.dense import DenseMapper, TooManyPages
from runtime.traces.model import FREE, OBJECT_FLAGS, Chunk, Flags, Numbers, Tenants
from runtime.traces.unpack import ByteStream


class KeyedEvents:
    """Numbers the pages of one pass over a trace."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._mapper = DenseMapper()

    def chunk(
        self,
        keys: Numbers,
        flags: Flags | None = None,
        clock: Numbers | None = None,
        tenant: Tenants | None = None,
    ) -> Chunk:
        """The chunk of these events; `clock` has one time for each of them, free events included."""
        if flags is None:
            flags = np.full(len(keys), OBJECT_FLAGS, np.uint8)
        try:
            kept, page, new = self._mapper.map_events(keys, flags)
        except TooManyPages:
            raise self._stream.error(self._stream.position, "more than 4 billion distinct pages") from None
        times = None if clock is None else clock[(flags & FREE) == 0]
        tenants = None if tenant is None else np.where(flags & FREE, np.uint16(0), tenant)[kept]
        return Chunk(page, flags[kept], self._mapper.nr_pages, tenants, new, times)
