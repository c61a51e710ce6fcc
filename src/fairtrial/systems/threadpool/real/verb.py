"""The verb `fairtrial threadpool costs`: what threads cost on this machine, as parameters to paste."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class MeasureArguments(BaseModel):
    """What `costs` takes."""

    model_config = ConfigDict(extra="forbid")
    repeats: int = Field(default=5, ge=1, le=1000, description="Measurements; medians are printed.")


class Measure:
    """Prints what waking, switching and starting threads cost here."""

    name = "costs"
    help = "Measure what waking, switching and starting threads costs on this machine."
    Arguments = MeasureArguments

    def run(self, arguments: MeasureArguments, ledger: Any) -> str:
        """Return YAML for a study's base. Raises MissingPart without a C compiler."""
        from statistics import median

        from fairtrial.systems.threadpool.real.costs import costs

        found = [costs() for _ in range(arguments.repeats)]
        times = {name: [getattr(one, f"{name}_s") * 1e6 for one in found] for name in ("wake", "switch", "spawn")}
        words = ", ".join(f"{name}_us: {median(values):.3g}" for name, values in times.items())
        spans = "; ".join(f"{name} {min(values):.3g} to {max(values):.3g}" for name, values in times.items())
        return f"# of {arguments.repeats} measurements, us: {spans}\nmachine: {{{words}}}\n"
