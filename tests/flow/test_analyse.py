"""`analyse` as a user types it, and the same questions as methods of `Run`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairtrial import Run, Study
from fairtrial.errors import UnknownName, UserError
from fairtrial.flow.analyse import analyse

SUBJECT = """
import random


def measure(rate: float, depth: int = 2, *, seed: int, context) -> dict[str, float]:
    rng = random.Random(f"{seed}/{rate}/{depth}")
    said = ["I trust it", "Trustworthy? no"] if rate < 0.45 else ["no", "never"]
    context.table("answers", [{"text": text} for text in said])
    return {"crashes": (4 if rate > 0.45 else 0) + rng.gauss(0, 0.5), "cycles": 20 + rng.gauss(0, 0.5)}


def speed(clients: int, *, seed: int) -> dict[str, float]:
    rng = random.Random(f"{seed}/{clients}")
    return {"per_s": 100 * min(clients, 8) * (1 + rng.gauss(0, 0.02)), "wait_s": 0.01 * max(1, clients / 8)}


def error(labels: int, source: str, *, seed: int) -> dict[str, float]:
    rng = random.Random(f"{seed}/{labels}/{source}")
    floor, slope = (0.30, 1.0) if source == "cheap" else (0.10, 3.0)
    return {"error": floor + slope * labels**-0.5 + rng.gauss(0, 0.003)}
