"""A study that was read and checked, with its system: what every verb works on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairtrial.contract.system import System
from fairtrial.model.study import Study


@dataclass(frozen=True, slots=True)
class Declared:
    """A study that was read and checked, with its system and the digest of what the system says it is."""

    study: Study
    system: System
    identity: Mapping[str, Any]
    identity_digest: bytes
    live: bool
