"""The parameters of a trial: a target, the load on it, what a good request is, and what the harness must keep."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from fairtrial.systems.services.load.words import Load, Objective, Validity, Words
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


class Parameters(Words):
    """What one trial measures."""

    target: Annotated[TargetParameters, Field(discriminator="kind", description="What is measured.")]
    load: Load = Field(default=Load(), description="How requests are issued.")
    objective: Objective = Field(default=Objective(), description="What one request must keep to count as good.")
    validity: Validity = Field(default=Validity(), description="What the harness must keep for its numbers to count.")
