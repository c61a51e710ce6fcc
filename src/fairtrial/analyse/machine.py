"""Doubts about the machine: drift over the run, order within a block, a sentinel that moved, a noisy CPU."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.data import Data
from fairtrial.analyse.wording import listed, probability, quantity, unit_of
from fairtrial.model.finding import Caution, CautionKind
from fairtrial.model.outcome import Status
from fairtrial.model.run import AttemptRow
from fairtrial.model.study import Study
from fairtrial.model.trial import Role
from fairtrial.stats.difference import paired
from fairtrial.stats.drift import drift, position
from fairtrial.stats.resample import generator
from fairtrial.stats.summary import Floats, Integers, summarise

ALPHA = 0.05
"""Chance of a false caution of one kind in a run without its cause; shared among the tests of the kind."""
FEWEST = 8
"""Trials below which no test over time has a chance."""
SHIFT = 0.03
"""Change of the fixed CPU loop over a run that matters: more than a quiet machine's clock moves by itself."""
UNSTEADY = 0.05
"""Robust spread of the fixed CPU loop, as a share of its median: beyond it other work shares the CPU."""
LOUD = 0.2
"""Spread within a condition, as a share of its mean, at which five replicates see differences above a third only."""

REMEDY = "Run alone on a quiet machine with timing: true, then fairtrial run --fresh."


@dataclass(frozen=True, slots=True)
class Timeline:
    """When each trial started, and the fixed CPU loop beside it; NaN where nobody knows."""

    started: Floats
    spin: Floats
    """Seconds of the loop: the mean of before and after."""
    sentinels: tuple[tuple[int, AttemptRow], ...]
    """A row of the sentinel's condition, and the sentinel."""


def timeline(found: Data, attempts: Sequence[AttemptRow]) -> Timeline:
    """Match attempts with the trials that they settled."""
    row_of = {attempt: row for row, attempt in enumerate(found.measured.attempt) if attempt is not None}
    started, spin = np.full(len(found), np.nan), np.full(len(found), np.nan)
    digests: dict[bytes, int] = {}
    for one in attempts:
        row = row_of.get(one.id)
        if row is not None:
            started[row], spin[row] = one.started, _spin(one)
            digests[one.trial] = row
    last = [one for one in attempts if one.role is Role.SENTINEL and one.status is Status.DONE]
    return Timeline(started, spin, tuple((digests[one.trial], one) for one in last if one.trial in digests))


def machine(found: Data, study: Study, metrics: Sequence[str], line: Timeline) -> Iterator[Caution]:
    """List the doubts about the machine."""
    moved = [*_drift(found, study, metrics, line), *_sentinel(found, study, metrics, line), *_spins(found, line)]
    yield from moved
    if not any(one.kind is CautionKind.DRIFT for one in moved):
        yield from _order(found, study, metrics, line)
    if study.timing:
        yield from _loud(found, metrics)


def residuals(found: Data, metric: str) -> Floats:
    """Return what is left of a metric without its condition's mean, relative to that where all are positive."""
    values = found.metric(metric)
    seen = summarise(values, found.condition, int(found.condition.max()) + 1)
    left = values - seen.mean[found.condition]
    left[seen.n[found.condition] < 2] = np.nan
    positive = bool((seen.mean[seen.n > 0] > 0).all())
    return left / seen.mean[found.condition] if positive else left


def _spin(one: AttemptRow) -> float:
    known = [value for value in (one.usage.spin_before_s, one.usage.spin_after_s) if value is not None]
    return sum(known) / len(known) if known else float("nan")


def _timed(found: Data, metric: str, line: Timeline) -> tuple[Floats, Floats, Integers] | None:
    """Return residuals, start times and blocks of the trials that have all; None where they are too few."""
    left = residuals(found, metric)
    rows = np.isfinite(left) & np.isfinite(line.started)
    if int(rows.sum()) < FEWEST or not np.any(left[rows]):
        return None
    blocks = np.unique(found.replicate[rows], return_inverse=True)[1]
    return left[rows], line.started[rows], blocks


