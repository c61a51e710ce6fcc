"""An event loop in virtual time: its clock jumps to the next timer, so that the real dispatchers run in no time."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Iterator

import pytest

from fairtrial.systems.services.load.pace import Pace, Plain
from fairtrial.systems.services.target import RequestFailed


class Jump(selectors.SelectSelector):
    """Waits for nothing: it moves the clock by what it should have waited. A turn of the loop takes a nanosecond."""

    now_ns = 1_000_000_000

    def select(self, timeout=None):
        """Move on; without a timer nothing would ever happen again."""
        if timeout is None:
            raise RuntimeError("nothing left to wait for")
        self.now_ns += max(1, math.ceil(timeout * 1e9 - 1e-3))
        return []


class Virtual(asyncio.SelectorEventLoop):
    """The loop."""

    def __init__(self) -> None:
        self.jump = Jump()
        super().__init__(self.jump)
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self.jump.now_ns * 1e-9

    def clock(self) -> int:
        return self.jump.now_ns

    def pace(self) -> Pace:
        """Make a pace that wakes on the dot (inside the loop only)."""
        return Pace(self.clock, lambda call: Plain(self.clock, call, 0), 0)


@pytest.fixture
def virtual() -> Iterator[Virtual]:
    """A fresh loop at second 1."""
    loop = Virtual()
    yield loop
    loop.close()


class Service:
    """One server that takes one request at a time, in order; `pauses` (begin, end in seconds) it spends idle."""

    def __init__(
        self,
        loop: Virtual,
        service_s: Callable[[], float],
        *,
        servers: float = 1,
        pauses: Callable[[float], float] = float,
    ) -> None:
        self.loop, self.service_s, self.servers, self.pauses = loop, service_s, servers, pauses
        self.free_s = 0.0
        self.calls = self.connects = 0
        self.sessions: list[Caller] = []

    def session(self, number: int = 0) -> Caller:
        self.sessions.append(Caller(self))
        return self.sessions[-1]

    def ends(self) -> float:
        """Return when a request that comes now is answered."""
        now_s = self.loop.time()
        if self.servers == math.inf:
            return now_s + self.service_s()
        self.free_s = self.pauses(self.pauses(max(now_s, self.free_s)) + self.service_s())
        return self.free_s


class Caller:
    """A connection to it. `script` holds what the next calls do instead: an exception, a reply, or None for ever."""

    def __init__(self, server: Service) -> None:
        self.server = server
        self.script: list[object] = []
        self.refusals = 0
        self.connect_s = 0.0

    async def connect(self) -> None:
        await asyncio.sleep(self.connect_s)
        if self.refusals:
            self.refusals -= 1
            raise ConnectionRefusedError(111, "refused")
        self.server.connects += 1

    async def close(self) -> None:
        pass

    async def call(self, prepared):
        self.server.calls += 1
        what = self.script.pop(0) if self.script else "serve"
        if what is None:
            await self.server.loop.create_future()
        await asyncio.sleep(self.server.ends() - self.server.loop.time())
        if isinstance(what, (RequestFailed, OSError, KeyError)):
            raise what
        return None if what == "serve" else what


@pytest.fixture
def service(virtual) -> Callable[..., Service]:
    """Make a service on the virtual loop."""
    return lambda service_s=lambda: 0.002, **more: Service(virtual, service_s, **more)