"""

WORDS = {
    "study": "corruption",
    "system": {"python": "subject:measure"},
    "factors": {"rate": [0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9], "depth": [2, 4]},
    "replicates": 5,
    "metrics": {"crashes": "minimize", "cycles": "none"},
    "expect": ["crashes increases with rate", "crashes has a threshold in rate near 0.45"],
    "parallel": {"jobs": 2, "workers": "persistent"},
}


@pytest.fixture
def subject(here: Path) -> Path:
    """A folder with a system that has a step between rate 0.3 and 0.6."""
    (here / "subject.py").write_text(SUBJECT)
    return here


@pytest.fixture
def measured(subject: Path) -> Run:
    """A run of it."""
    return Study(**WORDS).run()


def test_what_fits_is_asked_without_being_asked_for(measured: Run, fairtrial) -> None:
    """Claims first, then the optimum and the effects."""
    code, out, _ = fairtrial("analyse")
    assert code == 0
    assert out.index("Claims") < out.index("Optimum of crashes") < out.index("Effects on crashes")
    assert "Supported: crashes rises" in out


def test_a_single_condition_is_described_with_the_reason(subject: Path, fairtrial) -> None:
    """No analysis fits one condition: its numbers are printed all the same, and why there is nothing else."""
    words = {"system": {"python": "subject:measure"}, "base": {"rate": 0.2}, "replicates": 3}
    metrics = {"crashes": "minimize", "cycles": "none"}
    Study(study="plain", metrics=metrics, **words).run()
    Study(study="gated", metrics=metrics, gate={"crashes": {"worse_by": 1.0}}, **words).run()
    for run, why in (
        ("1", "Nothing varies in this run, and it claims nothing."),
        ("2", "Nothing varies in this run: its gate compares it with another (fairtrial gate 2)."),
    ):
        code, out, _ = fairtrial("analyse", run)
        assert code == 0
        assert out.startswith(f"Conditions\n  {why}\n  1 condition.\n")
        assert "crashes_mean" in out
    assert json.loads(fairtrial("analyse", "1", "--json")[1])["data"] == {}
    assert "1 condition." in fairtrial("analyse", "1", "--of", "claims")[1]


def test_a_threshold_lies_where_it_was_planted(measured: Run, fairtrial) -> None:
    """The step is placed between its levels; the simple rule is shown beside it, as a description."""
    found = measured.threshold(factor="rate")
    assert found.verdict == "supported"
    assert found.place == (0.3, 0.6)
    code, out, _ = fairtrial("analyse", "1", "--of", "threshold", "--factor", "rate", "--change", "0.5")
    assert code == 0
    assert "Descriptive, no test" in out


def test_no_threshold_where_there_is_none(measured: Run) -> None:
    """A factor without effect has none, and is found to have no effect."""
    assert measured.threshold(factor="depth").verdict != "supported"
    assert measured.threshold("cycles", "rate").verdict != "supported"


def test_json_has_every_finding(measured: Run, fairtrial) -> None:
    """The envelope names each kind of question."""
    _, out, _ = fairtrial("analyse", "1", "--of", "effects", "--json")
    said = json.loads(out)
    assert said["schema"] == "fairtrial.analyse/1"
    (found,) = said["data"]["effects"]
    assert {tuple(effect["factors"]) for effect in found["effects"]} == {("rate",), ("depth",), ("rate", "depth")}


def test_mistakes_are_one_line(measured: Run, fairtrial) -> None:
    """What is wrong, the nearest valid name, and what to choose from."""
    for words, said in (
        (("--of", "treshold"), "unknown analysis 'treshold' (did you mean 'threshold'?)"),
        (("--of", "threshold"), "several factors have an order (--factor rate | depth)"),
        (("--of", "threshold", "--factor", "rte"), "unknown factor 'rte' (did you mean 'rate'?)"),
        (("--of", "effects", "--metric", "crash"), "unknown metric 'crash' (did you mean 'crashes'?)"),
        (("--of", "crossover", "--factor", "rate"), "a crossover is of two arms, not of 0"),
        (("--of", "text"), "which word? (--keyword trust)"),
        (("--of", "search", "--metric", "cycles"), "cycles has no direction"),
        (("7", "--of", "effects"), "unknown run '7'"),
    ):
        code, out, err = fairtrial("analyse", *words)
        assert (code, out) == (2, ""), err
        assert said in err
        assert len(err.splitlines()) == 1


def test_whole_words_are_counted_in_answers(measured: Run, fairtrial) -> None:
    """`trust` is mentioned by half the answers below the step (`Trustworthy` is another word), and by none above."""
    found = measured.mentions("trust", factor="rate")
    assert [(share.mentions, share.answers) for share in found.shares] == [(10, 20)] * 4 + [(0, 20)] * 4
    assert found.verdict == "supported"
    code, out, _ = fairtrial("analyse", "--of", "text", "--keyword", "trust", "--factor", "rate")
    assert code == 0
    assert "0.5" in out


def test_the_table_of_a_factor(measured: Run) -> None:
    """A row a level, the other factors averaged within each replicate."""
    table = measured.table("rate", ["crashes"])
    assert table["rate"].to_list() == WORDS["factors"]["rate"]
    assert table["crashes_n"].to_list() == [5] * 8
    assert table["crashes_mean"][0] < 1 < 3 < table["crashes_mean"][7]


def test_saturation_and_the_range_that_keeps_the_service_levels(subject: Path) -> None:
    """Throughput stops at 8 clients; waiting passes its limit behind 16."""
    run = Study(
        study="load",
        system={"python": "subject:speed"},
        factors={"clients": [1, 2, 4, 8, 16, 32]},
        replicates=5,
        metrics={"per_s": "maximize", "wait_s": "minimize"},
        slo={"wait_s": {"max": 0.025}},
    ).run()
    curve, levels = run.saturation(response="wait_s")
    assert curve.knee is not None
    assert 6 < curve.knee < 11
    assert levels.edge == 16
    assert levels.first_failing == "wait_s <= 0.025"


@pytest.mark.parametrize(("metrics", "grown"), [(("wait_s", "per_s"), ["per_s"]), (("wait_s",), [])])
def test_what_saturates_is_a_rate(subject: Path, metrics: tuple[str, ...], grown: list[str]) -> None:
    """A share has no capacity: a rate is asked about though it stands later, and without one only the range."""
    units = {"wait_s": {"direction": "minimize", "unit": "share"}, "per_s": {"direction": "maximize", "unit": "1/s"}}
    run = Study(
        study="load",
        system={"python": "subject:speed"},
        factors={"clients": [1, 2, 4, 8, 16, 32]},
        replicates=2,
        metrics={name: units[name] for name in metrics},
        slo={"wait_s": {"max": 0.025}},
    ).run()
    *curves, levels = analyse(None, run.number, "saturation")
    assert [curve.metric for curve in curves] == grown
    assert levels.edge == 16


def test_a_crossover_of_two_arms(subject: Path) -> None:
    """0.3 + N^-0.5 and 0.1 + 3 N^-0.5 cross at N = 100."""
    run = Study(
        study="labels",
        system={"python": "subject:error"},
        variants={"cheap": {"set": {"source": "cheap"}}, "expert": {"set": {"source": "expert"}}},
        factors={"labels": [20, 40, 80, 160, 320, 640]},
        replicates=5,
        metrics={"error": "minimize"},
        prices={"cheap": 0.01, "expert": 0.5},
    ).run()
    found = run.crossover()
    assert found.verdict == "supported"
    assert found.place == pytest.approx(100, rel=0.1)
    assert found.purchases
    cheap, expert = run.scaling()
    assert (cheap.chosen, expert.chosen) == ("power law", "power law")
    assert run.scaling(arm="expert").variant == "expert"
    steps = run.threshold("error", "labels")
    assert [one.variant for one in steps] == ["cheap", "expert"]
    assert all(one.answer.startswith(f"{one.variant}: ") for one in (*steps, *run.scaling()))


def test_questions_in_python_raise_what_the_command_line_says(measured: Run) -> None:
    """One exception, with the choice that has to be made."""
    with pytest.raises(UserError, match="several factors have an order"):
        measured.threshold()
    with pytest.raises(UnknownName, match="did you mean 'rate'"):
        measured.table("rte")


def test_why_is_kept_with_the_answers(measured: Run, fairtrial) -> None:
    """A question with a reason is an entry of the log; one without leaves the book alone."""
    fairtrial("analyse", "1", "--of", "optimum")
    fairtrial("analyse", "1", "--of", "optimum", "--why", "which rate is safe?")
    _, out, _ = fairtrial("log", "--json")
    asked = [entry for entry in json.loads(out)["data"] if entry["verb"] == "analyse"]
    assert [entry["reason"] for entry in asked] == ["which rate is safe?"]


def test_one_replicate_supports_nothing(subject: Path) -> None:
    """Noise and effect cannot be told apart, whatever the numbers look like."""
    run = Study(**{**WORDS, "replicates": 1}).run()
    assert {claim.verdict.value for claim in run.claims()} == {"inconclusive"}
    assert run.optimum().verdict == "inconclusive"
    assert run.effects().verdict == "inconclusive"
    assert run.threshold(factor="rate").verdict == "inconclusive"
