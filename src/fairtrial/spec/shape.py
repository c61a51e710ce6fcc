"""Which dotted paths a pydantic model has: names at each level, through nested models, unions, lists and free parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from fairtrial.errors import nearest

Schema = Mapping[str, Any]


class Shape:
    """The tree of names that a model's input has."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    @cached_property
    def _root(self) -> Schema:
        return self._model.model_json_schema(mode="validation", schema_generator=_Lenient)

    def unknown(self, path: str) -> tuple[str, str] | None:
        """Return None where the path exists; else its first unknown key and a hint with the nearest valid one."""
        here = [self._root]
        for key in path.split("."):
            below = [found for schema in self._plain(here) for found in self._below(schema, key)]
            if not below:
                return key, self._valid(here, key)
            here = below
        return None

    def names(self, path: str, value: Any = None) -> list[str]:
        """List the known names below a path ('' for the top); empty where anything goes.

        Of several forms only those count whose constants (such as `kind`) are those of `value`, the mapping there.
        """
        plain = list(self._plain(self._at(path)))
        fitting = [schema for schema in plain if _fits(schema, value)] or plain
        return sorted({name for schema in fitting for name in schema.get("properties", {})})

    def constants(self, path: str) -> list[str]:
        """List the texts that choose one of several forms at a path."""
        return [str(schema["const"]) for schema in self._plain(self._at(path)) if "const" in schema]

    def description(self, path: str) -> str:
        """Return what the model says about a path, or ''."""
        return next((str(schema["description"]) for schema in self._at(path) if schema.get("description")), "")

    def free(self, path: str) -> bool:
        """Say whether the last key of the path is one that the model does not declare by name."""
        parent, _, key = path.rpartition(".")
        return not any(
            key in schema.get("properties", {}) or "items" in schema for schema in self._plain(self._at(parent))
        )

    def listed(self, path: str) -> bool:
        """Say whether a path holds a list and nothing else (null excepted)."""
        kinds = {schema.get("type") for schema in self._plain(self._at(path))} - {"null"}
        return kinds == {"array"}

    def _at(self, path: str) -> list[Schema]:
        here = [self._root]
        for key in path.split(".") if path else ():
            here = [found for schema in self._plain(here) for found in self._below(schema, key)]
        return here

    def _valid(self, here: list[Schema], key: str) -> str:
        plain = list(self._plain(here))
        names = {name for schema in plain for name in schema.get("properties", {})}
        if not names and any("items" in schema or "prefixItems" in schema for schema in plain):
            return "a list is indexed by numbers from 0"
        return nearest(key, names) if names else "a plain value holds no parts"

    def _plain(self, schemas: list[Schema]) -> Iterator[Schema]:
        """Follow references and unions down to schemas that are neither."""
        for schema in schemas:
            if "$ref" in schema:
                name = str(schema["$ref"]).rpartition("/")[2]
                yield from self._plain([self._root["$defs"][name]])
            elif branches := [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]:
                yield from self._plain(branches)
            else:
                yield schema

    def _below(self, schema: Schema, key: str) -> Iterator[Schema]:
        kind = schema.get("type")
        if kind is None and not {"enum", "const", "properties", "items"} & schema.keys():
            yield {}
        elif kind == "array":
            yield from _item(schema, key)
        elif key in schema.get("properties", {}):
            yield schema["properties"][key]
        elif kind == "object":
            yield from _any_key(schema)


def _fits(schema: Schema, value: Any) -> bool:
    given = value if isinstance(value, Mapping) else {}
    kept = schema.get("properties", {})
    return all(kept[name].get("const", given[name]) == given[name] for name in kept.keys() & given.keys())


def _any_key(schema: Schema) -> Iterator[Schema]:
    """Yield what keys without a name of their own hold: of a mapping, or of a free part."""
    yield from schema.get("patternProperties", {}).values()
    extra = schema.get("additionalProperties", "patternProperties" not in schema)
    if extra is not False:
        yield {} if extra is True else extra


def _item(schema: Schema, key: str) -> Iterator[Schema]:
    if not key.isdigit():
        return
    first = schema.get("prefixItems", ())
    if int(key) < len(first):
        yield first[int(key)]
    elif "items" in schema or not first:
        yield schema.get("items", {})


class _Lenient(GenerateJsonSchema):
    """A type that JSON Schema cannot describe counts as one that holds anything."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}

    def emit_warning(self, kind: Any, detail: str) -> None:
        """Say nothing: a default that is no JSON does not matter here."""
