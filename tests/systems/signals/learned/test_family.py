"""The learned signals at work: bin by bin as at once, blind to what comes, within bounds, and able to learn."""

from __future__ import annotations

import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from fairtrial.errors import MissingPart
from fairtrial.systems.signals.catalogue import LEARNED, signal
from fairtrial.systems.signals.learned import needs
from fairtrial.systems.signals.signal import Retrains, Signal

AHEAD, BLOCK = 10, 100
"""Bins that a sign is held against, and bins of a block, within which they are not independent."""


@pytest.fixture(scope="module")
def planted(market):
    """4,000 bins whose pressure foretells the mid, some without a book, some with an empty cell."""
    made = market(4000, edge=0.5)
    gone = np.random.default_rng(1).choice(4000, 60, replace=False)
    price, valid = made.bins.mid_price.copy(), made.bins.book_valid.copy()
    price[gone[:40]], valid[gone[:40]] = np.nan, False
    columns = made.columns | {"vacuum_variant": made.columns["vacuum_variant"].copy()}
    columns["vacuum_variant"][gone[40:], 49] = np.nan
    return replace(made, bins=replace(made.bins, mid_price=price, book_valid=valid), columns=columns)


@pytest.mark.parametrize("name", LEARNED)
def test_stream_equals_batch(name, planted, small):
    """Bin by bin the values are those made at once, after as many models, and the same seed gives them again."""
    found = signal(name)
    settings = small(found)
    values = found.batch(planted, settings, seed=3)
    stream = found.stream(settings, tick_size=0.25, bin_s=0.1, seed=3)
    stepped = np.array([stream.step(planted.bin(number)) for number in range(len(planted))])
    np.testing.assert_allclose(stepped, values, rtol=0, atol=1e-9)
    assert isinstance(found, Signal)
    assert isinstance(stream, Retrains)
    assert stream.retrained == len(range(settings.min_train_bins, 4001, settings.retrain_bins))
    assert np.isnan(values[: settings.min_train_bins]).all()
    without = ~planted.bins.book_valid | np.isnan(planted.columns["vacuum_variant"][:, 49])
    assert np.isnan(values[without]).all()
    assert np.isfinite(values[settings.min_train_bins :][~without[settings.min_train_bins :]]).all()


@pytest.mark.parametrize("name", LEARNED)
def test_future_changes_nothing(name, planted, small):
    """Whatever comes after a bin, mids included, the values up to it are the same."""
    found = signal(name)
    settings = small(found)
    market = planted.cut(0, 2400)
    values = found.batch(market, settings, seed=3)
    for last in (1099, 1200, 1737):
        order = np.arange(2400)
        order[last + 1 :] = np.random.default_rng(last).permutation(order[last + 1 :])
        bins = replace(market.bins, mid_price=market.bins.mid_price[order], book_valid=market.bins.book_valid[order])
        columns = {column: there[order] for column, there in market.columns.items()}
        other = found.batch(replace(market, bins=bins, columns=columns), settings, seed=3)
        np.testing.assert_array_equal(other[: last + 1], values[: last + 1])
        assert not np.array_equal(other[last + 1 :], values[last + 1 :], equal_nan=True)


@pytest.mark.parametrize("name", LEARNED)
def test_pieces_change_nothing(name, market, small):
    """However the bins are cut into pieces, larger than the window or not, the values are the same."""
    found = signal(name)
    settings = small(found, min_train_bins=1700)
    made = market(2600, edge=0.5)
    values = found.batch(made, settings, seed=1)
    learner = found._learner(settings, 1)
    cuts = [0, 1, 900, 1699, 1701, 1900, 1901, 2600]
    pieces = [made.cut(*ends) for ends in pairwise(cuts)]
    taken = [learner.take({name: one.columns[name] for name in found.columns}, one.mid_ticks) for one in pieces]
    np.testing.assert_array_equal(np.concatenate(taken), values)


