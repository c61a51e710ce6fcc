"""How many independent values a correlated series is worth."""

from __future__ import annotations

import numpy as np

from fairtrial.stats.summary import Floats

LAGS = 1 << 14
"""Lags that are looked at: what is correlated for longer is not one run."""


def effective_size(values: Floats) -> float:
    """Return n_eff = n / (1 + 2 sum of the autocorrelations) of a series of shape (n,), at most n and at least 1.

    The sum ends before the first pair of lags whose sum is not positive. Source: Geyer (1992), Practical Markov chain
    Monte Carlo, Statistical Science 7 (initial positive sequence).
    """
    n = len(values)
    away = values - values.mean() if n else values
    if n < 4 or not np.any(away):
        return float(n)
    found = _autocovariance(away, min(n, LAGS))
    pairs = found[: len(found) // 2 * 2].reshape(-1, 2).sum(axis=1) / found[0]
    ends = np.flatnonzero(pairs <= 0)
    total = float(pairs[: ends[0] if len(ends) else None].sum())
    return float(min(max(n / max(2 * total - 1, 1.0), 1.0), n))


def _autocovariance(away: Floats, lags: int) -> Floats:
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(away) + lags, real=True)
    spectrum = rfft(away, size)
    found: Floats = irfft(spectrum.real**2 + spectrum.imag**2, size)[:lags]
    return found
