"""The words of a study other than its factors."""

from __future__ import annotations

import pytest

from fairtrial.model.study import Design, Direction, Limits, Metric, Needs, Order, Parallel, Stop, Study, SystemRef

HEAD = "study: s\nsystem: service\nbase: {duration_s: 1}\n"


def test_defaults_are_those_of_the_records(document, tmp_path):
    """A study that says little is what `model.study` says by default."""
    study = document()
    plain = Study(name="s", system=SystemRef("service", folder=str(tmp_path)), base={"duration_s": 1})
    for name in ("order", "needs", "limits", "stop", "parallel", "design", "replicates", "seed", "code", "live"):
        assert getattr(study, name) == getattr(plain, name)
    for name in ("durability", "completeness", "alpha", "timing", "tags", "inputs", "variants", "factors"):
        assert getattr(study, name) == getattr(plain, name)


def test_every_word_arrives(document):
    """Sizes, durations and shares arrive as bytes, seconds and parts of one."""
    study = document(
        question="Why?",
        order={"randomise": "full", "warmup": 2},
        needs={"cpus": 2, "memory": "1GiB", "gpus": 1},
        limits={"wall": "2m", "memory": "2GB", "retries": {"crash": 4}},
        stop={"wall": "8h", "trials": 500, "failures": "10%"},
        parallel={"jobs": {"auto": True, "max": 3}, "engine": "inline", "isolate": "fresh"},
        design={"kind": "random", "budget": 9, "scramble": True},
        code="version",
        inputs={"labels": {"run": 12, "table": "labels"}, "data": {"file": "d.csv"}},
        tags=["x"],
        live=True,
        durability="full",
        completeness=0.5,
        alpha=0.1,
        seed=9,
    )
    assert study.order == Order("full", 2)
    assert study.needs == Needs(2.0, 2**30, 1)
    assert study.limits == Limits(120.0, 2 * 10**9, {**Limits().retries, "crash": 4})
    assert study.stop == Stop(wall_s=28800.0, trials=500, failures_share=0.1)
    assert study.parallel == Parallel(None, 3, "inline", "isolated", "fresh")
    assert document(parallel={"workers": "persistent"}).parallel == Parallel(workers="persistent")
    assert study.design == Design("random", 9, {"scramble": True})
    assert (study.code, study.code_files) == ("version", ())
    assert study.inputs == {"labels": {"run": 12, "table": "labels"}, "data": {"file": "d.csv"}}
    assert (study.live, study.durability, study.completeness, study.alpha) == (True, "full", 0.5, 0.1)
    assert document(stop={"failures": 3}).stop == Stop(failures=3)


def test_timing_runs_alone_in_blocks_and_is_live(document):
    """Times imply one job, blocked order and a live system, unless others are asked for."""
    study = document(timing=True)
    assert (study.parallel.jobs, study.order.randomise, study.live) == (1, "blocked", True)
    asked = document(timing=True, parallel={"jobs": 2}, order={"randomise": "none"}, live=False)
    assert (asked.parallel.jobs, asked.order.randomise, asked.live) == (2, "none", False)


def test_metrics_are_the_systems_unless_the_study_chooses(document, pair):
    """All declared metrics by default; a choice keeps units, and may turn the direction."""
    everything = document().metrics
    assert [metric.name for metric in everything] == ["throughput_per_s", "latency_p99_s"]
    chosen = document(metrics={"latency_p99_s": "none"}).metrics
    assert chosen == (Metric("latency_p99_s", Direction.NONE, "s"),)
    assert document(metrics=["latency_p99_s"]).metrics == (Metric("latency_p99_s", Direction.MINIMIZE, "s"),)
    own = pair(metrics={"loss": {"direction": "minimize", "unit": "nats", "help": "How bad."}}).metrics
    assert own == (Metric("loss", Direction.MINIMIZE, "nats", "How bad."),)
    assert pair(metrics=["loss"]).metrics == (Metric("loss"),)


