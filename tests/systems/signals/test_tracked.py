"""A trial in another tracker has the names that the older harness gave it."""

from __future__ import annotations

import json

from fairtrial.contract.system import Mirrors
from fairtrial.systems.signals.parameters import Parameters
from fairtrial.systems.signals.system import Signals


def test_names_params_metrics_and_artifacts():
    """All that its users search by is there; a failed trial has names and no metrics."""
    system = Signals()
    assert isinstance(system, Mirrors)
    said = {"data": {"dataset": "monday", "grid": {"c1": 2}}, "signal": {"name": "msd"}, "evaluation": {"tp_ticks": 6}}
    parameters = Parameters.model_validate(said).model_dump(mode="json")
    found = system.mirror("tune", parameters, {"signals": 12.0, "tp_rate": 0.5, "time_to_outcome_s": 2.5})
    assert found.name == "msd:monday"
    assert json.loads(found.params["signal_params_json"]) == parameters["signal"]["parameters"]
    assert {name: found.params[name] for name in ("campaign", "eval_tp_ticks", "cooldown_bins")} == {
        "campaign": "tune",
        "eval_tp_ticks": 6.0,
        "cooldown_bins": 30,
    }
    assert (found.tags["dataset_id"], json.loads(found.tags["grid_variant"])["c1"]) == ("monday", 2.0)
    assert found.metrics == {"n_signals": 12.0, "median_time_to_outcome_ms": 2500.0}
    assert found.documents["harness/meta.json"]["protocol"] == "honest"
    assert found.tables == {"thresholds": "harness/results_by_threshold.parquet"}
    assert system.mirror("tune", parameters, {}).metrics == {}
