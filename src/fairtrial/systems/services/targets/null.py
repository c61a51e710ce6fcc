"""Target `null`: an answer from inside the generator, at once or after a pause; it measures the harness."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from fairtrial.systems.services.load.words import Seconds, Share, Words
from fairtrial.systems.services.target import Endpoint, Reply, Request, RequestFailed, Session


class Null(Words):
    """No service at all."""

    kind: Literal["null"] = Field(default="null", description="An answer from inside the generator.")
    delay_s: Seconds = Field(default=0.0, description="How long an answer takes; 0: the next turn of the event loop.")
    error_rate: Share = Field(default=0.0, description="Share of the requests that fail, as class null_error.")


class NullTarget:
    """Answers without a server."""

    kind: ClassVar[str] = "null"
    operations = ("call",)
    measures: frozenset[str] = frozenset()
    elastic = True

    def __init__(self, parameters: Null) -> None:
        self._parameters = parameters

    def server(self) -> None:
        """Return None: there is nothing to start."""

    def require(self) -> None:
        """Need nothing."""

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Return no address."""
        return {}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Prepare nothing."""
        return {}

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Count nothing."""
        return {}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Doubt nothing."""
        return ""

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make a connection to nothing."""
        return NullSession(self._parameters.delay_s)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Yield whether each request fails."""
        share, rng = self._parameters.error_rate, random.Random(f"null {seed} {client}")  # noqa: S311
        while True:
            yield 0, share > 0 and rng.random() < share


class NullSession:
    """A connection to nothing."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s

    async def connect(self) -> None:
        """Do nothing."""

    async def call(self, fails: bool) -> Reply | None:
        """Answer after the delay. Raises RequestFailed where the request is one of those that fail."""
        await asyncio.sleep(self._delay_s)
        if fails:
            raise RequestFailed("null_error")
        return None

    async def close(self) -> None:
        """Do nothing."""
