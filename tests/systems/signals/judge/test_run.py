"""A whole evaluation: what may not leak, days, adaptive thresholds, edges of data, both protocols' names."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from fairtrial.errors import FairtrialError
from fairtrial.systems.signals.judge.fold import cut
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.metrics import measured
from fairtrial.systems.signals.record import Trades
from fairtrial.systems.signals.words import Costs, Evaluation, Folds

SMALL = Evaluation(
    tp_ticks=3, sl_ticks=2, max_hold_bins=60, warmup_bins=50, cooldown_bins=5, folds=Folds(embargo_bins=20)
)
HOLDOUT = {"holdout_net_ticks", "holdout_trades"}


@pytest.fixture
def drawn(market_of, walk, lingering):
    """Draw markets and values."""

    def draw(*lengths, seed=0):
        rng = np.random.default_rng(seed)
        markets = [market_of(*walk(n, rng, moves=0.8)) for n in lengths]
        return markets, [lingering(n, rng, 0.9) for n in lengths]

    return draw


def run(markets, values, signal, evaluation=SMALL, seed=0):
    """Judge with a stream of its own."""
    return judge(markets, values, signal=signal, evaluation=evaluation, rng=np.random.default_rng(seed))


def part(trades, chosen):
    """Return some trades."""
    return Trades(*(getattr(trades, field.name)[chosen] for field in fields(Trades)))


def alike(one, other):
    """Compare trades."""
    for field in fields(Trades):
        assert np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=True)


def test_the_final_block_is_in_no_other_metric(drawn, market_of, plain):
    """Other prices and values there change its own two metrics, and nothing else."""
    (market,), (values,) = drawn(4000)
    start = cut([4000], SMALL).final.test.start
    mid, other = market.mid_ticks.copy(), values.copy()
    mid[start:], other[start:] = mid[start] + np.arange(4000 - start) * 0.5, np.roll(values[start:], 7)
    signal = plain(quantiles=(0.5, 0.8, 0.9))
    half = market.half_spread_ticks
    one, two = run([market], [values], signal), run([market_of(mid, half)], [other], signal)
    assert {name for name, value in one.metrics.items() if two.metrics[name] != value} == HOLDOUT
    alike(part(one.trades, one.trades.fold >= 0), part(two.trades, two.trades.fold >= 0))
    for name, column in one.thresholds.items():
        assert column.tolist() == two.thresholds[name].tolist()


@pytest.mark.parametrize("fold", [0, 2, 4])
def test_the_future_changes_nothing_before(fold, drawn, market_of, plain):
    """Prices and values from a test's end on are shuffled: thresholds and trades up to there stay."""
    (market,), (values,) = drawn(4000)
    stop = cut([4000], SMALL).folds[fold].test.stop
    order = np.concatenate([np.arange(stop), stop + np.random.default_rng(1).permutation(4000 - stop)])
    signal = plain(quantiles=(0.5, 0.8, 0.9))
    again = market_of(market.mid_ticks[order], market.half_spread_ticks[order])
    one, two = run([market], [values], signal), run([again], [values[order]], signal)
    known = [(found.trades.fold >= 0) & (found.trades.fold <= fold) for found in (one, two)]
    assert known[0].any()
    alike(part(one.trades, known[0]), part(two.trades, known[1]))


def test_adaptive_thresholds_see_training_alone(drawn, plain):
    """What the signal is asked with are the finite values of each fold's training, no others."""
    (market,), (values,) = drawn(4000)
    values[100:120] = np.nan
    asked = []

    class Asking(plain):
        def thresholds(self, given):
            asked.append(given)
            return super().thresholds(given)

    found = run([market], [values], Asking(quantiles=(0.5, 0.9)))
    time = cut([4000], SMALL)
    for fold, given in zip((*time.folds, time.final), asked, strict=True):
        (training,) = fold.training
        expected = values[training.start : training.stop]
        assert np.array_equal(given, expected[~np.isnan(expected)])
    assert sorted(set(found.thresholds["fold"].tolist())) == [-1, 0, 1, 2, 3, 4]
    assert [found.thresholds["chosen"][found.thresholds["fold"] == fold].sum() for fold in range(5)] == [1] * 5


def test_days(drawn, plain):
    """Three days: the first two are tested with each other's threshold, the last is final; nothing crosses midnight."""
    markets, values = drawn(1500, 1800, 1600)
    found = run(markets, values, plain())
    assert set(found.metrics) == measured("honest")
    assert set(zip(found.trades.market.tolist(), found.trades.fold.tolist(), strict=True)) == {(0, 0), (1, 1), (2, -1)}
    assert (found.trades.entry_bin[found.trades.outcome != 4] < 1800).all()
    swapped = run([markets[1], markets[0], markets[2]], [values[1], values[0], values[2]], plain())
    for name in ("trades", "expectancy_net_ticks", "holdout_net_ticks", "signals", "events_per_hour", "threshold"):
        assert found.metrics[name] == pytest.approx(swapped.metrics[name])
    assert set(found.blocks["market"].tolist()) == {0, 1}


