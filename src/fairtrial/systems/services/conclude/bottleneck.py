"""The bottleneck: what the sampled resources and counters say for and against each cause; otherwise nothing is said.

A cause is named where its own measurement passes its own limit. There are no scores: what was not measured is listed as
missing, and without evidence for any cause the answer is "insufficient evidence".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairtrial.model.figure import Grid, Section
from fairtrial.model.words import listed
from fairtrial.systems.services.conclude.ladder import Ladder
from fairtrial.systems.services.conclude.rules import RULES, Evidence, Sign, Views

NOTHING = "insufficient evidence"


def bottleneck(views: Views) -> Section:
    """Weigh the causes at the highest level of each arm that has a result."""
    said, rows = [], []
    for arm in views.ladder.arms:
        place = top(views.ladder, arm)
        if place is None:
            continue
        found = [rule(views, arm, place) for rule in RULES]
        said.append(_answer(views.ladder, arm, place, found))
        rows += [(*views.ladder.place(arm, place), each.cause, each.sign.value, each.text) for each in found]
    if not rows:
        return Section("Bottleneck", (f"{NOTHING[0].upper()}{NOTHING[1:]}: no trial has a result.",))
    table = Grid((*views.ladder.heads(), "cause", "evidence", "what was seen"), tuple(rows))
    limits = "Each cause is judged by its own measurement at the highest level; none of this is a test."
    return Section("Bottleneck", (*said, limits), (table,))


def top(ladder: Ladder, arm: str) -> int | None:
    """Return the place of the highest level with a throughput."""
    places = [at for at in range(len(ladder.levels)) if ladder.at("throughput_per_s", arm, at).values]
    return max(places, default=None)


def _answer(ladder: Ladder, arm: str, place: int, found: Sequence[Evidence]) -> str:
    where = ", ".join(filter(None, (arm, ladder.names(place) if ladder.factor else "")))
    signs = [each for each in found if each.sign is Sign.FOR]
    missing = list(_missing(found))
    at = f"At {where}: " if where else ""
    if signs:
        causes = listed([f"{each.cause} ({each.text})" for each in signs])
        return f"{at}evidence for {causes}."
    lacks = (
        f": not measured: {listed(missing, 12)}" if missing else ": every cause that was measured is below its limit"
    )
    return f"{at}{NOTHING}{lacks}."


def _missing(found: Sequence[Evidence]) -> Iterator[str]:
    yield from (each.missing for each in found if each.sign is Sign.UNKNOWN and each.missing)
