"""Identity: what enters it, what keeps it when a study is amended, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest

from fairtrial.errors import SpecError, UnknownName
from fairtrial.model.identity import digest, digest_bytes, trial_digest
from fairtrial.model.rule import parse
from fairtrial.model.study import Order
from fairtrial.plan.space import open_space


def space(small, declared, system=None, **words):
    return open_space(declared, system or small.Base(), identity=small.IDENTITY, **words)


def keys(small, *args, **words):
    return set(small.digests(small.grid(small.study(*args, **words))))


def test_identity_is_the_resolved_parameters(small):
    """Types are coerced and defaults filled before anything is digested."""
    made = space(small, small.study({"a": [1], "b": [2]})).condition("", {"a": "1", "b": 2})
    assert made.parameters == small.Plain(a=1, b=2.0).model_dump(mode="json")
    assert made.digest == digest(small.Plain(a=1, b=2.0).model_dump(mode="json"))


def test_trial_of_the_space_is_the_trial_of_the_grid(small):
    """Strategies that choose for themselves make the same trials as the grid."""
    declared = small.study({"a": [1, 2]}, replicates=2, seed=5)
    opened = space(small, declared, inputs=b"data")
    plan = small.grid(declared, inputs=b"data")
    for trial in small.trials(plan):
        other = opened.trial(opened.condition("", trial.condition.assignment), trial.replicate, trial.position)
        assert other == trial
        assert trial.digest == trial_digest(small.IDENTITY, trial.condition.digest, b"data", trial.seed)


def test_amendments_keep_what_was_there(small):
    """A level, a replicate or a variant more leaves every earlier digest as it was."""
    before = keys(small, {"a": [1, 2], "b": [0.5]}, replicates=2)
    assert before < keys(small, {"a": [0, 1, 2], "b": [0.5, 1]}, replicates=2)
    assert before < keys(small, {"a": [1, 2], "b": [0.5]}, replicates=3)
    arms = (small.arm("new", {"c": "y"}), small.arm("", {}))
    assert before < keys(small, {"a": [1, 2], "b": [0.5]}, replicates=2, variants=arms)
    assert before == keys(small, {"b": [0.5], "a": [2, 1]}, replicates=2, order="full")


def test_a_factor_with_before_keeps_earlier_trials(small):
    """At the level that held before the factor existed, trials keep the identity they had."""
    before = keys(small, {"a": [1, 2]})
    declared = small.study(
        [small.factor("a", [1, 2]), small.factor("settings.depth", [3, 5], before=3), small.factor("b", [0.5, 2.0])]
    )
    plan = small.grid(declared)
    assert before < set(small.digests(plan))
    kept = [trial for trial in small.trials(plan) if trial.digest in before]
    assert [trial.condition.assignment for trial in kept] == [{"a": a, "settings.depth": 3, "b": 0.5} for a in (1, 2)]
    assert kept[0].condition.parameters["settings"] == {"depth": 3}


def test_before_of_a_parameter_that_is_new(small):
    """A parameter the system cannot do without was not there before: its key leaves the identity."""
    from pydantic import BaseModel, ConfigDict, create_model

    strict = ConfigDict(extra="forbid")
    old = create_model("Old", __config__=strict, __base__=None, a=(int, ...))
    new = create_model("New", __config__=strict, __base__=None, a=(int, ...), depth=(int, ...))
    assert issubclass(new, BaseModel)
    before = small.digests(small.grid(small.study({"a": [1, 2]}), small.Base(old)))
    amended = small.study([small.factor("a", [1, 2]), small.factor("depth", [3, 4], before=3)])
    plan = small.grid(amended, small.Base(new))
    assert small.digests(plan)[::2] == before
    assert [trial.digest for trial in small.trials(plan)] == small.digests(plan)


def test_before_of_parameters_of_which_one_is_new(small):
    """One that the system cannot do without leaves the identity; one with a default keeps what it was."""
    from pydantic import ConfigDict, create_model

    strict = ConfigDict(extra="forbid")
    old = create_model("Old", __config__=strict, a=(int, ...), b=(int, 7))
    new = create_model("New", __config__=strict, a=(int, ...), b=(int, 7), depth=(int, ...))
    before = small.digests(small.grid(small.study({"a": [1, 2]}), small.Base(old)))
    factors = [small.factor("a", [1, 2]), small.factor("b", [7, 8], before=7), small.factor("depth", [4, 3], before=3)]
    plan = small.grid(small.study(factors), small.Base(new))
    kept = [trial.condition.assignment for trial in small.trials(plan) if trial.digest in before]
    assert kept == [{"a": a, "b": 7, "depth": 3} for a in (1, 2)]


@pytest.mark.parametrize("path", ["depth", "load.depth", "loads.0.depth"])
def test_a_parameter_with_a_default_that_did_not_exist_then(small, path):
    """Named as absent, its key is in no identity at `before`, though it has a default; elsewhere nothing changes."""
    from pydantic import ConfigDict, create_model

    strict = ConfigDict(extra="forbid")
    top, _, inner = path.rpartition(".0.") if ".0." in path else path.rpartition(".")

    def model(**more):
        load = create_model("Load", __config__=strict, rate=(float, 1.0), **more)
        kinds = {"": more, "load": {"load": (load, load())}, "loads": {"loads": (list[load], [load()])}}
        return create_model("Model", __config__=strict, a=(int, 0), **kinds[top])

    base = {"loads": [{}]} if top == "loads" else {}
    before = small.digests(small.grid(small.study({"a": [1, 2]}, base=base), small.Base(model())))
    system = small.Base(model(**{inner: (int, 3)}))
    declared = small.study([small.factor("a", [1, 2]), small.factor(path, [3, 5], before=3)], base=base)
    plain, absent = (space(small, declared, system, absent=names).grid() for names in (frozenset(), frozenset({path})))
    assert small.digests(absent)[::2] == before
    assert not {*small.digests(plain)} & {*before}
    assert small.digests(absent)[1::2] == small.digests(plain)[1::2]
    assert [trial.digest for trial in small.trials(absent)] == small.digests(absent)
    assert absent.trial(0).condition.parameters == plain.trial(0).condition.parameters


def test_absent_means_nothing_without_before(small):
    """A factor that declares no `before` keeps its key, whatever is named as absent."""
    declared = small.study({"a": [1, 2]})
    assert small.digests(space(small, declared, absent=frozenset({"a"})).grid()) == small.digests(small.grid(declared))


def test_before_that_contradicts_the_system_is_refused(small):
    """`before` cannot claim a value that the system would not have taken."""
    with pytest.raises(SpecError, match=r"before is 3, but without the factor it is 0"):
        small.grid(small.study([small.factor("a", [3, 4], before=3)]))
    plan = small.grid(small.study([small.factor("a", [0, 4], before=0)]))
    assert small.digests(plan) == small.digests(small.grid(small.study({"a": [0, 4]})))


def test_a_secret_is_a_reference_and_no_part_of_identity(small):
    """Which secret is used changes no digest; the parameters carry the reference."""
    one, other, none = (
        small.trials(small.grid(small.study({"a": [1]}, base={"token": token})))[0]
        for token in ({"secret": "ONE"}, {"secret": {"file": "/x"}}, None)
    )
    assert one.condition.parameters["token"] == {"secret": "ONE"}
    assert one.digest == other.digest == none.digest
    with pytest.raises(SpecError, match="same parameters"):
        small.grid(small.study({"token": [{"secret": "ONE"}, {"secret": "TWO"}]}))


def test_inputs_that_parameters_name_enter_identity(small):
    """A system that reads files gives their digests: they are part of the trial's inputs."""
    declared = small.study({"c": ["x", "y", "z"]})
    plain, reading = small.grid(declared), small.grid(declared, small.Reading())
    assert [a == b for a, b in zip(small.digests(plain), small.digests(reading), strict=True)] == [True, False, False]
    made = small.trials(reading)
    assert [trial.digest for trial in made] == small.digests(reading)
    assert made[0].inputs == b"" != made[1].inputs
    assert made[1].inputs == digest_bytes(b'{"data":"digest of y"}')
    opened = space(small, declared, small.Reading())
    assert opened.trial(opened.condition("", {"c": "y"}), 0, 1) == made[1]


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ({"a": "many"}, r"^a: small refuses the parameters: Input should be a valid integer.*$"),
        ({"load.client": 1}, r"^'load.client' is not a factor \(did you mean 'load.clients'\?\)$"),
    ],
)
def test_a_bad_assignment_is_one_line(small, assignment, line):
    """What the system refuses says where and why, in one line."""
    declared = small.study({"a": [1], "load.clients": [1]})
    with pytest.raises(SpecError, match=line):
        space(small, declared).condition("", assignment)


