"""`compare`, `gate` and `baseline` of stored runs, as a user types them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Type = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

MODULE = """
import os
import random

def measure(x: float, slow: float = 1.0, *, seed: int) -> dict[str, float]:
    factor = float(os.environ.get("SLOW", "1"))
    noise = random.Random(f"{seed} {x} {factor}")
    if os.environ.get("BREAK") and x == 2.0:
        raise ValueError("broken")
    return {
        "latency_s": x * slow * factor * noise.lognormvariate(0, 0.02),
        "rate_per_s": 50 * noise.lognormvariate(0, 0.02),
    }
"""
STUDY: dict[str, Any] = {
    "study": "service",
    "system": {"python": "service:measure"},
    "factors": {"x": [1.0, 2.0]},
    "replicates": 6,
    "metrics": {"latency_s": {"direction": "minimize", "unit": "s"}, "rate_per_s": "maximize"},
    "gate": {"latency_s": {"worse_by": "10%"}, "rate_per_s": {"worse_by": "10%"}},
    "parallel": {"jobs": 2, "engine": "inline"},
    "code": "version",
}


@pytest.fixture
def service(here: Path) -> Write:
    """Write `service.py` and a study of it, with words changed or (None) left out."""
    (here / "service.py").write_text(MODULE)

    def write(name: str = "a.yaml", **changes: Any) -> Path:
        document = {key: value for key, value in (STUDY | changes).items() if value is not None}
        path = here / name
        path.write_text(json.dumps(document))
        return path

    return write


@pytest.fixture
def measured(service: Write, fairtrial: Type, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Measure the study in fresh runs, each with its slowness."""

    def measure(*slow: float, **changes: Any) -> None:
        service(**changes)
        for factor in slow:
            monkeypatch.setenv("SLOW", str(factor))
            code, _, err = fairtrial("run", "a.yaml", "--fresh", "-q")
            assert code in (0, 3), err

    return measure


def test_two_alike_runs_pass(measured: Callable[..., None], fairtrial: Type) -> None:
    """The banner, the table with intervals, the result, exit 0."""
    measured(1.0, 1.001)
    code, out, err = fairtrial("compare", "1", "2")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[1] == "Comparison: 1 (baseline) vs 2 (current)"
    assert set(lines[0]) == set(lines[2]) == {"="}
    head = next(line for line in lines if line.startswith("Metric"))
    assert head.split()[:6] == ["Metric", "x", "Baseline", "Current", "Delta", "Change"]
    assert sum(line.rstrip().endswith("OK") for line in lines) == 4
    assert "✓ RESULT: NO REGRESSIONS (PASS)" in lines
    assert "measured at different times, 6 rounds" in out


def test_a_regression_between_two_times_is_not_settled(measured: Callable[..., None], fairtrial: Type) -> None:
    """Rows say REGRESS; the verdict is open (exit 5), and the next command settles it."""
    measured(1.0, 1.5)
    code, out, _ = fairtrial("compare", "1", "2")
    assert code == 5
    assert out.count("REGRESS") == 2
    assert "? RESULT: NOT SETTLED (INCONCLUSIVE)" in out
    assert out.splitlines()[-1] == "next: fairtrial compare --paired THERE/a.yaml a.yaml"


