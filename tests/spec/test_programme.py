"""Reading programme.yaml: what it may say, and one line for what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairtrial.errors import SpecError
from fairtrial.model.programme import Baseline, Item, Phase
from fairtrial.spec.programme import COUNTS, find, read

TEXT = """\
programme: Label budgets
rules: [Say why]
phases:
  - name: Phase 0 — Protocol
    goal: freeze the
      hyperparameters
    items:
      - {text: Search, studies: [gpt, manual], stage: optuna, source: GPT labels, priority: high}
      - Choose
  - name: Phase 1
    items: [{text: Later, number: 4, studies: one}]
baselines:
  - {name: storage, category: Storage, run: 29, note: 4 clients}
  - {name: inference, category: Inference, system: vllm}
criteria:
  - runs(system=services, state=finished) >= 10
  - {text: "baselines(category='A, B') == 1", label: Baselines exist}
  - verdicts( verb = gate , verdict=PASS )>=1
  - conditions(study="x y") > 3
  - studies() < 5
"""


def write(folder: Path, text: str) -> Path:
    """Write a programme."""
    path = folder / "programme.yaml"
    path.write_text(text)
    return path


def test_read(tmp_path: Path) -> None:
    """Phases, items (numbered by their place), baselines, criteria."""
    made = read(write(tmp_path, TEXT))
    assert (made.title, made.rules) == ("Label budgets", ("Say why",))
    search = Item(1, "Search", ("gpt", "manual"), "optuna", "GPT labels", "high")
    assert made.phases == (
        Phase("Phase 0 — Protocol", "freeze the hyperparameters", (search, Item(2, "Choose"))),
        Phase("Phase 1", "", (Item(4, "Later", ("one",)),)),
    )
    assert made.baselines == (
        Baseline("storage", 29, "Storage", "4 clients"),
        Baseline("inference", None, "Inference", system="vllm"),
    )
    assert [(item.count, dict(item.filters), item.relation, item.goal) for item in made.criteria] == [
        ("runs", {"system": "services", "state": "finished"}, ">=", 10),
        ("baselines", {"category": "A, B"}, "==", 1),
        ("verdicts", {"verb": "gate", "verdict": "PASS"}, ">=", 1),
        ("conditions", {"study": "x y"}, ">", 3),
        ("studies", {}, "<", 5),
    ]
    assert made.criteria[1].label == "Baselines exist"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("phase: []", r":1: phase: unknown key 'phase' \(did you mean 'phases'"),
        ("phases:\n  - nam: x", r":2: phases\.0\.nam: unknown key 'nam'.*'name'"),
        ("phases:\n  - {goal: x}", r":2: phases\.0: a phase has a name"),
        ("phases: {a: 1}", r"phases is a list"),
        (
            "phases:\n  - name: a\n    items:\n      - {text: x, number: 2}\n      - y",
            r":5: .*item 2 stands here twice",
        ),
        ("phases: [{name: a, items: [{text: x, number: 0}]}]", r"0 is no number of an item"),
        ("phases: [{name: a, items: [{text: x, priority: hgh}]}]", r"unknown priority 'hgh' \(did you mean 'high'"),
        ("phases: [{name: a, items: [{text: x, studies: [1]}]}]", r"studies is a list of texts"),
        ("phases: [{name: 3}]", r"name is a text, not 3"),
        ("phases: [a]", r"this is a mapping"),
        ("baselines: [{name: a, run: x}]", r"'x' is no number of a run"),
        ("baselines: [{name: a, run: 1}, {name: a, run: 2}]", r"baseline 'a' stands here twice"),
        ("criteria: [run(x=1) >= 2]", r"nothing is called 'run' \(did you mean 'runs'"),
        ("criteria: [runs(sytem=1) >= 2]", r"unknown filter 'sytem' \(did you mean 'system'"),
        ("criteria: [runs >= 2]", r"is not understood \(runs\("),
        ("criteria: [runs(a) >= 2]", r"is not understood"),
        ("criteria: ['runs(tag=\"a\"b) >= 2']", r"is not understood"),
        ("criteria: [runs() >= two]", r"'two' is no number"),
        ("criteria: [runs() >= 2 and runs() >= 3]", r"is not understood"),
        ("- a", r":1: a programme is a mapping \(start with `programme: NAME`\)"),
        ("", r":1: a programme is a mapping"),
        ("phases: [{name: a}, {name: b}, {name: a}]", r"phases\.2: phase 'a' stands here twice"),
        ("a: [", r"not valid YAML"),
    ],
)
def test_mistakes_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    """File, line, path, what is wrong, the nearest valid thing."""
    with pytest.raises(SpecError, match=said) as caught:
        read(write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "programme.yaml"))


def test_find_looks_upwards(tmp_path: Path) -> None:
    """As the book is found."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    path = write(tmp_path, "programme: x")
    assert find(inner) == path.resolve()


def test_every_count_can_be_judged() -> None:
    """What a criterion may count is what can be counted."""
    from fairtrial.promote import programme

    assert set(COUNTS) == set(programme._COUNTS)
