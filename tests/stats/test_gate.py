"""The numbers of the gate: paired and two-sample, what does not vary, how often unchanged things fail."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from fairtrial.stats.gate import across, apart, band, fails, interleaved, redrawn
from fairtrial.stats.resample import generator

D = [0.02, -0.01, 0.05, 0.03, 0.01, 0.04]
A, B = [1.1, 1.2, 1.05, 1.3], [1.0, 0.9, 1.02, 0.95, 1.01]


def test_rounds_are_judged_as_scipy_does() -> None:
    """The p is the one-sided paired t test's, the ends its one-sided 95 % bounds."""
    found = interleaved(D, alpha=0.05, scale=1.0)
    expected = stats.ttest_1samp(D, 0.0, alternative="greater")
    assert found.p == pytest.approx(expected.pvalue)
    assert found.low == pytest.approx(expected.confidence_interval(0.95).low)
    assert found.high == pytest.approx(stats.ttest_1samp(D, 0.0, alternative="less").confidence_interval(0.95).high)
    assert found.sd == pytest.approx(np.std(D, ddof=1))


def test_two_samples_are_judged_as_scipy_does() -> None:
    """The p is the one-sided Welch test's."""
    found = apart(A, B, alpha=0.05, scale=1.0)
    expected = stats.ttest_ind(A, B, equal_var=False, alternative="greater")
    assert found.p == pytest.approx(expected.pvalue)
    assert found.low == pytest.approx(expected.confidence_interval(0.95).low)
    assert found.n == 4


def test_one_round_knows_nothing() -> None:
    """Its bounds are infinite and nothing can be rejected."""
    found = interleaved([0.5], alpha=0.05, scale=1.0)
    assert (found.low, found.high, found.p) == (-math.inf, math.inf, 1.0)


@pytest.mark.parametrize(("n", "known"), [(2, False), (4, False), (5, True), (10, True)])
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_what_does_not_vary_is_left_to_the_sign_test(n: int, known: bool, shift: float) -> None:
    """Below five rounds nothing is known at 5 %; from then on the value itself is the bound."""
    found = interleaved([shift + 1e-15 * k for k in range(n)], alpha=0.05, scale=1.0)
    assert found.sd == 0
    assert found.p == (0.5**n if shift else 1.0)
    assert (found.high == pytest.approx(shift, abs=1e-9)) is known
    assert math.isinf(found.high) is not known


def test_two_constant_samples_are_left_to_the_permutation_test() -> None:
    """The least p is one in all ways to deal the values."""
    assert apart([2.0] * 3, [1.0] * 3, alpha=0.05, scale=2.0).p == pytest.approx(1 / 20)
    assert math.isinf(apart([2.0] * 2, [1.0] * 2, alpha=0.05, scale=2.0).high)


def test_a_band_widens_and_weakens() -> None:
    """What an unchanged system does between two times is taken off the evidence, on both sides."""
    plain, wide = apart(A, B, alpha=0.05, scale=1.0), across(A, B, alpha=0.05, scale=1.0, band=0.1)
    assert (wide.low, wide.high) == pytest.approx((plain.low - 0.1, plain.high + 0.1))
    assert wide.p > plain.p
    assert across(A, B, alpha=0.05, scale=1.0, band=0.0) == plain
    assert across([2.0] * 5, [1.0] * 5, alpha=0.05, scale=2.0, band=1.5).p == 1.0


def test_many_comparisons_fail_as_one_by_one() -> None:
    """The vectorised rule agrees with Holm over single paired t tests and the margins."""
    from fairtrial.stats.multiplicity import holm

    rng = generator(0, "many")
    drawn = rng.normal(0.1, 0.1, (200, 6, 3))
    drawn[0] = 0.3
    margins = [0.1, 0.05, 0.2]
    expected = []
    for one in drawn:
        worse = [interleaved(one[:, m].tolist(), alpha=0.05, scale=1.0) for m in range(3)]
        adjusted = holm([item.p for item in worse])
        expected.append(
            any(
                p is not None and p <= 0.05 and w.estimate > m for p, w, m in zip(adjusted, worse, margins, strict=True)
            )
        )
    assert fails(drawn, margins, alpha=0.05).tolist() == expected
    assert 0 < sum(expected) < 200


def test_unchanged_things_fail_at_most_as_often_as_said() -> None:
    """Without a margin the rule fails 5 % of unchanged systems, with three metrics too."""
    drawn = generator(0, "unchanged").normal(0.0, 0.4, (20_000, 5, 3))
    rate = fails(drawn, [0.0, 0.0, 0.0], alpha=0.05).mean()
    assert 0.04 < rate < 0.055


def test_equal_shares_of_alpha_keep_it_over_looks() -> None:
    """A second look at 5 and 10 rounds, each at half of alpha, fails at most 5 % of unchanged systems."""
    drawn = generator(0, "looks").normal(0.0, 1.0, (20_000, 10, 3))
    either = fails(drawn[:, :5], [0.0] * 3, alpha=0.025) | fails(drawn, [0.0] * 3, alpha=0.025)
    assert 0.03 < either.mean() < 0.05


def test_rounds_are_drawn_together_and_change_sign_as_a_whole() -> None:
    """Metrics that move together in the stored rounds do so in the drawn ones."""
    null = [0.1, -0.2, 0.3, 0.05]
    drawn = redrawn([null, [2 * value for value in null]], 7, repeats=50, rng=generator(0, "drawn"))
    assert drawn.shape == (50, 7, 2)
    assert np.allclose(drawn[:, :, 1], 2 * drawn[:, :, 0])
    assert set(np.round(np.abs(drawn[:, :, 0]).ravel(), 6)) == {0.1, 0.2, 0.3, 0.05}


def test_the_band_shrinks_with_rounds() -> None:
    """The mean of more rounds of an unchanged system goes less far."""
    null = generator(0, "null").normal(0.0, 1.0, 40).tolist()
    few, many = (band(null, rounds, rng=generator(0, "band")) for rounds in (2, 20))
    assert many < few
    assert many == pytest.approx(1.96 / math.sqrt(20), rel=0.35)
