"""Qdrant's points through qdrant-client: the requests that are timed, and what is done before."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol, Self

import httpx
import numpy as np
from qdrant_client import models
from qdrant_client.http.exceptions import ApiException, ResponseHandlingException, UnexpectedResponse

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.vectors.neighbours import Data

BATCH = 500
"""Vectors in one request while they are loaded."""
DISTANCES = {"l2": models.Distance.EUCLID, "cosine": models.Distance.COSINE, "ip": models.Distance.DOT}


class Wanted(NamedTuple):
    """The arguments of one call of the client, and the ids that a query should bring."""

    verb: str
    """`query_points` or `upsert`."""
    arguments: dict[str, Any]
    truth: frozenset[int] | None = None


class Wish(Protocol):
    """What a collection is made of."""

    dimension: int
    space: Any
    m: int | None
    ef_construct: int | None
    indexing_threshold: int | None


def ask(vector: np.ndarray, truth: frozenset[int] | None, *, k: int, filtered: bool, ef_search: int | None) -> Wanted:
    """Prepare a query."""
    match = models.FieldCondition(key="chosen", match=models.MatchValue(value=1))
    arguments = {
        "query": vector.tolist(),
        "limit": k,
        "query_filter": models.Filter(must=[match]) if filtered else None,
        "search_params": None if ef_search is None else models.SearchParams(hnsw_ef=ef_search),
        "with_payload": False,
    }
    return Wanted("query_points", arguments, truth)


def add(client: int, numbers: range, vectors: np.ndarray) -> Wanted:
    """Prepare a batch of new vectors, with ids that no other client uses."""
    ids: list[Any] = [((client + 1) << 32) + number for number in numbers]
    return Wanted("upsert", {"points": models.Batch(ids=ids, vectors=vectors.tolist()), "wait": True})


class Caller:
    """One client of a virtual user, with its connection."""

    def __init__(self, make: Callable[[], Any], name: str) -> None:
        self._make, self._name = make, name
        self._client: Any = None
        self._found: list[Any] = []

    async def connect(self) -> None:
        """Make the client and let it ask once, which opens its connection. Raises RequestFailed."""
        await self.close()
        self._client = self._make()
        with _classed():
            await self._client.collection_exists(self._name)

    async def close(self) -> None:
        """Close the client."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(ApiException, httpx.HTTPError, OSError):
                await client.close()

    async def call(self, wanted: Wanted) -> Reply:
        """Make one call. Raises RequestFailed."""
        if self._client is None:
            raise RequestFailed("refused", "not connected")
        with _classed():
            said = await getattr(self._client, wanted.verb)(self._name, **wanted.arguments)
        self._found = said.points if wanted.verb == "query_points" else []
        return Reply()

    def settle(self, wanted: Wanted, reply: Reply) -> None:
        """Say what share of the true neighbours came."""
        if wanted.truth:
            reply.recall = len(wanted.truth.intersection(point.id for point in self._found)) / len(wanted.truth)


class Store:
    """What is done with a collection around the load. Every failure is a ServiceFailed."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self.name = client, name

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(ApiException, httpx.HTTPError, OSError):
            await self._client.close()

    async def count(self) -> int | None:
        """Return how many vectors it holds; None where there is none."""
        with _reported():
            if not await self._client.collection_exists(self.name):
                return None
            return int((await self._client.count(self.name, exact=True)).count)

    async def drop(self) -> None:
        """Remove it, if there is one."""
        with _reported():
            if await self._client.collection_exists(self.name):
                await self._client.delete_collection(self.name)

    async def create(self, wish: Wish) -> None:
        """Make it anew, in place of one of its name."""
        await self.drop()
        hnsw = {name: getattr(wish, name) for name in ("m", "ef_construct") if getattr(wish, name) is not None}
        threshold = wish.indexing_threshold
        with _reported():
            await self._client.create_collection(
                self.name,
                vectors_config=models.VectorParams(size=wish.dimension, distance=DISTANCES[wish.space]),
                hnsw_config=models.HnswConfigDiff(**hnsw) if hnsw else None,
                optimizers_config=None
                if threshold is None
                else models.OptimizersConfigDiff(indexing_threshold=threshold),
            )

    async def fill(self, data: Data) -> None:
        """Load all vectors, with their mark for the filter, and count them."""
        wanted = len(data.base)
        for start in range(0, wanted, BATCH):
            rows = slice(start, min(start + BATCH, wanted))
            marks = [{"chosen": int(mark)} for mark in data.chosen[rows].tolist()]
            ids: list[Any] = list(range(start, rows.stop))
            batch = models.Batch(ids=ids, vectors=data.base[rows].tolist(), payloads=marks)
            with _reported():
                await self._client.upsert(self.name, points=batch, wait=True)
        if (held := await self.count()) != wanted:
            raise ServiceFailed(f"qdrant holds {held} vectors of {wanted} after they were loaded")

    async def settled(self, timeout_s: float) -> dict[str, Any]:
        """Wait until no optimisation is under way; return what the server says of the collection."""
        deadline = time.monotonic() + timeout_s
        while True:
            with _reported():
                said = await self._client.get_collection(self.name)
            if said.status == models.CollectionStatus.GREEN:
                return {
                    "vectors": said.points_count,
                    "indexed": said.indexed_vectors_count,
                    "configuration": said.config.model_dump(mode="json"),
                }
            if time.monotonic() > deadline:
                raise ServiceFailed(f"qdrant is not done indexing after {timeout_s:g} s: its status is {said.status}")
            await asyncio.sleep(0.2)


@contextlib.contextmanager
def _classed() -> Iterator[None]:
    try:
        yield
    except (ApiException, httpx.HTTPError, OSError, ValueError) as problem:
        raise failed(problem) from problem


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (ApiException, httpx.HTTPError, OSError, ValueError) as problem:
        found = failed(problem)
        raise ServiceFailed(f"qdrant failed: {found.kind}: {found}") from problem


def failed(problem: BaseException) -> RequestFailed:
    """Name the class of a failure that qdrant-client raised."""
    if isinstance(problem, UnexpectedResponse):
        return RequestFailed(f"http_{problem.status_code}", str(problem).replace("\n", " "))
    source = problem.source if isinstance(problem, ResponseHandlingException) else problem
    if isinstance(source, httpx.TimeoutException | TimeoutError):
        return RequestFailed("timeout", str(source))
    if isinstance(source, httpx.ConnectError | ConnectionRefusedError):
        return RequestFailed("refused", str(source))
    if isinstance(source, httpx.TransportError | OSError):
        return RequestFailed("reset", str(source))
    return RequestFailed("protocol", str(source))
