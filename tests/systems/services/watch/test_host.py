"""The state of the machine around a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from fairtrial.systems.services.watch import host


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("http://127.0.0.1:8000/v1", "loopback"),
        ("http://localhost:8000", "loopback"),
        ("http://[::1]:8000", "loopback"),
        ("127.0.0.2:6379", "loopback"),
        ("postgresql://user:secret@127.0.0.1:5432/db", "loopback"),
        ("postgresql:///db?host=/tmp/pg", "unix socket"),
        ("/run/redis.sock", "unix socket"),
        ("http://192.0.2.7:80", "network"),
        ("https://db.example.org/x", "network"),
    ],
)
def test_how_a_server_is_reached(address, expected):
    """Addresses of this machine are loopback, paths are sockets, the rest is network."""
    assert host.network(address) == expected


def test_facts_are_json_and_say_who_shares_the_cores():
    """A server on this machine shares its cores with the client, and the banner says how many."""
    seen = host.before()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as server:
        facts = host.after(seen, server=[server.pid], address="http://127.0.0.1:1/")
        server.communicate(b"\n")
    json.dumps(facts, allow_nan=False)
    cores = len(os.sched_getaffinity(0))
    assert facts["shared_cores"] == cores
    assert facts["banner"] == f"client and server share {cores} core{'' if cores == 1 else 's'}"
    assert facts["network"] == "loopback"
    assert facts["cpus"] == os.cpu_count()
    assert facts["server_cpus"] <= cores
    assert facts["memory_bytes"] > 2**28
    assert facts["kernel"]
    assert server.pid not in [each["pid"] for each in facts["busy_others"]]


def test_a_server_elsewhere_shares_nothing():
    """Without processes here there is no banner, and the network is named."""
    facts = host.after(host.before(), address="http://192.0.2.7")
    assert facts["banner"] == ""
    assert facts["shared_cores"] == 0
    assert facts["network"] == "network"
    assert "server_cpus" not in facts


def test_another_busy_process_is_named(monkeypatch):
    """A process that is not ours and used much CPU since the look before is listed; ours and idle ones are not."""
    seen = host.before()
    mine, idle = os.getpid(), replace(next(iter(seen.processes.values())), started=5.0)
    before = {10**7: replace(idle, cpu_s=1.0), 10**7 + 1: idle, mine: replace(idle, cpu_s=0.0)}
    after = {10**7: replace(idle, cpu_s=1e6), 10**7 + 1: idle, mine: replace(idle, cpu_s=1e6)}
    monkeypatch.setattr(host, "_processes", lambda: after)
    facts = host.after(replace(seen, processes=before))
    assert [each["pid"] for each in facts["busy_others"]] == [10**7]
    assert any("1 other process used" in caution for caution in facts["cautions"])


def test_others_that_cannot_be_seen_are_a_caution():
    """CPU that neither server nor client used is somebody's, also where this PID namespace does not show whose."""
    busy = {"core_busy": [1.0, 0.9], "server_cpu_cores": 0.3, "others_cpu_cores": 1.5}
    assert list(host.crowded({"busy_others": []}, busy)) == [
        "others used 1.50 of 2 cores, out of sight from here: use a quieter host"
    ]
    assert list(host.crowded({"busy_others": [{"pid": 1}]}, busy)) == []
    assert list(host.crowded({}, busy | {"others_cpu_cores": 0.2})) == []
    assert list(host.crowded({}, busy | {"server_cpu_cores": None})) == []
    assert list(host.crowded({}, {})) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            {"busy_others": [{"pid": 1, "name": "make", "cpu_cores": 0.7}, {"pid": 2, "name": "x", "cpu_cores": 0.1}]},
            "2 other processes used 0.80 cores (the busiest: make): use a quieter host",
        ),
        ({"throttled_s": 2.0, "throttled_periods": 20, "cgroup_cpus": 1.5}, "throttled for 2.00 s in 20 periods"),
        ({"governor": "powersave"}, "the CPU governor is powersave: set it to performance"),
        ({"gpu_held_down_by": ["power cap"]}, "GPU clocks were held down by power cap"),
    ],
)
def test_what_disturbs_is_a_caution(change, sentence):
    """Each thing that may disturb is one sentence with what to do; a quiet machine has none."""
    quiet = {
        "busy_others": [], "throttled_s": 0.0, "throttled_periods": 0,
        "cgroup_cpus": None, "governor": "performance",
    }  # fmt: skip
    assert list(host._cautions(quiet, 10.0)) == []
    found = list(host._cautions(quiet | change, 10.0))
    assert len(found) == 1
    assert sentence in found[0]
