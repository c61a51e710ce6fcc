"""Drawn designs: how many, where, which are kept when n grows, and what rules leave."""

from __future__ import annotations

from collections import Counter
from math import log10

import pytest

from fairtrial.errors import SpecError
from fairtrial.model.study import Design, Interval
from fairtrial.plan.sampled import LatinHypercube, Random, Sobol
from fairtrial.plan.space import open_space

DESIGNS = {"random": Random, "sobol": Sobol, "lhs": LatinHypercube}
CUBE = {"b": Interval(0.0, 1.0), "load.rate": Interval(1e-4, 1.0, log=True), "a": Interval(1, 6, integer=True)}


def drawn(small, kind, factors, n, *, only=None, limit=None, options=None, **words):
    declared = small.study(factors, design=Design(kind, n), **words)
    space = open_space(declared, small.Base(), identity=small.IDENTITY, only=only, limit=limit)
    return DESIGNS[kind]().open(space, options or {}).ask()


def points(small, *args, **words):
    return [trial.condition.assignment for trial in small.trials(drawn(small, *args, **words))]


@pytest.mark.parametrize("kind", DESIGNS)
def test_n_conditions_in_each_variant_inside_the_intervals(small, kind):
    """Each variant has n conditions, every value lies in its interval, and the same study draws the same."""
    variants = (small.arm("p"), small.arm("q", {"c": "y"}, {"d": [True, False]}))
    made = small.trials(drawn(small, kind, CUBE, 50, variants=variants, replicates=2))
    assert Counter((t.condition.variant, t.replicate) for t in made) == {(v, k): 50 for v in "pq" for k in (0, 1)}
    for found in (t.condition.assignment for t in made):
        assert 0 <= found["b"] <= 1
        assert 1e-4 <= found["load.rate"] <= 1
        assert found["a"] in range(1, 7)
        assert type(found["a"]) is int
    again = small.trials(drawn(small, kind, CUBE, 50, variants=variants, replicates=2))
    assert [t.digest for t in again] == [t.digest for t in made]
    assert len({t.digest for t in made}) == 200


@pytest.mark.parametrize("kind", DESIGNS)
def test_values_spread_evenly(small, kind):
    """Tenths of a uniform interval, decades of a logarithmic one, and integers each get their share (chi-square)."""
    found = points(small, kind, CUBE, 600, seed=3)
    for bins, of in (
        (10, lambda p: min(9, int(p["b"] * 10))),
        (4, lambda p: min(3, int(log10(p["load.rate"]) + 4))),
        (6, lambda p: p["a"]),
    ):
        seen = Counter(map(of, found))
        assert len(seen) == bins
        assert sum((k - 600 / bins) ** 2 / (600 / bins) for k in seen.values()) < 33  # p about 1e-4 at 9 df


def test_a_latin_hypercube_has_one_point_in_each_slice(small):
    """N points: each of n equal slices of every interval holds one."""
    found = points(small, "lhs", {"b": Interval(0.0, 1.0), "load.rate": Interval(1.0, 2.0)}, 40)
    assert sorted(int(p["b"] * 40) for p in found) == list(range(40))
    assert sorted(int((p["load.rate"] - 1) * 40) for p in found) == list(range(40))


def test_sobol_points_are_balanced(small):
    """64 points: every cell of an 8 x 8 grid over two factors holds one."""
    found = points(small, "sobol", {"b": Interval(0.0, 1.0), "load.rate": Interval(0.0, 1.0)}, 64)
    assert set(Counter((int(p["b"] * 8), int(p["load.rate"] * 8)) for p in found).values()) == {1}


@pytest.mark.parametrize("kind", ["random", "sobol"])
@pytest.mark.parametrize("exclude", [[], ["a == 3", "b < 0.2"]])
def test_a_larger_n_keeps_the_conditions(small, kind, exclude):
    """The first conditions of a larger design are those of the smaller one."""
    few, many = points(small, kind, CUBE, 30, exclude=exclude), points(small, kind, CUBE, 200, exclude=exclude)
    assert many[:30] == few
    assert not any(p["a"] == 3 or p["b"] < 0.2 for p in many) or not exclude


