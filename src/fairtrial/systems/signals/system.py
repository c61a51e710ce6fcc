"""The system `signals`: its parameters, its metrics, and how its trials run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from fairtrial.contract.journal import Ledger
from fairtrial.contract.system import Context, Mirrored, Tables
from fairtrial.model.figure import Section
from fairtrial.model.ranking import Ranking, Readiness
from fairtrial.model.run import Measurements
from fairtrial.model.study import Metric
from fairtrial.systems.signals import parameters as given
from fairtrial.systems.signals.metrics import METRICS, measured
from fairtrial.systems.signals.words import Costs, Folds

PROTOCOLS = ("honest", "original")
SETTINGS = (
    "tp_ticks", "sl_ticks", "max_hold_bins", "warmup_bins", "cooldown_bins", "threshold", "min_signals", "overlap",
    "draws", *(f"costs.{name}" for name in Costs.model_fields), *(f"folds.{name}" for name in Folds.model_fields),
)  # fmt: skip
"""Settings of the evaluation in which trials of one batch may differ: they share the market and the signal's values."""
COST_S = 1.0
LEARNED_S = 30.0
"""Seconds that a trial takes, about: of a formula, and of a signal that learns."""


class Signals:
    """Signals from an order book on market data that does not change: judged after costs, against chance."""

    name = "signals"
    version = "1"
    Parameters = given.Parameters
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    studies = Path(__file__).parent / "studies"
    batchable: ClassVar[frozenset[str]] = frozenset(f"evaluation.{name}" for name in SETTINGS)
    batch_limit = 64

    def measured(self, base: Mapping[str, Any]) -> frozenset[str]:
        """Return what the protocol measures; both protocols where none is named."""
        evaluation = base.get("evaluation")
        protocol = evaluation.get("protocol", "honest") if isinstance(evaluation, Mapping) else "honest"
        return measured(protocol if protocol in PROTOCOLS else "honest")

    def require(self, parameters: given.Parameters) -> None:
        """Raise MissingPart without numba or what a signal learns with; UserError for data that do not serve."""
        from fairtrial.systems.signals.needs import require

        require(parameters)

    def input_digests(self, parameters: given.Parameters) -> Mapping[str, str]:
        """Return the checksums of the data sets. Raises UserError for one that is not there."""
        from fairtrial.systems.signals.lake.folder import Lake

        lake = Lake(parameters.data.folder)
        found = {name: lake.digests(name) for name in parameters.data.ids}
        return {f"{name}/{file}": digest for name, files in found.items() for file, digest in files.items()}

    def constant(self, base: Mapping[str, Any]) -> str:
        """Say why another replicate would measure the same; '' of a market that is made up anew for each."""
        data = base.get("data")
        if isinstance(data, Mapping) and data.get("synthetic") is not None:
            return ""
        return "data sets do not change: leave replicates out, and judge on more data sets (data.days, or as a factor)"

    def cost_s(self, parameters: given.Parameters) -> float:
        """Return the seconds that a trial takes, about."""
        from fairtrial.systems.signals.needs import LEARNS

        return LEARNED_S if parameters.signal.name in LEARNS else COST_S

    def run(self, parameters: given.Parameters, context: Context) -> Mapping[str, float | None]:
        """Do one trial. Raises UserError for data that are not there, or were changed."""
        return self.run_many([parameters], [context])[0]

    def run_many(
        self, parameters: Sequence[given.Parameters], contexts: Sequence[Context]
    ) -> Sequence[Mapping[str, float | None]]:
        """Do the trials one after the other; neighbours share the market and the signal's values."""
        from fairtrial.systems.signals.stage import Stage
        from fairtrial.systems.signals.trial import run

        stage = Stage()
        return [
            {**dict.fromkeys(measured("honest")), **run(one, context, stage)}
            for one, context in zip(parameters, contexts, strict=True)
        ]

    def conclude(self, measured: Measurements, tables: Tables) -> Sequence[Section]:
        """Return what this system says of a run: thresholds, barriers, the course of the leaders, days."""
        from fairtrial.systems.signals.conclude.sections import sections

        return sections(measured, tables)

    def rank(self, ledger: Ledger, run: int) -> Ranking:
        """Rank the configurations of a run, corrected for all that the book says was tried on the same data."""
        from fairtrial.systems.signals.rank.ranking import ranking

        return ranking(ledger, run)

    def ready(
        self, parameters: given.Parameters, metrics: Mapping[str, float], runtime: Mapping[str, Any]
    ) -> Readiness:
        """Say what of a winner goes where in a runtime configuration, and whether its streaming twin equals it."""
        from fairtrial.systems.signals.rank.runtime import ready

        return ready(parameters, metrics, runtime)

    def mirror(self, study: str, parameters: Mapping[str, Any], metrics: Mapping[str, float | None]) -> Mirrored:
        """Return what a trial is called in other trackers."""
        from fairtrial.systems.signals.tracked import mirrored

        return mirrored(study, parameters, metrics)
