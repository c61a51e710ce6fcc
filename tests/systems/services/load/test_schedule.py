"""Arrivals: as many as asked, from the seed alone, the shares of the processes together again the whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from fairtrial.errors import SpecError, UserError
from fairtrial.systems.services.load.schedule import arrivals, share
from fairtrial.systems.services.load.words import Load


def opened(**more) -> Load:
    return Load(**({"mode": "open", "rate_per_s": 100.0, "duration_s": 10.0, "warmup_s": 2.0} | more))


@pytest.mark.parametrize("kind", ["poisson", "constant", "bursty"])
def test_count_is_the_rate_times_the_time(kind):
    """Every seed offers exactly round(rate x time), in the warm-up and in the window each, in order."""
    for seed in range(5):
        due = arrivals(opened(arrivals=kind, rate_per_s=33.3), seed)
        assert due.dtype == np.int64
        assert np.count_nonzero(due < 2e9) == 67
        assert np.count_nonzero(due >= 2e9) == 333
        assert due.min() >= 0
        assert due.max() <= 12e9
        assert np.all(np.diff(due) >= 0)


def test_seed_decides():
    """The same seed gives the same schedule, another one another."""
    one, same, other = (arrivals(opened(), seed) for seed in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_poisson_gaps_are_exponential():
    """Gaps of a long Poisson schedule pass a Kolmogorov-Smirnov test against the exponential distribution."""
    due = arrivals(opened(rate_per_s=1000.0, warmup_s=0.0), 0) * 1e-9
    assert stats.kstest(np.diff(due), stats.expon(scale=1e-3).cdf).pvalue > 0.01


def test_constant_gaps_are_constant():
    """Constant arrivals are one period apart, to a nanosecond."""
    gaps = np.diff(arrivals(opened(arrivals="constant", rate_per_s=2000.0, warmup_s=0.0), 0))
    assert set(gaps.tolist()) == {500_000}


@pytest.mark.parametrize("shape", [0.25, 1.0, 4.0])
def test_bursts_have_the_declared_variation(shape):
    """Gamma gaps of shape b have a coefficient of variation of b^-1/2."""
    gaps = np.diff(arrivals(opened(arrivals="bursty", burstiness=shape, rate_per_s=5000.0, warmup_s=0.0), 0))
    assert gaps.std() / gaps.mean() == pytest.approx(shape**-0.5, rel=0.05)


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_shares_are_the_whole(processes):
    """The shares of all processes are the schedule, each arrival once, with its index."""
    due = arrivals(opened(), 3)
    shares = [share(due, worker, processes) for worker in range(processes)]
    index = np.concatenate([one[0] for one in shares])
    assert sorted(index.tolist()) == list(range(len(due)))
    assert np.array_equal(np.concatenate([one[1] for one in shares])[np.argsort(index)], due)


def test_trace_is_read(tmp_path):
    """A trace is a time in seconds a line; what lies beyond the window is left out."""
    file = tmp_path / "trace.txt"
    file.write_text("0.5\n\n2.25\n1e1\n99\n")
    due = arrivals(opened(arrivals="trace", trace=str(file), rate_per_s=None), 0)
    assert due.tolist() == [500_000_000, 2_250_000_000, 10_000_000_000]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [("0.5\nsoon\n", 2, "'soon' is not a time"), ("1\n2\n1.5\n", 3, "does not go back"), ("1\nnan\n", 2, "not a time")],
)
def test_malformed_trace(tmp_path, text, line, what):
    """A malformed line is named with file and number."""
    file = tmp_path / "trace.txt"
    file.write_text(text)
    with pytest.raises(SpecError, match=what) as caught:
        arrivals(opened(arrivals="trace", trace=str(file), rate_per_s=None), 0)
    assert str(caught.value).startswith(f"{file}:{line}: ")


def test_missing_trace(tmp_path):
    """A trace that is not there is the user's mistake."""
    with pytest.raises(UserError, match="cannot be read"):
        arrivals(opened(arrivals="trace", trace=str(tmp_path / "none"), rate_per_s=None), 0)


def test_nothing_offered():
    """A load whose window would be empty is refused."""
    with pytest.raises(UserError, match="offers no request"):
        arrivals(opened(rate_per_s=0.01), 0)
