"""The verb `fairtrial signals online-sim`: does a signal keep up with the market, bin by bin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from fairtrial.contract.journal import Ledger
from fairtrial.errors import GateFailed, UserError
from fairtrial.model.figure import Section
from fairtrial.systems.signals.record import Market
from fairtrial.systems.signals.signal import Signal


class OnlineSimArguments(BaseModel):
    """What `online-sim` takes."""

    model_config = ConfigDict(extra="forbid")
    signal: str | None = Field(default=None, description="Which signal: `fairtrial signals list` shows them.")
    dataset_id: str | None = Field(default=None, description="Id of the data set that it is run on.")
    signal_params_json: str = Field(default="{}", description="Settings of the signal, a JSON object.")
    bin_budget_ms: float = Field(default=100.0, gt=0, allow_inf_nan=False, description="What a bin may take, in ms.")
    lake: Path = Field(default=Path("lake"), description="Folder that holds data sets.")
    synthetic_bins: int | None = Field(
        default=None, ge=100, le=10_000_000, description="In place of a data set: so many bins that are made up."
    )
    seed: int = Field(default=0, ge=0, description="Of a market that is made up, and of a signal that learns.")


class OnlineSim:
    """Times the streaming twin of a signal at every bin of a data set, against a budget."""

    name = "online-sim"
    help = "Time a signal's streaming twin bin by bin; exit 4 where the p99 or 1 % of the bins miss the budget."
    Arguments = OnlineSimArguments

    def run(self, arguments: OnlineSimArguments, ledger: Ledger | None) -> Section:
        """Return the table of times, counts and memory.

        Raises GateFailed (exit 4) where the signal does not keep up, UserError for a signal, settings or data that
        are not there, NothingMeasured for a signal that never has a value, MissingPart without numba.
        """
        from fairtrial.systems.signals.catalogue import settings, signal
        from fairtrial.systems.signals.learned.needs import need
        from fairtrial.systems.signals.online.run import simulate
        from fairtrial.systems.signals.online.section import line, section

        if arguments.signal is None:
            raise UserError("no signal: give --signal NAME", hint="`fairtrial signals list` shows them")
        known = signal(arguments.signal)
        need(("numba",), known.name)
        chosen = settings(known, _read(arguments.signal_params_json))
        market = _market(arguments, known)
        timed = simulate(known, chosen, market, budget_ms=arguments.bin_budget_ms, seed=arguments.seed)
        said = line(timed, f"{known.name} on {market.name}")
        if not timed.passed:
            raise GateFailed(said, hint="at most 1 % of the bins may take longer")
        return section(timed, said)


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise UserError(f"signal-params-json is no JSON: {problem}", hint='such as {"noise_floor": 0.2}') from None
    if not isinstance(found, dict):
        raise UserError(
            f"signal-params-json is a {type(found).__name__}, not an object", hint='such as {"noise_floor": 0.2}'
        )
    return found


def _market(arguments: OnlineSimArguments, known: Signal) -> Market:
    """Return the data set that is asked for, or a market that is made up."""
    if (arguments.dataset_id is None) == (arguments.synthetic_bins is None):
        given = "no data" if arguments.dataset_id is None else "two kinds of data"
        raise UserError(f"{given}: give --dataset-id ID, or --synthetic-bins N")
    if arguments.dataset_id is not None:
        from fairtrial.systems.signals.lake.folder import Lake

        return Lake(arguments.lake).market(arguments.dataset_id, known.columns)
    from numpy.random import default_rng

    from fairtrial.systems.signals.generate.market import market
    from fairtrial.systems.signals.words import Synthetic

    wanted = Synthetic(bins=arguments.synthetic_bins or 0)
    return market(wanted, default_rng(arguments.seed), grid=None, columns=known.columns)
