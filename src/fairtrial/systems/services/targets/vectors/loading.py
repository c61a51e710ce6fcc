"""How a ChromaDB collection gets into the state in which a repetition starts: made, filled, counted, indexed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.target import RequestFailed
from fairtrial.systems.services.targets.vectors.collection import (
    Place,
    Prepared,
    Rest,
    addition,
    answer,
    connection,
    question,
)
from fairtrial.systems.services.targets.vectors.neighbours import Data

BATCH = 1000
"""Vectors in one request while they are loaded; fewer where the server takes fewer."""
PROBES = 20
"""Queries that make a single node take every write into its index."""


@dataclass(slots=True)
class Loader:
    """What brings a collection into the state in which a repetition starts."""

    http: aiohttp.ClientSession
    place: Place
    id: str = ""
    configuration: dict[str, Any] = field(default_factory=dict)

    async def find(self) -> bool:
        """Look the collection up; say whether there is one."""
        try:
            known = await answer(self.http, "GET", f"{self.place.collections}/{self.place.name}")
        except RequestFailed as problem:
            if problem.kind == "http_404":
                return False
            raise
        self.id, self.configuration = known["id"], known.get("configuration_json") or {}
        return True

    async def create(self, hnsw: Mapping[str, Any]) -> None:
        """Make it anew, in place of one of its name; check that the server took every setting. Raises ServiceFailed."""
        await self.drop()
        wish = {"name": self.place.name, "get_or_create": False, "configuration": {"hnsw": dict(hnsw)}}
        await answer(self.http, "POST", self.place.collections, json.dumps(wish).encode())
        await self.find()
        taken = self.configuration.get("hnsw") or {}
        for setting, value in hnsw.items():
            if taken.get(setting) != value:
                raise ServiceFailed(f"chroma did not take {setting}: asked for {value}, it has {taken.get(setting)}")

    async def drop(self) -> None:
        """Remove it, if there is one."""
        if await self.find():
            await answer(self.http, "DELETE", f"{self.place.collections}/{self.place.name}")

    async def add(self, body: bytes) -> None:
        """Add a batch."""
        await answer(self.http, "POST", f"{self.place.collections}/{self.id}/add", body)

    async def count(self) -> int:
        """Return how many vectors it holds."""
        return int(await answer(self.http, "GET", f"{self.place.collections}/{self.id}/count"))

    async def unindexed(self) -> int | None:
        """Return how many writes are not indexed yet; None where the server does not say (a single node)."""
        try:
            status = await answer(self.http, "GET", f"{self.place.collections}/{self.id}/indexing_status")
            return int(status["num_unindexed_ops"])
        except (RequestFailed, KeyError):
            return None

    async def most(self) -> int:
        """Return how many vectors a request may bring. Raises ServiceFailed for a server that takes no base64."""
        says = await answer(self.http, "GET", f"{self.place.url}/api/v2/pre-flight-checks")
        if not says.get("supports_base64_encoding"):
            raise ServiceFailed(
                "this ChromaDB takes no vectors in base64", hint="attach to one of version 1.1 or newer"
            )
        return int(says["max_batch_size"])

    async def version(self) -> str:
        """Return the version of the interface, which is not that of the product."""
        return str(await answer(self.http, "GET", f"{self.place.url}/api/v2/version"))

    async def fill(self, data: Data) -> None:
        """Load all vectors, with their mark for the filter, and count them. Raises ServiceFailed."""
        wanted, size = len(data.base), min(BATCH, await self.most())
        for start in range(0, wanted, size):
            rows = range(start, min(start + size, wanted))
            marks = [{"chosen": int(mark)} for mark in data.chosen[rows.start : rows.stop].tolist()]
            await self.add(addition([str(row) for row in rows], data.base[rows.start : rows.stop], marks))
        if (held := await self.count()) != wanted:
            raise ServiceFailed(f"chroma holds {held} vectors of {wanted} after they were loaded")

    async def indexed(self, data: Data, *, timeout_s: float) -> str:
        """Wait until every write is indexed; say how that is known. Raises ServiceFailed when time runs out.

        A single node does not report it. It answers a query only after it has taken every write into the index, so
        there queries that are not timed do the waiting.
        """
        deadline = time.monotonic() + timeout_s
        while (left := await self.unindexed()) and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        if left:
            raise ServiceFailed(f"chroma has {left} writes not indexed after {timeout_s:g} s")
        if left is not None:
            return "reported by the server"
        async with _probe(self.place, self.id) as probe:
            for row in data.base[:PROBES]:
                await probe.call(Prepared("query", question(row, k=1)))
        return "by queries that were not timed"


@asynccontextmanager
async def loader(place: Place) -> AsyncIterator[Loader]:
    """Open a loader. Raises ServiceFailed for requests that fail, none of which is timed."""
    async with connection(4) as http:
        try:
            yield Loader(http, place)
        except RequestFailed as problem:
            raise ServiceFailed(f"chroma at {place.url} failed: {problem.kind}: {problem}") from problem


@asynccontextmanager
async def _probe(place: Place, known: str) -> AsyncIterator[Rest]:
    probe = Rest(place, known)
    try:
        await probe.connect()
        yield probe
    finally:
        await probe.close()
