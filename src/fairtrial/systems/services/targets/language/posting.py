"""One connection to a language model over HTTP: requests are posted, answers read chunk by chunk."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.language.sse import Stream

PROBE_S = 5.0
"""Seconds in which a server that is attached to must answer a question about itself."""

FIRST_S = 120.0
"""Seconds in which the first request must be answered: a server may load the model for it."""

CLOSING_S = 0.1
"""Seconds in which a server closes a connection that it does not keep."""


class Posting:
    """A virtual user's connection: it posts prepared bodies to one route.

    `stream` makes the reader of a streamed answer; without one `whole` reads the answer in one piece.
    Without `keep_alive` each request has a connection of its own, which is opened while it is timed.
    """

    def __init__(
        self,
        url: str,
        *,
        probe: str,
        headers: Mapping[str, str] | None = None,
        keep_alive: bool = True,
        stream: Callable[[], Stream] | None = None,
        whole: Callable[[bytes], Reply],
    ) -> None:
        self._url, self._probe, self._headers, self._keep_alive = url, probe, dict(headers or {}), keep_alive
        self._stream, self._whole = stream, whole
        self._session: Any = None
        self._library: Any = None

    async def connect(self) -> None:
        """Open the connection, which a question about the server does. Raises RequestFailed: refused, reset."""
        import aiohttp

        self._library = aiohttp
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=1, force_close=not self._keep_alive),
                timeout=aiohttp.ClientTimeout(total=None),  # the load's own limit holds for the whole request
                headers={"Content-Type": "application/json", **self._headers},
            )
        try:
            async with self._session.get(self._probe) as answer:
                await answer.read()
        except (aiohttp.ClientError, OSError) as problem:
            raise self._fault(problem) from problem

    async def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            await self._session.close()

    async def call(self, prepared: bytes) -> Reply:
        """Post one body and read the answer to its end. Raises RequestFailed: refused, reset, http_NNN, protocol."""
        try:
            async with self._session.post(self._url, data=prepared) as answer:
                if answer.status != 200:
                    text = await answer.text(errors="replace")
                    raise RequestFailed(f"http_{answer.status}", " ".join(text.split())[:300])
                if self._stream is not None:
                    return await self._follow(answer.content, self._stream())
                return self._whole(await answer.read())
        except (self._library.ClientError, OSError) as problem:
            raise self._fault(problem) from problem

    async def _follow(self, content: Any, stream: Stream) -> Reply:
        now = time.perf_counter_ns
        while data := await content.readany():
            stream.feed(data, now())
        return stream.finish(now())

    async def keeps(self, prepared: bytes) -> bool:
        """Say whether the server keeps a connection: whether a question after an answer needs no new one.

        Some announce it and close nevertheless; what is sent meanwhile is lost. Raises ServiceFailed.
        """
        import aiohttp

        opened: list[Any] = []

        async def note(*words: Any) -> None:
            opened.append(words)

        trace = aiohttp.TraceConfig()
        trace.on_connection_create_end.append(note)
        connector, limit = aiohttp.TCPConnector(limit=1), aiohttp.ClientTimeout(total=FIRST_S)
        try:
            async with aiohttp.ClientSession(
                connector=connector, timeout=limit, headers=self._headers, trace_configs=[trace]
            ) as asking:
                async with asking.post(self._url, data=prepared) as answer:
                    await answer.read()
                await asyncio.sleep(CLOSING_S)
                async with asking.get(self._probe) as answer:
                    await answer.read()
        except (aiohttp.ClientError, OSError) as problem:
            said = str(problem) or type(problem).__name__
            raise ServiceFailed(f"a first request to {self._url} failed: {said}") from problem
        return len(opened) == 1

    def _fault(self, problem: Exception) -> RequestFailed:
        """Say the class of what the library or the system raised."""
        library = self._library
        if isinstance(problem, library.ClientConnectorError | ConnectionRefusedError):
            return RequestFailed("refused", str(problem))
        lost = (library.ClientPayloadError, library.ServerDisconnectedError, library.ClientOSError, OSError)
        return RequestFailed("reset" if isinstance(problem, lost) else "protocol", str(problem))


async def fetch(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body of a GET. Raises aiohttp's errors, OSError, TimeoutError."""
    import aiohttp

    limit = aiohttp.ClientTimeout(total=PROBE_S)
    async with aiohttp.ClientSession(timeout=limit, headers=dict(headers or {})) as session, session.get(url) as answer:
        return answer.status, await answer.read()


def ask(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Return status and body of a GET, outside of any event loop. Raises ServiceFailed where nothing answers."""
    split = urlsplit(url)
    make = http.client.HTTPSConnection if split.scheme == "https" else http.client.HTTPConnection
    connection = make(split.hostname or "", split.port, timeout=PROBE_S)
    try:
        connection.request(
            "GET", (split.path or "/") + (f"?{split.query}" if split.query else ""), headers=headers or {}
        )
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as problem:
        raise ServiceFailed(
            f"no answer from {url}: {problem}", hint="is it running, and is the url right?"
        ) from problem
    finally:
        connection.close()
