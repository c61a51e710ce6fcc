"""Formulas and learned models by regret, on families of workloads that they were not made with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Section, Series
from fairtrial.stats.summary import Floats
from fairtrial.systems.threadpool.conclude.trials import Trials

KIND, WORKERS, HELD_OUT = "training.policy.kind", "training.policy.workers", "training.held_out"
DRAWS = 2000
EVERY, KNOWN = "all, unseen", "all, known"
"""Rows of all families: each tested by what the others taught, and by folds of rows, its own family being known."""
LEAST = 0.1
"""Regret in percent below which a figure does not tell."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A policy on the test rows of one held-out family, or of all."""

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
    """Return every policy's score on every held-out family, from the raw table `choices` (a polars DataFrame).

    Where no family is held out there are two: `EVERY`, and what is lost with it, `KNOWN`. Variants, and levels of
    other factors, are policies of their own.
    """
    import polars as pl

    keys = [name for name in choices.columns if name == "variant" or "." in name]
    names = ["regret"] + ["regret_within"] * ("regret_within" in choices.columns)
    per_row = choices.group_by([*keys, "row"], maintain_order=True).agg(pl.col(names).mean())
    made = []
    for key, frame in per_row.group_by(keys, maintain_order=True):
        words = dict(zip(keys, key, strict=True))
        policy, family = named(words), str(words.get(HELD_OUT, "none"))
        made += [_scored(policy, family if family != "none" else title, frame, name)
                 for name, title in zip(names, (EVERY, KNOWN), strict=False)
                 if name == "regret" or family == "none"]  # fmt: skip
    return tuple(made)


def _scored(policy: str, family: str, frame: Any, name: str) -> Scored:
    regret = frame[name].to_numpy().astype(np.float64)
    return Scored(policy, family, tuple(frame["row"].to_list()), regret, *_interval(regret))


def named(words: Mapping[str, Any]) -> str:
    """Name a policy by its kind, the arm that it belongs to, and what else was varied."""
    kind, workers = words.get(KIND), words.get(WORKERS)
    constant = kind == "fixed" and workers is not None
    own = {HELD_OUT, KIND, "variant", *([WORKERS] if constant else [])}
    more = [
        f"{name.rpartition('.')[2]} {value}" for name, value in words.items() if name not in own and value is not None
    ]
    first = f"always {workers}" if constant else kind
    return ", ".join(str(word) for word in (first, words.get("variant"), *more) if word) or "policy"


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
            f"{_rows(family)}: the best constant in hindsight ({constant.policy}) regrets {constant.mean:.1%}. "
            f"{'; '.join(others)}."
        )


def _rows(family: str) -> str:
    if family == KNOWN:
        return "Rows of all families, learned from other rows of the same families"
    if family == EVERY:
        return "Rows of all families, each family judged by what the others taught"
    return f"Rows of {family}, never trained on"


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
    title = "Mean regret by family of the rows that were tested (95 %, bootstrapped over rows)"
    return Grid(("policy", *families), tuple(rows), title=title)


def _cell(one: Scored | None) -> Cell:
    return None if one is None else f"{one.mean:.1%} ({one.low:.1%} to {one.high:.1%})"


def _figure(made: tuple[Scored, ...]) -> Figure:
    policies = list(dict.fromkeys(one.policy for one in made))
    families = [family for family in dict.fromkeys(one.family for one in made) if family != EVERY]
    number = {policy: float(len(policies) - at) for at, policy in enumerate(policies)}
    series = []
    for at, family in enumerate(families):
        mine = [one for one in made if one.family == family]
        shift = 0.7 * ((at + 0.5) / len(families) - 0.5)
        ends = [[max(100 * value, LEAST) for value in (one.mean, one.low, one.high)] for one in mine]
        middle, low, high = zip(*ends, strict=True)
        series.append(Series(family, middle, tuple(number[one.policy] - shift for one in mine), low, high))
    return Figure(
        "regret",
        "Regret, by family of the rows that were tested",
        Axis("mean regret (%)", log=True),
        Axis("", ticks=tuple((number[policy], policy) for policy in policies)),
        tuple(series),
        caption="How much higher the p95 of the chosen size is than that of the best one; a choice that is unstable "
        f"counts as 1,000 %, and less than {LEAST:g} % is drawn there. A family was not trained on, but for '{KNOWN}'. "
        "Intervals are bootstrapped over rows.",
    )
