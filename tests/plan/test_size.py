"""Large grids: counted by arithmetic, walked lazily, never materialised."""

from __future__ import annotations

from itertools import islice, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.plan.rules import Constraint
from fairtrial.plan.size import COUNTED, count

WIDE = {f"settings.s{i}": list(range(10)) for i in range(9)}


def constraint(scope, taken, reads_replicate):
    def dead(digits, replicate):
        key = (*[digits[j] for j in scope], replicate if reads_replicate else 0)
        return hash((key, taken)) % 3 == 0

    return Constraint(scope, dead, reads_replicate=reads_replicate, cells=1)


@settings(max_examples=300, deadline=None)
@given(
    radices=st.lists(st.integers(1, 4), max_size=5),
    data=st.data(),
    replicates=st.integers(1, 3),
)
def test_counting_equals_enumeration(radices, data, replicates):
    """Conditions and trials that any set of constraints leaves, with and without replicates."""
    scopes = st.lists(st.sampled_from(range(len(radices))), unique=True).map(sorted) if radices else st.just([])
    found = [
        constraint(tuple(data.draw(scopes)), i, data.draw(st.booleans())) for i in range(data.draw(st.integers(0, 4)))
    ]
    alive = [
        sum(not any(item.dead(digits, k) for item in found) for k in range(replicates))
        for digits in product(*map(range, radices))
    ]
    made = count(radices, found, replicates)
    assert (made.conditions, made.trials) == (sum(map(bool, alive)), sum(alive))


def test_a_thousand_million_cells_are_counted(small):
    """Rules that join few factors are counted exactly at 1e9 cells; the first trials come at once, in either order."""
    rules = ["settings.s0 > 4 and settings.s1 > 4", "settings.s1 + settings.s2 == 3", "settings.s8 == 0"]
    dead = sum((a > 4 and b > 4) or b + c == 3 for a in range(10) for b in range(10) for c in range(10))
    for order in ("none", "blocked", "full"):
        plan = small.grid(small.study(WIDE, exclude=rules, order=order, replicates=3))
        assert plan.count().conditions == (1000 - dead) * 10**5 * 9
        assert plan.count().trials == 3 * plan.count().conditions
        assert plan.count().excluded[rules[2]] == 10**8
        first = next(plan.blocks(1000)).digests
        assert len(set(first)) == 1000
        assert plan.trial(999).digest == first[999]


def test_only_fixes_factors_first(small):
    """Equalities leave one level each, so what remains is small and exact."""
    fixed = " and ".join(f"settings.s{i} == {i}" for i in range(7))
    plan = small.grid(small.study(WIDE, order="full"), only=f"{fixed} and settings.s7 > settings.s8")
    assert plan.count().trials == len(small.digests(plan)) == 45


def test_a_rule_over_all_factors_is_not_counted_and_still_walked(small):
    """Beyond a million combinations nothing is counted, and trials come all the same."""
    rule = " + ".join(WIDE) + " < 20"
    for order in ("none", "blocked"):
        plan = small.grid(small.study(WIDE, exclude=[rule], order=order))
        counted = plan.count()
        assert (counted.trials, counted.conditions, counted.excluded) == (None, None, {rule: None})
        assert "not counted" in counted.note
        first = list(islice(plan.blocks(50), 2))
        assert [block.start for block in first] == [0, 50]
        assert all(sum(plan.trial(i).condition.assignment.values()) > 19 for i in (0, 99))
        capped = small.grid(small.study(WIDE, exclude=[rule], order=order), limit=60)
        assert capped.count().trials == 60


def test_long_excluded_stretches_are_jumped_over(small):
    """A rule on the first factors skips whole stretches: the last cells of 1e9 are reached at once."""
    asked = []

    class Level(int):
        def __lt__(self, other):
            asked.append(1)
            return int(self) < int(other)

    wide = {"settings.s0": [Level(i) for i in range(10)], **{k: v for k, v in WIDE.items() if k != "settings.s0"}}
    plan = small.grid(small.study(wide, exclude=["settings.s0 < 9"]))
    assert next(plan.blocks(1)).digests == [plan.trial(0).digest]
    assert plan.trial(0).condition.assignment["settings.s0"] == 9
    assert len(asked) == 10


def test_the_limit_of_counting(small):
    """Rules that together join more than a million combinations are not counted; each alone may be."""
    first, second = (" + ".join(names) + " < 3" for names in (list(WIDE)[:3], list(WIDE)[2:7]))
    assert COUNTED == 10**6
    counted = small.grid(small.study(WIDE, exclude=[first, second])).count()
    assert counted.trials is None
    assert counted.excluded == {first: 10 * 10**6, second: 21 * 10**4}


@pytest.mark.parametrize("replicates", [1, 10**6])
def test_many_replicates_cost_nothing(small, replicates):
    """Replicates multiply by arithmetic."""
    plan = small.grid(small.study(WIDE, replicates=replicates))
    assert plan.count().trials == 10**9 * replicates
    assert plan.trial(10**9 * replicates - 1).replicate == replicates - 1
