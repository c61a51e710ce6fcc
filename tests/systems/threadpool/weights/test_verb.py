"""The verb `weights`: from the measurements of a run to an answer, and what it refuses."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from pydantic import ValidationError

from fairtrial.contract.verb import Verb
from fairtrial.errors import NothingMeasured, UnknownName, UserError
from fairtrial.model.figure import Section
from fairtrial.model.run import Measurements, Run
from fairtrial.systems.threadpool.analytic import queueing
from fairtrial.systems.threadpool.telemetry.schema import NAMES
from fairtrial.systems.threadpool.weights.verb import Weights, WeightsArguments
from fairtrial.systems.threadpool.words import SIZES, Machine

BETA = 40.0
"""Planted: weight of the switching cost over that of the latency. Idle workers cost nothing."""


@dataclass
class Ledger:
    """A book with one run."""

    columns: dict = field(default_factory=dict)
    system: str = "threadpool"
    state: str = "finished"

    def run(self, number):
        if number != 3:
            raise UnknownName("run", str(number), ["3"])
        document = {"base": {"telemetry": {"cores": 4}, "machine": {"switch_us": 8}}}
        return Run(3, "oracle", self.state, 0.0, 0.0, document, self.system)

    def measurements(self, run):
        count = len(self.columns.get("replicate", ()))
        factors = {name: self.columns[name] for name in ("telemetry.row", "pool.workers") if name in self.columns}
        metrics = {name: values for name, values in self.columns.items() if name not in {*factors, "replicate"}}
        return Measurements(
            run, range(1, count + 1), [""] * count, self.columns.get("replicate", ()), [0] * count, ["done"] * count,
            [""] * count, factors, metrics,
        )  # fmt: skip


def features(rng, rows, load):
    """Make rows of telemetry of pools that are not overloaded."""
    size = rng.uniform(200, 800, rows)
    found = dict.fromkeys(NAMES, np.zeros(rows))
    found |= {
        "arrival_rate": rng.uniform(0.35, 1.0, rows) * load * 4e6 / size,
        "task_size_mean": size,
        "task_size_var": size**2,
        "task_time_p50_us": size * rng.choice([0.7, 1.5], rows),
        "task_time_p95_us": 3 * size,
    }
    return np.stack([found[name] for name in NAMES], axis=1)


def study(rows=120, replicates=3, stable=True, load=0.85):
    """Make the results of an oracle study whose p95 are J of the queueing oracle, with noise that pairs share."""
    rng = np.random.default_rng(0)
    seen = features(rng, rows, load)
    cost = queueing.terms(seen, Machine(cores=4, switch_us=8)).cost(1.0, BETA, 0.0)
    logs = cost / 400 + 0.3 * rng.gumbel(size=cost.shape)
    p95 = np.logaddexp(0.0, logs)[:, :, None] * np.exp(1e-3 * rng.normal(size=(*cost.shape, replicates)))
    columns = {name: [] for name in ("telemetry.row", "pool.workers", "replicate", "latency_p95_s", "stable", "family")}
    columns |= {name: [] for name in NAMES}
    for row, place, replicate in np.ndindex(p95.shape):
        values = (row, SIZES[place], replicate, p95[row, place, replicate], float(stable), row % 4, *seen[row])
        for name, value in zip(columns, values, strict=True):
            columns[name].append(value)
    return columns


def asked(columns, **more):
    return Weights().run(WeightsArguments(run=3, **more), Ledger(columns))


def test_it_is_a_verb():
    """With a run to name, and a level."""
    assert isinstance(Weights(), Verb)
    for wrong in ({"run": 0}, {"run": 1, "alpha": 0}, {"run": 1, "alpha": 0.5}, {"run": 1, "beta": 1}, {}):
        with pytest.raises(ValidationError):
            WeightsArguments(**wrong)


def test_weights_behind_labels_are_found():
    """Labels made from the queueing oracle's terms with a planted weight: its ratio is in the interval."""
    found = asked(study())
    assert isinstance(found, Section)
    assert found.title == "Weights behind the labels of run 3"
    (sentence,) = [line for line in found.sentences if line.startswith("Queueing theory: ")]
    assert "beta/alpha = " in sentence
    (table,) = [table for table in found.tables if table.title == "Queueing theory: weights"]
    weight, published, value, low, high, _ = table.rows[0]
    assert (weight, published) == ("beta/alpha", 0.05)
    assert low <= BETA <= high
    assert value == pytest.approx(BETA, rel=0.5)
    _, _, _, low, high, _ = table.rows[1]
    assert low <= 0 <= high


def test_the_older_oracle_has_no_weights_in_them():
    """Its latency term is the same for all sizes that were told apart; it is called degenerate."""
    sentences = asked(study(load=0.2)).sentences
    said = [line for line in sentences if "older oracle" in line]
    assert said == [
        "The older oracle: No: alpha is not identified, its term is the same for all sizes that were told apart."
    ]
    assert any("degenerate: it chooses 2 for all of 120 rows" in line for line in sentences)


def test_fitted_weights_choose_better_than_published_ones():
    """In rows that were not fitted to, since the published ones ignore what was planted."""
    tables = {table.title: table for table in asked(study()).tables}
    rows = {
        row[0]: row[1:] for row in tables["Queueing theory: how well it chooses, in rows that were not fitted to"].rows
    }
    assert set(rows) == {"fitted weights", "published weights", "one size"}
    assert rows["fitted weights"][0] < rows["published weights"][0]
    assert all(low <= mean <= high for mean, low, high, *_ in rows.values())


def test_labels_that_are_noise():
    """p95 that tell nothing apart give no answer but no."""
    columns = study()
    columns["latency_p95_s"] = np.random.default_rng(1).lognormal(size=len(columns["replicate"])).tolist()
    for line in asked(columns).sentences:
        assert ": Yes" not in line
        assert ": Partly" not in line


def test_one_replicate_tells_nothing_apart():
    """No pair, no fit, and that is said."""
    found = asked(study(rows=10, replicates=1))
    assert "Queueing theory: No: none of 0 pairs of sizes could be told apart." in found.sentences
    assert found.tables == ()


def test_nothing_measured():
    """All sizes unstable, or a run without results."""
    with pytest.raises(NothingMeasured, match="nothing was preferred"):
        asked(study(rows=5, stable=False))
    empty = {name: [] for name in study(rows=1)}
    with pytest.raises(NothingMeasured):
        asked(empty)


def test_a_run_that_is_not_finished():
    """Is answered from what there is, and the first sentence says so."""
    section = Weights().run(WeightsArguments(run=3), Ledger(study(rows=20), state="budget"))
    assert section.sentences[0].startswith("The run is not finished (budget, 0 of ? trials)")


def test_what_it_refuses():
    """No book, no such run, another system's run, a run that is no oracle study: one line each."""
    with pytest.raises(UserError, match="there is no book here"):
        Weights().run(WeightsArguments(run=3), None)
    with pytest.raises(UnknownName, match="unknown run '4'"):
        Weights().run(WeightsArguments(run=4), Ledger())
    with pytest.raises(UserError, match="run 3 is of system services, not of threadpool"):
        Weights().run(WeightsArguments(run=3), Ledger(system="services"))
    columns = study(rows=2)
    del columns["telemetry.row"]
    with pytest.raises(UserError, match=r"no column 'telemetry\.row'"):
        asked(columns)
