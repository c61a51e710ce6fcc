"""Conditions with the same parameters: variants and levels that change nothing, partial overlaps."""

from __future__ import annotations

import pytest

from fairtrial.errors import SpecError


@pytest.mark.parametrize("model", ["Plain", "Coupled"])
def test_two_levels_with_the_same_parameters_are_refused(small, model):
    """A factor whose levels resolve to one value changes nothing there."""
    with pytest.raises(SpecError, match=r"levels 1 and 1.0 give the same parameters"):
        small.grid(small.study({"b": [0.5, 2], "a": [1, 1.0]}), small.Base(getattr(small, model)))


def test_a_factor_that_matters_somewhere_is_kept(small):
    """A level that equals another only in some conditions stays; the doubles among them go, and are counted."""
    declared = small.study({"c": ["off", "on"], "a": [0, 1, 2]}, replicates=2)
    plan = small.grid(declared, small.Base(small.Coupled))
    assert plan.count().conditions == 4
    assert plan.count().trials == len(small.digests(plan)) == 8
    assert plan.count().note == "2 conditions have the parameters of an earlier one and are dropped"


def test_a_factor_that_never_matters_is_refused(small):
    """Where a validator overrides a factor in every condition, the factor is inert."""
    declared = small.study({"a": [1, 2], "b": [0.5, 1.5]}, base={"c": "off"})
    with pytest.raises(SpecError, match="levels 1 and 2 give the same parameters"):
        small.grid(declared, small.Base(small.Coupled))


@pytest.mark.parametrize("model", ["Plain", "Coupled"])
def test_a_variant_that_changes_nothing_is_refused(small, model):
    """Two variants that resolve to the same parameters in every condition are one."""
    declared = small.study({"a": [1, 2]}, variants=(small.arm("p"), small.arm("q", {"c": "x"})))
    with pytest.raises(SpecError, match=r"variant 'q': it changes nothing: .* of one of 'p'"):
        small.grid(declared, small.Base(getattr(small, model)))


@pytest.mark.parametrize("model", ["Plain", "Coupled"])
def test_a_partial_overlap_keeps_the_first(small, model):
    """A condition that two variants share is run once, for the first of them."""
    declared = small.study(
        {"a": [1, 2]},
        variants=(small.arm("p", {}, {"b": [0.5, 1.5]}), small.arm("q", {}, {"b": [1.5, 2.5]})),
        replicates=2,
        exclude=["replicate == 1 and b == 1.5 and a == 2"],
    )
    plan = small.grid(declared, small.Base(getattr(small, model)))
    made = small.trials(plan)
    assert [t.digest for t in made] == small.digests(plan)
    assert len(set(small.digests(plan))) == len(made) == plan.count().trials == 11
    assert [t.condition.variant for t in made if t.condition.assignment["b"] == 1.5] == ["p"] * 3
    assert "2 conditions" in plan.count().note


def test_an_overlap_that_is_excluded_is_none(small):
    """What is excluded in one variant is not a double of it in the other."""
    declared = small.study(
        exclude=["variant == 'p' and b == 1.5"],
        variants=(small.arm("p", {}, {"b": [0.5, 1.5]}), small.arm("q", {"b": 1.5})),
    )
    plan = small.grid(declared)
    assert [t.condition.variant for t in small.trials(plan)] == ["p", "q"]
    assert plan.count().note == ""


def test_variants_that_differ_are_not_enumerated(small):
    """Variants told apart by their settings are compared by arithmetic, however large they are."""
    wide = {f"settings.s{i}": list(range(10)) for i in range(9)}
    declared = small.study(wide, variants=(small.arm("p", {"c": "y"}), small.arm("q", {"c": "z"})))
    plan = small.grid(declared)
    assert (plan.count().trials, plan.count().note) == (2 * 10**9, "")


def test_too_many_to_look_at_is_said(small):
    """Where doubles are possible and too many to look for, the plan says that it did not look."""
    wide = {f"settings.s{i}": list(range(10)) for i in range(7)}
    plan = small.grid(small.study({"c": ["off", "on"], **wide}), small.Base(small.Coupled))
    assert "too many conditions to look for" in plan.count().note
    assert len(small.digests(small.grid(small.study(wide), small.Base(small.Coupled), limit=5))) == 5
