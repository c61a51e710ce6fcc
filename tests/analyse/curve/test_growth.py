"""What scaling and crossover share: laws in words, bands of draws, and sizes that carry no evidence left out."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.analyse.curve.growth import bands, curve, formula, growth, slopes
from fairtrial.analyse.data import data
from fairtrial.model.study import Direction, Metric
from fairtrial.stats.multiplier import multipliers
from fairtrial.stats.resample import percentile
from fairtrial.stats.scaling import EXPONENTIAL, FLAT, LOG, POWER, Task, fit
from fairtrial.testing.worlds import measured

LOSS = Metric("loss", Direction.MINIMIZE)
X = np.array([10.0, 100.0, 1000.0, 10_000.0])


@pytest.mark.parametrize(
    ("law", "values", "text"),
    [
        (POWER, 0.3 + 2 * X**-0.5, "0.3 + 2 n^-0.5"),
        (EXPONENTIAL, 0.3 + 0.5 * np.exp(-X / 700), "0.3 + 0.5 exp(-n / 700)"),
        (LOG, 1.0 - 0.05 * np.log(X), "1 - 0.05 ln(n)"),
        (FLAT, np.full(4, 0.25), "0.25"),
    ],
)
def test_laws_in_words(law, values, text):
    """A law is written with the numbers that made it."""
    task = Task(X, np.ones(4), 0, falling=True, bounded=True)
    assert formula(fit(task, values[None], law), "n") == text


def test_a_ceiling_is_written_with_a_minus():
    """A metric that rises comes up to E."""
    task = Task(X, np.ones(4), 0, falling=False, bounded=False)
    assert formula(fit(task, (0.9 - 2 * X**-0.5)[None], POWER), "n") == "0.9 - 2 n^-0.5"


def test_bands_are_percentiles_of_each_column():
    """All columns at once say what one at a time does."""
    draws = np.random.default_rng(0).standard_normal((199, 3))
    low, high = bands(draws, 0.9)
    assert [(a, b) for a, b in zip(low, high, strict=True)] == [percentile(column, 0.9) for column in draws.T]


def test_a_size_with_one_value_is_not_fitted():
    """Where others have replicates, one value has no noise to weigh it by; its trend still counts as missing."""
    values = (0.3 + 2 * X**-0.5)[:, None] + np.array([0.0, 0.01, -0.01])
    values[1, 1:] = np.nan
    found = growth(data(measured(X.tolist(), {"": values})), LOSS, "n")
    assert found.x.tolist() == [10, 1000, 10_000]
    assert len(found.ladder.points) == 4
    assert len(slopes(found)) == 3


def test_the_band_holds_the_curve():
    """A curve runs over the sizes measured, from the smallest to the largest, inside its band."""
    rng = np.random.default_rng(0)
    values = (0.3 + 2 * X**-0.5)[:, None] * (1 + 0.02 * rng.standard_normal((4, 5)))
    found = growth(data(measured(X.tolist(), {"": values})), LOSS, "n")
    made = curve(found, found.drawn(multipliers(5, 199, rng)), 0.95)
    assert (made.x[0], made.x[-1]) == (10, 10_000)
    assert all(low <= y <= high for low, y, high in zip(made.low, made.y, made.high, strict=True))


def test_a_metric_without_direction_goes_where_its_means_go():
    """Then a fall is taken for an error, a rise for a score."""
    for sign, falling in ((1, True), (-1, False)):
        values = np.repeat(sign * (0.3 + 2 * X**-0.5)[:, None], 2, axis=1)
        found = growth(data(measured(X.tolist(), {"": values})), Metric("loss"), "n")
        assert found.fits.task.falling is falling
        assert found.law.law == POWER