@pytest.mark.parametrize("name", LEARNED)
def test_memory_is_bounded(name, market, small):
    """After 8,000 bins a stream is no more than a tenth larger than after 4,000."""
    found = signal(name)
    stream = found.stream(small(found), tick_size=0.25, bin_s=0.1, seed=0)
    made = market(8000, edge=0.5)
    columns = {name: made.columns[name] for name in found.columns}
    sizes = []
    for start in range(0, 8000, 4000):
        part = slice(start, start + 4000)
        stream._learner.take({name: there[part] for name, there in columns.items()}, made.mid_ticks[part])
        sizes.append(_size(stream, set()))
    assert sizes[0] > 100_000
    assert sizes[1] <= 1.1 * sizes[0]


def _size(thing, seen):
    """Return the bytes of an object and all that it holds, a library's trees as it would write them."""
    if id(thing) in seen or isinstance(thing, type) or hasattr(thing, "__code__"):
        return 0
    seen.add(id(thing))
    if isinstance(thing, np.ndarray):
        return sys.getsizeof(thing) if thing.base is None else _size(thing.base, seen)
    if hasattr(thing, "save_raw"):
        return len(thing.save_raw())
    if hasattr(thing, "model_to_string"):
        return len(thing.model_to_string())
    parts = list(thing) if isinstance(thing, (list, tuple, set)) else []
    parts += [*thing.keys(), *thing.values()] if isinstance(thing, dict) else []
    parts += list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    return sys.getsizeof(thing) + sum(_size(part, seen) for part in parts)


@pytest.mark.parametrize("name", LEARNED)
def test_learns_what_is_there(name, market, small):
    """Where pressure foretells the mid, the sign is right more often than not, by 4 standard errors of blocks."""
    assert _score(name, market(12_000, edge=0.5), small) > 4


@pytest.mark.parametrize("name", LEARNED)
def test_finds_nothing_in_noise(name, market, small):
    """Where nothing foretells the mid, the sign is right half of the time, within 3 standard errors of blocks."""
    assert abs(_score(name, market(12_000, edge=0.0), small)) < 3


def _score(name, market, small):
    """Return by how many standard errors signs agree with the next moves more often than not, out of sample."""
    found = signal(name)
    given = {} if name == "pca_ad" else {"max_train_rows": 8000, "min_train_bins": 4000, "retrain_bins": 2000}
    settings = small(found, **given, **({"full_bins": 4000} if name == "lsvm_der" else {}))
    values = found.batch(market, settings, seed=3) - (0.5 if found.mode == "probability" else 0.0)
    mids = market.mid_ticks
    moves = np.sign(mids[AHEAD:] - mids[:-AHEAD])
    signs = np.sign(values[:-AHEAD])
    right = np.where(np.isfinite(signs) & (signs * moves != 0), (signs == moves) - 0.5, np.nan)[4000:]
    blocks = right[: len(right) // BLOCK * BLOCK].reshape(-1, BLOCK)
    means = np.nanmean(blocks[np.isfinite(blocks).any(axis=1)], axis=1)
    return float(means.mean() / (means.std(ddof=1) / np.sqrt(len(means))))


@pytest.mark.parametrize("name", LEARNED)
def test_thresholds(name):
    """Thresholds ascend; a probability's are a half or more."""
    found = signal(name)
    levels = found.thresholds(np.zeros(3))
    assert list(levels) == sorted(set(levels))
    assert found.mode in ("probability", "confidence")
    assert levels[0] >= (0.5 if found.mode == "probability" else 0.0)


def test_missing_library(monkeypatch, market, small):
    """A library that is not installed is named with the command that brings it, before anything is done."""
    there = needs.find_spec
    monkeypatch.setattr(needs, "find_spec", lambda name: None if name == "xgboost" else there(name))
    found = signal("xgb_snap")
    with pytest.raises(MissingPart, match="'xgb_snap' needs xgboost-cpu") as caught:
        found.batch(market(10, edge=0.0), small(found), seed=0)
    assert caught.value.hint == "pip install 'fairtrial[signals]'"
    assert caught.value.exit_code == 8