def test_a_broken_run_cannot_be_judged(
    measured: Callable[..., None], fairtrial: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Failures that the baseline did not have: exit 6."""
    measured(1.0)
    monkeypatch.setenv("BREAK", "1")
    measured(1.0)
    code, out, _ = fairtrial("compare", "1", "2")
    assert code == 6
    assert "⚠ RESULT: CANNOT BE JUDGED (INVALID)" in out
    assert "(6 exception)" in out


def test_json_junit_and_markdown_say_the_same(measured: Callable[..., None], fairtrial: Type, here: Path) -> None:
    """One comparison in three shapes."""
    measured(1.0, 1.001)
    code, out, _ = fairtrial("compare", "1", "2", "--json", "--junit", "gate.xml")
    record = json.loads(out)
    assert (code, record["schema"], record["data"]["verdict"]) == (0, "fairtrial.compare/1", "PASS")
    assert len(record["data"]["changes"]) == 4
    suite = ET.parse(here / "gate.xml").getroot()
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("4", "0")
    code, out, _ = fairtrial("gate", "2", "--against", "1", "--markdown")
    assert (code, out.splitlines()[0]) == (0, "## ✓ RESULT: NO REGRESSIONS (PASS)")


def test_a_verdict_is_remembered(measured: Callable[..., None], fairtrial: Type) -> None:
    """The action log has who was compared, how, and what came out."""
    from fairtrial.flow.book import reading

    measured(1.0, 1.001)
    fairtrial("compare", "1", "2", "--why", "release")
    with reading() as book:
        action = book.ledger.actions()[-1]
    assert (action["verb"], action["run"], action["why"]) == ("compare", 2, "release")
    detail = action["detail"]
    assert {name: detail[name] for name in ("baseline", "current", "verdict", "mode")} == {
        "baseline": 1,
        "current": 2,
        "verdict": "PASS",
        "mode": "cross-time",
    }


def test_a_gate_finds_its_baseline(measured: Callable[..., None], fairtrial: Type) -> None:
    """The study's, one by name, or a run's number; without one it says how to set it."""
    measured(1.0, 1.001)
    code, _, err = fairtrial("gate", "2")
    assert code == 2
    assert "no baseline of study 'service' was set (fairtrial baseline set RUN)" in err
    assert fairtrial("baseline", "set", "1", "--name", "v1", "--category", "db", "--note", "quiet box")[0] == 0
    for words in (["2"], ["2", "--against", "v1"], ["2", "--against", "1"], []):
        code, out, err = fairtrial("gate", *words)
        assert code == 0, err
        assert "Comparison: 1 (baseline) vs 2 (current)" in out
    code, _, err = fairtrial("gate", "2", "--against", "v2")
    assert code == 2
    assert "(valid: v1)" in err


def test_the_newest_baseline_of_a_name_counts(measured: Callable[..., None], fairtrial: Type) -> None:
    """Setting it again moves it; the list says what each is."""
    measured(1.0, 1.001)
    fairtrial("baseline", "set", "1", "--category", "db")
    fairtrial("baseline", "set", "2", "--category", "db", "--note", "second")
    code, out, _ = fairtrial("baseline", "list", "--json")
    (only,) = json.loads(out)["data"]
    assert (code, only["run"], only["name"], only["note"]) == (0, 2, "service", "second")
    code, out, _ = fairtrial("baseline")
    assert "second" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["compare", "1"], "two runs are compared, 1 were named"),
        (["compare", "1", "1"], "run 1 cannot be compared with itself"),
        (["compare", "1", "9"], "unknown run"),
        (["compare", "a.yaml", "1"], "'a.yaml' is no run's number (two study files are compared with --paired)"),
        (["compare", "--paired", "a.yaml"], "two study files are compared, 1 were named"),
        (["baseline", "drop", "1"], "unknown word after baseline 'drop'"),
        (["compare", "--history", "servce"], "unknown study 'servce' (did you mean 'service'?)"),
        (["compare", "1", "1", "--looks", "0"], "--looks"),
    ],
)
def test_mistakes_are_one_line(measured: Callable[..., None], fairtrial: Type, words: list[str], said: str) -> None:
    """Exit 2, what is wrong and what to do."""
    measured(1.0)
    code, _, err = fairtrial(*words)
    assert code == 2
    assert said in err
    assert err.count("\n") == 1


def test_unlike_and_reused_runs_are_refused(measured: Callable[..., None], fairtrial: Type, service: Write) -> None:
    """Another base says what differs; a run that took over results shares them."""
    measured(1.0)
    service("b.yaml", study="other")
    fairtrial("run", "b.yaml", "-q")
    code, _, err = fairtrial("compare", "1", "2")
    assert code == 2
    assert "share 12 measurements" in err
    service("c.yaml", study="third", base={"slow": 1.1})
    fairtrial("run", "c.yaml", "-q")
    code, _, err = fairtrial("compare", "1", "3")
    assert code == 2
    assert "base.slow: nothing != 1.1" in err


def test_a_history_of_many_runs(measured: Callable[..., None], fairtrial: Type) -> None:
    """Twenty runs, slower from the eleventh on: a change between two dated runs."""
    slow = [1.0 + k / 1e4 for k in range(10)] + [1.5 + k / 1e4 for k in range(10)]
    measured(*slow, replicates=2, factors={"x": [1.0]})
    code, out, err = fairtrial("compare", "--history", "service")
    assert code == 0, err
    assert "1 change over 20 runs" in out
    assert "between run 10 (" in out
    assert "and run 11 (" in out


def test_imported_runs_are_compared_where_their_metrics_have_a_direction(here: Path, fairtrial: Any) -> None:
    """Results from elsewhere are judged like ours; which way is better is said on import."""
    for number, shift in ((1, 0.0), (2, 0.5)):
        rows = "\n".join(f"1,{seed},{1 + shift + 0.01 * (seed * 7 % 5)}" for seed in range(8))
        Path(f"{number}.csv").write_text(f"lr,seed,loss\n{rows}\n")
        words = ("--study", "old", "--map", "lr=lr", "--map", "seed=seed", "--metric", "loss=minimize")
        assert fairtrial("import", f"{number}.csv", *words)[0] == 0
    code, out, err = fairtrial("compare", "1", "2")
    assert code == 5, err  # worse, but measured at another time
    assert "REGRESS" in out
    code, _, err = fairtrial("import", "1.csv", "--study", "x", "--map", "lr=lr", "--metric", "loss=minimise")
    assert code == 2
    assert "did you mean 'minimize'?" in err
