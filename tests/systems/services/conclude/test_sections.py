"""All sections of a load test together, and what of them is left where something is missing."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from fairtrial.systems.services.conclude.sections import sections

ALL = ["Throughput and goodput", "Latency", "Errors", "Resources", "Bottleneck", "Host and validity"]


def by_title(made):
    return {section.title: section for section in made}


def test_a_closed_loop(planted):
    """Every section is there, with the names of its plots; tokens and recall were not measured."""
    made = sections(*planted.closed())
    assert [section.title for section in made] == ALL
    names = {figure.name for section in made for figure in section.figures}
    assert names >= {
        "throughput",
        "attainment",
        "latency percentiles",
        "misses",
        "resources cpu_cores",
        "time rss_bytes",
    }


def test_requests_are_read_level_by_level(planted):
    """Never all at once: of one level the columns that a section needs, of trials that are done."""
    measured, tables = planted.closed()
    sections(measured, tables)
    asked = [(columns, trials) for name, columns, trials in tables.asked if name == "requests"]
    assert {columns for columns, _ in asked} == {
        ("phase", "outcome", "t_sched_ns", "t_send_ns", "t_done_ns"),
        ("phase", "outcome", "error"),
    }
    assert [len(trials) for _, trials in asked] == [3] * 8  # of 12 trials at four levels, for two sections


def test_the_same_run_gives_the_same_sections(planted):
    """Nothing depends on the order of a mapping or on the clock."""
    assert sections(*planted.closed()) == sections(*planted.closed())


def test_throughput_with_intervals_and_goodput(planted):
    """What was answered and what was good, as means with intervals."""
    (figure,) = [each for each in sections(*planted.closed())[0].figures if each.name == "throughput"]
    points = {each.label: each for each in figure.series if each.kind == "points"}
    assert set(points) == {"answered", "good"}
    assert points["answered"].y[2] == pytest.approx(400, rel=0.03)
    assert points["answered"].low[2] < points["answered"].y[2] < points["answered"].high[2]


def test_an_open_loop_shows_what_was_offered(planted):
    """Beside what was answered."""
    metrics = {name: [10.0, 20.0] for name in ("throughput_per_s", "offered_per_s")}
    measured = planted.measurements(factors={"load.rate_per_s": [10.0, 20.0]}, metrics=metrics)
    (figure,) = sections(measured, planted.tables())[0].figures
    assert {each.label for each in figure.series} == {"answered", "offered"}


@pytest.mark.parametrize(
    ("stable", "said"),
    [
        (
            [1, 1, 1, 1, 1, 0],
            "Stable up to load.rate_per_s = 20, over-saturated at 30: the capacity lies between.",
        ),
        ([1, 1, 0, 1, 1, 1], "Stable up to load.rate_per_s = 10, over-saturated at 20: the capacity lies between."),
        ([0, 1, 1, 1, 0, 0], "Stable at no rate that was tried, over-saturated at 10: the capacity lies below."),
        ([1] * 6, "Stable up to load.rate_per_s = 30, the highest that was tried: the capacity lies above."),
    ],
)
def test_an_open_loop_says_where_its_capacity_lies(planted, stable, said):
    """Between the last rate at which every repetition kept up and the next; nothing is said where nobody knows."""
    rates = {"load.rate_per_s": [10, 10, 20, 20, 30, 30]}
    metrics = {"throughput_per_s": [1.0] * 6, "stable": stable}
    made = sections(planted.measurements(factors=rates, metrics=metrics), planted.tables())[0]
    assert made.sentences[-1] == said
    unknown = planted.measurements(factors=rates, metrics=metrics | {"stable": [math.nan] * 6})
    assert len(sections(unknown, planted.tables())[0].sentences) == len(made.sentences) - 1


def test_misses_are_counted_by_class_in_the_window(planted):
    """2 % of every level failed, warm-up not counted."""
    errors = by_title(sections(*planted.closed()))["Errors"]
    assert errors.sentences == ("864 of 43,200 requests due in the windows are misses (2 %).",)
    assert errors.tables[0].rows[0] == (1, 10_800, 216)
    (bars,) = errors.figures[0].series
    assert (bars.kind, bars.x) == ("bars", (864.0,))


def test_a_miss_without_an_error_is_named_by_its_outcome(planted):
    """Shed and unfinished requests have no error of their own."""
    frame = planted.requests(1, np.random.default_rng(0), mean_s=0.01).with_columns(error=pl.lit(None, pl.String))
    frame = frame.with_columns(outcome=pl.when(pl.col("outcome") == "error").then(pl.lit("shed")).otherwise("outcome"))
    frame = frame.cast({"outcome": pl.Categorical, "phase": pl.Categorical})
    measured = planted.measurements(metrics={"throughput_per_s": [1.0]})
    errors = by_title(sections(measured, planted.tables(requests=frame)))["Errors"]
    assert errors.tables[0].columns == ("due", "shed")


def test_resources_are_those_of_the_window(planted):
    """CPU as a mean without the warm-up, memory as its peak, I/O as a rate."""
    resources = by_title(sections(*planted.closed()))["Resources"]
    server = next(table for table in resources.tables if table.title == "Processes of the server")
    row = dict(zip(server.columns, server.rows[0], strict=True))
    assert row["CPU cores"] == pytest.approx(0.48)
    assert row["RSS MiB"] == pytest.approx(149)
    assert row["read MiB/s"] == pytest.approx(10)
    gauges = next(table for table in resources.tables if "gauges" in table.title)
    assert gauges.columns == ("load.clients", "waiting_lock")


def test_samples_after_the_load_are_left_out(planted):
    """The drain belongs to no window: a load of 3 s counts two seconds after its warm-up of one."""
    frame = planted.sampled(1, server=1.0).with_columns(
        cpu_cores=pl.when(pl.col("t_s") > 3).then(0.0).otherwise("cpu_cores")
    )
    known = pl.DataFrame(
        [{"trial": 1, "fact": name, "value": value} for name, value in (("begin_ns", "0"), ("end_ns", "3000000000"))]
    )
    measured = planted.measurements(metrics={"throughput_per_s": [1.0], "warmup_s": [1.0]})
    resources = by_title(sections(measured, planted.tables(samples=frame, facts=known)))["Resources"]
    server = next(table for table in resources.tables if table.title == "Processes of the server")
    assert dict(zip(server.columns, server.rows[0], strict=True))["CPU cores"] == pytest.approx(1.0)


def test_client_and_server_on_one_machine(planted):
    """The banner says how many cores they share; facts that differ between trials are a range."""
    host = by_title(sections(*planted.closed()))["Host and validity"]
    assert host.sentences[0].startswith("CLIENT AND SERVER SHARE 2 cores: ")
    assert "Caution: loop lag 3 ms (trial 7.1, and 11 more trials)." in host.sentences
    assert dict(host.tables[1].rows) == {
        "cpus": "2", "shared_cores": "2", "governor": "performance", "load_1m": "0.1 to 1.2",
    }  # fmt: skip


def test_invalid_levels_are_named(planted):
    """With the trials to look at; what they measured is in no number."""
    measured = planted.measurements(
        factors={"load.rate_per_s": [10.0, 20.0, 20.0]},
        metrics={"throughput_per_s": [10.0, math.nan, 20.0], "steal_share": [0.0, math.nan, 0.02]},
        status=["done", "failed", "done"],
        failure=["", "invalid", ""],
    )
    said = by_title(sections(measured, planted.tables()))["Host and validity"].sentences
    assert "INVALID at load.rate_per_s = 20: 1 of 2 repetitions (7.2); see fairtrial why." in said
    assert any("2 % of a window's CPU time" in each for each in said)


def test_a_level_that_is_invalid_has_no_line_over_time(planted):
    """Nor does it break those of the others."""
    measured = planted.measurements(
        factors={"load.clients": [1, 2, 4]},
        metrics={"throughput_per_s": [10.0, 20.0, math.nan], "warmup_s": [1.0, 1.0, math.nan]},
        status=["done", "done", "failed"],
        failure=["", "", "invalid"],
    )
    frame = pl.concat([planted.sampled(trial, server=1.0) for trial in (1, 2, 3)])
    resources = by_title(sections(measured, planted.tables(samples=frame)))["Resources"]
    (figure,) = [each for each in resources.figures if each.name == "time cpu_cores"]
    assert [each.label for each in figure.series] == ["1", "2"]


def test_a_language_model_and_a_vector_search(planted):
    """Their own sections, where they were measured."""
    metrics = {"throughput_per_s": [1.0, 2.0], "ttft_p50_s": [0.1, 0.2], "ttft_p99_s": [0.3, math.nan],
               "tokens_per_s": [50.0, 80.0], "recall_mean": [0.99, 0.98]}  # fmt: skip
    made = by_title(sections(planted.measurements(factors={"load.clients": [1, 2]}, metrics=metrics), planted.tables()))
    assert made["Tokens"].tables[0].columns == ("load.clients", "ttft_p50 ms", "ttft_p99 ms", "tokens_per_s")
    assert [round(cell or -1) for cell in made["Tokens"].tables[0].rows[1][1:]] == [200, -1, 80]
    assert [figure.name for figure in made["Tokens"].figures] == ["ttft", "tokens"]
    assert made["Recall"].tables[0].rows[0][1] == 0.99


def test_too_few_requests_for_a_median_are_said_in_one_line(planted):
    """Where, how many there were, and what to do; nothing is said where there were enough."""
    metrics = {"tokens_per_s": [50.0, 80.0, 90.0], "ttft_p50_s": [math.nan, math.nan, 0.1], "requests": [14, 19, 20]}
    factors = {"load.clients": [1, 2, 4]}
    said = by_title(sections(planted.measurements(factors=factors, metrics=metrics), planted.tables()))["Tokens"]
    assert said.sentences[-1] == (
        "A median needs 20 requests: a repetition had only 14 at load.clients = 1 and load.clients = 2, so that its "
        "TTFT and TPOT are not told; give it a longer load.duration_s."
    )
    alone = planted.measurements(metrics={"tokens_per_s": [50.0], "requests": [3]})
    said = by_title(sections(alone, planted.tables()))["Tokens"]
    assert "had only 3 at the only level, so that" in said.sentences[-1]
    enough = planted.measurements(factors=factors, metrics=metrics | {"requests": [20, 30, 40]})
    assert "median needs" not in " ".join(by_title(sections(enough, planted.tables()))["Tokens"].sentences)


@pytest.mark.parametrize(
    "given",
    [
        {"metrics": {"throughput_per_s": [1.0]}},
        {"metrics": {"throughput_per_s": [math.nan, math.nan]}},
        {"factors": {"load.clients": [1, 2]}, "status": ["failed"] * 2, "failure": ["infra", "oom"]},
        {"factors": {"target.operation": ["select", "update"]}, "metrics": {"throughput_per_s": [1.0, 2.0]}},
        {"factors": {"load.rate_per_s": [-1.0, 0.0, 5.0]}, "metrics": {"throughput_per_s": [1.0, 2.0, 3.0]}},
        {"size": 0},
    ],
)
def test_whatever_is_missing_nothing_breaks(planted, given):
    """One level, no order, no value, failed trials, no trial: sections with less in them; tables may be absent."""
    made = sections(planted.measurements(**given), planted.tables())
    assert [section.title for section in made if not section.sentences] == []
    assert ("Bottleneck" in by_title(made)) == ("size" not in given)


def test_every_section_can_be_drawn(planted, tmp_path):
    """As Markdown, as a page, and its plots: names are unique, values are finite or missing."""
    from fairtrial.model.document import Document
    from fairtrial.report.document import write

    made = sections(*planted.closed(clients=(1, 2, 8), repetitions=2))
    write(Document(title="load", question="?", answer=".", sections=tuple(made)), tmp_path / "report")
    drawn = {path.stem for path in (tmp_path / "report" / "plots").glob("*.svg")}
    assert {"throughput", "latency-percentiles", "latency-tail", "misses"} <= drawn
