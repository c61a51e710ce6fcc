"""A request of an open loop, from the moment when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Job:
    """A request that is due."""

    seq: int
    due: int
    ready: int
    """When the generator got round to it."""
    op: int
    prepared: Any
    sent: int = 0
    wait: int = 0
    """How long it waited for a connection: in the queue, or for a new one."""
