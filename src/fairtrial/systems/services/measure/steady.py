"""Where the steady state begins, whether it lasts, and whether an open load left the service behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairtrial.stats.stability import growth, shift
from fairtrial.stats.summary import Floats
from fairtrial.stats.warmup import BATCH, mser5
from fairtrial.systems.services.load.words import Load
from fairtrial.systems.services.measure.window import Answers, Window, answers, backlog, bins_for, declared
from fairtrial.systems.services.record import Records

FEWEST_BATCHES = 10
EDGES = 50
"""Places in time at which the backlog is read."""
MATERIAL_BACKLOG = 10
MATERIAL_GROWTH = 0.01
"""A backlog has grown where it did by more than this share of what was due, and by more than so many requests."""
SIDE = 0.9
"""Share of pairs (of what is cut, of what is kept) that must lie one way round for a cut to be a warm-up."""
GROUPS = 20
MATERIAL_WARMUP, ALPHA_WARMUP = 0.2, 0.001
MATERIAL_DRIFT, ALPHA_DRIFT = 0.05, 0.01


@dataclass(frozen=True, slots=True)
class Steady:
    """What is measured."""

    window: Window
    cut_s: float
    """How much of the declared window was still warm-up."""
    stable: bool | None
    """Open loop: whether the service kept up; None where that was not seen, or in a closed loop."""
    backlog_growth: float = 0.0
    """Requests by which the backlog grew over the window."""
    invalid: str = ""
    cautions: tuple[str, ...] = ()


def settle(records: Records, *, load: Load) -> Steady:
    """Find the window in which the service was in its steady state, as far as the records tell.

    The window is that of the due times, from the end of ramp and warm-up, or later where MSER-5 cuts deeper on bins of
    the response time or of the throughput. An open load under which the backlog grows has no steady state: nothing is
    cut, `stable` is False. Raises Invalid where the load ended within its warm-up.

    Measured by simulation (1,000 loads a cell, 1,000 to 20,000 requests): M/M/1 at a load of 0.8 is called unstable in
    0 and INVALID in at most 0.4 % of the loads; at exactly its capacity a queue is called unstable in 5 to 8 %, at 1.05
    in 31 % (1,000 requests), 72 % (5,000) and 100 % (20,000), at 1.2 in 97 % and more. A closed loop whose response
    wanders by 20 % (AR(1), 0.7 from one 0.1 s to the next) is INVALID in 1 %; one that warms up from fourfold with a
    third of the window as time constant is INVALID in 84 %, and of the others half get the caution "drift".
    """
    window = declared(records, load)
    due = int(np.count_nonzero(window.holds(records.t_sched_ns)))
    grown = 0.0
    stable = None
    if load.mode == "open" and due >= 2 * MATERIAL_BACKLOG:
        grown, stable = _kept_up(records, window, due)
    if stable is False:
        return Steady(window, 0.0, stable, grown)
    bins = bins_for(window, due, batch=BATCH)
    if bins < FEWEST_BATCHES * BATCH:
        return Steady(window, 0.0, stable, grown, cautions=(_too_few(window, due),))
    return _cut(answers(records, window, bins), window, stable, grown)


def _kept_up(records: Records, window: Window, due: int) -> tuple[float, bool]:
    """Return by how much the backlog grew, and whether the service kept up."""
    found = growth(backlog(records, window, min(EDGES, due // 2)))
    material = max(MATERIAL_BACKLOG, MATERIAL_GROWTH * due)
    return found.amount, not (found.significant and found.amount > material)


def _cut(found: Answers, window: Window, stable: bool | None, grown: float) -> Steady:
    bins = len(found.due)
    seen = np.flatnonzero(found.due)
    response = found.time_ns[seen] / found.due[seen]
    cuts = [_supported(response, seen), _supported(found.ended, np.arange(bins))]
    cut, late = max(cuts)
    if late and (reason := _still_warming(found, cut)):
        return Steady(window, 0.0, stable, grown, invalid=reason)
    if _flatters(found, cut):
        return Steady(window, 0.0, stable, grown, cautions=(_failing(found, window, cut), *_drift(found)))
    kept = Window(window.edge_ns(cut, bins), window.end_ns)
    cut_s = (kept.begin_ns - window.begin_ns) * 1e-9
    return Steady(kept, cut_s, stable, grown, cautions=tuple(_drift(found if late else found.tail(cut))))


def _flatters(found: Answers, cut: int) -> bool:
    """Say whether a cut would leave out more than its share of the failures, by more than chance: it is not made."""
    expected = found.failed.sum() * cut / len(found.failed)
    return bool(found.failed[:cut].sum() > expected + 2 * expected**0.5 + 1)


def _failing(found: Answers, window: Window, cut: int) -> str:
    first_s = window.length_s * cut / len(found.failed)
    failures = f"{found.failed[:cut].sum():.0f} of its {found.failed.sum():.0f} failures"
    return f"the first {first_s:.3g} s of the window look like warm-up but hold {failures}: nothing was cut off"


def _supported(values: Floats, places: np.ndarray) -> tuple[int, bool]:
    """Return MSER-5's cut as a bin, and whether it is late; 0 where what it cuts lies on no side of the rest.

    MSER-5 also cuts off a burst or a stall, which is no warm-up: most of what is cut must be above the rest, or below.
    """
    cut = mser5(values)
    if not cut.batches:
        return 0, False
    batches = values[: len(values) // BATCH * BATCH].reshape(-1, BATCH).mean(axis=1)
    first, rest = batches[: cut.batches], np.sort(batches[cut.batches :])
    below = np.searchsorted(rest, first, "left") + np.searchsorted(rest, first, "right")
    above = float(below.mean()) / (2 * len(rest))
    if 1 - SIDE <= above <= SIDE:
        return 0, False
    return int(places[cut.values]), cut.late


def _still_warming(found: Answers, cut: int) -> str:
    """Say why what follows a late cut cannot be taken for steady; '' where the cut was chance."""
    groups = found.grouped(GROUPS)
    at = min(max(round(cut / (len(found.due) // GROUPS)), 4), GROUPS - 4)
    for name, values in _series(groups):
        moved = shift(values[:at], values[at:])
        if abs(moved.share) > MATERIAL_WARMUP and moved.significant(ALPHA_WARMUP):
            return (
                f"not stationary: {name} was still changing in the middle of the window (by {abs(moved.share):.0%}, "
                f"limit {MATERIAL_WARMUP:.0%}): give it a longer warmup_s, or a longer duration_s"
            )
    return ""


def _drift(rest: Answers) -> list[str]:
    """Say which series moved between the halves of a window: of what was kept, or (after a late cut) of all of it."""
    groups = rest.grouped(min(GROUPS, len(rest.due)))
    half = len(groups.due) // 2
    cautions = []
    for name, values in _series(groups):
        moved = shift(values[:half], values[half:])
        if abs(moved.share) > MATERIAL_DRIFT and moved.significant(ALPHA_DRIFT):
            cautions.append(f"drift: {name} moved by {moved.share:+.1%} between the halves of the window")
    return cautions


def _series(groups: Answers) -> list[tuple[str, Floats]]:
    """Return the series of group values that have no gap."""
    found = [("throughput", groups.ended)]
    if groups.due.all():
        found.insert(0, ("response time", groups.time_ns / groups.due))
    return found


def _too_few(window: Window, due: int) -> str:
    return (
        f"not checked for a steady state: {due} requests in {window.length_s:.3g} s are too few "
        f"(at least {4 * FEWEST_BATCHES * BATCH} in 1 s)"
    )
