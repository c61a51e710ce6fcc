"""Which designs can show a step: as the step test itself says."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.stats.changepoint import step
from fairtrial.stats.reach import fewest, shows


@pytest.mark.parametrize(("levels", "replicates"), [(2, 6), (3, 4), (6, 2)])
def test_the_fewest_replicates_show_an_enormous_step(levels, replicates):
    """With as many replicates as are named a step is shown in most draws, with one less it is not."""
    assert fewest(levels, 0.05, beyond=1) == replicates
    for count, shown in ((replicates, True), (replicates - 1, False)):
        rng = np.random.default_rng(5)
        rise = 1e3 * (np.arange(levels) >= levels // 2)[:, None]
        made = [step(rise + rng.normal(size=(levels, count)), range(levels), rng=rng) for _ in range(30)]
        assert (sum(one is not None and one.p <= 0.05 for one in made) >= 21) is shown


def test_large_designs_can_and_small_alphas_cannot():
    """Plenty of values need no look; a permutation test of a thousand draws has no p below a thousandth."""
    assert shows(20, 10, 0.05)
    assert fewest(8, 0.0005, beyond=1) is None
    assert not shows(1, 50, 0.05)
