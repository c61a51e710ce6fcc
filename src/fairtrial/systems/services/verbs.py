"""The verbs of the services system: `fairtrial services convert`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fairtrial.errors import UserError


class ConvertArguments(BaseModel):
    """What `convert` takes."""

    model_config = ConfigDict(extra="forbid")
    file: Path = Field(description="A recipe of the older benchmark framework.")
    clients: str = Field(default="", description="Levels to sweep, such as 1,2,4; else the recipe's one number.")

    @field_validator("clients")
    @classmethod
    def _levels(cls, text: str) -> str:
        if any(not part.strip().isdigit() or int(part) < 1 for part in filter(None, text.split(","))):
            raise ValueError(f"{text!r} is no list of numbers of clients: --clients 1,2,4")
        return text

    @property
    def levels(self) -> tuple[int, ...]:
        """The numbers of clients."""
        return tuple(int(part) for part in self.clients.split(",") if part.strip())


class Convert:
    """Prints the study that a recipe becomes, and what was changed."""

    name = "convert"
    help = "Print a recipe of the older benchmark framework as a study, with what was changed and why."
    Arguments = ConvertArguments

    def run(self, arguments: ConvertArguments, ledger: Any) -> str:
        """Return the study as YAML. Raises UserError for what cannot be read, SpecError for what is no recipe."""
        from fairtrial.systems.services.convert.study import convert

        try:
            text = arguments.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            reason = getattr(problem, "strerror", None) or "it is no text"
            raise UserError(f"cannot read {arguments.file}: {reason}") from problem
        return convert(text, file=str(arguments.file), clients=arguments.levels)
