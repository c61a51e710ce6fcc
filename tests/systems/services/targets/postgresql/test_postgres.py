"""The target postgres on a real server: what it does is what the server counts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.resource import resource
from fairtrial.errors import MissingPart, ServiceFailed, UserError
from fairtrial.resources import installation, process
from fairtrial.systems.services.target import Gauges, RequestFailed, Session, Target, Tidies
from fairtrial.systems.services.targets.postgresql import bank
from fairtrial.systems.services.targets.postgresql import statistics as pgstat
from fairtrial.systems.services.targets.postgresql.backend import failed
from fairtrial.systems.services.targets.postgresql.postgres import Postgres, PostgresTarget, where

asyncpg = pytest.importorskip("asyncpg", reason="asyncpg is not installed: pip install 'fairtrial[services]'")

try:
    installation.find()
except MissingPart as missing:
    pytest.skip(str(missing), allow_module_level=True)

ACCOUNTS, HISTORY = "fairtrial.pgbench_accounts", "fairtrial.pgbench_history"


@pytest.fixture(scope="module")
def handle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """One server for all tests of this file."""
    server = resource("postgres")
    started = server.start({"settings": {"fsync": "off"}}, tmp_path_factory.mktemp("log"))
    yield started
    server.stop(started)


@pytest.fixture
def attached(handle: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Parameters of attaching to a fresh database of that server, where nothing of ours is yet."""
    ask(handle["dsn"], "CREATE DATABASE other")
    dsn = handle["dsn"].replace("/postgres?", "/other?")
    monkeypatch.setenv("OTHER_DSN", dsn)
    yield {"server": "attach", "dsn": {"secret": "OTHER_DSN"}}
    ask(handle["dsn"], "DROP DATABASE other WITH (FORCE)")


def target(**given: Any) -> PostgresTarget:
    """Make the adapter from parameters as a study writes them."""
    return PostgresTarget(Postgres.model_validate(given))


def ask(dsn: str, *queries: str) -> Any:
    """Execute queries; return the first value of the last."""

    async def answer() -> Any:
        connection = await asyncpg.connect(dsn)
        try:
            return [await connection.fetchval(query) for query in queries][-1]
        finally:
            await connection.close()

    return asyncio.run(answer())


def load(made: PostgresTarget, endpoint: dict[str, Any], count: int, *, client: int = 0) -> None:
    """Send the first requests of a client."""

    async def send() -> None:
        session = made.session(endpoint, client)
        await session.connect()
        try:
            for _, prepared in islice(made.requests(client, 1), count):
                assert await session.call(prepared) is None
        finally:
            await session.close()

    asyncio.run(send())


def prepare(made: PostgresTarget, endpoint: dict[str, Any]) -> dict[str, Any]:
    """Prepare a repetition."""
    return asyncio.run(made.prepare(endpoint, 1))


def sizes(dsn: str) -> list[tuple[str, int, int]]:
    """Return rows and bytes of our tables."""

    async def read() -> list[tuple[str, int, int]]:
        connection = await asyncpg.connect(dsn)
        try:
            return [
                (
                    name,
                    await connection.fetchval(f"SELECT count(*) FROM fairtrial.{name}"),
                    await connection.fetchval("SELECT pg_total_relation_size($1::text::regclass)", f"fairtrial.{name}"),
                )
                for name in bank.BANK
            ]
        finally:
            await connection.close()

    return asyncio.run(read())


def test_it_is_a_target(handle: dict[str, Any]) -> None:
    """It keeps the contract, names its server, and has a name for each operation."""
    made = target(settings={"work_mem": "8MB"}, operation="mix", mix={"select": 9, "insert": 1})
    assert isinstance(made, Target)
    assert isinstance(made, Gauges)
    assert isinstance(made, Tidies)
    assert made.server() == ("postgres", {"settings": {"work_mem": "8MB"}})
    assert made.operations == ("insert", "select")
    session: Session = made.session(made.endpoint(handle), 0)
    assert callable(session.call)


@pytest.mark.parametrize("prepared", [True, False])
@pytest.mark.parametrize(
    ("operation", "inserted", "updated"),
    [("select", 0, 0), ("insert", 40, 0), ("update", 0, 40), ("transaction", 40, 120)],
)
def test_every_operation_commits_what_it_says(
    handle: dict[str, Any], operation: str, inserted: int, updated: int, prepared: bool
) -> None:
    """Forty requests are forty commits, and the rows that they write are there."""
    made = target(operation=operation, prepared=prepared)
    endpoint = made.endpoint(handle)
    prepare(made, endpoint)
    assert ask(handle["dsn"], f"SELECT count(*) FROM {HISTORY}") == 0
    before = asyncio.run(made.counters(endpoint))
    load(made, endpoint, 40)
    after = written(made, endpoint, before, inserted + updated)
    assert after["tup_inserted"] - before["tup_inserted"] == inserted
    assert after["tup_updated"] - before["tup_updated"] == updated
    assert after["commits"] - before["commits"] >= 40
    assert after["rollbacks"] == before["rollbacks"]
    assert ask(handle["dsn"], f"SELECT count(*) FROM {HISTORY}") == inserted
    assert made.doubt(before, after) == ""


