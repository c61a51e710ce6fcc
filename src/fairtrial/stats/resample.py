"""Resampling: random streams with names, permutation p values, bootstrap intervals."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import numpy.typing as npt

from fairtrial.errors import FairtrialError
from fairtrial.stats.summary import Floats

TIE = 1e-9
"""Relative difference below which two statistics are the same: rounding moves them by less, data by more."""


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return the random stream of that seed and those names: another name, another stream; no state is shared."""
    digest = hashlib.sha256(json.dumps([seed, *names]).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:16], "little")))


def reaches(statistic: npt.ArrayLike, observed: npt.ArrayLike, *, scale: float | None = None) -> npt.NDArray[np.bool_]:
    """Say which statistics are at least the observed one; what differs by rounding alone is equal.

    Without the tolerance a change of units would turn ties of a permutation test into wins and losses. `scale` is the
    size of the numbers that a statistic around 0 is made of (a sum of signed differences); without it the tolerance
    is relative to the observed statistic. An undefined statistic (NaN) reaches it: that never makes a p smaller.
    """
    seen = np.asarray(observed, dtype=np.float64)
    size = np.where(np.isfinite(seen), np.abs(seen), 0.0) if scale is None else scale
    below: npt.NDArray[np.bool_] = np.asarray(statistic, dtype=np.float64) < seen - TIE * size
    return ~below


def permutation_p(statistic: npt.ArrayLike, observed: float, *, scale: float | None = None) -> float:
    """Return the p of an observed statistic among random permutations of it: (1 + those that reach it) / (1 + all).

    Source: Phipson and Smyth (2010), Permutation p values should never be zero, Stat. Appl. Genet. Mol. Biol. 9.
    """
    hits = reaches(statistic, observed, scale=scale)
    return (1 + int(hits.sum())) / (1 + hits.size)


def sign_flip(differences: npt.ArrayLike, *, repeats: int = 9999, rng: np.random.Generator) -> float:
    """Return the one-sided p of paired differences for a mean above 0, by flipping their signs.

    Exact, over all 2^n signs, where these are at most `repeats` + 1; else Monte Carlo, which counts the observed one.
    It supposes that without an effect each difference is as likely to be -d as d. The order of the differences does
    not matter. Source: Fisher (1935), The Design of Experiments, section 21. Raises FairtrialError for a difference
    that is not finite.
    """
    column = np.sort(np.asarray(differences, dtype=np.float64).ravel())
    if not np.isfinite(column).all():
        raise FairtrialError("a difference is not finite: undefined pairs are removed and counted")
    if not len(column):
        return 1.0
    peak = float(np.abs(column).max())
    column = column / peak if peak else column
    scale = float(np.abs(column).sum())
    if 2 ** len(column) <= repeats + 1:
        return float(reaches(signs(len(column)) @ column, column.sum(), scale=scale).mean())
    drawn = rng.integers(0, 2, (repeats, len(column)), dtype=np.int8) * 2.0 - 1.0
    return permutation_p(drawn @ column, float(column.sum()), scale=scale)


def signs(n: int) -> Floats:
    """Return all 2^n vectors of n signs, a row each; the first is all plus."""
    bits = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)


def percentile(draws: npt.ArrayLike, level: float) -> tuple[float, float]:
    """Return the percentile interval of bootstrap draws: as many draws below it as above.

    The ends are draws, so the interval follows every monotone change of scale, and a draw may be infinite. Source:
    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapter 13. Raises FairtrialError for no draws, NaN.
    """
    tail = (1 - level) / 2
    return _ends(_sorted(draws), tail, tail)


def bca(draws: npt.ArrayLike, estimate: float, jackknife: npt.ArrayLike, level: float) -> tuple[float, float]:
    """Return the bias-corrected and accelerated interval; `jackknife` holds the estimates with one unit left out.

    Source: Efron (1987), Better bootstrap confidence intervals, J. Am. Statist. Assoc. 82. Raises FairtrialError for
    no draws, NaN.
    """
    from scipy.special import ndtr, ndtri

    ordered = _sorted(draws)
    size = len(ordered)
    low_ties, high_ties = size - reaches(ordered, estimate).sum(), reaches(-ordered, -estimate).sum()
    share = min(max((low_ties + high_ties) / (2 * size), 0.5 / size), 1 - 0.5 / size)
    bias, skew = float(ndtri(share)), _acceleration(np.asarray(jackknife, dtype=np.float64))
    z = float(ndtri((1 + level) / 2))
    tails = []
    for end in (-z, z):
        moved = bias + end
        tails.append(float(ndtr(bias + moved / (1 - skew * moved))))
    return _ends(ordered, tails[0], 1 - tails[1])


def _acceleration(jackknife: Floats) -> float:
    """Return the skewness of the leave-one-out estimates over six; 0 where they do not vary."""
    away = jackknife.mean() - jackknife if len(jackknife) else jackknife
    peak = float(np.abs(away).max(initial=0.0))
    if not peak or not math.isfinite(peak):
        return 0.0
    away = away / peak
    return float((away**3).sum() / (6 * (away**2).sum() ** 1.5))


def _sorted(draws: npt.ArrayLike) -> Floats:
    ordered = np.asarray(np.sort(np.asarray(draws, dtype=np.float64).ravel()), dtype=np.float64)
    if not len(ordered) or np.isnan(ordered[-1]):
        raise FairtrialError("no interval from draws that are undefined, or from none")
    return ordered


def _ends(ordered: Floats, below: float, above: float) -> tuple[float, float]:
    """Cut those shares of the draws off; rounding within TIE of a whole number of draws is none."""
    size = len(ordered)
    first, last = (max(1, min(size, math.floor((size + 1) * share * (1 + TIE)))) for share in (below, above))
    low, high = float(ordered[first - 1]), float(ordered[size - last])
    return (low, high) if low <= high else (high, low)
