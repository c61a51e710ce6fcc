"""Nothing in the book tells where the mid goes at an edge of zero; at another edge it does, with the edge's sign.

What is known at bin i is f[i]. The sum of f[i] * (mid[i + h] - mid[i]) over i is that of F[j] * (mid[j] - mid[j - 1])
over j, where F[j] sums f over the h bins before j: known before the move. Where the mid is a martingale, so is the
sum, and over the root of the sum of squares it is normal in large samples, whatever f depends on and however the
volatility changes: no lags need to be chosen (self-normalised martingales; de la Pena, Lai and Shao 2009). In small
samples its mean is not quite 0 where f remembers moves for long (as in Dickey and Fuller's test), but that of the sum
itself is: whether there is a relation at all is asked of the sums of many seeds.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from fairtrial.systems.signals.catalogue import signal
from fairtrial.systems.signals.generate.flow import flow
from fairtrial.systems.signals.generate.market import market
from fairtrial.systems.signals.record import ADD, BID, CANCEL, FILL
from fairtrial.systems.signals.words import Synthetic

HORIZONS = (1, 10, 100)
EDGES = (0, 1, 4, 12, 24)
"""Distances from the best quote at which bands begin."""
KIND = np.array([{ADD: 0, CANCEL: 1, FILL: 2}.get(action, -1) for action in range(5)])
FORMULAS = ("ads", "spg", "erd", "pfp", "jad", "iirc", "msd", "perm_derivative", "ads_pfp_svac")


def relation(values, mid, horizon):
    """Relation of values to the change of the mid over the next bins: the sum, and its deviation if there is none."""
    known = np.cumsum(np.nan_to_num(values))
    known[horizon:] -= known[:-horizon].copy()
    terms = known[:-1] * np.diff(mid)
    return terms.sum(), np.sqrt(np.sum(terms**2))


def smooth(values, bins):
    """Mean of the last so many bins."""
    total = np.cumsum(values)
    return np.append(total[:bins], total[bins:] - total[:-bins]) / bins


def features(synthetic, seed, known):
    """Name -> what a bin knows: imbalances of adds, pulls and fills by band, moves of the quotes, past returns."""
    events, truth = flow(synthetic, np.random.default_rng(seed)), known(synthetic, seed)
    elapsed = events.ts_ns - events.ts_ns[0]
    bins = elapsed // round(synthetic.bin_s * 1e9)
    best = truth.path.quotes[np.searchsorted(truth.path.at_s, elapsed / 1e9, side="right") - 1]
    ticks = events.price // 250_000_000 - events.price[1] // 250_000_000
    distance = np.where(events.side == BID, best[:, 0] - ticks, ticks - best[:, 1])
    sign = np.where(events.side == BID, 1.0, -1.0) * events.size
    names = [f"{name} {low}-{high}" for name in ("adds", "pulls", "fills") for low, high in pairwise(EDGES)]
    band = np.digitize(distance, EDGES) - 1
    used = (elapsed > 0) & (band >= 0) & (band < len(EDGES) - 1) & (KIND[events.action] >= 0)
    place = (bins * len(names) + KIND[events.action] * (len(EDGES) - 1) + band)[used]
    sign = np.where(events.side == BID, events.size, -events.size)[used]
    sums = np.bincount(place, sign, synthetic.bins * len(names)).reshape(-1, len(names))
    flows = {name: column.copy() for name, column in zip(names, sums.T, strict=True)}
    found = {"intent": truth.intent} | {name: flows[name] for name in names[: 2 * len(EDGES) - 1]}
    found |= {f"{name}, ten bins": smooth(values, 10) for name, values in list(found.items())[1:]}
    pushes = found["adds 1-4"] + found["adds 4-12"] - found["pulls 1-4"] - found["pulls 4-12"]
    moves = np.diff(truth.quotes, axis=0, prepend=truth.quotes[:1])
    found |= {"net flow, a second": smooth(pushes, 10), "net flow, five seconds": smooth(pushes, 50)}
    found |= {"bid moves": moves[:, 0], "ask moves": moves[:, 1], "one side moves": moves[:, 0] - moves[:, 1]}
    found |= {f"return over {past}": smooth(moves.mean(axis=1), past) for past in HORIZONS}
    found["spread, signed by the last move"] = np.diff(truth.quotes, axis=1)[:, 0] * np.sign(
        smooth(moves.sum(axis=1), 5)
    )
    return found, truth.mid


def related(measured, count):
    """(name, horizon) -> its relations over so many seeds, (count, 2); `measured`: seed -> features and mid."""
    found = {}
    for seed in range(count):
        values, mid = measured(seed)
        for name, each in values.items():
            for horizon in HORIZONS:
                found.setdefault((name, horizon), []).append(relation(each, mid, horizon))
    return {place: np.array(relations) for place, relations in found.items()}


def normals(relations):
    """The sums over their standard deviations."""
    return relations[:, 0] / relations[:, 1]


def judged(found, count):
    """Check that alarms are as rare as they should be, one by one and in all, and that the sums' mean is nothing."""
    alarms = {place: int(np.sum(np.abs(normals(each)) > stats.norm.ppf(0.975))) for place, each in found.items()}
    rare = {place: stats.binomtest(number, count, 0.05, "greater").pvalue for place, number in alarms.items()}
    none = {place: stats.ttest_1samp(each[:, 0], 0.0).pvalue for place, each in found.items()}
    loudest, strongest = min(rare, key=rare.get), min(none, key=none.get)
    assert len(found) * rare[loudest] > 0.01, (loudest, alarms[loudest])
    assert len(found) * none[strongest] > 0.01, (strongest, none[strongest])
    assert 0.03 < sum(alarms.values()) / (count * len(found)) < 0.07


