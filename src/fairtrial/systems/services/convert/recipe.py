"""Recipes of the older benchmark framework: reading one, and which keys it may have."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairtrial.errors import SpecError, nearest

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
    file: str = ""

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


def read(text: str, file: str = "") -> Recipe:
    """Read a recipe. Raises SpecError with file, line and nearest valid name for whatever it does not know."""
    document = _parsed(text, file)
    place = _Place(document, file)
    place.check(document, SECTIONS, "")
    for name, known in SECTIONS.items():
        section = document.get(name) or {}
        if not isinstance(section, Mapping):
            raise place.wrong(name, f"{section!r} is no mapping")
        place.check(section, known, name)
    client, service = _kinds(document, place)
    _check_settings(document, place, client=client, service=service)
    return Recipe(
        service, client, {name: _plain(document.get(name) or {}) for name in SECTIONS if name in document}, file
    )


def _parsed(text: str, file: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        document = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as problem:
        line = problem.problem_mark.line + 1 if problem.problem_mark else None
        raise SpecError(f"not valid YAML: {problem.problem}", file=file, line=line) from problem
    except YAMLError as problem:
        raise SpecError(f"not valid YAML: {' '.join(str(problem).split())}", file=file) from problem
    if not isinstance(document, Mapping):
        raise SpecError("a recipe has the sections service, client and benchmarks", file=file, line=1)
    return document


class _Place:
    """Where things stand in the file, for errors."""

    def __init__(self, document: Any, file: str) -> None:
        self._document, self._file = document, file

    def wrong(self, path: str, message: str, hint: str = "") -> SpecError:
        """Make an error about a path."""
        return SpecError(message, file=self._file, line=self._line(path), path=path, hint=hint)

    def check(self, section: Mapping[str, Any], known: Any, path: str) -> None:
        """Raise SpecError for a key that is not known."""
        for key in section:
            if ALIASES.get(str(key), str(key)) not in known:
                where = f"{path}.{key}" if path else str(key)
                raise self.wrong(
                    where,
                    "unknown key of a recipe",
                    nearest(str(key), {*known, *(other for other, meant in ALIASES.items() if meant in known)}),
                )

    def _line(self, path: str) -> int | None:
        found, line = self._document, None
        for name in path.split("."):
            if not isinstance(found, Mapping) or name not in found:
                break
            line = found.lc.key(name)[0] + 1 if hasattr(found, "lc") else line
            found = found[name]
        return line


def _kinds(document: Mapping[str, Any], place: _Place) -> tuple[str, str]:
    """Return client type and service type; the service may be left out, the client may not."""
    client = (document.get("client") or {}).get("type")
    if client is None:
        raise place.wrong(
            "client", "has no type: what its command sends cannot be told", "client: {type: postgres_stress}"
        )
    if client not in CLIENTS:
        raise place.wrong("client.type", f"unknown client {client!r}", nearest(str(client), CLIENTS))
    service = (document.get("service") or {}).get("type") or CLIENTS[client]
    if service not in SERVICES:
        raise place.wrong("service.type", f"unknown service {service!r}", nearest(str(service), SERVICES))
    if CLIENTS[client] != service:
        raise place.wrong("client.type", f"{client} is a client of {CLIENTS[client]}, not of {service}")
    return str(client), str(service)


def _check_settings(document: Mapping[str, Any], place: _Place, *, client: str, service: str) -> None:
    for name, known in (("service", SERVICE_SETTINGS[service]), ("client", CLIENT_SETTINGS.get(client, frozenset()))):
        settings = (document.get(name) or {}).get("settings") or {}
        if not isinstance(settings, Mapping):
            raise place.wrong(f"{name}.settings", f"{settings!r} is no mapping")
        place.check(settings, known, f"{name}.settings")


def _leaves(value: Mapping[str, Any], before: str = "") -> list[str]:
    found = []
    for name, inner in value.items():
        path = f"{before}{name}"
        deeper = isinstance(inner, Mapping) and not path.endswith((".env", ".environment", ".tuning"))
        found += _leaves(inner, f"{path}.") if deeper else [path]
    return found


def _plain(value: Any) -> Any:
    """Return plain mappings, lists and scalars, without the marks of the file."""
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, bool) or value is None:
        return value
    kinds = (kind for kind in (int, float, str) if isinstance(value, kind))
    return next((kind(value) for kind in kinds), str(value))
