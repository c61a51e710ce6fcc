"""What a comparison says, in sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fairtrial.model.comparison import Change, Gate, Status
from fairtrial.model.words import condition, count, percent, quantity

NAMED = 3
"""Changes that a sentence names."""
MODES = {
    "interleaved": "measured side by side",
    "confirmed": "measured again side by side",
    "cross-time": "measured at different times",
}


def answer(verdict: Gate, changes: Sequence[Change], runs: tuple[int, int], *, mode: str) -> str:
    """Say the verdict in a sentence or two that can be read aloud."""
    gating = [change for change in changes if change.gating]
    one, other = runs
    how = f"{MODES[mode]}, {rounds_of(gating)}"
    if verdict is Gate.PASS:
        worst = max(gating, key=_reach)
        return f"Run {other} is no worse than run {one} by any margin ({how}): {_bound(worst)}."
    if verdict is Gate.FAIL:
        return f"Run {other} is worse than run {one} ({how}): {_list(_of(gating, Status.REGRESS))}."
    if verdict is Gate.INVALID:
        bad = _of(gating, Status.INVALID)
        return f"The runs cannot be judged: {where(bad[0])}: {bad[0].why}{_more(bad, 1)}."
    worse = _of(gating, Status.REGRESS)
    if worse:
        return (
            f"Run {other} looks worse than run {one}: {_list(worse)}; they were {MODES[mode]}, so what else "
            "changed in between may be the cause."
        )
    return f"Not settled ({how}): {_open(_of(gating, Status.UNCLEAR))}."


def _of(changes: Sequence[Change], status: Status) -> list[Change]:
    return [change for change in changes if change.status is status]


def _reach(change: Change) -> float:
    """Return how much of its margin the upper bound takes."""
    if change.worse is None or not change.margin or math.isinf(change.margin):
        return 0.0
    return change.worse.high / change.margin


def rounds_of(changes: Sequence[Change]) -> str:
    """Say how many rounds comparisons rest on."""
    counts = [change.rounds for change in changes if change.rounds] or [0]
    low, high = min(counts), max(counts)
    return count(high, "round") if low == high else f"{low} to {count(high, 'round')}"


def where(change: Change) -> str:
    """Name a metric and its condition: `latency_s at tuned, load = 4`."""
    place = condition(change.assignment, change.variant)
    return f"{change.metric} at {place}" if place else change.metric


def _list(changes: Sequence[Change]) -> str:
    named = "; ".join(f"{where(change)} {worse(change)}" for change in changes[:NAMED])
    return named + _more(changes, NAMED)


def _more(changes: Sequence[Change], named: int) -> str:
    """Say how many comparisons are not named."""
    rest = len(changes) - named
    return f"; and {count(rest, 'other comparison')}" if rest > 0 else ""


def amount(change: Change, value: float) -> str:
    """Write how much worse in a change's own terms: a share in per cent, or an amount with its unit."""
    return quantity(value, change.unit) if change.absolute else percent(value)


def worse(change: Change) -> str:
    """Say how much worse a change is, with its interval and margin."""
    if change.worse is None:
        return f"(margin {amount(change, change.margin)})"
    ends = f"{amount(change, change.worse.low)} to {amount(change, change.worse.high)}"
    return f"is worse by {ends} ({percent(change.worse.level)} interval; margin {amount(change, change.margin)})"


def _bound(change: Change) -> str:
    if change.worse is None:
        return where(change)
    high, level = change.worse.high, percent((1 + change.worse.level) / 2)
    said = f"at most {amount(change, high)} worse" if high >= 0 else f"at least {amount(change, -high)} better"
    return f"{said}, in {where(change)} (upper {level} bound; margin {amount(change, change.margin)})"


def _open(changes: Sequence[Change]) -> str:
    first = max(changes, key=lambda change: change.needed.replicates or 0)
    more = first.needed.replicates
    settle = f"; {count(more, 'round')} would settle it" if more else ""
    least = first.needed.smallest_effect
    size = "" if least is None else quantity(least, first.unit)
    seen = f"; {count(first.rounds, 'round')} see {size} or more" if size else ""
    rest = len(changes) - 1
    others = f"; {count(rest, 'other comparison')} {'is' if rest == 1 else 'are'} open too"
    return f"{where(first)}: {first.why}{seen}{settle}{others if rest else ''}"
