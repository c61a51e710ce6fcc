"""Labels of an oracle study: whether sizes differ at all, how labels are distributed, and who agrees with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.errors import UserError
from fairtrial.model.figure import Axis, Cell, Figure, Grid, Section, Series
from fairtrial.systems.threadpool.analytic.known import chooser
from fairtrial.systems.threadpool.conclude.trials import Trials
from fairtrial.systems.threadpool.label.agreement import NONE, Agreement, agreement, chosen, distribution, smallest
from fairtrial.systems.threadpool.label.correlation import correlations
from fairtrial.systems.threadpool.label.judge import judge
from fairtrial.systems.threadpool.label.noise import Noise, noise
from fairtrial.systems.threadpool.label.record import Label, Labelled
from fairtrial.systems.threadpool.label.table import labelled
from fairtrial.systems.threadpool.parameters import FAMILIES, FORMULAS, Policy
from fairtrial.systems.threadpool.telemetry.schema import NAMES

ROW, MEAN = "telemetry.row", NAMES.index("task_size_mean")


@dataclass(frozen=True, slots=True)
class Oracle:
    """What the formulas and the constants choose, against the labels."""

    name: str
    agreement: Agreement
    choices: tuple[int, ...]
    """The different sizes that it chooses."""


def section(found: Trials) -> Section | None:
    """Return the section; None for a run without rows of telemetry."""
    if ROW not in found.factors:
        return None
    try:
        rows = labelled(_columns(found))
    except UserError as problem:
        return Section("Labels", (f"No labels: {problem}.",))
    labels = judge(rows)
    oracles = tuple(_oracles(rows, labels, _cores(found)))
    return Section(
        "Labels",
        (*_told(rows, labels, noise(rows)), *_flat(rows, labels), *_agreed(oracles)),
        (_distribution(rows, labels), _oracle_table(oracles), _correlations(rows, labels)),
        (_sizes_figure(rows, labels), _counts_figure(rows, labels)),
    )


def _columns(found: Trials) -> dict[str, Sequence[object]]:
    return {**found.factors, **{name: values.tolist() for name, values in found.metrics.items()},
            "replicate": found.replicate.tolist()}  # fmt: skip


def _cores(found: Trials) -> int:
    cores = found.metric("cores")
    return int(np.nanmax(cores)) if np.isfinite(cores).any() else 1


def _told(rows: Labelled, labels: Sequence[Label], seen: Noise) -> Iterator[str]:
    if seen.indistinguishable:
        yield (
            f"Indistinguishable at this budget: over {seen.rows} rows with {seen.replicates} replicates no size can be "
            f"told from another (p = {seen.p:.2g}). Differences of about {seen.detectable:.0%} of p95 could have been "
            "told. Nothing should be learned from these labels."
        )
        return
    yield (
        f"Sizes differ: {seen.between_share:.0%} ({seen.low:.0%} to {seen.high:.0%}) of the variance of log p95 within "
        f"a row is between sizes, the rest between replicates (p = {seen.p:.2g}, {seen.rows} rows, {seen.replicates} "
        f"replicates). A difference of about {seen.detectable:.1%} of p95 can be told."
    )


def _flat(rows: Labelled, labels: Sequence[Label]) -> Iterator[str]:
    known = [(place, label) for place, label in enumerate(labels) if label.best]
    if not known:
        yield "No row has a label: every size of it is unstable, or has less than two replicates."
        return
    every = sum(len(label.best) == int(rows.stable[place].sum()) for place, label in known)
    unstable = sum(not stable.all() for stable in rows.stable)
    spread = [float(np.nanmax(np.where(np.isfinite(label.regret), label.regret, np.nan))) for _, label in known]
    yield (
        f"In {every} of {len(known)} rows no stable size can be told from the best; {unstable} have sizes that cannot "
        f"do what arrives. The worst stable size has {1 + np.median(spread):.3g} times the p95 of the best in the "
        f"median row, {1 + max(spread):.3g} times in the worst one."
    )


def _oracles(rows: Labelled, labels: Sequence[Label], cores: int) -> Iterator[Oracle]:
    policies = [(f"always {size}", Policy(kind="fixed", workers=size)) for size in rows.sizes]
    policies += [(kind, Policy(kind=kind)) for kind in FORMULAS]  # type: ignore[arg-type]
    for name, policy in policies:
        choices = chosen(chooser(policy, cores=cores), rows)
        sizes = tuple(sorted({int(size) for size in choices} - {NONE}))
        yield Oracle(name, agreement(rows, labels, choices), sizes)


def _agreed(oracles: Sequence[Oracle]) -> Iterator[str]:
    for oracle in oracles:
        if oracle.name in FORMULAS and len(oracle.choices) == 1:
            yield (
                f"The oracle '{oracle.name}' is degenerate: it chooses {oracle.choices[0]} for every row, so that it "
                "says nothing about them."
            )
    stable = [oracle for oracle in oracles if oracle.agreement.rows]
    if stable:
        best = max(stable, key=lambda oracle: (oracle.agreement.in_best, -oracle.agreement.unstable))
        yield (
            f"Most often in the best set is '{best.name}': {best.agreement.share:.0%} of rows "
            f"({best.agreement.low:.0%} to {best.agreement.high:.0%}); in {best.agreement.unstable} rows its choice "
            "cannot do what arrives."
        )


def _distribution(rows: Labelled, labels: Sequence[Label]) -> Grid:
    made: list[tuple[Cell, ...]] = []
    counts = distribution(rows, labels)
    for size, count in counts.items():
        of = [int(rows.family[place]) for place, label in enumerate(labels) if (label.smallest or NONE) == size]
        made.append((f"N = {size}" if size else "none", count, *(of.count(at) for at in range(len(FAMILIES)))))
    return Grid(("label", "rows", *FAMILIES), tuple(made), title="Labels: the smallest size of each row's best set")


def _oracle_table(oracles: Sequence[Oracle]) -> Grid:
    def percent(value: float) -> str | None:
        return f"{value:.1%}" if np.isfinite(value) else None

    rows: list[tuple[Cell, ...]] = [
        (one.name, f"{one.agreement.share:.0%} ({one.agreement.low:.0%} to {one.agreement.high:.0%})",
         percent(one.agreement.regret_mean), percent(one.agreement.regret_p95), one.agreement.unstable,
         ", ".join(map(str, one.choices)))
        for one in oracles if one.agreement.rows
    ]  # fmt: skip
    columns = ("who chooses", "in the best set (95 %)", "mean regret", "p95 regret", "unstable choices", "chooses")
    return Grid(columns, tuple(rows), title="Agreement with the labels; regret of the stable choices")


def _correlations(rows: Labelled, labels: Sequence[Label]) -> Grid:
    made: list[tuple[Cell, ...]] = []
    for one in correlations(rows, smallest(labels)):
        known = np.isfinite(one.rho)
        span = f"{one.rho:.2f} ({one.low:.2f} to {one.high:.2f})" if known else None
        made.append((one.feature, span, None if one.adjusted is None else f"{one.adjusted:.2g}", one.rows))
    columns = ("feature", "rank correlation with the label (95 %)", "p (adjusted for ten)", "rows")
    return Grid(columns, tuple(made), title="Features and labels")


def _sizes_figure(rows: Labelled, labels: Sequence[Label]) -> Figure:
    below = {size: float(at) for at, size in enumerate(reversed(rows.sizes))}
    series = []
    for at, family in enumerate(FAMILIES):
        points = [
            (float(rows.features[place, MEAN]), below[label.smallest] + 0.17 * at - 0.37)
            for place, label in enumerate(labels)
            if label.smallest is not None and rows.family[place] == at and np.isfinite(rows.features[place, MEAN])
        ]
        if points:
            x, y = zip(*points, strict=True)
            series.append(Series(family, x, y, kind="dots"))
    return Figure(
        "label-size",
        "Size of tasks against the best number of workers",
        Axis("mean CPU time of a task (us)", log=True),
        Axis("workers", ticks=tuple((at, str(size)) for size, at in below.items())),
        tuple(series),
        caption="One point a row of telemetry: the smallest size that cannot be told from the best; families beside "
        "each other.",
    )


def _counts_figure(rows: Labelled, labels: Sequence[Label]) -> Figure:
    counts = distribution(rows, labels)
    sizes = [size for size in counts if size]
    return Figure(
        "label-counts",
        "Labels",
        Axis("workers", ticks=tuple((float(at), str(size)) for at, size in enumerate(sizes))),
        Axis("rows", zero=True),
        (
            Series(
                "rows", tuple(map(float, range(len(sizes)))), tuple(float(counts[size]) for size in sizes), kind="bars"
            ),
        ),
        caption="How often each size is the smallest of a row's best set.",
    )
