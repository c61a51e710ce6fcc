"""Comparisons for machines and for people: JUnit XML, Markdown, the rows of the table."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from fairtrial.compare.junit import junit
from fairtrial.compare.markdown import markdown
from fairtrial.compare.sample import Sample
from fairtrial.compare.table import heads, rows
from fairtrial.compare.verdict import compare
from fairtrial.model.claim import Margin, Tolerance
from fairtrial.model.comparison import Comparison
from fairtrial.stats.resample import generator

Make = Callable[..., Sample]


@pytest.fixture
def found(make: Make) -> Comparison:
    """Compare a run that is worse in one of two conditions, lost a round in neither, and has one open metric."""
    rng = generator(0, "junit")
    sides = []
    for run, shift in ((1, 1.0), (2, 1.4)):
        latency = [(factor * np.exp(rng.normal(0, 0.02, 6))).tolist() for factor in (1.0, shift)]
        rate = [(50 * np.exp(rng.normal(0, 0.5, 6))).tolist() for _ in range(2)]
        sides.append(make({"latency_s": latency, "throughput_per_s": rate}, run=run))
    return compare(*sides, mode="interleaved")


def test_junit_has_a_case_for_every_gating_comparison(found: Comparison) -> None:
    """Regressions of a failing gate are failures, what is open is skipped, the rest passes."""
    suite = ET.fromstring(junit(found))
    counts = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": 4, "failures": 1, "errors": 0, "skipped": 2}
    failure = suite.find("testcase[failure]")
    assert failure is not None
    assert (failure.attrib["classname"], failure.attrib["name"]) == ("latency_s", "latency_s at load = 1")
    properties = {item.attrib["name"]: item.attrib["value"] for item in suite.iter("property")}
    assert properties["verdict"] == "FAIL"


def test_junit_of_different_times_has_no_failure(make: Make) -> None:
    """A regression that is not settled is skipped, with the reason; a lost round is an error."""
    values = {"latency_s": [[1.0, 1.01, 0.99, 1.0, 1.02]]}
    slow = {"latency_s": [[2.0, 2.01, 1.99, 2.0, 2.02]]}
    metrics = make(values).study.metrics
    one = make(values, metrics=metrics, gate=(Tolerance("latency_s", Margin(0.1, relative=True)),))
    suite = ET.fromstring(junit(compare(one, make(slow, run=2, metrics=metrics))))
    assert (suite.attrib["failures"], suite.attrib["skipped"]) == ("0", "1")
    lost = make(values, run=2, metrics=metrics, failures={1: "oom"})
    assert ET.fromstring(junit(compare(one, lost))).attrib["errors"] == "1"


def test_junit_holds_any_text(found: Comparison) -> None:
    """Names and messages with characters that XML cannot hold are still a document."""
    odd = tuple(replace(change, metric='a<b>&"\x00', assignment={"x": "<'\x1b>"}) for change in found.changes)
    suite = ET.fromstring(junit(replace(found, changes=odd, answer="<&\x07>")))
    assert suite.find("testcase") is not None


def test_markdown_has_the_verdict_a_table_and_the_command(found: Comparison) -> None:
    """A pull request shows the verdict first and how to make it again."""
    lines = markdown(replace(found, unlike=("base.a: 1 != 2|3",), next_command="fairtrial gate 2")).splitlines()
    assert lines[0] == "## ⚠ RESULT: REGRESSIONS DETECTED (FAIL)"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 4
    assert len({line.count("|") for line in table}) == 1
    assert "- Differs: base.a: 1 != 2\\|3" in lines
    assert "Again: `fairtrial gate 2 --against 1`" in lines


def test_rows_name_conditions_and_intervals(found: Comparison) -> None:
    """The seed's columns, with the factor, the interval and the margin added; what does not gate is bracketed."""
    assert heads(found.changes) == (
        "Metric", "load", "Baseline", "Current", "Delta", "Change", "Worse by", "Margin", "Status",
    )  # fmt: skip
    metric, level, baseline, _, delta, change, worse, margin, status = rows(found.changes)[1]
    assert (metric, level, margin, status) == ("latency_s", "1", "10 %", "REGRESS")
    assert baseline.endswith("] s")
    assert delta.startswith("+0.")
    assert change.startswith("+")
    assert " to " in worse
    shown = replace(found.changes[0], gating=False)
    assert rows([shown])[0][0] == "(latency_s)"
