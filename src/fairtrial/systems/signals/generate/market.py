"""A market that is made up, as signals see it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from fairtrial.errors import UserError
from fairtrial.systems.signals.generate.flow import START_NS, flow
from fairtrial.systems.signals.grid.make import make
from fairtrial.systems.signals.record import Market
from fairtrial.systems.signals.words import Grid, Synthetic


def market(
    synthetic: Synthetic, rng: np.random.Generator, *, grid: Grid | None = None, columns: Collection[str]
) -> Market:
    """Draw a market; of its grid only these columns are made. UserError as `flow` and `fitted` say."""
    variant = fitted(synthetic, grid)
    events = flow(synthetic, rng)
    made = make(events, tick_size=synthetic.tick_size, grid=variant, start_ns=START_NS, columns=columns)
    return Market("synthetic", made.bins, made.columns, synthetic.tick_size, synthetic.bin_s)


def fitted(synthetic: Synthetic, grid: Grid | None) -> Grid:
    """Return the grid with bins of `synthetic.bin_s`: that is their length, whatever a data set's would be.

    Raises UserError for a length that is no whole number of milliseconds, and for a grid that asks for another one.
    """
    width_ms = round(synthetic.bin_s * 1000)
    if width_ms < 1 or abs(synthetic.bin_s * 1000 - width_ms) > 1e-6:
        raise UserError(f"bin_s {synthetic.bin_s:g} is not a whole number of milliseconds", hint="0.1, for example")
    chosen = grid or Grid()
    if chosen.cell_width_ms not in (width_ms, Grid.model_fields["cell_width_ms"].default):
        raise UserError(
            f"cell_width_ms {chosen.cell_width_ms}: the bins of a market that is made up last {width_ms} ms, its bin_s",
            hint=f"leave cell_width_ms out, or set bin_s: {chosen.cell_width_ms / 1000:g}",
        )
    return chosen.model_copy(update={"cell_width_ms": width_ms})
