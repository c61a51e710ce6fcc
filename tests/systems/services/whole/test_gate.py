"""A regression of a real PostgreSQL: a planted slow-down must fail the gate, an unchanged server must not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from fairtrial.contract.resource import resource

pytestmark = pytest.mark.long

STUDY = """
study: probe
system: services
base:
  target: {{kind: postgres, server: attach, dsn: {{secret: {secret}}}, operation: sql, scale: 0,
           sql: "SELECT probe($1)", parameters: [{{low: 1, high: 1000}}]}}
  load: {{clients: 2, duration_s: 1.5, warmup_s: 0.5}}
replicates: 3
timing: true
metrics: {{success_rate: maximize, throughput_per_s: maximize, latency_p99_s: minimize}}
gate: {{success_rate: {{worse_by: 0.005}}, throughput_per_s: {{worse_by: 10%}}, latency_p99_s: {{worse_by: 25%}}}}
"""

PROBE = """
CREATE FUNCTION probe(id int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE total bigint := id;
BEGIN
  FOR step IN 1..{steps} LOOP total := (total * 31 + step) % 1000003; END LOOP;
  RETURN total;
END $$
"""
STEPS = 3000


@pytest.fixture(scope="module")
def dsns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """One server with three databases: as it was, unchanged, and with four times the work in the probe."""
    server = resource("postgres")
    handle = server.start({"port": 0}, tmp_path_factory.mktemp("server"))
    try:
        yield asyncio.run(_databases(handle["dsn"]))
    finally:
        server.stop(handle)


async def _databases(dsn: str) -> dict[str, str]:
    found = {}
    first = await asyncpg.connect(dsn)
    for name, steps in {"before": STEPS, "same": STEPS, "slow": 4 * STEPS}.items():
        await first.execute(f"CREATE DATABASE {name}")
        found[name] = (
            dsn.replace("/postgres?", f"/{name}?") if "/postgres?" in dsn else dsn.rsplit("/", 1)[0] + f"/{name}"
        )
        made = await asyncpg.connect(found[name])
        await made.execute(PROBE.format(steps=steps))
        await made.close()
    await first.close()
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("now", "code"), [("slow", {4}), ("same", {0, 5})])
def test_gate(here: Path, fairtrial, dsns, now: str, code: set[int]) -> None:
    """Fourfold work fails after eight rounds side by side; the same work passes, or stays open on a noisy machine."""
    secrets = {"PG_BEFORE": dsns["before"], "PG_NOW": dsns[now]}
    for secret in secrets:
        (here / f"{secret}.yaml").write_text(STUDY.format(secret=secret))
        ended, _, said = fairtrial("run", f"{secret}.yaml", "--quiet", **secrets)
        assert ended == 0, said
    ended, shown, said = fairtrial("gate", "2", "--against", "1", "--confirm", "--rounds", "8", "--quiet", **secrets)
    assert ended in code, shown + said
    for metric in ("success_rate", "throughput_per_s", "latency_p99_s"):
        assert metric in shown
    if now == "slow":
        assert "FAIL" in shown
        assert "REGRESS" in shown
