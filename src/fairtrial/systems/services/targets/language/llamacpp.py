"""llama.cpp's server: OpenAI's routes and its own counters; started from its wheel, or attached to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.targets.language.generation import Generation
from fairtrial.systems.services.targets.language.openai import OpenAITarget


class LlamaCppSettings(Words):
    """Settings of a server that is started, by llama.cpp's names; what is left out is the resource's default."""

    n_ctx: int | None = Field(default=None, ge=16, description="Tokens of context for each slot.")
    n_parallel: int | None = Field(default=None, ge=1, description="Slots: requests that are served at a time.")
    threads: int | None = Field(default=None, ge=1, description="For generating; half of the cores unless given.")
    batch_threads: int | None = Field(default=None, ge=1, description="For reading prompts; as many unless given.")
    http_threads: int | None = Field(default=None, ge=2, description="Each open connection holds one.")
    gpu_layers: int | None = Field(default=None, ge=-1, description="Layers that are offloaded to a GPU.")
    cache_prompt: bool | None = Field(default=None, description="Prompts' beginnings are taken from a slot's cache.")
    cache_ram_mib: int | None = Field(default=None, ge=0, description="Memory for the prompts of reused slots.")
    port: int | None = Field(default=None, ge=1, le=65535, description="One that is free unless given.")


class LlamaCpp(Generation):
    """A llama.cpp server; unless told otherwise one is started with SmolLM2-135M."""

    kind: Literal["llamacpp"]
    server: Literal["embedded", "attach"] = Field(
        default="embedded", description="embedded: start one from the xllamacpp wheel; attach: to the url."
    )
    model: str = Field(
        default="smollm2", min_length=1, description="Embedded: the name of weights, or the path of a GGUF file."
    )
    settings: LlamaCppSettings = Field(default=LlamaCppSettings(), description="Embedded: how it is started.")
    ignore_eos: bool = Field(default=True, description="Answers have exactly as many tokens as were drawn.")


class LlamaCppTarget(OpenAITarget):
    """As OpenAI's, with answers of exactly the wanted length."""

    kind: ClassVar[str] = "llamacpp"
    extra: ClassVar[Mapping[str, Any]] = {"ignore_eos": True}
