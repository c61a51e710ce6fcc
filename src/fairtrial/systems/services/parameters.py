"""The parameters of a trial: a target, the load on it, what a good request is, and what the harness must keep."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from fairtrial.systems.services.load.words import Load, Objective, Validity, Words
from fairtrial.systems.services.targets.known import measures
from fairtrial.systems.services.targets.language.llamacpp import LlamaCpp
from fairtrial.systems.services.targets.language.ollama import Ollama
from fairtrial.systems.services.targets.language.openai import OpenAI
from fairtrial.systems.services.targets.language.vllm import Vllm
from fairtrial.systems.services.targets.null import Null
from fairtrial.systems.services.targets.postgresql.postgres import Postgres
from fairtrial.systems.services.targets.simulated import Simulated
from fairtrial.systems.services.targets.stores.minio import Minio
from fairtrial.systems.services.targets.stores.redis import Redis
from fairtrial.systems.services.targets.vectors.chroma import Chroma
from fairtrial.systems.services.targets.vectors.qdrant import Qdrant
from fairtrial.systems.services.targets.web.http import Http

TargetParameters = (
    Postgres | Chroma | OpenAI | Vllm | LlamaCpp | Ollama | Http | Redis | Qdrant | Minio | Simulated | Null
)

OF_SOME: dict[str, str] = {"ttft_s": "ttft_p50_s", "tpot_s": "tpot_p50_s", "recall": "recall_mean"}
"""Objective -> the metric that a target has where its requests can keep that objective at all."""


class Parameters(Words):
    """What one trial measures."""

    target: Annotated[TargetParameters, Field(discriminator="kind", description="What is measured.")]
    load: Load = Field(default=Load(), description="How requests are issued.")
    objective: Objective = Field(default=Objective(), description="What one request must keep to count as good.")
    validity: Validity = Field(default=Validity(), description="What the harness must keep for its numbers to count.")

    @model_validator(mode="after")
    def _attainable(self) -> Parameters:
        """Refuse an objective that says nothing of this target; the null arm has what the study has."""
        kind = self.target.kind
        for name, metric in OF_SOME.items() if kind != "null" else ():
            if getattr(self.objective, name) is not None and metric not in measures(kind):
                raise ValueError(f"objective.{name}: the target {kind} measures no {metric} (write response_s)")
        return self