def written(made: PostgresTarget, endpoint: dict[str, Any], before: dict[str, float], rows: int) -> dict[str, float]:
    """Read the counters once the server has counted what ended sessions did (it does so a moment later)."""
    while True:
        after = asyncio.run(made.counters(endpoint))
        if sum(after[name] - before[name] for name in ("tup_inserted", "tup_updated")) >= rows:
            return after


def test_transactions_balance(handle: dict[str, Any]) -> None:
    """Accounts, tellers, branches and history tell the same sum, whether prepared or not."""
    made = target(operation="mix", mix={"transaction": 1.0})
    prepare(made, made.endpoint(handle))
    load(made, made.endpoint(handle), 30)
    plain = target(operation="transaction", prepared=False)
    load(plain, plain.endpoint(handle), 30, client=1)
    columns = {"abalance": "accounts", "tbalance": "tellers", "bbalance": "branches", "delta": "history"}
    sums = {ask(handle["dsn"], f"SELECT sum({name}) FROM fairtrial.pgbench_{table}") for name, table in columns.items()}
    assert len(sums) == 1
    assert sums != {0}


def test_the_third_repetition_is_no_bigger_database(handle: dict[str, Any]) -> None:
    """What writes changed is restored before the next repetition: rows, balances and bytes."""
    made = target(operation="transaction")
    seen = []
    for _ in range(3):
        done = prepare(made, made.endpoint(handle))
        seen.append(sizes(handle["dsn"]))
        assert ask(handle["dsn"], f"SELECT sum(abs(abalance)) FROM {ACCOUNTS}") == 0
        load(made, made.endpoint(handle), 200)
    assert done["tables"] == "loaded"
    assert seen[0] == seen[1] == seen[2]
    assert {name: rows for name, rows, _ in seen[0]} == dict(zip(bank.BANK, (1, 10, 100_000, 0), strict=True))


def test_data_that_nothing_changed_is_not_loaded_again(handle: dict[str, Any]) -> None:
    """Selects leave all in place, inserts only empty the history; another scale loads."""
    reads, inserts = target(), target(operation="insert")
    prepare(reads, reads.endpoint(handle))
    node = ask(handle["dsn"], f"SELECT pg_relation_filenode('{ACCOUNTS}')")
    load(reads, reads.endpoint(handle), 20)
    assert prepare(inserts, reads.endpoint(handle))["tables"] == "nothing"
    load(inserts, reads.endpoint(handle), 20)
    assert prepare(reads, reads.endpoint(handle))["tables"] == "emptied the history"
    assert ask(handle["dsn"], f"SELECT pg_relation_filenode('{ACCOUNTS}')") == node
    larger = target(scale=2)
    assert prepare(larger, larger.endpoint(handle))["tables"] == "loaded"
    assert [rows for _, rows, _ in sizes(handle["dsn"])] == [2, 20, 200_000, 0]


def test_a_repetition_starts_vacuumed_warm_and_checkpointed(handle: dict[str, Any]) -> None:
    """Each can be switched off, and what was done is told."""
    made = target(operation="update")
    endpoint = made.endpoint(handle)
    before = asyncio.run(made.counters(endpoint))
    done = prepare(made, endpoint)
    after = asyncio.run(made.counters(endpoint))
    assert done["prewarmed"] in ("pg_prewarm", "tables read")
    assert after["checkpoints_requested"] > before["checkpoints_requested"]
    assert ask(
        handle["dsn"], f"SELECT last_vacuum IS NOT NULL FROM pg_stat_user_tables WHERE relid = '{ACCOUNTS}'::regclass"
    )
    off = target(operation="update", vacuum=False, prewarm=False, checkpoint=False)
    done = prepare(off, endpoint)
    assert "prewarmed" not in done
    assert asyncio.run(off.counters(endpoint))["checkpoints_requested"] == after["checkpoints_requested"]
    assert ask(
        handle["dsn"], f"SELECT last_vacuum IS NULL FROM pg_stat_user_tables WHERE relid = '{ACCOUNTS}'::regclass"
    )


