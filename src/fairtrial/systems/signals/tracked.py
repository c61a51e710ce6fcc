"""A trial in another tracker, under the names that the older harness gave its runs there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairtrial.contract.system import Mirrored
from fairtrial.model.identity import canonical_json
from fairtrial.systems.signals.metrics import OLDER

EVALUATED = ("tp_ticks", "sl_ticks", "max_hold_bins")


def mirrored(study: str, parameters: Mapping[str, Any], metrics: Mapping[str, float | None]) -> Mirrored:
    """Return what a trial is called elsewhere: params, metrics, tags and artifacts of the older harness."""
    signal, data, evaluation = (parameters[name] for name in ("signal", "data", "evaluation"))
    dataset = data.get("dataset") or " ".join(data.get("days") or ()) or "synthetic"
    names = {"campaign": study, "signal_name": signal["name"], "dataset_id": dataset}
    if data.get("grid"):
        names["grid_variant"] = canonical_json(data["grid"]).decode()
    params = {
        **names,
        "signal_params_json": canonical_json(signal["parameters"]).decode(),
        **{f"eval_{name}": evaluation[name] for name in EVALUATED},
        "cooldown_bins": evaluation["cooldown_bins"],
    }
    return Mirrored(
        name=f"{signal['name']}:{dataset}",
        params=params,
        metrics=_row(metrics),
        tags=names,
        documents={"harness/meta.json": {**params, "protocol": evaluation["protocol"], "metrics": dict(metrics)}},
        tables={"thresholds": "harness/results_by_threshold.parquet"},
    )


def _row(metrics: Mapping[str, float | None]) -> dict[str, float | None]:
    found = {theirs: metrics[ours] for ours, theirs in OLDER.items() if ours in metrics and ours != theirs}
    took = metrics.get("time_to_outcome_s")
    return found if took is None else {**found, "median_time_to_outcome_ms": 1000 * took}
