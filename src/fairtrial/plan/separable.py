"""Whether factors leave each other alone in a pydantic model: then each level is resolved once, not once per condition.

The rule: a place of the model that can mix its parts (a validator, a union, a computed field …) may have at most one
factor beneath it. What is not understood is taken to mix.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fairtrial.model.study import is_absent

Schema = Mapping[str, Any]
Beneath = Sequence[tuple[int, tuple[str, ...]]]
"""(factor, the keys that are left of its path)"""

_LEAVES = {
    "any",
    "int",
    "float",
    "str",
    "bool",
    "none",
    "literal",
    "enum",
    "decimal",
    "date",
    "datetime",
    "url",
    "uuid",
}
_FIELDS = {"model-fields", "typed-dict", "dataclass-args"}


def separable(parameters: type[Any], factors: Sequence[Sequence[str]]) -> bool:
    """Say whether each of the factors (given by their paths) changes only its own paths, whatever the others do."""
    from pydantic import BaseModel

    schema = getattr(parameters, "__pydantic_core_schema__", None)
    if not isinstance(schema, Mapping) or getattr(parameters, "model_dump", None) is not BaseModel.model_dump:
        return False
    beneath = [(j, tuple(path.split("."))) for j, paths in enumerate(factors) for path in paths]
    return _Model().keeps_apart(schema, beneath)


class _Model:
    """A walk down a core schema."""

    def __init__(self) -> None:
        self._definitions: dict[str, Schema] = {}
        self._looked: set[str] = set()

    def keeps_apart(self, schema: Schema, beneath: Beneath) -> bool:
        """Say whether the factors beneath a place stay apart there and further down."""
        if len({factor for factor, _ in beneath}) <= 1:
            return True
        if "serialization" in schema or (any(not keys for _, keys in beneath) and schema["type"] not in _LEAVES):
            return False
        visit = self._visits().get(schema["type"])
        return schema["type"] in _LEAVES if visit is None else visit(schema, beneath)

    def _visits(self) -> Mapping[str, Callable[[Schema, Beneath], bool]]:
        return {
            "definitions": self._define,
            "definition-ref": lambda schema, beneath: self.keeps_apart(
                self._definitions[schema["schema_ref"]], beneath
            ),
            "model": self._model,
            "dataclass": self._model,
            "model-fields": self._fields,
            "typed-dict": self._fields,
            "dataclass-args": self._fields,
            "default": self._inner,
            "nullable": self._inner,
            "list": lambda schema, beneath: self._each(lambda key: schema.get("items_schema"), beneath),
            "dict": self._dict,
        }

    def _define(self, schema: Schema, beneath: Beneath) -> bool:
        self._definitions.update({item["ref"]: item for item in schema["definitions"]})
        return self._inner(schema, beneath)

    def _inner(self, schema: Schema, beneath: Beneath) -> bool:
        return self.keeps_apart(schema["schema"], beneath)

    def _model(self, schema: Schema, beneath: Beneath) -> bool:
        if schema.get("custom_init") or schema.get("post_init") or schema.get("root_model"):
            return False
        return self._inner(schema, beneath)

    def _fields(self, schema: Schema, beneath: Beneath) -> bool:
        given = schema["fields"]
        fields = given if isinstance(given, Mapping) else {field["name"]: field for field in given}
        if schema.get("computed_fields") or any(self._looks_around(field) for field in fields.values()):
            return False
        return self._each(lambda key: _place(fields[key]) if key in fields else None, beneath)

    def _dict(self, schema: Schema, beneath: Beneath) -> bool:
        keys = schema.get("keys_schema", {"type": "any"})
        if keys["type"] not in ("any", "str"):
            return False
        return self._each(lambda key: schema.get("values_schema", {"type": "any"}), beneath)

    def _each(self, place: Callable[[str], Schema | None], beneath: Beneath) -> bool:
        """Go down key by key; a key without a place of its own is not understood."""
        for key in {keys[0] for _, keys in beneath}:
            schema = place(key)
            if schema is None or not self.keeps_apart(schema, [(j, keys[1:]) for j, keys in beneath if keys[0] == key]):
                return False
        return True

    def _looks_around(self, schema: Any) -> bool:
        """Say whether a field's value can depend on its neighbours: its validators or serializers see them."""
        if isinstance(schema, list | tuple):
            return any(self._looks_around(item) for item in schema)
        if not isinstance(schema, Mapping) or schema.get("type") in _FIELDS:
            return False
        function = schema.get("function")
        sees_data = isinstance(function, Mapping) and function.get("type") == "with-info"
        if sees_data or schema.get("default_factory_takes_data") or schema.get("is_field_serializer"):
            return True
        if schema.get("type") == "definition-ref":
            return self._target_looks_around(schema["schema_ref"])
        return any(
            self._looks_around(schema[key]) for key in schema if key not in ("metadata", "cls", "config", "default")
        )

    def _target_looks_around(self, ref: str) -> bool:
        target = self._definitions.get(ref, {})
        if ref in self._looked or target.get("type") in ("model", "dataclass"):
            return False
        self._looked.add(ref)
        return self._looks_around(target)


def _place(field: Schema) -> Schema | None:
    """Return what is beneath a field; None where its value may leave it out of the dump, whatever it holds."""
    leaves_out = field.get("serialization_exclude_if")
    schema: Schema = field["schema"]
    return schema if leaves_out is None or leaves_out is is_absent else None
