"""ChromaDB through its own asynchronous client: its cost is part of what is timed, which is why it is offered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.vectors.collection import Place


class Wanted(NamedTuple):
    """The arguments of one call of the client, and the ids that a query should bring."""

    verb: str
    arguments: dict[str, Any]
    truth: frozenset[str] | None = None


def ask(vector: np.ndarray, truth: frozenset[int] | None, *, k: int, where: Mapping[str, Any] | None = None) -> Wanted:
    """Prepare a query."""
    arguments = {"query_embeddings": [vector], "n_results": k, "where": where, "include": []}
    return Wanted("query", arguments, None if truth is None else frozenset(map(str, truth)))


def add(client: int, numbers: range, vectors: np.ndarray) -> Wanted:
    """Prepare a batch of new vectors, with ids that no other client uses."""
    return Wanted("add", {"ids": [f"{client}-{number}" for number in numbers], "embeddings": list(vectors)})


class Official:
    """One client of a virtual user. Those of a process share one pool of connections, as the library has it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._collection: Any = None
        self._found: list[str] = []

    async def connect(self) -> None:
        """Make the client and look the collection up. Raises RequestFailed."""
        import chromadb
        from chromadb.config import Settings

        parts = urlsplit(self._place.url)
        try:
            client = await chromadb.AsyncHttpClient(
                host=parts.hostname or "",
                port=parts.port or 8000,
                ssl=parts.scheme == "https",
                settings=Settings(anonymized_telemetry=False),
                tenant=self._place.tenant,
                database=self._place.database,
            )
            self._collection = await client.get_collection(self._place.name, embedding_function=None)
        except Exception as problem:  # the library raises bare exceptions, also for what a server answered
            raise failed(problem) from problem

    async def close(self) -> None:
        """Let go of the client; the pool of connections is not its own, and ends with the process."""
        self._collection = None

    async def call(self, wanted: Wanted) -> Reply:
        """Make one call. Raises RequestFailed."""
        if self._collection is None:
            raise RequestFailed("refused", "not connected")
        try:
            found = await getattr(self._collection, wanted.verb)(**wanted.arguments)
        except Exception as problem:  # as above
            raise failed(problem) from problem
        self._found = found["ids"][0] if found else []
        return Reply()

    def settle(self, wanted: Wanted, reply: Reply) -> None:
        """Say what share of the true neighbours came."""
        if wanted.truth:
            reply.recall = len(wanted.truth.intersection(self._found)) / len(wanted.truth)


def failed(problem: BaseException) -> RequestFailed:
    """Name the class of a failure: of what the library raised, or of what that came from."""
    import httpx
    from chromadb.errors import ChromaError

    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ChromaError):
            return RequestFailed(f"http_{cause.code()}", str(problem))
        if isinstance(cause, httpx.HTTPStatusError):
            return RequestFailed(f"http_{cause.response.status_code}", str(problem))
        if isinstance(cause, httpx.TimeoutException):
            return RequestFailed("timeout", str(problem))
        if isinstance(cause, httpx.TransportError):
            refused = isinstance(cause, httpx.ConnectError)
            return RequestFailed("refused" if refused else "reset", str(problem))
        cause = cause.__cause__ or cause.__context__
    return RequestFailed("protocol", str(problem))
