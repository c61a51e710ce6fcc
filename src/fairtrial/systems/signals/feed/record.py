"""What a reader of foreign files gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fairtrial.systems.signals.record import Events


@dataclass(frozen=True, slots=True)
class Fed:
    """A feed, read whole."""

    events: Events
    messages: int
    """How many messages were read, those included that change no book."""
    odd: Mapping[str, int]
    """Kind of a message that was left out or repaired -> how many there were."""
    gaps: int
    """Places where messages are missing."""
    first_ns: int
    """Time of the first message that is no snapshot's."""
    symbol: str | None = None
    orders: Mapping[str, int] = field(default_factory=dict)
    """An order's name in the feed -> its number in `events`; empty where the feed numbers them itself."""
