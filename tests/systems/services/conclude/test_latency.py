"""The section on latency: percentiles, the tail, response beside service time."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from fairtrial.systems.services.conclude.ladder import ladder
from fairtrial.systems.services.conclude.latency import latency, spread, times


def section(planted, **options):
    measured, tables = planted.closed(**options)
    return latency(ladder(measured), tables)


def test_percentiles_along_the_levels(planted):
    """One plot with p50, p95 and p99, in milliseconds, with intervals over repetitions."""
    made = section(planted)
    figure = next(each for each in made.figures if each.name == "latency percentiles")
    assert list(dict.fromkeys(each.label for each in figure.series)) == ["p50", "p95", "p99"]
    points = [each for each in figure.series if each.kind == "points"]
    assert points[0].x == (1.0, 2.0, 4.0, 8.0)
    assert points[0].y[0] == pytest.approx(10 * math.log(2), rel=0.05)
    assert all(low < y < high for low, y, high in zip(points[2].low, points[2].y, points[2].high, strict=True))


def test_percentiles_of_too_few_requests_have_no_plot(planted):
    """Where no level has a percentile, there is a table of means without an empty plot above it."""
    known = planted.measurements(factors={"load.clients": [1, 2]}, metrics={"latency_mean_s": [0.1, 0.2]})
    assert latency(ladder(known), planted.tables()).figures == ()


def test_the_tail_is_that_of_the_requests(planted):
    """Exponential service times of mean m: the place of a share q is m ln(1 / (1 - q)), a straight line."""
    made = section(planted)
    (figure,) = [each for each in made.figures if each.name.startswith("latency tail")]
    assert [each.label for each in figure.series] == ["1", "2", "4", "8"]
    assert [name for _, name in figure.x.ticks] == ["50 %", "90 %", "99 %", "99.9 %"]
    line = figure.series[-1]
    at = dict(zip(line.x, line.y, strict=True))
    place = min(at, key=lambda x: abs(x - 2.0))
    assert at[place] == pytest.approx(1000 * 8 / 400 * place * math.log(10), rel=0.08)
    assert max(line.x) == pytest.approx(math.log10(10_584 / 10))  # 3 x 3,600 in the windows, 2 % of them failed


def test_warmup_and_misses_are_in_no_distribution():
    """Only successes of the window count; response runs from the due time, service from sending."""
    rows = pl.DataFrame(
        {
            "t_sched_ns": [0, 1_000_000, 2_000_000, 3_000_000],
            "t_send_ns": [0, 3_000_000, 2_000_000, 3_000_000],
            "t_done_ns": [9_000_000, 5_000_000, 7_000_000, None],
            "outcome": ["ok", "ok", "error", "timeout"],
            "phase": ["warmup", "steady", "steady", "steady"],
        }
    )
    response, service, lost = times(rows)
    assert (response.tolist(), service.tolist(), lost) == ([4.0], [2.0], 1)


def test_what_never_ended_is_slower_than_all(planted):
    """A tenth timed out: the line ends at 90 %, and its middle is that of all requests, not of the lucky ones."""
    frame = planted.requests(1, np.random.default_rng(3), mean_s=0.01, size=20_000).with_row_index()
    lost = pl.col("index") % 10 == 0
    frame = frame.with_columns(
        outcome=pl.when(lost).then(pl.lit("timeout")).otherwise(pl.lit("ok")),
        t_done_ns=pl.when(lost).then(None).otherwise("t_done_ns"),
    )
    measured = planted.measurements(metrics={"latency_p50_s": [0.01]})
    (_, figure) = latency(ladder(measured), planted.tables(requests=frame)).figures
    line = figure.series[0]
    assert max(line.x) == pytest.approx(1.0, abs=0.01)
    middle = np.interp(math.log10(2), line.x, line.y)
    assert middle == pytest.approx(10 * math.log(1 / (1 - 0.5 / 0.9)), rel=0.05)


def test_service_stands_beside_response_in_an_open_loop(planted):
    """Dashes in the colour of their level, where a request waited before it was sent."""
    rng = np.random.default_rng(1)
    frame = pl.concat(planted.requests(trial, rng, mean_s=0.01, wait_s=0.02) for trial in (1, 2))
    columns = {"latency_p50_s": [0.03, 0.03], "service_p50_s": [0.01, 0.01]}
    measured = planted.measurements(factors={"load.rate_per_s": [10.0, 20.0]}, metrics=columns)
    made = latency(ladder(measured), planted.tables(requests=frame))
    (figure,) = [each for each in made.figures if each.name.startswith("latency tail")]
    assert [(each.kind, each.group) for each in figure.series[:2]] == [("line", ""), ("dashes", "10")]
    assert figure.series[0].y[50] > figure.series[1].y[50]
    beside = made.tables[1]
    assert [round(cell) for cell in beside.rows[0][1:3]] == [30, 10]


def test_over_saturated_levels_have_no_percentiles(planted):
    """They are named; a cell without a number is missing, not zero."""
    metrics = {"latency_p99_s": [0.01, math.nan], "latency_p50_s": [0.01, math.nan], "stable": [1.0, 0.0]}
    measured = planted.measurements(factors={"load.rate_per_s": [10.0, 20.0]}, metrics=metrics)
    frame = pl.concat(planted.requests(n, np.random.default_rng(n), mean_s=0.01) for n in (1, 2))
    made = latency(ladder(measured), planted.tables(requests=frame))
    (tail,) = [figure for figure in made.figures if figure.name.startswith("latency tail")]
    assert [line.label for line in tail.series] == ["10"]
    assert "Over-saturated levels have none." in tail.caption
    assert "Over-saturated at load.rate_per_s = 20: queues grew, percentiles are unbounded." in made.sentences
    assert made.tables[0].rows[1][1] is None


def test_one_level_has_its_percentiles_along_an_axis(planted):
    """Without a factor the percentiles themselves are the axis; nothing measured is no section."""
    measured = planted.measurements(metrics={"latency_p50_s": [0.01, 0.02], "latency_p99_s": [0.05, 0.06]})
    made = latency(ladder(measured), planted.tables())
    (figure,) = made.figures
    assert [name for _, name in figure.x.ticks] == ["p50", "p90", "p95", "p99", "p99.9"]
    assert figure.series[-1].y == pytest.approx((15.0, 55.0))
    assert latency(ladder(planted.measurements(metrics={"tokens_per_s": [1.0]})), planted.tables()) is None


def test_arms_are_compared_percentile_by_percentile(planted):
    """With several arms a plot each for p50 and p99, the arms in it, and a tail each."""
    metrics = {name: [0.01, 0.02, 0.03, 0.04] for name in ("latency_p50_s", "latency_p99_s")}
    measured = planted.measurements(factors={"load.clients": [1, 2, 1, 2]}, variant=list("aabb"), metrics=metrics)
    rng = np.random.default_rng(1)
    frame = pl.concat(planted.requests(trial, rng, mean_s=0.01) for trial in (1, 2, 3, 4))
    made = latency(ladder(measured), planted.tables(requests=frame))
    assert [each.name for each in made.figures] == ["latency p50", "latency p99", "latency tail a", "latency tail b"]
    assert {each.label for each in made.figures[0].series} == {"a", "b"}


def test_lines_are_spread_over_the_levels():
    """Six lines at most: the first and the last level, and some in between."""
    assert spread(3) == [0, 1, 2]
    assert spread(16) == [0, 3, 6, 9, 12, 15]
