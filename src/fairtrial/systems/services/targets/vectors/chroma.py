"""ChromaDB, started here or attached to: ingest, nearest neighbours, filtered ones, and their recall."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from fairtrial.errors import ServiceFailed, UserError
from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.target import Endpoint, Request, Session
from fairtrial.systems.services.targets.parts import need, place, reach, site
from fairtrial.systems.services.targets.vectors.words import Vectors

if TYPE_CHECKING:
    from fairtrial.systems.services.targets.vectors.asking import Asking
    from fairtrial.systems.services.targets.vectors.collection import Place

PORT = 8000


class Hnsw(Words):
    """Settings of the index; what is not set is the server's default, and is recorded."""

    ef_construction: int | None = Field(
        default=None, ge=1, description="Candidates looked at when a vector is indexed."
    )
    ef_search: int | None = Field(default=None, ge=1, description="Candidates looked at by a query: recall for time.")
    max_neighbors: int | None = Field(default=None, ge=2, description="Edges of a node (M).")
    sync_threshold: int | None = Field(default=None, ge=2, description="Writes after which the index goes to disk.")
    resize_factor: float | None = Field(default=None, gt=1, description="By how much the index grows when it is full.")


class Chroma(Vectors):
    """Parameters of the target `chroma`."""

    kind: Literal["chroma"] = Field(default="chroma", description="ChromaDB over its v2 REST interface.")
    server: Literal["embedded", "attach"] = Field(
        default="embedded", description="embedded: `chroma run` of the wheel, started here; attach: the one at `url`."
    )
    url: str | None = Field(default=None, description=f"Attach: http://HOST:{PORT}.")
    port: int = Field(default=0, ge=0, le=65_535, description="Embedded: the port to listen on; 0: a free one.")
    tenant: str = Field(default="default_tenant", min_length=1, description="Tenant of the collection.")
    database: str = Field(default="default_database", min_length=1, description="Database of the collection.")
    client: Literal["rest", "official"] = Field(
        default="rest",
        description="rest: raw HTTP; official: chromadb's own client, whose cost is then in the times.",
    )
    hnsw: Hnsw = Field(default=Hnsw(), description="Settings of the index.")
    keep: bool = Field(default=False, description="Attach: leave the loaded vectors there, for the next trial.")
    start_timeout_s: float = Field(default=60.0, gt=0, description="Embedded: time until the server must answer.")
    index_timeout_s: float = Field(default=300.0, gt=0, description="Time until all loaded vectors must be indexed.")

    @field_validator("url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        if url is not None:
            try:
                place(url, schemes=("http", "https"), port=PORT)
            except UserError as problem:
                raise ValueError(str(problem)) from None
        return url

    @model_validator(mode="after")
    def _whole(self) -> Chroma:
        if self.server == "attach" and self.url is None:
            raise ValueError(f"server: attach needs url: http://HOST:{PORT}")
        if self.server == "embedded" and self.url is not None:
            raise ValueError("url is of a server to attach to: write server: attach")
        return self


class ChromaTarget:
    """The adapter of ChromaDB."""

    kind: ClassVar[str] = "chroma"
    measures = frozenset({"recall_mean"})

    def __init__(self, parameters: Chroma) -> None:
        self._words = parameters
        self.operations = parameters.operations
        self.elastic = parameters.client == "rest"

    def server(self) -> tuple[str, Mapping[str, Any]] | None:
        """Name the resource that starts it; None: attach."""
        words = self._words
        return (
            None if words.server == "attach" else ("chroma", {"port": words.port, "timeout_s": words.start_timeout_s})
        )

    def require(self) -> None:
        """Check the extras and, where it is attached to, that it answers. Raises MissingPart, ServiceFailed."""
        need("aiohttp", extra="chroma", whom="target chroma")
        if self._words.client == "official":
            need("chromadb", extra="chroma", whom="target chroma with client: official")
        if self._words.url is not None:
            _, host, port = place(self._words.url, schemes=("http", "https"), port=PORT)
            reach(host, port, what="chroma")

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say how it is reached."""
        if handle is not None:
            return dict(handle)
        return {"url": site(self._words.url or "", schemes=("http", "https"), port=PORT)}

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Bring the collection into its starting state: empty for ingest, filled anew for mix, else filled once.

        A collection for queries is used again where the server holds one of the same data, settings and number of
        vectors. Raises ServiceFailed.
        """
        from fairtrial.systems.services.targets.vectors.loading import loader

        words, began = self._words, time.perf_counter()
        async with loader(self._place(endpoint)) as loading:
            kept = words.reads and await loading.find() and await loading.count() == words.vectors
            if not kept:
                await loading.create({"space": words.space, **words.hnsw.model_dump(exclude_none=True)})
            filled = not kept and words.operation != "ingest"
            if filled:
                await loading.fill(self._asking.data)
            full = words.operation != "ingest"
            indexed = await loading.indexed(self._asking.data, timeout_s=words.index_timeout_s) if full else "empty"
            return {
                "collection": loading.place.name,
                "collection_id": loading.id,
                "configuration": loading.configuration,
                "version": endpoint.get("version") or f"interface {await loading.version()}",
                "client": words.client,
                "vectors": await loading.count(),
                "loaded": "now" if filled else "before" if full else "nothing",
                "indexed": indexed,
                "prepare_s": time.perf_counter() - began,
            }

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Return how many vectors the collection holds: the server counts nothing else. {} where it is gone."""
        from fairtrial.systems.services.targets.vectors.loading import loader

        try:
            async with loader(self._place(endpoint)) as loading:
                return {"vectors": float(await loading.count())} if await loading.find() else {}
        except ServiceFailed:
            return {}

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say that the collection changed while it was only to be read."""
        return self._words.changed(before, after)

    async def tidy(self, endpoint: Endpoint) -> None:
        """Remove the collection from a server that is not ours, unless it is to be kept for the next trial."""
        from fairtrial.systems.services.targets.vectors.loading import loader

        if self._words.server == "embedded" or (self._words.keep and self._words.reads):
            return
        try:
            async with loader(self._place(endpoint)) as loading:
                await loading.drop()
        except ServiceFailed:
            return

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make the connection of one virtual user."""
        if self._words.client == "official":
            from fairtrial.systems.services.targets.vectors.official import Official

            return Official(self._place(endpoint))
        from fairtrial.systems.services.targets.vectors.collection import Rest

        return Rest(self._place(endpoint), endpoint.get("prepared", {}).get("collection_id", ""))

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Return the endless requests of one virtual user; queries and their truth are made here, once a seed."""
        return self._asking.requests(client, seed)

    @cached_property
    def _asking(self) -> Asking:
        from fairtrial.systems.services.targets.vectors.asking import Asking

        wire: Any
        if self._words.client == "official":
            from fairtrial.systems.services.targets.vectors import official

            wire = official
        else:
            from fairtrial.systems.services.targets.vectors import collection

            wire = collection
        filtered = {"chosen": 1} if self._words.operation == "filtered" else None
        return Asking(self._words, ask=partial(wire.ask, k=self._words.top_k, where=filtered), add=wire.add)

    def _place(self, endpoint: Endpoint) -> Place:
        from fairtrial.systems.services.targets.vectors.collection import Place

        return Place(endpoint["url"], self._words.tenant, self._words.database, stored(self._words))


def stored(words: Chroma) -> str:
    """Name the collection after what it holds, so that one with this name can be used again."""
    parts = {"vectors", "dimension", "clusters", "spread", "data_seed", "space", "hnsw", "filter_share"}
    told = words.model_dump_json(include=parts)
    return f"fairtrial-{hashlib.sha256(told.encode()).hexdigest()[:12]}" + ("" if words.reads else "-written")
