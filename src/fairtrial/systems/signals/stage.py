"""What trials of one process share: markets, and the values of a signal on them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from fairtrial.contract.system import Context
from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.lake.folder import Lake
from fairtrial.systems.signals.parameters import Choice
from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.words import Data


class Stage:
    """Markets and values of the trials of one process: the last ones are kept, since neighbours share them."""

    def __init__(self) -> None:
        self._markets: tuple[Any, Sequence[Market]] | None = None
        self._values: tuple[Any, Sequence[Floats]] | None = None

    def markets(self, data: Data, columns: Collection[str], context: Context) -> Sequence[Market]:
        """Return the markets of these data: one, or one a day. Raises UserError for what is not there, or changed."""
        key = (data, tuple(columns), context.seed if data.synthetic else None)
        if self._markets is None or self._markets[0] != key:
            self._markets = (key, _markets(data, columns, context))
        return self._markets[1]

    def values(self, choice: Choice, data: Data, context: Context) -> tuple[Sequence[Market], Sequence[Floats]]:
        """Return the markets, and the signal's values on each."""
        known = signal(choice.name)
        markets = self.markets(data, known.columns, context)
        key = (choice, data, context.seed)
        if self._values is None or self._values[0] != key:
            settings = known.Parameters.model_validate(choice.parameters)
            made = [known.batch(market, settings, seed=context.seed) for market in markets]
            self._values = (key, made)
        return markets, self._values[1]


def _markets(data: Data, columns: Collection[str], context: Context) -> Sequence[Market]:
    return opened(data, columns, context.rng("market") if data.synthetic else None)


def opened(data: Data, columns: Collection[str], rng: np.random.Generator | None = None) -> Sequence[Market]:
    """Return the markets of these data; one that is made up is drawn from `rng`, or from seed 0.

    Raises UserError for a data set that is not there, or was changed.
    """
    if data.synthetic is not None:
        from fairtrial.systems.signals.generate.market import market

        drawn = np.random.default_rng(0) if rng is None else rng
        return [market(data.synthetic, drawn, grid=data.grid, columns=columns)]
    lake = Lake(data.folder)
    return [lake.market(_variant(lake, name, data), columns) for name in data.ids]


def _variant(lake: Lake, name: str, data: Data) -> str:
    """Return the id of the grid that is asked for: it is made where it is not there yet."""
    if data.grid is None:
        return name
    from fairtrial.systems.signals.grid.variant import variant

    return variant(lake, name, data.grid)
