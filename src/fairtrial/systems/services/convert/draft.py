"""A study that is being written from a recipe, and what became of each of its keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.systems.services.convert.recipe import ALIASES, Recipe

LONGEST = 40


@dataclass(frozen=True, slots=True)
class Change:
    """What became of some keys of a recipe."""

    what: str
    became: str
    """The word of the study, with its value; '' where it was left out."""
    why: str

    def __str__(self) -> str:
        return f"{self.what} -> {self.became or 'left out'}: {self.why}"


@dataclass(slots=True)
class Draft:
    """The words of a study so far."""

    recipe: Recipe
    target: dict[str, Any] = field(default_factory=dict)
    load: dict[str, Any] = field(default_factory=dict)
    factors: dict[str, list[Any]] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    """Words of the study beside `base` and `factors`."""
    changes: list[Change] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    """Keys of which something was said."""

    def find(self, path: str, default: Any = None) -> Any:
        """Return a value of the recipe, by any spelling of its name."""
        return next((self.recipe.get(spelled) for spelled in self.spelled(path)), default)

    def spelled(self, path: str) -> list[str]:
        """List the spellings of a key that the recipe has."""
        section, _, name = path.rpartition(".")
        names = (name, *(other for other, meant in ALIASES.items() if meant == name))
        return [f"{section}.{each}" for each in names if self.recipe.get(f"{section}.{each}") is not None]

    def say(self, path: str, became: str, why: str) -> None:
        """Note what became of a key, where the recipe has it."""
        for spelled in self.spelled(path):
            self.told.add(spelled)
            self.changes.append(Change(self.quoted(spelled), became, why))

    def quoted(self, path: str) -> str:
        """Write a key with its value; of a mapping only its keys, of a command nothing: they may hold secrets."""
        value = self.recipe.get(path)
        if isinstance(value, Mapping):
            return f"{path} = {{{', '.join(value)}}}"
        if path.endswith(("command", "commands")):
            return path
        text = str(value)
        return f"{path} = {text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}"

    def move(self, path: str, word: str, why: str = "the same") -> None:
        """Take a value over as a parameter of the target."""
        value = self.find(path)
        if value is not None:
            self.target[word] = value
            self.say(path, f"target.{word}", why)
