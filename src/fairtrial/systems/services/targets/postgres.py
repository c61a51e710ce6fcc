"""PostgreSQL, started here or attached to: selects, inserts, updates, transactions, mixes, own SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field, model_validator

from fairtrial.errors import FairtrialError, ServiceFailed, UserError
from fairtrial.model.secret import Secret
from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.target import Endpoint, Request, RequestFailed, Session
from fairtrial.systems.services.targets import keys, pgstat, sql
from fairtrial.systems.services.targets.parts import need, reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Operation = Literal["select", "insert", "update", "transaction"]
SHAPE = "postgresql://USER:PASSWORD@HOST:5432/DATABASE"
CONNECT_S = 10.0


class Range(Words):
    """From where a parameter of own SQL is drawn: whole numbers, both ends included."""

    low: int = Field(default=1, ge=-(2**62), le=2**62, description="Least value.")
    high: int = Field(ge=-(2**62), le=2**62, description="Greatest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if self.high < self.low:
            raise ValueError(f"high ({self.high}) is below low ({self.low})")
        return self


class Postgres(Words):
    """Parameters of the target `postgres`."""

    kind: Literal["postgres"] = Field(default="postgres", description="PostgreSQL.")
    server: Literal["embedded", "attach"] = Field(
        default="embedded", description="embedded: a fresh cluster, started here; attach: the one at `dsn`."
    )
    dsn: Secret | None = Field(default=None, description=f"Attach: {SHAPE}, from the environment or a file.")
    keep: bool = Field(default=False, description="Attach: leave our schema there, for the next trial.")
    settings: dict[str, bool | int | float | str] = Field(
        default={}, description="Embedded: settings of the server (shared_buffers: 64MB, synchronous_commit: off …)."
    )
    binaries: str | None = Field(
        default=None, description="Embedded: folder of initdb and postgres; default: a wheel's, else those on PATH."
    )
    port: int | None = Field(
        default=None, ge=0, le=65_535, description="Embedded: TCP on this port (0: a free one), not a Unix socket."
    )
    operation: Literal["select", "insert", "update", "transaction", "mix", "seed-mix", "sql"] = Field(
        default="select",
        description="A row by key; a row inserted; one updated; pgbench's TPC-B-like transaction; by weight; inserts, "
        "then selects on their own table; own statements. All that writes is committed.",
    )
    mix: dict[Operation, Annotated[float, Field(ge=0, allow_inf_nan=False)]] | None = Field(
        default=None, description="Mix: weight of each operation (select: 0.9, update: 0.1)."
    )
    num_inserts: int = Field(default=10_000, ge=1, le=10_000_000, description="seed-mix: inserts of a client in a row.")
    num_selects: int = Field(default=5_000, ge=1, le=10_000_000, description="seed-mix: selects after them, and so on.")
    sql: str | tuple[str, ...] | None = Field(
        default=None,
        description="sql: a statement with $1, $2 …; several: one transaction. Tables: fairtrial.pgbench_accounts …",
    )
    parameters: tuple[Range, ...] = Field(default=(), description="sql: from where $1, $2 … are drawn.")
    scale: int = Field(
        default=1, ge=0, le=10_000, description="pgbench's: 100,000 accounts each; 0: no tables (own SQL on its own)."
    )
    keys: Literal["uniform", "zipf"] = Field(default="uniform", description="Which accounts are asked for.")
    zipf_exponent: float = Field(default=1.1, gt=0, le=10, description="Zipf: probability of rank k is k^-exponent.")
    prepared: bool = Field(default=True, description="Statements are prepared once; else parsed for every request.")
    checkpoint: bool = Field(default=True, description="A checkpoint before every repetition.")
    vacuum: bool = Field(default=True, description="VACUUM (ANALYZE) of our tables before every repetition.")
    prewarm: bool = Field(default=True, description="Tables are read into memory before every repetition.")

    @model_validator(mode="after")
    def _whole(self) -> Postgres:
        for wrong in filter(None, (_misplaced(self), _incomplete(self))):
            raise ValueError(wrong)
        return self

    @property
    def statements(self) -> tuple[str, ...]:
        """Return own SQL as a tuple of statements."""
        return (self.sql,) if isinstance(self.sql, str) else self.sql or ()


def _misplaced(given: Postgres) -> str:
    """Say which parameter would do nothing; '' for none."""
    unset = Postgres.model_fields
    only = {
        ("server", "embedded"): ("settings", "binaries", "port"),
        ("server", "attach"): ("dsn", "keep"),
        ("operation", "mix"): ("mix",),
        ("operation", "seed-mix"): ("num_inserts", "num_selects"),
        ("operation", "sql"): ("sql", "parameters"),
    }
    for (field, value), names in only.items():
        for name in names if getattr(given, field) != value else ():
            if getattr(given, name) != unset[name].default:
                return f"{name} does nothing unless {field} is {value}"
    return ""


def _incomplete(given: Postgres) -> str:
    """Say what is missing or does not fit together; '' for nothing."""
    if given.server == "attach" and given.dsn is None:
        return "server: attach needs dsn: {secret: NAME}, an environment variable that holds " + SHAPE
    if given.operation == "mix" and not sql.mixed(given.mix or {}):
        return "operation: mix needs mix: {select: 0.9, update: 0.1}"
    if given.operation == "sql" and not any(text.strip() for text in given.statements):
        return "operation: sql needs sql: a statement"
    wanted = max((sql.most(text) for text in given.statements), default=0)
    if wanted != len(given.parameters):
        return (
            f"the statements have {wanted} parameters ($1 …), and parameters says how to draw {len(given.parameters)}"
        )
    if given.scale == 0 and given.operation not in ("sql", "seed-mix"):
        return f"operation: {given.operation} needs scale of at least 1"
    return ""


class PostgresTarget:
    """The adapter of PostgreSQL."""

    kind: ClassVar[str] = "postgres"
    measures: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, parameters: Postgres) -> None:
        self._parameters = parameters
        self.operations = tuple(operation.name for operation in self._workload.operations)

    @cached_property
    def _workload(self) -> sql.Workload:
        given = self._parameters
        if given.operation == "seed-mix":
            runs = (given.num_inserts, given.num_selects)
            return sql.Workload(sql.stress(given.num_inserts), runs=runs, prepared=given.prepared)
        if given.operation == "sql":
            ranges = [(drawn.low, drawn.high) for drawn in given.parameters]
            return sql.Workload((sql.own(given.statements, ranges),), prepared=given.prepared)
        mix = sql.mixed(given.mix or {}) or ((given.operation, 1.0),)
        made = tuple(sql.bank(name, given.scale, self._keys) for name, _ in mix)
        return sql.Workload(made, weights=tuple(weight for _, weight in mix), prepared=given.prepared)

    @cached_property
    def _keys(self) -> keys.Draw:
        rows = self._parameters.scale * sql.ACCOUNTS
        if self._parameters.keys == "uniform":
            return keys.uniform(rows)
        return keys.zipf(rows, self._parameters.zipf_exponent)

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
            asyncio.run(self._visit())

    async def _visit(self) -> None:
        from fairtrial.systems.services.targets import bank

        async with self._connected({}) as connection:
            await bank.check(connection)

    def endpoint(self, handle: Endpoint | None) -> dict[str, Any]:
        """Say how the server is reached; the DSN of an attached one stays in its secret."""
        return {} if handle is None else dict(handle)

    def _dsn(self, endpoint: Endpoint) -> str:
        return str(endpoint["dsn"]) if self._parameters.dsn is None else self._parameters.dsn.reveal()

    @asynccontextmanager
    async def _connected(self, endpoint: Endpoint) -> AsyncIterator[Any]:
        """Connect for our own work. Raises ServiceFailed with the address, never with the password."""
        from fairtrial.systems.services.targets.backend import open_connection

        dsn = self._dsn(endpoint)
        try:
            connection = await open_connection(dsn, timeout=CONNECT_S)
        except (OSError, TimeoutError, RequestFailed, ValueError) as problem:
            raise ServiceFailed(
                f"PostgreSQL at {where(dsn)} does not answer: {reason(problem)}", hint="start it"
            ) from None
        try:
            yield connection
        finally:
            await connection.close()

    async def prepare(self, endpoint: Endpoint, seed: int) -> dict[str, Any]:
        """Restore our tables, vacuum, prewarm, checkpoint, as declared; return versions, settings in force, sizes.

        Raises UserError for own SQL that the server refuses, and for a schema of our name that is not ours.
        """
        import asyncpg

        try:
            async with self._connected(endpoint) as connection:
                done = await self._prepared(connection)
                return {**done, **await self._facts(connection)}
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
            raise ServiceFailed(f"PostgreSQL could not be prepared: {problem}") from problem

    async def _prepared(self, connection: Any) -> dict[str, Any]:
        from fairtrial.systems.services.targets import bank

        given, done = self._parameters, {}
        tables: tuple[str, ...] = ()
        if given.operation == "seed-mix":
            await bank.stress(connection)
            tables = ("stress_test",)
        elif given.scale:
            done["tables"] = await bank.restore(connection, scale=given.scale, writes=self._workload.writes)
            tables = bank.BANK
        await self._tried(connection)
        if given.vacuum:
            await bank.vacuum(connection, tables)
        if given.prewarm and tables == bank.BANK:
            done["prewarmed"] = await bank.prewarm(connection)
        if given.checkpoint:
            await bank.checkpoint(connection)
        return done

    async def _tried(self, connection: Any) -> None:
        """Have the server read own SQL, and see that its parameters are numbers. Raises UserError."""
        import asyncpg

        for text in self._parameters.statements:
            try:
                statement = await connection.prepare(text)
            except asyncpg.PostgresError as problem:
                raise UserError(f"target.sql: {problem}: {text}") from None
            for number, kind in enumerate(statement.get_parameters(), start=1):
                if kind.name not in ("int2", "int4", "int8", "numeric", "float4", "float8", "oid"):
                    raise UserError(
                        f"target.sql: ${number} is of type {kind.name}, and only whole numbers are drawn",
                        hint=f"write ${number}::int",
                    )

    async def _facts(self, connection: Any) -> dict[str, Any]:
        return {
            "version": await connection.fetchval("SHOW server_version"),
            "settings": await pgstat.settings(connection),
            "database_bytes": await connection.fetchval("SELECT pg_database_size(current_database())"),
            "scale": self._parameters.scale,
        }

    async def counters(self, endpoint: Endpoint) -> dict[str, float]:
        """Read statistics of database, WAL and checkpointer, and how many backends wait for what."""
        async with self._connected(endpoint) as connection:
            return await pgstat.counters(connection)

    def doubt(self, before: Mapping[str, float], after: Mapping[str, float]) -> str:
        """Say that the server was restarted, or its statistics reset, under the load; ''."""
        return pgstat.backwards(before, after)

    def session(self, endpoint: Endpoint, client: int) -> Session:
        """Make one client's connection (not connected yet)."""
        from fairtrial.systems.services.targets.backend import Backend

        return Backend(self._dsn(endpoint), self._workload)

    def requests(self, client: int, seed: int) -> Iterator[Request]:
        """Yield one client's requests, endlessly; the same for the same seed."""
        return self._workload.requests(client, seed)

    async def tidy(self, endpoint: Endpoint) -> None:
        """Remove our schema from a server that we attached to, unless it is to be kept; never raises."""
        import asyncpg

        from fairtrial.systems.services.targets import bank

        if self._parameters.server == "embedded" or self._parameters.keep:
            return
        try:
            async with self._connected(endpoint) as connection:
                await bank.drop(connection)
        except (FairtrialError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return


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
