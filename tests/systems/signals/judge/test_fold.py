"""How time is cut: order, purge, embargo, the final block, days."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairtrial.systems.signals.judge.fold import cut, longest_bins
from fairtrial.systems.signals.words import Costs, Evaluation, Folds


def evaluation(**given):
    """Make an evaluation from the words of its parts."""
    folds = {name: given.pop(name) for name in ("count", "embargo_bins", "holdout") if name in given}
    delay = given.pop("entry_delay_bins", 1)
    return Evaluation(folds=Folds(**folds), costs=Costs(entry_delay_bins=delay), **given)


evaluations = st.builds(
    evaluation,
    count=st.integers(1, 8),
    embargo_bins=st.integers(0, 400),
    holdout=st.floats(0, 1),
    entry_delay_bins=st.integers(0, 20),
    max_hold_bins=st.integers(2, 500),
    warmup_bins=st.integers(0, 600),
)


def test_an_hour():
    """36,000 bins: 300 of warm-up, the last 20 % final, six slices of 4,760, five of them tested."""
    found = cut([36_000], Evaluation())
    assert [(one.number, one.test.start, one.test.stop, one.test.reach) for one in found.folds] == [
        (at, 300 + 4760 * (at + 1), 300 + 4760 * (at + 2), 300 + 4760 * (at + 2)) for at in range(5)
    ]
    assert (found.final.number, found.final.test.start, found.final.test.stop) == (-1, 28_860, 36_000)
    for fold in (*found.folds, found.final):
        (training,) = fold.training
        assert training.start == 300
        assert training.reach == fold.test.start - 300
        assert training.stop == training.reach - 1201


@given(st.integers(0, 5000), evaluations)
def test_nothing_of_training_reaches_its_test(length, given_):
    """Purge: a trade that fires last in training ends before the embargo; tests follow each other up to the final."""
    found = cut([length], given_)
    start = min(given_.warmup_bins, length)
    final = found.final.test if found.final else None
    for fold in (*found.folds, *([found.final] if found.final else [])):
        assert start <= fold.test.start <= fold.test.stop == fold.test.reach <= length
        for part in fold.training:
            last = part.stop - 1 + longest_bins(given_)
            assert start == part.start < part.stop
            assert last < part.reach == fold.test.start - given_.folds.embargo_bins
            assert last + given_.folds.embargo_bins < fold.test.start
    tests = [fold.test for fold in found.folds]
    assert all(one.stop == two.start for one, two in pairwise(tests))
    assert tests[-1].stop == (final.start if final else length)
    assert (final.stop == length) if final else round(given_.folds.holdout * (length - start)) == 0
    sizes = [len(test) for test in tests]
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.integers(0, 3000), min_size=3, max_size=6), evaluations)
def test_days(lengths, given_):
    """Each day but the last is tested with all others but the last; the last with all others; never with itself."""
    found = cut(lengths, given_)
    last = len(lengths) - 1
    assert [fold.test.market for fold in found.folds] == list(range(last))
    for fold in found.folds:
        assert {part.market for part in fold.training} == set(range(last)) - {fold.test.market}
    assert found.final.test.market == last
    assert {part.market for part in found.final.training} == set(range(last))
    for part in (*(fold.test for fold in found.folds), found.final.test, *found.final.training):
        assert (part.start, part.stop) == (min(given_.warmup_bins, lengths[part.market]), lengths[part.market])
        assert part.reach == part.stop


def test_two_days():
    """The first is walked forward, without a share held back; the second is the final block, taught by the first."""
    found = cut([6_300, 4_000], Evaluation(max_hold_bins=100))
    assert [(one.test.market, one.test.start, one.test.stop) for one in found.folds] == [
        (0, 300 + 1000 * at, 1300 + 1000 * at) for at in range(1, 6)
    ]
    assert (found.final.test.market, found.final.test.start, found.final.test.stop) == (1, 300, 4000)
    assert [(part.market, part.start, part.stop) for part in found.final.training] == [(0, 300, 6300)]


def test_no_final_block():
    """A share of 0 holds nothing back."""
    assert cut([36_000], evaluation(holdout=0)).final is None


@pytest.mark.parametrize("length", [0, 1, 299, 300, 301])
def test_too_short(length):
    """Shorter than the warm-up: empty tests, nothing to learn from, no error."""
    found = cut([length], Evaluation())
    assert len(found.folds) == 5
    assert not any(fold.training for fold in found.folds)
    assert sum(len(fold.test) for fold in found.folds) == max(0, length - 300)
