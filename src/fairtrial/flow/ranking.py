"""How the system of a run ranks its conditions itself, where it does."""

from __future__ import annotations

from fairtrial.contract.system import Ranks
from fairtrial.flow.evidence import Evidence
from fairtrial.model.ranking import Ranking


def ranking_of(found: Evidence) -> Ranking | None:
    """Return what the system of a run says of its conditions, asked once; None where it leaves that to us."""
    system = found.system
    if not isinstance(system, Ranks):
        return None
    return found.once("ranking", lambda: system.rank(found.ledger, found.run.number))
