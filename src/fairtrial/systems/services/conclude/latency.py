"""Latency as a section: percentiles at each level, the tail of its distribution, response beside service time."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fairtrial.contract.system import Tables
from fairtrial.model.figure import Axis, Figure, Grid, Section, Series
from fairtrial.model.words import level, listed
from fairtrial.systems.services.conclude.ladder import Ladder, drawn
from fairtrial.systems.services.conclude.raw import requests

if TYPE_CHECKING:
    import numpy as np
    import polars

COLUMNS = ("phase", "outcome", "t_sched_ns", "t_send_ns", "t_done_ns")
MS = 1e3
PERCENTILES = ("p50", "p95", "p99")
NEVER = ("timeout", "shed", "censored")
"""Outcomes of requests that never ended: they are slower than any that did."""
LINES = 6
"""Lines that one plot tells apart."""
TAIL = 10
"""Requests beyond a percentile that it needs to be a number: n (1 - p) >= 10."""
LEAST = 0.1
"""Share at which a tail begins: below it a logarithm shows nothing but the luckiest requests."""
TICKS = (
    (0.5, "50 %"),
    (0.9, "90 %"),
    (0.99, "99 %"),
    (0.999, "99.9 %"),
    (0.9999, "99.99 %"),
    (0.99999, "99.999 %"),
)
POINTS = 120
"""Places of a tail at which it is drawn."""
TERMS = (
    "Response time runs from the instant at which a request was due, service time from that at which it was sent.",
    "In a closed loop the two are one: a client that waits for a slow answer sends nothing, so tails look shorter.",
    "Percentiles are of successes in the window, of each repetition on its own; what never ended ranks above them all.",
)


def latency(ladder: Ladder, tables: Tables) -> Section | None:
    """Show how long requests took; None where no trial has a latency."""
    if not any(ladder.has(f"latency_{name}_s") for name in (*PERCENTILES, "mean")):
        return None
    figures = [figure for figure in _percentiles(ladder) if figure.series]
    figures += _tails(ladder, tables)
    said = (*TERMS, *_unbounded(ladder), *_partly(ladder))
    return Section("Latency", said, (_table(ladder), _beside(ladder)), tuple(figures))


def _unbounded(ladder: Ladder) -> Iterator[str]:
    """Name the levels that were over-saturated: there, a percentile only says how long was waited."""
    for arm in ladder.arms:
        places = [at for at in range(len(ladder.levels)) if 0.0 in ladder.at("stable", arm, at).values]
        if places:
            names = listed([ladder.names(place) for place in places])
            yield f"{arm + ': o' if arm else 'O'}ver-saturated at {names}: queues grew, percentiles are unbounded."


def _partly(ladder: Ladder) -> Iterator[str]:
    """Name the percentiles that some repetitions of a level have and others lack: of those there is no mean."""
    for name in PERCENTILES:
        cells = []
        for arm, place in ladder.cells():
            found = ladder.at(f"latency_{name}_s", arm, place)
            if found.values and found.mean is None:
                cells.append(", ".join(filter(None, (arm, ladder.names(place)))))
        if cells:
            why = "too few requests, or an overload"
            yield f"Some repetitions have no {name} ({why}), so no mean is told at {listed(cells)}."


def _percentiles(ladder: Ladder) -> Iterator[Figure]:
    """Draw percentiles along the levels: together for one arm, else one plot each with the arms in it."""
    if not ladder.factor:
        yield from _single(ladder)
    elif len(ladder.arms) == 1:
        named = [(f"latency_{name}_s", ladder.arms[0], name) for name in PERCENTILES]
        yield _along(ladder, "latency percentiles", f"Latency along {ladder.factor}", named)
    else:
        for name in ("p50", "p99"):
            named = [(f"latency_{name}_s", arm, arm) for arm in ladder.arms]
            yield _along(ladder, f"latency {name}", f"Latency {name} along {ladder.factor}", named)


def _along(ladder: Ladder, name: str, title: str, named: Sequence[tuple[str, str, str]]) -> Figure:
    series = [each for metric, arm, label in named for each in ladder.curve(metric, arm, label, scale=MS)]
    caption = "Points: means of the repetitions' percentiles, with 95 % intervals (Student's t)."
    return Figure(name, title, ladder.axis(), _log(series), tuple(series), caption=caption)


def _single(ladder: Ladder) -> Iterator[Figure]:
    names = ("p50", "p90", "p95", "p99", "p999")
    series: list[Series] = []
    for arm in ladder.arms:
        found = [(float(n), ladder.at(f"latency_{name}_s", arm, 0)) for n, name in enumerate(names)]
        series += drawn(found, arm or "latency", scale=MS)
    axis = Axis(
        "percentile", ticks=tuple((float(n), name) for n, name in enumerate(("p50", "p90", "p95", "p99", "p99.9")))
    )
    caption = "Points: means of the repetitions' percentiles, with 95 % intervals (Student's t)."
    yield Figure("latency percentiles", "Latency percentiles", axis, _log(series), tuple(series), caption=caption)


def _log(series: Sequence[Series]) -> Axis:
    """Make the axis of latencies: logarithmic where they span more than a factor of three."""
    values = [value for each in series for value in each.y if value > 0]
    return Axis("latency (ms)", log=bool(values) and max(values) > 3 * min(values))


def _tails(ladder: Ladder, tables: Tables) -> Iterator[Figure]:
    """Draw the distribution of each level on an axis that stretches the tail, a plot an arm."""
    shown = spread(len(ladder.levels))
    found: dict[str, list[Series]] = {}
    opened = False
    for arm, place, rows in requests(tables, ladder, COLUMNS, places=shown):
        if 0.0 in ladder.at("stable", arm, place).values:
            continue
        name = level(ladder.levels[place]) if ladder.factor else arm or "response"
        response, service, lost = times(rows)
        found.setdefault(arm, []).extend(_tail(response, lost, name))
        if len(response) and (service < response).any():
            opened = True
            found[arm] += _tail(service, lost, f"{name}, service", kind="dashes", group=name)
    for arm, series in found.items():
        if series:
            yield _tail_figure(ladder, arm, series, opened=opened)


def _tail_figure(ladder: Ladder, arm: str, series: Sequence[Series], *, opened: bool) -> Figure:
    farthest = max(x for each in series for x in each.x)
    ticks = tuple((_stretch(share), name) for share, name in TICKS if _stretch(share) <= farthest + 0.05)
    caption = "Successful requests of the window, repetitions pooled; a line ends where fewer than ten are beyond it."
    caption += "" if _stable(ladder) else " Over-saturated levels have none."
    if opened:
        caption += " Lines: response time, from when a request was due; dashes: service time, from when it was sent."
    along = f", by {ladder.factor}" if ladder.factor else ""
    title = f"Distribution of latency{along}{f' ({arm})' if arm and ladder.factor else ''}"
    x = Axis("share of requests answered within", ticks=ticks)
    return Figure(f"latency tail {arm}", title, x, _log(series), tuple(series), caption=caption)


def _stable(ladder: Ladder) -> bool:
    return not any(0.0 in ladder.at("stable", *cell).values for cell in ladder.cells())


def spread(count: int, most: int = LINES) -> list[int]:
    """Choose at most so many of `count` places, evenly, the first and the last among them."""
    if count <= most:
        return list(range(count))
    return sorted({round(number * (count - 1) / (most - 1)) for number in range(most)})


def times(rows: polars.DataFrame) -> tuple[np.ndarray, np.ndarray, int]:
    """Return response and service times of the window's successes in ms, each ascending, and how many never ended."""
    import numpy as np
    import polars as pl

    steady = rows.lazy().filter(pl.col("phase") == "steady")
    done = steady.filter(pl.col("outcome") == "ok").select(
        response=(pl.col("t_done_ns") - pl.col("t_sched_ns")) * 1e-6,
        service=(pl.col("t_done_ns") - pl.col("t_send_ns")) * 1e-6,
    )
    lost = steady.filter(pl.col("outcome").cast(pl.String).is_in(NEVER)).select(pl.len())
    made, missing = pl.collect_all([done, lost])
    return np.sort(made["response"].to_numpy()), np.sort(made["service"].to_numpy()), int(missing.item())


