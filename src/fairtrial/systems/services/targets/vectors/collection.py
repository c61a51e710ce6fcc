"""A ChromaDB collection over its v2 REST interface: the requests that are timed, and their connection."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiohttp
import numpy as np

from fairtrial.systems.services.target import Reply, RequestFailed

JSON = {"Content-Type": "application/json"}


class Prepared(NamedTuple):
    """A request as it goes over the wire, and what its answer should hold."""

    verb: str
    """`query` or `add`."""
    body: bytes
    truth: frozenset[str] | None = None
    """The ids of the exact neighbours; None where they are not known."""


def question(vector: np.ndarray, *, k: int, where: Mapping[str, Any] | None = None) -> bytes:
    """Write a query: the components with as many digits as a float32 has, ids and nothing else in the answer."""
    rest = {"n_results": k, "include": [], **({"where": where} if where else {})}
    return b'{"query_embeddings":[[' + ",".join(map(str, vector)).encode() + b"]]," + json.dumps(rest).encode()[1:]


def addition(ids: Sequence[str], vectors: np.ndarray, metadatas: Sequence[Mapping[str, Any]] | None = None) -> bytes:
    """Write a batch of new vectors, in base64 as the official client does."""
    width = vectors.shape[1] * 4
    packed = memoryview(np.ascontiguousarray(vectors, "<f4").tobytes())
    rows = [b64encode(packed[start : start + width]) for start in range(0, len(packed), width)]
    tail = b',"metadatas":' + json.dumps(metadatas).encode() + b"}" if metadatas else b"}"
    return b'{"ids":' + json.dumps(ids).encode() + b',"embeddings":["' + b'","'.join(rows) + b'"]' + tail


def ask(
    vector: np.ndarray, truth: frozenset[int] | None, *, k: int, where: Mapping[str, Any] | None = None
) -> Prepared:
    """Prepare a query; `truth` are the numbers of its exact neighbours."""
    return Prepared("query", question(vector, k=k, where=where), None if truth is None else frozenset(map(str, truth)))


def add(client: int, numbers: range, vectors: np.ndarray) -> Prepared:
    """Prepare a batch of new vectors, with ids that no other client uses."""
    return Prepared("add", addition([f"{client}-{number}" for number in numbers], vectors))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a collection is."""

    url: str
    tenant: str
    database: str
    name: str

    @property
    def collections(self) -> str:
        """The address below which the collections are."""
        return f"{self.url}/api/v2/tenants/{self.tenant}/databases/{self.database}/collections"


class Rest:
    """One connection of a virtual user: raw HTTP, bodies made before, answers read after the clock was stopped."""

    def __init__(self, place: Place, known: str = "") -> None:
        """`known` is the collection's id, where it is known already."""
        self._place, self._id = place, known
        self._http: aiohttp.ClientSession | None = None
        self._paths: dict[str, str] = {}

    async def connect(self) -> None:
        """Open the connection: by asking for the collection's id, or whether the server lives. Raises RequestFailed."""
        await self.close()
        self._http = connection(1)
        try:
            if self._id:
                await answer(self._http, "GET", f"{self._place.url}/api/v2/heartbeat")
            else:
                self._id = (await answer(self._http, "GET", f"{self._place.collections}/{self._place.name}"))["id"]
        except BaseException:
            await self.close()
            raise
        root = f"{self._place.collections}/{self._id}"
        self._paths = {verb: f"{root}/{verb}" for verb in ("query", "add")}

    async def close(self) -> None:
        """Disconnect."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def call(self, prepared: Prepared) -> Reply:
        """Send one request and read the whole answer. Raises RequestFailed."""
        if self._http is None:
            raise RequestFailed("refused", "not connected")
        try:
            async with self._http.post(self._paths[prepared.verb], data=prepared.body) as response:
                first_ns = time.perf_counter_ns()
                raw = await response.read()
        except (aiohttp.ClientError, ConnectionError) as problem:
            raise failed(problem) from problem
        if response.status >= 300:
            raise RequestFailed(f"http_{response.status}", raw[:300].decode(errors="replace"))
        return Reply(first_ns=first_ns, bytes_in=len(raw), raw=raw)

    def settle(self, prepared: Prepared, reply: Reply) -> None:
        """Read the ids of an answer, and what share of the true neighbours they are."""
        raw, reply.raw = reply.raw, None
        if prepared.verb != "query":
            return
        try:
            found = json.loads(raw or b"")["ids"][0]
        except (ValueError, KeyError, IndexError, TypeError) as problem:
            raise RequestFailed("protocol", f"not the answer of a query: {problem}") from problem
        if prepared.truth:
            reply.recall = len(prepared.truth.intersection(found)) / len(prepared.truth)


def connection(limit: int) -> aiohttp.ClientSession:
    """Open a session of at most so many connections; they stay open, and no time-out is theirs."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, keepalive_timeout=3600),
        headers=JSON,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=30),
        cookie_jar=aiohttp.DummyCookieJar(),
    )


def failed(problem: BaseException) -> RequestFailed:
    """Name the class of what went wrong below HTTP."""
    if isinstance(problem, TimeoutError):
        return RequestFailed("timeout", str(problem))
    if isinstance(problem, aiohttp.ClientConnectorError):
        refused = isinstance(problem.os_error, ConnectionRefusedError)
        return RequestFailed("refused" if refused else "unreachable", str(problem))
    if isinstance(problem, aiohttp.ServerDisconnectedError | aiohttp.ClientPayloadError | OSError):
        return RequestFailed("reset", str(problem))
    return RequestFailed("protocol", str(problem))


async def answer(http: aiohttp.ClientSession, method: str, address: str, body: bytes | None = None) -> Any:
    """Ask what is not timed, and parse the answer. Raises RequestFailed."""
    try:
        async with http.request(method, address, data=body) as response:
            raw = await response.read()
    except (aiohttp.ClientError, ConnectionError) as problem:
        raise failed(problem) from problem
    if response.status >= 300:
        raise RequestFailed(f"http_{response.status}", raw[:300].decode(errors="replace"))
    try:
        return json.loads(raw)
    except ValueError as problem:
        raise RequestFailed("protocol", f"not JSON: {raw[:80]!r}") from problem
