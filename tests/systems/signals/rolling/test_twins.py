"""Rolling statistics at once and one value at a time: the same numbers, those of a plain formula; a bounded state."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest

from fairtrial.systems.signals.rolling.ema import Ema, ema, span
from fairtrial.systems.signals.rolling.mean import Mean, Moments, Sd, mean, sd
from fairtrial.systems.signals.rolling.minus import Before, Minus, before, minus
from fairtrial.systems.signals.rolling.robust import RobustZ, robust_z
from fairtrial.systems.signals.rolling.slope import Slope, slope

ROLLED = {
    "slope 2": (lambda x: slope(x, 2), lambda: Slope(2)),
    "slope 10": (lambda x: slope(x, 10), lambda: Slope(10)),
    "ema": (lambda x: ema(x, 0.1), lambda: Ema(0.1)),
    "z 1": (lambda x: robust_z(x, 1, min_periods=1), lambda: RobustZ(1, 1)),
    "z 40": (lambda x: robust_z(x, 40), lambda: RobustZ(40)),
    "z 41": (lambda x: robust_z(x, 41, min_periods=2), lambda: RobustZ(41, 2)),
    "mean": (lambda x: mean(x, 17), lambda: Mean(17)),
    "mean few": (lambda x: mean(x, 17, min_periods=3), lambda: Mean(17, 3)),
    "sd": (lambda x: sd(x, 17), lambda: Sd(17)),
    "sd few": (lambda x: sd(x, 17, min_periods=1), lambda: Sd(17, 1)),
    "minus": (lambda x: minus(x, 3), lambda: Minus(3)),
    "before": (lambda x: before(x, 3), lambda: Before(3)),
}


def inputs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(500)
    holes = np.where(rng.random(500) < 0.2, np.nan, x)
    infinite = x.copy()
    infinite[[0, 7, 300]] = np.inf, -np.inf, np.inf
    ties = rng.integers(-2, 3, 500).astype(float)
    jump = np.where(np.arange(500) == 100, 1e18, x)
    return {
        "normal": x, "holes": holes, "infinite": infinite, "ties": ties, "jump": jump, "large": 1e5 + 1e-3 * x,
        "constant": np.full(500, 0.1), "none": np.full(50, np.nan), "one": x[:1], "empty": x[:0],
    }  # fmt: skip


def naive(name: str, values: np.ndarray) -> float:
    """The last value by the plain formula, from all finite values so far."""
    kind, *rest = name.split()
    if kind == "slope":
        window = int(rest[0])
        return np.polyfit(np.arange(window), values[-window:], 1)[0] if len(values) >= window else math.nan
    if kind == "ema":
        weights = 0.1 * 0.9 ** np.arange(len(values))[::-1]
        weights[0] /= 0.1
        return float(weights @ values)
    if kind == "z":
        window, least = {"1": (1, 1), "40": (40, 30), "41": (41, 2)}[rest[0]]
        last = values[-window:]
        scale = 1.4826 * np.median(np.abs(last - np.median(last)))
        return (values[-1] - np.median(last)) / scale if len(last) >= least and scale >= 1e-12 else 0.0
    if kind in ("mean", "sd"):
        last = values[-17:]
        least = {"mean": 3, "sd": 2}[kind] if rest else 17
        return (np.mean(last) if kind == "mean" else np.std(last, ddof=1)) if len(last) >= least else math.nan
    then = values[-4] if len(values) >= 4 else math.nan
    return values[-1] - then if kind == "minus" else then


@pytest.mark.parametrize("kind", inputs())
@pytest.mark.parametrize("name", ROLLED)
def test_stream_equals_batch(name, kind):
    """One value at a time gives the same numbers to the last bit, missing values and constants included."""
    batch, stream = ROLLED[name]
    x, twin = inputs()[kind], stream()
    np.testing.assert_array_equal([twin.step(float(value)) for value in x], batch(x))


@pytest.mark.parametrize("kind", ["normal", "holes", "infinite", "ties", "constant"])
@pytest.mark.parametrize("name", ROLLED)
def test_batch_equals_formula(name, kind):
    """What is not finite gives NaN and is as if it had not been; the rest is the plain formula of the values so far."""
    x = inputs()[kind][:120]
    found = ROLLED[name][0](x)
    for i, value in enumerate(x):
        wanted = naive(name, x[: i + 1][np.isfinite(x[: i + 1])]) if np.isfinite(value) else math.nan
        assert found[i] == pytest.approx(wanted, rel=1e-11, abs=1e-12, nan_ok=True), (i, value)


@pytest.mark.parametrize("name", ROLLED)
def test_columns_are_apart(name):
    """A table is rolled over column by column."""
    batch, _ = ROLLED[name]
    rows = [row for row in inputs().values() if len(row) == 500]
    np.testing.assert_array_equal(batch(np.stack(rows, axis=1)), np.stack([batch(row) for row in rows], axis=1))


@pytest.mark.parametrize("name", ["slope 10", "z 40", "mean", "sd"])
def test_huge_value_leaves_nothing_behind(name):
    """Once a huge value has left the window, the numbers are those that would be without it."""
    batch, _ = ROLLED[name]
    np.testing.assert_array_equal(batch(inputs()["jump"])[150:], batch(inputs()["normal"])[150:])


def test_constants():
    """Equal values have slope, z and deviation exactly 0, and are their own mean."""
    x = inputs()["constant"]
    assert (slope(x, 10)[9:] == 0).all()
    assert (robust_z(x, 40) == 0).all()
    assert (mean(x, 17)[16:] == 0.1).all()
    assert (sd(x, 17)[16:] == 0).all()


def test_scale_below_least_is_none():
    """Deviations below 1e-12 count as none; those above do not."""
    x = np.tile([0.0, 1.0, 2.0], 20)
    assert (robust_z(1e-13 * x, 30) == 0).all()
    assert robust_z(1e-10 * x, 30)[-1] == pytest.approx(1 / 1.4826)


@pytest.mark.parametrize("name", ROLLED)
def test_state_is_bounded(name):
    """What a stream keeps does not grow with what it has seen."""
    twin, rng = ROLLED[name][1](), np.random.default_rng(0)
    sizes = []
    for _ in range(12):
        for value in rng.standard_normal(17 * 12):
            twin.step(value)
        sizes.append(len(pickle.dumps(twin)))
    assert max(sizes) <= 1.1 * sizes[0]


def test_moments_are_both():
    """Mean and deviation come from one pass."""
    twin = Moments(3)
    assert [twin.step(value) for value in (1.0, 2.0, 3.0, 4.0)][2:] == [(2.0, 1.0), (3.0, 1.0)]


def test_span():
    """A span of n is 2 / (n + 1)."""
    assert span(1) == 1
    assert span(19) == 0.1


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Slope(1), "a window of 1 values"),
        (lambda: slope(np.zeros(3), 1), "a window of 1 values"),
        (lambda: RobustZ(20), "min_periods 30 is not within 1 and the window, 20"),
        (lambda: robust_z(np.zeros(3), 20), "min_periods 30 is not within 1 and the window, 20"),
        (lambda: Mean(5, 0), "min_periods 0"),
        (lambda: Ema(0.0), "alpha 0 is not within"),
        (lambda: ema(np.zeros(3), 1.5), "alpha 1.5 is not within"),
        (lambda: Before(0), "a window of 0 values"),
    ],
)
def test_impossible_windows_are_refused(made, message):
    """A window that cannot hold what is asked of it is an error that says so."""
    with pytest.raises(ValueError, match=message):
        made()
