"""The bottleneck: named with its numbers, or not at all."""

from __future__ import annotations

import polars as pl
import pytest

from fairtrial.systems.services.conclude.bottleneck import bottleneck
from fairtrial.systems.services.conclude.known import facts
from fairtrial.systems.services.conclude.ladder import ladder
from fairtrial.systems.services.conclude.rules import RULES, Sign, Views
from fairtrial.systems.services.conclude.samples import samples


def views(planted, *, metrics=None, sampled=None, known=None):
    """Views of one arm at two levels; samples and facts are of the higher one, trial 2."""
    given = {name: [0.0, value] for name, value in (metrics or {}).items()}
    measured = planted.measurements(
        factors={"load.clients": [1, 8]}, metrics={"throughput_per_s": [100.0, 400.0], "warmup_s": [1.0, 1.0], **given}
    )
    along = ladder(measured)
    frame = None if known is None else planted.fact_rows(2, **known)
    known = facts(frame)
    return Views(along, samples(along, sampled, known), known)


def signs(made):
    return {row[1]: row[2] for row in made.tables[0].rows}


def test_without_any_measurement_nothing_is_said(planted):
    """Exactly 'insufficient evidence', with what would have to be measured."""
    made = bottleneck(views(planted))
    assert made.sentences[0].startswith("At load.clients = 8: insufficient evidence: not measured: ")
    assert "CPU of the server's processes" in made.sentences[0]
    assert set(signs(made).values()) == {"not measured"}


def test_a_server_that_uses_its_cores_up(planted):
    """At nine tenths of the cores that it may use."""
    made = bottleneck(views(planted, sampled=planted.sampled(2, server=1.9), known={"host__cpus": 2}))
    assert signs(made)["server CPU saturated"] == "for"
    assert "evidence for server CPU saturated (1.9 of 2 cores in use by the server)" in made.sentences[0]


def test_client_and_server_that_share_the_cores(planted):
    """Neither alone uses them up, both together do."""
    seen = planted.sampled(2, server=1.3, client=0.65)
    found = signs(bottleneck(views(planted, sampled=seen, known={"host__cpus": 2})))
    assert found["server CPU saturated"] == "against"
    assert found["CPU shared by client and server used up"] == "for"


@pytest.mark.parametrize(("machine", "sign"), [(1.9, "for"), (0.9, "unclear"), (0.75, "against")])
def test_cpu_that_others_take(planted, machine, sign):
    """What the machine uses beyond client and server, against its cores."""
    seen = planted.sampled(2, server=0.4, client=0.3)
    whole = seen.filter(pl.col("role") == "client").with_columns(role=pl.lit("machine"), cpu_cores=pl.lit(machine))
    found = signs(bottleneck(views(planted, sampled=pl.concat([seen, whole]), known={"host__cpus": 2})))
    assert found["CPU taken by others"] == sign


def test_cores_that_are_not_known_are_missing(planted):
    """CPU in use says nothing without the number of cores."""
    made = bottleneck(views(planted, sampled=planted.sampled(2, server=1.9)))
    assert signs(made)["server CPU saturated"] == "not measured"
    assert "number of cores that the server may use" in made.sentences[0]


@pytest.mark.parametrize(
    ("cause", "metrics", "sign"),
    [
        ("generator-bound", {"generator_cpu_share": 0.95}, "for"),
        ("generator-bound", {"generator_cpu_share": 0.8}, "unclear"),
        ("generator-bound", {"generator_cpu_share": 0.4}, "against"),
        ("error-limited", {"errors": 10.0, "requests": 100.0}, "for"),
        ("error-limited", {"errors": 0.0, "requests": 100.0, "success_rate": 0.5}, "against"),
        ("waiting for a connection", {"latency_p50_s": 0.05, "service_p50_s": 0.01}, "for"),
        ("waiting for a connection", {"latency_p50_s": 0.0101, "service_p50_s": 0.01}, "against"),
        ("memory near its limit", {"server_rss_bytes": 950.0}, "for"),
        ("memory near its limit", {"server_rss_bytes": 100.0}, "against"),
    ],
)
def test_each_cause_has_a_measurement_and_a_limit(planted, cause, metrics, sign):
    """For, against, or unclear in between."""
    made = bottleneck(views(planted, metrics=metrics, known={"host__memory_bytes": 1000}))
    assert signs(made)[cause] == sign


@pytest.mark.parametrize(("waiting", "sign"), [(4.0, "for"), (1.0, "unclear"), (0.1, "against")])
def test_waits_are_shares_of_the_requests_in_flight(planted, waiting, sign):
    """A quarter of those in flight that wait for locks is evidence, a twentieth is none."""
    seen = planted.sampled(2, server=0.5, waiting_lock=waiting)
    found = signs(bottleneck(views(planted, metrics={"in_flight_mean": 8.0}, sampled=seen)))
    assert (found["lock waits"], found["I/O waits"]) == (sign, "not measured")


def test_a_queue_in_the_server_and_a_busy_gpu(planted):
    """The server's own gauge of waiting requests; the GPU's use."""
    seen = planted.sampled(2, server=0.5).with_columns(
        pl.when(pl.col("role") == "server").then(3.0).alias("vllm:num_requests_waiting"),
        pl.when(pl.col("role") == "server").then(0.97).alias("gpu_util"),
    )
    found = signs(bottleneck(views(planted, sampled=seen)))
    assert (found["queueing in the server"], found["GPU saturated"]) == ("for", "for")


def test_nothing_near_its_limit_is_insufficient_evidence(planted):
    """What is measured and below its limit is no bottleneck either."""
    metrics = {"generator_cpu_share": 0.2, "errors": 0.0, "requests": 100.0}
    said = bottleneck(views(planted, metrics=metrics, sampled=planted.sampled(2, server=0.4), known={"host__cpus": 8}))
    assert "insufficient evidence: not measured: " in said.sentences[0]
    assert "generator" not in said.sentences[0]
    assert "number of cores" not in said.sentences[0]


def test_a_run_without_results(planted):
    """Says so, and has no table."""
    measured = planted.measurements(factors={"load.clients": [1, 2]}, status=["failed"] * 2, failure=["infra"] * 2)
    along = ladder(measured)
    made = bottleneck(Views(along, samples(along, None, facts(None)), facts(None)))
    assert made.sentences == ("Insufficient evidence: no trial has a result.",)


def test_every_rule_names_another_cause(planted):
    """No cause is weighed twice, so that none counts double."""
    made = views(planted)
    causes = [rule(made, "", 1).cause for rule in RULES]
    assert len(set(causes)) == len(causes)
    assert all(rule(made, "", 1).sign is Sign.UNKNOWN for rule in RULES)