def _tail(ordered: np.ndarray, lost: int, label: str, *, kind: str = "line", group: str = "") -> Iterator[Series]:
    """Draw ascending times over the share that is answered within them, as far as ten requests lie beyond.

    Those that were lost rank above all the others, so that the line ends before them.
    """
    import numpy as np

    size = len(ordered) + lost
    farthest = math.log10(size / max(TAIL, lost + 1)) if len(ordered) > TAIL else 0.0
    if farthest <= _stretch(LEAST):
        return
    places = np.linspace(_stretch(LEAST), farthest, POINTS)
    values = np.interp((size - 1) * (1 - 10.0**-places), np.arange(len(ordered)), ordered)
    yield Series(label, tuple(places.tolist()), tuple(values.tolist()), kind=kind, group=group)


def _stretch(share: float) -> float:
    """Return the place of a share on the tail's axis: -log10(1 - q), so that each nine takes the same room."""
    return -math.log10(1 - share)


def _table(ladder: Ladder) -> Grid:
    names = ("p50", "p90", "p95", "p99", "p999", "max")
    shown = [name for name in names if ladder.has(f"latency_{name}_s")]
    heads = [head for name in shown for head in _heads(name)]
    rows = tuple((*ladder.place(arm, at), *_numbers(ladder, arm, at, shown)) for arm, at in ladder.cells())
    return Grid((*ladder.heads(), *heads), rows, "Response time in ms: mean of the repetitions, and its 95 % interval")


def _heads(name: str) -> tuple[str, ...]:
    return (f"{name}", f"{name} low", f"{name} high") if name in PERCENTILES else (name,)


def _numbers(ladder: Ladder, arm: str, at: int, names: Sequence[str]) -> Iterator[float | None]:
    for name in names:
        found = ladder.at(f"latency_{name}_s", arm, at)
        ends = (found.mean, found.low, found.high) if name in PERCENTILES else (found.mean,)
        yield from (None if value is None else value * MS for value in ends)


def _beside(ladder: Ladder) -> Grid:
    """Set response, service and lateness side by side: what the user waits, what the server takes, what we add."""
    named = {
        "response p50": "latency_p50_s", "service p50": "service_p50_s", "response p99": "latency_p99_s",
        "service p99": "service_p99_s", "lateness p99": "lateness_p99_s",
    }  # fmt: skip
    rows = []
    for arm, at in ladder.cells():
        means = (ladder.at(metric, arm, at).mean for metric in named.values())
        rows.append((*ladder.place(arm, at), *(None if mean is None else mean * MS for mean in means)))
    return Grid((*ladder.heads(), *named), tuple(rows), "Response, service and lateness in ms")
