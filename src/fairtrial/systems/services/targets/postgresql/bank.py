"""pgbench's tables in a schema of our own: loaded once, restored when a load changed them, and nothing else touched."""

# ruff: noqa: S608
# (what is put into statements here are names of our own and numbers)

from __future__ import annotations

from typing import Any

from fairtrial.errors import ServiceFailed, UserError
from fairtrial.systems.services.targets.postgresql.backend import one_line
from fairtrial.systems.services.targets.postgresql.sql import ACCOUNTS, SCHEMA, TELLERS, Writes

MARK = "made by fairtrial"
"""The schema's comment: without it the schema is somebody else's."""

TABLES = f"""
DROP TABLE IF EXISTS {SCHEMA}.pgbench_history, {SCHEMA}.pgbench_accounts, {SCHEMA}.pgbench_tellers,
    {SCHEMA}.pgbench_branches;
CREATE TABLE {SCHEMA}.pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler char(22));
CREATE TABLE {SCHEMA}.pgbench_tellers (tid int not null, bid int, tbalance int, filler char(84));
CREATE TABLE {SCHEMA}.pgbench_accounts (aid int not null, bid int, abalance int, filler char(84));
CREATE TABLE {SCHEMA}.pgbench_branches (bid int not null, bbalance int, filler char(88));
"""
ROWS = f"""
INSERT INTO {SCHEMA}.pgbench_branches (bid, bbalance) SELECT bid, 0 FROM generate_series(1, {{scale}}) AS bid;
INSERT INTO {SCHEMA}.pgbench_tellers (tid, bid, tbalance)
    SELECT tid, (tid - 1) / {TELLERS} + 1, 0 FROM generate_series(1, {{scale}} * {TELLERS}) AS tid;
INSERT INTO {SCHEMA}.pgbench_accounts (aid, bid, abalance, filler)
    SELECT aid, (aid - 1) / {ACCOUNTS} + 1, 0, '' FROM generate_series(1, {{scale}} * {ACCOUNTS}) AS aid;
"""
KEYS = f"""
ALTER TABLE {SCHEMA}.pgbench_branches ADD PRIMARY KEY (bid);
ALTER TABLE {SCHEMA}.pgbench_tellers ADD PRIMARY KEY (tid);
ALTER TABLE {SCHEMA}.pgbench_accounts ADD PRIMARY KEY (aid);
"""
STRESS = f"""
DROP TABLE IF EXISTS {SCHEMA}.stress_test;
CREATE TABLE {SCHEMA}.stress_test (
    id serial PRIMARY KEY, value int, data text, created_at timestamp DEFAULT CURRENT_TIMESTAMP
);
"""
BANK = ("pgbench_branches", "pgbench_tellers", "pgbench_accounts", "pgbench_history")
WARMED = (*BANK[:3], "pgbench_branches_pkey", "pgbench_tellers_pkey", "pgbench_accounts_pkey")


async def check(connection: Any) -> bool:
    """Say whether our schema exists. Raises UserError where one of that name is not ours."""
    row = await connection.fetchrow(
        "SELECT obj_description(oid, 'pg_namespace') AS mark FROM pg_namespace WHERE nspname = $1", SCHEMA
    )
    if row is not None and row["mark"] != MARK:
        raise UserError(
            f"the server has a schema {SCHEMA!r} that fairtrial did not make, and leaves alone",
            hint="rename it, or attach to another database",
        )
    return row is not None


async def drop(connection: Any) -> None:
    """Remove our schema, where it is ours."""
    if await check(connection):
        await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")


async def restore(connection: Any, *, scale: int, writes: Writes) -> str:
    """Bring pgbench's tables to the state in which every repetition starts; note what the coming load will change.

    Returns what was done: 'loaded', 'emptied the history', or 'nothing'. Raises UserError for a foreign schema.
    """
    await _schema(connection)
    made = await connection.fetchrow(f"SELECT scale, changed FROM {SCHEMA}.made")
    done = "nothing"
    if made is None or made["scale"] != scale or made["changed"] == "everything":
        done = "loaded"
        await _load(connection, scale)
    elif made["changed"] == "history":
        done = "emptied the history"
        await connection.execute(f"TRUNCATE {SCHEMA}.pgbench_history")
    await connection.execute(f"UPDATE {SCHEMA}.made SET changed = '{writes}'")
    return done


async def _schema(connection: Any) -> None:
    if await check(connection):
        return
    async with connection.transaction():
        await connection.execute(f"CREATE SCHEMA {SCHEMA}; COMMENT ON SCHEMA {SCHEMA} IS '{MARK}'")
        await connection.execute(f"CREATE TABLE {SCHEMA}.made (scale int not null, changed text not null)")


async def _load(connection: Any, scale: int) -> None:
    async with connection.transaction():  # all or nothing: a load that was killed half way is loaded again
        await connection.execute(TABLES)
        await connection.execute(ROWS.format(scale=scale))
        await connection.execute(KEYS)
        await connection.execute(f"DELETE FROM {SCHEMA}.made")
        await connection.execute(f"INSERT INTO {SCHEMA}.made VALUES ({scale}, 'nothing')")


async def stress(connection: Any) -> None:
    """Make the table `stress_test`, empty. Raises UserError for a foreign schema."""
    await _schema(connection)
    await connection.execute(STRESS)


async def vacuum(connection: Any, tables: tuple[str, ...]) -> None:
    """Vacuum and analyse our tables."""
    for table in tables:
        await connection.execute(f"VACUUM (ANALYZE) {SCHEMA}.{table}")


async def prewarm(connection: Any) -> str:
    """Read pgbench's tables into memory, with `pg_prewarm` where the server has it; say how it was done."""
    import asyncpg

    try:
        await connection.execute(f"CREATE EXTENSION IF NOT EXISTS pg_prewarm SCHEMA {SCHEMA}")
        for relation in WARMED:
            await connection.execute(f"SELECT {SCHEMA}.pg_prewarm('{SCHEMA}.{relation}')")
    except asyncpg.PostgresError:  # not installed with this server, or not permitted
        for table in BANK:
            await connection.execute(f"SELECT count(*) FROM {SCHEMA}.{table}")
        return "tables read"
    return "pg_prewarm"


async def checkpoint(connection: Any) -> None:
    """Write out what is dirty: a repetition does not pay for the one before. Raises ServiceFailed without the right."""
    import asyncpg

    try:
        await connection.execute("CHECKPOINT")
    except asyncpg.InsufficientPrivilegeError as problem:
        raise ServiceFailed(
            f"CHECKPOINT: {one_line(problem)}", hint="GRANT pg_checkpoint, or set target.checkpoint: false"
        ) from None
