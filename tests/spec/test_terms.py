"""Service levels, gates, prices, confirmation, adaptive replication and a place in a programme."""

from __future__ import annotations

import pytest

from fairtrial.contract.registry import Registry
from fairtrial.errors import SpecError
from fairtrial.model.claim import Clause, Confirm, Margin, Place, Tolerance, Until
from fairtrial.model.study import Direction, Metric, Stop, Study
from fairtrial.spec.reader import read_document, read_file

EXAMPLE = """\
study: postgres-saturation
question: Up to how many clients does this PostgreSQL keep p99 under 20 ms, and where does throughput stop growing?
system: service
base: {target: {kind: postgres}, load: {mode: closed}, duration_s: 10}
factors:
  load.clients: [1, 2, 4, 8, 16]
variants:
  tuned: {set: {target.settings.shared_buffers: 512MB}, factors: {target.settings.work_mem: [4MB, 64MB]}}
  default: {baseline: true}
exclude: ["load.clients > 8 and target.settings.work_mem == '64MB'"]
include: [{load.clients: 32, variant: default}]
replicates: {min: 3, max: 20, until: {metric: latency_p99_s, half_width: 5%}}
expect:
  - latency_p99_s increases with load.clients
  - tuned.throughput_per_s > default.throughput_per_s by 5%
design: grid
metrics: {throughput_per_s: maximize, latency_p99_s: minimize}
slo: {latency_p99_s: {max: 0.020}, success_rate: {min: 0.999}}
timing: true
order: {randomise: blocked, warmup: 1}
needs: {cpus: 1, memory: 1GiB, gpus: 0}
limits: {wall: 2m, memory: 2GiB, retries: {infra: 3, crash: 1, timeout: 0, oom: 0}}
stop: {wall: 8h, trials: 500, failures: 10%, cost: 20}
parallel: {jobs: 1, engine: local, workers: isolated}
gate: {latency_p99_s: {worse_by: 10%}, throughput_per_s: {worse_by: 5%}}
confirm: {top: 3, replicates: 10}
code: source
tags: [pg, nightly]
prices: {cpu_hour: 0.05}
plan: {phase: "Phase 2", item: 1, stage: evaluation, source: manual}
"""


@pytest.fixture
def registry(registry):
    """The service with one metric more, which no study here chooses."""
    service = registry.load("system", "service")
    more = {**service.metrics, "success_rate": Metric("success_rate", Direction.MAXIMIZE)}
    service = type("Measured", (type(service),), {"metrics": more})()
    return Registry(extra={"system": {"service": service, "pair": registry.load("system", "pair")}})


def test_a_whole_study_is_read(registry, file):
    """Every word of a study that expects, promises, gates and spends arrives."""
    file.write_text(EXAMPLE)
    study = read_file(file, registry=registry).study
    assert (study.replicates, study.until) == (20, Until(3, 20, "latency_p99_s", Margin(0.05, relative=True)))
    assert [claim.kind.value for claim in study.expect] == ["increases", "exceeds"]
    assert study.slo == (Clause("latency_p99_s", "max", 0.02), Clause("success_rate", "min", 0.999))
    assert study.gate == (
        Tolerance("latency_p99_s", Margin(0.1, relative=True)),
        Tolerance("throughput_per_s", Margin(0.05, relative=True)),
    )
    assert study.confirm == Confirm(3, 10)
    assert study.prices == {"cpu_hour": 0.05}
    assert study.stop == Stop(wall_s=28800.0, trials=500, failures_share=0.1, cost=20)
    assert study.plan == Place("Phase 2", 1, "evaluation", "manual")


def test_its_document_reads_back_to_an_equal_study(registry, file, tmp_path):
    """A run records the document, and everything is found again in it, without the system's other metrics."""
    file.write_text(EXAMPLE)
    study = read_file(file, registry=registry).study
    again = read_document(study.document, registry=registry, folder=tmp_path).study
    assert again == study
    assert "success_rate" in study.document["metrics"]


def test_metrics_that_are_named_belong_to_the_study(document):
    """What is gated keeps its direction; what a claim or a level names is measured and does not rank."""
    known = {
        metric.name: metric.direction
        for metric in document(
            metrics=["latency_p99_s"],
            factors={"load.clients": [1, 2]},
            expect=["throughput_per_s increases with load.clients"],
        ).metrics
    }
    assert known == {"latency_p99_s": Direction.MINIMIZE, "throughput_per_s": Direction.NONE}
    gated = document(metrics=["latency_p99_s"], gate={"throughput_per_s": {"worse_by": 3}}).metrics
    assert gated[1] == Metric("throughput_per_s", Direction.MAXIMIZE, "1/s")


