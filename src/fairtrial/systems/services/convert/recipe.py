"""Recipes of the older benchmark framework: reading one, and which keys it may have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairtrial.errors import nearest
from fairtrial.model.foreign import Foreign

SERVICES = ("postgres", "chroma", "vllm", "ollama", "nginx", "redis", "minio", "qdrant")
SLURM = (
    "partition",
    "num_gpus",
    "time_limit",
    "account",
    "gpus_per_node",
    "cpus_per_task",
    "memory",
    "constraints",
    "exclude_nodes",
    "modules",
    "pre_run_commands",
)
SECTIONS: Mapping[str, frozenset[str]] = {
    "configuration": frozenset({"target"}),
    "service": frozenset(
        {"type", "name", "image", "command", "port", "env", "settings", "volumes", "nodes", "environment", *SLURM}
    ),
    "client": frozenset({"type", "name", "command", "settings", *SLURM}),
    "benchmarks": frozenset({"num_clients", "metrics", "client_delay"}),
}
"""Section -> its keys, those that the framework itself ignored included."""
SERVICE_SETTINGS: Mapping[str, frozenset[str]] = {
    "postgres": frozenset({"db_name", "auth", "data_dir", "tuning"}),
    "chroma": frozenset({"host", "port"}),
    "vllm": frozenset({"model", "tensor_parallel_size"}),
    "ollama": frozenset({"model", "warmup"}),
    "redis": frozenset({"port", "appendonly", "maxmemory", "policy"}),
    "minio": frozenset({"port", "console"}),
    "qdrant": frozenset({"port"}),
    "nginx": frozenset({"port"}),
}
CLIENTS: Mapping[str, str] = {
    "postgres_smoke": "postgres",
    "postgres_stress": "postgres",
    "pgbench": "postgres",
    "chroma_healthcheck": "chroma",
    "chroma_stress": "chroma",
    "vllm_smoke": "vllm",
    "vllm_stress": "vllm",
    "ollama_smoke": "ollama",
    "ollama_stress": "ollama",
    "nginx_healthcheck": "nginx",
    "redis_stress": "redis",
    "minio_stress": "minio",
    "qdrant_stress": "qdrant",
}
"""Client type -> the service that it is for. `pgbench` is not in the framework's registry; its own campaign uses it."""
CLIENT_SETTINGS: Mapping[str, frozenset[str]] = {
    "postgres_stress": frozenset({"num_inserts", "num_selects", "table", "warmup"}),
    "pgbench": frozenset({"scale", "clients", "jobs", "duration", "transactions", "select_only", "warmup"}),
    "chroma_stress": frozenset({"num_vectors", "dim", "num_queries", "top_k", "warmup"}),
    "vllm_stress": frozenset({"num_requests", "max_tokens", "concurrent_requests", "warmup"}),
    "ollama_stress": frozenset({"num_requests", "max_tokens", "warmup"}),
    "redis_stress": frozenset({"num_requests", "value_size", "key_size", "warmup"}),
    "minio_stress": frozenset({"num_objects", "object_size", "warmup"}),
    "qdrant_stress": frozenset({"num_points", "dim", "batch_size", "num_queries", "top_k", "warmup"}),
}
"""Client type -> keys of its settings; smoke tests have none."""
ALIASES = {"warmup_delay": "warmup", "warmup_seconds": "warmup", "dimension": "dim", "requests": "num_requests"}
"""Another spelling of a setting -> the name that stands for both."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe that was read and checked."""

    service: str
    client: str
    sections: Mapping[str, Mapping[str, Any]]

    def get(self, path: str) -> Any:
        """Return a value by its dotted path; None where the recipe does not have it."""
        found: Any = self.sections
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def paths(self) -> list[str]:
        """List the dotted paths of all that it says, in its order; lists and unknown mappings count as one."""
        return list(_leaves(self.sections))

    @property
    def digest(self) -> str:
        """Return the framework's own recipe hash: SHA-256 of the sorted JSON."""
        text = json.dumps(self.sections, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def read(given: Foreign) -> Recipe:
    """Check a recipe. Raises SpecError with file, line and nearest valid name for whatever it does not know."""
    document = given.document
    if not isinstance(document, Mapping):
        raise given.wrong("", "a recipe has the sections service, client and benchmarks")
    _check(given, document, SECTIONS, "")
    for name, known in SECTIONS.items():
        section = document.get(name) or {}
        if not isinstance(section, Mapping):
            raise given.wrong(name, f"{section!r} is no mapping")
        _check(given, section, known, name)
    client, service = _kinds(given)
    _check_settings(given, client=client, service=service)
    return Recipe(service, client, {name: document.get(name) or {} for name in SECTIONS if name in document})


def _check(given: Foreign, section: Mapping[str, Any], known: Iterable[str], path: str) -> None:
    """Raise SpecError for a key that is not known."""
    for key in section:
        if ALIASES.get(key, key) not in known:
            others = {other for other, meant in ALIASES.items() if meant in known}
            where = f"{path}.{key}" if path else key
            raise given.wrong(where, "unknown key of a recipe", nearest(key, {*known, *others}))


def _kinds(given: Foreign) -> tuple[str, str]:
    """Return client type and service type; the service may be left out, the client may not."""
    document = given.document
    client = (document.get("client") or {}).get("type")
    if client is None:
        raise given.wrong(
            "client", "has no type: what its command sends cannot be told", "client: {type: postgres_stress}"
        )
    if client not in CLIENTS:
        raise given.wrong("client.type", f"unknown client {client!r}", nearest(str(client), CLIENTS))
    service = (document.get("service") or {}).get("type") or CLIENTS[client]
    if service not in SERVICES:
        raise given.wrong("service.type", f"unknown service {service!r}", nearest(str(service), SERVICES))
    if CLIENTS[client] != service:
        raise given.wrong("client.type", f"{client} is a client of {CLIENTS[client]}, not of {service}")
    return str(client), str(service)


def _check_settings(given: Foreign, *, client: str, service: str) -> None:
    for name, known in (("service", SERVICE_SETTINGS[service]), ("client", CLIENT_SETTINGS.get(client, frozenset()))):
        settings = (given.document.get(name) or {}).get("settings") or {}
        if not isinstance(settings, Mapping):
            raise given.wrong(f"{name}.settings", f"{settings!r} is no mapping")
        _check(given, settings, known, f"{name}.settings")


def _leaves(value: Mapping[str, Any], before: str = "") -> list[str]:
    found = []
    for name, inner in value.items():
        path = f"{before}{name}"
        deeper = isinstance(inner, Mapping) and not path.endswith((".env", ".environment", ".tuning"))
        found += _leaves(inner, f"{path}.") if deeper else [path]
    return found
