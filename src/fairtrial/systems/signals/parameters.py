"""The parameters of a trial: a signal with its settings, on data, under an evaluation."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from fairtrial.systems.signals.words import Data, Evaluation, Words


class Choice(Words):
    """Which signal, and its settings."""

    name: str = Field(default="perm_derivative", description="`fairtrial signals list` shows them.")
    parameters: dict[str, Any] = Field(
        default_factory=dict, description="Settings of that signal; what is left out is as it says itself."
    )

    @model_validator(mode="after")
    def _known(self) -> Choice:
        """Check the settings against the signal's own model, and write them out in full."""
        from fairtrial.systems.signals.catalogue import settings, signal

        full = settings(signal(self.name), self.parameters)
        object.__setattr__(self, "parameters", full.model_dump(mode="json"))
        return self


class Parameters(Words):
    """What one trial does."""

    signal: Choice = Field(default_factory=Choice)
    data: Data
    evaluation: Evaluation = Evaluation()
    trades: bool = Field(default=True, description="Keep every trade: the raw table `trades`.")
