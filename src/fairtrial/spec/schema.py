"""JSON Schema of study files, for editors (draft 2020-12)."""

from __future__ import annotations

from typing import Any

from fairtrial.contract.registry import Registry
from fairtrial.spec.words import StudyWords

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(registry: Registry) -> dict[str, Any]:
    """Return the JSON Schema of study files, with the names of the systems, engines and strategies that exist here."""
    made = StudyWords.model_json_schema(mode="validation")
    definitions = made["$defs"]
    _name(made["properties"]["design"], registry.names("strategy"))
    _name(definitions["DesignWords"]["properties"]["kind"], registry.names("strategy"))
    _name(definitions["ParallelWords"]["properties"]["engine"], registry.names("engine"))
    made["properties"]["system"]["anyOf"] = [
        {"type": "string", "enum": registry.names("system")},
        *(_shorthand(name) for name in registry.names("shorthand")),
    ]
    return {"$schema": DIALECT, **made}


def _name(schema: dict[str, Any], names: list[str]) -> None:
    """Say which names a text may be."""
    text = next((branch for branch in schema.get("anyOf", ()) if branch.get("type") == "string"), schema)
    text["enum"] = names


def _shorthand(name: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"description": f"What {name} stands for; its options stand beside it."}},
        "required": [name],
    }
