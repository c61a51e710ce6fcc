"""How configurations stand: p after all that was tried, expectancies drawn together, Sharpe ratios deflated."""

from __future__ import annotations

import pytest
from scipy.stats import combine_pvalues

from fairtrial.systems.signals.rank.configuration import configurations
from fairtrial.systems.signals.rank.standing import standings


def stand(shelf, runs=(1,)):
    return standings(configurations(shelf, runs), configurations(shelf, sorted(shelf.known), retired=True))


def test_p_is_corrected_for_all_that_the_book_has_of_the_data(shelf, add) -> None:
    """Nine more in another run, on the same data, make p ten times as large; those on other data change nothing."""
    add(tp_ticks=8)
    (alone,) = stand(shelf)
    assert (alone.p, alone.p_adjusted, alone.tried) == (0.001, 0.001, 1)
    for tp in range(10, 19):
        add(2, tp_ticks=tp, metrics={"p_random": 0.5}, retired=tp == 10)
    add(3, data={"dataset": "friday"}, tp_ticks=8)
    (among,) = stand(shelf)
    assert (among.p_adjusted, among.tried) == (pytest.approx(0.01), 10)


def test_days_are_combined(shelf, add) -> None:
    """Independent days by Fisher's method; the interval comes from their errors."""
    for seed, p in ((1, 0.04), (2, 0.2), (3, 0.5)):
        add(seed=seed, data={"synthetic": {"bins": 1000}}, metrics={"p_random": p})
    (one,) = stand(shelf)
    assert one.p == pytest.approx(combine_pvalues([0.04, 0.2, 0.5], method="fisher").pvalue)
    assert one.high - one.net == pytest.approx(0.6 / 3**0.5)


def test_the_best_of_many_is_drawn_towards_the_rest(shelf, add) -> None:
    """With seven that gain nothing, one that seems to gain keeps a part of it only; alone it keeps all."""
    add(tp_ticks=8)
    assert stand(shelf)[0].adjusted == pytest.approx(1.0)
    for tp in range(10, 17):
        add(
            tp_ticks=tp,
            metrics={"expectancy_net_ticks": 0.0, "expectancy_low_ticks": -0.6, "expectancy_high_ticks": 0.6},
        )
    rows = stand(shelf)
    assert 0 < rows[0].adjusted < 0.9
    assert max(rows, key=lambda one: one.adjusted) is rows[0]


def test_the_deflated_sharpe_ratio_falls_with_what_was_tried(shelf, add) -> None:
    """The more configurations with spread-out Sharpe ratios, the better the best has to be."""
    add(tp_ticks=8)
    (alone,) = stand(shelf)
    for tp in range(10, 30):
        add(tp_ticks=tp, metrics={"sharpe_trade": 0.3 * (-1) ** tp})
    assert stand(shelf)[0].deflated < alone.deflated


def test_what_has_no_trades_has_no_standing(shelf, add) -> None:
    """Undefined, not zero; and it is no test that the others are corrected for."""
    add(tp_ticks=8)
    nothing = dict.fromkeys(("expectancy_net_ticks", "expectancy_low_ticks", "expectancy_high_ticks", "p_random"))
    add(tp_ticks=9, metrics={**nothing, "trades": 0.0, "sharpe_trade": None})
    first, second = stand(shelf)
    assert first.p_adjusted == 0.001
    assert (second.net, second.low, second.adjusted, second.p_adjusted, second.deflated) == (None,) * 5


def test_trades_that_overlap_have_no_deflated_sharpe_ratio(shelf, add) -> None:
    """So many of them are not so many observations; their interval and p take the overlap into account."""
    add(tp_ticks=8, overlap="independent")
    (one,) = stand(shelf)
    assert one.deflated is None
    assert one.p_adjusted == 0.001
