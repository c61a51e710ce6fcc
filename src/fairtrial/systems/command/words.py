"""What a study says of a command: a list, a string, or a mapping with `command`, `shell`, `env`, `live`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairtrial.errors import UnknownName, UserError, nearest
from fairtrial.model.path import flatten, get
from fairtrial.model.secret import is_reference, references
from fairtrial.systems.command.template import Template, parse

RESERVED = ("config", "seed", "out")
"""Placeholders that are no parameters, beside `inputs.NAME`."""
_WORDS = ("command", "shell", "env", "live")


@dataclass(frozen=True, slots=True)
class Words:
    """A command as declared, its templates parsed."""

    argv: tuple[Template, ...]
    """One template, the whole line, where a shell reads it."""
    shell: bool
    env: Mapping[str, Template]
    secrets: Mapping[str, Mapping[str, Any]]
    """Environment variables that are secrets: name -> reference."""
    live: bool

    @property
    def placeholders(self) -> list[str]:
        """Every placeholder of the command line and the environment."""
        return [name for template in (*self.argv, *self.env.values()) for name in template.names]

    @property
    def parameters(self) -> list[str]:
        """The placeholders that are parameters."""
        return [name for name in self.placeholders if name not in RESERVED and not name.startswith("inputs.")]


def read(value: Any) -> Words:
    """Read what stands after `command:`. Raises UserError, UnknownName."""
    words = dict(value) if isinstance(value, Mapping) else {"command": value}
    for word in sorted(words.keys() - set(_WORDS)):
        raise UnknownName("word beside command", word, _WORDS)
    env, shell = words.get("env") or {}, bool(words.get("shell"))
    if not isinstance(env, Mapping):
        raise UserError("command: env is a mapping", hint="env: {NAME: value}")
    return Words(
        argv=tuple(parse(text) for text in _argv(words.get("command"), shell=shell)),
        shell=shell,
        env={name: parse(str(text)) for name, text in env.items() if not is_reference(text)},
        secrets={name: text for name, text in env.items() if is_reference(text)},
        live=bool(words.get("live")),
    )


def _argv(command: Any, *, shell: bool) -> list[str]:
    if shell:
        if not isinstance(command, str) or not command.strip():
            raise UserError("command: with shell: true the command is one string", hint="or leave shell out")
        return [command]
    try:
        argv = shlex.split(command) if isinstance(command, str) else command
    except ValueError as problem:
        raise UserError(f"command: {command!r} cannot be split into words: {problem}") from problem
    if not isinstance(argv, list | tuple) or not argv or not argv[0]:
        raise UserError("command: nothing to run", hint="write a list such as [./train.sh, '--lr={lr}']")
    for word in argv:
        if isinstance(word, Mapping | list | tuple) or word is None:
            raise UserError(f"command: {word!r} is no word of a command line", hint="quote it if it is text")
    return [str(word) for word in argv]


def check(words: Words, base: Mapping[str, Any] | None, factors: Iterable[str] | None) -> None:
    """Hold the placeholders against the study's parameters; either may be unknown (None).

    Raises UserError for a placeholder that nothing gives a value, a factor that reaches the command nowhere, a name
    that could be two things, and a secret on the command line.
    """
    if base is None or factors is None:
        return
    paths, factors = set(_paths(base)), list(factors)
    for name in words.parameters:
        if name not in paths and not any(_reach(name, factor) for factor in factors):
            raise UnknownName("placeholder", f"{{{name}}}", (f"{{{path}}}" for path in {*paths, *factors, *RESERVED}))
    for name in RESERVED:
        if name in words.placeholders and (name in paths or any(_reach(name, factor) for factor in factors)):
            raise UserError(
                f"command: {{{name}}} would be both the parameter {name!r} and the trial's own", hint="rename it"
            )
    _no_inert(words, factors)
    _no_secrets(words, base)


def _no_inert(words: Words, factors: list[str]) -> None:
    if "config" in words.placeholders:
        return
    for path in factors:
        if not any(_reach(name, path) for name in words.parameters):
            raise UserError(
                f"factor {path!r} changes nothing: the command has no {{{path}}} and no {{config}}",
                hint=nearest(path, words.parameters),
            )


def _no_secrets(words: Words, base: Mapping[str, Any]) -> None:
    for name in (name for template in words.argv for name in template.names):
        for secret in references(get(base, name)):
            raise UserError(
                f"command: {{{name}}} is {secret!r} and would show in the process list",
                hint=f"pass it on as env: {{NAME: '{{{name}}}'}}",
            )


def _paths(base: Mapping[str, Any]) -> Iterator[str]:
    """Every path of the base, those of inner mappings included."""
    for leaf, _ in flatten(base):
        keys = leaf.split(".")
        yield from (".".join(keys[:depth]) for depth in range(1, len(keys) + 1) if leaf)


def _reach(placeholder: str, path: str) -> bool:
    """Say whether the value at `path` has a part in what the placeholder shows."""
    return placeholder == path or placeholder.startswith(f"{path}.") or path.startswith(f"{placeholder}.")
