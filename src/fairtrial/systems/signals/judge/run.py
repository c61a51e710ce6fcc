"""One configuration judged: values of a signal on markets in; metrics, trades, thresholds and blocks out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtrial.errors import FairtrialError
from fairtrial.systems.signals.judge.choose import Judgeable
from fairtrial.systems.signals.judge.honest import honest
from fairtrial.systems.signals.judge.judged import Judged
from fairtrial.systems.signals.judge.original import original
from fairtrial.systems.signals.record import Floats, Market
from fairtrial.systems.signals.words import Evaluation


def judge(
    markets: Sequence[Market],
    values: Sequence[Floats],
    *,
    signal: Judgeable,
    evaluation: Evaluation,
    rng: np.random.Generator,
) -> Judged:
    """Judge a signal's values, an array for each market (day), under the evaluation's protocol.

    Of the signal only `mode` and `thresholds` are read; `rng` draws random entries and bootstrap samples. Raises
    FairtrialError where values and markets do not fit together.
    """
    if not markets or [len(each) for each in values] != [len(market) for market in markets]:
        raise FairtrialError("one market at least, and a value for each bin of each market")
    numbers = [np.asarray(each, dtype=np.float64) for each in values]
    if evaluation.protocol == "original":
        return original(markets, numbers, signal=signal, evaluation=evaluation)
    return honest(markets, numbers, signal=signal, evaluation=evaluation, rng=rng)
