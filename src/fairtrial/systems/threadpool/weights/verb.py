"""The verb `fairtrial threadpool weights`: whether an oracle's weights can be read from measured labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.contract.journal import Ledger
from fairtrial.errors import UserError
from fairtrial.model.figure import Section

ORACLE = "fairtrial run threadpool/oracle"


class WeightsArguments(BaseModel):
    """What `weights` takes."""

    model_config = ConfigDict(extra="forbid")
    run: int = Field(ge=1, description="The run of an oracle study: rows of telemetry x sizes x replicates.")
    alpha: float = Field(default=0.05, gt=0, lt=0.5, description="Level: of telling two sizes apart, of the intervals.")


class Weights:
    """Fits the weights of the oracles' costs to which sizes were measured to be better."""

    name = "weights"
    help = "Say whether the weights of the analytic oracles can be read from an oracle study's labels, and which."
    Arguments = WeightsArguments

    def run(self, arguments: WeightsArguments, ledger: Ledger | None) -> Section:
        """Return the answer for each oracle.

        Raises UserError without a book or for a run that is no oracle study, NothingMeasured for one without labels.
        """
        from fairtrial.systems.threadpool.label.table import labelled
        from fairtrial.systems.threadpool.weights.section import section
        from fairtrial.systems.threadpool.weights.study import weighed

        if ledger is None:
            raise UserError("there is no book here, so no labels", hint=ORACLE)
        run = ledger.run(arguments.run)
        if run.system != "threadpool":
            raise UserError(f"run {run.number} is of system {run.system}, not of threadpool", hint=ORACLE)
        measured = ledger.measurements(run.number)
        labels = labelled({**measured.metrics, **measured.factors, "replicate": measured.replicate})
        said = section(run.number, weighed(labels, _machine(run.document), alpha=arguments.alpha))
        if run.state == "finished":
            return said
        left = f"{run.state}, {run.settled} of {'?' if run.planned is None else run.planned} trials"
        return replace(
            said, sentences=(f"The run is not finished ({left}); this is of what there is.", *said.sentences)
        )


def _machine(document: Mapping[str, Any]) -> Any:
    """Return the machine of a study: its `base.machine`, with the cores of `base.telemetry`, as its trials have it."""
    from fairtrial.systems.threadpool.parameters import Telemetry
    from fairtrial.systems.threadpool.words import Machine

    base = document.get("base") or {}
    machine, telemetry = Machine(**base.get("machine") or {}), Telemetry(**base.get("telemetry") or {})
    return machine.model_copy(update={"cores": telemetry.cores})
