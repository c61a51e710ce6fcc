"""Effects as a section: what each factor does to a metric."""

from __future__ import annotations

import math

from fairtrial.model.effect import Effect, EffectsFinding, Marginal
from fairtrial.model.figure import Axis, Cell, Figure, Grid, Section, Series
from fairtrial.model.finding import Verdict
from fairtrial.report.sections import points
from fairtrial.report.words import Units, clean, ends, method, settles

DRAWN = 8
"""Factors whose means are drawn; every factor has its table."""
EFFECT = (
    "effect", "F", "p", "p adj.", "ω²p", "ω²p low", "ω²p high", "spread", "spread low", "spread high", "d", "effect?",
    "why",
)  # fmt: skip
SHOWN = {Verdict.SUPPORTED: "shown", Verdict.NOT_SUPPORTED: "none", Verdict.INCONCLUSIVE: "not shown"}
"""Words for an effect; verdicts are kept for claims."""


def effects(found: EffectsFinding, units: Units) -> Section:
    """Say which factors matter and how much, which are inert, and show the means at every level."""
    width = len(EFFECT) if any(effect.why for effect in found.effects) else len(EFFECT) - 1
    rows = tuple(_row(effect)[:width] for effect in found.effects)
    tables = [Grid(EFFECT[:width], rows, f"Effects on {found.metric}")]
    if found.importance:
        shares = tuple((each.factor, each.share, *ends(each.interval)) for each in found.importance)
        tables.append(Grid(("factor", "share", "low", "high"), shares, "Importance: share of the variance"))
    tables += [points.table(m.factor, m.points, title=f"{found.metric} by {m.factor}") for m in found.marginals]
    figures = [_importance(found)] if len(found.importance) > 1 else []
    figures += [_means(found, marginal, units) for marginal in found.marginals[:DRAWN]]
    return Section(f"Effects on {found.metric}", tuple(_said(found, units)), tuple(tables), tuple(figures))


def _said(found: EffectsFinding, units: Units) -> list[str]:
    said = [found.answer] if found.answer else []
    if found.inert:
        said.append(f"Inert: {', '.join(found.inert)}.")
    said += settles(found, found.metric, units)
    how = "; ".join(filter(None, (found.method, found.adjustment)))
    return [*said, f"Method: {how}."] if how else said


def _row(effect: Effect) -> tuple[Cell, ...]:
    tests = (effect.statistic, effect.p, effect.p_adjusted)
    sizes = (effect.size, *ends(effect.size_interval), effect.spread, *ends(effect.spread_interval))
    said = (effect.standardised, SHOWN[effect.verdict], effect.why)
    return (" × ".join(effect.factors), *tests, *sizes, *said)


def _means(found: EffectsFinding, marginal: Marginal, units: Units) -> Figure:
    effect = next((each for each in found.effects if each.factors == (marginal.factor,)), None)
    return Figure(
        name=f"effect {found.metric} {marginal.factor}",
        title=_title(found.metric, marginal.factor, effect),
        x=points.along(marginal.factor, marginal.points),
        y=points.upright(found.metric, units),
        series=points.series(marginal.points, found.metric),
        caption=points.caption(marginal.points, "other factors averaged"),
    )


def _title(metric: str, factor: str, effect: Effect | None) -> str:
    if effect is not None and effect.verdict is Verdict.SUPPORTED:
        return f"{metric} changes with {factor}"
    return f"{metric} by {factor}" + (": no effect is shown" if effect else "")


def _importance(found: EffectsFinding) -> Figure:
    listed = found.importance[:20]
    lows, highs = zip(*((each.interval.low, each.interval.high) for each in listed), strict=True)
    bars = Series(
        "share",
        x=tuple(each.share if math.isfinite(each.share) else 0.0 for each in listed),
        y=tuple(map(float, range(len(listed)))),
        low=lows,
        high=highs,
        kind="bars",
    )
    return Figure(
        name=f"importance {found.metric}",
        title=f"What explains {found.metric}",
        x=Axis(f"share of the variance of {clean(found.metric)}"),
        y=Axis("", ticks=tuple((float(place), clean(each.factor)) for place, each in enumerate(listed))),
        series=(bars,),
        caption=f"Bars: what a factor explains on its own; lines: {method(listed[0].interval)}.",
    )
