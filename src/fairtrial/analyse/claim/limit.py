"""The claim that a metric stays below a limit, weighed in every condition in which its rule holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fairtrial.analyse.claim.weighing import Case, Weighed, thin
from fairtrial.analyse.data import ARMS, Data
from fairtrial.model.rule import Rule
from fairtrial.model.study import ABSENT
from fairtrial.model.words import count
from fairtrial.stats.difference import paired
from fairtrial.stats.summary import Floats, Integers, Mask, summarise


def below(case: Case) -> Weighed:
    """Weigh `M < X [when RULE]`: the mean of every condition lies below X.

    All conditions must show it, so no correction is due (intersection-union test: Berger (1982), Technometrics 24);
    the contrary is one condition above X (Bonferroni over conditions). The means of replicates are taken as normal: no
    test of a mean can do without it. Where rare large values make the mean (exponential and beyond), few replicates
    rarely show them, and a mean at X is called below it in 15 to 25 % of studies. Where rare small values make it
    (left-skewed: a negative log-normal), the contrary is shown as falsely: with 3 to 10 replicates the claim is denied
    at a mean of X in 20 to 23 % of studies (sigma 1), in 33 to 39 % (sigma 1.5).
    """
    limit = case.claim.limit
    assert limit is not None
    rows = _rows(case.found, case.claim.when)
    conditions, codes = np.unique(case.found.condition[rows], return_inverse=True)
    if not len(conditions):
        rule = case.claim.when.text if case.claim.when else "anything"
        return Weighed(f"no condition with {rule} was measured", rests="0 trials")
    seen = summarise(case.values[rows], codes, len(conditions))
    fewest = int(seen.n.min())
    if fewest < 2:
        said = f"a condition has {count(fewest, 'value')} of {case.claim.metric}, and needs two"
        return replace(thin(case, fewest, rows), said=said)
    se = seen.sd / np.sqrt(seen.n)
    inside, outside = _tail(limit - seen.mean, se, seen.n - 1), _tail(seen.mean - limit, se, seen.n - 1)
    worst = int(np.lexsort((seen.mean, inside))[-1])
    values = case.values[rows][codes == worst]
    found = paired(np.sort(values[np.isfinite(values)]).tolist(), case.level)
    several = "" if len(conditions) == 1 else f" in the least certain of {len(conditions):,} conditions"
    return Weighed(
        said=f"{case.claim.metric} is {case.shown(found.estimate)}{several}, the limit {case.shown(limit)}",
        p=float(inside.max()),
        against=min(1.0, float(outside.min()) * len(conditions)),
        estimate=found.estimate,
        interval=case.interval(found),
        sd=float(seen.sd[worst]),
        gap=limit - found.estimate,
        n=fewest,
        share=case.share(rows),
        rests=f"{count(fewest, 'replicate')} of {count(len(conditions), 'condition')}",
    )


def _tail(above: Floats, se: Floats, df: Integers) -> Floats:
    """Return the chance that noise puts a mean that far over its true value; 0 or 1 where nothing varies."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.where(se > 0, stdtr(df, -above / se), np.where(above > 0, 0.0, 1.0))
    return found


def _rows(found: Data, rule: Rule | None) -> Mask:
    """Return the trials of the conditions in which a rule holds; one that names an absent factor is false there."""
    if rule is None:
        return np.ones(len(found), dtype=np.bool_)
    _, first = np.unique(found.condition, return_index=True)
    holds = np.array([rule.holds(_setting(found, row)) for row in first.tolist()], dtype=np.bool_)
    mask: Mask = holds[found.condition]
    return mask


def _setting(found: Data, row: int) -> dict[str, object]:
    setting = {path: values[row] for path, values in found.measured.factors.items() if values[row] is not ABSENT}
    return {ARMS: found.measured.variant[row], **setting}
