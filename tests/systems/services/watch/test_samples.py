"""Samples as a table and over a window."""

from __future__ import annotations

import math

import pytest

from fairtrial.systems.services.watch.gauges import Answer
from fairtrial.systems.services.watch.machine import Cores
from fairtrial.systems.services.watch.samples import HostSample, RoleSample, Samples
from fairtrial.systems.services.watch.usage import Totals

S = 1_000_000_000


def role(at_s, cpu_s, *, rss=100.0, moved=0.0, gpu=None):
    """Make a sample of a role."""
    return RoleSample(int(at_s * S), Totals(cpu_s, rss, moved, 2 * moved, 3, 2), gpu)


def host(at_s, busy_s, steal_s=0.0):
    """Make a sample of a machine of two cores."""
    return HostSample(int(at_s * S), Cores((busy_s, 0.0), 2 * at_s, steal_s, 0.0))


SAMPLES = Samples(
    {
        "server": [role(t, 0.5 * t, rss=100 + 10 * t, moved=t * 1000) for t in range(11)],
        "client": [role(t, 0.25 * t, rss=50, moved=math.nan) for t in range(11)],
    },
    [host(t, 0.75 * t, 0.02 * t) for t in range(11)],
)


def test_metrics_of_a_window():
    """CPU is the growth inside the window, memory its peak there, steal what the looks around it show."""
    found = SAMPLES.metrics(int(2.5 * S), int(7.5 * S))
    assert found["server_cpu_cores"] == pytest.approx(0.5)
    assert found["server_rss_bytes"] == 170
    assert found["client_rss_bytes"] == 50
    assert found["steal_share"] == pytest.approx(0.01)
    assert set(found) == {"server_cpu_cores", "server_rss_bytes", "client_rss_bytes", "steal_share"}


def test_a_burst_outside_the_window_does_not_count():
    """What was used before and after is not the window's."""
    burst = [role(0, 0.0), role(1, 10.0, rss=999), role(2, 10.0), role(9, 10.7), role(10, 20.0, rss=999)]
    found = Samples({"server": burst}, []).metrics(2 * S, 9 * S)
    assert found["server_cpu_cores"] == pytest.approx(0.1)
    assert found["server_rss_bytes"] == 100


def test_a_window_without_samples_is_not_known():
    """Before the first sample nothing is known, which is not zero."""
    found = SAMPLES.metrics(-5 * S, -1 * S)
    assert found["server_cpu_cores"] is None
    assert found["server_rss_bytes"] is None


def test_detail_of_a_window():
    """Each core, I/O as rates, threads and processes; I/O that may not be seen is None."""
    found = SAMPLES.detail(2 * S, 8 * S)
    assert found["core_busy"] == pytest.approx([0.75, 0.0])
    assert found["server_read_bytes_per_s"] == pytest.approx(1000)
    assert found["server_write_bytes_per_s"] == pytest.approx(2000)
    assert found["client_read_bytes_per_s"] is None
    assert found["client_cpu_cores"] == pytest.approx(0.25)
    assert (found["server_threads_max"], found["server_processes_max"]) == (3, 2)
    assert found["others_cpu_cores"] == 0.0  # 0.75 of the machine, 0.5 and 0.25 of the roles


def test_what_others_used():
    """What the machine used beside all roles is others'; where a role was not seen, nobody knows."""
    alone = Samples({"client": SAMPLES.roles["client"]}, SAMPLES.host)
    assert alone.detail(2 * S, 8 * S)["others_cpu_cores"] == pytest.approx(0.5)
    unseen = Samples({"client": SAMPLES.roles["client"], "server": SAMPLES.roles["server"][:1]}, SAMPLES.host)
    assert "others_cpu_cores" not in unseen.detail(2 * S, 8 * S)


def test_the_table():
    """A row a sample and role in the order of time; the machine has its busy cores; gauges stand with the server."""
    frame = SAMPLES.frame(2 * S, [Answer(int(3.5 * S), {"waiting": 4.0})])
    assert frame.columns == ["t_s", "role", "cpu_cores", "rss_bytes", "read_bytes", "write_bytes", "waiting"]
    assert frame["t_s"].is_sorted()
    assert frame["t_s"][0] == -2.0
    server = frame.filter((frame["role"] == "server") & frame["rss_bytes"].is_not_null())
    assert len(server) == 11
    assert server["cpu_cores"].to_list()[0] is None
    assert server["cpu_cores"].to_list()[1:] == pytest.approx([0.5] * 10)
    machine = frame.filter(frame["role"] == "machine")
    assert machine["cpu_cores"].to_list() == pytest.approx([0.75] * 10)
    asked = frame.filter(frame["waiting"].is_not_null())
    assert asked.select("t_s", "role", "waiting").rows() == [(1.5, "server", 4.0)]
    assert frame.filter(frame["role"] == "client")["read_bytes"].null_count() == 11


def test_a_gpu_has_columns_where_there_is_one():
    """Use and memory of GPUs stand with the server."""
    with_gpu = Samples({"server": [role(0, 0.0, gpu=(0.5, 7.0))]}, [])
    assert with_gpu.frame(0, []).select("gpu_util", "gpu_bytes").rows() == [(0.5, 7.0)]
    assert "gpu_util" not in SAMPLES.frame(0, []).columns


def test_nothing_sampled_is_no_table():
    """Without samples there is no frame, rather than an empty one."""
    assert Samples().frame(0, []) is None
    assert Samples().metrics(0, S) == {}
    assert Samples().lasted_s == 0.0
