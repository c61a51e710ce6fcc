"""Throughput as a section: what was offered, answered and good at each level."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace

from fairtrial.model.figure import Axis, Figure, Grid, Section, Series
from fairtrial.model.words import level
from fairtrial.systems.services.conclude.ladder import Ladder

COLUMNS: Mapping[str, str] = {
    "offered /s": "offered_per_s",
    "answered /s": "throughput_per_s",
    "good /s": "goodput_per_s",
    "attainment": "attainment",
    "success rate": "success_rate",
    "in flight": "in_flight_mean",
}
"""Column -> metric; those that nothing measured are left out."""
TERMS = (
    "Answered: successes that end within the window, a second. Good: those of them that also met the objective.",
    "Attainment: the share of all due requests that were good; what failed, timed out, was shed or never ended is not.",
)
CAPTION = "Points: means over repetitions with 95 % intervals (Student's t)."


def throughput(ladder: Ladder) -> Section | None:
    """Show what the service answered at each level; None where nothing was measured."""
    if not ladder.has("throughput_per_s"):
        return None
    known = {head: metric for head, metric in COLUMNS.items() if ladder.has(metric)}
    rows = tuple(
        (*ladder.place(arm, at), *(ladder.at(metric, arm, at).mean for metric in known.values()))
        for arm, at in ladder.cells()
    )
    table = Grid((*ladder.heads(), *known), rows, "Rates: means over repetitions")
    said = (*TERMS, *_capacity(ladder))
    return Section("Throughput and goodput", said, (table,), tuple(_figures(ladder)))


def _capacity(ladder: Ladder) -> Iterator[str]:
    """Say of each arm between which rates its capacity lies: the last at which every backlog stayed, and the next."""
    for arm in ladder.arms if ladder.factor.endswith("rate_per_s") else ():
        seen = [(at, ladder.at("stable", arm, at).values) for at in range(len(ladder.levels))]
        seen = [(at, values) for at, values in seen if values]
        kept = list(itertools.takewhile(lambda one: 0.0 not in one[1], seen))
        if not seen:
            continue
        said = f"stable up to {ladder.names(kept[-1][0])}" if kept else "stable at no rate that was tried"
        if len(kept) < len(seen):
            at = level(ladder.levels[seen[len(kept)][0]])
            said += f", over-saturated at {at}: the capacity lies {'between' if kept else 'below'}"
        else:
            said += ", the highest that was tried: the capacity lies above"
        yield f"{arm}: {said}." if arm else f"{said[0].upper()}{said[1:]}."


def _figures(ladder: Ladder) -> Iterator[Figure]:
    if not ladder.factor:
        return
    yield _rates(ladder)
    if len(ladder.arms) > 1 and ladder.has("goodput_per_s"):
        series = (each for arm in ladder.arms for each in ladder.curve("goodput_per_s", arm, arm))
        yield _figure(ladder, "goodput", f"Goodput along {ladder.factor}", "good answers a second", tuple(series))
    if ladder.has("attainment"):
        shares = (each for arm in ladder.arms for each in ladder.curve("attainment", arm, arm or "attainment"))
        cut = tuple(replace(each, high=tuple(min(end, 1.0) for end in each.high)) for each in shares)
        yield _figure(ladder, "attainment", f"Attainment along {ladder.factor}", "share of due requests", cut)


def _rates(ladder: Ladder) -> Figure:
    """Draw throughput along the levels; for one arm with what was offered and what was good of it."""
    named = [("throughput_per_s", arm, arm) for arm in ladder.arms]
    if len(ladder.arms) == 1:
        arm = ladder.arms[0]
        named = [("throughput_per_s", arm, "answered"), ("goodput_per_s", arm, "good")]
        if ladder.factor.endswith("rate_per_s"):
            named.append(("offered_per_s", arm, "offered"))
    series = tuple(each for metric, arm, label in named for each in ladder.curve(metric, arm, label))
    return _figure(ladder, "throughput", f"Throughput along {ladder.factor}", "requests a second", series)


def _figure(ladder: Ladder, name: str, title: str, label: str, series: tuple[Series, ...]) -> Figure:
    return Figure(name, title, ladder.axis(), Axis(label, zero=True), series, caption=CAPTION)
