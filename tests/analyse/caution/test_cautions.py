"""Cautions: each doubt is raised by what it is there to see, with advice, and not by a quiet run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairtrial.analyse.caution.cautions import cautions
from fairtrial.analyse.data import data
from fairtrial.model.claim import Claim, ClaimKind
from fairtrial.model.finding import CautionKind
from fairtrial.model.outcome import Status, Usage
from fairtrial.model.run import AttemptRow, Measurements
from fairtrial.model.study import Direction, Metric, Study, SystemRef
from fairtrial.model.trial import Role

LEVELS, REPLICATES = 6, 6
N = LEVELS * REPLICATES


def study(**settings_):
    return Study("s", SystemRef("x"), metrics=(Metric("y", Direction.MINIMIZE, "s"),), **settings_)


def quiet(seed=0, mean=lambda level: 10.0 + (level - 2.5) ** 2, sd=0.2):
    """Values of a run: shape (levels, replicates), best in the middle."""
    rng = np.random.default_rng(seed)
    return np.array([[mean(level) + sd * rng.normal() for _ in range(REPLICATES)] for level in range(LEVELS)])


def measured(values, *, failed=()):
    levels, replicates = np.indices(values.shape)
    n = values.size
    return data(
        Measurements(
            run=7,
            number=range(1, n + 1),
            variant=[""] * n,
            replicate=replicates.ravel().tolist(),
            seed=[0] * n,
            status=["failed" if i in failed else "done" for i in range(n)],
            failure=["timeout" if i in failed else "" for i in range(n)],
            factors={"level": levels.ravel().tolist()},
            metrics={"y": values.ravel().tolist()},
            attempt=list(range(1, n + 1)),
        )
    )


def places(seed=0):
    """When each trial ran: blocks of replicates one after the other, shuffled within."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(LEVELS) + LEVELS * block for block in range(REPLICATES)], axis=-1)


def attempt(number, at, *, spin=None, role=Role.TRIAL, y=None, trial=None):
    usage = Usage(spin_before_s=spin, spin_after_s=spin)
    metrics = {} if y is None else {"y": y}
    digest = str(trial or number).encode()
    return AttemptRow(number, 7, digest, 1, role, Status.DONE, at, at + 1, usage, None, metrics, 1)


def attempts(place, spin=None):
    flat = place.ravel().tolist()
    return [attempt(i + 1, float(at), spin=None if spin is None else float(spin[at])) for i, at in enumerate(flat)]


def raised(found, *, attempts=(), planned=None, floor=None, study_=None):
    """Return the cautions by kind; each must have a sentence and an advice."""
    made = cautions(found, study_ or study(), attempts, planned=planned, floor=floor)
    assert all(one.text.endswith(".") and one.advice for one in made)
    return {one.kind: one.text for one in made}


def test_a_quiet_run_raises_nothing():
    """A complete, replicated, steady run has no cautions."""
    assert raised(measured(quiet()), attempts=attempts(places(), np.full(N, 1e-3)), planned=N) == {}


def test_too_few_replicates():
    """Conditions with fewer than three values are counted."""
    found = raised(measured(quiet()[:, :2]))
    assert found[CautionKind.FEW_REPLICATES] == "6 of 6 conditions have fewer than 3 values, the fewest 2."


def test_an_unfinished_run_and_failures():
    """Trials that are not settled and trials without a value are counted with their reasons."""
    found = cautions(measured(quiet(), failed={0, 1}), study(), [], planned=40)
    texts = [one.text for one in found if one.kind is CautionKind.INCOMPLETE]
    assert texts == ["36 of 40 planned trials are settled.", "2 of 36 trials gave no value (2 timeout)."]


def test_what_is_undefined_is_not_measured_again():
    """Where trials are done and only lack a metric, no one is sent to repeat them."""
    values = quiet()
    values[0, :2] = np.nan
    for failed, again in (((), False), ({0}, True)):
        found = cautions(measured(values, failed=failed), study(), [], planned=N)
        (one,) = [each for each in found if each.kind is CautionKind.INCOMPLETE]
        assert ("fairtrial retry" in one.advice) is again
    tolerant = raised(measured(quiet(), failed={0, 1}), study_=study(completeness=0.9))
    assert CautionKind.INCOMPLETE not in tolerant


