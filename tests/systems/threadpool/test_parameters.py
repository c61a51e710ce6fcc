"""Which parts of a trial's parameters are read: what nothing reads is refused, or leaves the parameters as they are."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from fairtrial.systems.threadpool.parameters import Parameters
from fairtrial.systems.threadpool.words import Arrivals, Duration


def made(**words: Any) -> Parameters:
    """Return the parameters of these words."""
    return Parameters.model_validate(words)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "the pool of a replay": ({"mode": "replay", "policy": {}, "pool": {"workers": 4}}, "`pool.workers` does nothing"),
    "control of a fixed run": ({"control": {"hold_s": 1}}, "`control` does nothing unless mode is replay"),
    "a pool to train with": ({"mode": "train", "training": {}, "pool": {"workers": 4}}, "`pool` does nothing"),
    "an engine to train with": ({"mode": "train", "training": {}, "engine": "real"}, "`engine` does nothing"),
    "a row to train with": ({"mode": "train", "training": {}, "telemetry": {}}, "`telemetry` does nothing"),
    "cores beside a row": ({"telemetry": {"cores": 2}, "machine": {"cores": 4}}, "`telemetry.cores`: set that"),
    "a size that a rule has not": ({"mode": "replay", "policy": {"kind": "rule", "workers": 5}}, "nearest 4"),
    "nothing to measure": ({"tasks": 500, "warmup": 0.999}, "leaves less than 10 of 500 tasks"),
    "no time between decisions": ({"mode": "replay", "policy": {}, "control": {"window_s": 1e-9}}, "window_s"),
    "a burst without a low": ({"workload": {"arrivals": {"kind": "bursty", "burst_times": 1e300}}}, "burst_times"),
    "less than a picosecond": ({"workload": {"cpu": {"mean_us": 1e-300}}}, "mean_us is 1e-300: at least 1e-06"),
    "an endless quantum": ({"machine": {"quantum_us": float("inf")}}, "finite"),
    "an endless period": ({"workload": {"arrivals": {"kind": "bursty", "period_s": float("inf")}}}, "finite"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_do_nothing_or_cannot_be_is_refused(name: str) -> None:
    """In words that name the part."""
    words, said = REFUSED[name]
    with pytest.raises(ValidationError) as caught:
        made(**words)
    assert said in str(caught.value)


REPLAY: dict[str, Any] = {"mode": "replay", "policy": {"kind": "rule"}}
TRAIN: dict[str, Any] = {"mode": "train"}
BURSTY = {"kind": "bursty", "rate_per_s": 5.0}
ALIKE: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "tasks of a formula": ({"engine": "analytic"}, {"tasks": 500, "warmup": 0.5, "records": True}),
    "what a real pool must keep": ({}, {"validity": {"others": 0.5}}),
    "starting threads of a fixed size": ({}, {"machine": {"spawn_us": 500}}),
    "costs that are measured": ({"machine": {"measured": True}}, {"machine": {"measured": True, "wake_us": 99}}),
    "tasks to train with": ({**TRAIN, "training": {}}, {"tasks": 500, "machine": {"switch_us": 9}}),
    "weights of a tree": ({**TRAIN, "training": {}}, {"training": {"policy": {"kind": "tree", "beta": 9}}}),
    "weights of a rule": (REPLAY, {"policy": {"kind": "rule", "gamma": 9}}),
    "the generator of a file": ({"telemetry": {"source": "input"}}, {"telemetry": {"source": "input", "seed": 3}}),
    "the machine's cores as the row has them": ({"telemetry": {"cores": 2}}, {"machine": {"cores": 2}}),
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_nothing_reads_leaves_the_parameters_as_they_are(name: str) -> None:
    """So that a factor of it is refused: all its levels are one to the system."""
    words, more = ALIKE[name]
    assert made(**{**words, **more}).model_dump() == made(**words).model_dump()


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("constant", set()),
        ("exponential", set()),
        ("lognormal", {"cv"}),
        ("pareto", {"shape"}),
        ("mix", {"long_share", "long_times"}),
    ],
)
def test_a_distribution_has_its_own_knobs(kind: Any, read: set[str]) -> None:
    """And no others: 'cv' is nothing to an exponential time."""
    knobs: dict[str, Any] = {"cv": 3.0, "shape": 3.0, "long_share": 0.3, "long_times": 3.0}
    one = Duration(kind=kind, mean_us=5, **knobs)
    assert {name for name in knobs if getattr(one, name) == knobs[name]} == read


@pytest.mark.parametrize(
    ("kind", "read"),
    [
        ("poisson", {"rate_per_s"}),
        ("constant", {"rate_per_s"}),
        ("bursty", {"rate_per_s", "burst_times", "period_s"}),
        ("adversarial", {"rate_per_s", "period_s", "rate_low", "rate_high", "work_low", "work_high"}),
        ("trace", {"trace"}),
    ],
)
def test_arrivals_have_their_own_knobs(kind: Any, read: set[str]) -> None:
    """Those of other kinds are as by default."""
    knobs: dict[str, Any] = {
        "rate_per_s": 3.0, "burst_times": 3.0, "period_s": 3.0, "rate_low": 0.3, "rate_high": 3.0, "work_low": 0.3,
        "work_high": 3.0, "trace": "due.txt",
    }  # fmt: skip
    one = Arrivals(kind=kind, **knobs)
    assert {name for name in knobs if getattr(one, name) == knobs[name]} == read


def test_every_part_is_kept_where_it_is_read() -> None:
    """A trial's parameters say the same when they are read again from their own dump."""
    words: list[dict[str, Any]] = [
        {"engine": "real", "validity": {"others": 0.5}, "tasks": 500},
        {"mode": "replay", "policy": {"kind": "queueing", "beta": 2}, "machine": {"spawn_us": 500}},
        {"telemetry": {"row": 3, "seed": 4, "cores": 2}, "machine": {"switch_us": 50}},
        {"engine": "analytic", "tasks": 500, "workload": {"arrivals": {"kind": "trace", "trace": "due.txt"}}},
    ]
    for each in words:
        one = made(**each)
        assert made(**one.model_dump()) == one
        for path, value in _leaves(each):
            found: Any = one.model_dump()
            for key in path:
                found = found[key]
            assert found == value


def _leaves(words: Any, above: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Return (path, value) of nested words."""
    if not isinstance(words, dict):
        return [(above, words)]
    return [leaf for key, value in words.items() for leaf in _leaves(value, (*above, key))]
