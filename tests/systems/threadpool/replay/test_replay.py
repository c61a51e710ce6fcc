"""The loop: when the policy is asked, what it is shown, and what the pool is told."""

from __future__ import annotations

import numpy as np
import pytest

from fairtrial.systems.threadpool.parameters import Control
from fairtrial.systems.threadpool.record import Look, Records, Tally, Tasks
from fairtrial.systems.threadpool.replay.replay import Replayed, replay


class Scripted:
    """A pool that does nothing but keep what it is told; each look is late by so much, once by much more."""

    def __init__(self, *, workers: int = 8, late_s: float = 0.0, stall: tuple[float, float] | None = None) -> None:
        self.workers, self.at_s, self.late_s, self.stall = workers, 0.0, late_s, stall
        self.resized: list[tuple[float, int]] = []

    def advance(self, until_s: float) -> None:
        """Be there at that instant, or as late as was said."""
        late_s = self.late_s
        if self.stall is not None and until_s >= self.stall[0]:
            late_s, self.stall = self.stall[1], None
        self.at_s = max(self.at_s, until_s + late_s)

    def resize(self, workers: int) -> None:
        """Keep what was asked for, and when."""
        self.workers = workers
        self.resized.append((self.at_s, workers))

    def look(self) -> Look:
        """Return an idle pool."""
        nothing = np.empty(0, np.int64)
        return Look(self.at_s, self.workers, 0, 0, 0, 0.0, 0.0, self.workers * self.at_s, nothing, np.empty(0))

    def records(self, since_s: float = 0.0) -> Records:
        """Return the records of no task."""
        none = np.empty(0)
        tally = Tally(since_s, self.at_s, 0.0, 0.0, 0.0, 0.0)
        return Records(Tasks(none, none, none), none, none, np.empty(0, bool), tally)


class Says:
    """A guarded policy that says sizes one after the other; a negative one is a fallback to the size of its value."""

    def __init__(self, *sizes: int, start: int = 8) -> None:
        self.start, self.fallbacks, self.sizes = start, 0, list(sizes)
        self.asked: list[tuple[float, np.ndarray]] = []

    def decide(self, now_s: float, features: np.ndarray) -> int:
        """Say the next size; the last one again and again."""
        self.asked.append((now_s, features))
        size = self.sizes.pop(0) if len(self.sizes) > 1 else self.sizes[0]
        self.fallbacks += size < 0
        return abs(size)


def test_it_is_asked_at_every_multiple_of_the_window():
    """Ten seconds at half a second are twenty decisions, the last at the end; features are one row of ten."""
    guard = Says(8)
    replayed = replay(Scripted(), guard, Control(window_s=0.5), until_s=10.0)
    assert replayed.at_s.tolist() == [0.5 * turn for turn in range(1, 21)]
    assert {features.shape for _, features in guard.asked} == {(10,)}
    assert len(replayed) == 20
    assert not replayed.changed.any()


@pytest.mark.parametrize("window_s", [0.1, 0.3, 0.7, 1 / 3])
def test_no_multiple_is_left_out_or_asked_twice_by_rounding(window_s):
    """Windows that are no binary fractions give one decision for each multiple, too."""
    replayed = replay(Scripted(), Says(8), Control(window_s=window_s), until_s=100.0)
    assert np.allclose(replayed.at_s, window_s * np.arange(1, len(replayed) + 1), rtol=1e-12)
    assert len(replayed) == int(100.0 / window_s)


def test_the_pool_is_told_changes_alone():
    """A size that is said again resizes nothing; each change is told once, at the instant of its decision."""
    pool = Scripted()
    replayed = replay(pool, Says(8, 16, 16, 4, 8), Control(window_s=1.0), until_s=7.0)
    assert pool.resized == [(2.0, 16), (4.0, 4), (5.0, 8)]
    assert replayed.workers.tolist() == [8, 16, 16, 4, 8, 8, 8]
    assert replayed.changed.tolist() == [False, True, False, True, True, False, False]


def test_decisions_that_a_slow_machine_missed_are_not_made_up_for():
    """A stall of 1.3 s costs the decisions that were due meanwhile; the later ones are on time again."""
    pool = Scripted(late_s=0.01, stall=(1.0, 1.3))
    replayed = replay(pool, Says(8), Control(window_s=0.5), until_s=4.0)
    assert np.allclose(replayed.at_s, [0.51, 2.3, 2.51, 3.01, 3.51, 4.01])


def test_fallbacks_are_those_of_their_decisions():
    """What the guard counted during a decision is that decision's."""
    replayed = replay(Scripted(), Says(8, -8, -8, 16), Control(window_s=1.0), until_s=4.0)
    assert replayed.fallback.tolist() == [False, True, True, False]


def test_a_replay_shorter_than_a_window_decides_nothing():
    """There is no decision, and no size but the first."""
    replayed = replay(Scripted(), Says(64), Control(window_s=2.0), until_s=1.9)
    assert len(replayed) == 0
    assert not replayed.changed.any()
    assert not replayed.during(0, 9).any()


def test_a_window_holds_the_decisions_after_its_begin_up_to_its_end():
    """Two windows that touch share no decision."""
    replayed = Replayed(8, np.arange(1.0, 7.0), np.full(6, 8), np.zeros(6, bool))
    first, second = replayed.during(0, 3), replayed.during(3, 6)
    assert first.tolist() == [True] * 3 + [False] * 3
    assert (first ^ second).all()
