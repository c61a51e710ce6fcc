"""Which runs may be compared, and what is said of those that differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fairtrial.compare.likeness import labels, refuse_unlike
from fairtrial.compare.sample import Sample, commit_of, machine_of
from fairtrial.errors import UserError
from fairtrial.model.claim import Clause
from fairtrial.model.study import Direction, Metric

Make = Callable[..., Sample]
VALUES = {"latency_s": [[1.0, 2.0]]}


def two(make: Make, **changes: Any) -> tuple[Sample, Sample]:
    """Make two runs, the second with changed words of its study."""
    return make(VALUES, run=1), make(VALUES, run=2, **changes)


CHANGES = [
    ({"base": {"load": {"mode": "open"}}}, "base.load"),
    ({"seed": 7}, "seed: 0 != 7"),
    ({"slo": (Clause("latency_s", "max", 0.02),)}, "slo: []"),
    ({"document": {"factors": {"load": [1, 2]}}}, "factors: nothing"),
    ({"metrics": (Metric("latency_s", Direction.MINIMIZE, "ms"),)}, "metrics.latency_s"),
    ({"metrics": (Metric("latency_s", Direction.MAXIMIZE, "s"),)}, "metrics.latency_s"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_unlike_studies_are_refused_with_what_differs(make: Make, change: dict[str, Any], said: str) -> None:
    """One line names the path and both values, and the way to compare what differs."""
    one, other = make(VALUES, run=1), make(VALUES, run=2)
    other = replace(other, study=replace(other.study, **change))
    with pytest.raises(UserError, match="measured different things") as refusal:
        refuse_unlike(one, other, together=False)
    assert said in str(refusal.value)
    assert "--paired" in str(refusal.value)


def test_another_system_is_refused(make: Make) -> None:
    """Two programs are compared side by side or not at all."""
    one, other = two(make)
    with pytest.raises(UserError, match="system: s != t"):
        refuse_unlike(one, replace(other, system="t"), together=False)


def test_runs_made_side_by_side_may_differ_in_what_they_tell_apart(make: Make) -> None:
    """Base, system and variants differ by intent; seeds and factors never."""
    one, other = two(make, base={"target": "new"})
    refuse_unlike(one, replace(other, system="t"), together=True)
    assert "system: s != t" in labels(one, replace(other, system="t"))
    assert any(line.startswith("base.target") for line in labels(one, other))
    with pytest.raises(UserError, match="seed"):
        refuse_unlike(one, replace(other, study=replace(other.study, seed=1)), together=True)


def test_shared_measurements_are_refused(make: Make) -> None:
    """What one run took over from the other says nothing about a change."""
    one, other = two(make)
    other = replace(other, measured=replace(other.measured, attempt=one.measured.attempt))
    with pytest.raises(UserError, match="share 2 measurements"):
        refuse_unlike(one, other, together=False)
    with pytest.raises(UserError, match="cannot be compared with itself"):
        refuse_unlike(one, one, together=False)


def test_long_lists_of_differences_are_cut(make: Make) -> None:
    """Six differences are named, the others counted."""
    one, other = two(make, base={f"p{k}": k for k in range(9)})
    with pytest.raises(UserError, match="; 3 more"):
        refuse_unlike(one, other, together=False)


def test_machines_and_software_are_labelled(make: Make) -> None:
    """Another host, package or commit is said and refuses nothing."""
    one, other = two(make)
    one = replace(
        one, provenance={"machine": {"host": "a", "cpus": 2}, "python": "3.11.1 (x)", "packages": {"numpy": "2"}}
    )
    other = replace(
        other, provenance={"machine": {"host": "b", "cpus": 2}, "python": "3.11.1 (y)", "packages": {"numpy": "3"}}
    )
    refuse_unlike(one, other, together=False)
    assert labels(one, other) == ('machine.host: "a" != "b"', "numpy: 2 != 3")


def test_a_machine_is_named_by_its_processor() -> None:
    """Hosts of one kind are one machine; a quota makes another."""
    machine = {"cpu_model": "EPYC", "cpus": 4, "cpu_quota": 1.5, "host": "runner-17"}
    assert machine_of({"machine": machine}) == "EPYC, 4 CPUs (limited to 1.5)"
    assert machine_of({}) == "unknown processor, ? CPUs"
    assert commit_of({"code": {"commit": "0123456789abcdef", "dirty": True}}) == "0123456789ab+"
    assert commit_of({}) == ""
