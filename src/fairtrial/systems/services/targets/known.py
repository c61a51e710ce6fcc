"""Kind of target -> its parameters and its adapter; an adapter is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from fairtrial.errors import UnknownName
from fairtrial.systems.services.target import Target

KINDS: Mapping[str, str] = {
    "postgres": "postgres:Postgres",
    "chroma": "chroma:Chroma",
    "openai": "openai:OpenAI",
    "vllm": "vllm:Vllm",
    "llamacpp": "llamacpp:LlamaCpp",
    "ollama": "ollama:Ollama",
    "http": "http:Http",
    "redis": "redis:Redis",
    "qdrant": "qdrant:Qdrant",
    "minio": "minio:Minio",
    "simulated": "simulated:Simulated",
    "null": "null:Null",
}
"""Kind -> its file and the class of its parameters; the adapter's class is called the same, with `Target` behind."""


def adapter(parameters: Any) -> Target:
    """Make the adapter of a target's parameters (a model, or its JSON). Raises UnknownName, pydantic's errors."""
    kind = parameters["kind"] if isinstance(parameters, Mapping) else parameters.kind
    module, name = _place(kind)
    if isinstance(parameters, Mapping):
        parameters = getattr(module, name).model_validate(parameters)
    return cast(Target, getattr(module, f"{name}Target")(parameters))


def _place(kind: str) -> tuple[Any, str]:
    if kind not in KINDS:
        raise UnknownName("target", kind, KINDS)
    file, _, name = KINDS[kind].partition(":")
    return import_module(f"fairtrial.systems.services.targets.{file}"), name


def measures(kind: str) -> frozenset[str]:
    """Return the metrics that a kind of target has beyond the common ones. Raises UnknownName."""
    module, name = _place(kind)
    return frozenset(getattr(module, f"{name}Target").measures)
