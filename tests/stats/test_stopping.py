"""When to stop a trial that reports as it goes."""

from __future__ import annotations

import pytest

from fairtrial.stats.stopping import below_median, out_of_top, rung_of


def test_worse_than_the_median_of_the_others():
    """The median itself goes on; too few others decide nothing; the direction turns it."""
    others = [1.0, 2.0, 3.0, 4.0]
    assert below_median(2.4, others, maximise=True, least=4)
    assert not below_median(2.5, others, maximise=True, least=4)
    assert below_median(2.6, others, maximise=False, least=4)
    assert not below_median(0.0, others, maximise=True, least=5)
    assert not below_median(0.0, [], maximise=True, least=0)


def test_out_of_the_top_of_a_rung():
    """One in three goes on, the first always does, and ties with the last that goes on go on too."""
    assert not out_of_top(1.0, [1.0], maximise=True, reduction=3)
    assert out_of_top(1.0, [1.0, 2.0], maximise=True, reduction=3)
    ranked = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert [out_of_top(value, ranked, maximise=True, reduction=3) for value in ranked] == [True] * 4 + [False] * 2
    assert [out_of_top(value, ranked, maximise=False, reduction=3) for value in ranked] == [False] * 2 + [True] * 4
    assert not out_of_top(2.0, [1.0, 2.0, 2.0, 2.0], maximise=True, reduction=2)


@pytest.mark.parametrize(("step", "rung"), [(0, None), (1, None), (2, 0), (5, 0), (6, 1), (17, 1), (18, 2), (100, 3)])
def test_rungs_lie_at_powers_of_the_reduction(step, rung):
    """They lie at 2, 6, 18, 54 and so on."""
    assert rung_of(step, least=2, reduction=3) == rung