def test_a_bad_level_is_refused_with_the_file(small):
    """A grid with a level that the system refuses does not open."""
    with pytest.raises(SpecError, match=r"^study.yaml: a: small refuses"):
        small.grid(small.study({"a": [1, "x"]}, file="study.yaml"))


def test_an_unknown_variant_and_an_unknown_name_are_refused(small):
    """Names that nothing answers to are said with the nearest one."""
    with pytest.raises(UnknownName, match=r"did you mean 'tuned'\?"):
        space(small, small.study({"a": [1]}, variants=(small.arm("tuned"),))).condition("tune", {"a": 1})
    with pytest.raises(UnknownName, match="unknown factor 'z'"):
        space(small, small.study({"a": [1]}), only=parse("a == 1 and z == 2"))


def test_parameters_that_resolve_differently_each_time_are_refused(small):
    """A random default would give the same condition another identity each time."""
    from uuid import uuid4

    from pydantic import ConfigDict, Field, create_model

    model = create_model(
        "Odd", __config__=ConfigDict(extra="forbid"), a=(int, 0), tag=(str, Field(default_factory=lambda: uuid4().hex))
    )
    with pytest.raises(SpecError, match="resolve differently each time"):
        small.trials(small.grid(small.study({"a": [1, 2]}), small.Base(model)))


