"""PostgreSQL, started here or attached to: selects, inserts, updates, transactions, mixes, own SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from fairtrial.errors import FairtrialError, ServiceFailed, UserError
from fairtrial.systems.services.target import Endpoint, Request, RequestFailed, Session
from fairtrial.systems.services.targets.parts import need, reason
from fairtrial.systems.services.targets.postgresql import bank
from fairtrial.systems.services.targets.postgresql import statistics as pgstat
from fairtrial.systems.services.targets.postgresql.backend import (
    Backend,
    disconnect,
    failures,
    one_line,
    open_connection,
)
from fairtrial.systems.services.targets.postgresql.sql import Writes
from fairtrial.systems.services.targets.postgresql.words import SHAPE, Postgres, workload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Postgres", "PostgresTarget"]

CONNECT_S = 10.0
NUMBERS = ("int2", "int4", "int8", "numeric", "float4", "float8", "oid")
"""Types of the parameters of own SQL that a whole number can be sent as."""


class PostgresTarget:
    """The adapter of PostgreSQL."""

    kind: ClassVar[str] = "postgres"
    measures: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, parameters: Postgres) -> None:
        self._parameters, self._workload = parameters, workload(parameters)
        self.operations = tuple(operation.name for operation in self._workload.operations)

    def server(self) -> tuple[str, Mapping[str, Any]] | None:
        """Name the server to start, with its options; None: attach."""
        given = self._parameters
        if given.server == "attach":
            return None
        options = {"settings": dict(given.settings), "binaries": given.binaries, "port": given.port}
        return "postgres", {name: value for name, value in options.items() if value not in (None, {})}

    def require(self) -> None:
        """Check the client library; of an attached server that it answers, and that our schema is not another's."""
        need("asyncpg", extra="services", whom="the target postgres")
        if self._parameters.dsn is not None:
            where(self._parameters.dsn.reveal())
            asyncio.run(self._look())

    async def _look(self) -> None:
        async with self._connected({}) as connection:
            await bank.check(connection)

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say how the server is reached; the DSN of an attached one stays in its secret."""
        return {} if handle is None else dict(handle)

    @asynccontextmanager
    async def _connected(self, endpoint: Endpoint) -> AsyncIterator[Any]:
        """Connect for our own work. Raises ServiceFailed with the address, never with the password."""
        dsn = _dsn(self._parameters, endpoint)
        broken: tuple[type[Exception], ...] = (OSError, *failures())
        try:
            connection = await open_connection(dsn, timeout=CONNECT_S)
        except (OSError, TimeoutError, RequestFailed, ValueError) as problem:
            why = f"PostgreSQL at {where(dsn)} does not answer: {reason(problem)}"
            raise ServiceFailed(why, hint="is it running, and is the DSN right?") from None
        try:
            yield connection
        except broken as problem:
            raise ServiceFailed(f"PostgreSQL at {where(dsn)} failed: {one_line(problem)}") from None
        finally:
            await disconnect(connection)

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Restore our tables, vacuum, prewarm, checkpoint, as declared; return versions, settings in force, sizes.

        Raises UserError for own SQL that the server refuses, and for a schema of our name that is not ours.
        """
        async with self._connected(endpoint) as connection:
            done = await _prepared(connection, self._parameters, self._workload.writes)
            return {**done, **await _facts(connection), "scale": self._parameters.scale}

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Read statistics of database, WAL and checkpointer, and how many backends wait for what."""
        async with self._connected(endpoint) as connection:
            return await pgstat.counters(connection)

    async def gauges(self, endpoint: Endpoint) -> dict[str, float]:
        """Count the backends, and those that wait for a lock, for I/O and so on, at this moment."""
        async with self._connected(endpoint) as connection:
            return await pgstat.waits(connection)

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say that the server was restarted, or its statistics reset, under the load; ''."""
        return pgstat.backwards(before, after)

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make one client's connection (not connected yet)."""
        return Backend(_dsn(self._parameters, endpoint), self._workload)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Yield one client's requests, endlessly; the same for the same seed."""
        return self._workload.requests(client, seed)

    async def tidy(self, endpoint: Endpoint) -> None:
        """Remove our schema from a server that we attached to, unless it is to be kept; never raises."""
        if self._parameters.server == "embedded" or self._parameters.keep:
            return
        with suppress(FairtrialError):
            async with self._connected(endpoint) as connection:
                await bank.drop(connection)


def _dsn(given: Postgres, endpoint: Endpoint) -> str:
    return str(endpoint["dsn"]) if given.dsn is None else given.dsn.reveal()


async def _prepared(connection: Any, given: Postgres, writes: Writes) -> dict[str, Any]:
    """Bring tables, statistics, caches and WAL into the state of every repetition's start; say what was done."""
    done: dict[str, Any] = {}
    tables: tuple[str, ...] = ()
    if given.operation == "seed-mix":
        await bank.stress(connection)
        tables = ("stress_test",)
    elif given.scale:
        done["tables"] = await bank.restore(connection, scale=given.scale, writes=writes)
        tables = bank.BANK
    for text in given.statements:
        await _tried(connection, text)
    if given.vacuum:
        await bank.vacuum(connection, tables)
    if given.prewarm and tables == bank.BANK:
        done["prewarmed"] = await bank.prewarm(connection)
    if given.checkpoint:
        await bank.checkpoint(connection)
    return done


async def _tried(connection: Any, text: str) -> None:
    """Have the server read a statement of own SQL, and see that its parameters are numbers. Raises UserError."""
    import asyncpg

    try:
        statement = await connection.prepare(text)
    except asyncpg.PostgresError as problem:
        raise UserError(f"target.sql: {one_line(problem)}: {text}") from None
    for number, kind in enumerate(statement.get_parameters(), start=1):
        if kind.name not in NUMBERS:
            raise UserError(
                f"target.sql: ${number} is of type {kind.name}, and only whole numbers are drawn",
                hint=f"write ${number}::int",
            )


async def _facts(connection: Any) -> dict[str, Any]:
    return {
        "version": await connection.fetchval("SHOW server_version"),
        "settings": await pgstat.settings(connection),
        "database_bytes": await connection.fetchval("SELECT pg_database_size(current_database())"),
    }


def where(dsn: str) -> str:
    """Return host and port (or the folder of the socket) of a DSN. Raises UserError, which never repeats the DSN."""
    try:
        parts = urlsplit(dsn)
        host, port, query = parts.hostname, parts.port, parse_qs(parts.query)
    except ValueError as problem:
        raise UserError(f"the DSN is malformed: {problem}", hint=f"write {SHAPE}") from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise UserError("the DSN is malformed: it does not begin with postgresql://", hint=f"write {SHAPE}")
    host = host or query.get("host", [None])[0]
    if not host:
        raise UserError("the DSN is malformed: it names no host", hint=f"write {SHAPE}")
    return f"{host}:{port or query.get('port', ['5432'])[0]}"