@pytest.mark.parametrize(
    ("bins", "count"), [(2000, 200), pytest.param(3000, 1000, marks=pytest.mark.long)], ids=["short", "long"]
)
def test_nothing_foretells_at_zero_edge(bins, count, known):
    """Flow by band, moves, past returns, the hidden intent itself: no relation to the next 1, 10, 100 bins."""
    asked = Synthetic(bins=bins)
    judged(related(lambda seed: features(asked, seed, known), count), count)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_no_formula_foretells_at_zero_edge():
    """Nine signals and depth by band have no relation to the next 1, 10, 100 bins; 200 seeds."""
    signals = [signal(name) for name in FORMULAS]
    columns = sorted({"bid_depth", "ask_depth", *(column for one in signals for column in one.columns)})

    def measured(seed):
        made = market(Synthetic(bins=2000), np.random.default_rng(seed), columns=columns)
        found = {one.name: one.batch(made, one.Parameters(), seed=0) for one in signals}
        depth = made.columns["bid_depth"] - made.columns["ask_depth"]
        for reach in (2, 10, 40):
            found[f"depth within {reach}"] = depth[:, 50 - reach : 51 + reach].sum(axis=1)
        return found, made.mid_ticks

    found = related(measured, 200)
    assert all((each[:, 1] > 0).all() for each in found.values())
    judged(found, 200)


def test_a_lagging_market_would_be_caught(known):
    """The same check finds what a book that follows its value late would leave: a tenth of a bounce is enough."""
    asked = Synthetic(bins=2000)

    def bouncing(seed):
        values, mid = features(asked, seed, known)
        moves = np.diff(mid, prepend=mid[0])
        return values, np.cumsum(moves - 0.1 * np.append(0, moves[:-1]))

    with pytest.raises(AssertionError, match=r"moves|return"):
        judged(related(bouncing, 60), 60)


@pytest.mark.parametrize("edge", [-0.5, -0.2, 0.2, 0.5])
def test_an_edge_foretells_with_its_sign(edge, known):
    """Net flow near the spot and the intent are related to the next second and the next ten, as the edge says."""
    found = related(lambda seed: features(Synthetic(bins=4000, edge=edge), seed, known), 16)
    for name in ("intent", "net flow, a second", "fills 0-1, ten bins"):
        for horizon in (10, 100):
            sign = -1 if name.startswith("fills") else 1
            assert np.sign(edge) * sign * normals(found[name, horizon]).mean() > 3 / np.sqrt(16), (name, horizon)


def test_more_edge_foretells_more(known):
    """The relation grows with the edge."""
    means = []
    for edge in (0.1, 0.4, 1.0):
        found = related(lambda seed, edge=edge: features(Synthetic(bins=4000, edge=edge), seed, known), 20)
        means.append(normals(found["net flow, a second", 10]).mean())
    assert means == sorted(means)
    assert means[0] > 0.5


def trades(edge, known, count):
    """Gross ticks of trades on net flow, seed by seed: entered a bin after it becomes strong, +8 or -4 ticks."""
    found = []
    for seed in range(count):
        values, mid = features(Synthetic(bins=12_000, edge=edge), seed, known)
        flown = values["net flow, a second"]
        state = np.where(np.abs(flown) > 1.2 * flown[600:].std(), np.sign(flown), 0)
        fired = np.flatnonzero((state[1:] != state[:-1]) & (state[1:] != 0)) + 1
        fired = fired[(fired > 600) & (fired < len(mid) - 1300)]
        found.append(np.mean([walked(mid, entry + 1, state[entry]) for entry in fired]))
    return np.array(found)


def walked(mid, entry, side):
    """Change of the mid from an entry to +8 or -4 ticks, or to its time-out."""
    gains = side * (mid[entry + 1 : entry + 1201] - mid[entry])
    ends = np.flatnonzero((gains >= 8) | (gains <= -4))
    return gains[ends[0] if len(ends) else -1]


def test_an_edge_of_one_beats_costs(known):
    """A plain signal earns more than 2 ticks a trade between mids at an edge of 1, and nothing at 0; costs are 1.5."""
    much, none = trades(1.0, known, 12), trades(0.0, known, 12)
    error = stats.sem(much), stats.sem(none)
    assert much.mean() - 3 * error[0] > 2.0
    assert abs(none.mean()) < 3 * error[1]
