"""Metrics that depend on the parameters: what these trials do not measure is no metric of the study."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from fairtrial.contract.registry import Registry
from fairtrial.errors import SpecError
from fairtrial.model.study import Direction, Metric
from fairtrial.spec.reader import read_document, read_file


class Parameters(BaseModel):
    """A kind of target, and a load."""

    model_config = ConfigDict(extra="forbid")
    kind: str = "plain"
    x: int = 1


class Kinds:
    """Answers of a target that streams have a first token; that of a vector store a recall."""

    name = "kinds"
    version = "1"
    Parameters = Parameters
    metrics: Mapping[str, Metric] = {
        "latency_s": Metric("latency_s", Direction.MINIMIZE, "s"),
        "ttft_p99_s": Metric("ttft_p99_s", Direction.MINIMIZE, "s"),
        "ttft_p50_s": Metric("ttft_p50_s", Direction.MINIMIZE, "s"),
        "recall": Metric("recall", Direction.MAXIMIZE),
    }

    def measured(self, base: Mapping[str, Any]) -> frozenset[str]:
        """By kind; every one has a latency."""
        more = {"stream": {"ttft_p99_s", "ttft_p50_s"}, "vector": {"recall"}}.get(base.get("kind", "plain"), set())
        return frozenset({"latency_s", *more})

    def timed(self, base: Mapping[str, Any]) -> bool:
        """What streams is a time."""
        return base.get("kind") == "stream"

    def constant(self, base: Mapping[str, Any]) -> str:
        """What is a vector never changes."""
        return "vectors do not change: leave replicates out" if base.get("kind") == "vector" else ""

    def run(self, parameters: Any, context: Any) -> Mapping[str, float]:
        """Is never run here."""
        raise NotImplementedError


@pytest.fixture
def kinds(tmp_path):
    """Read a study about that system from its words."""
    registry = Registry({"system": {"kinds": Kinds()}})

    def read(**words):
        return read_document({"study": "s", "system": "kinds", **words}, registry=registry, folder=tmp_path).study

    return read


def names(study):
    return [metric.name for metric in study.metrics]


def test_a_study_that_names_none_has_those_that_its_trials_measure(kinds):
    """In the system's order; of several arms those that all of them measure, for a trial must have every metric."""
    assert names(kinds()) == ["latency_s"]
    assert names(kinds(base={"kind": "stream"})) == ["latency_s", "ttft_p99_s", "ttft_p50_s"]
    assert names(kinds(base={"kind": "stream"}, variants={"a": {"set": {"kind": "vector"}}, "b": {}})) == ["latency_s"]
    arms = {"a": {"set": {"kind": "vector"}}, "b": {"set": {"kind": "vector", "x": 2}}}
    assert names(kinds(variants=arms)) == ["latency_s", "recall"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("metrics: {ttft_p99_s: minimize}", 4),
        ("metrics:\n  - latency_s\n  - ttft_p99_s", 6),
        ("slo:\n  ttft_p99_s: {max: 1}", 5),
        ("gate:\n  ttft_p99_s: {worse_by: 5%}", 5),
        ("expect:\n  - latency_s increases with x\n  - ttft_p99_s increases with x", 6),
        ("prices:\n  ttft_p99_s: 2", 5),
        ("replicates: {min: 2, max: 4, until: {metric: ttft_p99_s, half_width: 5%}}", 4),
    ],
)
def test_a_metric_that_these_trials_do_not_measure_is_refused_where_it_is_named(tmp_path, words, line):
    """With file, line and the nearest one that is measured; with the parameters that measure it, it is taken."""
    registry = Registry({"system": {"kinds": Kinds()}})
    file = tmp_path / "study.yaml"
    head = "study: s\nsystem: kinds\nfactors: {x: [1, 2]}\n"
    file.write_text(f"{head}{words}\n")
    with pytest.raises(SpecError) as caught:
        read_file(file, registry=registry)
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert "metric 'ttft_p99_s' is not measured with these parameters (" in str(caught.value)
    assert "latency_s" in caught.value.hint
    file.write_text(f"{head}{words}\nbase: {{kind: stream}}\n")
    assert "ttft_p99_s" in names(read_file(file, registry=registry).study)


def test_an_unknown_metric_is_still_unknown(kinds):
    """The nearest of all that the system knows is named."""
    with pytest.raises(SpecError, match=r"unknown metric 'ttft_p98_s' \(did you mean 'ttft_p9"):
        kinds(slo={"ttft_p98_s": {"max": 1}})


def test_a_system_of_times_makes_a_timing_study(kinds):
    """Its trials run alone, in blocks, and are live, in the recorded study too."""
    study = kinds(base={"kind": "stream"})
    assert (study.timing, study.live, study.parallel.jobs, study.order.randomise) == (True, True, 1, "blocked")
    assert study.document["timing"] is True
    assert not kinds(base={"kind": "vector"}).timing
    arms = {"one": {"set": {"kind": "stream"}}, "other": {"set": {"kind": "vector"}}}
    assert kinds(variants=arms).timing


def test_the_users_word_on_timing_holds(kinds):
    """`timing: false` lets trials run side by side."""
    study = kinds(base={"kind": "stream"}, timing=False, parallel={"jobs": 2})
    assert (study.timing, study.parallel.jobs) == (False, 2)


def test_replicates_that_would_measure_the_same_are_refused(kinds):
    """In whichever arm; one replicate is fine."""
    assert kinds(base={"kind": "vector"}).replicates == 1
    assert kinds(replicates=3).replicates == 3
    for study in ({"base": {"kind": "vector"}}, {"variants": {"a": {"set": {"kind": "vector"}}, "b": {}}}):
        with pytest.raises(SpecError, match="3 replicates would measure the same") as refused:
            kinds(replicates=3, **study)
        assert refused.value.hint == "vectors do not change: leave replicates out"
