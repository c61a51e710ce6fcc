"""The verbs of the services system: `fairtrial services convert`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from fairtrial.model.foreign import Converted, Foreign


class ConvertArguments(BaseModel):
    """What `convert` takes."""

    model_config = ConfigDict(extra="forbid")
    file: Foreign = Field(description="A recipe of the older benchmark framework.")
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

    def run(self, arguments: ConvertArguments, ledger: Any) -> Converted:
        """Return the study. Raises SpecError for what is no recipe."""
        from fairtrial.systems.services.convert.study import convert

        return convert(arguments.file, clients=arguments.levels)