def test_facts_say_what_was_measured(handle: dict[str, Any]) -> None:
    """Version, settings in force that differ from the built-in ones, and sizes; no folder and no secret."""
    done = prepare(target(), target().endpoint(handle))
    assert done["version"] == handle["version"]
    assert done["settings"]["fsync"] == "off"
    assert done["settings"]["max_connections"] == "500"
    assert "shared_buffers" not in done["settings"]
    assert handle["folder"] not in str(done)
    assert done["database_bytes"] > 10_000_000


def test_the_seeds_mix_has_its_own_table(handle: dict[str, Any]) -> None:
    """Every repetition starts with an empty one, and selects find what was inserted."""
    made = target(operation="seed-mix", num_inserts=30, num_selects=10)
    for _ in range(2):
        prepare(made, made.endpoint(handle))
        load(made, made.endpoint(handle), 40)
        assert ask(handle["dsn"], "SELECT count(*) || ' ' || max(id) FROM fairtrial.stress_test") == "30 30"


def test_own_statements_are_one_transaction(handle: dict[str, Any]) -> None:
    """Several commit together, with the same arguments; without tables nothing of ours is made."""
    ask(handle["dsn"], "DROP TABLE IF EXISTS mine", "CREATE TABLE mine (a int, x bigint)")
    into = "INSERT INTO mine VALUES ($1, pg_current_xact_id()::text::bigint)"
    made = target(operation="sql", sql=[into, into], parameters=[{"low": 3, "high": 9}], scale=0)
    done = prepare(made, made.endpoint(handle))
    assert "tables" not in done
    load(made, made.endpoint(handle), 10)
    assert ask(handle["dsn"], "SELECT count(*) || ' ' || count(DISTINCT x) FROM mine") == "20 10"
    assert (
        ask(handle["dsn"], "SELECT count(*) FROM (SELECT x FROM mine GROUP BY x HAVING min(a) <> max(a)) AS odd") == 0
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELEC $1", "target.sql: syntax error at or near .SELEC.: SELEC"),
        ("SELECT * FROM no_such_table WHERE a = $1", "no_such_table.* does not exist"),
        ("SELECT 'a' || $1", r"\$1 is of type text, and only whole numbers are drawn \(write \$1::int\)"),
    ],
)
def test_own_statements_that_the_server_refuses(handle: dict[str, Any], text: str, said: str) -> None:
    """The server's own words, in one line, before anything is measured."""
    made = target(operation="sql", sql=text, parameters=[{"high": 5}])
    with pytest.raises(UserError, match=said):
        prepare(made, made.endpoint(handle))


def fails(made: PostgresTarget, endpoint: dict[str, Any], *, requests: int = 1) -> list[str]:
    """Return the class of failure of each request ('' for success)."""

    async def send() -> list[str]:
        session, kinds = made.session(endpoint, 0), []
        await session.connect()
        for _, prepared in islice(made.requests(0, 1), requests):
            try:
                await session.call(prepared)
                kinds.append("")
            except RequestFailed as problem:
                kinds.append(problem.kind)
        await session.close()
        return kinds

    return asyncio.run(send())


@pytest.mark.parametrize("prepared", [True, False])
def test_failures_have_their_sqlstate(handle: dict[str, Any], prepared: bool) -> None:
    """A failed request says why, keeps its connection, and rolls back its transaction."""
    ask(handle["dsn"], "DROP TABLE IF EXISTS once", "CREATE TABLE once (a int PRIMARY KEY)")
    given = {
        "sql": ["INSERT INTO once VALUES ($1)", "SELECT 1 / (2 - $1)"],
        "parameters": [{"high": 2}],
        "scale": 0,
    }
    made = target(operation="sql", prepared=prepared, **given)
    kinds = fails(made, made.endpoint(handle), requests=20)
    assert set(kinds) == {"", "sql_22012", "sql_23505"}
    assert kinds.count("") == 1
    assert ask(handle["dsn"], "SELECT count(*) FROM once") == 1


def test_a_statement_that_takes_too_long_is_cancelled_by_the_server(attached: dict[str, Any]) -> None:
    """The server's own time-out has its class."""
    ask(os.environ["OTHER_DSN"], "ALTER DATABASE other SET statement_timeout = '20ms'")
    made = target(**attached, operation="sql", sql="SELECT pg_sleep(60)", scale=0)
    assert fails(made, made.endpoint(None)) == ["sql_57014"]


