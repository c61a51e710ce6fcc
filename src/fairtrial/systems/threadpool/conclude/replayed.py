"""Policies beside a fixed size, workload by workload: what changing the size gained, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Mark, Section, Series
from fairtrial.stats.interval import t_interval
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.conclude.trials import Ints, Trials, aligned

KIND, FIXED, P95 = "policy.kind", "fixed", "latency_p95_s"
ARM = "baseline"
"""The variant that the others are set beside, where policies are variants."""
COSTS = ("changes_per_s", "decisions_per_s", "workers_mean", "resize_s", "fallback_share")


@dataclass(frozen=True, slots=True)
class Gain:
    """A policy's p95 over that of the baseline, on the same tasks."""

    place: str
    policy: str
    p95_s: float
    ratio: float
    low: float
    high: float
    pairs: int
    costs: tuple[float, ...]
    """Means of COSTS; NaN where never defined."""

    @property
    def told(self) -> str:
        """The ratio with its interval, in words."""
        ratio, low, high = (f"{end:.3f}" if end >= 0.1 else f"{end:.3g}" for end in (self.ratio, self.low, self.high))
        return f"{ratio} ({low} to {high})"

    @property
    def verdict(self) -> str:
        """Say better, worse, the same (in every pair), or open."""
        if self.low == self.high == 1:
            return "same"
        return "better" if self.high < 1 else "worse" if self.low > 1 else "open"


def gains(found: Trials) -> tuple[Gain, ...]:
    """Return what each policy gains over the baseline, by workload: pairs of seeds, with Student's intervals.

    Policies are the levels of the factor `policy.kind`, and the fixed size is the baseline; else they are variants, and
    the baseline is the one of this name.
    """
    return tuple(_gains(found))


def _gains(found: Trials) -> Iterator[Gain]:
    factor = KIND in found.factors
    baseline = FIXED if factor else ARM
    for name, places in found.groups(apart=(KIND,), arms=factor).items():
        policies: dict[object, Ints] = dict(found.by(KIND, places) if factor else found.arms(places))
        for policy in policies if baseline in policies else ():
            gain = _gain(found, (name, str(policy)), policies, baseline) if policy != baseline else None
            if gain is not None:
                yield gain


def _gain(found: Trials, what: tuple[str, str], policies: Mapping[object, Ints], baseline: str) -> Gain | None:
    place, policy = what
    replicates = np.unique(found.replicate)
    fixed, mine = (aligned(found, P95, policies[one], replicates) for one in (baseline, policy))
    logs: Floats = np.log(mine / fixed)
    logs = logs[np.isfinite(logs)]
    interval = t_interval(logs.tolist()) if len(logs) > 1 else None
    if interval is None:
        return None
    costs = tuple(_mean(found.metric(name)[policies[policy]]) for name in COSTS)
    low, high = (math.exp(end) for end in interval)
    return Gain(place, policy, float(np.nanmean(mine)), math.exp(float(logs.mean())), low, high, len(logs), costs)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan


def section(found: Trials) -> Section | None:
    """Return the section; None where no policy was replayed beside a baseline."""
    if "changes_per_s" not in found.metrics or not (made := gains(found)):
        return None
    return Section("Policies in closed loop", tuple(_sentences(made)), (_table(made),), (_figure(made),))


def _sentences(made: tuple[Gain, ...]) -> Iterator[str]:
    for policy in dict.fromkeys(gain.policy for gain in made):
        mine = sorted((gain for gain in made if gain.policy == policy), key=lambda gain: gain.ratio)
        counts = ", ".join(
            f"{verdict} in {number}"
            for verdict in ("better", "worse", "same", "open")
            if (number := sum(gain.verdict == verdict for gain in mine))
        )
        ends = dict.fromkeys(f"{gain.told} on {gain.place}" for gain in (mine[0], mine[-1]))
        yield f"{policy}: {counts} of {len(mine)} workloads; p95 over that of the baseline {' to '.join(ends)}."
    yield (
        "Pairs are seeds: both policies got the same tasks. A ratio below 1 is an improvement; intervals hold for one "
        "comparison each."
    )


def _table(made: tuple[Gain, ...]) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (gain.place, gain.policy, f"{gain.p95_s * 1e3:.4g}", gain.told, gain.verdict,
         *(f"{cost:.3g}" if math.isfinite(cost) else None for cost in gain.costs))
        for gain in made
    ]  # fmt: skip
    columns = ("workload", "policy", "p95 (ms)", "p95 / baseline (95 %)", "verdict", "changes /s", "decisions /s",
               "workers", "resizing (s)", "fallback share")  # fmt: skip
    return Grid(columns, tuple(rows), title=f"Policies, {_pairs(made)} paired seeds each")


def _pairs(made: tuple[Gain, ...]) -> str:
    least, most = min(gain.pairs for gain in made), max(gain.pairs for gain in made)
    return str(least) if least == most else f"{least} to {most}"


def _figure(made: tuple[Gain, ...]) -> Figure:
    policies = list(dict.fromkeys(gain.policy for gain in made))
    places = list(dict.fromkeys(gain.place for gain in made))
    number = {policy: float(len(policies) - at) for at, policy in enumerate(policies)}
    series = []
    for at, place in enumerate(places):
        mine = [gain for gain in made if gain.place == place]
        shift = 0.7 * ((at + 0.5) / len(places) - 0.5)
        series.append(
            Series(
                place,
                tuple(gain.ratio for gain in mine),
                tuple(number[gain.policy] - shift for gain in mine),
                tuple(gain.low for gain in mine),
                tuple(gain.high for gain in mine),
            )
        )
    return Figure(
        "replay-gain",
        "p95 of the policies over that of the baseline",
        Axis("p95 / p95 of the baseline", log=True),
        Axis("", ticks=tuple((at, policy) for policy, at in number.items())),
        tuple(series),
        marks=(Mark("x", 1.0, "baseline"),),
        caption="Left of the line is better. Intervals at 95 %, paired over seeds.",
    )
