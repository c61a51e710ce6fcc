"""Plain functions as signals: their parameters, their results, their streams."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.errors import UserError
from fairtrial.systems.signals.online.parity import parity
from fairtrial.systems.signals.plain import declare, wrapped
from fairtrial.systems.signals.record import Bins, Market


@pytest.fixture
def market() -> Market:
    """200 bins of a walk, five of them without a book, and one column."""
    rng, number = np.random.default_rng(0), np.arange(200)
    mid = 100 + 0.25 * np.cumsum(rng.integers(-1, 2, 200))
    valid = number % 40 != 7
    zero = np.zeros(200, dtype=np.int64)
    bins = Bins(
        number, number + 1, number, number + 1, np.where(valid, mid, np.nan), zero, zero, valid, zero, zero, zero
    )
    return Market("walk", bins, {"add_mass": rng.random((200, 101))}, 0.25, 0.1)


@declare(columns=["add_mass"], window=lambda lag, scale: lag + 1)
def change(market, *, lag: int = 3, scale: float = 1.0):
    """Change of the added mass.

    More words.
    """
    total = market.columns["add_mass"].sum(axis=1)
    return np.concatenate((np.full(lag, np.nan), scale * (total[lag:] - total[:-lag])))[: len(total)]


def test_batch(market):
    """The function gets the market and its parameters, and its values come back."""
    found = wrapped("change", change)
    values = found.batch(market, found.Parameters(lag=2, scale=10), seed=0)
    total = market.columns["add_mass"].sum(axis=1)
    assert np.isnan(values[:2]).all()
    assert values[5] == pytest.approx(10 * (total[5] - total[3]))
    assert found.columns == ("add_mass",)
    assert found.help == "Change of the added mass."


def test_stream_equals_batch(market):
    """The stream replays the function over its window, and says the same from the first bin on."""
    found = wrapped("change", change)
    for parameters in (found.Parameters(), found.Parameters(lag=17)):
        assert parity(found, parameters, market, seed=0).equal


def test_stream_keeps_its_window_alone(market):
    """However long it runs, the function sees the declared window and no more."""
    lengths = []

    @declare(window=4, columns=["add_mass"])
    def f(seen):
        lengths.append(len(seen))
        return seen.columns["add_mass"][:, 0]

    stream = wrapped("f", f).stream(wrapped("f", f).Parameters(), tick_size=0.25, bin_s=0.1, seed=0)
    for number in range(20):
        now = market.bin(number)
        assert stream.step(now) == now.columns["add_mass"][0]
    assert max(lengths) == 4
    assert lengths[-1] == 4


def test_no_window_no_stream():
    """A function that declares no window has no streaming twin, and says how to get one."""
    found = wrapped("f", lambda market: market.mid_ticks)
    with pytest.raises(UserError, match=r"'f' has no streaming twin: it declares no window .*@declare"):
        found.stream(found.Parameters(), tick_size=0.25, bin_s=0.1, seed=0)


def test_window_must_be_a_count():
    """A window of no bins is refused."""
    found = wrapped("f", declare(window=0)(lambda market: market.mid_ticks))
    with pytest.raises(UserError, match="'f' declares a window of 0"):
        found.stream(found.Parameters(), tick_size=0.25, bin_s=0.1, seed=0)


def test_what_a_stream_is_not_told_fails(market):
    """The spread is not part of a bin: a stream that reads it fails, instead of reading zeros."""
    found = wrapped("f", declare(window=3)(lambda market: market.half_spread_ticks))
    stream = found.stream(found.Parameters(), tick_size=0.25, bin_s=0.1, seed=0)
    with pytest.raises(UserError, match=r"'f' fails on its window: .*not the best prices"):
        stream.step(market.bin(0))
    with pytest.raises(UserError, match="'f' fails on its window: operands could not be broadcast"):
        stream.step(market.bin(1))


def test_seed(market):
    """An argument named seed gets the trial's seed, and is no parameter."""
    found = wrapped("f", lambda market, *, seed=0: np.full(len(market), seed))
    assert found.Parameters.model_fields == {}
    assert found.batch(market, found.Parameters(), seed=7)[0] == 7


def test_thresholds_adapt_unless_declared():
    """Without thresholds of its own, those of a function are quantiles of |value|."""
    values = np.linspace(-1, 1, 201)
    assert wrapped("f", lambda market: 0).thresholds(values) == pytest.approx(
        (0.5, 0.7, 0.8, 0.9, 0.95, 0.99), abs=0.01
    )
    assert wrapped("f", declare(thresholds=[3, 1])(lambda market: 0)).thresholds(values) == (1, 3)
    assert wrapped("f", lambda market: 0).thresholds(np.array([])) == ()


@pytest.mark.parametrize("wrong", [np.zeros(3), np.zeros((200, 1)), np.array(["a"] * 200), 1.0])
def test_wrong_results(wrong, market):
    """Anything but a number for each bin is refused."""
    found = wrapped("f", lambda market: wrong)
    with pytest.raises(UserError, match=r"signal 'f' returned .* of shape .*a number for each of 200 bins"):
        found.batch(market, found.Parameters(), seed=0)


def test_wrong_signatures():
    """A function without a market, with nameless parameters, or with types that do not read, is refused."""

    def unreadable(market, *, lag: NoSuchType = 3): ...  # noqa: F821

    for function, message in (
        (lambda: 0, "its first argument is not the market"),
        (lambda market, *many: 0, r"\*many names no parameter"),
        (lambda market, **more: 0, r"\*\*more names no parameter"),
        (unreadable, "an annotation cannot be read"),
    ):
        with pytest.raises(UserError, match=message):
            wrapped("f", function)


def test_unknown_parameters_are_refused():
    """The model of a function's parameters takes no other keys, and checks types."""
    found = wrapped("change", change)
    for given in ({"lagg": 3}, {"lag": "three"}):
        with pytest.raises(ValueError, match="validation error"):
            found.Parameters.model_validate(given)
