"""HTTP and HTTPS through aiohttp: one connection, opened before it is timed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.web.raw import Asked

AUTOMATIC = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")
"""Headers that aiohttp adds of itself: the request is what the user wrote, whichever way it is sent."""


class Library:
    """A session of aiohttp with one connection of its own."""

    def __init__(self, url: str, *, method: str, headers: Mapping[str, str], expected: range) -> None:
        self._url, self._method, self._headers, self._expected = url, method, headers, expected
        self._session: Any = None

    async def connect(self) -> None:
        """Connect, TLS included, without sending a request. Raises RequestFailed, OSError."""
        import aiohttp
        from yarl import URL

        from fairtrial.systems.services.targets.web.stamped import Stamp, Stamped

        await self.close()
        loop, self._stamp = asyncio.get_running_loop(), Stamp()
        connector: Any = aiohttp.TCPConnector(limit=1)
        connector._factory = partial(Stamped, self._stamp, loop)
        self._library = aiohttp
        self._session = aiohttp.ClientSession(
            self._url,
            connector=connector,
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None),  # the load's own limit holds
            auto_decompress=False,
            skip_auto_headers=AUTOMATIC,
        )
        self._session._retry_connection = False  # it would send a GET again when a kept connection breaks: two for one
        opening = aiohttp.ClientRequest(self._method, URL(self._url), loop=loop)
        try:
            connection = await connector.connect(opening, [], aiohttp.ClientTimeout())
        except (aiohttp.ClientError, OSError) as problem:
            raise self._failed(problem) from problem
        connection.release()

    async def call(self, asked: Asked) -> Reply:
        """Send a request and read the answer. Raises RequestFailed: http_503, refused, reset, protocol."""
        stamp = self._stamp
        stamp.first_ns = 0
        sending = self._session.request(self._method, asked.path, data=asked.body or None, allow_redirects=False)
        try:
            async with sending as answer:
                body = await answer.read()
        except (self._library.ClientError, OSError) as problem:
            raise self._failed(problem) from problem
        if answer.status not in self._expected:
            raise RequestFailed(f"http_{answer.status}")
        return Reply(stamp.first_ns, len(body), done_ns=stamp.last_ns)

    async def close(self) -> None:
        """Disconnect."""
        if self._session is not None:
            await self._session.close()

    def _failed(self, problem: Exception) -> RequestFailed | OSError:
        """Say the class of what the library or the system raised."""
        library = self._library
        if isinstance(problem, library.ClientConnectorDNSError):
            return RequestFailed("unresolved", str(problem), lost=True)
        if isinstance(problem, library.ClientSSLError):
            return RequestFailed("tls", str(problem), lost=True)
        if isinstance(problem, library.ClientConnectorError):
            return OSError(problem.errno, problem.strerror)  # of the right class, by its number
        if isinstance(problem, library.ClientPayloadError | library.ServerDisconnectedError | OSError):
            return RequestFailed("reset", str(problem))
        return RequestFailed("protocol", str(problem))