def test_defaults_are_those_of_the_records(document):
    """A study that says nothing of them expects nothing, gates nothing and costs nothing."""
    study, plain = document(), Study(name="s", system=document().system)
    for name in ("expect", "slo", "gate", "confirm", "until", "prices", "plan", "stop"):
        assert getattr(study, name) == getattr(plain, name)


def test_amounts_are_in_the_metrics_unit(document):
    """A bound or a margin may say its own unit; both bounds make two clauses."""
    study = document(slo={"latency_p99_s": {"max": "20ms", "min": 0}}, gate={"latency_p99_s": {"worse_by": "1 ms"}})
    assert study.slo == (Clause("latency_p99_s", "min", 0.0), Clause("latency_p99_s", "max", 0.02))
    assert study.gate == (Tolerance("latency_p99_s", Margin(0.001, relative=False)),)
    assert str(study.slo[1]) == "latency_p99_s <= 0.02"


def test_fixed_and_adaptive_replication(document):
    """The largest number of replicates is that of the study; a half-width may be an amount."""
    assert (document(replicates=4).replicates, document(replicates=4).until) == (4, None)
    words = {"max": 9, "until": {"metric": "latency_p99_s", "half_width": "2ms"}}
    study = document(replicates=words)
    assert (study.replicates, study.until) == (9, Until(3, 9, "latency_p99_s", Margin(0.002, relative=False)))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"slo": {"latency_p99": {"max": 1}}}, "slo.latency_p99: unknown metric 'latency_p99' (did you mean"),
        ({"slo": {"latency_p99_s": {}}}, "slo.latency_p99_s: a service level has a bound (latency_p99_s: {max"),
        ({"slo": {"latency_p99_s": {"max": 1, "min": 2}}}, "slo.latency_p99_s: min 2 lies above max 1"),
        ({"slo": {"latency_p99_s": {"max": "1MB"}}}, "slo.latency_p99_s.max: '1MB' is not in 's', the unit here"),
        ({"slo": {"latency_p99_s": {"max": "5%"}}}, "slo.latency_p99_s.max: '5%' is a share, and an amount is needed"),
        ({"slo": {"latency_p99_s": 3}}, "slo.latency_p99_s: 3 is no mapping (keys: max, min)"),
        ({"gate": {"latency_p99_s": "10%"}}, "gate.latency_p99_s: '10%' is no mapping (keys: worse_by)"),
        ({"gate": {"latency_p99_s": {"worse_by": "-5%"}}}, "worse_by: '-5%' is negative: a margin is a size"),
        ({"confirm": {"replicates": 1}}, "confirm.replicates: Input should be greater than or equal to 2, not 1"),
        ({"order": "blocked"}, "order: 'blocked' is no mapping (keys: randomise, warmup)"),
        ({"gate": {"latency_p9_s": {"worse_by": 1}}}, "gate.latency_p9_s: unknown metric"),
        ({"gate": {"latency_p99_s": {"worse_by": "-1"}}}, "gate.latency_p99_s.worse_by: '-1' is negative"),
        (
            {"gate": {"latency_p99_s": {"worse_by": "some"}}},
            "'some' is no number (a share such as 10%, or a number in s)",
        ),
        (
            {"metrics": {"latency_p99_s": "none"}, "gate": {"latency_p99_s": {"worse_by": "5%"}}},
            "gate.latency_p99_s: metric 'latency_p99_s' has no direction, so nothing is worse (metrics: {",
        ),
        ({"prices": {"cpu_hours": 1}}, "prices: no price of 'cpu_hours' (did you mean 'cpu_hour'?)"),
        ({"stop": {"cost": 3}}, "stop.cost: nothing has a price that trials add up (prices: {cpu_hour"),
        ({"stop": {"cost": 3}, "variants": {"a": {}}, "prices": {"a": 3}}, "stop.cost: nothing has a price"),
        (
            {"replicates": {"min": 5, "max": 3, "until": {"metric": "latency_p99_s", "half_width": 1}}},
            "replicates: max 3 is below min 5",
        ),
        (
            {"replicates": {"max": 3, "until": {"metric": "latency", "half_width": 1}}},
            "replicates.until.metric: unknown metric 'latency'",
        ),
        (
            {"replicates": {"max": 3, "until": {"metric": "latency_p99_s", "half_width": 0}}},
            "replicates.until.half_width: no interval is narrower than nothing",
        ),
    ],
)
def test_mistakes_are_one_line(document, words, says):
    """The path, what is wrong, and what to write."""
    with pytest.raises(SpecError) as caught:
        document(**words)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