def test_failures_at_one_end_censor():
    """Failures that depend on a factor are told from failures anywhere."""
    at_end = set(range(N - 5, N))
    assert "level = 5 lacks 5 of 6 values" in raised(measured(quiet(), failed=at_end))[CautionKind.CENSORED]
    anywhere = {0, 7, 14, 21, 28}
    assert CautionKind.CENSORED not in raised(measured(quiet(), failed=anywhere))


def test_drift_and_order_need_what_conditions_do_not_explain():
    """A rise over the run is a drift; a rise within every block is an order effect; seeds that differ are neither."""
    place = places()
    drifting = quiet() + 1.5 * place / N
    assert CautionKind.DRIFT in raised(measured(drifting), attempts=attempts(place))
    warming = quiet() + 0.3 * (place % LEVELS) + np.array([0, 5, -5, 4, -4, 0])
    found = raised(measured(warming), attempts=attempts(place))
    assert CautionKind.ORDER in found or CautionKind.DRIFT in found
    seeds = quiet() + np.array([0, 5, -5, 4, -4, 1])
    found = raised(measured(seeds), attempts=attempts(place))
    assert CautionKind.ORDER not in found
    assert CautionKind.DRIFT not in found


def test_attempts_of_other_runs_are_not_matched():
    """Trials that another run measured have no times here, and nothing is said of them."""
    place = places()
    strangers = [replace(one, id=one.id + 1000) for one in attempts(place)]
    assert raised(measured(quiet() + 1.5 * place / N), attempts=strangers) == {}


def test_the_sentinel_is_compared_with_its_own_trial():
    """The first trial measured again at the end gives what it gave, or the machine moved."""
    values, place = quiet(), places()
    same = [*attempts(place), attempt(99, 100.0, role=Role.SENTINEL, y=float(values[0, 0]) + 0.1, trial=1)]
    assert raised(measured(values), attempts=same) == {}
    moved = [*attempts(place), attempt(99, 100.0, role=Role.SENTINEL, y=float(values[0, 0]) * 2, trial=1)]
    assert "The sentinel's y was" in raised(measured(values), attempts=moved)[CautionKind.DRIFT]


def test_the_cpu_loop_shows_a_slower_or_noisy_machine():
    """A fixed loop that takes longer at the end is a drift, one that varies is a noisy machine."""
    place, rng = places(), np.random.default_rng(1)
    slower = np.linspace(1e-3, 1.2e-3, N)
    assert "+1" in raised(measured(quiet()), attempts=attempts(place, slower))[CautionKind.DRIFT]
    noisy = 1e-3 * (1 + 0.2 * rng.random(N))
    assert CautionKind.NOISY_MACHINE in raised(measured(quiet()), attempts=attempts(place, noisy))


def test_loud_timings():
    """Timings that vary by a third between replicates are called noisy, other metrics are not."""
    loud = quiet(mean=lambda level: 10.0, sd=4.0)
    assert CautionKind.NOISY_MACHINE in raised(measured(loud), study_=study(timing=True))
    assert CautionKind.NOISY_MACHINE not in raised(measured(loud))


def test_one_value_far_from_all_others():
    """A single value far outside is a heavy tail, and the trial is named."""
    values = quiet()
    values[3, 3] += 10
    made = cautions(measured(values), study(), (), planned=None)
    (advice,) = (one.advice for one in made if one.kind is CautionKind.HEAVY_TAILS)
    assert "fairtrial show 7.22;" in advice


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_quiet_values_near_zero_and_far_from_it_have_no_heavy_tails(seed, grows):
    """Positive means of 0.1 to 3, with noise of one size or in proportion to them, hide no wild value."""
    means = np.linspace(0.1, 3, LEVELS)[:, None]
    noise = np.random.default_rng(seed).standard_normal((LEVELS, REPLICATES))
    values = np.abs(means + 0.05 * noise * (means if grows else 1.0))
    assert CautionKind.HEAVY_TAILS not in raised(measured(values))


def test_near_the_floor():
    """What lies within five times the harness's own value is doubted; the null arm itself is not counted."""
    found = measured(quiet(mean=lambda level: 10.0 * (level + 1)))
    assert "of 4 conditions" in raised(found, floor={"y": 9.0})[CautionKind.NEAR_FLOOR]
    assert CautionKind.NEAR_FLOOR not in raised(found, floor={"y": 1.0})
    null = measured(np.full((2, 6), 9.0) * np.array([[1.0], [100.0]]))
    assert CautionKind.NEAR_FLOOR not in raised(null, floor={"y": 9.0})


