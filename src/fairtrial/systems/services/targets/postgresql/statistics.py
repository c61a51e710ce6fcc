"""What PostgreSQL says of itself: cumulative statistics, waiting backends, settings in force, sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DATABASE = """
SELECT xact_commit AS commits, xact_rollback AS rollbacks, blks_read, blks_hit, tup_returned, tup_fetched, tup_inserted,
    tup_updated, tup_deleted, deadlocks, temp_files, temp_bytes, pg_database_size(datid) AS database_bytes
FROM pg_stat_database WHERE datname = current_database()
"""
WAL = "SELECT wal_records, wal_fpi AS wal_full_pages, wal_bytes, wal_buffers_full FROM pg_stat_wal"
BACKGROUND = {
    17: """
SELECT num_timed AS checkpoints_timed, num_requested AS checkpoints_requested, write_time AS checkpoint_write_ms,
    sync_time AS checkpoint_sync_ms, buffers_written AS checkpoint_buffers FROM pg_stat_checkpointer
""",
    0: """
SELECT checkpoints_timed, checkpoints_req AS checkpoints_requested, checkpoint_write_time AS checkpoint_write_ms,
    checkpoint_sync_time AS checkpoint_sync_ms, buffers_checkpoint AS checkpoint_buffers FROM pg_stat_bgwriter
""",
}
"""Least major version -> the query."""
ACTIVITY = """
SELECT count(*) AS backends, count(*) FILTER (WHERE state = 'active') AS active,
    count(*) FILTER (WHERE state = 'idle in transaction') AS idle_in_transaction,
    count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Lock') AS waiting_lock,
    count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'LWLock') AS waiting_lwlock,
    count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'IO') AS waiting_io,
    count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'BufferPin') AS waiting_buffer,
    count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'IPC') AS waiting_ipc,
    count(*) FILTER (WHERE state = 'active' AND wait_event_type = 'Client') AS waiting_client
FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
"""
SETTINGS = """
SELECT name, current_setting(name) AS value FROM pg_settings
WHERE source NOT IN ('default', 'override', 'client', 'session') AND setting IS DISTINCT FROM boot_val
    AND category <> 'File Locations' AND name !~ '(conninfo|passphrase|password|command|keytab|key_file|socket)'
    AND name NOT IN ('listen_addresses', 'port', 'application_name')
ORDER BY name
"""
GAUGES = frozenset({"backends", "active", "idle_in_transaction", "database_bytes"})
"""What goes up and down; so does all that begins with `waiting_`. The others only grow."""


async def counters(connection: Any) -> dict[str, float]:
    """Read the cumulative statistics of the database, the WAL and the checkpointer, and the gauges beside them."""
    major = connection.get_server_version().major
    background = BACKGROUND[max(least for least in BACKGROUND if least <= major)]
    queries = [DATABASE, background, *([WAL] if major >= 14 else [])]
    rows = [await connection.fetchrow(query) for query in queries]
    return {**{name: float(value) for row in rows for name, value in row.items()}, **await waits(connection)}


async def waits(connection: Any) -> dict[str, float]:
    """Count the client backends, and those that are active but wait: for a lock, for I/O, …; ours not included."""
    row = await connection.fetchrow(ACTIVITY)
    return {name: float(value) for name, value in row.items()}


def backwards(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Say that a cumulative counter fell: the server was restarted, or its statistics were reset; '' otherwise."""
    for name, value in before.items():
        grows = name not in GAUGES and not name.startswith("waiting_")
        if grows and after.get(name, value) < value:
            return f"the server's counter {name} fell from {value:g} to {after[name]:g}: it was restarted or reset"
    return ""


async def settings(connection: Any) -> dict[str, str]:
    """Return the settings in force that differ from what the server is built with; none that could hold a secret."""
    return {row["name"]: row["value"] for row in await connection.fetch(SETTINGS)}
