"""What is learned from and scored with: mean p95 of every size of a row, and its log ratio to the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.threadpool.label.record import Labelled

CAP = 10.0
"""The largest regret: p95 eleven times that of the best size. An unstable size has no p95 and takes the cap."""
LOG_CAP = math.log1p(CAP)
SPLIT = 4
"""Replicates from which on one half names the best size and the other half scores."""


@dataclass(frozen=True, slots=True)
class Halves:
    """Numbers of the replicates that say what is best, and of those that score; the same where there are too few."""

    naming: tuple[int, ...]
    scoring: tuple[int, ...]

    @property
    def apart(self) -> bool:
        """Whether no replicate does both."""
        return not set(self.naming) & set(self.scoring)


def halves(labelled: Labelled) -> Halves:
    """Split replicates into even and odd ones, where there are at least four.

    Replicate k has the same random numbers in every row, so its luck is shared by rows that are learned from and rows
    that are tested: what is learned in a test comes from the even ones alone as well. The best of several means is
    too good by selection when the replicates that named it also score it (regret is then never negative); with the
    halves apart it is compared fairly, and the regret of a row may be negative.
    """
    count = tuple(range(labelled.p95_s.shape[2]))
    return Halves(count[::2], count[1::2]) if len(count) >= SPLIT else Halves(count, count)


def means(labelled: Labelled, replicates: Sequence[int]) -> Floats:
    """Return (rows, sizes): mean p95 over those of the replicates that every stable size of the row has.

    Infinite: unstable. NaN, the whole row: none of the replicates is whole.
    """
    p95_s = labelled.p95_s[:, :, list(replicates)]
    whole: Mask = np.expand_dims(_whole(labelled, replicates), 1)
    counted = whole.sum(axis=2)
    total = np.where(whole, p95_s, 0.0).sum(axis=2, where=labelled.stable[:, :, None])
    mean = np.divide(total, counted, out=np.full(total.shape, np.nan), where=counted > 0)
    return np.where(labelled.stable & (counted > 0), mean, np.where(counted > 0, np.inf, np.nan))


def _whole(labelled: Labelled, replicates: Sequence[int]) -> Mask:
    """Say of each row and replicate whether every stable size was measured there."""
    missing = np.isnan(labelled.p95_s[:, :, list(replicates)]) & labelled.stable[:, :, None]
    whole: Mask = np.asarray(~missing.any(axis=1) & labelled.stable.any(axis=1, keepdims=True))
    return whole


def usable(labelled: Labelled) -> Integers:
    """Return which rows can be learned from and scored, the same for every policy.

    Left out are rows in which no size is stable, where there is nothing to choose, and rows in which one half has no
    replicate with all stable sizes measured.
    """
    split = halves(labelled)
    known = [np.isfinite(means(labelled, part)).any(axis=1) for part in (split.naming, split.scoring)]
    return np.flatnonzero(known[0] & known[1])


def targets(labelled: Labelled, replicates: Sequence[int]) -> Floats:
    """Return (rows, sizes): log ratio of mean p95 to the row's best, noise taken out, at most log 11 (`LOG_CAP`).

    What differs between the sizes of one row is partly noise: their log means are drawn towards the row's own mean by
    the share of their variance that the replicates explain, 1 - noise / between, not below 0. A row whose sizes
    cannot be told apart then says what is known of it, that all sizes are as good, and no luck is learned; a row of
    clear differences stays as it is. With one replicate the noise is not known, and nothing is drawn. Source: Efron
    and Morris (1973), Stein's estimation rule and its competitors, J. Am. Statist. Assoc. 68 (positive-part form).
    """
    logs = np.log(means(labelled, replicates))
    stable = np.isfinite(logs)
    count = stable.sum(axis=1)
    centre = np.where(stable, logs, 0.0).sum(axis=1) / np.maximum(count, 1)
    away = np.where(stable, logs - centre[:, None], 0.0)
    between = (away**2).sum(axis=1) / np.maximum(count - 1, 1)
    noise = _noise(labelled, replicates)
    kept = np.clip(1 - np.divide(noise, between, out=np.zeros_like(noise), where=between > 0), 0, 1)
    drawn = np.where(stable, away * kept[:, None], np.inf)
    lowest = drawn.min(axis=1, keepdims=True)
    found: Floats = np.minimum(drawn - np.where(count[:, None] > 0, lowest, np.nan), LOG_CAP)
    return found


def _noise(labelled: Labelled, replicates: Sequence[int]) -> Floats:
    """Return the variance of a size's mean log p95 by row, replicates compared within; 0 where there is one only.

    The residual of sizes x replicates: what a replicate does to all sizes alike (common random numbers) is no noise.
    """
    found = np.zeros(len(labelled.rows))
    whole = _whole(labelled, replicates)
    for row in np.flatnonzero(whole.sum(axis=1) >= 2):
        logs = np.log(labelled.p95_s[row][labelled.stable[row]][:, np.array(replicates)[whole[row]]])
        size, count = logs.shape
        rest = logs - logs.mean(axis=0) - logs.mean(axis=1, keepdims=True) + logs.mean()
        found[row] = (rest**2).sum() / max((size - 1) * (count - 1), 1) / count
    return found


def digest(labelled: Labelled) -> str:
    """Return 16 hexadecimal digits of everything that was learned from."""
    found = blake2b(digest_size=8)
    for array in (labelled.rows, labelled.features, labelled.family, labelled.p95_s, labelled.stable):
        found.update(repr((array.shape, array.dtype.str)).encode())
        found.update(np.ascontiguousarray(array).tobytes())
    found.update(repr(labelled.sizes).encode())
    return found.hexdigest()


def subset(labelled: Labelled, index: Integers | Mask) -> Labelled:
    """Return the rows of that index, in its order."""
    return Labelled(
        rows=labelled.rows[index],
        features=labelled.features[index],
        family=labelled.family[index],
        sizes=labelled.sizes,
        p95_s=labelled.p95_s[index],
        stable=labelled.stable[index],
    )
