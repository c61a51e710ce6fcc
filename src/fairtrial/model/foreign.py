"""Documents of other tools: one that was read, with the line of each part, and the study that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fairtrial.errors import SpecError


@dataclass(frozen=True, slots=True)
class Foreign:
    """A document of another tool as JSON: YAML, or JSON.

    A verb's argument of this type is a file: the command line takes its path, and the verb gets what it holds.
    """

    document: Any
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    """Dotted path -> line, from 1."""

    def wrong(self, path: str, message: str, hint: str = "", *, at: str = "") -> SpecError:
        """Make the error about a path, with the line of the nearest part around it, or around `at`."""
        found = at or path
        while found and found not in self.lines:
            found = found.rpartition(".")[0]
        return SpecError(message, file=self.file, line=self.lines.get(found), path=path, hint=hint)


@dataclass(frozen=True, slots=True)
class Converted:
    """A study that was made of a document of another tool; the command line prints it as YAML."""

    document: Mapping[str, Any]
    """The words of the study, in the order in which people write them."""
    notes: tuple[str, ...] = ()
    """Where it comes from, and what was changed and why: a line each, comments of the YAML."""
