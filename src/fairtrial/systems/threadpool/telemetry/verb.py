"""The verb `fairtrial threadpool generate`: rows of telemetry, written as a CSV file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fairtrial.errors import UserError


class GenerateArguments(BaseModel):
    """What `generate` takes."""

    model_config = ConfigDict(extra="forbid")
    output: Path = Field(description="The file to write, which ends in .csv and is not there yet.")
    rows: int = Field(default=2000, ge=1, le=1_000_000, description="How many rows.")
    source: Literal["simulated", "older"] = Field(
        default="simulated",
        description="simulated: what a simulated pool showed; older: made up by an earlier study.",
    )
    seed: int = Field(default=0, ge=0, description="Which rows; the first ones of a longer list are the same.")
    cores: int = Field(default=8, ge=1, le=4096, description="Cores of the machine that was observed.")
    force: bool = Field(default=False, description="Write over a file that is there.")

    @field_validator("output")
    @classmethod
    def _csv(cls, path: Path) -> Path:
        if path.suffix.lower() != ".csv":
            raise ValueError(f"{str(path)!r} does not end in .csv: {path.with_suffix('.csv').name}")
        return path


class Generate:
    """Writes rows of telemetry that a study reads by `telemetry.source: input`."""

    name = "generate"
    help = "Write rows of telemetry to a CSV file: what a pool showed, and the workload behind each row."
    Arguments = GenerateArguments

    def run(self, arguments: GenerateArguments, ledger: Any) -> str:
        """Write the file and say what is in it.

        Raises UserError for a file that is there or cannot be written, MissingPart without numba.
        """
        from fairtrial.systems.threadpool.needs import need
        from fairtrial.systems.threadpool.parameters import FAMILIES, Telemetry
        from fairtrial.systems.threadpool.telemetry.file import write
        from fairtrial.systems.threadpool.telemetry.rows import row

        if arguments.source == "simulated":
            need("numba", "its simulator")
        path, wanted = arguments.output, arguments.model_dump(include={"source", "seed", "cores"})
        if path.exists() and not arguments.force:
            raise UserError(f"{path} is there already", hint="give another name, or --force to write over it")
        if not path.parent.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {path.parent}", hint="make it first")
        made = [row(Telemetry(row=number, **wanted), None) for number in range(arguments.rows)]
        write(path, made)
        counts = [(name, sum(one.family == place for one in made)) for place, name in enumerate(FAMILIES)]
        shares = ", ".join(f"{count} {name}" for name, count in counts if count)
        return f"{path}: {len(made)} rows ({shares}), source {arguments.source}, seed {arguments.seed}"