def test_a_throughput_near_the_harness_own():
    """A metric that should be large is near the floor when it comes close from below."""
    grows = replace(study(), metrics=(Metric("y", Direction.MAXIMIZE),))
    found = measured(quiet(mean=lambda level: 10.0 * (level + 1)))
    assert "of 6 conditions" in raised(found, floor={"y": 40.0}, study_=grows)[CautionKind.NEAR_FLOOR]
    assert CautionKind.NEAR_FLOOR not in raised(found, floor={"y": 1000.0}, study_=grows)


def test_an_inert_factor_and_a_constant_metric():
    """A knob that changes no measurement is named; a metric that never varies too."""
    same = np.tile(np.random.default_rng(1).random(REPLICATES), (LEVELS, 1))
    assert "level changed no measurement" in raised(measured(same))[CautionKind.INERT_FACTOR]
    assert raised(measured(np.ones((LEVELS, REPLICATES))))[CautionKind.DEGENERATE] == "All 36 values of y are 1."


def test_the_best_of_many_is_too_good():
    """From ten conditions on, the expected optimism is named, with the command that measures again."""
    values = np.random.default_rng(3).normal(size=(20, 4)) + 10
    made = cautions(measured(values), study(), [], planned=None)
    selection = next(one for one in made if one.kind is CautionKind.SELECTION)
    assert "20 conditions" in selection.text
    assert "fairtrial confirm 7" in selection.advice


def test_the_best_at_the_end_of_what_was_tried():
    """A metric that is still improving at the last level asks for more levels."""
    falling = quiet(mean=lambda level: 20.0 - level)
    assert "at level = 5" in raised(measured(falling))[CautionKind.EDGE]
    assert CautionKind.EDGE not in raised(measured(quiet()))


def test_a_claim_beyond_the_levels_is_an_extrapolation():
    """A place that nothing measured around is doubted."""
    claim = Claim("y has a threshold in level near 50", ClaimKind.THRESHOLD, "y", "level", near=50.0)
    found = raised(measured(quiet()), study_=study(expect=(claim,)))
    assert "outside the levels tested, 0 to 5" in found[CautionKind.EXTRAPOLATION]


def test_uneven_replication():
    """Conditions with different numbers of trials are named."""
    found = measured(quiet()).measured
    short = {
        name: list(getattr(found, name))[:-3]
        for name in ("number", "variant", "replicate", "seed", "status", "failure", "attempt")
    }
    factors = {path: list(values)[:-3] for path, values in found.factors.items()}
    part = replace(found, **short, factors=factors, metrics={"y": list(found.metrics["y"])[:-3]})
    assert "between 3 and 6 trials" in raised(data(part))[CautionKind.UNBALANCED]


@given(st.integers(0, 200), st.sampled_from([1e-9, 0.5, 1e9]))
@settings(max_examples=15, deadline=None)
def test_units_do_not_matter(seed, scale):
    """The same run in another unit raises the same cautions."""
    values, place = quiet(seed, sd=0.5), places(seed)
    one = raised(measured(values), attempts=attempts(place), floor={"y": 3.0})
    other = raised(measured(values * scale), attempts=attempts(place), floor={"y": 3.0 * scale})
    assert one.keys() == other.keys()


@pytest.mark.parametrize("failed", [set(range(N)), set(range(1, N))])
def test_runs_with_hardly_a_value(failed):
    """A run in which nothing, or one trial, succeeded still gets its cautions."""
    found = raised(measured(quiet(), failed=failed), attempts=attempts(places()))
    assert {CautionKind.FEW_REPLICATES, CautionKind.INCOMPLETE} <= found.keys()


def test_a_condition_of_nothing_but_zeros_is_no_reason_to_stumble():
    """Noise that grows with the mean has no scale where the mean is 0: that condition says nothing of the machine."""
    values = quiet(mean=lambda level: 10.0**level, sd=0.0) * np.exp(np.random.default_rng(1).normal(0, 0.1, (6, 6)))
    values[0] = 0.0
    raised(measured(values), attempts=attempts(places()), study_=study(timing=True))
