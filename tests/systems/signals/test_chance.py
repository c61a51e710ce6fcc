"""What is found where there is nothing, after all that was tried; and the size of what is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.signal import lfilter

from fairtrial.model.outcome import Status
from fairtrial.model.run import TrialRow
from fairtrial.stats.interval import rate_interval
from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.generate.market import market as generated
from fairtrial.systems.signals.judge.run import judge
from fairtrial.systems.signals.rank.configuration import Configuration
from fairtrial.systems.signals.rank.standing import standings
from fairtrial.systems.signals.record import (
    Market,
)
from fairtrial.systems.signals.words import Costs, Evaluation, Folds, Synthetic

BARRIERS = ((8.0, 4.0), (4.0, 4.0), (3.0, 6.0))
JUDGED = Evaluation(
    max_hold_bins=100, warmup_bins=100, cooldown_bins=10, draws=1000, folds=Folds(count=3, embargo_bins=50)
)


def configurations(market: Market, signals: Mapping[str, tuple[Any, Any]], seed: int) -> list[Configuration]:
    """Judge every signal under every pair of barriers, as the trials of one book."""
    found = []
    for number, (name, (known, values)) in enumerate(signals.items()):
        for tp, sl in BARRIERS:
            evaluation = JUDGED.model_copy(update={"tp_ticks": tp, "sl_ticks": sl})
            rng = np.random.default_rng([seed, number])
            metrics = judge([market], [values], signal=known, evaluation=evaluation, rng=rng).metrics
            row = TrialRow(
                run=1, number=len(found), digest=b"", variant=name, assignment={}, replicate=0, seed=seed,
                status=Status.DONE, attempt=1, retired=False, metrics=metrics,
            )  # fmt: skip
            said = {"signal": {"name": name}, "evaluation": evaluation.model_dump(), "data": {"synthetic": {}}}
            found.append(Configuration(said, (row,)))
    return found


def discovered(found: Sequence[Configuration]) -> bool:
    """Say whether any configuration is a discovery, after all that were tried."""
    return any(one.p_adjusted is not None and one.p_adjusted <= 0.05 for one in standings(found, found))


def walked(seed: int, priced: Any, mode: Any) -> tuple[Market, dict[str, tuple[Any, Any]]]:
    """Draw a walk whose volatility comes in spells, and signals that follow it, lean against it, or are noise."""
    rng = np.random.default_rng([7, seed])
    n = 4000
    lively = np.where(np.repeat(rng.random(n // 200) < 0.3, 200), 0.9, 0.2)
    move = np.where(rng.random(n) < lively, rng.choice([-0.5, 0.5], n), 0.0)
    mid = 4000 + np.cumsum(move)
    past = lfilter([0.03], [1, -0.97], move)
    noise = lfilter([0.2], [1, -0.95], rng.normal(size=n))
    wild = noise * np.sqrt(lfilter([0.02], [1, -0.98], move**2) + 1e-9)
    values = {"follows": past, "leans": -past, "noise": noise, "wild": wild}
    return priced(mid), {name: (mode(), value) for name, value in values.items()}


def drawn(seed: int) -> tuple[Market, dict[str, tuple[Any, Any]]]:
    """Make up a market without an edge, and signals of its grid."""
    known = {name: signal(name) for name in ("iirc", "msd", "perm_derivative")}
    columns = sorted({column for one in known.values() for column in one.columns})
    made = generated(Synthetic(bins=3000, events_per_s=50), np.random.default_rng([8, seed]), columns=columns)
    return made, {name: (one, one.batch(made, one.Parameters(), seed=0)) for name, one in known.items()}


def false_discoveries(count: int, draw: Any) -> tuple[int, int]:
    """Return in how many of so many markets anything was discovered, and of how many."""
    return sum(discovered(configurations(*draw(seed), seed)) for seed in range(count)), count


def assert_at_most(found: tuple[int, int], rate: float) -> None:
    """Assert that a rate is not above the nominal one: the lower end of its 95 % interval is below."""
    assert rate_interval(*found)[0] <= rate, found


def test_nothing_is_discovered_on_random_walks(priced: Any, mode: Any) -> None:
    """(b) Of sixty walks without an edge, judged in twelve ways each, no more than 5 % show anything."""
    assert_at_most(false_discoveries(60, lambda seed: walked(seed, priced, mode)), 0.05)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_discovered_on_a_thousand_random_walks(priced: Any, mode: Any) -> None:
    """(b) The same of a thousand."""
    assert_at_most(false_discoveries(1000, lambda seed: walked(seed, priced, mode)), 0.05)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_nothing_is_discovered_on_a_thousand_made_up_markets() -> None:
    """(b) A thousand markets whose flow foretells nothing, three signals under three pairs of barriers."""
    assert_at_most(false_discoveries(1000, drawn), 0.05)


def test_a_planted_edge_is_found_with_its_size(priced: Any, mode: Any) -> None:
    """(b) A signal after which the price goes 2 ticks its way: the interval of the net result holds 2 less costs."""
    inside, means = 0, []
    evaluation = Evaluation(
        tp_ticks=1000, sl_ticks=1000, max_hold_bins=40, warmup_bins=0, cooldown_bins=0, threshold=1.0, draws=1000,
        costs=Costs(entry_delay_bins=0, half_spread=0.25, fee_ticks=0.5), folds=Folds(count=4, embargo_bins=0),
    )  # fmt: skip
    for seed in range(40):
        rng = np.random.default_rng([9, seed])
        values, lean = np.zeros(20_000), np.zeros(20_000)
        for start in range(0, 20_000, 100):
            at, side = start + rng.integers(0, 50), rng.choice([-1, 1])
            values[at], lean[at + 1 : at + 41] = side, 0.1 * side
        mid = 9000 + np.cumsum(np.where(rng.random(20_000) < (1 + lean) / 2, 0.5, -0.5))
        found = judge([priced(mid)], [values], signal=mode(levels=(1.0,)), evaluation=evaluation, rng=rng).metrics
        inside += found["expectancy_low_ticks"] <= 1.0 <= found["expectancy_high_ticks"]
        means.append(found["expectancy_net_ticks"])
        assert found["p_random"] < 0.01
    assert abs(np.mean(means) - 1.0) <= 3 * np.std(means) / np.sqrt(len(means))
    assert rate_interval(inside, 40)[1] >= 0.95