def test_a_lost_connection_is_a_reset_and_can_be_connected_again(handle: dict[str, Any]) -> None:
    """A terminated backend is no error of SQL; the same session serves again afterwards."""
    made = target()
    endpoint = made.endpoint(handle)
    prepare(made, endpoint)

    async def lose() -> tuple[str, None]:
        session = made.session(endpoint, 0)
        await session.connect()
        _, prepared = next(made.requests(0, 1))
        other = await asyncpg.connect(handle["dsn"])
        await other.fetchval(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fairtrial'"
        )
        await other.close()
        with pytest.raises((RequestFailed, OSError)) as caught:
            await session.call(prepared)
        await session.connect()
        answer = await session.call(prepared)
        await session.close()
        return getattr(caught.value, "kind", "reset"), answer

    assert asyncio.run(lose()) == ("reset", None)


def test_failures_by_class() -> None:
    """States of a lost connection are resets, the others keep their state."""
    made = [asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.AdminShutdownError]
    assert [failed(kind("x")).kind for kind in made] == ["sql_40001", "sql_40P01", "reset"]
    assert failed(asyncpg.InterfaceError("connection is closed")).kind == "reset"
    assert failed(asyncpg.InternalClientError("cannot switch to state 12; another operation (2)")).kind == "reset"
    assert str(failed(asyncpg.SerializationError("one\nDETAIL:  two"))) == "one DETAIL: two"
    assert failed(asyncpg.InterfaceError("another operation is in progress")).kind == "protocol"
    assert failed(asyncpg.DataError("invalid input")).kind == "sql_22000"
    assert not failed(asyncpg.SerializationError("x")).lost
    assert failed(asyncpg.ConnectionDoesNotExistError("x")).lost


def test_a_session_that_is_not_connected_serves_nothing(handle: dict[str, Any]) -> None:
    """It says so, and closing it is no error."""
    session = target().session(target().endpoint(handle), 0)

    async def call() -> None:
        await session.close()
        await session.call((1,))

    with pytest.raises(RequestFailed, match="not connected"):
        asyncio.run(call())


def test_waiting_backends_are_counted(handle: dict[str, Any]) -> None:
    """A backend that waits for a lock is seen as one."""
    made = target(operation="update")
    endpoint = made.endpoint(handle)
    prepare(made, endpoint)

    async def wait() -> dict[str, float]:
        holder, session = await asyncpg.connect(handle["dsn"]), made.session(endpoint, 0)
        await session.connect()
        async with holder.transaction():
            await holder.execute(f"LOCK TABLE {ACCOUNTS}")
            waiting = asyncio.create_task(session.call((1, 1)))
            seen = await made.gauges(endpoint)
            while not seen["waiting_lock"]:
                seen = await made.gauges(endpoint)
        await waiting
        await session.close()
        await holder.close()
        return seen

    seen = asyncio.run(wait())
    assert (seen["waiting_lock"], seen["active"], seen["backends"], seen["idle_in_transaction"]) == (1, 1, 2, 1)


def test_counters_that_fall_are_a_doubt() -> None:
    """A restart under the load makes the measurement invalid; gauges may fall."""
    assert (
        pgstat.backwards({"commits": 5, "backends": 9, "waiting_io": 2}, {"commits": 6, "backends": 1, "waiting_io": 0})
        == ""
    )
    assert "commits fell from 5 to 4" in target().doubt({"commits": 5}, {"commits": 4})


@pytest.mark.parametrize(
    ("dsn", "said"),
    [
        ("mysql://user:hidden@host/db", "it does not begin with postgresql://"),
        ("host=localhost password=hidden", "it does not begin with postgresql://"),
        ("postgresql://user:hidden@host:port/db", "the DSN is malformed"),
        ("postgresql:///db?password=hidden", "it names no host"),
        ("postgresql://user:hidden@[::1/db", "the DSN is malformed"),
    ],
)
def test_a_malformed_dsn_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch, dsn: str, said: str) -> None:
    """Exit code 2, one line, without the password."""
    monkeypatch.setenv("BAD_DSN", dsn)
    with pytest.raises(UserError, match=said) as caught:
        target(server="attach", dsn={"secret": "BAD_DSN"}).require()
    assert caught.value.exit_code == 2
    assert "hidden" not in str(caught.value)


def test_places_of_a_dsn() -> None:
    """Host and port, or the folder of the socket."""
    assert where("postgres://u:p@db.example:6000/d") == "db.example:6000"
    assert where("postgresql://db.example/d") == "db.example:5432"
    assert where("postgresql://u@/d?host=/run/postgresql&port=5433") == "/run/postgresql:5433"


