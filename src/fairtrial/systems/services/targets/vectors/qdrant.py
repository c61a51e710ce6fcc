"""Qdrant, attached to through its own asynchronous client, whose cost is part of what is timed."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from fairtrial.errors import ServiceFailed
from fairtrial.model.secret import Secret
from fairtrial.systems.services.target import Endpoint, Request, Session
from fairtrial.systems.services.targets.parts import address, need, place, reach, site
from fairtrial.systems.services.targets.vectors.words import Vectors

if TYPE_CHECKING:
    from fairtrial.systems.services.targets.vectors.asking import Asking
    from fairtrial.systems.services.targets.vectors.points import Store

PORT = 6333
SCHEMES = ("http", "https")


class Qdrant(Vectors):
    """Parameters of the target `qdrant`."""

    kind: Literal["qdrant"] = Field(default="qdrant", description="Qdrant, through qdrant-client.")
    url: str = Field(default=f"http://127.0.0.1:{PORT}", description=f"http://HOST:{PORT} of a running server.")
    api_key: Secret | None = Field(default=None, description="Its API key, where it wants one.")
    m: int | None = Field(default=None, ge=0, description="Edges of a node of the index; 0: no index.")
    ef_construct: int | None = Field(default=None, ge=4, description="Candidates looked at when a vector is indexed.")
    ef_search: int | None = Field(default=None, ge=1, description="Candidates looked at by a query: recall for time.")
    indexing_threshold: int | None = Field(
        default=None, ge=0, description="Kilobytes of vectors from which a segment is indexed; below it is scanned."
    )
    keep: bool = Field(default=False, description="Leave the loaded vectors there, for the next trial.")
    index_timeout_s: float = Field(default=300.0, gt=0, description="Time until all loaded vectors must be indexed.")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        return address(url, schemes=SCHEMES, port=PORT)


class QdrantTarget:
    """The adapter of Qdrant."""

    kind: ClassVar[str] = "qdrant"
    measures = frozenset({"recall_mean"})

    def __init__(self, parameters: Qdrant) -> None:
        self._words = parameters
        self.operations = parameters.operations

    def server(self) -> None:
        """Attach: none is started."""

    def require(self) -> None:
        """Check the extra, and that something listens there. Raises MissingPart, ServiceFailed."""
        need("qdrant_client", extra="qdrant", whom="target qdrant")
        _, host, port = place(self._words.url, schemes=SCHEMES, port=PORT)
        reach(host, port, what="qdrant")

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say how it is reached."""
        return {"url": site(self._words.url, schemes=SCHEMES, port=PORT)}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Bring the collection into its starting state: empty for ingest, filled anew for mix, else filled once.

        Raises ServiceFailed.
        """
        words = self._words
        async with self._store() as store:
            kept = words.reads and await store.count() == words.vectors
            if not kept:
                await store.create(words)
            if not kept and words.operation != "ingest":
                await store.fill(self._asking.data)
            return {"collection": store.name, "client": "qdrant-client", **await store.settled(words.index_timeout_s)}

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Return how many vectors the collection holds; {} where it is gone."""
        try:
            async with self._store() as store:
                held = await store.count()
        except ServiceFailed:
            return {}
        return {} if held is None else {"vectors": float(held)}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say that the collection changed while it was only to be read."""
        return self._words.changed(before, after)

    async def tidy(self, endpoint: Endpoint) -> None:
        """Remove the collection, unless it is to be kept for the next trial."""
        if self._words.keep and self._words.reads:
            return
        with contextlib.suppress(ServiceFailed):
            async with self._store() as store:
                await store.drop()

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make the connection of one virtual user."""
        from fairtrial.systems.services.targets.vectors.points import Caller

        return Caller(self._client, stored(self._words))

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Return the endless requests of one virtual user; queries and their truth are made here, once a seed."""
        return self._asking.requests(client, seed)

    @cached_property
    def _asking(self) -> Asking:
        from fairtrial.systems.services.targets.vectors import points
        from fairtrial.systems.services.targets.vectors.asking import Asking

        words = self._words
        filtered = words.operation == "filtered"
        ask = partial(points.ask, k=words.top_k, filtered=filtered, ef_search=words.ef_search)
        return Asking(words, ask=ask, add=points.add)

    def _store(self) -> Store:
        from fairtrial.systems.services.targets.vectors.points import Store

        return Store(self._client(), stored(self._words))

    def _client(self) -> Any:
        """Make a client of one connection; it does nothing yet."""
        from qdrant_client import AsyncQdrantClient

        words = self._words
        scheme, host, port = place(words.url, schemes=SCHEMES, port=PORT)
        return AsyncQdrantClient(
            host=host,
            port=port,
            https=scheme == "https",
            api_key=None if words.api_key is None else words.api_key.reveal(),
            timeout=3600,  # the generator's own is the one that counts
            check_compatibility=False,  # it would ask the server, in a thread
            pool_size=1,
        )


def stored(words: Qdrant) -> str:
    """Name the collection after what it holds, so that one with this name can be used again."""
    data = {"vectors", "dimension", "clusters", "spread", "data_seed", "space", "filter_share"}
    told = words.model_dump_json(include=data | {"m", "ef_construct", "indexing_threshold"})
    return f"fairtrial-{hashlib.sha256(told.encode()).hexdigest()[:12]}" + ("" if words.reads else "-written")
