"""Permutations are bijections that follow from their key; warm-ups and the sentinel are trials of the plan."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.errors import SpecError
from fairtrial.plan.order import SHUFFLED, Permutation, sentinel, trials


@pytest.mark.parametrize("size", [1, 2, 3, 1000, SHUFFLED, SHUFFLED + 1, 100_003])
def test_a_permutation_takes_every_place_once(size):
    """Small and large sizes alike are permuted completely."""
    permuted = Permutation(size, 42)
    assert sorted(permuted(i) for i in range(size)) == list(range(size))


@settings(max_examples=200, deadline=None)
@given(size=st.integers(SHUFFLED + 1, 1 << 64), key=st.integers(0, (1 << 63) - 1), data=st.data())
def test_a_large_permutation_is_injective_and_in_range(size, key, data):
    """Sampled places of sizes up to 2**64 stay in range and never meet."""
    permuted = Permutation(size, key)
    places = data.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=50, unique=True))
    found = [permuted(i) for i in places]
    assert len(set(found)) == len(places)
    assert all(0 <= place < size for place in found)
    assert found == [Permutation(size, key)(i) for i in places]


def test_keys_give_different_orders():
    """Another key, another order; the same key, the same order."""
    for size in (1000, 1_000_000):
        first, second = Permutation(size, 1), Permutation(size, 2)
        assert sum(first(i) == second(i) for i in range(500)) < 10


def test_large_permutations_mix():
    """First places of 1e9 fall evenly over tenths and residues, for neighbouring keys (chi-square, 9 df, p 1e-6)."""
    for of in (lambda place: place * 10 // 10**9, lambda place: place % 10):
        drawn = Counter(of(Permutation(10**9, key)(i)) for key in range(20) for i in range(100))
        assert sum((drawn[k] - 200) ** 2 / 200 for k in range(10)) < 45


def test_neighbours_do_not_stay_neighbours():
    """Of consecutive places of a large permutation, few are still ordered neighbours (correlation within 4/sqrt(n))."""
    size, n = 1 << 30, 4000
    permuted = Permutation(size, 3)
    values = [permuted(i) / size - 0.5 for i in range(n + 1)]
    correlation = 12 * sum(a * b for a, b in pairwise(values)) / n
    assert abs(correlation) < 4 / n**0.5


def test_too_large_to_shuffle_is_refused():
    """Above 2**64 there is no shuffle, and the message says what to do."""
    with pytest.raises(SpecError, match="randomise: none"):
        Permutation((1 << 64) + 1, 0)


def test_blocks_have_orders_of_their_own(small):
    """Each replicate is shuffled by itself, and the study's seed decides."""

    def order(seed):
        plan = small.grid(small.study({"a": list(range(40))}, replicates=2, order="blocked", seed=seed))
        found = [t.condition.assignment["a"] for t in small.trials(plan)]
        return found[:40], found[40:]

    first, second = order(1)
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second
    assert order(1) == (first, second) != order(2)


def test_every_order_of_a_block_can_happen(small):
    """Three conditions: all six orders appear over 120 blocks."""
    plan = small.grid(small.study({"a": [0, 1, 2]}, replicates=120, order="blocked"))
    found = [t.condition.assignment["a"] for t in small.trials(plan)]
    seen = Counter(tuple(found[i : i + 3]) for i in range(0, 360, 3))
    assert len(seen) == 6
    assert max(seen.values()) < 45


def test_trials_come_in_plan_order_and_the_sentinel_is_the_first(small):
    """An empty plan has neither."""
    plan = small.grid(small.study({"a": [1, 2, 3]}, exclude=["a == 1"]))
    assert list(trials(plan)) == small.trials(plan)
    assert sentinel(plan) == plan.trial(0)
    assert sentinel(small.grid(small.study({"a": [1]}), only="a == 2")) is None
