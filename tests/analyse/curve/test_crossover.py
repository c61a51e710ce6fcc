"""Crossover: a place where there is one, none where one arm leads all along, and open where neither is shown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.curve.crossover import crossover
from fairtrial.analyse.data import data
from fairtrial.errors import UserError
from fairtrial.model.finding import CautionKind, Verdict
from fairtrial.model.study import Direction, Metric
from fairtrial.testing.worlds import failing, in_unit, measured, reordered

LOSS = [Metric("loss", Direction.MINIMIZE)]
SIZES = [10, 30, 100, 300, 1000, 3000, 10_000]
X = np.array(SIZES, dtype=float)
PLACE = 200.0


def steep(x):
    """Return an error that falls far: 0.6 at PLACE."""
    return 0.3 + 0.3 * (x / PLACE) ** -0.5


def shallow(x):
    """Return an error that starts low: 0.6 at PLACE."""
    return 0.45 + 0.15 * (x / PLACE) ** -0.45


def table(law, *, noise=0.02, replicates=5, seed=0, x=X):
    """Return sizes x replicates around a law."""
    return law(x)[:, None] * (1 + noise * np.random.default_rng(seed).standard_normal((len(x), replicates)))


def crossing(**more):
    """Return the tables of two arms that cross."""
    return {"one": table(steep, seed=1, **more), "other": table(shallow, seed=2, **more)}


def asked(arms, sizes=SIZES, *, common_seeds=True, metrics=LOSS, **more):
    """Ask two arms."""
    found = data(measured(sizes, arms, common_seeds=common_seeds))
    return crossover(found, metrics, metric="loss", factor="n", **more)


def test_a_crossing_is_found():
    """The place lies in its interval, and the sentence says who leads where."""
    found = asked(crossing())
    assert found.verdict is Verdict.SUPPORTED
    assert found.arms == ("one", "other")
    assert found.place_interval.low < PLACE < found.place_interval.high
    assert found.interpolated == pytest.approx(PLACE, rel=0.4)
    assert found.p_none == 0
    assert "other is better below, one is better above" in found.answer


def test_the_arms_are_compared_at_every_size_too():
    """Pairs of common seeds, corrected over the sizes: each arm is shown to be worse on its side of the crossing."""
    contrasts = asked(crossing(replicates=10)).contrasts
    assert [each.level for each in contrasts] == SIZES
    assert all(each.n == 10 and each.p_adjusted >= each.p for each in contrasts)
    first, last = contrasts[0], contrasts[-1]
    assert first.interval.low > 0 > last.interval.high
    assert max(first.p_adjusted, last.p_adjusted) <= 0.05


def test_a_metric_to_maximise_crosses_at_the_same_place():
    """Scores instead of errors: the same place, the same leaders."""
    scores = {name: 1 - values for name, values in crossing().items()}
    found = asked(scores, metrics=[Metric("loss", Direction.MAXIMIZE)])
    assert found.place == pytest.approx(asked(crossing()).place, rel=0.02)
    assert "other is better below, one is better above" in found.answer
    plain = asked(crossing(), metrics=[Metric("loss")])
    assert "one has more loss below, other has more loss above" in plain.answer


def test_an_arm_that_leads_all_along_crosses_nowhere():
    """That is shown, not merely open."""
    found = asked({"one": table(steep), "other": table(lambda x: steep(x) + 0.2, seed=1)})
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert found.place is None
    assert found.p_none > 0.99
    assert "one is better all along" in found.answer


def test_identical_arms_do_not_cross():
    """Without any difference there is no crossing, and nothing to divide by."""
    found = asked({"one": table(steep), "other": table(steep)})
    assert found.verdict is Verdict.NOT_SUPPORTED
    assert "they do not differ" in found.answer
    assert [pair.second for pair in found.exchange] == pytest.approx(SIZES, rel=1e-6)


def test_noise_leaves_it_open():
    """Two arms of one law with noise are inconclusive, with what would settle it."""
    found = asked({"one": table(steep, noise=0.1), "other": table(steep, noise=0.1, seed=1)})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.needed.smallest_effect > 0
    assert found.answer.startswith("Inconclusive")


def test_one_replicate_shows_nothing():
    """Place and interpolation are still given, without interval."""
    found = asked(crossing(replicates=1))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert found.place == pytest.approx(PLACE, rel=0.5)
    assert found.place_interval is None
    assert found.p_none is None
    assert found.exchange == found.purchases == ()


def test_arms_may_have_other_sizes():
    """They are compared where both were measured."""
    other = [50, 150, 500, 1500, 5000, 50_000]
    arms = {"one": table(steep), "other": table(shallow, x=np.array(other, dtype=float), seed=1)}
    found = asked(arms, {"one": SIZES, "other": other}, common_seeds=False)
    assert found.verdict is Verdict.SUPPORTED
    assert "cross at n" in found.answer
    assert 50 <= found.place_interval.low < found.place_interval.high <= 10_000


def test_arms_without_a_common_range_are_not_compared():
    """Nothing is said of a range that only one arm has."""
    arms = {"one": table(steep, x=X[:3]), "other": table(shallow, x=X[3:])}
    found = asked(arms, {"one": SIZES[:3], "other": SIZES[3:]})
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "no range of n in common" in found.answer
    assert found.place is None
    assert found.interpolated is None


def test_a_crossing_outside_the_range_is_only_a_caution():
    """Laws that would cross beyond what was measured are no finding."""
    one = table(lambda x: 0.7 - 0.05 * np.log(x / 40_000))
    other = table(lambda x: 0.7 - 0.01 * np.log(x / 40_000), seed=1)
    found = asked({"one": one, "other": other})
    assert found.place is None
    assert found.verdict is not Verdict.SUPPORTED
    (caution,) = (caution for caution in found.cautions if caution.kind is CautionKind.EXTRAPOLATION)
    assert "would cross at n" in caution.text


def test_common_seeds_are_resampled_in_pairs():
    """What both arms share at a replicate does not blur the place; without common seeds it does."""
    shared = 0.05 * np.random.default_rng(3).standard_normal(5)
    arms = {name: values + shared for name, values in crossing(noise=0.005).items()}
    paired, apart = asked(arms).place_interval, asked(arms, common_seeds=False).place_interval
    assert paired.high / paired.low < 0.6 * (apart.high / apart.low)


def test_what_one_is_worth_in_the_other():
    """At the crossing they are worth the same; beyond what the other reaches there is no amount."""
    found = asked(crossing())
    by_size = {pair.first: pair for pair in found.exchange}
    assert by_size[100].low < by_size[100].second < by_size[100].high < 100
    assert by_size[300].second > 300
    assert by_size[10_000].second is None


def test_what_a_budget_buys():
    """The cheap arm while money is short, the steep one when there is enough; and by what chance."""
    found = asked(crossing(), prices={"one": 10.0, "other": 1.0, "trial": 3.0})
    costs = [buy.cost for buy in found.purchases]
    assert costs == sorted(costs)
    assert found.purchases[0].arm == "other"
    assert found.purchases[-1].arm == "one"
    assert found.purchases[-1].amount == pytest.approx(10_000)
    assert all(0.5 <= buy.probability <= 1 for buy in found.purchases)
    dear = next(buy for buy in found.purchases if buy.cost == pytest.approx(1000))
    assert (dear.arm, dear.amount) == ("other", pytest.approx(1000))
    assert not asked(crossing(), prices={"trial": 3.0}).purchases
    free = asked(crossing(), prices={"one": 1.0, "other": 0.0}, budgets=[5.0, 10.0])
    assert [(buy.arm, buy.amount) for buy in free.purchases] == [("other", 10_000), ("other", 10_000)]


def test_bad_questions_have_one_line():
    """One price of two, a price below 0, and arms that are not two."""
    with pytest.raises(UserError, match="other has no price"):
        asked(crossing(), prices={"one": 1.0})
    with pytest.raises(UserError, match="below 0"):
        asked(crossing(), prices={"one": -1.0, "other": 1.0})
    with pytest.raises(UserError, match="of two arms, the run has 3"):
        asked({**crossing(), "third": table(steep)})
    with pytest.raises(UserError, match="of two arms, the run has 1"):
        asked({"": table(steep)})


worlds = st.builds(
    lambda seed, noise, shift: {
        "one": table(steep, noise=noise, replicates=3, seed=seed),
        "other": table(shallow, noise=noise, replicates=3, seed=seed + 1) + shift,
    },
    st.integers(0, 10_000),
    st.sampled_from([0.01, 0.05]),
    st.sampled_from([0.0, 0.1, 0.4]),
)


@given(worlds, st.floats(1e-6, 1e6))
@settings(max_examples=15, deadline=None)
def test_units_do_not_change_it(arms, scale):
    """In another unit verdict and place are the same."""
    one = measured(SIZES, arms)
    here = crossover(data(one), LOSS, metric="loss", factor="n")
    there = crossover(data(in_unit(one, scale)), LOSS, metric="loss", factor="n")
    assert here.verdict == there.verdict
    assert here.p_none == there.p_none
    assert (here.place is None) == (there.place is None)
    if here.place is not None:
        assert there.place == pytest.approx(here.place, rel=1e-6)


@given(worlds, st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_the_order_of_trials_does_not_change_it(arms, random):
    """The same trials in another order say the same; arms are named, so that their order does not matter."""
    one = measured(SIZES, arms)
    order = list(range(len(one)))
    random.shuffle(order)
    here = crossover(data(one), LOSS, metric="loss", factor="n", arms=("one", "other"))
    there = crossover(data(reordered(one, order)), LOSS, metric="loss", factor="n", arms=("one", "other"))
    assert here.answer == there.answer
    assert here.exchange == there.exchange


@given(worlds, st.sets(st.integers(0, 41), min_size=1, max_size=4))
@settings(max_examples=15, deadline=None)
def test_failures_never_improve_it(arms, lost):
    """With a failed trial, a study that wants all of them concludes nothing."""
    one = failing(measured(SIZES, arms), lost)
    found = crossover(data(one), LOSS, metric="loss", factor="n")
    assert found.verdict is Verdict.INCONCLUSIVE
    assert CautionKind.INCOMPLETE in {caution.kind for caution in found.cautions}
