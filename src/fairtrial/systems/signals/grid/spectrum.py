"""How unusually the balance of pressure and vacuum changes at a cell.

    composite = (P - V) / (|P| + |V| + eps)
    smooth    = average over the windows of the rolling mean of the composite (of what there is, at the start)
    d1, d2, d3 = its first, second and third differences from bin to bin (0 where there is no bin before)
    score     = w1 tanh(z(d1)/scale) + w2 tanh(z(d2)/scale) + w3 tanh(z(d3)/scale), clipped to -1 .. 1
    state     = sign of the score where |score| reaches the threshold, else 0

z is the robust z over the last `spectrum_z_bins` bins, 0 before there are `spectrum_min_bins`. The cell k cells from
the spot is followed, as the columns are: where the spot moves, another price is compared with the one before.
"""

from __future__ import annotations

import numpy as np

from fairtrial.systems.signals.record import Bytes, Floats
from fairtrial.systems.signals.rolling.mean import mean
from fairtrial.systems.signals.rolling.robust import robust_z
from fairtrial.systems.signals.words import Grid

EPS = 1e-12
"""Keeps the composite of a cell where nothing happens at 0."""


def score(pressure: Floats, vacuum: Floats, grid: Grid) -> Floats:
    """Return the score, of the shape (n, cells) of pressure and vacuum."""
    found = np.empty(pressure.shape)
    for cell in range(pressure.shape[1]):
        found[:, cell] = _score(_smooth(pressure[:, cell], vacuum[:, cell], grid), grid)
    return found


def state(scores: Floats, grid: Grid) -> Bytes:
    """Return 1 for pressure, -1 for vacuum, 0 for neither."""
    return np.where(np.abs(scores) >= grid.state_threshold, np.sign(scores), 0.0).astype(np.int8)


def _smooth(pressure: Floats, vacuum: Floats, grid: Grid) -> Floats:
    composite = (pressure - vacuum) / (np.abs(pressure) + np.abs(vacuum) + EPS)
    found = np.zeros(len(composite))
    for window in grid.spectrum_windows:
        found += mean(composite, window, min_periods=1)
    return found / len(grid.spectrum_windows)


def _score(smooth: Floats, grid: Grid) -> Floats:
    found, change = np.zeros(len(smooth)), smooth
    for weight in grid.spectrum_weights:
        change = np.diff(change, prepend=change[:1])
        z = robust_z(change, grid.spectrum_z_bins, min_periods=grid.spectrum_min_bins)
        found += weight * np.tanh(z / grid.tanh_scale)
    return np.clip(found, -1.0, 1.0)
