"""Levels, settings and conditions resolved by the system before anything runs."""

from __future__ import annotations

import pytest

from fairtrial.errors import UserError

HEAD = "study: s\nsystem: service\nbase:\n  duration_s: 1\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("  load: {clients: many}", 5, "base.load.clients: Input should be a valid integer"),
        ("  laod: {}", 5, "base.laod: unknown parameter 'laod' (did you mean 'load'?)"),
        ("  load:\n    cleints: 3", 6, "unknown parameter 'cleints' (did you mean 'clients'?)"),
        (
            "  load: {mode: opn}",
            5,
            "base.load.mode: Input should be 'closed' or 'open', not 'opn' (did you mean 'open'?)",
        ),
        ("  model: {kind: tree, penalty: 1}", 5, "unknown parameter 'penalty'"),
        ("  target: {password: hunter2}", 5, "a secret is written {secret: NAME}"),
        (
            "factors:\n  load.clients:\n    - 1\n    - x",
            8,
            "factors.load.clients: level 'x': Input should be a valid int",
        ),
        ("factors:\n  load.clients:\n    levels:\n      - 1\n      - 0", 9, "level 0: Input should be greater than"),
        ("factors:\n  load.mode: [closed, opn]", 6, "level 'opn': Input should be 'closed' or 'open'"),
        (
            "factors:\n  b:\n    zip:\n      load.clients: [1, 2]\n      load.mode: [open, x]",
            8,
            "level [2, 'x']: Input",
        ),
        ("factors:\n  load: [{clients: 1}, {cleints: 2}]", 6, "unknown parameter 'cleints' (did you mean 'clients'?)"),
        ("variants:\n  a:\n    set:\n      load.mode: opn", 8, "variants.a.set.load.mode: Input should be 'closed' or"),
        ("factors: {load.clients: [1]}\ninclude:\n  - load.clients: x", 7, "load.clients: Input should be a valid int"),
        ("factors:\n  load.clients: [1, 1.0]", 6, "levels 1 and 1.0 are one to the system"),
        ("factors:\n  load.clients:\n    - 1\n    - 2\n    - '2'", 9, "levels 2 and '2' are one to the system"),
        ("factors:\n  load.clients: {levels: [1, 2], before: 3}", 6, "3, but without the factor load.clients is 1"),
        ("factors:\n  load.clients: {levels: [1, 2], before: x}", 6, "before: 'x': Input should be a valid integer"),
    ],
)
def test_what_the_system_refuses(refusal, text, line, says):
    """The error names the level, setting or base value that is refused, with its own line."""
    said = refusal(f"{HEAD}{text}\n")
    assert says in said
    assert said.startswith(f"FILE:{line}: ")
    assert "hunter2" not in said


def test_a_missing_parameter_is_asked_for(refusal):
    """A required parameter that neither base nor factors give is named with its description."""
    said = refusal("study: s\nsystem: service\nbase: {}\n")
    assert said == "FILE:3: base.duration_s: missing: this parameter is required (Seconds under load.)"


def test_required_parameters_may_come_from_factors(document):
    """A factor may give what the base lacks."""
    assert document(base={}, factors={"duration_s": [1, 2]}).base == {}


def test_a_contradiction_of_before_and_base(pair):
    """What held before a factor existed is what the base says without it."""
    assert pair(base={"low": 3}, factors={"low": {"levels": [3, 4], "before": 3}}).factors[0].before == 3
    assert pair(base={"low": 3}, factors={"low": {"levels": [4, 5], "before": 3}}).factors[0].before == 3
    with pytest.raises(UserError, match="2, but without the factor low is 3"):
        pair(base={"low": 3}, factors={"low": {"levels": [2, 4], "before": 2}})


def test_levels_that_fit_together_somewhere(pair):
    """Levels that only some combinations allow are fine: each is tried beside the others' levels."""
    study = pair(factors={"low": [0, 7], "high": [5, 10]})
    assert len(study.factors) == 2
    first_pair_is_invalid = pair(factors={"low": [8, 1], "high": [5, 10]})
    assert len(first_pair_is_invalid.factors) == 2


def test_levels_that_fit_nowhere(pair):
    """A level that no combination allows is refused, with the model's own words."""
    with pytest.raises(UserError, match="level 11: low must be below high"):
        pair(factors={"low": [0, 11], "high": [5, 10]})
    with pytest.raises(UserError, match="base: low must be below high"):
        pair(base={"low": 10})


def test_a_union_chosen_by_another_factor(document):
    """A parameter of one branch is fine where a rule, or the choice of levels, lets it exist."""
    tree, linear = {"kind": "tree"}, {"kind": "linear"}
    assert document(base={"duration_s": 1, "model": tree}, factors={"model.depth": [1, 2]})
    assert document(
        base={"duration_s": 1, "model": linear},
        factors={"model.kind": ["linear", "tree"], "model.depth": {"levels": [1, 2], "when": "model.kind == 'tree'"}},
    )
    with pytest.raises(UserError, match="unknown parameter 'depth'"):
        document(base={"duration_s": 1, "model": linear}, factors={"model.depth": [1, 2]})


def test_conditional_factors_that_never_exist(document):
    """A rule that no level makes true, and rules that wait for each other, are refused."""
    factors = {"load.clients": [1, 2], "load.rate": {"levels": [1, 2], "when": "load.clients > 2"}}
    with pytest.raises(UserError, match=r"no level of another factor makes 'load\.clients > 2' true"):
        document(factors=factors)
    assert document(factors={**factors, "load.clients": [1, 3]})
    circle = {
        "load.clients": {"levels": [1, 2], "when": "load.rate > 0"},
        "load.rate": {"levels": [1, 2], "when": "load.clients > 0"},
    }
    with pytest.raises(UserError, match="wait for each other"):
        document(factors=circle)


def test_rules_over_the_variant_choose_arms(document):
    """A factor that exists in one arm only is checked there."""
    study = document(
        factors={"load.rate": {"levels": [1, 2], "when": "variant == 'b'"}}, variants={"a": None, "b": None}
    )
    assert study.factors[0].when.text == "variant == 'b'"


def test_a_rule_that_cannot_be_evaluated(document):
    """Comparing a text with a number in a rule is the user's mistake."""
    factors = {"load.mode": ["open"], "load.rate": {"levels": [1, 2], "when": "load.mode > 2"}}
    with pytest.raises(UserError, match=r"makes no sense for load\.mode='open'"):
        document(factors=factors)


def test_intervals_are_checked_at_both_ends(document):
    """An end that the system refuses is refused, with the factor's place."""
    design = {"kind": "random", "n": 4}
    with pytest.raises(UserError, match="level 1001: Input should be less than or equal to 1000"):
        document(design=design, factors={"load.clients": {"integers": [1, 1001]}})


def test_secrets_stay_references(document, monkeypatch):
    """A secret is never read here, and may be a level."""
    monkeypatch.setenv("ONE", "hunter2")
    secret = {"secret": "ONE"}
    study = document(base={"duration_s": 1, "target": {"password": secret}})
    assert study.base["target"]["password"] == secret
    assert "hunter2" not in repr(study)
    varied = document(factors={"target.password": [secret, {"secret": "TWO"}]})
    assert varied.factors[0].levels == ((secret,), ({"secret": "TWO"},))
