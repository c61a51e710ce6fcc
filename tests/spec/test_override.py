"""Overrides applied to a study."""

from __future__ import annotations

import pytest

STUDY = """\
study: s
system: service
base:
  duration_s: 10
  target: {settings: {work_mem: 4MB}}
  steps: [{rate: 0.1}, {rate: 0.2}]
factors:
  load.clients: {levels: [1, 2, 4], before: 1}
  both: {zip: {load.mode: [closed, open], load.rate: [1, 2]}}
variants:
  tuned: {set: {target.settings.a: 1}, factors: {target.settings.b: [1, 2]}}
  default:
replicates: 2
tags: [a]
"""


def _levels(study, name):
    factors = {factor.name: factor for variant in study.variants for factor in study.all_factors(variant)}
    return [row[0] for row in factors[name].levels]


def test_a_parameter_is_set_in_the_base(read):
    """A path that is no factor sets the base, through list indexes and free parts too."""
    study = read(STUDY, "duration_s=3", "steps.1.rate=9", "target.settings.work_mem='1,2'")
    assert study.base["duration_s"] == 3
    assert study.base["steps"] == [{"rate": 0.1}, {"rate": 9}]
    assert study.base["target"]["settings"] == {"work_mem": "1,2"}
    assert study.document["base"] == study.base


def test_a_single_value_of_a_factor_replaces_its_levels(read):
    """One value is one level, and what held before the factor existed stays said."""
    study = read(STUDY, "load.clients=1")
    assert _levels(study, "load.clients") == [1]
    assert study.factors[0].before == 1
    assert study.document["factors"]["load.clients"] == {"levels": [1], "before": 1}


def test_several_values_make_or_change_a_factor(read):
    """Commas change a factor's levels, or turn a parameter into a factor."""
    study = read(STUDY, "load.clients=8,16", "duration_s=linspace(1,2,3)")
    assert _levels(study, "load.clients") == [8, 16]
    assert _levels(study, "duration_s") == [1.0, 1.5, 2.0]
    assert study.base["duration_s"] == 10


def test_a_list_in_brackets_is_one_value(read):
    """`[…]` is one value, whatever it holds."""
    assert read(STUDY, "target.settings.work_mem=[1,2]").base["target"]["settings"]["work_mem"] == [1, 2]
    assert _levels(read(STUDY, "target.settings.b=[1,2]"), "target.settings.b") == [[1, 2]]


def test_a_variants_own_factor_is_changed_where_it_stands(read):
    """A factor that only a variant has keeps its place."""
    study = read(STUDY, "target.settings.b=3,4,5")
    assert _levels(study, "target.settings.b") == [3, 4, 5]
    assert study.variants[0].factors[0].name == "target.settings.b"
    assert [factor.name for factor in study.factors] == ["load.clients", "both"]


def test_zips(read):
    """A zip is given whole; a path that moves with one cannot be set alone."""
    study = read(STUDY, "both=zip(load.mode=[open,closed,open],load.rate=range(1,3))")
    assert study.factors[1].paths == ("load.mode", "load.rate")
    assert study.factors[1].levels == (("open", 1), ("closed", 2), ("open", 3))


def test_words_of_the_study_go_before_parameters(read):
    """A study's own keys are set by their name, nested ones by their path."""
    study = read(
        STUDY,
        *("replicates=5", "limits.wall=2m", "parallel.jobs=2", "design=sobol", "design.n=8", "tags=x,y", "seed=3"),
        *("study=other", "limits.retries.crash=0", "variants.tuned.set.target.settings.a=7"),
        *("factors.load.clients=2,3", "variants.tuned.factors.target.settings.b=9"),
    )
    assert (study.replicates, study.limits.wall_s, study.parallel.jobs, study.seed) == (5, 120.0, 2, 3)
    assert (study.design.kind, study.design.n, study.tags, study.name) == ("sobol", 8, ("x", "y"), "other")
    assert study.limits.retries["crash"] == 0
    assert study.variants[0].set == {"target.settings.a": 7}
    assert _levels(study, "load.clients") == [2, 3]
    assert _levels(study, "target.settings.b") == [9]


def test_a_name_that_looks_like_a_number_stays_a_text(read):
    """`study=12` names the study "12"."""
    assert read(STUDY, "study=12").name == "12"


def test_adding_and_removing(read):
    """`+` adds to a free part, `~` removes parameters, factors and words."""
    study = read(STUDY, "+target.settings.new=1", "~target.settings.work_mem", "~both", "~tags")
    assert study.base["target"]["settings"] == {"new": 1}
    assert [factor.name for factor in study.factors] == ["load.clients"]
    assert study.tags == ()
    assert "tags" not in study.document


def test_overrides_apply_in_order(read):
    """The last one wins; a removed factor can be set in the base."""
    study = read(STUDY, "~load.clients", "load.clients=7", "duration_s=1", "duration_s=2")
    assert study.base["load"] == {"clients": 7}
    assert study.base["duration_s"] == 2


def test_the_base_can_be_replaced_first(read, tmp_path):
    """`base=FILE` takes another file, and the other overrides apply to that."""
    (tmp_path / "other.json").write_text('{"duration_s": 99, "load": {"clients": 1}}')
    study = read(STUDY, "~both", "load.rate=null", "base=other.json", "duration_s=98")
    assert study.base == {"duration_s": 98, "load": {"clients": 1, "rate": None}}


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("load.cleints=3", "unknown parameter 'cleints' (did you mean 'clients'?)"),
        ("load.cleints=1,2", "unknown parameter 'cleints' (did you mean 'clients'?)"),
        ("replicate=3", "unknown parameter 'replicate' (did you mean 'replicates'?)"),
        ("target.settings.work_mme=3", "write +target.settings.work_mme=3 to add it; did you mean 'work_mem'?"),
        ("+duration_s=3", "is there already (write duration_s=3)"),
        ("+load.clients=3", "is there already"),
        ("~duration", "there is no 'duration' to remove (did you mean 'duration_s'?)"),
        ("~tgas", "did you mean 'tags'?"),
        ("~limits.wall", "there is no 'limits.wall' to remove"),
        ("load.mode=open", "load.mode moves with the zip 'both' (write both=zip(…))"),
        ("load.clients.x=1", "load.clients.x lies inside the factor 'load.clients'"),
        ("duration_s.x=1", "'x' lies inside a plain value (10)"),
        ("steps.7.rate=1", "'7' is not an index of a list of 2"),
        ("replicates=range(1,3)", "a word of the study and takes no range"),
        ("protocol=1", "protocol: this version of fairtrial has no protocols of older harnesses yet"),
        ("limits.wal=2m", "override 'limits.wal=2m': limits.wal: unknown key 'wal' (did you mean 'wall'?)"),
        (
            "load.clients=1,x",
            "override 'load.clients=1,x': factors.load.clients: level 'x': Input should be a valid int",
        ),
        ("duration_s=x", "override 'duration_s=x': base.duration_s: Input should be a valid number"),
        ("load.clients=1:5", "ambiguous; write range(1,5)"),
    ],
)
def test_mistakes_name_the_override(refusal, override, says):
    """An error points at the override, not at a line of the file."""
    line = refusal(STUDY, override)
    assert says in line
    assert line.startswith(f"override {override!r}: ")


def test_a_winner_and_overrides(read):
    """Overrides change the parameters that a winner brought."""
    text = "study: s\nsystem: service\nbase: {winner: 4}\n"
    study = read(text, "load.clients=2", winner=lambda run: {"duration_s": run, "load": {"clients": 1}})
    assert study.base == {"duration_s": 4, "load": {"clients": 2}}
