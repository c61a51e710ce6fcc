"""What trials of one process share."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.parameters import Parameters
from fairtrial.systems.threadpool.simulate import batched
from fairtrial.systems.threadpool.system import ThreadPool
from fairtrial.testing.context import FakeContext


def several(**words) -> list[Parameters]:
    """Make trials of three sizes on one workload."""
    workload = {"arrivals": {"rate_per_s": 900}, "cpu": {"mean_us": 3000}, "blocking": {"mean_us": 1000}}
    return [
        Parameters.model_validate({"workload": workload, "pool": {"workers": size}, "tasks": 800, **words})
        for size in (4, 8, 16)
    ]


def test_sizes_get_the_same_tasks() -> None:
    """Of one seed all sizes get the same tasks, of another seed others; alone or together the results are the same."""
    system, trials = ThreadPool(), several()
    together = system.run_many(trials, [FakeContext(7) for _ in trials])
    assert [one["arrived"] for one in together] == [together[0]["arrived"]] * 3
    alone = [system.run(one, FakeContext(7)) for one in trials]
    assert alone == list(together)
    other = system.run(trials[1], FakeContext(8))
    assert other["latency_p50_s"] != together[1]["latency_p50_s"]


def test_a_batch_gives_what_single_trials_give(monkeypatch: pytest.MonkeyPatch) -> None:
    """The batched path, here in turns on the processor in place of a GPU, is used once and changes no number."""
    calls = []
    whole = batched.run

    def here(jobs, *, gpu=False):
        calls.append((len(jobs), gpu))
        return whole(jobs)

    monkeypatch.setattr(batched, "run", here)
    system = ThreadPool()
    batch = system.run_many(several(gpu=True), [FakeContext(7) for _ in range(3)])
    single = system.run_many(several(), [FakeContext(7) for _ in range(3)])
    assert calls == [(3, True)]
    for one, other in zip(batch, single, strict=True):
        assert one.keys() == other.keys()
        values = [(one[name], other[name]) for name in one if other[name] is not None]
        assert np.allclose([a for a, _ in values], [b for _, b in values], rtol=1e-9)
