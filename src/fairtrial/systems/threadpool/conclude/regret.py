"""Formulas and learned models by regret, on families of workloads that they were not made with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Section, Series
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.conclude.trials import Trials

KIND, WORKERS, HELD_OUT = "training.policy.kind", "training.policy.workers", "training.held_out"
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Scored:
    """A policy on the test rows of one held-out family."""

    policy: str
    family: str
    rows: tuple[int, ...]
    regret: Floats
    """One entry a row: the mean over replicates of the training."""
    low: float
    """Ends of the interval of the mean, bootstrapped over rows."""
    high: float

    @property
    def mean(self) -> float:
        """The mean regret."""
        return float(self.regret.mean())


def scores(choices: Any) -> tuple[Scored, ...]:
    """Return every policy's score on every held-out family, from the raw table `choices` (a polars DataFrame)."""
    import polars as pl

    keys = [name for name in (KIND, WORKERS, HELD_OUT) if name in choices.columns]
    per_row = choices.group_by([*keys, "row"], maintain_order=True).agg(pl.col("regret").mean())
    made = []
    for key, frame in per_row.group_by(keys, maintain_order=True):
        words = dict(zip(keys, key, strict=True))
        regret = frame["regret"].to_numpy().astype(np.float64)
        rows = tuple(frame["row"].to_list())
        made.append(Scored(_policy(words), str(words.get(HELD_OUT, "none")), rows, regret, *_interval(regret)))
    return tuple(made)


def _policy(words: dict[str, Any]) -> str:
    kind, workers = str(words.get(KIND, "policy")), words.get(WORKERS)
    return f"always {workers}" if kind == "fixed" and workers is not None else kind


def _interval(values: Floats) -> tuple[float, float]:
    """Return the percentile interval of the mean over resampled rows. Source: Efron and Tibshirani (1993)."""
    rng = np.random.default_rng(0)
    means = values[rng.integers(0, len(values), (DRAWS, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def section(found: Trials, choices: Any) -> Section | None:
    """Return the section; None where nothing was trained or no choices were kept."""
    if "between_share" not in found.metrics:
        return None
    if choices is None or not (made := scores(choices)):
        return Section("Regret", tuple(_gate(found)))
    return Section("Regret", (*_gate(found), *_sentences(made)), (_table(made),), (_figure(made),))


def _gate(found: Trials) -> Iterator[str]:
    share = found.metric("between_share")
    if np.isfinite(share).any():
        yield (
            f"Of the variance of log p95 within rows {np.nanmean(share):.0%} is between sizes; the rest is noise "
            "between replicates that nothing can learn."
        )
    if not np.isfinite(found.metric("regret_mean")).any():
        yield "Sizes are indistinguishable at this budget: nothing was trained. More tasks or replicates would tell."


def _sentences(made: tuple[Scored, ...]) -> Iterator[str]:
    for family in dict.fromkeys(one.family for one in made):
        mine = [one for one in made if one.family == family]
        constant = min((one for one in mine if one.policy.startswith("always")), key=lambda one: one.mean, default=None)
        if constant is None:
            continue
        others = [_against(one, constant) for one in mine if not one.policy.startswith("always")]
        yield (
            f"Rows of {family}, never trained on: the best constant in hindsight ({constant.policy}) regrets "
            f"{constant.mean:.1%}. {'; '.join(others)}."
        )


def _against(one: Scored, constant: Scored) -> str:
    """Say how a policy's regret differs from the constant's, paired over rows."""
    at = {row: place for place, row in enumerate(constant.rows)}
    paired = one.regret - constant.regret[[at[row] for row in one.rows]]
    low, high = _interval(paired)
    verdict = "better" if high < 0 else "worse" if low > 0 else "not told apart"
    return f"{one.policy} {one.mean:.1%} ({verdict}: {low:+.1%} to {high:+.1%})"


def _table(made: tuple[Scored, ...]) -> Grid:
    families = list(dict.fromkeys(one.family for one in made))
    by = {(one.policy, one.family): one for one in made}
    rows: list[tuple[Cell, ...]] = [
        (policy, *(_cell(by.get((policy, family))) for family in families))
        for policy in dict.fromkeys(one.policy for one in made)
    ]
    title = "Mean regret on the held-out family (95 %, bootstrapped over rows)"
    return Grid(("policy", *families), tuple(rows), title=title)


def _cell(one: Scored | None) -> Cell:
    return None if one is None else f"{one.mean:.1%} ({one.low:.1%} to {one.high:.1%})"


def _figure(made: tuple[Scored, ...]) -> Figure:
    policies = list(dict.fromkeys(one.policy for one in made))
    families = list(dict.fromkeys(one.family for one in made))
    number = {policy: float(len(policies) - at) for at, policy in enumerate(policies)}
    series = []
    for at, family in enumerate(families):
        mine = [one for one in made if one.family == family]
        shift = 0.6 * (at / len(families) - 0.5)
        series.append(
            Series(
                family,
                tuple(100 * one.mean for one in mine),
                tuple(number[one.policy] - shift for one in mine),
                tuple(100 * one.low for one in mine),
                tuple(100 * one.high for one in mine),
            )
        )
    return Figure(
        "regret",
        "Regret on families that were never seen",
        Axis("mean regret (%)", zero=True),
        Axis("", ticks=tuple((number[policy], policy) for policy in policies)),
        tuple(series),
        caption="How much higher the p95 of the chosen size is than that of the best one; a choice that is unstable "
        "counts as 1,000 %. Intervals are bootstrapped over rows.",
    )