def test_parameters_must_be_json(small):
    """A not-a-number has no place in identity."""
    with pytest.raises(SpecError, match="not JSON"):
        space(small, small.study({"b": [1.0]})).condition("", {"b": float("nan")})


def test_fixed_plans_drop_doubles_and_keep_the_order(small):
    """A strategy's conditions become a plan of every replicate; the second of two equal ones goes."""
    opened = space(small, small.study({"a": [1, 2]}, replicates=2))
    chosen = [opened.condition("", {"a": a}) for a in (2, 1, 2.0)]
    plan = opened.fixed(chosen)
    assert [(t.replicate, t.condition.assignment["a"]) for t in small.trials(plan)] == [(0, 2), (0, 1), (1, 2), (1, 1)]
    assert plan.count().trials == 4
    assert "1 conditions" in plan.count().note


def test_fixed_plans_follow_only_limit_and_replicate_rules(small):
    """What narrows a grid narrows a chosen batch too."""
    declared = small.study({"a": [1, 2, 3]}, replicates=2, exclude=["replicate == 1 and a == 2"])
    opened = space(small, declared, only=parse("a > 1"), limit=2)
    plan = opened.fixed([opened.condition("", {"a": a}) for a in (1, 2, 3)])
    assert [(t.replicate, t.condition.assignment["a"]) for t in small.trials(plan)] == [(0, 2), (0, 3)]
    whole = space(small, declared).fixed([opened.condition("", {"a": a}) for a in (1, 2, 3)])
    assert whole.count().trials == 5


@pytest.mark.parametrize("order", ["none", "blocked", "full"])
def test_trials_that_share_a_resource_come_together(small, order):
    """Within each block the trials of one share key are neighbours, and nothing is lost."""
    declared = small.study({"a": [1, 2, 3], "c": ["x", "y"]}, replicates=2, order=order)
    plan = small.grid(declared, small.Sharing())
    made = small.trials(plan)
    assert sorted(small.digests(plan)) == sorted(small.digests(small.grid(declared)))
    assert [trial.digest for trial in made] == small.digests(plan)
    changes = sum(a.condition.parameters["c"] != b.condition.parameters["c"] for a, b in pairwise(made))
    assert changes == 1 if order == "full" else changes <= 3


def test_order_of_the_study_is_a_record(small):
    """The default order is the declared one."""
    assert Order().randomise == "none"
    assert [t.condition.assignment["a"] for t in small.trials(small.grid(small.study({"a": [3, 1, 2]})))] == [3, 1, 2]
