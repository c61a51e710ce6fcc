"""Closed loop: look at a pool, ask the policy, resize, until the last task has arrived."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from fairtrial.stats.summary import Floats, Integers, Mask
from fairtrial.systems.threadpool.parameters import Control
from fairtrial.systems.threadpool.record import Adjustable, Look
from fairtrial.systems.threadpool.telemetry.window import Window


class Decides(Protocol):
    """A policy under its guard: what `reflex.guard.Guard` is."""

    start: int
    """The size before the first decision."""
    fallbacks: int
    """Decisions so far that were not left to the policy, because it was not made for what it saw."""

    def decide(self, now_s: float, features: Floats) -> int:
        """Return the size from now on, seeing one row of telemetry (10,)."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What the policy did: one entry a decision, in order of time."""

    start: int
    """Workers before the first decision."""
    at_s: Floats
    """When it was asked; in real time a little after it was due."""
    workers: Integers
    """The size from that instant on."""
    fallback: Mask
    """The telemetry was outside what the policy was made for."""

    def __len__(self) -> int:
        return len(self.at_s)

    @property
    def changed(self) -> Mask:
        """Say of each decision whether it changed the size."""
        changed: Mask = np.diff(self.workers, prepend=self.start) != 0
        return changed

    def during(self, since_s: float, until_s: float) -> Mask:
        """Say of each decision whether it was made in this window, its end included."""
        return (self.at_s > since_s) & (self.at_s <= until_s)


def replay(pool: Adjustable, guard: Decides, control: Control, *, until_s: float) -> Replayed:
    """Ask the policy every `control.window_s` until `until_s`, and resize the pool when it says so.

    Decisions are due at whole multiples of the window; one that a slow machine could not make in time is left out, not
    made up for. What is left of the work after `until_s` is done at the last size.
    """
    window = Window(control.telemetry_s)
    pool.advance(0.0)
    window.features(pool.look(), pool)
    size, made = guard.start, []
    for look in _looks(pool, control.window_s, until_s):
        before = guard.fallbacks
        chosen = guard.decide(look.at_s, window.features(look, pool))
        if chosen != size:
            pool.resize(chosen)
        size = chosen
        made.append((look.at_s, size, guard.fallbacks > before))
    at_s, workers, fallback = zip(*made, strict=True) if made else ((), (), ())
    return Replayed(guard.start, np.array(at_s, float), np.array(workers, np.int64), np.array(fallback, bool))


def _looks(pool: Adjustable, window_s: float, until_s: float) -> Iterator[Look]:
    """Let the pool work from one due decision to the next; it is resized between two looks."""
    turn = 1
    while turn * window_s <= until_s:
        pool.advance(turn * window_s)
        look = pool.look()
        yield look
        turn = 1 + max(turn, int(look.at_s / window_s))
