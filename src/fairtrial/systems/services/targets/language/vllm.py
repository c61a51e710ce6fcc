"""vLLM: OpenAI's routes and its own counters; started where it is installed, or attached to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from fairtrial.systems.services.load.words import Words
from fairtrial.systems.services.targets.language.generation import Generation
from fairtrial.systems.services.targets.language.openai import OpenAITarget
from fairtrial.systems.services.targets.language.prompts import Prompt


class VllmSettings(Words):
    """Settings of a vLLM that is started; what is left out is vLLM's own default."""

    python: str | None = Field(default=None, description="The interpreter of the environment that has vLLM.")
    dtype: str | None = Field(default=None, description="auto, bfloat16, …")
    load_format: str | None = Field(default=None, description="dummy: random weights.")
    max_model_len: int | None = Field(default=None, ge=1, description="Tokens of prompt and answer together.")
    max_num_seqs: int | None = Field(default=None, ge=1, description="Most requests in one batch.")
    enforce_eager: bool | None = Field(default=None, description="No graphs are captured: it starts sooner.")
    enable_prefix_caching: bool | None = Field(default=None, description="Prompts' beginnings are kept.")
    arguments: list[str] | None = Field(default=None, description="Further words of its command line.")
    env: dict[str, str] | None = Field(default=None, description="Added to its environment.")
    port: int | None = Field(default=None, ge=1, le=65535, description="One that is free unless given.")


class Vllm(Generation):
    """A vLLM server."""

    kind: Literal["vllm"]
    server: Literal["embedded", "attach"] = Field(
        default="embedded", description="embedded: start one (as PATH or settings.python have it); attach: to the url."
    )
    settings: VllmSettings = Field(default=VllmSettings(), description="Embedded: how it is started.")
    ignore_eos: bool = Field(default=True, description="Answers have exactly as many tokens as were drawn.")


class VllmTarget(OpenAITarget):
    """As OpenAI's, with answers of exactly the wanted length."""

    kind: ClassVar[str] = "vllm"
    extra: ClassVar[Mapping[str, Any]] = {"ignore_eos": True}

    def request(self, prompt: Prompt, tokens: int) -> dict[str, Any]:
        """Make the body of a request; what ends an answer early is forbidden where its length is fixed."""
        body = super().request(prompt, tokens)
        return {"min_tokens": tokens, **body} if self.parameters.ignore_eos else body
