"""Kind of target -> its parameters and its adapter; a file is imported when its kind is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any, cast

from fairtrial.errors import UnknownName
from fairtrial.systems.services.target import Target

KINDS: Mapping[str, str] = {
    "postgres": "Postgres",
    "chroma": "Chroma",
    "openai": "OpenAI",
    "vllm": "Vllm",
    "llamacpp": "LlamaCpp",
    "ollama": "Ollama",
    "http": "Http",
    "redis": "Redis",
    "qdrant": "Qdrant",
    "minio": "Minio",
    "simulated": "Simulated",
    "null": "Null",
}
"""Kind -> the class of its parameters; the adapter's class is called the same, with `Target` behind."""


def adapter(parameters: Any) -> Target:
    """Make the adapter of a target's parameters (a model, or its JSON). Raises UnknownName, pydantic's errors."""
    kind = parameters["kind"] if isinstance(parameters, Mapping) else parameters.kind
    module, name = _place(kind)
    if isinstance(parameters, Mapping):
        parameters = getattr(module, name).model_validate(parameters)
    return cast("Target", getattr(module, f"{name}Target")(parameters))


def measures(kind: str) -> frozenset[str]:
    """Return the metrics that a kind of target has beyond the common ones. Raises UnknownName."""
    module, name = _place(kind)
    return frozenset(getattr(module, f"{name}Target").measures)


def _place(kind: str) -> tuple[ModuleType, str]:
    if kind not in KINDS:
        raise UnknownName("target", kind, KINDS)
    return _storing(kind) or _speaking(kind) or _plain(kind), KINDS[kind]


def _storing(kind: str) -> ModuleType | None:
    match kind:
        case "postgres":
            from fairtrial.systems.services.targets.postgresql import postgres

            return postgres
        case "chroma":
            from fairtrial.systems.services.targets.vectors import chroma

            return chroma
        case "qdrant":
            from fairtrial.systems.services.targets.vectors import qdrant

            return qdrant
        case "redis":
            from fairtrial.systems.services.targets.stores import redis

            return redis
        case "minio":
            from fairtrial.systems.services.targets.stores import minio

            return minio
    return None


def _speaking(kind: str) -> ModuleType | None:
    match kind:
        case "openai":
            from fairtrial.systems.services.targets.language import openai

            return openai
        case "vllm":
            from fairtrial.systems.services.targets.language import vllm

            return vllm
        case "llamacpp":
            from fairtrial.systems.services.targets.language import llamacpp

            return llamacpp
        case "ollama":
            from fairtrial.systems.services.targets.language import ollama

            return ollama
    return None


def _plain(kind: str) -> ModuleType:
    match kind:
        case "http":
            from fairtrial.systems.services.targets.web import http

            return http
        case "simulated":
            from fairtrial.systems.services.targets import simulated

            return simulated
        case _:
            from fairtrial.systems.services.targets import null

            return null
