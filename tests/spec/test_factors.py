"""Factors, variants and included conditions of a document."""

from __future__ import annotations

import pytest

from fairtrial.model.study import ABSENT, Factor, Include, Interval, Variant

HEAD = "study: s\nsystem: service\nbase: {duration_s: 1}\nfactors:\n"


def test_every_form_of_levels(document):
    """Lists, spaces, ranges and zips become levels; each level has one value a path."""
    study = document(
        factors={
            "load.clients": [1, 2],
            "duration_s": {"linspace": [1, 2], "n": 3},
            "load.rate": {"logspace": [0.1, 10], "n": 3},
            "target.settings.a": {"range": [2, 6, 2]},
            "both": {"zip": {"target.settings.b": ["x", "y"], "target.settings.c": {"geomspace": [1, 4], "n": 2}}},
            "target.settings.d": {"levels": [[1, 2], {"k": 1}, None, "1"]},
        }
    )
    made = {factor.name: factor.levels for factor in study.factors}
    assert made["load.clients"] == ((1,), (2,))
    assert made["duration_s"] == ((1.0,), (1.5,), (2.0,))
    assert made["load.rate"] == ((0.1,), (1.0,), (10.0,))
    assert made["target.settings.a"] == ((2,), (4,), (6,))
    assert made["both"] == (("x", 1.0), ("y", 4.0))
    assert made["target.settings.d"] == (([1, 2],), ({"k": 1},), (None,), ("1",))
    assert study.factors[4].paths == ("target.settings.b", "target.settings.c")


def test_intervals_are_for_drawn_designs(document):
    """The three intervals are read where conditions are drawn."""
    study = document(
        design={"kind": "sobol", "n": 8},
        factors={
            "duration_s": {"interval": [1, 2]},
            "load.rate": {"log_interval": [0.1, 10]},
            "load.clients": {"integers": [1, 9]},
        },
    )
    assert [factor.interval for factor in study.factors] == [
        Interval(1, 2),
        Interval(0.1, 10, log=True),
        Interval(1, 9, integer=True),
    ]
    assert all(factor.levels is None for factor in study.factors)


def test_conditional_factors_and_factors_that_are_new(document):
    """`when` is a rule, `before` a value, and None is a value too."""
    study = document(
        factors={
            "load.clients": [1, 2],
            "load.rate": {"levels": [1.5, None], "when": "load.clients > 1", "before": None},
        }
    )
    assert study.factors[1].when.names == {"load.clients"}
    assert study.factors[1].before is None
    assert study.factors[0].before is ABSENT


def test_variants_have_settings_and_factors_of_their_own(document):
    """A variant may be empty; one may be the baseline; the study's factors apply to each."""
    study = document(
        factors={"load.clients": [1, 2]},
        variants={
            "tuned": {"set": {"target.settings.a": 1}, "factors": {"target.settings.b": [1, 2]}},
            "default": {"baseline": True},
            "plain": None,
        },
    )
    own = Factor("target.settings.b", ("target.settings.b",), ((1,), (2,)))
    assert study.variants == (
        Variant("tuned", {"target.settings.a": 1}, (own,)),
        Variant("default", baseline=True),
        Variant("plain"),
    )
    assert [factor.name for factor in study.all_factors(study.variants[0])] == ["load.clients", "target.settings.b"]


def test_included_conditions(document):
    """A condition by hand belongs to its variant; with one arm it need not say which."""
    assert document(factors={"load.clients": [1]}, include=[{"load.clients": 32}]).include == (
        Include({"load.clients": 32}),
    )
    study = document(
        factors={"load.clients": [1]}, variants={"a": None, "b": None}, include=[{"load.clients": 32, "variant": "b"}]
    )
    assert study.include == (Include({"load.clients": 32}, "b"),)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("  load.clients: []", 5, "no levels"),
        ("  load.clients: 4", 5, "write [4] for one level"),
        ("  load.clients:", 5, "write [None] for one level"),
        ("  load.clients: {}", 5, "not none"),
        ("  load.clients: {linspac: [1, 2], n: 4}", 5, "unknown key 'linspac' (did you mean 'linspace'?)"),
        ("  load.clients: {linspace: [1, 2], range: [1, 2]}", 5, "in exactly one way, not linspace and range"),
        ("  load.clients: {range: [1, 2], n: 4}", 5, "range takes no n"),
        ("  load.clients:\n    linspace: [1, 2]", 6, "needs n"),
        ("  load.clients:\n    - 1\n    - 2\n    - 1", 8, "level 1 stands here twice"),
        ("  load.clients: {levels: [1], whn: x}", 5, "did you mean 'when'?"),
        ("  load.clients: {levels: [1], when: 3}", 5, "a rule is a text, not 3"),
        ("  load.clients: {levels: [1], when: 'a >'}", 5, "rule 'a >' is not understood"),
        ("  both: {zip: {load.clients: [1, 2], load.rate: [1]}}", 5, "load.clients has 2, load.rate has 1"),
        ("  both: {zip: {load.clients: [1, 1], load.rate: [1, 1]}}", 5, "level [1, 1] stands here twice"),
        ("  both: {zip: []}", 5, "zip is a mapping of paths"),
        ("  both: {zip: {load.rate: {interval: [1, 2]}}}", 5, "inside a zip there are levels only"),
        ("  both: {zip: {load.rate: {levels: [1], before: 1}}}", 5, "inside a zip there are levels only"),
        ("  both: {zip: {load.rate: [1, 2]}, before: 1}", 5, "a zip takes no 'before'"),
        ("  load..clients: [1]", 5, "is not a dotted path"),
        ("  load.rate: {interval: [2, 1]}", 5, "the first number is the lower one"),
        ("  load.rate: {interval: [1, 2]}", 5, "a grid needs levels, not an interval"),
        ("  - load.clients", 4, "factors: ['load.clients'] is no mapping"),
    ],
)
def test_mistakes_in_factors(refusal, text, line, says):
    """File and line of the factor, or of the part of it that is wrong."""
    said = refusal(f"{HEAD}{text}\n")
    assert said.startswith(f"FILE:{line}: ")
    assert says in said


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("variants: {}", 4, "an empty mapping leaves nothing to run"),
        ("variants: {a b: {}}", 4, "is no name for a variant"),
        ("variants:\n  a: {st: {}}", 5, "unknown key 'st' (did you mean 'set'?)"),
        ("variants:\n  a: 3", 5, "a variant is a mapping"),
        ("variants:\n  a: {baseline: 1}", 5, "baseline is true or false"),
        ("variants:\n  a: {set: [1]}", 5, "set is a mapping"),
        (
            "variants:\n  a: {baseline: true}\n  b: {baseline: true}",
            6,
            "at most one variant is the baseline, not a and b",
        ),
        ("variants: {a: {}, b: {}}\ninclude: [{duration_s: 3}]", 5, "say which variant it belongs to (variant: a | b)"),
        ("variants: {one: {}}\ninclude: [{variant: oen}]", 5, "unknown variant 'oen' (did you mean 'one'?)"),
        ("include: [{variant: a}]", 4, "unknown variant 'a' (the study has no variants)"),
        ("include: [{}]", 4, "gives a value to a factor"),
    ],
)
def test_mistakes_in_variants(refusal, text, line, says):
    """File and line of the variant, or of the part of it that is wrong."""
    said = refusal(f"study: s\nsystem: service\nbase: {{duration_s: 1}}\n{text}\n")
    assert said.startswith(f"FILE:{line}: ")
    assert says in said
