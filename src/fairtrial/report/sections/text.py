"""Keyword shares as a section."""

from __future__ import annotations

import math

from fairtrial.model.choice import Share, TextFinding
from fairtrial.model.figure import Axis, Figure, Grid, Section, Series, shown
from fairtrial.model.finding import Verdict
from fairtrial.model.identity import is_number
from fairtrial.model.words import probability
from fairtrial.report.words import ends, level, method, settles


def text(found: TextFinding) -> Section:
    """Say at which levels the answers mention a keyword, and whether that differs."""
    rows = tuple((level(s.level), s.mentions, s.answers, s.share, *ends(s.interval)) for s in found.shares)
    said = [found.answer, f"Counted as a whole word in column {found.column} of table {found.table}."]
    if found.p is not None:
        said.append(f"Permutation of trials between levels: {probability(found.p)}.")
    said += settles(found, "share", {})
    grid = Grid(
        (found.factor, "mentions", "answers", "share", "low", "high"), rows, f"Answers that mention “{found.keyword}”"
    )
    return Section(f"Mentions of “{found.keyword}”", tuple(filter(None, said)), (grid,), (_figure(found),))


def _figure(found: TextFinding) -> Figure:
    ordered = all(is_number(share.level) for share in found.shares)
    listed = [(_place(share, number, ordered=ordered), share) for number, share in enumerate(found.shares)]
    drawn = [(x, share) for x, share in listed if share.share is not None]
    intervals = [[math.nan if end is None else end for end in ends(share.interval)] for _, share in drawn]
    series = Series(
        "share",
        tuple(x for x, _ in drawn),
        tuple(float(share.share or 0.0) for _, share in drawn),
        tuple(low for low, _ in intervals),
        tuple(high for _, high in intervals),
    )
    bars = method(*(share.interval for share in found.shares))
    return Figure(
        name=f"text {found.keyword} {found.factor}",
        title=_title(found),
        x=Axis(found.factor, ticks=tuple((x, shown(level(share.level))) for x, share in listed)),
        y=Axis("share of answers"),
        series=(series,),
        caption=f"Points: shares{' with ' + bars if bars else ''}.",
    )


def _title(found: TextFinding) -> str:
    said = "differ" if found.verdict is Verdict.SUPPORTED else "are not shown to differ"
    return f"Mentions of “{found.keyword}” {said} along {found.factor}"


def _place(share: Share, number: int, *, ordered: bool) -> float:
    return float(share.level) if ordered else float(number)
