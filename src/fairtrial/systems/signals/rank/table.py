"""The ranking as a person reads it: a row a configuration, and what to make of the first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fairtrial.model.figure import Axis, Cell, Figure, Grid, Mark, Section, Series
from fairtrial.systems.signals.rank.order import BY, Order
from fairtrial.systems.signals.rank.standing import Standing

Rows = tuple[tuple[Cell, ...], ...]
SHOWN = 20
"""Rows of a report; the verb shows as many as it is asked for."""
HONEST = (
    "", "signal", "settings", "data", "tp/sl", "cooldown", "trades", "net", "low", "high", "adjusted", "p", "p adj.",
    "DSR", "final block", "final trades",
)  # fmt: skip
ORIGINAL = ("", "signal", "settings", "data", "tp/sl", "cooldown", "signals", "tp_rate", "mean pnl", "per hour")
LIFTED = ("settings", "data", "cooldown")
"""Columns that leave the table where all rows say the same: a sentence says it."""
SMALL = 1e-4
"""Probabilities below it are shown as that."""
WARNING = (
    "The best threshold of each was chosen on the very data that it is shown for; fills at the mid, no costs, no "
    "correction for what was tried: this shows nothing."
)
TOLD = {
    "net": "ticks a trade after spread, slippage and fees, with its 95 % interval (block bootstrap over time)",
    "adjusted": "the same drawn towards all that were tried",
    "p": "that matched random entries do as well",
    "p adj.": "after all that the book says was tried on the same data (Holm)",
    "DSR": "deflated Sharpe ratio, the probability that the Sharpe ratio beats the best of so many without skill",
    "final block": "ticks a trade where nothing was chosen",
}


def sections(found: Order, *, shown: int = SHOWN) -> tuple[Section, ...]:
    """Return the leaderboard: of what was judged after costs, and of what the older protocol counted."""
    honest = [place for place, one in enumerate(found.rows) if _honest(one)]
    older = [place for place, one in enumerate(found.rows) if not _honest(one)]
    made = []
    if honest:
        made.append(_after_costs(found, honest[:shown], of=len(honest)))
    if older:
        made.append(_older(found, older[:shown], of=len(older)))
    return tuple(made)


def _honest(one: Standing) -> bool:
    return bool(one.configuration.evaluation["protocol"] == "honest")


def _after_costs(found: Order, places: Sequence[int], *, of: int) -> Section:
    columns, rows, same = _lifted(HONEST, [_row(found, place) for place in places])
    told = "; ".join(f"{name}: {what}" for name, what in TOLD.items())
    counted = f"tried on the same data, as the book says: {_tried(found, places)}."
    said = (
        f"{_first(len(places), of)}, by {_named(found.by)}; {counted}",
        *same,
        *_rates(found.by),
        *_left(found),
        f"{told[0].upper()}{told[1:]}. = marks those that cannot be told from the first.",
    )
    decimals = dict.fromkeys(("net", "low", "high", "adjusted", "final block"), 2)
    return Section("Ranking", said, (Grid(columns, rows, decimals=decimals),), _figures(found, places))


def _lifted(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> tuple[tuple[str, ...], Rows, list[str]]:
    """Take the columns out that say the same in each row, so that a terminal has room; return what they say."""
    kept = [at for at, name in enumerate(columns) if name not in LIFTED or len({str(row[at]) for row in rows}) > 1]
    gone = [(name, rows[0][at]) for at, name in enumerate(columns) if at not in kept]
    said = ", ".join(f"{name} {value}" for name, value in gone if value != "")
    rest = tuple(tuple(row[at] for at in kept) for row in rows)
    return tuple(columns[at] for at in kept), rest, [f"The same in all rows: {said}."] if said else []


def _tried(found: Order, places: Sequence[int]) -> str:
    """Say how many were tried; of several data, the least and the most."""
    tried = sorted(found.rows[place].tried for place in places)
    return str(tried[0]) if tried[0] == tried[-1] else f"{tried[0]} to {tried[-1]}"


def _first(shown: int, of: int) -> str:
    named = "configuration" if of == 1 else "configurations"
    return f"{of} {named}" if shown == of else f"The first {shown} of {of} {named}"


def _named(by: str) -> str:
    return "adjusted net expectancy" if by == BY[0] else by


def _rates(by: str) -> Iterator[str]:
    if by == "tp_rate":
        yield (
            "tp_rate cannot be compared between different take profits and stop losses: on a walk without drift, whose "
            "steps are small, it is sl / (tp + sl), whatever the signal."
        )


def _left(found: Order) -> Iterator[str]:
    if found.few:
        yield f"{found.few} with too few trades are left out."


def _row(found: Order, place: int) -> tuple[Cell, ...]:
    one = found.rows[place]
    start = "=" if place in found.level else ""
    counts = (one.configuration.total("trades"),)
    last = (_ticks(one.holdout), one.holdout_trades)
    net = map(_ticks, (one.net, one.low, one.high, one.adjusted))
    chance = map(_chance, (one.p, one.p_adjusted, one.deflated))
    return (start, *_settings(one), *counts, *net, *chance, *last)


def _ticks(value: float | None) -> float | None:
    """Return hundredths of a tick: nothing here is known better."""
    return None if value is None else round(value, 2) + 0.0


def _chance(value: float | None) -> Cell:
    """Write a probability; a very small one only as that."""
    if value is None:
        return None
    return f"<{SMALL:g}" if value < SMALL else f"{value:.4f}"


def _settings(one: Standing) -> tuple[Cell, ...]:
    configuration = one.configuration
    evaluation = configuration.evaluation
    barriers = f"{evaluation['tp_ticks']:g}/{evaluation['sl_ticks']:g}"
    return (configuration.signal, settings(one), configuration.data, barriers, evaluation["cooldown_bins"])


def settings(one: Standing) -> str:
    """Return what varies, in short: the factors that no other column shows."""
    shown = {"evaluation.tp_ticks", "evaluation.sl_ticks", "evaluation.cooldown_bins", "data.dataset", "signal.name"}
    words = one.configuration.first.assignment.items()
    return ", ".join(f"{path.rpartition('.')[2]}={value}" for path, value in words if path not in shown)


def _older(found: Order, places: Sequence[int], *, of: int) -> Section:
    columns, rows, same = _lifted(ORIGINAL, [_older_row(found.rows[place]) for place in places])
    said = (
        f"{_first(len(places), of)}, by {_named(found.by)}. {WARNING}",
        *same,
        *_rates("tp_rate"),
        *_left(found),
    )
    decimals = {"tp_rate": 4, "mean pnl": 3, "per hour": 1}
    return Section("Ranking, protocol original", said, (Grid(columns, rows, decimals=decimals),))


def _older_row(one: Standing) -> tuple[Cell, ...]:
    mean = one.configuration.mean
    numbers = (mean(name, "signals") for name in ("tp_rate", "mean_pnl_ticks", "events_per_hour"))
    return ("", *_settings(one), one.configuration.total("signals"), *numbers)


def _figures(found: Order, places: Sequence[int]) -> tuple[Figure, ...]:
    """Draw each configuration's interval, and what the final block said."""
    rows = [found.rows[place] for place in places if found.rows[place].low is not None]
    if len(rows) < 2:
        return ()
    at = tuple(float(place) for place in range(len(rows)))
    cooled = len({one.configuration.evaluation["cooldown_bins"] for one in rows}) > 1
    ticks = tuple((place, _label(one, cooled=cooled)) for place, one in zip(at, rows, strict=True))
    net, low, high = ([getattr(one, name) for one in rows] for name in ("net", "low", "high"))
    last = [(place, one.holdout) for place, one in zip(at, rows, strict=True) if one.holdout is not None]
    series = (
        Series("net expectancy, 95 %", tuple(net), at, tuple(low), tuple(high)),
        Series("final block", tuple(value for _, value in last), tuple(place for place, _ in last), kind="dots"),
    )
    return (
        Figure(
            name="ranking",
            title="Net expectancy of each configuration",
            x=Axis("ticks a trade, after costs"),
            y=Axis("", ticks=ticks),
            series=series if last else series[:1],
            marks=(Mark("x", 0.0, "breaks even"),),
        ),
    )


def _label(one: Standing, *, cooled: bool) -> str:
    evaluation = one.configuration.evaluation
    cooldown = f" cooldown {evaluation['cooldown_bins']}" if cooled else ""
    barriers = f"{evaluation['tp_ticks']:g}/{evaluation['sl_ticks']:g}"
    text = f"{one.configuration.signal} {barriers}{cooldown} {settings(one)}".strip()
    return text if len(text) <= 60 else f"{text[:59]}…"
