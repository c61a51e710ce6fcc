"""In which order two studies take turns: round after round, the two sides of a condition together, balanced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairtrial.errors import UserError
from fairtrial.model.trial import Trial

if TYPE_CHECKING:
    from fairtrial.flow.session import Session

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A plan as a pairing sees it: every trial by its condition and replicate, and those still to be run."""

    study: str
    trials: Mapping[Key, Trial]
    left: frozenset[bytes]


def keyed(session: Session) -> Keyed:
    """Look through a session's plan."""
    plan = session.plan
    trials = (
        plan.trial(place) for block in plan.blocks() for place in range(block.start, block.start + len(block.digests))
    )
    positions = session.left.positions or ()
    left = frozenset(plan.trial(place).digest for place in positions)
    return Keyed(session.declared.study.name, {_key(trial): trial for trial in trials}, left)


def _key(trial: Trial) -> Key:
    condition = trial.condition
    return (
        condition.variant,
        *(f"{path}={value!r}" for path, value in sorted(condition.assignment.items())),
        str(trial.replicate),
    )


def schedule(first: Keyed, second: Keyed, *, seed: int) -> list[tuple[int, Trial]]:
    """Return (side, trial) in the order in which they run: round after round, the two sides of a condition together.

    Which side goes first is drawn for every two rounds of a condition and turned in the second of them (ABBA), so
    that each side is first as often, and a drift within two rounds cancels. A round's conditions are in the order of
    the first plan. Raises UserError where one study has a condition that the other lacks.
    """
    _refuse_unpaired(first, second)
    places = sorted(first.trials.items(), key=lambda item: (item[1].replicate, item[1].position))
    order: list[tuple[int, Trial]] = []
    for key, trial in places:
        pair = [(0, trial), (1, second.trials[key])]
        turned = leads(key[:-1], trial.replicate, seed=seed)
        order += [item for item in (pair[::-1] if turned else pair) if item[1].digest in (first, second)[item[0]].left]
    return order


def leads(condition: Key, replicate: int, *, seed: int) -> int:
    """Return which side is measured first in a round of a condition: 0 or 1."""
    from fairtrial.model.identity import stream_seed

    drawn = stream_seed(seed, f"side/{'/'.join(condition)}/{replicate // 2}") & 1
    return drawn ^ (replicate & 1)


def _refuse_unpaired(first: Keyed, second: Keyed) -> None:
    for one, other in ((first, second), (second, first)):
        lone = next((key for key in one.trials if key not in other.trials), None)
        if lone is not None:
            said = " ".join(filter(None, lone[:-1])) or f"replicate {lone[-1]}"
            raise UserError(
                f"{one.study} and {other.study} cannot be paired: only {one.study} has {said}",
                hint="both need the same factors, levels and variants",
            )
