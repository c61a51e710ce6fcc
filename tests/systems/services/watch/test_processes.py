"""The sampler: by hand with a clock of the test, and for real."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from fairtrial.systems.services.watch.machine import Cores
from fairtrial.systems.services.watch.processes import Sampler, Sources
from fairtrial.systems.services.watch.usage import Meter, Usage

S = 1_000_000_000


BUSY = """
import time
print(1, flush=True)
end = time.process_time() + 0.3
while time.process_time() < end:
    pass
print(2, flush=True)
input()
"""


class World:
    """A machine whose time, processes and GPU a test moves."""

    def __init__(self):
        self.now = 0
        self.cpu = {1: 0.0, 2: 0.0}
        self.tree = {1: [1], 2: [2], os.getpid(): [os.getpid()]}
        self.looks = 0
        self.open = 0

    def sources(self, *, gpu=False):
        """Return where the sampler looks."""
        return Sources(
            clock=lambda: self.now,
            meter=lambda roots: Meter(roots, read=self.read, below=self.below),
            cores=lambda: Cores((self.now / S * 0.5,), max(self.now / S, 1e-9), 0.0, 0.0),
            gpus=lambda: self.gpus(present=gpu),
        )

    def read(self, pid):
        """Return what a process has used."""
        return Usage(1.0, self.cpu[pid], 2**20, 0, 1, 0.0, 0.0) if pid in self.cpu else None

    def below(self, pid):
        """List the tree, counting who asks."""
        self.looks += 1
        return self.tree[pid]

    @contextmanager
    def gpus(self, *, present):
        """Open a GPU that is half busy."""
        self.open += 1
        yield self if present else None
        self.open -= 1

    def read_gpu(self):
        """Return use and memory."""
        return 0.5, 1.0


def by_hand(world, roles, seconds, *, each):
    """Sample every 0.2 s by hand, moving the world before."""
    sampler = Sampler(roles, interval_s=3600, sources=world.sources())
    for tick in range(int(seconds * 5) + 1):
        world.now = int(tick * 0.2 * S)
        each(tick)
        sampler.sample()
    return sampler


def test_cpu_is_told_by_role():
    """Two roles that use half a core and a tenth are told apart; children are looked for once a second."""
    world = World()

    def each(tick):
        world.cpu |= {1: tick * 0.1, 2: tick * 0.02}

    sampler = by_hand(world, {"server": [1], "client": [2]}, 10, each=each)
    found = sampler.detail(0, 10 * S)
    assert found["server_cpu_cores"] == pytest.approx(0.5)
    assert found["client_cpu_cores"] == pytest.approx(0.1)
    assert sampler.summary(0, 10 * S)["server_cpu_cores"] == pytest.approx(0.5)
    assert world.looks == 2 * 11


def test_children_are_found_again():
    """A child that is born while the run lasts counts from the next look on, with all that it used."""
    world = World()

    def each(tick):
        if tick == 20:
            world.tree[1] = [1, 7]
        if tick >= 20:
            world.cpu[7] = (tick - 20) * 0.2

    sampler = by_hand(world, {"server": [1]}, 10, each=each)
    assert sampler.summary(6 * S, 10 * S)["server_cpu_cores"] == pytest.approx(1.0)


def test_a_process_of_two_roles_counts_for_the_first():
    """A server that this process started is the server's, not also the client's."""
    world = World()
    world.tree[2] = [2, 1]

    def each(tick):
        world.cpu |= {1: tick * 0.2, 2: 0.0}

    found = by_hand(world, {"server": [1], "client": [2]}, 4, each=each).detail(0, 4 * S)
    assert found["server_cpu_cores"] == pytest.approx(1.0)
    assert found["client_cpu_cores"] == pytest.approx(0.0)


def test_a_server_that_dies_leaves_its_samples():
    """When all processes of a role are gone, sampling goes on for the others."""
    world = World()

    def each(tick):
        if tick == 10:
            del world.cpu[1]

    sampler = by_hand(world, {"server": [1], "client": [2]}, 4, each=each)
    frame = sampler.frame(0)
    assert frame.filter(frame["role"] == "server")["t_s"].max() == pytest.approx(1.8)
    assert frame.filter(frame["role"] == "client")["t_s"].max() == pytest.approx(4.0)


def test_a_server_elsewhere_has_no_samples():
    """Without process ids of the server its metrics are not there."""
    found = by_hand(World(), {"server": [], "client": [2]}, 2, each=lambda tick: None).summary(0, 2 * S)
    assert not [name for name in found if name.startswith("server")]


def test_a_run_for_real():
    """A child that computes is seen to use CPU; the sampler, its thread and the gauges end with the block."""
    asked = threading.Event()

    async def ask():
        asked.set()
        return {"waiting": 2.0}

    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        with Sampler({"server": [process.pid], "client": [0]}, interval_s=0.02, gauges=ask) as sampler:
            begin = time.perf_counter_ns()
            process.stdout.readline()
            end = time.perf_counter_ns()
            assert asked.wait(30)
        process.communicate(b"\n")
    found = sampler.summary(begin, end)
    used_s = found["server_cpu_cores"] * (end - begin) / S
    assert 0.15 <= used_s <= 0.5
    assert found["server_rss_bytes"] > 2**20
    assert found["client_rss_bytes"] > 2**20
    assert 0 <= found["steal_share"] <= 1
    detail = sampler.detail(0, 2**63 - 1)
    assert detail["gauges"]["waiting"]["last"] == 2.0
    assert detail["sampler_cpu_share"] > 0
    assert {"server", "client", "machine"} == set(sampler.frame(begin)["role"])
    assert not [each.name for each in threading.enumerate() if each.name.startswith("fairtrial-")]


def test_gpus_are_read_and_closed():
    """A GPU is open while the sampler is, and its use stands with the server."""
    world = World()
    sources = world.sources(gpu=True)
    world.read, real = world.read_gpu, world.read
    sources = Sources(
        clock=sources.clock,
        meter=lambda roots: Meter(roots, read=real, below=world.below),
        cores=sources.cores,
        gpus=sources.gpus,
    )
    with Sampler({"server": [1], "client": [2]}, interval_s=3600, sources=sources) as sampler:
        assert world.open == 1
    assert world.open == 0
    frame = sampler.frame(0)
    assert frame.filter(frame["role"] == "server")["gpu_util"].to_list()[0] == 0.5
    assert frame.filter(frame["role"] == "client")["gpu_util"].null_count() == len(
        frame.filter(frame["role"] == "client")
    )
