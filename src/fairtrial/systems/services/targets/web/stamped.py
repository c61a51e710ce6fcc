"""When bytes came to a connection of aiohttp: taken where they are read, before whoever waits for them is woken."""

from __future__ import annotations

import asyncio
import time

from aiohttp.client_proto import ResponseHandler


class Stamp:
    """First and last bytes since a request was sent, as nanoseconds of `time.perf_counter_ns`; 0: none yet."""

    __slots__ = ("first_ns", "last_ns")

    def __init__(self) -> None:
        self.first_ns = self.last_ns = 0


class Stamped(ResponseHandler):
    """A protocol of aiohttp that notes when it is given bytes."""

    def __init__(self, stamp: Stamp, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._stamp = stamp

    def data_received(self, data: bytes) -> None:
        """Note the time, then read on."""
        stamp = self._stamp
        stamp.last_ns = time.perf_counter_ns()
        if not stamp.first_ns:
            stamp.first_ns = stamp.last_ns
        super().data_received(data)
