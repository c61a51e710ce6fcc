"""The verb `fairtrial signals convert`: a configuration of the older harness as a study."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.model.foreign import Converted, Foreign


class ConvertArguments(BaseModel):
    """What `convert` takes."""

    model_config = ConfigDict(extra="forbid")
    file: Foreign = Field(description="A configuration of the older harness.")
    protocol: Literal["original", "honest"] = Field(
        default="original", description="The older harness's rules, as the file meant, or those of this system."
    )
    lake: str = Field(default="lake", min_length=1, description="Folder that holds data sets.")


class Convert:
    """Prints the study that a configuration becomes, and what was changed."""

    name = "convert"
    help = "Print a configuration of the older harness as a study, with what was changed and why."
    Arguments = ConvertArguments

    def run(self, arguments: ConvertArguments, ledger: Any) -> Converted:
        """Return the study. Raises SpecError for what is no configuration, or means nothing."""
        from fairtrial.systems.signals.convert.study import convert

        return convert(arguments.file, protocol=arguments.protocol, lake=arguments.lake)