def test_metrics_are_written_out_in_the_document(document, pair):
    """What a run records tells directions and units without the system."""
    written = document().document["metrics"]
    assert written["throughput_per_s"] == {"direction": "maximize", "unit": "1/s"}
    assert document(metrics=["latency_p99_s"]).document["metrics"] == {
        "latency_p99_s": {"direction": "minimize", "unit": "s"}
    }
    assert pair(metrics=["loss"]).document["metrics"] == {"loss": "none"}
    assert "metrics" not in pair().document


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("tracking: {}", 4, "tracking.mlflow: missing"),
        ("tracking: {wandb: {}}", 4, "tracking.wandb: unknown key 'wandb' (valid: mlflow)"),
        ("tracking: {mlfow: {}}", 4, "tracking.mlfow: unknown key 'mlfow' (did you mean 'mlflow'?)"),
        ("tracking: {mlflow: {url: x}}", 4, "tracking.mlflow.url: unknown key 'url' (did you mean 'uri'?)"),
        ("tracking: {mlflow: {uri: ./mlruns}}", 4, "'./mlruns' is a folder of files (write sqlite:///mlflow.db"),
        ("tracking: {mlflow: {uri: 'file:///tmp/mlruns'}}", 4, "is a folder of files (write sqlite:///mlflow.db"),
        (
            "tracking: {mlflow: {uri: 'http://me:word@host'}}",
            4,
            "the address holds a password (write uri: {secret: NAME}",
        ),
        ("tracking: {mlflow: {uri: 5}}", 4, "tracking.mlflow.uri: an address is a text, or {secret: NAME}"),
        ("tracking: {mlflow: {tags: {fairtrial.key: a}}}", 4, "the tag 'fairtrial.key' is the mirror's own"),
        ("tracking: {mlflow: {tags: {'a=b': a}}}", 4, "'a=b' is no tag"),
        ("protocol: original", 4, "protocol: this version"),
        ("design: hyperband", 4, "this version has no design 'hyperband' yet"),
        ("replicates: 0", 4, "replicates: Input should be greater than or equal to 1, not 0"),
        ("replicates: many", 4, "replicates: Input should be a valid integer, not 'many'"),
        ("replicates: {min: 3, max: 9}", 4, "replicates.until: missing"),
        ("replicates: {min: 1, max: 9, until: {}}", 4, "replicates"),
        ("confirm: {tpo: 3}", 4, "confirm.tpo: unknown key 'tpo' (did you mean 'top'?)"),
        ("plan: {fase: x}", 4, "plan.fase: unknown key 'fase' (did you mean 'phase'?)"),
        ("design: sobl", 4, "unknown design 'sobl' (did you mean 'sobol'?)"),
        ("design: {kind: sobol, n: 3, budget: 3}", 4, "two words for one number"),
        ("design: {kind: grid, n: 3}", 4, "a grid runs every condition"),
        ("design: {kind: sobol, n: 0}", 4, "design.n: Input should be greater than or equal to 1, not 0"),
        ("design: {n: 3}", 4, "design.kind: missing"),
        ("replicats: 3", 4, "replicats: unknown key 'replicats' (did you mean 'replicates'?)"),
        ("limits:\n  wall: 2 minutes", 5, "limits.wall: '2 minutes' is not a duration"),
        ("limits:\n  retries: {crsh: 1}", 5, "limits.retries.crsh: unknown key 'crsh' (did you mean 'crash'?)"),
        ("limits: {retries: {crash: -1}}", 4, "limits.retries.crash: Input should be greater than or equal to 0"),
        ("parallel: {jobs: fast}", 4, "parallel.jobs: 'fast' is not understood (Trials at once: auto"),
        ("parallel: {jobs: {auto: true, mx: 3}}", 4, "parallel.jobs.mx: unknown key 'mx' (did you mean 'max'?)"),
        ("parallel: {jobs: true}", 4, "parallel.jobs: True is not understood"),
        ("parallel: {engine: loca}", 4, "parallel.engine: unknown engine 'loca' (did you mean 'local'?)"),
        ("parallel: {workers: persistant}", 4, "did you mean 'persistent'?"),
        ("timing: true\nparallel: {jobs: auto}", 5, "parallel.jobs: timing studies run alone: auto is refused"),
        ("timing: true\nparallel: {jobs: {auto: true, max: 2}}", 5, "timing studies run alone"),
        ("timing: maybe", 4, "timing: Input should be a valid boolean, not 'maybe'"),
        ("metrics: {latency_p99: minimize}", 4, "unknown metric 'latency_p99' (did you mean 'latency_p99_s'?)"),
        (
            "metrics:\n  - latency_p99_s\n  - throughput",
            6,
            "unknown metric 'throughput' (did you mean 'throughput_per_s'?)",
        ),
        ("metrics: {latency_p99_s: minimise}", 4, "'minimise' is not understood (did you mean 'minimize'?)"),
        ("metrics: [latency_p99_s, latency_p99_s]", 4, "a metric is named twice"),
        ("code: files", 4, "code: 'files' is not understood"),
        ("code: {files: [a.py]}", 4, "code: a plug-in answers for its code by its version, not by files"),
        ("inputs: {a: {run: 1, file: b}}", 4, "inputs.a: an input is {run: N}, {study: NAME}, either with or without"),
        ("inputs: {a: {table: t}}", 4, "inputs.a: an input is {run: N}, {study: NAME}, either with or without"),
        ("inputs: {a: {run: 1, tabel: t}}", 4, "unknown key 'tabel' (did you mean 'table'?)"),
        ("inputs: {a b: {file: x}}", 4, "is no name"),
        ("completeness: 0", 4, "completeness: Input should be greater than 0"),
        ("tags: [1]", 4, "tags.0: Input should be a valid string, not 1"),
        ("needs: {gpus: 1}\nparallel: {workers: persistent}", 5, "parallel.workers: persistent workers keep the GPU"),
        ("durability: ful", 4, "did you mean 'full'?"),
    ],
)
def test_mistakes_are_one_line_with_their_place(refusal, text, line, says):
    """File, line, path, what is wrong and the nearest valid word."""
    said = refusal(f"{HEAD}{text}\n")
    assert said.startswith(f"FILE:{line}: ")
    assert says in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("system: service\n", "study: missing"),
        ("study: s\n", "system: missing"),
        ("study: a/b\nsystem: service\n", "FILE:1: study: 'a/b' is no name"),
        ("study: s\nsystem: servce\n", "FILE:2: system: unknown system 'servce' (did you mean 'service'?)"),
        ("study: s\nsystem: {pyton: 'a:b'}\n", "FILE:2: system: a system is a plug-in's name, or a mapping"),
        ("study: s\nsystem: {}\n", "FILE:2: system: a system is"),
        ("- study\n", "FILE:1: a study is a mapping"),
        ("", "FILE:1: a study is a mapping"),
    ],
)
def test_a_study_without_its_essentials(refusal, text, says):
    """Name and system are required, and known."""
    assert says in refusal(text)
