"""The corrected t test for scores from resampled or cross-validated data, whose training sets overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from fairtrial.errors import FairtrialError
from fairtrial.stats.difference import Difference, paired, tail


def corrected(differences: Sequence[float], *, overlap: float, level: float = 0.95) -> Difference:
    """Return the mean of paired differences of J resampled scores, with their dependence in its standard error.

    The scores share training data, so their variance counts 1/J + `overlap` times, `overlap` being n_test / n_train
    (1 / (k - 1) for k folds), instead of 1/J times. Source: Nadeau and Bengio (2003), Inference for the generalization
    error, Machine Learning 52; for repeated folds Bouckaert and Frank (2004). Raises FairtrialError for an overlap
    below 0 and for values that are not finite.
    """
    if not overlap >= 0:
        raise FairtrialError(f"n_test / n_train is 0 or more, not {overlap}")
    plain = paired(differences, level)
    if not plain.df or not plain.se:
        return plain
    factor = math.sqrt(1 + overlap * len(differences))
    half = (plain.high - plain.low) / 2 * factor
    wider = replace(plain, low=plain.estimate - half, high=plain.estimate + half, se=plain.se * factor)
    return replace(wider, p_two_sided=min(1.0, 2 * tail(wider, abs(plain.estimate))))
