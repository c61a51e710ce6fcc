"""Verbs that systems bring, as commands: arguments and options come from their pydantic models."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from inspect import Parameter, Signature
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer

from fairtrial.cli.console import envelope, plain, say
from fairtrial.cli.declare import AsJson
from fairtrial.contract.registry import Registry
from fairtrial.contract.verb import Verb
from fairtrial.flow.verb import as_yaml, brought, perform, verb
from fairtrial.model.figure import Section
from fairtrial.model.foreign import Converted

PLAIN = (str, int, float, bool, Path)


def systems() -> dict[str, list[str]]:
    """Return system -> its verbs, without importing any."""
    return brought(Registry())


def group(system: str, asked: str | None) -> typer.Typer:
    """Make the commands of a system: the verb that is asked for, or all of them to choose from.

    Raises UnknownName with the nearest verb, MissingPart where it cannot be imported.
    """
    registry = Registry()
    app = typer.Typer(name=system, help=f"Verbs of the system {system}.", add_completion=False, rich_markup_mode=None)
    for name in [asked] if asked else systems()[system]:
        made = verb(system, name, registry)
        app.command(name, help=made.help, short_help=made.help)(_command(system, name, made))
    app.callback(invoke_without_command=True)(_overview)
    return app


def _overview(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _command(system: str, name: str, made: Verb) -> Callable[..., None]:
    """Return a function whose signature is the model: required fields are arguments, the others options."""

    def call(as_json: bool, **words: Any) -> None:
        given = {name: word for name, word in words.items() if word is not None}
        said = perform(made, given)
        if as_json:
            envelope(f"{system}.{name}", said)
        else:
            show(said)

    parameters = [_parameter(field, of) for field, of in made.Arguments.model_fields.items()]
    parameters.append(Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson))
    call.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {one.name: one.annotation for one in parameters}
    return call


def _parameter(name: str, field: Any) -> Parameter:
    kind, said = _typed(field.annotation), field.description or ""
    if field.is_required() and kind is not bool:
        argument = typer.Argument(metavar=name.upper().replace("_", "-"), help=said)
        return Parameter(name, Parameter.KEYWORD_ONLY, annotation=Annotated[kind, argument])
    told = " ".join(filter(None, (said, _default(field))))
    option = typer.Option(*_flags(name, kind, field), help=told, show_default=False)
    default = Parameter.empty if field.is_required() else None
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind | None, option])


def _flags(name: str, kind: Any, field: Any) -> Sequence[str]:
    flag = f"--{name.replace('_', '-')}"
    off = kind is bool and (field.is_required() or field.get_default() is not False)
    return (f"{flag}/--no-{flag[2:]}",) if off else (flag,)


def _default(field: Any) -> str:
    """Say what holds where nothing is given; nothing where that says nothing."""
    default = None if field.is_required() else field.get_default(call_default_factory=False)
    return "" if default in (None, False, "", [], ()) else f"[default: {default}]"


def _typed(annotation: Any) -> Any:
    """Return the type of a field as the command line knows it; what it does not know it hands on as text."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _typed(inner[0])
    if origin in (Union, UnionType):
        kinds = [kind for kind in inner if kind is not type(None)]
        return _typed(kinds[0]) if len(kinds) == 1 else str
    if origin is list:
        return list[_typed(inner[0])]  # type: ignore[misc]
    if origin is Literal and all(isinstance(choice, str) for choice in inner):
        return annotation
    return annotation if annotation in PLAIN else str


def show(said: Any) -> None:
    """Print what a verb says: text as it is, a Section as a report shows it, a study as YAML, anything else as JSON."""
    from fairtrial.cli import tables

    if isinstance(said, str):
        say(said.removesuffix("\n"))
    elif isinstance(said, Converted):
        say(as_yaml(said).removesuffix("\n"))
    elif isinstance(said, Section):
        tables.section(said)
    elif isinstance(said, Sequence) and said and all(isinstance(one, Section) for one in said):
        for one in said:
            tables.section(one)
    elif said is not None:
        say(json.dumps(plain(said), ensure_ascii=False, indent=2))
