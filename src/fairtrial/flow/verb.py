"""Verbs that systems bring: `fairtrial SYSTEM VERB`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairtrial.contract.registry import Registry
from fairtrial.contract.verb import Verb
from fairtrial.errors import UnknownName, UserError
from fairtrial.flow.book import glancing
from fairtrial.model.foreign import Converted, Foreign


def brought(registry: Registry) -> dict[str, list[str]]:
    """Return system -> the names of its verbs; nothing is imported for that."""
    found: dict[str, list[str]] = {}
    for entry in registry.names("verb"):
        system, dot, verb = entry.partition(".")
        if dot and verb:
            found.setdefault(system, []).append(verb)
    return found


def verb(system: str, name: str, registry: Registry) -> Verb:
    """Load a verb. Raises UnknownName with the nearest verb of that system, MissingPart."""
    known = brought(registry).get(system, [])
    if name not in known:
        raise UnknownName(f"verb of {system}", name, known)
    loaded = registry.load("verb", f"{system}.{name}")
    made = loaded() if isinstance(loaded, type) else loaded
    if not isinstance(made, Verb):
        raise UserError(f"{system}.{name} is no verb", hint="it needs name, help, Arguments and run")
    return made


def perform(made: Verb, given: Mapping[str, Any], *, home: Path | None = None) -> Any:
    """Run a verb with the arguments that were given, beside the book if there is one; return what it says.

    Raises UserError for an argument that it does not take, SpecError for a file that cannot be read, and what the verb
    raises.
    """
    arguments = _checked(made, {**given, **_foreign(made, given)})
    with glancing(home) as book:
        return made.run(arguments, None if book is None else book.ledger)


def as_yaml(study: Converted) -> str:
    """Write a study that a verb made as YAML, its notes as comments before it."""
    from fairtrial.spec.write import written

    return written(study)


def _foreign(made: Verb, given: Mapping[str, Any]) -> dict[str, Foreign]:
    """Read the files that a verb takes as documents."""
    from fairtrial.spec.source import load

    found = {}
    for name, field in made.Arguments.model_fields.items():
        if field.annotation is Foreign and isinstance(given.get(name), str | Path):
            document, places = load(Path(given[name]), str(given[name]), "")
            lines = {path: place.line for path, place in places.items() if place.line is not None}
            found[name] = Foreign(document, str(given[name]), lines)
    return found


def _checked(made: Verb, given: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError

    try:
        return made.Arguments.model_validate(dict(given))
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        message = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(": ".join(filter(None, (name.replace("_", "-"), message)))) from None