def test_a_server_that_does_not_answer_is_a_failed_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Exit code 8, naming where, without the password: nobody listens, no socket, wrong password or database."""
    port = process.free_port()
    for dsn, said in [
        (f"postgresql://user:hidden@127.0.0.1:{port}/db", f"PostgreSQL at 127.0.0.1:{port} does not answer"),
        (f"postgresql://user:hidden@/db?host={tmp_path}", "does not answer: no such socket"),
    ]:
        monkeypatch.setenv("GONE_DSN", dsn)
        with pytest.raises(ServiceFailed, match=said) as caught:
            target(server="attach", dsn={"secret": "GONE_DSN"}).require()
        assert caught.value.exit_code == 8
        assert "hidden" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_attaching_leaves_nothing_behind(attached: dict[str, Any]) -> None:
    """Our schema is made, measured in, and taken back; what was there before is untouched."""
    dsn = os.environ["OTHER_DSN"]
    ask(dsn, "CREATE TABLE public.pgbench_accounts AS SELECT 1 AS aid, 7 AS abalance")
    made = target(**attached, operation="update")
    made.require()
    assert made.server() is None
    endpoint = made.endpoint(None)
    assert endpoint == {}
    prepare(made, endpoint)
    load(made, endpoint, 50)
    assert ask(dsn, f"SELECT sum(abs(abalance)) > 0 FROM {ACCOUNTS}")
    asyncio.run(made.tidy(endpoint))
    assert ask(dsn, "SELECT to_regnamespace('fairtrial')") is None
    assert ask(dsn, "SELECT string_agg(a::text, ',') FROM public.pgbench_accounts AS a") == "(1,7)"
    asyncio.run(made.tidy(endpoint))


def test_what_is_kept_serves_the_next_trial(attached: dict[str, Any]) -> None:
    """With keep the tables stay, and are not loaded again."""
    made = target(**attached, keep=True)
    prepare(made, {})
    asyncio.run(made.tidy({}))
    assert prepare(made, {})["tables"] == "nothing"


def test_a_schema_of_somebody_else_is_left_alone(attached: dict[str, Any]) -> None:
    """A schema of our name that we did not make is refused before anything starts, and never dropped."""
    dsn = os.environ["OTHER_DSN"]
    ask(dsn, "CREATE SCHEMA fairtrial", f"CREATE TABLE {ACCOUNTS} AS SELECT 1 AS aid")
    made = target(**attached)
    for refuse in (made.require, lambda: prepare(made, {})):
        with pytest.raises(UserError, match="a schema 'fairtrial' that fairtrial did not make"):
            refuse()
    asyncio.run(made.tidy({}))
    assert ask(dsn, f"SELECT count(*) FROM {ACCOUNTS}") == 1


def test_a_right_that_is_missing_is_told(attached: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user may load and vacuum its own tables, but not force a checkpoint."""
    dsn = os.environ["OTHER_DSN"]
    ask(dsn, "DROP ROLE IF EXISTS plain", "CREATE ROLE plain LOGIN", "GRANT CREATE ON DATABASE other TO plain")
    monkeypatch.setenv("OTHER_DSN", dsn.replace("postgres@", "plain@"))
    with pytest.raises(ServiceFailed, match=r"CHECKPOINT: .*target\.checkpoint: false"):
        prepare(target(**attached), {})
    done = prepare(target(**attached, checkpoint=False), {})
    assert done["prewarmed"] == "tables read"
    asyncio.run(target(**attached).tidy({}))
    ask(dsn, "DROP OWNED BY plain", "DROP ROLE plain")


def test_a_killed_server_ends_as_failures(tmp_path: Path) -> None:
    """Requests fail as resets or refusals, and our own questions as a failed service."""
    server = resource("postgres")
    started = server.start({}, tmp_path)
    try:
        made = target(operation="sql", sql="SELECT 1", scale=0)
        endpoint = made.endpoint(started)

        async def lose() -> list[str]:
            session, kinds = made.session(endpoint, 0), []
            await session.connect()
            os.kill(started["pids"][0], signal.SIGKILL)
            while len(kinds) < 2:
                try:
                    await (session.connect() if kinds else session.call(()))
                except (RequestFailed, OSError) as problem:
                    kinds.append(getattr(problem, "kind", type(problem).__name__))
            return kinds

        first, second = asyncio.run(lose())
        assert first in ("reset", "ConnectionResetError", "BrokenPipeError")
        assert second in ("refused", "ConnectionRefusedError")
        with pytest.raises(ServiceFailed, match=r"PostgreSQL at .* does not answer"):
            asyncio.run(made.counters(endpoint))
        asyncio.run(made.tidy(endpoint))
    finally:
        server.stop(started)
