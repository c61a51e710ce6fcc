"""Policies beside a fixed size, workload by workload: what changing the size gained, and what it cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Mark, Section, Series
from fairtrial.stats.interval import t_interval
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.conclude.trials import Ints, Trials, aligned

KIND, BASELINE, P95 = "policy.kind", "fixed", "latency_p95_s"
COSTS = ("changes_per_s", "decisions_per_s", "workers_mean", "resize_s", "fallback_share")


@dataclass(frozen=True, slots=True)
class Gain:
    """A policy's p95 over that of the fixed size, on the same tasks."""

    place: str
    policy: str
    p95_s: float
    ratio: float
    low: float
    high: float
    pairs: int
    costs: tuple[float, ...]
    """Means of COSTS."""

    @property
    def verdict(self) -> str:
        """Say better, worse, or open."""
        return "better" if self.high < 1 else "worse" if self.low > 1 else "open"


def gains(found: Trials) -> tuple[Gain, ...]:
    """Return what each policy gains over the fixed size, by workload: pairs of seeds, with Student's intervals."""
    made = []
    for name, places in found.groups(apart=(KIND,)).items():
        policies = dict(found.by(KIND, places))
        if BASELINE in policies:
            made += [
                gain
                for policy in policies
                if policy != BASELINE and (gain := _gain(found, (name, str(policy)), policies)) is not None
            ]
    return tuple(made)


def _gain(found: Trials, what: tuple[str, str], policies: dict[object, Ints]) -> Gain | None:
    place, policy = what
    replicates = np.unique(found.replicate)
    fixed, mine = (aligned(found, P95, policies[one], replicates) for one in (BASELINE, policy))
    logs: Floats = np.log(mine / fixed)
    logs = logs[np.isfinite(logs)]
    interval = t_interval(logs.tolist()) if len(logs) > 1 else None
    if interval is None:
        return None
    costs = tuple(float(np.nanmean(found.metric(name)[policies[policy]])) for name in COSTS)
    low, high = (math.exp(end) for end in interval)
    return Gain(place, policy, float(np.nanmean(mine)), math.exp(float(logs.mean())), low, high, len(logs), costs)


def section(found: Trials) -> Section | None:
    """Return the section; None where no policy was replayed beside a fixed size."""
    if KIND not in found.factors or "changes_per_s" not in found.metrics or not (made := gains(found)):
        return None
    return Section("Policies in closed loop", tuple(_sentences(made)), (_table(made),), (_figure(made),))


def _sentences(made: tuple[Gain, ...]) -> Iterator[str]:
    for policy in dict.fromkeys(gain.policy for gain in made):
        mine = [gain for gain in made if gain.policy == policy]
        words = [f"{gain.ratio:.3g} ({gain.low:.3g} to {gain.high:.3g}) on {gain.place}" for gain in mine]
        counts = ", ".join(
            f"{verdict} in {number}"
            for verdict in ("better", "worse", "open")
            if (number := sum(gain.verdict == verdict for gain in mine))
        )
        yield f"{policy}: p95 over that of the fixed size {'; '.join(words)}: {counts} of {len(mine)}."
    yield "Pairs are seeds: both policies got the same tasks. A ratio below 1 is an improvement."


def _table(made: tuple[Gain, ...]) -> Grid:
    rows: list[tuple[Cell, ...]] = [
        (gain.place, gain.policy, gain.p95_s * 1e3, f"{gain.ratio:.3g} ({gain.low:.3g} to {gain.high:.3g})",
         gain.verdict, *gain.costs)
        for gain in made
    ]  # fmt: skip
    columns = ("workload", "policy", "p95 (ms)", "p95 / fixed (95 %)", "verdict", "changes /s", "decisions /s",
               "workers", "resizing (s)", "fallback share")  # fmt: skip
    return Grid(columns, tuple(rows), title=f"Means of {min(gain.pairs for gain in made)} or more paired seeds")


def _figure(made: tuple[Gain, ...]) -> Figure:
    policies = list(dict.fromkeys(gain.policy for gain in made))
    places = list(dict.fromkeys(gain.place for gain in made))
    number = {place: float(len(places) - at) for at, place in enumerate(places)}
    series = []
    for at, policy in enumerate(policies):
        mine = [gain for gain in made if gain.policy == policy]
        shift = 0.5 * (at / max(1, len(policies) - 1) - 0.5) if len(policies) > 1 else 0.0
        series.append(
            Series(
                policy,
                tuple(gain.ratio for gain in mine),
                tuple(number[gain.place] - shift for gain in mine),
                tuple(gain.low for gain in mine),
                tuple(gain.high for gain in mine),
            )
        )
    return Figure(
        "replay-gain",
        "p95 of the policies over that of the fixed size",
        Axis("p95 / p95 of the fixed size", log=True),
        Axis("", ticks=tuple((number[place], place) for place in places)),
        tuple(series),
        marks=(Mark("x", 1.0, "as fixed"),),
        caption="Left of the line is better. Intervals at 95 %, paired over seeds.",
    )
