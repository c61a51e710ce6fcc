"""Redis over one connection of redis-py: commands packed beforehand, and what is done around the load."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from redis import exceptions
from redis.asyncio.connection import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from fairtrial.errors import ServiceFailed
from fairtrial.systems.services.target import Reply, RequestFailed

BATCH = 500
"""Keys that are written, counted or removed at once, at most."""
MOST_BYTES = 2**24
"""Bytes of values that are held or sent at once, at most."""


class Command(NamedTuple):
    """A command as it goes over the wire."""

    packed: bytes
    value_bytes: int
    """The size of the value that must come back; 0: an OK."""


class Space(Protocol):
    """The key space of a trial."""

    prefix: str
    keys: int
    value_bytes: int


def packed(*words: bytes) -> bytes:
    """Write a command in RESP: an array of bulk strings."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


def values(space: Space, rng: np.random.Generator) -> list[bytes]:
    """Make a few values (at most 16 MiB of them) that do not compress."""
    count = max(1, min(64, MOST_BYTES // space.value_bytes))
    return [rng.bytes(space.value_bytes) for _ in range(count)]


class Line:
    """The connection of one virtual user."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connection: Any = None

    async def connect(self) -> None:
        """Connect, log in, choose the database. Raises RequestFailed."""
        await self.close()
        connection = opened(self._address)
        try:
            await connection.connect()
        except (exceptions.RedisError, OSError) as problem:
            await dropped(connection)
            raise failed(problem) from problem
        self._connection = connection

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await dropped(connection)

    async def call(self, command: Command) -> Reply:
        """Send one command and read its answer. Raises RequestFailed, also for a key that is not there."""
        if self._connection is None:
            raise RequestFailed("refused", "not connected")
        try:
            await self._connection.send_packed_command(command.packed)
            said = await self._connection.read_response(disable_decoding=True)
        except (exceptions.RedisError, OSError) as problem:
            raise failed(problem) from problem
        if command.value_bytes == 0:
            return Reply()
        if said is None:
            raise RequestFailed("redis_missing", "the key is not there")
        if len(said) != command.value_bytes:
            raise RequestFailed("redis_value", f"a value of {len(said)} bytes, not of {command.value_bytes}")
        return Reply(bytes_in=len(said))


class Link:
    """What is done around the load, over a connection of its own. Every failure is a ServiceFailed."""

    def __init__(self, address: str) -> None:
        self._connection = opened(address)

    @property
    def parser(self) -> str:
        """What reads answers: hiredis, or redis-py's own Python."""
        return "hiredis" if "hiredis" in type(self._connection._parser).__name__.lower() else "python"

    async def __aenter__(self) -> Self:
        with _reported():
            await self._connection.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await dropped(self._connection)

    async def info(self) -> dict[str, str]:
        """Return INFO: name -> text."""
        (said,) = await self._all([packed(b"INFO")])
        pairs = (line.partition(":") for line in said.decode(errors="replace").splitlines() if ":" in line)
        return {name: value for name, _, value in pairs}

    async def fill(self, space: Space, seed: int) -> None:
        """Write every key; count that all are there."""
        stock = values(space, np.random.default_rng(seed))
        held = 0
        for names in _batches(space, size=max(1, min(BATCH, MOST_BYTES // space.value_bytes))):
            await self._all([packed(b"SET", name, stock[place % len(stock)]) for place, name in enumerate(names)])
            held += (await self._all([packed(b"EXISTS", *names)]))[0]
        if held != space.keys:
            raise ServiceFailed(
                f"redis holds {held} of {space.keys} keys after they were written", hint="see maxmemory"
            )

    async def remove(self, space: Space) -> None:
        """Remove every key."""
        for names in _batches(space):
            await self._all([packed(b"UNLINK", *names)])

    async def _all(self, commands: Iterable[bytes]) -> list[Any]:
        """Send commands in one go and read their answers."""
        sent = list(commands)
        with _reported():
            await self._connection.send_packed_command(b"".join(sent))
            return [await self._connection.read_response(disable_decoding=True) for _ in sent]


def opened(address: str) -> Any:
    """Make a connection of redis-py (not connected yet) that never retries, and waits as long as its caller does."""
    pool = ConnectionPool.from_url(
        address, socket_timeout=None, socket_connect_timeout=10, retry=Retry(NoBackoff(), 0), protocol=2
    )
    return pool.make_connection()  # type: ignore[no-untyped-call]


async def dropped(connection: Any) -> None:
    """Disconnect; never raises."""
    with contextlib.suppress(exceptions.RedisError, OSError):
        await connection.disconnect(nowait=True)


@contextlib.contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (exceptions.RedisError, OSError) as problem:
        kind = failed(problem).kind
        raise ServiceFailed(f"redis failed: {kind}: {problem}") from problem


def _batches(space: Space, *, size: int = BATCH) -> Iterator[list[bytes]]:
    names = (f"{space.prefix}:{number}".encode() for number in range(space.keys))
    while batch := list(islice(names, size)):
        yield batch


def failed(problem: BaseException) -> RequestFailed:
    """Name the class of a failure: of the connection, or the code that the server answers with."""
    if isinstance(problem, exceptions.TimeoutError | TimeoutError):
        return RequestFailed("timeout", str(problem))
    if isinstance(problem, exceptions.AuthenticationError | exceptions.AuthorizationError):
        return RequestFailed("redis_auth", str(problem))
    if isinstance(problem, exceptions.ConnectionError | OSError):
        refused = isinstance(problem.__cause__ or problem.__context__ or problem, ConnectionRefusedError)
        return RequestFailed("refused" if refused else "reset", str(problem))
    if isinstance(problem, exceptions.ResponseError):
        code = str(problem).partition(" ")[0]
        named = code if code.isupper() else type(problem).__name__.removesuffix("Error")
        return RequestFailed(f"redis_{named.lower()}", str(problem), lost=False)
    return RequestFailed("protocol", str(problem))
