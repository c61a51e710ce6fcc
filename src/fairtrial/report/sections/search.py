"""A search as a section: its best, its top, its near-best region."""

from __future__ import annotations

from collections.abc import Mapping

from fairtrial.model.choice import SearchFinding, Span
from fairtrial.model.figure import Cell, Grid, Section, shown
from fairtrial.model.words import listed
from fairtrial.report.sections import candidates
from fairtrial.report.words import Units, condition, ends, level, method, quantity, settles


def search(found: SearchFinding, units: Units) -> Section:
    """Say how a search went: what completed, the best, how near the top is, and where near-best conditions lie."""
    tables = [_summary(found)]
    if found.near:
        tables.append(_near(found))
    if found.ranges:
        rows = tuple((name, *_span(span)) for name, span in found.ranges.items())
        tables.append(Grid(("parameter", "low", "high", "levels"), rows, "Where the near-best conditions lie"))
    if found.importance:
        tables.append(_importance(found))
    if found.again:
        tables.append(candidates.again(found.again))
    title = f"Conditions near the best {found.metric}"
    figures = (candidates.forest(found.near, found.metric, units, title=title),) if found.near else ()
    return Section(
        f"Search for the best {found.metric}", tuple(filter(None, _said(found, units))), tuple(tables), figures
    )


def _importance(found: SearchFinding) -> Grid:
    shares = sorted(found.importance.items(), key=lambda item: -item[1])
    rows = tuple((name, share, *ends(found.importance_interval.get(name))) for name, share in shares)
    intervals = method(*found.importance_interval.values())
    title = "Importance of the parameters: share of the variance that each explains alone"
    return Grid(("parameter", "importance", "low", "high"), rows, f"{title}; {intervals}" if intervals else title)


def _said(found: SearchFinding, units: Units) -> list[str]:
    said = [found.answer]
    if found.best is not None:
        where = condition(found.best.variant, found.best.assignment)
        said.append(f"Best: {quantity(found.best.estimate.mean, found.metric, units)} at {where}.")
    margin = quantity(found.margin, found.metric, units)
    said.append(f"Near the best means within {margin} of it. Means and sds are over completed trials only.")
    untold = [name for name in found.ranges if name not in found.importance]
    if untold and found.all_sd:
        said.append(f"Too few conditions tell how much {listed(untold)} {'matters' if len(untold) == 1 else 'matter'}.")
    return said + list(settles(found, found.metric, units))


def _summary(found: SearchFinding) -> Grid:
    rows: list[tuple[str, Cell]] = [("completed", found.completed), ("pruned", found.pruned)]
    rows += [(f"failed: {kind}", count) for kind, count in _ordered(found.failed)]
    rows += [
        ("best", found.best.estimate.mean if found.best else None),
        (f"mean of the top {found.top}", found.top_mean),
        (f"sd of the top {found.top}", found.top_sd),
        ("mean of all", found.all_mean),
        ("sd of all", found.all_sd),
        ("peak gap (best less mean of the top)", found.peak_gap),
    ]
    return Grid(("what", "value"), tuple(rows), f"Summary ({found.metric}, {found.direction})")


def _ordered(failed: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(failed.items())


def _near(found: SearchFinding) -> Grid:
    paths = candidates.factors(found.near)
    rows = tuple((*candidates.place(each, paths), each.estimate.n, each.estimate.mean) for each in found.near)
    return Grid((*paths, "n", "mean"), rows, "Near-best conditions")


def _span(span: Span) -> tuple[Cell, Cell, str]:
    return span.low, span.high, ", ".join(shown(level(value)) for value in span.levels)