def _tested(
    found: Data, study: Study, metrics: Sequence[str], line: Timeline, *, within: bool
) -> list[tuple[str, float]]:
    """Return the metrics with the p of a move with time, corrected for their number."""
    shown = []
    for metric in metrics:
        timed = _timed(found, metric, line)
        if timed is not None:
            rng = generator(study.seed, "drift", metric, str(within))
            p = (position if within else drift)(*timed, rng=rng)
            shown.append((metric, min(1.0, p * len(metrics))))
    return shown


def _drift(found: Data, study: Study, metrics: Sequence[str], line: Timeline) -> Iterator[Caution]:
    moved = [(name, p) for name, p in _tested(found, study, metrics, line, within=False) if p <= ALPHA / 2]
    if moved:
        names, p = listed([name for name, _ in moved]), min(p for _, p in moved)
        text = f"{names} moved over the run, beyond what conditions explain ({probability(p)})."
        yield Caution(CautionKind.DRIFT, text, REMEDY)


def _order(found: Data, study: Study, metrics: Sequence[str], line: Timeline) -> Iterator[Caution]:
    moved = [(name, p) for name, p in _tested(found, study, metrics, line, within=True) if p <= ALPHA]
    if moved:
        names, p = listed([name for name, _ in moved]), min(p for _, p in moved)
        text = f"{names} depended on when in its block a trial ran ({probability(p)})."
        advice = "Set order: {randomise: blocked, warmup: 1}, then fairtrial run --fresh."
        yield Caution(CautionKind.ORDER, text, advice)


def _sentinel(found: Data, study: Study, metrics: Sequence[str], line: Timeline) -> Iterator[Caution]:
    """Compare the condition that was measured again at the end with its trials."""
    tests = [
        (row, one, metric) for row, one in line.sentinels for metric in metrics if one.metrics.get(metric) is not None
    ]
    for row, one, metric in tests:
        again = one.metrics[metric]
        values = found.metric(metric)[found.condition == found.condition[row]]
        values = np.sort(values[np.isfinite(values)])
        if again is not None and len(values) > 2 and _outside(values, again, ALPHA / (2 * len(tests))):
            unit = unit_of(study.metrics, metric)
            seen = f"{quantity(again, unit)} at the end, {quantity(float(values.mean()), unit)} before"
            yield Caution(CautionKind.DRIFT, f"The sentinel's {metric} was {seen}.", REMEDY)


def _outside(values: Floats, again: float, alpha: float) -> bool:
    """Say whether one more value lies outside the prediction interval of some."""
    known = paired(values.tolist(), 1 - alpha)
    half = (known.high - known.low) / 2 * math.sqrt(1 + len(values))
    return abs(again - known.estimate) > half + 1e-9 * abs(known.estimate)


def _spins(found: Data, line: Timeline) -> Iterator[Caution]:
    """Judge the machine by the fixed CPU loop, which no condition can change."""
    rows = np.isfinite(line.spin) & np.isfinite(line.started)
    if int(rows.sum()) < FEWEST:
        return
    order = np.lexsort((line.spin[rows], line.started[rows]))
    spin = line.spin[rows][order]
    part = max(2, len(spin) // 5)
    first, last, middle = np.median(spin[:part]), np.median(spin[-part:]), float(np.median(spin))
    spread = 1.4826 * float(np.median(np.abs(spin - middle))) / middle
    if abs(last / first - 1) > max(SHIFT, 3 * spread):
        text = f"A fixed CPU loop took {last / first - 1:+.1%} at the end of the run against its start."
        yield Caution(CautionKind.DRIFT, text, REMEDY)
    if spread > UNSTEADY:
        text = f"A fixed CPU loop varied by {spread:.1%} (robust) between trials."
        yield Caution(CautionKind.NOISY_MACHINE, text, REMEDY)


def _loud(found: Data, metrics: Sequence[str]) -> Iterator[Caution]:
    for metric in metrics:
        values = found.metric(metric)
        seen = summarise(values, found.condition, int(found.condition.max()) + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (seen.sd / np.abs(seen.mean))[seen.n > 1]
        shares = shares[np.isfinite(shares)]
        if len(shares) and float(np.median(shares)) > LOUD:
            text = f"{metric} varied by {float(np.median(shares)):.0%} between replicates of a condition (median)."
            yield Caution(CautionKind.NOISY_MACHINE, text, REMEDY)
