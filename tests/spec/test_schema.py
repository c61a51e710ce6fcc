"""The JSON Schema that editors get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from fairtrial.errors import UserError
from fairtrial.spec.schema import DIALECT, json_schema

STUDY: dict[str, Any] = {
    "study": "saturation",
    "question": "Up to how many clients?",
    "system": "service",
    "base": {"duration_s": 10, "target": {"kind": "postgres"}},
    "factors": {
        "load.clients": [1, 2, 4],
        "load.rate": {"linspace": [0.5, 2], "n": 4, "when": "load.clients > 1", "before": None},
        "both": {"zip": {"duration_s": {"range": [1, 3]}, "load.mode": ["closed", "open", "closed"]}},
    },
    "variants": {
        "tuned": {"set": {"target.settings.a": 1}, "factors": {"target.settings.b": ["4MB", "64MB"]}},
        "default": {"baseline": True},
        "plain": None,
    },
    "exclude": ["load.clients > 2 and variant == 'tuned'"],
    "include": [{"load.clients": 32, "variant": "default"}],
    "replicates": 5,
    "seed": 7,
    "design": {"kind": "sobol", "n": 64},
    "metrics": {"throughput_per_s": "maximize", "latency_p99_s": {"direction": "minimize", "unit": "s"}},
    "timing": False,
    "live": True,
    "order": {"randomise": "blocked", "warmup": 1},
    "needs": {"cpus": 0.5, "memory": "1GiB", "gpus": 0},
    "limits": {"wall": "2m", "memory": 2**30, "retries": {"infra": 3, "crash": 1}},
    "stop": {"wall": 3600, "trials": 500, "failures": "10%", "cost": 20},
    "parallel": {"jobs": {"auto": True, "max": 4}, "engine": "local", "workers": "persistent", "isolate": "fork"},
    "code": "version",
    "tags": ["pg"],
    "inputs": {"labels": {"run": 12, "table": "labels"}, "data": {"file": "d.csv"}},
    "durability": "full",
    "completeness": 0.9,
    "alpha": 0.01,
    "expect": ["latency_p99_s increases with load.clients", "tuned.throughput_per_s > default.throughput_per_s by 5%"],
    "slo": {"latency_p99_s": {"max": "20ms", "min": 0.0001}},
    "gate": {"latency_p99_s": {"worse_by": "10%"}, "throughput_per_s": {"worse_by": 5}},
    "confirm": {"top": 3, "replicates": 10},
    "prices": {"cpu_hour": 0.05, "tuned": 2},
    "plan": {"phase": "Phase 2", "item": 1, "stage": "evaluation", "source": "manual"},
    "tracking": {"mlflow": {"uri": {"secret": "PLACE"}, "experiment": "e", "run_name_prefix": "p", "tags": {"a": "b"}}},
}


@pytest.fixture
def schema(registry):
    return json_schema(registry)


def test_it_is_valid_and_of_the_dialect_it_names(schema):
    """The schema itself is a valid draft 2020-12 schema."""
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DIALECT


def test_every_key_is_described(schema):
    """Whatever an editor completes, it can explain."""
    keys = list(_keys(schema, schema["$defs"]))
    assert len(keys) > 60
    assert [path for path, described in keys if not described] == []


def _keys(schema: Any, definitions: dict[str, Any], path: str = "") -> Iterator[tuple[str, bool]]:
    if isinstance(schema, dict):
        for name, part in schema.get("properties", {}).items() if isinstance(schema.get("properties"), dict) else ():
            referred = definitions.get(part.get("$ref", "").rpartition("/")[2], {})
            yield f"{path}.{name}", bool(part.get("description") or referred.get("description"))
        for key, part in schema.items():
            yield from _keys(part, definitions, f"{path}.{key}")
    elif isinstance(schema, list):
        for index, part in enumerate(schema):
            yield from _keys(part, definitions, f"{path}.{index}")


def test_a_study_with_every_word_passes_both(schema, document):
    """The schema and the reader accept one study that uses every word there is."""
    words = set(schema["properties"])
    assert words == set(STUDY)
    jsonschema.Draft202012Validator(schema).validate(STUDY)
    document(**STUDY)
    adaptive = {"min": 3, "max": 20, "until": {"metric": "latency_p99_s", "half_width": "5%"}}
    jsonschema.Draft202012Validator(schema).validate({**STUDY, "replicates": adaptive})
    assert document(**{**STUDY, "replicates": adaptive}).replicates == 20


@pytest.mark.parametrize(
    "change",
    [
        {"studdy": "x"},
        {"study": "a b"},
        {"study": 3},
        {"replicates": 0},
        {"replicates": {"min": 3, "until": {}}},
        {"replicates": {"min": 1, "max": 3, "until": {"metric": "latency_p99_s", "half_width": "5%"}}},
        {"expect": ["a"]},
        {"expect": "latency_p99_s increases with load.clients"},
        {"slo": {"latency_p99_s": 0.02}},
        {"slo": {"latency_p99_s": {"max": "fast"}}},
        {"gate": {"latency_p99_s": {"worse": "5%"}}},
        {"gate": {"latency_p99_s": {"worse_by": "much"}}},
        {"confirm": {"top": 0}},
        {"prices": {"cpu_hour": -1}},
        {"plan": {"item": "one"}},
        {"stop": {"cost": 0}},
        {"limits": {"wal": "2m"}},
        {"limits": {"wall": "2 minutes"}},
        {"limits": {"retries": {"crsh": 1}}},
        {"needs": {"memory": "lots"}},
        {"needs": {"cpus": 0}},
        {"stop": {"failures": "150 percent"}},
        {"order": {"randomise": "blockd"}},
        {"design": "sobl"},
        {"design": {"kind": "sobl", "n": 3}},
        {"parallel": {"engine": "dask"}},
        {"parallel": {"jobs": "many"}},
        {"system": "servce"},
        {"system": {"pythn": "a:b"}},
        {"metrics": {"latency_p99_s": "minimise"}},
        {"code": "files"},
        {"alpha": 2},
        {"factors": {"load.clients": []}},
        {"factors": {"load.clients": 3}},
        {"factors": {"load.clients": {"linspace": [1, 4]}}},
        {"factors": {"load.clients": {"linspce": [1, 4], "n": 3}}},
        {"factors": {"load.clients": {"range": [1, 4], "n": 3}}},
        {"factors": {"both": {"zip": {"duration_s": [1], "load.mode": {"interval": [0, 1]}}}}},
        {"variants": {}},
        {"variants": {"a": {"bseline": True}}},
        {"tags": "pg"},
    ],
    ids=str,
)
def test_what_the_schema_refuses_the_reader_refuses_too(schema, document, change):
    """An editor's red line and the reader's error agree."""
    changed = {**STUDY, **change}
    assert not jsonschema.Draft202012Validator(schema).is_valid(changed)
    with pytest.raises(UserError):
        document(**changed)
