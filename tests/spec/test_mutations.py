"""Studies with something wrong anywhere: read, or refused in one line, and never a crash."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairtrial.errors import UserError

STUDY: dict[str, Any] = {
    "study": "saturation",
    "system": "service",
    "base": {"duration_s": 10, "target": {"kind": "postgres", "settings": {"a": 1}}, "steps": [{"rate": 1}]},
    "factors": {
        "load.clients": [1, 2, 4],
        "load.rate": {"linspace": [0.5, 2], "n": 4, "when": "load.clients > 1", "before": None},
        "both": {"zip": {"duration_s": {"range": [1, 3]}, "load.mode": ["closed", "open", "closed"]}},
    },
    "variants": {
        "tuned": {"set": {"target.settings.a": 1}, "factors": {"target.settings.b": ["4MB", "64MB"]}},
        "default": {"baseline": True},
    },
    "exclude": ["load.clients > 2 and variant == 'tuned'"],
    "include": [{"load.clients": 32, "variant": "default"}],
    "replicates": 5,
    "design": {"kind": "sobol", "n": 64},
    "metrics": {"throughput_per_s": "maximize"},
    "order": {"randomise": "blocked", "warmup": 1},
    "needs": {"cpus": 0.5, "memory": "1GiB"},
    "limits": {"wall": "2m", "retries": {"infra": 3}},
    "stop": {"wall": 3600, "failures": "10%"},
    "parallel": {"jobs": {"auto": True, "max": 4}, "engine": "local"},
    "code": {"files": ["a.py"]},
    "inputs": {"labels": {"run": 12, "table": "labels"}},
}


def _places(tree: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place, *(found for key, item in items for found in _places(item, (*place, key)))]


def _changed(tree: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[place[0]] = _changed(tree[place[0]], place[1:], value)
    return copy


words = st.sampled_from(
    [
        "load.clients",
        "a.b",
        "",
        ".",
        "x y",
        "1",
        "auto",
        "variant == 'tuned'",
        "10%",
        "2m",
        "1GiB",
        "grid",
        "none",
        "zip",
    ]
)
wrong = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-2, 40), st.sampled_from([0.5, -1.5, 1e300]), words),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(words | st.sampled_from(["levels", "range", "n"]), inner, max_size=3),
    ),
    max_leaves=5,
)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(_places(STUDY)[1:]), value=wrong)
def test_any_wrong_value_is_refused_in_one_line(document, place, value):
    """Whatever stands wherever: a study, or one line."""
    said = ""
    try:
        document(**_changed(STUDY, place, value))
    except UserError as problem:
        said = str(problem)
    assert "\n" not in said


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from([".".join(map(str, place)) for place in _places(STUDY)[1:]] + ["load.mode", "steps.3.rate"]),
    mark=st.sampled_from(["", "+", "~"]),
    value=st.sampled_from(
        ["1", "a,b", "range(1,3)", "zip(load.clients=[1])", "[1]", "{a: 1}", "interval(0,1)", "null"]
    ),
)
def test_any_override_is_applied_or_refused_in_one_line(document, path, mark, value):
    """Whatever is overridden, set, added or removed: a study, or one line."""
    said = ""
    try:
        document(f"~{path}" if mark == "~" else f"{mark}{path}={value}", **STUDY)
    except UserError as problem:
        said = str(problem)
    assert "\n" not in said
