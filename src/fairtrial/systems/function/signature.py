"""From a function's signature to its parameters: typed keyword arguments become a pydantic model."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import NoneType, SimpleNamespace, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from fairtrial.errors import UserError

_PLAIN = {int, float, str, bool, list, dict, NoneType, Any}
_NO_CONTEXT = (str, int, float, bool, list, dict, "str", "int", "float", "bool", "list", "dict")


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes."""

    Parameters: type[BaseModel]
    gives: tuple[str, ...]
    """Which of 'seed' and 'context' it is given beside its parameters."""
    floats: tuple[str, ...]
    """Parameters annotated as float (or float | None)."""
    plain: bool
    """JSON values can be passed as they are."""


def read(function: Callable[..., Any], label: str = "") -> Signature:
    """Read a function's signature. Raises UserError for what no study could give a value to."""
    label = label or getattr(function, "__qualname__", repr(function))
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise UserError(f"{label} is a generator", hint="return a dict of metrics; log steps with context.log")
    hints = _hints(function, label)
    taken = {argument.name: argument for argument in _arguments(function, label)}
    gives = tuple(name for name in taken if _is_given(name, hints.get(name, Any)))
    fields = {name: _field(taken[name], hints.get(name, Any), label) for name in taken if name not in gives}
    kinds = {name: annotation for name, (annotation, _) in fields.items()}
    return Signature(
        Parameters=_model(function, fields, label),
        gives=gives,
        floats=tuple(name for name, kind in kinds.items() if _bare(kind) - {NoneType} == {float}),
        plain=all(_is_plain(kind) for kind in kinds.values()),
    )


def arguments(parameters: BaseModel) -> dict[str, Any]:
    """Return a validated instance as keyword arguments."""
    return {name: getattr(parameters, name) for name in type(parameters).model_fields}


def _hints(function: Callable[..., Any], label: str) -> dict[str, Any]:
    written = _written(function)
    asked = {name: kind for name, kind in getattr(written, "__annotations__", {}).items() if name != "return"}
    if asked.pop("context", None) in _NO_CONTEXT:
        raise UserError(f"{label}: 'context' is given the trial's context", hint="rename the argument")
    holder = SimpleNamespace(__annotations__=asked, __globals__=getattr(written, "__globals__", {}))
    try:
        return get_type_hints(holder, include_extras=True)
    except (NameError, TypeError, AttributeError) as problem:
        raise UserError(f"an annotation of {label} cannot be read: {problem}") from problem


def _written(function: Callable[..., Any]) -> Any:
    """The function that carries the annotations: behind decorators, partials and callable objects."""
    if isinstance(function, partial):
        return _written(function.func)
    return inspect.unwrap(function if inspect.isroutine(function) else type(function).__call__)


def _arguments(function: Callable[..., Any], label: str) -> Iterator[inspect.Parameter]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError) as problem:
        raise UserError(f"{label} has no signature that can be read", hint="wrap it in a function") from problem
    for argument in signature.parameters.values():
        if argument.kind is argument.POSITIONAL_ONLY:
            raise UserError(f"{label}: argument {argument.name!r} is positional-only", hint="parameters go by name")
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            stars = "*" if argument.kind is argument.VAR_POSITIONAL else "**"
            raise UserError(f"{label}: {stars}{argument.name} names no parameter", hint="list the parameters by name")
        yield argument


def _is_given(name: str, annotation: Any) -> bool:
    return name == "context" or (name == "seed" and _bare(annotation) <= {int, NoneType, Any})


def _field(argument: inspect.Parameter, annotation: Any, label: str) -> tuple[Any, Any]:
    if argument.name.startswith(("_", "model_")) and (argument.name[0] == "_" or hasattr(BaseModel, argument.name)):
        raise UserError(f"{label}: {argument.name!r} cannot be a parameter's name", hint="rename the argument")
    if argument.default is argument.empty:
        return annotation, ...
    try:
        to_jsonable_python(argument.default)
    except PydanticSerializationError as problem:
        raise UserError(f"{label}: the default of {argument.name!r} is not JSON: {argument.default!r}") from problem
    if argument.default is None and _is_class(annotation):
        return annotation | None, None
    return annotation, argument.default


def _model(function: Callable[..., Any], fields: Mapping[str, Any], label: str) -> type[BaseModel]:
    config = ConfigDict(extra="forbid", validate_default=True, protected_namespaces=(), frozen=True)
    name = getattr(function, "__name__", type(function).__name__)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*shadows an attribute", category=UserWarning)
        try:
            return create_model(name, __config__=config, __module__=function.__module__, **fields)
        except (PydanticUserError, TypeError) as problem:
            reason = str(problem).splitlines()[0]
            raise UserError(f"{label}: an annotation is no parameter's type: {reason}") from problem


def _is_class(annotation: Any) -> bool:
    return isinstance(annotation, type) or get_origin(annotation) in (list, dict, tuple, set)


def _bare(annotation: Any) -> set[Any]:
    """The alternatives of an annotation, without metadata."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return {kind for part in get_args(annotation) for kind in _bare(part)}
    return {annotation}


def _is_plain(annotation: Any) -> bool:
    return all(_is_plain_kind(kind) for kind in _bare(annotation))


def _is_plain_kind(kind: Any) -> bool:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return all(type(value) in _PLAIN for value in inner)
    if origin is list:
        return _is_plain(inner[0])
    if origin is dict:
        return inner[0] is str and _is_plain(inner[1])
    return kind in _PLAIN
