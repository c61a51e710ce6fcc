"""Configurations: the same parameters are one, wherever the book has them."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.model.outcome import Status
from fairtrial.systems.signals.rank.configuration import configurations, runs_of


def test_the_same_parameters_are_one_configuration_with_each_seed_once(shelf, add) -> None:
    """A trial that a second run reused adds nothing; another day (seed) of a made-up market does."""
    synthetic = {"synthetic": {"bins": 1000}}
    for run, seed in ((1, 1), (1, 2), (2, 2), (2, 3)):
        add(run, seed=seed, data=synthetic, tp_ticks=8)
    add(2, seed=1, data=synthetic, tp_ticks=4)
    found = configurations(shelf, [1, 2])
    assert [len(one.trials) for one in found] == [3, 1]
    assert [one.evaluation["tp_ticks"] for one in found] == [8, 4]


def test_failed_and_retired_trials_are_no_results(shelf, add) -> None:
    """A retired one was tried all the same: it counts where the whole book is asked."""
    add(tp_ticks=8)
    add(tp_ticks=4, status=Status.FAILED)
    add(tp_ticks=5, retired=True)
    assert len(configurations(shelf, [1])) == 1
    assert len(configurations(shelf, [1], retired=True)) == 2


def test_means_are_weighted_by_trades(shelf, add) -> None:
    """A day with three times the trades counts three times; one without a value not at all."""
    data = {"synthetic": {"bins": 1000}}
    for seed, net, trades in ((1, 1.0, 30.0), (2, 5.0, 10.0), (3, None, 0.0)):
        add(seed=seed, data=data, metrics={"expectancy_net_ticks": net, "trades": trades})
    (one,) = configurations(shelf, [1])
    assert one.mean("expectancy_net_ticks") == pytest.approx(2.0)
    assert one.total("trades") == 40
    assert np.isnan(one.values("expectancy_net_ticks")[2])


def test_data_are_shared_where_any_day_is(shelf, add) -> None:
    """Days of one study and a data set of another are the same data."""
    add(data={"dataset": "monday"})
    add(data={"days": ["monday", "tuesday"]})
    add(data={"dataset": "tuesday"})
    add(data={"synthetic": {"bins": 1000}})
    monday, days, tuesday, made = configurations(shelf, [1])
    assert monday.shares(days)
    assert days.shares(tuesday)
    assert not monday.shares(tuesday)
    assert not monday.shares(made)


def test_only_runs_of_this_system_are_looked_at(shelf, add) -> None:
    """Oldest first."""
    for run, system in ((3, "signals"), (1, "signals"), (2, "threadpool")):
        add(run, system=system)
    assert list(runs_of(shelf)) == [1, 3]