def test_a_hypercube_says_that_it_does_not_grow(small):
    """The plan of a hypercube says that another n keeps nothing; the others have nothing to say."""
    assert "no condition of this one is kept" in drawn(small, "lhs", CUBE, 5).count().note
    assert drawn(small, "random", CUBE, 5).count().note == ""


def test_a_seed_draws_another_design(small):
    """The study's seed decides."""
    for kind in DESIGNS:
        assert points(small, kind, CUBE, 5, seed=1) != points(small, kind, CUBE, 5, seed=2)


def test_variants_share_the_draws_of_the_factors_they_share(small):
    """Random draws pair variants: a factor of both has the same values in both."""
    variants = (small.arm("p"), small.arm("q", {"c": "y"}, {"d": [True, False]}))
    made = small.trials(drawn(small, "random", CUBE, 20, variants=variants))
    shared = [{path: t.condition.assignment[path] for path in CUBE} for t in made]
    assert shared[:20] == shared[20:]


@pytest.mark.parametrize("kind", DESIGNS)
def test_a_discrete_space_is_drawn_without_doubles(small, kind):
    """Levels are drawn until n different conditions are there, up to all of them."""
    found = points(small, kind, {"a": list(range(6)), "c": ["x", "y"]}, 12)
    assert len({tuple(p.values()) for p in found}) == 12


@pytest.mark.parametrize("kind", DESIGNS)
def test_more_conditions_than_there_are_is_refused_with_the_number(small, kind):
    """N beyond a discrete space is the user's mistake, and the message has the size, rules taken off."""
    with pytest.raises(SpecError, match=f"design {kind} asks for 12 conditions, and there are 10"):
        drawn(small, kind, {"a": list(range(6)), "c": ["x", "y"]}, 12, exclude=["a == 5"])


@pytest.mark.parametrize("kind", DESIGNS)
def test_rules_that_leave_too_little_are_refused(small, kind):
    """Drawing on ends."""
    with pytest.raises(SpecError, match=r"found only 0 of 3 conditions: the rules leave too little"):
        drawn(small, kind, CUBE, 3, exclude=["b >= 0"])


@pytest.mark.parametrize("kind", DESIGNS)
def test_n_and_options(small, kind):
    """Without n, or with an option it does not know, a drawn design does not open."""
    with pytest.raises(SpecError, match=f"design {kind} needs n"):
        drawn(small, kind, CUBE, None)
    with pytest.raises(SpecError, match="has no option 'budget'"):
        drawn(small, kind, CUBE, 3, options={"budget": 3})


def test_inactive_factors_are_left_out_and_zips_move_together(small):
    """Conditional factors, zips and levels in one draw."""
    factors = [
        small.factor("c", ["x", "y"]),
        small.factor("b", Interval(0, 1), "c == 'y'"),
        small.factor("pair", {"load.clients": [1, 2, 3], "load.rate": [10, 20, 30]}),
    ]
    found = points(small, "random", factors, 15)
    assert {p["c"] for p in found} == {"x", "y"}
    assert all(("b" in p) == (p["c"] == "y") for p in found)
    assert all(p["load.rate"] == 10 * p["load.clients"] for p in found)


def test_included_only_limit_and_replicate_rules(small):
    """What is included comes after the draws; `only`, `limit` and rules about replicates hold here too."""
    from fairtrial.model.rule import parse

    include = [("", {"a": 99})]
    assert points(small, "random", CUBE, 4, include=include)[-1] == {"a": 99}
    whole = points(small, "random", CUBE, 40, replicates=2)
    kept = points(small, "random", CUBE, 40, replicates=2, only=parse("a == 2"), limit=5)
    assert kept == [p for p in whole if p["a"] == 2][:5]
    rules = ["replicate == 1 and a == 2", "a == 3"]
    made = small.trials(drawn(small, "random", CUBE, 40, replicates=2, exclude=rules))
    twos = [t for t in made if t.condition.assignment["a"] == 2]
    assert {t.replicate for t in twos} == {0}
    assert len(made) == 80 - len(twos)
