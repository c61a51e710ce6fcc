"""Doubts about the machine: drift over the run, order within a block, a sentinel that moved, a noisy CPU."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.analyse.data import Data
from fairtrial.model.finding import Caution, CautionKind
from fairtrial.model.outcome import Status
from fairtrial.model.run import AttemptRow
from fairtrial.model.study import Study, unit_of
from fairtrial.model.trial import Role
from fairtrial.model.words import listed, percent, probability, quantity
from fairtrial.stats.drift import drift, position
from fairtrial.stats.resample import generator, permutation_p
from fairtrial.stats.summary import Floats, Integers, summarise

ALPHA = 0.05
"""Chance of a false caution of one kind in a run without its cause."""
DRIFT, SENTINEL = 0.5 * ALPHA, 0.4 * ALPHA
"""The shares of the two tests of drift."""
FEWEST = 8
"""Trials below which no test over time has a chance."""
SHIFT = 0.03
"""Change of the fixed CPU loop over a run that matters: more than a quiet machine's clock moves by itself."""
UNSTEADY = 0.05
"""Robust spread of the fixed CPU loop, as a share of its median: beyond it other work shares the CPU."""
ROBUST = 1.4826
"""Median absolute deviation of a normal sample -> its sd."""
RANKED = 50
"""Residuals from which the rank of the sentinel says enough."""
ROUNDING = 1e-9
CLEARLY = 3.0
"""Difference of the logarithms of two likelihoods from which one model fits clearly better."""
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
    """Return what is left of a metric without its condition's mean, in units of the `scale` of its noise."""
    left, _ = _centred(found, metric)
    size = scale(found, metric)
    shares: Floats = np.full(len(left), np.nan)
    np.divide(left, size, out=shares, where=size > 0)  # where all is 0, nothing is relative
    return shares


def scale(found: Data, metric: str) -> Floats:
    """Return what the noise of each trial is proportional to: its condition's mean where it is `relative`, else 1."""
    left, means = _centred(found, metric)
    return np.abs(means) if relative(left, means) else np.ones(len(left))


def _centred(found: Data, metric: str) -> tuple[Floats, Floats]:
    """Return each value without its condition's mean, NaN below two values, and that mean."""
    values = found.metric(metric)
    seen = summarise(values, found.condition, int(found.condition.max()) + 1)
    left, means = values - seen.mean[found.condition], seen.mean[found.condition]
    left[seen.n[found.condition] < 2] = np.nan
    return left, means


def relative(left: Floats, means: Floats) -> bool:
    """Say whether residuals grow with the means of their conditions, as those of a time or a rate often do.

    Means of both signs cannot be a scale. Otherwise residuals that grow in proportion have to fit better by far than
    residuals of one size: as likelihoods of Laplace's distribution, which a few wild values do not decide.
    """
    rows = np.isfinite(left) & (left != 0)
    size, scale = np.abs(left[rows]), np.abs(means[rows])
    if not rows.any() or float(means[rows].min()) * float(means[rows].max()) <= 0:
        return False
    gain = np.log(size.mean()) - np.log((size / scale).mean()) - np.log(scale).mean()
    return float(gain) * len(size) > CLEARLY


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
    moved = [(name, p) for name, p in _tested(found, study, metrics, line, within=False) if p <= DRIFT]
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
    """Compare the trial that was measured again at the end with what it gave at first."""
    tests = [(row, one.metrics.get(metric), metric) for row, one in line.sentinels for metric in metrics]
    known = [(row, again, metric) for row, again, metric in tests if again is not None]
    for row, again, metric in known:
        if _apart(found, metric, row, again) * len(known) <= SENTINEL:
            unit = unit_of(study.metrics, metric)
            seen = f"{quantity(again, unit)} at the end, {quantity(float(found.metric(metric)[row]), unit)} at first"
            yield Caution(CautionKind.DRIFT, f"The sentinel's {metric} was {seen}.", REMEDY)


def _apart(found: Data, metric: str, row: int, again: float) -> float:
    """Return the p of a trial measured twice differing by as much as the sentinel; 1 where noise is not known.

    The yardstick is what is left of all trials without their conditions' and their seeds' means: among many by rank,
    which supposes no distribution, among few by Student's t.
    """
    from scipy.special import stdtr

    left = residuals(found, metric)
    rows = np.isfinite(left)
    seeds = np.unique(found.replicate[rows], return_inverse=True)[1]
    df = int(rows.sum()) - len(np.unique(found.condition[rows])) - int(seeds.max(initial=0))
    if df < 1 or not rows[row]:
        return 1.0
    noise = left[rows] - summarise(left[rows], seeds, int(seeds.max()) + 1).mean[seeds]
    noise = np.abs(noise) * math.sqrt(len(noise) / df)
    first = float(found.metric(metric)[row])
    far = abs(again - first) / scale(found, metric)[row] / math.sqrt(2)
    if len(noise) >= RANKED:
        return permutation_p(noise, far)
    sd = math.sqrt(float((noise**2).mean()))
    return 2 * float(stdtr(df, -far / sd)) if sd else float(far <= ROUNDING)


def _spins(found: Data, line: Timeline) -> Iterator[Caution]:
    """Judge the machine by the fixed CPU loop, which no condition can change."""
    rows = np.isfinite(line.spin) & np.isfinite(line.started)
    if int(rows.sum()) < FEWEST:
        return
    order = np.lexsort((line.spin[rows], line.started[rows]))
    spin = line.spin[rows][order]
    part = max(2, len(spin) // 5)
    middle = float(np.median(spin))
    first, last = float(np.median(spin[:part])), float(np.median(spin[-part:]))
    # from one trial to the next, so that a drift does not hide behind itself
    jitter = ROBUST * float(np.median(np.abs(np.diff(spin)))) / math.sqrt(2) / middle
    if abs(last / first - 1) > max(SHIFT, 3 * jitter):
        text = f"A fixed CPU loop took {last / first - 1:+.1%} at the end of the run against its start."
        yield Caution(CautionKind.DRIFT, text, REMEDY)
    spread = ROBUST * float(np.median(np.abs(spin - middle))) / middle
    if spread > UNSTEADY:
        text = f"A fixed CPU loop varied by {percent(spread)} (robust) between trials."
        yield Caution(CautionKind.NOISY_MACHINE, text, REMEDY)


def _loud(found: Data, metrics: Sequence[str]) -> Iterator[Caution]:
    for metric in metrics:
        values = found.metric(metric)
        seen = summarise(values, found.condition, int(found.condition.max()) + 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            shares = (seen.sd / np.abs(seen.mean))[seen.n > 1]
        shares = shares[np.isfinite(shares)]
        if len(shares) and float(np.median(shares)) > LOUD:
            text = f"{metric} varied by {percent(float(np.median(shares)))} between replicates of a condition (median)."
            yield Caution(CautionKind.NOISY_MACHINE, text, REMEDY)
