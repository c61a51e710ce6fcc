"""The tables of the signals page are those of the code: studies, signals, parameters, metrics.

`python tests/docs/test_signals.py` writes them into the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from ruamel.yaml import YAML

from fairtrial.model.study import Direction
from fairtrial.systems.signals import parameters as given
from fairtrial.systems.signals import words
from fairtrial.systems.signals.catalogue import FORMULAS, LEARNED, signal
from fairtrial.systems.signals.judge.random import HITS, LEAST
from fairtrial.systems.signals.metrics import GROUPS, METRICS
from fairtrial.systems.signals.online.run import TAIL
from fairtrial.systems.signals.rank.order import ALPHA
from fairtrial.systems.signals.system import Signals

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "systems" / "signals.md"
PLOTS = PAGE.parent / "signals"
BLOCK = re.compile(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", re.DOTALL)
HINT = "python tests/docs/test_signals.py"

BETTER = {Direction.MAXIMIZE: "higher", Direction.MINIMIZE: "lower", Direction.NONE: ""}
PARTS: Mapping[str, type[BaseModel]] = {
    "": given.Parameters,
    "signal": given.Choice,
    "data": words.Data,
    "data.synthetic": words.Synthetic,
    "data.grid": words.Grid,
    "evaluation": words.Evaluation,
    "evaluation.costs": words.Costs,
    "evaluation.folds": words.Folds,
}
"""Path -> model."""
FORMULA: Mapping[str, str] = {
    "ads": "slopes of sum over bands of w (add asym + pull asym), z over 200 bins, sum of weight x tanh(z / 3)",
    "spg": "0.7 EMA(-(gradP below - above) + (gradV above - below)) + 0.3 EMA(-curvature)",
    "erd": "(score below - above) x max(0, z(entropy) - floor); or entropies in place of scores",
    "pfp": "0.6 lead of add and fill (bid - ask) + 0.4 of pull (ask - bid); lead = EMA(inner x outer before) / EMA",
    "jad": "0.4 J + 0.6 A where jerk and acceleration agree, else 0.8 J + 0.2 A; tanh(z / 3)",
    "iirc": "ratio = add / (pull + fill + 1) a side; slopes of ln(bid + 1) - ln(ask + 1); 0 below the floor",
    "msd": "sum of V above / abs(k) - sum of V below / abs(k)",
    "perm_derivative": "share of bullish codes - of bearish; differences, z, sum of w tanh(z / 3) / sum of w",
    "ads_pfp_svac": "0.4 ads + 0.3 pfp + 0.3 msd / EMA(abs(msd)), windows in ms",
    "svm_sp": "LinearSVC on 45 features",
    "gbm_mf": "LightGBM on 53 features",
    "knn_cl": "11 nearest of 35 features, weighted by distance",
    "lsvm_der": "SGD, hinge loss, on 60 features",
    "xgb_snap": "XGBoost on 163 features",
    "pca_ad": "reconstruction and Mahalanobis distance of 10 components x direction",
}
"""Signal -> its formula, in short."""


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table of Markdown."""
    lines = [list(heads), ["---"] * len(list(heads)), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def shown(value: Any) -> str:
    """Write a default; parts that are models have rows of their own."""
    return "" if value is None or value is PydanticUndefined or isinstance(value, BaseModel) else f"`{value}`"


def choices(annotation: Any) -> list[str]:
    """Return the words that a parameter takes."""
    found = [f"`{one}`" for one in get_args(annotation) if isinstance(one, str)]
    return found or [word for one in get_args(annotation) for word in choices(one)]


def meaning(field: Any) -> str:
    """Write what a parameter says of itself, and the words that it takes."""
    said, taken = field.description or "", choices(field.annotation)
    return said if all(word.strip("`") in said for word in taken) else f"{said} {', '.join(taken)}".strip()


def parameters() -> str:
    """Write every parameter with what it says of itself."""
    rows = [
        (f"`{path}.{name}`".replace("`.", "`"), shown(field.default), meaning(field))
        for path, model in PARTS.items()
        for name, field in model.model_fields.items()
        if f"{path}.{name}".lstrip(".") not in PARTS or field.description
    ]
    return table(["parameter", "default", "meaning"], rows)


def metrics() -> str:
    """Write what is measured, and under which protocol."""
    rows = (
        (f"`{m.name}`", m.unit, BETTER[m.direction], m.help, "both" if m.name in GROUPS["original"] else "honest")
        for m in METRICS.values()
    )
    return table(["metric", "unit", "better", "meaning", "protocol"], rows)


def thresholds(name: str) -> str:
    """Write the thresholds that a signal tries."""
    some = np.linspace(-1.0, 1.0, 101)
    fixed = signal(name).thresholds(some)
    return "adaptive" if fixed != signal(name).thresholds(3 * some) else " ".join(f"{one:g}" for one in fixed)


def defaults(name: str) -> str:
    """Write a signal's parameters with their defaults."""
    settings = signal(name).Parameters().model_dump(mode="json")
    return ", ".join(f"`{key}` {json.dumps(value)}".replace('"', "") for key, value in settings.items())


def signals() -> str:
    """Write every signal of ours."""
    rows = [
        (f"`{name}`", signal(name).help, FORMULA[name], defaults(name), thresholds(name), signal(name).mode)
        for name in (*FORMULAS, *LEARNED)
    ]
    return table(["signal", "what it is", "formula", "parameters", "thresholds", "mode"], rows)


def studies() -> str:
    """Write the studies that come with the system."""
    found = {path.stem: YAML(typ="safe", pure=True).load(path.read_text()) for path in Signals.studies.glob("*.yaml")}
    return table(["study", "question"], ((f"`signals/{name}`", found[name]["question"]) for name in sorted(found)))


MADE: Mapping[str, Callable[[], str]] = {
    "studies": studies, "signals": signals, "parameters": parameters, "metrics": metrics,
}  # fmt: skip


def write() -> None:
    """Write the tables into the page."""
    text = PAGE.read_text()
    PAGE.write_text(BLOCK.sub(lambda found: f"<!-- table: {found[1]} -->\n{MADE[found[1]]()}<!-- end -->", text))


@pytest.mark.parametrize("name", MADE)
def test_a_table_is_that_of_the_code(name: str) -> None:
    """Every study, signal, parameter and metric is there with what the code says of it, and nothing else."""
    found = dict(BLOCK.findall(PAGE.read_text()))
    assert set(found) == set(MADE)
    assert found[name] == MADE[name](), HINT


def test_every_part_has_its_parameters() -> None:
    """No model of parameters is left out of the table, and each is where the table says."""
    models = {type_ for module in (words, given) for type_ in vars(module).values() if _is_part(type_)}
    assert models - {words.Words} == set(PARTS.values())


def _is_part(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, words.Words)


def test_every_signal_has_its_formula() -> None:
    """Those of the catalogue, and no other."""
    assert set(FORMULA) == {*FORMULAS, *LEARNED}


def test_numbers_that_decide_are_those_of_the_code() -> None:
    """The least draws, what is enough, the error rate and the share of slow bins stand in the pages as they are."""
    text = " ".join((PAGE.read_text() + (ROOT / "docs" / "decisions" / "012-signals.md").read_text()).split())
    slow, rate = (f"{share:.0%}".replace("%", " %") for share in (TAIL, ALPHA))
    for said in (f"at least {LEAST:,} draws", f"{HITS} of them", f"at or below {rate}", f"More than {slow}"):
        assert said in text, said


def test_plots_are_shown_and_shown_ones_are_there() -> None:
    """Every picture beside the page is in it, as the vector that a report draws."""
    linked = set(re.findall(r"!\[[^\]]+\]\(signals/([^)]+)\)", PAGE.read_text()))
    assert linked == {path.name for path in PLOTS.iterdir()}
    assert not [name for name in linked if "<svg" not in (PLOTS / name).read_text()[:2000]]


if __name__ == "__main__":
    write()
