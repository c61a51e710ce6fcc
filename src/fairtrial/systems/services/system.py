"""The system `services`: its parameters, its metrics, and the server that trials share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from fairtrial.contract.resource import resource
from fairtrial.contract.system import Context, Tables
from fairtrial.model.figure import Section
from fairtrial.model.run import Measurements
from fairtrial.model.study import Metric
from fairtrial.systems.services import parameters as given
from fairtrial.systems.services.measure.known import COMMON, METRICS
from fairtrial.systems.services.target import Virtual
from fairtrial.systems.services.targets.known import KINDS, adapter, measures

OPEN, CLOSED = frozenset({"stable"}), frozenset({"little_residual"})
"""Metrics that only an open, and only a closed load has."""


class Services:
    """Load, saturation and regression of real servers.

    What is measured changes without a parameter changing (`live`), so a finished run is never reused.
    """

    name = "services"
    version = "1"
    live = True
    Parameters = given.Parameters
    metrics: ClassVar[Mapping[str, Metric]] = METRICS
    bound: ClassVar[Mapping[str, float]] = {"generator_cpu_share": 0.9}
    """From this share of a core on, a closed loop shows the generator and not the server."""
    overload: ClassVar[Mapping[str, float]] = {"stable": 1.0}
    """An open loop whose backlog grew: its rates are those of the window's length."""
    null: ClassVar[Mapping[str, Any]] = {"target.kind": "null"}
    studies = Path(__file__).parent / "studies"
    share_scope = "condition"

    def measured(self, base: Mapping[str, Any]) -> frozenset[str]:
        """Return the common metrics, those of the mode of load, and those of the target; all where none is named."""
        kind, mode = (str(_below(base, part, name)) for part, name in (("target", "kind"), ("load", "mode")))
        if kind not in KINDS:
            return frozenset(METRICS)
        return (COMMON | measures(kind)) - (OPEN if mode in ("closed", "None") else CLOSED)

    def timed(self, base: Mapping[str, Any]) -> bool:
        """Say that loads run alone: two at once would measure each other; in virtual time they do not."""
        return str(_below(base, "target", "kind")) != "simulated"

    def require(self, parameters: given.Parameters) -> None:
        """Raise MissingPart, UserError or ServiceFailed for a target that cannot be measured here."""
        target = adapter(parameters.target)
        target.require()
        if (wanted := target.server()) is not None:
            name, options = wanted
            resource(name).require(options)

    def input_digests(self, parameters: given.Parameters) -> Mapping[str, str]:
        """Return the digests of a trace of arrivals, and of a file of prompts."""
        from fairtrial.model.identity import digest_bytes

        files = {"trace": parameters.load.trace, "prompts": getattr(parameters.target, "prompts", None)}
        return {name: digest_bytes(Path(file).read_bytes()).hex() for name, file in files.items() if file is not None}

    def cost_s(self, parameters: given.Parameters) -> float:
        """Return the seconds that a load takes, about; preparing and starting a server come on top."""
        load = parameters.load
        if isinstance(adapter(parameters.target), Virtual):
            return 1.0
        return 2.0 + load.ramp_s + load.warmup_s + load.duration_s

    def share_key(self, parameters: given.Parameters) -> Any:
        """Return which server trials need, with its options; None for one that is attached to."""
        wanted = adapter(parameters.target).server()
        return None if wanted is None else [wanted[0], dict(wanted[1])]

    def setup(self, parameters: given.Parameters, scratch: Path) -> dict[str, Any]:
        """Start the server of these parameters."""
        name, options = self.share_key(parameters)
        return {"resource": name, "handle": resource(name).start(options, scratch)}

    def teardown(self, handle: Mapping[str, Any]) -> None:
        """Stop it."""
        resource(handle["resource"]).stop(handle["handle"])

    def ailing(self, handle: Mapping[str, Any]) -> str:
        """Say why it no longer serves; '' while it does."""
        return str(resource(handle["resource"]).ailing(handle["handle"]))

    def run(self, parameters: given.Parameters, context: Context) -> Mapping[str, float | None]:
        """Put the load on the target and measure. Raises Invalid for what must not be believed, ServiceFailed."""
        from fairtrial.systems.services.trial import run

        known = self.measured(parameters.model_dump(mode="json"))
        return {**dict.fromkeys(known), **run(parameters, context)}

    def conclude(self, measured: Measurements, tables: Tables) -> Sequence[Section]:
        """Return the plots of a load test, and its bottleneck with the evidence."""
        from fairtrial.systems.services.conclude.sections import sections

        return sections(measured, tables)


def _below(base: Mapping[str, Any], part: str, name: str) -> Any:
    inner = base.get(part)
    return inner.get(name) if isinstance(inner, Mapping) else None
