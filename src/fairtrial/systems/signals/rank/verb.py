"""`fairtrial signals rank`: what leads, after all that was tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.errors import NothingMeasured, UnknownName, UserError
from fairtrial.model.figure import Section
from fairtrial.systems.signals.rank.configuration import SYSTEM, Configuration, configurations, runs_of
from fairtrial.systems.signals.rank.order import count, order
from fairtrial.systems.signals.rank.ranking import LEAST, judged
from fairtrial.systems.signals.rank.standing import Standing, standings
from fairtrial.systems.signals.rank.table import SHOWN, sections


class RankArguments(BaseModel):
    """What `rank` takes."""

    model_config = ConfigDict(extra="forbid")
    run: int | None = Field(default=None, description="A run of this system; all that the book has unless given.")
    by: Literal["expectancy", "tp_rate", "mean_pnl_ticks", "events_per_hour"] = Field(
        default="expectancy", description="What to rank by; expectancy: after costs, adjusted for all that was tried."
    )
    min_signals: int = Field(default=LEAST, ge=1, description="Least trades of a configuration that is ranked.")
    signal: str = Field(default="", description="Only this signal.")
    dataset_id: str = Field(default="", description="Only this data set.")
    limit: int = Field(default=SHOWN, ge=1, description="Rows to show.")


class Rank:
    """Ranks configurations; those that cannot be told from the first are marked."""

    name = "rank"
    help = "Rank what was tried by adjusted net expectancy, with intervals, p after all trials, and the final block."
    Arguments = RankArguments

    def run(self, arguments: RankArguments, ledger: Any) -> Sequence[Section]:
        """Return the leaderboard. Raises NothingMeasured without results, UnknownName for what the book lacks."""
        if ledger is None or not (runs := runs_of(ledger)):
            raise NothingMeasured("no run of signals in this book", hint="fairtrial run signals/smoke_perm_derivative")
        every = configurations(ledger, runs, retired=True)
        asked = [_asked(ledger, arguments.run)] if arguments.run is not None else runs
        chosen = _chosen(arguments, configurations(ledger, asked))
        rows = standings(chosen, every)
        found = order(ledger, asked, rows, by=arguments.by, least=arguments.min_signals)
        if not found.rows:
            said = (
                f"none of {len(rows)} configurations has {arguments.min_signals} trades and a value of {arguments.by}"
            )
            raise NothingMeasured(said, hint=_instead(rows, arguments))
        made = sections(found, shown=arguments.limit)
        return made if arguments.by != "expectancy" else (*made, Section("Verdict", judged(found)[::-1]))


def _instead(rows: Sequence[Standing], arguments: RankArguments) -> str:
    """Say what to ask for where nothing can be ranked."""
    older = all(one.configuration.evaluation["protocol"] == "original" for one in rows)
    if older and arguments.by == "expectancy":
        return "protocol: original knows no costs; --by mean_pnl_ticks ranks what it counted"
    if any(count(one.configuration) >= arguments.min_signals for one in rows):
        return "trades in too few blocks of time have no interval: --by mean_pnl_ticks, or more data"
    return "--min-signals 1 asks for less" if arguments.min_signals > 1 else "fairtrial show says what was measured"


def _asked(ledger: Any, number: int) -> int:
    run = ledger.run(number)
    if run.system != SYSTEM:
        raise UserError(f"run {number} is of the system {run.system}, not of signals")
    return int(run.number)


def _chosen(arguments: RankArguments, found: Sequence[Configuration]) -> Sequence[Configuration]:
    signals = sorted({one.signal for one in found})
    data = sorted({name for one in found for name in one.data.replace(", other grid", "").split()})
    for asked, known, kind in ((arguments.signal, signals, "signal"), (arguments.dataset_id, data, "data set")):
        if asked and asked not in known:
            raise UnknownName(kind, asked, known)
    kept = [one for one in found if not arguments.signal or one.signal == arguments.signal]
    return [one for one in kept if not arguments.dataset_id or arguments.dataset_id in one.data.split(",")[0].split()]
