"""What labels say of an oracle's weights, as a part of a report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairtrial.model.figure import Grid, Section
from fairtrial.systems.threadpool.weights.study import PUBLISHED, Weighed


def section(run: int, found: Sequence[Weighed]) -> Section:
    """Return the answers, what is identified, the weights and how well they choose."""
    sentences = [sentence for one in found for sentence in _sentences(one)]
    tables = [table for one in found for table in (_weights(one), _choices(one)) if table is not None]
    return Section(f"Weights behind the labels of run {run}", tuple(sentences), tuple(tables))


def _sentences(one: Weighed) -> Iterator[str]:
    yield f"{one.title}: {one.answer.sentence}"
    told = f"{len(one.found)} of {one.found.compared} pairs of sizes in {one.rows} rows were told apart by their p95"
    if one.fitted is not None:
        told += (
            f"; the information on {len(one.names)} weights has rank {one.fitted.rank}"
            f" and condition number {one.fitted.condition:.2g}"
        )
    yield told + ". Only ratios of weights can be known: their scale is that of the noise."
    turned = one.sensitivity
    said = f"Over a grid of weights the choice changes in {turned.changed:.0%} of the rows"
    if turned.constant:
        said += f", and under {turned.constant:.0%} of the weights all rows get the same size"
    yield f"{said}; with the published weights it is {turned.degenerate or 'not degenerate'}."


def _weights(one: Weighed) -> Grid | None:
    if not one.answer.ratios:
        return None
    first = one.names[0]
    rows = tuple(
        (f"{ratio.name}/{first}", PUBLISHED[place], ratio.value, ratio.low, ratio.high, ratio.why)
        for place, ratio in enumerate(one.answer.ratios, 1)
    )
    return Grid(("weight", "published", "fitted", "low", "high", "why not"), rows, title=f"{one.title}: weights")


def _choices(one: Weighed) -> Grid | None:
    if not one.choices:
        return None
    rows = tuple((way.name, way.regret, way.low, way.high, way.in_best, way.unstable) for way in one.choices)
    columns = ("chosen by", "mean regret", "low", "high", "in best set", "unstable")
    return Grid(columns, rows, title=f"{one.title}: how well it chooses, in rows that were not fitted to")
