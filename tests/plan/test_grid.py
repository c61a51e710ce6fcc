"""The grid against a slow enumeration of everything: order, digests, counts, rules, variants, inactive factors."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.errors import SpecError, UnknownName
from fairtrial.model.study import Design
from fairtrial.plan.grid import Grid
from fairtrial.plan.space import open_space

LEVELS = {
    "a": st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
    "b": st.lists(st.sampled_from([0, 1.5, -0.0, 2, 1e-7]), min_size=1, max_size=3, unique=True),
    "c": st.lists(st.sampled_from(["x", "off", 'say "hi"', "ü\0"]), min_size=1, max_size=3, unique=True),
    "load.clients": st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True),
    "settings.depth": st.lists(st.sampled_from([None, 1, "1", [1, {"k": 2}], {"z": {}}]), min_size=1, max_size=3),
    "loads.1.rate": st.lists(st.floats(0.5, 2), min_size=1, max_size=2, unique=True),
}
RULES = ["a > 4", "b == 0 and c == 'x'", "load.clients >= a", "variant == 'two' and a < 3", "a + replicate == 4"]
WHENS = {"b": "a > 3", "load.clients": "c != 'off'", "settings.depth": "b < 1", "loads.1.rate": "variant != 'two'"}


@st.composite
def studies(draw, small):
    names = draw(st.lists(st.sampled_from(sorted(LEVELS)), min_size=1, max_size=4, unique=True))
    factors = []
    for name in names:
        levels = draw(LEVELS[name])
        levels = [value for i, value in enumerate(levels) if value not in levels[:i]]
        when = WHENS.get(name, "") if draw(st.booleans()) else ""
        rule_names = small.factor(name, levels, when).when.names if when else set()
        when = when if rule_names <= {*names, "variant"} else ""
        before = draw(st.sampled_from(levels)) if name == "settings.depth" and draw(st.booleans()) else None
        factors.append(small.factor(name, levels, when, **({} if before is None else {"before": before})))
    variants = draw(st.sampled_from([[small.arm("")], [small.arm("one", {"d": False}), small.arm("two", {"d": True})]]))
    known = {*names, "variant", "replicate"}
    rules = draw(st.lists(st.sampled_from(RULES), max_size=3, unique=True))
    only = draw(st.sampled_from(["", "a == 2", "a > 1 and c == 'x'", "replicate == 0", "variant == 'two'", "b < 2"]))
    return small.study(
        factors,
        exclude=[text for text in rules if _names(small, text) <= known],
        base={"loads": [{}, {}]},
        variants=tuple(variants),
        replicates=draw(st.integers(1, 3)),
        seed=draw(st.integers(0, 5)),
    ), only if not only or _names(small, only) <= known else ""


def _names(small, text):
    return small.study(exclude=[text]).exclude[0].names


@settings(max_examples=120, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("model", ["Plain", "Coupled"])
def test_a_grid_is_what_enumeration_gives(small, data, model):
    """Digests, their order and the counts equal those of a slow enumeration, for templates and in full."""
    declared, only = data.draw(studies(small))
    model = getattr(small, model)
    refused = None
    try:
        plan = small.grid(declared, small.Base(model), only=only)
    except SpecError as problem:
        refused = problem
    if refused is not None:
        enumerated = sum(len(list(small.conditions(declared, arm, 0, only))) for arm in declared.variants)
        assert "same parameters" in str(refused)
        assert len(small.oracle(declared, model, only)) < enumerated * declared.replicates
        return
    found = small.digests(plan, size=data.draw(st.sampled_from([1, 3, 4096])))
    assert found == small.oracle(declared, model, only)
    counted = plan.count()
    assert counted.trials == len(found) == len(set(found))
    assert [plan.trial(i).digest for i in range(len(found))] == found


@settings(max_examples=40, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("order", ["blocked", "full"])
def test_a_shuffled_grid_has_the_same_trials(small, data, order):
    """Shuffling changes the order only; blocks keep replicates together; positions agree with the walk."""
    from dataclasses import replace

    declared, only = data.draw(studies(small))
    plain = small.digests(small.grid(declared, only=only))
    shuffled = replace(declared, order=replace(declared.order, randomise=order))
    plan = small.grid(shuffled, only=only)
    found = small.digests(plan)
    assert sorted(found) == sorted(plain)
    assert found == small.digests(plan, size=2) == small.digests(small.grid(shuffled, only=only))
    made = [plan.trial(i) for i in range(len(found))]
    assert [trial.digest for trial in made] == found
    if order == "blocked":
        assert [trial.replicate for trial in made] == sorted(trial.replicate for trial in made)


def test_variants_in_order_last_factor_fastest(small):
    """Without shuffling: replicate by replicate, variant by variant, the last factor fastest."""
    declared = small.study(
        {"a": [1, 2]},
        variants=(small.arm("one", {}, {"b": [1, 2]}), small.arm("two", {"c": "y"})),
        replicates=2,
    )
    seen = [
        (t.replicate, t.condition.variant, *t.condition.assignment.values()) for t in small.trials(small.grid(declared))
    ]
    block = [("one", 1, 1), ("one", 1, 2), ("one", 2, 1), ("one", 2, 2), ("two", 1), ("two", 2)]
    assert seen == [(k, *row) for k in (0, 1) for row in block]


def test_replicates_share_seeds_across_conditions(small):
    """Replicate k has one seed in every condition and variant, and another in every other replicate."""
    declared = small.study(
        {"a": [1, 2, 3]}, variants=(small.arm("p"), small.arm("q", {"c": "y"})), replicates=4, seed=7
    )
    seeds = {}
    for trial in small.trials(small.grid(declared)):
        seeds.setdefault(trial.replicate, set()).add(trial.seed)
    assert [len(found) for found in seeds.values()] == [1] * 4
    assert len(set.union(*seeds.values())) == 4


def test_an_inactive_factor_appears_once_and_is_set_nowhere(small):
    """Where `when` is false there is one condition, without the factor in assignment or parameters."""
    declared = small.study([small.factor("c", ["x", "y"]), small.factor("a", [4, 5, 6], "c == 'y'")])
    made = small.trials(small.grid(declared))
    assert [t.condition.assignment for t in made] == [{"c": "x"}, *({"c": "y", "a": a} for a in (4, 5, 6))]
    assert made[0].condition.parameters["a"] == 0
    plain = small.trials(small.grid(small.study({"c": ["x"]})))
    assert plain[0].digest == made[0].digest


def test_when_may_chain_and_be_declared_backwards(small):
    """A factor that is inactive makes those that depend on it inactive, in whatever order they are declared."""
    declared = small.study(
        [small.factor("b", [1, 2], "a > 0"), small.factor("a", [1, 0], "c == 'y'"), small.factor("c", ["x", "y"])]
    )
    seen = {tuple(t.condition.assignment.items()) for t in small.trials(small.grid(declared))}
    y = ("c", "y")
    assert seen == {(("c", "x"),), (("a", 0), y), (("b", 1), ("a", 1), y), (("b", 2), ("a", 1), y)}


def test_when_in_a_circle_is_refused(small):
    """Two factors that each exist only where the other does are one line of error."""
    with pytest.raises(SpecError, match="depends on itself"):
        small.grid(small.study([small.factor("a", [1, 2], "b > 0"), small.factor("b", [1, 2], "a > 0")]))


def test_a_zip_moves_its_paths_together(small):
    """A zip is one axis over several paths."""
    declared = small.study({"pair": {"load.clients": [1, 2, 3], "load.rate": [10, 20, 30]}, "a": [0, 1]})
    made = small.trials(small.grid(declared))
    assert [t.condition.parameters["load"] for t in made[::2]] == [{"clients": n, "rate": 10.0 * n} for n in (1, 2, 3)]
    assert small.digests(small.grid(declared)) == small.oracle(declared)


def test_rules_are_counted_each_on_its_own(small):
    """The count of a rule is what it alone would remove; rules about what a variant lacks remove nothing there."""
    declared = small.study(
        {"a": list(range(10)), "b": [0.0, 1.0]},
        exclude=["a >= 5", "a >= 8 and b == 1", "load.clients > 1"],
        variants=(small.arm("p"), small.arm("q", {"c": "y"}, {"load.clients": [1, 2]})),
        replicates=3,
    )
    counted = small.grid(declared).count()
    assert counted.excluded == {"a >= 5": 10 + 20, "a >= 8 and b == 1": 2 + 4, "load.clients > 1": 20}
    assert (counted.conditions, counted.trials) == (20, 60)


def test_a_rule_about_replicates_takes_out_trials(small):
    """A rule that reads `replicate` removes trials, not conditions."""
    declared = small.study({"a": [1, 2, 3]}, exclude=["replicate > 0 and a == 2"], replicates=3)
    plan = small.grid(declared)
    assert (plan.count().conditions, plan.count().trials) == (3, 7)
    assert [t.condition.assignment["a"] for t in small.trials(plan)] == [1, 2, 3, 1, 3, 1, 3]
    assert plan.count().excluded == {"replicate > 0 and a == 2": 1}


def test_included_conditions_come_last_and_once(small):
    """An included condition that the grid has is skipped, unless it is excluded there."""
    declared = small.study(
        {"a": [1, 2], "b": [1.0]},
        exclude=["a == 2"],
        include=[("", {"a": 1, "b": 1}), ("", {"a": 2, "b": 1}), ("", {"a": 9}), ("", {"a": 9, "b": 0.5})],
    )
    made = small.trials(small.grid(declared))
    assert [t.condition.assignment for t in made] == [{"a": 1, "b": 1.0}, {"a": 2, "b": 1}, {"a": 9}]
    assert small.grid(declared).count().trials == 3


@pytest.mark.parametrize("model", ["Plain", "Coupled"])
def test_an_include_is_found_in_the_grid_however_it_is_written(small, model):
    """What resolves to a condition of the grid is that condition, for templates and in full."""
    declared = small.study({"a": [1, 2], "b": [0.5, 2]}, include=[("", {"a": 1.0}), ("", {"b": 2, "a": 2})])
    assert small.grid(declared, small.Base(getattr(small, model))).count().trials == 4


def test_an_include_that_leaves_out_factors_is_found_where_they_are_inactive(small):
    """A condition in which a factor is inactive, or as before it existed, is the same as one that never names it."""
    declared = small.study(
        [
            small.factor("c", ["y", "x"]),
            small.factor("a", [5, 0], "c == 'y'"),
            small.factor("settings.depth", [3, 4], before=4),
        ],
        include=[("", {"c": "x"}), ("", {"c": "y", "a": 0}), ("", {"c": "y", "a": 7})],
    )
    plan = small.grid(declared)
    assert plan.count().trials == len(set(small.digests(plan))) == 7
    assert plan.trial(6).condition.assignment == {"c": "y", "a": 7}


def test_only_keeps_included_conditions_that_match(small):
    """`only` narrows what was included too."""
    declared = small.study({"a": [1, 2], "b": [1.5]}, include=[("", {"a": 9}), ("", {"b": 3})])
    made = small.trials(small.grid(declared, only="a > 1"))
    assert [t.condition.assignment for t in made] == [{"a": 2, "b": 1.5}, {"a": 9}]


def test_an_include_of_what_is_no_factor_is_refused(small):
    """An included condition gives values to factors only."""
    with pytest.raises(SpecError, match="'b' is not a factor"):
        small.grid(small.study({"a": [1]}, include=[("", {"b": 3})]))


def test_limit_takes_the_first_trials_of_the_plan(small):
    """`limit` is a prefix of the plan in its own order, and is counted."""
    for order in ("none", "blocked", "full"):
        declared = small.study({"a": list(range(30))}, order=order, replicates=2, exclude=["a == 3"])
        whole, capped = small.grid(declared), small.grid(declared, limit=10)
        assert small.digests(capped) == small.digests(whole)[:10]
        assert capped.count().trials == 10
        with pytest.raises(IndexError):
            capped.trial(10)


def test_an_unknown_name_in_only_is_refused(small):
    """`only` about what is no factor names the nearest one."""
    with pytest.raises(UnknownName, match=r"did you mean 'load.clients'\?"):
        small.grid(small.study({"load.clients": [1]}), only="load.client == 1")


def test_a_grid_refuses_intervals_options_and_n(small):
    """A grid has no place for an interval, an option or a number of conditions."""
    from fairtrial.model.study import Interval

    with pytest.raises(SpecError, match="interval"):
        small.grid(small.study({"b": Interval(0, 1)}))
    for design, options in ((Design(n=5), {}), (Design(), {"sampler": "tpe"})):
        space = open_space(small.study({"a": [1]}, design=design), small.Base(), identity=b"")
        with pytest.raises(SpecError):
            Grid().open(space, options)


def test_only_leaves_other_variants_alone(small):
    """A variant that `only` does not ask for is not even resolved."""
    declared = small.study({"a": [1, 2]}, variants=(small.arm("p"), small.arm("q", {"c": [1]}, {"b": [1.0]})))
    assert small.grid(declared, only="variant == 'p'").count().trials == 2
    with pytest.raises(SpecError):
        small.grid(declared, only="b == 1")


def test_nothing_left_is_an_empty_plan(small):
    """Where nothing matches the plan has no trial, and says so."""
    plan = small.grid(small.study({"a": [1, 2]}), only="a == 3")
    assert (small.digests(plan), plan.count().trials, plan.count().conditions) == ([], 0, 0)


def test_a_study_without_factors_has_one_condition(small):
    """No factor: one condition with the base's parameters."""
    made = small.trials(small.grid(small.study(base={"a": 3}, replicates=2)))
    assert [t.condition.parameters["a"] for t in made] == [3, 3]
