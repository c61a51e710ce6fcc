"""The older harness's protocol, to the letter: every threshold on all of the data, at mid prices, nothing held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fairtrial.systems.signals.judge.barrier import Barriers, filled, follow
from fairtrial.systems.signals.judge.block import blocks
from fairtrial.systems.signals.judge.choose import Judgeable
from fairtrial.systems.signals.judge.fire import Fired, fire
from fairtrial.systems.signals.judge.fold import Stretch
from fairtrial.systems.signals.judge.judged import Judged, together
from fairtrial.systems.signals.judge.measure import HOUR_S, mean
from fairtrial.systems.signals.metrics import OLDER
from fairtrial.systems.signals.record import SL, TIMEOUT, TP, Floats, Market, Trades
from fairtrial.systems.signals.words import Evaluation

COLUMNS = {
    "threshold": np.float64,
    **dict.fromkeys(("cooldown_bins", "n_signals", "n_up", "n_down"), np.int64),
    **dict.fromkeys(("tp_rate", "sl_rate", "timeout_rate", "events_per_hour", "mean_pnl_ticks"), np.float64),
    "median_time_to_outcome_ms": np.float64,
}
"""Of the table, as the older harness had them; what is undefined is NaN."""
Row = dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Day:
    """One market, made ready."""

    number: int
    values: Floats
    mid_ticks: Floats
    known_ticks: Floats
    """The last mid that was valid."""


def original(
    markets: Sequence[Market], values: Sequence[Floats], *, signal: Judgeable, evaluation: Evaluation
) -> Judged:
    """Show every threshold; the metrics are those of the one with the highest rate of take profits.

    Of several markets (days) all signals are one sample. Thresholds that adapt see all values after the warm-up, as
    the older harness had it: that is look-ahead. Without a threshold that has `min_signals` the metrics are None.
    """
    days = [_day(number, *both) for number, both in enumerate(zip(markets, values, strict=True))]
    shown = candidates(values, signal, evaluation)
    each = [together([trades(day, signal, evaluation, threshold=one) for day in days]) for one in shown]
    rows = [row(found, markets, evaluation, threshold=one) for one, found in zip(shown, each, strict=True)]
    place = best(rows, evaluation.min_signals if evaluation.threshold is None else 0)
    whole = [Stretch(at, min(evaluation.warmup_bins, len(one)), len(one), len(one)) for at, one in enumerate(markets)]
    table = {name: np.array([line[name] for line in rows], dtype=kind) for name, kind in COLUMNS.items()}
    chosen = [each[place]] if place is not None else []
    return Judged(
        metrics(rows[place] if place is not None else {}), together(each), table, blocks(together(chosen), whole)
    )


def candidates(values: Sequence[Floats], signal: Judgeable, evaluation: Evaluation) -> list[float]:
    """Return the thresholds that are shown, ascending."""
    if evaluation.threshold is not None:
        return [evaluation.threshold]
    known = np.concatenate([np.empty(0), *(each[evaluation.warmup_bins :] for each in values)])
    known = known[np.isfinite(known)]
    return sorted({float(value) for value in signal.thresholds(known)}) if len(known) else []


def _day(number: int, market: Market, values: Floats) -> Day:
    mid = market.mid_ticks
    return Day(number, values, mid, filled(mid))


def trades(day: Day, signal: Judgeable, evaluation: Evaluation, *, threshold: float) -> Trades:
    """Return the trades of a threshold in a market: each signal is one, whatever is open; fold 0, no costs.

    An entry at bin i sees the bins i + 1 to min(i + max_hold, n) - 1, and is timed out at the last of them.
    What is entered where the mid is not known touches nothing and has no result (NaN); a time-out where it is not
    known is worth the last mid before it.
    """
    start = evaluation.warmup_bins
    fired = fire(day.values[start:], threshold, mode=signal.mode, cooldown_bins=evaluation.cooldown_bins)
    entry = fired.bins + start
    last = np.minimum(entry + evaluation.max_hold_bins, len(day.values)) - 1
    barriers = Barriers(evaluation.tp_ticks, evaluation.sl_ticks, evaluation.max_hold_bins - 1)
    exits, outcomes = follow(day.known_ticks, Fired(entry, fired.sides), barriers)
    known = ~np.isnan(day.mid_ticks[entry])
    exits = np.where(known, exits, last)
    zeros = np.zeros(len(entry), np.int64)
    return Trades(
        market=zeros + day.number,
        fold=zeros,
        signal_bin=entry,
        entry_bin=entry,
        exit_bin=exits,
        side=fired.sides,
        outcome=np.where(known, outcomes, TIMEOUT).astype(np.int8),
        gross_ticks=fired.sides * (day.known_ticks[exits] - day.mid_ticks[entry]),
        cost_ticks=np.zeros(len(entry)),
        threshold=np.full(len(entry), threshold),
    )


def row(found: Trades, markets: Sequence[Market], evaluation: Evaluation, *, threshold: float) -> Row:
    """Return one line of the table: rates of all signals; a rate, mean or median of nothing is None."""
    bin_s = np.array([market.bin_s for market in markets])
    hours = float(sum(len(market) * market.bin_s for market in markets)) / HOUR_S
    touched = (found.outcome == TP) | (found.outcome == SL)
    times_ms = ((found.exit_bin - found.entry_bin) * bin_s[found.market])[touched] * 1000
    numbers = (
        threshold,
        evaluation.cooldown_bins,
        len(found),
        int((found.side > 0).sum()),
        int((found.side < 0).sum()),
        *(mean((found.outcome == kind).astype(np.float64)) for kind in (TP, SL, TIMEOUT)),
        len(found) / hours if hours else None,
        mean(found.gross_ticks[np.isfinite(found.gross_ticks)]),
        float(np.median(times_ms)) if len(times_ms) else None,
    )
    return dict(zip(COLUMNS, numbers, strict=True))


def best(rows: Sequence[Row], min_signals: int) -> int | None:
    """Return the place of the row with the highest tp_rate of those with enough signals, the first of equals."""
    able = [at for at, one in enumerate(rows) if (one["n_signals"] or 0) >= min_signals]
    return max(able, key=lambda at: (rows[at]["tp_rate"] or 0.0, -at), default=None)


def metrics(line: Row) -> dict[str, float | None]:
    """Return a line as metrics; None of an empty one."""
    time_ms = line.get("median_time_to_outcome_ms")
    found = {name: line.get(column) for name, column in OLDER.items()}
    return {**found, "time_to_outcome_s": None if time_ms is None else time_ms / 1000}
