"""The ranking of a run: its leader, and whether the leader may be believed."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.contract.journal import Ledger
from fairtrial.model.finding import Verdict
from fairtrial.model.ranking import Ranking
from fairtrial.systems.signals.rank.configuration import configurations, runs_of
from fairtrial.systems.signals.rank.order import ALPHA, BY, Order, order
from fairtrial.systems.signals.rank.standing import Standing, standings
from fairtrial.systems.signals.rank.table import sections

LEAST = 5
"""Trades of a configuration that is ranked, unless another number is asked for."""


def ranking(ledger: Ledger, run: int) -> Ranking:
    """Rank the configurations of a run among all that the book says were tried on the same data."""
    chosen = configurations(ledger, [run])
    every = configurations(ledger, dict.fromkeys((run, *runs_of(ledger))), retired=True)
    rows = standings(chosen, every)
    found = order(ledger, [run], rows, by=_by(rows), least=LEAST)
    if not found.rows:
        few = f": {found.few} have fewer than {LEAST} trades" if found.few else ""
        return Ranking(None, Verdict.INCONCLUSIVE, f"No configuration can be ranked{few}.")
    first = found.rows[0]
    verdict, answer = judged(found)
    label = (first.configuration.first.variant, first.configuration.first.assignment)
    return Ranking(label, verdict, answer, sections(found))


def _by(rows: list[Standing]) -> str:
    return BY[0] if any(one.adjusted is not None for one in rows) else "mean_pnl_ticks"


def judged(found: Order) -> tuple[Verdict, str]:
    """Say whether the first is worth promoting: a gain after costs, beyond chance and all that was tried.

    Supported takes all of: an interval above 0, an adjusted p at or below 5 %, and a final block that does not speak
    against it. An interval below 0 speaks against it.
    """
    one = found.rows[0]
    if one.configuration.evaluation["protocol"] != "honest":
        return Verdict.INCONCLUSIVE, "The older protocol knows no costs and no correction: it ranks, and shows nothing."
    if one.net is None or one.low is None or one.high is None:
        return (
            Verdict.INCONCLUSIVE,
            f"{_name(one)} leads, and no interval can be said: its trades lie in too few blocks.",
        )
    said = f"{_name(one)} leads: {one.net:.2f} ticks a trade after costs ({one.low:.2f} to {one.high:.2f})"
    chance = f"p {_p(one.p_adjusted)} after {one.tried} that were tried"
    if one.high < 0:
        return Verdict.NOT_SUPPORTED, f"Nothing gains: {said}, all of its interval below 0."
    doubts = list(_doubts(one))
    if doubts:
        return Verdict.INCONCLUSIVE, f"{said}; {chance}. {' '.join(doubts)}"
    others = len(found.level) - 1
    level = f" {others} {'other' if others == 1 else 'others'} cannot be told from it." if others > 0 else ""
    return Verdict.SUPPORTED, f"{said}; {chance}; final block {_final(one)}.{level}"


def _doubts(one: Standing) -> Iterator[str]:
    if one.low is not None and one.low <= 0:
        yield "Its interval holds 0."
    if one.p_adjusted is None or one.p_adjusted > ALPHA:
        yield "Chance does as well, after all that was tried."
    if one.holdout is None:
        yield "No trade ended in the final block, which could confirm it."
    elif one.holdout <= 0:
        yield f"The final block does not confirm it: {_final(one)}."


def _final(one: Standing) -> str:
    return f"{one.holdout:.2f} ticks over {one.holdout_trades} trades" if one.holdout is not None else "without trades"


def _name(one: Standing) -> str:
    evaluation = one.configuration.evaluation
    return f"{one.configuration.signal} with {evaluation['tp_ticks']:g}/{evaluation['sl_ticks']:g}"


def _p(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2g}"