def test_two_days(drawn, plain):
    """The first is walked forward, the second is final."""
    found = run(*drawn(3000, 2000), plain())
    assert set(zip(found.trades.market.tolist(), found.trades.fold.tolist(), strict=True)) == {
        *((0, at) for at in range(5)),
        (1, -1),
    }


def test_a_given_threshold_is_not_chosen(drawn, plain):
    """It trades in every fold, though nothing was learnt."""
    found = run(*drawn(4000), plain(), SMALL.model_copy(update={"threshold": 0.7}))
    assert found.metrics["threshold"] == pytest.approx(0.7)
    assert set(found.trades.threshold.tolist()) == {0.7}


@pytest.mark.parametrize("protocol", ["honest", "original"])
@pytest.mark.parametrize("bins", [0, 1, 40, 60, 130])
def test_hardly_any_data(protocol, bins, market_of, plain):
    """From nothing to less than one trade: every name is there, undefined ones are None, nothing is raised."""
    evaluation = SMALL.model_copy(update={"protocol": protocol})
    found = run([market_of(np.full(bins, 10.0))], [np.ones(bins)], plain(), evaluation)
    assert set(found.metrics) == measured(protocol)
    assert found.metrics.get("expectancy_net_ticks") is None


@pytest.mark.parametrize("protocol", ["honest", "original"])
def test_no_values_at_all(protocol, drawn, plain):
    """A signal that is NaN throughout trades nothing, adaptive or not."""
    (market,), _ = drawn(2000)
    for signal in (plain(), plain(quantiles=(0.5,))):
        found = run([market], [np.full(2000, np.nan)], signal, SMALL.model_copy(update={"protocol": protocol}))
        assert len(found.trades) == 0
        assert not found.metrics["signals"]


def test_original_shows_every_threshold_and_its_best(drawn, plain):
    """The metrics are the row of the highest tp_rate that has enough signals."""
    evaluation = Evaluation(
        protocol="original", tp_ticks=3, sl_ticks=2, max_hold_bins=60, warmup_bins=50, min_signals=30
    )
    found = run(*drawn(4000), plain(levels=(0.3, 0.8, 1.3, 2.9)), evaluation)
    table = found.thresholds
    assert table["threshold"].tolist() == [0.3, 0.8, 1.3, 2.9]
    enough = table["n_signals"] >= 30
    assert not enough.all()
    assert found.metrics["tp_rate"] == table["tp_rate"][enough].max()
    row = int(np.flatnonzero(table["threshold"] == found.metrics["threshold"])[0])
    assert found.metrics["signals"] == table["n_signals"][row]
    assert len(found.trades) == table["n_signals"].sum()
    assert found.blocks["trades"].sum() == table["n_signals"][row]
    nobody = run(*drawn(4000), plain(), evaluation.model_copy(update={"min_signals": 10_000}))
    assert set(nobody.metrics.values()) == {None}
    assert len(nobody.thresholds["threshold"]) == 3


def test_original_looks_ahead_and_says_so_by_its_threshold(drawn, plain):
    """Adaptive thresholds are quantiles of all values after the warm-up."""
    markets, (values,) = drawn(3000)
    evaluation = Evaluation(protocol="original", warmup_bins=50)
    found = run(markets, [values], plain(quantiles=(0.5, 0.9)), evaluation)
    assert found.thresholds["threshold"].tolist() == np.quantile(np.abs(values[50:]), (0.5, 0.9)).tolist()


def test_the_same_stream_gives_the_same(drawn, plain):
    """Byte for byte; another stream moves what is drawn, and nothing else."""
    given = drawn(4000)
    one, two, other = run(*given, plain()), run(*given, plain()), run(*given, plain(), seed=1)
    assert one.metrics == two.metrics
    moved = {name for name in one.metrics if one.metrics[name] != other.metrics[name]}
    assert moved <= {
        "p_random",
        "random_ticks",
        "excess_ticks",
        "random_draws",
        "expectancy_low_ticks",
        "expectancy_high_ticks",
    }


def test_costs_only_cost(drawn, plain):
    """A tick more of fees is a tick less for each trade; the gross results stay."""
    evaluation = SMALL.model_copy(update={"threshold": 0.8})
    dearer = evaluation.model_copy(update={"costs": Costs(fee_ticks=1.5)})
    one, two = run(*drawn(4000), plain(), evaluation), run(*drawn(4000), plain(), dearer)
    assert two.metrics["expectancy_net_ticks"] == pytest.approx(one.metrics["expectancy_net_ticks"] - 1)
    assert two.metrics["mean_pnl_ticks"] == one.metrics["mean_pnl_ticks"]
    assert two.metrics["excess_ticks"] == pytest.approx(one.metrics["excess_ticks"])


def test_what_does_not_fit_is_refused(drawn, plain):
    """No market, or values of another length: a bug of the caller."""
    markets, values = drawn(100)
    for given in (([], []), (markets, [values[0][:-1]]), (markets, [])):
        with pytest.raises(FairtrialError):
            run(*given, plain())
