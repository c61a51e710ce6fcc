"""Names and clashes: paths of the system, factors that get in each other's way, rules."""

from __future__ import annotations

import pytest

from fairtrial.errors import UserError

HEAD = "study: s\nsystem: service\nbase: {duration_s: 1, steps: [{rate: 1}]}\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("factors:\n  load.cleints: [1]", 5, "unknown parameter 'cleints' in 'load.cleints' (did you mean 'clients'?)"),
        ("factors:\n  duration: [1]", 5, "unknown parameter 'duration' (did you mean 'duration_s'?)"),
        ("factors:\n  steps.first.rate: [1]", 5, "a list is indexed by numbers from 0"),
        (
            "factors:\n  steps.1.rate: [1]",
            5,
            "steps.1.rate: the base has a list of 1 at steps (write steps in the base)",
        ),
        ("factors:\n  both: {zip: {load.cleints: [1]}}", 5, "did you mean 'clients'?"),
        ("variants:\n  a:\n    factors:\n      load.cleints: [1]", 7, "did you mean 'clients'?"),
        ("variants:\n  a:\n    set:\n      load.cleints: 1", 7, "did you mean 'clients'?"),
        ("factors:\n  load: [{clients: 1}]\n  load.clients: [1]", 6, "load.clients lies inside the factor load"),
        ("factors:\n  load.clients: [1]\n  load: [{clients: 1}]", 6, "load.clients lies inside the factor load"),
        ("factors:\n  load.clients: [1]\n  b: {zip: {load.clients: [1]}}", 6, "load.clients is a factor twice"),
        (
            "factors: {duration_s: [1]}\nvariants:\n  a:\n    factors: {duration_s: [2]}",
            7,
            "is a factor twice: here and at factors.duration_s",
        ),
        (
            "variants:\n  a:\n    set: {duration_s: 1}\n    factors: {duration_s: [2]}",
            6,
            "duration_s is set here and varied by the factor duration_s",
        ),
        ("factors: {load: [{rate: 1}]}\nvariants:\n  a:\n    set: {load.rate: 1}", 7, "varied by the factor load"),
        ("variants:\n  a:\n    set: {load: {rate: 1}, load.rate: 2}", 6, "load.rate lies inside load"),
        ("factors: {duration_s: [1, 2]}\nexclude:\n  - duration > 1", 6, "'duration' is not a factor (did you mean"),
        ("exclude:\n  - duration_s > 1", 5, "'duration_s' is not a factor (valid: variant)"),
        ("factors:\n  load.rate: {levels: [1], when: load.rate > 1}", 5, "'load.rate' is not a factor"),
        ("factors:\n  load.rate: {levels: [1], when: replicate > 1}", 5, "a factor is the same in every replicate"),
        (
            "factors: {load.rate: [1]}\ninclude:\n  - {load.rat: 1}",
            6,
            "'load.rat' is not a factor (did you mean 'load.rate'?)",
        ),
        (
            "variants:\n  a: {factors: {load.rate: [1]}}\n  b:\ninclude:\n  - {load.rate: 1, variant: b}",
            8,
            "'load.rate' is not a factor of variant 'b'",
        ),
    ],
)
def test_clashes_and_unknown_names(refusal, text, line, says):
    """File and line of the part that is wrong, and the nearest name."""
    said = refusal(f"{HEAD}{text}\n")
    assert said.startswith(f"FILE:{line}: ")
    assert says in said


def test_what_is_fine(read):
    """Free parts, list indexes, a setting around a factor, and rules over other arms' factors are accepted."""
    study = read(
        f"""{HEAD}factors:
  target.settings.a.b: [1, 2]
  steps.0.rate: [1, 2]
variants:
  a: {{set: {{load: {{mode: open}}}}, factors: {{load.clients: [1, 2]}}}}
  b:
exclude: ["load.clients > 1 and steps.0.rate == 2", "replicate == 0 and variant == 'b'"]
"""
    )
    assert len(study.exclude) == 2


def test_an_index_needs_a_list_to_point_into(document):
    """Where the base has no list, none is made up; a variant's setting may bring it."""
    with pytest.raises(UserError, match=r"steps.0.rate: the base has no list at steps"):
        document(factors={"steps.0.rate": [1, 2]})
    arms = {"a": {"set": {"steps": [{"rate": 1}]}, "factors": {"steps.0.rate": [1, 2]}}}
    assert document(variants=arms).variants[0].factors[0].paths == ("steps.0.rate",)
