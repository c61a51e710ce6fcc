"""Draws of virtual services: means and spreads, streams that do not depend on the load, speeds that do."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from fairtrial.stats.resample import generator
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.virtual.draw import demands, lengths, recalls, salted, speed, thinks, unit
from fairtrial.systems.services.virtual.words import Errors, Service, Shape, Stream


@pytest.mark.parametrize(
    ("service", "cv"),
    [
        (Service(kind="constant"), 0.0),
        (Service(kind="exponential"), 1.0),
        (Service(kind="gamma", cv=0.5), 0.5),
        (Service(kind="lognormal", cv=1.5), 1.5),
    ],
)
def test_service_times_have_mean_one_and_their_spread(service, cv):
    """Unit service times have mean 1 within three standard errors, and the coefficient of variation that was asked."""
    drawn = unit(service, np.random.default_rng(0), 400_000)
    assert drawn.mean() == pytest.approx(1, abs=3 * cv / np.sqrt(len(drawn)) + 1e-12)
    assert drawn.std() == pytest.approx(cv, rel=0.05)


def test_demands_scale_with_slowdown_and_speed():
    """A slower service needs the same draws times its factors."""
    plain = [need[0] for need in islice(demands(Shape(), 3), 10)]
    slowed = [need[0] for need in islice(demands(Shape(slowdown=2.0), 3, speed=1.5), 10)]
    assert slowed == pytest.approx([3.0 * work for work in plain])


def test_streams_do_not_disturb_each_other():
    """Errors and tokens are drawn from streams of their own: service times stay as they are."""
    plain = [need[0] for need in islice(demands(Shape(), 3), 5000)]
    failing = [need[0] for need in islice(demands(Shape(errors=Errors(rate=0.5)), 3), 5000)]
    assert failing == plain


def test_tokens_are_work():
    """A request of n tokens works n - 1 intervals beyond its service time."""
    shape = Shape(stream=Stream(tokens_out=20, cv=0.5, per_token_s=0.01))
    plain = [need[0] for need in islice(demands(Shape(), 3), 100)]
    for service, (work, later, tokens, _) in zip(plain, islice(demands(shape, 3), 100), strict=True):
        assert later == pytest.approx(0.01 * (tokens - 1))
        assert work == pytest.approx(service + later)


def test_lengths_of_answers():
    """Lengths are whole, at least one, all the same without a spread, and of the declared mean with one."""
    rng = np.random.default_rng(0)
    assert set(lengths(64.0, 0.0, rng).tolist()) == {64}
    drawn = lengths(64.0, 0.5, rng)
    assert drawn.min() >= 1
    assert drawn.mean() == pytest.approx(64, rel=0.03)


def test_errors_come_at_their_rate():
    """The share of requests that fail is the declared rate, within three standard errors."""
    failed = np.mean([need[3] for need in islice(demands(Shape(errors=Errors(rate=0.1)), 0), 20_000)])
    assert failed == pytest.approx(0.1, abs=3 * np.sqrt(0.09 / 20_000))


def test_thinks():
    """Pauses are constant, or exponential of the declared mean; without any they are 0."""
    assert list(islice(thinks(Load(think_s=0.5, think="constant"), 0), 3)) == [0.5] * 3
    assert list(islice(thinks(Load(), 0), 3)) == [0.0] * 3
    drawn = np.array(list(islice(thinks(Load(think_s=0.5), 0), 20_000)))
    assert drawn.mean() == pytest.approx(0.5, abs=3 * 0.5 / np.sqrt(20_000))


def test_recall():
    """Recall is a share of ten neighbours of the declared mean; without it there is none."""
    drawn = recalls(0.9, 20_000, 0)
    assert set(np.rint(drawn * 10) - drawn * 10) <= {0.0}
    assert drawn.mean() == pytest.approx(0.9, abs=3 * np.sqrt(0.009 / 20_000))
    assert np.isnan(recalls(None, 3, 0)).all()


def test_speeds_differ_between_settings():
    """A run's speed is log-normal of its sd; another seed, load or service has another speed, the same run the same."""
    shape = Shape(between_run_sd=0.05)
    speeds = np.log([speed(shape, Load(), seed) for seed in range(2000)])
    assert speeds.mean() == pytest.approx(0, abs=3 * 0.05 / np.sqrt(2000))
    assert speeds.std() == pytest.approx(0.05, rel=0.05)
    assert speed(shape, Load(), 1) == speed(shape, Load(), 1)
    others = [(shape, Load(clients=2)), (shape.model_copy(update={"slowdown": 1.15}), Load()), (shape, Load())]
    assert len({speed(one, load, seed) for seed, (one, load) in enumerate(others)}) == 3
    assert speed(shape, Load(clients=2), 1) != speed(shape, Load(), 1)
    assert speed(Shape(), Load(), 1) == 1.0


def test_salt_draws_anew():
    """Salt 0 leaves the seed; any other gives another one, always the same."""
    assert salted(7, 0) == 7
    assert salted(7, 1) == salted(7, 1) != salted(7, 2)
    assert generator(salted(7, 1), "service").random() != generator(7, "service").random()
