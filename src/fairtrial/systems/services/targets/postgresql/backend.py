"""One connection to PostgreSQL: statements prepared beforehand, failures by class, nothing else around asyncpg."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fairtrial.systems.services.target import Reply, RequestFailed
from fairtrial.systems.services.targets.postgresql.sql import Operation, Workload

CLOSE_S = 2.0
APPLICATION = {"application_name": "fairtrial"}
SYNCHRONISE = "SELECT 1"
"""asyncpg prepares without a Sync: until the next query the session would hold a transaction open, with its locks."""
LOST = ("08", "57P")
"""Beginnings of SQLSTATE that say that the connection, or the server, is gone."""
GONE = ("closed", "cannot switch to state")
"""What asyncpg says of a lost connection; the second, where the server's last word came between two requests."""

Call = Callable[[Any], Awaitable[Reply | None]]
Kinds = tuple[type[Exception], ...]
"""What asyncpg raises, looked up before anything is timed."""


async def open_connection(dsn: str, **options: Any) -> Any:
    """Connect. Raises RequestFailed by class, OSError, TimeoutError.

    (asyncpg's cache of statements stays on: without it, it parses even prepared statements anew for each request.)
    """
    import asyncpg

    try:
        return await asyncpg.connect(dsn, server_settings=APPLICATION, **options)
    except FileNotFoundError as problem:
        raise RequestFailed("refused", f"no such socket: {problem.filename or problem}") from None
    except failures() as problem:
        raise failed(problem) from None


def failed(problem: Exception) -> RequestFailed:
    """Turn a failure of asyncpg into its class: sql_SQLSTATE, 'reset' for a lost connection, 'protocol'."""
    import asyncpg

    state, said = getattr(problem, "sqlstate", None), one_line(problem)
    if state is not None and not state.startswith(LOST):
        return RequestFailed(f"sql_{state}", said)
    if state is not None or any(word in said for word in GONE):
        return RequestFailed("reset", said)
    if isinstance(problem, asyncpg.DataError):
        return RequestFailed("sql_22000", said)
    return RequestFailed("protocol", said)


def one_line(problem: Exception) -> str:
    """Return a message of the server with its detail and hint on one line."""
    return " ".join(str(problem).split())


async def disconnect(connection: Any) -> None:
    """End a connection; never raises: the server may be gone, or a query may hang."""
    if connection.is_closed():
        return
    try:
        await connection.close(timeout=CLOSE_S)
    except Exception:  # noqa: BLE001 whatever it is, the connection is not needed any more
        connection.terminate()


def failures() -> Kinds:
    """Return what asyncpg raises."""
    import asyncpg

    return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Backend:
    """A session: `call` takes what `Workload.requests` yields."""

    def __init__(self, dsn: str, workload: Workload) -> None:
        self._dsn, self._workload = dsn, workload
        self._connection: Any = None
        self.call: Call = _unconnected

    async def connect(self) -> None:
        """Connect, prepare all statements. Raises RequestFailed, OSError, TimeoutError."""
        await self.close()
        self._connection = await open_connection(self._dsn)
        kinds = failures()
        try:
            calls = [await self._made(operation, kinds) for operation in self._workload.operations]
            await self._connection.execute(SYNCHRONISE)
        except kinds as problem:
            raise failed(problem) from None
        self.call = calls[0] if len(calls) == 1 else (lambda prepared: calls[prepared[0]](prepared[1]))

    async def close(self) -> None:
        """Disconnect; never raises."""
        connection, self._connection, self.call = self._connection, None, _unconnected
        if connection is not None:
            await disconnect(connection)

    async def _made(self, operation: Operation, kinds: Kinds) -> Call:
        """Make the call of an operation."""
        if not self._workload.prepared:
            return _plain(self._connection, operation, kinds)
        made = [await self._connection.prepare(statement.text) for statement in operation.statements]
        fetches = [statement.fetch if operation.rows else statement.fetchval for statement in made]
        if not operation.transaction:
            return _single(fetches[0], kinds)
        begin, commit = [(await self._connection.prepare(word)).fetchval for word in ("BEGIN", "COMMIT")]
        steps = [(fetch, statement.picks) for fetch, statement in zip(fetches, operation.statements, strict=True)]
        return _transaction(self._connection, steps, (begin, commit), kinds)


async def _unconnected(prepared: Any) -> None:
    raise RequestFailed("reset", "not connected")


def _single(fetch: Callable[..., Awaitable[Any]], kinds: Kinds) -> Call:
    """Make a call of one prepared statement, as bare as it can be."""

    async def call(arguments: Sequence[int]) -> None:
        try:
            await fetch(*arguments)
        except kinds as problem:
            raise failed(problem) from None

    return call


def _transaction(
    connection: Any,
    steps: Sequence[tuple[Callable[..., Awaitable[Any]], tuple[int, ...]]],
    around: tuple[Callable[[], Awaitable[Any]], ...],
    kinds: Kinds,
) -> Call:
    """Make a call of several prepared statements between BEGIN and COMMIT, a round trip each (as pgbench does)."""
    begin, commit = around

    async def call(arguments: Sequence[int]) -> None:
        try:
            await begin()
            for fetch, picks in steps:
                await fetch(*[arguments[pick] for pick in picks])
            await commit()
        except kinds as problem:
            await _undo(connection, kinds)
            raise failed(problem) from None

    return call


def _plain(connection: Any, operation: Operation, kinds: Kinds) -> Call:
    """Make a call that sends the texts of its statements, parsed and planned by the server each time."""
    before, after = (("BEGIN",), ("COMMIT",)) if operation.transaction else ((), ())

    async def call(texts: Sequence[str]) -> None:
        try:
            for text in (*before, *texts, *after):
                await connection.execute(text)
        except kinds as problem:
            await _undo(connection, kinds)
            raise failed(problem) from None

    return call


async def _undo(connection: Any, kinds: Kinds) -> None:
    """Roll back what failed, so that the next request does not run inside of it."""
    try:
        if connection.is_in_transaction():
            await connection.execute("ROLLBACK")
    except kinds:
        return
