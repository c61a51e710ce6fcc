"""pfp against a plain formula, on a front that moves in, and what its settings must be."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.signals.formula.pfp import Pfp, PfpParameters
from fairtrial.systems.signals.record import REACH


def band(row: np.ndarray, side: int, first: int, last: int) -> float:
    """The mean of a band's cells, cell by cell."""
    return sum(row[REACH + side * k] for k in range(first, last + 1)) / (last - first + 1)


def lead(rows: np.ndarray, side: int, lag: int) -> float:
    """The lead of a side at the last row."""
    inner, outer = ([band(row, side, *cells) for row in rows] for cells in ((1, 3), (5, 12)))
    then, now = inner[lag] * outer[0], inner[lag] * outer[lag]
    for i in range(lag + 1, len(rows)):
        then = 0.9 * then + 0.1 * inner[i] * outer[i - lag]
        now = 0.9 * now + 0.1 * inner[i] * outer[i]
    return then / (now + 1e-9)


def test_value_by_hand(noise):
    """The value is 0.6 of the bid's lead over the ask's in adds and fills, 0.4 of the ask's over the bid's in pulls."""
    market = noise(12, Pfp.columns, invalid=0.0)
    come, gone = market.columns["v_add"] + market.columns["v_fill"], market.columns["v_pull"]
    found = Pfp().batch(market, PfpParameters(), seed=0)
    assert np.isnan(found[:5]).all()
    for i in range(5, 12):
        seen = slice(0, i + 1)
        wanted = 0.6 * (lead(come[seen], -1, 5) - lead(come[seen], 1, 5))
        wanted += 0.4 * (lead(gone[seen], 1, 5) - lead(gone[seen], -1, 5))
        assert found[i] == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(("column", "side", "sign"), [("v_add", -1, 1), ("v_fill", 1, -1), ("v_pull", 1, 1)])
def test_front_that_moves_in(column, side, sign, noise):
    """Pulses that reach the inner band five bins after the outer one lead, most of all at that lag."""
    market = noise(400, Pfp.columns, invalid=0.0)
    for values in market.columns.values():
        values[:] = 1.0
    outer = np.exp(np.random.default_rng(0).standard_normal(400))
    for k in range(5, 13):
        market.columns[column][:, REACH + side * k] = outer
    for k in range(1, 4):
        market.columns[column][5:, REACH + side * k] = outer[:-5]
    means = [np.nanmean(Pfp().batch(market, PfpParameters(lag=lag), seed=0)) for lag in (3, 5, 7)]
    assert sign * means[1] > 0.2
    assert sign * means[1] > 3 * max(abs(means[0]), abs(means[2]))


def test_no_activity_leads_nothing(noise):
    """Where nothing happens the value is 0, not a division by nothing."""
    market = noise(20, Pfp.columns, invalid=0.0)
    for values in market.columns.values():
        values[:] = 0.0
    assert (Pfp().batch(market, PfpParameters(), seed=0)[5:] == 0).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inner": [3, 1]}, r"inner \[3, 1\]: the first cell lies beyond the last"),
        ({"outer": [3, 12]}, "outer begins at cell 3, within inner, which ends at 3"),
        ({"outer": [5, 51]}, "less than or equal to 50"),
        ({"inner": [0, 3]}, "greater than or equal to 1"),
        ({"lag": 0}, "greater than or equal to 1"),
        ({"alpha": 0}, "greater than 0"),
        ({"add_weight": 1.5}, "less than or equal to 1"),
    ],
)
def test_settings_are_checked(settings, message):
    """Bands lie apart within the 50 cells of a side, the inner one nearer."""
    with pytest.raises(ValueError, match=message):
        PfpParameters.model_validate(settings)
